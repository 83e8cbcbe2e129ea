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

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite, log, pi
from typing import Any, NamedTuple

import numpy as np

from vae.errors import InputError


class Optimum(NamedTuple):
    """The minimum of distortion + beta · rate of a linear VAE."""

    active: int  # dimensions with a rate above 0
    rate: float  # nats per image
    rate_per_dim: np.ndarray  # (latent_dim,), descending
    squared_error: float  # E‖x − x̂‖², summed over pixels
    distortion: float  # nats per image, with all constants of the Gaussian density


@dataclass(frozen=True)
class ClosedForm:
    """The optimum along a beta path, for the images that the path was trained on.

    `thresholds[d]` is the beta from which on dimension d of z has rate 0; `rates[i]` and `distortions[i]` belong to
    `betas[i]`, closely spaced; `stops[i]` are (rate, distortion) at the betas of the path, None at beta 0, where the
    rate is infinite.
    """

    eigenvalues: list[float]
    thresholds: list[float]
    betas: list[float]
    rates: list[float]
    distortions: list[float]
    stops: list[list[float] | None]

    @classmethod
    def along(
        cls, values: np.ndarray, betas: Sequence[float], sigma: float, order: Sequence[int], spots: int = 200
    ) -> ClosedForm:
        """From eigenvalues (d,) and the rising `betas` of a path; `order` are the dimensions of z by descending rate.

        Dimensions beyond the d-th have rate 0 at any beta. The curve has `spots` betas.
        """
        k = len(order)
        limits = np.zeros(k)
        limits[list(order)[: len(values)]] = thresholds(values, sigma, k)
        fine = np.geomspace(next(beta for beta in betas if beta > 0), betas[-1], spots)
        curve = [optimum(values, beta, sigma, k) for beta in fine]
        stops = [optimum(values, beta, sigma, k) if beta else None for beta in betas]
        return cls(
            eigenvalues=_rounded(values),
            thresholds=_rounded(limits),
            betas=_rounded(fine),
            rates=_rounded([at.rate for at in curve]),
            distortions=_rounded([at.distortion for at in curve]),
            stops=[at and _rounded((at.rate, at.distortion)) for at in stops],
        )

    @classmethod
    def from_json(cls, text: str, stops: int, latent_dim: int) -> ClosedForm:
        """Read `to_json` of a path with so many stops; ValueError, TypeError or KeyError if it is damaged."""
        values = json.loads(text)
        found = cls(**{name: values[name] for name in cls.__dataclass_fields__})
        curve = (found.betas, found.rates, found.distortions)
        numbers: list[Any] = [*found.eigenvalues, *found.thresholds, *(n for part in curve for n in part)]
        numbers += [number for at in found.stops if at is not None for number in at]
        sizes = len(found.thresholds), len(found.stops), {len(at) for at in found.stops if at is not None}
        if sizes != (latent_dim, stops, {2}) or len({len(part) for part in curve}) != 1:
            raise ValueError("damaged")
        if not all(type(number) in (int, float) and isfinite(number) for number in numbers):
            raise ValueError("damaged")
        return found

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def eigenvalues(images: np.ndarray) -> np.ndarray:
    """Eigenvalues λ (d,), descending, of the covariance (divided by N) of images (N, …) with d pixels.

    uint8 pixels are divided by 255. `InputError` for fewer than 2 images or pixels that are not finite.
    """
    pixels = np.asarray(images, np.float64).reshape(len(images), -1) / (255 if images.dtype == np.uint8 else 1)
    if len(pixels) < 2 or not np.isfinite(pixels).all():
        raise InputError("The eigenvalues of a data set need at least 2 images of finite pixels.")
    centred = pixels - pixels.mean(0)
    return np.clip(np.linalg.eigvalsh(centred.T @ centred / len(pixels))[::-1], 0, None)


def thresholds(values: np.ndarray, sigma: float, latent_dim: int) -> np.ndarray:
    """The betas λ_i/sigma² from which on dimension i has rate 0, (min(latent_dim, d),), descending."""
    return values[:latent_dim] / sigma**2


def optimum(values: np.ndarray, beta: float, sigma: float, latent_dim: int) -> Optimum:
    """The optimum for eigenvalues (d,), descending. At beta 0 the rate is infinite: sigma has no lower bound.

    `InputError` for settings outside their range.
    """
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


def _rounded(values: Any) -> list[float]:
    return [float(f"{value:.7g}") for value in values]
