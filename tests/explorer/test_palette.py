"""The colours of the classes: any two are well told apart, whatever colours the reader sees."""

from __future__ import annotations

import numpy as np
import pytest

# Colour vision in linear RGB, at full severity (Machado, Oliveira & Fernandes 2009).
VISION = {
    "full": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
AT_LEAST = {"full": 0.13, "protanopia": 0.10, "deuteranopia": 0.10, "tritanopia": 0.10}  # OKLab distance
USUAL = {
    "tab10": "1f77b4 ff7f0e 2ca02c d62728 9467bd 8c564b e377c2 7f7f7f bcbd22 17becf",
    "plotly": "636efa ef553b 00cc96 ab63fa ffa15a 19d3f3 ff6692 b6e880 ff97ff fecb52",
    "tol": "cc6677 332288 ddcc77 117733 88ccee 882255 44aa99 999933 aa4499 dddddd",
    "petroff": "3f90da ffa90e bd1f01 94a4a2 832db6 a96b59 e76300 b9ac70 717581 92dadd",
}

# Node.js has no canvas, by which palette.js lets the browser parse colours: this one parses the forms that occur.
CANVAS = """class {
  getContext() { return this; }
  fillRect() {}
  getImageData() { return { data: [...parsed(this.fillStyle), 255] }; }
}"""
PARSED = r"""(colour) => {
  if (/^#[0-9a-f]{6}$/.test(colour)) return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const [, name, a, b, c] = colour.match(/^(rgb|hsl)\((\d+),? (\d+)%?,? (\d+)%?\)$/);
  if (name === "rgb") return [a, b, c].map(Number);
  const channel = (n) => { // CSS Color 4, section 7.1
    const k = (n + a / 30) % 12;
    return c / 100 - (b / 100) * Math.min(c / 100, 1 - c / 100) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
  };
  return [0, 8, 4].map((n) => Math.round(255 * channel(n)));
}"""


@pytest.fixture(scope="module", autouse=True)
def canvas(node) -> None:
    node.evaluate(f"() => {{ const parsed = {PARSED}; globalThis.OffscreenCanvas = {CANVAS}; }}")


COLOURS = "(m, count) => Array.from({ length: count }, (_, i) => m.rgb(m.classColour(i, count)))"


def linear(rgb: np.ndarray) -> np.ndarray:
    """sRGB bytes (n, 3) in linear light."""
    share = rgb / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def oklab(light: np.ndarray) -> np.ndarray:
    """Linear RGB (n, 3) in OKLab (Ottosson 2020)."""
    to_cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return np.cbrt(light.clip(0, 1) @ to_cones.T) @ to_lab.T


def closest(rgb: np.ndarray, vision: str) -> float:
    """The smallest difference between any two of the colours (n, 3)."""
    seen = oklab(linear(rgb) @ np.array(VISION[vision]).T)
    apart = np.linalg.norm(seen[:, None] - seen, axis=-1)
    return apart[np.triu_indices(len(rgb), 1)].min()


@pytest.fixture
def colours(node):
    return lambda count: np.array(node.call("plot/palette.js", COLOURS, count))


def test_any_two_of_ten_classes_are_told_apart_by_everyone(colours) -> None:
    ten = colours(10)
    assert ten.shape == (10, 3)
    distances = {vision: closest(ten, vision) for vision in VISION}
    for vision, least in AT_LEAST.items():
        assert distances[vision] >= least, vision
    for name, text in USUAL.items():
        usual = np.array([[int(colour[i : i + 2], 16) for i in (0, 2, 4)] for colour in text.split()])
        assert min(distances.values()) > 1.2 * min(closest(usual, vision) for vision in VISION), name


def test_more_classes_have_a_colour_each(colours) -> None:
    for count in (11, 14, 26, 28, 47):
        assert closest(colours(count), "full") > 0.005, count


READABLE = """({ THEORY, classColour, readable, rgb }, page) => {
  const all = [...Array.from({ length: 10 }, (_, i) => classColour(i, 10)), THEORY];
  return all.map((colour) => [rgb(colour), rgb(readable(colour, page))]);
}"""
PAGES = {"light": ("#ffffff", "#1c2733"), "dark": ("#10161d", "#e6edf3")}


@pytest.mark.parametrize("name", PAGES)
def test_every_colour_can_be_read_as_text(node, name) -> None:
    background, text = PAGES[name]
    page = {"background": background, "text": text}
    found = np.array(node.call("plot/palette.js", READABLE, page))
    ground = luminance(np.array([[int(background[i : i + 2], 16) for i in (1, 3, 5)]]))
    before, after = (contrast(luminance(found[:, i]), ground) for i in (0, 1))
    assert after.min() > 4.45
    np.testing.assert_array_equal(found[before >= 4.5, 1], found[before >= 4.5, 0])
    assert (after[before < 4.5] < 5.4).all()  # no paler than they have to be


SCALE = """({ colorscale, rgb, viridis }, ground) => {
  const stops = colorscale(ground);
  return [stops.map(([share, colour]) => rgb(colour)), stops.map(([share]) => viridis(share, ground))];
}"""


@pytest.mark.parametrize("name", PAGES)
def test_no_value_has_a_colour_that_is_lost_on_the_page(node, name) -> None:
    background, _ = PAGES[name]
    plotly, canvas = np.array(node.call("plot/palette.js", SCALE, background))
    np.testing.assert_allclose(plotly, canvas, atol=0.5)
    ground = luminance(np.array([[int(background[i : i + 2], 16) for i in (1, 3, 5)]]))
    light = luminance(plotly)
    assert (np.diff(light) > 0).all()  # the higher, the lighter, on both
    assert contrast(light, ground).min() > {"light": 1.5, "dark": 2}[name]


def luminance(rgb: np.ndarray) -> np.ndarray:
    return linear(rgb) @ [0.2126, 0.7152, 0.0722]


def contrast(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """WCAG 2.2: from 1 to 21."""
    low, high = np.sort(np.broadcast_arrays(one, other), axis=0)
    return (high + 0.05) / (low + 0.05)
