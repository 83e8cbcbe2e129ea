"""ln p(x) for any latent_dim by sampling, with an error that is told only where it can be trusted. Nats.

Particles go from the prior to the posterior and find its mass, wherever that is and whatever the encoder says; narrow
modes that they pass by are climbed. A Student's t with the particles' mean and covariance, and one about each such
mode, is the proposal of importance sampling; where the tail of its weights is too heavy, annealing starts from that
mean and covariance.
"""

from __future__ import annotations

from math import lgamma, log, nan, pi
from typing import NamedTuple

import torch
from torch import Tensor

from vae.gaussian import log_prior
from vae.inference.annealed_importance import annealed, tempered
from vae.inference.evidence import (
    Gaussian,
    Sampled,
    check_image,
    effective_sample_size,
    log_joint,
    log_likelihoods,
    log_mean_weight,
)
from vae.inference.full_gaussian import FullGaussian, full
from vae.inference.pareto import distrust, pareto_k
from vae.model import VAE

PARTICLES = 400  # that look for the posterior's mass
MOVES, MOVES_PER_DIM = 12, 0.5  # of each particle once they are there: a covariance of k dimensions needs the more
ROUNDS = 4  # of fitting the proposal to its own weighted draws, at most
DRAWS = 10_000
# of the draws: from what is fitted, from the same made wider, from the encoder's q, and from narrow modes, where there
# are any; all but the first may come upon what the particles have missed
SHARES = (0.55, 0.15, 0.1, 0.2)
WIDER = 1.7  # times the standard deviation
CLIMBERS, CLIMB, CLIMB_RATE = 32, 120, 0.1  # that look for narrow modes; their steps, and the size of the first
MOST_MODES, LIKELY = 4, 5.0  # of those; nats under the heaviest of them
FREEDOM = 20.0  # degrees of freedom of the proposal, besides k: tails heavier than a Gaussian's
GOOD = 0.5  # share of effective draws that no further round of fitting is worth
LEAST_SHARE = 0.05  # of effective draws
CHAINS = 96
LEAST_CHAINS = 0.35  # share of effective chains
IMPORTANCE, ANNEALED = "importance sampling", "annealed importance sampling"


class Estimate(NamedTuple):
    """ln p(x) with its standard error, too low on average; how it was found, and on how many draws or chains.

    Where the error cannot be trusted it is NaN, and `withheld` says why.
    """

    log_evidence: Sampled
    method: str
    effective_sample_size: float  # of the draws of `method`
    draws: int
    pareto_k: float  # shape of the tail of the weights
    withheld: str | None = None


@torch.no_grad()
def estimate(model: VAE, x: Tensor, q: Gaussian, generator: torch.Generator | None = None) -> Estimate:
    """Of one image x (C, H, W). `q` adds a tenth of the draws; where it lies matters little."""
    check_image(model, x)
    proposal = fitted(model, x, q, generator)
    log_w = _weights(model, x, q, proposal, DRAWS, generator).log_w
    why = distrust(log_w, enough=LEAST_SHARE * DRAWS)
    if why is None:
        return _told(log_w, IMPORTANCE, None)
    found = annealed(lambda z: log_joint(model, x, z), proposal.main, CHAINS, generator=generator)
    return _told(found.log_w, ANNEALED, distrust(found.log_w, enough=LEAST_CHAINS * CHAINS, name="chains"))


def _told(log_w: Tensor, method: str, why: str | None) -> Estimate:
    found = log_mean_weight(log_w)
    if why is not None:
        found = Sampled(found.mean, nan)
    return Estimate(found, method, effective_sample_size(log_w), len(log_w), pareto_k(log_w), why)


# ---- the proposal ------------------------------------------------------------------------------------------------


class _Drawn(NamedTuple):
    z: Tensor
    log_w: Tensor


class Proposal(NamedTuple):
    """A Gaussian like the posterior, and narrow modes that lie outside of it."""

    main: FullGaussian
    modes: list[FullGaussian]


@torch.no_grad()
def fitted(model: VAE, x: Tensor, q: Gaussian, generator: torch.Generator | None = None) -> Proposal:
    """Mean and covariance of the posterior: of particles from the prior, then of weighted draws (adaptive importance
    sampling, Cappé et al. 2008), as long as more of them count.
    """
    k = model.latent_dim
    prior = FullGaussian(torch.zeros(k, dtype=torch.float64), torch.eye(k, dtype=torch.float64))
    particles = tempered(
        lambda z: log_joint(model, x, z),
        prior,
        PARTICLES,
        moves_at_end=MOVES + round(MOVES_PER_DIM * k),
        adapt=True,
        generator=generator,
    ).z
    main = _moments(particles, torch.zeros(len(particles), dtype=torch.float64))
    found = _modes(model, x, full(q).mu, generator)
    best = current = Proposal(main, [mode for mode in found if _is_outside(mode.mu, main)])
    most = 0.0
    for _ in range(ROUNDS):
        drawn = _weights(model, x, q, current, DRAWS, generator)
        effective = effective_sample_size(drawn.log_w)
        if effective <= most:
            break
        best, most = current, effective
        if effective >= GOOD * DRAWS or effective < 4 * k:  # good, or too few to fit a covariance to
            break
        current = Proposal(_moments(*drawn), current.modes)
    return best


def _is_outside(z: Tensor, main: FullGaussian) -> bool:
    """Farther off than nearly all of its draws: ‖zeta‖² has mean k and variance 2k."""
    k = len(z)
    return bool(main.noise_of(z).square().sum().item() > k + 4 * (2 * k) ** 0.5)


