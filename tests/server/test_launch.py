"""Starting, resuming, forking and keeping runs; the audience's limits; one's own images; the form on the page."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from server import (
    access,
    control_messages,
    launcher,
    lecture_link,
    open_models,
    runs_root,
    settings_form,
    uploaded_images,
)
from tests.serving import until
from vae.data.image_sets import load
from vae.errors import InputError
from vae.files import checkpoint, control, runs
from vae.settings import Settings
from vae.training import live

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SHORT = Settings(
    data="digits", hidden=(8,), batch_size=256, epochs=100, stop_steps=20, lr_schedule="constant", device="cpu"
)
LONG = replace(SHORT, epochs=100_000, stop_steps=0, batch_size=64)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Runs and a gallery of the test's own; whatever still trains at its end is killed."""
    monkeypatch.setattr(runs_root, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(open_models, "GALLERY", tmp_path / "gallery")
    yield tmp_path / "runs"
    for child in list(launcher._children.values()):
        child.kill()
    until(lambda: not launcher._children)


def state(name: str) -> str:
    return runs.observe(runs_root.RUNS / name)["state"]


def ended(name: str) -> dict[str, Any]:
    """The status of the run once its process is gone and has been waited for."""
    until(lambda: (runs_root.RUNS / name).absolute() not in launcher._children)
    return runs.observe(runs_root.RUNS / name)


# ---- runs -----------------------------------------------------------------------------------------------------------


def test_a_run_is_started_finished_and_kept(folder) -> None:
    name, key = launcher.start(SHORT)
    child = launcher._children[(folder / name).absolute()]
    assert name == "digits-mlp-2d"
    assert state(name) == "queued"
    assert (folder / name / access.KEY_FILE).read_text() == sha256(key.encode()).hexdigest()
    assert os.getsid(child.pid) == child.pid != os.getsid(0)
    with pytest.raises(InputError, match="finished"):
        launcher.keep(name)
    assert ended(name)["state"] == "finished"
    assert child.returncode == 0
    assert not any(key.encode() in path.read_bytes() for path in (folder / name).rglob("*") if path.is_file())
    for refused in (lambda: launcher.resume(name), lambda: launcher.fork(name)):
        with pytest.raises(InputError, match="finished"):
            refused()

    assert launcher.keep(name) == name
    kept = open_models.GALLERY / name
    assert sorted(path.name for path in kept.iterdir()) == sorted(launcher.KEPT)
    assert runs.read(kept).finished
    assert open_models.open_model(name).frame
    assert [path.name for path in open_models.GALLERY.iterdir()] == [name]
    with pytest.raises(InputError, match="already"):
        launcher.keep(name)


def test_a_killed_run_says_what_to_do_and_is_resumed_with_a_smaller_batch(folder) -> None:
    name, _ = launcher.start(LONG)
    until(lambda: state(name) == "running")
    with pytest.raises(InputError, match="going on"):
        launcher.resume(name)
    launcher._children[(folder / name).absolute()].kill()
    status = ended(name)
    assert status["state"] == "failed"
    assert "killed by the system" in status["reason"]
    assert "smaller batch" in status["reason"]
    with pytest.raises(InputError):
        launcher.resume(name, 0)
    new, key = launcher.resume(name, 32)
    assert key is not None
    assert access.opens(folder / new, key)
    until(lambda: state(new) == "running")
    assert runs.read(folder / new).settings == replace(LONG, batch_size=32)
    assert runs.read(folder / name).settings == LONG


def test_a_run_outlives_the_server_that_started_it(folder) -> None:
    command = (
        f"from pathlib import Path; from server import launcher; from server import runs_root; "
        f"runs_root.RUNS = Path({str(folder)!r}); "
        f"from vae.settings import Settings; print(launcher.start(Settings.from_json({LONG.to_json()!r}))[0])"
    )
    name = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert launcher.all_runs() == [name]
    until(lambda: state(name) == "running")
    control.ask(folder / name, finish=True)
    until(lambda: state(name) == "finished")


def test_names_are_numbered_and_hidden_folders_are_no_runs(folder, monkeypatch) -> None:
    monkeypatch.setattr(launcher, "_spawn", lambda *_, **__: None)
    names = [launcher.start(SHORT)[0] for _ in range(3)]
    assert names == ["digits-mlp-2d", "digits-mlp-2d-2", "digits-mlp-2d-3"]
    assert launcher.run_name(replace(SHORT, beta=4.0)) == "digits-mlp-2d-beta4"
    assert launcher.run_name(replace(SHORT, data="/x/ab12.npz"), "My Birds! ../..") == "my-birds-mlp-2d"
    (folder / ".data").mkdir()
    (folder / "else").mkdir()
    assert sorted(launcher.all_runs()) == sorted(names)


def test_every_setting_is_handed_to_the_trainer() -> None:
    from vae.cli import make_parser

    settings = replace(SHORT, hidden=(), stop_elbo=-12.5, beta=0.1, lr=1e-5, data="/a b/c.npz")
    options = vars(make_parser().parse_args(["train", *launcher.arguments(settings)]))
    given = {name.removeprefix("settings."): value for name, value in options.items() if name.startswith("settings.")}
    assert Settings.of(given) == settings


def test_a_start_that_fails_says_why(tmp_path) -> None:
    name, _ = launcher.start(replace(SHORT, data=str(tmp_path / "none.npz")), "birds")
    status = ended(name)
    assert status["state"] == "failed"
    assert "There is no file" in status["reason"]


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(runs_root, "RUNS", tmp_path / "file")
    with pytest.raises(InputError, match="cannot be written"):
        launcher.start(SHORT)


# ---- the audience of a lecture --------------------------------------------------------------------------------------


@pytest.fixture
def lecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(access.LECTURE, "secret")
    monkeypatch.setenv(access.AUDIENCE, "1")


def test_the_audience_has_so_many_runs_and_no_more(lecture, monkeypatch, folder) -> None:
    name, _ = launcher.start(LONG, audience=True)
    assert launcher.is_audiences(folder / name)
    with pytest.raises(InputError, match="1 of 1"):
        launcher.start(SHORT, audience=True)
    for refused in (lambda: launcher.resume(name), lambda: launcher.keep(name)):
        with pytest.raises(InputError):
            refused()
    until(lambda: state(name) == "running")
    assert runs.read(folder / name).settings.stop_minutes == launcher.AUDIENCE_MINUTES
    with pytest.raises(InputError, match="audience"):
        launcher.fork(name)
    control.ask(folder / name, finish=True)
    assert ended(name)["state"] == "finished"
    monkeypatch.setattr(launcher, "_spawn", lambda *_, **__: None)
    assert launcher.start(SHORT, audience=True)[0] != name
    monkeypatch.setenv(access.AUDIENCE, "0")
    with pytest.raises(InputError, match="presenter"):
        launcher.start(SHORT, audience=True)


def test_an_audiences_run_cannot_be_stretched(lecture, folder, monkeypatch) -> None:
    monkeypatch.setattr(launcher, "_spawn", lambda folder, *_, **__: runs.write_status(folder, "queued"))
    name, _ = launcher.start(SHORT, audience=True)
    facts = {"train_images": 1078, "settings": {"batch_size": 64}}
    for wanted in ({"pause": True}, {"pace": 1}, {"rewind": True}, {"epoch": True}, {"beta": 1, "pause": True}):
        with pytest.raises(InputError, match="audience"):
            control_messages.request(folder / name, wanted, 0, facts, {"state": "running", "alive": True})
    assert control_messages.request(folder / name, {"beta": 2}, 0, facts, {"state": "running", "alive": True}) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"data": "mnist"},
        {"data": "/etc/x.npz"},
        {"hidden": (4096,)},
        {"hidden": (8,) * 4},
        {"arch": "conv", "hidden": (8,)},
        {"latent_dim": 64},
    ],
    ids=str,
)
def test_the_audience_trains_small_networks_on_digits(changes) -> None:
    with pytest.raises(InputError, match="smaller"):
        launcher.audience_settings(replace(SHORT, **changes))


