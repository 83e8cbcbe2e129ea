"""Pages whose picture ends where the window does go on doing so, whatever the window was before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.room import Room, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SCROLLED = """(top) => {
  const page = document.querySelector('[data-testid="stMain"]');
  if (top !== null) page.scrollTop = top;
  return [page.scrollTop, page.scrollHeight - page.clientHeight];
}"""


@pytest.fixture
def room(browser: Browser, address: str) -> Iterator[Room]:
    with browser.new_context() as context:
        yield Room(context.new_page(), address)


def test_after_a_small_window_that_was_scrolled_a_large_one_shows_the_page_whole(room) -> None:
    for name, ready in (
        ("kl", ".er-root[data-ready]"),
        ("elbo", ".er-root[data-ready]"),
        ("gradients", ".gr-plane:visible"),
    ):
        room.page.set_viewport_size({"width": 700, "height": 600})
        room.page.goto(f"{room.address}/{name}")
        room.page.wait_for_selector(ready)
        eventually(lambda: _assert_scrolled(room, down=True))
        room.page.set_viewport_size({"width": 1440, "height": 900})
        eventually(lambda: _assert_scrolled(room, down=False))


def _assert_scrolled(room: Room, down: bool) -> None:
    """All the way down, on a page longer than the window; or not at all, and there is nowhere to scroll to."""
    top, rest = room.page.evaluate(SCROLLED, 300 if down else None)
    assert (top > 100) == down
    assert (rest > 100) == down
