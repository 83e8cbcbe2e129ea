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
    """The least distortion + beta · rate that a linear VAE can reach, and how it gets there."""

    active: int  # dimensions with a rate above 0
    rate: float  # nats per image
    rate_per_dim: np.ndarray  # (latent_dim,), falling
    squared_error: float  # E‖x − x̂‖², summed over pixels
    distortion: float  # nats per image, with all constants of the Gaussian density


@dataclass(frozen=True)
class ClosedForm:
    """The optimum along a beta path, for the images that the path was trained on.

    `thresholds[d]` is the beta at and above which dimension d of z carries nothing; `rates[i]` and `distortions[i]`
    belong to `betas[i]`, closely spaced; `stops[i]` are (rate, distortion) at the path's own betas, None at beta 0,
    where the rate has no bound.
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
        """For eigenvalues (d,) and a path's rising `betas`; `order` names the dimensions of z, the largest rate first.

        A dimension beyond the d-th carries nothing at any beta.
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
        """What `to_json` wrote for a path of so many stops; ValueError, TypeError or KeyError where it is damaged."""
        said = json.loads(text)
        found = cls(**{name: said[name] for name in cls.__dataclass_fields__})
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


def _rounded(values: Any) -> list[float]:
    return [float(f"{value:.7g}") for value in values]
