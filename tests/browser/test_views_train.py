"""The live view as others drive it: described, sent to a description over a time, locked, hidden and without keys."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.room import Room, eventually
from vae.__main__ import main
from vae.files import control
from vae.training import live

NAMES = "driven", "driven-too"
# The view of the page, where its module has put it.
FIND = """async (module) => {
  const { viewOf } = await import(module);
  const root = document.querySelector('[data-testid="stMain"] .er-root');
  window.driven = viewOf(root);
}"""
REPAINT = """async () => {
  const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const { style } = document.querySelector(".page");
  style.visibility = "hidden";
  await frames();
  style.visibility = "";
  await frames();
}"""
PICTURES = ".page-maps", ".page-curves", ".page-tradeoff", ".page-rates", ".page-lens"
FRAME = 8  # px: round corners are the page's


@pytest.fixture(scope="module")
def finished(runs_folder: Path) -> None:
    """Two runs that have ended, with a last snapshot."""
    folder = runs_folder / NAMES[0]
    folder.mkdir()
    live.watch(folder)
    later = time.time() + 600
    os.utime(folder / live.WATCHED, (later, later))
    short = ["--data", "digits", "--hidden", "32", "--latent-dim", "2", "--epochs", "1", "--batch-size", "256"]
    assert main(["train", *short, "--out", str(folder)]) == 0
    shutil.copytree(folder, folder.with_name(NAMES[1]))


class Driven:
    """A page with the live view of both runs, which all tests of this file share."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.room = page, Room(page, address)

    def open(self, link: str = "") -> None:
        self.page.goto(f"{self.room.address}/train?run={NAMES[0]}&with={NAMES[1]}{link}")
        self.page.wait_for_function("document.querySelectorAll('.page-map[data-step]').length === 2")
        self.find()

    def find(self) -> None:
        self.page.evaluate(FIND, self.room.module("core/streamlit-component.js"))
        self.page.evaluate("driven.settled()")

    def describe(self) -> dict[str, str]:
        return self.page.evaluate("driven.describe()")

    def apply(self, description: dict[str, str], ms: int = 0) -> None:
        self.page.evaluate("([state, ms]) => driven.apply(state, { ms })", [description, ms])

    def pictures(self) -> dict[str, np.ndarray]:
        """The pixels of the maps, the charts and the lens."""
        self.page.mouse.move(3, 3)
        self.page.evaluate("driven.settled()")
        self.page.evaluate(REPAINT)
        return {name: self.picture(name) for name in PICTURES}

    def picture(self, name: str) -> np.ndarray:
        data = self.page.locator(name).screenshot()
        return np.array(Image.open(BytesIO(data)).convert("RGB"))[FRAME:-FRAME, FRAME:-FRAME]

    def assert_looks_like(self, pictures: dict[str, np.ndarray]) -> None:
        for name, picture in self.pictures().items():
            assert np.array_equal(picture, pictures[name]), name

    def box(self, selector: str) -> dict[str, float]:
        return self.page.locator(selector).bounding_box()

    def click(self, across: float, down: float, selector: str = ".page-map >> nth=0") -> None:
        box = self.box(selector)
        self.page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])


@pytest.fixture
def driven(own_page: Any, address: str, finished: None) -> Iterator[Driven]:
    driven = Driven(own_page, address)
    if "driven" not in own_page.url:
        driven.open()
    driven.apply({})
    yield driven
    own_page.evaluate("driven.lock([]); driven.hide([]); driven.keys(true)")


def by_zones(driven: Driven) -> None:
    driven.page.locator('[data-zones="none"]').click()


def by_plane(driven: Driven) -> None:
    driven.page.locator(".page-manifold").click()


def by_legend(driven: Driven) -> None:
    driven.page.locator(".er-legend button").nth(3).click()


def by_side(driven: Driven) -> None:
    driven.page.locator('[data-steered="1"]').click()


def by_follow(driven: Driven) -> None:
    driven.page.evaluate("document.querySelector('.page-following input').click()")


