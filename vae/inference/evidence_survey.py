"""Evidence, bound and gaps of many held-out images, one after the other. Nats per image.

    ln p(x) = ELBO + gap,      gap = approximation gap + amortisation gap

The three of the first line are computed each on its own, so how well they add up is known for every image.
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

EVIDENCE, SUM = 0.01, 0.01  # nats: that halving the cells may change in ln p(x); that the parts may fail to add up by
DRAWS = 10_000
GOLDEN = 0.6180339887
EVERY = 20.0  # seconds between two writes of the file

Row = dict[str, float]


def spread(total: int, n: int) -> list[int]:
    """`n` of the rows 0 … total − 1, evenly over all of them."""
    result: list[int] = np.unique(np.linspace(0, total - 1, min(n, total)).round().astype(int)).tolist()
    return result


def survey(model: VAE, held_out: HeldOut, rows: Collection[int], fitted: Collection[int]) -> Iterator[Row]:
    """One dictionary an image, with the names of `EvidenceTable`; the best q is looked for at the rows in `fitted`."""
    plane = Plane(model) if rows and model.latent_dim <= 2 else None
    for row in rows:
        x = torch.from_numpy(held_out.images[row]).float() / 255
        q = DiagonalGaussian(torch.from_numpy(held_out.mu[row]), torch.from_numpy(held_out.logvar[row]))
        numbers = _sampled(model, x, q, row) if plane is None else _integrated(plane, x, q, row in fitted)
        yield {"row": row, "index": int(held_out.index[row]), **numbers}


def _integrated(plane: Plane, x: torch.Tensor, q: DiagonalGaussian, to_fit: bool) -> Row:
    posterior = true_posterior(plane, x, EVIDENCE)
    bar = parts(plane.model, x, q, posterior, inf)
    if abs(bar.log_evidence - bar.elbo - bar.gap) > SUM:  # one grid under q did not do
        bar = parts(plane.model, x, q, posterior, SUM / 4)
    apart = gaps(bar, best(plane.model, x, q, posterior)) if to_fit else None
    return {
        "log_evidence": bar.log_evidence,
        "evidence_error": posterior.error,
        "elbo": bar.elbo,
        "elbo_error": 0.0,
        "gap": bar.gap,
        "rate": bar.rate,
        "distortion": bar.distortion,
        "modes": int((posterior.modes.weight >= MODES_HOLD).sum()),
        "approximation": apart.approximation if apart else nan,
        "amortisation": apart.amortisation if apart else nan,
    }


def _sampled(model: VAE, x: torch.Tensor, q: DiagonalGaussian, row: int) -> Row:
    """More than two dimensions; the row seeds the draws."""
    generator = torch.Generator().manual_seed(row)
    evidence = estimate(model, x, q, generator).log_evidence  # its error is NaN where none can be told
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
    """Write the table of a run's held-out images beside them, and yield how many of how many are in it.

    What is in the table of this very model stays, and counts. However it ends, the images that are done are written.
    """
    checkpoint, held_out = checkpoints.read(folder), read_held_out(folder / HELD_OUT)
    model = checkpoints.load_model(checkpoint)
    if held_out.images.shape[1:] != checkpoint.image_shape or held_out.mu.shape[1] != model.latent_dim:
        raise InputError(f"The held-out images in {folder} are of another model; train it to the end to write them.")
    low_dimensional = model.latent_dim <= 2
    target = folder / FILE_NAME
    how = "quadrature" if low_dimensional else "adaptive sampling"
    done = {int(row["row"]): row for row in _known(target, how, checkpoint, held_out)}
    wanted = spread(len(held_out.index), images)
    fitted = set(spread(len(wanted), fits)) if low_dimensional and fits else set()
    fitted = {wanted[i] for i in fitted}
    missing = [row for row in wanted if row not in done or (row in fitted and isnan(done[row]["approximation"]))]
    missing.sort(key=lambda row: row * GOLDEN % 1)  # so that those of an interrupted table are spread as well
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


def _known(target: Path, how: str, checkpoint: Checkpoint, held_out: HeldOut) -> list[Row]:
    """What an earlier survey has found of this very model, in this very way."""
    if not target.is_file():
        return []
    table = read_table(target)
    return rows_of(table) if table.how == how and table.belongs_to(checkpoint, held_out) else []


def _save(target: Path, checkpoint: Checkpoint, how: str, done: dict[int, Row]) -> None:
    save_table(target, table_of(fingerprint(checkpoint), how, [done[row] for row in sorted(done)]))
