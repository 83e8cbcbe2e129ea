"""Evidence, ELBO and gaps of the held-out images of a model, as one .npz file in its folder. No torch here.

Row n of every array is one image. Nothing is ever unpickled.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from vae.errors import InputError
from vae.files.atomic import write_atomically
from vae.files.checkpoint import Checkpoint
from vae.files.frame import pack
from vae.files.held_out import HeldOut, read_arrays

FILE_NAME = "evidence.npz"
WHOLE = ("row", "index", "modes")  # int32; all others are float32
MAYBE = (
    "approximation",
    "amortisation",
    "evidence_error",
    "elbo_error",
)  # these may be NaN: no q was fitted, or no error is known
ADDED = ("elbo_error",)  # missing in older files
HOW = {
    "quadrature": "ln p(x), distortion and gap by quadrature, each on a grid of its own",
    "adaptive sampling": "ln p(x) by importance sampling from a fit to the posterior, or annealed where the tail of "
    "the weights is too heavy; the gap is ln p(x) − ELBO",
    # in older files, with errors that were too small
    "sampling": "ln p(x) by importance sampling, or annealed where too few draws count; the gap is ln p(x) − ELBO",
}


@dataclass(frozen=True, eq=False)
class EvidenceTable:
    """Numbers of N held-out images, float32 (N,) if not said otherwise, in nats per image."""

    model: str  # `fingerprint` of the model
    how: str  # a key of `HOW`
    row: np.ndarray  # int32 (N,), the image's row in held_out.npz
    index: np.ndarray  # int32 (N,), its position in the test split
    log_evidence: np.ndarray  # ln p(x)
    evidence_error: np.ndarray  # change by halving the cells; for sampling the standard error, NaN where not known
    elbo: np.ndarray  # of the encoder's q
    gap: np.ndarray  # KL(q ‖ p(z|x))
    rate: np.ndarray
    distortion: np.ndarray
    modes: np.ndarray  # int32 (N,), number of modes with at least 2% of the posterior; 0 where not computed
    approximation: np.ndarray
    amortisation: np.ndarray
    elbo_error: np.ndarray  # for sampling the standard error, independent of that of the evidence

    def __len__(self) -> int:
        return len(self.row)

    @property
    def gap_error(self) -> np.ndarray:
        """√(evidence_error² + elbo_error²), for sampling the standard error of the gap; NaN where not known."""
        result: np.ndarray = np.hypot(self.evidence_error, self.elbo_error)
        return result

    def belongs_to(self, checkpoint: Checkpoint, held_out: HeldOut) -> bool:
        rows = self.row.clip(0, len(held_out.index) - 1)
        return self.model == fingerprint(checkpoint) and np.array_equal(held_out.index[rows], self.index)


ARRAYS = [f.name for f in fields(EvidenceTable) if f.name not in ("model", "how")]
MODES_HOLD = 0.02  # of the posterior, to count


def fingerprint(checkpoint: Checkpoint) -> str:
    """SHA-256 of the weights, the image shape and the likelihood."""
    digest = sha256(repr((checkpoint.image_shape, checkpoint.settings.likelihood, checkpoint.settings.sigma)).encode())
    for name, array in sorted(checkpoint.arrays.items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def table_of(model: str, how: str, rows: list[dict[str, float]]) -> EvidenceTable:
    """A table from a dictionary for every image."""
    kinds = {name: np.int32 if name in WHOLE else np.float32 for name in ARRAYS}
    return EvidenceTable(
        model, how, **{name: np.array([row[name] for row in rows], kind) for name, kind in kinds.items()}
    )


def rows_of(table: EvidenceTable) -> list[dict[str, float]]:
    """The inverse of `table_of`."""
    columns = [getattr(table, name).tolist() for name in ARRAYS]
    return [dict(zip(ARRAYS, row, strict=True)) for row in zip(*columns, strict=True)]


def save_table(path: Path, table: EvidenceTable) -> None:
    """Write the table as a compressed .npz, atomically."""
    about = json.dumps({"model": table.model, "how": table.how}).encode()
    buffer = io.BytesIO()
    arrays = {name: getattr(table, name) for name in ARRAYS}
    np.savez_compressed(buffer, about=np.frombuffer(about, np.uint8), **arrays)
    write_atomically(path, buffer.getvalue())


def read_table(path: Path) -> EvidenceTable:
    """Read a file of `save_table`; `InputError` where it is damaged or of another kind."""
    try:
        arrays = read_arrays(path)
        about = json.loads(arrays.pop("about").tobytes())
        arrays |= {name: np.full(len(arrays["row"]), np.nan, np.float32) for name in ADDED if name not in arrays}
        table = EvidenceTable(str(about["model"]), str(about["how"]), **arrays)
    except (KeyError, TypeError, ValueError, RecursionError, OSError):
        table = None
    if table is None or not _is_valid(table):
        raise InputError(f"{path} is damaged; delete it, and make it again: python -m vae evidence {path.parent}.")
    return table


def _is_valid(table: EvidenceTable) -> bool:
    for name in ARRAYS:
        array = getattr(table, name)
        if array.dtype.str != ("<i4" if name in WHOLE else "<f4") or array.shape != (len(table),) or not len(table):
            return False
        if name not in MAYBE and not np.isfinite(array).all():
            return False
    return table.how in HOW and bool((table.row >= 0).all())


def table_frame(table: EvidenceTable) -> bytes:
    """The table as a frame for the browser, where `index` are rows of the model's own frame."""
    arrays = {name: getattr(table, name) for name in ARRAYS if name not in ("row", "index")}
    meta: dict[str, Any] = {
        "images": len(table),
        "how": HOW[table.how],
        "exact": table.how == "quadrature",
        "fitted": int(np.isfinite(table.approximation).sum()),
        "evidence_error": _of_finite(np.median, table.evidence_error),
        "largest_evidence_error": _of_finite(np.max, table.evidence_error),
        "withheld": int(np.isnan(table.evidence_error).sum()),
    }
    return pack(meta, {"index": table.row, "gap_error": table.gap_error, **arrays})


def _of_finite(number: Callable[[np.ndarray], Any], values: np.ndarray) -> float | None:
    finite = values[np.isfinite(values)]
    return float(number(finite)) if len(finite) else None
