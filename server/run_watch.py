"""Polling of a run's folder for changes. Reads a file only when it has changed, and blocks."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from math import isfinite, prod
from pathlib import Path
from typing import Any

from vae.errors import InputError
from vae.files import runs
from vae.training import live

MAX_FRAME = 64 << 20  # bytes
OBSERVE_EVERY = 1.0  # seconds between two checks of a status whose file is the same: its process may have died
GONE = "The folder of this run is gone; choose another run."
NOTHING: dict[str, Any] = {"settings": {}, "classes": [], "train_images": 0}  # is known of a run yet
TERMS = ("elbo", "distortion", "rate")
_SIZES = {"f4": 4, "i4": 4, "u1": 1}

Stamp = tuple[int, int, int] | None


@dataclass(frozen=True)
class Changes:
    """What is new since the last poll; None: unchanged."""

    frame: bytes | None = None
    status: dict[str, Any] | None = None
    facts: dict[str, Any] | None = None
    log: tuple[int, list[dict[str, Any]]] | None = None  # index of the first new record, and the records from there


class Watch:
    """A run's folder as it was at the last poll. Damage in it becomes a status with a reason."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.frame: bytes | None = None
        self.meta: dict[str, Any] = {}  # of the latest frame
        self.status: dict[str, Any] = {}
        self.facts: dict[str, Any] = NOTHING
        self.log: list[dict[str, Any]] = []
        self._stamps: dict[str, Stamp] = {}
        self._damage: dict[str, str] = {}  # file → reason
        self._observed = self._touched = -1e9

    @property
    def alive(self) -> bool:
        return bool(self.status.get("alive"))

    @property
    def step(self) -> int:
        """The step of the latest frame, or else of the status."""
        return int(self.meta.get("step", self.status.get("step", 0)))

    def poll(self, fully: bool) -> Changes:
        """Read the frame, and `fully` everything else too; mark the run as watched."""
        frame = self._read_frame() if self.alive or fully else None
        if not fully:
            return Changes(frame)
        facts, log = self._read_facts(), self._read_log()
        status = self._read_status(facts is not None)
        self._touch()
        return Changes(frame, status, facts, log)

    def _touch(self) -> None:
        now = time.monotonic()
        if self.alive and now - self._touched >= 1:
            self._touched = now
            try:
                live.watch(self.folder)
            except OSError as error:
                self._damage["watched"] = f"{self.folder} cannot be written ({error.strerror}): the picture is slow."

    def _read_frame(self) -> bytes | None:
        path = self.folder / live.FRAME
        if not self._changed(live.FRAME):
            return None
        try:
            data = path.read_bytes() if path.stat().st_size <= MAX_FRAME else b""
        except OSError:
            return None
        meta = frame_meta(data)
        if meta is None:
            self._damage[live.FRAME] = f"{live.FRAME} of this run is damaged; the picture waits for the next one."
            return None
        self._damage.pop(live.FRAME, None)
        self.frame, self.meta = data, meta
        return data

    def _read_facts(self) -> dict[str, Any] | None:
        if not self._changed(runs.SETTINGS):
            return None
        self._damage.pop(runs.SETTINGS, None)
        if self._stamps[runs.SETTINGS] is None:
            if self.facts is not NOTHING:
                return None  # the files were deleted: the status has the reason
            self.facts = NOTHING | {"settings": runs.read_status(self.folder).get("settings", {})}  # it is queued
            return self.facts
        try:
            run = runs.read(self.folder)
        except InputError as error:
            self._damage[runs.SETTINGS] = str(error)
            return None
        self.facts = {
            "settings": asdict(run.settings),
            "classes": list(run.classes),
            "train_images": run.train_images,
        }
        return self.facts

    def _read_log(self) -> tuple[int, list[dict[str, Any]]] | None:
        if not self._changed(runs.LOG):
            return None
        before, self.log = self.log, runs.read_log(self.folder)
        if self.log[: len(before)] == before:
            return (len(before), self.log[len(before) :]) if len(self.log) > len(before) else None
        return 0, self.log

    def _read_status(self, force: bool) -> dict[str, Any] | None:
        now = time.monotonic()
        if self._changed(runs.STATUS) or force or now - self._observed >= OBSERVE_EVERY:
            self._observed = now
            status = self._observe()
            if status != self.status:
                self.status = status
                return status
        return None

    def _observe(self) -> dict[str, Any]:
        if not self.folder.is_dir():
            return {"state": "failed", "step": 0, "alive": False, "reason": GONE, "gone": True}
        if damage := self._damage.get(runs.SETTINGS):
            return {"state": "failed", "step": 0, "alive": False, "reason": damage}
        status = runs.observe(self.folder)
        if status["state"] == "finished" and (test := self._test()):
            status["test"] = test
        notice = next(iter(self._damage.values()), None)
        return status | {"notice": notice} if notice else status

    def _test(self) -> dict[str, float] | None:
        """The bound on the test split and its two parts, nats per image."""
        numbers = runs.read_test(self.folder) or {}
        values = [numbers.get(name) for name in TERMS]
        known = [float(value) for value in values if isinstance(value, (int, float)) and isfinite(value)]
        return dict(zip(TERMS, known, strict=True)) if len(known) == len(TERMS) else None

    def _changed(self, name: str) -> bool:
        stamp = _stamp(self.folder / name)
        changed = stamp != self._stamps.get(name, (0, 0, 0))
        self._stamps[name] = stamp
        return changed


def frame_meta(data: bytes) -> dict[str, Any] | None:
    """The header of a frame; None where the bytes are no whole frame."""
    length = int.from_bytes(data[4:8], "little")
    if data[:4] != b"ELBF" or not 2 <= length <= len(data) - 8:
        return None
    try:
        meta = json.loads(data[8 : 8 + length])
        ends = [8 + length + offset + prod(shape) * _SIZES[kind] for kind, shape, offset in meta["arrays"].values()]
        step = meta["step"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return meta if type(step) is int and all(end <= len(data) for end in ends) else None


def _stamp(path: Path) -> Stamp:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
