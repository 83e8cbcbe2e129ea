"""Models that a person brings: uploads, run folders, unfinished runs, odd shapes; and files that are none."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.browser.room import FLAT, ROOT, Model, Room, eventually, gallery
from vae.data.image_sets import load
from vae.files import checkpoint, runs
from vae.files.atomic import write_atomically
from vae.files.held_out import FILE_NAME, HeldOut, save_held_out
from vae.model import VAE
from vae.plan import make_plan
from vae.settings import Settings
from vae.training.recorder import run

FIRST_NAME = "MNIST · 2-D · β = 1"


def upload(room: Room, name: str, data: bytes) -> None:
    """Drop a file where the page takes one."""
    dropzone = room.page.locator('input[type="file"]')
    if not dropzone.count():
        room.page.get_by_role("button", name="Open a model").click()
    dropzone.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": data})


def sentence(room: Room) -> str:
    """The one sentence that the page says went wrong."""
    texts = room.page.locator('[data-testid="stAlert"]').all_inner_texts()
    assert len(texts) == 1
    text = texts[0]
    assert text.strip().endswith(".")
    assert "\n" not in text.strip()
    return text.strip()


def test_an_uploaded_model_opens_with_its_map(fresh) -> None:
    room = fresh
    model = gallery(FLAT)
    room.open()
    data = (model.folder / runs.CHECKPOINT).read_bytes()
    upload(room, "mine.safetensors", data)
    room.page.wait_for_selector('.er-root[data-ready^="upload-"]')
    name = room.page.locator('[data-testid="stSelectbox"] input').input_value()
    assert name == "mine.safetensors (uploaded)"
    room.page.keyboard.press("Escape")
    # no held-out file came with it: the page has encoded images itself, and to the very same means
    i = int(np.argmin(np.hypot(*(model.held_out.mu - [1.0, 1.0]).T)))
    room.click(*model.held_out.mu[i])
    assert room.nearest(model) == i
    np.testing.assert_allclose(room.z(), model.held_out.mu[i], atol=1e-4)
    assert room.number(".er-distortion") > 0
    facts = room.text(".room-facts")
    assert "MNIST" in facts
    assert "test elbo" not in facts  # nobody has tested it
    eventually(lambda: _assert_asks_for_upload(room))


def _assert_asks_for_upload(room: Room) -> None:
    assert "model=upload-" in room.page.evaluate("location.href")


class Bomb:
    """Unpickled, it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_what_is_no_model_is_refused_in_a_sentence_and_the_map_stays(fresh, tmp_path) -> None:
    room = fresh
    good = (gallery(FLAT).folder / runs.CHECKPOINT).read_bytes()
    from safetensors.numpy import save

    # any two that follow each other are told by different sentences, so that none is mistaken for the one before
    bad = [
        (b"", "no .safetensors file"),
        (pickle.dumps(Bomb(tmp_path / "trace")), "pickled"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "no .safetensors file"),
        (save({"weight": np.zeros(3, np.float32)}, {"format": "pt"}), "another program"),
        (good[: len(good) // 2], "cut short"),
        (b"PK\x03\x04" + bytes(100), "pickled"),
    ]
    room.open(link="z=0.5,0.5")
    image = room.picture()
    for i, (data, complaint) in enumerate(bad):
        upload(room, f"{i}.safetensors", data)
        eventually(lambda complaint=complaint: _assert_says(room, complaint))
        np.testing.assert_array_equal(room.picture(), image)
        assert room.page.locator('[data-testid="stSelectbox"] input').input_value() == FIRST_NAME
    assert not (tmp_path / "trace").exists()
    room.page.mouse.click(10, 400)  # the popover gives the page back

    def released() -> None:  # the sentence goes as well, and the map moves up
        room.page.locator(".er-map").press("Escape")
        room.hover(0.5, 0.5)
        at = room.hover(1.0, 1.0)
        np.testing.assert_allclose(room.fields(), at, atol=0.00501)

    eventually(released)
    # a good file makes the complaint go away
    upload(room, "good.safetensors", good)
    room.page.wait_for_selector('.er-root[data-ready^="upload-"]')
    eventually(lambda: _assert_no_alert(room))


def _assert_says(room: Room, words: str) -> None:
    assert words in sentence(room)


def _assert_no_alert(room: Room) -> None:
    assert not room.page.locator('[data-testid="stAlert"]').count()


def test_a_path_on_this_machine_opens_and_a_wrong_one_is_refused(fresh, tmp_path) -> None:
    room = fresh
    model = gallery(FLAT)
    copy = tmp_path / "mine.safetensors"
    copy.write_bytes((model.folder / runs.CHECKPOINT).read_bytes())
    room.open(plotted=False)
    room.page.get_by_role("button", name="Open a model").click()
    field = room.page.locator('[data-testid="stTextInput"] input')
    field.fill(str(tmp_path / "none"))
    field.press("Enter")
    eventually(lambda: _assert_says(room, "There is no checkpoint"))
    room.page.wait_for_selector(f'.er-root[data-ready="{FLAT}"]')
    field.fill(str(copy))
    field.press("Enter")
    room.page.wait_for_selector(f'.er-root[data-ready="path:{copy}"]')
    eventually(lambda: _assert_no_alert(room))
    room.page.reload()
    room.ready(f"path:{copy}", plotted=False)


def test_runs_are_listed_and_open_finished_or_not(fresh, runs_folder) -> None:
    room = fresh
    done, going = runs_folder / "done", runs_folder / "going"
    command = [sys.executable, "-m", "vae", "train", "--data", "digits", "--hidden", "32", "--epochs", "1"]
    subprocess.run([*command, "--out", done], cwd=ROOT, check=True, capture_output=True)

    steps = run(Settings(data="digits", hidden=(32,), epochs=100, device="cpu"), going, load("digits"))
    for _ in range(100):
        next(steps)
    room.open("runs/going", plotted=False)  # looked at while it goes on
    assert "running at step" in room.text(".room-facts")
    steps.close()
    room.page.reload()
    room.ready("runs/going")
    assert "paused at step 100" in room.text(".room-facts")
    model = Model(going)
    at = room.hover(0.5, 0.5)
    room.assert_shows(model, at, off=1e-5)
    points = room.page.evaluate("document.querySelector('.er-plot').data.reduce((n, trace) => n + trace.x.length, 0)")
    assert points > 100

    room.choose("runs/done").ready("runs/done")
    test = runs.read(done).test
    facts = room.text(".room-facts").replace("−", "-")
    bound, rate = round(test["elbo"], 1), round(test["rate"], 1)
    assert f"test elbo {bound:.1f} = -(distortion {-bound - rate:.1f} + rate {rate:.1f})" in facts  # they add up
    model = Model(done)
    i = 5
    room.click(*model.held_out.mu[i])
    i = room.nearest(model)
    np.testing.assert_allclose(room.picture(".er-reconstruction"), model.bytes(model.held_out.mu[i]), rtol=0, atol=0.51)


@pytest.fixture
def odd_run(runs_folder) -> Iterator[Callable[..., Model]]:
    """Write a finished run of a model with random weights and `n` random images of any shape; none where n is 0."""

    def write(name: str, shape: tuple[int, int, int], n: int, classes: int, **settings) -> Model:
        folder = runs_folder / name
        folder.mkdir()
        chosen = Settings(**settings)
        torch.manual_seed(0)  # initial weights only; the modules take no generator
        model = VAE(make_plan(chosen.arch, chosen.hidden, chosen.latent_dim, shape), shape, chosen.likelihood)
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(3)
        facts = {
            "format": runs.FORMAT, "settings": asdict(chosen), "image_shape": shape, "versions": {}, "device": "CPU",
            "classes": [f"kind {c}" for c in range(classes)], "train_images": 10, "fingerprint": "", "parameters": 1,
        }  # fmt: skip
        rng = np.random.default_rng(0)
        if n:
            pixels = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
            with torch.no_grad():
                posterior = model.encode(torch.tensor(pixels).float() / 255)
            labels, index = rng.integers(0, classes, n, dtype=np.int32), np.arange(n, dtype=np.int32)
            parts = (posterior.mu.numpy(), posterior.logvar.numpy(), rng.normal(9, 3, n).astype(np.float32))
            save_held_out(folder / FILE_NAME, HeldOut(pixels, labels, index, *parts))
        checkpoint.write(folder / runs.CHECKPOINT, chosen, shape, 1, model.state_dict())
        write_atomically(folder / runs.SETTINGS, json.dumps(facts).encode())
        write_atomically(folder / runs.STATUS, b'{"state": "finished", "step": 1}')
        return Model(folder)

    return write


def assert_lines(room: Room) -> None:
    """The prior's 1, 2 and 3 σ are lines across the map, on both sides."""
    alpha = room.canvas("canvas.er-zones")[3]
    box = room.page.locator("canvas.er-zones").bounding_box()
    top, bottom = (round(room.pixel(0, v)[1] - box["y"]) for v in (2.5, 1.0))  # where nothing else is
    for u in (-3, -2, -1, 1, 2, 3):
        column = round(room.pixel(u, 0)[0] - box["x"])
        assert (alpha[top:bottom, column - 1 : column + 2].max(1) > 0).mean() > 0.4
    for u in (-2.5, -1.5, 0.5):
        column = round(room.pixel(u, 0)[0] - box["x"])
        assert not alpha[top:bottom, column - 1 : column + 2].any()


def test_one_dimension_and_three_channels_have_a_map_too(fresh, odd_run) -> None:
    room = fresh
    line = odd_run("line", (1, 5, 7), 50, 3, hidden=(9,), latent_dim=1)
    colour = odd_run("colour", (3, 9, 6), 50, 12, arch="conv", hidden=(3, 5), latent_dim=3, likelihood="gaussian")
    for density in ("off", "q", "ratio"):
        room.open("runs/line", f"density={density}&zones=all")
        z = room.hover(0.8, 0.1)[:1]
        np.testing.assert_allclose(room.fields(), z, atol=0.00501)
        room.assert_shows(line, z, off=1e-5)
        assert room.picture().shape == (3, 5, 7)
        assert_lines(room)
    assert room.page.locator(".er-slider").count() == 1
    assert not room.page.locator("select.er-plane").count()

    room.open("runs/colour", "z=0.5,-1,0.25")
    assert room.picture().shape == (3, 9, 6)
    np.testing.assert_allclose(room.picture(), colour.bytes(np.array([0.5, -1, 0.25])), rtol=0, atol=0.51)
    i = room.nearest(colour)
    np.testing.assert_array_equal(room.picture(".er-original"), colour.held_out.images[i])
    assert room.page.locator(".er-legend button").all_inner_texts() == [f"kind {c}" for c in range(12)]
    colours = room.page.locator(".er-legend i").evaluate_all(
        "(all) => all.map((dot) => getComputedStyle(dot).backgroundColor)"
    )
    assert len(set(colours)) == 12


def test_a_model_without_images_shows_the_prior_and_decodes(fresh, odd_run) -> None:
    room = fresh
    model = odd_run("alone", (3, 4, 4), 0, 2, data="svhn", hidden=(5,))
    room.open("runs/alone", plotted=True)
    message = room.page.locator(".er-message")
    assert message.is_visible()
    assert "No held-out images" in message.inner_text()
    at = room.hover(0.7, -0.4)
    room.assert_shows(model, at, off=1e-5)
    for colour in ("rate", "distortion", "volume", "class"):
        room.page.select_option("select.er-colour", colour)
    for zones in ("all", "0", "pointer"):
        room.page.select_option("select.er-zones", zones)
    for density in ("q", "ratio", "off"):
        room.page.select_option("select.er-density", density)
    room.page.locator(".er-draw-posterior").click()
    room.page.locator(".er-draw-prior").click()
    assert len(room.z()) == 2


def test_a_run_that_is_damaged_later_says_so(fresh, odd_run) -> None:
    room = fresh
    model = odd_run("later", (1, 4, 4), 20, 2, hidden=(5,))
    room.open("runs/later", plotted=False)
    time.sleep(0.02)  # so that the file's time differs
    (model.folder / runs.CHECKPOINT).write_bytes(b"nothing")
    room.page.reload()
    text = eventually(lambda: sentence(room))
    assert "checkpoint.safetensors" in text
    (model.folder / runs.CHECKPOINT).unlink()
    room.page.reload()
    room.ready(FLAT, plotted=False)
    assert "runs/later" in eventually(lambda: sentence(room))


def test_after_a_model_that_cannot_be_opened_the_next_one_can(fresh, odd_run) -> None:
    room, model = fresh, odd_run("broken", (1, 4, 4), 20, 2, hidden=(5,))
    (model.folder / runs.CHECKPOINT).write_bytes(b"nothing")
    room.open(link="z=1,1&colour=rate")
    room.page.locator(".er-map").press("Escape")
    room.choose("runs/broken")
    eventually(lambda: _assert_says(room, "checkpoint.safetensors"))
    room.page.wait_for_selector(".er-map", state="detached")
    room.choose(FIRST_NAME).ready(FLAT)
    eventually(lambda: _assert_no_alert(room))
    assert not room.pinned  # the link that the page began with has been followed once
    at = room.hover(0.5, -0.5)
    room.assert_shows(gallery(FLAT), at, off=1e-5)
