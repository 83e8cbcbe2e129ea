"""For those who do not see the page, or see little of it, or use no pointer: axe's rules for WCAG 2.1 AA on every page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tests.browser.conftest import PATIENCE, WINDOW
from tests.browser.room import DEEP, FLAT, Room, eventually
from tests.browser.test_live_view import NAME, Watched
from tests.browser.test_tools import TOOLS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
FAULTS = """async ([within, rules]) => {
  const { violations } = await axe.run(within, { runOnly: rules, resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary}`));
}"""
# What can be reached by keys and does not show that it has been.
UNSEEN = """(within) => [...document.querySelectorAll(`${within} :is(button, input, select, a, [tabindex="0"])`)]
  .filter((e) => !e.disabled && e.checkVisibility())
  .filter((e) => {
    e.focus({ preventScroll: true });
    const { outlineStyle, outlineWidth } = getComputedStyle(e);
    return document.activeElement === e && (outlineStyle === "none" || parseFloat(outlineWidth) < 1);
  })
  .map((e) => e.outerHTML.slice(0, 120))"""
# Pictures that say nothing to those who do not see them, by themselves or by what they stand in.
UNTOLD = """() => [...document.querySelectorAll(".er canvas")]
  .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest("[aria-hidden=true]"))
  .filter((e) => {
    const told = e.closest('button, [role="img"], [role="slider"], [role="application"], [role="radio"]');
    return !told || !(told.ariaLabel || told.title || told.textContent.trim());
  })
  .map((e) => e.outerHTML.slice(0, 120))"""
# What tells something by nothing but its colour: swatches, bars and dots, by a name of their own and with their colour; of
# sliders, what they are drawn with.
MARKS = """() => {
  const marks = [...document.querySelectorAll(".er :is(i, b, span)")].filter((e) => !e.childNodes.length && e.checkVisibility());
  const dots = [...document.querySelectorAll(".er *")].filter((e) => e.checkVisibility() && getComputedStyle(e, "::before").content === '""');
  const told = [...marks.map((e) => [e, null]), ...dots.map((e) => [e, "::before"])].map(([e, pseudo]) => {
    const { backgroundColor: ground, backgroundImage: image, borderTopColor: line, borderTopWidth: width } = getComputedStyle(e, pseudo);
    const colours = [ground, image === "none" ? "" : "pattern", parseFloat(width) ? line : ""];
    return [`${e.parentElement.className} > ${e.className}${pseudo ?? ""} (${e.tagName})`, ...colours];
  });
  return told.filter(([, ground, image]) => ground !== "rgba(0, 0, 0, 0)" || image);
}"""
# Buttons that are pressed and do not have the system's colour of what is chosen; those of contours keep their own.
UNMARKED = """() => {
  const probe = document.body.appendChild(document.createElement("i"));
  Object.assign(probe.style, { forcedColorAdjust: "none", backgroundColor: "Highlight" });
  const chosen = getComputedStyle(probe).backgroundColor;
  probe.remove();
  return [...document.querySelectorAll(".er button:is([aria-pressed=true], [aria-checked=true])")]
    .filter((e) => e.checkVisibility() && !e.closest(".er-legend, .eb-contours"))
    .filter((e) => getComputedStyle(e).backgroundColor !== chosen)
    .map((e) => e.outerHTML.slice(0, 120));
}"""
GROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 22, 29)"}
GROUND = """() => [...document.querySelectorAll(".stApp, .er")].map((e) => {
  const probe = e.appendChild(document.createElement("i"));
  probe.style.color = e.matches(".er") ? "var(--st-background-color)" : getComputedStyle(e).backgroundColor;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
})"""


@pytest.fixture(scope="module")
def run(runs_folder: Path) -> Iterator[str]:
    """A run that trains meanwhile."""
    watched = Watched(runs_folder / f"{NAME}-too")
    yield watched.folder.name
    watched.process.terminate()
    watched.process.wait(600)


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport=WINDOW) as context:
        context.set_default_timeout(PATIENCE)
        context.add_init_script(AXE_SCRIPT)
        yield context.new_page()


@pytest.fixture
def page(window: Page, address: str) -> Room:
    return Room(window, address)


def assert_accessible(room: Room, within: str, states: list[Callable[[], None]]) -> None:
    """Nothing is wrong in any of the states that a page is brought into; in the dark, its colours are judged again."""
    for scheme, rules in (("light", RULES), ("dark", ["color-contrast"])):
        room.page.emulate_media(color_scheme=scheme)
        eventually(lambda scheme=scheme: _assert_ground(room, GROUNDS[scheme]))
        for show in states:
            show()
            room.frames()
            assert room.page.evaluate(FAULTS, [within, rules]) == []
            assert room.page.evaluate(UNTOLD) == []
            assert_marks_keep_their_colours(room)
    room.page.keyboard.press("Tab")  # whoever has pressed a key sees where the focus is
    assert room.page.evaluate(UNSEEN, ".er") == []


def assert_marks_keep_their_colours(room: Room) -> None:
    """In forced colours, as high-contrast themes of the system have them, nothing that only a colour tells is lost."""
    marks = room.page.evaluate(MARKS)
    room.page.emulate_media(forced_colors="active")
    try:
        assert room.page.evaluate("matchMedia('(forced-colors: active)').matches")
        eventually(lambda: _assert_same(room.page.evaluate(MARKS), marks))
        assert room.page.evaluate(UNMARKED) == []
    finally:
        room.page.emulate_media(forced_colors="none")


def _assert_same(now: list, before: list) -> None:
    assert [mark for mark in before if mark[:3] not in [other[:3] for other in now]] == []


def _assert_ground(room: Room, colour: str) -> None:
    assert set(room.page.evaluate(GROUND)) == {colour}


def test_every_tool_of_the_map(page) -> None:
    page.open()

    def show(tool: str) -> Callable[[], None]:
        def opened() -> None:
            page.follow(f"tool={tool}&z=0.5,0.5&shape=0,0,1,0,1,1&density=holes&point=1")
            page.page.wait_for_selector(f'.er-root[data-tool="{tool}"]')

        return opened

    assert_accessible(page, ".er", [show(tool) for tool in TOOLS])


def test_a_map_of_many_dimensions_and_what_opens_and_takes_home(page) -> None:
    page.open(DEEP)

    def turned() -> None:
        page.page.keyboard.press("Escape")
        page.follow("plane=3d&zones=all&colour=rate")

    def popover(name: str) -> Callable[[], None]:
        return lambda: page.page.get_by_role("button", name=name).first.click()

    assert_accessible(page, "body", [turned, popover("Open a model")])


def walked(room: Room, tabs: str) -> list[Callable[[], None]]:
    """A page's tabs, one after the other by the arrow key."""
    row = room.page.locator(f"{tabs} [role=tab]:visible")

    def step() -> None:
        room.page.keyboard.press("ArrowRight")
        focused = room.page.evaluate("[document.activeElement.role, document.activeElement.ariaSelected]")
        assert focused == ["tab", "true"]

    def first() -> None:
        row.first.focus()
        room.page.keyboard.press("Home")
        assert row.first.get_attribute("aria-selected") == "true"

    return [first, *[step] * (row.count() - 1)]


def test_the_page_of_the_bound(page) -> None:
    page.page.goto(f"{page.address}/elbo?model={FLAT}")
    page.page.wait_for_selector(".eb[data-image]")
    assert_accessible(page, "body", walked(page, ".eb-tabs"))


def test_the_gradients(page) -> None:
    page.page.goto(f"{page.address}/gradients")
    page.page.wait_for_selector(".gr[data-ready]")
    assert_accessible(page, "body", walked(page, ".gr-tabs"))


def test_the_effect_of_kl(page) -> None:
    page.page.goto(f"{page.address}/kl")
    page.page.wait_for_selector(".kl[data-ready]")
    views = [
        lambda view=view: page.page.locator(f'.kl [data-view="{view}"][role=radio]').click() for view in ("map", "why")
    ]
    assert_accessible(page, "body", views)


def test_training(page, run) -> None:
    page.page.goto(f"{page.address}/train")
    page.page.wait_for_selector('[data-testid="stBaseButton-primary"]')

    def expanded() -> None:
        details = page.page.locator("details:not([open]) > summary")
        if details.count():
            details.first.click()

    assert_accessible(page, "body", [expanded])
    page.page.goto(f"{page.address}/train?run={run}")
    trains = f'.page[data-ready="{run}"] .page-map[data-step]'
    page.page.wait_for_selector(trains)
    assert_accessible(page, "body", [lambda: None])
    page.page.emulate_media(color_scheme="light")
    page.page.goto(f"{page.address}/room/follow/{run}")
    page.page.wait_for_selector(trains)
    assert page.page.evaluate(FAULTS, ["html", RULES]) == []
