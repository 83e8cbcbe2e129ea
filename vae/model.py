"""The VAE: q(z|x) by the encoder, p(x|z) by the decoder and its likelihood, the prior N(0, I)."""

from __future__ import annotations

from math import log, sqrt
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vae.gaussian import LOG_2PI, DiagonalGaussian
from vae.networks import Decoder, Encoder
from vae.plan import ImageShape, Plan

Likelihood = Literal["bernoulli", "gaussian"]
SIGMA_RANGE = (1e-3, 1e3)  # of a learned sigma, as of the setting. The minimum is a quarter of one of 256 grey levels


class LearnedSigma(nn.Module):
    """sigma² of the gaussian likelihood as its optimum: the mean squared error of a pixel over the latest images.

    The mean of −ln N(x; mean, sigma²) over images and pixels, ½(MSE/sigma² + ln 2π sigma²), is least at sigma² = MSE
    (Rybkin et al. 2021, "Simple and Effective VAE Training with Calibrated Decoders"). The derivative in sigma is 0
    there, so the networks get the gradient of ½ ln MSE although sigma is treated as a constant.
    """

    variance: Tensor  # sigma²
    weight: Tensor  # total weight of the errors in the exponential mean, 0 before the first: corrects for the start

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.register_buffer("variance", torch.tensor(sigma**2))
        self.register_buffer("weight", torch.tensor(0.0))

    @torch.no_grad()
    def update(self, squared_error: Tensor, decay: float) -> None:
        """Update the exponential mean by a batch's mean squared error of a pixel; `decay` multiplies the old mean.

        An error that is not finite counts as the current variance.
        """
        finite = torch.where(torch.isfinite(squared_error), squared_error, self.variance)
        self.weight.mul_(decay).add_(1 - decay)
        self.variance.lerp_(finite.to(self.variance.dtype), (1 - decay) / self.weight)
        self.variance.clamp_(SIGMA_RANGE[0] ** 2, SIGMA_RANGE[1] ** 2)

    @torch.no_grad()
    def put(self, variance: float) -> None:
        """Set sigma² to `variance`, clipped to the range of sigma."""
        self.variance.fill_(min(max(variance, SIGMA_RANGE[0] ** 2), SIGMA_RANGE[1] ** 2))


class VAE(nn.Module):
    """A variational autoencoder for images in [0, 1] of one shape.

    The layers come from `plan` (see `make_plan`), for x of `image_shape` (C, H, W). The prior is N(0, I).

    `likelihood` "bernoulli": ln p(x|z) = Σ x·ln p + (1−x)·ln(1−p), p = sigmoid(logits). On grey pixels this is the
    usual cross-entropy, an unnormalised density. "gaussian": pixels are N(mean, sigma²) with one fixed `sigma`, and
    ln p(x|z) = −½‖x − mean‖²/sigma² − (d/2) ln(2π sigma²) for d pixels, normalised. Changing beta or sigma then has the
    same effect on training: the optimum of distortion + beta · rate depends on beta · sigma² only (the elbo does not).
    After `learn_sigma`, sigma is estimated while the model trains: see `LearnedSigma`.
    """

    learned: LearnedSigma | None

    def __init__(self, plan: Plan, image_shape: ImageShape, likelihood: Likelihood, sigma: float = 1.0) -> None:
        super().__init__()
        self.encoder = Encoder(plan)
        self.decoder = Decoder(plan)
        self.plan = plan
        self.image_shape = image_shape
        self.latent_dim = plan.latent_dim
        self.likelihood = likelihood
        self.register_module("learned", None)
        self._sigma = sigma

    @property
    def sigma(self) -> float:
        """Standard deviation of a pixel under the gaussian likelihood; a learned one is rounded to 6 digits."""
        return self._sigma if self.learned is None else float(f"{sqrt(self.learned.variance.item()):.6g}")

    @sigma.setter
    def sigma(self, value: float) -> None:
        """Fix sigma; it is no longer learned from here on."""
        self.learned = None
        self._sigma = value

    def learn_sigma(self) -> None:
        """Estimate sigma from the errors of the images, from the first batch on; until then it keeps its value."""
        self.learned = LearnedSigma(self._sigma)

    def weights(self) -> dict[str, Tensor]:
        """Weights of encoder and decoder, by name, as in a checkpoint (which stores sigma as a setting)."""
        return {name: weight for name, weight in self.state_dict().items() if not name.startswith("learned.")}

    def encode(self, x: Tensor) -> DiagonalGaussian:
        """q(z|x) for x (B, C, H, W): mu and logvar (B, k)."""
        result: DiagonalGaussian = self.encoder(x)
        return result

    def decode(self, z: Tensor) -> Tensor:
        """The mean image E[x|z] (B, C, H, W) for z (B, k); in [0, 1] for "bernoulli", unclipped for "gaussian"."""
        output = self.decoder(z)
        return torch.sigmoid(output) if self.likelihood == "bernoulli" else output

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """ln p(x|z) in nats per image, summed over pixels: shape (B,) for x (B, C, H, W) and z (B, k)."""
        return self.log_density(x, self.decoder(z))

    def log_density(self, x: Tensor, output: Tensor) -> Tensor:
        """ln p(x|z) as in `log_likelihood`, from the decoder's `output` at z, of the shape of x."""
        if self.likelihood == "bernoulli":
            return -F.binary_cross_entropy_with_logits(output, x, reduction="none").flatten(1).sum(1)
        squared = (x - output).flatten(1).square().sum(1)
        pixels = x[0].numel()
        if self.learned is not None:
            variance = self.learned.variance
            return -0.5 * (squared / variance + pixels * (LOG_2PI + variance.log()))
        return -0.5 * (squared / self.sigma**2 + pixels * (LOG_2PI + 2 * log(self.sigma)))

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Mean images of `n` draws from the prior, (n, C, H, W)."""
        device = next(self.parameters()).device
        return self.decode(torch.randn(n, self.latent_dim, generator=generator, device=device))
