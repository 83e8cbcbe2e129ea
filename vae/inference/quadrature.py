"""Integrals of a density over a plane or a line, on cells that are split only where there is mass. float64 throughout.

The density is given by its log, up to a constant. It may have several modes, far apart and narrower than a thousandth
of the box.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from math import inf, log
from typing import NamedTuple

import torch
from torch import Tensor

from vae.errors import InputError

LogDensity = Callable[[Tensor], Tensor]  # z (N, k) float64 → ln of the density up to a constant (N,)

REACH = 16.0  # cells so many nats below the peak are left out: of a Gaussian in the plane, e⁻¹⁶ of its mass
MOST_CELLS = 1 << 21
MOST_LEVELS = 14
CELLS_PER_SIGMA = 2.0
REMEMBERED = 1 << 16  # most cells of a complete box whose neighbours are cached
PROMINENCE = 0.1  # nats from the saddle to a mode, at least; a ridge oblique to the grid has ripples of 0.03
LEAST_WEIGHT = 1e-3  # least share of the mass of a mode


SHIFTS = {k: [shift for shift in product((-1, 0, 1), repeat=k) if any(shift)] for k in (1, 2)}


class Box(NamedTuple):
    """The cube [centre − half, centre + half], divided into `per_axis` cells a side."""

    centre: Tensor  # (k,)
    half: float
    per_axis: int

    @property
    def step(self) -> float:
        return 2 * self.half / self.per_axis

    def centres(self, index: Tensor) -> Tensor:
        """Centres (G, k) of the cells with integer coordinates `index` (G, k)."""
        return self.centre - self.half + (index + 0.5) * self.step

    def all_cells(self) -> Tensor:
        axis = torch.arange(self.per_axis)
        return torch.cartesian_prod(*[axis] * len(self.centre)).reshape(-1, len(self.centre))


class Modes(NamedTuple):
    """The modes of a density by descending mass: peaks (M, k), masses that sum to 1 (M,), covariances (M, k, k)."""

    peak: Tensor
    weight: Tensor
    covariance: Tensor

    @property
    def least_sigma(self) -> float:
        """The smallest standard deviation of any mode along any direction."""
        return float(torch.linalg.eigvalsh(self.covariance)[:, 0].min().clamp_min(0).sqrt())


class Level(NamedTuple):
    """ln of the integral with `per_axis` cells a side of the box."""

    per_axis: int
    log_total: float


@dataclass(frozen=True, eq=False)
class Cells:
    """A density on cells of equal size that contain its mass; `error` is the change of `log_total` by halving them."""

    box: Box
    index: Tensor  # (G, k), in lexicographic order
    log_density: Tensor  # (G,), at the centres
    levels: tuple[Level, ...]  # one for every time the cells were halved, this one last

    @property
    def error(self) -> float:
        """Nats; infinite where the cells were not halved."""
        return abs(self.levels[-1].log_total - self.levels[-2].log_total) if len(self.levels) > 1 else inf

    @property
    def step(self) -> float:
        return self.box.step

    @cached_property
    def z(self) -> Tensor:
        """Centres, (G, k)."""
        return self.box.centres(self.index)

    @cached_property
    def log_total(self) -> float:
        """ln of the integral."""
        return (self.log_density.logsumexp(0) + self.z.shape[1] * log(self.step)).item()

    @cached_property
    def weights(self) -> Tensor:
        """The share of the mass in every cell, (G,)."""
        return self.log_density.softmax(0)

    @property
    def mean(self) -> Tensor:
        return self.weights @ self.z

    @property
    def covariance(self) -> Tensor:
        offsets = self.z - self.mean
        return (offsets * self.weights[:, None]).T @ offsets

    @cached_property
    def modes(self) -> Modes:
        """Local maxima at least 0.1 nats above the saddle to a higher one, with at least 0.1% of the mass."""
        return _modes(self)

    def bounds(self, tail: float = 1e-4) -> tuple[Tensor, Tensor]:
        """Lowest and highest coordinates (k,) of a box with at most `tail` of the mass outside on every side."""
        low, high = [], []
        for i in range(self.z.shape[1]):
            masses = torch.zeros(self.box.per_axis, dtype=torch.float64).index_add_(0, self.index[:, i], self.weights)
            below = masses.cumsum(0)
            low.append(int(torch.searchsorted(below, tail)))
            high.append(min(int(torch.searchsorted(below, 1 - tail)) + 1, self.box.per_axis))
        start = self.box.centre - self.box.half
        return start + torch.tensor(low) * self.step, start + torch.tensor(high) * self.step

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draws (n, k) of the density, uniform within each cell."""
        chosen = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        inside = torch.rand((n, self.z.shape[1]), generator=generator, dtype=torch.float64) - 0.5
        return self.z[chosen] + inside * self.step


