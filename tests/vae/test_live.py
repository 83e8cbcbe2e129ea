"""Snapshots of a training: that they show the model as it is, only to those who look, and at a bounded cost."""

from __future__ import annotations

import dataclasses
import os
import time
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_export import parse

from vae.data.image_sets import Images, ImageSet, held_out_indices
from vae.files import checkpoint, control
from vae.gaussian import DiagonalGaussian
from vae.settings import Settings
from vae.training import live
from vae.training.live import DECODER, FRAME, MANIFOLD, PROBE, Snapshots, aligned_axes, first_of_each_class, watch
from vae.training.loop import Training, train
from vae.training.recorder import run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

SMALL = Settings(data="digits", hidden=(16,), latent_dim=2, epochs=6, batch_size=50, device="cpu", lr=3e-3)
RUNNING: dict[str, Any] = {"state": "running"}


def frame(folder: Path, name: str = FRAME) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    meta, arrays = parse((folder / name).read_bytes())
    return meta, {key: array.copy() for key, array in arrays.items()}


def trained(settings: Settings, images: ImageSet, steps: int = 30) -> Training:
    training = Training(settings, images.image_shape)
    for _ in islice(train(training, images.train), steps):
        pass
    return training


def in_colour(digits: ImageSet) -> ImageSet:
    def coloured(images: Images) -> Images:
        return Images(np.concatenate([images.pixels, 255 - images.pixels, images.pixels // 2], 1), images.labels)

    return dataclasses.replace(digits, **{n: coloured(getattr(digits, n)) for n in ("train", "validation", "test")})


def as_bytes(means: torch.Tensor) -> np.ndarray:
    return (means.clamp(0, 1) * 255).round().to(torch.uint8).numpy()


def assert_alike(a: np.ndarray, b: np.ndarray) -> None:
    """Images of bytes, but for those that rounding may have moved by one."""
    assert a.shape == b.shape
    assert np.abs(a.astype(int) - b.astype(int)).max() <= 1


# ---- what a snapshot holds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize(("arch", "likelihood", "colour"), [("mlp", "bernoulli", False), ("conv", "gaussian", True)])
def test_a_snapshot_shows_the_model_as_it_is(k, arch, likelihood, colour, digits, tmp_path) -> None:
    """Every array against the model itself, and every mean against its formula."""
    images = in_colour(digits) if colour else digits
    settings = dataclasses.replace(SMALL, latent_dim=k, arch=arch, hidden=(8,), likelihood=likelihood)
    (tmp_path / "a" / "live").mkdir(parents=True)
    training = trained(settings, images)
    model = training.model
    began = time.time()
    Snapshots(tmp_path / "a", images, {"parameters": 7, "device": "abacus"}).write(training, RUNNING | {"lr": 0.5})

    meta, probe = frame(tmp_path / "a", PROBE)
    index = held_out_indices(images.test, live.PROBE_IMAGES)
    np.testing.assert_array_equal(probe["index"], index)
    np.testing.assert_array_equal(probe["images"], images.test.pixels[index])
    np.testing.assert_array_equal(probe["labels"], images.test.labels[index])
    np.testing.assert_array_equal(probe["labels"][probe["shown"]], range(8))
    assert len(index) <= 1000
    assert meta["name"] == "a"
    assert meta["image_shape"] == list(images.image_shape)
    assert meta["pixels"] == np.prod(images.image_shape)
    assert (meta["latent_dim"], meta["features"], meta["likelihood"]) == (k, model.plan.features, likelihood)
    assert meta["plan"] == {"trunk": model.plan.trunk, "decoder": model.plan.decoder}
    assert meta["classes"] == list("0123456789")
    assert Settings.of(meta["settings"]) == settings
    assert (meta["train_images"], meta["parameters"], meta["device"]) == (1078, 7, "abacus")

    meta, shown = frame(tmp_path / "a")
    x = torch.from_numpy(probe["images"]) / 255
    with torch.no_grad():
        mu, logvar = model.encoder(x)
        posterior = DiagonalGaussian(mu, logvar)
        torch.testing.assert_close(torch.from_numpy(shown["mu"]), mu, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(torch.from_numpy(shown["logvar"]), logvar, rtol=1e-5, atol=1e-5)
        assert_alike(shown["reconstructions"], as_bytes(model.decode(mu[probe["shown"].tolist()])))
        assert meta["probe_rate_per_dim"] == pytest.approx(posterior.kl_per_dim().mean(0).tolist(), rel=1e-4)
        assert meta["mean_sigma_per_dim"] == pytest.approx(posterior.sigma.mean(0).tolist(), rel=1e-4)
        assert meta["active"] == (mu.var(0, correction=0) > 0.01).tolist()
    assert meta["lr"] == 0.5
    assert meta["decoder_step"] == meta["manifold_step"] == 30
    assert meta["memory"] > 1 << 20
    assert began <= meta["time"] <= time.time()

    meta, weights = frame(tmp_path / "a", DECODER)
    assert meta["step"] == 30
    assert list(weights) == [name for name in model.state_dict() if name.startswith("decoder.layers.")]
    for name, weight in weights.items():
        np.testing.assert_array_equal(weight, model.state_dict()[name].numpy())

    meta, grid = frame(tmp_path / "a", MANIFOLD)
    side, reach, axes = meta["side"], meta["reach"], shown["axes"]
    assert axes.shape == (min(k, 2), k)
    np.testing.assert_allclose(axes @ axes.T, np.eye(len(axes)), atol=1e-5)
    for row, column in [(0, 0), (0, side - 1), (side - 1, 0), (3, 5), (side - 1, side - 1)]:
        u = -reach + 2 * reach * column / (side - 1)
        v = reach - 2 * reach * row / (side - 1)
        z = u * axes[0] + (v * axes[1] if k > 1 else 0)
        with torch.no_grad():
            expected = as_bytes(model.decode(torch.tensor(z, dtype=torch.float32)[None]))
        assert_alike(grid["images"][row * side + column][None], expected)


def test_a_model_that_has_come_to_nothing_can_still_be_shown(digits, tmp_path) -> None:
    (tmp_path / "live").mkdir()
    training = trained(SMALL, digits, 3)
    for value in (torch.nan, torch.inf, -torch.inf, 1e30):
        with torch.no_grad():
            training.model.encoder.mu.bias.fill_(value)
            training.model.encoder.logvar.bias.fill_(value)
        Snapshots(tmp_path, digits, {}).write(training, RUNNING)
        meta, arrays = frame(tmp_path)
        assert np.isfinite(arrays["mu"]).all()
        assert np.isfinite(arrays["logvar"]).all()
        assert np.isfinite(meta["probe_rate_per_dim"] + meta["mean_sigma_per_dim"]).all()


def test_a_frame_of_a_run_tells_where_it_is(digits, tmp_path, monkeypatch) -> None:
    """Its numbers are the means over the batches since the frame before."""
    monkeypatch.setattr(live, "SHARE", 0.5)
    monkeypatch.setattr(live, "FRAME_EVERY", 0.01)  # ten frames come before the end, however fast the steps are
    folder = tmp_path / "a"
    folder.mkdir()
    began = time.monotonic()
    settings = dataclasses.replace(SMALL, reduction="mean", beta=0.02, epochs=40, beta_schedule="warm-up")
    terms, before, frames = [], 0, 0
    for step in run(settings, folder, digits):
        assert step is not None
        terms.append(step.terms)
        watch(folder)
        if not (folder / FRAME).exists() or frame(folder)[0]["step"] == before:
            continue
        meta = frame(folder)[0]
        frames += 1
        assert meta["step"] == step.step
        assert (meta["steps"], meta["epochs"], meta["state"], meta["control"]) == (863, 40, "running", 0)
        assert meta["epoch"] == pytest.approx(step.step * 50 / 1078, abs=0.001)
        assert (meta["beta"], meta["lr"], meta["sigma"]) == (step.beta, 3e-3, 1.0)
        assert meta["effective_beta"] == pytest.approx(64 * step.beta)
        assert meta["scheduled"] is True
        mean = torch.stack(terms[-min(step.step - before, 200) :]).mean(0).tolist()
        assert [meta["distortion"], *meta["rate_per_dim"]] == pytest.approx(mean, rel=1e-4)
        assert meta["rate"] == pytest.approx(sum(mean[1:]), rel=1e-4)
        assert meta["elbo"] == pytest.approx(-sum(mean), rel=1e-4)
        assert 0 < meta["seconds"] < time.monotonic() - began
        if meta["validation"] is not None:
            assert meta["validation"]["step"] <= step.step
            assert set(meta["validation"]) == {"distortion", "rate", "elbo", "step"}
        before = step.step
        if frames == 10:
            break
    assert frames == 10


def test_a_step_that_is_waited_after_is_never_shown_as_running(digits, tmp_path) -> None:
    folder = tmp_path / "run"
    steps = run(dataclasses.replace(SMALL, epochs=300), folder, digits)
    next(steps)
    watch(folder)
    for more in (0, 1, 1, 5):
        last = (frame(folder)[0]["step"] if more else 0) + more
        asked = control.ask(folder, until=last)
        states = set()
        for step in steps:
            meta = frame(folder)[0] if (folder / FRAME).exists() else {"control": 0}
            if meta["control"] == asked and meta["step"] >= last:
                states.add(meta["state"])
                if step is None:
                    break
        assert states == {"paused"}
    steps.close()


def test_a_paused_map_is_all_of_one_step(digits, tmp_path) -> None:
    """Decoder, manifold and codes of the very weights that the checkpoint holds, however lately each was written."""
    folder = tmp_path / "a"
    steps = run(dataclasses.replace(SMALL, epochs=300), folder, digits)
    next(steps)
    for until in (0, 1, 200, 201):
        asked = control.ask(folder, until=until)
        meta: dict[str, Any] = {}
        while (meta.get("state"), meta.get("control")) != ("paused", asked):
            watch(folder)
            next(steps)
            meta = frame(folder)[0] if (folder / FRAME).exists() else {}
        assert meta["decoder_step"] == meta["manifold_step"] == meta["step"] >= until
        assert frame(folder, DECODER)[0]["step"] == frame(folder, MANIFOLD)[0]["step"] == meta["step"]
    steps.close()
    saved = checkpoint.read(folder)
    assert saved.step == meta["step"]
    for name, weight in frame(folder, DECODER)[1].items():
        np.testing.assert_array_equal(weight, saved.arrays[name])
    with torch.no_grad():
        mu = checkpoint.load_model(saved).encode(torch.from_numpy(frame(folder, PROBE)[1]["images"]) / 255).mu.numpy()
    np.testing.assert_allclose(frame(folder)[1]["mu"], mu, atol=1e-5)


# ---- only for those who look ----------------------------------------------------------------------------------------


def finish(folder: Path, digits: ImageSet, watched: bool) -> None:
    folder.mkdir()
    for _ in run(SMALL, folder, digits):
        if watched:
            watch(folder)


def test_nothing_is_written_unless_somebody_watches(digits, tmp_path) -> None:
    finish(tmp_path / "a", digits, watched=False)
    assert not (tmp_path / "a" / "live").exists()


def test_watching_changes_nothing(digits, tmp_path) -> None:
    for name in ("a", "b"):
        finish(tmp_path / name, digits, watched=name == "b")
    seen = {path.name for path in (tmp_path / "b" / "live").iterdir()}
    assert seen == {"probe.elbf", "frame.elbf", "decoder.elbf", "manifold.elbf", "watched"}
    assert frame(tmp_path / "b")[0]["state"] == "finished"
    one, other = checkpoint.read(tmp_path / "a"), checkpoint.read(tmp_path / "b")
    assert all(one.arrays[name].tobytes() == other.arrays[name].tobytes() for name in one.arrays)
    assert (tmp_path / "a" / "test.json").read_bytes() == (tmp_path / "b" / "test.json").read_bytes()


def test_a_watcher_who_has_gone_is_forgotten(digits, tmp_path) -> None:
    snapshots = Snapshots(tmp_path, digits, {})
    now = time.monotonic()
    assert not snapshots.is_watched(now)
    watch(tmp_path)
    assert not snapshots.is_watched(now + live.LOOK_EVERY / 2)  # not looked yet
    assert snapshots.is_watched(now + 2 * live.LOOK_EVERY)
    gone = time.time() - live.WATCHED_FOR - 1
    os.utime(tmp_path / live.WATCHED, (gone, gone))
    assert not snapshots.is_watched(now + 4 * live.LOOK_EVERY)
    watch(tmp_path)
    assert snapshots.is_due(now + 6 * live.LOOK_EVERY)


# ---- what they cost -------------------------------------------------------------------------------------------------


class SlowClock:
    """A clock for which a snapshot, which looks at it before and after, costs `cost` seconds."""

    def __init__(self, cost: float) -> None:
        self.now, self.cost, self.looks = 1000.0, cost, 0

    def monotonic(self) -> float:
        self.looks += 1
        self.now += self.cost if self.looks % 2 == 0 else 0
        return self.now

    time = staticmethod(time.time)


@pytest.mark.parametrize("cost", [1e-4, 3e-3, 0.02, 0.5])
@pytest.mark.parametrize("step", [1e-4, 0.01, 0.2])
def test_snapshots_cost_no_more_than_their_share(cost, step, digits, tmp_path, monkeypatch) -> None:
    clock = SlowClock(cost)
    monkeypatch.setattr(live, "time", clock)
    training = trained(SMALL, digits, 1)
    snapshots = Snapshots(tmp_path, digits, {})
    watch(tmp_path)
    start, spent, decoders = clock.now, 0.0, set()
    frames: list[float] = []
    while len(frames) < 40:
        clock.now += step
        if snapshots.is_due(clock.now):
            watch(tmp_path)
            frames.append(clock.now)
            training.step += 1
            snapshots.write(training, RUNNING)
            spent += clock.now - frames[-1]
            decoders.add(snapshots.decoder_step)
    assert spent <= live.SHARE * (clock.now - start) + 2 * cost
    assert min(np.diff(frames)) >= live.FRAME_EVERY
    assert len(decoders) <= 1 + (clock.now - start) / live.DECODER_EVERY


# ---- the plane of the map -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [3, 5, 20])
@pytest.mark.parametrize("seed", range(10))
def test_a_plane_comes_back_however_its_axes_are_turned_or_flipped(k, seed) -> None:
    """Where the codes stay in their plane, the axes stay too, rotated, mirrored or swapped as principal axes may be."""
    rng = np.random.default_rng(seed)
    plane = np.linalg.qr(rng.standard_normal((k, k)))[0][:2]
    before = plane.astype(np.float32)
    for spread in ((3.0, 2.0), (2.0, 3.0), (2.5, 2.5)):  # which axis is the larger changes, and neither at last
        angle = rng.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        if rng.random() < 0.5:
            turn = turn @ np.diag([1, -1])
        mu = rng.standard_normal((400, 2)) * spread @ turn @ plane + 1e-3 * rng.standard_normal((400, k))
        after = aligned_axes(mu.astype(np.float32), before)
        assert after.dtype == np.float32
        np.testing.assert_allclose(after, before, atol=2e-3)


@pytest.mark.parametrize("seed", range(10))
def test_aligned_axes_are_orthonormal_span_the_principal_plane_and_lie_nearest(seed) -> None:
    rng = np.random.default_rng(seed)
    mu = (rng.standard_normal((300, 6)) * [4, 3, 1, 1, 0.5, 0.1]).astype(np.float32)
    before = np.linalg.qr(rng.standard_normal((6, 6)))[0][:2]
    first, axes = aligned_axes(mu, None), aligned_axes(mu, before)
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-5)
    np.testing.assert_allclose(axes.T @ axes, first.T @ first, atol=1e-5)  # the same plane

    def distance(candidate: np.ndarray) -> float:
        return float(np.square(candidate - before).sum())

    for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        for mirror in (1, -1):
            assert distance(axes) <= distance(turn @ np.diag([1, mirror]) @ first) + 1e-5


@pytest.mark.parametrize("k", [1, 2])
def test_a_space_of_one_or_two_dimensions_is_shown_as_it_is(k) -> None:
    mu = np.random.default_rng(0).standard_normal((50, k)).astype(np.float32)
    np.testing.assert_array_equal(aligned_axes(mu, None), np.eye(k))
    np.testing.assert_array_equal(aligned_axes(mu, np.eye(k)[::-1]), np.eye(k))


def test_the_axes_of_a_run_do_not_jump(digits, tmp_path) -> None:
    (tmp_path / "live").mkdir()
    training = Training(dataclasses.replace(SMALL, latent_dim=6, epochs=20), digits.image_shape)
    snapshots = Snapshots(tmp_path, digits, {})
    axes = []
    for step in train(training, digits.train):
        if step.step > 200 and step.step % 5 == 0:
            snapshots.write(training, RUNNING)
            axes.append(frame(tmp_path)[1]["axes"])
    for before, after in pairwise(axes):
        assert np.trace(before @ after.T) > 1.9  # 2 where nothing moves


# ---- the eight images -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([3, 3, 0, 1, 0, 2, 1, 3, 3], [2, 3, 5, 0, 1, 4, 6, 7]),
        ([0] * 12, [0, 1, 2, 3, 4, 5, 6, 7]),
        (list(range(10)), [0, 1, 2, 3, 4, 5, 6, 7]),
        ([1, 0], [1, 0, 1, 0, 1, 0, 1, 0]),
        ([5], [0] * 8),
    ],
)
def test_the_first_of_each_class_then_the_first_of_the_rest(labels, expected) -> None:
    assert first_of_each_class(np.array(labels)).tolist() == expected
