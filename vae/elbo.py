"""The evidence lower bound, its two terms, and the importance-weighted bound. Nats per image throughout."""

from __future__ import annotations

from math import log
from typing import NamedTuple

import torch
from torch import Tensor

from vae.gaussian import log_prior
from vae.model import VAE


class Elbo(NamedTuple):
    """ELBO = −(distortion + rate) ≤ ln p(x), per image.

    `distortion` (B,) is −ln p(x|z) at a draw z ~ q(z|x), an unbiased estimate of −E_q ln p(x|z).
    `rate_per_dim` (B, k) is KL(q(z_i|x) ‖ N(0, 1)), in closed form.
    """

    distortion: Tensor
    rate_per_dim: Tensor

    @property
    def rate(self) -> Tensor:
        """KL(q(z|x) ‖ p(z)), shape (B,)."""
        return self.rate_per_dim.sum(-1)

    @property
    def elbo(self) -> Tensor:
        """The bound itself (higher is better), shape (B,). Beta has no part in it."""
        return -(self.distortion + self.rate)

    def loss(self, beta: Tensor | float = 1.0) -> Tensor:
        """distortion + beta · rate, averaged over images: what training descends (beta-VAE, Higgins et al. 2017)."""
        return (self.distortion + beta * self.rate).mean()


def elbo(model: VAE, x: Tensor, zeta: Tensor | None = None, generator: torch.Generator | None = None) -> Elbo:
    """One-sample estimate for images x (B, C, H, W), differentiable by the reparameterisation z = mu + sigma · zeta.

    `zeta` (B, k) is the noise; without it, it is drawn from `generator`.
    """
    posterior = model.encode(x)
    z = posterior.rsample(generator=generator) if zeta is None else posterior.at(zeta)
    return Elbo(-model.log_likelihood(x, z), posterior.kl_per_dim())


@torch.no_grad()
def importance_weighted_bound(model: VAE, x: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    """L_k = ln (1/k) Σ_j p(x|z_j) p(z_j) / q(z_j|x), z_j ~ q(z|x): shape (B,) for x (B, C, H, W).

    E L_1 = ELBO ≤ E L_k ≤ E L_{k+1} ≤ ln p(x) (Burda et al. 2016). Draws are made one at a time, so memory does not
    grow with `k`.
    """
    posterior = model.encode(x)
    total = torch.full((len(x),), -torch.inf, device=x.device)
    for _ in range(k):
        z = posterior.rsample(generator=generator)
        total = torch.logaddexp(total, model.log_likelihood(x, z) + log_prior(z) - posterior.log_prob(z))
    return total - log(k)
