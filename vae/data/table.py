"""Columns of latents from .csv, .tsv and .parquet files of unknown sources, read by pyarrow in a separate process.

Parquet is a complex format. The separate process limits memory and time, and a crash does not affect the caller.
`python -m vae.data.table csv|parquet NAME` reads the file from its standard input and writes an .npz to its standard
output, or an error message of one sentence to its standard error.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from vae.data.arrays import read_npz, texts
from vae.data.pictures import MOST_CLASSES
from vae.errors import InputError
from vae.memory import bound

Kind = Literal["csv", "parquet"]
MEMORY = 3 << 30  # bytes of memory that the separate process may use
SECONDS = 60  # seconds that it may take, for a million rows
MAX_BYTES = 1 << 29  # of a file, and of its arrays unpacked
MAX_POINTS = 1 << 20
MAX_DIMENSIONS = 64
MAX_VALUES = 1 << 25  # points times dimensions
MAX_HEADER = 1 << 16
MAX_COLUMNS = 1000
BAD_INPUT = 2  # exit code

_NUMBERED = re.compile(r"(mu|logvar)[ _.\[-]?(\d{1,4})\]?", re.IGNORECASE)
_WHOLE = ("mu", "logvar")  # a column of lists
_NAMED = {"distortion": ("distortion",), "label": ("label", "labels"), "class": ("class",)}
MAYBE_LABELS = {"label": ("targets", "target", "y"), "class": ("species", "category", "classes")}  # if they fit
_ROLES = {  # name of a column → its role, and its rank among the names of that role
    name: (role, rank) for role in _NAMED for rank, name in enumerate((*_NAMED[role], *MAYBE_LABELS.get(role, ())))
}
_NUMPY = {"label": ("label_codes", "label_names"), "class": ("class_codes", "class_names")}
_TEXTS = ("labels_from", "passed_over")
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_EMPTY = re.compile(rf"\s*({_NUMBER}|[+-]?inf(inity)?|nan|n/?a|null|#n/?a|)\s*", re.IGNORECASE)
_PIXELS = re.compile(r"(pixel|px)[ _]?\d+|\d+x\d+")
_RUN = re.compile(
    r"'*[=+\-@\t\r\n＝＋－＠]"
)  # spreadsheets take text that begins so as a formula; a quote before it prevents this
_PIECE = 1 << 24  # bytes
SHOWN = 4  # columns that a message lists


class Coded(NamedTuple):
    """Text as numbers: the text of row n is `names[codes[n]]`."""

    codes: np.ndarray
    names: list[str]


def guarded(text: str) -> str:
    """Text that a spreadsheet does not run as a formula: with a quote before it where needed; numbers are unchanged."""
    return f"'{text}" if _RUN.match(text) and not re.fullmatch(_NUMBER, text) else text


def unguarded(text: str) -> str:
    """The inverse of `guarded`."""
    return text[1:] if text.startswith("'") and _RUN.match(text) else text


def check_size(n: int, k: int, name: str) -> None:
    """`InputError` for no points (n) or dimensions (k), or more than the limits."""
    if not n or not k:
        raise InputError(f"{name} holds no points; give it rows of mu.")
    if n > MAX_POINTS:
        raise InputError(f"{name} holds {n:,} points; take at most {MAX_POINTS:,}.")
    if k > MAX_DIMENSIONS:
        raise InputError(f"{name} has {k:,} dimensions; take at most {MAX_DIMENSIONS}.")
    if n * k > MAX_VALUES:
        raise InputError(f"{name} holds {n:,} points of {k} dimensions; take at most {MAX_VALUES // k:,} of them.")


def read_apart(data: bytes, kind: Kind, name: str) -> dict[str, Any]:
    """The columns of a file, read in a separate process: "mu", and optional "logvar", "distortion", "label", "class".

    "labels_from" is the name of the column of labels, "passed_over" that of one which does not fit as labels. Raises
    `InputError` where the file cannot be read within the limits.
    """
    command = [sys.executable, "-m", "vae.data.table", kind, name[-60:]]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, cwd=Path(__file__).parents[2])
    except subprocess.TimeoutExpired:
        raise InputError(f"{name} takes longer than {SECONDS} s to read; take fewer points.") from None
    if done.returncode == BAD_INPUT:
        raise InputError(done.stderr.decode("utf-8", "replace").strip())
    if done.returncode:
        raise InputError(f"{name} is no .{kind} file that can be read, or it is damaged or too large; write it anew.")
    wanted = ("mu", "logvar", "distortion", *_TEXTS, *(part for pair in _NUMPY.values() for part in pair))
    arrays = read_npz(done.stdout, name, wanted, 4 * MAX_BYTES, "write it anew")
    coded = {key: (arrays.pop(codes), arrays.pop(names)) for key, (codes, names) in _NUMPY.items() if codes in arrays}
    remarks = {key: str(arrays.pop(key)) for key in _TEXTS if key in arrays}
    return arrays | remarks | {key: Coded(codes, names.tolist()) for key, (codes, names) in coded.items()}


def parse(data: bytes, kind: Kind, name: str) -> dict[str, Any]:
    """The columns of a file, read in this process; otherwise as `read_apart`."""
    import pyarrow

    try:
        if kind == "csv":
            return _columns(_from_csv(data, name), name, unguarded)
        return _columns(_from_parquet(data, name), name, str)
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, KeyError, MemoryError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is no .{kind} file of latents, or it is damaged; write it anew.") from None


# ---- roles of columns -----------------------------------------------------------------------------------------------


class _Layout:
    """The roles of the columns of a file, by their names. `InputError` without mu or for contradictory names."""

    def __init__(self, names: list[str], name: str) -> None:
        self.numbered: dict[str, dict[int, str]] = {"mu": {}, "logvar": {}}
        self.named: dict[str, str] = {}
        self.ranks: dict[str, int] = {}
        for column in names[:MAX_COLUMNS]:
            self._assign(column, name)
        if not self.numbered["mu"] and "mu" not in self.named:
            raise InputError(f"{name} {_without_mu(names)}.")
        given = self.numbered["logvar"].keys()
        if given and given != self.numbered["mu"].keys():
            raise InputError(f"{name} has other columns of logvar than of mu; give each mu_1, mu_2, … its logvar.")

    def _assign(self, column: str, name: str) -> None:
        plain = column.strip().lower()
        match = _NUMBERED.fullmatch(plain)
        slot = self.numbered[match[1]] if match else self.named
        role, rank = _ROLES.get(plain, (plain if plain in _WHOLE else None, 0))
        key: Any = int(match[2]) if match else role
        if key is None:
            return
        if key in slot and (match or rank == self.ranks[key]):
            raise InputError(f"{name} names the column {column.strip()[:40]} twice; name each once.")
        if match or rank <= self.ranks.get(key, rank):
            slot[key] = column
            self.ranks[key] = rank

    def is_guess(self, role: str) -> bool:
        """Whether the name of the column leaves its role uncertain."""
        return self.ranks[role] >= len(_NAMED[role])

    def groups(self) -> dict[str, list[str]]:
        """ "mu" and "logvar", each with its columns in order."""
        numbered = {what: [columns[i] for i in sorted(columns)] for what, columns in self.numbered.items() if columns}
        return {what: [self.named[what]] for what in _WHOLE if what in self.named} | numbered

    def numbers(self) -> list[str]:
        """The names of the columns of numbers."""
        columns = [c for group in self.groups().values() for c in group]
        return columns + ([self.named["distortion"]] if "distortion" in self.named else [])

    def all(self) -> list[str]:
        return list(dict.fromkeys([c for group in self.groups().values() for c in group] + list(self.named.values())))


def _without_mu(names: list[str]) -> str:
    """Part of the message for a table without means."""
    plain = [column.strip() for column in names]
    if sum(_PIXELS.fullmatch(column.lower()) is not None for column in plain) > len(plain) // 2:
        write = "numpy.savez('new.npz', images=table.reshape(-1, 28, 28), labels=...)"
        return f"holds pixels, not latents; to train on them, write {write} and open that on the page Train"
    if plain and all(re.fullmatch(_NUMBER, column) for column in plain):
        return "begins with numbers; put a first line above them that names the columns mu_1, mu_2, …"
    there = texts(np.array([column for column in plain if column][:SHOWN]), 30)
    return f"has no columns mu_1, mu_2, …{', but ' + ', '.join(there) if there else ''}; name the latent means so"


def _from_csv(data: bytes, name: str) -> tuple[Any, _Layout]:
    import pyarrow

    data = _utf8(data)
    line = re.split(rb"[\r\n]", data[: MAX_HEADER + 1], maxsplit=1)[0]
    if len(line) > MAX_HEADER:
        raise InputError(f"{name} has a first line of more than {MAX_HEADER:,} bytes; name fewer columns in it.")
    header = line.decode()
    delimiter = max(",;\t", key=header.count)
    names = next(csv.reader([header], delimiter=delimiter), [])
    layout = _Layout(names, name)
    for point in ".,":
        with suppress(pyarrow.ArrowInvalid):
            return _csv_table(data, names, layout, delimiter, point), layout
    raise InputError(f"{name} {_cause(data, names, layout, delimiter)}.")


def _csv_table(data: bytes, names: list[str], layout: _Layout, delimiter: str, point: str) -> Any:
    import pyarrow
    from pyarrow import csv as arrow

    kinds = dict.fromkeys(layout.numbers(), pyarrow.float64()) | {
        c: pyarrow.string() for role, c in layout.named.items() if role in _NUMPY
    }
    return arrow.read_csv(
        pyarrow.BufferReader(data),
        read_options=arrow.ReadOptions(use_threads=False, column_names=names, skip_rows=1),
        parse_options=arrow.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in data),
        convert_options=arrow.ConvertOptions(column_types=kinds, include_columns=layout.all(), decimal_point=point),
    )


def _utf8(data: bytes) -> bytes:
    """Text as UTF-8, from UTF-8, UTF-16, Windows-1252 or Latin-1."""
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return data.decode("utf-16").encode()
    if data[1:2] == b"\0" or data[:1] == b"\0":
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be").encode()
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), _PIECE):  # in pieces, to save memory
            decoder.decode(data[start : start + _PIECE], final=start + _PIECE >= len(data))
    except UnicodeDecodeError:
        try:
            return data.decode("cp1252").encode()
        except UnicodeDecodeError:
            return data.decode("latin-1").encode()
    return data.removeprefix(codecs.BOM_UTF8)


def _cause(data: bytes, names: list[str], layout: _Layout, delimiter: str) -> str:
    """Why a table cannot be read, with the first faulty line: part of a message."""
    numbers = [(names.index(column), column.strip()[:40]) for column in layout.numbers()]
    lines = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter)
    with suppress(csv.Error):
        for row in lines:
            if row and len(row) != len(names):
                fields = f"{len(row)} field{'s' * (len(row) != 1)}"
                return (
                    f"has {fields} in line {lines.line_num:,}, where the first line names {len(names)}; mend that line"
                )
            for place, column in numbers if row and lines.line_num > 1 else ():
                if not _EMPTY.fullmatch(row[place].replace(",", ".")):
                    value = texts(np.array([row[place]]), 20)[0]
                    where = f"in line {lines.line_num:,} of {column}"
                    return f"has {value!r} {where}, where a number should be; mend that line"
    return "is no table that can be read, or it is damaged; write it anew"


def _from_parquet(data: bytes, name: str) -> tuple[Any, _Layout]:
    import pyarrow
    from pyarrow import parquet

    with parquet.ParquetFile(pyarrow.BufferReader(data)) as file:
        layout = _Layout(list(file.schema_arrow.names), name)
        check_size(file.metadata.num_rows, 1, name)
        _check_values(file.metadata, set(layout.all()), name)
        return file.read(columns=layout.all(), use_threads=False), layout


def _check_values(metadata: Any, wanted: set[str], name: str) -> None:
    """`InputError` if lists hold more numbers than the limits allow, before they are read."""
    groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
    chunks = (group.column(i) for group in groups for i in range(group.num_columns))
    values = sum(chunk.num_values for chunk in chunks if chunk.path_in_schema.split(".")[0] in wanted)
    if values > 2 * MAX_VALUES + 3 * MAX_POINTS:  # mu and logvar; label, class and distortion
        raise InputError(f"{name} holds {values:,} numbers; take fewer points.")


# ---- contents of columns --------------------------------------------------------------------------------------------


def _columns(found: tuple[Any, _Layout], name: str, text: Callable[[str], str]) -> dict[str, Any]:
    """The columns by role; `text` converts a field of text."""
    table, layout = found
    groups = layout.groups()
    check_size(table.num_rows, len(groups["mu"]), name)
    columns: dict[str, Any] = {what: _matrix(table, names, name) for what, names in groups.items()}
    if distortion := layout.named.get("distortion"):
        columns["distortion"] = _numbers(table.column(distortion), name, distortion)
    for role in ("label", "class"):  # in this order, since the map shows the class where there are both
        if column := layout.named.get(role):
            coded = _coded(table.column(column), name, layout.is_guess(role), text)
            shown = texts(np.array([column.strip()]), 40)[0]
            columns |= {"passed_over": shown} if coded is None else {role: coded, "labels_from": shown}
    return columns


def _matrix(table: Any, names: list[str], name: str) -> np.ndarray:
    first = table.column(names[0])
    if len(names) == 1 and hasattr(first.type, "value_type") and hasattr(first.type, "value_field"):
        return _lists(first, name, names[0])
    matrix = np.empty((table.num_rows, len(names)), np.float32)
    for d, column in enumerate(names):
        matrix[:, d] = _numbers(table.column(column), name, column)
    return matrix


def _numbers(column: Any, name: str, title: str) -> np.ndarray:
    import pyarrow
    from pyarrow import compute

    kind = column.type
    if not (pyarrow.types.is_floating(kind) or pyarrow.types.is_integer(kind)):
        raise InputError(f"{name} has {kind!s:.40} where numbers should be, in {title:.40}; write them as numbers.")
    if column.null_count:
        first = compute.index(column.is_null(), True).as_py()
        raise InputError(
            f"{name} has {column.null_count:,} fields that are empty or no number in {title:.40}, the first in row "
            f"{first + 1:,}; fill or drop these rows."
        )
    with np.errstate(over="ignore"):  # infinite values are refused later
        result: np.ndarray = column.cast(pyarrow.float64(), safe=False).to_numpy().astype(np.float32)
        return result


def _lists(column: Any, name: str, title: str) -> np.ndarray:
    import pyarrow
    from pyarrow import compute

    lengths = compute.unique(compute.list_value_length(column)).to_pylist()
    if len(lengths) != 1 or not lengths[0]:
        raise InputError(f"{name} has lists of different lengths in a row of latents; give all rows the same.")
    check_size(len(column), lengths[0], name)
    flat = _numbers(pyarrow.chunked_array([compute.list_flatten(column)]), name, title)
    return flat.reshape(len(column), lengths[0])


def _coded(column: Any, name: str, is_guess: bool, text: Callable[[str], str]) -> Coded | None:
    """The labels in a column; None if its role is a guess and its values do not fit."""
    import pyarrow

    if is_guess and pyarrow.types.is_nested(column.type):
        return None
    if pyarrow.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    coded = column.cast(pyarrow.string()).fill_null("").combine_chunks().dictionary_encode()
    if is_guess and (len(coded.dictionary) > MOST_CLASSES or _are_measured(coded.dictionary.to_pylist())):
        return None
    if len(coded.dictionary) > MOST_CLASSES:
        raise InputError(
            f"{name} has {len(coded.dictionary):,} different labels; give it at most {MOST_CLASSES} classes."
        )
    return Coded(coded.indices.to_numpy(), texts(np.array([text(name) for name in coded.dictionary.to_pylist()])))


def _are_measured(names: list[str]) -> bool:
    """Whether all names are numbers and some are not whole."""
    numbers = [name.replace(",", ".") for name in names if name]
    return all(re.fullmatch(_NUMBER, text) for text in numbers) and any(float(text) % 1 for text in numbers)


# ---- the separate process -------------------------------------------------------------------------------------------


def main(kind: Kind, name: str) -> int:
    """Read standard input, write standard output; returns the exit code."""
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
