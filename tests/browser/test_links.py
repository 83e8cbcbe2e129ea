"""The address bar: it says what is shown, and says it again to whoever opens the link."""

from __future__ import annotations

import numpy as np

from tests.browser.room import DEEP, FLAT, Room, eventually, gallery


def assert_model(room: Room, model: str) -> None:
    assert room.page.locator(".er-root").get_attribute("data-ready") == model


def test_what_is_chosen_stands_in_the_address_and_a_link_brings_it_back(room, fresh) -> None:
    room.open()
    room.choose("MNIST · 10-D · β = 1").ready(DEEP)
    room.page.select_option("select.er-colour", "distortion")
    room.page.select_option("select.er-plane", "axes")
    room.page.select_option("select.er-across", "5")
    room.page.select_option("select.er-up", "2")
    room.page.select_option("select.er-zones", "7")
    room.page.locator(".er-scale").fill("2.5")
    room.page.select_option("select.er-density", "ratio")
    room.page.locator(".er-legend button").nth(4).click()
    room.slider(8, "number").fill("1.25")
    room.slider(2, "number").fill("-0.75")
    z = room.z()
    chosen = {"colour": "distortion", "plane": "5,2", "zones": "7", "scale": "2.5", "density": "ratio", "hidden": "4"}

    def written() -> None:
        assert room.link == {**chosen, "z": "0,0,-0.75,0,0,0,0,0,1.25,0"}
        assert f"?model={DEEP}#" in room.page.evaluate("location.href")

    eventually(written)

    fresh.page.goto(room.page.evaluate("location.href"))
    fresh.ready(DEEP)
    for name in ("colour", "zones", "density"):
        assert fresh.page.locator(f"select.er-{name}").input_value() == chosen[name]
    assert fresh.page.locator("select.er-across").input_value() == "5"
    assert fresh.page.locator("select.er-up").input_value() == "2"
    assert fresh.page.locator(".er-scale").input_value() == "2.5"
    assert fresh.page.locator('.er-legend button[aria-pressed="false"]').all_inner_texts() == ["4"]
    np.testing.assert_array_equal(fresh.z(), z)
    assert fresh.pinned
    assert fresh.link == room.link
    np.testing.assert_array_equal(fresh.picture(), room.picture())
    title = fresh.page.evaluate("document.querySelector('.er-plot')._fullLayout.coloraxis.colorbar.title.text")
    assert title == "distortion, nats"
    assert fresh.page.locator('[data-testid="stSelectbox"] input').input_value() == "MNIST · 10-D · β = 1"


def test_a_pinned_data_point_is_in_the_link(room, fresh) -> None:
    model = gallery(FLAT)
    room.open()
    i = int(np.argmin(np.hypot(*(model.held_out.mu - [-1.5, 0.5]).T)))
    room.click(*model.held_out.mu[i])
    i = room.nearest(model)
    room.z()
    fresh.page.goto(room.page.evaluate("location.href"))
    fresh.ready(FLAT, plotted=False)
    assert fresh.nearest(model) == i
    assert fresh.link["point"] == str(i)
    np.testing.assert_allclose(fresh.z(), model.held_out.mu[i], atol=6e-5)


def test_going_back_opens_the_model_before(room) -> None:
    room.open()
    room.choose("MNIST · 10-D · β = 1").ready(DEEP)
    eventually(lambda: _assert_asks_for(room, DEEP))
    room.page.go_back()
    room.ready(FLAT)
    eventually(lambda: _assert_asks_for(room, None))
    assert room.page.locator('[data-testid="stSelectbox"] input').input_value() == "MNIST · 2-D · β = 1"
    room.page.go_forward()
    room.ready(DEEP)
    eventually(lambda: _assert_asks_for(room, DEEP))


def _assert_asks_for(room: Room, model: str | None) -> None:
    assert room.page.evaluate("new URLSearchParams(location.search).get('model')") == model


def test_another_link_in_the_same_page_is_followed(room) -> None:
    room.open(link="z=1,1&colour=rate")
    room.page.evaluate("location.hash = 'z=-0.5,0.25&zones=all'")
    eventually(lambda: np.testing.assert_array_equal(room.fields(), [-0.5, 0.25]))
    eventually(lambda: _assert_link(room, {"z": "-0.5,0.25", "zones": "all"}))
    assert room.page.locator("select.er-colour").input_value() == "class"


