"""Back, Forward, the links between pages, a reload, a pasted link: every page comes back as it was left."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.room import DEEP, FLAT, Room, eventually
from vae.cli import main
from vae.training import live

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# What every control of a page says, by its name: of the page's own parts and of Streamlit's pickers, which say of a run just
# chosen that it has finished.
CONTROLS = """() => [...document.querySelectorAll('.er-root :is(input, select, button, [role="slider"]), [data-testid="stSelectbox"] input')]
  .filter((e) => e.checkVisibility())
  .map((e) => [e.className || e.ariaLabel || e.textContent, e.type === "checkbox" ? e.checked : (e.value ?? "").replace(/ · finished$/, ""),
    e.ariaPressed, e.ariaChecked, e.ariaSelected, e.getAttribute("aria-valuenow"), e.textContent].join(" | "))"""
# Whether a part of the page is still on its way to what it will show.
BUSY = """() => Boolean(document.querySelector(`.er-root[data-address="behind"], .er-root:not([data-ready]), [data-zones="in part"],
  [data-waiting]:not([data-waiting="0"]), [data-left]:not([data-left="0"]), .eb-wait:not([hidden]), .eb-pending, [data-stale="true"]`))"""

# Chromium's edges of what was painted piece by piece are not those of what is painted at once.
REPAINT = """async (map) => {
  const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  for (const button of document.querySelectorAll(".modebar")) button.style.visibility = "hidden";
  const { style } = document.querySelector(map);
  style.visibility = "hidden";
  await frames();
  style.visibility = "";
  await frames();
}"""

MAPS = {
    "": ".er-map",
    "kl": ".page-stage",
    "elbo": ".page-stage",
    "gradients": "#gr-fit .gr-hero",
    "train": ".page-stage",
}
TITLES = {"": "Explore", "kl": "KL effect", "elbo": "ELBO", "gradients": "Gradients", "train": "Train"}


FRAME = 8  # px: its round corners are the page's


class Tab:
    """One tab of a browser, and what its pages show."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.room = Room(page, address)

    @property
    def here(self) -> str:
        """The path of the page that is open."""
        return str(self.page.evaluate("location.pathname")).strip("/")

    @property
    def link(self) -> str:
        return str(self.page.evaluate("location.pathname + location.search + location.hash"))

    def click(self, name: str) -> None:
        """Open a page by its link at the top."""
        self.page.get_by_test_id("stTopNavLink").filter(has_text=TITLES[name]).click()

    def open(self, name: str) -> None:
        self.click(name)
        self.ready(name)

    def ready(self, name: str) -> None:
        def there() -> None:
            assert self.here == name
            assert self.page.locator(MAPS[name]).is_visible()

        eventually(there)
        self.page.mouse.move(3, 3)
        self.page.evaluate("document.activeElement.blur()")
        if name == "":
            self.page.wait_for_function("document.querySelector('.er-plot')?._fullLayout?._size")
        eventually(self._rests)

    def _rests(self) -> None:
        assert not self.page.evaluate(BUSY)

    def map(self) -> np.ndarray:
        """Every pixel within the frame of the map, (H, W, 3), but for Plotly's buttons."""
        self.page.evaluate(REPAINT, MAPS[self.here])
        data = self.page.locator(MAPS[self.here]).screenshot()
        return np.array(Image.open(BytesIO(data)).convert("RGB"))[FRAME:-FRAME, FRAME:-FRAME]

    def settled(self) -> dict[str, Any]:
        """What the page shows, once two looks at it find the same."""
        before: list[dict[str, Any]] = []

        def looked() -> dict[str, Any]:
            self._rests()
            before.append({"link": self.link, "controls": self.page.evaluate(CONTROLS), "map": self.map()})
            assert len(before) > 2
            first, second = before[-2:]
            assert (first["link"], first["controls"]) == (second["link"], second["controls"])
            assert np.array_equal(first["map"], second["map"])
            return second

        return eventually(looked)

    def assert_shows(self, left: dict[str, Any], how: str) -> None:
        """The open page is as it was left: its link, every control, every pixel of its map."""

        def same() -> None:
            self._rests()
            assert self.link == left["link"], how
            assert self.page.evaluate(CONTROLS) == left["controls"], how
            found = self.map()
            assert found.shape == left["map"].shape, how
            differ = np.argwhere((found != left["map"]).any(-1))
            assert not len(differ), f"{how}: {len(differ)} pixels, the first at {differ[0]}"

        eventually(same)


