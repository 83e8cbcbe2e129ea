"""The files of a live map of a run while it trains: small binary files in live/, replaced while there is a viewer.

    probe.elbf     the probe set, written once: held-out images, labels, and all that does not change
    frame.elbf     the latest snapshot: q(z|x) of the probe set, eight reconstructions, the latest numbers
    decoder.elbf   the decoder's weights
    manifold.elbf  a grid of the plane, decoded
    watched        touched regularly by every viewer; without a recent touch, no file is written

All .elbf files are frames of `vae.files.frame.pack`. They can be written again at any time, so writing does not wait
for the disk.
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
WATCHED_FOR = 3.0  # seconds after a touch of `WATCHED` in which snapshots are written
LOOK_EVERY = 0.2  # seconds between checks of `WATCHED`
FRAME_EVERY = 0.066  # seconds between snapshots, at least
DECODER_EVERY, MANIFOLD_EVERY = 1.0, 0.4
SHARE = 0.08  # most of the run's time that snapshots may take


def watch(folder: str | Path) -> None:
    """Register a viewer of the run in `folder`; to be called again every second."""
    path = Path(folder) / WATCHED
    path.parent.mkdir(exist_ok=True)
    path.touch()


class Snapshots:
    """Writes the live files of one training while there is a viewer, within a share of the run's time (`SHARE`)."""

    def __init__(self, folder: Path, images: ImageSet, facts: dict[str, Any]) -> None:
        from vae.data.image_sets import held_out_indices

        self.folder, self.images, self.facts = folder, images, facts
        self.index = held_out_indices(images.test, PROBE_IMAGES)
        self.probe = images.test.take(self.index)
        self.shown = first_of_each_class(self.probe.labels)
        self.axes: np.ndarray | None = None
        self.resident: Tensor | None = None
        self.decoder_step = self.manifold_step = 0
        self.checked_at = self.due = self.decoder_due = self.manifold_due = 0.0
        self.costs: deque[float] = deque(maxlen=5)  # seconds a snapshot; their median, as other processes cause delays
        self.watched = False

    def is_due(self, now: float) -> bool:
        """Whether a snapshot is due at `now` (monotonic seconds)."""
        return self.is_watched(now) and now >= self.due

    def is_watched(self, now: float) -> bool:
        """Whether a viewer has registered in the last `WATCHED_FOR` seconds; `now` in monotonic seconds."""
        if now - self.checked_at > LOOK_EVERY:
            self.checked_at = now
            try:
                self.watched = time.time() - (self.folder / WATCHED).stat().st_mtime < WATCHED_FOR
            except OSError:
                self.watched = False
        return self.watched

    def write(self, training: Training, numbers: dict[str, Any]) -> None:
        """Write a snapshot with `numbers` in its header; the decoder and the manifold too, when they are due.

        Unless the run is "running", they always are: no later snapshot would bring them up to date.
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
        """Write the probe file; returns the probe set's images (N, C, H, W) in [0, 1], on the device."""
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
    """mu and logvar of the probe set, float32 (N, k); made finite, also where the model has diverged."""
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
    """Rows of `n` images: the first of every class, then the first of the others; repeated where there are fewer."""
    firsts = np.unique(labels, return_index=True)[1]
    rest = np.setdiff1d(np.arange(len(labels)), firsts)
    return np.resize(np.concatenate([firsts, rest]), n)


def aligned_axes(mu: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """Axes of the plane that a map of `mu` (N, k) shows, float32 (2, k); for k ≤ 2 the identity, (k, k).

    For more dimensions, the two largest principal axes, rotated within their plane to be closest to the axes `before`
    (orthogonal Procrustes), so that the map does not flip while the model trains.
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
    """Memory that the training uses, in bytes: of the GPU if it trains on one, else of this process."""
    import torch

    if training.device.type == "cuda":
        return torch.cuda.memory_allocated(training.device)
    return resident()
