"""One run while it trains: keeps its folder up to date, and heeds what is asked of it."""

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
    one_sentence,
    read,
    refuse_existing,
)  # fmt: skip
from vae.settings import Settings
from vae.training import distributed
from vae.training.active_run import REPORTS, ActiveRun
from vae.training.control_handler import ControlHandler
from vae.training.loop import Step, Training, train

CHECKPOINT_EVERY = 30.0  # seconds
STATUS_EVERY = 1.0  # seconds
WAIT = 0.01  # seconds between signs of life while a run waits
SETTLED = 0.5  # seconds without another turn of a setting, after which the change is written into the log
PAUSE_LIMIT, PAUSE_LIMIT_WAITED_FOR = 600.0, 60.0  # seconds a pause may hold the device; and while others wait for it


def run(
    settings: Settings,
    folder: str | Path,
    images: ImageSet,
    *,
    resume: bool = False,
    checkpoint_every: float = CHECKPOINT_EVERY,
    held: bool = False,
    waited_for: Callable[[], bool] = lambda: False,
) -> Generator[Step | None]:
    """Train and keep the run folder up to date, yielding after every step; at the end, evaluate on the test split.

    Heeds what is asked of it in control.json: beta, lr and sigma from the next step on, a pause, a pace, a rewind.
    While it waits it yields None, so whoever iterates stays in charge; after a pause of `PAUSE_LIMIT`, sooner where
    `waited_for()` says that others want the device, it ends as paused.

    Whoever stops iterating (and closes the generator) pauses the run: its state is saved as of the last step. With
    `resume`, the run in `folder` goes on to the very weights of an unbroken one, where there is one; a finished one
    yields nothing and stays as it is. Raises `InputError` where the folder holds a run and `resume` is false, where
    its settings or data are others, where another process writes to it (unless the caller has it `held`), where it
    cannot be written, and (`Diverged`) where the loss is no longer finite; the last checkpoint always stays.
    """
    folder = Path(folder)
    with one_sentence(folder), nullcontext() if held else locked(folder):
        if not resume:
            refuse_existing(folder)
        existing = read(folder) if (folder / SETTINGS).exists() else None
        if existing is not None:
            _agree(existing, settings, images)
            if existing.finished:
                return
        recorder = Recorder(ActiveRun(settings, folder, images, existing), checkpoint_every, waited_for)
        try:
            with one_sentence(folder):
                yield from recorder.steps()
                recorder.run.finish()
        except _PausedLong:
            recorder.run.pause("Paused for so long that the device was let go; go on with Resume.")
        except GeneratorExit:
            recorder.run.pause(f"Stopped by hand at step {recorder.run.training.step}; go on with --resume.")
            raise
        except KeyboardInterrupt:
            recorder.run.say("paused", "Stopped by hand; go on from the last checkpoint with --resume.")
            raise
        except Exception as error:
            recorder.run.fail(error)
            raise


def follow(settings: Settings, images: ImageSet, received: list[int]) -> None:
    """The part of every rank but the first: train along, and write nothing, until rank 0 ends or a signal comes."""
    while True:
        training = Training(settings, images.image_shape)
        for _ in train(training, images.train):
            if received:
                return
        if not training.rewound:
            return


class _PausedLong(Exception):
    """Nobody has gone on with a paused run for so long that it should not hold the device any more."""


def _agree(existing: Run, settings: Settings, images: ImageSet) -> None:
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
    """Takes a run's steps, and writes into its folder what follows from them."""

    def __init__(self, run: ActiveRun, checkpoint_every: float, waited_for: Callable[[], bool]) -> None:
        self.run = run
        self.handler = ControlHandler(run)
        self.checkpoint_every, self.waited_for = checkpoint_every, waited_for

    def steps(self) -> Iterator[Step | None]:
        run = self.run
        yield from self._wait()
        while not run.finishing and run.training.step < run.total:
            training = run.training
            for step in train(training, run.images.train):
                self._take(step)
                yield step
                yield from self._wait()
                if run.finishing or run.training is not training:  # rewound: begin anew
                    break

    def _take(self, step: Step) -> None:
        """All that follows from a step: reports, checkpoints, snapshots, limits."""
        run = self.run
        now = run.clock.tick()
        run.means.add(step.terms)
        run.recent.append(step.terms)
        ticks = _ticks(run.settings.epochs, step.steps)
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
            return  # that it waits is said next: who hears "running" in between would pause it once more
        if run.snapshots.is_due(now):
            run.snapshot("running")
        if now - run.last_status > STATUS_EVERY:
            run.say("running")

    def _wait(self) -> Iterator[None]:
        """Apply what is asked, and wait as long as it says so."""
        run = self.run
        self.handler.apply_control()
        paused_at: float | None = None
        while not run.finishing and (run.is_paused() or self._is_early()):
            if run.is_paused() and paused_at is None:
                paused_at = time.monotonic()
                run.log_changes()
                run.say("paused")
            if run.is_paused() and run.shown != ("paused", run.training.step, run.control.id):
                run.snapshot("paused")
            if paused_at is not None and self._is_pause_over(time.monotonic() - paused_at):
                raise _PausedLong
            time.sleep(WAIT)
            yield None
            if self.handler.apply_control() and run.is_paused():
                run.say("paused")
        if paused_at is not None:
            run.clock.go_on()
            run.say("running")

    def _is_pause_over(self, seconds: float) -> bool:
        return seconds > PAUSE_LIMIT or (seconds > PAUSE_LIMIT_WAITED_FOR and self.waited_for())

    def _is_early(self) -> bool:
        run = self.run
        return run.control.pace is not None and time.monotonic() - run.clock.last < 1 / run.control.pace


def _ticks(epochs: int, steps: int) -> int:
    """How many reports a run makes, evenly: several an epoch, at every epoch's end, or only at some of them."""
    return min(steps, epochs * (REPORTS // epochs) if epochs <= REPORTS else REPORTS)
