"""The loss of a VAE in ten lines of PyTorch, to be shown: the same as `vae.elbo` for a Bernoulli likelihood."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from vae.model import VAE


def loss(model: VAE, x: Tensor, beta: float, generator: Generator) -> Tensor:
    mu, logvar = model.encode(x)
    sigma = torch.exp(logvar / 2)
    zeta = torch.randn(mu.shape, generator=generator)
    z = mu + sigma * zeta
    logits = model.decoder(z)
    log_p = -F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1)
    distortion = -log_p.sum(1)
    rate = ((mu**2 + sigma**2 - 1 - logvar) / 2).sum(1)
    per_image = distortion + beta * rate
    return per_image.mean()
