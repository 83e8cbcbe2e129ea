"""The run folder, which holds all files of a training run. Reading one imports no torch.
vae/training/recorder.py writes it.

    settings.json            Settings, data set and fingerprint, parameters, device, versions
    log.jsonl                one line a report, at most about 200 a run
    checkpoint.safetensors   the model; during training, also the optimiser and the noise generator
    status.json              queued | running | paused | finished | failed, with the reason and what to do
    test.json, held_out.npz  at the end: numbers of the test split, and the images of the map
    undo/                    states before the run was rewound or finished early (vae/files/undo.py)

Every file but the log is replaced atomically, so the process can be killed at any moment and the run resumed.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from vae.errors import InputError
from vae.files import checkpoint, undo
from vae.files.atomic import write_atomically
from vae.natural_order import natural
from vae.plan import ImageShape
from vae.settings import Settings

if TYPE_CHECKING:
    from vae.data.image_sets import ImageSet

FORMAT = "elbo-room-run-1"
SETTINGS, LOG, STATUS, TEST = "settings.json", "log.jsonl", "status.json", "test.json"
CHECKPOINT, LOCK = "checkpoint.safetensors", ".lock"
QUEUED_GRACE = 30.0  # seconds that a process may take to start
LOOK = 0.2  # seconds that another process may take to check the lock of a run
PROGRESS = ("step", "steps", "epoch", "epochs", "branch", "kept")  # fields of the status that a queued run keeps
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Run:
    """The contents of a run folder when it was read, `log` and `status` included."""

    folder: Path
    settings: Settings
    image_shape: ImageShape
    classes: tuple[str, ...]
    remark: str  # a sentence on how the user's own images were read
    train_images: int
    ranks: int  # processes that train it together
    fingerprint: str  # of the data, as `ImageSet.fingerprint`
    parameters: int
    device: str
    versions: dict[str, str]
    status: dict[str, Any]  # state, step, steps, epoch, epochs, reason (of a failure), updated (Unix time)
    log: list[dict[str, Any]]
    test: dict[str, Any] | None  # numbers of the test split (`vae.analysis.evaluation.evaluate`), once finished

    @property
    def finished(self) -> bool:
        return bool(self.status["state"] == "finished")


# ---- reading --------------------------------------------------------------------------------------------------------


def read(folder: str | Path) -> Run:
    """The run in `folder`, in progress or finished. `InputError` where there is none, or its settings.json is damaged
    or of another program.
    """
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
            remark=str(facts.get("remark", "")),
            train_images=int(facts["train_images"]),
            ranks=int(facts.get("ranks", 1)),
            fingerprint=str(facts["fingerprint"]),
            parameters=int(facts["parameters"]),
            device=str(facts["device"]),
            versions={str(k): str(v) for k, v in facts["versions"].items()},
            status=read_status(folder),
            log=read_log(folder),
            test=read_test(folder),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder / SETTINGS} is damaged, or of another program; train the model again.") from None


def run_of(model: str | Path) -> Run | None:
    """The run of a run folder, or of the checkpoint in it; None for any other file."""
    path = Path(model)
    folder = path if path.is_dir() else path.parent
    in_run = (folder / SETTINGS).is_file() and (path.is_dir() or path.name == CHECKPOINT)
    return read(folder) if in_run else None


def is_other_data(run: Run | None, images: ImageSet) -> bool | None:
    """Whether `images` differ from those that the run was trained on; None without a run."""
    return None if run is None else run.fingerprint != images.fingerprint


def find(root: str | Path) -> list[Path]:
    """The run folders directly in `root`, sorted by name."""
    return sorted((path.parent for path in Path(root).glob(f"*/{SETTINGS}")), key=lambda folder: natural(folder.name))


def read_status(folder: str | Path) -> dict[str, Any]:
    """The last status of the run; "queued" while there is none."""
    return {"state": "queued", "step": 0} | (_read_json(Path(folder) / STATUS) or {})


def read_test(folder: str | Path) -> dict[str, Any] | None:
    """Numbers of the test split (`vae.analysis.evaluation.evaluate`); None if the run is not finished."""
    return _read_json(Path(folder) / TEST)


def observe(folder: str | Path) -> dict[str, Any]:
    """The status with "alive", whether a process trains the run. A run whose process died has "failed"."""
    folder = Path(folder)
    alive = _is_held(folder)
    status = read_status(folder)  # after the lock: a process writes its last status before it releases the lock
    if alive or status["state"] not in ("queued", "running"):
        return status | {"alive": alive}
    if status["state"] == "queued" and time.time() - status.get("updated", 0) < QUEUED_GRACE:
        return status | {"alive": True}  # its process is starting
    reason = f"The training ended unexpectedly at step {status['step']:,} (killed, or the machine went down)"
    return status | {"alive": False, "state": "failed", "reason": f"{reason}; go on with Resume."}


def _is_held(folder: Path) -> bool:
    """Whether a process has locked the run, tested by a shared lock: simultaneous tests do not see each other."""
    if fcntl is None:
        return _is_held_by_another(folder / LOCK)
    try:
        with open(folder / LOCK, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def _is_held_by_another(lock: Path) -> bool:
    """`_is_held` without shared locks: other tests release the lock within `LOOK` seconds."""
    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=LOOK, poll_interval=LOOK / 20):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def read_log(folder: str | Path) -> list[dict[str, Any]]:
    """The records of the log, oldest first. An incomplete line (being written, or cut by a crash) is skipped."""
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
    """The default folder of a run: runs/mnist-mlp-2d, and the values of some settings that are not the default."""
    parts = [Path(settings.data).stem, settings.arch, f"{settings.latent_dim}d"]
    if settings.likelihood == "gaussian":
        parts.append("gaussian" if settings.sigma_learned == "on" else f"gaussian{settings.sigma:g}")
    if settings.beta != 1:
        parts.append(f"beta{settings.beta:g}")
    if settings.seed != 1:
        parts.append(f"seed{settings.seed}")
    return Path("runs", "-".join(parts))


def write_status(folder: str | Path, state: str, **more: Any) -> None:
    """Replace status.json by the `state` and the fields `more`."""
    status = {"state": state, "step": 0, "updated": round(time.time(), 1), **more}
    write_atomically(Path(folder) / STATUS, (json.dumps(status) + "\n").encode())


def fork(folder: str | Path, new: str | Path, batch_size: int | None = None, kept: int | None = None) -> None:
    """Make `new` a run that continues from the last checkpoint of the one in `folder`, which is not changed.

    With another `batch_size`, it continues at the same image of the same pass; with `kept`, from the kept state of that
    number (`vae.files.undo`). Raises `InputError` where the run has no training state, and where `new` exists.
    """
    folder, new = Path(folder), Path(new)
    source = read(folder)
    state = folder if kept is None else undo.path_of(folder, kept)
    saved = checkpoint.read(state)
    log = read_log(state)  # after the checkpoint, so that the log of a running run is complete up to it
    size = source.settings.batch_size
    settings = Settings.of({**asdict(source.settings), "batch_size": batch_size or size})
    if not saved.training:
        raise InputError(f"{folder} is finished, so there is no training to go on with; train it anew instead.")
    if new.exists():
        raise InputError(f"{new} exists already; choose another name.")

    def rescaled(step: int) -> int:
        return step * size // settings.batch_size

    forked = saved._replace(settings=replace(saved.settings, batch_size=settings.batch_size), step=rescaled(saved.step))
    temporary = new.with_name(f".{new.name}.{os.getpid()}.part")
    with readable_errors(new):
        try:
            temporary.mkdir(parents=True)
            facts = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
            (temporary / SETTINGS).write_text(json.dumps({**facts, "settings": asdict(settings)}, indent=1) + "\n")
            lines = [{**line, "step": rescaled(line["step"])} for line in log if line["step"] <= saved.step]
            (temporary / LOG).write_text("".join(json.dumps(line) + "\n" for line in lines))
            checkpoint.rewrite(temporary / CHECKPOINT, forked)
            write_status(
                temporary,
                "paused",
                step=rescaled(saved.step),
                steps=rescaled(source.status.get("steps", 0)),
                epoch=saved.step * size * source.ranks // source.train_images,
                epochs=settings.epochs,
                saved_step=rescaled(saved.step),
                reason=f"Forked from {folder.name} at step {saved.step:,}.",
            )
            os.replace(temporary, new)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def refuse_existing(folder: str | Path) -> None:
    """Raise `InputError` where `folder` holds a run already."""
    if Path(folder, SETTINGS).exists():
        raise InputError(f"{folder} already holds a run; go on with it by --resume, or choose another --out.")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the run in `folder`, so that only one process writes to it; `InputError` if another one has locked it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=1)  # a process that tests whether the run is alive locks it for a moment
    try:
        lock.acquire()
    except Timeout:
        raise InputError(f"Another run is writing to {folder}; wait until it ends, or choose another --out.") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def readable_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the disk (full, not writable) and of memory into an `InputError`."""
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
        # torch raises a RuntimeError: "out of memory" on a GPU, "can't allocate memory" on a CPU
        if isinstance(error, MemoryError) or "out of memory" in str(error) or "allocate memory" in str(error):
            raise InputError(
                "There is not enough memory; choose a smaller batch size, or fewer or smaller hidden layers."
            ) from error
        raise
