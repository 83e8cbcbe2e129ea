"""The VAE: q(z|x) by the encoder, p(x|z) by the decoder and its likelihood, the prior N(0, I)."""

from __future__ import annotations

from math import log
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vae.gaussian import LOG_2PI, DiagonalGaussian
from vae.networks import Decoder, Encoder
from vae.plan import ImageShape, Plan

Likelihood = Literal["bernoulli", "gaussian"]


class VAE(nn.Module):
    """A variational autoencoder for images in [0, 1] of one shape.

    `likelihood` "bernoulli": ln p(x|z) = Σ x·ln p + (1−x)·ln(1−p), p = sigmoid(logits). On grey pixels this is the
    cross-entropy that the field reports, an unnormalised density. "gaussian": pixels are N(mean, sigma²) with one
    fixed `sigma`; the full normalised density, so that −½‖x − mean‖²/sigma² is joined by its constant. Beta and sigma
    are one knob there: the optimum of distortion + beta · rate is the same along beta · sigma² = const, not the elbo.
    """

    log_sigma: nn.Parameter | None

    def __init__(self, plan: Plan, image_shape: ImageShape, likelihood: Likelihood, sigma: float = 1.0) -> None:
        super().__init__()
        self.encoder = Encoder(plan)
        self.decoder = Decoder(plan)
        self.plan = plan
        self.image_shape = image_shape
        self.latent_dim = plan.latent_dim
        self.likelihood = likelihood
        self.register_parameter("log_sigma", None)
        self._sigma = sigma

    @property
    def sigma(self) -> float:
        """Standard deviation of a pixel under the gaussian likelihood; of a learned one, 6 digits."""
        return self._sigma if self.log_sigma is None else float(f"{self.log_sigma.detach().exp().item():.6g}")

    @sigma.setter
    def sigma(self, value: float) -> None:
        """Fix it, where it was learned too."""
        self.log_sigma = None
        self._sigma = value

    def learn_sigma(self) -> None:
        """Make ln sigma a parameter, which begins where sigma is."""
        self.log_sigma = nn.Parameter(torch.tensor(log(self._sigma)))

    def weights(self) -> dict[str, Tensor]:
        """Those of encoder and decoder, by name: what a checkpoint holds, for there sigma is a setting."""
        return {name: weight for name, weight in self.state_dict().items() if name != "log_sigma"}

    def encode(self, x: Tensor) -> DiagonalGaussian:
        """q(z|x) for x (B, C, H, W): mu and logvar (B, k)."""
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """The mean image E[x|z] (B, C, H, W) for z (B, k); in [0, 1] for "bernoulli", unclipped for "gaussian"."""
        output = self.decoder(z)
        return torch.sigmoid(output) if self.likelihood == "bernoulli" else output

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """ln p(x|z) in nats per image, summed over pixels: shape (B,) for x (B, C, H, W) and z (B, k)."""
        output = self.decoder(z)
        if self.likelihood == "bernoulli":
            return -F.binary_cross_entropy_with_logits(output, x, reduction="none").flatten(1).sum(1)
        squared = (x - output).flatten(1).square().sum(1)
        pixels = x[0].numel()
        if self.log_sigma is not None:
            return -0.5 * (squared * (-2 * self.log_sigma).exp() + pixels * (LOG_2PI + 2 * self.log_sigma))
        return -0.5 * (squared / self.sigma**2 + pixels * (LOG_2PI + 2 * log(self.sigma)))

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Mean images of `n` draws from the prior, (n, C, H, W)."""
        device = next(self.parameters()).device
        return self.decode(torch.randn(n, self.latent_dim, generator=generator, device=device))
