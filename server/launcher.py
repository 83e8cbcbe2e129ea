"""Starting, resuming and forking runs, and copying them to the gallery. A run is a separate process that continues
when the page or the server is closed.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields, replace
from itertools import count
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from server import access, open_models, runs_root
from vae.data.image_sets import ROOT_VARIABLE
from vae.errors import InputError
from vae.files import control, runs, undo
from vae.files.held_out import FILE_NAME as HELD_OUT
from vae.settings import DATA_SETS, Settings
from vae.training import live

ROOT = Path(__file__).parent.parent
OUTPUT = "trainer.txt"  # what the process prints
AUDIENCES = ".audience"  # a file in the folder of a run that the audience of a lecture has started
KEPT_STATUS = (*runs.PROGRESS, "settings")  # fields of the status that a resumed run keeps
KEPT = (runs.SETTINGS, runs.LOG, runs.CHECKPOINT, runs.STATUS, runs.TEST, HELD_OUT)
SAVED_WITHIN = 30.0  # seconds in which a run has to write a requested checkpoint
AUDIENCE_MINUTES = 2.0
AUDIENCE_LAYERS, AUDIENCE_WIDTH, AUDIENCE_LATENTS = 3, 256, 16

_children: dict[Path, subprocess.Popen[bytes]] = {}
_lock = Lock()  # makes counting and starting the audience's runs one operation


def start(settings: Settings, label: str = "own-images", audience: bool = False) -> tuple[str, str]:
    """Train in a new folder of runs; returns the run's name and key. `label` is the name of the user's own images."""
    if not audience:
        return _start(settings, label)
    with _lock:
        settings = audience_settings(settings)
        _check_audience_limit()
        return _start(settings, label, audience=True)


def _start(settings: Settings, label: str, audience: bool = False) -> tuple[str, str]:
    with readable_errors():
        folder = _new_folder(run_name(settings, label))
        key = access.give_key(folder)
        if audience:
            (folder / AUDIENCES).touch()
        _spawn(folder, *arguments(settings), settings=asdict(settings))
    return folder.name, key


def resume(name: str, batch_size: int | None = None) -> tuple[str, str | None]:
    """Resume a run that has no process, from its last checkpoint. `InputError` if it is trained or finished.

    With another batch size, a fork of it is started, so that every log belongs to one setting. Returns the name of the
    run, and its key if it is a new one.
    """
    folder = existing(name)
    status = runs.observe(folder)
    if status["alive"]:
        raise InputError("This run is going on already.")
    if status["state"] == "finished":
        raise InputError("This run is finished; start another.")
    if batch_size is not None:
        Settings.of({"batch_size": batch_size})
        if batch_size != runs.read(folder).settings.batch_size:
            new, key = _branch(folder, batch_size)
            with readable_errors():
                _spawn(runs_root.RUNS / new, "--resume")
            return new, key
    with _lock:
        if is_audiences(folder):
            _check_audience_limit()
        go_on(name)
    return name, None


def go_on(name: str) -> None:
    """Start a process for a run that has none; it enters the queue."""
    with readable_errors():
        _spawn(existing(name), "--resume")


def has_child(folder: Path) -> bool:
    """Whether this server has started a process for the run that has not ended yet."""
    return folder.absolute() in _children


def fork(name: str) -> tuple[str, str]:
    """Copy a run with its current state to a new, paused run; returns its name and key."""
    folder = existing(name)
    if not (folder / runs.CHECKPOINT).exists():
        raise InputError("This run has no checkpoint yet; fork it a moment later.")
    if runs.observe(folder)["alive"]:
        _save(folder)
    new, key = _branch(folder)
    with readable_errors():  # so that its map can be shown before it trains
        (runs_root.RUNS / new / live.FOLDER).mkdir()
        for file in (live.PROBE, live.FRAME, live.DECODER, live.MANIFOLD):
            if (folder / file).exists():
                shutil.copyfile(folder / file, runs_root.RUNS / new / file)
    return new, key


def go_on_from(name: str, kept: int) -> tuple[str, str]:
    """Start a new run from a kept state of this one (`vae.files.undo`); returns its name and key."""
    folder = existing(name)
    if kept not in [state["number"] for state in undo.kept(folder)]:
        raise InputError("This state of the run is no longer kept; choose another.")
    new, key = _branch(folder, kept=kept)
    with readable_errors():
        _spawn(runs_root.RUNS / new, "--resume")
    return new, key


def _branch(folder: Path, batch_size: int | None = None, kept: int | None = None) -> tuple[str, str]:
    """Copy the last checkpoint of a run, or a kept state, to a new run without a process; its name and key."""
    if is_audiences(folder):
        raise InputError("A run of the audience can only be resumed as it is, not forked.")
    with _lock, readable_errors():
        new = free_folder(re.sub(r"-fork(-\d+)?$", "", folder.name) + "-fork", runs_root.RUNS)
        runs.fork(folder, new, batch_size, kept)
        return new.name, access.give_key(new)


def keep(name: str) -> str:
    """Copy a finished run into the gallery, atomically; returns its name there."""
    folder = existing(name)
    if is_audiences(folder):
        raise InputError("A run of the audience cannot be put into the gallery.")
    if runs.observe(folder)["state"] != "finished":
        raise InputError("Only a finished run can be put into the gallery; finish this one first.")
    target = open_models.GALLERY / name
    if target.exists():
        raise InputError(f"The gallery holds a model {name} already; remove or rename that one first.")
    with readable_errors(open_models.GALLERY):
        open_models.GALLERY.mkdir(parents=True, exist_ok=True)
        temporary = open_models.GALLERY / f".{name}.part"
        shutil.rmtree(temporary, ignore_errors=True)
        (temporary / name).mkdir(parents=True)
        try:
            for file in KEPT:
                if (folder / file).exists():
                    shutil.copyfile(folder / file, temporary / name / file)
            os.rename(temporary / name, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return name


def existing(name: str) -> Path:
    """The folder of the run `name`. `InputError` if there is none."""
    folder = find(name)
    if folder is None:
        raise InputError(f"There is no run {name!r:.60} here; choose one from the list.")
    return folder


def find(name: str) -> Path | None:
    """The folder of the run `name`, or None."""
    if not name or name.startswith(".") or "\0" in name or Path(name).name != name or "\\" in name:
        return None
    folder = runs_root.RUNS / name
    try:
        return folder if _is_run(folder) else None
    except OSError:  # a name too long to be one
        return None


def remark_of(name: str) -> str:
    """The remark on how the images of a run were read; "" if there is none yet."""
    try:
        return runs.read(existing(name)).remark
    except InputError:
        return ""


def all_runs() -> list[str]:
    """The names of the runs, the newest first."""
    try:
        folders = [f for f in runs_root.RUNS.iterdir() if not f.name.startswith(".") and _is_run(f)]
    except OSError:
        return []
    return [folder.name for folder in sorted(folders, key=_created, reverse=True)]


def _is_run(folder: Path) -> bool:
    return (folder / runs.SETTINGS).exists() or (folder / access.KEY_FILE).exists()


def _created(folder: Path) -> float:
    """When a run was created (Unix time), from the file of its key, else of its settings, which are written once."""
    for name in (access.KEY_FILE, runs.SETTINGS):
        with suppress(OSError):
            return (folder / name).stat().st_mtime
    return 0.0


# ---- the audience of a lecture --------------------------------------------------------------------------------------


def is_audiences(folder: Path) -> bool:
    return (folder / AUDIENCES).exists()


def audience_settings(settings: Settings) -> Settings:
    """The settings with the limits of an audience applied. `InputError` where they exceed them."""
    small = len(settings.hidden) <= AUDIENCE_LAYERS and max(settings.hidden, default=0) <= AUDIENCE_WIDTH
    if settings.data != "digits" or settings.arch != "mlp" or not small or settings.latent_dim > AUDIENCE_LATENTS:
        raise InputError(
            f"The audience trains digits, with an mlp of at most {AUDIENCE_LAYERS} layers of {AUDIENCE_WIDTH} and "
            f"{AUDIENCE_LATENTS} latent dimensions; choose a smaller one."
        )
    if settings.stop_minutes > AUDIENCE_MINUTES:
        raise InputError(
            f"A run of the audience ends after {AUDIENCE_MINUTES:g} minutes; lower stop_minutes, or put 0."
        )
    return replace(settings, stop_minutes=settings.stop_minutes or AUDIENCE_MINUTES, device="cpu")


def _check_audience_limit() -> None:
    allowed = access.audience_runs()
    if not allowed:
        raise InputError("In this lecture the presenter trains; follow a run from the list.")
    going = [
        name
        for name in all_runs()
        if is_audiences(runs_root.RUNS / name) and runs.observe(runs_root.RUNS / name)["alive"]
    ]
    if len(going) >= allowed:
        raise InputError(f"The audience has {len(going)} of {allowed} runs going; try again when one has ended.")


# ---- the process ----------------------------------------------------------------------------------------------------


def run_name(settings: Settings, label: str = "own-images") -> str:
    """The name of a run of these settings, as in digits-mlp-2d."""
    if settings.data in DATA_SETS:
        return runs.default_folder(settings).name
    plain = runs.default_folder(replace(settings, data="digits")).name
    slug = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")[:40] or "own-images"
    return slug + plain.removeprefix("digits")


def arguments(settings: Settings) -> list[str]:
    """The settings as options of `python -m vae train`."""
    options = []
    for f in fields(Settings):
        value = getattr(settings, f.name)
        text = (",".join(map(str, value)) or "0") if isinstance(value, tuple) else str(value)
        options.append(f"--{f.name.replace('_', '-')}={text}")
    return options


def free_folder(name: str, root: Path) -> Path:
    """A folder that does not exist: the name, or the name with a number."""
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(folder for name in names if not (folder := root / name).exists())


def _new_folder(name: str) -> Path:
    while True:
        with suppress(FileExistsError):  # another request may have created it
            folder = free_folder(name, runs_root.RUNS)
            folder.mkdir(parents=True)
            return folder


def _spawn(folder: Path, *options: str, **status: Any) -> None:
    """Start the training process, in a session of its own."""
    before = {name: value for name, value in runs.read_status(folder).items() if name in KEPT_STATUS}
    runs.write_status(folder, "queued", **before, **status)
    out = folder.absolute()
    data_root = Path(os.environ.get(ROOT_VARIABLE) or "data").absolute()
    command = [sys.executable, "-m", "vae", "train", f"--out={out}", "--background", f"--data-root={data_root}"]
    with open(folder / OUTPUT, "ab") as output:
        child = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[out] = child
    Thread(target=_reap, args=(out, child), name=f"reaper of {folder.name}", daemon=True).start()


def _reap(folder: Path, child: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a process, and write the reason into the status if the process did not."""
    code = child.wait()
    if _children.get(folder) is child:  # else a later process has the run
        if code and folder.is_dir():
            _explain(folder, code)
        del _children[folder]


