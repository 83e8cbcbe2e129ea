"""The tools beside the map: their tabs, traverse, sample, neighbours; and what is said to those who do not see it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from server.open_models import available
from tests.browser.room import DEEP, FLAT, GALLERY, NAMELESS, Model, Room, eventually, gallery
from vae.files.held_out import FILE_NAME, HeldOut, save_held_out

SWEEP = np.linspace(-3, 3, 9)
COLLAPSED = 3  # the dimension that is made to tell nothing
TOOLS = ["lens", "draw", "interpolate", "traverse", "sample", "select", "neighbours"]


def tool(room: Room, name: str, model: str = FLAT, link: str = "") -> Room:
    room.open(model, f"tool={name}{link and '&' + link}")
    room.page.wait_for_selector(f".er-tool-{name}")
    return room


def settled(room: Room, name: str) -> None:
    """Every image of a tool has been decoded for the z that is shown."""
    room.frames()
    room.page.wait_for_selector(f'.er-tool-{name}[data-left="0"]')


def link_of(z: np.ndarray) -> str:
    return "z=" + ",".join(f"{v:.4f}" for v in z)


def pictures(room: Room, selector: str) -> list[np.ndarray]:
    canvases = room.page.locator(f"{selector} canvas")
    return [room.picture(f"{selector} canvas >> nth={i}") for i in range(canvases.count())]


# --- tabs ------------------------------------------------------------------------------------------------------------


def test_a_tab_opens_its_tool_and_the_lens_stays(room) -> None:
    room.open(FLAT)
    tabs = room.page.locator(".er-tabs button")
    assert tabs.all_inner_texts() == TOOLS
    for name in [*TOOLS[1:], "lens"]:
        room.page.locator(f'.er-tabs [data-tool="{name}"]').click()
        room.page.wait_for_selector(f'.er-root[data-tool="{name}"]')
        assert room.page.locator(".er-decoded").is_visible()
        assert room.page.locator('.er-tabs [aria-selected="true"]').inner_text() == name
        assert room.page.locator(".er-tool").count() == (name != "lens")
        assert room.page.locator(".er-draws").is_visible() == (name == "lens")
        eventually(lambda name=name: np.testing.assert_equal(room.link.get("tool", "lens"), name))


def test_arrow_keys_go_from_tab_to_tab(room) -> None:
    room.open(FLAT)
    room.page.locator('.er-tabs [data-tool="lens"]').focus()
    for key, name in (
        ("ArrowRight", "draw"),
        ("ArrowLeft", "lens"),
        ("ArrowLeft", "neighbours"),
        ("ArrowRight", "lens"),
    ):
        room.page.keyboard.press(key)
        room.page.wait_for_selector(f'.er-root[data-tool="{name}"]')
        assert room.page.evaluate("document.activeElement.dataset.tool") == name


def test_a_link_opens_its_tool_and_an_unknown_one_the_lens(room) -> None:
    tool(room, "sample")
    for wrong in ("nonsense", "constructor", "Draw", ""):
        room.open(FLAT, f"tool={wrong}")
        room.page.wait_for_selector('.er-root[data-tool="lens"]')


@pytest.mark.parametrize("name", TOOLS)
def test_everything_in_the_side_has_a_name(room, name) -> None:
    room.open(FLAT, f"tool={name}")
    room.page.wait_for_selector(f'.er-root[data-tool="{name}"]')
    room.frames()
    assert room.page.evaluate(NAMELESS, ".er-side") == []


def test_an_open_tool_goes_over_to_a_model_with_more_dimensions_and_back(room) -> None:
    tool(room, "traverse", FLAT)
    for name in (DEEP, FLAT):
        room.choose(available()[name]).ready(name)
        rows = room.page.locator(".er-traversal")
        eventually(lambda rows=rows, name=name: np.testing.assert_equal(rows.count(), gallery(name).latent_dim))
        settled(room, "traverse")
    assert room.text(".er-message") == ""


def test_marks_of_a_tool_are_seen_after_one_that_has_hidden_its_own(room) -> None:
    tool(room, "draw")  # nothing is drawn, so nothing is marked
    room.frames()
    room.page.locator('.er-tabs [data-tool="neighbours"]').click()
    room.page.locator(".er-near-latent").first.wait_for(state="visible")


# --- traverse --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [FLAT, DEEP])
def test_every_row_moves_its_own_dimension(room, name) -> None:
    model = gallery(name)
    z = np.random.default_rng(0).uniform(-1.5, 1.5, model.latent_dim).round(4)
    tool(room, "traverse", name, link_of(z))
    settled(room, "traverse")
    rates = [room.number(f".er-traversal >> nth={row} >> span >> nth=-1") for row in range(model.latent_dim)]
    assert rates == sorted(rates, reverse=True)
    for row, d in enumerate(dimensions(room)):
        swept = np.broadcast_to(z, (9, model.latent_dim)).copy()
        swept[:, d] = SWEEP
        shown = pictures(room, f".er-traversal:nth-child({row + 1})")
        for picture, at in zip(shown, swept, strict=True):
            assert np.abs(picture - model.bytes(at)).max() < 0.51


def dimensions(room: Room) -> list[int]:
    """Of the rows, from top to bottom."""
    names = room.page.locator(".er-traversal > span:first-child").all_inner_texts()
    return [int("".join(str("₀₁₂₃₄₅₆₇₈₉".index(c)) for c in name[1:])) - 1 for name in names]


def test_a_row_is_a_slider_for_hand_and_keys(room) -> None:
    model = gallery(DEEP)
    tool(room, "traverse", DEEP, link_of(np.zeros(model.latent_dim)))
    settled(room, "traverse")
    sweep, d = room.page.locator(".er-sweep").nth(2), dimensions(room)[2]
    box = sweep.bounding_box()
    room.page.mouse.click(box["x"] + box["width"] * 7.5 / 9, box["y"] + box["height"] / 2)  # the middle of the eighth
    expected = np.zeros(model.latent_dim)
    expected[d] = SWEEP[7]
    np.testing.assert_allclose(room.z(), expected, atol=0.02)
    sweep.press("ArrowLeft")
    expected[d] -= 0.075
    eventually(lambda: np.testing.assert_allclose(room.z(), expected, atol=0.02))
    assert float(sweep.get_attribute("aria-valuenow")) == pytest.approx(expected[d], abs=0.02)
    settled(room, "traverse")
    room.assert_shows(model, room.z(), off=5e-5)


def test_rows_follow_the_lens(room) -> None:
    model = gallery(FLAT)
    tool(room, "traverse")
    for spot in ((0.7, -1.1), (-1.4, 0.6)):
        z = room.hover(*spot)
        settled(room, "traverse")
        d = dimensions(room)[0]
        at = z.copy()
        at[d] = SWEEP[2]
        assert np.abs(room.picture(".er-sweep canvas >> nth=2") - model.bytes(at)).max() < 1.6


def test_a_collapsed_dimension_is_named_as_such(room, runs_folder: Path) -> None:
    folder = runs_folder / "one-collapsed"
    shutil.copytree(GALLERY / DEEP, folder)
    held_out = Model(folder).held_out
    mu = held_out.mu.copy()
    mu[:, COLLAPSED] *= 0.01
    (folder / FILE_NAME).unlink()
    save_held_out(folder / FILE_NAME, HeldOut(**{**vars(held_out), "mu": mu}))
    tool(room, "traverse", "runs/one-collapsed")
    assert room.text(".er-collapsed").startswith("Collapsed: z₄.")
    names = room.page.locator(".er-dead > span").all_inner_texts()
    assert names == ["z₄", "collapsed"]
    tool(room, "traverse", DEEP)
    eventually(lambda: np.testing.assert_equal(room.page.locator(".er-dead").count(), 0))


# --- sample ----------------------------------------------------------------------------------------------------------


def source(room: Room, name: str) -> list[np.ndarray]:
    room.page.locator(f'[data-source="{name}"]').click()
    settled(room, "sample")
    return pictures(room, ".er-drawings")


def set_value(room: Room, selector: str, value: float) -> None:
    room.page.locator(selector).evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }", value
    )
    settled(room, "sample")


def test_a_seed_keeps_its_draws(room) -> None:
    tool(room, "sample")
    set_value(room, ".er-seed", 7)
    first = source(room, "prior")
    room.page.locator(".er-new").click()
    settled(room, "sample")
    assert room.page.locator(".er-seed").input_value() == "8"
    other = pictures(room, ".er-drawings")
    assert len(first) == len(other) == 24
    assert np.mean([np.abs(a - b).max() > 30 for a, b in zip(first, other, strict=True)]) > 0.7
    set_value(room, ".er-seed", 7)
    np.testing.assert_array_equal(pictures(room, ".er-drawings"), first)


def test_temperature_moves_the_same_draws(room) -> None:
    model = gallery(FLAT)
    tool(room, "sample")
    source(room, "prior")
    drawn = {}
    for temperature in (1, 0.5, 0):
        set_value(room, ".er-temperature", temperature)
        drawn[temperature] = [look_at(room, model, i) for i in (0, 5, 23)]
    np.testing.assert_allclose(np.array(drawn[0.5]) * 2, drawn[1], atol=3e-4)
    np.testing.assert_allclose(drawn[0], 0, atol=1e-4)
    set_value(room, ".er-temperature", 1)


def look_at(room: Room, model: Model, i: int) -> np.ndarray:
    """z of a draw: a click puts the lens there, and the lens shows the draw's own picture."""
    button = room.page.locator(".er-drawings button").nth(i)
    button.click()
    z = room.z()
    room.frames()
    np.testing.assert_array_equal(room.picture(), room.picture(f".er-drawings canvas >> nth={i}"))
    room.assert_shows(model, z, off=5e-5)
    return z


