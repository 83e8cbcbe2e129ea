"""Holes and overlap against closed forms and numerical integration."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
import torch
from scipy.stats import chi2, norm
from torch.distributions import Normal
from torch.nn import functional as F

from vae.analysis.aggregate import log_aggregate
from vae.analysis.zones import ACCURACY, HOLE, hole_share, log_bhattacharyya, overlap
from vae.errors import InputError
from vae.gaussian import DiagonalGaussian, log_prior

pytestmark = pytest.mark.usefixtures("one_thread")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussians(mu: torch.Tensor, sigma: float) -> DiagonalGaussian:
    return DiagonalGaussian(mu, torch.full_like(mu, 2 * log(sigma)))


def random_posteriors(n: int, k: int) -> DiagonalGaussian:
    mu = torch.randn(n, k, generator=generator(1), dtype=torch.float64)
    return DiagonalGaussian(mu, torch.randn(n, k, generator=generator(2), dtype=torch.float64) - 1)


# ---- holes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 10, 64])
@pytest.mark.parametrize("fraction", [0.1, 0.5, 1.0])
def test_the_holes_around_one_small_zone_have_a_chi_squared_share(k, fraction) -> None:
    """q = N(0, s²): q < f p where ‖z‖² > 2 (−k ln s − ln f)/(1/s² − 1)."""
    s = 0.7
    expected = chi2.sf(2 * (-k * log(s) - log(fraction)) / (1 / s**2 - 1), k)
    share = hole_share(gaussians(torch.zeros(10, k), s), fraction, 4000, generator())
    assert abs(share.mean - expected) < 3 * share.standard_error + 1e-5
    assert share.standard_error < 0.009
    assert 0.02 < expected < 0.98


def test_two_zones_on_a_line_leave_the_prior_mass_that_integration_says() -> None:
    q = gaussians(torch.tensor([[-1.0], [1.5]], dtype=torch.float64), 0.2)
    z = np.linspace(-8, 8, 200_001)
    density = 0.5 * (norm.pdf(z, -1, 0.2) + norm.pdf(z, 1.5, 0.2))
    expected = norm.pdf(z)[density < 0.1 * norm.pdf(z)].sum() * (z[1] - z[0])
    share = hole_share(q, 0.1)
    assert share.mean == pytest.approx(expected, abs=2e-5)
    assert share.standard_error < ACCURACY


def test_on_a_plane_the_share_of_holes_is_integrated_and_no_seed_changes_it() -> None:
    q = random_posteriors(60, 2)
    share = hole_share(q)
    assert share == hole_share(q, draws=10, generator=generator(7))
    axis = torch.linspace(-6, 6, 601, dtype=torch.float64)
    z = torch.cartesian_prod(axis, axis)
    holes = log_aggregate(z, q) < log_prior(z) + log(HOLE)
    expected = log_prior(z)[holes].exp().sum().item() * 0.02**2
    assert share.mean == pytest.approx(expected, abs=5 * ACCURACY)
    assert share.standard_error <= ACCURACY


def test_the_error_of_sampled_holes_covers_their_share() -> None:
    """A third dimension in which every zone is the prior's changes nothing about the share."""
    plane = random_posteriors(60, 2)
    q = DiagonalGaussian(*(F.pad(part, (0, 1)) for part in plane))
    expected = hole_share(plane).mean
    found = [hole_share(q, draws=2000, generator=generator(seed)) for seed in range(40)]
    covered = sum(abs(share.mean - expected) <= 2 * share.standard_error for share in found)
    assert covered >= 34  # of 40; 2 standard errors hold in 95 of 100
    assert all(share.standard_error < 0.015 for share in found)


def test_an_aggregate_posterior_that_is_the_prior_has_no_holes() -> None:
    share = hole_share(gaussians(torch.zeros(3, 5), 1.0), 0.1, 1000, generator())
    assert share.mean == 0
    assert 0 < share.standard_error < 0.002  # none in 1,000 is not none at all