def integrate(
    log_density: LogDensity,
    box: Box,
    tolerance: float = 3e-4,
    first: Tensor | None = None,
    per_sigma: float = CELLS_PER_SIGMA,
) -> Cells:
    """Halve the cells of `box` until the integral changes by at most `tolerance` nats, and at least `per_sigma` cells
    fit the smallest standard deviation of any mode.

    A cell is split while its log density, plus its largest difference to a neighbour, is within `REACH` nats of the
    peak, so that a mode between the centres of the first cells is found by its flanks. If such cells touch the edge,
    the box is enlarged. `first` are the values on the cells of `box`, if known. `InputError` for a density that is not
    finite, has no finite mass, or is too narrow.
    """
    first_box, index, values = box, box.all_cells(), first
    levels: tuple[Level, ...] = ()
    while True:
        if values is None:
            values = log_density(box.centres(index))
        if not torch.isfinite(values.max()):
            raise InputError("The density is not finite on this plane; choose a model that was trained to the end.")
        total = values.logsumexp(0).item() + len(box.centre) * log(box.step)
        levels = (*levels, Level(box.per_axis, total))
        cells = Cells(box, index, values, levels)
        if cells.error <= tolerance and per_sigma * box.step <= cells.modes.least_sigma:
            return cells
        adjacent = neighbours(index, box.per_axis)
        kept = promising(values, adjacent)
        if ((index[kept] == 0) | (index[kept] == box.per_axis - 1)).any():
            first_box = first_box._replace(half=2 * first_box.half, per_axis=2 * first_box.per_axis)
            if first_box.per_axis ** len(box.centre) > MOST_CELLS:
                raise InputError("The density has no finite mass on this plane; it must fall off in every direction.")
            box = first_box
            index, values, levels = box.all_cells(), None, ()
            continue
        k = len(box.centre)
        if len(levels) > MOST_LEVELS or int(kept.sum()) << k > MOST_CELLS:
            raise InputError("The density is too narrow for this plane to be integrated on a grid.")
        box = box._replace(per_axis=2 * box.per_axis)
        index, values = halved(index[kept]), None


def halved(index: Tensor) -> Tensor:
    """The 2^k halves of every cell, in lexicographic order."""
    k = index.shape[1]
    corners = torch.tensor(list(product((0, 1), repeat=k)))
    parts = (2 * index[:, None] + corners).reshape(-1, k)
    return parts[_codes(parts, int(parts.max()) + 3).argsort()]


def _codes(index: Tensor, width: int) -> Tensor:
    """A unique number for every cell, in lexicographic order; neighbours outside a row get numbers of no other cell."""
    codes = index[:, 0] + 1
    for column in index.T[1:]:
        codes = codes * width + column + 1
    return codes


def neighbours(index: Tensor, per_axis: int) -> Tensor:
    """Indices of the 3^k − 1 neighbours of every cell (its own where there is none), (3^k − 1, G), in the order of
    `SHIFTS`.
    """
    k = index.shape[1]
    if len(index) == per_axis**k <= REMEMBERED:
        return _around_all(k, per_axis)
    return _around(index, per_axis)


@lru_cache(maxsize=4)
def _around_all(k: int, per_axis: int) -> Tensor:
    return _around(torch.cartesian_prod(*[torch.arange(per_axis)] * k).reshape(-1, k), per_axis)


def _around(index: Tensor, per_axis: int) -> Tensor:
    codes = _codes(index, per_axis + 2)
    own = torch.arange(len(codes))
    found = []
    for shift in SHIFTS[index.shape[1]]:
        wanted = _codes(index + torch.tensor(shift), per_axis + 2)
        at = torch.searchsorted(codes, wanted).clamp_max(len(codes) - 1)
        found.append(torch.where(codes[at] == wanted, at, own))
    return torch.stack(found)


