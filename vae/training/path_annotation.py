"""What a beta path's own contents say of the KL term: forces, surgery, holes and overlap at every stop on the way up.

All of it follows from the stored decoders and posteriors, so a path is trained once and annotated whenever. The path of
a linear VAE is also given the closed form that it is held against.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save

from vae.analysis.forces import distortion_forces
from vae.analysis.linear import ClosedForm, eigenvalues
from vae.analysis.surgery import surgery
from vae.analysis.zones import HOLE, hole_share, overlap
from vae.data.image_arrays import Images
from vae.data.image_sets import ImageSet
from vae.errors import InputError
from vae.gaussian import DiagonalGaussian
from vae.model import VAE
from vae.training.beta_path import FORCES, POINTS, BetaPath, read, write

MOST_POINTS = 300
MOST_PULLED = 600  # dimensions of all points with forces together: files stay small
DEAD = 0.01  # nats: a dimension with no more carries nothing
PAIRS = 64  # of antithetic draws: 128 draws of zeta


def annotate(path: str | Path, data: ImageSet, seed: int = 0) -> BetaPath:
    """Add to the file `path`, atomically, the forces that `BetaPath` names and to every `up[i]` the `numbers` of it.

    `data` is what the path was made with. Every stop gets the same noise, so that noise is not what differs from stop
    to stop; what an earlier call added is replaced. `InputError` where the images do not fit.
    """
    path = Path(path)
    known, test = read(path), data.test
    if test.image_shape != known.image_shape or not 0 <= known.index.min() <= known.index.max() < len(test.labels):
        raise InputError(f"{path} is a path of other images; give it those of {known.settings.data}.")
    k = known.settings.latent_dim
    points = spread(test.labels[known.index], max(1, min(MOST_POINTS, MOST_PULLED // k)))
    images = torch.from_numpy(test.pixels[known.index[points]]) / 255
    parts = []
    for stop, said in enumerate(known.up):
        posterior = DiagonalGaussian(torch.from_numpy(known.mu[stop]), torch.from_numpy(known.logvar[stop]))
        said |= numbers(posterior, seed)
        some = DiagonalGaussian(posterior.mu[points], posterior.logvar[points])
        zeta = torch.randn(PAIRS, *some.mu.shape, generator=torch.Generator().manual_seed(seed))
        mean, error = distortion_forces(_model(known, stop), images, some, zeta)
        parts.append((mean.mu, error.mu, mean.logsigma, error.logsigma))
    forces = {
        name: torch.stack(stops).float().numpy() for name, stops in zip(FORCES, zip(*parts, strict=True), strict=True)
    }
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        metadata = file.metadata()
    added = {POINTS: points.astype(np.int32), **forces}
    said_of_all = {"up": json.dumps(known.up)}
    if known.settings.likelihood == "gaussian" and not known.settings.hidden and known.settings.arch == "mlp":
        said_of_all["linear"] = closed_form(known, data.train).to_json()
    write(path, save(arrays | added, metadata | said_of_all))
    return read(path)


def closed_form(path: BetaPath, train: Images) -> ClosedForm:
    """What a linear VAE's path is held against: the optimum for its training images.

    The longer a dimension of z keeps a rate on the way up, the larger the eigenvalue it is taken to carry: dimensions
    of nearly the same eigenvalue may turn into each other on the way.
    """
    rates = np.array([said["rate_per_dim"] for said in path.up])
    last = len(rates) - 1 - np.argmax(rates[::-1] > DEAD, axis=0)
    order = np.lexsort((-rates[last, np.arange(len(last))], -last))
    return ClosedForm.along(eigenvalues(train.pixels), path.betas, path.settings.sigma, order.tolist())


def numbers(posterior: DiagonalGaussian, seed: int) -> dict[str, Any]:
    """`surgery`, in nats per image; `hole_share` and `overlap`, without unit; all with their standard errors."""
    noise = torch.Generator().manual_seed(seed)
    terms, holes, shared = (
        surgery(posterior, generator=noise),
        hole_share(posterior, generator=noise),
        overlap(posterior),
    )
    return {
        "surgery": terms.as_json(),
        "hole_share": holes.mean,
        "hole_share_se": round(holes.standard_error, 5),
        "hole_fraction": HOLE,
        "overlap": round(shared.mean, 5),
        "overlap_se": round(shared.standard_error, 5),
    }


def spread(labels: np.ndarray, most: int) -> np.ndarray:
    """Rows of at most `most` images, sorted, with as many of each class as there are, up to an equal share."""
    classes = np.unique(labels)
    return np.sort(np.concatenate([np.flatnonzero(labels == c)[: most // len(classes)] for c in classes]))


def _model(path: BetaPath, stop: int) -> VAE:
    """A VAE with the decoder of a stop; its encoder is not there."""
    with torch.device("meta"):
        model = VAE(path.plan, path.image_shape, path.settings.likelihood, path.settings.sigma)
    decoder = {name: torch.from_numpy(array[stop]) for name, array in path.decoder.items()}
    model.load_state_dict(decoder, strict=False, assign=True)
    return model
