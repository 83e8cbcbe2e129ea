"""What a run was before it was rewound, or before a person finished it: kept in its folder, to be returned to.

    undo/<number>/checkpoint.safetensors   weights, optimiser and noise as they were
    undo/<number>/log.jsonl                the reports until then
    undo/<number>/state.json               why it was kept, its step and epoch

No torch here. A number is never given twice, so that a wish to return to one (`vae.files.control.Control.restore`)
means the same however often it is read.
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
MOST = 3  # states of a run that are kept; of more, the one with the fewest steps goes first


def keep(folder: Path, reason: str, step: int, epoch: float, besides: int | None = None) -> None:
    """Keep the run in `folder` as its checkpoint and log have it; `reason` is "rewind", "finish" or "return".

    The state `besides` is about to be returned to, so it does not count.
    """
    number = 1 + max([control.read(folder).restore, *(state["number"] for state in kept(folder))])
    beside = folder / FOLDER / f".{number}.part"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for name in FILES:
        _copy(folder / name, beside / name)
    state = {"number": number, "reason": reason, "step": step, "epoch": epoch}
    write_atomically(beside / STATE, json.dumps(state).encode())
    os.replace(beside, path_of(folder, number))
    _make_room(folder, besides)


def kept(folder: str | Path) -> list[dict[str, Any]]:
    """What is kept of the run in `folder`, the latest last: number, reason, step and epoch of each."""
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
            continue  # damaged, or just thrown away
    return sorted(states, key=lambda state: state["number"])


def path_of(folder: str | Path, number: int) -> Path:
    """The folder of a kept state: checkpoint and log lie in it under their usual names."""
    return Path(folder, FOLDER, str(number))


def put_back(folder: Path, number: int) -> None:
    """Make checkpoint and log of `folder` those of a kept state, which is no longer kept apart then.

    A process that is killed meanwhile leaves a mark, and `finish_returning` does the rest.
    """
    source = path_of(folder, number)
    if not (source / STATE).exists():
        raise InputError(f"This run keeps no state {number} to return to.")
    (source / RETURNING).touch()
    finish_returning(folder)


def finish_returning(folder: Path) -> None:
    """Finish a return that was begun, if there is one, and throw away what was left half-written."""
    for mark in Path(folder, FOLDER).glob(f"[0-9]*/{RETURNING}"):
        for name in FILES:
            _copy(mark.parent / name, folder / name)
        _throw_away(mark.parent)
    for left in Path(folder, FOLDER).glob(".*.part"):
        shutil.rmtree(left, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """Replace `target` by a copy of `source`; a checkpoint is never written in place, so a link will do for one."""
    beside = target.with_name(f".{target.name}.copy.part")
    beside.unlink(missing_ok=True)
    try:
        if source.suffix != ".safetensors":
            raise OSError
        os.link(source, beside)
    except OSError:  # a log, which grows in place; or a disk without links
        shutil.copyfile(source, beside)
    os.replace(beside, target)
    beside.unlink(missing_ok=True)  # where both names were one file already, they both stay


def _make_room(folder: Path, besides: int | None) -> None:
    states = [state for state in kept(folder) if state["number"] != besides]
    for state in sorted(states, key=lambda state: (state["step"], state["number"]))[: max(0, len(states) - MOST)]:
        _throw_away(path_of(folder, state["number"]))


def _throw_away(path: Path) -> None:
    """Remove a kept state as a whole: its name is gone first."""
    gone = path.with_name(f".{path.name}.part")
    shutil.rmtree(gone, ignore_errors=True)
    os.replace(path, gone)
    shutil.rmtree(gone, ignore_errors=True)
