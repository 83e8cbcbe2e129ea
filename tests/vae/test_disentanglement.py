"""Both scores on codes whose answer is known, and the information in nats by numerical integration."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
import torch
from torch import Tensor

from vae.analysis.disentanglement import factor_vae_score, mutual_information_gap
from vae.data import sprites
from vae.data.image_sets import load
from vae.errors import InputError
from vae.gaussian import DiagonalGaussian

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = (3, 4, 5)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def factors() -> Tensor:
    """A whole grid of three factors, every combination 4 times."""
    return torch.cartesian_prod(*(torch.arange(n) for n in SIZES)).repeat(4, 1)


def code(mu: Tensor, sigma: float = 0.01) -> DiagonalGaussian:
    mu = mu.double()
    return DiagonalGaussian(mu, torch.full_like(mu, 2 * log(sigma)))


def mig(mu: Tensor, factors: Tensor, sigma: float = 0.01) -> float:
    return mutual_information_gap(code(mu, sigma), factors, 300, generator()).mig


def test_a_dimension_for_each_factor_is_full_marks(factors) -> None:
    found = mutual_information_gap(code(factors), factors, 300, generator())
    assert found.mig == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(found.entropy, np.log(SIZES), rtol=1e-12)
    # each draw's information is ln n exactly, and 0 in the other dimensions: the grid is whole
    np.testing.assert_allclose(found.information, np.diag(np.log(SIZES)), atol=1e-9)
    assert factor_vae_score(factors.float(), factors, 200, generator=generator()) == 1


def test_the_order_and_scale_of_dimensions_make_no_difference_and_idle_ones_neither(factors) -> None:
    mu = torch.cat([torch.zeros(len(factors), 2), -7.0 * factors[:, [2, 0, 1]] + 3], 1)
    assert mig(mu, factors) == pytest.approx(1, abs=1e-9)
    assert factor_vae_score(mu, factors, 200, generator=generator()) == 1


def test_a_code_that_says_nothing_scores_nothing(factors) -> None:
    assert mig(torch.zeros(len(factors), 3), factors, 1.0) == 0
    assert factor_vae_score(torch.zeros(len(factors), 3), factors) == 0


def test_a_dimension_given_twice_leaves_no_gap_but_still_tells(factors) -> None:
    twice = torch.cat([factors, factors], 1).float()
    assert mig(twice, factors) == pytest.approx(0, abs=1e-9)
    assert factor_vae_score(twice, factors, 200, generator=generator()) == 1


def test_two_factors_turned_into_each_other_are_told_from_two_apart() -> None:
    factors = torch.cartesian_prod(torch.arange(6), torch.arange(6)).repeat(3, 1)
    turned = factors.float() @ torch.tensor([[1.0, 1.0], [-1.0, 1.0]]) / 2**0.5
    assert mig(factors, factors, 0.3) > 0.8
    assert mig(turned, factors, 0.3) < 0.1
    # both dimensions then vary by as much whichever factor is held: a guess
    assert factor_vae_score(turned, factors, 400, generator=generator()) < 0.65


def test_the_information_is_that_of_numerical_integration() -> None:
    """One dimension, three values of one factor, unevenly many; z = value + N(0, 0.7²)."""
    counts, sigma = np.array([10, 20, 30]), 0.7
    factors = torch.from_numpy(np.repeat([0, 1, 2], counts))[:, None]
    found = mutual_information_gap(code(factors, sigma), factors, 6000, generator())
    z = np.linspace(-5, 7, 4001)
    given = np.exp(-0.5 * ((z - np.arange(3)[:, None]) / sigma) ** 2) / (sigma * (2 * np.pi) ** 0.5)
    shares = counts / 60
    mixture = shares @ given
    expected = (shares[:, None] * given * np.log(given / mixture)).sum() * (z[1] - z[0])
    assert abs(found.information[0, 0] - expected) < 3 * found.standard_error[0, 0]
    assert found.standard_error[0, 0] < 0.01
    entropy = -(shares * np.log(shares)).sum()
    assert found.entropy[0] == pytest.approx(entropy)
    assert found.mig == pytest.approx(
        found.information[0, 0].item() / entropy
    )  # of one dimension, the second best is 0
    assert 0.2 < expected < entropy


def test_unknowing_dimensions_are_biased_only_a_little() -> None:
    """600 random codes of width 0.5: what they seem to know of a factor with 3 values is a few hundredths of a nat."""
    mu = torch.randn(600, 2, generator=generator(), dtype=torch.float64)
    factors = torch.randint(3, (600, 1), generator=generator(1))
    found = mutual_information_gap(code(mu, 0.5), factors, 3000, generator())
    assert (found.information > -3 * found.standard_error).all()
    assert found.information.max() < 0.03


def test_the_sprites_themselves_score_full_marks() -> None:
    images = load("sprites")
    assert images.factors is not None
    rows = np.sort(np.random.default_rng(0).permutation(14_580)[:3000])
    factors = torch.from_numpy(np.indices(sprites.SIZES).reshape(5, -1).T[rows])
    found = mutual_information_gap(code(factors), factors, 500, generator())
    assert found.mig == pytest.approx(1, abs=0.03)  # 3,000 of a grid are not balanced: I of the others is up to 0.02
    assert factor_vae_score(factors.float(), factors, 300, generator=generator()) == 1


def test_scores_are_seeded(factors) -> None:
    mu = factors + torch.randn(factors.shape, generator=generator(4))
    first, again, other = (factor_vae_score(mu, factors, 100, generator=generator(s)) for s in (1, 1, 2))
    assert first == again
    assert 0.3 < first <= 1
    assert 0.3 < other <= 1


@pytest.mark.parametrize(
    "wrong",
    [torch.zeros(240, 2).long(), torch.arange(240), torch.arange(480).reshape(240, 2) / 2, torch.ones(7, 3).long()],
)
def test_factors_that_cannot_be_scored_are_refused(wrong, factors) -> None:
    for score in (lambda: mig(factors, wrong), lambda: factor_vae_score(factors.float(), wrong)):
        with pytest.raises(InputError):
            score()


def test_too_few_votes_are_refused(factors) -> None:
    with pytest.raises(InputError, match="at least 2 votes"):
        factor_vae_score(factors.float(), factors, 1)
