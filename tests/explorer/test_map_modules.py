"""What the map's tools compute, module by module, beside PyTorch, SciPy and closed forms."""

from __future__ import annotations

import itertools
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.stats import genpareto

from tests.browser.room import DEEP, FLAT, gallery
from tests.explorer.node import Node
from vae.analysis.aggregate import log_aggregate
from vae.analysis.zones import hole_share, overlap
from vae.data.table import guarded
from vae.gaussian import DiagonalGaussian, log_prior
from vae.inference.evidence import Sampled, effective_sample_size, log_mean_weight
from vae.inference.pareto import distrust, pareto_k

EXACTLY = 1e-9


def posterior(name: str) -> DiagonalGaussian:
    held_out = gallery(name).held_out
    return DiagonalGaussian(torch.tensor(held_out.mu).double(), torch.tensor(held_out.logvar).double())


def as_lists(posterior: DiagonalGaussian) -> dict[str, list[float]]:
    return {"mu": posterior.mu.flatten().tolist(), "logvar": posterior.logvar.flatten().tolist()}


# ---- tables ---------------------------------------------------------------------------------------------------------


def test_a_table_keeps_labels_and_guards_what_a_spreadsheet_would_run(node) -> None:
    """As `python -m vae export` does, to the sign."""
    names = [
        "-1",
        "+3",
        "-2.5e3",
        "7",
        "",
        "=1+1",
        "-2+3",
        "+cmd|x",
        "@a",
        "\t=x",
        "＝x",
        "-",
        "'=x",
        "'-1",
        "''a",
        "a=b",
    ]
    assert node.call("math/selection.js", "(m, names) => names.map(m.guarded)", names) == [*map(guarded, names)]
    table = """(m, values) => {
        const meta = { latent_dim: 1, classes: ["-1", "none", "=7"], ...(values && { values }) };
        const arrays = { index: [0, 1, 2], labels: [2, 0, 1], mu: [0.5, -1, 2] };
        return [...m.csv({ meta, arrays, given: {} }, {}, Uint32Array.of(0, 1, 2))].join("");
    }"""
    head = "index,label,class,mu_1\n"
    assert node.call("math/selection.js", table, [-1, None, 7]) == f"{head}0,7,'=7,0.5\n1,-1,-1,-1\n2,,none,2\n"
    for without in (None, []):
        assert node.call("math/selection.js", table, without) == f"{head}0,2,'=7,0.5\n1,0,-1,-1\n2,1,none,2\n"


# ---- paths ----------------------------------------------------------------------------------------------------------

PATH = "(m, kind, a, b, n) => m[kind](a, b, n).map((z) => [...z])"


@pytest.mark.parametrize("k", [1, 2, 10])
def test_a_straight_path_has_even_steps(node, k) -> None:
    a, b = np.random.default_rng(0).standard_normal((2, k))
    path = np.array(node.call("math/interpolation.js", PATH, "straight", a.tolist(), b.tolist(), 7))
    np.testing.assert_allclose(path, a + np.linspace(0, 1, 7)[:, None] * (b - a), atol=EXACTLY)


@pytest.mark.parametrize("k", [2, 3, 10])
def test_a_spherical_path_turns_evenly_in_one_plane_and_its_length_goes_evenly(node, k) -> None:
    a, b = np.random.default_rng(k).standard_normal((2, k)) * [[1], [2.5]]
    path = np.array(node.call("math/interpolation.js", PATH, "spherical", a.tolist(), b.tolist(), 9))
    np.testing.assert_allclose(path[[0, -1]], [a, b], atol=EXACTLY)
    lengths = np.linalg.norm(path, axis=1)
    np.testing.assert_allclose(lengths, np.linspace(lengths[0], lengths[-1], 9), atol=EXACTLY)
    turns = np.arccos(np.sum(path[1:] * path[:-1], axis=1) / lengths[1:] / lengths[:-1])
    np.testing.assert_allclose(turns, turns.sum() / 8, atol=1e-7)
    assert turns.sum() == pytest.approx(np.arccos(a @ b / lengths[0] / lengths[-1]))  # the short way round
    assert np.linalg.matrix_rank(path, tol=1e-8) == 2


