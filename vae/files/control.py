"""What a person asks of a run while it trains: control.json in its folder. No torch here.

The file says what is wanted, not what to do next, so that nothing is lost or done twice however often it is read: a
pause is a step to wait at, and what happens once is a counter.
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
LIVE = ("beta", "lr", "sigma")  # settings that can be turned while a run trains
WAIT = 5.0  # seconds for another who asks at the same time


@dataclass(frozen=True)
class Control:
    """What is wanted of a run. `id` counts the requests; a run says in its status which was the last it has heeded."""

    id: int = 0
    beta: float | None = None  # None: as it is
    lr: float | None = None
    sigma: float | None = None
    until: int | None = None  # wait once so many steps were taken; None: train on
    pace: float | None = None  # steps a second at most
    finish: bool = False  # evaluate and finish now
    rewind: int = 0  # how often to have begun anew, from the same weights
    save: int = 0  # how many extra checkpoints to have written
    restore: int = 0  # the kept state to return to, by its number (`vae.files.undo`)
    ahead: int = 0  # while it waits in line: those with a larger number come first

    @property
    def live(self) -> dict[str, float]:
        """The settings asked for, by name."""
        return {name: getattr(self, name) for name in LIVE if getattr(self, name) is not None}


_COUNTS = ("id", "rewind", "save", "restore", "ahead")


def read(folder: str | Path) -> Control:
    """What was last asked of the run in `folder`; what makes no sense is passed over, for a run must go on."""
    try:
        values = json.loads((Path(folder) / FILE_NAME).read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError, RecursionError):
        return Control()
    if not isinstance(values, dict):
        return Control()
    known = {f.name for f in fields(Control)}
    return Control(**{name: value for name, value in values.items() if name in known and _refusal(name, value) is None})


def ask(folder: str | Path, **changes: Any) -> int:
    """Ask the run in `folder` for `changes`, fields of `Control`; the id of the request.

    A kept state is returned to with its own settings, so those that were turned since are wanted no more.

    Raises `InputError` where a change makes no sense or the folder cannot be written.
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
        reason = getattr(error, "strerror", None) or "somebody else is writing"
        raise InputError(f"{folder / FILE_NAME} cannot be written ({reason}); try again.") from error
    return control.id


def _refusal(name: str, value: Any) -> str | None:
    """Why the field `name` cannot be `value`, in one sentence; None where it can."""
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
