"""What is added to a beta path: it follows from what the file holds, it is read back, and damage to it is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

from vae.analysis.linear import eigenvalues, thresholds
from vae.data.image_sets import Images, ImageSet
from vae.errors import InputError
from vae.gaussian import DiagonalGaussian
from vae.settings import Settings
from vae.training.beta_path import FORCES, POINTS, read, record, write
from vae.training.path_annotation import annotate, spread

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def plain(digits, tmp_path_factory) -> Path:
    """A short path of a small model, as training leaves it."""
    path = tmp_path_factory.mktemp("path") / "plain.safetensors"
    settings = Settings(data="digits", hidden=(8,), latent_dim=3, epochs=1, batch_size=100, lr=3e-3, device="cpu")
    *_, data = record(settings, digits, (0.0, 1.0, 4.0), points=120)
    assert isinstance(data, bytes)
    write(path, data)
    return path


@pytest.fixture(scope="module")
def annotated(plain, digits) -> Path:
    path = plain.with_name("annotated.safetensors")
    path.write_bytes(plain.read_bytes())
    annotate(path, digits)
    return path


def contents(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    with safe_open(path, framework="numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118 - no mapping


def test_a_path_without_annotations_is_read(plain) -> None:
    assert read(plain).forces == {}
    assert "surgery" not in read(plain).up[0]


def test_annotating_adds_and_changes_nothing_else(plain, annotated) -> None:
    (before, said), (after, says) = contents(plain), contents(annotated)
    assert set(after) - set(before) == {POINTS, *FORCES}
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array)
    for key in set(said) - {"up"}:
        assert says[key] == said[key]
    for old, new in zip(json.loads(said["up"]), json.loads(says["up"]), strict=True):
        assert old.items() <= new.items()
        added = {"surgery", "hole_share", "hole_share_se", "hole_fraction", "overlap", "overlap_se"}
        assert set(new) - set(old) == added


def test_shapes_and_numbers(annotated, digits) -> None:
    path = read(annotated)
    points = path.forces[POINTS]
    assert points.dtype == np.int32
    assert (np.diff(points) > 0).all()
    assert len(points) == 120  # of none of the ten classes are there more than 30
    for name in FORCES:
        assert path.forces[name].shape == (3, 120, 3)
        assert path.forces[name].dtype == np.float32
    for said, mu, logvar in zip(path.up, path.mu, path.logvar, strict=True):
        rate = DiagonalGaussian(torch.from_numpy(mu), torch.from_numpy(logvar)).kl_per_dim().sum(1).mean().item()
        assert abs(said["surgery"]["rate"] - rate) < 3 * said["surgery"]["standard_error"]["rate"] + 1e-3
        assert 0 <= said["hole_share"] <= 1
        assert 0 <= said["overlap"] <= 1
        assert isfinite(said["hole_share_se"] + said["overlap_se"])


def test_the_forces_are_those_of_the_stored_decoder(annotated, digits) -> None:
    """The decoder written out in numpy, one stop, one image: central differences, same draws both sides."""
    path = read(annotated)
    assert path.settings.likelihood == "bernoulli"
    stop, place = 1, 17
    row = path.forces[POINTS][place]
    x = digits.test.pixels[path.index[row]].ravel() / 255
    w1, b1, w2, b2 = (path.decoder[f"decoder.layers.{i}.{part}"][stop] for i in (0, 2) for part in ("weight", "bias"))
    zeta = np.random.default_rng(0).standard_normal((20_000, 3))
    zeta = np.concatenate([zeta, -zeta])

    def log_likelihood(mu: np.ndarray, sigma: np.ndarray) -> np.ndarray:
        logits = np.maximum((mu + sigma * zeta) @ w1.T + b1, 0) @ w2.T + b2
        return logits @ x - np.logaddexp(0, logits).sum(1)

    mu, logsigma, h = path.mu[stop, row].astype(float), path.logvar[stop, row].astype(float) / 2, 1e-3
    for i in range(3):
        step = np.eye(3)[i] * h
        ends = {
            "mu": [log_likelihood(mu + s * step, np.exp(logsigma)) for s in (1, -1)],
            "logsigma": [log_likelihood(mu, np.exp(logsigma + s * step)) for s in (1, -1)],
        }
        for on, (up, down) in ends.items():
            slopes = (up - down) / (2 * h)
            pairs = slopes.reshape(2, -1).mean(0)
            found, error = (path.forces[f"force.distortion_{on}{of}"][stop, place, i] for of in ("", "_se"))
            both = (error**2 + pairs.var() / len(pairs)) ** 0.5
            assert abs(found - slopes.mean()) < 3.5 * both


def test_annotating_again_gives_the_same_contents(annotated, digits, tmp_path) -> None:
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(annotated.read_bytes())
    annotate(copy, digits)
    (before, said), (after, says) = contents(annotated), contents(copy)
    assert said == says
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array)


def test_points_are_spread_over_classes() -> None:
    labels = np.array([0] * 50 + [1] * 3 + [2] * 50)
    rows = spread(labels, 30)
    assert np.bincount(labels[rows]).tolist() == [10, 3, 10]
    assert (np.diff(rows) > 0).all()


@pytest.mark.parametrize(
    "test", [lambda d: d.test.take(np.arange(50)), lambda d: Images(d.test.pixels[:, :, :4], d.test.labels)]
)
def test_other_images_are_refused(test: Callable[[ImageSet], Images], annotated, digits) -> None:
    with pytest.raises(InputError, match="those of digits"):
        annotate(annotated, replace(digits, test=test(digits)))


def change(arrays: dict[str, Any], name: str, value: Callable[[np.ndarray], np.ndarray]) -> None:
    arrays[name] = np.ascontiguousarray(value(arrays[name]))


@pytest.mark.parametrize(
    "damage",
    [
        lambda a, m: a.pop(FORCES[0]),
        lambda a, m: a.pop(POINTS),
        lambda a, m: change(a, FORCES[1], lambda f: f[:, :-1]),
        lambda a, m: change(a, FORCES[2], lambda f: f.astype(np.float64)),
        lambda a, m: change(a, FORCES[3], lambda f: f * np.float32(np.nan)),
        lambda a, m: change(a, POINTS, lambda p: p + 1000),
        lambda a, m: change(a, POINTS, lambda p: p - 1000),
        lambda a, m: change(a, POINTS, lambda p: p.astype(np.float32)),
        lambda a, m: a.update({"force.other": a[POINTS]}),
        lambda a, m: m.update(up=m["up"].replace('"overlap": ', '"overlap": NaN, "was": ')),
        lambda a, m: m.update(up=m["up"].replace('"total_correlation": ', '"total_correlation": Infinity, "was": ')),
    ],
)  # fmt: skip
def test_damage_is_one_sentence(damage, annotated, tmp_path) -> None:
    arrays, metadata = contents(annotated)
    damage(arrays, metadata)
    path = tmp_path / "damaged.safetensors"
    save_file(arrays, path, metadata)
    with pytest.raises(InputError, match="is no beta path, or it is damaged; make it again"):
        read(path)


def test_a_linear_path_is_given_its_closed_form_and_no_other(annotated, digits, tmp_path) -> None:
    assert read(annotated).linear is None
    path = tmp_path / "linear.safetensors"
    settings = Settings(
        data="digits", hidden=(), latent_dim=2, likelihood="gaussian", sigma=0.3, epochs=1, batch_size=100, device="cpu"
    )
    *_, data = record(settings, digits, (0.0, 1.0, 4.0), points=30)
    assert isinstance(data, bytes)
    write(path, data)
    assert read(path).linear is None
    annotate(path, digits)
    found = read(path).linear
    assert found is not None
    expected = thresholds(eigenvalues(digits.train.pixels), 0.3, 2)
    np.testing.assert_allclose(sorted(found.thresholds)[::-1], expected, rtol=1e-6)
