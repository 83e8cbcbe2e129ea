"""Latents from elsewhere and to elsewhere: what is let in, what is refused, and that nothing is lost on the way."""

from __future__ import annotations

import csv
import io
import json
import pickle
import resource
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from server import open_models, published
from vae.cli import main
from vae.data import latents, table
from vae.data.latents import Latents, frame, read
from vae.errors import InputError
from vae.exports import latents_export
from vae.files.frame import unpack
from vae.files.held_out import FILE_NAME, read_held_out

GALLERY = Path(__file__).parents[2] / "assets" / "gallery"
N, K = 30, 3
RNG = np.random.default_rng(0)
MU = RNG.normal(size=(N, K)).astype(np.float32)
LOGVAR = RNG.normal(-3, 1, (N, K)).astype(np.float32)
LABELS = np.arange(N) % 4
THUMBNAILS = RNG.integers(0, 256, (N, 6, 5), dtype=np.uint8)


def an_npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def a_csv(columns: dict[str, Any], delimiter: str = ",", end: str = "\n") -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return file.getvalue().encode()


def a_parquet(columns: dict[str, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file, **options)
    return file.getvalue()


def columns_of(mu: np.ndarray, logvar: np.ndarray | None = None, **more: Any) -> dict[str, Any]:
    columns = {f"mu_{d + 1}": mu[:, d] for d in range(mu.shape[1])}
    if logvar is not None:
        columns |= {f"logvar_{d + 1}": logvar[:, d] for d in range(mu.shape[1])}
    return columns | more


def refusal(data: bytes, name: str) -> str:
    with pytest.raises(InputError) as refused:
        read(data, name)
    message = str(refused.value)
    assert message.endswith((".", "…"))
    assert "\n" not in message
    assert len(message) < 300
    return message


def here(data: bytes, kind: table.Kind) -> Latents:
    """As `read` does, without a process of its own."""
    return latents.of_table(table.parse(data, kind, f"x.{kind}"), f"x.{kind}")


# ---- in -------------------------------------------------------------------------------------------------------------


def test_arrays_come_in_as_they_are() -> None:
    found = read(an_npz(mu=MU, logvar=LOGVAR, labels=LABELS, thumbnails=THUMBNAILS, distortion=MU[:, 0]), "x.npz")
    np.testing.assert_array_equal(found.mu, MU)
    np.testing.assert_array_equal(found.logvar, LOGVAR)
    np.testing.assert_array_equal(found.labels, LABELS)
    np.testing.assert_array_equal(found.distortion, MU[:, 0])
    np.testing.assert_array_equal(found.thumbnails, THUMBNAILS[:, None])
    assert found.classes == ("0", "1", "2", "3")


def test_means_are_enough() -> None:
    for found in (read(an_npz(mu=MU.astype(np.float64)), "x.npz"), read(a_csv(columns_of(MU)), "x.csv")):
        np.testing.assert_array_equal(found.mu, MU)
        assert (found.logvar, found.distortion, found.thumbnails) == (None, None, None)
        assert found.classes == ("all",)
        assert not found.labels.any()


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (np.array([7, 3])[LABELS % 2], None, ("3", "7")),
        (np.array(["b", "a"])[LABELS % 2], None, ("a", "b")),
        (np.array(["10", "9"])[LABELS % 2], None, ("9", "10")),
        (np.array([2, 0])[LABELS % 2], ["zero", "one", "two"], ("zero", "two")),
        (np.array([5, 0])[LABELS % 2], ["zero", "one"], ("0", "5")),
        (np.array([True, False])[LABELS % 2], None, ("False", "True")),
        (np.array([7, -1, 10, 9])[LABELS], None, ("-1", "7", "9", "10")),
        (np.array(["a10", "a9", "b", "7"])[LABELS], None, ("7", "a9", "a10", "b")),
    ],
)
def test_labels_are_numbers_or_words(labels, classes, expected) -> None:
    given = {"labels": labels} | ({"classes": np.array(classes)} if classes else {})
    found = read(an_npz(mu=MU, **given), "x.npz")
    assert found.classes == expected
    named = np.array(classes)[labels] if "zero" in expected else labels.astype(str)
    np.testing.assert_array_equal(np.array(found.classes)[found.labels], named)


