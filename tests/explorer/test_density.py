"""The aggregate posterior on a grid beside SciPy's densities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from tests.explorer.node import Node

# The density of a small case by density.js.
DENSITY = """({ GRID, ...density }, kind, us, vs, covariances, box, hidden) => {
  const visible = (i) => !hidden.includes(i);
  return [GRID, [...density[kind]([us, vs], (i) => covariances[i], box, visible)]];
}"""


def density_of(
    node: Node, kind: str, means: np.ndarray, covariances: np.ndarray, box: list, hidden: list
) -> np.ndarray:
    entries = covariances[:, [0, 0, 1], [0, 1, 1]].tolist()
    size, values = node.call("math/density.js", DENSITY, kind, *means.T.tolist(), entries, box, hidden)
    return np.array(values).reshape(size, size)


def test_the_aggregate_posterior_is_the_mixture_of_all_posteriors(node) -> None:
    rng = np.random.default_rng(0)
    means = rng.normal(0, 1, (40, 2))
    roots = rng.normal(0, 0.25, (40, 2, 2)) + 0.15 * np.eye(2)
    covariances = roots @ roots.transpose(0, 2, 1) + 0.01 * np.eye(2)
    box, hidden = [-6, 6, -5, 5], [0, 7]
    grid = density_of(node, "aggregatePosterior", means, covariances, box, hidden)

    size = len(grid)
    du, dv = 12 / size, 10 / size
    u, v = -6 + du * (np.arange(size) + 0.5), -5 + dv * (np.arange(size) + 0.5)
    spots = np.stack(np.meshgrid(u, v), -1)
    widened = covariances + np.diag([du**2 / 4, dv**2 / 4])  # by half a cell, so that no point falls between cells
    shown = [i for i in range(40) if i not in hidden]
    exact = np.mean([multivariate_normal(means[i], widened[i]).pdf(spots) for i in shown], axis=0)
    # each Gaussian ends at 4 σ, where it has e⁻⁸ of its peak
    bound = np.mean([np.exp(-8) / (2 * np.pi * np.sqrt(np.linalg.det(widened[i]))) for i in shown]) + 1e-6
    np.testing.assert_allclose(grid, exact, rtol=1e-5, atol=bound)
    assert grid.sum() * du * dv == pytest.approx(1, abs=1e-3)


def test_on_a_line_the_aggregate_posterior_is_that_along_it(node) -> None:
    rng = np.random.default_rng(0)
    means = np.stack([rng.normal(0, 1, 40), rng.uniform(-0.5, 0.5, 40)], 1)
    covariances = np.zeros((40, 2, 2))
    covariances[:, 0, 0] = rng.uniform(0.01, 0.5, 40)
    grid = density_of(node, "aggregateLine", means, covariances, [-6, 6, -0.5, 0.5], [3])
    du = 12 / len(grid)
    u = -6 + du * (np.arange(len(grid)) + 0.5)
    shown = [i for i in range(40) if i != 3]
    exact = np.mean([norm(means[i, 0], np.sqrt(covariances[i, 0, 0] + du**2 / 4)).pdf(u) for i in shown], axis=0)
    np.testing.assert_allclose(grid, np.broadcast_to(exact, grid.shape), rtol=1e-5, atol=1e-8)
    assert grid[0].sum() * du == pytest.approx(1, abs=1e-4)
