"""What a person asks of a run that trains, as control.json says it."""

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

CONTROL_EVERY = 0.015  # seconds between looks for what a person asks


class ControlHandler:
    """Applies to a run what is asked of it: settings, a rewind, a return to a kept state, a save, the end."""

    def __init__(self, run: ActiveRun) -> None:
        self.run = run
        self.look_at = 0.0  # not before then
        self.stamp: tuple[int, int] | None = None  # of control.json when it was last read

    def apply_control(self) -> bool:
        """Look at control.json, not too often, and do what it asks that is new; whether there was anything."""
        run = self.run
        now = time.monotonic()
        if now < self.look_at:
            return False
        self.look_at = now + CONTROL_EVERY
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
            self._keep("rewind")  # as it is, without what is turned along with the rewind
        for name, value in wanted.live.items():
            if value != getattr(before, name):
                run.changes.setdefault(name, getattr(run.training, name))
                run.changed_at, run.changed_step = now, run.training.step
                setattr(run.training, name, value)
        if rewinds:
            self._rewind()
        if wanted.save > before.save:
            run.save()
            run.say(run.waits_or_runs())
        if wanted.finish and not run.finishing and run.training.step < run.total:
            self._keep("finish")
        run.finishing = run.finishing or wanted.finish
        run.snapshots.due = 0.0  # the next step is the first under what was asked: show it at once
        return True

    def _rewind(self) -> None:
        """Back to the first weights, optimiser, noise and batches; settings that were turned stay so."""
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
        run.save()  # before the log is emptied: whoever is killed until here has not begun anew
        run.keep_log(-1)
        run.read_place()
        run.changes = {
            name: value
            for name in control.LIVE
            if (value := getattr(run.settings, name)) != getattr(run.training, name)
        }
        if run.training.scheduled:
            run.changes.pop("beta", None)
        run.changed_step = 0
        run.log_changes()
        run.say(run.waits_or_runs())

    def _return_to(self, number: int) -> None:
        """Go on from a kept state, under the settings that it had; what the run is now is kept in its place."""
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
        run.read_place()
        run.say(run.waits_or_runs())

    def _keep(self, reason: str, besides: int | None = None) -> None:
        """Keep the run as it is now, so that it can be returned to; `besides`: a state that is about to be."""
        run = self.run
        if run.training.step == 0:
            return
        with suppress(Diverged):  # then its last checkpoint is what there is to keep
            run.save()
        undo.keep(run.folder, reason, run.saved_step, run.epochs(run.saved_step), besides=besides)
        run.kept = undo.kept(run.folder)

    def _begin_branch(self) -> None:
        """From here on the log is another one. The status says so first: whoever follows tells the two apart."""
        run = self.run
        run.branch += 1
        run.say(run.waits_or_runs())


def _stamp(path: Path) -> tuple[int, int] | None:
    """Differs once the file has been replaced."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