def _explain(folder: Path, code: int) -> None:
    """Write the reason for the end of a process into the run's status, unless the process has done so itself."""
    status = runs.read_status(folder)
    if status["state"] not in ("queued", "running") and not (code < 0 and status["state"] == "paused"):
        return
    reason = _signal_sentence(-code) if code < 0 else _last_line(folder / OUTPUT)
    with suppress(OSError):
        others = {name: value for name, value in status.items() if name not in ("state", "updated")}
        runs.write_status(folder, "failed", **others | {"reason": reason})


def _signal_sentence(number: int) -> str:
    if number == getattr(signal, "SIGKILL", 9):
        return "The training was killed by the system, most likely for want of memory; resume with a smaller batch."
    with suppress(ValueError):
        return f"The training ended by {signal.Signals(number).name}; resume it from its last checkpoint."
    return f"The training ended by signal {number}; resume it from its last checkpoint."


def _last_line(path: Path) -> str:
    with suppress(OSError):
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if lines:
            return lines[-1][:300]
    return "The training could not start; start it again."


def _save(folder: Path) -> None:
    """Request a checkpoint and wait until it is written. `InputError` after `SAVED_WITHIN` seconds."""
    before = runs.read_status(folder)
    id = control.ask(folder, save=control.read(folder).save + 1)
    deadline = time.monotonic() + SAVED_WITHIN
    while time.monotonic() < deadline:
        status = runs.observe(folder)
        if status.get("control", 0) >= id and status.get("saved_step") is not None:
            return
        if not status["alive"] or before["state"] == "queued":  # the checkpoint on the disk is the latest
            return
        time.sleep(0.05)
    raise InputError("The run did not save itself in time; try again in a moment.")


@contextmanager
def readable_errors(folder: Path | None = None) -> Iterator[None]:
    """Turn errors of the disk into an `InputError`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"{folder or runs_root.RUNS} cannot be written ({reason}); free space or permit it."
        ) from error
