"""Manifold, holes, interpolation, selection, t-SNE and three dimensions: what the page shows beside what PyTorch says."""

from __future__ import annotations

import csv
import io
import re
import shutil
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.browser.room import DEEP, FLAT, GALLERY, Model, Room, eventually, gallery
from tests.browser.test_zones import ZONE
from vae.analysis.aggregate import log_aggregate
from vae.analysis.zones import HOLE
from vae.files import runs
from vae.files.held_out import FILE_NAME, HeldOut, save_held_out
from vae.gaussian import DiagonalGaussian, log_prior

NEIGHBOURS = 150  # points of the model for t-SNE


def waits_for(room: Room, condition: str) -> None:
    room.page.wait_for_function(condition)


# ---- manifold -------------------------------------------------------------------------------------------------------

DECODED = 'document.querySelector(".er-tiles").dataset.waiting === "0"'


def tile(room: Room, u: float, v: float, across: float, shape: tuple[int, int]) -> np.ndarray:
    """The opacities of the image that stands at (u, v), one of each of its pixels, (H, W)."""
    view = room.view()
    canvas = room.canvas(".er-tiles canvas")[3]
    unit = view["width"] / (view["x"][1] - view["x"][0])
    height, width = shape
    up = across * height / width
    xs = (u - across / 2 - view["x"][0] + (np.arange(width) + 0.5) / width * across) * unit
    ys = (view["y"][1] - v - up / 2 + (np.arange(height) + 0.5) / height * up) * unit
    return canvas[np.floor(ys).astype(int)[:, None], np.floor(xs).astype(int)]


def assert_decoded(room: Room, model: Model, spot: tuple[float, float], across: float, plane: np.ndarray) -> None:
    expected = model.bytes(np.array(spot) @ plane)[0]
    np.testing.assert_allclose(tile(room, *spot, across, expected.shape), expected, atol=1.5)


def spacing(room: Room) -> float:
    """Of the even grid: a power of two that is 44 pixels or so."""
    view = room.view()
    return 2 ** round(np.log2(44 * (view["x"][1] - view["x"][0]) / view["width"]))


@pytest.mark.parametrize("name", [FLAT, DEEP])
def test_the_manifold_is_the_plane_decoded_where_it_stands_and_finer_when_zoomed(room, name) -> None:
    model = gallery(name)
    room.open(name, "manifold=grid&z=" + ",".join(["0"] * model.latent_dim))
    plane = model.plane(0, 1) if model.latent_dim == 2 else model.principal
    waits_for(room, DECODED)
    coarse = spacing(room)
    for column, row in ((0, 0), (3, -2), (-2, 4)):
        assert_decoded(room, model, (column * coarse, row * coarse), coarse, plane)
    view = room.view()
    look_at(room, [0.25 * x for x in view["x"]], [0.25 * y for y in view["y"]])
    waits_for(room, DECODED)
    fine = spacing(room)
    assert fine == coarse / 4
    for column, row in ((1, 1), (-3, 2)):
        assert_decoded(room, model, (column * fine, row * fine), fine, plane)
    look_at(room, view["x"], view["y"])


def look_at(room: Room, x: list[float], y: list[float]) -> None:
    """Show this part of the map."""
    room.page.evaluate(
        """([x, y]) => Plotly.relayout(document.querySelector(".er-plot"), { "xaxis.range": x, "yaxis.range": y })""",
        [x, y],
    )


def test_by_prior_mass_images_stand_at_the_quantiles_of_the_prior(room) -> None:
    model = gallery(FLAT)
    room.open(FLAT, "manifold=prior")
    waits_for(room, DECODED)
    view = room.view()
    pixels = view["width"] / (view["x"][1] - view["x"][0])
    n = 2 ** round(np.log2(np.sqrt(2 * np.pi) * pixels / 24))
    at = NormalDist().inv_cdf
    middle = at(0.5 / n)  # the outermost images are the largest, and not made smaller
    across = 2 * (at(1 / n) - middle)
    assert across * pixels > 28
    for spot in ((middle, middle), (-middle, middle)):
        assert_decoded(room, model, spot, across, np.eye(2))
    drawn = room.canvas(".er-tiles canvas")[3] > 20
    reach = -at(0.5 / n) + 2  # beyond the outermost image there is nothing
    left = int((-reach - view["x"][0]) * pixels)
    assert left > 0
    assert not drawn[:, :left].any()
    assert drawn.any()


