"""Very many points: counted where they are many, each by itself once zoomed in, and picked as few are."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.conftest import PATIENCE, WINDOW, watched
from tests.browser.room import Room, eventually
from tests.browser.test_map_tools import drag

if TYPE_CHECKING:
    from playwright.sync_api import Browser

POINTS = 250_000
CLASSES = 4


def crowd(n: int, k: int = 2) -> dict[str, np.ndarray]:
    """Means in as many clumps as there are classes, and a few far away."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, n)
    mu = rng.normal(0, 1.5, (CLASSES, k))[labels] + rng.normal(0, 0.5, (n, k))
    mu[:3] = rng.uniform(8, 9, (3, k))
    return {"mu": mu.astype(np.float32), "logvar": rng.normal(-4, 0.5, (n, k)).astype(np.float32), "labels": labels}


@pytest.fixture(scope="module")
def points() -> dict[str, np.ndarray]:
    return crowd(POINTS)


@pytest.fixture(scope="module")
def latents_file(points: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("latents") / "many.npz"
    np.savez(path, **points)
    return path


@pytest.fixture(scope="module", params=["app", "taken home"])
def opened(
    request: pytest.FixtureRequest, browser: Browser, home: Callable[..., str], latents_file: Path
) -> Iterator[tuple[Room, list[str], list[str]]]:
    is_app = request.param == "app"
    address = request.getfixturevalue("address") if is_app else home(latents_file)
    context = browser.new_context(viewport=WINDOW, color_scheme="light", offline=not is_app)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    wrong = watched(page, address)
    yield Room(page, address).open(f"path:{latents_file}" if is_app else latents_file.stem), wrong, asked
    context.close()


@pytest.fixture
def room(opened: tuple[Room, list[str], list[str]]) -> Iterator[Room]:
    room, wrong, _ = opened
    yield room
    room.page.locator('.modebar-btn[data-title="Reset axes"]').click()
    room.follow("")
    assert not wrong


# Where the axes stand within the map: left, top, width and height in pixels.
AXES = """() => {
  const { _offset: left, _length: width } = document.querySelector(".er-plot")._fullLayout.xaxis;
  const { _offset: top, _length: height } = document.querySelector(".er-plot")._fullLayout.yaxis;
  return [left, top, width, height].map(Math.round);
}"""


def canvas(room: Room) -> tuple[np.ndarray, np.ndarray]:
    """The pixels within the axes, (4, H, W), and the corner of the map that they begin at, in pixels of the page."""
    left, top, width, height = room.page.evaluate(AXES)
    return room.canvas("canvas.er-cloud")[:, top : top + height, left : left + width], np.array([left, top])


def picture(room: Room) -> str:
    return room.page.locator(".er-map").get_attribute("data-points")


def cells_of(room: Room, mu: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row and column of the pixel that each point falls on, and whether that is in view."""
    view, (height, width) = room.view(), shape
    columns = np.floor((mu[:, 0] - view["x"][0]) / np.ptp(view["x"]) * width).astype(int)
    rows = np.floor((view["y"][1] - mu[:, 1]) / np.ptp(view["y"]) * height).astype(int)
    return rows, columns, (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)


def counts(room: Room, mu: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    rows, columns, inside = cells_of(room, mu, shape)
    found = np.zeros(shape, int)
    np.add.at(found, (rows[inside], columns[inside]), 1)
    return found


def test_many_points_are_counts_on_a_log_scale(room, points) -> None:
    def drawn() -> None:
        assert picture(room) == "density"
        alpha = canvas(room)[0][3]
        expected = counts(room, points["mu"], alpha.shape)
        assert ((alpha > 0) == (expected > 0)).mean() > 0.995  # some lie so near to an edge that rounding moves them
        strength = np.maximum(0.22, 0.97 * np.log1p(expected) / np.log1p(expected.max()))
        many = expected > 0
        assert (np.abs(alpha - 255 * strength)[many] < 3).mean() > 0.95

    eventually(drawn)
    eventually(lambda: _assert_note(room, f"{POINTS:,} points in view"))


def _assert_note(room: Room, begins: str) -> None:
    note = room.page.locator(".er-note")
    assert note.inner_text().startswith(begins) if begins else not note.is_visible()


def zoom_in(room: Room, u: float, v: float) -> None:
    """By the wheel, until the points are dots."""
    room.hover(u, v)
    for _ in range(60):
        room.page.mouse.wheel(0, -200)
        room.frames()
        room.frames()
        if picture(room) == "dots":
            return
    raise AssertionError("the points have not become dots")


def test_each_is_a_dot_in_its_class_s_colour_once_there_are_few_in_view(room, points) -> None:
    spot = np.median(points["mu"][points["labels"] == 1], axis=0)
    zoom_in(room, *spot)
    dots = room.page.locator(".er-legend i")
    texts = dots.evaluate_all("(all) => all.map((dot) => getComputedStyle(dot).backgroundColor)")
    colours = np.array([[int(part) for part in text[4:-1].split(",")] for text in texts])

    def drawn() -> None:
        rgba, _ = canvas(room)
        rows, columns, inside = cells_of(room, points["mu"], rgba.shape[1:])
        assert 1000 < inside.sum() < 45_000
        found = rgba[:, rows[inside], columns[inside]].T
        assert (found[:, 3] > 0).mean() > 0.98
        own = np.abs(found[:, :3] - colours[points["labels"][inside]]).max(1) < 4
        assert own.mean() > 0.6  # dots of other classes cover some

    eventually(drawn)
    eventually(lambda: _assert_note(room, ""))


@pytest.mark.parametrize("hidden", [[], [1]])
def test_the_point_that_is_nearest_is_found(room, points, hidden) -> None:
    mu = points["mu"].astype(float)
    room.follow("hidden=" + ",".join(map(str, hidden)) if hidden else "")
    rng = np.random.default_rng(1)
    spots = [*rng.uniform(-3.5, 3.5, (6, 2)), (7.5, 7.5)]
    for spot in spots:
        at = room.hover(*spot)
        distance = np.where(np.isin(points["labels"], hidden), np.inf, np.hypot(*(mu - at).T))
        shown = int(room.text(".er-index").split()[-1].replace(",", "")) - 1
        assert distance[shown] <= distance.min() + 2e-3  # a step of mu as it travels, and a pixel's rounding
        assert room.text(".er-class") == str(points["labels"][shown])


def test_hidden_classes_leave_the_picture(room, points) -> None:
    room.follow("hidden=0,2,3")

    def drawn() -> None:
        alpha = canvas(room)[0][3]
        expected = counts(room, points["mu"][points["labels"] == 1], alpha.shape)
        assert picture(room) == "density"
        assert ((alpha > 0) == (expected > 0)).mean() > 0.995

    eventually(drawn)
    eventually(lambda: _assert_note(room, f"{(points['labels'] == 1).sum():,} points in view"))


def test_zones_are_fewer_where_they_lie_deep_and_that_is_said(room, points) -> None:
    room.follow("zones=all")

    def drawn() -> None:
        assert room.page.locator(".er-map").get_attribute("data-zones") == "drawn"
        found = re.search(rf"([\d,]+) of {POINTS:,} zones, fewer where they are many", room.text(".er-note"))
        assert found
        assert 1000 < int(found[1].replace(",", "")) < 20_500

    eventually(drawn)
    zones = room.canvas("canvas.er-zones")[3]
    corner = room.page.locator("canvas.er-zones").bounding_box()
    for i in range(3):  # these lie apart, each within its own zone, of which a side is looked at
        sigma = np.exp(0.5 * points["logvar"][i])
        x, y = room.pixel(*(points["mu"][i] + 0.7 * sigma * [1, 0]))
        assert zones[round(y - corner["y"]), round(x - corner["x"])] > 0
    room.follow("zones=all&density=q")
    eventually(lambda: _assert_said(room, "density from one in 13 points"))


def _assert_said(room: Room, what: str) -> None:
    assert what in room.text(".er-note")


def test_a_zone_is_drawn_where_its_middle_is_out_of_view(room, points) -> None:
    room.follow("zones=all")
    mu, sigma = points["mu"][0].astype(float), np.exp(0.5 * points["logvar"][0].astype(float))
    room.page.evaluate(SHOW, [list(mu[0] + sigma[0] * np.array([0.5, 0.6])), mu[1] - 0.05 * sigma[1]])

    def drawn() -> None:
        assert room.page.locator(".er-map").get_attribute("data-zones") == "drawn"
        left, top, width, height = room.page.evaluate(AXES)
        zones = room.canvas("canvas.er-zones")[3]
        assert (zones[top + 2 : top + height - 2, left + 2 : left + width - 2] > 0).all()

    eventually(drawn)
    assert "zones" not in room.text(".er-note")


# The part of the map from x[0] to x[1], and from y on.
SHOW = """([x, y]) => {
  const plot = document.querySelector(".er-plot");
  const { xaxis, yaxis } = plot._fullLayout;
  const height = ((x[1] - x[0]) * yaxis._length) / xaxis._length;
  return Plotly.relayout(plot, { "xaxis.range": x, "yaxis.range": [y, y + height] }).then(() => {});
}"""


# ---- selected -------------------------------------------------------------------------------------------------------


def selected(
    room: Room, mode: str, *spots: tuple[float, float], link: str = ""
) -> tuple[np.ndarray, list[dict[str, str]]]:
    """Drag over these spots; the exact coordinates of their pixels, and the table that comes out, best first."""
    room.follow(f"tool=select{link}")
    room.page.locator(f'.er-tool-select [data-mode="{mode}"]').click()
    room.page.locator(".er-tool-select .er-clear").click()
    corners = drag(room, *spots)
    room.page.wait_for_selector(".er-pair")
    room.page.locator(".er-measure").select_option("rate")
    if room.text(".er-turn") != "best first":
        room.page.locator(".er-turn").click()
    eventually(lambda: _assert_text(room, ".er-turn", "best first"))
    with room.page.expect_download() as found:
        room.page.locator(".er-csv").click()
    with open(found.value.path(), newline="") as file:
        return corners, list(csv.DictReader(file))


def _assert_text(room: Room, selector: str, text: str) -> None:
    assert room.text(selector) == text


def assert_selection(
    room: Room, points: dict[str, np.ndarray], rows: list[dict[str, str]], inside: np.ndarray
) -> np.ndarray:
    """The page's numbers are those of the rows that came out, and these are the points within: `inside`, how far each
    is within the line, may be off by a pixel. The selected points."""
    chosen = np.array([int(row["index"]) for row in rows])
    pixel = np.ptp(room.view()["x"]) / room.view()["width"]
    assert np.isin(np.flatnonzero(inside > pixel), chosen).all()
    assert inside[chosen].min() > -pixel
    assert room.text(".er-counted").startswith(f"{len(chosen):,} of {POINTS:,} ")
    counts = np.bincount(points["labels"][chosen], minlength=CLASSES)
    bars = room.page.locator(".er-class-counts span").evaluate_all(
        "(all) => all.map((bar) => Number(bar.dataset.count))"
    )
    assert bars == [count for count in counts if count]
    mu, logvar = points["mu"][chosen].astype(float), points["logvar"][chosen].astype(float)
    rates = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)
    assert room.number(".er-mean-rate") == pytest.approx(rates.sum(1).mean(), abs=0.006)
    shown = [float(text.split()[1]) for text in room.page.locator(".er-rates span").all_inner_texts()]
    np.testing.assert_allclose(shown, rates.mean(0), atol=0.006)
    listed = np.array([float(row["rate"]) for row in rows])
    assert (np.diff(listed) >= 0).all()
    np.testing.assert_allclose(listed, rates.sum(1), atol=0.02)  # what travels is quantised
    return chosen


def test_a_box_around_many_points_is_what_numpy_finds(room, points) -> None:
    middle = np.median(points["mu"][points["labels"] == 1], axis=0)
    corners, rows = selected(room, "box", tuple(middle - 0.2), tuple(middle + 0.3))
    mu = points["mu"].astype(float)
    inside = np.minimum(mu - corners.min(0), corners.max(0) - mu).min(1)
    assert 5000 < len(assert_selection(room, points, rows, inside)) < POINTS / 2


def test_a_lasso_around_many_points_is_what_numpy_finds(room, points) -> None:
    corners, rows = selected(room, "lasso", (-3.0, -3.1), (3.1, -0.2), (-0.3, 3.0), link="&hidden=0")
    edges = np.roll(corners, -1, 0) - corners
    normals = np.stack([-edges[:, 1], edges[:, 0]], 1) / np.hypot(*edges.T)[:, None]
    inside = ((points["mu"][:, None].astype(float) - corners) * normals).sum(2).min(1)
    chosen = assert_selection(room, points, rows, np.where(points["labels"] == 0, -np.inf, inside))
    assert len(chosen) > 30_000
    assert room.page.locator(".er-pair").first.get_attribute("data-point") == str(chosen[0])


def test_nothing_is_sent_again_when_a_control_moves(opened, room) -> None:
    *_, asked = opened
    room.hover(0.5, 0.5)
    frames = [url for url in asked if "/room/frame/" in url]
    assert len(frames) == (0 if room.is_file else 1)
    before = len(asked)
    for link in ("colour=rate", "zones=all&scale=2", "density=ratio", "hidden=1"):
        room.follow(link)
    room.page.mouse.wheel(0, -300)
    room.frames()
    assert [url for url in asked[before:] if "/room/" in url] == []


def test_views_that_are_for_fewer_points_say_so(new_room, tmp_path: Path) -> None:
    path = tmp_path / "deep.npz"
    np.savez(path, **crowd(20_001, 4))
    room = new_room().open(f"path:{path}", "plane=3d")
    most = "is for at most 20,000 points: its principal plane is shown"
    eventually(lambda: _assert_said(room, f"3-D {most}"))
    room.follow("plane=tsne")
    eventually(lambda: _assert_said(room, f"t-SNE {most}"))
    barred = room.page.locator("select.er-plane option:disabled").all_inner_texts()
    assert barred == [f"{name}: up to 20,000 points" for name in ("t-SNE", "3-D (PCA)", "3-D, any three")]
    draw = room.page.locator('[data-tool="draw"]')
    assert draw.is_disabled()
    assert draw.get_attribute("title").endswith("not of latents alone, without encoder and decoder")