def _modes(model: VAE, x: Tensor, at: Tensor, generator: torch.Generator | None) -> list[FullGaussian]:
    """Gaussians about local maxima of ln p(x, z), by their curvature there (Laplace), the heaviest first: reached by
    ascent (Adam) from `at` and from the likeliest of draws from the prior. One too narrow for particles on their way
    from the prior to come upon is found so.
    """
    k = model.latent_dim
    draws = torch.randn((DRAWS, k), generator=generator, dtype=torch.float64)
    likeliest = log_likelihoods(model, x, draws).topk(CLIMBERS - 1).indices
    z = _climbed(model, x, torch.cat((at[None], draws[likeliest])))
    values, curvature = _curvature(model, x, z)
    scales, axes = torch.linalg.eigh(curvature)
    scales = scales.clamp_min(1.0)  # the prior's own, where a likelihood that bends upwards says less
    heights = values - 0.5 * scales.log().sum(1)
    found: list[FullGaussian] = []
    for i in heights.argsort(descending=True).tolist():
        if heights[i] < heights.max() - LIKELY or len(found) == MOST_MODES:
            break
        if all(_is_outside(z[i], other) for other in found):
            covariance = (axes[i] / scales[i]) @ axes[i].T
            found.append(FullGaussian(z[i], torch.linalg.cholesky((covariance + covariance.T) / 2)))
    return found


def _climbed(model: VAE, x: Tensor, z: Tensor) -> Tensor:
    """z (N, k) after `CLIMB` steps of Adam up ln p(x, z), each by itself, ever smaller: written out, for `torch.optim`
    takes seconds to import.
    """
    first, second = torch.zeros_like(z), torch.zeros_like(z)
    for step in range(1, CLIMB + 1):
        z = z.requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(log_joint(model, x, z).sum(), z)
        first.lerp_(slope, 0.1)
        second.lerp_(slope.square(), 0.001)
        rate = CLIMB_RATE * 0.01 ** (step / CLIMB)
        mean, square = first / (1 - 0.9**step), second / (1 - 0.999**step)
        z = z.detach() + rate * mean / (square.sqrt() + 1e-8)
    return z


def _curvature(model: VAE, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """ln p(x, z) at z (N, k), shape (N,), and minus its second derivatives, (N, k, k)."""
    z = z.detach().requires_grad_()
    with torch.enable_grad():
        values = log_joint(model, x, z)
        (slope,) = torch.autograd.grad(values.sum(), z, create_graph=True)
        rows = [torch.autograd.grad(column.sum(), z, retain_graph=True)[0] for column in slope.T]
    curvature = -torch.stack(rows, 1)
    return values.detach(), (curvature + curvature.mT) / 2


def _moments(z: Tensor, log_w: Tensor) -> FullGaussian:
    """Weighted mean and covariance of z (N, k)."""
    share = log_w.softmax(0)
    mean = share @ z
    offsets = z - mean
    covariance = (offsets * share[:, None]).T @ offsets
    covariance += 1e-9 * torch.diag(covariance.diagonal().clamp_min(1e-12))
    return FullGaussian(mean, torch.linalg.cholesky(covariance))


def _weights(
    model: VAE, x: Tensor, q: Gaussian, proposal: Proposal, draws: int, generator: torch.Generator | None
) -> _Drawn:
    """Draws of a mixture, as many of each part as `SHARES` says, and ln p(x, z) − ln of the mixture's density.

    One density for all draws, whichever part they are of (Owen & Zhou 2000): no weight can be larger than under a part
    alone, over its share.
    """
    main, modes = proposal
    encoder = full(q)
    wide = [FullGaussian(main.mu, WIDER * main.tril), *modes]
    shares = torch.tensor([*SHARES[:2], *[SHARES[3] / max(1, len(modes))] * len(modes), SHARES[2]], dtype=torch.float64)
    if not modes:
        shares[0] += SHARES[3]
    counts = [round(share * draws) for share in shares.tolist()]
    heavy = [main, *wide]
    parts = [_student(at, n, generator) for at, n in zip(heavy, counts[:-1], strict=True)]
    z = torch.cat((*parts, _of(encoder, counts[-1], generator)))
    densities = torch.stack((*(_log_student(at, z) for at in heavy), encoder.log_prob(z)), 1)
    log_mixture = (densities + shares.log()).logsumexp(1)
    return _Drawn(z, log_likelihoods(model, x, z) + log_prior(z) - log_mixture)


def _of(q: FullGaussian, n: int, generator: torch.Generator | None) -> Tensor:
    return q.at(torch.randn((n, len(q.mu)), generator=generator, dtype=torch.float64))


def _student(at: FullGaussian, n: int, generator: torch.Generator | None) -> Tensor:
    """Draws (n, k) of the multivariate t with this location and scale."""
    freedom = FREEDOM + len(at.mu)
    zeta = torch.randn((n, len(at.mu)), generator=generator, dtype=torch.float64)
    gamma = torch._standard_gamma(torch.full((n, 1), freedom / 2, dtype=torch.float64), generator)
    return at.at(zeta * (freedom / (2 * gamma)).sqrt())


def _log_student(at: FullGaussian, z: Tensor) -> Tensor:
    """ln of its density at z (N, k)."""
    k = len(at.mu)
    freedom = FREEDOM + k
    constant = lgamma((freedom + k) / 2) - lgamma(freedom / 2) - 0.5 * k * log(freedom * pi)
    spread = 0.5 * (freedom + k) * torch.log1p(at.noise_of(z).square().sum(1) / freedom)
    return constant - at.tril.diagonal().log().sum() - spread
