"""Annealed importance sampling (Neal 2001) with Hamiltonian moves: ln ∫ f where q misses the density f. Nats.

From a Gaussian q to a density f known up to its constant, by way of q^(1−t) · f^t with t from 0 to 1. The mean of the
weights is an unbiased estimate of the integral of f, whatever the moves, so its log is too low on average. Where the
temperatures lie is found beforehand by particles that are resampled on the way (sequential Monte Carlo, Del Moral et
al. 2006); those alone, from a wide q, also say where f has its mass.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import exp
from typing import NamedTuple

import torch
from torch import Tensor

from vae.errors import InputError
from vae.inference.evidence import Gaussian, Sampled, effective_sample_size, log_mean_weight
from vae.inference.full_gaussian import FullGaussian, full
from vae.inference.quadrature import LogDensity

LEAPS = 5  # of one move
TARGET = 0.8  # share of moves to accept
LARGEST_STEP = 1.5  # of a move, in standard deviations
PILOT_PARTICLES = 64
KEPT_SHARE = 0.7  # of the particles, that a step in temperature leaves effective
VARIANCE = 0.3  # of ln w that as many temperatures are taken for as it needs …
LEAST_STEPS, MOST_STEPS = 20, 300  # … within these
MOST_TEMPERATURES = 500  # of particles on their way; a density that needs more is no density


class Annealed(NamedTuple):
    """The estimate of ln ∫ f with its standard error, and what it rests on."""

    log_total: Sampled
    effective_sample_size: float
    accepted: float  # share of the moves
    z: Tensor  # where the chains end, (chains, k), with weights `log_w` (chains,)
    log_w: Tensor


class Tempered(NamedTuple):
    """Particles that have gone from q to f, and how."""

    z: Tensor  # (moves at the end · particles, k), about as f is distributed
    temperatures: Tensor  # (T + 1,), from 0 to 1
    spread: Tensor  # (T + 1,), standard deviation of ln f − ln q at each
    sizes: Tensor  # (T + 1,), of the steps that accept about `TARGET` of the moves


class _State(NamedTuple):
    """Chains at z = mu + L·zeta: zeta (N, k), ln f − ln q (N,), and its slope in zeta (N, k)."""

    zeta: Tensor
    ratio: Tensor
    slope: Tensor


@contextmanager
def _one_thread() -> Iterator[None]:
    """Steps this small gain nothing from a second thread; on a busy machine they wait long for it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@_one_thread()
def annealed(
    log_density: LogDensity,
    q: Gaussian,
    chains: int = 64,
    steps: int | None = None,
    generator: torch.Generator | None = None,
) -> Annealed:
    """`log_density` is differentiable, (N, k) float64 → (N,).

    Temperatures and step sizes are chosen by particles of their own beforehand, which keeps the estimate unbiased: so
    that each step of temperature adds as much to the variance of ln w as any other, and, without `steps`, as many of
    them as keep that variance near `VARIANCE`.
    """
    if chains < 2 or (steps is not None and steps < 2):
        raise InputError("Annealing needs at least 2 chains and 2 steps.")
    start = full(q)
    temperatures, sizes = _schedule(tempered(log_density, start, PILOT_PARTICLES, generator=generator), steps)
    state = _at(log_density, start, _noise(chains, len(start.mu), generator))
    log_w, accepted = torch.zeros(chains, dtype=torch.float64), []
    root = torch.eye(len(start.mu), dtype=torch.float64)
    for before, after, size in zip(temperatures[:-1], temperatures[1:], sizes[1:], strict=True):
        log_w += (after - before) * state.ratio
        if after < 1:
            state, share = _move(log_density, start, state, after, size, root, generator)
            accepted.append(share)
    share = sum(accepted) / len(accepted)
    return Annealed(log_mean_weight(log_w), effective_sample_size(log_w), share, start.at(state.zeta), log_w)


def _schedule(pilot: Tempered, steps: int | None) -> tuple[list[float], list[float]]:
    """Temperatures at equal stretches of ∫ sd(ln f − ln q) dt, and the step size at each.

    With T of them and chains that mix, ln w has variance Λ²/T to first order, Λ the whole integral.
    """
    t, spread = pilot.temperatures, pilot.spread
    stretches = (t[1:] - t[:-1]) * (spread[1:] + spread[:-1]) / 2
    length = torch.cat((torch.zeros(1, dtype=torch.float64), stretches.cumsum(0)))
    if steps is None:
        steps = min(max(LEAST_STEPS, round(length[-1].item() ** 2 / VARIANCE)), MOST_STEPS)
    wanted = torch.linspace(0, 1, steps + 1, dtype=torch.float64) * length[-1]
    if length[-1] > 0:
        at = torch.searchsorted(length, wanted).clamp(1, len(t) - 1)
        share = (wanted - length[at - 1]) / (length[at] - length[at - 1]).clamp_min(1e-300)
        share = share.clamp(0, 1)
    else:  # f is q itself
        at, share = torch.ones(steps + 1, dtype=torch.long), torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    temperatures = torch.lerp(t[at - 1], t[at], share)
    temperatures[0], temperatures[-1] = 0, 1
    sizes = torch.lerp(pilot.sizes[at - 1].log(), pilot.sizes[at].log(), share).exp()
    return temperatures.tolist(), sizes.tolist()


