"""Evidence, ELBO and gaps of many held-out images. Nats per image.

    ln p(x) = ELBO + gap,      gap = approximation gap + amortisation gap

ln p(x), ELBO and gap are computed independently, so the error of their sum is known for every image.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from math import inf, isnan, nan
from pathlib import Path
from time import monotonic

import numpy as np
import torch

from vae.errors import InputError
from vae.files import checkpoint as checkpoints
from vae.files.checkpoint import Checkpoint
from vae.files.held_out import FILE_NAME as HELD_OUT
from vae.files.held_out import HeldOut, read_held_out
from vae.gaussian import DiagonalGaussian
from vae.inference.evidence import Plane, best, gaps, parts, sampled_elbo, true_posterior
from vae.inference.evidence_table import FILE_NAME, MODES_HOLD, fingerprint, read_table, rows_of, save_table, table_of
from vae.inference.full_gaussian import full
from vae.inference.sampling import estimate
from vae.model import VAE

EVIDENCE, SUM = 0.01, 0.01  # nats: largest change of ln p(x) by halving the cells; largest error of ELBO + gap
DRAWS = 10_000
GOLDEN = 0.6180339887
EVERY = 20.0  # seconds between writes of the file

Row = dict[str, float]


def spread(total: int, n: int) -> list[int]:
    """`n` of the rows 0 … total − 1, evenly spaced."""
    result: list[int] = np.unique(np.linspace(0, total - 1, min(n, total)).round().astype(int)).tolist()
    return result


def survey(model: VAE, held_out: HeldOut, rows: Collection[int], fitted: Collection[int]) -> Iterator[Row]:
    """Yield a dictionary an image, with the fields of `EvidenceTable`; the best q is computed for rows in `fitted`."""
    plane = Plane(model) if rows and model.latent_dim <= 2 else None
    for row in rows:
        x = torch.from_numpy(held_out.images[row]).float() / 255
        q = DiagonalGaussian(torch.from_numpy(held_out.mu[row]), torch.from_numpy(held_out.logvar[row]))
        numbers = _sampled(model, x, q, row) if plane is None else _integrated(plane, x, q, row in fitted)
        yield {"row": row, "index": int(held_out.index[row]), **numbers}


def _integrated(plane: Plane, x: torch.Tensor, q: DiagonalGaussian, to_fit: bool) -> Row:
    posterior = true_posterior(plane, x, EVIDENCE)
    bar = parts(plane.model, x, q, posterior, inf)
    if abs(bar.log_evidence - bar.elbo - bar.gap) > SUM:  # the first grid under q was too coarse
        bar = parts(plane.model, x, q, posterior, SUM / 4)
    split = gaps(bar, best(plane.model, x, q, posterior)) if to_fit else None
    return {
        "log_evidence": bar.log_evidence,
        "evidence_error": posterior.error,
        "elbo": bar.elbo,
        "elbo_error": 0.0,
        "gap": bar.gap,
        "rate": bar.rate,
        "distortion": bar.distortion,
        "modes": int((posterior.modes.weight >= MODES_HOLD).sum()),
        "approximation": split.approximation if split else nan,
        "amortisation": split.amortisation if split else nan,
    }


def _sampled(model: VAE, x: torch.Tensor, q: DiagonalGaussian, row: int) -> Row:
    """For more than two dimensions; the row is the seed of the draws."""
    generator = torch.Generator().manual_seed(row)
    evidence = estimate(model, x, q, generator).log_evidence  # its error is NaN where it cannot be estimated
    (elbo, elbo_error), rate = sampled_elbo(model, x, q, DRAWS, generator), full(q).kl().item()
    return {
        "log_evidence": evidence.mean,
        "evidence_error": evidence.standard_error,
        "elbo": elbo,
        "elbo_error": elbo_error,
        "gap": evidence.mean - elbo,
        "rate": rate,
        "distortion": -elbo - rate,
        "modes": 0,
        "approximation": nan,
        "amortisation": nan,
    }


# ---- the file ----------------------------------------------------------------------------------------------------


def record(folder: Path, images: int, fits: int) -> Generator[tuple[int, int]]:
    """Write the table of a run's held-out images to its folder, and yield (images done, all images).

    Rows of an earlier table of the same model are kept and counted. Finished rows are written also after an error.
    `InputError` where the held-out images are of another model.
    """
    checkpoint, held_out = checkpoints.read(folder), read_held_out(folder / HELD_OUT)
    model = checkpoints.load_model(checkpoint)
    if held_out.images.shape[1:] != checkpoint.image_shape or held_out.mu.shape[1] != model.latent_dim:
        raise InputError(f"The held-out images in {folder} are of another model; train it to the end to write them.")
    low_dimensional = model.latent_dim <= 2
    target = folder / FILE_NAME
    how = "quadrature" if low_dimensional else "adaptive sampling"
    done = {int(row["row"]): row for row in _earlier_rows(target, how, checkpoint, held_out)}
    wanted = spread(len(held_out.index), images)
    fitted = set(spread(len(wanted), fits)) if low_dimensional and fits else set()
    fitted = {wanted[i] for i in fitted}
    missing = [row for row in wanted if row not in done or (row in fitted and isnan(done[row]["approximation"]))]
    missing.sort(key=lambda row: row * GOLDEN % 1)  # so that the rows of an interrupted table are spread evenly too
    total = len(done.keys() | wanted)
    saved = monotonic()
    try:
        for numbers in survey(model, held_out, missing, fitted):
            done[int(numbers["row"])] = numbers
            if monotonic() - saved > EVERY:
                _save(target, checkpoint, how, done)
                saved = monotonic()
            yield len(done), total
    finally:
        if missing and done:
            _save(target, checkpoint, how, done)


def _earlier_rows(target: Path, how: str, checkpoint: Checkpoint, held_out: HeldOut) -> list[Row]:
    """Rows of an earlier table of the same model and method."""
    if not target.is_file():
        return []
    table = read_table(target)
    return rows_of(table) if table.how == how and table.belongs_to(checkpoint, held_out) else []


def _save(target: Path, checkpoint: Checkpoint, how: str, done: dict[int, Row]) -> None:
    save_table(target, table_of(fingerprint(checkpoint), how, [done[row] for row in sorted(done)]))