def by_wheel(driven: Driven) -> None:
    """Without a pointer on the map, which the lens would follow."""
    driven.page.evaluate(
        """() => {
          const map = document.querySelector(".page-map");
          const { left, top, width, height } = map.getBoundingClientRect();
          const at = { clientX: left + 0.35 * width, clientY: top + 0.45 * height };
          map.dispatchEvent(new WheelEvent("wheel", { deltaY: -240, cancelable: true, ...at }));
        }"""
    )


def by_click(driven: Driven) -> None:
    driven.click(0.4, 0.6)


def by_click_on_the_right(driven: Driven) -> None:
    driven.click(0.3, 0.3, ".page-map >> nth=1")


@pytest.mark.parametrize(
    ("act", "fields"),
    [
        (by_zones, {"zones"}),
        (by_plane, {"plane"}),
        (by_legend, {"hidden"}),
        (by_side, {"steered"}),
        (by_follow, {"follow"}),
        (by_wheel, {"look"}),
        (by_click, {"z"}),
        (by_click_on_the_right, {"z", "map"}),
    ],
)
def test_what_a_hand_sets_is_described_and_comes_back(driven, act: Callable[[Driven], None], fields) -> None:
    initial = driven.pictures()
    act(driven)
    eventually(lambda: _assert_has(driven, fields))
    set_by_hand, shown = driven.describe(), driven.pictures()
    driven.apply({})
    assert driven.describe() == {}
    driven.assert_looks_like(initial)
    driven.apply(set_by_hand)
    assert driven.describe() == set_by_hand
    driven.assert_looks_like(shown)


def _assert_has(driven: Driven, fields: set[str]) -> None:
    assert set(driven.describe()) == fields


EVERYTHING = {
    "zones": "none",
    "plane": "1",
    "hidden": "0,7",
    "steered": "1",
    "z": "0.7,-0.4123456789012345",
    "map": "1",
    "look": "0.3,0.1,1.7",
    "follow": "1",
}


def test_a_link_opens_to_the_same_picture(driven) -> None:
    driven.apply(EVERYTHING)
    assert driven.describe() == EVERYTHING
    shown = driven.pictures()
    eventually(lambda: _assert_saved(driven))
    driven.page.goto("about:blank")
    driven.open("#" + "&".join(f"{name}={text}" for name, text in EVERYTHING.items()))
    assert driven.describe() == EVERYTHING
    driven.assert_looks_like(shown)
    driven.apply({"zones": "?", "plane": "2", "hidden": "99", "steered": "3", "z": "1", "map": "7", "look": "1,2"})
    assert driven.describe() == {}


def _assert_saved(driven: Driven) -> None:
    assert "zones=none" in driven.page.url
    assert "look=0.3,0.1,1.7" in driven.page.url


SEEN = """async (steps) => {
  const seen = [];
  let open = true;
  const look = () => {
    seen.push(driven.describe());
    if (open) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  for (const [state, ms, wait] of steps) {
    const done = driven.apply(state, { ms });
    if (wait) await done;
    else await new Promise((next) => setTimeout(next, 100));
  }
  open = false;
  return seen;
}"""


def test_a_motion_passes_through_what_lies_between_and_ends_exactly(driven) -> None:
    a, b = {"z": "-1,0.5", "look": "0,0,2"}, {"z": "0.7,0.1", "look": "0.3,-0.1,0.5", "zones": "none"}
    driven.apply(a)
    seen = driven.page.evaluate(SEEN, [[b, 300, True]])
    zs = np.array([[float(v) for v in each["z"].split(",")] for each in seen])
    looks = np.array([[float(v) for v in each["look"].split(",")] for each in seen])
    assert np.any((zs[:, 0] > -1) & (zs[:, 0] < 0.7))
    assert np.any((looks[:, 2] < 2) & (looks[:, 2] > 0.5))
    assert np.all(np.diff(zs[:, 0]) >= 0)
    assert np.all(np.diff(looks[:, 2]) <= 0)
    assert driven.describe() == b
    # back to all points, which the camera then follows
    seen = driven.page.evaluate(SEEN, [[{}, 300, True]])
    assert any(float(each["look"].split(",")[2]) > 0.5 for each in seen if "look" in each)
    assert driven.describe() == {}
    assert driven.page.evaluate("driven.camera.auto")


