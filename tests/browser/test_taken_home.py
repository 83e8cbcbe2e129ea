"""The page taken home passes the tests of the app: from a file, in a browser without network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser import (
    test_drawing,
    test_links,
    test_map,
    test_map_tools,
    test_patience,
    test_sliders,
    test_tools,
    test_touch,
    test_zones,
)
from tests.browser.conftest import PATIENCE, WINDOW, Desk, watched
from tests.browser.room import FLAT, MODELS, Room, eventually, gallery, taken_from

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# What needs the server: its list of models and its folder of runs, its own address, its themes, a frame that does not
# come, t-SNE, the other pages and their modules.
APP_ALONE = {
    "test_what_is_chosen_stands_in_the_address_and_a_link_brings_it_back",
    "test_going_back_opens_the_model_before",
    "test_a_link_to_no_model_says_so_and_shows_the_first",
    "test_choices_stay_where_they_fit_when_the_model_changes",
    "test_switching_models_without_waiting_ends_at_the_last",
    "test_a_reload_in_the_middle_of_it_all",
    "test_the_map_follows_the_theme",
    "test_the_encoder_is_fetched_once_it_is_needed",
    "test_an_encoder_that_does_not_come_is_said_and_asked_for_again",
    "test_a_collapsed_dimension_is_named_as_such",
    "test_an_open_tool_goes_over_to_a_model_with_more_dimensions_and_back",
    "test_tsne_is_made_and_the_lens_decodes_the_nearest_point",
    "test_a_shape_of_a_link_waits_for_tsne",
    "test_swipes_scroll_every_page",
    "test_what_a_narrow_chart_says_does_not_overlap",
}

globals().update(
    taken_from(
        test_drawing, test_links, test_map, test_map_tools, test_patience, test_sliders,
        test_tools, test_touch, test_zones,
        without=APP_ALONE,
    )
)  # fmt: skip
phone, telephone = test_touch.phone, test_touch.telephone


@pytest.fixture(scope="module")
def address(home: Callable[..., str]) -> str:
    """A folder with the pages of all models of the gallery."""
    return home(*(gallery(name).folder for name in MODELS))


@pytest.fixture(scope="module")
def desk(browser: Browser, address: str) -> Iterator[Desk]:
    with browser.new_context(viewport=WINDOW, color_scheme="light", offline=True) as context:
        context.set_default_timeout(PATIENCE)
        desk = Desk(context, address)
        yield desk
        desk.clear()


def test_the_page_is_alone(browser, address) -> None:
    """Nothing is asked of anyone, and everything is there: also in the dark."""
    with browser.new_context(viewport=WINDOW, color_scheme="dark", offline=True) as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        wrong = watched(page, address)
        room = Room(page, address).open()
        grounds = "getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(grounds)
        page.emulate_media(color_scheme="light")
        light = page.evaluate(grounds)
        assert (dark, light) == ("rgb(16, 22, 29)", "rgb(255, 255, 255)")
        eventually(lambda: _assert_ticks(room, "rgb(28, 39, 51)"))
        assert [url for url in asked if not url.startswith(("blob:", "data:"))] == [room.url(FLAT)]
        assert not wrong


def _assert_ticks(room: Room, colour: str) -> None:
    ticks = room.page.evaluate("getComputedStyle(document.querySelector('.er-plot .xtick text')).fill")
    assert ticks == colour


def test_it_is_as_wide_as_the_window(browser, address) -> None:
    with browser.new_context(viewport={"width": 390, "height": 844}, offline=True) as context:
        context.set_default_timeout(PATIENCE)
        room = Room(context.new_page(), address).open(plotted=False)
        for width in (390, 820, 1440):
            room.page.set_viewport_size({"width": width, "height": 844})
            room.frames()
            assert room.page.evaluate("document.documentElement.scrollWidth") <= width
            assert room.page.locator(".room-title").is_visible()