def test_where_z_leaves_the_plane_the_manifold_follows(room) -> None:
    model = gallery(DEEP)
    room.open(DEEP, "plane=0,1&manifold=grid&z=" + ",".join(["0"] * 10))
    waits_for(room, DECODED)
    z = np.zeros(10)
    z[7] = 2.0
    room.slider(7, "number").fill("2")
    room.slider(7, "number").press("Enter")
    size = spacing(room)

    def followed() -> None:
        expected = model.bytes(z)[0]
        np.testing.assert_allclose(tile(room, 0, 0, size, expected.shape), expected, atol=1.5)

    eventually(followed)
    waits_for(room, DECODED)
    z[:2] = 2 * size, -size
    expected = model.bytes(z)[0]
    np.testing.assert_allclose(tile(room, 2 * size, -size, size, expected.shape), expected, atol=1.5)


def test_holes_are_said_and_shaded(room) -> None:
    room.open(FLAT, "density=holes")
    waits_for(room, 'document.querySelector(".er-holes").dataset.ready === ""')
    share, error = (float(v) for v in re.findall(r"[\d.]+", room.text(".er-hole-share")))
    assert share == pytest.approx(20.51, abs=0.05)  # as a grid of 1,600 × 1,600 cells has it: 20.50
    assert error < 0.1
    assert 0.7 < room.number(".er-overlap") < 0.95
    z = np.random.default_rng(0).uniform(-1.6, 1.6, (4000, 2))
    depth = hole_depth(z)
    turns = np.arange(8) * np.pi / 4
    ring = 0.08 * np.stack([np.cos(turns), np.sin(turns)], 1)  # a cell of the map's grid and a half
    shaded = room.canvas("canvas.er-zones")[3]
    box = room.page.locator(".er-map").bounding_box()
    for sign, is_shaded in ((1, True), (-1, False)):
        likely = z[sign * depth > 0.5][:600]
        around = hole_depth((likely[:, None] + ring).reshape(-1, 2)).reshape(-1, 8)
        sure = likely[(sign * around > 0.5).all(1)]
        assert len(sure) > 25
        pixels = [room.pixel(*spot) for spot in sure[:100]]
        found = [shaded[y - round(box["y"]) - 1, x - round(box["x"]) - 1] > 60 for x, y in pixels]
        assert np.mean(np.array(found) == is_shaded) > 0.95  # some spots lie under the rings
    whole = (shaded > 60).sum()
    room.page.locator(".er-legend button").first.click()  # fewer images leave more of the prior empty
    waits_for(room, 'document.querySelector(".er-holes").dataset.ready === ""')
    eventually(lambda: _less(share, float(re.findall(r"[\d.]+", room.text(".er-hole-share"))[0])))
    assert (room.canvas("canvas.er-zones")[3] > 60).sum() > whole
    room.page.locator(".er-legend button").first.click()


def hole_depth(spots: np.ndarray) -> np.ndarray:
    """How far q(z) of the flat model lies below what makes a hole, in nats, at each spot."""
    data, z = gallery(FLAT).held_out, torch.tensor(spots)
    q = DiagonalGaussian(torch.tensor(data.mu).double(), torch.tensor(data.logvar).double())
    return (log_prior(z) - log_aggregate(z, q)).numpy() + np.log(HOLE)


def _less(a: float, b: float) -> None:
    assert a < b


# ---- interpolate ----------------------------------------------------------------------------------------------------

A, B = (-4.6, 3.1), (4.4, -3.3)  # where no data point is


def film(room: Room, row: int, i: int) -> np.ndarray:
    return room.picture(f".er-film:nth-of-type({row + 1}) canvas:nth-child({i + 1})")


def path_is(room: Room, kind: str) -> None:
    waits_for(room, f'document.querySelector(".er-tool-interpolate")?.dataset.path === "{kind}"')


def tool(room: Room) -> None:
    """The tool with a straight path; the next click sets A, whatever was clicked before."""
    room.open(FLAT, "tool=interpolate")
    room.page.locator('.er-end[data-end="1"]').click()
    path_is(room, "straight")


def interpolated(room: Room) -> tuple[np.ndarray, np.ndarray]:
    tool(room)
    return room.click(*A), room.click(*B)