def stir_explore(tab: Tab) -> None:
    page, room = tab.page, tab.room
    room.choose("MNIST · 10-D · β = 1").ready(DEEP)
    page.select_option("select.er-plane", "axes")
    page.select_option("select.er-across", "5")
    page.select_option("select.er-up", "2")
    page.select_option("select.er-colour", "distortion")
    page.select_option("select.er-zones", "7")
    page.locator(".er-scale").fill("2.5")
    page.select_option("select.er-density", "ratio")
    page.select_option("select.er-manifold", "grid")
    page.locator(".er-legend button").nth(4).click()
    room.click(0.4, -0.3)
    page.locator('[data-tool="select"]').click()
    page.wait_for_selector(".er-tool-select")
    page.locator('[data-mode="box"]').click()
    drag(page, room.pixel(-1, -1), room.pixel(1.2, 0.9), 1)
    page.locator(".er-measure").select_option("rate")
    page.locator(".er-turn").click()
    zoom(page, ".er-map")


def stir_kl(tab: Tab) -> None:
    page = tab.page
    page.wait_for_selector(".kl[data-complete]")
    for selector in ('[data-switch="fixed"]', '[data-switch="manifold"]', '.kl [data-zones="pointer"]'):
        page.locator(selector).click()
    page.locator(".er-legend button").nth(2).click()
    page.locator(".kl").press("ArrowRight")
    box = box_of(page, ".page-maps .kl-map")
    page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.6 * box["height"])
    zoom(page, ".page-maps .kl-map")


def stir_elbo(tab: Tab) -> None:
    page, room = tab.page, tab.room
    page.wait_for_selector(".eb[data-image]")
    room.choose("Digits 8×8 · 2-D · β = 1").ready("digits-2d", plotted=False)
    page.locator(".er-root[data-image]").wait_for()
    page.locator(".eb-strip button, .eb-strip canvas").nth(3).click()
    eventually(tab._rests)
    for selector in (
        '[data-heat="likelihood"]',
        '[data-switch="log"]',
        '[data-switch="full"]',
        '[data-switch="points"]',
    ):
        page.locator(selector).click()
    page.locator('[data-switch="prior"]').click()
    page.locator('[data-tab="images"]').click()
    page.locator('[data-against="rate"]').click()
    page.locator(".eb-map").focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    zoom(page, ".eb-map")


def stir_gradients(tab: Tab) -> None:
    page = tab.page
    page.wait_for_selector(".gr[data-ready]")
    page.locator('[data-tab="variance"]').click()
    page.locator("#gr-variance .gr-mu input").fill("2")
    page.locator("#gr-variance .gr-dims input").fill("5")
    page.locator('[data-tab="trick"]').click()
    page.locator("#gr-trick .gr-mu input").fill("-1.5")
    page.locator("#gr-trick .gr-moved-side button").click()
    page.locator('[data-tab="code"]').click()
    page.locator('#gr-code [data-value="64"]').click()
    page.locator('[data-tab="divergences"]').click()
    page.locator("#gr-divergences select").select_option("ring")
    page.locator("#gr-divergences .gr-optimum").click()
    page.locator('[data-tab="fit"]').click()
    page.locator('#gr-fit [data-value="score"]').click()
    page.locator("#gr-fit .gr-family [data-value=true]").click()
    for selector in (".gr-step", ".gr-step", ".gr-again"):
        page.locator(f"#gr-fit {selector}").click()


def stir_train(tab: Tab) -> None:
    page = tab.page
    for label, name in (("Run", "come-back · finished"), ("Compare with", "come-back-too · finished")):
        page.get_by_label(label, exact=True).click()
        page.get_by_role("option", name=name).click()
    page.wait_for_function("document.querySelectorAll('.page-map[data-step]').length === 2")
    page.locator('.page [data-zones="none"]').click()
    page.locator('[data-steered="1"]').click()
    page.locator(".er-legend button").nth(5).click()
    box = box_of(page, ".page-map >> nth=0")
    page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.6 * box["height"])
    zoom(page, ".page-map >> nth=0")


STIR = {"": stir_explore, "kl": stir_kl, "elbo": stir_elbo, "gradients": stir_gradients, "train": stir_train}


def box_of(page: Page, selector: str) -> dict[str, float]:
    return page.locator(selector).bounding_box()


def drag(page: Page, start: tuple[float, float], end: tuple[float, float], steps: int) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=steps)
    page.mouse.up()


def zoom(page: Page, selector: str) -> None:
    """Zoom in by the wheel, off the middle."""
    box = box_of(page, selector)
    page.mouse.move(box["x"] + 0.35 * box["width"], box["y"] + 0.45 * box["height"])
    page.mouse.wheel(0, -240)


@pytest.fixture(scope="module")
def finished(runs_folder: Path) -> None:
    """Two runs that have ended, with a last snapshot: somebody has watched."""
    folder = runs_folder / "come-back"
    folder.mkdir()
    live.watch(folder)
    later = time.time() + 600
    os.utime(folder / live.WATCHED, (later, later))
    short = ["--data", "digits", "--hidden", "32", "--latent-dim", "2", "--epochs", "1", "--batch-size", "256"]
    assert main(["train", *short, "--out", str(folder)]) == 0
    shutil.copytree(folder, folder.with_name("come-back-too"))