@pytest.mark.parametrize(
    ("a", "b"), [([1, 0, 0], [-2, 0, 0]), ([0, 0], [1, 1]), ([1, 1], [3, 3]), ([2], [-1])], ids=str
)
def test_a_spherical_path_without_a_plane_of_its_own_still_arrives(node, a, b) -> None:
    path = np.array(node.call("math/interpolation.js", PATH, "spherical", a, b, 5))
    assert np.isfinite(path).all()
    np.testing.assert_allclose(path[[0, -1]], [a, b], atol=EXACTLY)


def test_a_path_on_a_plane_follows_its_line_and_goes_straight_across_it(node) -> None:
    rng = np.random.default_rng(1)
    rows = np.linalg.qr(rng.standard_normal((5, 5)))[0][:2]
    a, b = rng.standard_normal((2, 5))
    line = [rows @ a, *rng.standard_normal((3, 2)), rows @ b]
    script = """async ([interpolation, projection, rows, line, a, b]) => {
      const { alongPlane } = await import(interpolation);
      const { Projection } = await import(projection);
      return alongPlane(new Projection(rows, ["", ""]), line, a, b, 33).map((z) => [...z]);
    }"""
    modules = [node.module("math/interpolation.js"), node.module("math/projection.js")]
    given = [rows.tolist(), np.array(line).tolist(), a.tolist(), b.tolist()]
    path = np.array(node.evaluate(script, [*modules, *given]))
    np.testing.assert_allclose(path[[0, -1]], [a, b], atol=1e-8)
    aside = path - path @ rows.T @ rows
    np.testing.assert_allclose(aside, aside[0] + np.linspace(0, 1, 33)[:, None] * (aside[-1] - aside[0]), atol=1e-8)
    spots, corners = path @ rows.T, np.array(line)
    for spot in spots:  # each on one of the line's pieces
        along = np.clip(
            np.sum((spot - corners[:-1]) * np.diff(corners, axis=0), 1) / np.sum(np.diff(corners, axis=0) ** 2, 1), 0, 1
        )
        assert np.linalg.norm(corners[:-1] + along[:, None] * np.diff(corners, axis=0) - spot, axis=1).min() < 1e-8


def least_cost(grid: np.ndarray, start: int, end: int) -> float:
    """Of a walk over the grid's cells, 1 apart, by SciPy."""
    size = len(grid)
    cost = 1 / (grid / grid.max() + 1e-3)
    moves = [(x, y) for x in range(-2, 3) for y in range(-2, 3) if abs(x) + abs(y) == 3 or max(abs(x), abs(y)) == 1]
    rows, cols = np.mgrid[:size, :size]
    sources, targets, weights = [], [], []
    for x, y in moves:
        fits = (rows + y >= 0) & (rows + y < size) & (cols + x >= 0) & (cols + x < size)
        here, there = (rows * size + cols)[fits], ((rows + y) * size + cols + x)[fits]
        sources.append(here)
        targets.append(there)
        weights.append(np.hypot(x, y) * (cost.flat[here] + cost.flat[there]) / 2)
    graph = coo_array((np.concatenate(weights), (np.concatenate(sources), np.concatenate(targets)))).tocsr()
    return float(dijkstra(graph, indices=start)[end])


def cost_of(line: np.ndarray, grid: np.ndarray) -> float:
    """∫ ds / density along a line over the grid, by many small steps."""
    cost = 1 / (grid / grid.max() + 1e-3)
    total = 0.0
    for a, b in itertools.pairwise(line):
        middles = a + (np.arange(50)[:, None] + 0.5) / 50 * (b - a)
        cols, rows = np.clip(middles.astype(int), 0, len(grid) - 1).T
        total += np.linalg.norm(b - a) * cost[rows, cols].mean()
    return total