@pytest.mark.parametrize("names", ["mu_{}", "mu{}", "MU.{}", "mu[{}]", " mu-{} "])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_are_found_by_their_names(names, delimiter) -> None:
    columns = {names.format(d): MU[:, d] for d in (2, 0, 1)} | {"note": ["x"] * N, "Label": list("abc") * (N // 3)}
    found = here(a_csv(columns, delimiter, "\r\n"), "csv")
    np.testing.assert_array_equal(found.mu, MU)
    assert found.classes == ("a", "b", "c")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_may_be_written_in_many_ways(encoding, delimiter) -> None:
    """As Excel and R of other countries do; with decimal commas, too, where fields are not parted by commas."""
    word = "Möwe €" if encoding == "cp1252" else "Möwe"
    text = a_csv(columns_of(MU, label=[word] * N), delimiter).decode()
    commas = [text] if delimiter == "," else [text, text.replace(".", ",")]
    for one in commas:
        found = here(one.encode(encoding), "csv")
        np.testing.assert_array_equal(found.mu, MU)
        assert found.classes == (word,)


def test_decimal_commas_may_stand_in_quotes() -> None:
    assert here(b'mu_1,mu_2\n"0,5",1\n"-1,25","2e1"\n', "csv").mu.tolist() == [[0.5, 1], [-1.25, 20]]


# ---- labels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels", [LABELS[:, None], np.eye(4)[LABELS], LABELS.astype(float), np.eye(4, dtype=bool)[LABELS]]
)
def test_labels_may_be_a_column_one_hot_or_whole_floats(labels) -> None:
    found = read(an_npz(mu=MU, labels=labels), "x.npz")
    assert found.classes == ("0", "1", "2", "3")
    np.testing.assert_array_equal(found.labels, LABELS)


@pytest.mark.parametrize(
    ("columns", "classes", "notes"),
    [
        ({"target": LABELS}, ("0", "1", "2", "3"), ("labels from target",)),
        ({"y": [f"{label}.0" for label in LABELS]}, ("0", "1", "2", "3"), ("labels from y",)),
        ({"Species": list("cab") * (N // 3)}, ("a", "b", "c"), ("labels from Species",)),
        ({"class": list("cab") * (N // 3), "y": MU[:, 0]}, ("a", "b", "c"), ()),
        (
            {"target": list(range(3)) * (N // 3), "species": list("cab") * (N // 3)},
            ("c", "a", "b"),
            ("labels from species",),
        ),
        ({"label": LABELS, "target": LABELS + 5}, ("0", "1", "2", "3"), ()),
        ({"y": MU[:, 0]}, ("all",), ("no labels: y cannot be any",)),
        ({"note": LABELS}, ("all",), ("no labels",)),
        ({"label": np.array([10, 9, 11, 1])[LABELS]}, ("1", "9", "10", "11"), ()),
    ],
)
def test_labels_are_found_by_their_usual_names_or_their_lack_is_said(columns, classes, notes) -> None:
    for found in (here(a_csv(columns_of(MU, **columns)), "csv"), here(a_parquet(columns_of(MU, **columns)), "parquet")):
        assert (found.classes, found.notes) == (classes, notes)
        assert all(f" · {note} · " in latents.facts(found) for note in notes)


@pytest.mark.parametrize("name", ["label", "y", "target", "species"])
def test_arrays_of_labels_are_found_by_their_usual_names(name) -> None:
    found = read(an_npz(mu=MU, **{name: LABELS}), "x.npz")
    assert found.classes == ("0", "1", "2", "3")
    assert found.notes == (() if name == "label" else (f"labels from {name}",))
    assert read(an_npz(mu=MU, y=MU[:, 0]), "x.npz").notes == ("no labels: y cannot be any",)


def test_thumbnails_of_0_and_1_are_black_and_white_and_that_is_said() -> None:
    found = read(an_npz(mu=MU, thumbnails=THUMBNAILS > 127), "x.npz")
    assert set(np.unique(found.thumbnails)) == {0, 255}
    assert "0 and 1 of the thumbnails are taken as black and white" in latents.facts(found)


def test_too_many_values_are_no_labels_unless_they_say_they_are() -> None:
    mu = np.zeros((300, 1))
    assert here(a_csv(columns_of(mu, target=range(300))), "csv").notes == ("no labels: target cannot be any",)
    with pytest.raises(InputError, match="300 different labels"):
        here(a_csv(columns_of(mu, label=range(300))), "csv")


GIVEN = {
    "whole numbers": ([-1, 0, 7], [-1, 0, 7]),
    "with a gap": (["0", "", "7"], [0, 7, None]),
    "floats": ([0.0, 2.0, 10.0], [0, 2, 10]),
    "words": (["=1+1", "a", "'-1"], [0, 1, 2]),
    "formulas": (["-2+3", "+cmd|x", "＝x"], [0, 1, 2]),
    "quotes": (["''=x", "'b'", '"=c"'], [0, 1, 2]),
    "signs": (["-", "+", "@"], [0, 1, 2]),
}


@pytest.mark.parametrize("kind", GIVEN)
def test_labels_keep_their_values_and_order_on_the_way_out_and_in_again(kind, tmp_path) -> None:
    given, expected = GIVEN[kind]
    labels = [given[i] for i in LABELS % 3]
    first = here(a_parquet(columns_of(MU, label=labels)), "parquet")
    assert sorted(first.classes) == sorted(
        f"{name:g}" if isinstance(name, float) else str(name) or "none" for name in given
    )
    tables = {"csv": latents_export.csv(first), "parquet": latents_export.parquet(first)}
    for ending, data in tables.items():
        again = here(data, ending)
        assert (again.classes, again.values) == (first.classes, first.values)
        np.testing.assert_array_equal(again.labels, first.labels)
    rows = list(csv.DictReader(io.StringIO(tables["csv"].decode())))
    by_class = {name: i for i, name in enumerate(first.classes)}
    for row, code in zip(rows, first.labels, strict=True):
        value = expected[code]
        assert row["label"] == ("" if value is None else str(value))
        assert by_class[table.unguarded(row["class"])] == code
        assert not row["class"].startswith(("=", "@", "＝"))
        assert row["class"][:1] not in ("+", "-") or row["class"].lstrip("+-").isdecimal()
    meta, _ = unpack(frame("x", first))
    assert meta["values"] in ([], expected)


def test_a_class_of_several_labels_keeps_its_place_for_a_value() -> None:
    columns = columns_of(MU, label=LABELS) | {"class": [("even", "odd")[label % 2] for label in LABELS]}
    found = here(a_csv(columns), "csv")
    assert (found.classes, found.values) == (("even", "odd"), ())


def test_whole_numbers_at_first_may_be_broken_ones_later() -> None:
    rows = "".join(f"{i},0\n" for i in range(300_000)) + "0.5,1\n"
    assert here(b"mu_1,mu_2\n" + rows.encode(), "csv").mu[-1].tolist() == [0.5, 1]


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64(), pa.int32()])
def test_parquet_keeps_any_kind_of_number(kind) -> None:
    given = {name: pa.array(np.rint(column)).cast(kind) for name, column in columns_of(MU).items()}
    np.testing.assert_array_equal(here(a_parquet(given), "parquet").mu, np.rint(MU))


@pytest.mark.parametrize("fixed", [True, False])
def test_parquet_may_hold_lists(fixed) -> None:
    kind = pa.list_(pa.float32(), K) if fixed else pa.list_(pa.float32())
    given = {"mu": pa.array(MU.tolist(), kind), "logvar": pa.array(LOGVAR.tolist(), kind)}
    found = here(a_parquet(given), "parquet")
    np.testing.assert_array_equal(found.mu, MU)
    np.testing.assert_array_equal(found.logvar, LOGVAR)


def test_parquet_labels_may_be_a_dictionary() -> None:
    words = pa.array(["b", "a", None] * (N // 3)).dictionary_encode()
    found = here(a_parquet({**columns_of(MU), "label": words}, row_group_size=7), "parquet")
    assert found.classes == ("none", "a", "b")
    assert found.labels[:3].tolist() == [2, 1, 0]


def test_a_process_of_its_own_reads_what_this_one_does() -> None:
    columns = columns_of(MU, LOGVAR, label=[int(c) for c in LABELS], distortion=MU[:, 0]) | {
        "class": [("ant", "bee", "cat", "ant ")[c] for c in LABELS]
    }
    for data, kind in ((a_csv(columns), "csv"), (a_parquet(columns), "parquet")):
        apart, together = read(data, f"x.{kind}"), here(data, kind)
        for name, value in vars(together).items():
            np.testing.assert_array_equal(getattr(apart, name), value)
        assert apart.classes == ("ant", "bee", "cat", "ant ")  # in the order of their labels


# ---- refused --------------------------------------------------------------------------------------------------------


class _Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    ("arrays", "word"),
    [
        ({"z": MU}, "no array named mu"),
        ({"mu": MU[:, 0]}, "shape it (points, dimensions)"),
        ({"mu": MU[:0]}, "holds no points"),
        ({"mu": MU[:, :0]}, "holds no points"),
        ({"mu": np.zeros((3, 65))}, "65 dimensions; take at most 64"),
        ({"mu": np.zeros(((1 << 20) + 1, 1), np.int8)}, "1,048,577 points; take at most 1,048,576"),
        ({"mu": np.zeros((1 << 20, 33), np.int8)}, "take at most 1,016,800 of them"),
        ({"mu": MU.astype(str)}, "give it as numbers"),
        ({"mu": MU * np.nan}, "goes from nan to nan"),
        ({"mu": MU * 1e7}, "give numbers from -1e+06 to 1e+06"),
        ({"mu": MU, "logvar": LOGVAR[1:]}, "give both one shape"),
        ({"mu": MU, "logvar": LOGVAR + 40}, "give numbers from -60 to 30"),
        ({"mu": MU, "labels": LABELS[1:]}, "its labels are int64 of shape (29,)"),
        ({"mu": MU, "labels": LABELS / 2}, "its labels are float64"),
        ({"mu": np.zeros((201, 1)), "labels": np.arange(201)}, "201 different labels"),
        ({"mu": MU, "distortion": MU}, "its distortion is"),
        ({"mu": MU, "thumbnails": THUMBNAILS[1:]}, "its thumbnails are"),
        ({"mu": MU, "thumbnails": THUMBNAILS[:, 0]}, "Images must be shaped"),
        ({"mu": MU, "thumbnails": np.zeros((N, 1000, 1000, 3), np.uint8)}, "more than 64 MiB"),
    ],
)
def test_arrays_that_are_no_latents(arrays, word) -> None:
    assert word in refusal(an_npz(**arrays), "x.npz")


def test_nothing_is_unpickled(tmp_path) -> None:
    trap = _Evil(tmp_path / "sprung")
    assert "The array mu of x.npz holds Python objects" in refusal(an_npz(mu=np.array([trap] * N, object)), "x.npz")
    assert "plain arrays" in refusal(pickle.dumps(trap), "x.npz")
    for name in ("x.pt", "x.pt2", "x.pkl", "x.ckpt"):
        assert "is a pickle, which could run code and is never opened; write" in refusal(pickle.dumps(trap), name)
    assert "holds no latents" in refusal(pickle.dumps(trap), "x")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "no columns mu_1"),
        (b"\xff\xfe\x00\x00", "no columns mu_1"),
        (b"\xff\xfe\x00\xd8", "damaged"),
        (b"mu_1,mu_2\n", "holds no points"),
        (b"a,b\n1,2\n", "no columns mu_1"),
        (b"mu_1,mu_1\n1,2\n", "twice"),
        (b"mu_1,mu_01\n1,2\n", "twice"),
        (b"mu_1,mu_2\n1\n", "has 1 field in line 2, where the first line names 2; mend that line"),
        (b"mu_1,mu_2\n1,2\n\n1,2,3\n", "has 3 fields in line 4, where the first line names 2; mend that line"),
        (b"mu_1,mu_2\n1,x\n", "has 'x' in line 2 of mu_2, where a number should be; mend that line"),
        (b"mu_1;mu_2\n1,5;2\n1;2.5.1\n", r"has '2\.5\.1' in line 3 of mu_2, where a number should be"),
        (b"mu_1,mu_2\n1,5,2,5\n", "has 4 fields in line 2, where the first line names 2"),
        (b"mu_1,mu_2\n1,2\n1,\n", "1 fields that are empty or no number in mu_2, the first in row 2"),
        (b"0.5,1\n1,2\n", "begins with numbers; put a first line above them"),
        (b"label,pixel0,pixel1\n1,2,3\n", "holds pixels, not latents; to train on them, write numpy.savez"),
        (b"label,1x1,1x2\n1,2,3\n", "holds pixels, not latents"),
        (b"a,b,c,d,e\n", "has no columns mu_1, mu_2, …, but a, b, c, d; name the latent means so"),
        (b"mu_1,mu_2\n1,nan\n", "1 fields that are empty or no number"),
        (b"mu_1,mu_2\n1,inf\n", "goes from"),
        (b"mu_1,mu_2\n1,1e999\n", "goes from"),
        (b"mu_1,mu_2,logvar_1\n1,2,3\n", "other columns of logvar"),
        (b"mu_1," + b"x" * 100_000, "a first line of more than 65,536 bytes"),
        (b"mu_1,label\n" + b"".join(b"0,%d\n" % i for i in range(201)), "201 different labels"),
        (",".join(f"mu_{d}" for d in range(65)).encode() + b"\n" + b",".join([b"0"] * 65), "65 dimensions"),
    ],
)
def test_tables_that_hold_no_latents(data, word) -> None:
    with pytest.raises(InputError, match=word):
        here(data, "csv")


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ({"z": [1.0]}, "no columns mu_1"),
        ({"mu_1": ["1"]}, "string where numbers should be, in mu_1"),
        ({"mu_1": [1.0, None]}, "1 fields that are empty or no number in mu_1, the first in row 2"),
        ({"mu": [[1.0], [1.0, 2.0]]}, "lists of different lengths"),
        ({"mu": [[], []]}, "lists of different lengths"),
        ({"mu": [None, [1.0]]}, "lists of different lengths"),
        ({"mu": [[[1.0]], [[1.0]]]}, "where numbers should be"),
        ({"mu": [{"a": 1.0}]}, "where numbers should be"),
        ({"mu": [[float("nan")]]}, "goes from nan"),
        ({"mu_1": [1.0], "label": [[1]]}, "damaged"),
    ],
)
def test_parquet_that_holds_no_latents(columns, word) -> None:
    with pytest.raises(InputError, match=word):
        here(a_parquet(columns), "parquet")


def test_a_parquet_bomb_is_refused_by_its_own_count() -> None:
    """A hundred million zeros in some kilobytes."""
    data = a_parquet({"mu_1": pa.array(np.zeros(100_000_000, np.int8))}, compression="zstd")
    assert len(data) < 500_000
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    assert "100,000,000 points" in refusal(data, "x.parquet")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 30  # of the processor, not of the clock


@pytest.mark.slow
def test_a_list_bomb_is_refused_by_its_own_count() -> None:
    """Ten rows of ten million zeros each."""
    rows, long = 10, 10_000_000
    lists = pa.ListArray.from_arrays(pa.array(np.arange(rows + 1) * long, pa.int32()), np.zeros(rows * long, np.int8))
    data = a_parquet({"mu": lists}, compression="zstd")
    assert len(data) < 1_000_000
    assert "holds 100,000,000 numbers" in refusal(data, "x.parquet")


def test_more_memory_than_the_reader_may_take_is_a_refusal() -> None:
    """Twenty million rows for a reader of 400 MiB; with its usual 3 GiB, it can say how many they are."""
    data = b"mu_1\n" + b"1\n" * 20_000_000
    small = "import sys; from vae.data import table; table.MEMORY = 400 << 20; sys.exit(table.main('csv', 'x.csv'))"
    done = subprocess.run([sys.executable, "-c", small], input=data, capture_output=True)
    assert done.returncode
    assert not done.stdout
    assert "holds 20,000,000 points" in refusal(data, "x.csv")


@pytest.mark.parametrize("end", [b"", b"PAR1", b"PAR1" * 3, b"\xff\xff\xff\x7fPAR1", b"\0\0\0\0PAR1"])
def test_what_is_no_parquet_file(end) -> None:
    with pytest.raises(InputError, match="damaged"):
        here(b"PAR1" + end, "parquet")


def test_what_kills_the_reader_is_a_sentence(monkeypatch) -> None:
    monkeypatch.setattr(table.sys, "executable", "/bin/false")
    assert "no .csv file that can be read" in refusal(a_csv(columns_of(MU)), "x.csv")
    monkeypatch.undo()
    monkeypatch.setattr(table, "SECONDS", 0.01)
    assert "takes longer than 0.01 s" in refusal(a_csv(columns_of(MU)), "x.csv")


def test_what_is_not_there_or_too_large_is_told(tmp_path, monkeypatch) -> None:
    for kind in latents.ENDINGS:
        with pytest.raises(InputError, match=r"no file|cannot be read"):
            read(tmp_path / f"x{kind}", f"x{kind}")
    monkeypatch.setattr(latents, "MAX_BYTES", 100)
    assert "larger than" in refusal(a_csv(columns_of(MU)), "x.csv")
    (tmp_path / "y.csv").write_bytes(a_csv(columns_of(MU)))
    with pytest.raises(InputError, match="larger than"):
        read(tmp_path / "y.csv", "y.csv")


# ---- the frame ------------------------------------------------------------------------------------------------------


def test_the_frame_holds_what_was_given_and_no_decoder() -> None:
    given = read(an_npz(mu=MU, logvar=LOGVAR, labels=LABELS, thumbnails=THUMBNAILS, distortion=MU[:, 0]), "x.npz")
    meta, arrays = unpack(frame("mine", given))
    assert meta["plan"] == {"trunk": [], "decoder": []}
    assert meta["classes"] == ["0", "1", "2", "3"]
    np.testing.assert_array_equal(arrays["mu"], MU)
    np.testing.assert_array_equal(arrays["logvar"], LOGVAR)
    np.testing.assert_array_equal(arrays["images"], THUMBNAILS[:, None])
    np.testing.assert_array_equal(arrays["labels"], LABELS)
    rates = 0.5 * (MU**2 + np.exp(LOGVAR) - 1 - LOGVAR)
    np.testing.assert_allclose(meta["rate_per_dim"], rates.mean(axis=0), rtol=1e-5)
    meta, arrays = unpack(frame("mine", read(an_npz(mu=MU), "x.npz")))
    assert set(arrays) == {"mu", "labels", "pca"}


def many(n: int, k: int) -> Latents:
    mu = RNG.standard_normal((n, k), np.float32) * np.linspace(0, 1, k, dtype=np.float32)  # the first never changes
    return Latents(mu, mu[:, ::-1] - 4, (np.arange(n) % 10).astype(np.int32), tuple("0123456789"), None, None)


def quantised(data: bytes, name: str) -> tuple[np.ndarray, float]:
    """Values, decoded bit by bit, and their step."""
    end = 8 + struct.unpack("<I", data[4:8])[0]
    kind, (n, k), offset, columns = json.loads(data[8:end])["arrays"][name]
    assert kind == "q"
    values, begin = np.zeros((n, k)), end + offset
    for d, (low, bits) in enumerate(zip(columns["low"], columns["bits"], strict=True)):
        length = -(-n * bits // 8)
        digits = np.unpackbits(np.frombuffer(data, np.uint8, length, begin), count=n * bits, bitorder="little")
        values[:, d] = low + columns["step"] * (digits.reshape(n, bits) @ 2 ** np.arange(bits))
        begin += length
    return values, columns["step"]


@pytest.mark.parametrize(("k", "exactness"), [(2, 1 / 65_535), (8, 1 / 20_000)])
def test_a_million_points_travel_in_few_bytes(k, exactness) -> None:
    given = many(1_000_000, k)
    data = frame("million", given)
    assert len(data) < 20_000_000
    assert given.logvar is not None
    for name, exact in (("mu", given.mu), ("logvar", given.logvar)):
        found, step = quantised(data, name)
        assert abs(found - exact).max() <= 0.5001 * step
        said = latents.facts(given).split(f"{name} ")[1].split(" · ")[0].split(", ")[0].rpartition("±")[2]
        assert float(said) == float(f"{step / 2:.1g}")
        assert "e" not in said
        if name == "mu":
            assert step <= 1.0001 * exactness * np.ptp(exact, axis=0).max()


def test_of_points_that_would_be_too_many_bytes_however_coarse_one_in_so_many_is_shown(monkeypatch) -> None:
    given = many(30_001, 12)
    monkeypatch.setattr(latents, "MOST", 200_000)
    data = frame("many", given)
    assert len(data) < 210_000
    stride = json.loads(data[8 : 8 + struct.unpack("<I", data[4:8])[0]])["stride"]
    assert stride > 1
    found, step = quantised(data, "mu")
    assert step < np.ptp(given.mu) / 900
    rows = latents.sampled(len(given.mu), stride)
    np.testing.assert_array_equal(rows // stride, np.arange(len(found)))
    assert np.bincount(rows % 10).min() > 0.09 * len(rows)  # labels that go round and round are all there
    assert abs(found - given.mu[rows]).max() <= 0.5001 * step
    assert f"one point in {stride} is shown" in latents.facts(given)


# ---- out ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "kind"), [("digits-2d", "csv"), ("mnist-10d", "parquet"), ("mnist-10d", "csv")])
def test_a_table_of_a_model_comes_back_bit_for_bit(model, kind, tmp_path, capsys) -> None:
    target = tmp_path / f"latents.{kind}"
    assert main(["export", str(GALLERY / model), "-o", str(target)]) == 0
    assert "is written" in capsys.readouterr().out
    kept, found = read_held_out(GALLERY / model / FILE_NAME), read(target, target.name)
    for name in ("mu", "logvar", "labels", "distortion"):
        np.testing.assert_array_equal(getattr(found, name), getattr(kept, name))
    assert found.classes == tuple("0123456789")


def test_no_class_is_a_formula_in_a_spreadsheet() -> None:
    from dataclasses import replace

    from vae.exports import latents_export
    from vae.exports.opening import open_path

    model = open_path(GALLERY / "digits-2d", lambda checkpoint, run: None)
    odd = replace(model, run=replace(model.run, classes=("=1+1", "-2", "+3", "@4", "a,b", 'c"d', "7", "8", "", "9")))
    rows = list(csv.DictReader(io.StringIO(latents_export.csv(odd).decode())))
    assert {row["class"] for row in rows} == {"'=1+1", "-2", "+3", "'@4", "a,b", 'c"d', "7", "8", "", "9"}
    assert "=1+1" in parquet.read_table(io.BytesIO(latents_export.parquet(odd))).column("class").to_pylist()


def test_the_rate_in_a_table_is_that_of_its_row(tmp_path) -> None:
    assert main(["export", str(GALLERY / "digits-2d"), "-o", str(tmp_path / "x.parquet")]) == 0
    rows = parquet.read_table(tmp_path / "x.parquet").to_pydict()
    mu, logvar = (np.array([rows[f"{what}_{d}"] for d in (1, 2)]) for what in ("mu", "logvar"))
    np.testing.assert_allclose(rows["rate"], 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum(0), rtol=1e-5)
    assert rows["index"] == read_held_out(GALLERY / "digits-2d" / FILE_NAME).index.tolist()


def test_the_projector_s_folder(tmp_path) -> None:
    folder = tmp_path / "new" / "projector"
    for _ in range(2):  # once more into the same folder
        assert main(["export", str(GALLERY / "digits-2d"), "-o", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "metadata.tsv", "projector_config.pbtxt", "sprite.png", "vectors.tsv",
    ]  # fmt: skip
    kept = read_held_out(GALLERY / "digits-2d" / FILE_NAME)
    vectors = np.loadtxt(folder / "vectors.tsv", np.float32, delimiter="\t")
    np.testing.assert_array_equal(vectors[:, :2], kept.mu)
    assert vectors.shape[1] == 3  # of fewer dimensions, the Projector shows nothing
    assert not vectors[:, 2].any()
    lines = (folder / "metadata.tsv").read_text().splitlines()
    assert lines[0].split("\t") == ["class", "index", "distortion", "rate"]
    assert [int(line.split("\t")[0]) for line in lines[1:]] == kept.labels.tolist()
    places = int(np.ceil(np.sqrt(len(kept.labels))))
    with Image.open(folder / "sprite.png") as sprite:
        assert sprite.size == (8 * places, 8 * places)
        last = len(kept.labels) - 1
        row, column = divmod(last, places)
        box = (8 * column, 8 * row, 8 * column + 8, 8 * row + 8)
        np.testing.assert_array_equal(np.asarray(sprite.crop(box)), kept.images[last, 0])
    assert (folder / "projector_config.pbtxt").read_text().count("single_image_dim: 8\n") == 2


def test_latents_from_elsewhere_go_out_with_what_is_known_of_them(tmp_path, capsys) -> None:
    """As tables they come back bit for bit; for the Projector, without images there is no sprite."""
    known = {"logvar": 0.1 * MU, "labels": LABELS, "distortion": MU[:, 0] ** 2}
    for given in ({}, known):
        source = tmp_path / "mine.npz"
        source.write_bytes(an_npz(mu=MU, **given))
        for target in (tmp_path / "out.csv", tmp_path / "out.parquet"):
            assert main(["export", str(source), "-o", str(target)]) == 0
            found = read(target, target.name)
            for name, value in vars(read(source, source.name)).items():
                if name == "notes":  # a table always has a column of labels
                    continue
                np.testing.assert_array_equal(getattr(found, name), value, err_msg=name)
        assert main(["export", str(source), "-o", str(tmp_path / "out.zip")]) == 0
        with zipfile.ZipFile(tmp_path / "out.zip") as archive:
            names = {name.removeprefix("out/") for name in archive.namelist()}
            assert names == {"vectors.tsv", "metadata.tsv", "projector_config.pbtxt"}
            vectors = np.loadtxt(io.BytesIO(archive.read("out/vectors.tsv")), np.float32, delimiter="\t")
            np.testing.assert_array_equal(vectors, MU)
            titles = archive.read("out/metadata.tsv").decode().splitlines()[0].split("\t")
            assert titles == ["class", "index", *(["distortion", "rate"] if given else [])]
            assert b"sprite" not in archive.read("out/projector_config.pbtxt")
    capsys.readouterr()


@pytest.mark.parametrize("out", ["x.html", "x.csv"])
def test_a_beta_path_is_named_as_what_it_is(out, tmp_path, capsys) -> None:
    path = GALLERY.parent / "paths" / "digits-2d.safetensors"
    assert main(["export", str(path), "-o", str(tmp_path / out)]) == 2
    assert "is a beta path" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["nowhere", "none.npz", "none.safetensors"])
def test_what_is_not_there_cannot_go_out(name, tmp_path, capsys) -> None:
    assert main(["export", str(tmp_path / name), "-o", str(tmp_path / "x.html")]) == 2
    assert "; give a run folder, a .safetensors file, or latents as" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "x.h5",
            "x.h5 is an HDF5 file, which is not read here; write it anew with numpy.savez('new.npz', mu=h5py.File(",
        ),
        ("x.ckpt", "x.ckpt is a pickle, which could run code and is never opened; write numpy.savez('new.npz', mu="),
        ("x.pt", "x.pt is a pickle, which could run code"),
        ("x.npy", "x.npy is an .npy file of one array; write numpy.savez('new.npz', mu=numpy.load(path))."),
        ("x.xlsx", "x.xlsx is a spreadsheet, which is not read here; save it as .csv."),
    ],
)
def test_files_of_other_kinds_are_told_what_to_do(name, said, tmp_path, capsys) -> None:
    """At every door: the command line, a path on this machine, an upload, the library."""
    (tmp_path / name).write_bytes(b"junk")
    assert main(["export", str(tmp_path / name), "-o", str(tmp_path / "out.csv")]) == 2
    assert capsys.readouterr().err.startswith(said)
    for door, given in (
        (open_models.add_path, [str(tmp_path / name)]),
        (open_models.add_upload, [name, b"junk"]),
        (read, [b"", name]),
    ):
        with pytest.raises(InputError) as error:
            door(*given)
        assert str(error.value).startswith(said)
        assert len(str(error.value)) < 300


def test_a_table_parted_by_tabs_is_read_as_one() -> None:
    np.testing.assert_array_equal(read(a_csv(columns_of(MU), "\t"), "x.tsv").mu, MU)
    with pytest.raises(InputError, match="begins with numbers; put a first line above them"):
        read(a_csv(dict(enumerate(MU.T)), "\t"), "vectors.tsv")  # as the Projector writes them


def test_a_sprite_is_never_larger_than_the_projector_takes() -> None:
    from vae.exports.latents_export import SPRITE, _sprite

    data, (width, height) = _sprite(np.full((30, 3, 1024, 2000), 77, np.uint8))
    with Image.open(io.BytesIO(data)) as sprite:
        assert max(sprite.size) <= SPRITE
        assert sprite.getpixel((0, 0)) == (77, 77, 77)
    assert (width, height) == (1365, 699)


@pytest.mark.parametrize(
    ("out", "word"), [("x.pdf", "must end in .html, .csv, .parquet or .zip"), ("a-file", "is a file")]
)
def test_where_it_cannot_be_written_is_told(out, word, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a-file").write_text("kept")
    assert main(["export", str(GALLERY / "digits-2d"), "-o", out]) == 2
    assert word in capsys.readouterr().err
    assert Path("a-file").read_text() == "kept"


# ---- on the page ----------------------------------------------------------------------------------------------------


def test_uploaded_latents_open_as_a_map_and_as_nothing_else() -> None:
    model = open_models.add_upload("mine.npz", an_npz(mu=MU, labels=LABELS))
    assert open_models.available(model)[model] == "mine.npz (uploaded)"
    opened = open_models.open_model(model)
    assert opened.encoder is None
    assert "30 points · 3-D latent space · no decoder" in opened.facts
    assert published.is_published(opened.frame)
    with pytest.raises(InputError, match="latents alone"):
        open_models.contents(model)


def test_latents_at_a_path_are_opened_afresh_when_they_change(tmp_path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(a_csv(columns_of(MU)))
    model = open_models.add_path(str(path))
    first = open_models.open_model(model)
    assert open_models.open_model(model) == first
    path.write_bytes(a_csv(columns_of(MU[:20])))
    assert "20 points" in open_models.open_model(model).facts
    with pytest.raises(InputError, match="latents alone"):
        open_models.contents(model)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="no columns"):
        open_models.open_model(model)


def test_an_upload_opens_no_other_file_of_this_machine(tmp_path, monkeypatch) -> None:
    """A model that says it was trained on a folder here does not show what is in it."""
    from vae.files.checkpoint import _described
    from vae.model import VAE
    from vae.plan import make_plan
    from vae.settings import Settings

    np.savez(tmp_path / "private.npz", images=np.zeros((30, 4, 4), np.uint8))
    settings, shape = Settings(data=str(tmp_path / "private.npz"), hidden=(3,)), (1, 4, 4)
    from safetensors.torch import save

    weights = VAE(make_plan("mlp", (3,), 2, shape), shape, "bernoulli").state_dict()
    data = save({f"model.{key}": value for key, value in weights.items()}, _described(settings, shape, 1))
    assert open_models.contents(open_models.add_upload("x.safetensors", data)).held_out is None
    (tmp_path / "x.safetensors").write_bytes(data)
    assert open_models.contents(open_models.add_path(str(tmp_path / "x.safetensors"))).held_out is not None


@pytest.mark.slow
def test_a_frame_of_a_million_points_is_short(tmp_path: Path) -> None:
    path, rng, n = tmp_path / "a.npz", np.random.default_rng(0), 1_000_000
    labels = rng.integers(0, 4, n)
    mu = rng.normal(0, 1.5, (4, 2))[labels] + rng.normal(0, 0.5, (n, 2))
    mu[:3] = rng.uniform(8, 9, (3, 2))  # a few far away
    logvar = rng.normal(-4, 0.5, (n, 2))
    np.savez(path, mu=mu.astype(np.float32), logvar=logvar.astype(np.float32), labels=labels)
    assert len(frame("many", read(path, path.name))) < 20e6