def test_draws_come_from_one_posterior(room) -> None:
    """Within some sigmas of its mu, also while one looks at one draw after the other."""
    model = gallery(DEEP)
    mu, sigma = model.held_out.mu[42].astype(float), np.exp(0.5 * model.held_out.logvar[42].astype(float))
    tool(room, "sample", DEEP, f"{link_of(mu)}&point=42")
    set_value(room, ".er-seed", 7)
    source(room, "posterior")
    zetas = np.array([(look_at(room, model, i) - mu) / sigma for i in range(0, 24, 2)])
    assert 0.6 < zetas.std() < 1.4  # 120 numbers: six standard errors
    assert abs(zetas.mean()) < 0.55


def test_another_point_is_another_posterior(room) -> None:
    model = gallery(FLAT)
    tool(room, "sample")
    source(room, "posterior")
    set_value(room, ".er-temperature", 0)
    for spot in ((-1.5, 0.5), (1.5, 1.5)):
        room.click(*spot)
        settled(room, "sample")
        z = room.z()
        nearest = np.linalg.norm(model.held_out.mu - z, axis=1).argmin()
        eventually(lambda n=nearest: np.testing.assert_allclose(label_of(room, 0), model.held_out.mu[n], atol=0.00501))
    set_value(room, ".er-temperature", 1)
    source(room, "prior")