def test_the_ridge_goes_around_a_hole_at_hardly_more_than_the_least_cost(node) -> None:
    size = 40
    y, x = np.mgrid[:size, :size] + 0.5
    radius = np.hypot(x - 20, y - 20)
    grid = np.exp(-0.5 * ((radius - 12) / 2.5) ** 2)  # a ring with a hole
    start, end = np.array([8.5, 20.5]), np.array([32.5, 20.5])
    script = "(m, grid, size, box, a, b) => m.ridge(Float32Array.from(grid), size, box, a, b)"
    given = [grid.flatten().tolist(), size, [0, size, 0, size], start.tolist(), end.tolist()]
    line = np.array(node.call("math/ridge.js", script, *given))
    np.testing.assert_array_equal(line[[0, -1]], [start, end])
    away = np.hypot(*(line - 20).T)
    assert np.all(np.abs(away - 12) < 2.5)  # it keeps to the ring
    straight = cost_of(np.array([start, end]), grid)
    least = least_cost(grid, 20 * size + 8, 20 * size + 32)
    assert cost_of(line, grid) < 1.1 * least < 0.5 * straight


def test_a_ridge_within_one_cell_or_from_outside_the_grid_has_its_ends(node) -> None:
    script = "(m, a, b) => m.ridge(new Float32Array(400).fill(1), 20, [-2, 2, -2, 2], a, b)"
    for a, b in ([[0.01, 0.02], [0.03, 0.04]], [[-9, 0.1], [7, -8]]):
        line = node.call("math/ridge.js", script, a, b)
        assert (line[0], line[-1]) == (a, b)


# ---- the aggregate posterior and its holes --------------------------------------------------------------------------


