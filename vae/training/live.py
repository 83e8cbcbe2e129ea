"""What a live map shows of a run while it trains: small binary files below live/, replaced while somebody watches.

    probe.elbf     the probe set, written once: held-out images, labels, and all that does not change
    frame.elbf     the latest snapshot: q(z|x) of the probe set, eight reconstructions, the latest numbers
    decoder.elbf   the decoder's weights
    manifold.elbf  a grid of the plane, decoded
    watched        touched by whoever watches; nobody has for a while: nothing is made

All are frames of `vae.files.frame.pack`. They can be made anew at any time, so nobody waits for the disk.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from vae.files.atomic import write_atomically
from vae.files.frame import header, pack
from vae.memory import resident
from vae.principal_axes import ACTIVE_VARIANCE, principal_axes

if TYPE_CHECKING:
    from torch import Tensor

    from vae.data.image_sets import ImageSet
    from vae.training.loop import Training

FOLDER = "live"
PROBE, FRAME, DECODER, MANIFOLD = (f"{FOLDER}/{name}.elbf" for name in ("probe", "frame", "decoder", "manifold"))
WATCHED = f"{FOLDER}/watched"
PROBE_IMAGES = 600
SHOWN = 8  # images that are reconstructed
SIDE, REACH = 12, 3.0  # the manifold: images a side, and prior sigmas to each side of 0
WATCHED_FOR = 3.0  # seconds after the last sign of a watcher
LOOK_EVERY = 0.2  # seconds between looks for one
FRAME_EVERY = 0.066  # seconds between snapshots, at least
DECODER_EVERY, MANIFOLD_EVERY = 1.0, 0.4
SHARE = 0.08  # of the time that snapshots may cost


def watch(folder: str | Path) -> None:
    """Say that somebody watches the run in `folder`; to be said again every second."""
    path = Path(folder) / WATCHED
    path.parent.mkdir(exist_ok=True)
    path.touch()


class Snapshots:
    """Makes the live files of one training, as often as they are wanted and as the time for them allows."""

    def __init__(self, folder: Path, images: ImageSet, facts: dict[str, Any]) -> None:
        from vae.data.image_sets import held_out_indices

        self.folder, self.images, self.facts = folder, images, facts
        self.index = held_out_indices(images.test, PROBE_IMAGES)
        self.probe = images.test.take(self.index)
        self.shown = first_of_each_class(self.probe.labels)
        self.axes: np.ndarray | None = None
        self.resident: Tensor | None = None
        self.decoder_step = self.manifold_step = 0
        self.looked_at = self.due = self.decoder_due = self.manifold_due = 0.0
        self.costs: deque[float] = deque(maxlen=5)  # seconds; their median, for others' work may come between
        self.watched = False

    def is_due(self, now: float) -> bool:
        """Whether the time has come for another one, at `now` (monotonic seconds)."""
        return self.is_watched(now) and now >= self.due

    def is_watched(self, now: float) -> bool:
        """Whether somebody has said so lately."""
        if now - self.looked_at > LOOK_EVERY:
            self.looked_at = now
            try:
                self.watched = time.time() - (self.folder / WATCHED).stat().st_mtime < WATCHED_FOR
            except OSError:
                self.watched = False
        return self.watched

    def write(self, training: Training, numbers: dict[str, Any]) -> None:
        """Write a snapshot with these numbers in its header; the decoder and the manifold too, when they are due.

        A training that stands still shows all of them as they are: no later snapshot would make up for it.
        """
        start = time.monotonic()
        if numbers["state"] != "running":
            self.decoder_due = self.manifold_due = 0.0
        if self.resident is None:
            self.resident = self._write_probe(training)
        if start >= self.decoder_due:
            self.decoder_due = start + DECODER_EVERY
            self._write_decoder(training)
        mu, logvar = _encode(training, self.resident)
        self.axes = aligned_axes(mu, self.axes)
        if start >= self.manifold_due:
            self.manifold_due = start + MANIFOLD_EVERY
            self._write_manifold(training)
        rate = 0.5 * (mu**2 + np.expm1(logvar) - logvar)
        meta = numbers | {
            "probe_rate_per_dim": rate.mean(0).tolist(),
            "mean_sigma_per_dim": np.exp(0.5 * logvar).mean(0).tolist(),
            "active": (mu.var(0) > ACTIVE_VARIANCE).tolist(),
            "decoder_step": self.decoder_step,
            "manifold_step": self.manifold_step,
            "memory": memory(training),
            "time": time.time(),
        }
        arrays = {
            "mu": mu,
            "logvar": logvar,
            "axes": self.axes,
            "reconstructions": _decode(training, mu[self.shown]),
        }
        self._write(FRAME, meta, arrays)
        now = time.monotonic()
        self.costs.append(now - start)
        self.due = max(start + FRAME_EVERY, now + median(self.costs) * (1 / SHARE - 1))

    def _write_probe(self, training: Training) -> Tensor:
        """Write all that does not change; the probe set's images, on the device, in [0, 1]."""
        import torch

        settings, images = training.settings, self.images
        meta = {
            **header(self.folder.name, training.model.plan, images.image_shape, settings.likelihood),
            "classes": list(images.classes),
            "settings": asdict(settings),
            "pixels": int(np.prod(images.image_shape)),
            "train_images": len(images.train.labels),
            **self.facts,
        }
        arrays = {
            "images": self.probe.pixels,
            "labels": self.probe.labels.astype(np.int32),
            "index": self.index.astype(np.int32),
            "shown": self.shown.astype(np.int32),
        }
        self._write(PROBE, meta, arrays)
        return torch.from_numpy(self.probe.pixels).to(training.device).to(torch.float32).div_(255)

    def _write_decoder(self, training: Training) -> None:
        weights = {
            name: tensor.detach().float().cpu().numpy()
            for name, tensor in training.model.state_dict().items()
            if name.startswith("decoder.")
        }
        self._write(DECODER, {"step": training.step}, weights)
        self.decoder_step = training.step

    def _write_manifold(self, training: Training) -> None:
        assert self.axes is not None
        line = np.linspace(-REACH, REACH, SIDE)
        v, u = np.meshgrid(line[::-1], line, indexing="ij")
        plane = np.stack([u, v], -1).reshape(-1, 2)[:, : len(self.axes)]
        images = _decode(training, plane @ self.axes)
        self._write(MANIFOLD, {"step": training.step, "side": SIDE, "reach": REACH}, {"images": images})
        self.manifold_step = training.step

    def _write(self, name: str, meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        write_atomically(self.folder / name, pack(meta, arrays), durable=False)


def _encode(training: Training, x: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """mu and logvar of the probe set, float32 (N, k); finite whatever the model has come to."""
    import torch

    with torch.no_grad():
        posterior = training.model.encode(x)
    mu, logvar = (t.float().cpu().numpy() for t in (posterior.mu, posterior.logvar))
    return np.clip(np.nan_to_num(mu), -1e6, 1e6), np.clip(np.nan_to_num(logvar), -60, 30)


def _decode(training: Training, z: np.ndarray) -> np.ndarray:
    """E[x|z] as bytes (n, C, H, W)."""
    import torch

    with torch.no_grad():
        means = training.model.decode(torch.from_numpy(z.astype(np.float32)).to(training.device))
        return (means.nan_to_num().clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()


def first_of_each_class(labels: np.ndarray, n: int = SHOWN) -> np.ndarray:
    """Rows of `n` images that do not change: the first of every class, then the first of what is left."""
    firsts = np.unique(labels, return_index=True)[1]
    rest = np.setdiff1d(np.arange(len(labels)), firsts)
    return np.resize(np.concatenate([firsts, rest]), n)


def aligned_axes(mu: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """The plane that a map of `mu` (N, k) shows, float32 (2, k): for k ≤ 2 the space itself, (k, k).

    For more dimensions, the two largest principal axes, turned within their plane to lie as near as can be to the
    plane of `before` (orthogonal Procrustes), so that a map does not flip while the model trains.
    """
    k = mu.shape[1]
    if k <= 2:
        return np.eye(k, dtype=np.float32)
    axes = principal_axes(mu)[0][:2]
    if before is not None:
        left, _, right = np.linalg.svd(before @ axes.T)
        axes = left @ right @ axes
    return axes.astype(np.float32)


def memory(training: Training) -> int:
    """Bytes that the training holds: of the GPU's memory where it uses one, else of this process."""
    import torch

    if training.device.type == "cuda":
        return torch.cuda.memory_allocated(training.device)
    return resident()
