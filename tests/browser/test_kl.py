"""The KL page in a real browser: at every beta, map, zones, images and numbers are those of the path file."""

from __future__ import annotations

import re
from base64 import b64decode
from functools import cached_property
from math import log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.browser.room import PICTURE, ROOT, Room, eventually
from tests.conftest import lacking
from vae.files.held_out import FILE_NAME, read_held_out
from vae.model import VAE
from vae.training import beta_path as paths

NAME = "digits-2d"
FILE = ROOT / "assets" / "paths" / f"{NAME}.safetensors"
ALL_READY = f'.er-root[data-complete="{NAME}"]'
SET = """([input, value]) => {
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}"""
# What the modules make of the path, in numbers: decoded images for some places of the slider and some z.
DECODE = """async ([folder, frameUrl, decoders, positions, zs]) => {
  const load = (name) => import(`${folder}/${name}`);
  const [{ Frame }, { Path }, { Model }] = await Promise.all(["data/frame.js", "kl/path.js", "kl/model.js"].map(load));
  const path = new Path(await Frame.fetch(frameUrl), (stop) => decoders.replace("{stop}", stop));
  await path.fetchDecoders(() => 0, () => {}, new AbortController().signal);
  const model = new Model(path);
  return positions.map((position) => {
    model.to(position);
    if (!model.prepare()) throw new Error("no decoder");
    return zs.map((z) => {
      let image = null;
      model.decoder.ask("lens", z, ({ pixels }) => (image = Array.from(pixels)));
      return image;
    });
  });
}"""


class File:
    """The path file, and what PyTorch says of it; between two stops, of the weights between theirs."""

    def __init__(self, file: Path = FILE) -> None:
        self.file = file

    @cached_property
    def path(self) -> paths.BetaPath:
        return paths.read(self.file)

    @cached_property
    def labels(self) -> np.ndarray:
        shipped = read_held_out(ROOT / "assets" / "gallery" / NAME / FILE_NAME)
        return shipped.labels[np.searchsorted(shipped.index, self.path.index)]

    @cached_property
    def one(self) -> int:
        """The stop at beta 1."""
        return self.path.betas.index(1.0)

    def position(self, beta: float) -> float:
        """Where beta stands on the slider, as its legend has it: linear up to the least beta above 0, then log."""
        low, high = self.path.betas[1], self.path.betas[-1]
        return 0.06 * beta / low if beta < low else 0.06 + 0.94 * log(beta / low) / log(high / low)

    def between(self, stop: int, t: float, array: np.ndarray) -> np.ndarray:
        return array[stop] if t == 0 else (1 - t) * array[stop] + t * array[stop + 1]

    def mu(self, stop: int, t: float = 0) -> np.ndarray:
        return self.between(stop, t, self.path.mu)

    def sigma(self, stop: int, t: float = 0) -> np.ndarray:
        return np.exp(self.between(stop, t, self.path.logvar) / 2)

    def decode(self, z: np.ndarray, stop: int, t: float = 0) -> np.ndarray:
        """E[x|z], (n, C, H, W)."""
        known = self.path
        model = VAE(known.plan, known.image_shape, known.settings.likelihood, known.settings.sigma)
        weights = {name: torch.from_numpy(self.between(stop, t, array)) for name, array in known.decoder.items()}
        model.load_state_dict(weights, strict=False)
        with torch.no_grad():
            return model.decode(torch.tensor(np.asarray(z), dtype=torch.float32)).numpy()


