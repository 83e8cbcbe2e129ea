"""The app in a real Chromium, started once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.room import ROOT, Room
from tests.conftest import lacking

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

WINDOW = {"width": 1440, "height": 900}
PATIENCE = 60_000  # ms for the page to answer, on a machine that has much else to do


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    try:
        from bench.browser import HOW_TO, chromium, executable
    except ImportError:
        lacking("There is no Playwright here: pip install -r requirements-dev.txt")
    if executable() is None:
        lacking(f"There is no Chromium here: {HOW_TO}.")
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def runs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the app looks for runs; tests put theirs in."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def address(browser: Browser, runs_folder: Path) -> Iterator[str]:
    """The app's address. It has no images but those of the gallery and of scikit-learn."""
    from bench.browser import served

    nowhere = str(runs_folder.with_name("no-data"))
    cache = str(runs_folder.with_name("cache"))
    environment = {"ELBO_ROOM_RUNS": str(runs_folder), "ELBO_ROOM_DATA": nowhere, "ELBO_ROOM_CACHE": cache}
    with served(ROOT / "app.py", environment) as address:
        yield address


def watched(page: Page, address: str) -> list[str]:
    """A list that gains what must not happen on a page: errors, and requests to anyone but the app."""
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: None if _own(request.url, address) else wrong.append(f"asked for {request.url}"))
    return wrong


def _own(url: str, address: str) -> bool:
    return url.startswith((address, address.replace("http", "ws", 1), "data:", "blob:"))


@pytest.fixture
def new_room(browser: Browser, address: str) -> Iterator[Callable[..., Room]]:
    """A browser of one's own with whatever options, as often as it is called; nothing may go wrong in any."""
    contexts, wrong = [], []

    def make(**options: Any) -> Room:
        context = browser.new_context(**{"viewport": WINDOW, "color_scheme": "light", **options})
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        wrong.append(watched(page, address))
        return Room(page, address)

    yield make
    broken = [tracebacks(page) for context in contexts for page in context.pages]
    for context in contexts:
        context.close()
    assert not [text for texts in (*wrong, *broken) for text in texts]


@contextmanager
def _new_page(context: BrowserContext, address: str) -> Iterator[tuple[Room, list[str]]]:
    page = context.new_page()
    yield Room(page, address), watched(page, address)
    page.close()


class Desk:
    """The page that tests share, since a person does not reload it either, until one of them has failed."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context, self.address = context, address
        self.stack = ExitStack()
        self.opened: tuple[Room, list[str]] | None = None

    def open(self) -> tuple[Room, list[str]]:
        if self.opened is None:
            self.opened = self.stack.enter_context(_new_page(self.context, self.address))
        return self.opened

    def clear(self) -> None:
        self.opened = None
        self.stack.close()


@pytest.fixture(scope="session")
def desk(browser: Browser, address: str) -> Iterator[Desk]:
    with browser.new_context(viewport=WINDOW, color_scheme="light") as context:
        context.set_default_timeout(PATIENCE)
        desk = Desk(context, address)
        yield desk
        desk.clear()


@pytest.fixture
def room(desk: Desk, request: pytest.FixtureRequest) -> Iterator[Room]:
    """The shared page; nothing has gone wrong on it by the end of the test."""
    failures = request.session.testsfailed
    room, wrong = desk.open()
    wrong.clear()
    yield room
    wrong += tracebacks(room.page)
    if wrong or request.session.testsfailed > failures:
        desk.clear()
    assert not wrong


@pytest.fixture
def fresh(desk: Desk, address: str) -> Iterator[Room]:
    """A page of one's own, in the browser of the shared one."""
    with _new_page(desk.context, address) as (room, wrong):
        yield room
        wrong += tracebacks(room.page)
    assert not wrong


def tracebacks(page: Page) -> list[str]:
    return page.locator('[data-testid="stException"]').all_inner_texts()
