"""The ELBO page by the interface of every view: what it describes is all that somebody can set, and a description is enough
to see the same again."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.room import Room, eventually

NAME = "digits-2d"
IMAGE, OTHER = 7, 11
INITIAL = {"image": str(IMAGE)}
ROUNDING = 2  # of 255: ln p(x), by which contours are scaled, is more exact when the server is asked again

# The view of the page's root, as `view`.
VIEW = """async (module) => {
  const { viewOf } = await import(module);
  window.view = viewOf(document.querySelector(".er-root"));
}"""
# The description, every canvas that is shown, pixel by pixel, and every text, once the picture is final.
SHOWN = """async () => {
  await view.settled();
  const canvases = [...view.root.querySelectorAll("canvas")].filter((each) => each.checkVisibility());
  const pictures = canvases.map((each) => [each.className || each.getAttribute("aria-label"), each.toDataURL()]);
  const controls = [...view.root.querySelectorAll("button, input")].filter((each) => each.checkVisibility()).map((each) =>
    [each.className, each.value, each.ariaPressed, each.ariaChecked, each.ariaSelected].join());
  return { state: view.describe(), pictures, controls, texts: view.root.innerText };
}"""
# Goes to a state, and says in every frame what the page describes, and the mean that it shows.
WATCHED = """async ([state, ms]) => {
  const seen = [];
  let going = true;
  const watch = () => {
    const { q, look } = view.describe();
    seen.push({ q: q?.split(",").map(Number), look: look?.split(",").map(Number), mu: parseFloat(view.root.querySelector(".eb-mu").textContent.replace("−", "-")) });
    if (going) requestAnimationFrame(() => setTimeout(watch));
  };
  watch();
  await view.apply(state, { ms });
  going = false;
  return seen;
}"""
Described = dict[str, str]


class View(Room):
    """The ELBO page, by what its view has to offer."""

    def visit(self) -> View:
        self.page.goto(f"{self.address}/elbo?model={NAME}#image={IMAGE}")
        self.page.wait_for_selector(f'.er-root[data-ready="{NAME}"][data-image]')
        self.page.evaluate(VIEW, self.module("core/streamlit-component.js"))
        self.page.evaluate("view.settled()")
        return self

    def apply(self, state: Described, ms: int = 0) -> None:
        self.page.evaluate("([state, ms]) => view.apply(state, { ms })", [state, ms])

    @property
    def state(self) -> Described:
        return self.page.evaluate("view.describe()")

    def shown(self) -> dict[str, Any]:
        self.page.mouse.move(3, 3)
        self.page.evaluate("document.activeElement.blur()")
        self.frames()
        return self.page.evaluate(SHOWN)

    def settled(self) -> None:
        self.page.evaluate("view.settled()")

    def press(self, *selectors: str) -> None:
        for selector in selectors:
            self.page.click(selector)
        self.settled()

    def box(self, selector: str) -> dict[str, float]:
        box = self.page.locator(selector).first.bounding_box()
        assert box
        return box

    def drag(self, selector: str, *shares: tuple[float, float]) -> None:
        """Press at a place of an element, and release at the last one; places are shares of its width and height."""
        box = self.box(selector)
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in shares]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=4)
        self.page.mouse.up()


@pytest.fixture(scope="module")
def opened(own_page, address) -> View:
    return View(own_page, address).visit()


@pytest.fixture
def view(opened) -> View:
    """The page in one state."""
    opened.page.evaluate("() => { view.lock([]); view.hide([]); view.keys(true); }")
    opened.apply(INITIAL)
    assert opened.state == INITIAL
    return opened


def pick(view: View) -> None:
    view.press(".eb-strip [data-row] >> nth=3")


def look_around(view: View) -> None:
    view.press('[data-view="plane"]', '[data-heat="likelihood"]', '[data-switch="log"]', '[data-switch="points"]')
    view.press('[data-switch="likelihood"]', '[data-switch="prior"]')


def chart(view: View) -> None:
    view.press('[data-tab="images"]', '[data-against="rate"]')


def zoom(view: View) -> None:
    box = view.box(".eb-map")
    view.page.mouse.move(box["x"] + 0.35 * box["width"], box["y"] + 0.45 * box["height"])
    view.page.mouse.wheel(0, -240)
    view.settled()


def nudge(view: View) -> None:
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        view.page.locator(".eb-map").press(key)
    view.settled()


def turn(view: View) -> None:
    """Stretch q along its first axis, and turn it by more than its axes would show."""
    view.press('[data-switch="full"]')
    view.page.evaluate(
        """async (module) => {
          const { Gaussian } = await import(module);
          const { dragged } = await import(new URL("handles.js", module));
          const wide = Gaussian.ofAxes(view.state.q.mu, [0.4, 0.1], 0);
          const [u, v] = wide.mu;
          view.setQ(dragged(wide, { part: "knob" }, [u + 1, v], [u + 0.2, v + 1]), true, performance.now());
        }""",
        view.module("elbo/gaussian.js"),
    )
    view.settled()


def draw(view: View) -> None:
    view.press(".eb-draw")
    view.drag(".eb-pad .er-pad", (0.5, 0.15), (0.45, 0.5), (0.5, 0.85))
    view.drag(".eb-pad .er-pad", (0.3, 0.5), (0.7, 0.55))
    view.settled()


def draw_twice(view: View) -> None:
    """The server's second answer for an image has finer cells, and so modes at other places."""
    draw(view)
    view.apply(INITIAL)
    draw(view)


