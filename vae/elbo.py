"""The evidence lower bound, its two terms, and the importance-weighted bound. Nats per image throughout."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import log
from typing import NamedTuple

import torch
from torch import Tensor

from vae.gaussian import DiagonalGaussian, log_prior
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

    def loss(self, beta: Tensor | float = 1.0, free_bits: float = 0.0, capacity: float = 0.0) -> Tensor:
        """The training loss distortion + beta · rate, mean over images, in nats per image (Higgins et al. 2017).

        With `free_bits` λ (nats): distortion + beta · Σ_i max(λ, rate_i), where rate_i is the mean over the images. A
        dimension below λ has no gradient from the rate (Kingma et al. 2016). With `capacity` C (nats):
        distortion + beta · |rate − C|, which moves the mean rate towards C from both sides (Burgess et al. 2018).
        """
        return _weighed(self.distortion, self.rate_per_dim, beta, free_bits, capacity)


def _weighed(
    distortion: Tensor, rate_per_dim: Tensor, beta: Tensor | float, free_bits: float, capacity: float
) -> Tensor:
    if capacity:
        return distortion.mean() + beta * (rate_per_dim.sum(-1).mean() - capacity).abs()
    if free_bits:
        return distortion.mean() + beta * rate_per_dim.mean(0).clamp_min(free_bits).sum()
    return (distortion + beta * rate_per_dim.sum(-1)).mean()


def elbo(model: VAE, x: Tensor, zeta: Tensor | None = None, generator: torch.Generator | None = None) -> Elbo:
    """One-sample estimate for images x (B, C, H, W), differentiable by the reparameterisation z = mu + sigma · zeta.

    `zeta` (B, k) is the noise; without it, it is drawn from `generator`.
    """
    posterior = model.encode(x)
    z = posterior.rsample(generator=generator) if zeta is None else posterior.at(zeta)
    return Elbo(-model.log_likelihood(x, z), posterior.kl_per_dim())


def objective(
    model: VAE,
    x: Tensor,
    zeta: Tensor,
    beta: Tensor | float = 1.0,
    *,
    free_bits: float = 0.0,
    capacity: float = 0.0,
    tc_weight: float = 1.0,
    at_mean: bool = False,
    learn_sigma: Callable[[Tensor], None] | None = None,
) -> tuple[Elbo, Tensor]:
    """The ELBO of images x (B, C, H, W), and the training loss (a scalar), nats per image.

    `zeta` (B, n · k) is the noise of n draws. For n = 1, the loss is `Elbo.loss`, to which a `tc_weight` other than 1
    adds beta · (tc_weight − 1) · `total_correlation` (Chen et al. 2018). With `at_mean`, the loss decodes z = mu, as an
    autoencoder does, while the `Elbo` is still computed at the draw. For n > 1, see `importance_weighted`.

    Where sigma is learned, `learn_sigma` is called with the sigma² that minimises this loss, a scalar: the mean squared
    error of a pixel of what the loss decodes. The loss is computed afterwards, with the model's updated sigma.
    """
    if zeta.shape[1] > model.latent_dim:
        return importance_weighted(model, x, zeta.unflatten(1, (-1, model.latent_dim)), beta, learn_sigma)
    posterior = model.encode(x)
    z, rate_per_dim = posterior.at(zeta), posterior.kl_per_dim()
    output = model.decoder(posterior.mu if at_mean else z)
    if learn_sigma is not None:
        learn_sigma((x - output.detach()).square().mean())
    distortion = -model.log_density(x, output)
    if at_mean:
        with torch.no_grad():
            bound = Elbo(-model.log_likelihood(x, z), rate_per_dim)
        return bound, _weighed(distortion, rate_per_dim, beta, free_bits, capacity)
    bound = Elbo(distortion, rate_per_dim)
    loss = bound.loss(beta, free_bits, capacity)
    if tc_weight != 1:
        loss = loss + beta * (tc_weight - 1) * total_correlation(posterior, z)
    return bound, loss


def total_correlation(posterior: DiagonalGaussian, z: Tensor) -> Tensor:
    """E ln q(z) − Σ_i ln q(z_i) by one draw z (B, k) of each posterior (B, k), nats; differentiable.

    q(z) and q(z_i) are taken to be the mixtures of this batch alone: the minibatch-weighted estimate (Chen et al. 2018)
    without its constant (k − 1) ln N, N training images, which has no gradient. Biased; the bias shrinks as B grows.
    """
    logs = posterior.log_prob_per_dim(z[:, None])  # (B, B, k): of draw b under posterior c
    return (logs.sum(2).logsumexp(1) - logs.logsumexp(1).sum(1)).mean() + (z.shape[1] - 1) * log(len(z))


def importance_weighted(
    model: VAE,
    x: Tensor,
    zeta: Tensor,
    beta: Tensor | float = 1.0,
    learn_sigma: Callable[[Tensor], None] | None = None,
) -> tuple[Elbo, Tensor]:
    """The loss −L_n, mean over images x (B, C, H, W), by n reparameterised draws with noise `zeta` (B, n, k).

    L_n = ln (1/n) Σ_j p(x|z_j) · (p(z_j)/q(z_j|x))^beta. At beta 1 it is the importance-weighted bound (Burda et al.
    2016); at n = 1, −L_n is in expectation the beta-VAE's loss. The `Elbo` holds the mean distortion of the draws.

    d L_n / d sigma is 0 where sigma² is the mean squared error of a pixel, each draw weighted by its normalised term of
    the sum. `learn_sigma` is called with that value, with weights computed at the previous sigma (one step of a
    fixed-point iteration).
    """
    n = zeta.shape[1]
    posterior = model.encode(x)
    each = DiagonalGaussian(posterior.mu[:, None], posterior.logvar[:, None])
    z = each.at(zeta)
    repeated, output = x.repeat_interleave(n, 0), model.decoder(z.flatten(0, 1))
    log_ratio = beta * (log_prior(z) - each.log_prob(z))
    if learn_sigma is not None:
        with torch.no_grad():
            log_terms = model.log_density(repeated, output).unflatten(0, (-1, n)) + log_ratio
            squared = (repeated - output).flatten(1).square().mean(1).unflatten(0, (-1, n))
            learn_sigma((log_terms.softmax(1) * squared).sum(1).mean())
    log_p = model.log_density(repeated, output).unflatten(0, (-1, n))
    log_w = log_p + log_ratio
    loss = log(n) - log_w.logsumexp(1).mean()
    return Elbo(-log_p.mean(1), posterior.kl_per_dim()), loss


@torch.no_grad()
def importance_weighted_bound(model: VAE, x: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    """L_k = ln (1/k) Σ_j p(x|z_j) p(z_j) / q(z_j|x), z_j ~ q(z|x): shape (B,) for x (B, C, H, W), nats per image.

    E L_1 = ELBO ≤ E L_k ≤ E L_{k+1} ≤ ln p(x) (Burda et al. 2016). The noise comes from `generator`.
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
    """L_k from log weights (draws, B), averaged over disjoint groups of `k` draws: shape (B,), nats per image.

    Groups use all draws (but a remainder smaller than k), and where one k divides another, the larger one gives the
    larger bound for every image (Jensen).
    """
    groups = log_w[: len(log_w) // k * k].unflatten(0, (-1, k))
    result: Tensor = (groups.logsumexp(1) - log(k)).mean(0)
    return result
