"""Managing runs: their order in the queue for the device, renaming, deleting and undoing a deletion."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from server import access, launcher, runs_root
from vae.errors import InputError
from vae.files import control, runs

DELETED = ".deleted"  # the folder of deleted runs, which can be restored
LONGEST_NAME = 80
LEAVES_WITHIN = 20.0  # seconds in which a run has to leave the queue on request
ASK_EVERY = 1.0  # seconds between requests: a process that is starting ignores earlier ones


def may_manage(name: str, key: str | None, presents: bool) -> bool:
    """Whether a visitor may rename, move or delete a run: with its key, as presenter, or on a private server."""
    in_charge = presents if access.is_lecture() else access.is_local()
    return in_charge or bool(key and access.opens(launcher.existing(name), key))


def waiting() -> list[str]:
    """The names of the queued runs, the next first."""
    found = []
    for name in reversed(launcher.all_runs()):
        status = runs.observe(runs_root.RUNS / name)
        if status["state"] == "queued" and status["alive"]:  # without a place while its process is starting
            found.append((-control.read(runs_root.RUNS / name).ahead, status.get("place", 2**53), name))
    return [name for _, _, name in sorted(found, key=lambda entry: entry[:2])]


def put_in_order(names: list[str]) -> None:
    """Set priorities so that these runs come in this order, before all others in the queue."""
    for place, name in enumerate(names):
        control.ask(launcher.existing(name), ahead=len(names) - place)


def move(name: str, up: bool) -> None:
    """Move a run one place forward in the queue, or back. `InputError` if it is not in the queue."""
    names = waiting()
    if name not in names:
        raise InputError(f"{name} does not wait any more; it has its turn, or has left the queue.")
    place = names.index(name)
    other = max(0, place - 1) if up else min(len(names) - 1, place + 1)
    names.insert(other, names.pop(place))
    put_in_order(names)


def rename(name: str, new: str) -> None:
    """Rename a run that does not train; a queued one keeps its place. `InputError` if it trains or the name is bad."""
    new = new.strip()
    folder = launcher.existing(name)
    target = _free_place(new)
    names = waiting()
    if name in names:
        _leave_queue(folder)
    with launcher.readable_errors(), runs.locked(_idle(folder)):
        os.rename(folder, target)
    if name in names:
        launcher.go_on(new)
        put_in_order([new if other == name else other for other in names])


def _free_place(name: str) -> Path:
    """The folder of a new run of this name; `InputError` if the name is not valid or exists."""
    bad = not name or name.startswith(".") or name != Path(name).name or any(c in name for c in '\\/:*?"<>|')
    if bad or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError(
            f'A name has at most {LONGEST_NAME} characters, none of \\ / : * ? " < > |, and does not begin with a dot.'
        )
    target = runs_root.RUNS / name
    if target.exists():
        raise InputError(f"There is a run {name} already; choose another name.")
    return target


def delete(name: str) -> None:
    """Move a run that does not train to the deleted ones; `bring_back` undoes it."""
    folder = launcher.existing(name)
    if name in waiting():
        _leave_queue(folder)
    with launcher.readable_errors(), runs.locked(_idle(folder)):
        (runs_root.RUNS / DELETED).mkdir(exist_ok=True)
        os.rename(folder, launcher.free_folder(name, runs_root.RUNS / DELETED))


def deleted() -> list[str]:
    """The names of the deleted runs."""
    try:
        return sorted(path.name for path in (runs_root.RUNS / DELETED).iterdir() if path.is_dir())
    except OSError:
        return []


def bring_back(name: str) -> str:
    """Undo `delete`; returns the name of the run, which is a new one if its own exists."""
    folder = launcher.free_folder(name, runs_root.RUNS)
    with launcher.readable_errors():
        os.rename(_deleted_folder(name), folder)
    return folder.name


def erase(name: str) -> None:
    """Remove a deleted run from the disk."""
    with launcher.readable_errors():
        shutil.rmtree(_deleted_folder(name))


def _deleted_folder(name: str) -> Path:
    if name not in deleted():
        raise InputError(f"There is no deleted run {name!r:.60} any more.")
    return runs_root.RUNS / DELETED / name


def _idle(folder: Path) -> Path:
    """The folder; `InputError` if a process trains the run."""
    if runs.observe(folder)["alive"]:
        raise InputError(
            f"{folder.name} is being trained; finish it first, or pause it: it releases the device after a minute if "
            "others wait for it, and after ten minutes otherwise."
        )
    return folder


def _leave_queue(folder: Path) -> None:
    """Request that a queued run leaves the queue, and wait for the end of its process."""
    deadline = time.monotonic() + LEAVES_WITHIN
    requested_at = -ASK_EVERY
    while runs.observe(folder)["alive"] or launcher.has_child(folder):
        if time.monotonic() > deadline:
            raise InputError(f"{folder.name} has not left the queue in time; try again in a moment.")
        if time.monotonic() - requested_at >= ASK_EVERY and runs.read_status(folder)["state"] == "queued":
            requested_at = time.monotonic()
            control.ask(folder, finish=True)
        time.sleep(0.05)
