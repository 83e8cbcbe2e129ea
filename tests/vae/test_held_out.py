"""The held-out file: whole, or refused in one sentence; never unpickled, never unpacked beyond a bound."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from vae.errors import InputError
from vae.files import held_out
from vae.files.held_out import HeldOut, read_held_out, save_held_out


def arrays(n: int = 20, k: int = 2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "images": rng.integers(0, 256, (n, 1, 4, 4), dtype=np.uint8),
        "labels": rng.integers(0, 10, n, dtype=np.int32),
        "index": np.arange(n, dtype=np.int32),
        "mu": rng.standard_normal((n, k), dtype=np.float32),
        "logvar": rng.standard_normal((n, k), dtype=np.float32),
        "distortion": rng.standard_normal(n, dtype=np.float32),
    }


def packed(contents: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **contents)  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.fixture
def refuse(tmp_path):
    """Check that bytes are refused in one sentence, and hand that back."""

    def check(data: bytes) -> str:
        path = tmp_path / "held_out.npz"
        path.write_bytes(data)
        with pytest.raises(InputError) as caught:
            read_held_out(path)
        assert str(caught.value).endswith(".")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return check


def test_arrays_come_back_as_they_were(tmp_path) -> None:
    path = tmp_path / "held_out.npz"
    save_held_out(path, HeldOut(**arrays()))
    for source in (path, str(path)):
        for name, array in vars(read_held_out(source)).items():
            assert np.array_equal(array, arrays()[name])
            assert array.dtype == arrays()[name].dtype
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_missing_file_is_told(tmp_path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        read_held_out(tmp_path / "none.npz")
    with pytest.raises(InputError, match="holds no held-out images"):
        read_held_out(tmp_path)  # a folder


@pytest.mark.parametrize(
    "changes",
    [
        {"mu": np.zeros((20, 3), np.float32)},
        {"mu": np.zeros((19, 2), np.float32), "logvar": np.zeros((19, 2), np.float32)},
        {"mu": np.zeros((20, 0), np.float32), "logvar": np.zeros((20, 0), np.float32)},
        {"mu": np.zeros((20, 2))},
        {"mu": np.zeros(20, np.float32)},
        {"mu": np.full((20, 2), np.nan, np.float32)},
        {"logvar": np.full((20, 2), np.inf, np.float32)},
        {"distortion": np.full(20, -np.inf, np.float32)},
        {"distortion": np.zeros((20, 1), np.float32)},
        {"labels": np.zeros(19, np.int32)},
        {"labels": np.zeros(20, np.float32)},
        {"index": np.zeros((), np.int32)},
        {"images": np.zeros((20, 16), np.uint8)},
        {"images": np.zeros((20, 1, 4, 4), np.float32)},
        {"images": np.zeros((), np.uint8)},
        {"extra": np.zeros(20)},
    ],
    ids=lambda changes: ",".join(f"{name} {a.dtype}{list(a.shape)}" for name, a in changes.items()),
)
def test_arrays_that_do_not_fit_together_are_refused(refuse, changes) -> None:
    assert "holds no held-out images" in refuse(packed(arrays() | changes))


def test_a_missing_array_and_none_at_all_are_refused(refuse) -> None:
    for name in arrays():
        refuse(packed({n: a for n, a in arrays().items() if n != name}))
    refuse(packed({}))
    refuse(packed({name: a[:0] for name, a in arrays().items()}))  # no images


@pytest.mark.parametrize("data", [b"", b"x", b"PK\x03\x04", b"\x80\x04]\x94.", b"\x93NUMPY\x01\x00", b"\0" * 1000])
def test_what_is_no_archive_is_refused(refuse, data) -> None:
    refuse(data)


class Bomb:
    """Unpickled, it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickled_array_is_refused_and_never_opened(refuse, tmp_path) -> None:
    trace = tmp_path / "trace"
    refuse(packed(arrays() | {"labels": np.array([Bomb(trace)] * 20, dtype=object)}))
    assert not trace.exists()


def test_an_archive_that_unpacks_beyond_the_bound_is_refused_before_it_does(refuse, monkeypatch) -> None:
    monkeypatch.setattr(held_out, "MAX_BYTES", 10_000)
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("it was unpacked"))
    refuse(packed(arrays() | {"images": np.zeros((20, 1, 100, 100), np.uint8)}))


def test_an_array_that_claims_to_be_huge_is_refused(refuse) -> None:
    data, members = packed(arrays()), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(members, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(
                name, content.replace(b"(20, 2)", b"(20, 2" + b"0" * 20 + b")") if name == "mu.npy" else content
            )
    refuse(members.getvalue())


def test_a_file_cut_short_is_refused(refuse) -> None:
    data = packed(arrays())
    for length in range(0, len(data), 29):
        refuse(data[:length])


def test_damage_is_refused_or_harmless_whatever_it_is(tmp_path) -> None:
    data, rng, path = packed(arrays()), random.Random(0), tmp_path / "held_out.npz"
    refused = 0
    for _ in range(500):
        damaged = bytearray(data)
        place = rng.randrange(len(data))
        match rng.randrange(3):
            case 0:
                damaged[place] = rng.randrange(256)
            case 1:
                del damaged[place : place + rng.randrange(1, 40)]
            case 2:
                damaged[place:place] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 20)))
        path.write_bytes(damaged)
        try:
            assert isinstance(read_held_out(path), HeldOut)
        except InputError:
            refused += 1
    assert 300 < refused < 500


def test_a_header_of_any_kind_is_refused_or_harmless(tmp_path) -> None:
    """The archive is whole, with its checksums; what it says of the arrays is not."""
    rng, path = random.Random(0), tmp_path / "held_out.npz"
    with zipfile.ZipFile(io.BytesIO(packed(arrays()))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    tokens = [
        b"(",
        b")",
        b"{",
        b"'",
        b"-1",
        b"0",
        b"9" * 19,
        b"9" * 5000,
        b"1.5",
        b"True",
        b"L",
        b"|O",
        b"<M8[s]",
        b"\xff",
    ]
    tokens += [b"(" * 500, b"(0, 99999999999999999999)", b"\n", b"\0", b","]
    refused = 0
    for _ in range(500):
        name = rng.choice(list(members))
        damaged = bytearray(members[name])
        place, token = rng.randrange(128), rng.choice(tokens)
        damaged[place : place + rng.choice([0, 1, len(token)])] = token
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in (members | {name: bytes(damaged)}).items():
                archive.writestr(member, content)
        try:
            assert isinstance(read_held_out(path), HeldOut)
        except InputError:
            refused += 1
    assert 300 < refused < 500
