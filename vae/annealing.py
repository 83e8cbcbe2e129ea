"""Annealed importance sampling (Neal 2001) with Hamiltonian moves: ln p(x) where q misses the posterior. Nats.

From a Gaussian q to a density f known up to its constant, by way of q^(1−t) · f^t with t from 0 to 1. The mean of the
weights is an unbiased estimate of the integral of f, whatever the moves, so its log is too low on average.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from vae.errors import InputError
from vae.evidence import Gaussian, Sampled, effective_sample_size, log_mean_weight
from vae.full_gaussian import FullGaussian, full
from vae.quadrature import LogDensity

LEAPS = 5  # of one move
TARGET = 0.8  # share of moves to accept
PILOT_CHAINS, PILOT_STEPS = 16, 60


class Annealed(NamedTuple):
    """The estimate of ln ∫ f with its standard error, and what it rests on."""

    log_total: Sampled
    effective_sample_size: float
    accepted: float  # share of the moves
    z: Tensor  # where the chains end, (chains, k), with weights `log_w` (chains,)
    log_w: Tensor


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
    steps: int = 200,
    generator: torch.Generator | None = None,
) -> Annealed:
    """`log_density` is differentiable, (N, k) float64 → (N,). The step size is set by chains of their own beforehand,
    which keeps the estimate unbiased.
    """
    if chains < 2 or steps < 2:
        raise InputError("Annealing needs at least 2 chains and 2 steps.")
    start = full(q)
    size = _pilot(log_density, start, generator)
    temperatures = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    zeta = torch.randn((chains, len(start.mu)), generator=generator, dtype=torch.float64)
    log_w, accepted = torch.zeros(chains, dtype=torch.float64), []
    ratio = _ratio(log_density, start, zeta)
    for before, after in zip(temperatures[:-1].tolist(), temperatures[1:].tolist(), strict=True):
        log_w += (after - before) * ratio
        if after < 1:
            zeta, ratio, share = _move(log_density, start, zeta, after, size, generator)
            accepted.append(share)
    share = sum(accepted) / len(accepted)
    return Annealed(log_mean_weight(log_w), effective_sample_size(log_w), share, start.at(zeta), log_w)


def _pilot(log_density: LogDensity, q: FullGaussian, generator: torch.Generator | None) -> float:
    """A step size that accepts about `TARGET` of the moves along the way, by stochastic approximation."""
    log_size = -1.5
    zeta = torch.randn((PILOT_CHAINS, len(q.mu)), generator=generator, dtype=torch.float64)
    for i in range(PILOT_STEPS):
        size = float(torch.tensor(log_size).exp())
        zeta, _, share = _move(log_density, q, zeta, (i + 1) / PILOT_STEPS, size, generator)
        log_size += 2.0 * (share - TARGET) / (i + 5) ** 0.6
    return float(torch.tensor(log_size).exp())


def _ratio(log_density: LogDensity, q: FullGaussian, zeta: Tensor) -> Tensor:
    """ln f − ln q at z = mu + L·zeta, (chains,)."""
    z = q.at(zeta)
    return (log_density(z) - q.log_prob(z)).detach()


def _slope(log_density: LogDensity, q: FullGaussian, zeta: Tensor, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
    """ln of the tempered density in zeta, up to its constant, its slope, and ln f − ln q."""
    zeta = zeta.detach().requires_grad_()
    z = q.at(zeta)
    log_q = q.log_prob(z)
    ratio = log_density(z) - log_q
    value = log_q + temperature * ratio
    (slope,) = torch.autograd.grad(value.sum(), zeta)
    return value.detach(), slope, ratio.detach()


def _move(
    log_density: LogDensity,
    q: FullGaussian,
    zeta: Tensor,
    temperature: float,
    size: float,
    generator: torch.Generator | None,
) -> tuple[Tensor, Tensor, float]:
    """One Hamiltonian move of every chain, with q's own covariance as the metric: zeta, ln f − ln q, share accepted."""
    momentum = torch.randn(zeta.shape, generator=generator, dtype=torch.float64)
    value, slope, ratio = _slope(log_density, q, zeta, temperature)
    energy = value - 0.5 * momentum.square().sum(1)
    proposal = zeta
    for _ in range(LEAPS):
        half = momentum + 0.5 * size * slope
        proposal = proposal + size * half
        new_value, slope, new_ratio = _slope(log_density, q, proposal, temperature)
        momentum = half + 0.5 * size * slope
    gain = new_value - 0.5 * momentum.square().sum(1) - energy
    uniform = torch.rand(len(zeta), generator=generator, dtype=torch.float64)
    taken = uniform.log() < gain
    moved = torch.where(taken[:, None], proposal, zeta)
    return moved, torch.where(taken, new_ratio, ratio), taken.double().mean().item()
