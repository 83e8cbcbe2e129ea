"""The live view in a real browser, of a real run: what moves, what is steered, who may steer, who follows."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server import access
from tests.browser.room import ROOT, Room, eventually
from vae.files import control, runs
from vae.networks import Decoder
from vae.plan import make_plan
from vae.training import live

NAME = "watched"
PACE = 120  # steps a second: other tests may need the machine

# A live view on the page that followers get, where nothing else is, kept where tests find it.
MOUNT = """async ([module, options]) => {
  document.querySelector(".er-root").remove();
  const root = document.body.appendChild(document.createElement("div"));
  const { Live } = await import(module);
  window.view = new Live(root, { base: new URL("../..", location.href).href, ...options });
}"""

INK = """(canvas) => {
  const { width, height } = canvas;
  return canvas.getContext("2d").getImageData(0, 0, width, height).data.filter((value, i) => i % 4 === 3 && value > 0).length;
}"""


class Watched:
    """A run that trains as long as the tests last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.key = access.give_key(folder)
        control.ask(folder, pace=PACE)
        command = [sys.executable, "-m", "vae", "train", "--data", "digits", "--hidden", "32", "--batch-size", "64"]
        command += ["--epochs", "5000", "--schedule", "constant", "--lr", "3e-3", "--out", str(folder)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, **quiet)

    def status(self) -> dict[str, Any]:
        return runs.read_status(self.folder)

    def changes(self) -> list[dict[str, Any]]:
        return [record["changed"] for record in runs.read_log(self.folder) if "changed" in record]

    def file(self, name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        data = (self.folder / name).read_bytes()
        length = struct.unpack("<I", data[4:8])[0]
        meta = json.loads(data[8 : 8 + length])
        types = {"f4": np.float32, "i4": np.int32, "u1": np.uint8}
        arrays = {
            key: np.frombuffer(data, types[kind], int(np.prod(shape)), 8 + length + offset).reshape(shape)
            for key, (kind, shape, offset) in meta["arrays"].items()
        }
        return meta, arrays


@pytest.fixture(scope="module")
def run(runs_folder: Path) -> Iterator[Watched]:
    watched = Watched(runs_folder / NAME)
    try:
        eventually(lambda: check(watched.status()["state"] == "running"), 60)
        yield watched
    finally:
        watched.process.terminate()
        watched.process.wait(600)


def check(truth: object) -> None:
    assert truth


@pytest.fixture
def view(new_room: Callable[..., Room], run: Watched) -> Iterator[Callable[..., Room]]:
    """Shows the run in a browser of its own, as its presenter unless other options are given; it trains."""
    trains(run)

    def show(**options: Any) -> Room:
        room = new_room()
        room.page.goto(f"{room.address}/room/follow/{NAME}")
        room.page.wait_for_selector(".er-root[data-ready]")
        room.page.evaluate(MOUNT, [room.module("train/live.js"), {"run": NAME, "token": run.key, **options}])
        room.page.wait_for_selector(f'.page[data-ready="{NAME}"] .page-map[data-step]')
        return room

    yield show
    control.ask(run.folder, until=None)


def meta(room: Room) -> dict[str, Any]:
    return room.page.evaluate("view.first.frame.meta")


def trains(run: Watched) -> None:
    """A run that somebody left paused may take a while to go on: whoever presses a key before would pause nothing."""
    asked = control.ask(run.folder, until=None, beta=1.0)
    eventually(lambda: check(run.status()["control"] >= asked and run.status()["state"] == "running"))


def steers(room: Room) -> None:
    eventually(lambda: check(room.page.locator(".page-play").is_enabled() and room.text(".page-state") == "training"))


def test_the_points_glide_from_snapshot_to_snapshot(view, run) -> None:
    control.ask(run.folder, pace=2)
    room = view()

    def drawn_between_snapshots() -> None:
        seen = room.page.evaluate(
            """async () => {
              const { pane, session } = view.runs[0];
              const steps = new Set(), u = [];
              const end = performance.now() + 3000;
              while (performance.now() < end) {
                await new Promise(requestAnimationFrame);
                steps.add(session.frame.meta.step);
                u.push(pane.morph.us[0]);
              }
              return { steps: steps.size, places: new Set(u).size };
            }"""
        )
        assert seen["steps"] > 2
        assert seen["places"] > 2 * seen["steps"]  # it never is, however often one looks, if only snapshots are drawn

    eventually(drawn_between_snapshots)
    control.ask(run.folder, pace=PACE)
    steers(room)
    room.page.keyboard.press("Space")

    def rests_where_it_is() -> None:
        assert run.status()["state"] == "paused"
        at, frame = run.file(live.FRAME)
        shown = room.page.evaluate("({ step: view.first.frame.meta.step, us: [...view.runs[0].pane.morph.us] })")
        assert shown["step"] == at["step"] == run.status()["step"]
        np.testing.assert_allclose(shown["us"], frame["mu"][:, 0], atol=1e-6)

    eventually(rests_where_it_is)


def test_zones_are_the_posteriors_at_their_true_scale(view, run) -> None:
    room = view()
    steers(room)
    room.page.keyboard.press("Space")

    def at_their_scale() -> None:
        _, frame = run.file(live.FRAME)
        for i in (3, 41):
            u, v = np.exp(frame["logvar"][i])
            shown = room.page.evaluate("(i) => view.runs[0].pane.morph.covariance(i)", i)
            np.testing.assert_allclose(shown, [u, 0, v], rtol=1e-5)

    eventually(at_their_scale)


def test_beta_reaches_the_trainer_while_the_slider_is_dragged(view, run) -> None:
    room = view()
    steers(room)
    before = len(run.changes())
    box = room.page.locator(".page-beta input[type=range]").bounding_box()
    across = np.linspace(0.63, 0.35, 12)
    room.page.mouse.move(box["x"] + across[0] * box["width"], box["y"] + box["height"] / 2)
    room.page.mouse.down()
    for share in across:
        room.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        room.page.wait_for_timeout(30)
    room.page.mouse.up()
    wanted = float(room.page.locator(".page-beta input[type=text]").input_value())
    assert 0.001 < wanted < 0.3

    def applied() -> None:
        assert meta(room)["beta"] == wanted
        assert run.changes()[before:]
        assert run.changes()[-1]["beta"][1] == wanted
        assert room.page.evaluate("performance.getEntriesByName('elbo-room:control-to-frame').length") > 0

    eventually(applied)
    marks = room.page.evaluate("view.first.history.current.changes.map(({ changed }) => changed)")
    eventually(
        lambda: check(
            run.changes()[-1] in room.page.evaluate("view.first.history.current.changes.map((c) => c.changed)")
        )
    )
    assert len(marks) <= len(run.changes())
    # a number that is typed, and a name beneath the slider
    room.page.locator(".page-beta input[type=text]").fill("0.5")
    room.page.keyboard.press("Enter")
    eventually(lambda: check(meta(room)["beta"] == 0.5))
    room.page.locator(".page-marks button", has_text="autoencoder").click()
    eventually(lambda: check(meta(room)["beta"] == 0))
    room.page.locator(".page-marks button", has_text="ELBO").click()
    eventually(lambda: check(meta(room)["beta"] == 1))


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("much", "beta must be a number"), ("-1", "beta must be at least 0"), ("1e9", "beta must be at most 1e+06")],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_the_dial_goes_back(view, run, typed, sentence) -> None:
    room = view()
    steers(room)
    field = room.page.locator(".page-beta input[type=text]")
    before = field.input_value()
    field.fill(typed)
    field.press("Enter")
    eventually(lambda: check(sentence in room.text(".page-notice")))
    eventually(lambda: check(field.input_value() == before))


