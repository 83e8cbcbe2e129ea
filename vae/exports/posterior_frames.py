"""What the ELBO page asks of one model, computed: posterior, bar, best q and importance weights of an image. Nats."""

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

QUICK, EXACT = 0.05, 3e-4  # nats that the evidence may move by when the cells are halved
QUICK_CELLS = 1.25  # to the smallest standard deviation of a mode: fewer, and a ridge askew to them ripples into two
PARTS, OF_GAP = 2e-4, 5e-5  # nats of bound and gap, and more of them where q lies far off and is costly to integrate
CELLS = {1: 1000, 2: 200}  # of the picture, a side
AIR = 1.12  # the picture's side, over what it has to hold
KS = tuple(sorted({round(10 ** (i / 7)) for i in range(22)}))  # 1 to 1,000
SHOWN_DRAWS = 1000
ELBO_DRAWS = 1000
BEYOND_DRAWS = 10_000  # of q, where the gap is what they leave of ln p(x): in more than two dimensions
DRAWS = (2 * KS[-1], 100_000)
REACH, NARROWEST, WIDEST = 100.0, 1e-5, 30.0  # of a q that is asked for: |mu|, and its diagonal
POSTERIORS_KEPT, ANSWERS_KEPT, PLANES_KEPT = 64, 64, 4
KEPT = ("posterior", "fit", "weights")


class Question(NamedTuple):
    """An image with the encoder's q, and a name under which answers about it are kept."""

    name: str
    x: Tensor
    q: DiagonalGaussian


class Subject:
    """A model, and what has been found out about its images. For one thread."""

    def __init__(self, opened: OpenModel) -> None:
        self.opened = opened
        self._posteriors: OrderedDict[tuple[str, float], Cells] = OrderedDict()
        self._estimates: OrderedDict[str, Estimate] = OrderedDict()
        self._answers: OrderedDict[str, bytes] = OrderedDict()

    @cached_property
    def model(self) -> Any:
        return load_model(self.opened.checkpoint)

    def prepare(self) -> None:
        """What no image changes."""
        if self.model.latent_dim <= 2:
            _plane(self)

    def answer(self, kind: str, asked: dict[str, Any]) -> bytes:
        """A frame; `InputError` in one sentence."""
        kept = kind in KEPT and "image" in asked and "mu" not in asked  # of the encoder's q
        key = json.dumps([kind, asked], sort_keys=True) if kept else None
        if key is not None and key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key]
        meta, arrays = ASKED[kind](self, self._question(asked), asked)
        data = pack(meta, {name: array.numpy().astype(np.float32) for name, array in arrays.items()})
        if key is not None:
            _keep(self._answers, key, data, ANSWERS_KEPT)
        return data

    def _question(self, asked: dict[str, Any]) -> Question:
        if "pixels" in asked:
            x = _pixels(asked["pixels"], self.model.image_shape)
            with torch.no_grad():
                q = self.model.encode(x[None])
            name = hashlib.sha256(x.numpy().tobytes()).hexdigest()
            return Question(name, x, DiagonalGaussian(q.mu[0], q.logvar[0]))
        held_out = self.opened.held_out
        count = 0 if held_out is None else len(held_out.labels)
        row = asked.get("image")
        if held_out is None or type(row) is not int or not 0 <= row < count:
            raise InputError(f"An image is chosen by its row among the {count:,} held-out images, or by its pixels.")
        x = torch.from_numpy(held_out.images[row]).float() / 255
        q = DiagonalGaussian(torch.from_numpy(held_out.mu[row]), torch.from_numpy(held_out.logvar[row]))
        return Question(f"image {row}", x, q)

    def posterior_of(self, question: Question, tolerance: float) -> Cells:
        """The true posterior to `tolerance`, or better where it is known better."""
        known = self._posteriors.get((question.name, EXACT)) or self._posteriors.get((question.name, tolerance))
        if known is None:
            per_sigma = QUICK_CELLS if tolerance == QUICK else CELLS_PER_SIGMA
            known = true_posterior(_plane(self), question.x, tolerance, per_sigma)
            _keep(self._posteriors, (question.name, tolerance), known, POSTERIORS_KEPT)
        return known

    def estimate_of(self, question: Question) -> Estimate:
        """ln p(x) by sampling, for more than two dimensions."""
        known = self._estimates.get(question.name)
        if known is None:
            known = estimate(self.model, question.x, question.q, _generator(0))
            _keep(self._estimates, question.name, known, POSTERIORS_KEPT)
        return known


