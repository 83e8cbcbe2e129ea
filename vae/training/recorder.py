"""One run while it trains: keeps its folder up to date, and heeds what is asked of it."""

from __future__ import annotations

import json
import platform
import shutil
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae.analysis.evaluation import evaluate, optimal_variance, write_held_out
from vae.data.image_sets import ImageSet
from vae.errors import InputError
from vae.files import checkpoint, control, undo
from vae.files.atomic import write_atomically
from vae.files.control import Control
from vae.files.held_out import FILE_NAME as HELD_OUT
from vae.files.runs import (
    CHECKPOINT,
    FORMAT,
    LOG,
    SETTINGS,
    TEST,
    Run,
    locked,
    one_sentence,
    read,
    read_log,
    read_status,
    refuse_existing,
    write_status,
)  # fmt: skip
from vae.settings import Settings
from vae.training import distributed
from vae.training.devices import describe_device
from vae.training.live import Snapshots
from vae.training.loop import Diverged, Step, Training, count_steps, train

REPORTS = 150  # log lines of a run, about
CHECKPOINT_EVERY = 30.0  # seconds
STATUS_EVERY = 1.0  # seconds
CONTROL_EVERY = 0.015  # seconds between looks for what a person asks
WAIT = 0.01  # seconds between signs of life while a run waits
SETTLED = 0.5  # seconds without another turn of a setting, after which the change is written into the log
PAUSE_LIMIT, PAUSE_LIMIT_WAITED_FOR = 600.0, 60.0  # seconds a pause may hold the device; and while others wait for it
SUM_EVERY = 500  # steps whose numbers are kept apart at most
RECENT = 200  # steps that the numbers of a snapshot are a mean over, at most


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
        recorder = _Recorder(settings, folder, images, existing, checkpoint_every, waited_for)
        try:
            with one_sentence(folder):
                yield from recorder.steps()
                recorder.finish()
        except _PausedLong:
            recorder.pause("Paused for so long that the device was let go; go on with Resume.")
        except GeneratorExit:
            recorder.pause(f"Stopped by hand at step {recorder.training.step}; go on with --resume.")
            raise
        except KeyboardInterrupt:
            recorder.say("paused", "Stopped by hand; go on from the last checkpoint with --resume.")
            raise
        except Exception as error:
            recorder.fail(error)
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


class _Means:
    """The mean of every step's terms since the last report. Adding one does not wait for the device."""

    def __init__(self, terms: int) -> None:
        self.pending: list[Tensor] = []  # of the latest steps, still on the device
        self.sums = np.zeros(terms)  # of those before
        self.summed = 0  # how many steps those were

    def add(self, terms: Tensor) -> None:
        self.pending.append(terms)
        if len(self.pending) == SUM_EVERY:
            self._sum()

    def take(self) -> list[float]:
        """The means; from here on they are of what comes."""
        self._sum()
        means = (self.sums / self.summed).tolist()
        self.sums, self.summed = np.zeros_like(self.sums), 0
        return means

    def state(self) -> dict[str, Tensor]:
        state = {"report.sums": torch.tensor([self.summed, *self.sums])}
        return state | ({"report.pending": torch.stack(self.pending)} if self.pending else {})

    def restore(self, saved: dict[str, np.ndarray], device: torch.device) -> None:
        if "report.sums" in saved:
            summed, *sums = saved["report.sums"].tolist()
            self.summed, self.sums = int(summed), np.array(sums)
        if "report.pending" in saved:
            self.pending = list(torch.from_numpy(saved["report.pending"]).to(device))

    def _sum(self) -> None:
        if self.pending:
            self.sums += torch.stack(self.pending).cpu().double().sum(0).numpy()
            self.summed += len(self.pending)
            self.pending.clear()