def test_the_audiences_time_is_limited() -> None:
    for minutes, allowed in ((0.0, 2.0), (1.0, 1.0), (2.0, 2.0)):
        assert launcher.audience_settings(replace(SHORT, stop_minutes=minutes)).stop_minutes == allowed
    with pytest.raises(InputError, match="ends after 2 minutes"):
        launcher.audience_settings(replace(SHORT, stop_minutes=60.0))


@pytest.mark.parametrize(("text", "number"), [("", 0), ("3", 3), ("-1", 0), ("many", 0), ("2.5", 0)])
def test_how_many_runs_the_audience_may_have(monkeypatch, text, number) -> None:
    monkeypatch.setenv(access.AUDIENCE, text)
    assert access.audience_runs() == number


def test_outside_a_lecture_there_is_no_presenters_key(monkeypatch) -> None:
    monkeypatch.delenv(access.LECTURE, raising=False)
    assert not access.is_presenters("")
    assert not access.is_presenters(None)
    monkeypatch.setenv(access.LECTURE, "")
    assert not access.is_presenters("")
    assert not access.is_lecture()


def test_links_name_an_address_that_others_can_reach(lecture, monkeypatch) -> None:
    monkeypatch.setattr(lecture_link, "network_address", lambda: "192.0.2.5")
    link = lecture_link.follow_link("a b", "http://localhost:8501/train?run=x")
    assert link == "http://192.0.2.5:8501/room/follow/a%20b"
    assert lecture_link.follow_link("x", "https://room.example/train") == "https://room.example/room/follow/x"
    assert lecture_link.qr_image(link).startswith("data:image/svg+xml")


