"""The likelihood of one image on an even raster of the latent plane or line, to be drawn. Nats.

Decoding every cell would take most of the time from the choice of an image to its posterior. Therefore every fourth row
and column is decoded first, and the raster is doubled twice: where the last cells agree with a cubic interpolation of
the cells before, the next ones are interpolated, otherwise decoded.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from vae.errors import InputError
from vae.gaussian import log_prior
from vae.inference.evidence import log_likelihoods
from vae.inference.quadrature import neighbours, promising
from vae.model import VAE

ERROR = 0.05  # nats: largest error of the interpolation, within `quadrature.REACH` of the peak
AT_FIRST = 0.03  # the same for the first cells, where an agreement by chance is more likely


class Raster(NamedTuple):
    """ln p(x|z) and ln p(z) between two corners: (cells,) of a line, (cells, cells) of a plane, lowest row first."""

    axes: tuple[Tensor, ...]  # centres (cells,), of z₁ and z₂
    log_likelihood: Tensor
    log_prior: Tensor


@torch.no_grad()
def raster(model: VAE, x: Tensor, low: Tensor, high: Tensor, cells: int = 200) -> Raster:
    """The raster of one image x (C, H, W) between `low` and `high` (k,), with `cells` a side.

    `InputError` for more than 2 dimensions or a number of cells that does not fit.
    """
    if model.latent_dim not in (1, 2) or cells < 32 or cells % 8:
        raise InputError("A raster needs a latent space of 1 or 2 dimensions, and a multiple of 8 cells, at least 32.")
    middles = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells
    axes = tuple(least + middles * (most - least) for least, most in zip(low, high, strict=True))
    if model.latent_dim == 1:
        z = axes[0][:, None]
        return Raster(axes, log_likelihoods(model, x, z), log_prior(z))
    z = torch.stack(torch.meshgrid(*axes, indexing="xy"), -1)
    return Raster(axes, _halved_twice(model, x, z), log_prior(z))


def _halved_twice(model: VAE, x: Tensor, z: Tensor) -> Tensor:
    """ln p(x|z) at z (cells, cells, 2), decoded where a cubic is not accurate."""
    first = z[::4, ::4]
    values = log_likelihoods(model, x, first.reshape(-1, 2)).reshape(first.shape[:2])
    wanted = _inaccurate(values, _doubled(values[::2, ::2]), AT_FIRST, 2) & _near_the_peak(values + log_prior(first))
    for stride in (2, 1):
        guess = _doubled(values)
        wanted = wanted.repeat_interleave(2, 0).repeat_interleave(2, 1)
        wanted[::2, ::2] = False  # already computed
        values = guess.clone()
        if wanted.any():
            values[wanted] = log_likelihoods(model, x, z[::stride, ::stride][wanted])
        wanted = _inaccurate(values, guess, ERROR, 1)
    return values


def _inaccurate(values: Tensor, guess: Tensor, tolerance: float, reach: int) -> Tensor:
    """The cells where a guess is wrong, and their neighbours up to `reach` cells."""
    wrong = (values - guess).abs() > tolerance
    return F.max_pool2d(wrong.float()[None], 2 * reach + 1, stride=1, padding=reach)[0] > 0


def _near_the_peak(joint: Tensor) -> Tensor:
    axis = torch.arange(len(joint))
    adjacent = neighbours(torch.cartesian_prod(axis, axis), len(joint))
    return promising(joint.flatten(), adjacent).reshape(joint.shape)


def _doubled(values: Tensor) -> Tensor:
    """Twice as many rows and columns, by cubic interpolation."""
    between = _between(len(values))
    return between @ values @ between.T


def _between(n: int) -> Tensor:
    """Weights (2n, n) of cubics through four neighbours each: values at 0, ½, 1, … from those at 0, 1, …, n − 1."""
    at = torch.arange(2 * n, dtype=torch.float64) / 2
    first = (at.long() - 1).clamp(0, n - 4)
    weights = torch.zeros(2 * n, n, dtype=torch.float64)
    for i in range(4):
        factors = [(at - first - j) / (i - j) for j in range(4) if j != i]
        weights[torch.arange(2 * n), first + i] = factors[0] * factors[1] * factors[2]
    return weights