class _Clock:
    """How long a run has trained, pauses left out, and how fast it is."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.steps_per_s: float | None = None
        self.go_on()

    def go_on(self) -> None:
        """What has passed since the last step was a pause."""
        self.last = self.since = time.monotonic()
        self.steps = 0

    def tick(self) -> float:
        """A step has been taken; the time."""
        now = time.monotonic()
        self.seconds += now - self.last
        self.last = now
        self.steps += 1
        if now - self.since > 1:
            self.steps_per_s = self.steps / (now - self.since)
            self.since, self.steps = now, 0
        return now


class _Recorder:
    """One run and its folder, while it is trained."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        images: ImageSet,
        existing: Run | None,
        checkpoint_every: float,
        waited_for: Callable[[], bool],
    ) -> None:
        self.settings, self.folder, self.images = settings, folder, images
        self.checkpoint_every, self.waited_for = checkpoint_every, waited_for
        self.batch = settings.batch_size * distributed.count()
        self.total = count_steps(settings, len(images.train.labels), distributed.count())
        self.means = _Means(1 + settings.latent_dim)
        self.recent: deque[Tensor] = deque(maxlen=RECENT)
        self.clock = _Clock()
        self.validation: dict[str, float] | None = None
        self.changes: dict[str, float] = {}  # setting → what it was before somebody began to turn it
        self.changed_at, self.changed_step = 0.0, 0
        self.finishing = False
        self.epoch = self.reported = self.last_report_step = 0
        for pattern in (".*.part", "live/.*.part"):  # left by a process that was killed while it wrote
            for part in folder.glob(pattern):
                if not part.name.startswith(f".{control.FILE_NAME}."):  # somebody may be asking right now
                    part.unlink(missing_ok=True)
        undo.finish_returning(folder)
        self.kept = undo.kept(folder)
        self.branch = _whole(read_status(folder).get("branch"))  # how often the run was rewound, or returned to
        if existing is not None and (folder / CHECKPOINT).exists():
            self._restore()
        else:
            self.training = Training(settings, images.image_shape)
            self._write_settings()
            self._keep_log(0)
            self.save()
        self.control, self.look_at = self._leftover_control(), 0.0
        self.stamp: tuple[int, int] | None = None  # of control.json when it was last read
        self.shown: tuple[str, int, int] | None = None  # state, step and control of the latest snapshot
        self.last_status = self.last_save = time.monotonic()
        self._read_place()
        facts = {"parameters": self._parameters(), "device": describe_device(self.training.device)}
        self.snapshots = Snapshots(folder, images, facts)
        self.say("running")

    # ---- the loop ---------------------------------------------------------------------------------------------------

    def steps(self) -> Iterator[Step | None]:
        yield from self._wait()
        while not self.finishing and self.training.step < self.total:
            training = self.training
            for step in train(training, self.images.train):
                self._take(step)
                yield step
                yield from self._wait()
                if self.finishing or self.training is not training:  # rewound: begin anew
                    break

    def _take(self, step: Step) -> None:
        """All that follows from a step: reports, checkpoints, snapshots, limits."""
        now = self.clock.tick()
        self.means.add(step.terms)
        self.recent.append(step.terms)
        ticks = _ticks(self.settings.epochs, step.steps)
        if step.step * ticks // step.steps > (step.step - 1) * ticks // step.steps:
            self.report(step, validate=step.epoch > self.reported)
            self.reported = step.epoch
        since_save = now - self.last_save
        if since_save > self.checkpoint_every or (step.epoch > self.epoch and since_save > self.checkpoint_every / 6):
            self.save()
        self.epoch = step.epoch
        if self.settings.stop_minutes and self.clock.seconds > 60 * self.settings.stop_minutes:
            self.finishing = True
        if self.changes and now - self.changed_at > SETTLED:
            self._log_changes()
        if self._is_paused():
            return  # that it waits is said next: who hears "running" in between would pause it once more
        if self.snapshots.is_due(now):
            self.snapshot("running")
        if now - self.last_status > STATUS_EVERY:
            self.say("running")

    def _wait(self) -> Iterator[None]:
        """Heed what is asked, and wait as long as it says so."""
        self._heed()
        paused_at: float | None = None
        while not self.finishing and (self._is_paused() or self._is_early()):
            if self._is_paused() and paused_at is None:
                paused_at = time.monotonic()
                self._log_changes()
                self.say("paused")
            if self._is_paused() and self.shown != ("paused", self.training.step, self.control.id):
                self.snapshot("paused")
            if paused_at is not None and self._is_pause_over(time.monotonic() - paused_at):
                raise _PausedLong
            time.sleep(WAIT)
            yield None
            if self._heed() and self._is_paused():
                self.say("paused")
        if paused_at is not None:
            self.clock.go_on()
            self.say("running")

    def _is_pause_over(self, seconds: float) -> bool:
        return seconds > PAUSE_LIMIT or (seconds > PAUSE_LIMIT_WAITED_FOR and self.waited_for())

    def _is_paused(self) -> bool:
        return self.control.until is not None and self.training.step >= self.control.until

    def _waits_or_runs(self) -> str:
        return "paused" if self._is_paused() else "running"

    def _is_early(self) -> bool:
        return self.control.pace is not None and time.monotonic() - self.clock.last < 1 / self.control.pace

    # ---- what a person asks -----------------------------------------------------------------------------------------

    def _leftover_control(self) -> Control:
        """What was asked of an earlier process: settings still hold, a pause, an end or a place in line does not."""
        before = control.read(self.folder)
        for name, value in before.live.items():
            if value != getattr(self.training, name):
                self.changes[name] = getattr(self.training, name)
                self.changed_step = self.training.step
                setattr(self.training, name, value)
        if before.until is not None or before.finish or before.ahead:
            control.ask(self.folder, until=None, finish=False, ahead=0)
        return control.read(self.folder)

    def _heed(self) -> bool:
        """Look at control.json, not too often, and do what it asks that is new; whether there was anything."""
        now = time.monotonic()
        if now < self.look_at:
            return False
        self.look_at = now + CONTROL_EVERY
        stamp = _stamp(self.folder / control.FILE_NAME)
        if stamp == self.stamp:
            return False
        self.stamp = stamp
        before, wanted = self.control, control.read(self.folder)
        if wanted.id == before.id:
            return False
        self.control = wanted
        if wanted.restore != before.restore and any(state["number"] == wanted.restore for state in self.kept):
            self._return_to(wanted.restore)
        rewinds = wanted.rewind > before.rewind
        if rewinds:
            self._keep("rewind")  # as it is, without what is turned along with the rewind
        for name, value in wanted.live.items():
            if value != getattr(before, name):
                self.changes.setdefault(name, getattr(self.training, name))
                self.changed_at, self.changed_step = now, self.training.step
                setattr(self.training, name, value)
        if rewinds:
            self._rewind()
        if wanted.save > before.save:
            self.save()
            self.say(self._waits_or_runs())
        if wanted.finish and not self.finishing and self.training.step < self.total:
            self._keep("finish")
        self.finishing = self.finishing or wanted.finish
        self.snapshots.due = 0.0  # the next step is the first under what was asked: show it at once
        return True

    def _rewind(self) -> None:
        """Back to the first weights, optimiser, noise and batches; settings that were turned stay so."""
        self._begin_branch()
        old = self.training
        old.rewound = True
        self.training = Training(self.settings, self.images.image_shape)
        self.training.lr = old.lr
        if not old.learns_sigma:
            self.training.sigma = old.sigma
        if not old.scheduled:
            self.training.beta = old.beta
        passes = len(list(self.folder.glob("log-*.jsonl")))
        with suppress(FileNotFoundError):
            shutil.copyfile(self.folder / LOG, self.folder / f"log-{passes + 1}.jsonl")
        self.means, self.clock = _Means(1 + self.settings.latent_dim), _Clock()
        self.recent.clear()
        self.changes = {}
        self.save()  # before the log is emptied: whoever is killed until here has not begun anew
        self._keep_log(-1)
        self._read_place()
        self.changes = {
            name: value
            for name in control.LIVE
            if (value := getattr(self.settings, name)) != getattr(self.training, name)
        }
        if self.training.scheduled:
            self.changes.pop("beta", None)
        self.changed_step = 0
        self._log_changes()
        self.say(self._waits_or_runs())

    def _return_to(self, number: int) -> None:
        """Go on from a kept state, under the settings that it had; what the run is now is kept in its place."""
        self._log_changes()
        old = self.training
        self._keep("return", besides=number)
        self._begin_branch()
        undo.put_back(self.folder, number)
        self.kept = undo.kept(self.folder)
        old.rewound = True
        self.means = _Means(1 + self.settings.latent_dim)
        self.recent.clear()
        self._restore()
        self._read_place()
        self.say(self._waits_or_runs())

    def _keep(self, reason: str, besides: int | None = None) -> None:
        """Keep the run as it is now, so that it can be returned to; `besides`: a state that is about to be."""
        if self.training.step == 0:
            return
        with suppress(Diverged):  # then its last checkpoint is what there is to keep
            self.save()
        undo.keep(self.folder, reason, self.saved_step, self._epochs(self.saved_step), besides=besides)
        self.kept = undo.kept(self.folder)

    def _begin_branch(self) -> None:
        """From here on the log is another one. The status says so first: whoever follows tells the two apart."""
        self.branch += 1
        self.say(self._waits_or_runs())

    def _read_place(self) -> None:
        """How far the run is, as its training and its log have it."""
        n = len(self.images.train.labels)
        log = [line for line in read_log(self.folder) if "changed" not in line]
        self.last_report, self.last_report_step = time.monotonic(), self.training.step
        self.epoch = self.training.step * self.batch // n
        self.reported = log[-1]["step"] * self.batch // n if log else 0
        measured = [line for line in log if "validation_elbo" in line]
        self.validation = _validation(measured[-1]) if measured else None

    def _log_changes(self) -> None:
        """A line for the settings that were turned, after which step: what they were, what they are."""
        changed = {name: [old, getattr(self.training, name)] for name, old in self.changes.items()}
        changed = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
        self.changes = {}
        if changed:
            step = self.changed_step
            self._append({"step": step, "epoch": self._epochs(step), "changed": changed})

    # ---- what is written --------------------------------------------------------------------------------------------

    def report(self, step: Step, validate: bool) -> None:
        """Append a line to the log: means over the steps since the last line, and the validation split's numbers."""
        self.training.check()
        self._log_changes()
        means = self.means.take()
        now = time.monotonic()
        images = (step.step - self.last_report_step) * self.batch
        record: dict[str, Any] = {
            "step": step.step,
            "epoch": self._epochs(),
            "distortion": round(means[0], 3),
            "rate": round(sum(means[1:]), 3),
            "rate_per_dim": [round(value, 3) for value in means[1:]],
            "elbo": round(-sum(means), 3),
            "beta": step.beta,
            "lr": float(f"{step.lr:.4g}"),
            "images_per_s": round(images / max(now - self.last_report, 1e-9)),
        }
        if self.training.learns_sigma:
            record["sigma"] = float(f"{step.sigma:.4g}")
        if validate:
            numbers = evaluate(self.training.model, self.images.validation, split="validation", iwae=())
            record |= {f"validation_{name}": round(numbers[name], 3) for name in ("distortion", "rate", "elbo")}
            self.validation = _validation(record)
            if self.settings.stop_elbo and numbers["elbo"] > self.settings.stop_elbo:
                self.finishing = True
        self._append(record)
        self.last_report, self.last_report_step = time.monotonic(), step.step

    def snapshot(self, state: str) -> None:
        """What a live map shows of the training as it is now, if anybody looks; at the end, if anybody ever has."""
        if not self.snapshots.is_watched(time.monotonic()) and not (state == "finished" and self.shown):
            return
        self.shown = (state, self.training.step, self.control.id)
        training, settings = self.training, self.settings
        terms = torch.stack(list(self.recent)).mean(0).tolist() if self.recent else []
        self.recent.clear()
        if not all(map(isfinite, terms)):
            terms = []
        per_s = self.clock.steps_per_s
        left = (self.total - training.step) / per_s if per_s else None
        if left is not None and settings.stop_minutes:
            left = min(left, 60 * settings.stop_minutes - self.clock.seconds)
        numbers = {
            "state": state,
            "step": training.step,
            "steps": self.total,
            "epoch": self._epochs(),
            "epochs": settings.epochs,
            "control": self.control.id,
            "beta": training.beta,
            "effective_beta": training.effective_beta,
            "lr": training.lr,
            "sigma": training.sigma,
            "sigma_learned": training.learns_sigma,
            "scheduled": training.scheduled,
            "pace": self.control.pace,
            "branch": self.branch,
            "distortion": terms[0] if terms else None,
            "rate": sum(terms[1:]) if terms else None,
            "rate_per_dim": terms[1:],
            "elbo": -sum(terms) if terms else None,
            "validation": self.validation,
            "images_per_s": per_s * self.batch if per_s else None,
            "seconds": self.clock.seconds,
            "eta_s": left,
        }
        self.snapshots.write(training, numbers)

    def save(self) -> None:
        """A checkpoint from which training goes on as if nothing had happened."""
        self._log_changes()
        seconds = {"report.seconds": torch.tensor(self.clock.seconds, dtype=torch.float64)}
        self._write_checkpoint(self.training.state() | self.means.state() | seconds)
        self.last_save = time.monotonic()
        self.saved_step = self.training.step

    def pause(self, reason: str) -> None:
        """Save the state as of the last step, and say so."""
        try:
            self._log_changes()
            self.save()
        except Exception as error:
            self.fail(error)
            raise
        self.say("paused", reason)

    def fail(self, error: Exception) -> None:
        """Say what went wrong, if the disk still takes it."""
        with suppress(OSError):
            self.say("failed", str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}")

    def finish(self) -> None:
        """Evaluate, drop from the checkpoint what only training needs, and say that the run is done."""
        self._log_changes()
        self.save()
        self.say("running", "Evaluating on the test split.")
        model = self.training.model.eval()
        self._settle_sigma()
        test = evaluate(model, self.images.test)
        write_atomically(self.folder / TEST, (json.dumps(test, indent=1) + "\n").encode())
        write_held_out(self.folder / HELD_OUT, model, self.images.test)
        self._write_checkpoint({})
        self.snapshot("finished")
        self.say("finished")

    def _settle_sigma(self) -> None:
        """Give a learned sigma its optimum for the weights as they are now.

        It is the mean of those for the training images, which are many but fitted, and for the validation images,
        which are few but new to the model: close to the error on either, and on images yet to come.
        """
        settings, learned = self.settings, self.training.model.learned
        if learned is None:
            return
        variances = [
            optimal_variance(
                self.training.model,
                split,
                beta=self.training.effective_beta,
                draws=settings.importance_samples,
                at_mean=settings.sampling == "mean",
                seed=settings.seed,
            )
            for split in (self.images.train, self.images.validation)
        ]
        if all(map(isfinite, variances)):
            learned.put(sum(variances) / 2)

    def say(self, state: str, reason: str | None = None) -> None:
        """Replace status.json."""
        status: dict[str, Any] = {
            "step": self.training.step,
            "steps": self.total,
            "epoch": min(int(self._epochs()), self.settings.epochs),
            "epochs": self.settings.epochs,
            "control": self.control.id,
            "saved_step": self.saved_step,
            "branch": self.branch,
            "kept": self.kept,
        }
        if reason is not None:
            status["reason"] = reason
        write_status(self.folder, state, **status)
        self.last_status = time.monotonic()

    def _epochs(self, step: int | None = None) -> float:
        """Passes over the training images after `step` steps, by default after all that were taken."""
        taken = self.training.step if step is None else step
        return round(taken * self.batch / len(self.images.train.labels), 3)

    def _parameters(self) -> int:
        return sum(weight.numel() for weight in self.training.model.parameters())

    def _restore(self) -> None:
        """Training as it was at the last checkpoint, and the log as it was then."""
        saved = checkpoint.read(self.folder)
        if saved.training:
            self.training = Training.resume(saved._replace(settings=self.settings))
        else:  # killed between its last write and its last word: only the model is needed to finish
            self.finishing = True
            self.training = Training(saved.settings, self.images.image_shape)  # beta and sigma as they had come to be
            self.training.sigma = saved.settings.sigma
            self.training.model.load_state_dict({k: torch.from_numpy(v) for k, v in saved.arrays.items()})
            self.training.step = saved.step
        self.means.restore(saved.training, self.training.device)
        self.clock = _Clock(float(saved.training.get("report.seconds", 0.0)))
        self.saved_step = saved.step
        self._keep_log(saved.step)

    def _append(self, record: dict[str, Any]) -> None:
        with open(self.folder / LOG, "a", encoding="utf-8") as log:
            log.write(json.dumps(record) + "\n")

    def _keep_log(self, step: int) -> None:
        lines = [json.dumps(record) for record in read_log(self.folder) if record["step"] <= step]
        write_atomically(self.folder / LOG, "".join(line + "\n" for line in lines).encode())

    def _write_checkpoint(self, state: dict[str, Tensor]) -> None:
        training = self.training
        checkpoint.write(
            self.folder / CHECKPOINT,
            replace(self.settings, beta=training.beta, sigma=training.sigma),  # what the model has come to be
            self.images.image_shape,
            training.step,
            training.model.weights(),
            state,
        )

    def _write_settings(self) -> None:
        facts = {
            "format": FORMAT,
            "settings": asdict(self.settings),
            "image_shape": self.images.image_shape,
            "classes": self.images.classes,
            "remark": self.images.remark,
            "train_images": len(self.images.train.labels),
            "ranks": distributed.count(),
            "fingerprint": self.images.fingerprint,
            "parameters": self._parameters(),
            "device": describe_device(self.training.device),
            "versions": {"python": platform.python_version()} | {name: version(name) for name in ("torch", "numpy")},
        }
        write_atomically(self.folder / SETTINGS, (json.dumps(facts, indent=1) + "\n").encode())


def _ticks(epochs: int, steps: int) -> int:
    """How many reports a run makes, evenly: several an epoch, at every epoch's end, or only at some of them."""
    return min(steps, epochs * (REPORTS // epochs) if epochs <= REPORTS else REPORTS)


def _validation(record: dict[str, Any]) -> dict[str, float]:
    """Numbers of the validation split with the step at which they were measured, from a line of the log."""
    return {name: record[f"validation_{name}"] for name in ("distortion", "rate", "elbo")} | {"step": record["step"]}


def _whole(value: Any) -> int:
    """A whole number out of a file that others may have written, or 0."""
    return value if type(value) is int and value >= 0 else 0


def _stamp(path: Path) -> tuple[int, int] | None:
    """Differs once the file has been replaced."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