def test_pause_single_steps_and_a_rewind_by_the_keyboard(view, run) -> None:
    room = view()
    steers(room)
    # a pass of few snapshots leaves no shadow
    eventually(lambda: check(room.page.evaluate("view.first.history.current.train.length") > 4))
    room.page.keyboard.press("Space")
    eventually(lambda: check(room.text(".page-state") == "paused"))  # at once, before the trainer has answered
    eventually(lambda: check(run.status()["state"] == "paused" and meta(room)["state"] == "paused"))
    step = run.status()["step"]
    for _ in range(3):
        room.page.keyboard.press("ArrowRight")
    eventually(lambda: check(meta(room)["step"] == step + 3 and run.status()["state"] == "paused"))
    eventually(lambda: check(f"{step + 3:,}" in room.text(".page-facts")))
    seen = room.page.evaluate("view.first.history.current.train.length")
    asked = control.read(run.folder)
    room.page.keyboard.press("Home")  # the focus is on no map, so nothing is rewound
    room.page.locator(".page-play").focus()
    room.page.keyboard.press("Home")
    room.page.locator(".page-map").focus()
    room.page.keyboard.press("ArrowRight")
    step += 4
    eventually(lambda: check(control.read(run.folder).until == step and run.status()["step"] == step))
    assert control.read(run.folder).rewind == asked.rewind
    room.page.keyboard.press("Home")
    room.page.keyboard.press("Space")

    def anew() -> None:
        assert meta(room)["step"] < step
        assert room.text(".page-state") == "training"
        shadow = room.page.evaluate("view.first.history.earlier.at(-1)?.train.length")
        assert shadow >= seen - 1
        assert room.page.evaluate("view.first.history.passes.length") == 2

    eventually(anew)
    assert list(run.folder.glob("log-*.jsonl"))
    # the run before is kept, and a press of the button brings it back with its curves
    room.page.locator(".page-notice button", has_text=f"Return to step {step:,}").click()

    def back() -> None:
        assert meta(room)["step"] > step
        assert room.page.evaluate("view.first.history.passes.length") == 3
        shown = room.page.evaluate("view.first.history.current.train.map(({ step }) => step)")
        assert shown == sorted(shown)
        assert shown[-1] > step

    eventually(back)
    room.page.locator(".page-more summary").click()
    assert "return to step" in room.text(".page-kept")
    room.page.locator(".page-more summary").click()


