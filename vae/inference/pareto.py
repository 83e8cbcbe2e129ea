"""The tail of importance weights as a generalised Pareto distribution, whose shape k tells whether an estimate can be
trusted (Vehtari et al. 2024, Pareto smoothed importance sampling).

Weights whose tail has shape k have moments of every order below 1/k. Above 0.5 they have no variance, so the standard
error of their mean is meaningless; above 0.7 the mean converges too slowly for any feasible number of draws.
"""

from __future__ import annotations

from math import ceil, hypot, inf
from typing import NamedTuple

import torch
from torch import Tensor

from vae.errors import InputError
from vae.inference.evidence import Sampled, effective_sample_size, log_mean_weight

MOST_SHAPE = 0.5  # largest k with which a standard error is reported
ENOUGH = 100.0  # least number of effective draws for it
MISSED = 2.5  # standard errors below a better estimate, beyond which a part of the posterior was missed
POOR = "A poor lower bound of ln p(x), without an error"
LEAST_TAIL = 5  # least number of weights in a tail for a fit
PRIOR_WEIGHT, PRIOR_SHAPE = 10.0, 0.5  # Vehtari et al.: a prior worth ten exceedances with shape 0.5


class Pareto(NamedTuple):
    """Generalised Pareto distribution of y ≥ 0: P(Y > y) = (1 + k·y/sigma)^(−1/k); at k = 0, e^(−y/sigma)."""

    k: float
    sigma: float


def fit_pareto(exceedances: Tensor) -> Pareto:
    """The fit of Zhang & Stephens (2009) to exceedances (n,) over a threshold, n ≥ 5 and none negative.

    theta = −k/sigma is its mean under the profile likelihood and a weak prior, on a grid, without iteration.
    `InputError` for too few or infinite exceedances.
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

    The tail is the largest min(n/5, 3√n) weights; k is shrunk towards 0.5 with the weight of ten exceedances. −inf
    where all weights of the tail are equal, as under the target itself; inf where there are too few weights.
    """
    n = len(log_w)
    tail = ceil(min(0.2 * n, 3 * n**0.5))
    if tail < LEAST_TAIL or tail >= n:
        return inf
    ordered = log_w.double().sort().values
    largest, threshold = ordered[-tail:], ordered[-tail - 1]
    exceedances = (largest - ordered[-1]).exp() - (threshold - ordered[-1]).exp()
    if exceedances[-1] < 1e-9:  # relative to the largest weight: rounding of equal weights
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
    """Why the standard error of ln of the mean weight cannot be trusted, in a sentence; None if it can.

    The log weights `log_w` (n,) need `enough` effective draws and a tail of shape at most `MOST_SHAPE`. Neither detects
    that q misses a mode: if a better estimate of the same number is `known`, this one must not be more than `MISSED`
    standard errors below it. `name` is the word for draws in the message.
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
