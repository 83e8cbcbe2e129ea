"""One line of HTML that describes a model and its scores."""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np

from vae.density import UNNORMALISED, is_unnormalised
from vae.files.checkpoint import Checkpoint
from vae.files.runs import Run
from vae.settings import Settings, is_file


def data_title(settings: Settings) -> str:
    if is_file(settings.data):
        return Path(settings.data).stem
    return {"mnist": "MNIST", "digits": "Digits 8×8"}.get(settings.data, settings.data)


GREY = '<span title="{}">bernoulli, unnormalised</span>'


def facts(title: str, checkpoint: Checkpoint, run: Run | None, pixels: np.ndarray | None = None) -> str:
    """Data set (by its `title`), network, likelihood, beta, and the score of a finished run; joined by dots.

    With the `pixels` of its images, a likelihood that is not a normalised density of them is marked.
    """
    settings = checkpoint.settings
    parameters = sum(array.size for array in checkpoint.arrays.values())
    parts = [
        escape(title),
        f"{settings.arch} {'-'.join(map(str, settings.hidden)) or 'linear'}",
        f"{settings.latent_dim}-D latent space",
        f"{parameters / 1e6:.2f} M parameters" if parameters > 1e5 else f"{parameters:,} parameters",
        _likelihood(settings, pixels),
        f"<b>β = {settings.beta:g}</b>",
        _score(run),
        f"trained on {escape(run.device)}" if run else "",
        _remark(run.remark) if run else "",
    ]
    return " · ".join(part for part in parts if part)


def _remark(remark: str) -> str:
    """The second part of the remark on the user's own images (on their pixels), with the whole remark as tooltip."""
    first, _, rest = remark.removesuffix(".").partition("; ")
    return f'<span class="room-remark" title="{escape(remark)}">{escape(rest or first)}</span>' if remark else ""


def _likelihood(settings: Settings, pixels: np.ndarray | None) -> str:
    if pixels is not None and is_unnormalised(settings.likelihood, pixels):
        return GREY.format(escape(UNNORMALISED))
    return settings.likelihood + (f" σₚ = {settings.sigma:g}" if settings.likelihood == "gaussian" else "")


def _score(run: Run | None) -> str:
    if run is None:
        return ""
    if not run.finished or run.test is None:
        return f"{run.status['state']} at step {run.status['step']:,}"
    bound, cost = (round(run.test[name], 1) for name in ("elbo", "rate"))
    elbo, distortion, rate = (f"{value:.1f}".replace("-", "−") for value in (bound, -bound - cost, cost))  # they add up
    return f"<b>test elbo {elbo}</b> = −(distortion {distortion} + rate {rate}) nats per image"
