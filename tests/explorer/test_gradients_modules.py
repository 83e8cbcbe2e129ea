"""The arithmetic of the Gradients page is the library's."""

from __future__ import annotations

from base64 import b64encode
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.browser.room import gallery
from vae.exports.opening import open_path
from vae.exports.posterior_frames import Subject
from vae.gaussian import DiagonalGaussian
from vae.inference.evidence import log_joint
from vae.inference.full_gaussian import FullGaussian, full
from vae.inference.gradients import exact, expectation, fit, flat, forward_kl, reverse_kl, single, variance_of_square
from vae.inference.targets import Target, banana, correlated, gaussian, ring, two_modes

LOAD = """const load = (name) => import(`${folder}/${name}.js`);
  const ours = ["estimators", "gaussian", "targets", "divergence", "fit", "measure"].map((name) => `gradients/${name}`);
  const [E, G, T, D, F, M, { Random }] = await Promise.all([...ours, "core/random"].map(load));"""
# Everything that the modules say of a target and a q, with the noise that they are given.
COMPUTE = f"""async ([folder, name, args, mu, tril, full, zeta, baseline, steps, rate]) => {{
  {LOAD}
  const target = T[name](...args);
  const q = new G.Gaussian(mu, tril, full);
  const cells = new D.Cells(target);
  const singles = {{}};
  for (const estimator of ["score", "baseline", "leave-one-out", "pathwise"]) singles[estimator] = Array.from(E.singles(target.f, q, estimator, zeta, baseline));
  const {{ expectation, gradient }} = E.exact(target, q);
  const fitted = {{}};
  for (const [way, slope] of [["reverse", (at) => D.reverse(target, cells, at)], ["forward", (at) => D.forward(cells, at)]]) {{
    const adam = new F.Adam(q.size);
    let at = q;
    for (let s = 0; s < steps; s++) at = adam.climb(at, slope(at).gradient, rate);
    fitted[way] = [...at.mu, ...at.tril];
  }}
  return {{ singles, expectation, gradient: Array.from(gradient), fitted, reverse: D.reverse(target, cells, q).divergence, forward: D.forwardKl(cells, q) }};
}}"""
MEASURE = f"""async ([folder, dims, mu, sigma, ns, draws, seed]) => {{
  {LOAD}
  const meter = new M.Meter(dims, mu, sigma, ns);
  const random = new Random(seed);
  while (meter.draws < draws) meter.measure(random);
  const found = {{}};
  for (const name of M.MEASURED) found[name] = ns.map((n) => {{
    const {{ mu, sigma }} = meter.found[name].get(n);
    return [mu.mean, mu.variance, sigma.mean, sigma.variance];
  }});
  return found;
}}"""
NORMALS = f"""async ([folder, seed, count]) => {{
  {LOAD}
  return Array.from(new Random(seed).normals(count));
}}"""
POSTERIOR = """async ([folder, frame, zs]) => {
  const [{ Frame }, { Surface }, { posterior }] = await Promise.all(["data/frame", "math/surface", "gradients/posterior"].map((name) => import(`${folder}/${name}.js`)));
  const { f } = posterior(Surface.of(new Frame(Uint8Array.from(Buffer.from(frame, "base64")).buffer)));
  return zs.map((z) => { const slope = [0, 0]; return [f(z, slope), ...slope]; });
}"""

LINE = gaussian(torch.tensor([0.8]).double(), torch.tensor([[0.36]]).double())
TARGETS: dict[str, tuple[str, list[float], Target]] = {
    "correlated": ("correlated", [0.9], correlated(0.9)),
    "two modes": ("twoModes", [], two_modes()),
    "banana": ("banana", [], banana()),
    "ring": ("ring", [], ring()),
    "line": ("onALine", [0.8, 0.6], LINE),
    "two modes on a line": ("twoModes", [1], two_modes(1)),
}


