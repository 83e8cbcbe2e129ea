"""What stands in front of Streamlit's page: no request that fails, and a line where it would show a dialog."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.browser import start, wait_until_up
from tests.browser.conftest import PATIENCE, watched
from tests.browser.room import ROOT, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page

DIALOGS = """() => {
  window.dialogs = [];
  addEventListener("message", ({ data }) => data?.type === "CLIENT_ERROR_DIALOG" && window.dialogs.push(data.error));
}"""


@pytest.fixture
def page(browser) -> Iterator[Page]:
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE)
        yield context.new_page()


@pytest.mark.parametrize("name", ["kl", "elbo", "gradients", "train"])
def test_a_page_that_is_opened_by_its_own_address_asks_for_nothing_that_is_not_there(page, address, name) -> None:
    wrong = watched(page, address)
    page.on("response", lambda response: wrong.append(response.url) if response.status >= 400 else None)
    probes: list[str] = []
    page.on("request", lambda request: probes.append(request.url) if "_stcore/h" in request.url else None)
    page.goto(f"{address}/{name}")
    page.wait_for_selector(".room-title")
    assert probes
    assert {url.removeprefix(address).partition("?")[0] for url in probes} == {
        "/_stcore/health",
        "/_stcore/host-config",
    }
    assert not wrong
    assert page.url.startswith(f"{address}/{name}")


def test_a_page_that_is_not_there_is_told_in_a_line(page, address) -> None:
    page.goto(f"{address}/nowhere")
    line = page.locator(".room-trouble")
    line.wait_for()
    assert "does not seem to exist" in line.inner_text()
    assert page.locator('[role="dialog"]').count() == 0
    line.locator("button").click()
    assert line.is_hidden()


def test_a_server_that_is_down_is_told_in_a_line_and_come_back_to(page, tmp_path: Path) -> None:
    environment = {"ELBO_ROOM_RUNS": str(tmp_path), "ELBO_ROOM_DATA": str(tmp_path / "none")}
    process, address = start(ROOT / "app.py", environment)
    try:
        wait_until_up(process, address)
        page.goto(f"{address}/train")
        page.locator('[data-testid="stBaseButton-primary"]').wait_for()
        page.evaluate(DIALOGS)
        process.terminate()
        process.wait(600)
        line = page.locator(".room-trouble")
        line.wait_for()
        assert "start it again" in line.inner_text()
        page.wait_for_function("window.dialogs.includes('Connection error')")  # here Streamlit opens its own
        assert page.locator('[role="dialog"]').count() == 0
        assert line.is_visible()
        process, _ = start(ROOT / "app.py", environment, int(address.rpartition(":")[2]))
        line.wait_for(state="hidden")
        page.locator('[data-testid="stPopover"] button', has_text="Settings").click()
        page.get_by_label("latent dim").first.wait_for()
        eventually(lambda: _check(page.locator('[data-testid="stBaseButton-primary"]').is_enabled()))
    finally:
        process.terminate()
        process.wait(600)


def _check(truth: object) -> None:
    assert truth
