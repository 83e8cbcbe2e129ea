"""Large networks compute in a worker: the picture follows, the newest question wins, and the page itself never waits."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.browser.conftest import PATIENCE, WINDOW, watched
from tests.browser.room import FLAT, Model, Room, eventually, gallery
from tests.browser.test_drawing import assert_encoded, drawn, png, upload
from tests.browser.test_map_tools import download
from vae.analysis.evaluation import held_out
from vae.cli import main
from vae.data.image_sets import Images
from vae.files import checkpoint, runs
from vae.files.held_out import FILE_NAME, save_held_out
from vae.model import VAE
from vae.plan import make_plan
from vae.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHAPE = (3, 64, 64)
HIDDEN = (256, 256, 16)  # few weights, much to multiply: some 160 million products for an image
POINTS = 60
MOVES = 120
SPACING = 44  # px between two images of the manifold, about

PICTURE_THEN_AXES = """() => {
  const [[picture], [axes]] = ["far-decode", "plotted"].map((name) => performance.getEntriesByName(`elbo-room:${name}`));
  return picture.startTime + picture.duration < axes.startTime;
}"""
MARKS = "(name) => performance.getEntriesByName(`elbo-room:${name}`).length"
NO_WORKER = "window.Worker = class { constructor() { throw new DOMException('not here', 'SecurityError'); } };"
ASK = """async ([asked, frames, url]) => {
  const { InferenceClient } = await import(asked);
  const { Frame } = await import(frames);
  const network = new InferenceClient("decode", await Frame.fetch(url));
  const answers = [];
  const done = new Promise((resolve) => {
    const take = (name, { pixels }) => {
      answers.push([name, pixels[0]]);
      if (answers.filter(([told]) => told.endsWith("99")).length === 2) resolve();
    };
    for (let i = 0; i < 100; i++) {
      network.ask("a", Float64Array.of(i / 50, 1), (answer) => take(`a${i}`, answer));
      network.ask("b", Float64Array.of(1, i / 50), (answer) => take(`b${i}`, answer));
    }
  });
  await done;
  network.close();
  return answers;
}"""


# A series of pictures is under way when the lens asks; another while a hand never rests; then the weights are others, all 0.
SERIES = """async ([asked, series, frames, url]) => {
  const [{ InferenceClient }, { Series }, { Frame }] = await Promise.all([asked, series, frames].map((name) => import(name)));
  const frame = await Frame.fetch(url);
  const network = new InferenceClient("decode", frame);
  const told = [];
  let done;
  const finished = new Promise((resolve) => (done = resolve));
  const root = document.createElement("div");
  const film = new Series(root, 5, (i) => Float64Array.of(i / 5, 0), (i, { pixels }) => {
    told.push([`film ${i}, ${film.left} left`, pixels[0]]);
    if (told.length === 1) for (const name of ["lens", "nearest"])
      network.ask(name, Float64Array.of(2, 2), ({ pixels }) => told.push([name, pixels[0]]));
    if (!film.left) done();
  });
  network.askAll("film", film.renew());
  await finished;
  await new Promise((resolve) => {
    const second = new Series(root, 2, (i) => Float64Array.of(i, -1), () => second.left || resolve());
    const again = (name, i) => second.left && network.ask(name, Float64Array.of(i, 1), () => again(name, i + 0.1));
    network.askAll("film", second.renew());
    for (const [i, name] of ["lens", "nearest"].entries()) again(name, 10 * i);
  });
  const count = performance.getEntriesByName("elbo-room:far-decode").length;
  const zeros = Object.fromEntries(Object.entries(frame.arrays).map(([name, { length }]) => [name, new Float32Array(length)]));
  network.adopt({ meta: frame.meta, arrays: zeros });
  await new Promise((resolve) => network.ask("lens", Float64Array.of(2, 2), ({ pixels }) => resolve(told.push(["without weights", pixels[0]]))));
  network.close();
  return [told, root.dataset.left, count];
}"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A convolutional model of 64 × 64 colour images; its weights are drawn, and larger than training begins with."""
    folder = tmp_path_factory.mktemp("large") / "colour"
    folder.mkdir()
    for name in (runs.SETTINGS, runs.STATUS, runs.TEST):
        shutil.copy(gallery(FLAT).folder / name, folder)
    torch.manual_seed(0)  # initial weights only; the modules take no generator
    weights = VAE(make_plan("conv", HIDDEN, 2, SHAPE), SHAPE, "bernoulli").weights()
    settings = Settings(arch="conv", hidden=HIDDEN, latent_dim=2)
    checkpoint.write(folder / runs.CHECKPOINT, settings, SHAPE, 0, {name: 2 * w for name, w in weights.items()})
    blocks = np.random.default_rng(0).integers(0, 256, (POINTS, 3, 8, 8), np.uint8)
    images = Images.of(blocks.repeat(8, 2).repeat(8, 3), np.arange(POINTS) % 10)
    vae = checkpoint.load_model(checkpoint.read(folder))
    save_held_out(folder / FILE_NAME, held_out(vae, images, np.arange(POINTS)))
    return Model(folder)


