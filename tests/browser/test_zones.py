"""Buffer zones and the aggregate posterior: what is drawn beside what numpy computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.browser.room import DEEP, FLAT, Model, Room, eventually, gallery

# The ellipse around the nearest point, as the browser has it, in pixels of the page and degrees.
ZONE = """() => {
  const zone = document.querySelector(".er-zone");
  const { a, b, e, f } = zone.transform.baseVal.consolidate().matrix;
  const map = document.querySelector(".er-map");
  const box = map.getBoundingClientRect();
  return {
    shown: zone.style.display !== "none",
    x: box.left + map.clientLeft + e, y: box.top + map.clientTop + f, angle: Math.atan2(b, a),
    rx: zone.rx.baseVal.value, ry: zone.ry.baseVal.value, fill: zone.getAttribute("fill"),
  };
}"""


def pixels_per_unit(room: Room) -> float:
    view = room.view()
    return view["width"] / (view["x"][1] - view["x"][0])


def drawn_covariance(room: Room, zone: dict[str, Any]) -> np.ndarray:
    """The covariance whose 1-σ ellipse the page has drawn, in units of z, rows up."""
    angle = -zone["angle"]  # pixels count downwards
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return turn @ np.diag(np.square([zone["rx"], zone["ry"]])) @ turn.T / pixels_per_unit(room) ** 2


def wide(model: Model, plane: np.ndarray) -> list[int]:
    """A few points with large and unequal zones, so that a pixel's rounding is small beside them; some of them tilted."""
    covariances = np.array([model.covariance(i, plane) for i in range(len(model.held_out.mu))])
    smallest = np.linalg.eigvalsh(covariances)[:, 0]
    tilt = np.abs(covariances[:, 0, 1]) + np.abs(covariances[:, 0, 0] - covariances[:, 1, 1])
    return list(np.argsort(np.where(smallest > np.quantile(smallest, 0.9), tilt, 0))[-3:])


@pytest.mark.parametrize(
    ("name", "plane"), [(FLAT, ""), (DEEP, "pca"), (DEEP, "2,9"), (DEEP, "8,1")], ids=lambda value: value or "own"
)
def test_the_zone_of_the_nearest_point_is_its_projected_covariance(room, name, plane) -> None:
    model = gallery(name)
    room.open(name, plane and f"plane={plane}")
    axes = [int(i) for i in plane.split(",")] if plane not in ("", "pca") else [0, 1]
    rows = model.principal if plane == "pca" else model.plane(*axes)
    for i in wide(model, rows):
        spot = rows @ model.held_out.mu[i]
        room.click(*spot)
        if room.nearest(model) != i:  # another point covers it on this plane
            i = room.nearest(model)
        zone = room.page.evaluate(ZONE)
        assert zone["shown"]
        np.testing.assert_allclose(room.data(zone["x"], zone["y"]), rows @ model.held_out.mu[i], atol=0.01)
        expected = model.covariance(i, rows)
        variances, vectors = np.linalg.eigh(expected)
        np.testing.assert_allclose(
            sorted([zone["rx"], zone["ry"]]), np.sqrt(variances) * pixels_per_unit(room), atol=0.02
        )  # drawn to a hundredth of a pixel
        np.testing.assert_allclose(drawn_covariance(room, zone), expected, atol=0.01 * np.trace(expected))
        # its long axis lies along the eigenvector of the larger variance
        if variances[1] > 1.2 * variances[0]:
            long = zone["angle"] + (0 if zone["rx"] > zone["ry"] else np.pi / 2)
            assert abs(vectors[:, 1] @ [np.cos(long), -np.sin(long)]) == pytest.approx(1, abs=1e-3)
        room.page.keyboard.press("Escape")


def test_zones_scale_with_sigma_and_can_be_left_out(room) -> None:
    model = gallery(FLAT)
    room.open()
    i = wide(model, np.eye(2))[0]
    room.click(*model.held_out.mu[i])
    one = room.page.evaluate(ZONE)
    assert room.text(".er-field output") == "1.0 σ"
    room.page.locator(".er-scale").fill("2")
    room.frames()
    two = room.page.evaluate(ZONE)
    assert room.text(".er-field output") == "2.0 σ"
    np.testing.assert_allclose([two["rx"], two["ry"]], [2 * one["rx"], 2 * one["ry"]], atol=0.02)
    assert (two["x"], two["y"], two["angle"], two["fill"]) == (one["x"], one["y"], one["angle"], one["fill"])
    room.page.select_option("select.er-zones", "none")
    room.frames()
    assert not room.page.evaluate(ZONE)["shown"]


def painted(room: Room) -> np.ndarray:
    """How opaque the canvas beneath the points is, (height, width)."""
    return room.canvas("canvas.er-zones")[3]


def at(room: Room, alpha: np.ndarray, spots: np.ndarray) -> np.ndarray:
    """Opacity at spots of the map, those within the canvas."""
    box = room.page.locator("canvas.er-zones").bounding_box()
    pixels = np.array([room.pixel(*spot) for spot in spots]) - [round(box["x"]), round(box["y"])]
    within = ((pixels >= 0) & (pixels < [alpha.shape[1], alpha.shape[0]])).all(1)
    return alpha[pixels[within, 1], pixels[within, 0]]


