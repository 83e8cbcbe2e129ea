"""One's own images: an .npz file is a data set like any other, and whatever else a file may be is one sentence."""

from __future__ import annotations

import io
import pickle
import random
import resource
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from vae.data import own_images
from vae.data.image_arrays import Images
from vae.data.image_sets import load
from vae.errors import InputError
from vae.exports.facts import facts
from vae.files import checkpoint
from vae.files.runs import default_folder, read
from vae.settings import Settings
from vae.training.recorder import run

pytestmark = pytest.mark.usefixtures("one_thread")

N = 40


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


LABELS = np.arange(N) % 4


def saved(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def refused(path: Path) -> str:
    """The one sentence that refuses the file."""
    with pytest.raises(InputError) as error:
        load(str(path))
    message = str(error.value)
    assert message.endswith((".", "…"))
    assert "\n" not in message
    assert len(message) < 300
    return message


# ---- good ones ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((N, 6, 5), (1, 6, 5)), ((N, 6, 5, 3), (3, 6, 5)), ((N, 3, 6, 5), (3, 6, 5)), ((N, 1, 6, 5), (1, 6, 5))],
)
@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_every_image_is_in_one_split(shape, expected, write, tmp_path) -> None:
    given = pixels(*shape)
    write(tmp_path / "mine.npz", images=given, labels=LABELS)
    mine = load(str(tmp_path / "mine.npz"))
    assert mine.name == "mine"
    assert mine.image_shape == expected
    assert mine.classes == ("0", "1", "2", "3")
    splits = (mine.train, mine.validation, mine.test)
    assert [len(split.labels) for split in splits] == [24, 4, 12]
    channels_first = Images.of(given, LABELS)
    wanted = sorted(zip(map(bytes, channels_first.pixels), LABELS.tolist(), strict=True))
    found = [pair for split in splits for pair in zip(map(bytes, split.pixels), split.labels.tolist(), strict=True)]
    assert sorted(found) == wanted


def test_the_splits_are_always_the_same_ones(tmp_path) -> None:
    given = pixels(N, 6, 5)
    one = load(str(saved(tmp_path / "a.npz", images=given, labels=LABELS)))
    other = load(str(saved(tmp_path / "b.npz", images=given / 255, labels=LABELS.astype(np.uint8))))
    assert one.fingerprint == other.fingerprint
    changed = saved(tmp_path / "c.npz", images=255 - given, labels=LABELS)
    assert load(str(changed)).fingerprint != one.fingerprint


def test_labels_may_be_missing(tmp_path) -> None:
    mine = load(str(saved(tmp_path / "a.npz", images=pixels(N, 4, 4))))
    assert mine.classes == ("0",)
    assert not mine.train.labels.any()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["cat", "dog", "owl", "fox"], ("cat", "dog", "owl", "fox")),
        (["cat"], ("cat", "1", "2", "3")),
        (["a", "b", "c", "d", "e", "f"], ("a", "b", "c", "d")),
        ([], ("0", "1", "2", "3")),
        ([7, 8, 9, 10], ("7", "8", "9", "10")),
        (["x" * 500, "b", "c", "d"], ("x" * 60, "b", "c", "d")),
        ("single", ("single", "1", "2", "3")),
        ([["a", "b"], ["c", "d"]], ("a", "b", "c", "d")),
    ],
)
def test_classes_may_be_named(names, expected, tmp_path) -> None:
    mine = load(str(saved(tmp_path / "a.npz", images=pixels(N, 4, 4), labels=LABELS, classes=names)))
    assert mine.classes == expected


def test_other_arrays_do_not_matter(tmp_path) -> None:
    path = saved(tmp_path / "a.npz", images=pixels(N, 4, 4), notes=np.array(["mine"]), more=np.zeros(5))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("pickled.npy", npy(np.array([{}], object)))
        archive.writestr("README", "nothing to see")
    assert len(load(str(path)).train.labels) == 24


def test_a_run_trains_on_ones_own_images(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path / "mine.npz", images=pixels(N, 6, 6), labels=LABELS, classes=["a", "b", "c", "d"])
    settings = Settings.of({"data": str(path), "hidden": [8], "epochs": 2, "batch_size": 5, "device": "cpu"})
    folder = default_folder(settings)
    assert folder == Path("runs", "mine-mlp-2d")
    assert len(list(run(settings, folder, load(settings.data)))) == 10
    result = read(folder)
    assert result.finished
    assert (result.settings.data, result.classes, result.train_images) == (str(path), ("a", "b", "c", "d"), 24)
    saved(path, images=pixels(N, 6, 6, seed=1), labels=LABELS)
    (folder / "status.json").unlink()
    with pytest.raises(InputError, match="other images"):
        next(run(settings, folder, load(settings.data), resume=True))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32])
