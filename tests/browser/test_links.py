"""The address bar: it says what is shown, and says it again to whoever opens the link."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

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
    eventually(lambda: _assert_asks_for(room, FLAT))
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


def test_a_link_is_followed_that_is_put_there_just_before_the_address_would_follow_a_choice(room) -> None:
    room.open(link="z=1,1")
    room.page.evaluate(
        """() => {
          setTimeout(() => (location.hash = "z=-0.5,0.25"));
          document.querySelector(".er-origin").click();
          const chosen = performance.now();
          while (performance.now() < chosen + 400); // the address is overdue, and comes before anyone hears of the link
        }"""
    )
    eventually(lambda: np.testing.assert_array_equal(room.fields(), [-0.5, 0.25]))
    eventually(lambda: _assert_link(room, {"z": "-0.5,0.25"}))


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
    "z=-2e6,0&plane=0,1,1",
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


# ---- what the tools show --------------------------------------------------------------------------------------------


def shown(room: Room, selector: str) -> np.ndarray:
    """The pictures of a tool, once all of them have been decoded: (n, H, W, 4)."""
    room.frames()
    eventually(lambda: _assert_all_decoded(room))
    canvases = room.page.locator(f"{selector} canvas")
    urls = canvases.evaluate_all("(all) => all.map((canvas) => canvas.toDataURL())")
    return np.array([Image.open(BytesIO(b64decode(url.split(",")[1]))) for url in urls]).astype(int)


def _assert_all_decoded(room: Room) -> None:
    assert room.page.locator(".er-tool").get_attribute("data-left") == "0"


def link_now(room: Room) -> str:
    """What stands behind the "#", once it has followed what was chosen."""
    room.page.wait_for_selector('.er-root:not([data-address="behind"])')
    return str(room.page.evaluate("location.hash.slice(1)"))


def zigzag(corners: int = 80) -> list[tuple[float, float]]:
    """A star around the middle of the map, of more corners than a link holds."""
    turns = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return [(r * np.cos(t), r * np.sin(t)) for t, r in zip(turns, 1.4 + 0.4 * (np.arange(corners) % 2), strict=True)]


def test_a_link_brings_back_what_a_tool_shows(room, fresh) -> None:
    room.page.bring_to_front()  # a page behind another is painted once a second
    room.open(link="tool=interpolate")
    room.click(-4.6, 3.1)
    room.click(*gallery(FLAT).held_out.mu[17])
    room.page.locator(".er-kinds button", has_text="spherical").click()
    room.page.locator(".er-t").evaluate("(input) => { input.value = 0.25; input.dispatchEvent(new Event('input')); }")
    path, film, looked = link_now(room), shown(room, ".er-film"), room.z()
    assert {"path=spherical", "t=0.25"} < set(path.split("&"))

    room.page.locator('.er-tabs [data-tool="sample"]').click()
    room.page.locator('[data-source="posterior"]').click()
    for name, value in (("temperature", "0.5"), ("seed", "7")):
        room.page.locator(f".er-{name}").fill(value)
    sample, draws = link_now(room), shown(room, ".er-drawings")
    assert {"source=posterior", "seed=7", "temperature=0.5"} < set(sample.split("&"))

    room.page.locator('.er-tabs [data-tool="select"]').click()
    room.page.wait_for_selector(".er-tool-select")
    start, *way = [room.pixel(*spot) for spot in zigzag()]
    room.page.mouse.move(*start)
    room.page.mouse.down()
    for pixel in way:
        room.page.mouse.move(*pixel)
    room.page.mouse.up()
    room.page.locator(".er-measure").select_option("rate")
    room.page.locator(".er-turn").click()
    selected, pairs, counted = link_now(room), shown(room, ".er-pairs"), room.text(".er-counted")
    assert len(room.link["shape"].split(",")) == 2 * 64

    fresh.page.bring_to_front()
    fresh.page.goto(room.url(FLAT, path))
    fresh.ready(FLAT).page.wait_for_selector(".er-tool-interpolate")
    np.testing.assert_allclose(shown(fresh, ".er-film"), film, atol=1.5)
    np.testing.assert_array_equal(fresh.z(), looked)
    assert fresh.page.locator(".er-t").input_value() == "0.25"
    assert link_now(fresh) == path

    fresh.follow(sample)
    fresh.page.wait_for_selector(".er-tool-sample")
    np.testing.assert_array_equal(shown(fresh, ".er-drawings"), draws)
    assert fresh.page.locator(".er-seed").input_value() == "7"
    assert fresh.page.locator(".er-temperature").input_value() == "0.5"

    fresh.follow(selected)
    fresh.page.wait_for_selector(".er-tool-select .er-pair")
    np.testing.assert_array_equal(shown(fresh, ".er-pairs"), pairs)
    assert fresh.text(".er-counted") == counted
    assert fresh.text(".er-turn") == "best first"


def test_a_link_brings_back_a_space_as_it_was_turned_and_the_part_of_it_in_view(room, fresh) -> None:
    room.page.bring_to_front()
    room.open(DEEP)
    room.page.select_option("select.er-plane", "space")
    sliders = room.page.locator(".er-slider label").all_inner_texts()  # by rate
    axes = [room.page.locator(f"select.er-{name} option:checked").inner_text() for name in ("across", "up", "deep")]
    assert axes == sliders[:3]
    room.page.select_option("select.er-deep", "5")
    box = room.page.locator(".er-map").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    room.page.mouse.move(*middle)
    room.page.mouse.down()
    room.page.mouse.move(middle[0] + 130, middle[1] + 60, steps=3)
    room.page.mouse.up()
    room.page.mouse.wheel(0, -300)
    eventually(lambda: _assert_told(room, "turn", "view"))
    link, picture = link_now(room), room.canvas(".er-space")
    fresh.page.bring_to_front()
    fresh.page.goto(room.url(DEEP, link))
    fresh.ready(DEEP)
    assert link_now(fresh) == link
    np.testing.assert_array_equal(fresh.canvas(".er-space"), picture)
    room.page.select_option("select.er-plane", "pca")
    eventually(lambda: _assert_link(room, {}))  # they belonged to that space


def _assert_told(room: Room, *names: str) -> None:
    assert set(names) <= set(room.link)


HOSTILE = {
    "interpolate": [
        "path=teleport&from=point5000&to=1,2,3&t=7",
        "path=&from=point-1&to=nan,1&t=1e999",
        "to=2e6,0&t=-1",
    ],
    "sample": ["source=all&posterior=1&seed=1e9&temperature=99", "source=__proto__&seed=-1&temperature=", "seed=x"],
    "select": ["shape=1,2,3&by=price&order=random", f"shape={'1,2,' * 64}3,4", "shape=1e9,0,1,1,2,2&by="],
}


def test_nonsense_about_a_tool_is_passed_over(room) -> None:
    for tool, links in HOSTILE.items():
        for link in links:
            room.open(link=f"tool={tool}&{link}")
            assert room.link == {"tool": tool}, link


# ---- what a link holds comes back exactly ------------------------------------------------------------------------------

# A state of k dimensions with `set` in it, described and read again: what of it is otherwise there.
ROUND_TRIP = """(m, k, { z, ...rest }) => {
  const bounds = { k, classes: 10, count: 100 };
  const state = new m.State({ ...m.valuesOf({}, bounds), ...rest, ...(z && { z: Float64Array.from(z), pinned: true }) });
  return Object.keys(state.differences(m.valuesOf(state.describe(), bounds)));
}"""


@pytest.mark.parametrize(
    ("k", "given"),
    [
        (2, {"tool": "select", "shape": [[-1.25, 0.5], [2.0, 0.75]], "mode": "box"}),  # a lasso that was drawn straight
        (2, {"z": [1 / 3, -2e-7], "view": [0.1 + 0.2, -1 / 7, 2 / 3]}),
        (2, {"z": [-31.25, 444.5], "colour": "volume", "scale": 2.5, "density": "holes", "manifold": "prior"}),
        (10, {"plane": "4,8,0", "turn": [0.6, 0.8, 0, -0.8, 0.6, 0], "view": [1e-3 / 3, 0, 5], "hidden": [0, 9]}),
        (10, {"tool": "interpolate", "path": "ridge", "to": {"point": 7}, "t": 1 / 3}),
    ],
)
def test_what_is_chosen_comes_back_to_the_last_digit(room, k, given) -> None:
    room.open()
    script = f"async ([name, k, set]) => ({ROUND_TRIP})(await import(name), k, set)"
    assert room.page.evaluate(script, [room.module("explore/state.js"), k, given]) == []
