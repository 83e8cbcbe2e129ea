"""Coverage of reported standard errors: python -m bench.coverage [CASE …]. Prints a table.

Four kinds of number, each with the error that goes with it: ln p(x) by `vae.inference.sampling.estimate`, ln of the
mean weight of draws of an encoder's q, the ELBO by draws of q, and the gap as their difference. Truths: for a linear
Gaussian decoder ln N(x; b, WWᵀ + σ²I), with a Gaussian posterior; in a plane quadrature; in ten dimensions long
annealing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from math import hypot, nan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from vae.files import checkpoint
from vae.files.held_out import HeldOut, read_held_out
from vae.gaussian import DiagonalGaussian
from vae.inference.annealed_importance import annealed
from vae.inference.evidence import (
    Gaussian,
    Plane,
    Sampled,
    importance_sample,
    log_joint,
    log_mean_weight,
    parts,
    sampled_elbo,
    true_posterior,
)
from vae.inference.evidence_survey import spread
from vae.inference.full_gaussian import full
from vae.inference.pareto import distrust
from vae.inference.sampling import estimate, fitted
from vae.model import VAE
from vae.plan import make_plan

GALLERY = Path(__file__).parents[1] / "assets" / "gallery"
LINEAR = {f"linear-{k}": k for k in (2, 8, 32, 64)}
PLANES = ("digits-2d", "mnist-2d", "mnist-conv-2d")
DEEP = "mnist-10d"
CASES = (*LINEAR, *PLANES, DEEP)
KINDS = ("ln p(x)", "ln mean w", "ELBO", "gap")
SEEDS = 40
DEEP_IMAGES = 8  # images whose true ln p(x) is computed by long annealing
CHAINS, STEPS = 600, 120  # of the annealing
DRAWS, FEW_DRAWS = 20_000, 2000  # draws of q as on the page, and as on the page while q moves


class Truth(NamedTuple):
    """The true numbers of an image x with a q. `error` is the standard error of `log_evidence`, if not exact."""

    model: VAE
    x: Tensor
    q: Gaussian
    log_evidence: float
    elbo: float  # NaN where it is not known
    error: float = 0.0


@dataclass
class Coverage:
    """The results for one kind of number in one case."""

    deviations: list[float] = field(default_factory=list)  # divided by the standard errors
    errors: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)  # why no error was reported

    @property
    def covered(self) -> int:
        """Number of estimates within 2 standard errors of the truth."""
        return sum(abs(d) <= 2 for d in self.deviations)

    def add(self, found: Sampled, why: str | None, truth: float, error: float) -> None:
        if why is not None:
            self.reasons.append(why)
        elif not np.isnan(truth):
            together = hypot(found.standard_error, error)
            self.deviations.append((found.mean - truth) / together)
            self.errors.append(found.standard_error)


def coverage(case: str, seeds: Iterable[int]) -> dict[str, Coverage]:
    """Run a case: all four numbers of one image and one q for every seed."""
    found = {kind: Coverage() for kind in KINDS}
    for seed in seeds:
        truth = _truth(case, seed)
        model, x, q, log_evidence, elbo, error = truth
        generator = torch.Generator().manual_seed(seed)
        evidence = estimate(model, x, q, generator)
        found["ln p(x)"].add(evidence.log_evidence, evidence.withheld, log_evidence, error)
        known = Sampled(log_evidence, error) if model.latent_dim <= 2 else evidence.log_evidence
        for draws in (FEW_DRAWS, DRAWS):
            log_w = importance_sample(model, x, q, draws, generator).log_w
            found["ln mean w"].add(log_mean_weight(log_w), distrust(log_w, known), log_evidence, error)
        bound = sampled_elbo(model, x, q, 1000, generator)
        found["ELBO"].add(bound, None, elbo, 0)
        gap = Sampled(
            evidence.log_evidence.mean - bound.mean, hypot(evidence.log_evidence.standard_error, bound.standard_error)
        )
        found["gap"].add(gap, evidence.withheld, log_evidence - elbo, error)
    return found


# ---- truths ------------------------------------------------------------------------------------------------------


def _truth(case: str, seed: int) -> Truth:
    if case in LINEAR:
        return _linear(LINEAR[case], seed)
    if case in PLANES:
        return _on_plane(case, seed)
    return _deep(seed)


def _linear(k: int, seed: int) -> Truth:
    """A random decoder, an image drawn from it, and a diagonal q with a random error, all from the seed."""
    generator = torch.Generator().manual_seed(1000 + seed)
    torch.manual_seed(seed)  # initial weights only
    side, sigma = 10, 0.1 + 0.1 * (seed % 4)
    model = VAE(make_plan("mlp", (), k, (1, side, side)), (1, side, side), "gaussian", sigma)
    layer: Any = model.decoder.layers[0]
    with torch.no_grad():
        layer.weight *= 1 + seed % 3
    w, b = layer.weight.detach().double(), layer.bias.detach().double()
    noise = torch.randn(side**2, generator=generator, dtype=torch.float64)
    x = b + w @ torch.randn(k, generator=generator, dtype=torch.float64) + sigma * noise
    marginal = MultivariateNormal(b, w @ w.T + sigma**2 * torch.eye(side**2, dtype=torch.float64))
    precision = torch.eye(k, dtype=torch.float64) + w.T @ w / sigma**2
    posterior = MultivariateNormal(torch.linalg.solve(precision, w.T @ (x - b)) / sigma**2, precision_matrix=precision)
    widths = (0.6 + 0.8 * torch.rand(k, generator=generator, dtype=torch.float64)) / precision.diagonal().sqrt()
    shift = 0.5 * torch.randn(k, generator=generator, dtype=torch.float64) * widths
    q = DiagonalGaussian(posterior.mean + (seed % 2) * shift, 2 * widths.log())
    log_evidence = marginal.log_prob(x).item()
    wide = full(q)
    gap = kl_divergence(MultivariateNormal(wide.mu, scale_tril=wide.tril), posterior).item()
    return Truth(model, x.reshape(1, side, side), q, log_evidence, log_evidence - gap)


@cache
def _shipped(name: str) -> tuple[VAE, HeldOut]:
    return checkpoint.load_model(checkpoint.read(GALLERY / name)), read_held_out(GALLERY / name / "held_out.npz")


@cache
def _plane(name: str) -> Plane:
    return Plane(_shipped(name)[0])


def _image(name: str, row: int) -> tuple[Tensor, DiagonalGaussian]:
    held_out = _shipped(name)[1]
    x = torch.from_numpy(held_out.images[row]).float() / 255
    return x, DiagonalGaussian(torch.from_numpy(held_out.mu[row]), torch.from_numpy(held_out.logvar[row]))


def _on_plane(name: str, seed: int) -> Truth:
    """Held-out images, evenly spaced, one for every seed."""
    model, held_out = _shipped(name)
    x, q = _image(name, spread(len(held_out.index), SEEDS)[seed])
    posterior = true_posterior(_plane(name), x)
    return Truth(model, x, q, posterior.log_total, parts(model, x, q, posterior).elbo, posterior.error)


def _deep(seed: int) -> Truth:
    """A few images, each with several seeds."""
    model, held_out = _shipped(DEEP)
    row = spread(len(held_out.index), DEEP_IMAGES)[seed % DEEP_IMAGES]
    x, q = _image(DEEP, row)
    truth = annealed_for_long(row)
    return Truth(model, x, q, truth.mean, nan, truth.standard_error)


@cache
def annealed_for_long(row: int) -> Sampled:
    """ln p(x) of an image of mnist-10d."""
    model = _shipped(DEEP)[0]
    x, q = _image(DEEP, row)
    generator = torch.Generator().manual_seed(100_000 + row)
    start = fitted(model, x, q, generator).main
    return annealed(lambda z: log_joint(model, x, z), start, CHAINS, STEPS, generator).log_total


# ---- the table ---------------------------------------------------------------------------------------------------


def lines(cases: Iterable[str], seeds: Iterable[int]) -> Iterator[str]:
    yield f"{'case':<15}{'number':<11}{'covered':>10}{'withheld':>10}{'median error':>14}{'mean dev.':>11}{'sd':>6}"
    for case in cases:
        for kind, found in coverage(case, seeds).items():
            told = len(found.deviations)
            if not told and not found.reasons:
                continue
            cover = f"{found.covered}/{told}"
            numbers = (
                f"{np.median(found.errors):14.4f}{np.mean(found.deviations):11.2f}{np.std(found.deviations):6.2f}"
                if told
                else ""
            )
            yield f"{case:<15}{kind:<11}{cover:>10}{len(found.reasons):>10}{numbers}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    for line in lines(sys.argv[1:] or CASES, range(SEEDS)):
        print(line, flush=True)
