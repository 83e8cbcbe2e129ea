"""Disentanglement: two scores of how well single dimensions of z match single known factors of the images."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from vae.analysis.aggregate import components, draw, log_densities
from vae.errors import InputError
from vae.gaussian import DiagonalGaussian
from vae.principal_axes import ACTIVE_VARIANCE


class Gap(NamedTuple):
    """The mutual information gap, in [0, 1], and its parts; information and entropy in nats."""

    mig: float  # mean of `gaps`
    gaps: Tensor  # (F,), of every factor: difference of the two largest `information`, divided by `entropy`
    information: Tensor  # (k, F), I(z_i; v_j)
    standard_error: Tensor  # (k, F), of `information`
    entropy: Tensor  # (F,), H(v_j)


@torch.no_grad()
def mutual_information_gap(
    posterior: DiagonalGaussian, factors: Tensor, draws: int = 2000, generator: torch.Generator | None = None
) -> Gap:
    """MIG = (1/F) Σ_j (I(z_i*; v_j) − max_{i ≠ i*} I(z_i; v_j))/H(v_j), i* = argmax_i I(z_i; v_j) (Chen et al. 2018).

    Posteriors (N, k) and integer `factors` (N, F) of the same images. I(z_i; v_j) = E ln q(z_i|v_j) − ln q(z_i) over
    draws z ~ q(z|x_n), with both densities the mixtures over the given images, those with the same v_j or all; the
    standard error is sd/√draws. If the images do not cover a full grid of factors, or with few images a value, I is
    biased upwards: also independent dimensions differ a little from value to value. `InputError` for factors that do
    not fit or are constant.
    """
    q, v = components(posterior), _checked(posterior, factors)
    z, source = draw(q, max(draws, 2), generator)
    kinds = [torch.unique(column, return_inverse=True, return_counts=True)[1:] for column in v.T]
    members = torch.cat([torch.nn.functional.one_hot(which).double() for which, _ in kinds], 1)  # (N, all values)
    counts = torch.cat([count for _, count in kinds]).double()
    first = torch.tensor([0, *(len(count) for _, count in kinds)], device=v.device).cumsum(0)[:-1]
    own = torch.stack([which for which, _ in kinds], 1)[source] + first  # (draws, F): the column of each draw's value

    parts, row = [], 0
    for logs in log_densities(z, q):  # (k, rows, N)
        densities = logs.sub_(logs.amax(-1, keepdim=True)).clamp_min_(-700).exp_()
        given = densities @ members / counts
        mine = own[row : row + logs.shape[1]].expand(len(logs), -1, -1)
        parts.append(given.gather(2, mine).log() - densities.mean(-1, keepdim=True).log())
        row += logs.shape[1]
    samples = torch.cat(parts, 1)  # (k, draws, F)
    information = samples.mean(1)
    shares = [count.double() / len(v) for _, count in kinds]
    entropy = torch.stack([-(share * share.log()).sum() for share in shares])
    best = torch.cat([information, torch.zeros_like(information[:1])]).clamp_min(0).topk(2, 0).values
    gaps = (best[0] - best[1]) / entropy
    return Gap(gaps.mean().item(), gaps, information, samples.std(1) / len(z) ** 0.5, entropy)


def factor_vae_score(
    mu: Tensor, factors: Tensor, votes: int = 800, samples: int = 100, generator: torch.Generator | None = None
) -> float:
    """Accuracy, in [0, 1], of predicting a fixed factor from the dimension that varies least (Kim & Mnih 2018).

    Latent means `mu` (N, k) and integer `factors` (N, F). A vote: fix a random factor at a random image's value, draw
    `samples` images with it (with replacement), and find the dimension of least variance relative to that of all
    images. The first half of `votes` assigns a factor to every dimension, by majority; the score is the share of the
    second half that this predicts, with the binomial error √(s(1 − s)/(votes/2)). Chance level is about 1/F. Only
    active dimensions (Var mu_i > 0.01) vote; without any, the score is 0. `InputError` for factors that do not fit or
    are constant, and for fewer than 2 votes or samples.
    """
    v = _checked(DiagonalGaussian(mu, mu), factors)
    spread = mu.double().var(0, correction=0)
    active = spread > ACTIVE_VARIANCE
    if votes < 2 or samples < 2:
        raise InputError("The FactorVAE score needs at least 2 votes of 2 samples.")
    if not active.any():
        return 0.0
    codes = mu.double()[:, active] / spread[active].sqrt()
    cast_votes = []
    for _ in range(votes):
        factor = _below(v.shape[1], 1, generator)
        value = v[_below(len(v), 1, generator), factor]
        alike = torch.nonzero(v[:, factor[0]] == value)[:, 0]
        chosen = alike[_below(len(alike), samples, generator)]
        cast_votes.append((codes[chosen].var(0).argmin(), factor[0]))
    least, which = (torch.stack(column) for column in zip(*cast_votes, strict=True))
    half = votes // 2
    table = torch.zeros(codes.shape[1], v.shape[1]).index_put((least[:half], which[:half]), torch.ones(half), True)
    return (table.argmax(1)[least[half:]] == which[half:]).double().mean().item()


def _checked(posterior: DiagonalGaussian, factors: Tensor) -> Tensor:
    if factors.ndim != 2 or len(factors) != len(posterior.mu) or factors.is_floating_point():
        raise InputError("Disentanglement needs whole numbers of shape (images, factors), a row for every latent mean.")
    if any(len(column.unique()) < 2 for column in factors.T):
        raise InputError("A factor that is the same in all images cannot be scored; leave it out.")
    return factors.long()


def _below(n: int, count: int, generator: torch.Generator | None) -> Tensor:
    return torch.randint(n, (count,), generator=generator)
