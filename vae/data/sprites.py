"""White shapes on black, one image for every combination of five known factors, drawn without any files.

Similar to dSprites (Matthey et al. 2017), at 32 × 32 pixels and with smooth edges. Rotation covers a quarter turn, the
symmetry of a square, so no two images are equal.
"""

from __future__ import annotations

import numpy as np

SHAPES = ("square", "ellipse", "heart")
NAMES = ("shape", "scale", "rotation", "x", "y")
SIZES = (3, 6, 10, 9, 9)  # number of values of each factor: 14,580 images

_SIDE = 32  # pixels of an image
_PATCH = 16  # pixels a side of a drawn shape, placed at 9 · 9 positions
_STEP = 2  # pixels between positions
_FINE = 8  # sample points a pixel in each direction; the share inside the shape is the grey level
_RADII = np.linspace(3.5, 6.8, SIZES[1])  # pixels
_TURNS = np.arange(SIZES[2]) / SIZES[2] * np.pi / 2


def draw() -> tuple[np.ndarray, np.ndarray]:
    """All images, uint8 (N, 1, 32, 32), and their factors (N, 5), numbered from 0 in the order of `NAMES`.

    `scale` grows, `rotation` turns counter-clockwise, `x` moves right and `y` down. The last factor changes fastest.
    """
    factors = np.indices(SIZES).reshape(len(SIZES), -1).T
    pixels = np.zeros((*SIZES, _SIDE, _SIDE), np.uint8)
    patches = np.stack([[[_patch(shape, r, t) for t in _TURNS] for r in _RADII] for shape in SHAPES])
    for x in range(SIZES[3]):
        for y in range(SIZES[4]):
            rows, columns = slice(_STEP * y, _STEP * y + _PATCH), slice(_STEP * x, _STEP * x + _PATCH)
            pixels[:, :, :, x, y, rows, columns] = patches
    return pixels.reshape(-1, 1, _SIDE, _SIDE), factors


def _patch(shape: str, radius: float, turn: float) -> np.ndarray:
    """One shape in the centre of a patch (16, 16): the share of every pixel that it covers, times 255, as uint8."""
    axis = (np.arange(_PATCH * _FINE) + 0.5) / _FINE - _PATCH / 2
    right, up = axis / radius, -axis[:, None] / radius
    u, v = np.cos(turn) * right + np.sin(turn) * up, np.cos(turn) * up - np.sin(turn) * right
    covered = _inside(shape, u, v).reshape(_PATCH, _FINE, _PATCH, _FINE).mean((1, 3))
    result: np.ndarray = np.rint(255 * covered).astype(np.uint8)
    return result


def _inside(shape: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Whether points (u right, v up) lie in a shape that fits into the unit circle."""
    if shape == "square":
        result: np.ndarray = np.maximum(abs(u), abs(v)) <= 0.7
        return result
    if shape == "ellipse":
        return u**2 + (v / 0.55) ** 2 <= 1
    a, b = 1.3 * u, 1.3 * v + 0.1
    return (a**2 + b**2 - 1) ** 3 <= a**2 * b**3
