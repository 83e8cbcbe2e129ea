"""The linear VAE in closed form: probabilistic PCA along beta. No torch here. Nats per image.

A VAE without hidden layers whose pixels are Gaussian with one fixed sigma has its optimum in closed form, for any beta
(Tipping & Bishop 1999; Lucas et al. 2019; rate and distortion by reverse water-filling, Cover & Thomas, 10.3). With λ_i
the eigenvalues of the data's covariance and the water level τ = beta · sigma²:

    direction i is active       iff λ_i > τ, so up to beta = λ_i/sigma², and only the first latent_dim of them can be
    rate                        Σ_{i ≤ latent_dim} ½ ln(λ_i/τ)₊
    squared error E‖x − x̂‖²     Σ_{i ≤ latent_dim} min(λ_i, τ) + Σ_{i > latent_dim} λ_i
    distortion                  squared error/(2 sigma²) + d/2 · ln(2π sigma²)

The error counts the noise of z: x̂ is the decoded draw z ~ q(z|x), not the decoded mean.
"""

from __future__ import annotations

from math import isfinite, log, pi
from typing import NamedTuple

import numpy as np

from vae.errors import InputError


class Optimum(NamedTuple):
    """The least distortion + beta · rate that a linear VAE can reach, and how it gets there."""

    active: int  # dimensions with a rate above 0
    rate: float  # nats per image
    rate_per_dim: np.ndarray  # (latent_dim,), falling
    squared_error: float  # E‖x − x̂‖², summed over pixels
    distortion: float  # nats per image, with all constants of the Gaussian density


def eigenvalues(images: np.ndarray) -> np.ndarray:
    """λ (d,) of the covariance (divided by N) of images (N, …) with d pixels, largest first; uint8 counts as 0 to 1."""
    pixels = np.asarray(images, np.float64).reshape(len(images), -1) / (255 if images.dtype == np.uint8 else 1)
    if len(pixels) < 2 or not np.isfinite(pixels).all():
        raise InputError("The eigenvalues of a data set need at least 2 images of finite pixels.")
    centred = pixels - pixels.mean(0)
    return np.clip(np.linalg.eigvalsh(centred.T @ centred / len(pixels))[::-1], 0, None)


def thresholds(values: np.ndarray, sigma: float, latent_dim: int) -> np.ndarray:
    """The beta λ_i/sigma² at and above which dimension i carries nothing, (min(latent_dim, d),), falling."""
    return values[:latent_dim] / sigma**2


def optimum(values: np.ndarray, beta: float, sigma: float, latent_dim: int) -> Optimum:
    """The optimum for eigenvalues (d,), largest first. At beta 0 the rate is infinite: nothing holds sigma open."""
    if not (isfinite(beta) and beta >= 0 and isfinite(sigma) and sigma > 0 and latent_dim >= 1):
        raise InputError("A linear VAE needs a beta of at least 0, a sigma above 0 and a latent_dim of at least 1.")
    level = beta * sigma**2
    coded = np.zeros(latent_dim)
    coded[: len(values)] = values[:latent_dim]
    with np.errstate(divide="ignore"):
        rates = 0.5 * np.log(np.maximum(coded, level) / level) if level else np.where(coded > 0, np.inf, 0.0)
    error = float(np.minimum(coded, level).sum() + values[latent_dim:].sum())
    distortion = error / (2 * sigma**2) + len(values) / 2 * log(2 * pi * sigma**2)
    return Optimum(int((coded > level).sum()), float(rates.sum()), rates, error, distortion)
