"""Columns of latents out of .csv and .parquet files from elsewhere, read by pyarrow in a process of its own.

Parquet is a large format, read by a large library: the process bounds what a file can do to memory and time, and
whatever happens to it happens to nobody else. `python -m vae.table csv|parquet NAME` reads the file from its standard
input and writes an .npz to its standard output, or one sentence to its standard error.
"""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from vae.arrays import read_npz, texts
from vae.errors import InputError
from vae.memory import bound
from vae.pictures import MOST_CLASSES

Kind = Literal["csv", "parquet"]
MEMORY = 3 << 30  # bytes that the process that reads may take
SECONDS = 60  # that it may take, with a million rows
MAX_BYTES = 1 << 29  # of a file, and of its arrays unpacked
MAX_POINTS = 1 << 20
MAX_DIMENSIONS = 64
MAX_VALUES = 1 << 25  # points times dimensions
MAX_HEADER = 1 << 16
MAX_COLUMNS = 1000
BAD_INPUT = 2  # exit code

_NUMBERED = re.compile(r"(mu|logvar)[ _.\[-]?(\d{1,4})\]?", re.IGNORECASE)
_WHOLE = ("mu", "logvar")  # a column of lists
_NAMED = {"label": "label", "labels": "label", "class": "class", "distortion": "distortion"}
_NUMPY = {"label": ("label_codes", "label_names"), "class": ("class_codes", "class_names")}


class Coded(NamedTuple):
    """Text as numbers: the text of row n is `names[codes[n]]`."""

    codes: np.ndarray
    names: list[str]


def check_size(n: int, k: int, name: str) -> None:
    """`InputError` for more than can be shown."""
    if not n or not k:
        raise InputError(f"{name} holds no points; give it rows of mu.")
    if n > MAX_POINTS:
        raise InputError(f"{name} holds {n:,} points; take at most {MAX_POINTS:,}.")
    if k > MAX_DIMENSIONS:
        raise InputError(f"{name} has {k:,} dimensions; take at most {MAX_DIMENSIONS}.")
    if n * k > MAX_VALUES:
        raise InputError(f"{name} holds {n:,} points of {k} dimensions; take at most {MAX_VALUES // k:,} of them.")


def read_apart(data: bytes, kind: Kind, name: str) -> dict[str, Any]:
    """The columns of a file, read in a process of its own: "mu", and perhaps "logvar", "distortion", "label", "class".

    Raises `InputError` in one sentence.
    """
    command = [sys.executable, "-m", "vae.table", kind, name[-60:]]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, cwd=Path(__file__).parents[1])
    except subprocess.TimeoutExpired:
        raise InputError(f"{name} takes longer than {SECONDS} s to read; take fewer points.") from None
    if done.returncode == BAD_INPUT:
        raise InputError(done.stderr.decode("utf-8", "replace").strip())
    if done.returncode:
        raise InputError(f"{name} is no .{kind} file that can be read, or it is damaged or too large; write it anew.")
    wanted = ("mu", "logvar", "distortion", *(part for pair in _NUMPY.values() for part in pair))
    arrays = read_npz(done.stdout, name, wanted, 4 * MAX_BYTES, "write it anew")
    coded = {key: (arrays.pop(codes), arrays.pop(names)) for key, (codes, names) in _NUMPY.items() if codes in arrays}
    return arrays | {key: Coded(codes, names.tolist()) for key, (codes, names) in coded.items()}


def parse(data: bytes, kind: Kind, name: str) -> dict[str, Any]:
    """The columns of a file, read here."""
    import pyarrow

    try:
        return _columns(_from_csv(data, name) if kind == "csv" else _from_parquet(data, name), name)
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, KeyError, MemoryError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is no .{kind} file of latents, or it is damaged; write it anew.") from None


# ---- which columns --------------------------------------------------------------------------------------------------


class _Layout:
    """Which of a file's columns say what."""

    def __init__(self, names: list[str], name: str) -> None:
        self.numbered: dict[str, dict[int, str]] = {"mu": {}, "logvar": {}}
        self.named: dict[str, str] = {}
        for column in names[:MAX_COLUMNS]:
            self._take(column, name)
        if not self.numbered["mu"] and "mu" not in self.named:
            raise InputError(f"{name} has no columns mu_1, mu_2, …; name the latent means so.")
        given = self.numbered["logvar"].keys()
        if given and given != self.numbered["mu"].keys():
            raise InputError(f"{name} has other columns of logvar than of mu; give each mu_1, mu_2, … its logvar.")

    def _take(self, column: str, name: str) -> None:
        plain = column.strip().lower()
        match = _NUMBERED.fullmatch(plain)
        slot = self.numbered[match[1]] if match else self.named
        key: Any = int(match[2]) if match else plain if plain in _WHOLE else _NAMED.get(plain)
        if key is None:
            return
        if key in slot:
            raise InputError(f"{name} names the column {column.strip()[:40]} twice; name each once.")
        slot[key] = column

    def groups(self) -> dict[str, list[str]]:
        """ "mu", "logvar" → their columns in order."""
        numbered = {what: [columns[i] for i in sorted(columns)] for what, columns in self.numbered.items() if columns}
        return {what: [self.named[what]] for what in _WHOLE if what in self.named} | numbered

    def all(self) -> list[str]:
        return list(dict.fromkeys([c for group in self.groups().values() for c in group] + list(self.named.values())))