@pytest.fixture
def tabs(browser: Browser, address: str) -> Iterator[list[Tab]]:
    with browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light") as context:
        context.set_default_timeout(60_000)
        wrong: list[str] = []
        pages = [context.new_page() for _ in range(2)]
        for page in pages:
            page.on("pageerror", lambda error: wrong.append(str(error)))
        yield [Tab(page, address) for page in pages]
        assert not wrong


def test_every_page_comes_back_as_it_was_left(tabs, finished) -> None:
    tab, other = tabs
    page = tab.page
    page.bring_to_front()
    page.goto(tab.address)
    left = {}
    for name, stir in STIR.items():
        if name:
            tab.click(name)
        stir(tab)
        tab.ready(name)
        left[name] = tab.settled()
    assert all(len(shown["link"].split("#")[1]) > 30 for shown in left.values())

    for name in STIR:
        tab.open(name)
        tab.assert_shows(left[name], f"{name} by its link")
    for name in reversed([*STIR][:-1]):
        page.go_back()
        tab.ready(name)
        tab.assert_shows(left[name], f"back to {name}")
    for name in [*STIR][1:]:
        page.go_forward()
        tab.ready(name)
        tab.assert_shows(left[name], f"forward to {name}")
        page.reload()
        tab.ready(name)
        tab.assert_shows(left[name], f"{name} reloaded")
    other.page.bring_to_front()
    for name in STIR:
        other.page.goto(tab.address + left[name]["link"])
        other.ready(name)
        other.assert_shows(left[name], f"the link of {name} in another tab")


def test_models_that_were_looked_at_come_back_with_what_was_shown_of_each(tabs) -> None:
    tab, other = tabs
    page, room = tab.page, tab.room
    page.bring_to_front()
    page.goto(f"{tab.address}/?model={FLAT}#z=1,1&colour=rate")
    tab.ready("")
    first = tab.settled()
    assert first["link"] == f"/?model={FLAT}#colour=rate&z=1,1"
    room.choose("MNIST · 10-D · β = 1").ready(DEEP)
    room.slider(3, "number").fill("0.5")
    tab.ready("")
    second = tab.settled()
    assert "z=0,0,0,0.5" in second["link"]
    page.go_back()
    room.ready(FLAT)
    tab.assert_shows(first, "back to the model before")
    page.go_forward()
    room.ready(DEEP)
    tab.assert_shows(second, "forward to the model after")

    # a second tab goes its own way
    other.page.bring_to_front()
    other.page.goto(other.address)
    other.ready("")
    own = other.settled()
    assert own["link"] == "/"
    other.open("kl")
    other.open("")
    other.assert_shows(own, "the other tab")

    # a link that is pasted over counts, and is where its page comes back to
    page.bring_to_front()
    page.evaluate(f"location.hash = {first['link'].split('#')[1]!r}".replace("1,1", "0,0,0,0,0,0,0,0,0,1"))
    eventually(lambda: np.testing.assert_array_equal(room.fields(), [0] * 9 + [1]))
    tab.ready("")
    pasted = tab.settled()
    tab.open("kl")
    tab.open("")
    tab.assert_shows(pasted, "the pasted link")

    # a model that is gone says so, the first is shown in its place, and what was before that is as it was left
    page.goto(f"{tab.address}/?model=gone#z=3,3")
    eventually(lambda: _assert_said(page, "There is no model 'gone' here"))
    tab.ready("")
    assert tab.link == "/#z=3,3"
    page.evaluate("history.go(-2)")
    room.ready(DEEP)
    tab.assert_shows(pasted, "back from a model that is gone")


def _assert_said(page: Page, text: str) -> None:
    assert any(text in alert for alert in page.get_by_test_id("stAlert").all_inner_texts())


def test_colours_come_and_go_and_the_part_of_the_map_in_view_stays(tabs) -> None:
    tab, _ = tabs
    page, room = tab.page, tab.room
    page.bring_to_front()
    page.goto(f"{tab.address}/?model={FLAT}")
    tab.ready("")
    for _ in range(2):  # all of the map, then a part of it
        before, view = tab.settled(), room.view()
        for _ in range(3):
            for colour in ("rate", "class"):
                page.select_option("select.er-colour", colour)
                eventually(lambda colour=colour: _assert_bar(page, colour == "rate"))
        for axis in ("x", "y"):
            np.testing.assert_allclose(room.view()[axis], view[axis], rtol=1e-12)
        tab.ready("")
        tab.assert_shows(before, "after three turns of the colour")
        zoom(page, ".er-map")
        eventually(lambda: _assert_zoomed(room))


def _assert_bar(page: Page, there: bool) -> None:
    assert (page.evaluate("document.querySelector('.er-plot')._fullLayout._size.r") > 50) == there


def _assert_zoomed(room: Room) -> None:
    assert "view" in room.link
