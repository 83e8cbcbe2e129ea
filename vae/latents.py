"""Latents from elsewhere: means, and if there are any variances, labels and thumbnails, for a map without a decoder.

Three kinds of file, none of which is ever unpickled or run:

    .npz             mu (N, k), logvar (N, k), labels (N,), classes, distortion (N,), thumbnails (N, H, W[, C])
    .csv, .parquet   columns mu_1 … mu_k, logvar_1 … logvar_k, label or class, distortion; Parquet's mu may be lists

Only mu has to be there. Others' decoders are not taken: to load TorchScript or a `torch.export` program is to run what
its file says, which no check beforehand can bound; and the page decodes in the browser, from a layer plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vae.arrays import read_npz, texts
from vae.compact import Quantised, bits_of, finest
from vae.errors import InputError
from vae.export import Packable, pack
from vae.images import Images
from vae.latent import principal_axes
from vae.pictures import MOST_CLASSES
from vae.table import MAX_BYTES, Coded, check_size, read_apart

ENDINGS = (".npz", ".csv", ".parquet")
MAX_THUMBNAILS = 1 << 26  # bytes of all thumbnails
EXACT = 20_000  # points whose latents travel as they are; those of more are quantised
MOST = 19_500_000  # bytes of those, with labels and distortions; where need be they are coarser …
GOLDEN = 0x9E3779B1  # 2³² over the golden ratio
COARSER = 6  # … mu by so many halvings of its 16 bits, logvar …
COARSEST = 1 / 3  # … to steps as wide as that, and beyond this only a part of the points is shown

ARRAYS = ("mu", "logvar", "labels", "classes", "distortion", "thumbnails", "images")
ADVICE = "write it with numpy.savez(path, mu=..., logvar=..., labels=...)"
# beyond these, float32 cannot hold what the page computes
RANGES = {"mu": (-1e6, 1e6), "logvar": (-60.0, 30.0), "distortion": (-1e12, 1e12)}


@dataclass(frozen=True, eq=False)
class Latents:
    """N points in k dimensions; what is None was not given."""

    mu: np.ndarray  # float32 (N, k)
    logvar: np.ndarray | None  # float32 (N, k)
    labels: np.ndarray  # int32 (N,)
    classes: tuple[str, ...]
    distortion: np.ndarray | None  # float32 (N,), nats per image
    thumbnails: np.ndarray | None  # uint8 (N, C, H, W)


def read(source: Path | bytes, name: str) -> Latents:
    """The latents in a file, or in the bytes of an upload called `name`. Raises `InputError` in one sentence."""
    suffix = Path(name).suffix.lower()
    if suffix == ".npz":
        return _of_arrays(read_npz(source, name, ARRAYS, MAX_BYTES, ADVICE), name)
    if suffix in (".csv", ".parquet"):
        kind: Literal["csv", "parquet"] = "csv" if suffix == ".csv" else "parquet"
        return of_table(read_apart(_bytes(source, name), kind, name), name)
    raise InputError(f"{name:.60} holds no latents; give an .npz, .csv or .parquet file.")


@dataclass(frozen=True)
class Sent:
    """What of the points goes to the browser: one in `stride`, in steps of so much; a step of 0 is exact."""

    stride: int = 1
    mu: float = 0.0
    logvar: float = 0.0


def sent(latents: Latents) -> Sent:
    """The most that stays below `MOST` bytes."""
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
    """Of mu and logvar, whose columns span this much: from the finest on, each coarser in its turn."""
    step, other = finest(mu, 16), 0.0 if logvar is None else finest(logvar, 8)
    yield step, other
    for _ in range(COARSER):
        step *= 2
        yield step, other
        if 2 * other <= COARSEST:
            other *= 2
            yield step, other


def frame(name: str, latents: Latents) -> bytes:
    """What the map shows, as the frame of a model that has no decoder. Beyond `EXACT` points, latents are quantised.

    mu and logvar are then off by at most half a step of what is `sent`.
    """
    how = sent(latents)
    rows = slice(None) if how.stride == 1 else sampled(len(latents.mu), how.stride)
    axes, shares = principal_axes(latents.mu)
    arrays: dict[str, Packable] = {
        "mu": _quantised(latents.mu, rows, how.mu),
        "labels": latents.labels[rows].astype(np.uint8),  # there are at most 200 classes
        "pca": axes.astype(np.float32),
    }
    if latents.logvar is not None:
        arrays["logvar"] = _quantised(latents.logvar, rows, how.logvar)
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
        "rate_per_dim": _rates(latents),
        "pca_shares": shares.tolist(),
        "stride": how.stride,
    }
    return pack(meta, arrays)


def sampled(n: int, stride: int) -> np.ndarray:
    """The rows of one point in `stride`, each from a stretch of its own; given.js knows them too.

    Where in its stretch goes by the golden ratio, so that a pattern in the file's order does not show.
    """
    rows = np.arange(0, n, stride, dtype=np.uint64)
    shares = np.arange(len(rows), dtype=np.uint64) * np.uint64(GOLDEN) % np.uint64(1 << 32)
    rows[:-1] += (shares * np.uint64(stride) >> np.uint64(32))[:-1]  # the last stretch may be a short one
    return rows


def _quantised(values: np.ndarray, rows: np.ndarray | slice, step: float) -> Packable:
    some = values[rows]
    return Quantised.of(some, step) if len(values) > EXACT else some


def facts(latents: Latents) -> str:
    """A line on what was given, what that leaves out, and how exactly it is drawn."""
    n, k = latents.mu.shape
    how = sent(latents)
    parts = [f"{n:,} points", f"{k}-D latent space", "no decoder: the lens shows the nearest point"]
    if how.stride > 1:
        parts.append(f"one point in {how.stride} is shown")
    if latents.thumbnails is None:
        parts.append("no thumbnails")
    if latents.logvar is None:
        parts.append("no logvar: no buffer zones, no rates")
    if n > EXACT:
        half = f"mu drawn to ±{_plain(how.mu / 2)}"
        parts.append(half if latents.logvar is None else f"{half}, logvar to ±{_plain(how.logvar / 2)}")
    return " · ".join(parts)


def _plain(value: float) -> str:
    """To one digit, without an exponent."""
    return np.format_float_positional(value, precision=1, fractional=False, trim="-")


def _rates(latents: Latents) -> list[float]:
    """Mean KL of every dimension in nats; zeros where no variances were given."""
    if latents.logvar is None:
        return [0.0] * latents.mu.shape[1]
    mu, logvar = latents.mu, latents.logvar
    return (0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)).mean(axis=0, dtype=float).tolist()


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


def _of_arrays(arrays: dict[str, np.ndarray], name: str) -> Latents:
    if "mu" not in arrays:
        raise InputError(f"{name} holds no array named mu; {ADVICE}.")
    mu = _checked("mu", arrays["mu"], name)
    n, _ = mu.shape
    labels, classes = _classes(arrays.get("labels"), arrays.get("classes"), n, name)
    return Latents(
        mu, _like(mu, arrays.get("logvar"), name), labels, classes,
        _distortion(arrays.get("distortion"), n, name),
        _thumbnails(arrays.get("thumbnails", arrays.get("images")), n, name),
    )  # fmt: skip


def _classes(
    labels: np.ndarray | None, classes: np.ndarray | None, n: int, name: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    if labels is None:
        return _one_class(n)
    if labels.shape != (n,) or labels.dtype.kind not in "iuUSb":
        raise InputError(f"{name} has {n:,} points, but its labels are {_described(labels)}; give each point one.")
    found, codes = np.unique(labels, return_inverse=True)
    _check_number(len(found), name)
    if classes is not None and labels.dtype.kind in "iu" and found[0] >= 0 and found[-1] < classes.size:
        return codes.reshape(n).astype(np.int32), tuple(texts(np.ravel(classes)[found]))
    return _in_order(Coded(codes.reshape(n), texts(found)))


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
    """Latents of what `vae.table` found: mu, and perhaps logvar and distortion; label and class as `Coded`."""
    mu = _checked("mu", columns["mu"], name)
    n, _ = mu.shape
    label, kind = columns.get("label"), columns.get("class")
    coded = kind or label
    if coded is None:
        labels, classes = _one_class(n)
    else:
        labels, classes = _in_order(coded, label if kind else None)
    distortion = _distortion(columns.get("distortion"), n, name)
    return Latents(mu, _like(mu, columns.get("logvar"), name), labels, classes, distortion, None)


def _one_class(n: int) -> tuple[np.ndarray, tuple[str, ...]]:
    return np.zeros(n, np.int32), ("all",)


# ---- checks ---------------------------------------------------------------------------------------------------------


def _checked(what: str, array: np.ndarray, name: str) -> np.ndarray:
    """Float32, contiguous, all of it within what can be drawn."""
    if what != "distortion":
        if array.ndim != 2:
            raise InputError(f"{what} in {name} is {_described(array)}; shape it (points, dimensions).")
        n, k = array.shape
        check_size(n, k, name)
    if array.dtype.kind not in "fiu":
        raise InputError(f"{what} in {name} is {_described(array)}; give it as numbers.")
    low, high = RANGES[what]
    least, most = float(array.min()), float(array.max())  # not a number, where one of them is none
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


def _in_order(coded: Coded, by: Coded | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels and their names in order: by the number that goes with each name, else as numbers, else as words."""
    names = coded.names
    beside = {name: name for name in names}
    if by is not None:
        first = np.unique(coded.codes, return_index=True)
        beside = {names[c]: by.names[by.codes[row]] for c, row in zip(*first, strict=True)}
    order = sorted(range(len(names)), key=lambda i: _key(beside.get(names[i], names[i])))
    place = np.empty(len(names), np.int32)
    place[order] = np.arange(len(names))
    return place[coded.codes], tuple(names[i] or "none" for i in order)


def _key(name: str) -> tuple[bool, float, str]:
    try:
        return False, float(int(name[:18])), name
    except ValueError:
        return True, 0.0, name