@pytest.mark.parametrize("name", [FLAT, DEEP])
def test_the_aggregate_posterior_is_that_of_the_library(node, name) -> None:
    model, q = gallery(name), posterior(name)
    n, k = q.mu.shape
    z = 1.5 * torch.randn(40, k, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    script = """(m, arrays, chosen, k, zs, labels, classes) => {
      const q = new m.Aggregate(arrays, chosen, k);
      return zs.map((z) => [q.log(z), [...q.shares(z, labels, classes)]]);
    }"""
    labels = model.held_out.labels
    found = node.call("math/aggregate.js", script, as_lists(q), list(range(n)), k, z.tolist(), labels.tolist(), 10)
    logs, shares = (np.array(part) for part in zip(*found, strict=True))
    np.testing.assert_allclose(logs, log_aggregate(z, q).numpy(), atol=1e-9)
    log_each = q.log_prob(z[:, None]).numpy()
    weights = np.exp(log_each - log_each.max(1, keepdims=True))
    expected = np.stack([weights[:, labels == c].sum(1) for c in range(10)], 1) / weights.sum(1, keepdims=True)
    np.testing.assert_allclose(shares, expected, atol=1e-9)


NUMBERS = """(m, arrays, chosen, k, name, options) => {
  for (const work = m[name](arrays, chosen, k, options); ; ) {
    const { done, value } = work.next();
    if (done) return value;
  }
}"""


@pytest.mark.parametrize("name", [FLAT, DEEP])
def test_share_of_holes_and_overlap_are_those_of_the_library(node, name) -> None:
    q = DiagonalGaussian(*(part[:800] for part in posterior(name)))
    n, k = q.mu.shape
    given = [as_lists(q), list(range(n)), k]
    holes = node.call("math/holes.js", NUMBERS, *given, "holeShare", {"draws": 1000})
    expected = hole_share(q, draws=4000, generator=torch.Generator().manual_seed(3))
    if k == 2:  # the same grid
        assert holes == {"mean": pytest.approx(expected.mean, abs=1e-6), "error": pytest.approx(expected[1], abs=1e-6)}
    else:
        assert abs(holes["mean"] - expected.mean) < 4 * np.hypot(holes["error"], expected.standard_error)
        bounded = (1000 * holes["mean"] + 2) / 1004
        assert holes["error"] == pytest.approx(np.sqrt(bounded * (1 - bounded) / 1000))

    every = node.call("math/holes.js", NUMBERS, *given, "overlap", {"points": n})
    exactly = overlap(q, points=n)
    assert (every["mean"], every["error"]) == (pytest.approx(exactly.mean, abs=1e-9), 0)
    some = node.call("math/holes.js", NUMBERS, *given, "overlap", {"points": 200})
    assert some["error"] > 0
    assert abs(some["mean"] - exactly.mean) < 4 * some["error"]


def test_a_prior_that_is_covered_has_no_holes_and_one_far_off_is_all_hole(node) -> None:
    for mu, share in ((0.0, 0.0), (40.0, 1.0)):
        arrays = {"mu": [mu] * 6, "logvar": [0] * 6}
        for k in (1, 2, 3):
            found = node.call("math/holes.js", NUMBERS, arrays, [0, 1], k, "holeShare", {"draws": 100})
            assert found["mean"] == pytest.approx(share, abs=1e-8)
            assert k < 3 or found["error"] > 0  # of draws, a share of 0 is not called exact
    z = torch.zeros(1, 2)
    assert log_prior(z).item() == pytest.approx(-np.log(2 * np.pi))


# ---- importance weights ---------------------------------------------------------------------------------------------

TAIL = """(m, logW, averages, known) => {
  const [mean, error, effective] = averages;
  return [m.paretoK(logW), m.distrust(logW, { logMean: mean, logMeanError: error, effective }, known)];
}"""


def test_the_tail_of_weights_and_what_is_said_of_it_are_those_of_the_library(node) -> None:
    rng = np.random.default_rng(0)
    light, heavy = 0.5 * rng.standard_normal(2000), np.log(genpareto.rvs(1.1, size=2000, random_state=3) + 60)
    few = np.append(np.zeros(500), 30.0)
    for log_w, under in ((light, 0.0), (light, 0.7), (heavy, 0.0), (few, 0.0)):
        weights = torch.tensor(log_w)
        mean, error = log_mean_weight(weights)
        known = Sampled(mean + under, 0.01)
        given = [mean, error, effective_sample_size(weights)], {"mean": known.mean, "error": 0.01}
        k, said = node.call("math/pareto.js", TAIL, log_w.tolist(), *given)
        assert k == pytest.approx(pareto_k(weights), abs=1e-9)
        assert said == distrust(weights, known)
        assert (said is None) == (log_w is light and under == 0)


def test_quantiles_of_the_normal_are_those_of_python(node) -> None:
    shares = [1e-9, 1e-4, 0.02, 0.03, 0.2, 0.5, 0.77, 0.98, 1 - 1e-6]
    found = node.call("math/gaussian.js", "(m, shares) => shares.map(m.normalQuantile)", shares)
    np.testing.assert_allclose(found, [NormalDist().inv_cdf(p) for p in shares], rtol=2e-9, atol=1e-12)


# ---- lasso ----------------------------------------------------------------------------------------------------------

WITHIN = """async (m, grid, shape, us, vs) => {
  const { GridIndex } = await import(grid);
  return [...m.within(shape, new GridIndex(Float32Array.from(us), Float32Array.from(vs)))];
}"""


def lassoed(node: Node, shape: Any, spots: np.ndarray) -> np.ndarray:
    grid = node.module("math/grid-index.js")
    return np.array(node.call("math/lasso.js", WITHIN, grid, np.asarray(shape).tolist(), *spots.T.tolist()), int)


def test_a_lasso_takes_what_lies_within_its_line(node) -> None:
    spots = np.random.default_rng(0).uniform(-2, 2, (2000, 2))
    angles = np.sort(np.random.default_rng(1).uniform(0, 2 * np.pi, 9))
    shape = np.stack([1.7 * np.cos(angles), 1.2 * np.sin(angles)], 1)  # convex: on an ellipse
    found = lassoed(node, shape, spots)
    edges = np.roll(shape, -1, 0) - shape
    beside = np.stack(
        [e[0] * (spots[:, 1] - c[1]) - e[1] * (spots[:, 0] - c[0]) for c, e in zip(shape, edges, strict=True)]
    )
    np.testing.assert_array_equal(found, np.flatnonzero((beside > 0).all(0)))
    assert 100 < len(found) < 1900

    bow = [[-1, -1], [1, 1], [1, -1], [-1, 1]]  # crosses itself: two triangles, left and right of its middle
    found = lassoed(node, bow, spots)
    x, y = spots.T
    np.testing.assert_array_equal(found, np.flatnonzero((np.abs(x) < 1) & (np.abs(y) < np.abs(x))))


@pytest.mark.parametrize("n", [0, 1, 300, 30_000])
def test_of_many_points_a_lasso_takes_those_that_asking_each_one_takes(node, n) -> None:
    rng = np.random.default_rng(n)
    spots = rng.standard_normal((n, 2)).astype(np.float32).astype(float)
    spots[: n // 100] *= 40  # far beyond the grid's border
    turns = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    rough = rng.uniform(0.6, 1.4, 90)[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1)
    for shape in (rough, 30 * rough, rng.standard_normal((7, 2)), [[-1, -0.5], [2, -0.5], [2, 1], [-1, 1]]):
        np.testing.assert_array_equal(lassoed(node, shape, spots), np.flatnonzero(surrounded(np.array(shape), spots)))


def surrounded(shape: np.ndarray, spots: np.ndarray) -> np.ndarray:
    """Whether a line from each spot to the right crosses the shape's own an odd number of times."""
    inside = np.zeros(len(spots), bool)
    u, v = spots.T
    for (ua, va), (ub, vb) in zip(np.roll(shape, 1, 0), shape, strict=True):
        if va != vb:
            inside ^= ((vb > v) != (va > v)) & (u < ub + (v - vb) / (va - vb) * (ua - ub))
    return inside


# ---- a line in few corners ------------------------------------------------------------------------------------------

CORNERS = "(m, line, most, tolerance) => m.cornersOf(line, most, tolerance)"


def away(line: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """How far the points of a line are from the straight way between corners, (n,)."""
    a, d = corners[:-1], np.diff(corners, axis=0)
    along = np.clip(((line[:, None] - a) * d).sum(2) / (d**2).sum(1), 0, 1)
    return np.hypot(*(line[:, None] - a - along[..., None] * d).transpose(2, 0, 1)).min(1)


def test_a_line_keeps_its_corners_and_a_round_one_as_many_as_it_may(node) -> None:
    zigzag = np.array([[0, 0], [30, 40], [60, -10], [61, 80]], float)
    steps = np.concatenate([a + np.linspace(0, 1, 20)[:, None] * (b - a) for a, b in itertools.pairwise(zigzag)])
    np.testing.assert_allclose(node.call("math/outline.js", CORNERS, steps.tolist(), 64, 0.7), zigzag, atol=1e-9)
    turns = np.linspace(0, 6, 900)[:, None]
    circle = 200 * np.hstack([np.cos(turns), np.sin(turns)])
    few = np.array(node.call("math/outline.js", CORNERS, circle.tolist(), 100, 0.7))
    assert len(few) < 100
    assert away(circle, few).max() <= 0.7
    np.testing.assert_array_equal(few[[0, -1]], circle[[0, -1]])
    assert len(node.call("math/outline.js", CORNERS, circle.tolist(), 10, 0.7)) == 10
    still = [[5.0, 5.0]] * 9
    assert node.call("math/outline.js", CORNERS, still, 64, 0.7) == still[:2]