def test_0_and_1_are_black_and_white_and_that_is_said(dtype, tmp_path) -> None:
    ones = pixels(N, 4, 4) > 127
    mine = load(str(saved(tmp_path / "a.npz", images=ones.astype(dtype), labels=LABELS)))
    assert set(np.unique(mine.train.pixels)) == {0, 255}
    mean = 255 * ones.mean()
    assert mine.remark == (
        f"a.npz: 40 images of 4 × 4; 0 and 1 are taken as black and white; pixels from 0 to 255, mean {mean:.1f}; "
        "labels from labels."
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (pixels(N, 4, 4) // 16, "pixels from 0 to 15, mean {}; so little contrast"),
        (np.repeat(pixels(1, 4, 4), N, 0), "; all 40 images are alike: look at the files; no labels."),
        (np.where(np.arange(N)[:, None, None] < 3, 0, pixels(N, 4, 4)), "; 3 of 40 images are of one plain colour;"),
        (pixels(N, 4, 4), "; pixels from 0 to 255, mean {}; no labels."),
    ],
)
def test_a_remark_says_what_the_pixels_are_and_what_is_suspicious(given, said, tmp_path) -> None:
    remark = load(str(saved(tmp_path / "a.npz", images=given.astype(np.uint8)))).remark
    assert said.format(f"{given.mean():.1f}") in remark


@pytest.mark.parametrize("name", ["labels", "label", "y", "target", "targets"])
def test_labels_are_found_by_their_usual_names(name, tmp_path) -> None:
    mine = load(str(saved(tmp_path / "a.npz", images=pixels(N, 4, 4), **{name: LABELS[:, None].astype(float)})))
    assert mine.classes == ("0", "1", "2", "3")
    assert f"; labels from {name}." in mine.remark


@pytest.mark.parametrize("values", [np.linspace(0, 1, N), np.arange(N) - 7, np.arange(N) * 100, LABELS[1:]])
def test_what_may_be_something_else_is_passed_over_where_it_cannot_be_labels(values, tmp_path) -> None:
    mine = load(str(saved(tmp_path / "a.npz", images=pixels(N, 4, 4), y=values)))
    assert mine.classes == ("0",)
    assert "; no labels." in mine.remark


def test_a_remark_goes_into_the_run_and_its_facts(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path / "<b>.npz", images=pixels(N, 4, 4) > 127, labels=LABELS)
    settings = Settings.of({"data": str(path), "hidden": [8], "epochs": 1, "batch_size": 8, "device": "cpu"})
    images = load(settings.data)
    for _ in run(settings, "out", images):
        pass
    found = read("out")
    assert found.remark == images.remark
    line = facts("mine", checkpoint.read("out"), found)
    assert ' · <span class="room-remark" title="&lt;b&gt;.npz: 40 images of 4 × 4; 0 and 1' in line
    assert ">0 and 1 are taken as black and white; pixels from 0 to 255, mean " in line


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "train.csv",
            "train.csv is a table, not a file of images; write its pixels with numpy.savez('new.npz', images=",
        ),
        ("x.tsv", "x.tsv is a table"),
        (
            "x.h5",
            "x.h5 is an HDF5 file, which is not read here; write it anew with numpy.savez('new.npz', images=h5py.",
        ),
        ("x.hdf5", "x.hdf5 is an HDF5 file"),
        ("x.pt", "x.pt is a pickle, which could run code and is never opened; write numpy.savez('new.npz', images="),
        ("x.ckpt", "x.ckpt is a pickle"),
        ("x.tar.gz", "x.tar.gz is an archive of a kind that is not read here; unpack it, or pack it anew as .zip."),
        ("x.mat", "x.mat is a MATLAB file"),
        ("cat.png", "cat.png is one picture; give a folder of pictures"),
        ("x.doc", "x.doc is neither an .npz, .npy nor .zip file, nor a folder of pictures; give one of these."),
    ],
)
def test_files_of_other_kinds_are_told_what_to_do(name, said, tmp_path) -> None:
    """Whether they are named by a path, by a bare name or come as an upload."""
    (tmp_path / name).write_bytes(b"junk")
    assert refused(tmp_path / name).startswith(said)
    with pytest.raises(InputError) as error:
        own_images.read(b"junk", name)
    assert str(error.value).startswith(said)
    if name not in ("cat.png", "x.doc"):
        with pytest.raises(InputError) as error:
            Settings(data=name)
        assert str(error.value).startswith(said)
    (tmp_path / name).unlink()
    assert refused(tmp_path / name) == f"There is no file {tmp_path / name}; choose another image set."


