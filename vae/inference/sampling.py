"""ln p(x) for any latent_dim by sampling, with an error that is reported only where it can be trusted. Nats.

Particles move from the prior to the posterior and find its mass independently of the encoder; narrow modes that they
miss are found by gradient ascent. The proposal of importance sampling is a mixture of Student's t distributions: one
with the mean and covariance of the particles, one about each narrow mode. If the tail of the weights is too heavy,
annealed importance sampling starts from that mean and covariance.
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

PARTICLES = 400  # that search the mass of the posterior
MOVES, MOVES_PER_DIM = 12, 0.5  # moves of each particle at the end: MOVES + MOVES_PER_DIM · k
ROUNDS = 4  # most rounds of fitting the proposal to its own weighted draws
DRAWS = 10_000
# shares of the draws: from the fitted distribution, from a wider copy, from the encoder's q, and from narrow modes, if
# there are any; all but the first may find mass that the particles have missed
SHARES = (0.55, 0.15, 0.1, 0.2)
WIDER = 1.7  # factor of the standard deviation of the wider copy
CLIMBERS, CLIMB, CLIMB_RATE = 32, 120, 0.1  # ascents to narrow modes; steps of each, and the size of the first
MOST_MODES, LIKELY = 4, 5.0  # most narrow modes; and how many nats they may be below the heaviest
FREEDOM = 20.0  # degrees of freedom of the proposal, plus k: tails heavier than a Gaussian's
GOOD = 0.5  # share of effective draws with which fitting stops
LEAST_SHARE = 0.05  # least share of effective draws for an error
CHAINS = 96
LEAST_CHAINS = 0.35  # least share of effective chains for an error
IMPORTANCE, ANNEALED = "importance sampling", "annealed importance sampling"


class Estimate(NamedTuple):
    """An estimate of ln p(x), too low on average, with its standard error, its method and number of draws or chains.

    Where the error cannot be trusted it is NaN, and `withheld` is the reason.
    """

    log_evidence: Sampled
    method: str
    effective_sample_size: float  # of the draws of `method`
    draws: int
    pareto_k: float  # shape of the tail of the weights
    withheld: str | None = None


@torch.no_grad()
def estimate(model: VAE, x: Tensor, q: Gaussian, generator: torch.Generator | None = None) -> Estimate:
    """Estimate ln p(x) of one image x (C, H, W). `q` gives a tenth of the draws, so its choice matters little."""
    check_image(model, x)
    proposal = fitted(model, x, q, generator)
    log_w = _weights(model, x, q, proposal, DRAWS, generator).log_w
    why = distrust(log_w, enough=LEAST_SHARE * DRAWS)
    if why is None:
        return _estimate_of(log_w, IMPORTANCE, None)
    found = annealed(lambda z: log_joint(model, x, z), proposal.main, CHAINS, generator=generator)
    return _estimate_of(found.log_w, ANNEALED, distrust(found.log_w, enough=LEAST_CHAINS * CHAINS, name="chains"))


def _estimate_of(log_w: Tensor, method: str, why: str | None) -> Estimate:
    found = log_mean_weight(log_w)
    if why is not None:
        found = Sampled(found.mean, nan)
    return Estimate(found, method, effective_sample_size(log_w), len(log_w), pareto_k(log_w), why)


# ---- the proposal ------------------------------------------------------------------------------------------------


class _Drawn(NamedTuple):
    z: Tensor
    log_w: Tensor


class Proposal(NamedTuple):
    """A Gaussian that approximates the posterior, and narrow modes outside of it."""

    main: FullGaussian
    modes: list[FullGaussian]


@torch.no_grad()
def fitted(model: VAE, x: Tensor, q: Gaussian, generator: torch.Generator | None = None) -> Proposal:
    """Fit the proposal to the posterior: by particles that start from the prior, then by weighted draws (adaptive
    importance sampling, Cappé et al. 2008) as long as the effective sample size grows.
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
    """Whether z is farther from the mean than almost all draws of `main`: ‖zeta‖² has mean k and variance 2k."""
    k = len(z)
    return bool(main.noise_of(z).square().sum().item() > k + 4 * (2 * k) ** 0.5)


def _modes(model: VAE, x: Tensor, at: Tensor, generator: torch.Generator | None) -> list[FullGaussian]:
    """Laplace approximations at local maxima of ln p(x, z), by descending mass, found by gradient ascent (Adam) from
    `at` and from the most likely of `DRAWS` draws from the prior. This finds modes too narrow for particles.
    """
    k = model.latent_dim
    draws = torch.randn((DRAWS, k), generator=generator, dtype=torch.float64)
    likeliest = log_likelihoods(model, x, draws).topk(CLIMBERS - 1).indices
    z = _climbed(model, x, torch.cat((at[None], draws[likeliest])))
    values, curvature = _curvature(model, x, z)
    scales, axes = torch.linalg.eigh(curvature)
    scales = scales.clamp_min(1.0)  # at least the curvature of the prior, also where the likelihood is convex
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
    """z (N, k) after `CLIMB` steps of Adam up ln p(x, z) with a falling step size, each row separately.

    Adam is written out here because `torch.optim` takes seconds to import.
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
    """Stratified draws of a mixture with weights `SHARES`, and ln p(x, z) − ln of the mixture's density.

    All draws use the density of the mixture (Owen & Zhou 2000), so a weight is at most that under a single component
    divided by its share.
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
    """Draws (n, k) of a multivariate t with location mu and scale L Lᵀ of `at`."""
    freedom = FREEDOM + len(at.mu)
    zeta = torch.randn((n, len(at.mu)), generator=generator, dtype=torch.float64)
    gamma = torch._standard_gamma(torch.full((n, 1), freedom / 2, dtype=torch.float64), generator)
    return at.at(zeta * (freedom / (2 * gamma)).sqrt())


def _log_student(at: FullGaussian, z: Tensor) -> Tensor:
    """ln of the density of that multivariate t at z (N, k)."""
    k = len(at.mu)
    freedom = FREEDOM + k
    constant = lgamma((freedom + k) / 2) - lgamma(freedom / 2) - 0.5 * k * log(freedom * pi)
    spread = 0.5 * (freedom + k) * torch.log1p(at.noise_of(z).square().sum(1) / freedom)
    return constant - at.tril.diagonal().log().sum() - spread
