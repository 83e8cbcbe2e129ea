"""A model as one .safetensors file: weights, and in its metadata the settings and the image shape.

Nothing is ever unpickled, and a file is checked (`InputError`) before any of its tensors is used.
"""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays

from vae.errors import InputError
from vae.files.atomic import write_atomically
from vae.plan import ImageShape, Plan, make_plan
from vae.settings import Settings

if TYPE_CHECKING:
    import torch

    from vae.model import VAE

FORMAT = "elbo-room-1"
PATH = "elbo-room-path"  # prefix of the format of a beta path
MAX_BYTES = 1 << 30
MAX_HEADER = 1 << 20
MODEL = "model."  # prefix of the weights; other tensors in the file belong to training


class Checkpoint(NamedTuple):
    """The checked contents of a file; `arrays` holds every weight of the plan by name, float32, in its shape.

    `step` is the number of training steps. `settings` has the current beta and sigma of the training.
    """

    settings: Settings
    image_shape: ImageShape
    step: int
    arrays: dict[str, np.ndarray]
    training: dict[str, np.ndarray]  # optimiser moments and generator states, empty in a finished model

    @property
    def plan(self) -> Plan:
        return make_plan(self.settings.arch, self.settings.hidden, self.settings.latent_dim, self.image_shape)


def write(
    path: Path,
    settings: Settings,
    image_shape: ImageShape,
    step: int,
    model: dict[str, torch.Tensor],
    training: dict[str, torch.Tensor] | None = None,
) -> None:
    """Write a checkpoint atomically: `model` are the weights by name, `training` the state to resume from, if any."""
    from safetensors.torch import save

    tensors = {MODEL + name: t.detach().cpu().contiguous() for name, t in model.items()}
    tensors |= {name: t.detach().cpu().contiguous() for name, t in (training or {}).items()}
    write_atomically(path, save(tensors, _described(settings, image_shape, step)))


def rewrite(path: Path, saved: Checkpoint) -> None:
    """Write a checkpoint from arrays, atomically, without torch."""
    from safetensors.numpy import save

    tensors = {MODEL + name: array for name, array in saved.arrays.items()} | saved.training
    write_atomically(path, save(tensors, _described(saved.settings, saved.image_shape, saved.step)))


def _described(settings: Settings, image_shape: ImageShape, step: int) -> dict[str, str]:
    return {
        "format": FORMAT,
        "settings": settings.to_json(),
        "image_shape": json.dumps(list(image_shape)),
        "step": str(step),
    }


def read(source: str | Path | bytes) -> Checkpoint:
    """A checkpoint from a .safetensors file, a run folder, or the bytes of an upload.

    `InputError` where there is no such file, it cannot be read, is not a checkpoint of this program, or is damaged.
    """
    if isinstance(source, bytes):
        return _parse(source, "The file")
    path = Path(source)
    try:
        if path.is_dir():
            path = path / "checkpoint.safetensors"
        if not path.is_file():
            raise InputError(f"There is no checkpoint {path}; give a run folder or a .safetensors file.")
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than 1 GiB, so it is no checkpoint of this program.")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give a file that can be.") from None
    return _parse(data, str(path))


def load_model(checkpoint: Checkpoint) -> VAE:
    """The VAE with the checkpoint's weights (copies), on the CPU, in evaluation mode."""
    import torch

    from vae.model import VAE

    settings = checkpoint.settings
    with torch.device("meta"):  # saves the time of initialising weights that are replaced at once
        model = VAE(checkpoint.plan, checkpoint.image_shape, settings.likelihood, settings.sigma)
    model.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in checkpoint.arrays.items()}, assign=True)
    return model.eval()


