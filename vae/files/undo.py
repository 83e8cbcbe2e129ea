"""States of a run before it was rewound or finished early, kept in its folder so that they can be restored.

    undo/<number>/checkpoint.safetensors   weights, optimiser and noise as they were
    undo/<number>/log.jsonl                the reports until then
    undo/<number>/state.json               why it was kept, its step and epoch

No torch here. A number is never used twice, so a request to return to one (`vae.files.control.Control.restore`) has the
same meaning however often it is read.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from vae.errors import InputError
from vae.files import control
from vae.files.atomic import write_atomically

FOLDER = "undo"
FILES = ("checkpoint.safetensors", "log.jsonl")
STATE, RETURNING = "state.json", "returning"
MOST = 3  # most kept states of a run; beyond that, those with the fewest steps are deleted


def keep(folder: Path, reason: str, step: int, epoch: float, besides: int | None = None) -> None:
    """Keep copies of the checkpoint and the log in `folder`; `reason` is "rewind", "finish" or "return".

    `besides` is the number of the state that is about to be restored: it does not count towards `MOST`.
    """
    number = 1 + max([control.read(folder).restore, *(state["number"] for state in kept(folder))])
    temporary = folder / FOLDER / f".{number}.part"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name in FILES:
        _copy(folder / name, temporary / name)
    state = {"number": number, "reason": reason, "step": step, "epoch": epoch}
    write_atomically(temporary / STATE, json.dumps(state).encode())
    os.replace(temporary, path_of(folder, number))
    _delete_oldest(folder, besides)


def kept(folder: str | Path) -> list[dict[str, Any]]:
    """The kept states of the run in `folder`, the latest last: number, reason, step and epoch of each."""
    states = []
    for path in Path(folder, FOLDER).glob(f"[0-9]*/{STATE}"):
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            states.append(
                {
                    "number": int(path.parent.name),
                    "reason": str(state["reason"]),
                    "step": int(state["step"]),
                    "epoch": float(state["epoch"]),
                }
            )
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue  # damaged, or deleted meanwhile
    return sorted(states, key=lambda state: state["number"])


def path_of(folder: str | Path, number: int) -> Path:
    """The folder of a kept state, in which checkpoint and log have their usual names."""
    return Path(folder, FOLDER, str(number))


def put_back(folder: Path, number: int) -> None:
    """Move checkpoint and log of a kept state back to `folder`; `InputError` if there is no such state.

    A marker file is written first: if the process is killed meanwhile, `finish_returning` completes the move.
    """
    source = path_of(folder, number)
    if not (source / STATE).exists():
        raise InputError(f"This run keeps no state {number} to return to.")
    (source / RETURNING).touch()
    finish_returning(folder)


def finish_returning(folder: Path) -> None:
    """Complete an interrupted `put_back`, if there is one, and delete incomplete files."""
    for mark in Path(folder, FOLDER).glob(f"[0-9]*/{RETURNING}"):
        for name in FILES:
            _copy(mark.parent / name, folder / name)
        _delete(mark.parent)
    for left in Path(folder, FOLDER).glob(".*.part"):
        shutil.rmtree(left, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """Replace `target` by a copy of `source`. A checkpoint is never changed in place, so a hard link is enough."""
    temporary = target.with_name(f".{target.name}.copy.part")
    temporary.unlink(missing_ok=True)
    try:
        if source.suffix != ".safetensors":
            raise OSError
        os.link(source, temporary)
    except OSError:  # a log, which is changed in place; or a disk without hard links
        shutil.copyfile(source, temporary)
    os.replace(temporary, target)
    temporary.unlink(missing_ok=True)  # if both names were links to one file, `os.replace` has not removed it


def _delete_oldest(folder: Path, besides: int | None) -> None:
    states = [state for state in kept(folder) if state["number"] != besides]
    for state in sorted(states, key=lambda state: (state["step"], state["number"]))[: max(0, len(states) - MOST)]:
        _delete(path_of(folder, state["number"]))


def _delete(path: Path) -> None:
    """Delete a kept state; it is renamed first, so that it is never seen half deleted."""
    renamed = path.with_name(f".{path.name}.part")
    shutil.rmtree(renamed, ignore_errors=True)
    os.replace(path, renamed)
    shutil.rmtree(renamed, ignore_errors=True)