def draw_and_move(view: View) -> None:
    draw(view)
    view.page.keyboard.press("Escape")
    nudge(view)


def walk(view: View) -> None:
    view.press('[data-tab="gaps"]')
    view.page.locator(".eb-gaps input").fill("2")
    view.settled()


def walk_and_leave(view: View) -> None:
    walk(view)
    view.press('[data-tab="weights"]')


def walk_back(view: View) -> None:
    walk(view)
    view.press(".eb-reset")


def walk_off(view: View) -> None:
    walk(view)
    nudge(view)


def both_families(view: View) -> None:
    view.press('[data-tab="gaps"]')
    view.press('[data-switch="full"]')


def draw_again(view: View) -> None:
    view.press('[data-tab="weights"]', ".eb-again")
    view.page.click(".eb-again")
    view.settled()


HANDS: dict[Callable[[View], None], set[str]] = {
    pick: {"image"},
    look_around: {"image", "view", "heat", "log", "points", "contours"},
    chart: {"image", "tab", "against"},
    zoom: {"image", "look"},
    nudge: {"image", "q"},
    turn: {"image", "full", "q", "axes"},
    draw_twice: {"pad", "strokes"},
    draw_and_move: {"strokes", "q"},
    walk: {"image", "tab", "step", "q"},
    walk_and_leave: {"image", "tab", "step", "q"},
    walk_back: {"image", "tab", "step", "q"},
    walk_off: {"image", "tab", "step", "q"},
    both_families: {"image", "tab", "step", "q", "full", "families"},
    draw_again: {"image", "tab", "seed"},
}


@pytest.mark.parametrize("hand", HANDS, ids=lambda hand: hand.__name__)
def test_what_a_hand_sets_is_described_and_a_description_shows_it_again(view, hand) -> None:
    hand(view)
    left = view.shown()
    assert set(left["state"]) == HANDS[hand]
    view.apply(INITIAL)
    assert view.shown()["pictures"] != left["pictures"]
    view.apply(left["state"])
    assert_same(view.shown(), left)
    eventually(lambda: _linked(view, left["state"]))
    assert len(view.page.evaluate("location.href")) < 8000


def _linked(view: View, state: Described) -> None:
    assert view.link == state


def assert_same(found: dict[str, Any], left: dict[str, Any]) -> None:
    assert found["state"] == left["state"]
    assert found["texts"] == left["texts"]
    assert found["controls"] == left["controls"]
    assert [name for name, _ in found["pictures"]] == [name for name, _ in left["pictures"]]
    for (name, a), (_, b) in zip(found["pictures"], left["pictures"], strict=True):
        assert a == b or np.abs(seen(a) - seen(b)).max() <= ROUNDING, name


def seen(picture: str) -> np.ndarray:
    """The light of every pixel, (H, W, 4)."""
    rgba = np.array(Image.open(BytesIO(b64decode(picture.partition(",")[2]))).convert("RGBA")).astype(float)
    return rgba * np.concatenate([rgba[..., 3:].repeat(3, -1) / 255, np.ones_like(rgba[..., :1])], -1)


