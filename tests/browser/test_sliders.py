"""The sliders of z, the draws, the keys: whatever moves z moves the lens, the sliders and the marker together."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.room import DEEP, FLAT, Model, Room, eventually, gallery


def assert_one_state(room: Room, model: Model, rows: np.ndarray) -> np.ndarray:
    """Lens, sliders, number fields, marker and address agree on z; which."""
    z = room.z()
    np.testing.assert_allclose(room.fields(), z, atol=0.00506)
    np.testing.assert_allclose(room.sliders(), z.clip(-4, 4), atol=0.00506)  # its ends are at ±4 σ
    room.assert_marked(rows @ z)
    room.assert_shows(model, z, off=5e-5)  # the address has four digits
    assert room.number(".er-norm") == pytest.approx(np.linalg.norm(z), abs=0.0055)
    return z


def test_a_slider_decodes_while_it_is_dragged(room) -> None:
    model = gallery(FLAT)
    room.open()
    slider = room.slider(1)
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    before = room.picture()
    seen = []
    room.page.mouse.move(box["x"] + box["width"] / 2, middle)
    room.page.mouse.down()
    for share in (0.6, 0.7, 0.35):
        room.page.mouse.move(box["x"] + share * box["width"], middle, steps=3)
        room.frames()
        fields = room.fields()
        assert fields[0] == 0
        assert fields[1] == pytest.approx(8 * (share - 0.5), abs=0.5)
        room.assert_shows(model, fields)  # a slider moves by 0.01
        seen.append(room.picture())
    room.page.mouse.up()
    assert all(np.abs(a - b).max() > 30 for a, b in zip([before, *seen], seen, strict=False))
    z = assert_one_state(room, model, np.eye(2))
    assert room.pinned
    np.testing.assert_array_equal(z, fields)


def test_a_number_can_be_typed_and_nonsense_is_passed_over(room) -> None:
    model = gallery(DEEP)
    room.open(DEEP, plotted=True)
    field = room.slider(4, "number")
    field.fill("2.5")
    z = assert_one_state(room, model, model.principal)
    np.testing.assert_array_equal(z, 2.5 * np.eye(10)[4])
    field.fill("-7.25")  # further than the slider goes
    z = assert_one_state(room, model, model.principal)
    np.testing.assert_array_equal(z, -7.25 * np.eye(10)[4])
    for nonsense in ("", "1e9", "-21"):
        field.fill(nonsense)
        room.frames()
        room.assert_shows(model, z)
        field.blur()
        eventually(lambda: _assert_text(field, "-7.25"))
        np.testing.assert_array_equal(room.z(), z)


def _assert_text(field, text: str) -> None:
    assert field.input_value() == text


@pytest.mark.parametrize("name", [FLAT, DEEP])
def test_sliders_stand_in_the_order_of_their_rates(room, name) -> None:
    model = gallery(name)
    room.open(name, plotted=False)
    from vae.files import runs

    rates = np.array(runs.read(model.folder).test["rate_per_dim"])
    rows = room.page.locator(".er-slider").evaluate_all(
        """(rows) => rows.map((row) => [
          row.querySelector("label").textContent, Number(row.querySelector(".er-ratebar b").textContent),
          row.querySelector(".er-ratebar i").getBoundingClientRect().width, row.querySelector(".er-ratebar").clientWidth,
        ])"""
    )
    order = np.argsort(-rates, kind="stable")
    digits = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
    assert [row[0] for row in rows] == [f"z{str(d + 1).translate(digits)}" for d in order]
    np.testing.assert_allclose([row[1] for row in rows], rates[order], atol=0.00501)
    np.testing.assert_allclose([row[2] / row[3] for row in rows], rates[order] / rates.max(), atol=0.01)


def test_origin_and_prior_draws(room) -> None:
    model = gallery(DEEP)
    room.open(DEEP)
    draws = []
    for _ in range(30):
        room.page.locator(".er-draw-prior").click()
        room.frames()
        draws.append(room.fields())
    assert_one_state(room, model, model.principal)
    draws = np.array(draws)
    assert len(np.unique(draws, axis=0)) == 30
    # 300 standard normals: within five standard errors of their mean and variance
    assert abs(draws.mean()) < 5 / np.sqrt(300)
    assert abs(draws.var() - 1) < 5 * np.sqrt(2 / 300)
    room.page.locator(".er-origin").click()
    room.frames()
    assert (assert_one_state(room, model, model.principal) == 0).all()


@pytest.mark.parametrize("name", [FLAT, DEEP])
def test_a_posterior_draw_is_mu_plus_sigma_zeta(room, name) -> None:
    model = gallery(name)
    room.open(name)
    rows = np.eye(2) if model.latent_dim == 2 else model.principal
    mu, logvar = model.held_out.mu, model.held_out.logvar
    i = int(np.argmin(np.hypot(*(mu @ rows.T - [1.5, -0.5]).T)))
    room.click(*rows @ mu[i])
    i = room.nearest(model)
    zetas = []
    for _ in range(5):
        room.page.locator(".er-draw-posterior").click()
        room.frames()
        assert room.nearest(model) == i  # further draws are of the same point
        z = assert_one_state(room, model, rows)
        text = room.text(".er-zeta").replace("−", "-").removeprefix("ζ = (").removesuffix(")").removesuffix(", …")
        zeta = np.array([float(part) for part in text.split(", ")])
        sigma = np.exp(0.5 * logvar[i])
        shown = len(zeta)
        assert shown == min(6, model.latent_dim)
        np.testing.assert_allclose(
            z[:shown], (mu[i] + sigma * np.pad(zeta, (0, len(sigma) - shown)))[:shown], atol=0.0052
        )
        zetas.append(zeta)
    assert len(np.unique(zetas, axis=0)) == 5
    assert np.abs(zetas).max() < 6
    # what is no draw any more shows no ζ
    room.slider(0).press("ArrowRight")
    room.frames()
    assert room.text(".er-zeta") == ""


def test_arrows_on_the_map_move_the_lens_and_escape_lets_go(room) -> None:
    model = gallery(FLAT)
    room.open()
    view = room.view()
    step = min(view["x"][1] - view["x"][0], view["y"][1] - view["y"][0]) / 100
    room.page.locator(".er-map").focus()
    moves = [("ArrowRight", [1, 0]), ("ArrowUp", [0, 1]), ("ArrowUp", [0, 1]), ("Shift+ArrowLeft", [-10, 0])]
    z = np.zeros(2)
    for key, move in moves:
        room.page.keyboard.press(key)
        z = z + step * np.array(move)
        np.testing.assert_allclose(assert_one_state(room, model, np.eye(2)), z, atol=1e-4)
    assert room.pinned
    room.page.keyboard.press("Escape")
    room.frames()
    assert not room.pinned
    # arrows belong to the map alone: on a slider they are the slider's
    room.slider(0).press("ArrowLeft")
    np.testing.assert_allclose(room.fields(), z - [0.01, 0], atol=0.0151)


def test_a_button_and_the_list_can_be_reached_by_keyboard(room) -> None:
    room.open()
    room.page.locator(".er-legend button").nth(3).focus()
    room.page.keyboard.press("Enter")
    eventually(lambda: _assert_hidden(room, "3"))
    room.page.locator("select.er-colour").focus()
    room.page.keyboard.press("ArrowDown")
    eventually(lambda: _assert_colour(room, "rate"))


def _assert_hidden(room: Room, hidden: str) -> None:
    assert room.link.get("hidden") == hidden


def _assert_colour(room: Room, colour: str) -> None:
    assert room.link.get("colour") == colour


def test_reactions_are_marked(room) -> None:
    room.open()
    counts = """() => Object.fromEntries(["input-to-paint", "decode", "zones"].map(
      (name) => [name, performance.getEntriesByName(`elbo-room:${name}`).length]))"""
    before = room.page.evaluate(counts)
    room.hover(1.0, 1.0)
    room.hover(1.1, 1.0)
    after = room.page.evaluate(counts)
    assert after["input-to-paint"] >= before["input-to-paint"] + 2
    assert after["decode"] >= before["decode"] + 2
    durations = room.page.evaluate("performance.getEntriesByName('elbo-room:input-to-paint').map((e) => e.duration)")
    assert all(0 <= duration < 60_000 for duration in durations)