@pytest.fixture(scope="module")
def home(model: Model) -> Path:
    """The folder of the page taken home."""
    assert main(["export", str(model.folder), "-o", str(model.folder.with_suffix(".html"))]) == 0
    return model.folder.parent


@contextmanager
def page_of(browser: Browser, address: str, **options: Any) -> Iterator[Room]:
    with browser.new_context(viewport=WINDOW, **options) as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        wrong = watched(page, address)
        yield Room(page, address)
        assert not wrong


@pytest.fixture(params=["app", "taken home"])
def opened(request: pytest.FixtureRequest, browser: Browser, model: Model) -> Iterator[Callable[[str], Room]]:
    """Opens the model with a link behind the "#"."""
    if request.param == "app":
        with page_of(browser, request.getfixturevalue("address")) as room:
            yield lambda link: room.open(f"path:{model.folder}", link)
    else:
        with page_of(browser, request.getfixturevalue("home").as_uri(), offline=True) as room:
            yield lambda link: room.open("colour", link)


@pytest.fixture(scope="module")
def shared(browser: Browser, address: str, model: Model) -> Iterator[Room]:
    """One page of the app with the model, for tests that need no other."""
    with page_of(browser, address) as room:
        yield room.open(f"path:{model.folder}")


def marks(room: Room, name: str) -> int:
    return room.page.evaluate(MARKS, name)


def assert_reconstructed(room: Room, model: Model) -> None:
    """Beside the lens stands what the decoder makes of the nearest point's mu."""
    mu = model.held_out.mu[room.nearest(model)]
    assert np.abs(room.picture(".er-reconstruction") - model.bytes(mu)).max() < 0.51


def test_the_picture_follows_a_pointer_that_does_not_wait_for_it(opened, model) -> None:
    room = opened("")
    assert room.page.evaluate(PICTURE_THEN_AXES)
    first = room.hover(-1.5, 1.0)
    eventually(lambda: room.assert_shows(model, first, off=1e-5))
    (x0, y0), (x1, y1) = room.pixel(-1.5, 1.0), room.pixel(1.0, -1.0)
    before = marks(room, "far-decode")
    for i in range(MOVES):
        room.page.mouse.move(x0 + (x1 - x0) * i / MOVES, y0 + (y1 - y0) * i / MOVES)
    last = room.hover(1.0, -1.0)
    resting = marks(room, "far-decode")
    assert np.abs(model.bytes(last) - model.bytes(first)).max() > 30
    eventually(lambda: room.assert_shows(model, last, off=1e-5))
    eventually(lambda: assert_reconstructed(room, model))
    assert resting - before >= 2  # it was followed,
    assert marks(room, "far-decode") - resting <= 3  # and nothing has queued: what was asked, lens, and nearest point
    assert marks(room, "decode") == 0


def test_what_is_uploaded_is_encoded_in_a_worker_too(opened, model) -> None:
    room = opened("tool=draw")
    room.page.wait_for_selector(".er-pad")
    for i in (3, 7):
        image = model.held_out.images[i]
        upload(room, png(image.transpose(1, 2, 0).copy()))

        def taken(image: np.ndarray = image) -> dict[str, Any]:
            assert room.page.locator(".er-encoded").is_visible()
            np.testing.assert_array_equal(drawn(room, model), image)
            return assert_encoded(room, model, image)

        shown = eventually(taken)
        for selector, z in ((".er-at-mu", shown["mu"]), (".er-at-z", shown["z"]), (".er-decoded", shown["mu"])):
            expected = model.bytes(z)
            eventually(lambda s=selector, e=expected: np.testing.assert_allclose(room.picture(s), e, atol=1))
        eventually(lambda image=image, shown=shown: assert_distortion(room, model, image, shown["z"]))
    assert marks(room, "far-encode") >= 2
    assert marks(room, "encode") == marks(room, "decode") == 0


def assert_distortion(room: Room, model: Model, image: np.ndarray, z: np.ndarray) -> None:
    with torch.no_grad():
        x = torch.tensor(image[None] / 255, dtype=torch.float32)
        expected = -model.vae.log_likelihood(x, torch.tensor(z[None], dtype=torch.float32)).item()
    assert room.number(".er-d") == pytest.approx(expected, rel=1e-4)


def test_the_manifold_waits_for_the_worker_and_the_lens_does_not_wait_for_the_manifold(browser, address, model) -> None:
    with page_of(browser, address) as room:
        room.open(f"path:{model.folder}", "manifold=grid")
        z = room.hover(1.0, -1.0)
        eventually(lambda: room.assert_shows(model, z, off=1e-5))
        assert waiting(room) > 0
        eventually(lambda: assert_tile(room, model, np.zeros(2)))  # the middle of the map is decoded first
        assert marks(room, "decode") == 0


