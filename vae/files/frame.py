"""The frame: a binary file of a header and arrays, read by assets/explorer/data/frame.js. No torch here.

Layout: b"ELBF", the header's length as uint32, the header as JSON, then the arrays, each at a multiple of 8 bytes from
the header's end. All little endian. The header's "arrays" is their directory: name → [type, shape, offset], and for
quantised ones {low, step, bits}. Types: f4, f2, i4, u1; q, quantised to as many bits as each column takes; p4, float32
with its bytes sorted by significance.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from vae.files.checkpoint import Checkpoint
from vae.files.compact import Quantised, Rounded
from vae.files.held_out import HeldOut
from vae.plan import ImageShape, Plan
from vae.principal_axes import principal_axes

MAGIC = b"ELBF"
_TYPES: dict[np.dtype[Any], str] = {
    np.dtype("<f4"): "f4",
    np.dtype("<f2"): "f2",
    np.dtype("<i4"): "i4",
    np.dtype("u1"): "u1",
}


def explorer_frame(
    name: str, checkpoint: Checkpoint, held_out: HeldOut | None, classes: tuple[str, ...], rate_per_dim: list[float]
) -> bytes:
    """The frame of a model for map, lens and sliders: decoder, held-out images with posteriors, and principal axes.

    `rate_per_dim` is the mean over the test images, in nats. Without images, `held_out` is None.
    """
    k = checkpoint.settings.latent_dim
    arrays = {key: value for key, value in checkpoint.arrays.items() if key.startswith("decoder.")}
    if held_out is None:
        held_out = _no_images(checkpoint)
    arrays |= vars(held_out)
    axes, shares = principal_axes(held_out.mu)
    arrays["pca"] = axes.astype(np.float32)
    meta = {
        **_header_of(name, checkpoint),
        "sigma": checkpoint.settings.sigma,
        "classes": list(classes),
        "rate_per_dim": rate_per_dim or [0.0] * k,
        "pca_shares": shares.tolist(),
    }
    return pack(meta, arrays)


def encoder_frame(name: str, checkpoint: Checkpoint) -> bytes:
    """The frame of the encoder, which the page requests only when it has to encode an image."""
    return pack(_header_of(name, checkpoint), {k: v for k, v in checkpoint.arrays.items() if k.startswith("encoder.")})


Packable = np.ndarray | Quantised | Rounded


def pack(meta: dict[str, Any], arrays: Mapping[str, Packable]) -> bytes:
    """Header and arrays (float32, float16, int32, uint8, or compact) as one frame; `meta` gains "arrays"."""
    directory, blocks, offset = {}, [], 0
    for key, array in arrays.items():
        entry, data = _packed(array)
        directory[key] = [*entry[:2], offset, *entry[2:]]
        blocks.append(data + b"\0" * (-len(data) % 8))
        offset += len(blocks[-1])
    header = json.dumps({**meta, "arrays": directory}, allow_nan=False).encode()
    header += b" " * (-len(header) % 8)
    return b"".join([MAGIC, struct.pack("<I", len(header)), header, *blocks])


def _packed(array: Packable) -> tuple[list[Any], bytes]:
    """Its entry in the directory, without the offset: [type, shape, more for quantised arrays], and its bytes."""
    if isinstance(array, Quantised):
        return ["q", list(array.codes.shape), array.extra], array.tobytes()
    if isinstance(array, Rounded):
        return ["p4", list(array.weights.shape)], array.tobytes()
    return [_TYPES[array.dtype], list(array.shape)], np.ascontiguousarray(array).tobytes()


def unpack(frame: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header, without its directory, and arrays of a frame; `ValueError` where some are compact (q or p4)."""
    (length,) = struct.unpack_from("<I", frame, len(MAGIC))
    start = len(MAGIC) + 4 + length
    meta = json.loads(frame[len(MAGIC) + 4 : start])
    types, arrays = {name: dtype for dtype, name in _TYPES.items()}, {}
    for key, (kind, shape, offset, *_) in meta.pop("arrays").items():
        if kind not in types:
            raise ValueError(f"{key} is not plain but {kind}")
        arrays[key] = np.ndarray(shape, types[kind], frame, start + offset)
    return meta, arrays


def header(name: str, plan: Plan, image_shape: ImageShape, likelihood: str) -> dict[str, Any]:
    """The header that the browser needs to run the networks of `plan`."""
    return {
        "name": name,
        "image_shape": list(image_shape),
        "latent_dim": plan.latent_dim,
        "features": plan.features,
        "likelihood": likelihood,
        "plan": {"trunk": plan.trunk, "decoder": plan.decoder},
    }


def _header_of(name: str, checkpoint: Checkpoint) -> dict[str, Any]:
    return header(name, checkpoint.plan, checkpoint.image_shape, checkpoint.settings.likelihood)


def _no_images(checkpoint: Checkpoint) -> HeldOut:
    k = checkpoint.settings.latent_dim
    empty = np.zeros(0, np.int32)
    return HeldOut(
        images=np.zeros((0, *checkpoint.image_shape), np.uint8),
        labels=empty,
        index=empty,
        mu=np.zeros((0, k), np.float32),
        logvar=np.zeros((0, k), np.float32),
        distortion=np.zeros(0, np.float32),
    )
