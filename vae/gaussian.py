"""The one distribution type of the library: a Gaussian with diagonal covariance."""

from __future__ import annotations

from math import log, pi
from typing import NamedTuple

import torch
from torch import Tensor

LOG_2PI = log(2 * pi)


class DiagonalGaussian(NamedTuple):
    """N(mu, diag(sigma²)) with sigma² = exp(logvar), the type of every posterior q(z|x).

    The density of z in k dimensions is Π_i (2π sigma_i²)^-½ exp(−(z_i − mu_i)² / (2 sigma_i²)).
    `mu` and `logvar` have the same shape (..., k).
    """

    mu: Tensor
    logvar: Tensor

    @property
    def sigma(self) -> Tensor:
        """Standard deviation exp(logvar / 2), shape (..., k)."""
        return torch.exp(0.5 * self.logvar)

    def at(self, zeta: Tensor) -> Tensor:
        """z = mu + sigma · zeta for standard-normal noise `zeta` (..., k), reparameterised (Kingma & Welling 2014)."""
        return torch.addcmul(self.mu, self.sigma, zeta)

    def rsample(self, n: int | None = None, generator: torch.Generator | None = None) -> Tensor:
        """A differentiable draw, shape (..., k); with `n`, that many draws, shape (n, ..., k)."""
        shape = self.mu.shape if n is None else (n, *self.mu.shape)
        zeta = torch.randn(shape, generator=generator, device=self.mu.device, dtype=self.mu.dtype)
        return self.at(zeta)

    def log_prob(self, z: Tensor) -> Tensor:
        """Natural log of the density at `z`, summed over the last dimension: shape (...)."""
        return self.log_prob_per_dim(z).sum(-1)

    def log_prob_per_dim(self, z: Tensor) -> Tensor:
        """Natural log of every dimension's density at `z`, shape (..., k)."""
        squared = (z - self.mu).square() * torch.exp(-self.logvar)
        return -0.5 * (squared + self.logvar + LOG_2PI)

    def kl_per_dim(self) -> Tensor:
        """KL(N(mu, sigma²) ‖ N(0, 1)) = ½ (mu² + sigma² − 1 − ln sigma²) of every dimension, in nats: (..., k)."""
        return 0.5 * (self.mu.square() + torch.expm1(self.logvar) - self.logvar)


def log_prior(z: Tensor) -> Tensor:
    """ln p(z) = ln N(z; 0, I) for z (..., k), in nats: shape (...)."""
    return -0.5 * (z.square() + LOG_2PI).sum(-1)
