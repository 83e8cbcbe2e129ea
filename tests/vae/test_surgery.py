"""ELBO surgery against closed forms, numerical integration, and the rate of the shipped models."""

from __future__ import annotations

from math import exp, log, pi
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vae.analysis import aggregate
from vae.analysis.aggregate import components, draw, log_aggregate, log_sum_exp
from vae.analysis.surgery import surgery
from vae.errors import InputError
from vae.files.held_out import FILE_NAME, read_held_out
from vae.gaussian import DiagonalGaussian

pytestmark = pytest.mark.usefixtures("one_thread")

GALLERY = Path(__file__).parents[2] / "assets" / "gallery"


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussians(mu: Tensor, sigma: float) -> DiagonalGaussian:
    return DiagonalGaussian(mu, torch.full_like(mu, 2 * log(sigma)))


def random_posteriors(n: int, k: int) -> DiagonalGaussian:
    mu = torch.randn(n, k, generator=generator(1), dtype=torch.float64)
    return DiagonalGaussian(mu, torch.randn(n, k, generator=generator(2), dtype=torch.float64) - 2)


def grid(reach: float, step: float, k: int) -> Tensor:
    axis = torch.arange(-reach, reach, step, dtype=torch.float64)
    return torch.cartesian_prod(*[axis] * k).reshape(-1, k)


def densities(z: Tensor, q: DiagonalGaussian) -> Tensor:
    """q(z_i|x_n), written out: (M, N, k)."""
    sigma = (q.logvar / 2).exp()
    return (-0.5 * ((z[:, None] - q.mu) / sigma) ** 2).exp() / (sigma * (2 * pi) ** 0.5)


# ---- the mixture ----------------------------------------------------------------------------------------------------


def test_the_aggregate_posterior_is_the_mean_of_the_densities(monkeypatch) -> None:
    q, z = random_posteriors(40, 3), torch.randn(23, 3, generator=generator(3), dtype=torch.float64)
    expected = densities(z, q).prod(2).mean(1).log()
    torch.testing.assert_close(log_aggregate(z, q), expected, rtol=1e-10, atol=1e-10)
    monkeypatch.setattr(aggregate, "CHUNK", 1)
    torch.testing.assert_close(log_aggregate(z, q), expected, rtol=1e-10, atol=1e-10)


def test_the_sum_of_exps_is_that_of_torch_also_far_below_what_a_float_can_hold() -> None:
    logs = torch.randn(50, 30, generator=generator(), dtype=torch.float64) * 2000 - 5000
    torch.testing.assert_close(log_sum_exp(logs.clone()), logs.logsumexp(1), rtol=1e-14, atol=0)


def test_draws_go_round_all_images() -> None:
    q = gaussians(torch.arange(5.0, dtype=torch.float64)[:, None] * 100, 1.0)
    z, source = draw(q, 12, generator())
    assert sorted(source[:5].tolist()) == sorted(source[5:10].tolist()) == [0, 1, 2, 3, 4]
    assert ((z[:, 0] / 100).round() == source).all()


@pytest.mark.parametrize(
    ("mu", "logvar"),
    [
        (torch.zeros(5, 2), torch.zeros(5, 3)),
        (torch.zeros(1, 2), torch.zeros(1, 2)),
        (torch.zeros(5), torch.zeros(5)),
        (torch.full((5, 2), torch.nan), torch.zeros(5, 2)),
        (torch.zeros(5, 2), torch.full((5, 2), -6e4)),
    ],
)
def test_what_is_no_aggregate_posterior_is_refused(mu, logvar) -> None:
    with pytest.raises(InputError):
        components(DiagonalGaussian(mu, logvar))


# ---- closed forms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 7])
def test_equal_posteriors_say_nothing_of_the_image(k) -> None:
    """The mixture is one Gaussian: mutual information and total correlation are 0 at every draw, the rest is its KL."""
    q = gaussians(torch.full((50, k), 0.7), 0.4)
    found = surgery(q, 3000, generator())
    assert abs(found.terms.index_code_mi) < 1e-12
    assert abs(found.terms.total_correlation) < 1e-12
    kl = k * 0.5 * (0.49 + 0.16 - 1 - log(0.16))
    assert abs(found.terms.dimension_wise_kl - kl) < 3 * found.standard_error.dimension_wise_kl
    assert found.standard_error.dimension_wise_kl < 0.03 * k


@pytest.mark.parametrize("k", [1, 2, 3])
def test_two_far_clusters_are_one_bit_told_by_every_dimension(k) -> None:
    """I = ln 2; each marginal holds the bit, so TC = (k − 1) ln 2; what is left is k KL(two modes ‖ prior)."""
    mu = torch.tensor([[-8.0] * k, [8.0] * k]).repeat(20, 1)
    found = surgery(gaussians(mu, 0.5), 2000, generator())
    assert found.terms.index_code_mi == pytest.approx(log(2), abs=1e-9)  # the clusters are 32 sigma apart
    assert found.terms.total_correlation == pytest.approx((k - 1) * log(2), abs=1e-9)
    rate = k * 0.5 * (64 + 0.25 - 1 - log(0.25))
    assert abs(found.terms.dimension_wise_kl - (rate - k * log(2))) < 3 * found.standard_error.dimension_wise_kl


def test_codes_far_apart_are_told_apart_and_ln_n_is_the_most_that_can_be_told() -> None:
    mu = 10 * torch.arange(30.0)[:, None]
    assert surgery(gaussians(mu, 0.01), 500, generator()).terms.index_code_mi == pytest.approx(log(30), abs=1e-12)
    for sigma in (1.0, 5.0, 50.0):
        assert 0 <= surgery(gaussians(mu, sigma), 500, generator()).terms.index_code_mi < log(30)


