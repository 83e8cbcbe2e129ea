"""The sprites: one image for each combination, drawn as the factors say."""

from __future__ import annotations

import numpy as np
import pytest

from vae.data import sprites
from vae.data.image_sets import load
from vae.data.sprites import NAMES, SHAPES, SIZES


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    return sprites.draw()


@pytest.fixture(scope="module")
def table(drawn) -> np.ndarray:
    """Images by factor, as floats in [0, 1]: (3, 6, 10, 9, 9, 32, 32)."""
    return drawn[0].reshape(*SIZES, 32, 32) / 255


def test_every_combination_is_there_once(drawn) -> None:
    pixels, factors = drawn
    assert pixels.shape == (14_580, 1, 32, 32)
    assert pixels.dtype == np.uint8
    assert factors.shape == (14_580, 5)
    np.testing.assert_array_equal(np.ravel_multi_index(factors.T, SIZES), np.arange(14_580))
    assert len(NAMES) == len(SIZES)


def test_no_two_images_are_alike(drawn) -> None:
    assert len({image.tobytes() for image in drawn[0]}) == 14_580


def test_they_are_the_same_every_time(drawn) -> None:
    again = sprites.draw()
    np.testing.assert_array_equal(again[0], drawn[0])
    np.testing.assert_array_equal(again[1], drawn[1])


def test_shapes_have_the_area_of_their_formula_at_every_scale_and_turn(table) -> None:
    """Squares 4 · 0.7² r², ellipses π · 0.55 r², sampled at 64 points a pixel: within 1.5% or half a pixel. An upright
    square meets whole rows of points at once, so each of its sides may be off by half their distance, 1/16 pixel.
    """
    for shape, area in (("square", 4 * 0.7**2), ("ellipse", np.pi * 0.55)):
        found = table[SHAPES.index(shape)].sum((-1, -2))
        radii = np.linspace(3.5, 6.8, 6)[:, None, None, None]
        turned = slice(1 if shape == "square" else 0, None)
        expected = np.broadcast_to(area * radii**2, found.shape)
        np.testing.assert_allclose(found[:, turned], expected[:, turned], rtol=0.015, atol=0.5)
        assert (abs(found - expected) <= 8 * 0.7 * radii / 16 + 0.5).all()
    hearts = table[SHAPES.index("heart")].sum((-1, -2))
    np.testing.assert_allclose(hearts / hearts[:, :1], 1, atol=0.03)  # no turn changes an area
    assert (np.diff(hearts[:, 0, 0, 0]) > 5).all()


def test_edges_are_smooth_and_nothing_is_cut_off(table) -> None:
    grey = (table > 0) & (table < 1)
    assert (grey[:, :, 1:].sum((-1, -2)) >= 8).all()  # the sides of an upright square may lie between pixels
    assert table.max((-1, -2)).min() == 1
    patch = table[:, :, :, 4, 4]  # in the middle: its patch is rows and columns 8 to 23
    assert patch[..., :8, :].max() == patch[..., 24:, :].max() == patch[..., :8].max() == patch[..., 24:].max() == 0
    assert patch[..., 8, :].max() < 0.2  # it ends before the patch does


def test_places_are_two_pixels_apart(table) -> None:
    for x in range(8):
        np.testing.assert_array_equal(np.roll(table[:, :, :, x], 2, -1), table[:, :, :, x + 1])
    for y in range(8):
        np.testing.assert_array_equal(np.roll(table[:, :, :, :, y], 2, -2), table[:, :, :, :, y + 1])


def test_a_turn_is_counter_clockwise(table) -> None:
    """The long axis of an ellipse, by its second moments, with the vertical axis upwards."""
    side = np.arange(32) - 15.5
    u, v = side, -side[:, None]
    for turn in range(10):
        image = table[SHAPES.index("ellipse"), 5, turn, 4, 4]
        uu, vv, uv = ((image * product).sum() for product in (u * u, v * v, u * v))
        angle = 0.5 * np.arctan2(2 * uv, uu - vv)
        assert angle == pytest.approx(turn * np.pi / 20, abs=0.02)


def test_hearts_point_down_and_are_symmetric(table) -> None:
    heart = table[SHAPES.index("heart"), 5, 0, 4, 4]
    np.testing.assert_allclose(heart, heart[:, ::-1], atol=1e-9)
    rows = np.flatnonzero(heart.sum(1))
    assert heart[rows[-1]].sum() < 3  # the tip
    assert heart[rows[2]].sum() > 6


def test_behind_the_door_with_factors_in_step_with_the_images(drawn) -> None:
    images = load("sprites")
    assert images.classes == SHAPES
    assert [len(part.labels) for part in (images.train, images.validation, images.test)] == [8748, 1458, 4374]
    assert images.factors is not None
    assert images.factors.names == NAMES
    for split in ("train", "validation", "test"):
        part, factors = getattr(images, split), getattr(images.factors, split)
        rows = np.ravel_multi_index(factors.T, SIZES)
        np.testing.assert_array_equal(drawn[0][rows], part.pixels)
        np.testing.assert_array_equal(factors[:, 0], part.labels)
    assert load("digits").factors is None
