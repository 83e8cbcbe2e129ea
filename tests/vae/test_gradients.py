"""Estimators of ∇ E_q f: unbiased, as noisy as their closed forms say, and good enough to fit q with."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from vae.errors import InputError
from vae.gaussian import DiagonalGaussian
from vae.inference.full_gaussian import FullGaussian, full
from vae.inference.gradients import (
    exact,
    expectation,
    fit,
    flat,
    forward_kl,
    mean_field,
    mean_field_kl,
    moment_matched,
    moments,
    reverse_kl,
    single,
    standard,
    variance_of_square,
)
from vae.inference.targets import Target, banana, correlated, gaussian, ring, square, two_modes

pytestmark = pytest.mark.usefixtures("one_thread")

MILLION = 1_000_000


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def diagonal(mu: list[float], sigma: list[float]) -> DiagonalGaussian:
    return DiagonalGaussian(torch.tensor(mu).double(), 2 * torch.tensor(sigma).double().log())


FULL = FullGaussian(torch.tensor([0.6, -0.4]).double(), torch.tensor([[0.8, 0.0], [0.5, 0.6]]).double())
DIAGONAL = diagonal([0.6, -0.4], [0.8, 0.5])


# ---- closed forms of z² and ‖z‖² -------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ["score", "baseline", "leave-one-out", "pathwise"])
@pytest.mark.parametrize(("mu", "sigma"), [(1.5, 0.7)])
def test_means_and_variances_of_z_squared_at_a_million_draws(estimator, mu, sigma) -> None:
    f, q = square(), diagonal([mu], [sigma])
    found = moments(f, q, estimator, MILLION, generator(1), baseline=expectation(f, q))
    torch.testing.assert_close(found.mean, torch.tensor([2 * mu, 2 * sigma]).double(), rtol=0.05, atol=0)
    m, s = mu**2, sigma**2
    written_out = {
        "pathwise": (4 * s, 4 * m + 8 * s),
        "score": (m**2 / s + 14 * m + 15 * s, 2 * m**2 / s + 60 * m + 74 * s),
        "baseline": (8 * m + 10 * s, None),
        "leave-one-out": (8 * m + 10 * s, None),  # of 32,768 draws
    }[estimator]
    closed = variance_of_square(estimator, q.mu, sigma, 32_768)
    for i, (by_hand, by_library) in enumerate(zip(written_out, closed, strict=True)):
        assert by_hand is None or by_library * 32_768 == pytest.approx(by_hand, rel=1e-3)
        assert found.covariance[i, i].item() == pytest.approx(by_library * 32_768, rel=0.05)


@pytest.mark.parametrize("estimator", ["score", "baseline", "pathwise"])
@pytest.mark.parametrize("dims", [3, 8])
def test_variances_grow_with_dimension_as_their_closed_forms(estimator, dims) -> None:
    f, sigma = square(dims), 0.8
    for mu in ([0.0] * dims, [0.7, *[-0.3] * (dims - 1)]):
        q = diagonal(mu, [sigma] * dims)
        found = moments(f, q, estimator, 300_000, generator(2), baseline=expectation(f, q)).covariance.diagonal()
        closed = variance_of_square(estimator, q.mu, sigma)
        assert found[0].item() == pytest.approx(closed.mu, rel=0.05)
        assert found[dims].item() == pytest.approx(closed.sigma, rel=0.05)
        if not any(mu):
            wanted = 4 * sigma**2 if estimator == "pathwise" else sigma**2 * (dims + 2) * (dims + 4)
            assert estimator == "baseline" or closed.mu == pytest.approx(wanted)


@pytest.mark.parametrize("estimator", ["score", "baseline", "leave-one-out", "pathwise"])
def test_the_variance_of_a_mean_of_n_draws(estimator) -> None:
    """20,000 means of 4 draws: the leave-one-out terms hang together, so their mean is no n-th of one of them."""
    f, q, n, times = square(2), diagonal([0.9, 0.4], [0.7, 0.7]), 4, 20_000
    zeta = torch.randn((times, n, 2), generator=generator(3), dtype=torch.float64)
    if estimator == "leave-one-out":
        terms = [flat(q, single(f, q, estimator, some)).mean(0) for some in zeta[:6000]]
        means = torch.stack(terms)
    else:
        singles = flat(q, single(f, q, estimator, zeta.flatten(0, 1), expectation(f, q)))
        means = singles.unflatten(0, (times, n)).mean(1)
    closed = variance_of_square(estimator, q.mu, 0.7, n)
    variances = means.var(0)
    assert variances[0].item() == pytest.approx(closed.mu, rel=0.1)
    assert variances[2].item() == pytest.approx(closed.sigma, rel=0.15)  # heavy tails: its own error is 4%


# ---- unbiased for any target -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("q", [DIAGONAL, FULL], ids=["diagonal", "full"])
@pytest.mark.parametrize("make", [lambda: correlated(0.7), two_modes, banana, ring])
def test_every_estimator_has_the_exact_gradient_as_its_mean(make, q) -> None:
    f = make().log_density
    wanted, n = flat(q, exact(f, q)), 40_000
    for seed, estimator in enumerate(("score", "baseline", "leave-one-out", "pathwise")):
        found = moments(f, q, estimator, n, generator(seed), baseline=expectation(f, q) + 0.3)  # any number will do
        error = (found.covariance.diagonal() / n).sqrt()
        assert ((found.mean - wanted).abs() < 4.5 * error + 1e-4).all(), estimator


@pytest.mark.parametrize("q", [DIAGONAL, FULL], ids=["diagonal", "full"])
@pytest.mark.parametrize("make", [two_modes, banana, ring])
def test_the_exact_gradient_is_the_slope_of_the_expectation(make, q) -> None:
    f, h = make().log_density, 1e-5
    gradient = exact(f, q)
    wide = full(q)
    for i in range(2):
        step = torch.zeros(2).double()
        step[i] = h
        ends = [expectation(f, FullGaussian(wide.mu + s * step, wide.tril)) for s in (1, -1)]
        assert gradient.mu[i].item() == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-6)
        ends = [expectation(f, FullGaussian(wide.mu, wide.tril + s * torch.diag(step))) for s in (1, -1)]
        on_diagonal = gradient.scale if gradient.scale.ndim == 1 else gradient.scale.diagonal()
        assert on_diagonal[i].item() == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-6)


def test_the_closed_form_of_a_quadratic_is_that_of_quadrature() -> None:
    f = gaussian(torch.tensor([0.3, -1.0]), torch.tensor([[1.0, 0.5], [0.5, 2.0]])).log_density
    for q in (DIAGONAL, FULL):
        by_grid = exact(lambda z: f(z), q)
        for a, b in zip(exact(f, q), by_grid, strict=True):
            torch.testing.assert_close(a, b, atol=1e-6, rtol=0)  # beyond 6 sigma lie 1e-8
        assert expectation(f, q) == pytest.approx(expectation(lambda z: f(z), q), abs=1e-6)


def test_batches_make_no_difference_to_moments() -> None:
    f, q = banana().log_density, DIAGONAL
    found, noise = moments(f, q, "pathwise", 1000, generator(), batch=96), generator()
    sizes = [96] * 10 + [40]
    zeta = torch.cat([torch.randn((n, 2), generator=noise, dtype=torch.float64) for n in sizes])
    rows = flat(q, single(f, q, "pathwise", zeta))
    torch.testing.assert_close(found.mean, rows.mean(0))
    torch.testing.assert_close(found.covariance, torch.cov(rows.T))


# ---- fitting ---------------------------------------------------------------------------------------------------------


def last(steps: int, *arguments, **options):
    return next(islice(fit(*arguments, **options), steps, None))


def test_mean_field_on_a_correlated_gaussian_is_too_narrow() -> None:
    """rho 0.9: variances 1/(Σ⁻¹)_ii = 0.19 where they are 1, and a KL of 0.8304 that nothing diagonal can go below."""
    target = correlated(0.9)
    covariance = torch.tensor([[1.0, 0.9], [0.9, 1.0]])
    torch.testing.assert_close(mean_field(covariance), torch.tensor([0.19, 0.19]).double(), atol=1e-7, rtol=0)
    assert mean_field_kl(covariance) == pytest.approx(0.8304, abs=5e-5)
    q = last(600, target, standard(2, 1.0, 0.6), "exact", rate=0.03).q
    torch.testing.assert_close(q.mu, torch.zeros(2).double(), atol=1e-3, rtol=0)
    torch.testing.assert_close(q.sigma**2, torch.tensor([0.19, 0.19]).double(), atol=1e-3, rtol=0)
    assert reverse_kl(target, q) == pytest.approx(0.8304, abs=1e-3)
    wide = last(400, target, standard(2, 1.0, 0.6), "exact", rate=0.03, objective="forward").q
    torch.testing.assert_close(wide.sigma, torch.ones(2).double(), atol=5e-3, rtol=0)
    assert moment_matched(target).sigma[0].item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("estimator", ["score", "baseline", "leave-one-out", "pathwise"])
def test_every_estimator_fits(estimator) -> None:
    target, start = gaussian(torch.tensor([1.0, -1.0]), torch.diag(torch.tensor([0.25, 1.0]))), standard(2)
    draws = 1000 if estimator == "score" else 100
    found = last(300, target, start, estimator, draws, 0.03, generator=generator(5))
    assert found.singles is not None
    assert found.singles.mu.shape == (draws, 2)
    torch.testing.assert_close(found.gradient.mu, found.singles.mu.mean(0))
    assert reverse_kl(target, found.q) < 0.02


def test_a_full_q_closes_the_divergence_from_any_gaussian() -> None:
    target = correlated(0.9)
    start = FullGaussian(torch.ones(2).double(), 0.5 * torch.eye(2).double())
    for objective in ("reverse", "forward"):
        found = last(700, target, start, "exact", rate=0.03, objective=objective).q
        assert reverse_kl(target, found) == pytest.approx(0, abs=1e-3)
        assert forward_kl(target, found) == pytest.approx(0, abs=1e-3)


def test_reverse_seeks_a_mode_and_forward_covers_both() -> None:
    target, start = two_modes(2), standard(2, 0.3)
    seeking = last(500, target, start, "exact", rate=0.03).q
    assert seeking.mu[0].item() == pytest.approx(2**0.5, abs=0.02)  # a distance of 4 along the diagonal: 2/√2
    assert seeking.sigma[0].item() == pytest.approx(0.7, abs=0.03)
    covering = last(300, target, start, "leave-one-out", 500, 0.03, "forward", generator(6)).q
    matched = moment_matched(target)
    torch.testing.assert_close(covering.mu, matched.mu, atol=0.1, rtol=0)
    torch.testing.assert_close(covering.sigma, matched.sigma, rtol=0.05, atol=0)
    assert matched.sigma[0].item() == pytest.approx((0.49 + 2) ** 0.5, rel=1e-3)
    assert forward_kl(target, covering) < forward_kl(target, seeking)
    assert reverse_kl(target, seeking) < reverse_kl(target, covering)


def test_divergences_are_those_of_torch_distributions() -> None:
    covariance = torch.tensor([[1.0, 0.6], [0.6, 1.0]]).double()
    p, mine = MultivariateNormal(torch.zeros(2).double(), covariance), correlated(0.6)
    q = MultivariateNormal(FULL.mu, scale_tril=FULL.tril)
    assert reverse_kl(mine, FULL) == pytest.approx(kl_divergence(q, p).item(), abs=1e-4)
    assert forward_kl(mine, FULL) == pytest.approx(kl_divergence(p, q).item(), abs=1e-4)


def test_the_posterior_of_an_image_is_a_target_like_any() -> None:
    from tests.vae.test_evidence import image, plane
    from vae.inference.evidence import gap, log_joint, true_posterior

    model, (x, q) = plane().model, image(263)
    posterior = true_posterior(plane(), x)
    target = Target(2, lambda z: log_joint(model, x, z))
    assert target.cells.log_total == pytest.approx(posterior.log_total, abs=1e-3)
    assert reverse_kl(target, q) == pytest.approx(gap(model, x, q, posterior), abs=1e-3)
    found = moments(target.log_density, q, "pathwise", 4000, generator())
    wanted = flat(q, exact(target.log_density, q))
    assert ((found.mean - wanted).abs() < 4.5 * (found.covariance.diagonal() / 4000).sqrt()).all()
    after = last(40, target, q, "pathwise", 20, 0.02, generator=generator()).q
    assert reverse_kl(target, after) < reverse_kl(target, q)


# ---- what is refused -------------------------------------------------------------------------------------------------


def test_what_has_no_meaning_is_refused() -> None:
    f, zeta = square(2), torch.zeros(1, 2).double()
    for estimator, reason in (("leave-one-out", "at least 2"), ("baseline", "value"), ("exact", "no single draws")):
        with pytest.raises(InputError, match=reason):
            single(f, DIAGONAL, estimator, zeta)
    with pytest.raises(InputError, match="at least 1 draw"):
        next(fit(correlated(0.5), DIAGONAL, draws=0))
    with pytest.raises(InputError, match="positive definite"):
        correlated(1.0)
    with pytest.raises(InputError, match="more than 2 dimensions"):
        exact(lambda z: z.sum(-1), standard(3))


def test_a_gaussian_target_of_many_dimensions_needs_no_grid() -> None:
    target: Target = gaussian(torch.zeros(6), torch.eye(6) * 0.5 + 0.5)
    q = last(600, target, standard(6), "exact", rate=0.03).q
    variances: Tensor = mean_field(torch.eye(6) * 0.5 + 0.5)
    torch.testing.assert_close(q.sigma**2, variances, rtol=1e-2, atol=0)
    assert reverse_kl(target, q) == pytest.approx(mean_field_kl(torch.eye(6) * 0.5 + 0.5), abs=1e-3)
