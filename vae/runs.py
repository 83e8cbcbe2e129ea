"""The run folder: all that a training run says, on disk. Reading one imports no torch.

    settings.json            what is trained: Settings, data set and fingerprint, parameters, device, versions
    log.jsonl                one line a report, at most about 200 a run
    checkpoint.safetensors   the model; while it is trained, also the optimiser and the noise
    status.json              running | paused | finished | failed, with the reason a person can act on
    test.json, held_out.npz  at the end: test numbers, and what the map shows

Every file but the log is replaced atomically, so the process can be killed at any moment and the run resumed.
"""

from __future__ import annotations

import errno
import json
import platform
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout

from vae import checkpoint
from vae.checkpoint import write_atomically
from vae.errors import InputError
from vae.held_out import FILE_NAME as HELD_OUT
from vae.plan import ImageShape
from vae.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from vae.data import ImageSet
    from vae.training import Step

FORMAT = "elbo-room-run-1"
SETTINGS, LOG, STATUS, TEST = "settings.json", "log.jsonl", "status.json", "test.json"
CHECKPOINT = "checkpoint.safetensors"
REPORTS = 150  # log lines of a run, about
CHECKPOINT_EVERY = 30.0  # seconds
STATUS_EVERY = 1.0  # seconds
SUM_EVERY = 500  # steps whose numbers are kept apart at most
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Run:
    """A run folder as it was read; of a run in progress, the latest word."""

    folder: Path
    settings: Settings
    image_shape: ImageShape
    classes: tuple[str, ...]
    train_images: int
    fingerprint: str  # of the data, as `ImageSet.fingerprint`
    parameters: int
    device: str
    versions: dict[str, str]
    status: dict[str, Any]  # state, step, steps, epoch, epochs, reason (of a failure), updated (Unix time)
    log: list[dict[str, Any]]
    test: dict[str, Any] | None  # what `vae.evaluation.evaluate` said of the test split, once finished

    @property
    def finished(self) -> bool:
        return self.status["state"] == "finished"


# ---- reading --------------------------------------------------------------------------------------------------------


def read(folder: str | Path) -> Run:
    """The run in `folder`, be it in progress or done. `InputError` where there is none, or none that is readable."""
    folder = Path(folder)
    facts = _read_json(folder / SETTINGS)
    if facts is None:
        raise InputError(f"There is no run in {folder}; give a folder that `python -m vae train` has written.")
    try:
        if facts["format"] != FORMAT:
            raise ValueError("foreign")
        channels, height, width = map(int, facts["image_shape"])
        return Run(
            folder=folder,
            settings=Settings.of(facts["settings"]),
            image_shape=(channels, height, width),
            classes=tuple(map(str, facts["classes"])),
            train_images=int(facts["train_images"]),
            fingerprint=str(facts["fingerprint"]),
            parameters=int(facts["parameters"]),
            device=str(facts["device"]),
            versions={str(k): str(v) for k, v in facts["versions"].items()},
            status=read_status(folder),
            log=read_log(folder),
            test=_read_json(folder / TEST),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder / SETTINGS} is damaged, or of another program; train the model again.") from None


def find(root: str | Path) -> list[Path]:
    """The run folders right below `root`, by name."""
    return sorted(path.parent for path in Path(root).glob(f"*/{SETTINGS}"))


def read_status(folder: str | Path) -> dict[str, Any]:
    """What the run last said of itself; a run that has not spoken yet is "queued"."""
    return {"state": "queued", "step": 0} | (_read_json(Path(folder) / STATUS) or {})