def test_a_link_is_enough_for_another_page(view, fresh) -> None:
    draw(view)
    nudge(view)
    zoom(view)
    view.press('[data-tab="gaps"]')
    left = view.shown()
    eventually(lambda: _linked(view, left["state"]))
    other = View(fresh.page, fresh.address)
    other.page.goto(view.page.url)
    other.page.wait_for_selector('.er-root[data-image="-1"]')
    other.page.evaluate(VIEW, other.module("core/streamlit-component.js"))
    assert_same(other.shown(), left)


def test_a_picture_on_the_pad_is_part_of_a_description(view) -> None:
    view.page.evaluate(
        """() => {
          const rgb = Float32Array.from({ length: 3 * 400 }, (_, i) => ((i % 20) > 8 ? 0.8 : 0.1));
          view.own.pad.picture = { width: 20, height: 20, rgb };
          view.own.pad.tell(performance.now());
        }"""
    )
    left = view.shown()
    assert set(left["state"]) == {"pixels"}
    view.apply(INITIAL)
    view.apply(left["state"])
    assert_same(view.shown(), left)


def test_values_that_are_not_valid_are_ignored(view) -> None:
    wrong = {"heat": "lava", "q": "1,2,3", "strokes": "!", "pixels": "AA", "look": "1,2", "step": "-1", "seed": "x"}
    before = view.shown()
    view.apply({**INITIAL, **wrong})
    assert_same(view.shown(), before)


def test_q_and_the_camera_move_to_where_they_are_sent(view) -> None:
    start = {**INITIAL, "full": "1", "q": "-1,0.5,0.2,0,0.1", "look": "0,0,2"}
    goal = {**INITIAL, "full": "1", "q": "1,-0.5,0.1,0.05,0.3", "look": "0.5,0.5,4"}
    view.apply(start)
    seen = view.page.evaluate(WATCHED, [goal, 300])
    assert view.state == goal
    for axis, (low, high) in enumerate([(-1, 1), (-0.5, 0.5), (0.1, 0.2)]):
        assert any(low < each["q"][axis] < high for each in seen)
    assert any(2 < each["look"][2] < 4 for each in seen)
    assert any(-0.999 < each["mu"] < 0.999 for each in seen)  # what is painted moves too
    at_once = view.shown()
    view.apply(INITIAL)
    view.apply(goal)
    assert_same(view.shown(), at_once)


def test_the_later_of_two_states_is_where_it_ends(view) -> None:
    first, second = {**INITIAL, "q": "1,1,0.2,0,0.2"}, {**INITIAL, "q": "-1,0,0.1,0,0.2", "view": "plane"}
    two = "([a, b, ms]) => Promise.all([view.apply(a, { ms }), view.apply(b, { ms })])"
    view.page.evaluate(two, [first, second, 300])
    assert view.state == second
    another = {"image": str(OTHER), "q": "0,0,0.1,0,0.2"}
    view.page.evaluate(two, [{"image": "3"}, another, 0])
    assert view.state == another
    assert view.text(".eb-bar .eb-check").startswith("q as it was moved: each part computed")


def test_a_press_stops_the_motion_and_the_exact_numbers_follow(view) -> None:
    start, goal = {**INITIAL, "q": "-1,0,0.2,0,0.2"}, {**INITIAL, "q": "1,0,0.2,0,0.2"}
    view.apply(start)
    view.page.evaluate("(goal) => { window.went = view.apply(goal, { ms: 4000 }); }", goal)
    eventually(lambda: _between(view, -0.9, 1))
    box = view.box(".eb-image")
    view.page.mouse.click(box["x"] + 2, box["y"] + 2)
    view.page.evaluate("went")
    assert -0.9 < float(view.state["q"].split(",")[0]) < 0.99
    assert view.page.locator(".eb-bar").get_attribute("data-exact") == "1"


def _between(view: View, low: float, high: float) -> None:
    assert low < float(view.state["q"].split(",")[0]) < high


