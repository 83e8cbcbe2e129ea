"""Annealed importance sampling (Neal 2001) with Hamiltonian moves: ln ∫ f for a density f far from q. Nats.

Chains move from a Gaussian q to an unnormalised density f through q^(1−t) · f^t, t from 0 to 1. The mean of the weights
is an unbiased estimate of ∫ f for any moves, so its log is too low on average. The temperatures t are chosen before,
with particles that are resampled on the way (sequential Monte Carlo, Del Moral et al. 2006). Such particles alone, from
a wide q, also find the mass of f.
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

LEAPS = 5  # leapfrog steps of a move
TARGET = 0.8  # share of moves to accept
LARGEST_STEP = 1.5  # of a leapfrog step, in standard deviations
PILOT_PARTICLES = 64
KEPT_SHARE = 0.7  # share of effective particles after a step in temperature
VARIANCE = 0.3  # target for the variance of ln w, which determines the number of temperatures …
LEAST_STEPS, MOST_STEPS = 20, 300  # … within these limits
MOST_TEMPERATURES = 500  # of `tempered`; beyond, the density is taken as not valid


class Annealed(NamedTuple):
    """The estimate of ln ∫ f with its standard error, and its diagnostics."""

    log_total: Sampled
    effective_sample_size: float
    accepted: float  # share of accepted moves
    z: Tensor  # final states of the chains, (chains, k), with log weights `log_w` (chains,)
    log_w: Tensor


class Tempered(NamedTuple):
    """Particles moved from q to f, and the temperatures used."""

    z: Tensor  # (moves at the end · particles, k), approximately distributed as f
    temperatures: Tensor  # (T + 1,), from 0 to 1
    spread: Tensor  # (T + 1,), standard deviation of ln f − ln q at each
    sizes: Tensor  # (T + 1,), step sizes with which about `TARGET` of the moves are accepted


class _State(NamedTuple):
    """Chains at z = mu + L·zeta: zeta (N, k), ln f − ln q (N,), and its slope in zeta (N, k)."""

    zeta: Tensor
    ratio: Tensor
    slope: Tensor


@contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread: the tensors are too small to gain from more, and on a busy machine threads cause waiting."""
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
    """Estimate ln ∫ f, where `log_density` is ln f, differentiable, (N, k) float64 → (N,).

    Temperatures and step sizes are chosen before with separate particles, which keeps the estimate unbiased. Every step
    of temperature adds the same to the variance of ln w; without `steps`, their number keeps it near `VARIANCE`.
    `InputError` for fewer than 2 chains or steps, and where f is not finite or too steep.
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
    """Temperatures at equal increments of ∫ sd(ln f − ln q) dt, and the step size at each.

    With T temperatures and chains that mix, ln w has variance Λ²/T to first order, where Λ is the whole integral.
    """
    t, spread = pilot.temperatures, pilot.spread
    increments = (t[1:] - t[:-1]) * (spread[1:] + spread[:-1]) / 2
    length = torch.cat((torch.zeros(1, dtype=torch.float64), increments.cumsum(0)))
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
    """Particles drawn from q, then weighted, resampled and moved until they are approximately distributed as f.

    Temperatures are chosen so that `KEPT_SHARE` of the particles stay effective. With a wide q they find every mode in
    its reach. The metric of the moves is the covariance of the particles if `adapt`, else that of q. `InputError` where
    f is not finite or needs more than `MOST_TEMPERATURES`.
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
    """The highest temperature at which `KEPT_SHARE` of the particles stay effective, by bisection."""
    enough = KEPT_SHARE * len(ratio)
    if effective_sample_size((1 - t) * ratio) >= enough:
        return 1.0
    low, high = t, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if effective_sample_size((middle - t) * ratio) >= enough else (low, middle)
    return high


def _resampled(state: _State, log_w: Tensor, generator: torch.Generator | None) -> _State:
    """Systematic resampling: copies of each particle in proportion to its weight, to within one."""
    n = len(log_w)
    places = (torch.arange(n) + torch.rand(1, generator=generator, dtype=torch.float64)) / n
    chosen = torch.searchsorted(log_w.softmax(0).cumsum(0), places).clamp_max(n - 1)
    return _State(*(part[chosen] for part in state))


def _root(zeta: Tensor) -> Tensor:
    """Cholesky factor (k, k) of the particles' covariance, shrunk towards its diagonal for few particles."""
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
    """One Hamiltonian move of every chain with the metric root·rootᵀ in zeta; returns the states, share accepted.

    The tempered density of zeta is e^(−‖zeta‖²/2 + t·(ln f − ln q)), up to its constant.
    """

    def value(at: _State) -> Tensor:
        return temperature * at.ratio - 0.5 * at.zeta.square().sum(1)

    def force(at: _State) -> Tensor:
        return (temperature * at.slope - at.zeta) @ root

    momentum = _noise(len(state.zeta), state.zeta.shape[1], generator)
    energy = value(state) - 0.5 * momentum.square().sum(1)
    steps = size * (0.8 + 0.4 * torch.rand((len(momentum), 1), generator=generator, dtype=torch.float64))
    proposal = state
    for _ in range(LEAPS):
        half = momentum + 0.5 * steps * force(proposal)
        proposal = _at(log_density, q, proposal.zeta + steps * half @ root.T)
        momentum = half + 0.5 * steps * force(proposal)
    gain = value(proposal) - 0.5 * momentum.square().sum(1) - energy
    taken = torch.rand(len(gain), generator=generator, dtype=torch.float64).log() < gain
    moved = (torch.where(taken.reshape(-1, *[1] * (a.ndim - 1)), a, b) for a, b in zip(proposal, state, strict=True))
    return _State(*moved), taken.double().mean().item()
