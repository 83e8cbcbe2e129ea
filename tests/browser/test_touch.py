"""Fingers on a telephone: one is the lens or scrolls the page, two zoom and move the map, a double tap shows all of it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.conftest import PATIENCE, watched
from tests.browser.room import DEEP, FLAT, Room, eventually, gallery

if TYPE_CHECKING:
    from playwright.sync_api import Browser

RESTED = """async () => {
  const box = document.querySelector("[data-testid=stMain]") ?? document.scrollingElement;
  for (let still = 0, last; still < 6; last = box.scrollTop) {
    await new Promise((done) => requestAnimationFrame(done));
    still = box.scrollTop === last ? still + 1 : 0;
  }
  return box.scrollTop;
}"""
TOPS = "(parts) => parts.map((part) => document.querySelector(part).getBoundingClientRect().top)"
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
    """Fingers, by the protocol of the browser's own tools: real touches, with all that follows from them.

    Touches carry a time of their own, `apart` seconds from one to the next, however slow the machine is.
    """

    def __init__(self, room: Room) -> None:
        self.room = room
        self.session = room.page.context.new_cdp_session(room.page)
        self.time = time.time()

    def touch(self, kind: str, *fingers: tuple[float, float], apart: float = 0.016) -> None:
        points = [{"x": float(x), "y": float(y), "id": i} for i, (x, y) in enumerate(fingers)]
        self.time += apart
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points, "timestamp": self.time})
        self.room.frames()

    def swipe(self, start: tuple[float, float], by: tuple[float, float], rest: float = 0.016, steps: int = 6) -> None:
        """One finger from `start` by so many pixels, after a `rest` in seconds."""
        self.touch("touchStart", start, apart=1)
        for i in range(1, steps + 1):
            spot = (start[0] + by[0] * i / steps, start[1] + by[1] * i / steps)
            self.touch("touchMove", spot, apart=rest if i == 1 else 0.016)
        self.touch("touchEnd")

    def tap(self, x: float, y: float, apart: float = 1) -> None:
        self.touch("touchStart", (x, y), apart=apart)
        self.touch("touchEnd")

    def spread(self, middle: np.ndarray, factor: float) -> None:
        """Two fingers move apart, by a factor."""
        half = np.array([30, 20])
        self.touch("touchStart", tuple(middle - half), apart=1)
        self.touch("touchStart", tuple(middle - half), tuple(middle + half))
        for share in (0.4, 0.7, 1.0):
            now = half * (1 + share * (factor - 1))
            self.touch("touchMove", tuple(middle - now), tuple(middle + now))
        self.touch("touchEnd")


def scrolled(room: Room) -> float:
    """How far the page is scrolled, once it rests."""
    return room.page.evaluate(RESTED)


def assert_scrolls(room: Room, before: float, by: float) -> None:
    """The page comes to rest at least so many pixels further down than before, or up where `by` is negative."""

    def moved() -> None:
        assert (scrolled(room) - before) / by >= 1

    eventually(moved)


def middle_of(room: Room, selector: str) -> tuple[float, float]:
    box = room.page.locator(selector).first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


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


def test_a_finger_takes_a_pinned_lens_along(phone) -> None:
    hand = Hand(phone)
    x, y = phone.pixel(2.5, -2.5)
    hand.tap(x, y)
    assert phone.pinned
    hand.touch("touchStart", (x, y), apart=1)
    hand.touch("touchMove", (x - 60, y))
    np.testing.assert_allclose(phone.fields(), phone.data(x - 60, y), atol=0.03)
    hand.touch("touchEnd")
    assert phone.pinned
    np.testing.assert_allclose(phone.z(), phone.data(x - 60, y), atol=0.03)


def test_a_swipe_up_or_down_scrolls_the_page_and_a_finger_that_has_rested_does_not(phone) -> None:
    hand, begin = Hand(phone), scrolled(phone)
    x, y = phone.pixel(1, 0)
    hand.swipe((x, y), (6, -120))
    assert_scrolls(phone, begin, 60)
    assert not phone.pinned
    assert "z" not in phone.link
    phone.page.locator(".er-map").scroll_into_view_if_needed()
    before = scrolled(phone)
    x, y = phone.pixel(1, 0)
    hand.swipe((x, y), (0, -80), rest=1)
    assert phone.pinned
    np.testing.assert_allclose(phone.z(), phone.data(x, y - 80), atol=0.03)
    assert scrolled(phone) == before


def test_a_finger_that_rests_looks_where_it_is(phone) -> None:
    hand = Hand(phone)
    x, y = phone.pixel(-2, -2)
    hand.touch("touchStart", (x, y))
    eventually(lambda: np.testing.assert_allclose(phone.fields(), phone.data(x, y), atol=0.03))
    hand.touch("touchEnd")


def test_what_is_decoded_is_on_the_map_while_the_lens_is_out_of_sight(phone) -> None:
    hand = Hand(phone)
    phone.page.set_viewport_size({**PHONE["viewport"], "height": 600})
    phone.page.evaluate("scrollTo(0, 0), document.querySelector('[data-testid=stMain]')?.scrollTo(0, 0)")
    phone.frames()
    inset = phone.page.locator(".er-inset")
    for way, spot in ((1, (-2, 1)), (-1, (2, 1))):
        x, y = phone.pixel(*spot)
        hand.touch("touchStart", (x, y), apart=1)
        assert not inset.is_visible()
        hand.touch("touchMove", (x + way * 30, y))
        box = inset.bounding_box()
        assert (box["x"] > x) == (way > 0)  # in the corner that the finger is not in
        assert 0 <= box["y"] < y
        eventually(lambda: np.testing.assert_array_equal(phone.canvas(".er-inset canvas"), phone.canvas(".er-decoded")))
        hand.touch("touchEnd")
        assert not inset.is_visible()
    phone.page.set_viewport_size(PHONE["viewport"])
    phone.page.locator(".er-z").scroll_into_view_if_needed()  # now the lens itself is on the screen with the map
    phone.frames()
    x, y = phone.pixel(0, -3)
    hand.touch("touchStart", (x, y), apart=1)
    hand.touch("touchMove", (x + 30, y))
    assert not inset.is_visible()
    hand.touch("touchEnd")


@pytest.mark.parametrize("way", ["double tap", "button"])
def test_a_view_that_fingers_have_changed_can_be_left_again(phone, way) -> None:
    hand, before = Hand(phone), phone.view()
    whole = phone.page.locator(".er-whole")
    assert not whole.is_visible()
    middle = np.array(phone.pixel(0.5, 0.5))
    hand.spread(middle, 2)

    def zoomed() -> None:
        assert np.ptp(phone.view()["x"]) < 0.7 * np.ptp(before["x"])
        assert whole.is_visible()

    eventually(zoomed)
    if way == "button":
        whole.tap()
    else:
        hand.tap(*middle)
        hand.tap(*middle, apart=0.1)
    eventually(lambda: _assert_view(phone, before))
    assert not whole.is_visible()


def _assert_view(room: Room, view: dict) -> None:
    np.testing.assert_allclose(room.view()["x"], view["x"], atol=1e-6)


def test_a_slider_is_set_by_a_tap_and_by_a_finger_that_moves_across_and_by_no_swipe(phone) -> None:
    hand = Hand(phone)
    slider = phone.page.locator(".er-slider input[type=range]").first

    def place(off: float) -> tuple[float, float]:
        slider.scroll_into_view_if_needed()
        scrolled(phone)
        box = slider.bounding_box()
        return box["x"] + box["width"] / 2 + off, box["y"] + box["height"] / 2

    for off, rest in ((40, 0.016), (0, 0.016), (40, 1)):
        start = place(off)
        before = scrolled(phone)
        hand.swipe(start, (8, 200), rest)
        assert_scrolls(phone, before, -60)
        assert phone.fields() == pytest.approx([0, 0])
        assert not phone.pinned
    hand.swipe(place(0), (40, 4))
    assert max(abs(phone.fields())) > 0.5
    assert phone.pinned
    set_by = max(abs(phone.fields()))
    hand.tap(*place(-30))
    eventually(lambda: _assert_set(phone, set_by))


def _assert_set(room: Room, before: float) -> None:
    assert min(room.fields()) < -0.5
    assert max(abs(room.fields())) != before


def test_two_fingers_in_three_dimensions_zoom_and_one_turns(phone) -> None:
    hand = Hand(phone)
    phone.open(DEEP, "plane=3d")
    phone.page.locator(".er-map").scroll_into_view_if_needed()
    before = phone.view()
    middle = np.array(middle_of(phone, ".er-map"))
    hand.spread(middle, 2)
    eventually(lambda: _assert_narrower(phone, before))
    assert "turn" not in phone.link
    begin = scrolled(phone)
    hand.swipe(tuple(middle), (4, -100))
    assert_scrolls(phone, begin, 40)
    assert "turn" not in phone.link
    hand.swipe(middle_of(phone, ".er-map"), (80, 4))
    eventually(lambda: _assert_turned(phone))


def _assert_narrower(room: Room, before: dict) -> None:
    assert np.ptp(room.view()["x"]) < 0.7 * np.ptp(before["x"])


def _assert_turned(room: Room) -> None:
    assert "turn" in room.link


@pytest.mark.parametrize(
    ("page", "ready", "surface", "off"),
    [
        ("kl", ".kl[data-ready]", ".page-map", (100, 60)),
        ("kl", ".kl[data-ready]", ".kl-track input", (40, 0)),
        (f"elbo?model={FLAT}", ".eb[data-image]", ".eb-map", (100, 60)),
        ("gradients", ".gr[data-ready]", ".gr-plane:visible", (-100, 60)),
    ],
)
def test_swipes_scroll_every_page(telephone, page, ready, surface, off) -> None:
    room, wrong = telephone
    if page not in room.page.url:
        room.page.goto(f"{room.address}/{page}")
        room.page.wait_for_selector(ready)
    room.page.wait_for_selector(surface)
    room.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    begin, state = scrolled(room), room.page.evaluate("location.hash")
    if page == "kl":  # the colours are named above the map, its choices stand below the slider
        tops = room.page.evaluate(TOPS, [".er-legend", ".page-map", ".kl-slider", "[data-switch=fixed]"])
        assert tops == sorted(tops)
    x, y = middle_of(room, surface)
    Hand(room).swipe((x + off[0], y + off[1]), (5, -150))
    assert_scrolls(room, begin, 60)
    assert not room.page.locator(".er-pinned").count()
    assert room.page.evaluate("location.hash") == state
    assert all("404" in text for text in wrong)  # Streamlit asks in vain for its own files below a page's address
    wrong.clear()


# What is written on a canvas of so many pixels, each with its ends and its height on it.
WRITTEN = """async ([module, width]) => {
  const { Rates } = await import(module);
  const canvas = document.querySelector(".er").appendChild(document.createElement("canvas"));
  Object.assign(canvas.style, { position: "fixed", width: `${width}px`, height: "210px" });
  const { prototype } = CanvasRenderingContext2D;
  const { fillText } = prototype;
  const written = [];
  prototype.fillText = function (text, x, y) {
    const { width } = this.measureText(text);
    const left = { left: x, right: x - width, center: x - width / 2 }[this.textAlign];
    written.push([text, left, left + width, y]);
  };
  new Rates(canvas).show({ probe_rate_per_dim: [0.3, 0.4], active: [false, false], mean_sigma_per_dim: [1, 1] });
  prototype.fillText = fillText;
  canvas.remove();
  return written;
}"""


@pytest.mark.parametrize("width", [110, 139, 320])
def test_what_a_narrow_chart_says_does_not_overlap(phone, width) -> None:
    written = phone.page.evaluate(WRITTEN, [phone.module("train/rates.js"), width])
    said = {text: place for text, *place in written}
    assert {"rate, nats", "0 of 2 active"} <= set(said)
    for (a, (left, right, y)), (b, (left2, right2, y2)) in itertools.combinations(said.items(), 2):
        assert abs(y - y2) >= 12 or right <= left2 or right2 <= left, (a, b)
        assert left >= -1, a
        assert right <= width + 1, a


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