def test_the_film_is_the_path_decoded_and_beside_it_the_pixels_mixed(room) -> None:
    model = gallery(FLAT)
    a, b = interpolated(room)
    path_is(room, "straight")
    for i in (0, 3, 8):
        t = i / 8
        np.testing.assert_allclose(film(room, 0, i), model.bytes(a + t * (b - a)), atol=1.5)
        mixed = (1 - t) * model.bytes(a) + t * model.bytes(b)
        np.testing.assert_allclose(film(room, 1, i), mixed, atol=1.5)
    assert np.abs(film(room, 0, 3) - film(room, 1, 3)).max() > 50
    words = room.text(".er-path-numbers")
    assert f"length {np.hypot(*(b - a)):.2f} σ" in words
    assert "in holes" in words

    room.page.locator(".er-kinds button", has_text="spherical").click()
    path_is(room, "spherical")
    angles = np.arctan2([a[1], b[1]], [a[0], b[0]])
    turn = (angles[1] - angles[0] + np.pi) % (2 * np.pi) - np.pi
    for i in (2, 5):
        t = i / 8
        length = (1 - t) * np.hypot(*a) + t * np.hypot(*b)
        z = length * np.array([np.cos(angles[0] + t * turn), np.sin(angles[0] + t * turn)])
        np.testing.assert_allclose(film(room, 0, i), model.bytes(z), atol=1.5)


def test_a_ride_along_the_path_moves_the_lens(room) -> None:
    a, b = interpolated(room)
    model = gallery(FLAT)
    room.page.locator(".er-t").evaluate("(input) => { input.value = 0.25; input.dispatchEvent(new Event('input')); }")
    room.frames()
    z = room.z()
    np.testing.assert_allclose(z, a + 0.25 * (b - a), atol=1e-3)
    room.assert_shows(model, a + 0.25 * (b - a), off=1e-3)
    room.page.locator(".er-play").click()
    waits_for(room, 'Number(document.querySelector(".er-t").value) > 0.4')
    room.page.locator(".er-play").click()
    room.frames()
    z = room.z()
    t = (z - a) @ (b - a) / ((b - a) @ (b - a))
    np.testing.assert_allclose(z, a + t * (b - a), atol=1e-3)
    assert t != pytest.approx(0.25, abs=0.05)


def share_in_holes(room: Room) -> int:
    found = re.search(r"(\d+) % of it in holes", room.text(".er-path-numbers"))
    assert found
    return int(found[1])


def test_the_ridge_crosses_fewer_holes_than_the_straight_line(room) -> None:
    model = gallery(FLAT)
    tool(room)
    mu, labels = model.held_out.mu, model.held_out.labels
    seven, zero = (mu[labels == c].mean(0) for c in (7, 0))
    for spot in (seven, zero):
        room.click(*spot)
    path_is(room, "straight")
    straight = share_in_holes(room)
    room.page.locator(".er-kinds button", has_text="ridge").click()
    path_is(room, "ridge")
    assert share_in_holes(room) < straight
    zones = room.text(".er-path-numbers").split("zones passed: ")[1].split(" → ")
    assert (zones[0], zones[-1]) == ("7", "0")


def test_the_ridge_is_of_the_plane_that_is_shown(room) -> None:
    """A link is followed, and hidden classes are others, while another tool is open."""
    link = "tool={}&path=ridge&plane={}&hidden={}"
    room.open(DEEP, link.format("interpolate", "0,1", ""))
    path_is(room, "ridge")
    said = [room.text(".er-path-numbers")]

    def differs() -> None:
        assert room.text(".er-path-numbers") not in ("", *said)

    room.follow(link.format("interpolate", "2,3", ""))
    eventually(differs)
    said.append(room.text(".er-path-numbers"))
    room.follow(link.format("lens", "2,3", "0,1,2"))
    room.page.locator('[data-tool="interpolate"]').click()
    eventually(differs)


def test_an_end_can_be_dragged_and_takes_a_data_point(room) -> None:
    model = gallery(FLAT)
    _, b = interpolated(room)
    lonely = int(np.argmax(np.hypot(*model.held_out.mu.T)))  # the outermost point
    before = room.view()["x"]
    room.page.mouse.move(*room.pixel(*A))
    room.page.mouse.down()
    room.page.mouse.move(*room.pixel(0, 4), steps=3)
    room.page.mouse.move(*room.pixel(*model.held_out.mu[lonely]), steps=3)
    room.page.mouse.up()
    room.frames()
    assert room.view()["x"] == before  # the map has not moved
    shown = room.picture('.er-end[data-end="0"] canvas')[0]
    np.testing.assert_array_equal(shown, model.held_out.images[lonely, 0])
    assert room.text('.er-end[data-end="0"]').endswith(str(model.held_out.labels[lonely]))
    np.testing.assert_allclose(film(room, 0, 8), model.bytes(b), atol=1.5)


