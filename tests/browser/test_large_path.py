"""A path whose decoders are large: the pictures of every beta come from a worker, and the page itself never waits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from tests.browser.room import Room, eventually
from tests.browser.test_kl import SET, File
from tests.browser.test_large_networks import HIDDEN, SHAPE, marks
from vae.data.image_sets import load
from vae.model import VAE
from vae.plan import make_plan
from vae.settings import Settings
from vae.training import beta_path as paths

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAME = "large-path"
BETAS = [0.0, 0.5, 1.0, 4.0]
POINTS = 16


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, runs_folder: Path) -> File:
    """A path of 64 × 64 colour images; its weights are drawn, and larger than training begins with."""
    random = np.random.default_rng(0)
    images = tmp_path_factory.mktemp("images") / "colour.npz"
    labels = np.arange(400) % 10
    np.savez(images, images=random.integers(0, 256, (400, *SHAPE), np.uint8), labels=labels)
    settings = Settings(data=str(images), arch="conv", hidden=HIDDEN, latent_dim=2)
    torch.manual_seed(0)  # initial weights only; the modules take no generator
    stops = [VAE(make_plan("conv", HIDDEN, 2, SHAPE), SHAPE, "bernoulli").weights() for _ in BETAS]
    arrays = {
        name: np.stack([2 * weights[name].numpy() for weights in stops]).astype(np.float16)
        for name in stops[0]
        if name.startswith("decoder.")
    }
    mu, logvar = random.normal(size=(len(BETAS), POINTS, 2)), np.full((len(BETAS), POINTS, 2), -4)
    arrays |= {"mu": mu.astype(np.float16), "logvar": logvar.astype(np.float16)}
    split = {"distortion": 20.0, "rate": 5.0, "elbo": -25.0}
    said = {"test": split, "train": split, "rate_per_dim": [3.0, 2.0], "active_units": 2}
    metadata = {
        "format": paths.FORMAT,
        "settings": settings.to_json(),
        "image_shape": json.dumps(SHAPE),
        "classes": json.dumps([str(c) for c in range(10)]),
        "betas": json.dumps(BETAS),
        "up": json.dumps([said | {"beta": beta} for beta in BETAS]),
        "down": json.dumps([said | {"beta": beta} for beta in BETAS]),
    }
    target = runs_folder / f"{NAME}.safetensors"
    save_file({**arrays, "index": np.arange(POINTS, dtype=np.int32)}, target, metadata)
    return File(target)


@pytest.fixture(scope="module")
def page(own_page: Page, address: str, file: File) -> Room:
    own_page.goto(f"{address}/kl?path=runs/{NAME}#beta=1&zones=none")
    own_page.wait_for_selector(f'.er-root[data-complete="{NAME}"]')
    return Room(own_page, address)


def to_stop(room: Room, file: File, stop: int) -> None:
    slider = room.page.locator(".kl-track input")
    room.page.evaluate(SET, [slider.element_handle(), file.position(BETAS[stop])])


def decoded(room: Room, selector: str, count: int, first: int = 0) -> np.ndarray:
    """Pictures `first` and following within what `selector` finds: (count, 3, H, W)."""
    return np.stack([room.picture(f"{selector} canvas >> nth={first + i}") for i in range(count)])


def assert_decoded(room: Room, selector: str, expected: np.ndarray, first: int = 0) -> None:
    def shown() -> None:
        assert room.page.locator(f'{selector}[data-left="0"]').count()
        np.testing.assert_allclose(decoded(room, selector, len(expected), first), 255 * expected, atol=1.6)

    eventually(shown)


def eight(labels: np.ndarray) -> list[int]:
    """The images that are shown beside the map: of as many classes as there are, the first ones of each first."""
    before = [int((labels[:i] == label).sum()) for i, label in enumerate(labels)]
    return sorted(range(len(labels)), key=lambda i: (before[i], labels[i], i))[:8]


def test_pictures_follow_beta_and_pointer_from_a_worker(page, file) -> None:
    points = eight(load(file.path.settings.data).test.labels[:POINTS])
    for stop in (2, 1, 3):
        to_stop(page, file, stop)
        assert_decoded(page, ".kl-images", file.decode(file.mu(stop)[points], stop), first=8)
    box = page.page.locator(".kl-map").first.bounding_box()
    assert box
    for i in range(60):
        page.page.mouse.move(box["x"] + 200 + 3 * i, box["y"] + 200 + 2 * i)
    page.page.mouse.click(box["x"] + 380, box["y"] + 320)
    resting = marks(page, "far-decode")
    z = eventually(lambda: pinned(page))
    expected = 255 * file.decode(z[None], 3)[0]
    eventually(lambda: np.testing.assert_allclose(page.picture(".kl-decoded"), expected, atol=1.6))
    assert (
        marks(page, "far-decode") - resting <= 5
    )  # nothing has queued: what was asked, lens and nearest point, twice at most
    assert marks(page, "decode") == 0


def pinned(room: Room) -> np.ndarray:
    """z of the lens, as the address has it."""
    assert "z" in room.link
    return np.array([float(value) for value in room.link["z"].split(",")])


def test_the_plane_and_the_lines_between_images_come_from_a_worker(page, file) -> None:
    page.page.click('[data-switch="manifold"]')
    to_stop(page, file, 2)
    at = np.linspace(-3, 3, 15)
    side = SHAPE[1]
    for row, column in ((4, 11), (0, 0)):
        expected = 255 * file.decode(np.array([[at[column], at[14 - row]]]), 2)[0]

        def tiled(row: int = row, column: int = column, expected: np.ndarray = expected) -> None:
            canvas = page.canvas(".page-maps .kl-plane canvas")[:, side * row :, side * column :]
            np.testing.assert_allclose(canvas[:3, :side, :side], expected, atol=1.01)

        eventually(tiled)
    a, b = 2, 5
    page.page.evaluate("(link) => (location.hash = link)", f"beta=1&plane=1&view=why&pair={a},{b}")
    page.page.wait_for_selector(".kl-line >> nth=2")
    for column, stop in enumerate((0, 2, len(BETAS) - 1)):
        ends = file.mu(stop)[[a, b]].astype(float)
        line = ends[0] + np.linspace(0, 1, 9)[:, None] * (ends[1] - ends[0])
        assert_decoded(page, f".kl-column:nth-child({column + 1}) .kl-line", file.decode(line, stop))
    assert marks(page, "decode") == 0
