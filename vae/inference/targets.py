"""Densities that a Gaussian q is fitted to: differentiable log densities on a line or a plane, most of them normalised.

The posterior of an image is another one: `Target(2, lambda z: log_joint(model, x, z))`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import erf, exp, log, pi, sqrt

import torch
from torch import Tensor

from vae.errors import InputError
from vae.gaussian import LOG_2PI
from vae.inference.quadrature import Box, Cells, LogDensity, integrate


@dataclass(frozen=True)
class Quadratic:
    """f(z) = −½ zᵀ A z + bᵀ z + c, whose Gaussian expectations have closed forms; A (k, k) symmetric, b (k,)."""

    A: Tensor
    b: Tensor
    c: float = 0.0

    def __call__(self, z: Tensor) -> Tensor:
        return -0.5 * ((z @ self.A) * z).sum(-1) + z @ self.b + self.c


@dataclass(frozen=True, eq=False)
class Target:
    """A density in `k` dimensions by its log, up to a constant; its mass is expected within ±`reach` of the origin."""

    k: int
    log_density: LogDensity
    reach: float = 6.0

    @cached_property
    def cells(self) -> Cells:
        """The target on cells, with constant, mean, covariance, modes and draws. `InputError` above 2 dimensions."""
        if self.k not in (1, 2):
            raise InputError(f"A grid needs a target of 1 or 2 dimensions, not {self.k}.")
        with torch.no_grad():
            box = Box(torch.zeros(self.k, dtype=torch.float64), self.reach, {1: 1200, 2: 120}[self.k])
            return integrate(self.log_density, box)


def square(k: int = 1) -> Quadratic:
    """f(z) = ‖z‖², the integrand of the estimators' closed forms."""
    return Quadratic(-2 * torch.eye(k, dtype=torch.float64), torch.zeros(k, dtype=torch.float64))


def gaussian(mean: Tensor, covariance: Tensor) -> Target:
    """N(mean, covariance) in any number of dimensions."""
    mean, covariance = mean.double(), covariance.double()
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if failed.any():
        raise InputError("A covariance must be symmetric and positive definite; keep correlations between −1 and 1.")
    A = torch.cholesky_inverse(factor)
    constant = -0.5 * (mean @ A @ mean + len(mean) * LOG_2PI).item() - factor.diagonal().log().sum().item()
    return Target(len(mean), Quadratic(A, A @ mean, constant))


def correlated(rho: float) -> Target:
    """N(0, ((1, ρ), (ρ, 1)))."""
    return gaussian(torch.zeros(2), torch.tensor([[1.0, rho], [rho, 1.0]]))


def two_modes(k: int = 2, distance: float = 4.0, sigma: float = 0.7, share: float = 0.5) -> Target:
    """share · N(−m, sigma²) + (1 − share) · N(m, sigma²) with ‖m‖ = distance/2 along (1, …, 1)."""
    middle = torch.full((k,), distance / 2 / sqrt(k), dtype=torch.float64)
    constant = k * (log(sigma) + 0.5 * LOG_2PI)

    def log_density(z: Tensor) -> Tensor:
        left, right = (-0.5 * (z - m).square().sum(-1) / sigma**2 - constant for m in (-middle, middle))
        return torch.logaddexp(left + log(share), right + log(1 - share))

    return Target(k, log_density)


def banana(bend: float = 0.5, spread: float = 1.5) -> Target:
    """z₁ ~ N(0, spread²), z₂ | z₁ ~ N(bend · (z₁² − spread²), ½²)."""
    constant = log(spread) + log(0.5) + LOG_2PI

    def log_density(z: Tensor) -> Tensor:
        across, up = z.unbind(-1)
        return -0.5 * ((across / spread) ** 2 + ((up - bend * (across**2 - spread**2)) / 0.5) ** 2) - constant

    return Target(2, log_density)


def ring(radius: float = 2.0, width: float = 0.3) -> Target:
    """Density exp(−(‖z‖ − radius)²/(2 width²)) on the plane, normalised."""
    tail = exp(-0.5 * (radius / width) ** 2)
    around = width**2 * tail + radius * width * sqrt(pi / 2) * (1 + erf(radius / (width * sqrt(2))))
    constant = log(2 * pi * around)

    def log_density(z: Tensor) -> Tensor:
        distance = (z.square().sum(-1) + 1e-12).sqrt()  # with a finite gradient at the origin
        return -0.5 * ((distance - radius) / width) ** 2 - constant

    return Target(2, log_density)


TARGETS: dict[str, Callable[[], Target]] = {
    "gaussian": lambda: correlated(0.9),
    "two modes": two_modes,
    "banana": banana,
    "ring": ring,
}
