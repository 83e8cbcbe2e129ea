"""What the browser tests know of the page: how to open it and touch it, what stands in it, and what ought to."""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import numpy as np

from server.published import module_path
from vae.files import checkpoint, runs
from vae.files.held_out import FILE_NAME, HeldOut, read_held_out
from vae.principal_axes import principal_axes

if TYPE_CHECKING:
    from playwright.sync_api import Page

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "assets" / "gallery"
MODELS = [path.name for path in runs.find(GALLERY) if (path / runs.CHECKPOINT).is_file()]
FLAT, DEEP = "mnist-2d", "mnist-10d"  # the gallery's models with a map of their own, and with planes to choose from

# The page's own element of Plotly: its axes say where things are, independently of the map's arithmetic.
TO_PIXEL = """([u, v]) => {
  const { xaxis, yaxis } = document.querySelector(".er-plot")._fullLayout;
  const box = document.querySelector(".er-plot").getBoundingClientRect();
  return [box.left + xaxis._offset + xaxis.d2p(u), box.top + yaxis._offset + yaxis.d2p(v)];
}"""
TO_DATA = """([x, y]) => {
  const { xaxis, yaxis } = document.querySelector(".er-plot")._fullLayout;
  const box = document.querySelector(".er-plot").getBoundingClientRect();
  return [xaxis.p2d(x - box.left - xaxis._offset), yaxis.p2d(y - box.top - yaxis._offset)];
}"""
VIEW = """() => {
  const { xaxis, yaxis } = document.querySelector(".er-plot")._fullLayout;
  return { x: [...xaxis.range], y: [...yaxis.range], width: xaxis._length, height: yaxis._length };
}"""
PICTURE = """(canvas) => {
  const { width, height } = canvas;
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  let text = "";
  for (let i = 0; i < data.length; i += 4096) text += String.fromCharCode(...data.subarray(i, i + 4096));
  return [width, height, btoa(text)];
}"""
# the mark alone would be that of a map before this one
PLOTTED = """() => performance.getEntriesByName("elbo-room:plotted").length
  && document.querySelector(".er-plot")._fullLayout?._size"""
DELIVERED = """(type) => {
  const event = new Promise((done) => addEventListener(type, done, { once: true, capture: true }));
  window.delivered = Promise.race([event, new Promise((done) => setTimeout(done, 1000))]).then(() => true);
}"""
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
# Controls, pictures and parts of the page that have no name for those who do not see them.
NAMELESS = """(within) => [...document.querySelectorAll(`${within} :is(button, input, select, canvas, [role]:not([role="status"]))`)]
  .filter((e) => e.checkVisibility() && !e.closest("[aria-hidden=true]"))
  .filter((e) => !(e.ariaLabel || e.getAttribute("aria-labelledby") || e.textContent.trim() || e.labels?.length))
  .filter((e) => e.tagName !== "CANVAS" || e.getAttribute("role") === "img")
  .map((e) => e.outerHTML.slice(0, 120))"""


def eventually(check: Callable[[], T], seconds: float = 90) -> T:
    """What `check` returns once it raises no AssertionError any more; its last error where it never stops."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.03)


def taken_from(*modules: ModuleType, without: Collection[str]) -> dict[str, Any]:
    """The tests of these modules by their names, but for some, to be run in another surrounding."""
    found = [(name, test) for module in modules for name, test in vars(module).items() if name.startswith("test_")]
    names = [name for name, _ in found]
    assert len(set(names)) == len(names), "two of these tests have one name"
    assert set(without) <= set(names), "there is no such test any more"
    return {name: test for name, test in found if name not in without}


class Model:
    """A run folder, and what PyTorch and numpy say of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def checkpoint(self) -> checkpoint.Checkpoint:
        return checkpoint.read(self.folder)

    @cached_property
    def held_out(self) -> HeldOut:
        return read_held_out(self.folder / FILE_NAME)

    @cached_property
    def vae(self) -> Any:
        return checkpoint.load_model(self.checkpoint)

    @property
    def latent_dim(self) -> int:
        return self.checkpoint.settings.latent_dim

    @property
    def rate(self) -> np.ndarray:
        """Of every point, in nats (N,)."""
        mu, logvar = self.held_out.mu.astype(float), self.held_out.logvar.astype(float)
        return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum(1)

    @cached_property
    def principal(self) -> np.ndarray:
        """The plane of the two largest principal axes, (2, k)."""
        return principal_axes(self.held_out.mu)[0][:2]

    def plane(self, *dimensions: int) -> np.ndarray:
        """Two dimensions of z as a plane, (2, k)."""
        return np.eye(self.latent_dim)[list(dimensions)]

    def decode(self, z: np.ndarray) -> np.ndarray:
        """E[x|z] by PyTorch: (n, C, H, W) for z (n, k)."""
        import torch

        with torch.no_grad():
            return self.vae.decode(torch.tensor(np.asarray(z), dtype=torch.float32)).numpy()

    def bytes(self, z: np.ndarray) -> np.ndarray:
        """The decoded image of one z as the page ought to paint it, (3, H, W), before it is rounded."""
        image = 255 * self.decode(np.asarray(z)[None])[0].clip(0, 1)
        return np.broadcast_to(image, (3, *image.shape[1:]))

    def covariance(self, i: int, plane: np.ndarray) -> np.ndarray:
        """P diag(sigma²) Pᵀ of point i, (2, 2)."""
        return plane @ np.diag(np.exp(self.held_out.logvar[i].astype(float))) @ plane.T