# ---- all the others -------------------------------------------------------------------------------------------------


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array)
    return buffer.getvalue()


def header(text: str) -> bytes:
    """An .npy file that has nothing but a header."""
    padded = text.encode("latin-1") + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded


def archived(path: Path, compression: int = zipfile.ZIP_STORED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def test_a_file_that_is_not_there(tmp_path) -> None:
    assert refused(tmp_path / "a.npz") == f"There is no file {tmp_path / 'a.npz'}; choose another image set."


@pytest.mark.parametrize(
    "content",
    [
        b"", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18, b"\x93NUMPY", b"images", b"\0" * 1000, pickle.dumps({"a": 1}),
        b"\x89PNG\r\n\x1a\n" + b"\0" * 100, npy(pixels(N, 4, 4)), header("{}"),
    ],
)  # fmt: skip
def test_what_is_no_npz_file(content, tmp_path) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    said = refused(tmp_path / "a.npz")
    assert said.startswith(("a.npz is no .npz file of plain arrays, or it is damaged; ", "a.npz holds no array named"))
    assert said.endswith("write it with numpy.savez(path, images=..., labels=...).")


def test_a_folder_is_no_file(tmp_path) -> None:
    (tmp_path / "a.npz").mkdir()
    assert refused(tmp_path / "a.npz") == "a.npz is a folder, not a file; give the file, or rename the folder."


@pytest.mark.parametrize(
    ("arrays", "word"),
    [
        ({"pictures": pixels(N, 4, 4)}, "holds no array named images, but pictures; write"),
        (
            {"images": pixels(N, 4, 4), "labels": np.array(["2026-01-01"] * N, "M8[D]")},
            "The array labels of a.npz holds dates",
        ),
        (
            {"images": np.zeros(N, [("a", "u1"), ("b", "u1")])},
            "The array images of a.npz holds records of several fields; save it as a plain array",
        ),
        ({"labels": LABELS}, "holds no array named images"),
        ({"images": pixels(N, 16)}, "shaped"),
        ({"images": pixels(N, 2, 4, 4)}, "1 or 3 channels"),
        ({"images": pixels(N, 1, 4, 4, 1)}, "shaped"),
        ({"images": pixels(0, 4, 4)}, "empty"),
        ({"images": np.uint8(3)}, "shaped"),
        ({"images": np.uint8(3), "labels": LABELS}, "shaped"),
        ({"images": np.array("picture")}, "shaped"),
        ({"images": pixels(N, 2, 1025)}, "1024"),
        ({"images": pixels(N, 4, 4).astype(int)}, "uint8"),
        ({"images": pixels(N, 4, 4) / 1.0}, r"[0, 1]"),
        ({"images": np.full((N, 4, 4), np.nan)}, "NaN"),
        ({"images": pixels(N, 4, 4) * 1j}, "uint8"),
        ({"images": pixels(19, 4, 4)}, "holds 19 images; give it at least 20"),
        ({"images": pixels(N, 4, 4), "labels": LABELS[:-1]}, "labels of shape (39,)"),
        ({"images": pixels(N, 4, 4), "labels": np.stack([LABELS, LABELS])}, "labels of shape (2, 40)"),
        ({"images": pixels(N, 4, 4), "labels": np.int64(1)}, "labels of shape ()"),
        ({"images": pixels(N, 4, 4), "labels": LABELS / 2}, "whole numbers"),
        ({"images": pixels(N, 4, 4), "labels": LABELS - 1}, "whole numbers"),
        ({"images": pixels(N, 4, 4), "labels": LABELS.astype(str)}, "whole numbers"),
        ({"images": pixels(N, 4, 4), "labels": LABELS + 197}, "a label 200; number at most 200 classes"),
        ({"images": pixels(N, 4, 4), "labels": LABELS.astype(np.uint64) + 2**63}, "whole numbers"),
    ],
)
def test_arrays_that_are_no_images(arrays, word, tmp_path) -> None:
    assert word in refused(saved(tmp_path / "a.npz", **arrays))


class Trap:
    """Unpickling it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["images", "labels", "classes"])
def test_nothing_is_unpickled(name, tmp_path) -> None:
    arrays = {"images": pixels(N, 4, 4), "labels": LABELS, "classes": np.array(["a"])}
    arrays[name] = np.array([Trap(tmp_path / "sprung")] * N, object)
    said = refused(saved(tmp_path / "a.npz", **arrays))
    assert said.startswith(f"The array {name} of a.npz holds Python objects, which are never unpickled; save it as")
    np.save(tmp_path / "a.npy", arrays[name])
    assert name != "images" or "a.npy holds Python objects" in refused(tmp_path / "a.npy")
    assert not (tmp_path / "sprung").exists()


@contextmanager
def little_memory(more: int) -> Iterator[None]:
    """Of the address space, no more than `more` bytes above what is taken."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path) -> None:
    """A quarter of a GiB in 1 MB: by its directory alone; where that lies, no more than it says is unpacked."""
    path = tmp_path / "a.npz"
    pack = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with pack, pack.open("images.npy", "w", force_zip64=True) as member:
        member.write(header("{'descr': '|u1', 'fortran_order': False, 'shape': (262144, 32, 32), }"))
        for _ in range(64):
            member.write(bytes(1 << 22))
    with little_memory(100 << 20), pytest.raises(InputError, match="holds more than 128 MiB when unpacked"):
        own_images.read(path, "a.npz", most=1 << 27)

    true_size = pack.infolist()[0].file_size
    path.write_bytes(path.read_bytes().replace(struct.pack("<L", true_size), struct.pack("<L", 1000)))
    with little_memory(100 << 20):
        assert "damaged" in refused(path)


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (999999999999, 32, 32), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999999, 32, 32), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 3, 3), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1.5, 3), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '|V99999999999', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': None, 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '|u1', 'fortran_order': 'no', 'shape': (2, 3), }",
        "{'descr': '|u1'}",
        "__import__('os').abort()",
        "(" * 9000,
        "-" * 9000 + "1",
        "[" * 150 + "]" * 150,
        "{" * 200,
        "\xff\xfe",
        "",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), " + " " * 20_000 + "}",
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::SyntaxWarning")
def test_a_header_that_lies(text, tmp_path) -> None:
    refused(archived(tmp_path / "a.npz", images=header(text), labels=npy(LABELS)))


