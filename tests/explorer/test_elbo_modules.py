"""What the modules of the ELBO page compute beside what `vae.inference.evidence` finds in PyTorch."""

from __future__ import annotations

from base64 import b64encode
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import torch

from tests.browser.room import GALLERY, Model
from vae.exports.opening import open_path
from vae.exports.posterior_frames import Subject
from vae.inference.evidence import Plane, log_likelihoods, parts, true_posterior
from vae.inference.full_gaussian import FullGaussian
from vae.inference.quadrature import Cells

NAME = "digits-2d"
IMAGE = 7
# What the modules make of one image's posterior, for several q.
COMPUTE = """async ([folder, frame, qs, zs]) => {
  const load = (name) => import(`${folder}/${name}`);
  const names = ["data/frame.js", "elbo/posterior.js", "elbo/gaussian.js", "elbo/parts.js"];
  const [{ Frame }, { Posterior }, { Gaussian }, { partsOf, weighed }] = await Promise.all(names.map(load));
  const posterior = new Posterior(new Frame(Uint8Array.from(Buffer.from(frame, "base64")).buffer), null);
  const { surface, logEvidence } = posterior;
  return {
    parts: qs.map(({ mu, tril }) => partsOf(new Gaussian(mu, tril.flat()), surface, logEvidence)),
    weights: qs.map(({ mu, tril }) => { const { mean, logMean, logMeanError, effective } = weighed(new Gaussian(mu, tril.flat()), surface, { mean: logEvidence, error: 0 }); return { mean, logMean, logMeanError, effective }; }),
    values: zs.map((z) => surface.at(z)),
    low: posterior.meta.low, high: posterior.meta.high,
  };
}"""
GAUSSIANS = """async ([folder, qs, zetas]) => {
  const { Gaussian } = await import(`${folder}/elbo/gaussian.js`);
  return qs.map(({ mu, tril }) => {
    const q = new Gaussian(mu, tril.flat());
    const { lengths, angle } = q.axes();
    const again = Gaussian.ofAxes(mu, lengths, angle);
    return {
      kl: q.kl(),
      at: zetas.map((zeta) => Array.from(q.at(zeta, []))),
      logProb: zetas.map((zeta) => q.logDensityAt(zeta, 0)),
      again: again.rows(),
      diagonal: q.diagonalised().rows(),
    };
  });
}"""


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(GALLERY / NAME)


@pytest.fixture(scope="module")
def x(model) -> torch.Tensor:
    return torch.from_numpy(model.held_out.images[IMAGE]).float() / 255


@pytest.fixture(scope="module")
def posterior(model, x) -> Cells:
    return true_posterior(Plane(model.vae), x)


@pytest.fixture(scope="module")
def folder(node) -> str:
    """The address of the folder with the explorer's modules."""
    return node.module("").rstrip("/")


def some_gaussians(posterior: Cells) -> list[FullGaussian]:
    """Near the posterior, beside it, turned, and so far off that the coarse grid counts."""
    mean, cholesky = posterior.mean, torch.linalg.cholesky(posterior.covariance)
    turned = torch.tensor([[0.05, 0.0], [0.03, 0.04]], dtype=torch.float64)
    wide = 0.3 * torch.eye(2, dtype=torch.float64)
    return [
        FullGaussian(mean, cholesky),
        FullGaussian(mean + 1.5 * cholesky.diagonal(), 0.6 * cholesky),
        FullGaussian(mean + 0.1, turned),
        FullGaussian(torch.zeros(2, dtype=torch.float64), wide),
    ]


def as_json(q: FullGaussian) -> dict[str, Any]:
    return {"mu": q.mu.tolist(), "tril": q.tril.tolist()}


