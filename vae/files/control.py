"""Requests to a run while it trains: control.json in its folder. No torch here.

The file holds the requested state, not a list of commands, so that reading it twice, or missing a version of it, does
no harm: a pause is the step to wait at, and a single action is a counter.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vae.errors import InputError
from vae.files.atomic import write_atomically
from vae.settings import check_setting

FILE_NAME = "control.json"
LIVE = ("beta", "lr", "sigma")  # settings that can be changed while a run trains
WAIT = 5.0  # seconds to wait for another process that writes a request


@dataclass(frozen=True)
class Control:
    """The requested state of a run. `id` counts the requests; the run's status has the id of the last one applied."""

    id: int = 0
    beta: float | None = None  # None: unchanged
    lr: float | None = None
    sigma: float | None = None
    until: int | None = None  # pause after so many steps; None: no pause
    pace: float | None = None  # most steps a second
    finish: bool = False  # evaluate and finish now
    rewind: int = 0  # number of restarts from the initial weights
    save: int = 0  # number of extra checkpoints
    restore: int = 0  # number of the kept state to return to (`vae.files.undo`)
    ahead: int = 0  # priority while it waits in the queue: larger ones come first

    @property
    def live(self) -> dict[str, float]:
        """The requested settings, by name."""
        return {name: getattr(self, name) for name in LIVE if getattr(self, name) is not None}


_COUNTS = ("id", "rewind", "save", "restore", "ahead")


def read(folder: str | Path) -> Control:
    """The last request to the run in `folder`. Fields that are not valid are ignored, so that the run continues."""
    try:
        values = json.loads((Path(folder) / FILE_NAME).read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError, RecursionError):
        return Control()
    if not isinstance(values, dict):
        return Control()
    names = {f.name for f in fields(Control)}
    return Control(**{name: value for name, value in values.items() if name in names and _refusal(name, value) is None})


def ask(folder: str | Path, **changes: Any) -> int:
    """Request `changes`, fields of `Control`, from the run in `folder`; returns the id of the request.

    A kept state is restored with its own settings, so `restore` clears the requested settings.

    Raises `InputError` where a change is not valid or the folder cannot be written.
    """
    for name, value in changes.items():
        if refusal := _unknown(name) if name == "id" else _refusal(name, value):
            raise InputError(refusal)
    if "restore" in changes:
        changes = dict.fromkeys(LIVE) | changes
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"There is no run in {folder} to ask.")
    try:
        with FileLock(folder / ".control.lock", timeout=WAIT, poll_interval=0.005):
            before = read(folder)
            control = replace(before, **changes, id=before.id + 1)
            write_atomically(folder / FILE_NAME, json.dumps(asdict(control)).encode(), durable=False)
    except (OSError, Timeout) as error:
        reason = getattr(error, "strerror", None) or "another process is writing"
        raise InputError(f"{folder / FILE_NAME} cannot be written ({reason}); try again.") from error
    return control.id


def _refusal(name: str, value: Any) -> str | None:
    """Why the field `name` cannot be `value`, in one sentence; None if it can."""
    if name in LIVE:
        if value is None:
            return None
        if not _is_number(value):
            return f"{name} must be a number, not {value!r:.50}."
        try:
            check_setting(name, value)
        except InputError as error:
            return str(error)
        return None
    if name == "finish":
        return None if isinstance(value, bool) else f"finish must be true or false, not {value!r:.50}."
    if name == "until":
        return None if value is None or _is_count(value) else f"until must be a number of steps, not {value!r:.50}."
    if name == "pace":
        if value is None or (_is_number(value) and 0.01 <= value <= 1e6):
            return None
        return f"pace must be from 0.01 to a million steps a second, not {value!r:.50}."
    if name in _COUNTS:
        return None if _is_count(value) else f"{name} must be a whole number from 0, not {value!r:.50}."
    return _unknown(name)


def _unknown(name: str) -> str:
    return f"A run can be asked for {', '.join(f.name for f in fields(Control) if f.name != 'id')}, not {name!r:.50}."


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300 and isfinite(value)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**53
