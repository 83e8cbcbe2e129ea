"""The tail of importance weights: a generalised Pareto distribution, whose shape k says how far an estimate can be
trusted (Vehtari et al. 2024, Pareto smoothed importance sampling).

Weights whose tail has shape k have moments of every order below 1/k: above 0.5 no variance, so the standard error of
their mean means nothing; above 0.7 the mean itself converges too slowly for any number of draws that can be had.
"""

from __future__ import annotations

from math import ceil, hypot, inf
from typing import NamedTuple

import torch
from torch import Tensor

from vae.errors import InputError
from vae.inference.evidence import Sampled, effective_sample_size, log_mean_weight

MOST_SHAPE = 0.5  # of a tail, for the weights to have a variance, and their mean a standard error
ENOUGH = 100.0  # effective draws, for the same
MISSED = 2.5  # standard errors
POOR = "A poor lower bound of ln p(x), without an error"
LEAST_TAIL = 5  # weights of a tail that a shape can be fitted to
PRIOR_WEIGHT, PRIOR_SHAPE = 10.0, 0.5  # of Vehtari et al.: as if ten more exceedances had said 0.5


class Pareto(NamedTuple):
    """Generalised Pareto distribution of y ≥ 0: P(Y > y) = (1 + k·y/sigma)^(−1/k); at k = 0, e^(−y/sigma)."""

    k: float
    sigma: float


def fit_pareto(exceedances: Tensor) -> Pareto:
    """The fit of Zhang & Stephens (2009) to exceedances (n,) over a threshold, n ≥ 5, none of them negative.

    The mean of theta = −k/sigma under its profile likelihood and a weak prior, on a grid that needs no iteration.
    """
    y = exceedances.double().sort().values
    n = len(y)
    if n < LEAST_TAIL or y[0] < 0 or not torch.isfinite(y[-1]) or y[-1] <= 0:
        raise InputError(f"A Pareto tail is fitted to at least {LEAST_TAIL} finite exceedances that are not all 0.")
    m = 30 + int(n**0.5)
    quartile = y[int(n / 4 + 0.5) - 1].clamp_min(1e-12 * y[-1])
    steps = torch.arange(1, m + 1, dtype=torch.float64)
    theta = 1 / y[-1] + (1 - (m / (steps - 0.5)).sqrt()) / (3 * quartile)
    shapes = torch.log1p(-theta[:, None] * y).mean(1)
    profile = n * ((-theta / shapes).log() - shapes - 1)
    mean = (profile.softmax(0) @ theta).item()
    k = torch.log1p(-mean * y).mean().item()
    return Pareto(k, -k / mean)


def pareto_k(log_w: Tensor) -> float:
    """The shape k of the tail of importance weights, from their logarithms (n,).

    The tail is the largest min(n/5, 3√n) of them, and k is drawn towards 0.5 as if by ten more exceedances. −inf where
    all weights of the tail are alike, as they are under the target itself; inf where there are too few weights to say.
    """
    n = len(log_w)
    tail = ceil(min(0.2 * n, 3 * n**0.5))
    if tail < LEAST_TAIL or tail >= n:
        return inf
    ordered = log_w.double().sort().values
    largest, threshold = ordered[-tail:], ordered[-tail - 1]
    exceedances = (largest - ordered[-1]).exp() - (threshold - ordered[-1]).exp()
    if exceedances[-1] < 1e-9:  # of the largest weight: what rounding makes of equal weights
        return -inf
    k = fit_pareto(exceedances).k
    return float((tail * k + PRIOR_WEIGHT * PRIOR_SHAPE) / (tail + PRIOR_WEIGHT))


def distrust(
    log_w: Tensor,
    known: Sampled | None = None,
    *,
    enough: float = ENOUGH,
    name: str = "draws",
) -> str | None:
    """Why no error of ln of the mean weight can be told, in a sentence; None where its standard error is one.

    `log_w` (n,): it needs `enough` effective draws and a tail of shape `MOST_SHAPE` at most. Neither tells that q
    misses a mode; where a better estimate of the same number is `known`, the one at hand must not lie `MISSED` errors
    under it.
    """
    n, effective, k = len(log_w), effective_sample_size(log_w), pareto_k(log_w)
    if effective < enough:
        return f"{POOR}: only {effective:,.0f} of {n:,} {name} count."
    if k > MOST_SHAPE:
        return f"{POOR}: a few of {n:,} {name} outweigh the others (Pareto k = {k:.2f}, above {MOST_SHAPE:g})."
    if known is not None:
        mean, error = log_mean_weight(log_w)
        under = known.mean - mean
        if under > MISSED * hypot(error, known.standard_error):
            return f"{POOR}: the {name} miss a part of the posterior, and with it {under:.2f} nats."
    return None
