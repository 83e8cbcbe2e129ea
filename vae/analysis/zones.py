"""Buffer zones in numbers: the share of the prior that they leave empty, and the overlap of neighbours.

The buffer zone of an image is its q(z|x) = N(mu, sigma²), drawn as an ellipse. The rate keeps sigma from shrinking
to 0.
"""

from __future__ import annotations

from math import inf, log
from typing import NamedTuple

import torch
from torch import Tensor

from vae.analysis.aggregate import CHUNK, components, log_aggregate
from vae.errors import InputError
from vae.gaussian import DiagonalGaussian, log_prior

HOLE = 0.1  # a hole is where q(z) < HOLE · p(z)


GRID, FINEST = 150, 1200  # cells a side, at first and at most
EDGE = 6.0  # half width of the grid: 4e-9 of the prior's mass lies outside
CLEAR = 5.0  # nats from the edge of a hole at which a whole cell is counted to one side
ACCURACY = 1e-4  # largest change of the share of holes when the cells are halved


class Estimate(NamedTuple):
    """A number without unit in [0, 1], and its standard error; on a grid, the change by the last halving of cells."""

    mean: float
    standard_error: float


@torch.no_grad()
def hole_share(
    posterior: DiagonalGaussian, fraction: float = HOLE, draws: int = 5000, generator: torch.Generator | None = None
) -> Estimate:
    """P_{z ~ p}(q(z) < fraction · p(z)): the share of the prior's mass with almost no images.

    q(z) = (1/N) Σ_n q(z|x_n) is the aggregate posterior of the given posteriors (N, k), the prior p is N(0, I). In one
    or two dimensions it is integrated on a grid, to `ACCURACY` unless that needs more than `FINEST` cells a side. In
    more dimensions it is the share of `draws` from the prior, unbiased for these images; the standard error is
    binomial, with two draws of either kind added (Agresti & Coull 1998), so that it is not 0 for a share of 0. A small
    number of images causes holes itself, the more the more dimensions. `InputError` for other arguments.
    """
    q = components(posterior)
    if not 0 < fraction <= 1 or draws < 2:
        raise InputError("The share of holes needs a fraction above 0 and up to 1, and at least 2 draws.")
    if q.mu.shape[1] <= 2:
        return _integrated(q, fraction)
    z = torch.randn(draws, q.mu.shape[1], generator=generator, dtype=torch.float64).to(q.mu.device)
    share = (log_aggregate(z, q) < log_prior(z) + log(fraction)).double().mean().item()
    bounded = (share * draws + 2) / (draws + 4)
    return Estimate(share, (bounded * (1 - bounded) / draws) ** 0.5)


def _integrated(q: DiagonalGaussian, fraction: float) -> Estimate:
    """Double the cells a side until the share changes by at most `ACCURACY`."""
    cells = GRID
    before, share = inf, _on_grid(q, fraction, cells)
    while abs(share - before) > ACCURACY and 2 * cells <= FINEST:
        cells *= 2
        before, share = share, _on_grid(q, fraction, cells)
    return Estimate(share, abs(share - before))


def _on_grid(q: DiagonalGaussian, fraction: float, cells: int) -> float:
    """Σ over cells of the prior's mass times the share of the cell in a hole, with a linear edge within the cell."""
    edges = torch.linspace(-EDGE, EDGE, cells + 1, dtype=torch.float64, device=q.mu.device)
    middles = (edges[1:] + edges[:-1]) / 2
    density = torch.exp(DiagonalGaussian(q.mu[:, None], q.logvar[:, None]).log_prob_per_dim(middles[:, None]))
    masses = torch.special.ndtr(edges).diff()
    log_p = log_prior(middles[:, None])
    if q.mu.shape[1] == 2:  # every component is a product of two densities, so a matrix product sums over them
        mixture = density[..., 0].T @ density[..., 1] / len(q.mu)
        masses, log_p = torch.outer(masses, masses), log_p[:, None] + log_p
    else:
        mixture = density[..., 0].mean(0)
    level = (mixture.clamp_min(1e-300).log() - log_p - log(fraction)).clamp(-CLEAR, CLEAR)  # below 0 in a hole
    slopes = torch.gradient(level)  # over a cell
    steepest = torch.stack(slopes).abs().sum(0).clamp_min(1e-12)
    return float((masses * (0.5 - level / steepest).clamp(0, 1)).sum() / masses.sum())


@torch.no_grad()
def overlap(posterior: DiagonalGaussian, points: int = 600, generator: torch.Generator | None = None) -> Estimate:
    """Mean Bhattacharyya coefficient ∫ √(q_n q_m) dz of each zone q_n with its nearest neighbour q_m.

    1 means equal zones, 0 no overlap. The nearest neighbour is the zone with the largest coefficient (the least
    Bhattacharyya distance) among the other N − 1 posteriors (N, k). The mean is over `points` images drawn without
    replacement (at most all); the standard error sd/√points · √(1 − points/N) is that of the mean over all N images: 0
    if all are taken. More images have closer neighbours, so compare only means of the same N.
    """
    q = components(posterior)
    n = len(q.mu)
    chosen = torch.randperm(n, generator=generator)[: max(points, 2)].to(q.mu.device)
    nearest = torch.cat([_log_coefficients(q, rows).amax(1) for rows in chosen.split(max(1, CHUNK // q.mu.numel()))])
    values = nearest.exp()
    error = values.std() / len(values) ** 0.5 * (1 - len(values) / n) ** 0.5
    return Estimate(values.mean().item(), error.item())


def log_bhattacharyya(a: DiagonalGaussian, b: DiagonalGaussian) -> Tensor:
    """ln ∫ √(a b) dz = −Σ_i [(mu_a − mu_b)²/(4(s_a² + s_b²)) + ½ ln((s_a² + s_b²)/(2 s_a s_b))].

    Shapes (..., k) that broadcast; returns (...) (Bhattacharyya 1943; Kailath 1967).
    """
    sum_of_variances = a.logvar.exp() + b.logvar.exp()
    of_means = (a.mu - b.mu).square() / (4 * sum_of_variances)
    # (s_a/s_b + s_b/s_a)/2 = cosh of half the difference of the logvars: exact where they are equal
    of_widths = 0.5 * torch.log(torch.cosh(0.5 * (a.logvar - b.logvar)))
    return -(of_means + of_widths).sum(-1)


def _log_coefficients(q: DiagonalGaussian, rows: Tensor) -> Tensor:
    """ln of the Bhattacharyya coefficients of the zones `rows` with all, (rows, N); −inf with themselves."""
    some = DiagonalGaussian(q.mu[rows, None], q.logvar[rows, None])
    logs = log_bhattacharyya(some, q)
    logs[torch.arange(len(rows)), rows] = -torch.inf
    return logs