def test_to_finish_is_asked_first_and_a_finished_run_can_be_gone_on_with(new_room, runs_folder) -> None:
    """And every bound has its name: that of the test images, of the last batches, of the validation images and when."""
    own = Watched(runs_folder / "finished-by-hand")
    try:
        room = new_room()
        eventually(lambda: check(own.status()["state"] == "running"), 60)
        room.page.goto(f"{room.address}/room/follow/{own.folder.name}")
        room.page.wait_for_selector(".er-root[data-ready]")
        options = f'{{ run: "{own.folder.name}", token: "{own.key}", onAction: (done) => window.done = done }}'
        mount = f"(module) => ({MOUNT})([module, {options}])"
        room.page.evaluate(mount, room.module("train/live.js"))
        steers(room)
        control.ask(own.folder, pace=None)
        eventually(lambda: check(any("validation_elbo" in line for line in runs.read_log(own.folder))), 60)
        eventually(lambda: check("at epoch" in room.text(".page-tested")))
        assert room.text(".page-bound").startswith("training elbo")
        assert "β" not in room.text(".page-tested")
        control.ask(own.folder, until=0)
        eventually(lambda: check(own.status()["state"] == "paused"))
        control.ask(own.folder, beta=3.0)
        eventually(lambda: check(room.text(".page-tested").endswith(", β 1")))
        room.page.locator('[data-do="finish"]').click()
        assert "Finish finished-by-hand?" in room.text("dialog")
        room.page.keyboard.press("Escape")
        eventually(lambda: check(room.page.locator("dialog").count() == 0))
        room.page.locator('[data-do="finish"]').click()
        room.page.locator("dialog button", has_text="Cancel").click()
        assert not control.read(own.folder).finish
        room.page.locator('[data-do="finish"]').click()
        room.page.locator("dialog .page-yes").click()
        eventually(lambda: check(own.status()["state"] == "finished"))
        test = runs.read_test(own.folder)
        assert test is not None
        eventually(lambda: check(room.text(".page-bound").startswith("test elbo")))
        assert room.text(".page-elbo") == f"{test['elbo']:.1f}".replace("-", "−")
        assert "training elbo" in room.text(".page-tested")
        assert "validation elbo" in room.text(".page-tested")
        step = own.status()["step"]
        room.page.locator(".page-notice button", has_text=f"Go on from step {step:,}").click()
        eventually(lambda: check(room.page.evaluate("window.done?.action") == "fork"))
        other = runs_folder / room.page.evaluate("window.done.run")
        assert runs.read_status(other)["step"] == step
        assert own.status()["state"] == "finished"
        shutil.rmtree(own.folder)
        eventually(lambda: check("gone" in room.text(".page-notice")))
        assert room.page.locator(".page-notice button").count() == 0
        assert room.page.locator(".page-play").is_disabled()
    finally:
        own.process.terminate()
        own.process.wait(600)
        for folder in runs_folder.glob("finished-by-hand-fork*"):
            control.ask(folder, finish=True)