class Kl(Room):
    """The page of a path."""

    def __init__(self, page: Any, address: str, file: File) -> None:
        super().__init__(page, address)
        self.file = file

    def visit(self, link: str = "", query: str = f"?path={NAME}") -> Kl:
        self.page.goto(f"{self.address}/kl{query}{link and '#' + link}")
        self.page.wait_for_selector(ALL_READY)
        return self

    def go(self, position: float) -> None:
        """Move the slider, and wait until the page shows what is there."""
        slider = self.page.locator(".kl-track input")
        self.page.evaluate(SET, [slider.element_handle(), position])
        self.frames()
        self.frames()

    def to_stop(self, stop: int) -> None:
        self.go(self.file.position(self.file.path.betas[stop]))
        eventually(lambda: self.assert_at(stop))

    def assert_at(self, stop: int) -> None:
        said = re.search(r"trained at β ([\d.]+)", self.text(".kl-which"))
        assert said
        assert float(said[1]) == pytest.approx(self.file.path.betas[stop], rel=6e-3)

    def axes(self) -> tuple[float, float, float]:
        """Where the map has its origin, and how many pixels a unit has: read off the names of the prior's rings."""
        one, three = (
            self.page.locator(".kl-map >> nth=0")
            .locator(".er-ring")
            .evaluate_all(
                "(rings) => [0, 2].map((i) => [Number(rings[i].getAttribute('x')), Number(rings[i].getAttribute('y'))])"
            )
        )
        unit = (one[0] - three[0]) * sqrt(2) / 2
        return one[0] + unit / sqrt(2), one[1] + unit / sqrt(2), unit

    def place(self, z: np.ndarray) -> np.ndarray:
        """Pixels of the map, (n, 2), where points (n, 2) of the latent space are."""
        x, y, unit = self.axes()
        return np.stack([x + unit * z[:, 0], y - unit * z[:, 1]], 1)

    def motion(self) -> np.ndarray:
        """The canvas with the points, (4, H, W)."""
        return self.canvas(".page-maps .page-motion")

    def assert_points_at(self, mu: np.ndarray) -> None:
        """A dot of its class's colour at every mean, and nothing elsewhere. Zones are off."""
        spots = self.place(mu)
        picture = self.motion()
        columns, rows = np.floor(spots).astype(int).T
        assert (picture[3, rows, columns] > 200).all()
        apart = np.hypot(*(spots[:, None] - spots[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(spots))
        alone = apart.min(1) > 12
        assert alone.sum() > 5
        colours = {}
        for label, colour in zip(self.file.labels[alone], picture[:3, rows[alone], columns[alone]].T, strict=True):
            assert colours.setdefault(int(label), tuple(colour)) == tuple(colour)
        ys, xs = np.nonzero(picture[3])
        nearest = np.min(np.hypot(xs[:, None] + 0.5 - spots[:, 0], ys[:, None] + 0.5 - spots[:, 1]), axis=1)
        assert nearest.max() < 6


@pytest.fixture(scope="module")
def file() -> File:
    if not FILE.is_file():
        lacking(f"There is no {FILE.relative_to(ROOT)}; `make paths` makes it.")
    return File()


@pytest.fixture(scope="module")
def kl(own_page, address, file) -> Kl:
    """The page that most tests share."""
    return Kl(own_page, address, file).visit("beta=1&zones=none")


def test_what_is_decoded_is_what_pytorch_decodes(kl, file) -> None:
    stops = [0, 3, len(file.path.betas) // 2, len(file.path.betas) - 1]
    at = [file.position(file.path.betas[stop]) for stop in stops]
    middle = (file.position(file.path.betas[file.one]) + file.position(file.path.betas[file.one + 1])) / 2
    zs = np.random.default_rng(0).normal(size=(12, 2)).round(3)
    folder = kl.folder
    asked = kl.page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    frame = next(name for name in asked if "/room/frame/" in name)
    decoders = re.sub(r"/[0-9]+$", "/{stop}", next(name for name in asked if "/room/path/" in name))
    found = kl.page.evaluate(DECODE, [folder, frame, decoders, [*at, middle], zs.tolist()])
    for images, (stop, t) in zip(found, [*((stop, 0.0) for stop in stops), (file.one, 0.5)], strict=True):
        expected = file.decode(zs, stop, t).reshape(len(zs), -1)
        np.testing.assert_allclose(np.array(images), expected, atol=1e-5 if t == 0 else 1e-4)


@pytest.mark.parametrize("beta", [0, 0.1, 1])
def test_points_stand_where_mu_of_the_stop_is(kl, file, beta) -> None:
    stop = file.path.betas.index(beta)
    kl.to_stop(stop)
    kl.assert_points_at(file.mu(stop))


def test_between_stops_positions_and_images_are_the_interpolation(kl, file) -> None:
    below = file.one - 4
    beta, after = file.path.betas[below : below + 2]
    a, b = file.position(beta), file.position(after)
    kl.go(a + 0.5 * (b - a))
    eventually(lambda: _says(kl.text(".kl-which"), f"interpolated between the models at β {beta:.3g} and {after:.3g}"))
    kl.assert_points_at(file.mu(below, 0.5))
    shown = [kl.page.locator(".kl-images canvas").nth(8 + i).evaluate(PICTURE) for i in range(8)]
    rows = [int(np.flatnonzero(file.labels == c)[0]) for c in range(8)]
    expected = 255 * file.decode(file.mu(below, 0.5)[rows], below, 0.5)
    for (width, height, text), image in zip(shown, expected, strict=True):
        np.testing.assert_allclose(_picture(width, height, text), image[0], atol=0.6)
    assert "≈" in kl.text(".kl-loss")


def test_zones_are_as_wide_as_sigma(kl, file) -> None:
    stop = file.one
    kl.to_stop(stop)
    kl.page.click('[data-zones="all"]')
    kl.frames()
    mu, sigma = file.mu(stop), file.sigma(stop)
    spots = kl.place(mu)
    unit = kl.axes()[2]
    lonely = np.argsort(-np.hypot(*mu.T))[:5]
    box = kl.page.locator(".page-maps .kl-map").bounding_box()
    for i in lonely:
        kl.page.mouse.move(box["x"] + 1 + float(spots[i, 0]), box["y"] + 1 + float(spots[i, 1]))
        kl.frames()
        zone = kl.page.locator(".page-maps .er-zone")
        rx, ry = (float(zone.get_attribute(name)) for name in ("rx", "ry"))
        np.testing.assert_allclose(sorted((rx, ry)), np.sort(sigma[i]) * unit, atol=0.02, rtol=1e-3)
    filled = _filling(kl)
    inside = [
        filled(*(spots[i] + 0.8 * unit * sigma[i] * d)) for i in lonely for d in ([1, 0], [-1, 0], [0, 1], [0, -1])
    ]
    assert min(inside) > 10
    kl.page.click('[data-zones="none"]')


def test_the_numbers_are_those_of_the_file(kl, file) -> None:
    for stop in (0, file.one, len(file.path.betas) - 1):
        kl.to_stop(stop)
        said = file.path.up[stop]
        text = kl.text(".kl-loss")
        assert "≈" not in text
        beta, test = file.path.betas[stop], said["test"]

        def shown(stop: int = stop, test: dict[str, float] = test, beta: float = beta) -> None:
            assert kl.number(".kl-distortion") == pytest.approx(test["distortion"], abs=0.0051)
            assert kl.number(".kl-rate") == pytest.approx(test["rate"], abs=0.0051)
            assert kl.number(".kl-total") == pytest.approx(test["distortion"] + beta * test["rate"], abs=0.0051)
            assert kl.number(".kl-elbo") == pytest.approx(test["elbo"], abs=0.006)
            assert kl.text(".kl-active") == f"{file.path.up[stop]['active_units']} of 2"
            assert kl.number(".kl-sigma") == pytest.approx(file.sigma(stop).mean(), abs=6e-4)

        eventually(shown)
    assert kl.text(".kl-loss").endswith("nats per test image")


def test_the_pointer_decodes_at_this_beta(kl, file) -> None:
    kl.to_stop(file.one)
    x, y, unit = kl.axes()
    box = kl.page.locator(".page-maps .kl-map").bounding_box()
    px, py = round(x + unit), round(y - 0.5 * unit)
    z = np.array([(px - x) / unit, (y - py) / unit])
    kl.page.mouse.move(box["x"] + 1 + px, box["y"] + 1 + py)
    kl.frames()
    np.testing.assert_allclose(kl.picture(".kl-decoded")[0], 255 * file.decode(z[None], file.one)[0, 0], atol=1.5)
    before = kl.picture(".kl-decoded")
    kl.to_stop(len(file.path.betas) - 2)
    np.testing.assert_allclose(
        kl.picture(".kl-decoded")[0], 255 * file.decode(z[None], len(file.path.betas) - 2)[0, 0], atol=1.5
    )
    assert np.abs(kl.picture(".kl-decoded") - before).max() > 20


def test_arrow_keys_go_from_stop_to_stop_and_play_goes_on(kl, file) -> None:
    kl.to_stop(file.one)
    kl.page.locator(".kl-track input").focus()
    kl.page.keyboard.press("ArrowRight")
    eventually(lambda: kl.assert_at(file.one + 1))
    kl.page.keyboard.press("ArrowLeft")
    kl.page.keyboard.press("ArrowLeft")
    eventually(lambda: kl.assert_at(file.one - 1))
    kl.page.click(".kl-play")
    started = float(kl.page.locator(".kl-track input").input_value())
    eventually(lambda: _more(float(kl.page.locator(".kl-track input").input_value()), started + 0.03))
    kl.page.click(".kl-play")
    rests = kl.page.locator(".kl-track input").input_value()
    kl.frames()
    assert kl.page.locator(".kl-track input").input_value() == rests


def test_the_decoded_plane_is_decoded_at_this_beta(kl, file) -> None:
    kl.page.click('[data-switch="manifold"]')
    for stop in (file.one, 2):
        kl.to_stop(stop)
        at = np.linspace(-3, 3, 15)
        z = np.array([[at[11], at[4]], [at[0], at[14]]])  # columns go right, rows go down

        def shown(stop: int = stop, z: np.ndarray = z) -> None:
            ink = kl.canvas(".page-maps .kl-plane canvas")[3]
            tiles = [ink[10 * 8 : 11 * 8, 11 * 8 : 12 * 8], ink[0:8, 0:8]]
            np.testing.assert_allclose(tiles, 255 * file.decode(z, stop)[:, 0], atol=1.01)

        eventually(shown)
    kl.page.click('[data-switch="manifold"]')


# Charts that are drawn in another size than they are seen in.
SQUASHED = """() => [...document.querySelectorAll(".kl canvas:is(.kl-tradeoff, .kl-dimensions, .kl-band canvas)")]
  .filter((e) => e.checkVisibility() && (Math.abs(e.width - e.clientWidth) > 1 || Math.abs(e.height - e.clientHeight) > 1))
  .map((e) => `${e.className}: ${e.width} x ${e.height} on ${e.clientWidth} x ${e.clientHeight}`)"""


def test_charts_keep_their_proportions_when_forces_take_room(kl, file) -> None:
    if not file.path.forces:
        lacking(f"{FILE.name} has no forces.")
    kl.visit()
    heights = [kl.page.locator(".kl-tradeoff").bounding_box()["height"]]
    for _ in range(2):  # on, and off again
        kl.page.click('[data-switch="forces"]')
        eventually(lambda: _equal(kl.page.evaluate(SQUASHED), []))
        heights.append(kl.page.locator(".kl-tradeoff").bounding_box()["height"])
    assert heights[1] != heights[0]
    assert heights[2] == heights[0]


@pytest.mark.parametrize("size", [(1024, 768), (390, 844), (320, 568), (1440, 900)])
def test_what_the_rate_adds_up_from_is_named_in_full(kl, file, size) -> None:
    before = kl.page.viewport_size
    kl.page.set_viewport_size({"width": size[0], "height": size[1]})
    if NAME not in (kl.page.locator(".er-root").get_attribute("data-complete") or ""):
        kl.visit()
    key = kl.page.locator(".kl-key")
    text = " ".join(key.inner_text().split())
    assert re.match(r"rate up to [\d.]+ nats per image =", text)
    edge = key.bounding_box()
    for part in ("index–code mutual information", "total correlation", "dimension-wise KL"):
        box = key.locator("span").filter(has_text=part).bounding_box()
        assert box["x"] >= 0, part
        assert box["x"] + box["width"] <= size[0] + 0.5, part
        assert box["y"] + box["height"] <= edge["y"] + edge["height"] + 0.5, part
    assert "≤ ln" in key.get_attribute("title")
    kl.page.set_viewport_size(before)


def test_what_forces_are_said_are_those_of_the_file(kl, file) -> None:
    forces = file.path.forces
    if not forces:
        lacking(f"{FILE.name} has no forces.")
    stop, row = file.one, 7
    point = int(forces[paths.POINTS][row])
    kl.visit(f"beta={file.path.betas[stop]}&forces=1&point={point}")
    mu, variance, beta = file.mu(stop)[point], file.sigma(stop)[point] ** 2, file.path.betas[stop]
    pulls = np.stack([forces["force.distortion_mu"][stop, row], forces["force.distortion_logsigma"][stop, row]], 1)
    rate = np.stack([-beta * mu, -beta * (variance - 1)], 1)
    expected = [pulls.ravel(), rate.ravel(), (pulls + rate).ravel()]

    def shown() -> None:
        cells = kl.page.locator(".kl-pull td").all_inner_texts()
        assert len(cells) == 12
        values = [float(cell.split()[0].split("±")[0].replace("−", "-")) for cell in cells]
        np.testing.assert_allclose(np.reshape(values, (3, 4)), expected, atol=0.0051)

    eventually(shown)
    errors = kl.page.locator(".kl-pull td small").all_inner_texts()
    assert errors[0].strip() == f"±{forces['force.distortion_mu_se'][stop, row, 0]:.2f}"
    other = int(forces[paths.POINTS][40])
    box = kl.page.locator(".page-maps .kl-map").bounding_box()
    x, y = kl.place(file.mu(stop)[[other]])[0]
    kl.page.mouse.click(box["x"] + 1 + float(x), box["y"] + 1 + float(y))
    eventually(lambda: _equal(kl.link.get("point"), str(other)))
    assert f"test image {file.path.index[other]}," in kl.text(".kl-pull p")
    kl.page.click('[data-switch="forces"]')


def test_why_buffer_zones_shows_the_same_two_images_in_three_models(kl, file) -> None:
    kl.visit("beta=1&view=why&pair=3,20")
    ends = np.array([file.mu(file.one)[3], file.mu(file.one)[20]])
    z = ends[0] + np.linspace(0, 1, 9)[:, None] * (ends[1] - ends[0])

    def shown() -> None:
        canvases = kl.page.locator(".kl-column").nth(1).locator(".kl-line canvas")
        pictures = [_picture(*canvases.nth(i).evaluate(PICTURE)) for i in range(9)]
        np.testing.assert_allclose(pictures, 255 * file.decode(z, file.one)[:, 0], atol=0.6)

    eventually(shown)
    betas = kl.page.locator(".kl-column h3 b").all_inner_texts()
    assert betas[0] == "0"
    assert betas[1] == "1"
    assert float(betas[2]) > 1
    assert kl.page.locator(".kl-side").is_hidden()
    kl.page.click('[data-view="map"]')


def test_a_link_brings_everything_back(kl, browser, file) -> None:
    kl.visit(f"beta={file.path.betas[5]:.4g}&zones=pointer&plane=1&fixed=1&hidden=3,5&z=0.5,-1")

    def kept() -> None:
        assert kl.link == {
            "beta": f"{file.path.betas[5]:.4g}", "zones": "pointer", "plane": "1", "fixed": "1", "hidden": "3,5", "z": "0.5,-1",
        }  # fmt: skip

    eventually(kept)
    eventually(lambda: kl.assert_at(5))
    assert kl.page.locator('[data-zones="pointer"]').get_attribute("aria-checked") == "true"
    assert kl.page.locator('[data-switch="fixed"]').get_attribute("aria-pressed") == "true"
    assert kl.page.locator('.er-legend button[aria-pressed="false"]').all_inner_texts() == ["3", "5"]
    assert kl.pinned
    expected = 255 * file.decode(np.array([[0.5, -1]]), 5)[0, 0]
    eventually(lambda: np.testing.assert_allclose(kl.picture(".kl-decoded")[0], expected, atol=0.6))


def test_nonsense_in_a_link_is_passed_over(kl) -> None:
    kl.visit("beta=-3&zones=9&hidden=77&z=1,2,3&pair=1,1&point=-2&view=x")
    eventually(lambda: kl.assert_at(kl.file.one))
    eventually(lambda: _equal(kl.link, {"beta": "1"}))
    assert not kl.pinned


def test_an_unknown_path_is_told_in_one_sentence_and_another_is_shown(kl) -> None:
    kl.page.goto(f"{kl.address}/kl?path=nothing")
    kl.page.wait_for_selector(".er-root[data-ready]")
    [sentence] = kl.page.locator('[data-testid="stAlert"]').all_inner_texts()
    assert sentence.strip() == "There is no beta path 'nothing' here (any more); choose one from the list."


def test_all_is_on_the_screen(kl) -> None:
    kl.visit()
    for selector in (".kl-map", ".kl-slider", ".kl-images", ".kl-tradeoff", ".kl-dimensions", ".kl-facts"):
        box = kl.page.locator(selector).first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 1440
        assert box["y"] + box["height"] <= 900, selector
    assert kl.page.locator(".kl-map").first.bounding_box()["height"] > 0.55 * 900


def _picture(width: int, height: int, text: str) -> np.ndarray:
    return np.frombuffer(b64decode(text), np.uint8).reshape(height, width, 4)[..., 0].astype(int)


def _filling(kl: Kl) -> Any:
    """Opacity of the zones at a pixel of the map."""
    style = kl.page.locator(".page-maps .kl-filling").evaluate(
        "(canvas) => [canvas.offsetLeft, canvas.offsetTop, canvas.width / parseFloat(canvas.style.width)]"
    )
    opacity = kl.canvas(".page-maps .kl-filling")[3]
    return lambda x, y: int(opacity[int((y - style[1]) * style[2]), int((x - style[0]) * style[2])])


def _says(text: str, expected: str) -> None:
    assert text == expected


def _equal(found: Any, expected: Any) -> None:
    assert found == expected


def _more(found: float, expected: float) -> None:
    assert found > expected
