"""Opens a model with all that its map needs: weights, run, held-out images with their posteriors. No torch here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vae.files import checkpoint as checkpoints
from vae.files import runs
from vae.files.checkpoint import Checkpoint
from vae.files.held_out import FILE_NAME, HeldOut, read_held_out
from vae.files.runs import Run


@dataclass(frozen=True, eq=False)
class OpenModel:
    """A checkpoint with its run and held-out images; `run` is None for a file outside a run folder, `held_out` without
    images.
    """

    checkpoint: Checkpoint
    run: Run | None
    held_out: HeldOut | None

    @property
    def classes(self) -> tuple[str, ...]:
        if self.run:
            return self.run.classes
        return tuple(map(str, range(int(self.held_out.labels.max()) + 1))) if self.held_out else ()

    @property
    def pixels(self) -> np.ndarray | None:
        """The held-out images, uint8 (N, C, H, W), or None."""
        return None if self.held_out is None else self.held_out.images

    @property
    def rate_per_dim(self) -> list[float]:
        """Mean rates in nats per image: of the whole test split if it was evaluated, else of the held-out images."""
        if self.run and self.run.finished and self.run.test:
            return list(self.run.test["rate_per_dim"])
        if self.held_out is None:
            return []
        mu, logvar = self.held_out.mu, self.held_out.logvar
        result: list[float] = (0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)).mean(axis=0).tolist()
        return result


def open_path(path: Path, encode: Callable[[Checkpoint, Run | None], HeldOut | None]) -> OpenModel:
    """The model in a run folder or a .safetensors file. Without stored posteriors, `encode(checkpoint, run)` computes
    them, on the images of the run.
    """
    checkpoint = checkpoints.read(path)
    if not (path / runs.SETTINGS).is_file():
        return OpenModel(checkpoint, None, encode(checkpoint, None))
    run = runs.read(path)
    ready = run.finished and (path / FILE_NAME).is_file()
    return OpenModel(checkpoint, run, read_held_out(path / FILE_NAME) if ready else encode(checkpoint, run))


def encode_images(checkpoint: Checkpoint, images: tuple[np.ndarray, np.ndarray, np.ndarray] | None) -> HeldOut | None:
    """Posteriors of `images` = (pixels, labels, positions in the test split); None if there are none or their shape
    does not fit. Imports torch.
    """
    if images is None or images[0].shape[1:] != checkpoint.image_shape:
        return None
    from vae.analysis.evaluation import held_out
    from vae.data.image_arrays import Images

    pixels, labels, index = images
    given = Images(np.ascontiguousarray(pixels), labels.astype(np.int64))
    encoded = held_out(checkpoints.load_model(checkpoint), given, np.arange(len(labels)))
    return HeldOut(**{**vars(encoded), "index": index})
