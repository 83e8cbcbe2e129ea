"""ln p(x) by sampling: against closed forms, wherever q lies; and that no error is told where there is none to tell."""

from __future__ import annotations

from math import isnan

import pytest
import torch

from tests.vae.test_evidence import generator, linear
from vae.gaussian import DiagonalGaussian
from vae.inference.full_gaussian import FullGaussian
from vae.inference.sampling import ANNEALED, IMPORTANCE, estimate
from vae.model import VAE
from vae.plan import make_plan

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_where_the_encoders_q_lies_matters_little(shift) -> None:
    model, x, truth, evidence = linear(6, sigma=0.15)
    for q in (
        FullGaussian(truth.mean + shift, truth.scale_tril),
        DiagonalGaussian(torch.full((6,), 0.5 + shift), torch.full((6,), -8.0)),
    ):
        found = estimate(model, x, q, generator())
        assert found.method == IMPORTANCE
        assert found.withheld is None
        assert found.pareto_k < 0.5
        assert found.effective_sample_size > 0.4 * found.draws
        assert found.log_evidence.standard_error < 0.02
        assert abs(found.log_evidence.mean - evidence.item()) < 4 * found.log_evidence.standard_error


def test_fifty_dimensions_from_a_poor_q_are_told_to_a_few_hundredths() -> None:
    torch.manual_seed(0)  # initial weights only
    model = VAE(make_plan("mlp", (), 50, (1, 10, 10)), (1, 10, 10), "gaussian", 0.2)
    layer = model.decoder.layers[0]
    w, b = layer.weight.detach().double(), layer.bias.detach().double()
    x = b + w @ torch.randn(50, generator=generator(1), dtype=torch.float64)
    marginal = torch.distributions.MultivariateNormal(b, w @ w.T + 0.04 * torch.eye(100, dtype=torch.float64))
    q = DiagonalGaussian(torch.zeros(50), torch.full((50,), -4.0))
    found = estimate(model, x.reshape(1, 10, 10), q, generator()).log_evidence
    assert found.standard_error < 0.05
    assert abs(found.mean - marginal.log_prob(x).item()) < 4 * found.standard_error


def test_a_posterior_that_cannot_be_sampled_has_no_error_but_a_sentence() -> None:
    """A random network of rectifiers in 64 dimensions, its posterior full of ridges."""
    torch.manual_seed(3)  # initial weights only
    model = VAE(make_plan("mlp", (64,), 64, (1, 8, 8)), (1, 8, 8), "gaussian", 0.1)
    with torch.no_grad():
        for p in model.decoder.parameters():
            p *= 4
        x = model.decoder(torch.randn(1, 64, generator=generator()))[0].reshape(1, 8, 8)
    found = estimate(model, x, DiagonalGaussian(torch.zeros(64), torch.zeros(64)), generator())
    assert found.method == ANNEALED
    assert isnan(found.log_evidence.standard_error)
    assert found.withheld is not None
    assert found.withheld.startswith("A poor lower bound of ln p(x)")