@pytest.mark.parametrize(("fraction", "draws"), [(0.0, 100), (-1.0, 100), (1.5, 100), (0.1, 1)])
def test_a_fraction_or_draws_that_make_no_sense_are_refused(fraction, draws) -> None:
    with pytest.raises(InputError, match="share of holes"):
        hole_share(random_posteriors(5, 2), fraction, draws)


# ---- overlap --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2])
def test_the_coefficient_is_the_integral_of_the_root_of_the_product(k) -> None:
    a, b = (DiagonalGaussian(*(t[i] for t in random_posteriors(2, k))) for i in (0, 1))
    axis = torch.arange(-9, 9, 0.02 if k == 1 else 0.05, dtype=torch.float64)
    z = torch.cartesian_prod(*[axis] * k).reshape(-1, k)
    logs = [Normal(q.mu, (q.logvar / 2).exp()).log_prob(z).sum(1) for q in (a, b)]
    integral = (sum(logs) / 2).exp().sum() * (axis[1] - axis[0]) ** k
    assert log_bhattacharyya(a, b).exp().item() == pytest.approx(integral.item(), rel=1e-6)  # smooth: a sum is exact
    assert 0.01 < integral < 0.99


def test_the_coefficient_is_symmetric_and_1_only_with_itself() -> None:
    q = random_posteriors(30, 64)
    table = log_bhattacharyya(DiagonalGaussian(q.mu[:, None], q.logvar[:, None]), q)
    torch.testing.assert_close(table, table.T, rtol=1e-12, atol=1e-12)
    assert table.diagonal().abs().max() == 0
    assert (table - torch.eye(30) < 0).all()


@pytest.mark.parametrize("k", [1, 3, 64])
def test_zones_in_a_row_overlap_with_those_beside_them(k) -> None:
    """Equal zones, d apart: every nearest neighbour is at exp(−d²/(8 sigma²))."""
    mu = torch.zeros(40, k)
    mu[:, 0] = 0.3 * torch.arange(40)
    found = overlap(gaussians(mu, 0.2), generator=generator())
    assert found.mean == pytest.approx(exp(-(0.3**2) / (8 * 0.2**2)), rel=1e-5)
    assert found.standard_error == 0  # all of them were looked at


def test_the_nearest_is_by_distance_of_distributions_not_of_means() -> None:
    """A wide zone beside two that lie within it: its nearest is the wider one, though that lies farther away."""
    mu, sigma = torch.tensor([[0.0], [0.1], [1.0]]), torch.tensor([[1.0], [0.01], [0.9]])
    q = DiagonalGaussian(mu, 2 * sigma.log())

    def pair(i: int, j: int) -> float:
        a, b = sigma[i].item() ** 2, sigma[j].item() ** 2
        return (2 * (a * b) ** 0.5 / (a + b)) ** 0.5 * exp(-((mu[i] - mu[j]).item() ** 2) / (4 * (a + b)))

    expected = (pair(0, 2) + max(pair(1, 0), pair(1, 2)) + pair(2, 0)) / 3
    assert pair(0, 2) > pair(0, 1)
    assert overlap(q).mean == pytest.approx(expected, rel=1e-5)


def test_points_of_many_are_a_fair_sample_of_all() -> None:
    q = random_posteriors(1500, 2)
    exact = overlap(q, 1500)
    found = [overlap(q, 200, generator(s)) for s in range(30)]
    errors = np.array([(f.mean - exact.mean) / f.standard_error for f in found])
    assert exact.standard_error == 0
    assert np.abs(errors).max() < 4
    assert 0.6 < np.mean(errors**2) < 1.6  # mean of 30 squares: 1 ± 0.26


def test_far_zones_do_not_overlap_and_equal_ones_do_wholly() -> None:
    assert overlap(gaussians(torch.arange(5.0)[:, None] * 1e4, 0.1)).mean == 0
    assert overlap(gaussians(torch.full((5, 3), 2.0), 0.1)).mean == 1


def test_a_code_so_narrow_that_its_density_overflows_is_still_told() -> None:
    q = gaussians(torch.arange(5.0, dtype=torch.float64)[:, None], 1e-100)
    assert overlap(q).mean == 0
    assert hole_share(q, draws=100, generator=generator()).mean == 1