def test_a_gaussian_aggregate_posterior_is_taken_apart_in_closed_form() -> None:
    """Means from N(0, S) by Sobol points, sigma² = 0.2: q(z) = N(0, C) with C = S + 0.2 I.

    I = ½ ln det(C / 0.2), TC = −½ ln det of C's correlations, the rest Σ KL(N(0, C_ii) ‖ N(0, 1)). 4096 Sobol points
    leave q(z) smooth to within 0.01 nats of the Gaussian where sigma is 0.4 of the spread.
    """
    S = torch.tensor([[0.9, 0.6], [0.6, 0.7]], dtype=torch.float64)
    uniform = torch.quasirandom.SobolEngine(2, scramble=True, seed=1).draw(4096, dtype=torch.float64)
    mu = torch.special.ndtri(uniform.clamp(1e-9, 1 - 1e-9)) @ torch.linalg.cholesky(S).T
    found = surgery(gaussians(mu, 0.2**0.5), 6000, generator())
    C = S + 0.2 * torch.eye(2)
    scales = C.diagonal()
    expected = {
        "index_code_mi": 0.5 * log(torch.linalg.det(C / 0.2)),
        "total_correlation": -0.5 * log(torch.linalg.det(C) / scales.prod()),
        "dimension_wise_kl": 0.5 * (scales - 1 - scales.log()).sum().item(),
    }
    for name, value in expected.items():
        error = getattr(found.standard_error, name)
        assert abs(getattr(found.terms, name) - value) < 3 * error + 0.01, name
        assert error < 0.02
    assert found.terms.total_correlation > 0.2


@pytest.mark.parametrize("k", [1, 2])
def test_every_term_is_what_numerical_integration_says(k) -> None:
    """Riemann sums on a grid of a third of the least sigma, which for Gaussians are exact to 1e-8."""
    q = DiagonalGaussian(random_posteriors(6, k).mu, torch.full((6, k), 2 * log(0.3), dtype=torch.float64))
    q = DiagonalGaussian(q.mu, q.logvar + torch.linspace(0, 1, 6, dtype=torch.float64)[:, None])
    z, volume = grid(7.0, 0.1, k), 0.1**k
    each = densities(z, q)
    own, mixture, marginals = each.prod(2), each.prod(2).mean(1), each.mean(1).prod(1)
    prior = (-0.5 * (z**2).sum(1)).exp() / (2 * pi) ** (k / 2)

    def integral(density: Tensor, a: Tensor, b: Tensor) -> float:
        tiny = 1e-290
        return (density * ((a + tiny).log() - (b + tiny).log())).sum().item() * volume

    expected = {
        "index_code_mi": np.mean([integral(one, one, mixture) for one in own.T]),
        "total_correlation": integral(mixture, mixture, marginals),
        "dimension_wise_kl": integral(mixture, marginals, prior),
        "marginal_kl": integral(mixture, mixture, prior),
        "rate": q.kl_per_dim().sum(1).mean().item(),
    }
    assert expected["rate"] == pytest.approx(expected["index_code_mi"] + expected["marginal_kl"], abs=1e-7)
    found = surgery(q, 20_000, generator())
    for name, value in expected.items():
        error = getattr(found.standard_error, name)
        assert abs(getattr(found.terms, name) - value) < 3 * error + 1e-9, name
        assert error < 0.02


# ---- what holds always ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["digits-2d", "mnist-2d", "mnist-10d"])
def test_the_terms_of_a_shipped_model_add_up_to_its_rate(name) -> None:
    held_out = read_held_out(GALLERY / name / FILE_NAME)
    q = DiagonalGaussian(torch.from_numpy(held_out.mu), torch.from_numpy(held_out.logvar))
    terms, error, draws, images = surgery(q, 1500, generator())
    rate = q.kl_per_dim().sum(1).mean().item()
    assert abs(terms.rate - rate) < 3 * error.rate
    assert error.rate < 0.02 * rate
    three = terms.index_code_mi + terms.total_correlation + terms.dimension_wise_kl
    assert three == pytest.approx(terms.rate, abs=1e-9)
    assert terms.marginal_kl == pytest.approx(terms.total_correlation + terms.dimension_wise_kl, abs=1e-9)
    assert (draws, images) == (1500, len(q.mu))
    assert 0 < terms.index_code_mi < log(images)
    assert terms.total_correlation > -3 * error.total_correlation
    assert terms.dimension_wise_kl > -3 * error.dimension_wise_kl


def test_the_standard_error_is_what_repetitions_vary_by() -> None:
    q = random_posteriors(2000, 2)
    runs = [surgery(q, 200, generator(s)) for s in range(40)]
    for name in runs[0].terms._fields:
        varied = np.std([getattr(run.terms, name) for run in runs], ddof=1)
        stated = np.mean([getattr(run.standard_error, name) for run in runs])
        assert 0.7 < varied / stated < 1.35, name  # an sd of 40 values is known to 11%


def test_numbers_are_seeded_and_plain() -> None:
    q = random_posteriors(100, 2)
    first, again, other = (surgery(q, 100, generator(s)).as_json() for s in (1, 1, 2))
    assert first == again != other
    assert set(first) == {
        "index_code_mi", "total_correlation", "dimension_wise_kl", "marginal_kl", "rate", "standard_error", "draws",
        "images",
    }  # fmt: skip
    assert all(isinstance(v, float) for v in first["standard_error"].values())
    assert exp(first["index_code_mi"]) <= 100
