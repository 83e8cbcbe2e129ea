"""Latents of other programs: means, and optional variances, labels and thumbnails, for a map without a decoder.

Three kinds of file, none of which is ever unpickled or run:

    .npz              mu (N, k), logvar (N, k), labels (N,), classes, distortion (N,), thumbnails (N, H, W[, C])
    .csv, .tsv,       columns mu_1 … mu_k, logvar_1 … logvar_k, label or class, distortion; Parquet's mu may be lists;
    .parquet          a .csv may be UTF-8, UTF-16 or Latin-1, with commas, semicolons or tabs, and decimal commas

Only mu is required. Decoders are not read: loading TorchScript or a `torch.export` program runs code from the file,
which no check can make safe, and the page needs a layer plan to decode in the browser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from vae.data.arrays import Arrays, read_npz, texts
from vae.data.formats import advice
from vae.data.image_arrays import Images, black_and_white, whole_labels
from vae.data.pictures import MOST_CLASSES
from vae.data.table import MAX_BYTES, MAYBE_LABELS, Coded, check_size, read_apart
from vae.errors import InputError
from vae.files.compact import Quantised, bits_of, finest
from vae.files.frame import Packable, pack
from vae.natural_order import natural
from vae.principal_axes import principal_axes

ENDINGS = (".npz", ".csv", ".tsv", ".parquet")
MAX_THUMBNAILS = 1 << 26  # bytes of all thumbnails
EXACT = 20_000  # most points whose latents are sent without loss; more are quantised
MOST = 19_500_000  # most bytes of quantised points, labels and distortions included; to meet it …
GOLDEN = 0x9E3779B1  # 2³² over the golden ratio
COARSER = 6  # … the step of mu (16 bits at first) is doubled at most so often, …
COARSEST = 1 / 3  # … that of logvar up to this value, and then only every n-th point is shown

LABELS = ("labels", "label")
MAYBE = tuple(name for names in MAYBE_LABELS.values() for name in names if name != "classes")  # used if they fit
ARRAYS = ("mu", "logvar", "classes", "distortion", "thumbnails", "images", *LABELS, *MAYBE)
ADVICE = "write it with numpy.savez(path, mu=..., logvar=..., labels=...)"
_WHOLE = re.compile(r"([+-]?[0-9]{1,15})(?:[.,]0*)?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")  # exact in JavaScript
# outside these ranges, float32 overflows in the computations of the page
RANGES = {"mu": (-1e6, 1e6), "logvar": (-60.0, 30.0), "distortion": (-1e12, 1e12)}


@dataclass(frozen=True, eq=False)
class Latents:
    """N points in k dimensions; None for an array that the file does not have."""

    mu: np.ndarray  # float32 (N, k)
    logvar: np.ndarray | None  # float32 (N, k)
    labels: np.ndarray  # int32 (N,), from 0 upwards
    classes: tuple[str, ...]
    distortion: np.ndarray | None  # float32 (N,), nats per image
    thumbnails: np.ndarray | None  # uint8 (N, C, H, W)
    values: tuple[int | None, ...] = ()  # the label of each class in the file, where that is not its index
    notes: tuple[str, ...] = ()  # on the source of the labels


def read(source: Path | bytes, name: str) -> Latents:
    """The latents in a file, or in the bytes of an upload called `name`; `InputError` if they cannot be read."""
    suffix = Path(name).suffix.lower()
    if suffix == ".npz":
        return _of_arrays(read_npz(source, name, ARRAYS, MAX_BYTES, ADVICE), name)
    if suffix in ENDINGS:
        kind: Literal["csv", "parquet"] = "parquet" if suffix == ".parquet" else "csv"
        return of_table(read_apart(_bytes(source, name), kind, name), name)
    raise InputError(advice(name, "mu"))


@dataclass(frozen=True)
class Sent:
    """How points are sent to the browser: one in `stride`, quantised with these steps of mu and logvar (0: exact)."""

    stride: int = 1
    mu: float = 0.0
    logvar: float = 0.0


def sent(latents: Latents) -> Sent:
    """The smallest stride and steps with which the points take at most `MOST` bytes."""
    n = len(latents.mu)
    if n <= EXACT:
        return Sent()
    ranges = [np.ptp(array, axis=0) for array in (latents.mu, latents.logvar) if array is not None]
    others = 8 if latents.distortion is None else 40  # bits of a point's label and distortion
    for stride in count(1):
        for steps in _steps(*ranges):
            bits = others + sum(bits_of(spans, step) for spans, step in zip(ranges, steps, strict=False))
            if -(-n // stride) * bits <= 8 * MOST:
                return Sent(stride, *steps)
    raise AssertionError("a point alone is short enough")


def _steps(mu: np.ndarray, logvar: np.ndarray | None = None) -> Iterator[tuple[float, float]]:
    """Steps of mu and logvar for columns with these ranges, from the finest on, doubled in turn."""
    step, other = finest(mu, 16), 0.0 if logvar is None else finest(logvar, 8)
    yield step, other
    for _ in range(COARSER):
        step *= 2
        yield step, other
        if 2 * other <= COARSEST:
            other *= 2
            yield step, other


def frame(name: str, latents: Latents) -> bytes:
    """The frame of a map without a decoder. Beyond `EXACT` points, latents are quantised.

    The error of mu and logvar is then at most half a step of `sent`.
    """
    quantisation = sent(latents)
    rows = slice(None) if quantisation.stride == 1 else sampled(len(latents.mu), quantisation.stride)
    axes, shares = principal_axes(latents.mu)
    arrays: dict[str, Packable] = {
        "mu": _quantised(latents.mu, rows, quantisation.mu),
        "labels": latents.labels[rows].astype(np.uint8),  # there are at most 200 classes
        "pca": axes.astype(np.float32),
    }
    if latents.logvar is not None:
        arrays["logvar"] = _quantised(latents.logvar, rows, quantisation.logvar)
    if latents.distortion is not None:
        arrays["distortion"] = latents.distortion[rows]
    if latents.thumbnails is not None:
        arrays["images"] = latents.thumbnails[rows]
    meta = {
        "name": name,
        "kind": "latents",
        "image_shape": [1, 1, 1] if latents.thumbnails is None else list(latents.thumbnails.shape[1:]),
        "latent_dim": latents.mu.shape[1],
        "features": 0,
        "likelihood": "",
        "plan": {"trunk": [], "decoder": []},
        "classes": list(latents.classes),
        "values": list(latents.values),
        "rate_per_dim": _rates(latents),
        "pca_shares": shares.tolist(),
        "stride": quantisation.stride,
    }
    return pack(meta, arrays)


def sampled(n: int, stride: int) -> np.ndarray:
    """Indices of one row from every block of `stride` rows; given.js computes the same.

    The position in the block follows multiples of the golden ratio, so that no periodic pattern of the file is sampled.
    """
    rows = np.arange(0, n, stride, dtype=np.uint64)
    shares = np.arange(len(rows), dtype=np.uint64) * np.uint64(GOLDEN) % np.uint64(1 << 32)
    rows[:-1] += (shares * np.uint64(stride) >> np.uint64(32))[:-1]  # the last block may be shorter
    return rows


def _quantised(values: np.ndarray, rows: np.ndarray | slice, step: float) -> Packable:
    some = values[rows]
    return Quantised.of(some, step) if len(values) > EXACT else some


def facts(latents: Latents) -> str:
    """A line of text on the contents of the file, on what is missing, and on the precision of the drawing."""
    n, k = latents.mu.shape
    quantisation = sent(latents)
    parts = [f"{n:,} points", f"{k}-D latent space", "no decoder: the lens shows the nearest point"]
    if quantisation.stride > 1:
        parts.append(f"one point in {quantisation.stride} is shown")
    parts += latents.notes
    if latents.thumbnails is None:
        parts.append("no thumbnails")
    if latents.logvar is None:
        parts.append("no logvar: no buffer zones, no rates")
    if n > EXACT:
        half = f"mu drawn to ±{_plain(quantisation.mu / 2)}"
        parts.append(half if latents.logvar is None else f"{half}, logvar to ±{_plain(quantisation.logvar / 2)}")
    return " · ".join(parts)


def _plain(value: float) -> str:
    """A number with one significant digit, without an exponent."""
    return np.format_float_positional(value, precision=1, fractional=False, trim="-")


def _rates(latents: Latents) -> list[float]:
    """Mean rate of every dimension in nats; zeros without variances."""
    if latents.logvar is None:
        return [0.0] * latents.mu.shape[1]
    mu, logvar = latents.mu, latents.logvar
    result: list[float] = (0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)).mean(axis=0, dtype=float).tolist()
    return result


def _bytes(source: Path | bytes, name: str) -> bytes:
    try:
        if isinstance(source, Path):
            if source.stat().st_size > MAX_BYTES:
                raise InputError(f"{name} is larger than {MAX_BYTES >> 20} MiB; take fewer points.")
            source = source.read_bytes()
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}); give a file that can be.") from None
    if len(source) > MAX_BYTES:
        raise InputError(f"{name} is larger than {MAX_BYTES >> 20} MiB; take fewer points.")
    return source


# ---- .npz -----------------------------------------------------------------------------------------------------------


def _of_arrays(arrays: Arrays, name: str) -> Latents:
    if "mu" not in arrays:
        raise InputError(f"{name} {arrays.lacks('mu')}; {ADVICE}.")
    mu = _checked("mu", arrays["mu"], name)
    n, _ = mu.shape
    found = _labels_in(arrays, n)
    labels = _classes(arrays[found], arrays.get("classes"), n, name) if found else _one_class(n)
    pictures = arrays.get("thumbnails", arrays.get("images"))
    notes = _notes(found, next((key for key in MAYBE if key in arrays), None))
    if pictures is not None and black_and_white(pictures):
        notes += ("0 and 1 of the thumbnails are taken as black and white",)
    return Latents(
        mu, _like(mu, arrays.get("logvar"), name), labels.codes, labels.classes,
        _distortion(arrays.get("distortion"), n, name),
        _thumbnails(pictures, n, name), labels.values, notes,
    )  # fmt: skip


def _labels_in(arrays: Arrays, n: int) -> str | None:
    """The name of the array of labels, or None."""
    if name := next((name for name in LABELS if name in arrays), None):
        return name
    return next((name for name in MAYBE if name in arrays and _can_be_labels(arrays[name], n)), None)


def _can_be_labels(array: np.ndarray, n: int) -> bool:
    given = whole_labels(array, n)
    return given.shape == (n,) and given.dtype.kind in "iuUSb" and len(np.unique(given)) <= MOST_CLASSES


class _Labels(NamedTuple):
    codes: np.ndarray  # int32 (N,)
    classes: tuple[str, ...]
    values: tuple[int | None, ...] = ()


def _classes(labels: np.ndarray, classes: np.ndarray | None, n: int, name: str) -> _Labels:
    labels = whole_labels(labels, n)
    if labels.shape != (n,) or labels.dtype.kind not in "iuUSb":
        raise InputError(f"{name} has {n:,} points, but its labels are {_described(labels)}; give each point one.")
    found, codes = np.unique(labels, return_inverse=True)
    _check_number(len(found), name)
    if classes is not None and labels.dtype.kind in "iu" and found[0] >= 0 and found[-1] < classes.size:
        names = tuple(texts(np.ravel(classes)[found]))
        return _Labels(codes.reshape(n).astype(np.int32), names, _values(list(map(str, found))))
    return _in_order(Coded(codes.reshape(n), texts(found)))


def _notes(found: str | None, rejected: str | None) -> tuple[str, ...]:
    """A remark on the source of the labels, unless their name is a usual one."""
    if found:
        return () if found.lower() in (*LABELS, "class") else (f"labels from {found}",)
    return (f"no labels: {rejected} cannot be any" if rejected else "no labels",)


def _thumbnails(given: np.ndarray | None, n: int, name: str) -> np.ndarray | None:
    if given is None:
        return None
    if given.shape[:1] != (n,) or given.nbytes > 8 * MAX_THUMBNAILS:
        raise InputError(f"{name} has {n:,} points, but its thumbnails are {_described(given)}; give each point one.")
    pixels = Images.of(given, np.zeros(n, int)).pixels
    if pixels.nbytes > MAX_THUMBNAILS:
        raise InputError(f"The thumbnails of {name} take more than {MAX_THUMBNAILS >> 20} MiB; make them smaller.")
    return pixels


# ---- tables ---------------------------------------------------------------------------------------------------------


def of_table(columns: dict[str, Any], name: str) -> Latents:
    """Latents from columns of `vae.data.table`: mu, optional logvar and distortion; label and class as `Coded`."""
    mu = _checked("mu", columns["mu"], name)
    n, _ = mu.shape
    label, kind = columns.get("label"), columns.get("class")
    coded = kind or label
    labels = _in_order(coded, label if kind else None) if coded else _one_class(n)
    distortion = _distortion(columns.get("distortion"), n, name)
    notes = _notes(columns.get("labels_from"), columns.get("passed_over"))
    return Latents(
        mu, _like(mu, columns.get("logvar"), name), labels.codes, labels.classes, distortion, None, labels.values, notes
    )  # fmt: skip


def _one_class(n: int) -> _Labels:
    return _Labels(np.zeros(n, np.int32), ("all",))


# ---- checks ---------------------------------------------------------------------------------------------------------


def _checked(what: str, array: np.ndarray, name: str) -> np.ndarray:
    """`array` as contiguous float32; `InputError` for another shape or type, or values outside `RANGES`."""
    if what != "distortion":
        if array.ndim != 2:
            raise InputError(f"{what} in {name} is {_described(array)}; shape it (points, dimensions).")
        n, k = array.shape
        check_size(n, k, name)
    if array.dtype.kind not in "fiu":
        raise InputError(f"{what} in {name} is {_described(array)}; give it as numbers.")
    low, high = RANGES[what]
    least, most = float(array.min()), float(array.max())  # NaN where one of the values is NaN
    if not (low <= least and most <= high):
        raise InputError(f"{what} in {name} goes from {least:g} to {most:g}; give numbers from {low:g} to {high:g}.")
    return np.ascontiguousarray(array, np.float32)


def _like(mu: np.ndarray, logvar: np.ndarray | None, name: str) -> np.ndarray | None:
    if logvar is None:
        return None
    if logvar.shape != mu.shape:
        raise InputError(f"logvar in {name} is {_described(logvar)}, and mu {_described(mu)}; give both one shape.")
    return _checked("logvar", logvar, name)


def _distortion(given: np.ndarray | None, n: int, name: str) -> np.ndarray | None:
    if given is None:
        return None
    if given.shape != (n,):
        raise InputError(f"{name} has {n:,} points, but its distortion is {_described(given)}; give each point one.")
    return _checked("distortion", given, name)


def _described(array: np.ndarray) -> str:
    return f"{array.dtype} of shape {array.shape}"


def _check_number(classes: int, name: str) -> None:
    if classes > MOST_CLASSES:
        raise InputError(f"{name} has {classes:,} different labels; give it at most {MOST_CLASSES} classes.")


def _in_order(coded: Coded, by: Coded | None = None) -> _Labels:
    """Labels with sorted names: by the value of `by` in the same rows if given, else by number, else by text."""
    coded = _whole(coded)
    names = coded.names
    sort_keys = dict(zip(names, names, strict=True))
    values = sort_keys
    if by is not None:
        by = _whole(by)
        pairs = np.unique(coded.codes.astype(np.int64) * len(by.names) + by.codes)
        sort_keys = {names[pair // len(by.names)]: by.names[pair % len(by.names)] for pair in reversed(pairs.tolist())}
        values = sort_keys if len(pairs) == len(names) == len(set(sort_keys.values())) else {}
    order = sorted(range(len(names)), key=lambda i: natural(sort_keys[names[i]]))
    place = np.empty(len(names), np.int32)
    place[order] = np.arange(len(names))
    given = _values([values[names[i]] for i in order]) if values else ()
    return _Labels(place[coded.codes], tuple(names[i] or "none" for i in order), given)


def _whole(coded: Coded) -> Coded:
    """`coded` with distinct names; where all names are whole numbers, 0.0, 1.0, … become 0, 1, …."""
    found = [_WHOLE.fullmatch(name) for name in coded.names]
    names = [match[1] if match else name for name, match in zip(coded.names, found, strict=True)]
    if not all(found[i] or not name for i, name in enumerate(names)):
        names = coded.names
    distinct = list(dict.fromkeys(names))
    return Coded(np.array([distinct.index(name) for name in names])[coded.codes], distinct)


def _values(names: list[str]) -> tuple[int | None, ...]:
    """The names as integers if all are whole numbers and not just 0, 1, 2, …, else (); None for an empty name."""
    if not any(names) or not all(name == "" or _INTEGER.fullmatch(name) for name in names):
        return ()
    values = tuple(int(name) if name else None for name in names)
    return () if values == tuple(range(len(values))) else values
