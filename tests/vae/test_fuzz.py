"""Two thousand files for every door through which one can come: each is taken or refused in one sentence.

No other exception, no more than 5 s, and never more than `MEMORY`, which is what a picture of 50 megapixels takes to be
decoded. The files are the same ones every time, but for constants that Hypothesis finds in whatever else is loaded.
"""

from __future__ import annotations

import io
import json
import shutil
import stat
import struct
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet
from safetensors.numpy import save

from server import open_models, runs_root, uploaded_images
from server.byte_cache import ByteCache
from vae.data import latents, table
from vae.data.pictures import Fit, read_folder
from vae.errors import InputError
from vae.files import checkpoint
from vae.settings import Settings

pytestmark = pytest.mark.slow

SECONDS = 5.0  # of this process's own time, so that a busy machine fails nothing
MEMORY = 512 << 20  # bytes above what there was before the first file
PROC = Path("/proc/self/status")


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(runs_root, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(open_models, "_uploads", ByteCache(MEMORY // 4))  # later tests find none of it
    torch.set_flush_denormal(False)  # which a training in this process has set
    return tmp_path


def resident(what: str) -> int:
    """Bytes of memory: now ("VmRSS"), or at the most so far ("VmHWM"); 0 where the system does not say."""
    if not PROC.exists():
        return 0
    return int(next(line for line in PROC.read_text().splitlines() if line.startswith(what)).split()[1]) << 10


def fuzz(files: st.SearchStrategy[Any], door: Callable[[Any], object], number: int) -> Counter[str]:
    """Send `number` files through a door; how many were "taken" and how many "refused"."""
    seen: Counter[str] = Counter()

    @settings(
        max_examples=number, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(files)
    def send(file: Any) -> None:
        started = time.process_time()
        try:
            door(file)
            seen["taken"] += 1
        except InputError as error:
            seen["refused"] += 1
            said = str(error)
            assert said.endswith((".", "…")), said
            assert "\n" not in said
            assert len(said) < 400
        assert time.process_time() - started < SECONDS

    before = resident("VmRSS")
    if PROC.exists():
        Path("/proc/self/clear_refs").write_text("5")  # the most so far is from now on
    send()
    assert resident("VmHWM") - before < MEMORY
    return seen


# ---- what files are made of -----------------------------------------------------------------------------------------

NUMBERS = (0, 1, 2, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes], most: int = 6) -> bytes:
    """One of the `seeds` with some places changed, cut, repeated or overwritten with extreme numbers."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, most))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.sampled_from(["byte", "byte", "number", "number", "cut", "drop", "repeat", "junk"]))
        if kind == "byte" and data:
            data[at] = draw(st.integers(0, 255))
        elif kind == "number":
            size = draw(st.sampled_from([1, 2, 4, 8]))
            number = draw(st.sampled_from(NUMBERS)) % 256**size
            data[at : at + size] = number.to_bytes(size, draw(st.sampled_from(["little", "big"])))
        elif kind == "cut":
            del data[at:]
        elif kind == "drop":
            del data[at : at + draw(st.integers(1, 64))]
        elif kind == "repeat":
            data[at:at] = data[at : at + draw(st.integers(1, 200))]
        else:
            data[at:at] = draw(st.binary(max_size=16))
    return bytes(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def a_header(entries: dict[str, Any], tail: bytes) -> bytes:
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text + tail


def a_model(width: int = 40, shape: tuple[int, int, int] = (1, 2, 2)) -> bytes:
    chosen = Settings(hidden=(width,), data="digits")
    plan = checkpoint.make_plan("mlp", (width,), 2, shape)
    arrays = {f"model.{k}": np.zeros(s, np.float32) for k, s in checkpoint.parameter_shapes(plan).items()}
    return save(arrays, checkpoint._described(chosen, shape, 5))


@st.composite
def models(draw: st.DrawFn) -> bytes:
    """A header of any content, or of the right one but for some values."""
    right = json.loads(Settings(hidden=(3,)).to_json())
    changes = draw(st.dictionaries(st.sampled_from([*right, "more"]), JSON | st.sampled_from(NUMBERS), max_size=2))
    metadata: dict[str, Any] = {
        "format": checkpoint.FORMAT, "step": draw(st.sampled_from(["5", "-1", "x"])),
        "settings": json.dumps(right | changes),
        "image_shape": json.dumps(draw(st.sampled_from([[1, 2, 2], [3, 1024, 1024], [1, 0, 2], "x", [[]]]))),
    }  # fmt: skip
    metadata |= draw(st.dictionaries(st.sampled_from(list(metadata)), JSON, max_size=1))
    tensors = draw(
        st.dictionaries(
            st.sampled_from(["model.encoder.mu.weight", "x", ""]),
            st.fixed_dictionaries(
                {
                    "dtype": st.sampled_from(["F32", "F64", "BOOL", "X", ""]),
                    "shape": st.lists(st.sampled_from(NUMBERS), max_size=4),
                    "data_offsets": st.lists(st.sampled_from(NUMBERS), min_size=2, max_size=2),
                }
            ),
            max_size=2,
        )
    )
    return a_header({"__metadata__": metadata} | tensors, draw(st.binary(max_size=40)))


def an_npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    return file.getvalue()


@st.composite
def npys(draw: st.DrawFn) -> bytes:
    """An .npy file: whole and small, or with a header that says anything."""
    if draw(st.booleans()):
        kind = draw(st.sampled_from(["u1", "f4", "f8", "i8", ">i4", "b1", "c8", "U3", "S2", "f2"]))
        shape = draw(st.lists(st.sampled_from([0, 1, 2, 3, 20, 25, 30]), max_size=4))
        fill = draw(st.sampled_from([0, 1, -1, 300, 0.5, float("nan"), float("inf")]))
        with np.errstate(all="ignore"):
            return an_npy(np.full(shape, fill).astype(kind))
    kind = draw(
        st.sampled_from(
            ["|u1", "<f4", "<f8", "<i8", "|O", "|V8", "<U1", "<U9999999", "<M8[s]", "[('a', '<f4')]", "f0", "?"]
        )
    )
    shape = draw(st.lists(st.sampled_from([*NUMBERS, 20, -1]), max_size=4))
    order = draw(st.sampled_from(["True", "False", "None", "0"]))
    descr = draw(st.sampled_from([f"'{kind}'", kind]))
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {tuple(shape)}, }}"
    padded = draw(st.sampled_from([text, "(" * 5000, text + " " * 60, text[:-3]])).encode() + b"\n"
    version = draw(st.sampled_from([b"\1\0", b"\2\0", b"\3\0", b"\4\0"]))
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(padded))
    return b"\x93NUMPY" + version + length + padded + draw(st.binary(max_size=300))


def an_archive(
    members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED, links: tuple[str, ...] = ()
) -> bytes:
    file = io.BytesIO()
    with catch_warnings(), zipfile.ZipFile(file, "w", compression) as archive:
        simplefilter("ignore")  # the same name twice
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)  # of no date, and so the same every time
        for name in links:
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, "/etc/passwd")
    return file.getvalue()


def npzs(names: list[str], seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """.npz files: damaged ones, and whole ones of any arrays."""
    keys = st.sampled_from([f"{name}.npy" for name in names] + ["x.npy", names[0]])
    compressions = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    made = st.builds(an_archive, st.dictionaries(keys, npys(), max_size=4), compressions)
    return made | damaged(seeds) | damaged(seeds, 1)


def a_picture(kind: str, width: int, height: int, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height)).save(file, kind)
    return file.getvalue()


PICTURES = [a_picture(kind, 9, 7) for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")]
PICTURES += [a_picture("PNG", 3, 3, "P"), a_picture("PNG", 3, 3, "I;16"), a_picture("PNG", 8, 8, "RGBA")]
PICTURES += [a_picture("TIFF", 5, 5, mode) for mode in ("F", "I", "I;16", "1")] + [b"P2\n2 2\n9\n0 1 2 3\n"]
NAMES = [
    "a/1.png",
    "a/2.jpg",
    "b/3.gif",
    "4.bmp",
    "c/5.webp",
    "../6.png",
    "/7.png",
    "C:\\8.png",
    "é/9.PNG",
    "a/notes.txt",
    "train/a/10.tif",
    "test/11",
    "a/b/12.heic",
]
PLAIN = {f"{'ab'[i % 2]}/{i}.png": PICTURES[0] for i in range(22)}


@st.composite
def zips(draw: st.DrawFn) -> bytes:
    """Enough good pictures and some that are not, in an archive that is whole or not."""
    good = PLAIN if draw(st.integers(0, 4)) else {}
    odd = draw(
        st.dictionaries(
            st.sampled_from(NAMES)
            | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=6),
            damaged(PICTURES),
            max_size=4,
        )
    )
    links = tuple(draw(st.lists(st.sampled_from(NAMES[:3]), max_size=1)))
    whole = an_archive(good | odd, links=links)
    return whole if draw(st.integers(0, 3)) else draw(damaged([whole]))


# ---- the doors ------------------------------------------------------------------------------------------------------


def test_a_model_to_explore() -> None:
    seen = fuzz(
        models() | damaged([a_model()], 3) | damaged([a_model(w, (3, w, 2)) for w in range(1, 40)], 1),
        lambda data: open_models.add_upload("x.safetensors", data),
        400,
    )
    assert seen["taken"] > 2
    assert seen["refused"] > 200


def test_images_as_npz() -> None:
    pixels, labels = np.zeros((25, 3, 3), np.uint8), np.arange(25) % 3
    seeds = [
        an_archive({"images.npy": an_npy(pixels), "labels.npy": an_npy(labels)}, compression)
        for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    ]
    files = npzs(["images", "labels", "classes"], seeds)
    seen = fuzz(files, lambda data: uploaded_images.add("x.npz", data), 300)
    assert seen["taken"] > 2
    assert seen["refused"] > 150


def test_images_as_npy() -> None:
    files = npys() | damaged([an_npy(np.zeros((25, 3, 3), np.uint8))], 2)
    seen = fuzz(files, lambda data: uploaded_images.add("x.npy", data), 100)
    assert min(seen["taken"], seen["refused"]) > 2


def test_pictures_as_a_zip() -> None:
    seen = fuzz(zips(), lambda data: uploaded_images.add("x.zip", data, 8), 400)
    assert min(seen["taken"], seen["refused"]) > 15


def test_pictures_as_a_folder(folder) -> None:
    number = count()
    odd = st.dictionaries(
        st.sampled_from([name for name in NAMES if name[0] not in "./C"]), damaged(PICTURES), max_size=5
    )

    def read(files: dict[str, bytes]) -> None:
        root = folder / str(next(number))
        for name, data in (PLAIN | files).items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (root / "up.png").symlink_to("..")
        (root / "round").symlink_to(root)
        try:
            assert "2 links" in read_folder(root, Fit(8), 1 << 20).remark
        finally:
            shutil.rmtree(root)

    assert fuzz(odd, read, 100)["taken"] == 100


def shown(found: latents.Latents) -> None:
    """What is taken can be shown: its frame can be made, and says what it is."""
    assert latents.frame("x", found)[:4] == b"ELBF"
    assert latents.facts(found)


@st.composite
def whole_latents(draw: st.DrawFn) -> bytes:
    """Arrays that go together but for one, perhaps, with values of any size."""
    n, k = draw(st.integers(1, 4)), draw(st.sampled_from([1, 2, 5, 64, 65]))
    numbers = st.sampled_from([0, 0.5, -3, 1e5, 1e9, float("nan")]) | st.floats(-10, 10)
    arrays = {
        "mu": np.full((n, k), draw(numbers)),
        "logvar": np.full((n, k + draw(st.integers(0, 1))), draw(numbers)),
        "labels": draw(st.sampled_from([np.arange(n), np.array(["a"] * n), np.full(n, -5), np.zeros(n), np.eye(n)])),
        "y": draw(st.sampled_from([np.arange(n), np.full((n, 1), -5.0), np.linspace(0, 1, n), np.array("y")])),
        "classes": np.array(["x", "y"]),
        "images": np.zeros(draw(st.sampled_from([(n, 2, 2), (n, 3, 2, 2), (n, 2, 2, 4), (n + 1, 2, 2)])), np.uint8),
    }
    kept = draw(st.sets(st.sampled_from(list(arrays)))) | {"mu"}
    return an_archive({f"{key}.npy": an_npy(arrays[key]) for key in sorted(kept)})


def test_latents_as_npz() -> None:
    mu = np.linspace(-1, 1, 60).reshape(20, 3)
    whole = {"mu": mu, "logvar": mu, "labels": np.arange(20) % 3, "thumbnails": np.zeros((20, 2, 2), np.uint8)}
    seeds = [
        an_archive({f"{key}.npy": an_npy(array) for key, array in whole.items()}, compression)
        for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    ]
    files = npzs(["mu", "logvar", "labels", "classes", "thumbnails", "distortion"], seeds) | whole_latents()
    seen = fuzz(files, lambda data: shown(latents.read(data, "x.npz")), 300)
    assert min(seen["taken"], seen["refused"]) > 2


CELLS = st.sampled_from(
    ["0", "1.5", "-2e3", "0,5", "'=1", "7.0", "nan", "inf", "1e999", "", '"', "x", "0x10", "\0", "9" * 400]
) | st.text(max_size=5)
HEADS = st.sampled_from(
    ["mu_1", "mu_2", "logvar_1", "logvar_2", "label", "class", "distortion", "mu", "MU[3]", "target", "y", "x", ""]
)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    heads = draw(st.lists(HEADS, max_size=5))
    cells = st.sampled_from(["0", "1.5", "-3"]) if draw(st.booleans()) else CELLS
    rows = draw(st.lists(st.lists(cells, min_size=len(heads), max_size=len(heads)), max_size=5))
    delimiter = draw(st.sampled_from(",;\t"))
    lines = [delimiter.join(row) for row in [heads, *rows]]
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-16", "utf-16-le"]))
    return draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines).encode(encoding, "surrogatepass")


def parsed(kind: table.Kind) -> Callable[[bytes], None]:
    """What the process that reads tables does, without one for each: that would take half a second every time."""
    return lambda data: shown(latents.of_table(table.parse(data, kind, f"x.{kind}"), f"x.{kind}"))


def test_latents_as_csv() -> None:
    seeds = [b"mu_1,mu_2,logvar_1,logvar_2,label\n" + b"0.5,-1,-3,-2,a\n1,2,-3,-4,b\n" * 5]
    seen = fuzz(tables() | damaged(seeds), parsed("csv"), 250)
    assert min(seen["taken"], seen["refused"]) > 2


def some_parquet() -> list[bytes]:
    numbers = np.linspace(-1, 1, 40).astype(np.float32)
    columns = {"mu_1": numbers, "mu_2": numbers, "label": ["a", "b"] * 20}
    lists = {"mu": pa.array(numbers.reshape(20, 2).tolist()), "class": pa.array(["a", "b"] * 10).dictionary_encode()}
    made = []
    for content, options in ((columns, {}), (lists, {"compression": "none"}), (columns, {"use_dictionary": False})):
        file = io.BytesIO()
        parquet.write_table(pa.table(content), file, **options)
        made.append(file.getvalue())
    return made


def test_latents_as_parquet() -> None:
    seen = fuzz(damaged(some_parquet(), 3), parsed("parquet"), 140)
    assert min(seen["taken"], seen["refused"]) > 2


def test_tables_in_a_process_of_their_own() -> None:
    files = st.tuples(damaged(some_parquet(), 2), st.just("x.parquet")) | st.tuples(tables(), st.just("x.csv"))
    seen = fuzz(files, lambda file: shown(latents.read(*file)), 10)
    assert sum(seen.values()) == 10