def _parse(data: bytes, name: str) -> Checkpoint:
    if len(data) > MAX_BYTES:
        raise InputError(f"{name} is larger than 1 GiB, so it is no checkpoint of this program.")
    try:
        metadata = _metadata(data)
    except (ValueError, RecursionError):
        if data[:4] == b"PK\x03\x04" or data[:1] == b"\x80":  # tested last: a valid header can begin with 80 too
            raise InputError(
                f"{name} is a pickled PyTorch file, which could run code; give a .safetensors file instead."
            ) from None
        raise InputError(f"{name} is no .safetensors file, or it is damaged; train or export it again.") from None
    if str(metadata.get("format")).startswith(PATH):
        raise InputError(
            f"{name} is a beta path, which the page KL effect shows; give a run folder or one model's file."
        )
    if metadata.get("format") != FORMAT:
        raise InputError(f"{name} is a .safetensors file of another program; give one that `python -m vae train` made.")
    settings = Settings.from_json(str(metadata.get("settings", "")))
    image_shape = _image_shape(metadata, name)
    step = _step(metadata, name)
    plan = make_plan(settings.arch, settings.hidden, settings.latent_dim, image_shape)
    check_size(plan)
    try:
        arrays = load_arrays(data)
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise InputError(f"{name} is cut short or damaged; copy or upload it again.") from None
    model = {k.removeprefix(MODEL): v for k, v in arrays.items() if k.startswith(MODEL)}
    expected = parameter_shapes(plan)
    for key, shape in expected.items():
        if key not in model or model[key].shape != shape or model[key].dtype != np.float32:
            raise InputError(f"{name} does not hold the weights that its settings name ({key}); it is damaged.")
        if not np.isfinite(model[key]).all():
            raise InputError(f"{name} holds weights that are not numbers ({key}); its training had diverged.")
    if set(model) != set(expected):
        raise InputError(f"{name} holds weights that its settings do not name; it is damaged.")
    training = {k: v for k, v in arrays.items() if not k.startswith(MODEL)}
    return Checkpoint(settings, image_shape, step, model, training)


def _metadata(data: bytes) -> dict[str, Any]:
    """The `__metadata__` of a safetensors file: 8 bytes of header length, then the header as JSON."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(len(data) - 8, MAX_HEADER):
        raise ValueError("no header")
    header = json.loads(data[8 : 8 + length])
    metadata = header.get("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(metadata, dict):
        raise ValueError("no metadata")
    return metadata


def _image_shape(metadata: dict[str, Any], name: str) -> ImageShape:
    try:
        shape = json.loads(metadata["image_shape"])
    except (KeyError, TypeError, ValueError, RecursionError):
        shape = None
    if not isinstance(shape, list) or len(shape) != 3 or not all(type(n) is int and 1 <= n <= 1024 for n in shape):
        raise InputError(f"{name} names no usable image shape; it is damaged.")
    channels, height, width = shape
    if channels not in (1, 3):
        raise InputError(f"{name} is for images of {channels} channels; choose a model of images with 1 or 3.")
    return channels, height, width


def _step(metadata: dict[str, Any], name: str) -> int:
    try:
        step = int(metadata["step"])
    except (KeyError, TypeError, ValueError):
        step = -1
    if step < 0:
        raise InputError(f"{name} names no training step; it is damaged.")
    return step


def check_size(plan: Plan) -> None:
    """`InputError` for a network that is too large: weights and Adam's two moments must fit in one checkpoint."""
    parameters = sum(map(prod, parameter_shapes(plan).values()))
    if 3 * 4 * parameters > MAX_BYTES - MAX_HEADER:
        raise InputError(
            f"A network of {parameters / 1e6:,.0f} million parameters is too large; choose smaller hidden layers."
        )


def parameter_shapes(plan: Plan) -> dict[str, tuple[int, ...]]:
    """Name → shape of every weight of a plan, with the names of the modules in `networks.py`."""
    shapes: dict[str, tuple[int, ...]] = {}
    for prefix, layers in (("encoder.trunk", plan.trunk), ("decoder.layers", plan.decoder)):
        for i, layer in enumerate(layers):
            if "out" not in layer:
                continue
            a, b = layer["in"], layer["out"]
            kernel = (layer["kernel"],) * 2 if "kernel" in layer else ()
            weight = (a, b, *kernel) if layer["op"] == "conv_transpose" else (b, a, *kernel)
            shapes |= {f"{prefix}.{i}.weight": weight, f"{prefix}.{i}.bias": (b,)}
    for head in ("mu", "logvar"):
        shapes[f"encoder.{head}.weight"] = (plan.latent_dim, plan.features)
        shapes[f"encoder.{head}.bias"] = (plan.latent_dim,)
    return shapes