@lru_cache(maxsize=PLANES_KEPT)
def _plane(subject: Subject) -> Plane:
    return Plane(subject.model)


def _keep(kept: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)


Answer = tuple[dict[str, Any], dict[str, Tensor]]


# ---- the posterior ---------------------------------------------------------------------------------------------------


def _posterior(subject: Subject, question: Question, asked: dict[str, Any]) -> Answer:
    if subject.model.latent_dim > 2:
        return _sampled(subject, question), {}
    x, q = question.x, question.q
    cells = subject.posterior_of(question, QUICK)
    box = _plane(subject).box
    first = _plane(subject).log_likelihood(x).reshape((box.per_axis,) * len(q.mu))  # columns rise with z₂
    low, high = _corners(cells, q)
    seen = raster(subject.model, x, low, high, CELLS[len(q.mu)])
    modes = cells.modes
    meta = {
        **_about(subject, question, cells.log_total),
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


def _about(subject: Subject, question: Question, log_evidence: float) -> dict[str, Any]:
    q = question.q
    return {
        "latent_dim": len(q.mu),
        "unnormalised": is_unnormalised(subject.model.likelihood, (255 * question.x).round().numpy()),
        "log_evidence": log_evidence,
        "q": {"mu": q.mu.tolist(), "logvar": q.logvar.tolist()},
    }


def _coarser(cells: Cells, box: Box, log_likelihood: Tensor) -> list[list[float]]:
    """The evidence on half as many cells a side as those of `box`, the first ones: every other one of them."""
    if cells.levels[0].per_axis != box.per_axis:  # the box was too small for this posterior
        return []
    joint = log_likelihood + log_prior(box.centres(box.all_cells())).reshape(log_likelihood.shape)
    every_other = joint[(slice(None, None, 2),) * joint.ndim]
    return [[box.per_axis // 2, every_other.flatten().logsumexp(0).item() + joint.ndim * log(2 * box.step)]]


def _corners(cells: Cells, q: DiagonalGaussian) -> tuple[Tensor, Tensor]:
    """Of a square, or a stretch of the line, that holds the posterior and q to its third standard deviation."""
    low, high = cells.bounds()
    low = torch.minimum(low, (q.mu - 3 * q.sigma).double())
    high = torch.maximum(high, (q.mu + 3 * q.sigma).double())
    middle, half = (low + high) / 2, AIR * (high - low).max() / 2
    return middle - half, middle + half


def _sampled(subject: Subject, question: Question) -> dict[str, Any]:
    """More than two dimensions: no grid, but estimates with their errors."""
    q = question.q
    found, bound = subject.estimate_of(question), _bound_of(subject, question, q)
    rate = full(q).kl().item()
    return {
        **_about(subject, question, found.log_evidence.mean),
        **_estimated(found),
        "elbo": bound.mean,
        "elbo_standard_error": bound.standard_error,
        "rate": rate,
        "distortion": -bound.mean - rate,
        **_difference(found, bound),
    }


def _bound_of(subject: Subject, question: Question, q: Gaussian) -> Sampled:
    return sampled_elbo(subject.model, question.x, q, BEYOND_DRAWS, _generator(1))


def _estimated(found: Estimate) -> dict[str, Any]:
    """How ln p(x) was estimated; no error where none can be told, but why."""
    error = found.log_evidence.standard_error
    return {
        "standard_error": None if found.withheld else error,
        "withheld": found.withheld,
        "method": found.method,
        "effective_sample_size": found.effective_sample_size,
        "draws": found.draws,
    }


def _difference(found: Estimate, bound: Sampled) -> dict[str, Any]:
    """The gap as ln p(x) − ELBO. They are of independent draws, so their variances add up."""
    error = None if found.withheld else hypot(found.log_evidence.standard_error, bound.standard_error)
    return {"gap": found.log_evidence.mean - bound.mean, "gap_standard_error": error}


# ---- the bar for any q -----------------------------------------------------------------------------------------------


def _parts(subject: Subject, question: Question, asked: dict[str, Any]) -> Answer:
    model, x = subject.model, question.x
    q = _gaussian(asked, model.latent_dim)
    if model.latent_dim > 2:
        return _sampled_parts(subject, question, q), {}
    sampled = sampled_elbo(model, x, q, ELBO_DRAWS, _generator(0))
    of_samples = {"sampled": {**sampled._asdict(), "draws": ELBO_DRAWS}}
    cells = subject.posterior_of(question, EXACT)
    tolerance = _tolerance(subject, question, q)
    exact = parts(model, x, q, cells, tolerance)
    converged = {"error": cells.error, "levels": list(map(list, cells.levels))}
    return {**exact._asdict(), "elbo": exact.elbo, "tolerance": tolerance, **converged, **of_samples}, {}


def _sampled_parts(subject: Subject, question: Question, q: FullGaussian) -> dict[str, Any]:
    found, bound, rate = subject.estimate_of(question), _bound_of(subject, question, q), q.kl().item()
    return {
        "log_evidence": found.log_evidence.mean,
        **_estimated(found),
        "elbo": bound.mean,
        "rate": rate,
        "distortion": -bound.mean - rate,
        **_difference(found, bound),
        "sampled": {**bound._asdict(), "draws": BEYOND_DRAWS},
    }


def _tolerance(subject: Subject, question: Question, q: Gaussian) -> float:
    """Nats to which the bound of this q is integrated, wherever the page shows it."""
    cells = subject.posterior_of(question, EXACT)
    return PARTS + OF_GAP * gap(subject.model, question.x, q, cells, inf)


def _elbo(subject: Subject, question: Question, q: Gaussian) -> float:
    """ELBO of any q by quadrature: what the bar has for it, to the last digit."""
    of_likelihood = distortion(subject.model, question.x, q, _tolerance(subject, question, q))
    return -(of_likelihood + full(q).kl().item())


def _fit(subject: Subject, question: Question, asked: dict[str, Any]) -> Answer:
    model, x, q = subject.model, question.x, question.q
    if model.latent_dim > 2:
        raise InputError("The best q is found by quadrature, for 1 or 2 latent dimensions; choose such a model for it.")
    cells = subject.posterior_of(question, EXACT)
    found = best(model, x, q, cells, asked.get("full") is True)
    of_encoder = _elbo(subject, question, q)
    mode = _start_mode(found.path[0], q, cells)
    start = of_encoder if mode is None else _elbo(subject, question, found.path[0])
    elbos = [start, *found.elbos[1:-1], _elbo(subject, question, found.q)]  # those between on the fit's own coarse grid
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
    """The mode that a fit has begun at; None where it was the encoder's q."""
    if torch.equal(start.mu, q.mu.double()):
        return None
    return int((cells.modes.peak - start.mu).square().sum(1).argmin())


# ---- importance weights ----------------------------------------------------------------------------------------------


def _weights(subject: Subject, question: Question, asked: dict[str, Any]) -> Answer:
    model, x, q = subject.model, question.x, question.q
    seed, draws = asked.get("seed", 0), asked.get("draws", 20_000)
    if type(seed) is not int or not 0 <= seed < 2**31:
        raise InputError(f"The seed of the draws is a whole number from 0 to 2³¹ − 1, not {seed!r:.40}.")
    if type(draws) is not int or not DRAWS[0] <= draws <= DRAWS[1]:
        raise InputError(f"The number of draws is a whole number from {DRAWS[0]:,} to {DRAWS[1]:,}, not {draws!r:.40}.")
    drawn_from = _gaussian(asked, model.latent_dim) if "mu" in asked else q
    sample = importance_sample(model, x, drawn_from, draws, _generator(seed))
    found, total = bounds(sample.log_w, KS), log_mean_weight(sample.log_w)
    if model.latent_dim <= 2:
        elbo = _elbo(subject, question, drawn_from)
        cells = subject.posterior_of(question, EXACT)
        known = Sampled(cells.log_total, cells.error)
    else:
        elbo = _bound_of(subject, question, drawn_from).mean  # of the encoder's q that of `_sampled`
        known = subject.estimate_of(question).log_evidence
    withheld = distrust(sample.log_w, known)
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
    """What JSON can hold."""
    return value if isfinite(value) else None


ASKED = {"posterior": _posterior, "parts": _parts, "fit": _fit, "weights": _weights}


# ---- reading what was asked ------------------------------------------------------------------------------------------


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _numbers(value: Any, count: int) -> list[float] | None:
    """`value` where it is a list of so many finite numbers."""
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


def _gaussian(asked: dict[str, Any], k: int) -> FullGaussian:
    mu = _numbers(asked.get("mu"), k)
    rows = asked.get("tril")
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
