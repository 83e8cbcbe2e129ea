"""The map's page as a view: what it describes, it shows again to the last pixel; it moves there, and can be locked."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.room import DEEP, FLAT, Room
from tests.browser.test_navigation import FRAME, REPAINT

CALL = """async ([module, method, given]) => {
  const { viewOf } = await import(module);
  return viewOf(document.querySelector(".er-root"))[method](...given);
}"""
# What the view describes in every frame on its way to a state.
JOURNEY = """async ([module, state, ms]) => {
  const { viewOf } = await import(module);
  const view = viewOf(document.querySelector(".er-root"));
  const seen = [];
  let there = false;
  const look = () => { seen.push(view.describe()); if (!there) requestAnimationFrame(look); };
  requestAnimationFrame(look);
  await view.apply(state, { ms });
  there = true;
  return seen;
}"""
CANVASES = """() => [...document.querySelectorAll(".er-side canvas")].filter((e) => e.checkVisibility()).map((e) => e.toDataURL())"""


class Explorer:
    """The view of the page that is open."""

    def __init__(self, room: Room) -> None:
        self.room, self.page = room, room.page
        self.module = room.module("core/streamlit-component.js")

    def call(self, method: str, *given: Any) -> Any:
        return self.page.evaluate(CALL, [self.module, method, [*given]])

    def apply(self, state: dict[str, str], ms: int = 0) -> None:
        self.call("apply", state, {"ms": ms})

    def describe(self) -> dict[str, str]:
        return self.call("describe")

    def shows(self) -> tuple[np.ndarray, list[str]]:
        """Every pixel of the map, and the pictures beside it."""
        self.page.mouse.move(3, 3)
        self.page.evaluate("document.activeElement.blur()")
        self.call("settled")
        self.page.evaluate(REPAINT, ".er-map")
        data = self.page.locator(".er-map").screenshot()
        pixels = np.array(Image.open(BytesIO(data)).convert("RGB"))[FRAME:-FRAME, FRAME:-FRAME]
        return pixels, self.page.evaluate(CANVASES)

    def assert_comes_back(self) -> None:
        """What is shown now, another page shows after the description alone."""
        described, (pixels, canvases) = self.describe(), self.shows()
        self.apply({})
        assert self.describe() == {}
        self.apply(described)
        assert self.describe() == described
        again, pictures = self.shows()
        assert pictures == canvases, described
        differ = np.argwhere((again != pixels).any(-1))
        assert not len(differ), f"{described}: {len(differ)} pixels, the first at {differ[0]}"


def opened(own_page: Any, address: str, model: str) -> Explorer:
    explorer = Explorer(Room(own_page, address).open(model))
    explorer.call("settled")
    return explorer


@pytest.fixture(scope="module")
def flat(own_page, address) -> Explorer:
    return opened(own_page, address, FLAT)


@pytest.fixture
def explorer(flat) -> Iterator[Explorer]:
    flat.apply({})
    yield flat
    flat.call("lock", [])
    flat.call("hide", [])
    flat.call("keys", True)


STATES = [
    {"colour": "rate", "zones": "all", "scale": "2.5", "hidden": "4", "view": "0.5,0.25,4", "z": "0.5,-1"},
    {"density": "ratio", "manifold": "grid", "zones": "none", "z": "1,1", "point": "7", "zeta": "1"},
    {
        "tool": "draw",
        "drawing": "gIgIAgE.CC",
        "noise": "12",
        "many": "1",
        "closer": "1",
        "view": "0,0,2",
        "z": "1,0.5",
    },
    {"tool": "interpolate", "path": "spherical", "from": "point3", "to": "1,1", "t": "0.25", "z": "0.5,0.5"},
    {"tool": "sample", "source": "posterior", "seed": "7", "temperature": "0.5", "posterior": "42"},
    {"tool": "select", "shape": "-2,-2,2,-2,0,2", "by": "rate", "order": "best", "mode": "box", "pages": "2"},
    {"tool": "select", "selected": "AGcs9B"},
    {"tool": "traverse", "z": "-1,0.75"},
    {"tool": "neighbours", "z": "0.25,-0.5"},
]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.get("tool", "map"))
def test_a_description_is_the_picture(explorer, state) -> None:
    explorer.apply(state)
    assert explorer.describe() == state
    explorer.assert_comes_back()


def test_what_is_drawn_by_hand_comes_back(explorer) -> None:
    explorer.apply({"tool": "draw"})
    box = explorer.page.locator(".er-pad").bounding_box()
    mouse = explorer.page.mouse
    for stroke in ([(0.3, 0.25), (0.71, 0.26), (0.45, 0.8)], [(0.35, 0.55), (0.65, 0.55)]):
        for i, (x, y) in enumerate(stroke):
            mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
            if i == 0:
                mouse.down()
        mouse.up()
    explorer.call("settled")
    for name in ("resample", "many-draws", "closer"):
        explorer.page.locator(f".er-{name}").click()
    explorer.call("settled")
    assert set(explorer.describe()) == {"tool", "drawing", "noise", "many", "closer", "view", "z"}
    explorer.assert_comes_back()


def test_a_selection_stays_with_another_plane_and_a_space_as_it_was_turned(own_page, address, browser) -> None:
    with browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light") as context:
        context.set_default_timeout(60_000)
        deep = opened(context.new_page(), address, DEEP)
        deep.apply({"tool": "select", "shape": "-1,-1,1,-1,0,1"})
        deep.page.select_option("select.er-plane", "3d")
        deep.call("settled")
        assert set(deep.describe()) == {"tool", "plane", "selected"}
        deep.assert_comes_back()
        seen = deep.page.evaluate(JOURNEY, [deep.module, {"plane": "3d", "turn": "1,0,0,0,1,0"}, 900])
        assert len({frame.get("turn") for frame in seen}) > 3
        assert deep.describe() == {"plane": "3d", "turn": "1,0,0,0,1,0"}
        deep.apply({"plane": "5,2", "zones": "3"})
        deep.assert_comes_back()


def numbers(frames: list[dict[str, str]], name: str) -> np.ndarray:
    return np.array([[float(v) for v in frame[name].split(",")] for frame in frames if name in frame])


def test_numbers_move_and_end_exactly(explorer) -> None:
    explorer.apply({"z": "0,0", "scale": "0.5", "view": "0,0,8"})
    goal = {"scale": "2.5", "view": "0.1,0.2,4", "z": "1,-0.7"}
    seen = explorer.page.evaluate(JOURNEY, [explorer.module, goal, 300])
    for name, start in (("z", [0, 0]), ("scale", [0.5]), ("view", [0, 0, 8])):
        values, end = numbers(seen, name), [float(v) for v in goal[name].split(",")]
        low, high = np.minimum(start, end), np.maximum(start, end)
        assert ((values > low) & (values < high)).all(1).any(), name
        assert ((values >= low) & (values <= high)).all(), name
    assert explorer.describe() == goal


def test_the_second_of_two_motions_counts_and_a_press_ends_one(explorer) -> None:
    both = "async ([module]) => { const view = (await import(module)).viewOf(document.querySelector('.er-root')); "
    explorer.page.evaluate(
        both
        + "const one = view.apply({ z: '3,3' }, { ms: 400 }); await view.apply({ z: '-1,1' }, { ms: 200 }); await one; }",
        [explorer.module],
    )
    assert explorer.describe() == {"z": "-1,1"}
    explorer.page.evaluate(
        both
        + "window.moving = view.apply({ z: '3,3' }, { ms: 4000 }); await new Promise((done) => setTimeout(done, 600)); }",
        [explorer.module],
    )
    explorer.page.mouse.move(6, 400)
    explorer.page.locator(".er-side").dispatch_event("pointerdown")
    explorer.page.evaluate("window.moving")
    [z] = numbers([explorer.describe()], "z")
    assert (z != [3, 3]).all()
    assert (z != [-1, 1]).all()


def test_locked_controls_do_not_react_and_hidden_ones_are_gone(explorer) -> None:
    names = explorer.call("controlNames")
    expected = ["map", "legend", "share", "colour", "zones", "scale", "density", "manifold", "z", "origin", "tab-draw"]
    assert {*expected, "prior-draw", "posterior-draw", "tab-lens", "whole"} <= set(names)
    page, room = explorer.page, explorer.room
    explorer.apply({"z": "1,1"})
    explorer.call("lock", ["map", "legend", "tab-draw", "z"])
    room.click(-1, -1)
    page.mouse.wheel(0, -300)
    page.keyboard.press("Escape")
    box = page.locator(".er-legend button").first.bounding_box()
    page.mouse.click(box["x"] + 8, box["y"] + 8)
    page.locator('.er-tabs [data-tool="lens"]').focus()
    page.keyboard.press("ArrowRight")  # past the tab that is locked
    explorer.call("settled")
    assert explorer.describe() == {"tool": "interpolate", "z": "1,1"}
    explorer.call("lock", [])
    page.locator('.er-tabs [data-tool="lens"]').click()
    page.locator(".er-map").focus()
    page.keyboard.press("Escape")
    assert explorer.describe() == {}

    explorer.call("hide", ["colour", "legend", "tab-sample"])
    for selector in ("select.er-colour", ".er-legend", '.er-tabs [data-tool="sample"]'):
        assert not page.locator(selector).is_visible()
    explorer.call("hide", [])
    assert page.locator("select.er-colour").is_visible()


def test_the_keyboard_can_be_left_to_others(explorer) -> None:
    explorer.apply({"z": "1,1"})
    explorer.page.locator(".er-map").focus()
    explorer.call("keys", False)
    for key in ("ArrowRight", "Escape"):
        explorer.page.keyboard.press(key)
    assert explorer.describe() == {"z": "1,1"}
    explorer.call("keys", True)
    explorer.page.keyboard.press("Escape")
    assert explorer.describe() == {}