# ---- select ---------------------------------------------------------------------------------------------------------


def drag(room: Room, *spots: tuple[float, float]) -> np.ndarray:
    """Drag over these spots of the map; the exact coordinates of their pixels."""
    pixels = [room.pixel(*spot) for spot in spots]
    room.page.mouse.move(*pixels[0])
    room.page.mouse.down()
    for pixel in pixels[1:]:
        room.page.mouse.move(*pixel)
    room.page.mouse.up()
    room.frames()
    return np.array([room.data(*pixel) for pixel in pixels])


def selecting(room: Room, mode: str) -> None:
    """The tool with nothing selected, whatever was done with it before."""
    room.open(FLAT, "tool=select")
    room.page.locator(f'.er-tool-select [data-mode="{mode}"]').click()
    room.page.locator(".er-tool-select .er-clear").click()


def selected_box(room: Room, model: Model) -> np.ndarray:
    """Select with a box, worst first; the indices of the points that lie in it."""
    selecting(room, "box")
    corners = drag(room, (-2.2, 1.4), (-0.4, 0.3))
    room.page.locator(".er-measure").select_option("distortion")
    if room.text(".er-turn") != "worst first":
        room.page.locator(".er-turn").click()
    low, high = corners.min(0), corners.max(0)
    return np.flatnonzero(((model.held_out.mu > low) & (model.held_out.mu < high)).all(1))


def pairs(room: Room) -> list[int]:
    return [int(i) for i in room.page.locator(".er-pair").evaluate_all("(all) => all.map((one) => one.dataset.point)")]


def test_a_box_says_what_its_images_are_and_cost(room) -> None:
    model = gallery(FLAT)
    chosen = selected_box(room, model)
    data = model.held_out
    assert room.text(".er-counted") == f"{len(chosen):,} of 5,000 images"
    counts = np.bincount(data.labels[chosen], minlength=10)
    shown = room.page.locator(".er-class-counts span").evaluate_all(
        "(all) => all.map((bar) => Number(bar.dataset.count))"
    )
    assert shown == [count for count in counts if count]
    distortion, rate = data.distortion[chosen].mean(), model.rate[chosen].mean()
    assert room.number(".er-mean-distortion") == pytest.approx(distortion, abs=0.00501)
    assert room.number(".er-mean-rate") == pytest.approx(rate, abs=0.00501)
    assert room.number(".er-mean-elbo") == pytest.approx(-distortion - rate, abs=0.00501)
    per_dim = [
        float(re.findall(r"([\d.]+) nats", text)[0]) for text in room.page.locator(".er-rates span").all_inner_texts()
    ]
    variance = np.exp(data.logvar[chosen])
    expected = 0.5 * (data.mu[chosen] ** 2 + variance - 1 - data.logvar[chosen]).mean(0)
    np.testing.assert_allclose(per_dim, expected, atol=0.00501)

    worst = chosen[np.argsort(-data.distortion[chosen], kind="stable")]
    assert pairs(room) == list(worst[:60])
    room.page.locator(".er-turn").click()
    assert pairs(room) == list(chosen[np.argsort(data.distortion[chosen], kind="stable")][:60])
    room.page.locator(".er-measure").select_option("rate")
    assert pairs(room)[0] == chosen[np.argmin(model.rate[chosen])]
    room.page.locator(".er-more").click()
    assert len(pairs(room)) == min(120, len(chosen))


def test_an_image_finds_its_point_and_a_point_its_image(room) -> None:
    model = gallery(FLAT)
    selected_box(room, model)
    second = pairs(room)[1]
    image = room.picture(f'.er-pair[data-point="{second}"] canvas:nth-of-type(1)')[0]
    np.testing.assert_array_equal(image, model.held_out.images[second, 0])
    made = room.picture(f'.er-pair[data-point="{second}"] canvas:nth-of-type(2)')
    np.testing.assert_allclose(made, model.bytes(model.held_out.mu[second]), atol=1.5)
    room.page.locator(f'.er-pair[data-point="{second}"]').click()
    room.frames()
    assert room.nearest(model) == second
    room.assert_marked(model.held_out.mu[second])
    assert room.page.locator(".er-pair.er-here").get_attribute("data-point") == str(second)