def test_locked_controls_do_not_react(view) -> None:
    names = view.page.evaluate("view.controlNames()")
    assert {"map", "view", "heat", "log", "points", "full", "reset", "pad", "draw", "examples", "fit"} <= set(names)
    assert {"tab-gaps", "play", "step", "again", "against", "scatter", "contour-posterior"} <= set(names)
    view.press(".eb-draw")
    view.page.locator(".eb-map").focus()
    view.page.evaluate("(names) => view.lock(names)", names)
    before = view.state
    for key in ("ArrowRight", "Escape"):
        view.page.keyboard.press(key)
    zoom(view)
    for selector in ('[data-heat="none"]', '[data-switch="log"]', '[data-tab="gaps"]', ".eb-strip [data-row]"):
        box = view.box(selector)
        view.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    view.drag(".eb-map", (0.5, 0.5), (0.6, 0.6))
    view.drag(".eb-pad .er-pad", (0.5, 0.2), (0.5, 0.8))
    view.settled()
    assert view.state == before
    view.page.evaluate("view.lock(['tab-gaps'])")
    view.page.locator('[data-tab="derivation"]').press("ArrowRight")
    assert view.state["tab"] == "weights"  # past the tab that is locked
    assert view.page.evaluate("() => { try { view.lock(['no such']); } catch { return 'refused'; } }") == "refused"


def test_a_drag_of_q_ends_where_the_map_is_locked(view) -> None:
    at = view.page.evaluate(
        """() => {
          const { map } = view.model;
          const box = map.root.getBoundingClientRect();
          const [x, y] = map.view.toPixel(...view.state.q.mu);
          return [box.left + map.root.clientLeft + x, box.top + map.root.clientTop + y];
        }"""
    )
    view.page.mouse.move(*at)
    view.page.mouse.down()
    view.page.mouse.move(at[0] + 20, at[1], steps=3)
    view.frames()
    moved = view.state
    assert "q" in moved
    view.page.evaluate("view.lock(['map'])")
    view.page.mouse.move(at[0] + 60, at[1], steps=3)
    view.page.mouse.up()
    view.settled()
    assert view.state == moved


def test_what_is_hidden_leaves_no_hole(view) -> None:
    before = view.box(".page-stage")
    options = ["view", "contours", "heat", "log", "points", "fit"]
    view.page.evaluate("(names) => view.hide(names)", [*options, "examples", "draw", "tabs"])
    for selector in (".eb-options", ".eb-choose", ".eb-tabs"):
        assert not view.page.locator(selector).is_visible()
    after = view.box(".page-stage")
    assert after["height"] > before["height"] + 50
    assert after["y"] == pytest.approx(view.box(".page-main")["y"], abs=1)
    view.page.evaluate("view.hide([])")
    eventually(lambda: _same_box(view, before))


def _same_box(view: View, box: dict[str, float]) -> None:
    assert view.box(".page-stage") == box


def test_the_keyboard_is_listened_to_only_where_the_view_does(view) -> None:
    view.press(".eb-draw")
    view.page.evaluate("view.keys(false)")
    view.page.locator(".eb-map").press("ArrowRight")
    view.page.keyboard.press("Escape")
    assert view.state == {**INITIAL, "pad": "1"}
    view.page.evaluate("view.keys(true)")
    view.page.keyboard.press("Escape")
    assert view.state == INITIAL


def test_playing_that_somebody_began_is_not_waited_for(view) -> None:
    view.press('[data-tab="gaps"]')
    assert view.page.locator(".eb-gaps").get_attribute("data-playing") == "0"
    view.page.evaluate("document.querySelector('.eb-gaps .eb-play').click()")
    view.settled()
    assert view.page.locator(".eb-gaps").get_attribute("data-playing") == "1"


def test_a_drawing_does_not_reach_another_model_that_was_opened_while_it_was_encoded(fresh) -> None:
    view = View(fresh.page, fresh.address).visit()
    view.page.evaluate(
        """() => {
          const encoded = view.state.q;
          view.encode = () => new Promise((resolve) => { window.encode = () => resolve(encoded); });
          view.sketch(new Float32Array(64), performance.now());
        }"""
    )
    view.choose("MNIST · 2-D · β = 1").ready("mnist-2d", plotted=False)
    view.settled()
    before = view.shown()
    view.page.evaluate("encode()")
    assert_same(view.shown(), before)
    assert int(before["state"]["image"]) >= 0
