"""The evidence lower bound, its two terms, and the importance-weighted bound. Nats per image throughout."""

from __future__ import annotations

from collections.abc import Iterable
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

    def loss(self, beta: Tensor | float = 1.0, free_bits: float = 0.0) -> Tensor:
        """distortion + beta · rate, averaged over images: what training descends (beta-VAE, Higgins et al. 2017).

        With `free_bits` λ, in nats, a dimension whose rate is below λ on average over the images pays for λ, and so
        feels no pull: distortion + beta · Σ_i max(λ, rate_i) (Kingma et al. 2016).
        """
        if not free_bits:
            return (self.distortion + beta * self.rate).mean()
        return self.distortion.mean() + beta * self.rate_per_dim.mean(0).clamp_min(free_bits).sum()


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

    E L_1 = ELBO ≤ E L_k ≤ E L_{k+1} ≤ ln p(x) (Burda et al. 2016).
    """
    shape = (len(x), model.latent_dim)
    noise = (torch.randn(shape, generator=generator, device=x.device, dtype=x.dtype) for _ in range(k))
    return bound_of_weights(log_weights(model, x, noise), k)


@torch.no_grad()
def log_weights(model: VAE, x: Tensor, noise: Iterable[Tensor]) -> Tensor:
    """ln p(x|z_j) + ln p(z_j) − ln q(z_j|x) at z_j = mu + sigma · zeta_j, shape (draws, B) for x (B, C, H, W).

    `noise` yields the zeta_j, each (B, k). They are decoded one at a time, so images of only one draw are in memory.
    """
    posterior = model.encode(x)
    draws = (posterior.at(zeta) for zeta in noise)
    return torch.stack([model.log_likelihood(x, z) + log_prior(z) - posterior.log_prob(z) for z in draws])


def bound_of_weights(log_w: Tensor, k: int) -> Tensor:
    """L_k from log weights (draws, B), averaged over the disjoint groups of `k` draws that they hold: shape (B,).

    Groups make full use of the draws, and bounds for k that divide one another rise with k for every image (Jensen).
    """
    groups = log_w[: len(log_w) // k * k].unflatten(0, (-1, k))
    return (groups.logsumexp(1) - log(k)).mean(0)
