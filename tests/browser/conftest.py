"""The app in a real Chromium, started once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.room import FLAT, MODELS, ROOT, Room
from tests.conftest import lacking
from vae.cli import main

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


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Takes models and latents home, all into one folder, whose address it returns."""
    folder = tmp_path_factory.mktemp("taken-home")

    def take(*sources: Path) -> str:
        for source in sources:
            target = folder / f"{source.stem}.html"
            assert target.exists() or main(["export", str(source), "-o", str(target)]) == 0
        return folder.as_uri()

    return take


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

    def make(address: str = address, **options: Any) -> Room:
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


@pytest.fixture(scope="module")
def own_page(browser: Browser) -> Iterator[Page]:
    """A page that the tests of a module share; nothing may go wrong on it."""
    with browser.new_context(viewport=WINDOW, color_scheme="light") as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("response", lambda r: wrong.append(r.url) if r.status >= 400 else None)
        yield page
        assert not wrong


@contextmanager
def _new_page(context: BrowserContext, address: str) -> Iterator[tuple[Room, list[str]]]:
    page = context.new_page()
    yield Room(page, address), watched(page, address)
    page.close()


class Desk:
    """The pages that tests share, since a person does not reload them either, until a test has failed.

    Every model of the gallery has a page of its own, which stays open while another is looked at.
    """

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context, self.address = context, address
        self.opened: dict[str, tuple[Page, list[str]]] = {}

    def page_of(self, model: str) -> Page:
        key = model if model in MODELS else ""
        if key not in self.opened:
            page = self.context.new_page()
            self.opened[key] = page, watched(page, self.address)
        return self.opened[key][0]

    def wrong(self) -> list[str]:
        """What has gone wrong on any of the pages."""
        return [text for page, texts in self.opened.values() for text in (*texts, *tracebacks(page))]

    def forgive(self) -> None:
        for _, texts in self.opened.values():
            texts.clear()

    def clear(self) -> None:
        for page, _ in self.opened.values():
            page.close()
        self.opened.clear()


class SharedRoom(Room):
    """A room at a desk: to open another model is to turn to its page."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.page_of(FLAT), desk.address)
        self.desk = desk

    def open(self, model: str = FLAT, link: str = "", *, plotted: bool = True) -> Room:
        self.page = self.desk.page_of(model)
        return super().open(model, link, plotted=plotted)


@pytest.fixture(scope="session")
def desk(browser: Browser, address: str) -> Iterator[Desk]:
    with browser.new_context(viewport=WINDOW, color_scheme="light") as context:
        context.set_default_timeout(PATIENCE)
        desk = Desk(context, address)
        yield desk
        desk.clear()


@pytest.fixture
def room(desk: Desk, request: pytest.FixtureRequest) -> Iterator[Room]:
    """The shared pages; nothing has gone wrong on them by the end of the test."""
    failures = request.session.testsfailed
    desk.forgive()
    yield SharedRoom(desk)
    wrong = desk.wrong()
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
