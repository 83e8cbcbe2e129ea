"""Answers to requests of the ELBO page: posterior, ELBO and gap, best q and importance weights of an image. Nats."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from functools import cached_property, lru_cache
from math import hypot, inf, isfinite, log, prod
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vae.density import is_unnormalised
from vae.errors import InputError
from vae.exports.opening import OpenModel
from vae.files.checkpoint import load_model
from vae.files.frame import pack
from vae.gaussian import DiagonalGaussian, log_prior
from vae.inference.evidence import (
    Gaussian,
    Plane,
    Sampled,
    best,
    bounds,
    distortion,
    effective_sample_size,
    gap,
    importance_sample,
    log_mean_weight,
    parts,
    sampled_elbo,
    true_posterior,
)
from vae.inference.full_gaussian import FullGaussian, full
from vae.inference.pareto import distrust, pareto_k
from vae.inference.quadrature import CELLS_PER_SIGMA, Box, Cells
from vae.inference.raster import raster
from vae.inference.sampling import Estimate, estimate

QUICK, EXACT = 0.05, 3e-4  # nats: largest change of the evidence when the cells are halved
QUICK_CELLS = 1.25  # cells a standard deviation of the narrowest mode; with fewer, an oblique ridge becomes two modes
PARTS, OF_GAP = 2e-4, 5e-5  # tolerance of bound and gap: PARTS nats + OF_GAP · gap, as q far off is costly to integrate
CELLS = {1: 1000, 2: 200}  # cells a side of the picture
AIR = 1.12  # side of the picture divided by that of its contents
KS = tuple(sorted({round(10 ** (i / 7)) for i in range(22)}))  # 1 to 1,000
SHOWN_DRAWS = 1000
ELBO_DRAWS = 1000
BEYOND_DRAWS = 10_000  # draws of q for the ELBO in more than two dimensions, where the gap is ln p(x) − ELBO
DRAWS = (2 * KS[-1], 100_000)
REACH, NARROWEST, WIDEST = 100.0, 1e-5, 30.0  # limits of a requested q: of |mu|, and of the diagonal of L
POSTERIORS_KEPT, ANSWERS_KEPT, PLANES_KEPT = 64, 64, 4
KEPT = ("posterior", "fit", "weights")


class ImageRequest(NamedTuple):
    """An image with the encoder's q; `name` is its key in the caches."""

    name: str
    x: Tensor
    q: DiagonalGaussian


class Subject:
    """A model, with caches of posteriors, estimates and answers of its images. Not thread-safe."""

    def __init__(self, opened: OpenModel) -> None:
        self.opened = opened
        self._posteriors: OrderedDict[tuple[str, float], Cells] = OrderedDict()
        self._estimates: OrderedDict[str, Estimate] = OrderedDict()
        self._answers: OrderedDict[str, bytes] = OrderedDict()

    @cached_property
    def model(self) -> Any:
        return load_model(self.opened.checkpoint)

    def prepare(self) -> None:
        """Compute what does not depend on the image."""
        if self.model.latent_dim <= 2:
            _plane(self)

    def answer(self, kind: str, parameters: dict[str, Any]) -> bytes:
        """The answer to a request of this `kind`, as a frame; `InputError` for parameters that are not valid."""
        is_cached = kind in KEPT and "image" in parameters and "mu" not in parameters  # of the encoder's q
        key = json.dumps([kind, parameters], sort_keys=True) if is_cached else None
        if key is not None and key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key]
        meta, arrays = HANDLERS[kind](self, self._image_request(parameters), parameters)
        data = pack(meta, {name: array.numpy().astype(np.float32) for name, array in arrays.items()})
        if key is not None:
            _keep(self._answers, key, data, ANSWERS_KEPT)
        return data

    def _image_request(self, parameters: dict[str, Any]) -> ImageRequest:
        if "pixels" in parameters:
            x = _pixels(parameters["pixels"], self.model.image_shape)
            with torch.no_grad():
                q = self.model.encode(x[None])
            name = hashlib.sha256(x.numpy().tobytes()).hexdigest()
            return ImageRequest(name, x, DiagonalGaussian(q.mu[0], q.logvar[0]))
        held_out = self.opened.held_out
        count = 0 if held_out is None else len(held_out.labels)
        row = parameters.get("image")
        if held_out is None or type(row) is not int or not 0 <= row < count:
            raise InputError(f"An image is chosen by its row among the {count:,} held-out images, or by its pixels.")
        x = torch.from_numpy(held_out.images[row]).float() / 255
        q = DiagonalGaussian(torch.from_numpy(held_out.mu[row]), torch.from_numpy(held_out.logvar[row]))
        return ImageRequest(f"image {row}", x, q)

    def posterior_of(self, request: ImageRequest, tolerance: float) -> Cells:
        """The true posterior to `tolerance`, or a more accurate one from the cache."""
        cells = self._posteriors.get((request.name, EXACT)) or self._posteriors.get((request.name, tolerance))
        if cells is None:
            per_sigma = QUICK_CELLS if tolerance == QUICK else CELLS_PER_SIGMA
            cells = true_posterior(_plane(self), request.x, tolerance, per_sigma)
            _keep(self._posteriors, (request.name, tolerance), cells, POSTERIORS_KEPT)
        return cells

    def estimate_of(self, request: ImageRequest) -> Estimate:
        """ln p(x) by sampling, for more than two dimensions."""
        found = self._estimates.get(request.name)
        if found is None:
            found = estimate(self.model, request.x, request.q, _generator(0))
            _keep(self._estimates, request.name, found, POSTERIORS_KEPT)
        return found