@pytest.mark.parametrize(
    "content", [b"", b"plain text", b"\x93NUMPY\x09\x00aaaaaaaaaaaa", b"\x93NUMPY\x01\x00\xff\xff"]
)
def test_members_that_are_no_arrays(content, tmp_path) -> None:
    for name in ("images", "labels"):
        members = {"images": npy(pixels(N, 4, 4)), "labels": npy(LABELS), name: content}
        refused(archived(tmp_path / "a.npz", **members))


def test_a_file_with_a_password(tmp_path) -> None:
    path = saved(tmp_path / "a.npz", images=pixels(N, 4, 4))
    content = bytearray(path.read_bytes())
    content[6] |= 1  # in the member's own header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    path.write_bytes(content)
    assert "a.npz is encrypted" in refused(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_without_a_bound_is_refused(compression, tmp_path) -> None:
    """A few bytes of these unpack to a hundred megabytes at once; numpy writes neither."""
    refused(archived(tmp_path / "a.npz", compression, images=npy(pixels(N, 4, 4))))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_file_is_refused_or_read_never_worse(compression, tmp_path) -> None:
    """A few hundred files with some bytes changed or cut off."""
    chance = random.Random(compression)
    members = {"images": npy(pixels(N, 4, 4)), "labels": npy(LABELS), "classes": npy(np.array(["a", "b", "c", "d"]))}
    path = archived(tmp_path / "a.npz", compression, **members)
    assert load(str(path)).classes == ("a", "b", "c", "d")
    whole = path.read_bytes()
    refusals = 0
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(chance.choice([1, 1, 3, 30])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        if chance.random() < 0.2:
            del content[chance.randrange(len(content)) :]
        path.write_bytes(content)
        try:
            load(str(path))
        except InputError:
            refusals += 1
    assert refusals > 75