def test_the_aggregate_posterior_is_of_data_points(room) -> None:
    """Without noise, every draw is the mu of one; another one each time."""
    model = gallery(DEEP)
    tool(room, "sample", DEEP)
    set_value(room, ".er-temperature", 0)
    source(room, "aggregate")
    zs = np.array([label_of(room, i) for i in range(24)])
    away = np.abs(zs[:, None] - model.held_out.mu[:, :6]).max(2)
    assert away.min(1).max() < 0.00501
    assert len(set(away.argmin(1))) > 20
    set_value(room, ".er-temperature", 1)
    source(room, "prior")


def test_where_no_class_is_shown_there_is_no_posterior_to_draw_from(room) -> None:
    """And where one is, it is of that class alone."""
    model = gallery(FLAT)
    classes = ",".join(map(str, range(10)))
    for name in ("aggregate", "posterior"):
        tool(room, "sample", FLAT, f"source={name}&hidden={classes}")
        assert room.text(".er-formula").startswith("All classes are hidden")
        assert not room.page.locator(".er-drawings").is_visible()
    room.page.locator(".er-legend button").nth(4).click()
    set_value(room, ".er-temperature", 0)
    of_four = model.held_out.mu[model.held_out.labels == 4]
    assert np.abs(label_of(room, 0) - of_four).max(1).min() < 0.00501
    source(room, "aggregate")
    drawn = np.array([label_of(room, i) for i in range(24)])
    assert np.abs(drawn[:, None] - of_four).max(2).min(1).max() < 0.00501


