"""Buffer zones as numbers: how much of the prior they leave empty, and how far neighbours overlap.

The buffer zone of an image is its q(z|x) = N(mu, sigma²), drawn as an ellipse; sigma opens it, and what keeps it from
closing is the rate.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

import torch
from torch import Tensor

from vae.aggregate import CHUNK, components, log_aggregate
from vae.errors import InputError
from vae.gaussian import DiagonalGaussian, log_prior

HOLE = 0.1  # a hole is where q(z) is below this share of p(z)


class Estimate(NamedTuple):
    """A number without unit, between 0 and 1, and its standard error."""

    mean: float
    standard_error: float


@torch.no_grad()
def hole_share(
    posterior: DiagonalGaussian, fraction: float = HOLE, draws: int = 2000, generator: torch.Generator | None = None
) -> Estimate:
    """P_{z ~ p}(q(z) < fraction · p(z)): the share of draws from the prior that fall where next to no image is.

    q(z) = (1/N) Σ_n q(z|x_n) is the aggregate posterior of the given posteriors (N, k), the prior p is N(0, I). Without
    bias for these images; the standard error is binomial, √(h(1 − h)/draws), with h kept one count off 0 and 1, so that
    a share of 0 is not called exact. Few images make holes of their own, all the more in many dimensions.
    """
    q = components(posterior)
    if not 0 < fraction <= 1 or draws < 2:
        raise InputError("The share of holes needs a fraction above 0 and up to 1, and at least 2 draws.")
    z = torch.randn(draws, q.mu.shape[1], generator=generator, dtype=torch.float64).to(q.mu.device)
    share = (log_aggregate(z, q) < log_prior(z) + log(fraction)).double().mean().item()
    bounded = min(max(share, 1 / draws), 1 - 1 / draws)
    return Estimate(share, (bounded * (1 - bounded) / draws) ** 0.5)


@torch.no_grad()
def overlap(posterior: DiagonalGaussian, points: int = 600, generator: torch.Generator | None = None) -> Estimate:
    """Mean Bhattacharyya coefficient ∫ √(q_n q_m) dz of each zone q_n with its nearest neighbour q_m.

    1 is one and the same zone, 0 is none shared. The nearest neighbour is the zone at the least Bhattacharyya distance,
    so of the largest coefficient, among all the other N − 1 posteriors (N, k). The mean is over `points` images drawn
    without replacement (all of them where there are fewer), and the standard error, sd/√points · √(1 − points/N), is
    that of the mean over all N: 0 where all are taken. With more images neighbours move closer, so only means over as
    many images can be compared.
    """
    q = components(posterior)
    n = len(q.mu)
    chosen = torch.randperm(n, generator=generator)[: max(points, 2)].to(q.mu.device)
    nearest = torch.cat([_log_coefficients(q, rows).amax(1) for rows in chosen.split(max(1, CHUNK // q.mu.numel()))])
    values = nearest.exp()
    error = values.std() / len(values) ** 0.5 * (1 - len(values) / n) ** 0.5
    return Estimate(values.mean().item(), error.item())


def log_bhattacharyya(a: DiagonalGaussian, b: DiagonalGaussian) -> Tensor:
    """ln ∫ √(a b) dz = −Σ_i [(mu_a − mu_b)²/(4(s_a² + s_b²)) + ½ ln((s_a² + s_b²)/(2 s_a s_b))], minus the distance.

    Shapes (..., k) that broadcast; returns (...) (Bhattacharyya 1943; Kailath 1967).
    """
    together = a.logvar.exp() + b.logvar.exp()
    apart = (a.mu - b.mu).square() / (4 * together)
    # (s_a/s_b + s_b/s_a)/2 = cosh of half the difference of the logvars: exact where both are alike
    widths = 0.5 * torch.log(torch.cosh(0.5 * (a.logvar - b.logvar)))
    return -(apart + widths).sum(-1)


def _log_coefficients(q: DiagonalGaussian, rows: Tensor) -> Tensor:
    """ln BC of some zones with all, (rows, N); −inf with themselves."""
    some = DiagonalGaussian(q.mu[rows, None], q.logvar[rows, None])
    logs = log_bhattacharyya(some, q)
    logs[torch.arange(len(rows)), rows] = -torch.inf
    return logs
