"""Latents from elsewhere: a map without a decoder, which shows what was given and offers nothing else."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.browser.room import FLAT, Room, eventually, gallery

NEED_NETWORKS = {"draw", "interpolate", "traverse", "sample"}


def an_npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def upload(room: Room, name: str, data: bytes) -> None:
    """Drop a file where the page takes one."""
    dropzone = room.page.locator('input[type="file"]')
    if not dropzone.count():
        room.page.get_by_role("button", name="Open a model").click()
    dropzone.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": data})


def options(room: Room, name: str) -> list[str]:
    return room.page.locator(f"select.er-{name} option").evaluate_all("(all) => all.map((option) => option.value)")


def open_every_tool(room: Room) -> None:
    """Those that need networks cannot be; each of the others opens, and hears of the pointer."""
    for button in room.page.locator(".er-tabs button").all():
        name = button.get_attribute("data-tool")
        assert button.is_disabled() == (name in NEED_NETWORKS), name
        if button.is_enabled():
            button.click()
            room.page.wait_for_selector(f'.er-root[data-tool="{name}"]')
            for spot in ([0.3, 0.3], [-0.5, 0.2]):
                room.hover(*spot)
        if name == "select":
            select_a_box(room)
    room.page.locator('.er-tabs [data-tool="lens"]').click()
    room.page.wait_for_selector('.er-root[data-tool="lens"]')


def select_a_box(room: Room) -> None:
    room.page.locator('[data-mode="box"]').click()
    room.page.mouse.move(*room.pixel(-0.6, -0.6))
    room.page.mouse.down()
    room.page.mouse.move(*room.pixel(0.6, 0.6), steps=3)
    room.page.mouse.up()
    room.page.wait_for_selector(".er-pair")


@pytest.fixture(params=["app", "taken home"])
def opened(
    request: pytest.FixtureRequest, new_room: Callable[..., Room], home: Callable[..., str], tmp_path: Path
) -> Callable[..., Room]:
    """Opens arrays as one's own latents, in the app or taken home."""

    def open_them(**arrays: np.ndarray) -> Room:
        path = tmp_path / f"{tmp_path.name}.npz"
        path.write_bytes(an_npz(**arrays))
        if request.param == "app":
            return new_room().open(f"path:{path}")
        return new_room(home(path), offline=True).open(path.stem)

    return open_them


def test_the_lens_shows_the_nearest_thumbnail(opened) -> None:
    kept = gallery(FLAT).held_out
    rows = np.arange(0, 5000, 10)
    room = opened(mu=kept.mu[rows], logvar=kept.logvar[rows], labels=kept.labels[rows], thumbnails=kept.images[rows])
    for at in ([0.5, 0.5], [-1.5, 0.5], [0.0, -2.0]):
        z = room.hover(*at)
        i = int(room.text(".er-index").removeprefix("row ")) - 1
        assert np.hypot(*(kept.mu[rows[i]] - z)) <= np.hypot(*(kept.mu[rows] - z).T).min() + 0.02
        np.testing.assert_array_equal(room.picture(), np.repeat(kept.images[rows[i]], 3, axis=0))
        assert room.text(".er-class") == str(kept.labels[rows[i]])
        assert room.number(".er-rate") == pytest.approx(gallery(FLAT).rate[rows[i]], abs=0.006)
    assert "no decoder" in room.text(".er-lacking")
    assert "no decoder" in room.text(".room-facts")
    assert not room.page.locator(".er-distortion").is_visible()
    assert options(room, "colour") == ["class", "rate", "volume"]
    assert not room.page.locator("select.er-manifold").count()
    open_every_tool(room)
    for density in ("q", "ratio", "holes", "off"):
        room.page.select_option("select.er-density", density)
    room.page.locator(".er-draw-posterior").click()
    eventually(lambda: _assert(room.pinned))


def _assert(truth: bool) -> None:
    assert truth


def assert_means_alone(room: Room) -> None:
    assert "neither a decoder nor images" in room.text(".er-lacking")
    assert not room.page.locator(".er-decoded").is_visible()
    assert room.page.locator(".er-legend button").all_inner_texts() == ["all"]
    assert options(room, "colour") == ["class"]
    for name in ("zones", "density", "manifold"):
        assert not room.page.locator(f"select.er-{name}").count()
    open_every_tool(room)


def test_means_alone_taken_home(new_room, home, tmp_path) -> None:
    path = tmp_path / "means.npz"
    path.write_bytes(an_npz(mu=np.random.default_rng(0).normal(size=(300, 3))))
    assert_means_alone(new_room(home(path), offline=True).open("means", "colour=distortion&manifold=grid&density=q"))


def test_an_upload_of_means_alone_and_a_model_after_it(fresh) -> None:
    """What a link asks for and the latents do not have is not shown, nor kept from the model that is opened next."""
    room = fresh
    room.open(link="colour=distortion&manifold=grid&density=q")
    mu = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    upload(room, "mine.csv", b"mu_1,mu_2,mu_3\n" + "".join("{},{},{}\n".format(*row) for row in mu).encode())
    room.page.wait_for_selector('.er-root[data-ready^="upload-"]')
    room.page.keyboard.press("Escape")
    assert_means_alone(room)
    room.page.wait_for_function("() => !/colour|density|manifold/.test(location.hash)")
    room.choose("MNIST · 2-D · β = 1").ready(FLAT)
    room.assert_shows(gallery(FLAT), room.hover(0.5, 0.5), off=1e-5)
    assert not room.text(".er-lacking")
    assert "distortion" in options(room, "colour")


NO_LATENTS = [
    ("mine.csv", b"x,y\n1,2\n", "no columns mu_1"),
    ("mine.npz", b"PK nothing", "no .npz file of plain arrays"),
    ("mine.parquet", b"PAR1PAR1", "no .parquet file of latents"),
]


def test_a_file_that_holds_no_latents_is_one_sentence_and_the_map_stays(fresh) -> None:
    room = fresh.open()
    for name, data, word in NO_LATENTS:
        upload(room, name, data)

        def said(word: str = word) -> None:
            assert word in "".join(room.page.locator('[data-testid="stAlert"]').all_inner_texts())

        eventually(said)
        room.ready(FLAT)
        room.hover(0.5, 0.5)
