"""How the modules find points among very many, beside a search through all of them."""

from __future__ import annotations

import numpy as np
import pytest

from vae.data.latents import sampled

# The rows of a file that the page takes its points for.
ROWS = """({ complete }, count, stride) => {
  const frame = { meta: { latent_dim: 1, stride, plan: { decoder: [] } }, arrays: {}, count };
  complete(frame);
  return [...frame.arrays.index];
}"""


def test_points_keep_the_numbers_of_their_rows_where_one_in_so_many_is_sent(node) -> None:
    for n, stride in ((1, 2), (10, 3), (100_001, 7), (100_000, 1)):
        rows = sampled(n, stride)
        assert node.call("explore/capabilities.js", ROWS, len(rows), stride) == rows.tolist()


# Random points, some of them in one place, sorted into a grid.
NEAREST = """({ GridIndex, shownClasses }, us, vs, labels, spots, hidden) => {
  const index = new GridIndex(Float32Array.from(us), Float32Array.from(vs), Uint8Array.from(labels));
  const within = [];
  index.spans([-0.5, 0.5], [-1, 0.25], (from, to) => within.push(...index.order.subarray(from, to)));
  return [spots.map(([u, v]) => index.nearest(u, v, shownClasses(hidden))), within];
}"""


@pytest.mark.parametrize("n", [0, 1, 2, 30, 3000])
def test_the_grid_finds_what_asking_every_point_finds(node, n) -> None:
    rng = np.random.default_rng(n)
    mu = rng.standard_normal((n, 2)).astype(np.float32)
    mu[n // 2 :] = mu[: n - n // 2]  # every point twice
    mu[: n // 100] *= 1000
    spots = np.concatenate([rng.uniform(-4, 4, (40, 2)), [[1e4, 0], [0, -1e4]]]).astype(np.float32)
    labels = np.arange(n) % 7
    for hidden in ([], [1, 2, 3, 4, 5, 6]):
        given = [*mu.T.tolist(), labels.tolist(), spots.tolist(), hidden]
        found, within = node.call("math/grid-index.js", NEAREST, *given)
        some = np.flatnonzero(~np.isin(labels, hidden))
        for spot, i in zip(spots.astype(float), found, strict=True):
            squares = ((mu[some].astype(float) - spot) ** 2).sum(1)
            assert i == (some[squares.argmin()] if n else -1)
        assert len(set(within)) == len(within)
        inside = (mu[:, 0] >= -0.5) & (mu[:, 0] <= 0.5) & (mu[:, 1] >= -1) & (mu[:, 1] <= 0.25)
        assert set(np.flatnonzero(inside)) <= set(within)


# Rows sought by NearestMean: at once, then between frames, where so many numbers are compared that it takes that.
MEANS = """async ({ NearestMean }, n, k, zs, hidden) => {
  const means = Float32Array.from({ length: n * k }, (_, i) => Math.sin(12.9898 * (i % Math.max(k, n * k - k)) + 1) * 2);  // the last row is the first
  const labels = Uint8Array.from({ length: n }, (_, i) => i % 3);
  let heard;
  const seeker = new NearestMean(means, k, labels, () => heard?.());
  const now = zs.map((z) => seeker.now(z, hidden));
  const soon = [];
  for (const z of zs) {
    const answered = new Promise((done) => (heard = done));
    if (seeker.soon(z, hidden) !== now[soon.length] || seeker.slices.work) await answered;
    soon.push(seeker.soon(z, hidden));
  }
  const exact = zs.map((z) => {
    let [best, least] = [-1, Infinity];
    for (let i = 0; i < n; i++) {
      if (hidden.includes(labels[i])) continue;
      let squared = 0;
      for (let d = 0; d < k; d++) squared += (means[i * k + d] - z[d]) ** 2;
      if (squared < least) [best, least] = [i, squared];
    }
    return best;
  });
  return { now, soon, exact, large: seeker.isLarge };
}"""


@pytest.mark.parametrize(("n", "k"), [(1, 3), (50, 1), (2000, 10), (400_000, 3)])
def test_the_nearest_mean_is_exact_at_once_and_between_frames(node, n, k) -> None:
    rng = np.random.default_rng(n)
    zs = np.concatenate([rng.uniform(-2, 2, (6, k)), np.zeros((1, k))]).tolist()
    for hidden in ([], [0]):
        found = node.call("math/nearest-mean.js", MEANS, n, k, zs, hidden)
        assert found["now"] == found["soon"] == found["exact"]
        assert found["large"] == (n * k > 1_000_000)
        assert found["now"][0] >= 0 or (n == 1 and hidden)


# The least distance between a pointer and a lone marker, and between two markers.
ONLY = """({ GridIndex, shownClasses }) => {
  const index = new GridIndex(Float32Array.of(0, 1, 1.1), Float32Array.of(0, 0, 0), Uint8Array.of(0, 1, 2));
  const at = (u, hidden = []) => index.only(u, 0, 0.2, shownClasses(hidden));
  return [at(0), at(0.19), at(0.21), at(1.05), at(1.05, [1]), at(1.25)];
}"""


def test_only_a_marker_that_stands_alone_is_pointed_at(node) -> None:
    assert node.call("math/grid-index.js", ONLY) == [0, 0, -1, -1, 2, 2]
