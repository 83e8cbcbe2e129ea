"""The contents of settings.json, and the numbers of a snapshot."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from vae.files.runs import FORMAT
from vae.training import distributed
from vae.training.devices import describe_device

if TYPE_CHECKING:
    from vae.training.active_run import ActiveRun


def settings_record(run: ActiveRun) -> dict[str, Any]:
    """The contents of settings.json: settings, data, device and versions, which do not change while a run trains."""
    return {
        "format": FORMAT,
        "settings": asdict(run.settings),
        "image_shape": run.images.image_shape,
        "classes": run.images.classes,
        "remark": run.images.remark,
        "train_images": len(run.images.train.labels),
        "ranks": distributed.count(),
        "fingerprint": run.images.fingerprint,
        "parameters": run.parameters(),
        "device": describe_device(run.training.device),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in ("torch", "numpy")},
    }


def snapshot_record(run: ActiveRun, state: str, terms: list[float]) -> dict[str, Any]:
    """Numbers of a snapshot; `terms` (1 + k,) are the distortion and the rate of every dimension, nats per image, or
    empty where they are not known.
    """
    per_s = run.clock.steps_per_s
    left = (run.total - run.training.step) / per_s if per_s else None
    if left is not None and run.settings.stop_minutes:
        left = min(left, 60 * run.settings.stop_minutes - run.clock.seconds)
    return {
        "state": state,
        "step": run.training.step,
        "steps": run.total,
        "epoch": run.epochs(),
        "epochs": run.settings.epochs,
        "control": run.control.id,
        "beta": run.training.beta,
        "effective_beta": run.training.effective_beta,
        "lr": run.training.lr,
        "sigma": run.training.sigma,
        "sigma_learned": run.training.learns_sigma,
        "scheduled": run.training.scheduled,
        "pace": run.control.pace,
        "branch": run.branch,
        "distortion": terms[0] if terms else None,
        "rate": sum(terms[1:]) if terms else None,
        "rate_per_dim": terms[1:],
        "elbo": -sum(terms) if terms else None,
        "validation": run.validation,
        "images_per_s": per_s * run.batch if per_s else None,
        "seconds": run.clock.seconds,
        "eta_s": left,
    }