def read_log(folder: str | Path) -> list[dict[str, Any]]:
    """The reports, oldest first. A line that is still being written, or was torn by a crash, is left out."""
    try:
        lines = (Path(folder) / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    records = (_parse(line) for line in lines)
    return [record for record in records if record is not None and isinstance(record.get("step"), int)]


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        return _parse(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None


def _parse(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


# ---- writing --------------------------------------------------------------------------------------------------------


def default_folder(settings: Settings) -> Path:
    """Where a run of these settings goes when nobody says: runs/mnist-mlp-2d, and what is unusual about it."""
    parts = [settings.data, settings.arch, f"{settings.latent_dim}d"]
    if settings.likelihood == "gaussian":
        parts.append(f"gaussian{settings.sigma:g}")
    if settings.beta != 1:
        parts.append(f"beta{settings.beta:g}")
    if settings.seed != 1:
        parts.append(f"seed{settings.seed}")
    return Path("runs", "-".join(parts))


def run(
    settings: Settings,
    folder: str | Path,
    images: ImageSet,
    *,
    resume: bool = False,
    checkpoint_every: float = CHECKPOINT_EVERY,
) -> Generator[Step]:
    """Train and keep the run folder up to date, yielding after every step; at the end, evaluate on the test split.

    Whoever stops iterating (and closes the generator) pauses the run: its state is saved as of the last step. With
    `resume`, the run in `folder` goes on to the very weights of an unbroken one, where there is one; a finished one
    yields nothing and stays as it is. Raises `InputError` where the folder holds a run and `resume` is false, where
    its settings or data are others, where another process writes to it, where it cannot be written, and (`Diverged`)
    where the loss is no longer finite; the last checkpoint always stays.
    """
    folder = Path(folder)
    with _one_sentence(folder), _locked(folder):
        if not resume:
            refuse_existing(folder)
        existing = read(folder) if (folder / SETTINGS).exists() else None
        if existing is not None:
            _agree(existing, settings, images)
            if existing.finished:
                return
        recorder = _Recorder(settings, folder, images, existing, checkpoint_every)
        try:
            with _one_sentence(folder):
                yield from recorder.steps()
                recorder.finish()
        except GeneratorExit:
            recorder.pause()
            raise
        except KeyboardInterrupt:
            recorder.say("paused", "Stopped by hand; go on from the last checkpoint with --resume.")
            raise
        except Exception as error:
            recorder.fail(error)
            raise


def refuse_existing(folder: str | Path) -> None:
    """Raise `InputError` where `folder` holds a run already."""
    if Path(folder, SETTINGS).exists():
        raise InputError(f"{folder} already holds a run; go on with it by --resume, or choose another --out.")


def _agree(existing: Run, settings: Settings, images: ImageSet) -> None:
    old, new = asdict(existing.settings), asdict(settings)
    for name in old:
        if old[name] != new[name]:
            raise InputError(
                f"The run in {existing.folder} has {name} {old[name]}, not {new[name]}; resume it with its own "
                "settings, or choose another --out."
            )
    if existing.fingerprint != images.fingerprint:
        raise InputError(f"The run in {existing.folder} was trained on other images; give it the same data set.")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(f"Another run is writing to {folder}; wait until it ends, or choose another --out.") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _one_sentence(folder: Path) -> Iterator[None]:
    """What a full or closed disk, or a lack of memory, says to a person."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in FULL:
            raise InputError(
                f"There is no space left for {folder} ({reason}); free some, then go on with --resume."
            ) from error
        raise InputError(
            f"{folder} cannot be written ({reason}); choose another --out, or change its permissions."
        ) from error
    except (MemoryError, RuntimeError) as error:
        # torch's own word is a RuntimeError: "out of memory" on a GPU, "can't allocate memory" on a CPU
        if isinstance(error, MemoryError) or "out of memory" in str(error) or "allocate memory" in str(error):
            raise InputError(
                "There is not enough memory; choose a smaller batch size, or fewer or smaller hidden layers."
            ) from error
        raise


class _Recorder:
    """One run and its folder, while it is trained."""

    def __init__(
        self, settings: Settings, folder: Path, images: ImageSet, existing: Run | None, checkpoint_every: float
    ) -> None:
        from vae.training import Training

        self.settings, self.folder, self.images = settings, folder, images
        self.checkpoint_every = checkpoint_every
        self.pending: list[Tensor] = []  # terms of the latest steps, still on the device
        self.sums = np.zeros(1 + settings.latent_dim)  # of the terms before those, since the last report
        self.summed = 0  # how many steps those were
        for part in folder.glob(".*.part"):  # left by a process that was killed while it wrote
            part.unlink(missing_ok=True)
        if existing is not None and (folder / CHECKPOINT).exists():
            self._restore()
        else:
            self.training = Training(settings, images.image_shape)
            self._write_settings()
            self._keep_log(0)
            self.save()
        self.last_status = self.last_save = self.last_report = time.monotonic()
        self.last_report_step = self.training.step
        self.say("running")

    def steps(self) -> Iterator[Step]:
        from vae.training import count_steps, train

        n = len(self.images.train.labels)
        steps = count_steps(self.settings, n)
        ticks = _ticks(self.settings.epochs, steps)
        epoch = self.training.step * self.settings.batch_size // n
        log = read_log(self.folder)
        reported = log[-1]["step"] * self.settings.batch_size // n if log else 0
        for step in train(self.training, self.images.train):
            self.pending.append(step.terms)
            if len(self.pending) == SUM_EVERY:
                self._sum()
            if step.step * ticks // steps > (step.step - 1) * ticks // steps:
                self.report(step, validate=step.epoch > reported)
                reported = step.epoch
            since_save = time.monotonic() - self.last_save
            if since_save > self.checkpoint_every or (step.epoch > epoch and since_save > self.checkpoint_every / 6):
                self.save()
            epoch = step.epoch
            yield step

    def report(self, step: Step, validate: bool) -> None:
        """Append a line to the log: means over the steps since the last line, and the validation split's numbers."""
        self.training.check()
        self._sum()
        means = (self.sums / self.summed).tolist()
        self.sums, self.summed = np.zeros_like(self.sums), 0
        now = time.monotonic()
        images = (step.step - self.last_report_step) * self.settings.batch_size
        record: dict[str, Any] = {
            "step": step.step,
            "epoch": round(step.images / len(self.images.train.labels), 3),
            "distortion": round(means[0], 3),
            "rate": round(sum(means[1:]), 3),
            "rate_per_dim": [round(value, 3) for value in means[1:]],
            "elbo": round(-sum(means), 3),
            "beta": step.beta,
            "lr": float(f"{step.lr:.4g}"),
            "images_per_s": round(images / max(now - self.last_report, 1e-9)),
        }
        if validate:
            from vae.evaluation import evaluate

            numbers = evaluate(self.training.model, self.images.validation, split="validation", iwae=())
            for name in ("distortion", "rate", "elbo"):
                record[f"validation_{name}"] = round(numbers[name], 3)
        with open(self.folder / LOG, "a", encoding="utf-8") as log:
            log.write(json.dumps(record) + "\n")
        self.last_report, self.last_report_step = time.monotonic(), step.step
        if now - self.last_status > STATUS_EVERY:
            self.say("running")

    def save(self) -> None:
        """A checkpoint from which training goes on as if nothing had happened."""
        import torch

        state = self.training.state() | {"report.sums": torch.tensor([self.summed, *self.sums])}
        if self.pending:
            state["report.pending"] = torch.stack(self.pending)
        self._write_checkpoint(state)
        self.last_save = time.monotonic()

    def pause(self) -> None:
        """Save the state as of the last step, and say so."""
        try:
            self.save()
        except Exception as error:
            self.fail(error)
            raise
        self.say("paused", f"Stopped by hand at step {self.training.step}; go on with --resume.")

    def fail(self, error: Exception) -> None:
        """Say what went wrong, if the disk still takes it."""
        with suppress(OSError):
            self.say("failed", str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}")

    def finish(self) -> None:
        """Evaluate, drop from the checkpoint what only training needs, and say that the run is done."""
        from vae.evaluation import evaluate, write_held_out

        self.save()
        model = self.training.model.eval()
        test = evaluate(model, self.images.test)
        write_atomically(self.folder / TEST, (json.dumps(test, indent=1) + "\n").encode())
        write_held_out(self.folder / HELD_OUT, model, self.images.test)
        self._write_checkpoint({})
        self.say("finished")

    def say(self, state: str, reason: str | None = None) -> None:
        """Replace status.json."""
        from vae.training import count_steps

        n = len(self.images.train.labels)
        status: dict[str, Any] = {
            "state": state,
            "step": self.training.step,
            "steps": count_steps(self.settings, n),
            "epoch": min(self.training.step * self.settings.batch_size // n, self.settings.epochs),
            "epochs": self.settings.epochs,
            "updated": round(time.time(), 1),
        }
        if reason is not None:
            status["reason"] = reason
        write_atomically(self.folder / STATUS, (json.dumps(status) + "\n").encode())
        self.last_status = time.monotonic()

    def _sum(self) -> None:
        """Take the latest steps into the sums. Waits for the device."""
        import torch

        if self.pending:
            self.sums += torch.stack(self.pending).cpu().double().sum(0).numpy()
            self.summed += len(self.pending)
            self.pending.clear()

    def _restore(self) -> None:
        """Training as it was at the last checkpoint, and the log as it was then."""
        import torch

        from vae.training import Training, count_steps

        saved = checkpoint.read(self.folder)
        if saved.training or saved.step < count_steps(self.settings, len(self.images.train.labels)):
            self.training = Training.resume(saved)
        else:  # killed between its last write and its last word: only the model is needed to finish
            self.training = Training(self.settings, self.images.image_shape)
            self.training.model.load_state_dict({k: torch.from_numpy(v) for k, v in saved.arrays.items()})
            self.training.step = saved.step
        if "report.sums" in saved.training:
            summed, *sums = saved.training["report.sums"].tolist()
            self.summed, self.sums = int(summed), np.array(sums)
        if "report.pending" in saved.training:
            self.pending = list(torch.from_numpy(saved.training["report.pending"]).to(self.training.device))
        self._keep_log(saved.step)

    def _keep_log(self, step: int) -> None:
        lines = [json.dumps(record) for record in read_log(self.folder) if record["step"] <= step]
        write_atomically(self.folder / LOG, "".join(line + "\n" for line in lines).encode())

    def _write_checkpoint(self, state: dict[str, Tensor]) -> None:
        training = self.training
        checkpoint.write(
            self.folder / CHECKPOINT,
            self.settings,
            self.images.image_shape,
            training.step,
            training.model.state_dict(),
            state,
        )

    def _write_settings(self) -> None:
        from vae.training import describe_device

        facts = {
            "format": FORMAT,
            "settings": asdict(self.settings),
            "image_shape": self.images.image_shape,
            "classes": self.images.classes,
            "train_images": len(self.images.train.labels),
            "fingerprint": self.images.fingerprint,
            "parameters": sum(weight.numel() for weight in self.training.model.parameters()),
            "device": describe_device(self.training.device),
            "versions": {"python": platform.python_version()} | {name: version(name) for name in ("torch", "numpy")},
        }
        write_atomically(self.folder / SETTINGS, (json.dumps(facts, indent=1) + "\n").encode())


def _ticks(epochs: int, steps: int) -> int:
    """How many reports a run makes, evenly: several an epoch, at every epoch's end, or only at some of them."""
    return min(steps, epochs * (REPORTS // epochs) if epochs <= REPORTS else REPORTS)
