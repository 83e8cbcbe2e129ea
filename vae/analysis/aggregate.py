"""The aggregate posterior q(z) = (1/N) Σ_n q(z|x_n) of given images: a mixture of Gaussians, evaluated in float64."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

import torch
from torch import Tensor

from vae.errors import InputError
from vae.gaussian import LOG_2PI, DiagonalGaussian

CHUNK = 1 << 17  # log densities computed at once: they fit into the cache of a processor


def components(posterior: DiagonalGaussian) -> DiagonalGaussian:
    """The N posteriors of a mixture, mu and logvar (N, k), as float64 without gradients.

    `InputError` for other shapes, fewer than 2 images, or values that are not finite or too large.
    """
    mu, logvar = (t.detach().double() for t in posterior)
    if mu.ndim != 2 or mu.shape != logvar.shape or len(mu) < 2:
        raise InputError("An aggregate posterior needs mu and logvar of shape (images, latent_dim), 2 images or more.")
    if not (torch.isfinite(mu).all() and torch.isfinite(logvar).all() and logvar.abs().max() < 600):
        raise InputError(
            "Some posteriors are not finite or have no width that numbers can hold; train the model again."
        )
    return DiagonalGaussian(mu, logvar)


def draw(posterior: DiagonalGaussian, draws: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """z ~ q(z), shape (draws, k), and the image of each, (draws,): stratified, every image once before any twice."""
    mu, logvar = posterior
    rounds = -(-draws // len(mu))
    order = torch.cat([torch.randperm(len(mu), generator=generator) for _ in range(rounds)])[:draws].to(mu.device)
    return DiagonalGaussian(mu[order], logvar[order]).rsample(generator=generator), order


def log_aggregate(z: Tensor, posterior: DiagonalGaussian) -> Tensor:
    """ln q(z) at z (M, k), shape (M,), by log-mean-exp over all N components: exact for these images."""
    parts = [log_sum_exp(logs.sum(0)) for logs in log_densities(z, posterior)]
    return torch.cat(parts) - log(len(posterior.mu))


def log_densities(z: Tensor, posterior: DiagonalGaussian) -> Iterator[Tensor]:
    """Yield ln q(z_i|x_n) of every dimension i, for consecutive rows of z (M, k): each (k, rows, N)."""
    mu, logvar = posterior
    n, k = mu.shape
    means, widths, logs = mu.T[:, None], torch.exp(-0.5 * logvar).T[:, None], (logvar + LOG_2PI).T[:, None]
    rows = max(1, CHUNK // (n * k))
    for part in z.split(rows):
        scaled = (part.T[:, :, None] - means).mul_(widths)
        yield scaled.square_().add_(logs).mul_(-0.5)


def log_sum_exp(logs: Tensor) -> Tensor:
    """ln Σ exp over the last dimension; overwrites `logs`.

    Smaller terms are raised to e^−700 of the largest: it makes no difference in float64, and an exp that underflows is
    forty times slower.
    """
    largest = logs.amax(-1, keepdim=True)
    return logs.sub_(largest).clamp_min_(-700).exp_().sum(-1).log_().add_(largest.squeeze(-1))