def test_the_curves_are_those_of_the_log(view, run) -> None:
    room = view()

    def equal() -> None:
        log = [record for record in runs.read_log(run.folder) if "validation_elbo" in record]
        assert log
        shown = room.page.evaluate("view.first.history.current.validation")
        assert [point["step"] for point in shown] == [record["step"] for record in log]
        for point, record in zip(shown, log, strict=True):
            assert point["images"] == pytest.approx(record["epoch"] * 1078)
            for name in ("elbo", "distortion", "rate"):
                assert point[name] == record[f"validation_{name}"]
        for point in room.page.evaluate("view.first.history.current.train"):
            assert point["elbo"] == pytest.approx(-(point["distortion"] + point["rate"]), abs=0.01)

    eventually(equal)
    drawn = room.page.evaluate(
        "document.querySelector('.page-curves').getContext('2d').getImageData(60, 30, 200, 200).data.some(Boolean)"
    )
    assert drawn


def test_the_lens_decodes_as_torch_does(view, run) -> None:
    import torch

    room = view()
    steers(room)
    room.page.keyboard.press("Space")
    eventually(lambda: check(run.status()["state"] == "paused"))
    box = room.page.locator(".page-map").bounding_box()
    room.page.mouse.click(box["x"] + 0.61 * box["width"], box["y"] + 0.37 * box["height"])

    def newest() -> None:
        assert room.page.evaluate("view.first.decoder?.meta.step") == run.status()["step"]
        assert f"{run.status()['step']:,}" in room.text(".page-step")

    eventually(newest)
    room.frames()
    z = np.array(room.page.evaluate("[...view.state.z]"))
    assert np.abs(z).max() > 0.1
    _, weights = run.file(live.DECODER)
    decoder = Decoder(make_plan("mlp", (32,), 2, (1, 8, 8)))
    decoder.load_state_dict({name.removeprefix("decoder."): torch.tensor(a) for name, a in weights.items()})
    with torch.no_grad():
        expected = 255 * torch.sigmoid(decoder(torch.tensor(z, dtype=torch.float32)[None]))[0].numpy()
    np.testing.assert_allclose(room.picture(".page-decoded canvas"), np.broadcast_to(expected, (3, 8, 8)), atol=0.51)
    assert room.page.evaluate("view.state.pinned")
    room.page.keyboard.press("Escape")
    assert not room.page.evaluate("view.state.pinned")


