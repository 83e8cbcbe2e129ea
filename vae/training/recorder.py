"""Trains one run: keeps its folder up to date and applies the requests in control.json."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from vae.data.image_sets import ImageSet
from vae.errors import InputError
from vae.files.runs import (
    SETTINGS,
    Run,
    locked,
    read,
    readable_errors,
    refuse_existing,
)  # fmt: skip
from vae.settings import Settings
from vae.training import distributed
from vae.training.active_run import REPORTS, ActiveRun
from vae.training.control_handler import ControlHandler
from vae.training.loop import Step, Training, train

CHECKPOINT_EVERY = 30.0  # seconds
STATUS_EVERY = 1.0  # seconds
WAIT = 0.01  # seconds between two yields of None while a run waits
SETTLED = 0.5  # seconds without another change of a setting, after which the change is logged
PAUSE_LIMIT, PAUSE_LIMIT_IN_DEMAND = 600.0, 60.0  # seconds a pause may keep the device; while others queue for it


def run(
    settings: Settings,
    folder: str | Path,
    images: ImageSet,
    *,
    resume: bool = False,
    checkpoint_every: float = CHECKPOINT_EVERY,
    held: bool = False,
    in_demand: Callable[[], bool] = lambda: False,
) -> Generator[Step | None]:
    """Train and keep the run folder up to date, yielding after every step; at the end, evaluate on the test split.

    Applies the requests in control.json: beta, lr and sigma from the next step on, a pause, a pace, a rewind. While the
    run waits, it yields None, so that the caller keeps control. A pause of `PAUSE_LIMIT` seconds ends the process with
    the status "paused"; `PAUSE_LIMIT_IN_DEMAND` seconds while `in_demand()`: others queue for the device.

    Closing the generator pauses the run: the state of the last step is saved. With `resume`, a run in `folder`
    continues, to the same weights as without interruption; a finished one yields nothing and is not changed. Raises
    `InputError` if the folder holds a run and `resume` is false, if its settings or data differ, if another process
    writes to it (not checked where the caller has locked it: `held`), or if it cannot be written, and `Diverged` if the
    loss is not finite. The last checkpoint is kept in every case.
    """
    folder = Path(folder)
    with readable_errors(folder), nullcontext() if held else locked(folder):
        if not resume:
            refuse_existing(folder)
        existing = read(folder) if (folder / SETTINGS).exists() else None
        if existing is not None:
            _check_same_run(existing, settings, images)
            if existing.finished:
                return
        recorder = Recorder(ActiveRun(settings, folder, images, existing), checkpoint_every, in_demand)
        try:
            with readable_errors(folder):
                yield from recorder.steps()
                recorder.run.finish()
        except _PauseTimeout:
            recorder.run.pause("Paused for so long that the device was released; go on with Resume.")
        except GeneratorExit:
            recorder.run.pause(f"Stopped by hand at step {recorder.run.training.step}; go on with --resume.")
            raise
        except KeyboardInterrupt:
            recorder.run.write_status("paused", "Stopped by hand; go on from the last checkpoint with --resume.")
            raise
        except Exception as error:
            recorder.run.fail(error)
            raise


def follow(settings: Settings, images: ImageSet, received: list[int]) -> None:
    """`run` for every rank but the first: train without writing, until rank 0 ends or a signal is received."""
    while True:
        training = Training(settings, images.image_shape)
        for _ in train(training, images.train):
            if received:
                return
        if not training.rewound:
            return


class _PauseTimeout(Exception):
    """A pause has exceeded its limit, so the process has to release the device."""


def _check_same_run(existing: Run, settings: Settings, images: ImageSet) -> None:
    old, new = asdict(existing.settings), asdict(settings)
    for name in old:
        if old[name] != new[name]:
            raise InputError(
                f"The run in {existing.folder} has {name} {old[name]}, not {new[name]}; resume it with its own "
                "settings, or choose another --out."
            )
    if existing.ranks != distributed.count():
        wanted = f"{existing.ranks} processes, not {distributed.count()}"
        raise InputError(f"The run in {existing.folder} is trained by {wanted}; start as many of them.")
    if existing.fingerprint != images.fingerprint:
        raise InputError(
            f"The run in {existing.folder} was trained on other images, or its version read the same files otherwise "
            "(which folders are classes, 0 and 1 as black and white); give it the same data set, or train anew."
        )


class Recorder:
    """Takes the steps of a run and writes its reports, checkpoints and snapshots."""

    def __init__(self, run: ActiveRun, checkpoint_every: float, in_demand: Callable[[], bool]) -> None:
        self.run = run
        self.handler = ControlHandler(run)
        self.checkpoint_every, self.in_demand = checkpoint_every, in_demand

    def steps(self) -> Iterator[Step | None]:
        run = self.run
        yield from self._wait()
        while not run.finishing and run.training.step < run.total:
            training = run.training
            for step in train(training, run.images.train):
                self._record(step)
                yield step
                yield from self._wait()
                if run.finishing or run.training is not training:  # it was rewound: use the new training
                    break

    def _record(self, step: Step) -> None:
        """After a step: report, checkpoint, snapshot and status when they are due, and the limits of the run."""
        run = self.run
        now = run.clock.tick()
        run.means.add(step.terms)
        run.recent.append(step.terms)
        ticks = _report_count(run.settings.epochs, step.steps)
        if step.step * ticks // step.steps > (step.step - 1) * ticks // step.steps:
            run.report(step, validate=step.epoch > run.reported)
            run.reported = step.epoch
        since_save = now - run.last_save
        if since_save > self.checkpoint_every or (step.epoch > run.epoch and since_save > self.checkpoint_every / 6):
            run.save()
        run.epoch = step.epoch
        if run.settings.stop_minutes and run.clock.seconds > 60 * run.settings.stop_minutes:
            run.finishing = True
        if run.changes and now - run.changed_at > SETTLED:
            run.log_changes()
        if run.is_paused():
            return  # "paused" is written next; a reader of "running" in between would request the pause again
        if run.snapshots.is_due(now):
            run.snapshot("running")
        if now - run.last_status > STATUS_EVERY:
            run.write_status("running")

    def _wait(self) -> Iterator[None]:
        """Apply requests, and wait during a pause and for the requested pace."""
        run = self.run
        self.handler.apply_control()
        paused_at: float | None = None
        while not run.finishing and (run.is_paused() or self._is_ahead_of_pace()):
            if run.is_paused() and paused_at is None:
                paused_at = time.monotonic()
                run.log_changes()
                run.write_status("paused")
            if run.is_paused() and run.last_snapshot != ("paused", run.training.step, run.control.id):
                run.snapshot("paused")
            if paused_at is not None and self._is_pause_over(time.monotonic() - paused_at):
                raise _PauseTimeout
            time.sleep(WAIT)
            yield None
            if self.handler.apply_control() and run.is_paused():
                run.write_status("paused")
        if paused_at is not None:
            run.clock.go_on()
            run.write_status("running")

    def _is_pause_over(self, seconds: float) -> bool:
        return seconds > PAUSE_LIMIT or (seconds > PAUSE_LIMIT_IN_DEMAND and self.in_demand())

    def _is_ahead_of_pace(self) -> bool:
        run = self.run
        return run.control.pace is not None and time.monotonic() - run.clock.last < 1 / run.control.pace


def _report_count(epochs: int, steps: int) -> int:
    """Number of evenly spaced reports of a run, at most one a step: a multiple of its epochs where `REPORTS` allows."""
    return min(steps, epochs * (REPORTS // epochs) if epochs <= REPORTS else REPORTS)