# ---- one's own images -----------------------------------------------------------------------------------------------


def an_npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def a_zip(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def a_picture(width: int = 40, height: int = 30, kind: str = "PNG", mode: str = "RGB", colour: Any = "red") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height), colour).save(file, kind)
    return file.getvalue()


def test_arrays_are_kept_and_load_as_a_data_set() -> None:
    pixels = np.arange(30 * 6 * 5, dtype=np.uint8).reshape(30, 6, 5)
    path = uploaded_images.add(
        "my set.npz", an_npz(images=pixels, labels=np.arange(30) % 3, classes=np.array(["a", "b", "c"]))
    )
    images = load(str(path))
    assert images.image_shape == (1, 6, 5)
    assert images.classes == ("a", "b", "c")
    assert uploaded_images.name_of(str(path)) == "my set"
    assert uploaded_images.choices()[str(path)] == "my set (yours)"
    assert uploaded_images.add(
        "my set.npz", an_npz(images=pixels, labels=np.arange(30) % 3, classes=np.array(["a", "b", "c"]))
    )
    assert len(uploaded_images.kept()) == 1
    assert open_models._data_title(replace(SHORT, data=str(path))) == "my set"
    assert open_models._data_title(replace(SHORT, data="/gone/<b>.npz")) == "<b>"  # escaped where it is shown
    assert load(str(uploaded_images.add("x.NPZ", an_npz(images=np.random.rand(25, 8, 8, 3))))).image_shape == (3, 8, 8)


def test_uploaded_images_are_bounded_on_the_disk(folder, monkeypatch) -> None:
    pixels = np.zeros((30, 3, 3), np.uint8)
    first = an_npz(images=pixels)
    path = uploaded_images.add("first.npz", first)
    monkeypatch.setattr(uploaded_images, "KEPT_BYTES", path.stat().st_size)
    uploaded_images.add("first.npz", first)  # is there already
    with pytest.raises(InputError, match=r"delete some in .*\.data\.$"):
        uploaded_images.add("second.npz", an_npz(images=pixels + 1))
    assert list(uploaded_images.kept().values()) == ["first"]


def test_pictures_become_images_of_one_size_with_folders_as_classes() -> None:
    files = {f"top/cats/{i}.png": a_picture(40 + i, 30) for i in range(12)}
    files |= {f"top/dogs/{i}.JPG": a_picture(kind="JPEG", colour="blue") for i in range(12)}
    files |= {
        "top/cats/clear.png": a_picture(mode="RGBA", colour=(0, 0, 0, 0)),
        "top/cats/old.gif": a_picture(kind="GIF"),
    }
    files |= {"top/notes.txt": b"x", "__MACOSX/top/cats/0.png": b"junk", "top/cats/.hidden.png": b"junk"}
    path = uploaded_images.add("pets.zip", a_zip(**files), side=16, grey=False)
    images = load(str(path))
    assert images.image_shape == (3, 16, 16)
    assert images.classes == ("cats", "dogs")
    with np.load(path) as file:
        assert np.bincount(file["labels"]).tolist() == [14, 12]
        assert file["images"][24].reshape(3, -1).mean(1).tolist() == [255, 255, 255]  # nothing is seen as white
    assert load(str(uploaded_images.add("pets.zip", a_zip(**files), side=28, grey=True))).image_shape == (1, 28, 28)


