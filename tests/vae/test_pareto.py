"""The shape of a tail against closed forms, and what is said of weights whose mean has no error to tell."""

from __future__ import annotations

from math import inf, log

import numpy as np
import pytest
import torch
from scipy.stats import genpareto

from vae.errors import InputError
from vae.gaussian import DiagonalGaussian
from vae.inference.evidence import Sampled
from vae.inference.pareto import distrust, fit_pareto, pareto_k


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("k", [-0.3, 0.0, 0.2, 0.5, 0.7, 1.0, 1.5])
def test_the_fit_finds_the_shape_and_scale_of_a_generalised_pareto(k) -> None:
    """Quantiles at even probabilities: a sample without chance."""
    y = torch.tensor(genpareto.ppf((np.arange(3000) + 0.5) / 3000, k, scale=2.0))
    found = fit_pareto(y)
    assert found.k == pytest.approx(k, abs=0.02)
    assert found.sigma == pytest.approx(2.0, rel=0.02)
    drawn = fit_pareto(torch.tensor(genpareto.rvs(k, scale=2.0, size=3000, random_state=1)))
    assert drawn.k == pytest.approx(k, abs=4 * (1 + max(k, 0)) / 3000**0.5)  # the asymptotic error is (1 + k)/√n


def test_a_scale_changes_no_shape() -> None:
    y = torch.tensor(genpareto.rvs(0.4, size=500, random_state=2))
    assert fit_pareto(1e6 * y).k == pytest.approx(fit_pareto(y).k, abs=1e-9)
    log_w = y.log()
    assert pareto_k(log_w + 700) == pytest.approx(pareto_k(log_w), abs=1e-9)


@pytest.mark.parametrize("ratio", [0.4, 0.6, 0.8, 1.2])
def test_a_gaussian_weighed_by_a_narrower_one_has_the_tail_that_it_must_have(ratio) -> None:
    """w = N(z; 0, 1)/N(z; 0, r²): P(w > y) ~ y^(−1/k) with k = 1 − r², none above 0 for r ≥ 1."""
    narrow = DiagonalGaussian(torch.zeros(1), torch.tensor([2 * log(ratio)]))
    z = narrow.rsample(50_000, generator()).double()
    wide = DiagonalGaussian(torch.zeros(1), torch.zeros(1))
    k = pareto_k(wide.log_prob(z) - narrow.log_prob(z))
    if ratio > 1:
        assert k < 0
    else:  # the tail has a slowly varying factor besides
        assert k == pytest.approx(1 - ratio**2, abs=0.17)


def test_equal_weights_have_no_tail_and_few_have_none_to_tell() -> None:
    assert pareto_k(torch.zeros(1000)) == -inf
    assert pareto_k(torch.randn(10, generator=generator())) == inf
    for y in (torch.zeros(10), torch.tensor([1.0, 2.0]), -torch.ones(10), torch.full((10,), inf)):
        with pytest.raises(InputError, match="exceedances"):
            fit_pareto(y)


def test_weights_are_distrusted_for_their_number_their_tail_and_what_they_miss() -> None:
    good = 0.5 * torch.randn(2000, generator=generator(), dtype=torch.float64)
    mean = 0.125
    assert distrust(good) is None
    assert distrust(good, Sampled(mean, 0.01)) is None
    few = torch.cat((torch.zeros(1999), torch.tensor([30.0]))).double()
    assert distrust(few) == "A poor lower bound of ln p(x), without an error: only 1 of 2,000 draws count."
    heavy = torch.tensor(genpareto.rvs(0.6, size=50_000, random_state=3)).add(5).log()
    assert "outweigh" in (distrust(heavy) or "")
    assert "miss a part of the posterior, and with it 0.6" in (distrust(good, Sampled(mean + 0.63, 0.01)) or "")
    assert distrust(good, Sampled(mean + 0.63, 0.5)) is None  # what is known is no better