def rim(model: Model, points: np.ndarray, reach: float) -> np.ndarray:
    """For every point, two spots at `reach` σ of its own zone, left and above."""
    mu, sigma = model.held_out.mu[points], np.exp(0.5 * model.held_out.logvar[points])
    return np.concatenate([mu - reach * sigma * [1, 0], mu + reach * sigma * [0, 1]])


def test_zones_of_all_points_or_of_one_class_are_painted_at_true_scale(room) -> None:
    model = gallery(FLAT)
    room.open()
    labels, mu = model.held_out.labels, model.held_out.mu
    some = np.random.default_rng(0).permutation(np.flatnonzero((np.abs(mu) < 3).all(1)))
    ones, zeros = some[labels[some] == 1][:20], some[labels[some] == 0][:20]
    assert at(room, painted(room), rim(model, some[:40], 0.5)).mean() < 10  # only the rings' dashes

    room.page.select_option("select.er-zones", "all")
    eventually(lambda: _assert_all(at(room, painted(room), rim(model, some[:40], 0.9)) > 10))

    room.page.select_option("select.er-zones", "1")
    eventually(lambda: _assert_all(at(room, painted(room), rim(model, ones, 0.9)) > 10))
    alpha = painted(room)
    lonely = [i for i in zeros if np.hypot(*(mu[labels == 1] - mu[i]).T).min() > 1.5]
    assert len(lonely) > 5
    assert at(room, alpha, mu[lonely]).mean() < 20

    # the zones of a class reach as far as they are told to
    one_sigma = (alpha > 0).sum()
    room.page.locator(".er-scale").fill("3")
    eventually(lambda: _assert_all((painted(room) > 0).sum() > 1.2 * one_sigma))
    eventually(lambda: _assert_all(at(room, painted(room), rim(model, ones, 2.8)) > 10))

    room.page.select_option("select.er-zones", "none")
    eventually(lambda: _assert_all(at(room, painted(room), mu[ones]).mean() < 10))


def _assert_all(values: Any) -> None:
    assert np.all(values)


def test_hidden_classes_have_no_zones(room) -> None:
    model = gallery(FLAT)
    room.open(link="zones=all&hidden=0,2,3,4,5,6,7,8,9")
    labels, mu = model.held_out.labels, model.held_out.mu
    zeros = np.flatnonzero((labels == 0) & (np.abs(mu) < 3).all(1))
    lonely = [i for i in zeros if np.hypot(*(mu[labels == 1] - mu[i]).T).min() > 1.5][:20]
    assert len(lonely) > 5
    alpha = painted(room)
    assert at(room, alpha, mu[lonely]).mean() < 20
    ones = np.flatnonzero((labels == 1) & (np.abs(mu) < 3).all(1))[:20]
    assert (at(room, alpha, rim(model, ones, 0.9)) > 10).all()


def test_density_shows_where_data_are_and_ratio_where_they_are_missing(room) -> None:
    model = gallery(FLAT)
    room.open(link="density=q&zones=none")
    key = room.page.locator(".er-key")
    assert not key.is_visible()
    alpha = painted(room)
    density = np.array([_posterior(model, spot) for spot in SPREAD])
    shown = at(room, alpha, SPREAD)
    order = np.argsort(density)
    assert shown[order[-8:]].min() > shown[order[:8]].max() + 40
    assert np.corrcoef(shown, np.sqrt(density))[0, 1] > 0.95  # its opacity goes with the root of the density

    room.page.select_option("select.er-density", "ratio")
    eventually(lambda: _assert_all(key.is_visible()))
    prior = np.exp(-0.5 * (SPREAD**2).sum(1)) / (2 * np.pi)
    colours = room.canvas("canvas.er-zones")
    log_ratio = np.log((density + 1e-9) / (prior + 1e-9))
    accent, text = _rgb(room, "--st-primary-color"), _rgb(room, "--st-text-color")
    clear = (np.abs(log_ratio) > 1) & (np.maximum(density, prior) > 0.02)
    assert clear.sum() > 10
    for spot, ratio in zip(SPREAD[clear], log_ratio[clear], strict=True):
        rgba = np.array([at(room, colours[c], spot[None]) for c in range(4)])[:, 0]
        nearer = np.abs(rgba[:3] - accent).sum() < np.abs(rgba[:3] - text).sum()
        assert nearer == (ratio > 0), (spot, ratio, rgba)


def _spread() -> np.ndarray:
    """Spots all over the map, but none on a ring."""
    axis = np.linspace(-2.6, 2.6, 12) + 0.05
    spots = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    return spots[(np.abs(np.hypot(*spots.T)[:, None] - [1, 2, 3]) > 0.05).all(1)]


SPREAD = _spread()
BLUR = 0.03  # a cell of the grid is some 0.05 wide, and neighbours are blended


def _posterior(model: Model, spot: np.ndarray) -> float:
    """q(z) = 1/N Σ N(z; mu, diag sigma²) at a spot, as sharp as the page shows it."""
    mu, variances = model.held_out.mu.astype(float), np.exp(model.held_out.logvar.astype(float)) + BLUR**2
    exponents = -0.5 * ((spot - mu) ** 2 / variances).sum(1)
    return (np.exp(exponents) / (2 * np.pi * np.sqrt(variances.prod(1)))).mean()


def _rgb(room: Room, variable: str) -> np.ndarray:
    colour = room.page.evaluate(
        """(name) => getComputedStyle(document.querySelector(".er-root")).getPropertyValue(name).trim()""", variable
    )
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
