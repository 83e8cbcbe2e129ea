"""The path of images whose factors are known: what it says of disentanglement, and that the shipped one is whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vae.analysis.disentanglement import factor_vae_score, mutual_information_gap
from vae.analysis.evaluation import encode
from vae.data.image_sets import Factors, ImageSet, load
from vae.settings import Settings
from vae.training.beta_path import DRAWS, VOTE_SAMPLES, VOTES, follow, read, record, write

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

PATHS = Path(__file__).parents[2] / "assets" / "paths"
SETTINGS = Settings(data="sprites", hidden=(8,), latent_dim=3, epochs=1, batch_size=50, lr=3e-3, device="cpu")
BETAS = (0.0, 1.0)


@pytest.fixture(scope="module")
def few() -> ImageSet:
    images = load("sprites")
    assert images.factors is not None
    train, test = np.arange(300), np.arange(250)
    known = Factors(
        images.factors.names, images.factors.train[train], images.factors.validation, images.factors.test[test]
    )
    return replace(images, train=images.train.take(train), test=images.test.take(test), factors=known)


def test_every_stop_is_scored_on_the_whole_test_split(few, tmp_path) -> None:
    *_, data = record(SETTINGS, few, BETAS, points=40)
    assert isinstance(data, bytes)
    write(tmp_path / "p.safetensors", data)
    path = read(tmp_path / "p.safetensors")
    assert few.factors is not None
    assert path.factor_names == few.factors.names
    np.testing.assert_array_equal(path.factors, few.factors.test[path.index])
    assert "disentanglement" not in path.down[0]
    known = torch.from_numpy(few.factors.test)
    for said, (_, _, training) in zip(path.up, follow(SETTINGS, few, BETAS), strict=False):
        posterior, noise = encode(training.model, few.test), torch.Generator().manual_seed(0)
        gap = mutual_information_gap(posterior, known, DRAWS, noise)
        score = factor_vae_score(posterior.mu, known, VOTES, VOTE_SAMPLES, noise)
        scores = said["disentanglement"]
        assert (scores["images"], scores["draws"], scores["votes"], scores["votes_of"]) == (250, 2000, 2000, 100)
        assert scores["mig"] == pytest.approx(gap.mig, abs=1e-5)
        assert scores["mig_per_factor"] == pytest.approx(gap.gaps.tolist(), abs=1e-5)
        assert scores["factor_vae"] == pytest.approx(score, abs=1e-5)
        assert scores["factor_vae_se"] == pytest.approx((score * (1 - score) / 1000) ** 0.5, abs=1e-5)


def test_the_shipped_path_goes_from_an_autoencoder_to_collapse() -> None:
    path = read(PATHS / "sprites-10d.safetensors")
    scores = [said["disentanglement"] for said in path.up]
    assert all(score["images"] == 4374 for score in scores)
    assert scores[-1]["mig"] < 0.01 < scores[path.betas.index(1.0)]["mig"]
    assert scores[path.betas.index(1.0)]["factor_vae"] > 0.4
    assert path.up[-1]["active_units"] == 0


def test_all_paths_together_are_small_enough_to_ship() -> None:
    assert sum(file.stat().st_size for file in PATHS.glob("*.safetensors")) < 28e6
