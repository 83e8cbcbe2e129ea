"""Controls can be reached and are whole: at every size of the window, with text of the usual size and of twice that.

Text of 200% is the browser's own setting (twice the default font size): what is set in rem, and media queries in em, follow
it. Zooming the page to 200% is a window of half the size, of which there are enough among the sizes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.conftest import WINDOW
from tests.browser.room import Room, eventually
from tests.browser.test_live_view import Watched
from vae.files import control

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

SIZES = [(320, 568), (390, 844), (844, 390), (960, 600), (1024, 768), (1280, 720), (1536, 730), (3840, 2160)]
TEXT = (1, 2)  # times the usual size
MEASURE = Path(__file__).with_name("controls.js").read_text()
RUNS = ("laid-out", "laid-out-beside")
FIRST = ".er-root[data-ready]"
# The picture that a page is about, and its height in pixels.
HERO = """(selector) => document.querySelector(selector).getBoundingClientRect().height"""
VIEWS = {  # where it stands, its picture
    "explore": ("?model=mnist-2d", ".er-map"),
    "KL effect": ("kl?path=mnist-2d", ".page-stage"),
    "ELBO": ("elbo?model=mnist-2d", ".page-stage"),
    "gradients": ("gradients", "#gr-fit .gr-stage"),
    "train": (f"train?run={RUNS[0]}", ".page-stage"),
}
# What else a page shows, at some of the sizes: where it stands, its picture, and what is pressed to see one part after the other.
TOOLS = [f'[data-tool="{tool}"]' for tool in ("draw", "interpolate", "traverse", "sample", "select", "neighbours")]
TABS = [f'[data-tab="{tab}"]' for tab in ("variance", "trick", "divergences", "code")]
PARTS = {
    "many dimensions": ("?model=mnist-10d", ".er-map", [".er-tabs [data-tool=lens]"]),
    "tools": ("?model=mnist-2d", ".er-map", [f".er-tabs {tool}" for tool in TOOLS]),
    "sections of gradients": ("gradients", None, [f".gr-tabs {tab}" for tab in TABS]),
    "two runs": (f"train?run={RUNS[0]}&with={RUNS[1]}", ".page-stage", [".page-options [data-zones=all]"]),
}
SOME = [(320, 568), (1024, 768), (1440, 900)]


class Window:
    """A page whose window and text change in place."""

    def __init__(self, room: Room, browser: CDPSession) -> None:
        self.room, self.page, self.browser = room, room.page, browser

    def open(self, link: str) -> None:
        self.resize((WINDOW["width"], WINDOW["height"]), 1)
        self.page.goto("about:blank")  # of a link that differs behind its "#" alone, too, the page is opened anew
        self.page.goto(f"{self.room.address}/{link}")
        self.page.wait_for_selector(FIRST)

    def resize(self, size: tuple[int, int], text: float) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.browser.send("Page.setFontSizes", {"fontSizes": {"standard": round(16 * text)}})

    def assert_whole(self, hero: str | None) -> None:
        found = self.page.evaluate(MEASURE)
        assert found["controls"] > 5
        assert not found["covered"]
        assert not found["cut"]
        if hero:
            assert self.page.evaluate(HERO, hero) > 180


@pytest.fixture(scope="module")
def window(own_page: Page, address: str) -> Window:
    return Window(Room(own_page, address), own_page.context.new_cdp_session(own_page))


@pytest.fixture(scope="module")
def training(runs_folder: Path) -> Iterator[None]:
    """Two runs that train, though hardly: other tests may need the machine."""
    runs = [Watched(runs_folder / name) for name in RUNS]
    try:
        for run in runs:
            eventually(lambda run=run: _assert(run.status()["state"] == "running"), 60)
            control.ask(run.folder, pace=1)
        yield
    finally:
        for run in runs:
            run.process.terminate()
        for run in runs:
            run.process.wait(600)


def _assert(truth: bool) -> None:
    assert truth


@pytest.mark.usefixtures("training")
@pytest.mark.parametrize("view", VIEWS)
def test_no_control_is_covered_or_cut(window, view) -> None:
    link, hero = VIEWS[view]
    window.open(link)
    for text in TEXT:
        for size in SIZES:
            window.resize(size, text)
            _assert_whole_at(window, hero, size, text)


@pytest.mark.usefixtures("training")
@pytest.mark.parametrize("view", PARTS)
def test_nor_is_one_in_any_part_of_a_page(window, view) -> None:
    link, hero, pressed = PARTS[view]
    window.open(link)
    for text in TEXT:
        for size in SOME:
            window.resize(size, text)
            for part in pressed:
                window.page.click(part)
                _assert_whole_at(window, hero, size, text, part)


def _assert_whole_at(window: Window, hero: str | None, size: tuple[int, int], text: float, part: str = "") -> None:
    try:
        eventually(lambda: window.assert_whole(hero), 8)  # once it has settled
    except AssertionError as error:
        raise AssertionError(f"{size[0]}×{size[1]}, text {text:.0%} {part}: {error}") from error


@pytest.mark.parametrize("size", [(1280, 720), (1440, 900)])
def test_what_a_page_is_steered_with_stands_above_the_fold(window, size) -> None:
    for link, controls in (("kl?path=mnist-2d", ".kl-slider input"), ("?model=mnist-2d", ".er-draws button >> nth=2")):
        window.open(link)
        window.resize(size, 1)

        def seen(controls: str = controls) -> None:
            box = window.page.locator(controls).bounding_box()
            assert box["y"] + box["height"] <= size[1]

        eventually(seen, 8)


@pytest.fixture(scope="module")
def many_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Latents of 200 classes: one of a long name, one whose name would turn the text's direction."""
    names = [f"species {c:03d}" for c in range(200)]
    names[7] = "a very long name of a class, as taxonomies have them, and folders"
    names[11] = "harmless\u202egnp.exe"
    names[12] = "שלום"  # of a script that is written from right to left: as it is
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("many") / "many.npz"
    labels = np.repeat(names, 3)
    np.savez(path, mu=rng.normal(size=(600, 2)), logvar=rng.normal(-2, 0.1, (600, 2)), labels=labels)
    return path