def test_a_lasso_takes_a_triangle_and_a_click_still_goes_to_the_lens(room) -> None:
    model = gallery(FLAT)
    selecting(room, "lasso")
    corners = drag(room, (-2.5, -0.5), (0.4, 1.8), (0.6, -2.6))
    edges = np.roll(corners, -1, 0) - corners
    across = edges[[0]] @ np.array([[0, 1], [-1, 0]]) @ edges[1]
    inwards = np.sign(across) * edges @ np.array([[0, 1], [-1, 0]]) / np.linalg.norm(edges, axis=1, keepdims=True)
    depth = np.min([(model.held_out.mu - c) @ n for c, n in zip(corners, inwards, strict=True)], 0)
    counted = room.text(".er-counted")
    # pixels of the screen are read off the axes, whose ends Plotly rounds
    assert counted in {f"{(depth > rounding).sum():,} of 5,000 images" for rounding in np.linspace(-1e-3, 1e-3, 201)}
    at = room.click(3, 3)
    np.testing.assert_allclose(room.z(), at, atol=1e-3)
    assert room.text(".er-counted") == counted
    drag(room, (5.0, 3.0), (5.2, 3.2), (5.2, 3.0))
    assert room.text(".er-hint") == "No visible point lies within it."
    assert not room.page.locator(".er-selected").is_visible()


def download(room: Room, button: str) -> bytes:
    with room.page.expect_download() as found:
        room.page.locator(button).click()
    return Path(found.value.path()).read_bytes()


def test_a_selection_comes_out_as_a_table_and_as_a_picture(room) -> None:
    model = gallery(FLAT)
    chosen = selected_box(room, model)
    data = model.held_out
    rows = list(csv.DictReader(io.StringIO(download(room, ".er-csv").decode())))
    order = chosen[np.argsort(-data.distortion[chosen], kind="stable")]
    assert [int(row["index"]) for row in rows] == list(data.index[order])
    assert [row["class"] for row in rows] == [str(label) for label in data.labels[order]]
    for name, values in (
        ("mu_2", data.mu[order, 1]),
        ("logvar_1", data.logvar[order, 0]),
        ("distortion", data.distortion[order]),
        ("rate", model.rate[order]),
    ):
        np.testing.assert_allclose([float(row[name]) for row in rows], values, rtol=1e-5)

    picture = np.array(Image.open(io.BytesIO(download(room, ".er-png"))))
    np.testing.assert_array_equal(picture[4:32, 4:32, 0], data.images[order[0], 0])
    np.testing.assert_allclose(picture[32:60, 4:32, 0], model.bytes(data.mu[order[0]])[0], atol=1.5)
    np.testing.assert_array_equal(picture[4:32, 36:64, 0], data.images[order[1], 0])


# ---- many dimensions ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(runs_folder: Path) -> str:
    """A run of ten dimensions with a few held-out images, so that t-SNE takes seconds; its id."""
    folder = runs_folder / "neighbours"
    shutil.copytree(GALLERY / DEEP, folder)
    held_out = gallery(DEEP).held_out
    save_held_out(folder / FILE_NAME, HeldOut(**{name: array[:NEIGHBOURS] for name, array in vars(held_out).items()}))
    assert runs.read(folder).finished
    return f"runs/{folder.name}"


def test_tsne_is_made_and_the_lens_decodes_the_nearest_point(fresh, small, runs_folder) -> None:
    fresh.open(small)
    fresh.page.locator(".er-plane").select_option("tsne")
    waits_for(fresh, 'document.querySelector(".er-note").textContent.includes("no inverse")')
    waits_for(fresh, 'document.querySelector(".er-plot")._fullLayout.xaxis.title.text === "t-SNE 1"')
    (kept,) = runs_folder.with_name("cache").glob("tsne-*.npy")
    barred = (".er-controls .er-zones", ".er-scale", ".er-density", ".er-manifold")
    for control in barred:  # nothing of it could be drawn here
        assert fresh.page.locator(control).is_disabled(), control
        assert "t-SNE" in fresh.page.locator(control).locator("xpath=..").get_attribute("title")
    places = np.load(kept)
    assert places.shape == (NEIGHBOURS, 2)
    model = Model(runs_folder / "neighbours")
    spread = np.hypot(*(places[:, None] - places).transpose(2, 0, 1)) + 1e9 * np.eye(NEIGHBOURS)
    for i in np.argsort(-spread.min(1))[:3]:  # those that stand alone
        off = places[i] + 0.2 * spread[i].min()
        fresh.hover(*off)
        assert fresh.nearest(model) == i
        fresh.assert_shows(model, model.held_out.mu[i])
        fresh.assert_marked(places[i])
    assert fresh.link["plane"] == "tsne"
    fresh.page.locator(".er-plane").select_option("pca")
    waits_for(fresh, 'document.querySelector(".er-note").textContent === ""')
    assert [fresh.page.locator(control).is_disabled() for control in barred] == [False] * 4
    fresh.page.locator(".er-plane").select_option("3d")
    assert [fresh.page.locator(control).is_disabled() for control in barred] == [False, False, True, True]


