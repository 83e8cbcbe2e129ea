"""Numbers on the KL term at every rising stop of a beta path: forces, ELBO surgery, holes and overlap.

They are computed from the stored decoders and posteriors, so a trained path can be annotated at any time. The path of a
linear VAE also gets the closed form that it is compared with.
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
MOST_FORCES = 600  # points · latent_dim with forces, at most: bounds the file size
DEAD = 0.01  # nats: a dimension with a lower rate counts as collapsed
PAIRS = 64  # of antithetic draws: 128 draws of zeta


def annotate(path: str | Path, data: ImageSet, seed: int = 0) -> BetaPath:
    """Add `BetaPath.forces`, and to every `up[i]` its `numbers`, to the file `path`, atomically; returns it.

    `data` is the image set that the path was trained on. Every stop uses the same noise, so that differences between
    stops are not due to noise. An earlier annotation is replaced. `InputError` where the images do not fit.
    """
    path = Path(path)
    stored, test = read(path), data.test
    if test.image_shape != stored.image_shape or not 0 <= stored.index.min() <= stored.index.max() < len(test.labels):
        raise InputError(f"{path} is a path of other images; give it those of {stored.settings.data}.")
    k = stored.settings.latent_dim
    points = spread(test.labels[stored.index], max(1, min(MOST_POINTS, MOST_FORCES // k)))
    images = torch.from_numpy(test.pixels[stored.index[points]]) / 255
    parts = []
    for stop, numbers_of_stop in enumerate(stored.up):
        posterior = DiagonalGaussian(torch.from_numpy(stored.mu[stop]), torch.from_numpy(stored.logvar[stop]))
        numbers_of_stop |= numbers(posterior, seed)
        some = DiagonalGaussian(posterior.mu[points], posterior.logvar[points])
        zeta = torch.randn(PAIRS, *some.mu.shape, generator=torch.Generator().manual_seed(seed))
        mean, error = distortion_forces(_model(stored, stop), images, some, zeta)
        parts.append((mean.mu, error.mu, mean.logsigma, error.logsigma))
    forces = {
        name: torch.stack(stops).float().numpy() for name, stops in zip(FORCES, zip(*parts, strict=True), strict=True)
    }
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        metadata = file.metadata()
    added = {POINTS: points.astype(np.int32), **forces}
    described = {"up": json.dumps(stored.up)}
    if stored.settings.likelihood == "gaussian" and not stored.settings.hidden and stored.settings.arch == "mlp":
        described["linear"] = closed_form(stored, data.train).to_json()
    write(path, save(arrays | added, metadata | described))
    return read(path)


def closed_form(path: BetaPath, train: Images) -> ClosedForm:
    """The optimum of a linear VAE for its training images, to compare its path with.

    Dimensions of z are matched to eigenvalues by the beta at which they collapse: the later, the larger the eigenvalue.
    Dimensions of nearly equal eigenvalues may rotate into each other along the path.
    """
    rates = np.array([numbers_of_stop["rate_per_dim"] for numbers_of_stop in path.up])
    last = len(rates) - 1 - np.argmax(rates[::-1] > DEAD, axis=0)
    order = np.lexsort((-rates[last, np.arange(len(last))], -last))
    return ClosedForm.along(eigenvalues(train.pixels), path.betas, path.settings.sigma, order.tolist())


def numbers(posterior: DiagonalGaussian, seed: int) -> dict[str, Any]:
    """`surgery` in nats per image, `hole_share` and `overlap` without unit; all with their standard errors."""
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
    """Sorted rows of at most `most` images: of each class the first most / classes, or all if there are fewer."""
    classes = np.unique(labels)
    return np.sort(np.concatenate([np.flatnonzero(labels == c)[: most // len(classes)] for c in classes]))


def _model(path: BetaPath, stop: int) -> VAE:
    """A VAE with the decoder of a stop; its encoder has no weights (device meta)."""
    with torch.device("meta"):
        model = VAE(path.plan, path.image_shape, path.settings.likelihood, path.settings.sigma)
    decoder = {name: torch.from_numpy(array[stop]) for name, array in path.decoder.items()}
    model.load_state_dict(decoder, strict=False, assign=True)
    return model