def promising(values: Tensor, adjacent: Tensor) -> Tensor:
    """Cells (G,) whose density may be within `REACH` nats of the peak, by `values` and those of the neighbours."""
    slope = (values[adjacent] - values).abs().amax(0)
    return values + slope >= values.max() - REACH


def _modes(cells: Cells) -> Modes:
    values, adjacent = cells.log_density, neighbours(cells.index, cells.box.per_axis)
    mode = _merged(values, adjacent, _uphill(values, adjacent))
    peaks, labels = mode.unique(return_inverse=True)
    weight = torch.zeros(len(peaks), dtype=torch.float64).index_add_(0, labels, cells.weights)
    heavy = (weight >= LEAST_WEIGHT).nonzero().squeeze(1)
    heavy = heavy[weight[heavy].argsort(descending=True)]
    covariances = []
    for i in heavy:
        mine = labels == i
        shares, z = cells.weights[mine] / weight[i], cells.z[mine]
        offsets = z - shares @ z
        covariances.append((offsets * shares[:, None]).T @ offsets)
    return Modes(_peaks(cells, peaks[heavy], adjacent), weight[heavy] / weight[heavy].sum(), torch.stack(covariances))


def _peaks(cells: Cells, top: Tensor, adjacent: Tensor) -> Tensor:
    """The peaks (M, k) of the parabolas through the cells `top` (M,) and their neighbours."""
    k = cells.z.shape[1]
    shifts = SHIFTS[k]
    here, around = cells.log_density[top], cells.log_density[adjacent[:, top]]
    unit = torch.eye(k, dtype=torch.long)
    value = {shift: around[i] for i, shift in enumerate(shifts)}
    ahead, behind = ([value[tuple(way.tolist())] for way in sign * unit] for sign in (1, -1))
    slope = torch.stack([(a - b) / 2 for a, b in zip(ahead, behind, strict=True)], 1)
    bend = torch.diag_embed(torch.stack([a + b - 2 * here for a, b in zip(ahead, behind, strict=True)], 1))
    if k == 2:
        bend[:, 0, 1] = bend[:, 1, 0] = (value[1, 1] + value[-1, -1] - value[1, -1] - value[-1, 1]) / 4
    is_top = (torch.linalg.eigvalsh(bend) < 0).all(1)  # false for a cell at the edge or on a plateau
    offset = torch.zeros_like(slope)
    offset[is_top] = -torch.linalg.solve(bend[is_top], slope[is_top]).clamp(-1, 1)
    return cells.z[top] + cells.step * offset


def _uphill(values: Tensor, adjacent: Tensor) -> Tensor:
    """The index of the local maximum that steepest ascent reaches from every cell, (G,)."""
    around = torch.cat((torch.arange(len(values))[None], adjacent))
    root = around.gather(0, values[around].argmax(0, keepdim=True))[0]
    while not torch.equal(root, root[root]):
        root = root[root]
    return root


def _merged(values: Tensor, adjacent: Tensor, root: Tensor) -> Tensor:
    """`root`, with local maxima of prominence below `PROMINENCE` replaced by the higher one across the saddle."""
    here = torch.arange(len(values)).expand_as(adjacent)
    border = root[here] != root[adjacent]
    saddles = torch.minimum(values[here[border]], values[adjacent[border]])
    ends = torch.stack((root[here[border]], root[adjacent[border]]), 1)
    owner: dict[int, int] = {}  # maximum → a higher one whose region it has been joined with
    given: dict[int, int] = {}  # the same, only for maxima of low prominence

    def find(of: dict[int, int], peak: int) -> int:
        while peak in of:
            peak = of[peak]
        return peak

    pairs, where = ends.unique(dim=0, return_inverse=True)
    highest = torch.full((len(pairs),), -torch.inf, dtype=values.dtype).scatter_reduce(0, where, saddles, "amax")
    for i in highest.argsort(descending=True).tolist():
        first, second = (find(owner, peak) for peak in pairs[i].tolist())
        if first == second:
            continue
        low, high = sorted((first, second), key=lambda peak: (values[peak].item(), peak))
        owner[low] = high
        if values[low] - highest[i] < PROMINENCE:
            given[low] = high
    final = torch.arange(len(values))
    for peak in given:
        final[peak] = find(given, peak)
    return final[root]