def test_hands_take_over_the_view_and_a_double_click_gives_it_back(view) -> None:
    room = view()
    box = room.page.locator(".page-map").bounding_box()
    x, y = box["width"] / 2, box["height"] / 2

    def under(x: float, y: float) -> np.ndarray:
        return np.array(room.page.evaluate("([x, y]) => view.runs[0].pane.view.toData(x, y)", [x, y]))

    room.page.mouse.move(box["x"] + x, box["y"] + y)
    width = np.ptp(room.page.evaluate("view.runs[0].pane.view.x"))
    room.page.mouse.wheel(0, -400)
    eventually(lambda: check(np.ptp(room.page.evaluate("view.runs[0].pane.view.x")) < 0.7 * width))
    assert not room.page.evaluate("view.camera.auto")
    held = under(x, y)
    room.page.mouse.down()
    room.page.mouse.move(box["x"] + x + 120, box["y"] + y + 40, steps=5)
    room.page.mouse.up()
    eventually(lambda: np.testing.assert_allclose(under(x + 120, y + 40), held, atol=0.02))
    assert not room.page.evaluate("view.state.pinned")
    room.page.mouse.dblclick(box["x"] + x, box["y"] + y)
    eventually(lambda: check(room.page.evaluate("view.camera.auto")))


def test_who_has_no_key_looks_on(view, run) -> None:
    room = view(token=None)
    eventually(lambda: check(room.page.locator(".page-locked").is_visible()))
    assert "read-only" in room.text(".page-locked")
    for selector in (".page-play", '[data-do="step"]', ".page-beta input[type=range]", ".page-beta input[type=text]"):
        assert room.page.locator(selector).is_disabled()
    asked = control.read(run.folder).id
    room.page.keyboard.press("Space")
    room.page.keyboard.press("Home")
    step = meta(room)["step"]
    eventually(lambda: check(meta(room)["step"] > step))
    assert control.read(run.folder).id == asked
    room.page.locator(".page-locked input").fill("not-the-key")
    room.page.keyboard.press("Enter")
    eventually(lambda: check("does not fit" in room.text(".page-notice")))
    room.page.locator(".page-locked input").fill(run.key)
    room.page.keyboard.press("Enter")
    steers(room)
    assert room.page.locator(".page-locked").is_hidden()


def test_an_audience_sees_what_the_presenter_sees(view, new_room, run) -> None:
    presenter = view()
    steers(presenter)
    phone = new_room(viewport={"width": 390, "height": 844})
    phone.page.goto(f"{phone.address}/room/follow/{NAME}")
    phone.page.wait_for_selector(".page-map[data-step]")
    presenter.page.locator('[data-zones="none"]').click()
    box = presenter.page.locator(".page-map").bounding_box()
    presenter.page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.6 * box["height"])

    def followed() -> None:
        assert phone.page.locator('[data-zones="none"]').get_attribute("aria-checked") == "true"
        assert phone.text(".page-norm") == presenter.text(".page-norm") != "0.00 σ"
        assert "2 watching" in presenter.text(".page-facts")

    eventually(followed)
    assert phone.page.locator(".page-transport").is_hidden()
    assert phone.page.locator(".page-beta input[type=range]").is_disabled()
    phone.page.locator(".page-following input").uncheck()
    phone.page.locator('[data-zones="all"]').click()
    presenter.page.locator('[data-zones="pointer"]').click()
    phone.page.wait_for_timeout(500)
    assert phone.page.locator('[data-zones="all"]').get_attribute("aria-checked") == "true"
    phone.page.locator(".page-following input").check()
    eventually(lambda: check(phone.page.locator('[data-zones="pointer"]').get_attribute("aria-checked") == "true"))
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_lost_connection_comes_back_by_itself(view) -> None:
    room = view()
    steers(room)
    room.page.evaluate("view.first.feed.socket.close()")
    eventually(lambda: check(room.page.locator(".page-lost").is_visible()))
    assert "goes on" in room.text(".page-lost")
    eventually(lambda: check(room.page.locator(".page-lost").is_hidden()))
    step = meta(room)["step"]
    eventually(lambda: check(meta(room)["step"] > step))
    steers(room)


