"""The drawing pad: what is drawn or uploaded is encoded as the library encodes it, and stands on the map as it should."""

from __future__ import annotations

import io
from collections.abc import Iterable
from math import cos, sin
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.browser.room import FLAT, MODELS, Model, Room, eventually, gallery

TOLERANCE = 1e-4
COLUMNS = ["mu", "sigma", "zeta", "z"]

# What stands in the table with all digits, one row a dimension, in the order of the dimensions.
TABLE = """() => [...document.querySelectorAll(".er-table tbody tr")].map((row) => [
  parseInt([...row.cells[0].textContent.slice(1)].map((c) => "₀₁₂₃₄₅₆₇₈₉".indexOf(c)).join("")) - 1,
  ...[...row.cells].slice(1).map((cell) => Number(cell.title)),
])"""
CENTRE_AND_RADII = """() => {
  const ellipse = document.querySelector(".er-drawn");
  const { a, b, e, f } = ellipse.transform.baseVal.consolidate().matrix;
  const box = document.querySelector(".er-overlay").getBoundingClientRect();
  return [box.left + e, box.top + f, Number(ellipse.getAttribute("rx")), Number(ellipse.getAttribute("ry")), Math.atan2(b, a)];
}"""


def arc(x: float, y: float, radius: float, start: float, end: float, steps: int = 12) -> list[tuple[float, float]]:
    angles = [start + (end - start) * i / steps for i in range(steps + 1)]
    return [(x + radius * cos(angle), y + radius * sin(angle)) for angle in angles]


THREE = [arc(0.5, 0.35, 0.14, -2.4, 1.5) + arc(0.5, 0.64, 0.16, -1.5, 2.4)]
SEVEN = [[(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)]]


def pad(room: Room, model: str = FLAT) -> Room:
    """The model with the drawing tool, and nothing drawn."""
    room.open(model, "tool=draw")
    room.page.wait_for_selector(".er-pad")
    room.page.locator(".er-clear").click()
    room.frames()
    return room


def draw(room: Room, strokes: Iterable[list[tuple[float, float]]]) -> None:
    box = room.page.locator(".er-pad").bounding_box()
    mouse = room.page.mouse
    for stroke in strokes:
        for i, (x, y) in enumerate(stroke):
            mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if i == 0:
                mouse.down()
        mouse.up()
    room.page.wait_for_selector(".er-encoded:visible")
    room.frames()


