"""A person who does not wait, and one who looks closely: the page ends in the state that was asked for last."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.room import DEEP, FLAT, Room, eventually, gallery

NAMES = {FLAT: "MNIST · 2-D · β = 1", DEEP: "MNIST · 10-D · β = 1"}


def assert_consistent(room: Room, name: str) -> None:
    """Map, lens, sliders, facts and address are all of one model."""
    model = gallery(name)
    assert room.page.locator(".er-root").get_attribute("data-ready") == name
    assert len(room.fields()) == model.latent_dim
    assert room.page.locator('[data-testid="stSelectbox"] input').input_value() == NAMES[name]
    assert f"{model.latent_dim}-D latent space" in room.text(".room-facts")
    asked = room.page.evaluate("new URLSearchParams(location.search).get('model')")
    assert asked in ((None, name) if name == FLAT else (name,))  # the first of the list needs no name
    rows = np.eye(2) if model.latent_dim == 2 else model.principal
    first = room.page.evaluate("document.querySelector('.er-plot').data.map((trace) => [trace.x[0], trace.y[0]])")
    for c, spot in enumerate(first):
        expected = rows @ model.held_out.mu[np.flatnonzero(model.held_out.labels == c)[0]]
        np.testing.assert_allclose(spot, expected, atol=1e-5)


def test_switching_models_without_waiting_ends_at_the_last(room) -> None:
    room.open(FLAT)
    for name in (DEEP, FLAT, DEEP):
        room.choose(NAMES[name])  # nobody waits for the map
    eventually(lambda: assert_consistent(room, DEEP))
    at = room.hover(1.0, 1.0)
    model = gallery(DEEP)
    room.assert_shows(model, at @ model.principal, off=1e-5)


def test_a_reload_in_the_middle_of_it_all(room) -> None:
    room.open(FLAT)
    room.choose(NAMES[DEEP])
    room.page.reload(wait_until="commit")
    room.page.wait_for_selector("#root", state="attached")
    room.page.reload(wait_until="commit")
    room.page.wait_for_selector(".er-root[data-ready]")
    name = room.page.locator(".er-root").get_attribute("data-ready")
    room.ready(name)  # which of the two was in the address is a matter of luck
    eventually(lambda: assert_consistent(room, name))


def test_every_control_at_once(room) -> None:
    """Many inputs in one task: the page answers the last of each."""
    room.open(DEEP)
    room.page.evaluate(
        """() => {
          const set = (selector, values, type) => {
            const element = document.querySelector(selector);
            for (const value of values) { element.value = value; element.dispatchEvent(new Event(type)); }
          };
          set("select.er-colour", ["rate", "class", "volume"], "change");
          set("select.er-zones", ["all", "none", "3"], "change");
          set("select.er-density", ["q", "ratio"], "change");
          set("select.er-plane", ["axes", "pca", "axes"], "change");
          set(".er-scale", [3, 0.5, 2], "input");
          for (const button of document.querySelectorAll(".er-legend button:nth-child(odd)")) button.click();
          for (const button of document.querySelectorAll(".er-draws button:not(.er-share)")) button.click();
          set('.er-slider input[type="number"]', [4, 3, 2], "input");
        }"""
    )

    def settled() -> None:
        link = room.link
        expected = {"colour": "volume", "zones": "3", "density": "ratio", "scale": "2", "plane": "4,8"}
        assert {**expected, "hidden": "0,2,4,6,8"}.items() <= link.items()

    eventually(settled)
    z = room.z()
    model = gallery(DEEP)
    room.assert_shows(model, z, off=5e-5)

    def drawn() -> None:
        plot = room.page.evaluate(
            """() => {
              const { _fullLayout: layout, data } = document.querySelector(".er-plot");
              return [layout.xaxis.title.text, layout.coloraxis?.colorbar.title.text, data.filter((t) => t.visible).length];
            }"""
        )
        assert plot == ["z₅", "ln posterior volume, Σ ln σ", 5]

    eventually(drawn)


@pytest.mark.parametrize("name", [FLAT, DEEP])
def test_all_of_the_page_is_on_the_screen_without_scrolling(room, name) -> None:
    room.open(name, plotted=False)
    for width, height in ((1920, 1080), (1440, 900)):
        room.page.set_viewport_size({"width": width, "height": height})

        def within(width: int = width, height: int = height) -> None:
            for selector in (".er-map", ".er-decoded", ".er-draws", ".er-controls", ".er-legend", ".room-facts"):
                box = room.page.locator(selector).bounding_box()
                assert min(box["x"], box["y"]) >= 0, selector
                assert box["x"] + box["width"] <= width, selector
                assert box["y"] + box["height"] <= height, selector
            assert room.page.locator(".er-map").bounding_box()["height"] > 0.6 * height

        eventually(within)


def test_the_map_follows_the_theme(room) -> None:
    """Labels of the axes and the rings can be read on the ground that they stand on, light or dark."""
    room.open()
    for scheme in ("dark", "light"):
        room.page.emulate_media(color_scheme=scheme)
        eventually(lambda: assert_readable(room))


def assert_readable(room: Room) -> None:
    ground, ticks, ring, text = room.page.evaluate(
        """() => [
          getComputedStyle(document.querySelector(".stApp")).backgroundColor,
          getComputedStyle(document.querySelector(".er-plot .xtick text")).fill,
          getComputedStyle(document.querySelector(".er-ring")).fill,
          getComputedStyle(document.querySelector(".er-norm")).color,
        ]"""
    )
    for colour in (ticks, ring, text):
        assert contrast(colour, ground) > 7


def contrast(one: str, other: str) -> float:
    """Of two colours, as WCAG 2 counts it."""

    def luminance(colour: str) -> float:
        rgb = np.array([float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]) / 255
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    lighter, darker = sorted([luminance(one), luminance(other)], reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