def test_the_legend_of_200_classes_scrolls_is_searched_and_folds(window, many_classes) -> None:
    window.open(f"?model=path:{many_classes}")
    page, legend = window.page, window.page.locator(".er-legend")
    for size, text in (((390, 844), 1), ((1280, 720), 1), ((1280, 720), 2)):
        window.resize(size, text)

        def room_for_the_map() -> None:
            assert page.locator(".er-map").bounding_box()["height"] > 0.3 * size[1]  # noqa: B023
            assert legend.bounding_box()["height"] < 200 * text  # noqa: B023

        eventually(room_for_the_map, 8)
        eventually(lambda: window.assert_whole(".er-map"), 8)
    names = page.locator(".er-legend-list button:visible")
    assert names.count() == 200
    scrolled = "(list) => [list.clientHeight, list.scrollHeight]"
    shown, all_of_it = page.locator(".er-legend-list").evaluate(scrolled)
    assert shown < all_of_it
    search = page.get_by_label("find a class")
    search.fill("SPECIES 04")
    assert names.all_inner_texts() == [f"species {c:03d}" for c in range(40, 50)]
    search.press("Enter")
    eventually(lambda: _assert(page.locator('.er-legend button[aria-pressed="true"]').count() == 10))
    search.press("Enter")
    eventually(lambda: _assert(page.locator('.er-legend button[aria-pressed="false"]').count() == 0))
    search.press("Escape")
    assert names.count() == 200
    page.get_by_role("button", name="200 classes").click()
    assert names.count() == 0
    page.get_by_role("button", name="200 classes").click()
    assert names.count() == 200


def test_class_names_are_whole_on_hover_and_turn_no_text(window, many_classes) -> None:
    window.open(f"?model=path:{many_classes}")
    texts = window.page.locator(".er-legend-list button").all_inner_texts()
    assert r"harmless\u202egnp.exe" in texts
    assert "שלום" in texts
    long = window.page.locator(".er-legend-list button", has_text="a very long name")
    assert long.bounding_box()["width"] < 300
    assert (
        long.get_attribute("title").split("\n")[0]
        == "a very long name of a class, as taxonomies have them, and folders"[:60]
    )
    assert not window.page.evaluate(r"/[\u202a-\u202e\u2066-\u2069]/.test(document.body.innerHTML)")