def test_a_shape_of_a_link_waits_for_tsne(room, small, runs_folder) -> None:
    room.open(small, "tool=select&plane=tsne&shape=0,-999,0,999,999,999,999,-999")
    waits_for(room, 'document.querySelector(".er-counted")?.checkVisibility()')
    (kept,) = runs_folder.with_name("cache").glob("tsne-*.npy")
    beyond = (np.load(kept)[:, 0] > 0).sum()
    assert 0 < beyond < NEIGHBOURS
    assert room.text(".er-counted") == f"{beyond} of {NEIGHBOURS} images"


def wire(room: Room) -> list[np.ndarray]:
    """The great circles of the ellipsoid that is shown, in pixels of the page, each (corners, 2)."""
    text = room.page.locator(".er-wire").get_attribute("d")
    box: dict[str, Any] = room.page.evaluate(
        "(({ left, top }) => ({ left, top }))(document.querySelector('.er-overlay').getBoundingClientRect())"
    )
    circles = [re.findall(r"(-?[\d.]+) (-?[\d.]+)", part) for part in text.split("Z") if part]
    return [np.array(circle, float) + np.array([box["left"], box["top"]]) for circle in circles]


def wide_zone(model: Model) -> int:
    return int(np.argmax(model.held_out.logvar.sum(1)))


def test_in_three_dimensions_ellipsoids_touch_their_outlines_however_they_are_turned(room) -> None:
    model = gallery(DEEP)
    i = wide_zone(model)
    z = ",".join(f"{v:.4f}" for v in model.held_out.mu[i])
    room.open(DEEP, f"plane=3d&scale=3&z={z}&point={i}")
    markers = []
    for shift in ((0, 0), (130, 40), (-60, 170)):
        box = room.page.locator(".er-map").bounding_box()
        start = box["x"] + 300, box["y"] + 300
        room.page.mouse.move(*start)
        room.page.mouse.down()
        room.page.mouse.move(start[0] + shift[0], start[1] + shift[1], steps=4)
        if shift != (0, 0):
            room.page.mouse.up()
            room.frames()
        else:
            room.page.mouse.move(start[0] + 8, start[1], steps=2)
            room.page.mouse.up()
            room.frames()
        np.testing.assert_allclose(room.z(), model.held_out.mu[i], atol=1e-3)  # turning moves no z
        zone = room.page.evaluate(ZONE)
        assert zone["shown"]
        turn = np.array(
            [[np.cos(zone["angle"]), np.sin(zone["angle"])], [-np.sin(zone["angle"]), np.cos(zone["angle"])]]
        )
        circles = wire(room)
        assert len(circles) == 3
        for circle in circles:
            away = np.hypot(*((circle - [zone["x"], zone["y"]]) @ turn.T / [zone["rx"], zone["ry"]]).T)
            assert away.max() == pytest.approx(1, abs=0.03)  # inscribed, and tangent to it
        markers.append(room.page.locator(".er-marker").get_attribute("transform"))
    assert len(set(markers)) == 3


def test_in_three_dimensions_the_lens_decodes_what_is_clicked(room) -> None:
    model = gallery(DEEP)
    room.open(DEEP, "plane=3d")
    box = room.page.locator(".er-map").bounding_box()
    room.page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"])
    room.frames()
    assert room.pinned
    z = room.z()
    assert np.abs(z).max() > 0.05
    room.assert_shows(model, z, off=5e-5)
    canvas = room.canvas(".er-space")
    assert (canvas[3] == 255).all()  # it covers the plane's map
    coloured = canvas[:3].max(0) - canvas[:3].min(0) > 60
    assert coloured.sum() > 2000  # thousands of points, in colour
