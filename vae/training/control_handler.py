"""Applies the requests in control.json to a run while it trains."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

from vae.files import control, undo
from vae.files.runs import LOG
from vae.training.active_run import ActiveRun
from vae.training.loop import Diverged, Training
from vae.training.progress import Clock, TermMeans

CONTROL_EVERY = 0.015  # seconds between checks of control.json


class ControlHandler:
    """Applies requests to a run: settings, a rewind, a return to a kept state, a save, the end."""

    def __init__(self, run: ActiveRun) -> None:
        self.run = run
        self.next_check = 0.0  # monotonic seconds
        self.stamp: tuple[int, int] | None = None  # of control.json when it was last read

    def apply_control(self) -> bool:
        """Read control.json, at most every `CONTROL_EVERY` seconds, and apply a new request. Whether there was one."""
        run = self.run
        now = time.monotonic()
        if now < self.next_check:
            return False
        self.next_check = now + CONTROL_EVERY
        stamp = _stamp(run.folder / control.FILE_NAME)
        if stamp == self.stamp:
            return False
        self.stamp = stamp
        before, wanted = run.control, control.read(run.folder)
        if wanted.id == before.id:
            return False
        run.control = wanted
        if wanted.restore != before.restore and any(state["number"] == wanted.restore for state in run.kept):
            self._return_to(wanted.restore)
        rewinds = wanted.rewind > before.rewind
        if rewinds:
            self._keep("rewind")  # before the settings of the same request are applied
        for name, value in wanted.live.items():
            if value != getattr(before, name):
                run.changes.setdefault(name, getattr(run.training, name))
                run.changed_at, run.changed_step = now, run.training.step
                setattr(run.training, name, value)
        if rewinds:
            self._rewind()
        if wanted.save > before.save:
            run.save()
            run.write_status(run.paused_or_running())
        if wanted.finish and not run.finishing and run.training.step < run.total:
            self._keep("finish")
        run.finishing = run.finishing or wanted.finish
        run.snapshots.due = 0.0  # show the next step at once: it is the first with the new settings
        return True

    def _rewind(self) -> None:
        """Start again with the initial weights, optimiser, noise and batches; changed settings stay changed."""
        run = self.run
        self._begin_branch()
        old = run.training
        old.rewound = True
        run.training = Training(run.settings, run.images.image_shape)
        run.training.lr = old.lr
        if not old.learns_sigma:
            run.training.sigma = old.sigma
        if not old.scheduled:
            run.training.beta = old.beta
        passes = len(list(run.folder.glob("log-*.jsonl")))
        with suppress(FileNotFoundError):
            shutil.copyfile(run.folder / LOG, run.folder / f"log-{passes + 1}.jsonl")
        run.means, run.clock = TermMeans(1 + run.settings.latent_dim), Clock()
        run.recent.clear()
        run.changes = {}
        run.save()  # before the log is emptied: a process killed until here has not been rewound
        run.truncate_log(-1)
        run.read_progress()
        run.changes = {
            name: value
            for name in control.LIVE
            if (value := getattr(run.settings, name)) != getattr(run.training, name)
        }
        if run.training.scheduled:
            run.changes.pop("beta", None)
        run.changed_step = 0
        run.log_changes()
        run.write_status(run.paused_or_running())

    def _return_to(self, number: int) -> None:
        """Continue from a kept state with its settings; the current state is kept in its place."""
        run = self.run
        run.log_changes()
        old = run.training
        self._keep("return", besides=number)
        self._begin_branch()
        undo.put_back(run.folder, number)
        run.kept = undo.kept(run.folder)
        old.rewound = True
        run.means = TermMeans(1 + run.settings.latent_dim)
        run.recent.clear()
        run.restore()
        run.read_progress()
        run.write_status(run.paused_or_running())

    def _keep(self, reason: str, besides: int | None = None) -> None:
        """Keep the current state, so that it can be restored; `besides`: the state that is about to be restored."""
        run = self.run
        if run.training.step == 0:
            return
        with suppress(Diverged):  # then its last checkpoint is kept
            run.save()
        undo.keep(run.folder, reason, run.saved_step, run.epochs(run.saved_step), besides=besides)
        run.kept = undo.kept(run.folder)

    def _begin_branch(self) -> None:
        """Count a new branch, since the log is replaced. The status is written first, for readers of the log."""
        run = self.run
        run.branch += 1
        run.write_status(run.paused_or_running())


def _stamp(path: Path) -> tuple[int, int] | None:
    """A value that changes when the file is replaced; None without a file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
