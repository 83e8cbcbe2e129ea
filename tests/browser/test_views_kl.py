"""The KL page is driven by what every view offers: describe, apply, settled, lock, hide, keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.room import Room, eventually

NAME = "sprites-10d"
OPEN = """async (address) => {
  const { viewOf } = await import(address);
  window.view = viewOf(document.querySelector(".er-root"));
}"""
# Every pixel of every canvas, what lies above the map, and every text.
SHOWN = r"""async () => {
  await view.settled();
  const visible = (selector) => [...view.root.querySelectorAll(selector)].filter((e) => e.checkVisibility());
  const name = (e) => [e.closest(".page-map, .kl-band, .kl-images, .kl-line, figure, .kl-lens")?.className, e.className].join(" ");
  const canvases = visible("canvas").map((canvas) => [name(canvas), canvas.style.cssText, canvas.toDataURL()]);
  const above = visible(".er-overlay").map((svg) =>
    svg.innerHTML.replaceAll(' style=""', "").replace(/\d+\.\d+/g, (number) => Number(number).toFixed(3)));
  const texts = visible("p, dd, figcaption, h3, table, .er-legend").map((e) => e.innerHTML);
  const place = visible(".kl-plane").map((e) => e.style.cssText);
  return [...canvases, ...above, ...texts, ...place];
}"""
MOTION = """async ([first, last, ms]) => {
  await view.apply(first);
  const seen = [];
  let over = false;
  const look = () => {
    if (view.motion) seen.push(view.describe());
    if (!over) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  await view.apply(last, { ms });
  over = true;
  return [seen, view.describe()];
}"""
WIDEN = """() => {
  const map = document.querySelector(".page-maps .kl-map");
  const box = map.getBoundingClientRect();
  const [clientX, clientY] = [0.2, 0.3].map((s, axis) => Math.round(axis ? box.top + s * box.height : box.left + s * box.width));
  const [x, y] = [clientX - box.left - map.clientLeft, clientY - box.top - map.clientTop];
  const at = { clientX, clientY, bubbles: true, cancelable: true };
  const under = () => {
    const pane = view.view.pane;
    return pane.camera.view(pane.rectangle()).toData(x, y);
  };
  const before = under();
  for (let i = 0; i < 4; i++) map.dispatchEvent(new WheelEvent("wheel", { ...at, deltaY: -300 }));
  return [before, under()];
}"""


class View(Room):
    """The page, and its view."""

    def describe(self) -> dict[str, str]:
        return self.page.evaluate("() => view.describe()")

    def apply(self, state: dict[str, str]) -> None:
        self.page.mouse.move(3, 3)
        self.page.evaluate("(state) => view.apply(state)", state)

    def shown(self) -> list[Any]:
        self.page.mouse.move(3, 3)
        return self.page.evaluate(SHOWN)

    def call(self, method: str, argument: Any) -> None:
        self.page.evaluate("([method, argument]) => view[method](argument)", [method, argument])

    def box(self, selector: str = ".page-maps .kl-map") -> dict[str, float]:
        box = self.page.locator(selector).first.bounding_box()
        assert box
        return box

    def over(self, selector: str = ".page-maps .kl-map") -> tuple[float, float]:
        """A place on a map, off its middle."""
        box = self.box(selector)
        return box["x"] + 0.3 * box["width"], box["y"] + 0.4 * box["height"]

    def zoom(self, selector: str = ".page-maps .kl-map") -> None:
        self.page.mouse.move(*self.over(selector))
        self.page.mouse.wheel(0, -240)
        self.page.wait_for_function("Object.keys(view.describe()).some((name) => name.startsWith('look'))")

    def visit(self, path: str) -> View:
        self.page.goto(f"{self.address}/kl?path={path}")
        self.page.wait_for_selector(f'.er-root[data-complete="{path}"]')
        self.page.evaluate(OPEN, self.module("core/streamlit-component.js"))
        return self


@pytest.fixture(scope="module")
def opened(own_page, address) -> View:
    return View(own_page, address).visit(NAME)


@pytest.fixture
def view(opened) -> View:
    for method, argument in (("lock", []), ("hide", []), ("keys", True)):
        opened.call(method, argument)
    opened.apply({})
    return opened


def _click(selector: str) -> Callable[[View], None]:
    return lambda view: view.page.click(selector)


def _slide(view: View) -> None:
    view.page.locator(".kl-track input").fill("0.4321")


def _pin(view: View) -> None:
    view.page.mouse.click(*view.over())


def _pin_zoomed(view: View) -> None:
    _pin(view)
    view.zoom()


def _arrow(view: View) -> None:
    view.page.keyboard.press("ArrowRight")


def _colour(view: View) -> None:
    view.page.select_option(".kl-colour select", label="rotation")
    view.page.locator(".er-legend button").nth(2).click()


def _other_pair(view: View) -> None:
    view.page.click('[data-view="why"]')
    view.page.click(".kl-pair")
    view.zoom(".kl-why .kl-map >> nth=1")


BY_HAND: dict[str, tuple[Callable[[View], None], set[str]]] = {
    "beta": (_slide, set()),
    "beta of a stop": (_arrow, set()),
    "zones": (_click('[data-zones="pointer"]'), {"zones"}),
    "plane": (_click('[data-switch="manifold"]'), {"plane"}),
    "forces": (_click('[data-switch="forces"]'), {"forces"}),
    "fixed": (_click('[data-switch="fixed"]'), {"fixed"}),
    "hidden": (_click(".er-legend button >> nth=1"), {"hidden"}),
    "colour": (_colour, {"colour", "hidden"}),
    "speed": (_click(".kl-speed"), {"speed"}),
    "z": (_pin, {"z"}),
    "look": (_pin_zoomed, {"z", "look"}),
    "why": (_other_pair, {"view", "pair", "look-middle"}),
}


@pytest.mark.parametrize("field", BY_HAND)
def test_what_is_set_by_hand_is_described_and_comes_back(view, field) -> None:
    at_first = view.shown()
    by_hand, names = BY_HAND[field]
    by_hand(view)
    left = view.shown()
    said = view.describe()
    assert set(said) == names | {"beta"}
    assert (said["beta"] != "1") == ("beta" in field)
    assert left != at_first or field in ("speed", "fixed")  # the means of this path are never beyond the 3-σ ring
    view.apply({})
    assert view.describe() == {"beta": "1"}
    _assert_same(view.shown(), at_first)
    view.apply(said)
    assert view.describe() == said
    _assert_same(view.shown(), left)


def test_a_point_that_is_clicked_is_followed_and_comes_back(view) -> None:
    view.apply({"point": "17", "beta": "12"})
    left = view.shown()
    view.apply({"beta": "1", "point": "3", "forces": "1", "zones": "none"})
    view.apply({"point": "17", "beta": "12"})
    _assert_same(view.shown(), left)
    view.page.keyboard.press("Escape")  # the lens stays where the point is
    assert view.describe() == {"beta": "12"}
    marked = view.page.locator(".page-maps .er-marker").get_attribute("transform")
    view.frames()
    assert view.page.locator(".page-maps .er-marker").get_attribute("transform") == marked


def test_what_is_not_valid_is_ignored(view) -> None:
    view.apply({"beta": "-1", "hidden": "99", "z": "1,2", "colour": "weight", "speed": "9", "look": "a", "what": "1"})
    assert view.describe() == {"beta": "1"}


def test_the_address_says_what_is_described(view) -> None:
    view.apply({"beta": "12", "colour": "scale", "speed": "2"})
    eventually(lambda: _assert_equal(view.link, {"beta": "12", "colour": "scale", "speed": "2"}))


FIRST = {"beta": "0.6", "look": "0,0,4", "z": ",".join(["-1"] * 10)}
LAST = {"beta": "65", "look": "1,0.5,1.25", "z": ",".join(["0.7"] * 10), "zones": "pointer", "colour": "scale"}


def test_numbers_move_and_everything_else_is_there_at_once(view) -> None:
    seen, last = view.page.evaluate(MOTION, [FIRST, LAST, 400])
    assert last == LAST
    moving = [s for s in seen if FIRST["beta"] != s["beta"] != LAST["beta"]]
    assert len(moving) > 2
    assert all((s["zones"], s["colour"]) == ("pointer", "scale") for s in seen)
    betas = [float(s["beta"]) for s in moving]
    assert betas == sorted(betas)
    assert 0.6 < betas[0] < betas[-1] < 65
    assert all(-1 < float(v) < 0.7 for s in moving for v in s["z"].split(","))
    looks = [[float(v) for v in s["look"].split(",")] for s in moving]
    assert all(0 < u < 1 and 0 < v < 0.5 and 1.25 < reach < 4 for u, v, reach in looks)
    left = view.shown()
    view.apply({})
    view.apply(LAST)
    _assert_same(view.shown(), left)


def test_the_camera_goes_to_where_all_points_are_without_a_jump(view) -> None:
    view.apply({"beta": "65"})
    all_points = view.shown()
    seen, last = view.page.evaluate(MOTION, [{"beta": "65", "look": "0,0,0.5"}, {"beta": "65"}, 300])
    assert last == {"beta": "65"}
    reaches = [float(s["look"].split(",")[2]) for s in seen]
    assert len(reaches) > 2
    assert reaches == sorted(reaches)
    assert reaches[0] < 1
    _assert_same(view.shown(), all_points)


def test_the_lens_goes_to_the_mean_of_a_point(view) -> None:
    seen, last = view.page.evaluate(MOTION, [FIRST, {"beta": "12", "point": "17"}, 300])
    assert last == {"beta": "12", "point": "17"}
    between = [s for s in seen if "point" not in s]
    assert len(between) > 2
    assert all("z" in s for s in between)


def test_of_two_motions_the_second_is_where_it_ends(view) -> None:
    last = view.page.evaluate(
        "async ([a, b]) => { const one = view.apply(a, { ms: 300 }); await new Promise((d) => setTimeout(d, 100));"
        " await Promise.all([one, view.apply(b, { ms: 300 })]); return view.describe(); }",
        [LAST, FIRST],
    )
    assert last == FIRST


def test_a_press_stops_the_motion(view) -> None:
    view.apply(FIRST)
    view.page.evaluate("(state) => { void view.apply(state, { ms: 4000 }); }", LAST)
    view.page.wait_for_function("Number(view.describe().beta) > 1")
    view.page.mouse.move(*view.over(".kl-loss"))
    view.page.mouse.down()
    view.page.mouse.up()
    view.frames()
    said = view.describe()
    assert 0.6 < float(said["beta"]) < 65
    view.page.wait_for_timeout(200)
    assert view.describe() == said
    left = view.shown()
    view.apply({})
    view.apply(said)
    _assert_same(view.shown(), left)


def test_settled_does_not_wait_for_what_plays(view) -> None:
    view.page.click(".kl-play")
    view.page.evaluate("() => view.settled()")
    first = float(view.describe()["beta"])
    eventually(lambda: _assert_more(float(view.describe()["beta"]), first))
    view.apply({"beta": "1"})
    view.frames()
    assert view.describe() == {"beta": "1"}


def test_locked_controls_do_not_react(view) -> None:
    names = view.page.evaluate("() => view.controlNames()")
    assert {"map", "beta", "play", "speed", "zones", "plane", "forces", "fixed", "fit", "legend", "colour"} < set(names)
    assert {"view", "pair", "tradeoff", "dimensions", "images", "lens", "numbers", "loss"} < set(names)
    said = {"beta": "1", "z": ",".join(["0.5"] * 10)}
    view.apply(said)
    view.call("lock", names)
    for selector in ('[data-zones="none"]', '[data-switch="fixed"]', ".er-legend button", ".kl-speed", ".kl-play"):
        box = view.box(selector)
        view.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    view.page.mouse.click(*view.over())
    view.page.mouse.wheel(0, -240)
    view.page.mouse.dblclick(*view.over(".kl-tradeoff"))
    view.page.mouse.click(*view.over(".kl-track"))
    for key in ("Escape", "ArrowRight", " "):
        view.page.keyboard.press(key)
    view.frames()
    assert view.describe() == said
    assert view.page.locator(".kl-play").get_attribute("aria-pressed") == "false"
    view.call("lock", [])
    view.page.click('[data-zones="none"]')
    assert view.describe() == said | {"zones": "none"}


def test_a_drag_ends_where_its_control_is_locked(view) -> None:
    view.apply({"z": ",".join(["0"] * 10)})
    x, y = view.over()
    view.page.mouse.move(x, y)
    view.page.mouse.down()
    view.page.mouse.move(x + 30, y, steps=3)
    moved = view.describe()
    assert "look" in moved
    view.call("lock", ["map"])
    view.page.mouse.move(x + 90, y + 40, steps=3)
    view.page.mouse.up()
    assert view.describe() == moved


def test_hidden_controls_leave_no_hole(view) -> None:
    view.call("hide", ["play", "zones", "tradeoff", "lens", "nearest", "numbers", "map"])
    for selector in (".kl-play", '[data-zones="none"]', ".kl-tradeoff", ".kl-lens", ".kl-map", ".kl-top"):
        assert not view.page.locator(selector).first.is_visible(), selector
    slider, band = view.box(".kl-track"), view.box(".kl-parts")
    assert slider["x"] == pytest.approx(band["x"], abs=0.5)
    assert slider["width"] == pytest.approx(band["width"], abs=0.5)
    assert slider["x"] == pytest.approx(view.box(".kl-slider")["x"], abs=0.5)
    view.page.keyboard.press(" ")
    assert view.page.locator(".kl-play").get_attribute("aria-pressed") == "false"
    view.call("hide", ["images", "pull", "tradeoff", "dimensions", "lens", "nearest", "numbers"])
    root = view.box(".er-root")
    assert view.box(".page-main")["width"] == pytest.approx(root["width"], abs=60)
    view.call("hide", [])
    assert view.page.locator(".kl-map").first.is_visible()


def test_the_keyboard_is_left_alone(view) -> None:
    view.call("keys", False)
    view.page.keyboard.press("ArrowRight")
    view.page.keyboard.press(" ")
    assert view.describe() == {"beta": "1"}
    view.call("keys", True)
    view.page.keyboard.press("ArrowRight")
    assert view.describe() != {"beta": "1"}


def test_several_turns_of_the_wheel_in_a_frame_zoom_about_the_pointer(view) -> None:
    before, after = view.page.evaluate(WIDEN)
    assert after == pytest.approx(before, abs=1e-9)


def test_the_nearest_point_is_one_that_is_shown_in_the_colours_of_another_factor(view) -> None:
    view.apply({"z": ",".join(["0"] * 10)})
    view.page.select_option(".kl-colour select", label="scale")
    for value in range(1, 6):  # one value is left
        view.page.locator(".er-legend button").nth(value).click()
    view.page.evaluate("() => view.settled()")
    assert "scale 1\n" in view.text(".kl-nearest p")


def test_the_scale_becomes_that_of_all_betas_without_a_jump(opened) -> None:
    view = opened.visit("digits-2d")
    at_first = view.shown()
    seen, last = view.page.evaluate(MOTION, [{"beta": "1"}, {"beta": "1", "fixed": "1"}, 300])
    reaches = [float(s["look"].split(",")[2]) for s in seen if "look" in s]
    assert len(set(reaches)) > 2
    assert reaches == sorted(reaches)
    assert last == {"beta": "1", "fixed": "1"}
    left = view.shown()
    assert left != at_first
    view.apply({})
    _assert_same(view.shown(), at_first)
    view.apply(last)
    _assert_same(view.shown(), left)


def _assert_same(found: list[Any], expected: list[Any]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(map(str, found), map(str, expected), strict=True):
        at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
        assert one == other, f"{one[:80]} … {one[at : at + 80]} is not … {other[at : at + 80]}"


def _assert_equal(found: Any, expected: Any) -> None:
    assert found == expected


def _assert_more(found: float, than: float) -> None:
    assert found > than
