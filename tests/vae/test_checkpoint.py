"""A checkpoint comes back as it was written; whatever else a file holds is refused in one sentence."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from vae.errors import InputError
from vae.files import checkpoint
from vae.files.atomic import write_atomically
from vae.files.checkpoint import Checkpoint, check_size, load_model, read, write
from vae.model import VAE
from vae.plan import make_plan
from vae.settings import Settings

SETTINGS = Settings(data="digits", hidden=(3,), beta=0.5, likelihood="gaussian", sigma=0.2)
SHAPE = (1, 4, 5)


def model_of(settings: Settings = SETTINGS, shape=SHAPE) -> VAE:
    torch.manual_seed(0)  # initial weights only
    plan = make_plan(settings.arch, settings.hidden, settings.latent_dim, shape)
    return VAE(plan, shape, settings.likelihood, settings.sigma)


def metadata(**changes: str | None) -> dict[str, str]:
    """The metadata of a good file with `changes`; None leaves an entry out."""
    entries = {
        "format": checkpoint.FORMAT,
        "settings": SETTINGS.to_json(),
        "image_shape": json.dumps(SHAPE),
        "step": "7",
    } | changes
    return {name: value for name, value in entries.items() if value is not None}


def tensors() -> dict[str, torch.Tensor]:
    return {f"model.{name}": t for name, t in model_of().state_dict().items()}


def with_header(edit) -> bytes:
    """A good file whose header, as a dict, went through `edit`."""
    data = save(tensors(), metadata())
    n = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + n])
    edit(header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + n :]


def refusal(source: str | Path | bytes) -> str:
    """The one sentence that refuses `source`."""
    with pytest.raises(InputError) as caught:
        read(source)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


@pytest.fixture
def good(tmp_path) -> Path:
    path = tmp_path / "good.safetensors"
    write(path, SETTINGS, SHAPE, 7, model_of().state_dict(), {"generator": torch.arange(16, dtype=torch.uint8)})
    return path


# ---- there and back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        (SETTINGS, SHAPE),
        (Settings(hidden=()), (3, 2, 2)),
        (Settings(arch="conv", hidden=(2, 3), latent_dim=64, likelihood="bernoulli"), (3, 7, 6)),
    ],
    ids=["mlp", "linear", "conv"],
)
def test_a_model_comes_back_bit_for_bit(tmp_path, settings, shape) -> None:
    model = model_of(settings, shape)
    path = tmp_path / "model.safetensors"
    write(path, settings, shape, 12, model.state_dict(), {"moment": torch.arange(3.0)})
    for source in (path, str(path), path.read_bytes()):
        back = read(source)
        assert (back.settings, back.image_shape, back.step) == (settings, shape, 12)
        assert back.plan == model.plan
        assert back.training["moment"].tolist() == [0, 1, 2]
        loaded = load_model(back)
        assert not loaded.training
        assert (loaded.likelihood, loaded.sigma) == (settings.likelihood, settings.sigma)
        for name, weight in model.state_dict().items():
            assert loaded.state_dict()[name].equal(weight), name
        x = torch.rand(3, *shape)
        assert loaded.encode(x).mu.equal(model.encode(x).mu)
        assert loaded.decode(model.encode(x).mu).equal(model.decode(model.encode(x).mu))


@pytest.mark.parametrize("padding", range(0, 256, 8))
def test_no_length_of_the_header_is_taken_for_another_format(padding) -> None:
    """The length is a file's first byte, and a pickle's is 80 (hexadecimal)."""
    assert read(save(tensors(), metadata(note="x" * padding))).step == 7


def test_a_run_folder_is_its_checkpoint(tmp_path) -> None:
    write(tmp_path / "checkpoint.safetensors", SETTINGS, SHAPE, 3, model_of().state_dict())
    assert read(tmp_path).step == 3


def test_a_loaded_model_can_be_trained_without_a_trace_in_the_checkpoint(good) -> None:
    held = read(good)
    before = {name: array.copy() for name, array in held.arrays.items()}
    loaded = load_model(held)
    with torch.no_grad():
        for p in loaded.parameters():
            p += 1
    assert all(np.array_equal(held.arrays[name], array) for name, array in before.items())


# ---- writing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_old_file_and_no_litter(good, monkeypatch, failing, error) -> None:
    def fail(*_: object) -> None:
        raise error

    old = good.read_bytes()
    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(type(error)):
        write(good, SETTINGS, SHAPE, 8, model_of().state_dict())
    assert good.read_bytes() == old
    assert [p.name for p in good.parent.iterdir()] == [good.name]


def test_a_process_killed_while_it_writes_leaves_the_old_file(good) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from vae.files.atomic import write_atomically\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_atomically(Path(sys.argv[1]), b'half')"
    )
    root = Path(checkpoint.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code, str(good)], cwd=root).returncode == -signal.SIGKILL
    assert read(good).step == 7
    write_atomically(good, b"new")  # and the leftover is in nobody's way
    assert good.read_bytes() == b"new"


def test_two_writers_share_no_temporary_file(tmp_path, monkeypatch) -> None:
    beside = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (beside.append(a), replace(a, b)))
    for data in (b"one", b"two"):
        write_atomically(tmp_path / "file", data)
    assert len(set(beside)) == 2
    assert all(Path(p).parent == tmp_path for p in beside)  # a rename is atomic within one file system alone


# ---- what is no checkpoint -------------------------------------------------------------------------------------------


def test_a_path_without_a_file_is_told(tmp_path) -> None:
    assert "There is no checkpoint" in refusal(tmp_path / "none.safetensors")
    assert "There is no checkpoint" in refusal(tmp_path)  # an empty folder
    assert "There is no checkpoint" in refusal("\0")
    assert "cannot be read" in refusal("x" * 5000)


def test_what_never_ends_is_not_read(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "There is no checkpoint" in refusal(tmp_path / "pipe")
    assert "There is no checkpoint" in refusal("/dev/zero")


def test_a_file_that_cannot_be_opened_is_told(good, monkeypatch) -> None:
    def deny(_: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", deny)
    assert "cannot be read (Permission denied)" in refusal(good)


def test_a_huge_file_is_refused_without_being_read(tmp_path, monkeypatch) -> None:
    path = tmp_path / "huge.safetensors"
    with open(path, "wb") as f:
        f.truncate(checkpoint.MAX_BYTES + 1)  # sparse: it takes no room
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    assert "larger than 1 GiB" in refusal(path)


def test_a_huge_upload_is_refused(good, monkeypatch) -> None:
    data = good.read_bytes()
    monkeypatch.setattr(checkpoint, "MAX_BYTES", len(data) - 1)
    assert "larger than" in refusal(data)


class Bomb:
    """Unpickled, it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle 2", "pickle 5"])
