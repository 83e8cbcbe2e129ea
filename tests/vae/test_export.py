"""The frame, read back by a parser of the test's own that follows the layout and nothing else."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
import torch

from vae.files.checkpoint import Checkpoint
from vae.files.frame import encoder_frame, explorer_frame, pack
from vae.files.held_out import HeldOut
from vae.model import VAE
from vae.plan import make_plan
from vae.principal_axes import principal_axes
from vae.settings import Settings

TYPES = {"f4": "<f4", "i4": "<i4", "u1": "|u1"}


def parse(frame: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays. Every array must begin at a multiple of 8 bytes, within the frame, and overlap no other."""
    assert frame[:4] == b"ELBF"
    (length,) = struct.unpack("<I", frame[4:8])
    meta = json.loads(frame[8 : 8 + length])
    start = 8 + length
    assert start % 8 == 0
    arrays, taken = {}, 0
    for name, (kind, shape, offset) in meta["arrays"].items():
        assert offset % 8 == 0
        assert offset >= taken
        count = int(np.prod(shape))
        taken = offset + count * np.dtype(TYPES[kind]).itemsize
        assert start + taken <= len(frame)
        arrays[name] = np.frombuffer(frame, TYPES[kind], count, start + offset).reshape(shape)
    assert len(frame) - start - taken < 8
    return meta, arrays


def checkpoint_of(k: int, shape: tuple[int, int, int] = (1, 5, 7), **settings: Any) -> Checkpoint:
    chosen = Settings(**{"hidden": (3,), "latent_dim": k, **settings})
    torch.manual_seed(0)  # initial weights only; the modules take no generator
    model = VAE(make_plan(chosen.arch, chosen.hidden, k, shape), shape, chosen.likelihood)
    arrays = {name: weight.numpy() for name, weight in model.state_dict().items()}
    return Checkpoint(chosen, shape, 0, arrays, {})


def held_out(k: int, n: int = 11, shape: tuple[int, int, int] = (1, 5, 7)) -> HeldOut:
    rng = np.random.default_rng(0)
    return HeldOut(
        images=rng.integers(0, 256, (n, *shape), dtype=np.uint8),
        labels=rng.integers(0, 3, n, dtype=np.int32),
        index=rng.permutation(n).astype(np.int32),
        mu=rng.standard_normal((n, k), np.float32),
        logvar=rng.standard_normal((n, k), np.float32),
        distortion=rng.standard_normal(n, np.float32),
    )


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize(("arch", "shape"), [("mlp", (1, 5, 7)), ("conv", (3, 6, 4))])
def test_a_frame_holds_decoder_images_posteriors_and_axes(k, arch, shape) -> None:
    checkpoint, shown = checkpoint_of(k, shape, arch=arch, likelihood="gaussian"), held_out(k, shape=shape)
    rates = [0.5 * d for d in range(k)]
    meta, arrays = parse(explorer_frame("a name", checkpoint, shown, ("a", "b", "c"), rates))

    decoder = {name: array for name, array in checkpoint.arrays.items() if name.startswith("decoder.")}
    axes, shares = principal_axes(shown.mu)
    assert set(arrays) == {*decoder, *vars(shown), "pca"}
    for name, array in {**decoder, **vars(shown), "pca": axes.astype(np.float32)}.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype

    plan = make_plan(arch, checkpoint.settings.hidden, k, shape)
    assert meta["name"] == "a name"
    assert meta["classes"] == ["a", "b", "c"]
    assert meta["rate_per_dim"] == rates
    assert meta["pca_shares"] == shares.tolist()
    assert meta["image_shape"] == list(shape)
    assert (meta["latent_dim"], meta["features"], meta["likelihood"]) == (k, plan.features, "gaussian")
    assert meta["plan"] == {"trunk": plan.trunk, "decoder": plan.decoder}


@pytest.mark.parametrize("k", [1, 3])
def test_a_frame_without_images_is_empty_but_whole(k) -> None:
    meta, arrays = parse(explorer_frame("none", checkpoint_of(k), None, (), []))
    assert arrays["images"].shape == (0, 1, 5, 7)
    assert arrays["mu"].shape == arrays["logvar"].shape == (0, k)
    assert all(arrays[name].shape == (0,) for name in ("labels", "index", "distortion"))
    np.testing.assert_array_equal(arrays["pca"], np.eye(k))
    assert meta["rate_per_dim"] == [0.0] * k
    assert sum(meta["pca_shares"]) == pytest.approx(1)


def test_the_encoder_comes_in_a_frame_of_its_own() -> None:
    checkpoint = checkpoint_of(2, arch="conv")
    meta, arrays = parse(encoder_frame("x", checkpoint))
    encoder = {name: array for name, array in checkpoint.arrays.items() if name.startswith("encoder.")}
    assert set(arrays) == set(encoder)
    assert len(arrays) > 4
    for name, array in encoder.items():
        np.testing.assert_array_equal(arrays[name], array)
    assert meta["plan"]["trunk"] == checkpoint.plan.trunk


def test_arrays_of_any_length_are_aligned() -> None:
    rng = np.random.default_rng(0)
    given = {f"u{n}": rng.integers(0, 256, n, dtype=np.uint8) for n in range(9)}
    given |= {f"f{n}": rng.standard_normal((n, 3), np.float32) for n in range(4)}
    given |= {f"i{n}": rng.integers(-9, 9, n, dtype=np.int32) for n in range(4)}
    for meta in ({}, {"a": "é"}, {"long": "x" * 1001}):  # headers of other lengths
        read, arrays = parse(pack(dict(meta), given))
        assert {name: value for name, value in read.items() if name != "arrays"} == meta
        for name, array in given.items():
            np.testing.assert_array_equal(arrays[name], array)


def test_what_is_not_in_memory_order_is_still_written_row_by_row() -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    _, arrays = parse(pack({}, {"t": array.T, "s": array[:, ::2]}))
    np.testing.assert_array_equal(arrays["t"], array.T)
    np.testing.assert_array_equal(arrays["s"], array[:, ::2])


def test_what_a_browser_could_not_read_is_never_written() -> None:
    with pytest.raises(KeyError):
        pack({}, {"a": np.zeros(3)})  # float64
    with pytest.raises(ValueError, match="JSON"):
        pack({"rate_per_dim": [float("nan")]}, {})  # NaN is no JSON, and JSON.parse refuses it