def waiting(room: Room) -> int:
    return int(room.page.locator(".er-tiles").get_attribute("data-waiting"))


def assert_tile(room: Room, model: Model, z: np.ndarray) -> None:
    """Beneath the points, at z of the map, is the mean colour of what z decodes to."""
    canvas, view = room.canvas(".er-tiles canvas"), room.view()
    x, y = ((at - view[axis][0]) / np.ptp(view[axis]) for at, axis in zip(z, "xy", strict=True))
    column, row = round(x * canvas.shape[2]), round((1 - y) * canvas.shape[1])
    unit = view["width"] / np.ptp(view["x"])
    half = int(2.0 ** round(np.log2(SPACING / unit)) * unit / 2) - 1
    tile = canvas[:, row - half : row + half, column - half : column + half]
    assert (tile[3] == 255).all()
    np.testing.assert_allclose(tile[:3].mean((1, 2)), model.bytes(z).mean((1, 2)), atol=3)


def test_of_the_questions_under_a_name_the_newest_is_answered_next(shared, model) -> None:
    modules = [shared.module(name) for name in ("network/inference-client.js", "data/frame.js")]
    answers = shared.page.evaluate(ASK, [*modules, frame_of(shared)])
    zs = {"a0": [0, 1], "a99": [99 / 50, 1], "b99": [1, 99 / 50]}
    assert sorted(name for name, _ in answers) == sorted(zs)
    assert answers[0][0] == "a0"
    for name, value in answers:
        assert value == pytest.approx(model.decode(np.array([zs[name]]))[0, 0, 0, 0], abs=1e-4)


def frame_of(room: Room) -> str:
    return room.page.evaluate(
        "performance.getEntriesByType('resource').find(({ name }) => name.includes('/room/frame/')).name"
    )


def test_a_series_lets_the_lens_by(shared, model) -> None:
    eventually(lambda: assert_reconstructed(shared, model))
    before = marks(shared, "far-decode")
    modules = [shared.module(name) for name in ("network/inference-client.js", "network/series.js", "data/frame.js")]
    told, left, after = shared.page.evaluate(SERIES, [*modules, frame_of(shared)])
    names, values = zip(*told, strict=True)
    film = [f"film {i}, {4 - i} left" for i in range(5)]  # the second was under way when the lens asked
    assert list(names) == [*film[:2], "lens", "nearest", *film[2:], "without weights"]
    zs = [(0, 0), (0.2, 0), (2, 2), (2, 2), (0.4, 0), (0.6, 0), (0.8, 0)]
    assert values == pytest.approx([*model.decode(np.array(zs))[:, 0, 0, 0], 0.5], abs=1e-4)
    assert left == "0"
    # what two ask at once is computed once; of another two who ask on and on, four are answered between two of a series
    assert after - before == (5 + 1) + (2 + 4)


def assert_pictures(room: Room, model: Model, selector: str, zs: np.ndarray) -> None:
    """What stands on the canvases of `selector` is `zs` decoded."""
    canvases = room.page.locator(selector)
    assert canvases.count() == len(zs)
    for i, z in enumerate(zs):
        assert np.abs(room.picture(f"{selector} >> nth={i}") - model.bytes(z)).max() < 1.6


def decoded_by(room: Room, tool: str) -> None:
    """The tool is open, and nothing of it waits."""
    room.page.wait_for_selector(f'.er-tool-{tool}[data-left="0"]')


def test_traverse_is_decoded_in_a_worker_and_follows_the_lens(opened, model) -> None:
    room = opened("tool=traverse&z=0.5000,-0.2500")
    decoded_by(room, "traverse")
    sweep = np.linspace(-3, 3, 9)
    names = room.page.locator(".er-traversal > span:first-child").all_inner_texts()
    dimensions = ["₁₂".index(name[1]) for name in names]
    assert sorted(dimensions) == [0, 1]
    rows = np.tile([0.5, -0.25], (2, 9, 1))
    for row, d in enumerate(dimensions):
        rows[row, :, d] = sweep
    assert_pictures(room, model, ".er-sweep canvas", rows.reshape(18, 2))
    assert marks(room, "decode") == 0


