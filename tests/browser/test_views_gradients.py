"""The Gradients page as a view: it is described, comes back from its description, moves, and can be locked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.browser.room import Room, eventually
from tests.browser.test_gradients_view import SET

# Calls a method of the view; `apply` is not awaited where a test looks at the motion.
VIEW = """async ([module, script, argument]) => {
  const { viewOf } = await import(module);
  const view = viewOf(document.querySelector(".er-root"));
  const run = new Function("view", "argument", `return (async () => { ${script} })()`);
  return run(view, argument);
}"""
# What a person sees of the open section: every picture, and every text and value.
SEEN = """() => {
  const open = document.querySelector(".gr-view:not([hidden])");
  const shown = (e) => e.checkVisibility();
  return {
    canvases: [...open.querySelectorAll("canvas")].filter(shown).map((e) => e.toDataURL()),
    texts: [...open.querySelectorAll("dd, dt, output, td, th, .gr-number, .gr-slope, .gr-says, .gr-note, .gr-result, h4")]
      .filter(shown).map((e) => e.textContent),
    controls: [...open.querySelectorAll("input, select, [role=radio]")].filter(shown).map((e) => e.ariaChecked ?? e.value),
  };
}"""
# A motion over 300 ms, watched in every frame.
WATCH = """
  const [state, name] = argument;
  const found = [];
  let going = true;
  const done = view.apply(state, { ms: 300 }).then(() => { going = false; });
  while (going) {
    found.push(view.describe()[name] ?? null);
    await new Promise(requestAnimationFrame);
  }
  await done;
  return [found, view.describe()];