@_one_thread()
def tempered(
    log_density: LogDensity,
    q: Gaussian,
    particles: int,
    *,
    moves_at_end: int = 1,
    adapt: bool = False,
    generator: torch.Generator | None = None,
) -> Tempered:
    """Particles drawn from q, weighted, resampled and moved until they are distributed about as f is.

    Each temperature leaves `KEPT_SHARE` of them effective. Where q is wide, they come to every mode that it reaches.
    `adapt`: their own covariance is the metric of the moves, else q's is.
    """
    start = full(q)
    k = len(start.mu)
    state = _at(log_density, start, _noise(particles, k, generator))
    root = torch.eye(k, dtype=torch.float64)
    t, size = 0.0, 0.5 / k**0.25
    seen = [(t, state.ratio.std().item(), size)]
    kept: list[Tensor] = []
    while t < 1:
        if len(seen) > MOST_TEMPERATURES or not torch.isfinite(state.ratio).all():
            raise InputError("The density is not finite or too steep to be sampled; train the model to the end.")
        after = _next_temperature(state.ratio, t)
        state = _resampled(state, (after - t) * state.ratio, generator)
        t = after
        if adapt:
            root = _root(state.zeta)
        for _ in range(moves_at_end if t == 1 else 1):
            state, share = _move(log_density, start, state, t, size, root, generator)
            size = min(size * exp(0.3 * (share - TARGET)), LARGEST_STEP)
            if t == 1:
                kept.append(start.at(state.zeta))
        seen.append((t, state.ratio.std().item(), size))
    return Tempered(torch.cat(kept), *torch.tensor(seen, dtype=torch.float64).T)


def _next_temperature(ratio: Tensor, t: float) -> float:
    """The highest at which `KEPT_SHARE` of the particles stay effective, by bisection."""
    enough = KEPT_SHARE * len(ratio)
    if effective_sample_size((1 - t) * ratio) >= enough:
        return 1.0
    low, high = t, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if effective_sample_size((middle - t) * ratio) >= enough else (low, middle)
    return high


def _resampled(state: _State, log_w: Tensor, generator: torch.Generator | None) -> _State:
    """Systematic resampling: as many of each particle as its weight says, to within one."""
    n = len(log_w)
    places = (torch.arange(n) + torch.rand(1, generator=generator, dtype=torch.float64)) / n
    chosen = torch.searchsorted(log_w.softmax(0).cumsum(0), places).clamp_max(n - 1)
    return _State(*(part[chosen] for part in state))


def _root(zeta: Tensor) -> Tensor:
    """Cholesky factor of the particles' covariance, its off-diagonal shrunk, for few particles in many dimensions."""
    n, k = zeta.shape
    covariance = torch.cov(zeta.T).reshape(k, k)
    diagonal = torch.diag(covariance.diagonal().clamp_min(1e-12))
    shrunk = (n * covariance + k * diagonal) / (n + k)
    result: Tensor = torch.linalg.cholesky(shrunk + 1e-9 * diagonal)
    return result


def _noise(n: int, k: int, generator: torch.Generator | None) -> Tensor:
    return torch.randn((n, k), generator=generator, dtype=torch.float64)


def _at(log_density: LogDensity, q: FullGaussian, zeta: Tensor) -> _State:
    zeta = zeta.detach().requires_grad_()
    with torch.enable_grad():
        ratio = log_density(q.at(zeta)) - q.log_prob_at(zeta)
        (slope,) = torch.autograd.grad(ratio.sum(), zeta)
    return _State(zeta.detach(), ratio.detach(), slope)


def _move(
    log_density: LogDensity,
    q: FullGaussian,
    state: _State,
    temperature: float,
    size: float,
    root: Tensor,
    generator: torch.Generator | None,
) -> tuple[_State, float]:
    """One Hamiltonian move of every chain with the metric root·rootᵀ in zeta: where they are, share accepted.

    The tempered density of zeta is e^(−‖zeta‖²/2 + t·(ln f − ln q)), up to its constant.
    """

    def value(at: _State) -> Tensor:
        return temperature * at.ratio - 0.5 * at.zeta.square().sum(1)

    def pull(at: _State) -> Tensor:
        return (temperature * at.slope - at.zeta) @ root

    momentum = _noise(len(state.zeta), state.zeta.shape[1], generator)
    energy = value(state) - 0.5 * momentum.square().sum(1)
    steps = size * (0.8 + 0.4 * torch.rand((len(momentum), 1), generator=generator, dtype=torch.float64))
    proposal = state
    for _ in range(LEAPS):
        half = momentum + 0.5 * steps * pull(proposal)
        proposal = _at(log_density, q, proposal.zeta + steps * half @ root.T)
        momentum = half + 0.5 * steps * pull(proposal)
    gain = value(proposal) - 0.5 * momentum.square().sum(1) - energy
    taken = torch.rand(len(gain), generator=generator, dtype=torch.float64).log() < gain
    moved = (torch.where(taken.reshape(-1, *[1] * (a.ndim - 1)), a, b) for a, b in zip(proposal, state, strict=True))
    return _State(*moved), taken.double().mean().item()
