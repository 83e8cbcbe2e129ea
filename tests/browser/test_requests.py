"""What a page asks the server for when it is opened: its own modules, each once, and nothing of another page."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

import pytest

from server.published import module_path
from tests.browser.conftest import PATIENCE
from vae.files.browser_modules import needed_by, sources

READY = {
    "": ".er-root[data-ready]",
    "kl": ".kl[data-ready]",
    "elbo": ".eb[data-image]",
    "gradients": ".gr[data-ready]",
    "train": ".er-root canvas",
}


@pytest.mark.parametrize("page", READY)
def test_a_page_asks_for_its_own_modules_and_for_each_once(page, browser, address) -> None:
    entry = f"{page or 'explore'}/streamlit.js"
    if page == "train":  # without a run there is the overture
        entry = "train/streamlit-overture.js"
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE)
        tab = context.new_page()
        asked: Counter[str] = Counter()
        tab.on("request", lambda request: asked.update([urlsplit(request.url).path]))
        tab.goto(f"{address}/{page}")
        tab.wait_for_selector(READY[page])
        tab.wait_for_timeout(500)
    folder = "/" + module_path("").rstrip("/") + "/"
    modules = {path.removeprefix(folder): count for path, count in asked.items() if path.startswith(folder)}
    at_once, later = (needed_by(entry, sources(), late=late) for late in (False, True))
    preloaded = needed_by(f"{page or 'explore'}/streamlit.js", sources())
    assert set(at_once) <= set(modules) <= {*preloaded, *at_once, *later}
    # a worker fetches its modules from the browser's cache; to Playwright that is a request of its own
    assert all(count == 1 or name in later for name, count in modules.items()), modules
    beside = {path: count for path, count in asked.items() if "/room/" in path and not path.startswith(folder)}
    assert all(count == 1 for count in beside.values()), beside
