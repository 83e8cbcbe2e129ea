"""Integrals by cells: closed forms, modes that are far apart and narrow, and boxes that are too small."""

from __future__ import annotations

from math import log, pi

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from vae.errors import InputError
from vae.gaussian import DiagonalGaussian
from vae.inference import quadrature
from vae.inference.full_gaussian import FullGaussian, full, nodes
from vae.inference.quadrature import CELLS_PER_SIGMA, Box, integrate
from vae.inference.targets import banana, correlated, gaussian, ring, two_modes

pytestmark = pytest.mark.usefixtures("one_thread")


def box(k: int = 2, half: float = 6.0, per_axis: int = 120) -> Box:
    return Box(torch.zeros(k, dtype=torch.float64), half, per_axis)


@pytest.mark.parametrize(
    "covariance", [[[1.0, 0.9], [0.9, 1.0]], [[0.0004, 0.0], [0.0, 1.0]], [[4.0, 0.0], [0.0, 4.0]]]
)
def test_a_gaussian_has_its_moments(covariance) -> None:
    """Narrow, correlated, and one whose tails leave the first box; a shift puts no centre of a cell on the peak."""
    mean = torch.tensor([0.317, -0.233], dtype=torch.float64)
    cells = integrate(gaussian(mean, torch.tensor(covariance)).log_density, box(), 1e-6)
    wanted = torch.tensor(covariance, dtype=torch.float64)
    assert cells.log_total == pytest.approx(0, abs=1e-6)
    assert cells.error < 1e-6
    *before, (per_axis, total) = cells.levels
    assert (per_axis, total) == (cells.box.per_axis, cells.log_total)
    assert [2 * level.per_axis for level in before] == [level.per_axis for level in cells.levels[1:]]
    torch.testing.assert_close(cells.mean, mean, atol=1e-6, rtol=0)
    # beyond 16 nats lie e⁻¹⁶ · 17 of the second moment; the rest is the midpoint rule
    torch.testing.assert_close(cells.covariance, wanted, rtol=1e-5, atol=1e-5)
    assert len(cells.modes.weight) == 1
    assert cells.step <= torch.linalg.eigvalsh(wanted)[0].sqrt() / 2


@pytest.mark.parametrize("target", [two_modes(1), two_modes(2), banana(), ring(), correlated(0.99)])
def test_targets_that_say_they_are_normalised_are(target) -> None:
    assert target.cells.log_total == pytest.approx(0, abs=1e-4)


def test_narrow_modes_far_apart_are_all_found_with_their_masses() -> None:
    """sigma 0.006, a sixteenth of the first cells; none at a centre of a cell, nor known beforehand."""
    means = torch.tensor([[3.951, -4.049], [-4.95, 3.3], [0.052, 0.048]], dtype=torch.float64)
    shares = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)

    def log_density(z: Tensor) -> Tensor:
        squared = (z[:, None] - means).square().sum(2) / 0.006**2
        return (shares.log() - 0.5 * squared - log(2 * pi * 0.006**2)).logsumexp(1)

    cells = integrate(log_density, box())
    assert cells.log_total == pytest.approx(0, abs=1e-5)
    torch.testing.assert_close(cells.modes.weight, shares, atol=1e-5, rtol=0)
    torch.testing.assert_close(cells.modes.peak, means, atol=0.05 * cells.step, rtol=0)
    assert cells.modes.least_sigma == pytest.approx(0.006, rel=1e-3)


def test_a_ridge_askew_to_the_grid_is_one_mode() -> None:
    for angle in (0.1, 0.39, 0.6):
        c, s = torch.tensor(angle).cos(), torch.tensor(angle).sin()
        turn = torch.stack((torch.stack((c, -s)), torch.stack((s, c))))
        covariance = turn @ torch.diag(torch.tensor([1.0, 0.001])) @ turn.T
        for per_sigma in (CELLS_PER_SIGMA, 1.25):
            cells = integrate(gaussian(torch.zeros(2), covariance).log_density, box(), per_sigma=per_sigma)
            assert len(cells.modes.weight) == 1
            assert per_sigma * cells.step <= 0.001**0.5


def test_a_box_that_is_too_small_grows() -> None:
    cells = integrate(gaussian(torch.tensor([9.0, 0.0]), torch.eye(2)).log_density, box(half=1.0, per_axis=40))
    assert cells.log_total == pytest.approx(0, abs=1e-5)
    assert cells.mean[0].item() == pytest.approx(9, abs=1e-5)


def test_the_bounds_hold_all_but_the_tails() -> None:
    cells = gaussian(torch.tensor([1.0, -2.0]), torch.diag(torch.tensor([0.25, 1.0]))).cells
    low, high = cells.bounds(0.0013499)  # 3 sigma
    torch.testing.assert_close(low, torch.tensor([-0.5, -5.0]).double(), atol=cells.step, rtol=0)
    torch.testing.assert_close(high, torch.tensor([2.5, 1.0]).double(), atol=cells.step, rtol=0)


def test_draws_are_of_the_density() -> None:
    cells = two_modes(2, share=0.25).cells
    z = cells.sample(20_000, torch.Generator().manual_seed(0))
    # 4 standard errors of a share, and of a mean of sd 2
    assert (z.sum(1) < 0).double().mean().item() == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 20_000) ** 0.5)
    torch.testing.assert_close(z.mean(0), cells.mean, atol=4 * 2 / 20_000**0.5, rtol=0)


def test_what_has_no_finite_mass_is_refused() -> None:
    with pytest.raises(InputError, match="no finite mass"):
        integrate(lambda z: torch.zeros(len(z), dtype=torch.float64), box(per_axis=20))
    with pytest.raises(InputError, match="not finite"):
        integrate(lambda z: torch.full((len(z),), torch.nan, dtype=torch.float64), box(per_axis=20))


def test_what_is_too_narrow_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(quadrature, "MOST_CELLS", 1000)
    with pytest.raises(InputError, match="too narrow"):
        integrate(ring(width=0.001).log_density, box())


# ---- grids under q ---------------------------------------------------------------------------------------------------


def test_a_full_gaussian_is_that_of_torch_distributions() -> None:
    q = FullGaussian(torch.tensor([1.0, -0.5]).double(), torch.tensor([[0.5, 0.0], [0.4, 0.3]]).double())
    peer = MultivariateNormal(q.mu, scale_tril=q.tril)
    z = q.rsample(1000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(q.log_prob(z), peer.log_prob(z))
    torch.testing.assert_close(q.entropy(), peer.entropy())
    prior = MultivariateNormal(torch.zeros(2).double(), torch.eye(2).double())
    torch.testing.assert_close(q.kl(), torch.distributions.kl_divergence(peer, prior))
    diagonal = DiagonalGaussian(q.mu, torch.tensor([0.3, -1.0]).double())
    torch.testing.assert_close(full(diagonal).log_prob(z), diagonal.log_prob(z))
    torch.testing.assert_close(full(diagonal).kl(), diagonal.kl_per_dim().sum())


@pytest.mark.parametrize("k", [1, 2])
def test_nodes_have_the_moments_of_the_standard_normal(k) -> None:
    grid = nodes(k, 48)
    # beyond 6 sigma lie 1e-8 of the mass and 6⁴ times that of the fourth moment
    for power, wanted in ((0, 1.0), (1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)):
        assert (grid.weights @ grid.zeta[:, 0] ** power).item() == pytest.approx(wanted, abs=3e-5)
