"""Fingers on the map of a telephone: one is the lens, two zoom and move the map."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.conftest import PATIENCE, watched
from tests.browser.room import FLAT, Room, eventually, gallery

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@pytest.fixture(scope="module")
def telephone(browser: Browser, address: str) -> Iterator[tuple[Room, list[str]]]:
    context = browser.new_context(**PHONE)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    yield Room(page, address), watched(page, address)
    context.close()


@pytest.fixture
def phone(telephone: tuple[Room, list[str]]) -> Iterator[Room]:
    room, wrong = telephone
    room.open()
    room.page.locator(".er-map").scroll_into_view_if_needed()
    room.frames()
    yield room
    assert not wrong


class Hand:
    """Fingers, by the protocol of the browser's own tools: real touches, with all that follows from them."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.session = room.page.context.new_cdp_session(room.page)

    def touch(self, kind: str, *fingers: tuple[float, float]) -> None:
        points = [{"x": float(x), "y": float(y), "id": i} for i, (x, y) in enumerate(fingers)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        self.room.frames()


def test_a_tap_moves_and_pins_the_lens(phone) -> None:
    model = gallery(FLAT)
    for spot in [(-3.0, 2.8), (2.9, -2.9)]:  # far from data points
        x, y = phone.pixel(*spot)
        phone.page.touchscreen.tap(x, y)
        phone.frames()
        assert phone.pinned
        np.testing.assert_allclose(phone.z(), phone.data(x, y), atol=1e-3)
        phone.assert_shows(model, phone.z(), off=5e-5)
    phone.page.touchscreen.tap(x, y)
    eventually(lambda: _assert_free(phone))


def _assert_free(room: Room) -> None:
    assert not room.pinned


def test_a_finger_drags_the_lens_and_leaves_it_there(phone) -> None:
    hand, view = Hand(phone), phone.view()
    start, end = np.array(phone.pixel(-1, 1)), np.array(phone.pixel(1.5, -1))
    hand.touch("touchStart", tuple(start))
    seen = []
    for share in (0.3, 0.6, 1.0):
        x, y = start + share * (end - start)
        hand.touch("touchMove", (x, y))
        np.testing.assert_allclose(phone.fields(), phone.data(x, y), atol=0.03)
        seen.append(phone.picture())
    hand.touch("touchEnd")
    assert all(np.abs(a - b).max() > 30 for a, b in itertools.pairwise(seen))
    assert phone.pinned
    np.testing.assert_allclose(phone.z(), phone.data(*end), atol=0.03)
    assert phone.view() == view  # the map has not moved with it


def test_two_fingers_zoom_about_their_middle_and_move_the_map(phone) -> None:
    hand, before = Hand(phone), phone.view()
    middle = np.array(phone.pixel(0.5, 0.5))
    at = phone.data(*middle)
    spread = np.array([30, 20])
    hand.touch("touchStart", tuple(middle - spread))
    hand.touch("touchStart", tuple(middle - spread), tuple(middle + spread))
    for factor in (1.3, 1.6, 2.0):
        hand.touch("touchMove", tuple(middle - factor * spread), tuple(middle + factor * spread))

    def zoomed() -> None:
        now = phone.view()
        for axis in "xy":
            assert np.ptp(now[axis]) == pytest.approx(np.ptp(before[axis]) / 2, rel=0.1)
        np.testing.assert_allclose(phone.data(*middle), at, atol=0.1)

    eventually(zoomed)
    shift = np.array([40, -30])
    hand.touch("touchMove", tuple(middle - 2 * spread + shift), tuple(middle + 2 * spread + shift))

    def moved() -> None:
        np.testing.assert_allclose(phone.data(*(middle + shift)), at, atol=0.1)

    eventually(moved)
    hand.touch("touchEnd")
    assert not phone.pinned  # a pinch is no tap
    x, y = phone.pixel(*at)
    phone.page.touchscreen.tap(x, y)
    phone.frames()
    assert phone.pinned


def test_everything_is_within_a_telephones_width(phone) -> None:
    width = PHONE["viewport"]["width"]
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in (".er-map", ".er-decoded", ".er-slider", ".er-draws", ".er-controls", ".er-legend"):
        box = phone.page.locator(selector).first.bounding_box()
        assert box["x"] >= 0, selector
        assert box["x"] + box["width"] <= width + 1, selector
    # fingers need room
    for button in phone.page.locator(".er button:visible, .er select:visible").all():
        assert button.bounding_box()["height"] >= 30
