"""A Gaussian q(z|x) with full covariance, to compare a diagonal one with; and grids under a Gaussian."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from vae.gaussian import LOG_2PI, DiagonalGaussian


class FullGaussian(NamedTuple):
    """N(mu, L Lᵀ) for one image: `mu` (k,), `tril` (k, k) lower triangular with a positive diagonal."""

    mu: Tensor
    tril: Tensor

    @property
    def covariance(self) -> Tensor:
        return self.tril @ self.tril.T

    def at(self, zeta: Tensor) -> Tensor:
        """z = mu + L · zeta for standard-normal noise `zeta` (..., k)."""
        return self.mu + zeta @ self.tril.T

    def rsample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Differentiable draws, shape (n, k)."""
        shape = (n, len(self.mu))
        return self.at(torch.randn(shape, generator=generator, device=self.mu.device, dtype=self.mu.dtype))

    def log_prob(self, z: Tensor) -> Tensor:
        """Natural log of the density at `z` (..., k): shape (...)."""
        return self.log_prob_at(self.noise_of(z))

    def noise_of(self, z: Tensor) -> Tensor:
        """The zeta (..., k) of `at(zeta)` = z (..., k)."""
        offsets = (z - self.mu).reshape(-1, len(self.mu))  # solved as one system, which is much faster than many
        result: Tensor = torch.linalg.solve_triangular(self.tril, offsets.T, upper=False).T.reshape(z.shape)
        return result

    def log_prob_at(self, zeta: Tensor) -> Tensor:
        """`log_prob(at(zeta))`, shape (...), without solving for zeta."""
        return -0.5 * (zeta.square() + LOG_2PI).sum(-1) - self.tril.diagonal().log().sum()

    def entropy(self) -> Tensor:
        """−E ln q in nats."""
        return 0.5 * len(self.mu) * (1 + LOG_2PI) + self.tril.diagonal().log().sum()

    def kl(self) -> Tensor:
        """KL to the prior N(0, I) in nats: ½ (‖mu‖² + ‖L‖² − k) − Σ ln L_ii."""
        squares = self.mu.square().sum() + self.tril.square().sum() - len(self.mu)
        return 0.5 * squares - self.tril.diagonal().log().sum()


def full(q: DiagonalGaussian | FullGaussian) -> FullGaussian:
    """The same q, of one image, as `FullGaussian` in float64."""
    if isinstance(q, FullGaussian):
        return FullGaussian(q.mu.double(), q.tril.double())
    return FullGaussian(q.mu.double(), torch.diag(q.sigma.double()))


class Nodes(NamedTuple):
    """Points zeta (N, k) with weights (N,) that sum to 1: E f(mu + L·zeta) ≈ Σ weights · f."""

    zeta: Tensor
    weights: Tensor


def nodes(k: int, per_axis: int, reach: float = 6.0) -> Nodes:
    """An even grid under N(0, I) within `reach`: the midpoint rule, with an error of e^(−2π²/step²) for smooth f.

    For decoders with ReLU, which have kinks, Gauss-Hermite nodes are no better.
    """
    step = 2 * reach / per_axis
    axis = (torch.arange(per_axis, dtype=torch.float64) + 0.5) * step - reach
    zeta = torch.cartesian_prod(*[axis] * k).reshape(-1, k)
    squared = zeta.square().sum(1)
    inside = squared <= reach**2
    weights = torch.exp(-0.5 * squared[inside])
    return Nodes(zeta[inside], weights / weights.sum())
