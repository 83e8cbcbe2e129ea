"""ln p(x) for any latent_dim, by importance sampling, or by annealing where too few draws count. Nats."""

from __future__ import annotations

from typing import NamedTuple

import torch

from vae.annealing import annealed
from vae.evidence import (
    Gaussian,
    Sampled,
    effective_sample_size,
    importance_sample,
    log_joint,
    log_mean_weight,
)
from vae.model import VAE

DRAWS = 10_000
ENOUGH = 100.0  # effective draws; fewer, and neither the estimate nor its error can be trusted
CHAINS, STEPS = 64, 150
IMPORTANCE, ANNEALED = "importance sampling", "annealed importance sampling"


class Estimate(NamedTuple):
    """ln p(x) with its standard error, too low on average; how it was found, and on how many draws or chains."""

    log_evidence: Sampled
    method: str
    effective_sample_size: float  # of the draws of `method`
    draws: int


def estimate(model: VAE, x: torch.Tensor, q: Gaussian, generator: torch.Generator | None = None) -> Estimate:
    """Of one image x (C, H, W), from its q."""
    log_w = importance_sample(model, x, q, DRAWS, generator).log_w
    effective = effective_sample_size(log_w)
    if effective >= ENOUGH:
        return Estimate(log_mean_weight(log_w), IMPORTANCE, effective, DRAWS)
    found = annealed(lambda z: log_joint(model, x, z), q, CHAINS, STEPS, generator)
    return Estimate(found.log_total, ANNEALED, found.effective_sample_size, CHAINS)
