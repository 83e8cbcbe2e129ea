"""Forces on a posterior: negative gradients of distortion and rate in mu and sigma of an image. Nats per image.

A step along a force reduces its term of loss = distortion + beta · rate. The weights of both networks are fixed; only
the image's q(z|x) = N(mu, sigma²) varies.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from vae.errors import InputError
from vae.gaussian import DiagonalGaussian
from vae.model import VAE

BATCH_PIXELS = 1 << 22  # pixels that are decoded at once: limits the memory for images and gradients


class Forces(NamedTuple):
    """−∂/∂mu and −∂/∂ln sigma of a term of the loss, shape (B, k): nats per unit of z, and nats per e-fold of sigma."""

    mu: Tensor
    logsigma: Tensor


class Estimate(NamedTuple):
    """Means of forces over draws, and their standard errors, shape (B, k)."""

    mean: Forces
    standard_error: Forces


def distortion_forces(model: VAE, x: Tensor, posterior: DiagonalGaussian, zeta: Tensor) -> Estimate:
    """The forces of the distortion D = −E_q ln p(x|z), by the reparameterisation z = mu + sigma · zeta.

    With g = ∂ ln p(x|z)/∂z, −∂D/∂mu = E g and −∂D/∂ln sigma = E[g · sigma · zeta] (the pathwise estimator: Kingma &
    Welling 2014; Rezende et al. 2014). Images x (B, C, H, W), posteriors (B, k), noise `zeta` (n, B, k) with n ≥ 2.
    Every draw is paired with −zeta (antithetic draws), which cancels most of the noise of the force on mu, and all of
    it if ln p is quadratic. Both means are unbiased; the standard error is that of the mean over the n pairs, sd/√n.
    Only the decoder is run, for a few million pixels at a time; sums are float64. `InputError` for noise that does not
    fit.
    """
    if zeta.ndim != 3 or len(zeta) < 2 or zeta.shape[1:] != posterior.mu.shape or len(x) != zeta.shape[1]:
        raise InputError("Forces need noise of shape (draws, images, latent_dim) with at least 2 draws.")
    mu, sigma = posterior.mu.detach(), posterior.sigma.detach()
    rows = max(1, BATCH_PIXELS // x[0].numel())
    parts = [
        _of_rows(model, x[i : i + rows], mu[i : i + rows], sigma[i : i + rows], zeta[:, i : i + rows])
        for i in range(0, len(x), rows)
    ]
    sums, squares = (torch.cat(part, 1) for part in zip(*parts, strict=True))  # (2, B, k) each
    n = len(zeta)
    mean = sums / n
    variance = (squares / n - mean.square()).clamp_min(0) / (n - 1)
    return Estimate(Forces(*mean), Forces(*variance.sqrt()))


def rate_forces(posterior: DiagonalGaussian, beta: float) -> Forces:
    """The forces of beta · KL(q ‖ N(0, I)) in closed form: −beta · mu on mu, −beta · (sigma² − 1) on ln sigma."""
    return Forces(-beta * posterior.mu, -beta * torch.expm1(posterior.logvar))


def _of_rows(model: VAE, x: Tensor, mu: Tensor, sigma: Tensor, zeta: Tensor) -> tuple[Tensor, Tensor]:
    """Sums over draws of both forces and of their squares, each (2, B, k) in float64."""
    sums = torch.zeros(2, *mu.shape, dtype=torch.float64, device=mu.device)
    squares = torch.zeros_like(sums)
    for noise in zeta:
        g, mirrored = (_slope(model, x, torch.addcmul(mu, sigma, side)) for side in (noise, -noise))
        forces = torch.stack((g + mirrored, (g - mirrored) * sigma * noise)).double() / 2
        sums += forces
        squares += forces.square()
    return sums, squares


def _slope(model: VAE, x: Tensor, z: Tensor) -> Tensor:
    """∂ ln p(x|z)/∂z, shape (B, k)."""
    z.requires_grad_()
    (g,) = torch.autograd.grad(model.log_likelihood(x, z).sum(), z)
    return g