def a_lying_array(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue() + bytes(100)


class _Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/elbo-room-evil",)


GOOD = {f"a/{i}.png": a_picture() for i in range(25)}
HOSTILE: dict[str, Callable[[], tuple[str, bytes]]] = {
    "nothing": lambda: ("x.npz", b""),
    "no archive": lambda: ("x.npz", b"nothing of the kind"),
    "another ending": lambda: ("x.exe", a_zip(**GOOD)),
    "no ending": lambda: ("x" * 500, b""),
    "no images": lambda: ("x.npz", an_npz(other=np.zeros((30, 4, 4), np.uint8))),
    "pickled": lambda: ("x.npz", an_npz(images=np.array([_Evil()] * 30, object))),
    "a pickle": lambda: ("x.npz", a_zip(**{"images.npy": pickle.dumps(_Evil())})),
    "a shape beyond memory": lambda: ("x.npz", a_zip(**{"images.npy": a_lying_array((10**12, 28, 28))})),
    "a shape beyond the file": lambda: ("x.npz", a_zip(**{"images.npy": a_lying_array((40, 28, 28))})),
    "a negative shape": lambda: ("x.npz", a_zip(**{"images.npy": a_lying_array((-30, -28, 28))})),
    "words": lambda: ("x.npz", an_npz(images=np.array(["a"] * 30))),
    "not numbers": lambda: ("x.npz", an_npz(images=np.full((30, 4, 4), np.nan))),
    "one dimension": lambda: ("x.npz", an_npz(images=np.zeros(30, np.uint8))),
    "a lone number": lambda: ("x.npz", an_npz(images=np.uint8(3))),
    "labels of another length": lambda: (
        "x.npz",
        an_npz(images=np.zeros((30, 4, 4), np.uint8), labels=np.zeros(3, int)),
    ),
    "labels beyond number": lambda: (
        "x.npz",
        an_npz(images=np.zeros((30, 4, 4), np.uint8), labels=np.full(30, 10**9)),
    ),
    "too few": lambda: ("x.npz", an_npz(images=np.zeros((3, 4, 4), np.uint8))),
    "cut short": lambda: ("x.zip", a_zip(**GOOD)[:-200]),
    "no pictures": lambda: ("x.zip", a_zip(**{"a.txt": b"x"})),
    "too many classes": lambda: ("x.zip", a_zip(**{f"{i}/a.png": a_picture() for i in range(201)})),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_in_a_sentence_and_leaves_nothing(make, folder) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name, data = make()
    with pytest.raises(InputError) as refused:
        uploaded_images.add(name, data)
    assert str(refused.value).endswith(".")
    assert len(str(refused.value)) < 300
    assert not folder.exists()
    assert not Path("/tmp/elbo-room-evil").exists()


def test_names_in_a_zip_lead_nowhere(folder, tmp_path) -> None:
    outside = {f"../../{i}.png": a_picture() for i in range(25)}
    path = uploaded_images.add("../../../x.zip", a_zip(**GOOD, **outside))
    assert "skipped: 25 whose names lead out of the archive." in uploaded_images.remark_of(str(path))
    assert path.parent == folder / uploaded_images.FOLDER
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runs"]


def test_an_encrypted_or_an_overlarge_archive_is_refused(monkeypatch) -> None:
    data = bytearray(a_zip(**GOOD))
    at = data.rindex(b"PK\x01\x02")
    data[at + 8] |= 1
    with pytest.raises(InputError, match="encrypted"):
        uploaded_images.add("x.zip", bytes(data))
    monkeypatch.setattr(uploaded_images, "MAX_BYTES", 1000)
    with pytest.raises(InputError, match="unpacked"):
        uploaded_images.add("x.npz", an_npz(images=np.zeros((30, 28, 28), np.uint8)))
    monkeypatch.setattr(uploaded_images, "MAX_UPLOAD", 0)
    with pytest.raises(InputError, match="larger"):
        uploaded_images.add("x.npz", an_npz(images=np.zeros((30, 4, 4), np.uint8)))


# ---- the page -------------------------------------------------------------------------------------------------------


def page(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages" / "_main.py"), default_timeout=600)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    return app.switch_page("train.py").run()


def button(app: AppTest, label: str) -> Any:
    [found] = [b for b in app.button if b.label == label]
    return found


def component(app: AppTest) -> dict[str, Any]:
    found = app.get("bidi_component")
    return json.loads(found[0].proto.json) if found else {}


def test_one_click_trains_and_the_address_names_the_run(folder, monkeypatch) -> None:
    monkeypatch.setattr(launcher, "_spawn", lambda folder, *_, **s: runs.write_status(folder, "queued", **s))
    app = page()
    assert not app.exception
    assert not component(app)
    button(app, "Train").click().run()
    assert not app.exception
    assert not app.error
    assert app.query_params["run"] in ("digits-mlp-2d", ["digits-mlp-2d"])
    shown = component(app)
    assert shown["run"] == "digits-mlp-2d"
    assert access.opens(folder / "digits-mlp-2d", shown["token"])
    assert Settings.of(runs.read_status(folder / "digits-mlp-2d")["settings"]) == settings_form.FIRST


def test_wrong_settings_are_told_and_nothing_is_lost(folder) -> None:
    app = page()
    app.text_input(key="set-hidden").set_value("12,many").run()
    app.text_input(key="set-beta").set_value("4").run()
    button(app, "Train").click().run()
    [error] = app.error
    assert error.value.startswith("hidden must be whole numbers")
    assert app.text_input(key="set-hidden").value == "12,many"
    assert app.text_input(key="set-beta").value == "4"
    assert not folder.exists()
    app.text_input(key="set-hidden").set_value("12")
    for name, typed, sentence in (
        ("lr", "0", "lr must be above 0, not 0."),
        ("lr", "100", "lr must be at most 10, not 100."),
        ("latent_dim", "65", "latent_dim must be at most 64, not 65."),
        ("latent_dim", "2.5", "latent_dim must be a whole number, not '2.5'."),
        ("beta", "-1", "beta must be at least 0, not -1."),
        ("beta", "0,5", "beta must be a number, not '0,5'; write it without commas, and a decimal point where one is "),
        ("epochs", "1e9", "epochs must be at most 100000, not 1e+09."),
        ("epochs", " ", "epochs is empty; enter a value."),
    ):
        before = app.text_input(key=f"set-{name}").value
        app.text_input(key=f"set-{name}").set_value(typed).run()
        button(app, "Train").click().run()
        assert app.error[0].value.startswith(sentence)
        assert any(caption.value.startswith(f":red[{sentence}") for caption in app.caption)  # and beside the field
        assert app.text_input(key=f"set-{name}").value == typed
        app.text_input(key=f"set-{name}").set_value(before)
    assert not folder.exists()


def test_numbers_are_taken_as_they_are_written(folder, monkeypatch) -> None:
    monkeypatch.setattr(launcher, "_spawn", lambda folder, *_, **s: runs.write_status(folder, "queued", **s))
    app = page()
    for name, typed in (("lr", "1e-4"), ("epochs", "2e3"), ("hidden", "")):
        app.text_input(key=f"set-{name}").set_value(typed)
    button(app, "Train").click().run()
    assert not app.error
    settings = Settings.of(runs.read_status(next(folder.iterdir()))["settings"])
    assert (settings.lr, settings.epochs, settings.hidden) == (1e-4, 2000, ())


def test_every_setting_is_in_the_form() -> None:
    app = page()
    keys = {w.key for kind in (app.selectbox, app.text_input) for w in kind}
    assert {f"set-{name}" for name in Settings.__dataclass_fields__ if not name.startswith("picture_")} <= keys
    assert {"own-side", "own-colour"} <= keys  # in their place: of an upload, they are chosen once, as it comes


def test_a_link_to_no_run_is_told_and_the_page_goes_on() -> None:
    app = page(run="none", **{"with": "../x"})
    assert not app.exception
    assert all(error.value.endswith(".") for error in app.error)
    assert app.error
    assert not component(app)
    assert button(app, "Train")


def test_two_runs_are_shown_side_by_side(monkeypatch) -> None:
    monkeypatch.setattr(launcher, "_spawn", lambda folder, *_, **s: runs.write_status(folder, "queued", **s))
    first, second = (launcher.start(SHORT)[0] for _ in range(2))
    app = page(run=first, **{"with": second})
    assert not app.error
    assert (component(app)["run"], component(app)["compare"]) == (first, second)
    app.selectbox(key="with").set_value(None).run()
    assert component(app)["compare"] is None
    app.selectbox(key="run").set_value(second).run()
    assert component(app)["run"] == second


def test_the_audience_is_offered_what_it_may_do(lecture, monkeypatch) -> None:
    monkeypatch.setattr(launcher, "_spawn", lambda folder, *_, **s: runs.write_status(folder, "queued", **s))
    monkeypatch.setenv(access.AUDIENCE, "0")
    app = page()
    assert not [b for b in app.button if b.label == "Train"]
    assert "presenter" in app.info[0].value
    monkeypatch.setenv(access.AUDIENCE, "1")
    app = page()
    button(app, "Train").click().run()
    assert component(app)["run"] == "digits-mlp-2d"
    assert not app.get("file_uploader")
    button(app, "Train").click().run()
    assert "1 of 1" in app.error[0].value


def test_a_data_set_that_is_not_at_hand_says_what_will_happen(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("ELBO_ROOM_DATA", str(tmp_path))
    app = page()
    app.selectbox(key="set-data").set_value("kmnist").run()
    assert any("kmnist is not below the data root" in caption.value for caption in app.caption)
    (tmp_path / "KMNIST").mkdir()
    assert any("not below" in caption.value for caption in app.run().caption)  # an empty folder is no data set
    for split in ("train", "t10k"):
        (tmp_path / f"{split}-images-idx3-ubyte.gz").touch()
        (tmp_path / "KMNIST" / f"{split}-labels-idx1-ubyte").touch()
    assert not any("not below" in caption.value for caption in app.run().caption)


def test_a_checkpoint_goes_with_the_run_it_was_forked_from(folder) -> None:
    name, _ = launcher.start(LONG)
    until(lambda: state(name) == "running")
    new, key = launcher.fork(name)
    assert new == f"{name}-fork"
    assert access.opens(folder / new, key)
    assert state(name) == "running"
    assert state(new) == "paused"
    step = checkpoint.read(folder / new).step
    assert step == checkpoint.read(folder / name).step == runs.read_status(folder / new)["step"] > 0
    assert (folder / new / live.PROBE).exists() == (folder / name / live.PROBE).exists()
    facts = {"train_images": 1, "settings": {}}
    assert control_messages.request(folder / new, {"beta": 4}, 0, facts, runs.observe(folder / new))
    with pytest.raises(InputError, match="resume"):
        control_messages.request(folder / new, {"pause": True}, 0, facts, runs.observe(folder / new))
    assert control.read(folder / new).beta == 4


def test_the_page_is_found_again_as_it_was_left(monkeypatch) -> None:
    monkeypatch.setattr(launcher, "_spawn", lambda folder, *_, **s: runs.write_status(folder, "queued", **s))
    name, _ = launcher.start(SHORT)
    app = page(run=name)
    app.query_params.clear()  # as a link of the navigation does
    app.switch_page("explore.py").run()
    app.switch_page("train.py").run()
    assert component(app)["run"] == name
    app.query_params.clear()
    app.run()  # back to the first visit
    assert not component(app)


def test_the_audience_opens_no_files_of_its_own(lecture, monkeypatch) -> None:
    monkeypatch.setattr(open_models, "GALLERY", ROOT / "assets" / "gallery")
    app = AppTest.from_file(str(ROOT / "pages" / "_main.py"), default_timeout=600).run()
    assert not app.exception
    assert component(app)
    assert not app.get("file_uploader")
    assert not app.text_input


# ---- make lecture ---------------------------------------------------------------------------------------------------


def test_a_lecture_prints_its_links_and_knows_its_presenter(tmp_path) -> None:
    if lecture_link.network_address() is None:
        pytest.skip("this machine is on no network")
    environment = {**os.environ, "ELBO_ROOM_RUNS": str(tmp_path)}
    environment.pop(access.LECTURE, None)
    with subprocess.Popen(
        [sys.executable, "lecture.py"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            printed = ""
            while "now view" not in printed:
                line = server.stdout.readline()
                assert line, printed
                printed += line
            [audience] = re.findall(r"The audience: (\S+)", printed)
            [presenter] = re.findall(r"The presenter.*: (\S+)", printed)
            assert presenter.startswith(f"{audience}?presenter=")
            assert "█" in printed
            assert until(lambda: answer(audience))[0] == 200
            status, cookie = answer(presenter)
            assert status == 303
            assert presenter.partition("=")[2] in cookie
            assert answer(presenter + "x")[1] == ""
        finally:
            server.terminate()


def answer(url: str) -> tuple[int, str] | None:
    """Status and cookie that a GET is answered with; None where nobody answers yet."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = HTTPConnection(host, timeout=60)
    try:
        connection.request("GET", f"/{path}")
        response = connection.getresponse()
        return response.status, response.headers.get("set-cookie", "")
    except ConnectionError:
        return None
    finally:
        connection.close()