def test_a_pickle_is_refused_and_never_opened(tmp_path, kind) -> None:
    trace, buffer = tmp_path / "trace", io.BytesIO()
    content = {"model.encoder.mu.bias": torch.zeros(2), "bomb": Bomb(trace)}
    if kind.startswith("pickle"):
        pickle.dump(Bomb(trace), buffer, protocol=int(kind[-1]))
    else:
        torch.save(content, buffer, _use_new_zipfile_serialization=kind == "zip")
    assert "pickled PyTorch file" in refusal(buffer.getvalue())
    path = tmp_path / "checkpoint.safetensors"  # the name makes it no better
    path.write_bytes(buffer.getvalue())
    assert "pickled PyTorch file" in refusal(path)
    assert not trace.exists()


def test_a_safetensors_file_of_another_program_is_told() -> None:
    assert "another program" in refusal(save({"weight": torch.zeros(3)}))
    assert "another program" in refusal(save({"weight": torch.zeros(3)}, {"format": "pt"}))


@pytest.mark.parametrize("data", [b"", b"\0", b"x" * 7, b"\0" * 8, b"\0" * 100, b"<html></html>", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_safetensors_file_is_told(data) -> None:
    assert "no .safetensors file" in refusal(data)


@pytest.mark.parametrize(
    "header", [b"{}", b"[]", b"3", b"null", b'{"__metadata__": 3}', b"[" * 100_000, b"\xff\xfe", b'{"a"', b"9" * 5000]
)
def test_a_strange_header_is_told(header) -> None:
    message = refusal(len(header).to_bytes(8, "little") + header)
    assert "no .safetensors file" in message or "another program" in message


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 10**6, checkpoint.MAX_HEADER + 1])
def test_a_header_that_claims_to_be_huge_is_not_parsed(length, monkeypatch) -> None:
    monkeypatch.setattr(json, "loads", lambda *_: pytest.fail("it was parsed"))
    data = length.to_bytes(8, "little") + b" " * (
        checkpoint.MAX_HEADER + 2 if length == checkpoint.MAX_HEADER + 1 else 9
    )
    assert "no .safetensors file" in refusal(data)


def test_a_file_cut_short_is_refused_at_every_length(good) -> None:
    data = good.read_bytes()
    for length in [*range(0, 200), *range(200, len(data), 37), len(data) - 1]:
        refusal(data[:length])
    refusal(data + b"\0")


@pytest.mark.parametrize("shape", [[10**9, 10**9], [2**40], [2**64], [-1, 3], [3, 20, 1], [0], [1.5], "3"])
def test_a_tensor_that_claims_another_size_is_refused(shape) -> None:
    refusal(with_header(lambda header: header["model.encoder.trunk.1.weight"].update(shape=shape)))


@pytest.mark.parametrize("offsets", [[0, 2**62], [10, 0], [-4, 0], [0, 4], [2**64, 2**64 + 4]])
def test_a_tensor_that_lies_elsewhere_is_refused(offsets) -> None:
    refusal(with_header(lambda header: header["model.encoder.trunk.1.weight"].update(data_offsets=offsets)))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int32, torch.float8_e4m3fn])
def test_weights_of_another_type_are_refused(dtype) -> None:
    wrong = tensors()
    wrong["model.decoder.layers.0.bias"] = wrong["model.decoder.layers.0.bias"].to(dtype)
    assert "damaged" in refusal(save(wrong, metadata()))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_numbers_are_refused(value) -> None:
    wrong = tensors()
    wrong["model.decoder.layers.2.weight"][1, 1] = value
    assert "not numbers (decoder.layers.2.weight)" in refusal(save(wrong, metadata()))