def png(image: np.ndarray) -> bytes:
    """Of grey (H, W) or coloured (H, W, 3 or 4) bytes."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def upload(room: Room, data: bytes, name: str = "picture.png") -> None:
    room.page.locator(".er-file").set_input_files({"name": name, "mimeType": "image/png", "buffer": data})


def table(room: Room) -> dict[str, np.ndarray]:
    rows = np.array(sorted(room.page.evaluate(TABLE)))
    return dict(zip(COLUMNS, rows[:, 1:].T, strict=True))


def drawn(room: Room, model: Model) -> np.ndarray:
    """The picture as it is encoded, in bytes: (C, H, W)."""
    return room.picture(".er-x")[: model.checkpoint.image_shape[0]].astype(np.uint8)


def encoded(model: Model, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """mu and sigma by PyTorch, of bytes (C, H, W)."""
    with torch.no_grad():
        posterior = model.vae.encode(torch.tensor(image[None].astype(np.float32) / 255))
    return posterior.mu[0].numpy(), (0.5 * posterior.logvar[0]).exp().numpy()


def assert_encoded(room: Room, model: Model, image: np.ndarray) -> dict[str, Any]:
    shown = table(room)
    mu, sigma = encoded(model, image)
    np.testing.assert_allclose(shown["mu"], mu, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(shown["sigma"], sigma, rtol=1e-4)
    np.testing.assert_allclose(shown["z"], shown["mu"] + shown["sigma"] * shown["zeta"], rtol=0, atol=1e-6)
    return shown


def test_a_hundred_digits_are_encoded_as_the_library_encodes_them(room) -> None:
    model = gallery(FLAT)
    pad(room)
    images = model.held_out.images[:100]
    for image in images:
        upload(room, png(image[0]))

        def taken(image: np.ndarray = image) -> None:
            assert room.page.locator(".er-encoded").is_visible()
            np.testing.assert_array_equal(drawn(room, model), image)

        eventually(taken)
        assert_encoded(room, model, image)


@pytest.mark.parametrize("name", MODELS)
def test_strokes_are_encoded_as_the_library_encodes_their_picture(room, name) -> None:
    model = gallery(name)
    pad(room, name)
    seen = []
    for strokes in (THREE, SEVEN):
        room.page.locator(".er-clear").click()
        draw(room, strokes)
        image = drawn(room, model)
        assert np.ptp(image.astype(int)) == 255
        shown = assert_encoded(room, model, image)
        room.assert_shows(model, shown["mu"])  # the lens goes where the hand leads it
        for selector, z in ((".er-at-mu", shown["mu"]), (".er-at-z", shown["z"])):
            assert np.abs(room.picture(selector) - model.bytes(z)).max() < 0.51
        assert_bound(room, model, image, shown)
        seen.append(shown["mu"])
    assert np.abs(seen[0] - seen[1]).max() > 0.3


def assert_bound(room: Room, model: Model, image: np.ndarray, shown: dict[str, np.ndarray]) -> None:
    x, z = torch.tensor(image[None].astype(np.float32) / 255), torch.tensor(shown["z"][None], dtype=torch.float32)
    with torch.no_grad():
        distortion = -model.vae.log_likelihood(x, z).item()
        rate = model.vae.encode(x).kl_per_dim().sum().item()
    said = [room.number(selector) for selector in (".er-d", ".er-r", ".er-elbo")]
    off = np.abs(np.subtract(said, [distortion, rate, -distortion - rate]))
    assert (off < [0.0505, 0.00505, 0.0505]).all(), (said, distortion, rate)


def test_a_drawing_lies_in_its_image_as_the_digits_of_mnist_do(room) -> None:
    """Wherever and however large it was drawn: within 20 × 20 pixels, its centre of mass at that of the data."""
    model = gallery(FLAT)
    pad(room)
    seen = []
    for scale, dx, dy in ((1, 0, 0), (0.5, -0.2, 0.25), (1.2, 0.05, -0.02)):
        room.page.locator(".er-clear").click()
        draw(room, [[(0.5 + dx + scale * (x - 0.5), 0.5 + dy + scale * (y - 0.5)) for x, y in s] for s in THREE])
        ink = drawn(room, model)[0] / 255
        rows, columns = np.nonzero(ink > 0.2)
        assert 19 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21
        centre = [(ink.sum(1 - axis) @ (np.arange(28) + 0.5)) / ink.sum() for axis in (0, 1)]
        np.testing.assert_allclose(centre, 14.5, atol=0.15)  # the digits' own, over all of them
        seen.append(ink)
    for ink in seen[1:]:  # of small drawings every pixel of the pointer counts
        assert np.corrcoef(ink.ravel(), seen[0].ravel())[0, 1] > 0.9


def test_a_large_dark_on_bright_colour_picture_is_made_a_digit(room) -> None:
    model = gallery(FLAT)
    pad(room)
    for i in (0, 1, 2):
        digit = np.kron(model.held_out.images[i, 0], np.ones((7, 7)))
        paper = np.full((300, 420), 235.0)
        paper[60:256, 150:346] -= 0.8 * digit
        upload(room, png(np.stack([paper, 0.97 * paper, 0.9 * paper], 2).astype(np.uint8)), f"{i}.png")
        eventually(lambda i=i: expect_name(room, f"{i}.png"))
        room.frames()
        image = drawn(room, model)
        assert np.corrcoef(image.ravel(), model.held_out.images[i].ravel())[0, 1] > 0.88
        assert_encoded(room, model, image)


def expect_name(room: Room, name: str) -> None:
    assert room.text(".er-pad-message").startswith(name)


def test_a_transparent_picture_is_read_as_what_it_shows(room) -> None:
    model = gallery(FLAT)
    pad(room)
    digit = model.held_out.images[3, 0]
    for ink in (255, 0):  # bright ink, dark ink, both on nothing
        rgba = np.dstack([np.full((28, 28, 3), ink, np.uint8), digit])
        upload(room, png(rgba), f"{ink}.png")
        eventually(lambda ink=ink: expect_name(room, f"{ink}.png"))
        room.frames()
        assert np.corrcoef(drawn(room, model).ravel(), digit.ravel())[0, 1] > 0.95


def test_what_is_no_picture_is_refused_in_a_sentence(room) -> None:
    model = gallery(FLAT)
    pad(room)
    draw(room, THREE)
    before = drawn(room, model)
    for data in (b"not a picture", png(model.held_out.images[0, 0])[:90], b""):
        room.page.evaluate("document.querySelector('.er-pad-message').textContent = ''")
        upload(room, data, "x.png")
        eventually(lambda: expect_name(room, "This file is no picture that the browser can read; choose a PNG"))
    np.testing.assert_array_equal(drawn(room, model), before)


def test_the_posterior_of_a_drawing_stands_on_the_map_at_true_scale(room) -> None:
    pad(room)
    draw(room, THREE)
    room.page.locator(".er-closer").click()

    def at_its_place() -> None:
        shown = table(room)
        x, y, *radii, angle = room.page.evaluate(CENTRE_AND_RADII)
        np.testing.assert_allclose(room.data(x, y), shown["mu"], atol=0.01 * shown["sigma"].min())
        view = room.view()
        unit = view["width"] / (view["x"][1] - view["x"][0])
        assert min(radii) > 20  # one has looked closer
        axes = np.array([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]])
        covariance = axes.T @ np.diag(np.square(radii)) @ axes
        np.testing.assert_allclose(np.sqrt(np.diag(covariance)), unit * shown["sigma"], rtol=0.01)

    eventually(at_its_place)
    room.page.locator(".er-closer").click()
    eventually(lambda: np.testing.assert_array_less(6, np.ptp(room.view()["x"])))


def test_zeta_is_drawn_anew_and_z_with_it(room) -> None:
    model = gallery(FLAT)
    pad(room)
    draw(room, THREE)
    room.page.locator(".er-closer").click()
    before = table(room)
    draws = []
    for _ in range(4):
        room.page.locator(".er-resample").click()
        room.frames()
        shown = assert_encoded(room, model, drawn(room, model))
        np.testing.assert_array_equal(shown["mu"], before["mu"])
        at = room.page.locator(".er-drawn-z").evaluate("(e) => [e.cx.baseVal.value, e.cy.baseVal.value]")
        box = room.page.locator(".er-overlay").bounding_box()
        np.testing.assert_allclose(room.data(box["x"] + at[0], box["y"] + at[1]), shown["z"], atol=0.01)
        room.assert_shows(model, shown["z"])
        draws.append(shown["zeta"])
    assert len(np.unique(np.array(draws), axis=0)) == 4


def test_many_draws_fill_the_ellipse(room) -> None:
    pad(room)
    draw(room, THREE)
    if room.page.locator(".er-many-draws").get_attribute("aria-pressed") == "false":
        room.page.locator(".er-many-draws").click()
    room.page.locator(".er-closer").click()

    def filled() -> None:
        shown = table(room)
        path = room.page.locator(".er-drawn-many").get_attribute("d")
        spots = np.array([[float(v) for v in part.split("h")[0].split()] for part in path.split("M")[1:]])
        box = room.page.locator(".er-overlay").bounding_box()
        view = room.view()
        unit = view["width"] / (view["x"][1] - view["x"][0])
        assert spots.shape == (400, 2)
        centre = room.data(box["x"] + spots[:, 0].mean(), box["y"] + spots[:, 1].mean())
        np.testing.assert_allclose((centre - shown["mu"]) / shown["sigma"], 0, atol=0.25)  # five standard errors
        np.testing.assert_allclose(spots.std(0) / unit / shown["sigma"], 1, atol=0.2)

    eventually(filled)


def test_undo_and_clear_take_strokes_back(room) -> None:
    model = gallery(FLAT)
    pad(room)
    draw(room, SEVEN)
    one = drawn(room, model)
    draw(room, [[(0.35, 0.55), (0.65, 0.55)]])
    assert (drawn(room, model) != one).any()
    room.page.locator(".er-undo").click()
    room.frames()
    np.testing.assert_array_equal(drawn(room, model), one)
    room.page.locator(".er-undo").click()
    room.frames()
    assert not room.page.locator(".er-encoded").is_visible()
    assert not room.page.locator(".er-drawn").is_visible()


def test_keys_draw_as_well(room) -> None:
    model = gallery(FLAT)
    pad(room)
    room.page.locator(".er-pad").focus()
    for key in ["ArrowUp"] * 6 + [" "] + ["ArrowDown"] * 12 + [" "]:
        room.page.keyboard.press(key)
    room.frames()
    one = drawn(room, model)[0]
    rows, columns = np.nonzero(one > 128)
    assert np.ptp(rows) >= 17  # a stroke, upright
    assert np.ptp(columns) <= 4
    assert room.text(".er-pad-message") == "pen up"
    room.page.keyboard.press("Delete")
    room.frames()
    assert not room.page.locator(".er-encoded").is_visible()


def test_the_encoder_is_fetched_once_it_is_needed(new_room) -> None:
    room = new_room()
    fetched: list[str] = []
    room.page.on("request", lambda request: fetched.append(request.url) if "/room/frame/" in request.url else None)
    room.open(FLAT)
    room.hover(1, 1)
    assert len(fetched) == 1
    room.page.locator('[data-tool="draw"]').click()
    room.page.wait_for_selector(".er-pad")
    eventually(lambda: np.testing.assert_equal(len(fetched), 2))


def test_an_encoder_that_does_not_come_is_said_and_asked_for_again(browser, address) -> None:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:  # whose errors are meant to be there
        room = Room(context.new_page(), address).open(FLAT)
        frame = "**/room/frame/*"
        room.page.route(frame, lambda route: route.abort())
        room.page.locator('[data-tool="draw"]').click()
        room.page.wait_for_selector(".er-pad")
        message = "The encoder could not be loaded. Draw again, or reload the page."
        eventually(lambda: np.testing.assert_equal(room.text(".er-tool-message"), message))
        room.page.unroute(frame)
        draw(room, THREE)
        eventually(lambda: assert_encoded(room, gallery(FLAT), drawn(room, gallery(FLAT))))
        assert room.text(".er-tool-message") == ""
