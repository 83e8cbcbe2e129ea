"""A browser without WebGL: the map draws its points itself, says so, and does all that it does elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.browser import without_webgl
from tests.browser.conftest import PATIENCE, WINDOW, watched
from tests.browser.room import FLAT, Room, eventually, gallery

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module", params=["app", "taken home"])
def plain(
    request: pytest.FixtureRequest, browser: Browser, home: Callable[..., str]
) -> Iterator[tuple[Room, list[str]]]:
    address = request.getfixturevalue("address") if request.param == "app" else home(gallery(FLAT).folder)
    other = without_webgl(browser)
    context = other.new_context(viewport=WINDOW, color_scheme="light", offline=request.param == "taken home")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    assert page.evaluate("document.createElement('canvas').getContext('webgl')") is None
    yield Room(page, address), watched(page, address)
    other.close()


@pytest.fixture
def room(plain: tuple[Room, list[str]]) -> Iterator[Room]:
    room, wrong = plain
    yield room.open()
    assert not wrong


def colours(room: Room) -> np.ndarray:
    """Of the classes, as the legend shows them, (10, 3)."""
    dots = room.page.locator(".er-legend i")
    texts = dots.evaluate_all("(all) => all.map((dot) => getComputedStyle(dot).backgroundColor)")
    return np.array([[int(part) for part in text[4:-1].split(",")] for text in texts])


def under(room: Room, spots: np.ndarray) -> np.ndarray:
    """What the canvas of the points has at spots of the map that are in view: r, g, b, a (n, 4), 0 where it is empty."""
    rgba = room.canvas("canvas.er-cloud")
    box = room.page.locator("canvas.er-cloud").bounding_box()
    pixels = np.array([room.pixel(*spot) for spot in spots]) - [round(box["x"]), round(box["y"])]
    return rgba[:, pixels[:, 1], pixels[:, 0]].T


def alone(mu: np.ndarray, many: int) -> np.ndarray:
    """The points that have most room around them, none of them at the rim."""
    gaps = [np.partition(np.hypot(*(mu - spot).T), 1)[1] if np.abs(spot).max() < 3 else 0 for spot in mu]
    return np.argsort(gaps)[-many:]


def test_it_says_so_and_shows_every_class_in_its_colour(room) -> None:
    assert "no WebGL" in room.text(".er-note")
    model = gallery(FLAT)
    some = alone(model.held_out.mu, 60)

    def painted() -> None:
        found = under(room, model.held_out.mu[some])
        assert (found[:, 3] > 190).all()
        expected = colours(room)[model.held_out.labels[some]]
        np.testing.assert_allclose(found[:, :3], expected, atol=3)

    eventually(painted)


def test_points_stay_where_they_belong_when_the_map_is_moved(room) -> None:
    model = gallery(FLAT)
    some = alone(model.held_out.mu, 40)
    at = room.hover(0.5, 0.5)
    for _ in range(3):
        room.page.mouse.wheel(0, -100)
    room.page.mouse.down()
    x, y = room.pixel(*at)
    room.page.mouse.move(x + 80, y - 40, steps=6)
    room.page.mouse.up()

    def painted() -> None:
        view = room.view()
        inside = [all(view[a][0] < model.held_out.mu[i][d] < view[a][1] for d, a in enumerate("xy")) for i in some]
        assert sum(inside) > 5
        assert (under(room, model.held_out.mu[some[inside]])[:, 3] > 190).all()

    eventually(painted)
    room.page.locator('.modebar-btn[data-title="Reset axes"]').click()


def test_classes_hide_and_values_colour(room) -> None:
    model = gallery(FLAT)
    some = alone(model.held_out.mu, 60)
    labels = model.held_out.labels[some]
    room.follow("hidden=0,1")

    def hidden() -> None:
        alpha = under(room, model.held_out.mu[some])[:, 3]
        assert (alpha[labels > 1] > 190).all()
        assert (alpha[labels <= 1] == 0).mean() > 0.9

    eventually(hidden)
    room.follow("colour=rate&hidden=0")

    def by_rate() -> None:
        assert room.page.locator(".er-plot .colorbar").is_visible()
        found = under(room, model.held_out.mu[some])
        assert (found[labels == 0, 3] == 0).mean() > 0.9
        shown = found[labels > 0]
        assert (shown[:, 3] > 190).all()
        # Viridis grows lighter with the value
        lightness = shown[:, :3] @ [0.299, 0.587, 0.114]
        assert np.corrcoef(lightness, model.rate[some][labels > 0].clip(max=np.quantile(model.rate, 0.99)))[0, 1] > 0.9

    eventually(by_rate)
    room.follow("")


def test_the_lens_decodes_as_everywhere(room) -> None:
    model = gallery(FLAT)
    for spot in [(0.5, 0.5), (-1.2, 0.4)]:
        room.assert_shows(model, room.hover(*spot), off=1e-5)