def test_the_modules_compute_the_parts_that_pytorch_does(node, folder, model, x, posterior) -> None:
    """Each of the three on its own, for q in the fine grid and far outside of it."""
    qs = some_gaussians(posterior)
    low, high = posterior.bounds()
    z = low + (high - low) * torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    frame = Subject(open_path(GALLERY / NAME, lambda *_: None)).answer("posterior", {"image": IMAGE})
    given = [b64encode(frame).decode(), [as_json(q) for q in qs], z.tolist()]
    found = node.evaluate(COMPUTE, [folder, *given])
    assert all(a <= b for a, b in zip(found["low"], low.tolist(), strict=True))
    assert all(a >= b for a, b in zip(found["high"], high.tolist(), strict=True))
    expected = log_likelihoods(model.vae, x, z).numpy()
    np.testing.assert_allclose(found["values"], expected, atol=0.06)
    for q, mine, weights in zip(qs, found["parts"], found["weights"], strict=True):
        theirs = parts(model.vae, x, q, posterior)
        off = 0.02 + 0.01 * theirs.gap
        assert mine["rate"] == pytest.approx(theirs.rate, abs=1e-6)
        assert mine["distortion"] == pytest.approx(theirs.distortion, abs=off)
        assert mine["gap"] == pytest.approx(theirs.gap, abs=off)
        assert mine["logEvidence"] == pytest.approx(theirs.log_evidence, abs=0.05)
        assert mine["elbo"] + mine["gap"] == pytest.approx(mine["logEvidence"], abs=off)
        assert weights["mean"] == pytest.approx(theirs.elbo, abs=off + 0.15 * theirs.gap + 0.1)
        assert weights["logMean"] <= theirs.log_evidence + 5 * weights["logMeanError"] + 0.1
    # from a q that fits, the average weight is the evidence
    close = found["weights"][0]
    assert close["logMean"] == pytest.approx(posterior.log_total, abs=4 * close["logMeanError"] + 0.05)
    assert 1000 < close["effective"] <= 2000


PRINTED = """async ([folder, all]) => {
  const { printed } = await import(`${folder}/elbo/parts.js`);
  const names = ["evidence", "elbo", "gap", "likelihood", "rate"];
  return all.map((parts) => names.map((name) => printed(parts).text(name)));
}"""


def test_printed_parts_add_up_to_the_printed_whole(node, folder) -> None:
    rng = np.random.default_rng(0)
    elbos, rates, gap = rng.uniform(-300, -10, 500), rng.uniform(0.1, 20, 500), rng.exponential(3, 500)
    rows = [(-123.5667, -124.5514, 6.1), *zip(elbos + gap, elbos, rates, strict=True)]
    names = ("logEvidence", "elbo", "rate")
    for exact in (True, False):
        given = [{**dict(zip(names, map(float, row), strict=True)), "exact": exact} for row in rows]
        for shown, row in zip(node.evaluate(PRINTED, [folder, given]), rows, strict=True):
            evidence, bound, left, likelihood, rate = [Decimal(text.replace("−", "-")) for text in shown]
            assert evidence == bound + left
            assert bound == likelihood - rate
            assert len(shown[0].partition(".")[2]) == (3 if exact else 2)
            last = 10.0 ** -(3 if exact else 2)
            whole = [*row[:2], row[0] - row[1], row[1] + row[2], row[2]]
            np.testing.assert_allclose(
                [float(evidence), float(bound), float(left), float(likelihood), float(rate)], whole, atol=1.01 * last
            )


def test_gaussians_are_those_of_the_library(node, folder, posterior) -> None:
    qs = some_gaussians(posterior)
    zetas = [[0.0, 0.0], [1.0, -0.5], [-2.0, 3.0]]
    for q, mine in zip(qs, node.evaluate(GAUSSIANS, [folder, [as_json(q) for q in qs], zetas]), strict=True):
        z = q.at(torch.tensor(zetas, dtype=torch.float64))
        assert mine["kl"] == pytest.approx(q.kl().item(), abs=1e-9)
        np.testing.assert_allclose(mine["at"], z.numpy(), atol=1e-12)
        np.testing.assert_allclose(mine["logProb"], q.log_prob(z).numpy(), atol=1e-9)
        np.testing.assert_allclose(mine["again"], q.tril.numpy(), atol=1e-9)
        np.testing.assert_allclose(mine["diagonal"], np.diag(q.covariance.diagonal().sqrt().numpy()), atol=1e-12)
