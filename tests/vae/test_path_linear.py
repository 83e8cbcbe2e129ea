"""The path of a linear VAE, held against the closed form; and what its file says of that."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vae.analysis.linear import ClosedForm, eigenvalues, optimum, thresholds
from vae.training.beta_path import BetaPath, read
from vae.training.path_annotation import DEAD

pytestmark = pytest.mark.slow

FILE = Path(__file__).parents[2] / "assets" / "paths" / "digits-linear.safetensors"
VALUES = np.array([4.0, 2.0, 1.0, 0.5, 0.1])


@pytest.fixture(scope="module")
def shipped() -> BetaPath:
    return read(FILE)


def test_the_closed_form_in_the_file_is_that_of_the_training_images(shipped, digits) -> None:
    sigma, k = shipped.settings.sigma, shipped.settings.latent_dim
    values, found = eigenvalues(digits.train.pixels), shipped.linear
    assert found is not None
    np.testing.assert_allclose(found.eigenvalues, values, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(sorted(found.thresholds, reverse=True), thresholds(values, sigma, k), rtol=1e-6)
    assert found.stops[0] is None  # beta 0
    for beta, at in zip(shipped.betas[1:], found.stops[1:], strict=True):
        expected = optimum(values, beta, sigma, k)
        np.testing.assert_allclose(at, [expected.rate, expected.distortion], rtol=1e-6, atol=1e-9)
    for beta, rate, distortion in zip(found.betas, found.rates, found.distortions, strict=True):
        expected = optimum(values, beta, sigma, k)  # the beta of the file is rounded to 7 digits
        np.testing.assert_allclose([rate, distortion], [expected.rate, expected.distortion], rtol=1e-5, atol=1e-5)
    assert (found.betas[0], found.betas[-1]) == (shipped.betas[1], shipped.betas[-1])


def test_training_follows_the_closed_form_at_every_stop(shipped) -> None:
    """On the training images, of rates from 0 to 10 nats and distortions over 17: on the way up rate within 0.05 nats
    and distortion within 0.1, of which sampling makes 0.07; on the way back, where dimensions wake late, 0.05 and 0.2.
    """
    assert shipped.linear is not None
    for way, slack in ((shipped.up, 0.1), (shipped.down, 0.2)):
        for said, at in zip(way[1:], shipped.linear.stops[1:], strict=True):
            assert said["train"]["rate"] == pytest.approx(at[0], abs=0.05)
            assert said["train"]["distortion"] == pytest.approx(at[1], abs=slack)


def test_every_dimension_dies_within_one_stop_of_its_threshold(shipped) -> None:
    assert shipped.linear is not None
    rates = np.array([said["train"]["rate_per_dim"] for said in shipped.up])
    for d, limit in enumerate(shipped.linear.thresholds):
        dead = 1 + np.flatnonzero(rates[:, d] > DEAD)[-1]
        beyond = next(stop for stop, beta in enumerate(shipped.betas) if beta >= limit)
        assert abs(dead - beyond) <= 1


def test_thresholds_stand_in_the_order_that_is_given() -> None:
    found = ClosedForm.along(VALUES, [0, 0.5, 8], 0.5, [2, 0, 1])
    assert found.thresholds == [8, 4, 16]
    # a dimension more than there are pixels
    assert ClosedForm.along(VALUES[:2], [0, 1], 1.0, [1, 2, 0]).thresholds == [
        0,
        4,
        2,
    ]
    assert found.stops[0] is None
    assert found.rates[0] == pytest.approx(optimum(VALUES, 0.5, 0.5, 3).rate)
    assert ClosedForm.from_json(found.to_json(), 3, 3) == found


@pytest.mark.parametrize(
    "change",
    [
        {"stops": [None]},
        {"thresholds": [1.0]},
        {"rates": [1.0]},
        {"stops": [None, [1.0], [1.0]]},
        {"betas": 3},
        {"distortions": [float("nan")] * 200},
        {"eigenvalues": ["1"]},
    ],
)
def test_a_damaged_closed_form_is_refused(change) -> None:
    said = json.loads(ClosedForm.along(VALUES, [0, 0.5, 8], 0.5, [2, 0, 1]).to_json())
    with pytest.raises((ValueError, TypeError, KeyError)):
        ClosedForm.from_json(json.dumps(said | change), 3, 3)
    with pytest.raises((ValueError, TypeError, KeyError)):
        ClosedForm.from_json("[]", 3, 3)