"""


class View(Room):
    def call(self, script: str, argument: Any = None) -> Any:
        return self.page.evaluate(VIEW, [self.module("core/streamlit-component.js"), script, argument])

    def describe(self) -> dict[str, str]:
        return self.call("return view.describe()")

    def apply(self, state: dict[str, str], ms: int = 0) -> None:
        self.call("await view.apply(...argument)", [state, {"ms": ms}])

    def seen(self) -> dict[str, Any]:
        self.call("await view.settled()")
        return self.page.evaluate(SEEN)

    def click(self, selector: str) -> None:  # type: ignore[override]
        self.page.locator(selector).click()

    def slide(self, selector: str, value: float) -> None:
        self.page.evaluate(SET, [self.page.locator(f"{selector} input[type=range]").element_handle(), value])

    def type(self, selector: str, text: str) -> None:
        self.page.locator(f"{selector} input[type=text]").fill(text)
        self.page.locator(f"{selector} input[type=text]").press("Enter")

    def drag(self, selector: str, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Between two places of an element, as shares of its size."""
        box = self.page.locator(selector).bounding_box()
        (x, y), (to_x, to_y) = ((box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in (start, end))
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(to_x, to_y, steps=3)
        self.page.mouse.up()
        self.page.mouse.move(3, 3)


@pytest.fixture(scope="module")
def opened(own_page, address) -> View:
    view = View(own_page, address)
    own_page.goto(f"{address}/gradients")
    own_page.wait_for_selector(".er-root[data-ready]")
    return view


@pytest.fixture
def view(opened) -> View:
    opened.call("view.lock([]); view.hide([]); view.keys(true)")
    opened.apply({})
    opened.call("await view.settled()")
    assert opened.describe() == {}
    return opened


def fit(view: View) -> None:
    view.click('#gr-fit [data-value="leave-one-out"]')
    view.click("#gr-fit .gr-family [data-value=true]")
    for _ in range(3):
        view.click("#gr-fit .gr-step")
    view.type("#gr-fit .gr-lr", "0.2")
    view.click("#gr-fit .gr-step")
    view.type("#gr-fit .gr-n", "40")
    view.click("#gr-fit .gr-again")
    view.click("#gr-fit .gr-step")
    view.click("#gr-fit .gr-reset")
    view.click("#gr-fit .gr-step")
    view.slide("#gr-fit .gr-rho", 0.5)
    view.drag("#gr-fit .gr-plane:visible", (0.5, 0.35), (0.55, 0.4))
    view.click("#gr-fit .gr-step")
    view.click('#gr-fit [data-value="score"]')
    view.click("#gr-fit .gr-step")
    view.click("#gr-fit .gr-again")


def line(view: View) -> None:
    view.page.locator("#gr-fit select").select_option("modes-line")
    view.click("#gr-fit .gr-step")
    view.drag("#gr-fit .gr-plane:visible", (0.55, 0.5), (0.7, 0.5))
    view.click('#gr-fit [data-value="exact"]')
    view.click("#gr-fit .gr-step")


def posterior(view: View) -> None:
    view.page.locator("#gr-fit select").select_option("posterior")
    view.page.wait_for_selector("#gr-fit .gr-image canvas", state="visible")
    before = view.call("return view.state.values.image")
    view.click("#gr-fit .gr-image button")
    eventually(lambda: _differs(view.call("return view.state.values.image"), before))
    view.click("#gr-fit .gr-step")


def trick(view: View) -> None:
    view.click('[data-tab="trick"]')
    view.slide("#gr-trick .gr-mu", -1.37)
    view.slide("#gr-trick .gr-sigma", 1.61)
    view.click("#gr-trick .gr-moved-side button")
    view.click("#gr-trick .gr-drawn-side button")
    view.page.locator("#gr-trick .gr-moved-side canvas").click(position={"x": 120, "y": 40})


def divergences(view: View) -> None:
    view.click('[data-tab="divergences"]')
    view.page.locator("#gr-divergences select").select_option("banana")
    view.drag('#gr-divergences [data-way="reverse"] .gr-plane:visible', (0.38, 0.2), (0.6, 0.5))
    view.click("#gr-divergences .gr-play")
    eventually(lambda: _differs(view.describe().get("divergences.steps"), None))
    view.click("#gr-divergences .gr-play")


def code(view: View) -> None:
    view.click('[data-tab="code"]')
    view.click('#gr-code [data-value="64"]')
    view.type("#gr-code .gr-beta", "3.5")
    view.click("#gr-code .gr-others")
    view.click("#gr-code .gr-again")
    view.page.locator("#gr-code .gr-model").select_option(index=1)
    view.call("await view.settled()")
    view.page.locator('#gr-code .gr-code [data-term="log_p"]').hover()


def variance(view: View) -> None:
    view.click('[data-tab="variance"]')
    view.click('#gr-variance [data-value="sigma"]')
    view.slide("#gr-variance .gr-mu", 2.5)
    view.slide("#gr-variance .gr-sigma", 0.6)
    view.slide("#gr-variance .gr-dims", 2)
    view.type("#gr-variance .gr-error", "0.3")
    view.click("#gr-variance .gr-afresh")


def _differs(found: Any, before: Any) -> None:
    assert found != before


FIELDS = {
    fit: "rho full estimator n lr fit.q fit.noise fit.start fit.parts fit.before",
    line: "target estimator fit.q fit.noise fit.parts fit.before fit.start",
    posterior: "target image lr fit.q fit.noise fit.parts",
    trick: "tab trick.mu trick.sigma trick.chosen trick.drawn trick.noise",
    divergences: "tab target divergences.start divergences.steps divergences.reverse divergences.forward",
    code: "tab code.model code.size code.beta code.seed code.term",
    variance: "tab variance.of variance.mu variance.sigma variance.dims variance.error variance.seed",
}


@pytest.mark.parametrize("stir", FIELDS, ids=lambda stir: stir.__name__)
def test_what_was_set_by_hand_comes_back_from_its_description(view, stir: Callable[[View], None]) -> None:
    stir(view)
    view.page.mouse.move(3, 3)
    view.call("await view.settled()")
    described = view.describe()
    wanted = set(FIELDS[stir].split())
    assert wanted <= set(described) <= wanted | {"lr"}
    seen = view.seen()
    view.apply({})
    view.call("await view.settled()")
    assert view.describe() == {}
    view.apply(described)
    assert view.describe() == described
    again = view.seen()
    if stir is variance:  # it is measured while it is looked at
        assert again["controls"] == seen["controls"]
        return
    assert again == seen


def test_a_link_opens_to_the_same_picture(view) -> None:
    fit(view)
    view.call("await view.settled()")
    described, seen = view.describe(), view.seen()
    eventually(lambda: _written(view))
    assert view.link == described
    assert len(view.page.evaluate("location.hash")) < 2500
    view.page.reload()
    view.page.wait_for_selector(".er-root[data-ready]")
    assert view.describe() == described
    view.page.mouse.move(3, 3)
    found = view.seen()
    assert found["texts"] == seen["texts"]
    assert found["canvases"] == seen["canvases"]


def _written(view: View) -> None:
    assert not view.page.locator('.er-root[data-address="behind"]').count()


def test_what_is_not_valid_is_ignored(view) -> None:
    view.apply({"tab": "trick", "trick.mu": "9", "trick.sigma": "x", "unknown": "1", "trick.noise": "2"})
    assert view.describe() == {"tab": "trick", "trick.noise": "2"}
    view.apply({"rate": "0.2", "target": "posterior", "image": "999999999"})
    assert view.describe() == {"lr": "0.2", "image": "999999999"}


MOTIONS = {
    "rho": ({}, {"rho": "-0.5"}),
    "fit.q": (
        {"target": "ring"},
        {"target": "ring", "fit.q": "diagonal,-1.5,0.25,0.2,0,0,1.25", "fit.parts": "10_0.1_0_5"},
    ),
    "trick.mu": ({"tab": "trick"}, {"tab": "trick", "trick.mu": "-2", "trick.sigma": "0.3", "trick.drawn": "4"}),
    "variance.sigma": ({"tab": "variance"}, {"tab": "variance", "variance.mu": "2", "variance.sigma": "0.3"}),
    "divergences.reverse": (
        {"tab": "divergences", "target": "modes"},
        {
            "tab": "divergences",
            "target": "modes",
            "divergences.steps": "700",
            "divergences.reverse": "diagonal,1.4,1.4,0.7,0,0,0.7",
            "divergences.forward": "diagonal,0,0,1.58,0,0,1.58",
        },
    ),
}


@pytest.mark.parametrize("name", MOTIONS)
def test_a_motion_passes_through_what_is_between_and_ends_exactly(view, name) -> None:
    start, end = MOTIONS[name]
    view.apply(start)
    found, described = view.call(WATCH, [end, name])
    assert described == end
    between = [_numbers(text) for text in found if text not in (None, end[name], start.get(name))]
    assert len(between) >= 2
    last, first = _numbers(end[name]), between[0]
    for values in between:
        assert ((values - last) * (first - last) >= 0).all()
    assert not np.array_equal(between[0], between[-1])


def _numbers(text: str) -> np.ndarray:
    return np.array([float(part) for part in text.split(",") if part not in ("diagonal", "full")])


def test_of_two_motions_the_second_counts(view) -> None:
    view.call("view.apply({ rho: '-0.9' }, { ms: 300 }); await view.apply({ rho: '0.3', n: '20' }, { ms: 100 })")
    assert view.describe() == {"rho": "0.3", "n": "20"}
    view.page.wait_for_timeout(300)
    assert view.describe() == {"rho": "0.3", "n": "20"}


def test_a_press_stops_a_motion(view) -> None:
    view.call("view.apply({ rho: '-0.9' }, { ms: 6000 })")
    eventually(lambda: _differs(view.describe(), {}))
    box = view.page.locator("#gr-fit .gr-facts").bounding_box()
    view.page.mouse.click(box["x"] + 5, box["y"] + 5)
    view.call("await view.settled()")
    stopped = float(view.describe()["rho"])
    assert -0.9 < stopped < 0.9
    view.page.wait_for_timeout(150)
    assert float(view.describe()["rho"]) == stopped


def test_settled_does_not_wait_for_a_fit_that_plays(view) -> None:
    view.click("#gr-fit .gr-play")
    view.call("await view.settled()")
    eventually(lambda: _differs(view.describe(), {}))
    view.apply({})
    assert view.describe() == {}


def test_controls_are_locked_and_hidden(view) -> None:
    names = view.call("return view.controlNames()")
    for name in [
        "tabs",
        "tab-fit",
        "target",
        "rho",
        "image",
        "family",
        "plane",
        "estimator",
        "noise",
        "play",
        "step",
        "reset",
        "n",
        "lr",
        "beta",
        "model",
    ]:
        assert name in names
    view.call("view.lock(['step', 'plane', 'tab-variance'])")
    view.page.locator("#gr-fit .gr-step").click(force=True)
    view.drag("#gr-fit .gr-plane:visible", (0.5, 0.5), (0.6, 0.3))
    view.page.locator('[data-tab="variance"]').click(force=True)
    view.page.locator('[data-tab="fit"]').focus()
    view.page.keyboard.press("ArrowRight")
    view.call("await view.settled()")
    assert view.describe() == {"tab": "trick"}
    view.apply({})
    view.call("view.lock([]); view.hide(['rho', 'lr', 'plane'])")
    for selector in (".gr-rho", ".gr-lr", ".gr-plane"):
        assert not view.page.locator(f"#gr-fit {selector}").first.is_visible()
    view.call("view.hide([])")
    view.click("#gr-fit .gr-step")
    view.call("await view.settled()")
    assert "fit.parts" in view.describe()


def test_the_plane_listens_to_keys_while_it_is_to(view) -> None:
    view.page.locator("#gr-fit .gr-plane:visible").focus()
    view.call("view.keys(false)")
    view.page.keyboard.press("ArrowLeft")
    assert view.describe() == {}
    view.call("view.keys(true)")
    view.page.keyboard.press("ArrowLeft")
    assert set(view.describe()) == {"fit.q"}


@pytest.mark.parametrize(
    ("selector", "name", "texts"),
    [
        ("#gr-fit .gr-n", "n", {"many": None, "5000": "1000", "2.4": "2", "-3": "1"}),
        ("#gr-fit .gr-lr", "lr", {"fast": None, "7": "1", "0": "0.001", "0,2": "0.2"}),
        ("#gr-variance .gr-error", "variance.error", {"none": None, "5": "1", "0.2": "0.2"}),
        ("#gr-code .gr-beta", "code.beta", {"β": None, "-1": "0", "5000": "1000", "0.5": "0.5"}),
    ],
)
def test_a_dial_takes_only_numbers_that_are_allowed(view, selector, name, texts) -> None:
    tab = selector[4:].split()[0]
    if tab != "fit":
        view.click(f'[data-tab="{tab}"]')
    for text, value in texts.items():
        view.apply({"tab": tab})
        view.type(selector, text)
        eventually(lambda value=value: _same(view.describe().get(name), value))
        shown = view.page.locator(f"{selector} input[type=text]").input_value()
        assert float(shown.replace("−", "-")) == float(value or view.call("return view.state.values[argument]", name))


def _same(found: Any, wanted: Any) -> None:
    assert found == wanted


def test_a_posterior_that_arrives_late_does_not_replace_a_newer_choice(view) -> None:
    held: list[Any] = []
    view.page.route("**/room/evidence/**", lambda route: held.append(route))
    view.page.locator("#gr-fit select").select_option("posterior")

    def is_held() -> None:
        view.frames()  # routes are handled while the page is waited for
        assert held

    eventually(is_held)
    view.page.locator("#gr-fit select").select_option("ring")
    eventually(lambda: _same(view.describe(), {"target": "ring"}))
    for route in held:
        route.continue_()
    view.page.unroute("**/room/evidence/**")
    view.call("await view.settled()")
    assert view.describe() == {"target": "ring"}