def test_a_missing_an_extra_and_a_transposed_weight_are_refused() -> None:
    missing, extra, transposed = tensors(), tensors(), tensors()
    del missing["model.encoder.logvar.bias"]
    extra["model.encoder.trunk.9.bias"] = torch.zeros(3)
    transposed["model.encoder.mu.weight"] = transposed["model.encoder.mu.weight"].T.contiguous()
    assert "encoder.logvar.bias" in refusal(save(missing, metadata()))
    assert "do not name" in refusal(save(extra, metadata()))
    assert "encoder.mu.weight" in refusal(save(transposed, metadata()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "elbo-room-0"}, "another program"),
        ({"settings": None}, "not a JSON object"),
        ({"settings": "[]"}, "not a JSON object"),
        ({"settings": '{"latent_dim": 0}'}, "latent_dim must be at least 1"),
        ({"settings": '{"beta": -1}'}, "beta must be at least 0"),
        ({"settings": '{"depth": 3}'}, "Unknown setting"),
        ({"settings": "{}"}, "does not hold the weights that its settings name"),
        ({"image_shape": None}, "no usable image shape"),
        ({"image_shape": "[1, 4]"}, "no usable image shape"),
        ({"image_shape": "[1, 0, 5]"}, "no usable image shape"),
        ({"image_shape": "[1, 4, 5.0]"}, "no usable image shape"),
        ({"image_shape": "[true, 4, 5]"}, "no usable image shape"),
        ({"image_shape": "[1, 4, 100000]"}, "no usable image shape"),
        ({"image_shape": "[" * 50_000}, "no usable image shape"),
        ({"image_shape": "{}"}, "no usable image shape"),
        ({"image_shape": "[2, 4, 5]"}, "2 channels"),
        ({"image_shape": "[1, 5, 5]"}, "does not hold the weights that its settings name"),
        ({"step": None}, "no training step"),
        ({"step": "soon"}, "no training step"),
        ({"step": "-1"}, "no training step"),
        ({"step": "9" * 5000}, "no training step"),
    ],
)
def test_wrong_metadata_is_refused(changes, message) -> None:
    assert message in refusal(save(tensors(), metadata(**changes)))


def test_metadata_that_asks_for_absurd_memory_is_refused_before_any_is_taken(monkeypatch) -> None:
    monkeypatch.setattr(checkpoint, "load_arrays", lambda _: pytest.fail("tensors were read"))
    wide = metadata(settings=Settings(hidden=(4096,) * 16).to_json(), image_shape="[3, 1024, 1024]")
    assert "million parameters is too large" in refusal(save(tensors(), wide))
    deep = metadata(settings=Settings(arch="conv", hidden=(4096,) * 6).to_json(), image_shape="[3, 1024, 1024]")
    assert "million parameters is too large" in refusal(save(tensors(), deep))


def test_a_network_that_fits_with_its_moments_in_one_file_is_allowed() -> None:
    check_size(make_plan("mlp", (4096, 2048, 1024), 64, (3, 32, 32)))  # 46 million
    with pytest.raises(InputError, match="105 million parameters"):
        check_size(make_plan("mlp", (4096,), 64, (3, 65, 65)))


@pytest.mark.slow
def test_damage_is_refused_or_harmless_whatever_it_is(good) -> None:
    """500 seeded damages: each gives an `InputError`, or a checkpoint that loads (a weight's bits, a training step)."""
    data, rng = good.read_bytes(), random.Random(0)
    header = 8 + int.from_bytes(data[:8], "little")
    tokens = [b'"', b"{", b"}", b"[", b":", b",", b"-1", b"1e999", b"null", b"true", b"NaN", b"I64", b"BF16", b"\xff"]
    tokens += [b"9" * 400, b"[" * 3000, b"\\u0000", b"\\ud800"]
    outcomes = {"refused": 0, "loaded": 0}
    for _ in range(500):
        damaged = bytearray(data)
        place = rng.randrange(header) if rng.random() < 0.8 else rng.randrange(len(data))
        match rng.randrange(5):
            case 0:
                damaged[place] = rng.randrange(256)
            case 1:
                damaged[place] ^= 1 << rng.randrange(8)
            case 2:
                del damaged[place : place + rng.randrange(1, 40)]
            case 3:
                damaged[place : place + rng.randrange(6)] = rng.choice(tokens)
            case 4:
                damaged[place:place] = damaged[8 : 8 + rng.randrange(1, header)]
        if len(damaged) != len(data) and rng.random() < 0.9:  # a header length that fits, to get past the first check
            damaged[:8] = max(0, header - 8 + len(damaged) - len(data)).to_bytes(8, "little")
        try:
            back = read(bytes(damaged))
        except InputError:
            outcomes["refused"] += 1
        else:
            assert isinstance(back, Checkpoint)
            load_model(back)
            outcomes["loaded"] += 1
    assert outcomes["refused"] > 400
    assert outcomes["loaded"] > 5