def test_every_tool_that_decodes_waits_for_the_worker(shared, model) -> None:
    room = shared
    room.follow("tool=interpolate&z=0,0")
    room.page.wait_for_selector(".er-tool-interpolate")
    a, b = room.click(-1.5, 1.0), room.click(1.0, -1.0)
    decoded_by(room, "interpolate")
    assert_pictures(room, model, ".er-film:nth-of-type(1) canvas", a + np.linspace(0, 1, 9)[:, None] * (b - a))
    assert_pictures(room, model, ".er-end canvas", np.array([a, b]))
    mixed = (model.bytes(a) + model.bytes(b)) / 2
    np.testing.assert_allclose(room.picture(".er-film:nth-of-type(2) canvas >> nth=4"), mixed, atol=1.5)

    choose(room, "sample")
    room.page.locator('[data-source="aggregate"]').click()
    room.page.locator(".er-temperature").fill("0")  # each draw is the mu of a data point
    decoded_by(room, "sample")
    labels = room.page.locator(".er-drawings button").evaluate_all("(all) => all.map((one) => one.ariaLabel)")
    drawn_at = [[float(v) for v in label.split("(")[1].strip(")").split(", ")] for label in labels]
    mu = model.held_out.mu.astype(float)
    points = np.abs(np.array(drawn_at)[:, None] - mu).max(2).argmin(1)
    assert_pictures(room, model, ".er-drawings canvas", mu[points])

    choose(room, "select")
    room.page.locator('.er-tool-select [data-mode="box"]').click()
    i = int(np.argmax(np.hypot(*mu.T)))
    select(room, mu[i] - 0.2, mu[i] + 0.2)
    saved = np.array(Image.open(io.BytesIO(download(room, ".er-png"))))  # which waits for what it shows
    decoded_by(room, "select")
    pairs = room.page.locator(".er-pair").evaluate_all("(all) => all.map((one) => Number(one.dataset.point))")
    assert i in pairs
    assert_pictures(room, model, ".er-pair canvas:nth-of-type(2)", mu[pairs])
    below = saved[4 + 64 : 4 + 128, 4 : 4 + 64, :3].transpose(2, 0, 1)  # the first image
    np.testing.assert_allclose(below, model.bytes(mu[pairs[0]]), atol=1.6)

    choose(room, "neighbours")
    images = model.held_out.images.reshape(POINTS, -1) / 255
    away = np.linalg.norm(images - model.decode(np.zeros((1, 2))).reshape(1, -1), axis=1)
    eventually(lambda: np.testing.assert_array_equal(near_in_pixels(room), np.argsort(away)[:12]))
    assert marks(room, "decode") == 0


def test_what_q_decodes_to_beside_the_bound_comes_from_a_worker(browser, address, runs_folder, model) -> None:
    shutil.copytree(model.folder, runs_folder / "large")
    with browser.new_context(viewport=WINDOW) as context:
        context.set_default_timeout(PATIENCE)
        context.route("**/room/evidence/**", lambda route: route.abort())  # of so large a model, integrals take minutes
        room = Room(context.new_page(), address)
        room.page.goto(f"{address}/elbo?model=runs/large#image=7")
        room.page.wait_for_selector(".er[data-ready]")
        expected = model.bytes(model.held_out.mu[7])
        eventually(lambda: np.testing.assert_allclose(room.picture(".eb-decoded"), expected, atol=1.6))
        assert marks(room, "decode") == 0
        assert marks(room, "far-decode") > 0


def choose(room: Room, tool: str) -> None:
    room.page.locator(f'.er-tabs [data-tool="{tool}"]').click()
    room.page.wait_for_selector(f".er-tool-{tool}")


def select(room: Room, low: np.ndarray, high: np.ndarray) -> None:
    room.page.mouse.move(*room.pixel(*low))
    room.page.mouse.down()
    room.page.mouse.move(*room.pixel(*high))
    room.page.mouse.up()


def near_in_pixels(room: Room) -> list[int]:
    found = room.page.locator(".er-tool-neighbours").get_attribute("data-found")
    assert found
    return [int(i) for i in found.split(" ")[1].split(",")]


@pytest.mark.parametrize("lack", ["a browser that makes none", "a module that does not come"])
def test_where_there_is_no_worker_the_page_computes(browser, address, model, lack) -> None:
    with browser.new_context(viewport=WINDOW) as context:  # whose errors are meant to be there
        context.set_default_timeout(PATIENCE)
        if lack == "a browser that makes none":
            context.add_init_script(NO_WORKER)
        else:
            context.route("**/network-worker.js", lambda route: route.abort())
        room = Room(context.new_page(), address).open(f"path:{model.folder}")
        for spot in ([-1.0, 0.5], [0.5, 1.0]):
            z = room.hover(*spot)
            eventually(lambda z=z: room.assert_shows(model, z, off=1e-5))
        eventually(lambda: assert_reconstructed(room, model))
        assert marks(room, "decode") > 2
        assert marks(room, "far-decode") == 0


def test_small_networks_stay_on_the_page(fresh) -> None:
    room = fresh.open()
    room.assert_shows(gallery(FLAT), room.hover(0.5, 0.5), off=1e-5)
    assert marks(room, "decode") > 0
    assert marks(room, "far-decode") == 0
