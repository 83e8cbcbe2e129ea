"""A person's requests to a run: checked, and turned into the fields of its control file."""

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
SAVED = ("restore",)  # takes the number of a saved state in the run's status
LATER = {"beta", "lr", "sigma"}  # also for a run that is resumed later
AUDIENCES = {"beta", "lr", "sigma", "finish", "save"}  # leave the time limit of an audience's run as it is


def request(folder: Path, change: Any, step: int, facts: dict[str, Any], status: dict[str, Any]) -> int:
    """Write a change, such as {"beta": 0.5} or {"step": true}, into the control file of a run; the id of the request.

    The run is at `step`; `facts` are its settings and train_images. Raises `InputError` in a sentence.
    """
    _check(change)
    if status.get("state") == "finished":
        raise InputError("This run is finished; start another.")
    if not status.get("alive") and not LATER.issuperset(change):
        raise InputError("No process trains this run now; resume it first.")
    if "restore" in change and change["restore"] not in [state["number"] for state in undo.kept(folder)]:
        raise InputError("This state of the run is kept no more; choose another.")
    if launcher.is_audiences(folder) and not AUDIENCES.issuperset(change):
        raise InputError("A run of the audience goes on until its time is up; it takes beta, lr, sigma, save, finish.")
    return control.ask(folder, **fields_of(change, control.read(folder), step, epoch_steps(facts)))


def fields_of(change: dict[str, Any], before: control.Control, step: int, epoch: int) -> dict[str, Any]:
    """Fields of `Control` for a change, given the ones before."""
    fields = {name: change[name] for name in NUMBERS if name in change}
    fields |= {name: getattr(before, name) + 1 for name in ("rewind", "save") if name in change}
    fields |= {name: change[name] for name in SAVED if name in change}
    if "pause" in change:
        fields["until"] = 0
    elif "resume" in change:
        fields["until"] = None
    elif "step" in change:
        fields["until"] = max(step, before.until or 0) + 1  # clicks that come faster than steps add up
    elif "epoch" in change:
        fields["until"] = max(step, before.until or 0) + epoch
    if ("rewind" in change or "restore" in change) and before.until:
        fields.setdefault("until", 0)  # it was to pause at a later step
    if "finish" in change:
        fields["finish"] = True
    return fields


def epoch_steps(facts: dict[str, Any]) -> int:
    """How many steps a pass over the training images takes."""
    return max(1, ceil(facts["train_images"] / facts["settings"].get("batch_size", 1)))


def _check(change: Any) -> None:
    if not isinstance(change, dict) or not change:
        raise InputError('A request has what is to change, as in {"request": {"beta": 0.5}}.')
    for name, value in change.items():
        if name not in NUMBERS + ACTS + SAVED:
            raise InputError(f"A request can have {', '.join(NUMBERS + ACTS + SAVED)}, but not {name!r:.40}.")
        if name in ACTS and value is not True:
            raise InputError(f"{name} takes true, not {value!r:.40}.")
        if name in NUMBERS and name != "pace" and value is None:
            raise InputError(f"{name} must be a number.")
    if sum(name in change for name in STEERING) > 1:
        raise InputError(f"A request can have one of {', '.join(STEERING)} at a time.")