@lru_cache(maxsize=PLANES_KEPT)
def _plane(subject: Subject) -> Plane:
    return Plane(subject.model)


def _keep(cache: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    cache[key] = value
    cache.move_to_end(key)
    while len(cache) > most:
        cache.popitem(last=False)


Answer = tuple[dict[str, Any], dict[str, Tensor]]


# ---- the posterior ---------------------------------------------------------------------------------------------------


def _posterior(subject: Subject, request: ImageRequest, parameters: dict[str, Any]) -> Answer:
    if subject.model.latent_dim > 2:
        return _sampled(subject, request), {}
    x, q = request.x, request.q
    cells = subject.posterior_of(request, QUICK)
    box = _plane(subject).box
    first = _plane(subject).log_likelihood(x).reshape((box.per_axis,) * len(q.mu))  # columns rise with z₂
    low, high = _corners(cells, q)
    seen = raster(subject.model, x, low, high, CELLS[len(q.mu)])
    modes = cells.modes
    meta = {
        **_about(subject, request, cells.log_total),
        "error": cells.error,
        "levels": [*_coarser(cells, box, first), *map(list, cells.levels)],
        "modes": [[*peak, weight] for peak, weight in zip(modes.peak.tolist(), modes.weight.tolist(), strict=True)],
        "mean": cells.mean.tolist(),
        "covariance": cells.covariance.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "cells": CELLS[len(q.mu)],
        "coarse": {
            "low": (box.centre - box.half).tolist(),
            "high": (box.centre + box.half).tolist(),
            "cells": box.per_axis,
        },
    }
    return meta, {
        "log_likelihood": seen.log_likelihood,
        "coarse_log_likelihood": first.permute(*range(first.ndim)[::-1]),
    }


def _about(subject: Subject, request: ImageRequest, log_evidence: float) -> dict[str, Any]:
    q = request.q
    return {
        "latent_dim": len(q.mu),
        "unnormalised": is_unnormalised(subject.model.likelihood, (255 * request.x).round().numpy()),
        "log_evidence": log_evidence,
        "q": {"mu": q.mu.tolist(), "logvar": q.logvar.tolist()},
    }


def _coarser(cells: Cells, box: Box, log_likelihood: Tensor) -> list[list[float]]:
    """The evidence on half as many cells a side as the first ones, those of `box`: every second one is used."""
    if cells.levels[0].per_axis != box.per_axis:  # the box was too small for this posterior
        return []
    joint = log_likelihood + log_prior(box.centres(box.all_cells())).reshape(log_likelihood.shape)
    every_other = joint[(slice(None, None, 2),) * joint.ndim]
    return [[box.per_axis // 2, every_other.flatten().logsumexp(0).item() + joint.ndim * log(2 * box.step)]]


def _corners(cells: Cells, q: DiagonalGaussian) -> tuple[Tensor, Tensor]:
    """Lowest and highest corner of a square, or an interval, with the posterior and ±3 standard deviations of q."""
    low, high = cells.bounds()
    low = torch.minimum(low, (q.mu - 3 * q.sigma).double())
    high = torch.maximum(high, (q.mu + 3 * q.sigma).double())
    middle, half = (low + high) / 2, AIR * (high - low).max() / 2
    return middle - half, middle + half


def _sampled(subject: Subject, request: ImageRequest) -> dict[str, Any]:
    """The answer for more than two dimensions: estimates with their errors instead of a grid."""
    q = request.q
    found, bound = subject.estimate_of(request), _bound_of(subject, request, q)
    rate = full(q).kl().item()
    return {
        **_about(subject, request, found.log_evidence.mean),
        **_estimated(found),
        "elbo": bound.mean,
        "elbo_standard_error": bound.standard_error,
        "rate": rate,
        "distortion": -bound.mean - rate,
        **_difference(found, bound),
    }


def _bound_of(subject: Subject, request: ImageRequest, q: Gaussian) -> Sampled:
    return sampled_elbo(subject.model, request.x, q, BEYOND_DRAWS, _generator(1))


def _estimated(found: Estimate) -> dict[str, Any]:
    """How ln p(x) was estimated; where its error cannot be trusted, the reason instead."""
    error = found.log_evidence.standard_error
    return {
        "standard_error": None if found.withheld else error,
        "withheld": found.withheld,
        "method": found.method,
        "effective_sample_size": found.effective_sample_size,
        "draws": found.draws,
    }


def _difference(found: Estimate, bound: Sampled) -> dict[str, Any]:
    """The gap as ln p(x) − ELBO. Their draws are independent, so the variances are added."""
    error = None if found.withheld else hypot(found.log_evidence.standard_error, bound.standard_error)
    return {"gap": found.log_evidence.mean - bound.mean, "gap_standard_error": error}


# ---- evidence, ELBO and gap of any q ---------------------------------------------------------------------------------


def _parts(subject: Subject, request: ImageRequest, parameters: dict[str, Any]) -> Answer:
    model, x = subject.model, request.x
    q = _gaussian(parameters, model.latent_dim)
    if model.latent_dim > 2:
        return _sampled_parts(subject, request, q), {}
    sampled = sampled_elbo(model, x, q, ELBO_DRAWS, _generator(0))
    of_samples = {"sampled": {**sampled._asdict(), "draws": ELBO_DRAWS}}
    cells = subject.posterior_of(request, EXACT)
    tolerance = _tolerance(subject, request, q)
    exact = parts(model, x, q, cells, tolerance)
    converged = {"error": cells.error, "levels": list(map(list, cells.levels))}
    return {**exact._asdict(), "elbo": exact.elbo, "tolerance": tolerance, **converged, **of_samples}, {}


def _sampled_parts(subject: Subject, request: ImageRequest, q: FullGaussian) -> dict[str, Any]:
    found, bound, rate = subject.estimate_of(request), _bound_of(subject, request, q), q.kl().item()
    return {
        "log_evidence": found.log_evidence.mean,
        **_estimated(found),
        "elbo": bound.mean,
        "rate": rate,
        "distortion": -bound.mean - rate,
        **_difference(found, bound),
        "sampled": {**bound._asdict(), "draws": BEYOND_DRAWS},
    }


def _tolerance(subject: Subject, request: ImageRequest, q: Gaussian) -> float:
    """The tolerance, in nats, with which the ELBO of this q is integrated everywhere on the page."""
    cells = subject.posterior_of(request, EXACT)
    return PARTS + OF_GAP * gap(subject.model, request.x, q, cells, inf)


def _elbo(subject: Subject, request: ImageRequest, q: Gaussian) -> float:
    """ELBO of any q by quadrature; the same number as in `_parts`, to the last digit."""
    of_likelihood = distortion(subject.model, request.x, q, _tolerance(subject, request, q))
    return -(of_likelihood + full(q).kl().item())


def _fit(subject: Subject, request: ImageRequest, parameters: dict[str, Any]) -> Answer:
    model, x, q = subject.model, request.x, request.q
    if model.latent_dim > 2:
        raise InputError("The best q is found by quadrature, for 1 or 2 latent dimensions; choose such a model for it.")
    cells = subject.posterior_of(request, EXACT)
    found = best(model, x, q, cells, parameters.get("full") is True)
    of_encoder = _elbo(subject, request, q)
    mode = _start_mode(found.path[0], q, cells)
    start = of_encoder if mode is None else _elbo(subject, request, found.path[0])
    elbos = [start, *found.elbos[1:-1], _elbo(subject, request, found.q)]  # those between on the fit's own coarse grid
    steps = zip(found.path, elbos, strict=True)
    return {
        "path": [{"mu": q.mu.tolist(), "tril": q.tril.tolist(), "elbo": elbo} for q, elbo in steps],
        "elbo": elbos[-1],
        "encoder_elbo": of_encoder,
        "log_evidence": cells.log_total,
        "error": cells.error,
        "levels": list(map(list, cells.levels)),
        "gaps": {"approximation": cells.log_total - elbos[-1], "amortisation": elbos[-1] - of_encoder},
        "start_mode": mode,
    }, {}


def _start_mode(start: FullGaussian, q: DiagonalGaussian, cells: Cells) -> int | None:
    """The index of the mode that a fit started from; None if it started from the encoder's q."""
    if torch.equal(start.mu, q.mu.double()):
        return None
    return int((cells.modes.peak - start.mu).square().sum(1).argmin())


# ---- importance weights ----------------------------------------------------------------------------------------------


def _weights(subject: Subject, request: ImageRequest, parameters: dict[str, Any]) -> Answer:
    model, x, q = subject.model, request.x, request.q
    seed, draws = parameters.get("seed", 0), parameters.get("draws", 20_000)
    if type(seed) is not int or not 0 <= seed < 2**31:
        raise InputError(f"The seed of the draws is a whole number from 0 to 2³¹ − 1, not {seed!r:.40}.")
    if type(draws) is not int or not DRAWS[0] <= draws <= DRAWS[1]:
        raise InputError(f"The number of draws is a whole number from {DRAWS[0]:,} to {DRAWS[1]:,}, not {draws!r:.40}.")
    drawn_from = _gaussian(parameters, model.latent_dim) if "mu" in parameters else q
    sample = importance_sample(model, x, drawn_from, draws, _generator(seed))
    found, total = bounds(sample.log_w, KS), log_mean_weight(sample.log_w)
    if model.latent_dim <= 2:
        elbo = _elbo(subject, request, drawn_from)
        cells = subject.posterior_of(request, EXACT)
        evidence = Sampled(cells.log_total, cells.error)
    else:
        elbo = _bound_of(subject, request, drawn_from).mean  # for the encoder's q the same number as in `_sampled`
        evidence = subject.estimate_of(request).log_evidence
    withheld = distrust(sample.log_w, evidence)
    meta = {
        "k": list(KS),
        "mean": found.mean.tolist(),
        "standard_error": found.standard_error.tolist(),
        "elbo": elbo,
        "estimate": {"mean": total.mean, "standard_error": None if withheld else total.standard_error},
        "withheld": withheld,
        "pareto_k": _finite(pareto_k(sample.log_w)),
        "effective_sample_size": effective_sample_size(sample.log_w),
        "draws": draws,
    }
    return meta, {"z": sample.z[:SHOWN_DRAWS], "log_w": sample.log_w[:SHOWN_DRAWS]}


def _finite(value: float) -> float | None:
    """The value if JSON can represent it, else None."""
    return value if isfinite(value) else None


HANDLERS = {"posterior": _posterior, "parts": _parts, "fit": _fit, "weights": _weights}


# ---- reading a request -----------------------------------------------------------------------------------------------


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _numbers(value: Any, count: int) -> list[float] | None:
    """`value` if it is a list of `count` finite numbers, else None."""
    fits = isinstance(value, list) and len(value) == count and all(type(v) in (int, float) for v in value)
    try:
        numbers = [float(v) for v in value] if fits else [inf]
    except OverflowError:
        return None
    return numbers if all(map(isfinite, numbers)) else None


def _pixels(value: Any, shape: tuple[int, int, int]) -> Tensor:
    pixels = _numbers(value, prod(shape))
    if pixels is None or not all(0 <= v <= 1 for v in pixels):
        raise InputError(f"The pixels of a drawn image are {prod(shape):,} numbers from 0 to 1 for this model.")
    return torch.tensor(pixels).reshape(shape)


def _gaussian(parameters: dict[str, Any], k: int) -> FullGaussian:
    mu = _numbers(parameters.get("mu"), k)
    rows = parameters.get("tril")
    tril = [_numbers(row, k) for row in rows] if isinstance(rows, list) and len(rows) == k else [None]
    if mu is None or None in tril or max(map(abs, mu)) > REACH:
        raise InputError(f"q is given by mu, {k} numbers up to {REACH:g} in size, and tril, {k} rows of {k} numbers.")
    lower = torch.tensor(tril, dtype=torch.float64)
    inside = (lower.diagonal() >= NARROWEST).all() and (lower.abs() <= WIDEST).all()
    if not inside or not torch.equal(lower, lower.tril()):
        raise InputError(
            f"tril is lower triangular, with {NARROWEST:g} to {WIDEST:g} on its diagonal: the widths of q."
        )
    return FullGaussian(torch.tensor(mu, dtype=torch.float64), lower)