def gallery(name: str) -> Model:
    assert name in MODELS, f"the gallery has no {name}; `make gallery` makes it"
    return Model(GALLERY / name)


class Room:
    """One page of the app in Chromium."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address

    def open(self, model: str = FLAT, link: str = "", *, plotted: bool = True) -> Room:
        """Show `model` with `link` behind the "#", and wait for its map; `plotted`: with Plotly's axes.

        Where the model is shown already, only the link is followed.
        """
        shown = self.page.locator(".er-root[data-ready]")
        if shown.count() and shown.get_attribute("data-ready") == model:
            self.ready(model, plotted=plotted).follow(link)
            return self
        self.page.goto(self.url(model, link))
        return self.ready(model, plotted=plotted)

    @property
    def is_file(self) -> bool:
        """Whether this is a page taken home: a file for every model, and no server."""
        return self.address.startswith("file:")

    def url(self, model: str, link: str = "") -> str:
        page = f"{model}.html" if self.is_file else f"?model={model}"
        return f"{self.address}/{page}{link and '#' + link}"

    def follow(self, link: str) -> None:
        """Put another link into the address bar, and wait until the page shows it."""
        self.page.evaluate("document.activeElement.blur()")
        # the page drops what it does not know, once everything else is shown
        self.page.evaluate("(link) => (location.hash = link)", f"{link}&until={time.monotonic()}")

        def followed() -> None:
            assert "until" not in self.link

        eventually(followed)

    def ready(self, model: str, *, plotted: bool = True) -> Room:
        self.page.bring_to_front()  # of several pages, a browser paints this one
        self.page.wait_for_selector(f'.er-root[data-ready="{model}"]')
        if plotted:
            self.page.wait_for_function(PLOTTED)
        return self

    def choose(self, model: str) -> Room:
        """Pick a model by its name in the list."""
        self.page.locator('[data-testid="stSelectbox"] input').click()
        self.page.get_by_role("option", name=model, exact=True).click()
        return self

    def frames(self) -> None:
        """Let two frames go by: whatever was asked for before has been painted, or never will be."""
        self.page.evaluate(TWO_FRAMES)

    # --- the map -----------------------------------------------------------------------------------------------------

    def pixel(self, u: float, v: float) -> tuple[int, int]:
        """The pixel of the page at (u, v) of the map."""
        x, y = self.page.evaluate(TO_PIXEL, [float(u), float(v)])
        return round(x), round(y)

    def data(self, x: float, y: float) -> np.ndarray:
        """What the map's axes say of a pixel of the page."""
        return np.array(self.page.evaluate(TO_DATA, [float(x), float(y)]))

    def hover(self, u: float, v: float) -> np.ndarray:
        """Put the pointer on the pixel at (u, v); the exact coordinates of that pixel."""
        x, y = self.pixel(u, v)
        with self._delivered("pointermove"):
            self.page.mouse.move(x, y)
        return self.data(x, y)

    def click(self, u: float, v: float) -> np.ndarray:
        x, y = self.pixel(u, v)
        with self._delivered("pointerup"):
            self.page.mouse.click(x, y)
        return self.data(x, y)

    @contextmanager
    def _delivered(self, event: str) -> Iterator[None]:
        """Wait until an event of this kind has reached the page and was painted; a pointer that stays put sends none."""
        self.page.evaluate(DELIVERED, event)
        yield
        self.page.evaluate("window.delivered")
        self.frames()

    def view(self) -> dict[str, Any]:
        """Ranges of the map's axes and their lengths in pixels, as Plotly has them."""
        return self.page.evaluate(VIEW)

    def marker(self) -> np.ndarray | None:
        """Where the lens is marked on the map, in coordinates of the map; None where it is out of view."""
        at = self.page.evaluate(
            """() => {
              const marker = document.querySelector(".er-marker");
              const { e, f } = marker.transform.baseVal.consolidate().matrix;
              const box = document.querySelector(".er-overlay").getBoundingClientRect();
              return marker.style.display === "none" ? null : [box.left + e, box.top + f];
            }"""
        )
        return None if at is None else self.data(*at)

    # --- what the page says ------------------------------------------------------------------------------------------

    @property
    def pinned(self) -> bool:
        return self.page.locator(".er-root.er-pinned").count() == 1

    @property
    def link(self) -> dict[str, str]:
        """What the address says behind its "#"."""
        fragment = urlsplit(self.page.evaluate("location.href")).fragment
        return {name: values[0] for name, values in parse_qs(fragment).items()}

    def fields(self) -> np.ndarray:
        """z as the number fields show it, to two digits."""
        return self._by_dimension('input[type="number"]')

    def sliders(self) -> np.ndarray:
        return self._by_dimension('input[type="range"]')

    def z(self) -> np.ndarray:
        """z as the address bar has it, to four digits, once the lens is pinned and the address has followed."""

        def followed() -> np.ndarray:
            assert not self.page.locator('.er-root[data-address="behind"]').count()
            z = np.array([float(value) for value in self.link.get("z", "nan").split(",")])
            fields = self.fields()
            assert z.shape == fields.shape
            np.testing.assert_allclose(z, fields, atol=0.00501)
            return z

        return eventually(followed)

    def slider(self, dimension: int, kind: str = "range") -> Any:
        """The slider of z's dimension, counted from 0; `kind` "number": its number field."""
        return self._row(dimension).locator(f'input[type="{kind}"]')

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def assert_shows(self, model: Model, z: np.ndarray, off: float = 0) -> None:
        """The lens shows `z` decoded, to the rounding of a byte; `off`: what each number of z may be off by."""
        expected = model.bytes(z)
        slopes = [np.abs(model.bytes(z + step) - expected) for step in off * np.eye(len(z))]
        np.testing.assert_array_less(np.abs(self.picture() - expected), 0.51 + 1.5 * np.sum(slopes, axis=0))

    def assert_marked(self, spot: np.ndarray) -> None:
        """The lens is marked at a spot of the map, where that is in view."""
        view, marker = self.view(), self.marker()
        inside = all(low < at < high for at, (low, high) in zip(spot, (view["x"], view["y"]), strict=True))
        assert inside == (marker is not None)
        if inside:
            np.testing.assert_allclose(marker, spot, atol=0.01)  # drawn to a tenth of a pixel

    def number(self, selector: str) -> float:
        """The number that an element begins with; the page writes a proper minus."""
        return float(self.text(selector).split()[0].replace("−", "-"))

    def nearest(self, model: Model) -> int:
        """Which data point the page says is nearest, by the test image's number."""
        index = int(self.text(".er-index").removeprefix("test image "))
        return int(np.flatnonzero(model.held_out.index == index)[0])

    def picture(self, selector: str = ".er-decoded") -> np.ndarray:
        """What is on a canvas: (3, H, W), and nothing is transparent."""
        rgba = self.canvas(selector)
        assert (rgba[3] == 255).all()
        return rgba[:3]

    def canvas(self, selector: str) -> np.ndarray:
        width, height, text = self.page.locator(selector).evaluate(PICTURE)
        return np.frombuffer(b64decode(text), np.uint8).reshape(height, width, 4).transpose(2, 0, 1).astype(int)

    def module(self, name: str) -> str:
        """The address of one of the explorer's modules, to be imported in the page."""
        if self.is_file:
            return self.page.evaluate("(name) => addresses[name]", name)
        return f"{self.address}/{module_path(name)}"

    @property
    def folder(self) -> str:
        """The address of the folder with the explorer's modules."""
        return self.module("").rstrip("/")

    def _row(self, dimension: int) -> Any:
        name = "z" + "".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(dimension + 1))
        return self.page.locator(".er-slider").filter(has=self.page.locator(f'[aria-label="{name}"]'))

    def _by_dimension(self, inputs: str) -> np.ndarray:
        rows = self.page.locator(".er-slider").evaluate_all(
            f"""(rows) => rows.map((row) => [row.querySelector("label").textContent, row.querySelector('{inputs}').value])"""
        )
        values = np.full(len(rows), np.nan)
        for name, value in rows:
            values[int("".join(str("₀₁₂₃₄₅₆₇₈₉".index(digit)) for digit in name[1:])) - 1] = float(value)
        return values