def test_impatient_hands(view, run) -> None:
    """Whatever is pressed, turned and clicked at once: the page ends in the state that the run is in."""
    room = view()
    steers(room)
    room.page.evaluate(
        """() => {
          for (let i = 0; i < 9; i++) for (const what of ["toggle", "step", "epoch"]) document.querySelector(`[data-do="${what}"]`).click();
          const slider = document.querySelector(".page-beta input[type=range]");
          for (let i = 0; i <= 100; i++) { slider.value = i / 100; slider.dispatchEvent(new Event("input")); }
          for (const name of ["all", "none", "pointer", "all"]) document.querySelector(`[data-zones="${name}"]`).click();
          for (let i = 0; i < 3; i++) document.querySelector(".page-manifold").click();
          document.querySelector('[data-do="rewind"]').click();
        }"""
    )

    def agreed() -> None:
        status = run.status()
        assert room.text(".page-state") == {"running": "training"}.get(status["state"], status["state"])
        assert meta(room)["beta"] == 100
        assert room.page.locator(".page-beta input[type=text]").input_value() == "100"
        assert room.page.locator(".page-manifold").get_attribute("aria-pressed") == "true"
        assert meta(room)["control"] == control.read(run.folder).id

    eventually(agreed)


def test_the_train_page_keeps_the_key_over_a_reload(browser, address, run) -> None:
    trains(run)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(60_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{address}/train?run={NAME}")
    page.wait_for_selector(".page-map[data-step]")
    page.locator(".page-locked input").fill(run.key)
    page.keyboard.press("Enter")
    eventually(lambda: check(page.locator(".page-play").is_enabled()))
    page.reload(wait_until="commit")
    page.goto(page.url)  # a reload, which the browser refuses while a navigation is under way
    page.wait_for_selector(".page-map[data-step]")
    eventually(lambda: check(page.locator(".page-play").is_enabled()))
    assert page.locator(".page-locked").is_hidden()
    eventually(lambda: check(page.locator(".page-state").text_content() == "training"))
    page.locator(".page-play").click()
    eventually(lambda: check(run.status()["state"] == "paused"))

    def on_the_screen() -> None:
        for selector in (
            ".page-map",
            ".page-transport",
            ".page-dials",
            ".page-curves",
            ".page-tradeoff",
            ".page-rates",
            ".page-lens",
        ):
            box = page.locator(selector).bounding_box()
            assert box["y"] >= 0, selector
            assert box["y"] + box["height"] <= 900, selector
            assert box["x"] + box["width"] <= 1440, selector
        assert page.locator(".page-map").bounding_box()["height"] > 0.5 * 900

    eventually(on_the_screen)
    assert not errors
    context.close()


def test_zones_are_drawn_beneath_the_points_until_they_are_switched_off(view) -> None:
    room = view()
    motion = room.page.locator(".page-motion")
    eventually(lambda: check(motion.evaluate(INK) > 1000))
    both = motion.evaluate(INK)
    room.page.locator('[data-zones="none"]').click()
    eventually(lambda: check(100 < motion.evaluate(INK) < 0.7 * both))


def test_the_motion_is_smooth(view) -> None:
    """Frames of the display go on coming while snapshots arrive and the lens moves: a quarter of an empty page's."""
    room = view()
    empty = room.page.context.new_page()
    frames = """async () => {
      let n = 0;
      const end = performance.now() + 2000;
      while (performance.now() < end) { await new Promise(requestAnimationFrame); n++; }
      return n / 2;
    }"""
    counted: dict[Any, list[float]] = {room.page: [], empty: []}
    for _ in range(3):  # in turns, so that the machine is as busy for one as for the other
        for page, counts in counted.items():
            page.bring_to_front()
            counts.append(page.evaluate(frames))
    empty.close()
    assert np.median(counted[room.page]) > np.median(counted[empty]) / 4
