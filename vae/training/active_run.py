"""A run while it trains: its `Training`, and the files of its folder."""

from __future__ import annotations

import json
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vae.analysis.evaluation import evaluate, write_held_out
from vae.data.image_sets import ImageSet
from vae.errors import InputError
from vae.files import checkpoint, control, undo
from vae.files.atomic import write_atomically
from vae.files.control import Control
from vae.files.held_out import FILE_NAME as HELD_OUT
from vae.files.runs import CHECKPOINT, LOG, SETTINGS, TEST, Run, read_log, read_status, write_status
from vae.settings import Settings
from vae.training import distributed
from vae.training.devices import describe_device
from vae.training.learned_sigma import set_final_sigma
from vae.training.live import Snapshots
from vae.training.loop import Step, Training, count_steps
from vae.training.progress import Clock, TermMeans
from vae.training.run_records import settings_record, snapshot_record

REPORTS = 150  # log lines of a run, about
RECENT = 200  # the numbers of a snapshot are means over at most so many steps


class ActiveRun:
    """A run and its folder. An existing run is resumed from its last checkpoint."""

    def __init__(self, settings: Settings, folder: Path, images: ImageSet, existing: Run | None) -> None:
        self.settings, self.folder, self.images = settings, folder, images
        self.batch = settings.batch_size * distributed.count()
        self.total = count_steps(settings, len(images.train.labels), distributed.count())
        self.means = TermMeans(1 + settings.latent_dim)
        self.recent: deque[Tensor] = deque(maxlen=RECENT)
        self.clock = Clock()
        self.validation: dict[str, float] | None = None
        self.changes: dict[str, float] = {}  # setting → its value before the changes that are not logged yet
        self.changed_at, self.changed_step = 0.0, 0
        self.finishing = False
        self.epoch = self.reported = self.last_report_step = 0
        self.last_report = time.monotonic()
        for pattern in (".*.part", "live/.*.part"):  # left by a process that was killed while writing
            for part in folder.glob(pattern):
                if not part.name.startswith(f".{control.FILE_NAME}."):  # another process may be writing it now
                    part.unlink(missing_ok=True)
        undo.finish_returning(folder)
        self.kept = undo.kept(folder)
        self.branch = _count(read_status(folder).get("branch"))  # number of rewinds and returns to a kept state
        if existing is not None and (folder / CHECKPOINT).exists():
            self.restore()
        else:
            self.training = Training(settings, images.image_shape)
            self.write_settings()
            self.truncate_log(0)
            self.save()
        self.control = self._leftover_control()
        self.last_snapshot: tuple[str, int, int] | None = None  # state, step and control of the latest snapshot
        self.last_status = self.last_save = time.monotonic()
        self.read_progress()
        facts = {"parameters": self.parameters(), "device": describe_device(self.training.device)}
        self.snapshots = Snapshots(folder, images, facts)
        self.write_status("running")

    def _leftover_control(self) -> Control:
        """Requests to an earlier process: settings remain valid; a pause, an end or a queue priority does not."""
        before = control.read(self.folder)
        for name, value in before.live.items():
            if value != getattr(self.training, name):
                self.changes[name] = getattr(self.training, name)
                self.changed_step = self.training.step
                setattr(self.training, name, value)
        if before.until is not None or before.finish or before.ahead:
            control.ask(self.folder, until=None, finish=False, ahead=0)
        return control.read(self.folder)

    def report(self, step: Step, validate: bool) -> None:
        """Append a line to the log: means over the steps since the last line, and the validation split's numbers."""
        self.training.check()
        self.log_changes()
        means = self.means.take()
        now = time.monotonic()
        images = (step.step - self.last_report_step) * self.batch
        record: dict[str, Any] = {
            "step": step.step,
            "epoch": self.epochs(),
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
        self.append(record)
        self.last_report, self.last_report_step = time.monotonic(), step.step

    def snapshot(self, state: str) -> None:
        """Write the live files of the current step, if there is a viewer; at the end, if there was ever one."""
        if not self.snapshots.is_watched(time.monotonic()) and not (state == "finished" and self.last_snapshot):
            return
        self.last_snapshot = (state, self.training.step, self.control.id)
        terms = torch.stack(list(self.recent)).mean(0).tolist() if self.recent else []
        self.recent.clear()
        if not all(map(isfinite, terms)):
            terms = []
        self.snapshots.write(self.training, snapshot_record(self, state, terms))

    def save(self) -> None:
        """Write a checkpoint from which training resumes exactly."""
        self.log_changes()
        seconds = {"report.seconds": torch.tensor(self.clock.seconds, dtype=torch.float64)}
        self.write_checkpoint(self.training.state() | self.means.state() | seconds)
        self.last_save = time.monotonic()
        self.saved_step = self.training.step

    def pause(self, reason: str) -> None:
        """Save the state of the last step and set the status to "paused"."""
        try:
            self.log_changes()
            self.save()
        except Exception as error:
            self.fail(error)
            raise
        self.write_status("paused", reason)

    def fail(self, error: Exception) -> None:
        """Write the error into the status, if the disk still allows it."""
        with suppress(OSError):
            self.write_status(
                "failed", str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            )

    def finish(self) -> None:
        """Evaluate, remove the training state from the checkpoint, and set the status to "finished"."""
        self.log_changes()
        self.save()
        self.write_status("running", "Evaluating on the test split.")
        model = self.training.model.eval()
        set_final_sigma(self.training, self.images)
        test = evaluate(model, self.images.test)
        write_atomically(self.folder / TEST, (json.dumps(test, indent=1) + "\n").encode())
        write_held_out(self.folder / HELD_OUT, model, self.images.test)
        self.write_checkpoint({})
        self.snapshot("finished")
        self.write_status("finished")

    def write_status(self, state: str, reason: str | None = None) -> None:
        """Replace status.json."""
        status: dict[str, Any] = {
            "step": self.training.step,
            "steps": self.total,
            "epoch": min(int(self.epochs()), self.settings.epochs),
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

    def epochs(self, step: int | None = None) -> float:
        """Passes over the training images after `step` steps, by default after all steps so far."""
        taken = self.training.step if step is None else step
        return round(taken * self.batch / len(self.images.train.labels), 3)

    def parameters(self) -> int:
        return sum(weight.numel() for weight in self.training.model.parameters())

    def restore(self) -> None:
        """Restore the training and the log as of the last checkpoint."""
        saved = checkpoint.read(self.folder)
        if saved.training:
            self.training = Training.resume(saved._replace(settings=self.settings))
        else:  # killed between the last checkpoint and the last status: the model is enough to finish
            self.finishing = True
            self.training = Training(saved.settings, self.images.image_shape)  # with its last beta and sigma
            self.training.sigma = saved.settings.sigma
            self.training.model.load_state_dict({k: torch.from_numpy(v) for k, v in saved.arrays.items()})
            self.training.step = saved.step
        self.means.restore(saved.training, self.training.device)
        self.clock = Clock(float(saved.training.get("report.seconds", 0.0)))
        self.saved_step = saved.step
        self.truncate_log(saved.step)

    def append(self, record: dict[str, Any]) -> None:
        with open(self.folder / LOG, "a", encoding="utf-8") as log:
            log.write(json.dumps(record) + "\n")

    def truncate_log(self, step: int) -> None:
        lines = [json.dumps(record) for record in read_log(self.folder) if record["step"] <= step]
        write_atomically(self.folder / LOG, "".join(line + "\n" for line in lines).encode())

    def write_checkpoint(self, state: dict[str, Tensor]) -> None:
        training = self.training
        checkpoint.write(
            self.folder / CHECKPOINT,
            replace(self.settings, beta=training.beta, sigma=training.sigma),  # their current values
            self.images.image_shape,
            training.step,
            training.model.weights(),
            state,
        )

    def write_settings(self) -> None:
        write_atomically(self.folder / SETTINGS, (json.dumps(settings_record(self), indent=1) + "\n").encode())

    def read_progress(self) -> None:
        """Set the progress of the run (epoch, last report, last validation) from its training and its log."""
        n = len(self.images.train.labels)
        log = [line for line in read_log(self.folder) if "changed" not in line]
        self.last_report, self.last_report_step = time.monotonic(), self.training.step
        self.epoch = self.training.step * self.batch // n
        self.reported = log[-1]["step"] * self.batch // n if log else 0
        measured = [line for line in log if "validation_elbo" in line]
        self.validation = _validation(measured[-1]) if measured else None

    def log_changes(self) -> None:
        """Append a log line with the old and new values of changed settings, and the step after which they changed."""
        changed = {name: [old, getattr(self.training, name)] for name, old in self.changes.items()}
        changed = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
        self.changes = {}
        if changed:
            step = self.changed_step
            self.append({"step": step, "epoch": self.epochs(step), "changed": changed})

    def paused_or_running(self) -> str:
        return "paused" if self.is_paused() else "running"

    def is_paused(self) -> bool:
        return self.control.until is not None and self.training.step >= self.control.until


def _validation(record: dict[str, Any]) -> dict[str, float]:
    """Numbers of the validation split and the step at which they were computed, from a line of the log."""
    return {name: record[f"validation_{name}"] for name in ("distortion", "rate", "elbo")} | {"step": record["step"]}


def _count(value: Any) -> int:
    """A count from a file that other programs may have written; 0 where it is not one."""
    return value if type(value) is int and value >= 0 else 0