def _from_csv(data: bytes, name: str) -> tuple[Any, _Layout]:
    import pyarrow
    from pyarrow import csv as arrow

    line = re.split(rb"[\r\n]", data[:MAX_HEADER], maxsplit=1)[0].decode("utf-8-sig")
    delimiter = max(",;\t", key=line.count)
    names = next(csv.reader([line], delimiter=delimiter), [])
    layout = _Layout(names, name)
    numbers = [c for group in layout.groups().values() for c in group]
    numbers += [layout.named["distortion"]] if "distortion" in layout.named else []
    kinds = {c: pyarrow.float64() for c in numbers} | {
        c: pyarrow.string() for role, c in layout.named.items() if role in _NUMPY
    }
    table = arrow.read_csv(
        pyarrow.BufferReader(data),
        read_options=arrow.ReadOptions(use_threads=False, column_names=names, skip_rows=1),
        parse_options=arrow.ParseOptions(delimiter=delimiter),
        convert_options=arrow.ConvertOptions(column_types=kinds, include_columns=layout.all()),
    )
    return table, layout


def _from_parquet(data: bytes, name: str) -> tuple[Any, _Layout]:
    import pyarrow
    from pyarrow import parquet

    with parquet.ParquetFile(pyarrow.BufferReader(data)) as file:
        layout = _Layout(list(file.schema_arrow.names), name)
        check_size(file.metadata.num_rows, 1, name)
        _check_values(file.metadata, set(layout.all()), name)
        return file.read(columns=layout.all(), use_threads=False), layout


def _check_values(metadata: Any, wanted: set[str], name: str) -> None:
    """`InputError` where lists hold more numbers than can be shown, before they are read."""
    groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
    chunks = (group.column(i) for group in groups for i in range(group.num_columns))
    values = sum(chunk.num_values for chunk in chunks if chunk.path_in_schema.split(".")[0] in wanted)
    if values > 2 * MAX_VALUES + 3 * MAX_POINTS:  # mu and logvar; label, class and distortion
        raise InputError(f"{name} holds {values:,} numbers; take fewer points.")


# ---- what is in them ------------------------------------------------------------------------------------------------


def _columns(found: tuple[Any, _Layout], name: str) -> dict[str, Any]:
    table, layout = found
    groups = layout.groups()
    check_size(table.num_rows, len(groups["mu"]), name)
    columns: dict[str, Any] = {what: _matrix(table, names, name) for what, names in groups.items()}
    readers: dict[str, Callable[[Any, str], Any]] = {"distortion": _numbers, "label": _coded, "class": _coded}
    for role, column in layout.named.items():
        if role in readers:
            columns[role] = readers[role](table.column(column), name)
    return columns


def _matrix(table: Any, names: list[str], name: str) -> np.ndarray:
    first = table.column(names[0])
    if len(names) == 1 and hasattr(first.type, "value_type") and hasattr(first.type, "value_field"):
        return _lists(first, name)
    matrix = np.empty((table.num_rows, len(names)), np.float32)
    for d, column in enumerate(names):
        matrix[:, d] = _numbers(table.column(column), name)
    return matrix


def _numbers(column: Any, name: str) -> np.ndarray:
    import pyarrow

    kind = column.type
    if not (pyarrow.types.is_floating(kind) or pyarrow.types.is_integer(kind)):
        raise InputError(f"{name} has {kind} where numbers should be; write them as numbers.")
    if column.null_count:
        raise InputError(
            f"{name} has {column.null_count:,} fields that are empty or no number; fill or drop these rows."
        )
    with np.errstate(over="ignore"):  # what is infinite then is refused as such
        return column.cast(pyarrow.float64(), safe=False).to_numpy().astype(np.float32)


def _lists(column: Any, name: str) -> np.ndarray:
    import pyarrow
    from pyarrow import compute

    lengths = compute.unique(compute.list_value_length(column)).to_pylist()
    if len(lengths) != 1 or not lengths[0]:
        raise InputError(f"{name} has lists of different lengths in a row of latents; give all rows the same.")
    check_size(len(column), lengths[0], name)
    flat = _numbers(pyarrow.chunked_array([compute.list_flatten(column)]), name)
    return flat.reshape(len(column), lengths[0])


def _coded(column: Any, name: str) -> Coded:
    import pyarrow

    if pyarrow.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    coded = column.cast(pyarrow.string()).fill_null("").combine_chunks().dictionary_encode()
    if len(coded.dictionary) > MOST_CLASSES:
        raise InputError(
            f"{name} has {len(coded.dictionary):,} different labels; give it at most {MOST_CLASSES} classes."
        )
    return Coded(coded.indices.to_numpy(), texts(np.array(coded.dictionary.to_pylist())))


# ---- the process of its own -----------------------------------------------------------------------------------------


def main(kind: Kind, name: str) -> int:
    """Read standard input, write standard output."""
    bound(MEMORY, SECONDS)
    try:
        columns = parse(sys.stdin.buffer.read(), kind, name)
    except InputError as error:
        sys.stderr.write(str(error))
        return BAD_INPUT
    for key, parts in _NUMPY.items():
        if key in columns:
            codes, names = columns.pop(key)
            columns |= dict(zip(parts, (codes, np.array(names)), strict=True))
    packed = io.BytesIO()
    np.savez(packed, **columns)
    sys.stdout.buffer.write(packed.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))  # type: ignore[arg-type]