def _assert_link(room: Room, link: dict[str, str]) -> None:
    assert room.link == link


# every part is judged by itself, so a link can hold one kind of nonsense each
NONSENSE = [
    "z=1&colour=<img src=x onerror=alert(1)>&plane=0,0&zones=10&scale=NaN&density=1&hidden=11&point=5",
    "z=1,2,3&colour=__proto__&plane=00,0&zones=007&scale=9e9&density=&hidden=a,b&point=-1",
    "z=nan,1&colour=&plane=0,2&zones=1.5&scale=-1&density=Q&hidden=,,,&point=5000",
    "z=,&plane=pca&zones=-1&scale=&hidden=1,99",
    "z=Infinity,0&plane=-1,0&zones=&scale=1e999&hidden=1.5",
    "z=1e99,0&plane=0",
    "z=-20.5,0&plane=0,1,1",
    "z=<script>,0",
    "z",
    "%E0%A4%A&&&==&💥",
    "z=" + "1," * 5000,
]


def test_nonsense_behind_the_hash_is_passed_over(room) -> None:
    room.open()
    plain = room.picture()
    view = room.view()
    for nonsense in NONSENSE:
        # followed at once, as another link; then everything is as if it had said nothing
        room.page.evaluate("(link) => (location.hash = link)", nonsense)
        eventually(lambda: _assert_link(room, {}))
        np.testing.assert_array_equal(room.fields(), [0, 0])
        np.testing.assert_array_equal(room.picture(), plain)
        assert not room.pinned
        chosen = {name: room.page.locator(f"select.er-{name}").input_value() for name in ("colour", "zones", "density")}
        assert chosen == {"colour": "class", "zones": "pointer", "density": "off"}, nonsense
        assert room.page.locator(".er-scale").input_value() == "1"
        assert room.page.locator('.er-legend button[aria-pressed="false"]').count() == 0
        assert room.view() == view


def test_a_page_opens_with_nonsense_behind_the_hash(fresh) -> None:
    room = fresh.open(link="z=1,2,3&colour=mauve&%E0%A4%A&plane=0,0")
    np.testing.assert_array_equal(room.fields(), [0, 0])
    at = room.hover(1.0, 1.0)
    np.testing.assert_allclose(room.fields(), at, atol=0.00501)


ABSENT = ["nonsense", "runs/../../etc%00", "é" * 300]


def test_a_link_to_no_model_says_so_and_shows_the_first(fresh) -> None:
    room = fresh
    for absent in ABSENT:
        room.page.goto(f"{room.address}/?model={absent}")
        room.ready(FLAT, plotted=False)
        eventually(lambda: _assert_one_sentence(room.page.locator('[data-testid="stAlert"]').all_inner_texts()))
        eventually(lambda: _assert_asks_for(room, None))


def _assert_one_sentence(texts: list[str]) -> None:
    assert len(texts) == 1
    assert texts[0].strip().endswith(".")
    assert "\n" not in texts[0].strip()


def test_copying_the_link_takes_the_spot_under_the_lens(room, fresh) -> None:
    room.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    room.open(link="colour=rate")
    at = room.hover(1.0, -0.5)
    # by the keyboard, so that the pointer stays where it is
    room.page.locator(".er-share").focus()
    room.page.keyboard.press("Enter")
    eventually(lambda: _assert_copied(room))
    link = room.page.evaluate("navigator.clipboard.readText()")
    assert not room.pinned
    fresh.page.goto(link)
    fresh.ready(FLAT, plotted=False)
    np.testing.assert_allclose(fresh.z(), at, atol=6e-5)
    assert fresh.page.locator("select.er-colour").input_value() == "rate"


def _assert_copied(room: Room) -> None:
    assert room.text(".er-share") == "copied"


def test_choices_stay_where_they_fit_when_the_model_changes(room) -> None:
    room.open(link="z=2,1&colour=rate&zones=all&hidden=1")
    room.choose("MNIST · 10-D · β = 1").ready(DEEP)
    eventually(lambda: _assert_link(room, {"colour": "rate", "zones": "all"}))
    assert room.page.locator('.er-legend button[aria-pressed="false"]').count() == 0
    np.testing.assert_array_equal(room.fields(), np.zeros(10))
