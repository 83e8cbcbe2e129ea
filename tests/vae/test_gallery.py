"""The shipped models: what the page says of them is what they score."""

from __future__ import annotations

from math import isclose
from pathlib import Path

import numpy as np
import pytest

from vae.analysis.evaluation import evaluate
from vae.data.image_sets import held_out_indices, load
from vae.files import runs
from vae.files.checkpoint import load_model
from vae.files.checkpoint import read as read_checkpoint
from vae.files.held_out import FILE_NAME, read_held_out

pytestmark = pytest.mark.slow

GALLERY = Path(__file__).parents[2] / "assets" / "gallery"
NAMES = ["digits-2d", "mnist-2d", "mnist-10d", "mnist-conv-2d"]


def test_the_gallery_is_complete_and_small():
    assert [folder.name for folder in runs.find(GALLERY)] == NAMES
    assert sum(path.stat().st_size for path in GALLERY.rglob("*") if path.is_file()) < 20e6


def test_the_first_model_is_worth_showing():
    assert -runs.read(GALLERY / "mnist-2d").test["elbo"] <= 133


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_finished_and_says_how_it_was_made(name):
    run = runs.read(GALLERY / name)
    assert run.finished
    assert run.log[-1]["step"] == run.status["steps"]
    assert run.parameters == sum(array.size for array in read_checkpoint(GALLERY / name).arrays.values())
    assert read_checkpoint(GALLERY / name).training == {}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.mnist] if "mnist" in n else []) for n in NAMES])
def test_the_numbers_shown_are_what_the_model_scores(name, request):
    run = runs.read(GALLERY / name)
    images = request.getfixturevalue("mnist") if run.settings.data == "mnist" else load(run.settings.data)
    assert images.fingerprint == run.fingerprint
    again = evaluate(load_model(read_checkpoint(GALLERY / name)), images.test)
    assert again["images"] == run.test["images"] == len(images.test.labels)
    # one draw an image here and a hundred there: a few nats of each image, averaged
    noise = 4 * 5 / len(images.test.labels) ** 0.5
    assert run.test["samples_per_image"] >= 100
    for number in ("elbo", "distortion"):
        assert isclose(again[number], run.test[number], abs_tol=noise)
    assert isclose(again["rate"], run.test["rate"], abs_tol=0.01)  # without draws
    assert np.allclose(again["rate_per_dim"], run.test["rate_per_dim"], atol=0.01)
    assert again["active_units"] == run.test["active_units"]
    for k, bound in run.test["iwae"].items():
        assert isclose(again["iwae"][k], bound, abs_tol=noise + 0.1)


def test_the_readme_gives_these_numbers():
    """One decimal, as the shipped hundred draws an image have it."""
    readme = (GALLERY.parents[1] / "README.md").read_text("utf-8")
    titles = {"mnist-2d": "MNIST · 2-D", "mnist-10d": "MNIST · 10-D", "mnist-conv-2d": "MNIST · 2-D · conv"}
    for name in NAMES:
        test = runs.read(GALLERY / name).test
        said = [f"{test[number]:.1f}".replace("-", "−") for number in ("elbo", "distortion", "rate")]
        title = titles.get(name, "Digits 8×8 · 2-D")
        [row] = [line for line in readme.splitlines() if line.startswith(f"| {title} |")]
        assert [cell.strip() for cell in row.split("|")][3:6] == said


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.mnist] if "mnist" in n else []) for n in NAMES])
def test_the_map_shows_test_images_with_the_model_s_posteriors(name, request):
    import torch

    run = runs.read(GALLERY / name)
    images = request.getfixturevalue("mnist") if run.settings.data == "mnist" else load(run.settings.data)
    shown = read_held_out(GALLERY / name / FILE_NAME)
    assert len(shown.labels) == (5000 if run.settings.data == "mnist" else len(images.test.labels))
    assert (shown.index == held_out_indices(images.test)).all()
    assert (shown.images == images.test.pixels[shown.index]).all()
    assert (shown.labels == images.test.labels[shown.index]).all()
    with torch.no_grad():
        posterior = load_model(read_checkpoint(GALLERY / name)).encode(torch.from_numpy(shown.images).float() / 255)
    assert np.abs(posterior.mu.numpy() - shown.mu).max() < 1e-4
    assert np.abs(posterior.logvar.numpy() - shown.logvar).max() < 1e-4