def test_of_two_motions_the_second_counts_and_a_hand_stops_one(driven) -> None:
    a, b, c = ({"z": z, "look": look} for z, look in (("-1,0", "0,0,2"), ("1,0", "1,0,1"), ("0,1", "0,1,3")))
    driven.apply(a)
    driven.page.evaluate(SEEN, [[b, 400, False], [c, 200, True]])
    assert driven.describe() == c
    driven.page.wait_for_timeout(500)
    assert driven.describe() == c
    driven.apply(a)
    driven.page.evaluate("window.motion = driven.apply({ z: '2,0', look: '1,0,1' }, { ms: 3000 }), null")
    driven.page.wait_for_timeout(400)
    box = driven.box(".page-strip")
    driven.page.mouse.click(box["x"] + 5, box["y"] + 5)
    driven.page.evaluate("window.motion")
    stopped = driven.describe()
    assert -1 < float(stopped["z"].split(",")[0]) < 2
    driven.page.wait_for_timeout(300)
    assert driven.describe() == stopped


def test_locked_controls_do_not_react_and_hidden_ones_take_no_room(driven) -> None:
    page = driven.page
    names = set(page.evaluate("driven.controlNames()"))
    assert {"map", "legend", "zones", "plane", "fit", "steered", "play", "rewind", "beta", "lr", "curves"} <= names
    page.evaluate("driven.lock(['map', 'zones', 'legend'])")
    for selector in ('[data-zones="none"]', ".er-legend button >> nth=3"):
        box = driven.box(selector)
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    by_click(driven)
    page.mouse.wheel(0, -240)
    page.mouse.down()
    page.mouse.move(700, 500, steps=4)
    page.mouse.up()
    assert driven.describe() == {}
    page.evaluate("driven.lock([])")
    by_click(driven)
    assert set(driven.describe()) == {"z"}
    page.evaluate("driven.lock(['map'])")
    page.keyboard.press("Escape")
    assert set(driven.describe()) == {"z"}
    page.evaluate("driven.lock([])")
    page.keyboard.press("Escape")
    assert driven.describe() == {}

    bottom = driven.box(".page-maps")["height"]
    row = driven.box(".page-transport")["height"]
    page.evaluate("driven.hide(['play', 'step', 'epoch', 'speed', 'rewind', 'finish', 'more'])")
    page.evaluate("driven.settled()")
    assert driven.box(".page-transport") is None
    assert driven.box(".page-maps")["height"] == pytest.approx(bottom + row + 8, abs=1)
    page.evaluate("driven.hide(['lens', 'strip', 'curves', 'tradeoff', 'rates'])")
    page.evaluate("driven.settled()")
    assert driven.box(".page-main")["width"] == pytest.approx(driven.box(".page")["width"], abs=20)


def test_without_keys_none_is_handled(driven) -> None:
    by_click(driven)
    driven.page.evaluate("driven.keys(false)")
    driven.page.keyboard.press("Escape")
    assert set(driven.describe()) == {"z"}
    driven.page.evaluate("driven.keys(true)")
    driven.page.keyboard.press("Escape")
    assert driven.describe() == {}


def test_a_description_changes_nothing_of_what_is_trained(driven, runs_folder) -> None:
    before = [control.read(runs_folder / name) for name in NAMES]
    driven.apply({**EVERYTHING, "beta": "9", "lr": "1", "pause": "1"}, 100)
    assert driven.describe() == EVERYTHING
    assert [control.read(runs_folder / name) for name in NAMES] == before


def test_the_overture_is_driven_too(fresh) -> None:
    page = fresh.page
    page.goto(f"{fresh.address}/train")
    page.wait_for_selector('[data-testid="stMain"] .er-root canvas')
    page.evaluate(FIND, fresh.module("core/streamlit-component.js"))
    page.evaluate("driven.apply({ t: '0.25' })")
    assert page.evaluate("driven.describe()") == {"t": "0.25"}
    early = page.evaluate("driven.model && driven.shown[0][0] / driven.model.mu[0]")
    assert early == pytest.approx(1 - 0.75**3, abs=1e-5)
    seen = page.evaluate(SEEN, [[{}, 300, True]])
    assert any(0.25 < float(each.get("t", 1)) < 1 for each in seen)
    assert page.evaluate("driven.describe()") == {}
    assert page.evaluate("driven.controlNames()") == ["animation"]
