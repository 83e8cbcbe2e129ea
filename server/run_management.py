"""Managing runs: the order in which they wait for the device, their names, deleting them and taking that back."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from server import access, launcher, runs_root
from vae.errors import InputError
from vae.files import control, runs

DELETED = ".deleted"  # a folder beside the runs; what is in it can be brought back
LONGEST_NAME = 80
LEAVES_WITHIN = 20.0  # seconds for a run to leave the line when asked
ASK_EVERY = 1.0  # seconds: a process that is starting passes over what was asked before


def may_manage(name: str, key: str | None, presents: bool) -> bool:
    """Whether a visitor may rename, move or delete a run: its key's holder, and who has the machine or the lecture."""
    in_charge = presents if access.is_lecture() else access.is_local()
    return in_charge or bool(key and access.opens(launcher.existing(name), key))


def waiting() -> list[str]:
    """The runs that wait for their turn, the next first."""
    found = []
    for name in reversed(launcher.all_runs()):
        status = runs.observe(runs_root.RUNS / name)
        if status["state"] == "queued" and status["alive"]:  # a process that is starting has no place yet
            found.append((-control.read(runs_root.RUNS / name).ahead, status.get("place", 2**53), name))
    return [name for _, _, name in sorted(found, key=lambda entry: entry[:2])]


def put_in_order(names: list[str]) -> None:
    """Let these runs have their turn in this order, before any other that waits."""
    for place, name in enumerate(names):
        control.ask(launcher.existing(name), ahead=len(names) - place)


def move(name: str, up: bool) -> None:
    """One place forward in the line, or back."""
    names = waiting()
    if name not in names:
        raise InputError(f"{name} does not wait any more; it has its turn, or has left the line.")
    place = names.index(name)
    other = max(0, place - 1) if up else min(len(names) - 1, place + 1)
    names.insert(other, names.pop(place))
    put_in_order(names)


def rename(name: str, new: str) -> None:
    """Give a run that does not train another name. One that waits in line keeps its place."""
    new = new.strip()
    folder = launcher.existing(name)
    target = _free_place(new)
    names = waiting()
    if name in names:
        _leave_line(folder)
    with launcher.one_sentence(), runs.locked(_idle(folder)):
        os.rename(folder, target)
    if name in names:
        launcher.go_on(new)
        put_in_order([new if other == name else other for other in names])


def _free_place(name: str) -> Path:
    """The folder of a run of this name, which must be a good one and not taken."""
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
    """Put a run that does not train out of sight; `bring_back` undoes it."""
    folder = launcher.existing(name)
    if name in waiting():
        _leave_line(folder)
    with launcher.one_sentence(), runs.locked(_idle(folder)):
        (runs_root.RUNS / DELETED).mkdir(exist_ok=True)
        os.rename(folder, launcher.free_folder(name, runs_root.RUNS / DELETED))


def deleted() -> list[str]:
    """The names of the runs that can be brought back."""
    try:
        return sorted(path.name for path in (runs_root.RUNS / DELETED).iterdir() if path.is_dir())
    except OSError:
        return []


def bring_back(name: str) -> str:
    """Undo a `delete`; the name of the run, which is another where its own is taken."""
    folder = launcher.free_folder(name, runs_root.RUNS)
    with launcher.one_sentence():
        os.rename(_deleted(name), folder)
    return folder.name


def erase(name: str) -> None:
    """Remove a deleted run for good."""
    with launcher.one_sentence():
        shutil.rmtree(_deleted(name))


def _deleted(name: str) -> Path:
    if name not in deleted():
        raise InputError(f"There is no deleted run {name!r:.60} any more.")
    return runs_root.RUNS / DELETED / name


def _idle(folder: Path) -> Path:
    """The folder, if no process trains the run."""
    if runs.observe(folder)["alive"]:
        raise InputError(
            f"{folder.name} is being trained; finish it first, or pause it: it lets go of the device after a minute in "
            "which others wait for it, and after ten minutes otherwise."
        )
    return folder


def _leave_line(folder: Path) -> None:
    """Let a run that waits leave the line, and wait until its process is gone."""
    deadline = time.monotonic() + LEAVES_WITHIN
    asked = -ASK_EVERY
    while runs.observe(folder)["alive"] or launcher.has_child(folder):
        if time.monotonic() > deadline:
            raise InputError(f"{folder.name} has not left the line in time; try again in a moment.")
        if time.monotonic() - asked >= ASK_EVERY and runs.read_status(folder)["state"] == "queued":
            asked = time.monotonic()
            control.ask(folder, finish=True)
        time.sleep(0.05)