def label_of(room: Room, i: int) -> np.ndarray:
    """The first six coordinates of a draw, as its name has them."""
    label = room.page.locator(".er-drawings button").nth(i).get_attribute("aria-label")
    inside = label.split("z = (")[1].split(")")[0].removesuffix(", …")
    return np.array([float(v) for v in inside.split(", ")])


# --- neighbours ------------------------------------------------------------------------------------------------------


def found(room: Room) -> list[list[int]]:
    text = room.page.locator(".er-tool-neighbours").get_attribute("data-found")
    assert text  # yet to be found
    return [[int(i) for i in part.split(",")] for part in text.split(" ")]


@pytest.mark.parametrize("name", [FLAT, DEEP])
def test_neighbours_are_the_nearest_in_latent_space_and_in_pixels(room, name) -> None:
    model = gallery(name)
    rng = np.random.default_rng(3)
    for _ in range(3):
        z = rng.uniform(-1.5, 1.5, model.latent_dim).round(4)
        tool(room, "neighbours", name, link_of(z))
        images = model.held_out.images.reshape(len(model.held_out.images), -1) / 255.0
        distances = [
            np.linalg.norm(model.held_out.mu - z, axis=1),
            np.linalg.norm(images - model.decode(z[None]).reshape(1, -1), axis=1),
        ]

        def there(distances: list[np.ndarray] = distances) -> None:
            for indices, distance in zip(found(room), distances, strict=True):
                assert len(set(indices)) == 12
                np.testing.assert_allclose(distance[indices], np.sort(distance)[:12], atol=2e-3)

        eventually(there)
        shown = [float(text) for text in room.page.locator(".er-pixel span").all_inner_texts()]
        np.testing.assert_allclose(shown, np.sort(distances[1])[:12], atol=0.0071)
        first = found(room)[0][0]
        picture = room.picture(".er-latent canvas >> nth=0")
        np.testing.assert_array_equal(picture, np.broadcast_to(model.held_out.images[first], (3, 28, 28)))


def test_a_click_on_a_neighbour_puts_the_lens_there(room) -> None:
    model = gallery(FLAT)
    tool(room, "neighbours", FLAT, link_of(np.array([0.5, 0.5])))
    room.page.wait_for_selector(".er-tool-neighbours[data-found]")
    room.frames()
    index = found(room)[1][0]
    room.page.locator(".er-pixel button").first.click()
    np.testing.assert_allclose(room.z(), model.held_out.mu[index], atol=1e-4)
    circles = room.page.locator(".er-near-pixel")
    assert circles.count() == 12


# --- for those who do not see ----------------------------------------------------------------------------------------


def test_the_picture_under_the_lens_is_told_in_words(room) -> None:
    model = gallery(FLAT)
    room.open(FLAT)
    room.page.locator(".er-map").focus()
    room.hover(-1.5, 0.5)
    room.page.keyboard.press("Shift+ArrowRight")

    def told() -> None:
        label = room.page.locator(".er-decoded").get_attribute("aria-label")
        z = room.z()
        nearest = np.argsort(np.linalg.norm(model.held_out.mu - z, axis=1))[:10]
        counts = np.bincount(model.held_out.labels[nearest])
        numbers = ", ".join(f"{v:.2f}".replace("-", "−") for v in z)
        assert label.startswith(f"Image decoded at z = ({numbers})")
        assert f"Nearest in z: {counts.max()} of class {counts.argmax()}" in label
        assert room.page.locator(".er-voice").text_content() == label  # said aloud, for keys have moved it

    eventually(told)
