"""What a person asks of a run, checked and turned into what its control file says."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

from server import launcher
from vae.errors import InputError
from vae.files import control, undo

NUMBERS = ("beta", "lr", "sigma", "pace")
STEERING = ("pause", "resume", "step", "epoch")
ACTS = (*STEERING, "finish", "rewind", "save")
COUNTED = ("restore",)  # takes a number that the run's status names
LATER = {"beta", "lr", "sigma"}  # what holds for a run that is resumed later, too
AUDIENCES = {"beta", "lr", "sigma", "finish", "save"}  # what leaves the time limit of an audience's run as it is


def ask(folder: Path, wanted: Any, step: int, facts: dict[str, Any], status: dict[str, Any]) -> int:
    """Ask the run in `folder` for what a message wants, such as {"beta": 0.5} or {"step": true}; the id of the request.

    The run has come to `step`; `facts` are its settings and train_images. Raises `InputError` in a sentence.
    """
    _check(wanted)
    if status.get("state") == "finished":
        raise InputError("This run is finished; start another.")
    if not status.get("alive") and not LATER.issuperset(wanted):
        raise InputError("No process trains this run now; resume it first.")
    if "restore" in wanted and wanted["restore"] not in [state["number"] for state in undo.kept(folder)]:
        raise InputError("This state of the run is kept no more; choose another.")
    if launcher.is_audiences(folder) and not AUDIENCES.issuperset(wanted):
        raise InputError("A run of the audience goes on until its time is up; it takes beta, lr, sigma, save, finish.")
    return control.ask(folder, **changes(wanted, control.read(folder), step, epoch_steps(facts)))


def changes(wanted: dict[str, Any], before: control.Control, step: int, epoch: int) -> dict[str, Any]:
    """Fields of `Control` for what is wanted, given what was asked for before."""
    fields = {name: wanted[name] for name in NUMBERS if name in wanted}
    fields |= {name: getattr(before, name) + 1 for name in ("rewind", "save") if name in wanted}
    fields |= {name: wanted[name] for name in COUNTED if name in wanted}
    if "pause" in wanted:
        fields["until"] = 0
    elif "resume" in wanted:
        fields["until"] = None
    elif "step" in wanted:
        fields["until"] = max(step, before.until or 0) + 1  # clicks that come faster than steps add up
    elif "epoch" in wanted:
        fields["until"] = max(step, before.until or 0) + epoch
    if ("rewind" in wanted or "restore" in wanted) and before.until:
        fields.setdefault("until", 0)  # it was to wait at a step further on
    if "finish" in wanted:
        fields["finish"] = True
    return fields


def epoch_steps(facts: dict[str, Any]) -> int:
    """How many steps a pass over the training images takes."""
    return max(1, ceil(facts["train_images"] / facts["settings"].get("batch_size", 1)))


def _check(wanted: Any) -> None:
    if not isinstance(wanted, dict) or not wanted:
        raise InputError('An ask names what is wanted, as in {"ask": {"beta": 0.5}}.')
    for name, value in wanted.items():
        if name not in NUMBERS + ACTS + COUNTED:
            raise InputError(f"A run can be asked for {', '.join(NUMBERS + ACTS + COUNTED)}, not for {name!r:.40}.")
        if name in ACTS and value is not True:
            raise InputError(f"{name} takes true, not {value!r:.40}.")
        if name in NUMBERS and name != "pace" and value is None:
            raise InputError(f"{name} must be a number.")
    if sum(name in wanted for name in STEERING) > 1:
        raise InputError(f"Ask for one of {', '.join(STEERING)} at a time.")