def double(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


FULL = FullGaussian(double([0.6, -0.4]), double([[0.8, 0.0], [0.5, 0.6]]))
DIAGONAL = DiagonalGaussian(double([0.6, -0.4]), 2 * double([0.8, 0.5]).log())
ON_A_LINE = DiagonalGaussian(double([0.6]), 2 * double([0.8]).log())


@pytest.fixture(scope="module")
def folder(node) -> str:
    """The address of the folder with the explorer's modules."""
    return node.module("").rstrip("/")


@pytest.mark.parametrize("kind", ["diagonal", "full"])
@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.slow
def test_the_modules_compute_what_the_library_computes(node, folder, name, kind) -> None:
    """The same noise given to both: single gradients, expectations, divergences, and 30 steps of a fit."""
    script, arguments, target = TARGETS[name]
    if target.k == 1 and kind == "full":
        return
    q = ON_A_LINE if target.k == 1 else FULL if kind == "full" else DIAGONAL
    zeta = torch.randn((5, target.k), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    wide = full(q)
    given = [script, arguments, wide.mu.tolist(), wide.tril.flatten().tolist(), kind == "full", zeta.flatten().tolist()]
    found = node.evaluate(COMPUTE, [folder, *given, -1.5, 30, 0.05])
    f = target.log_density
    for estimator, rows in found["singles"].items():
        _same(rows, flat(q, single(f, q, estimator, zeta, -1.5)))
    _same(found["gradient"], flat(q, exact(f, q)))
    assert found["expectation"] == pytest.approx(expectation(f, q), rel=1e-6)
    # the library's cells leave e⁻¹⁶ under the peak out, of the banana more than of the others
    assert found["reverse"] == pytest.approx(reverse_kl(target, q), abs=2e-6)
    assert found["forward"] == pytest.approx(forward_kl(target, q), abs=1e-4)
    for way, tolerance in (("reverse", 1e-6), ("forward", 1e-5)):
        after = full(next(islice(fit(target, q, "exact", rate=0.05, objective=way), 30, None)).q)
        np.testing.assert_allclose(found["fitted"][way], torch.cat((after.mu, after.tril.flatten())), atol=tolerance)


def _same(found: list[float], wanted: Tensor) -> None:
    """To 1e-6 of the largest entry."""
    np.testing.assert_allclose(found, wanted.flatten(), atol=1e-6 * wanted.abs().max().item(), rtol=1e-6)


def test_means_and_variances_of_a_million_draws_are_those_of_the_closed_forms(node, folder) -> None:
    mu, sigma, ns = 1.5, 0.7, [1, 2, 16]
    found = node.evaluate(MEASURE, [folder, 1, mu, sigma, ns, 1_000_000, 1])
    for estimator, rows in found.items():
        for n, (mean_mu, of_mu, mean_sigma, of_sigma) in zip(ns, rows, strict=True):
            if estimator == "leave-one-out" and n == 1:
                continue
            closed = variance_of_square(estimator, double([mu]), sigma, n)
            assert mean_mu == pytest.approx(2 * mu, rel=0.05)
            assert mean_sigma == pytest.approx(2 * sigma, rel=0.05)
            assert of_mu == pytest.approx(closed.mu, rel=0.05), (estimator, n)
            assert of_sigma == pytest.approx(closed.sigma, rel=0.05), (estimator, n)


@pytest.mark.parametrize("dims", [4, 32])
def test_variances_grow_with_dimension_as_their_closed_forms(node, folder, dims) -> None:
    found = node.evaluate(MEASURE, [folder, dims, 0.5, 0.8, [16], 200_000, 2])
    for estimator, [(_, of_mu, _, of_sigma)] in found.items():
        closed = variance_of_square(estimator, torch.full((dims,), 0.5).double(), 0.8, 16)
        assert of_mu == pytest.approx(closed.mu, rel=0.08)
        assert of_sigma == pytest.approx(closed.sigma, rel=0.08)


def test_the_generator_is_seeded_and_normal(node, folder) -> None:
    first, again, other = (node.evaluate(NORMALS, [folder, seed, 200_000]) for seed in (1, 1, 2))
    assert first == again
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.01
    drawn = np.sort(first)
    normal = torch.distributions.Normal(0.0, 1.0).cdf(torch.from_numpy(drawn)).numpy()
    distance = np.abs(normal - (np.arange(len(drawn)) + 0.5) / len(drawn)).max()
    assert distance * np.sqrt(len(drawn)) < 1.63  # Kolmogorov and Smirnov, 1%


def test_between_the_cells_the_posterior_is_the_decoders(node, folder) -> None:
    row, model = 263, gallery("mnist-2d")
    frame = Subject(open_path(model.folder, lambda *_: None)).answer("posterior", {"image": row})
    held_out = model.held_out
    sigma = np.exp(held_out.logvar[row] / 2)
    zs = held_out.mu[row] + sigma * np.random.default_rng(0).normal(size=(40, 2))
    found = np.array(node.evaluate(POSTERIOR, [folder, b64encode(frame).decode(), zs.tolist()]))
    x = torch.from_numpy(held_out.images[row]).float() / 255
    z = double(zs.tolist()).requires_grad_()
    values = log_joint(model.vae.double(), x.double(), z)
    model.vae.float()
    np.testing.assert_allclose(found[:, 0], values.detach(), atol=0.02)
    (slopes,) = torch.autograd.grad(values.sum(), z)
    off = np.abs(found[:, 1:] - slopes.numpy()) * sigma  # nats over a standard deviation; rectifiers have kinks
    assert np.median(off) < 0.02
    assert off.max() < 0.5
