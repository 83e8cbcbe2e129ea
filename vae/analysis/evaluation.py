"""Evaluation of a model on a split, and the held-out images of the map. Nats per image throughout.

Noise is always drawn on the CPU, so that the numbers of a seed are the same on every device up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from vae.density import UNNORMALISED, is_unnormalised
from vae.elbo import Elbo, bound_of_weights, log_weights, objective
from vae.errors import InputError
from vae.files.held_out import HeldOut, save_held_out
from vae.gaussian import DiagonalGaussian
from vae.model import VAE
from vae.principal_axes import ACTIVE_VARIANCE

if TYPE_CHECKING:
    from vae.data.image_arrays import Images


BATCH_SIZE = 500
SIGMA_IMAGES = 10_000
BATCH_PIXELS = 1 << 24  # batches of large images are smaller, so that their activations fit in memory


@torch.no_grad()
def evaluate(
    model: VAE,
    images: Images,
    *,
    split: str = "test",
    samples: int = 1,
    iwae: tuple[int, ...] = (1, 10, 100),
    iwae_images: int = 1000,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
) -> dict[str, Any]:
    """ELBO, distortion, rate and importance-weighted bounds of `model` on `images`, nats per image, ready for JSON.

    ELBO = −(distortion + rate), with the distortion averaged over `samples` draws from q(z|x) of every image and the
    rate in closed form. `elbo_standard_error` is that of the mean over images. `iwae` are the k of the bounds L_k (see
    `importance_weighted_bound`), all from the same draws, on `iwae_images` images spread evenly over the split. `note`
    is a warning if the likelihood is not a normalised density of these images, else "". `InputError` if the images do
    not fit the model or a number is not finite.
    """
    _check(model, images.pixels)
    if samples < 1 or iwae_images < 2 or batch_size < 1 or any(k < 1 for k in iwae):
        raise InputError("Evaluation needs at least 1 sample, 1 draw a bound, 2 images a bound and 1 image a batch.")
    generator = torch.Generator().manual_seed(seed)
    posterior, distortion = _posterior_and_distortion(model, images.pixels, samples, generator, batch_size)
    per_image = Elbo(distortion, posterior.kl_per_dim())
    subset = _spread(images.pixels, iwae_images)
    bounds = _bounds(model, subset, iwae, generator, batch_size) if iwae else {}
    if not all(bool(torch.isfinite(values).all()) for values in (per_image.elbo, *bounds.values())):
        raise InputError("The model gives no finite ELBO on these images; train it again with a smaller learning rate.")
    return {
        "split": split,
        "images": len(per_image.elbo),
        "samples_per_image": samples,
        "seed": seed,
        "unit": "nats per image",
        "note": UNNORMALISED if is_unnormalised(model.likelihood, images.pixels) else "",
        "elbo": per_image.elbo.mean().item(),
        "elbo_standard_error": _standard_error(per_image.elbo),
        "distortion": per_image.distortion.mean().item(),
        "rate": per_image.rate.mean().item(),
        "rate_per_dim": per_image.rate_per_dim.mean(0).tolist(),
        "active_units": active_units(posterior.mu),
        "iwae": {str(k): values.mean().item() for k, values in bounds.items()},
        "iwae_standard_error": {str(k): _standard_error(values) for k, values in bounds.items()},
        "iwae_images": len(subset) if iwae else 0,
    }


@torch.no_grad()
def optimal_variance(
    model: VAE, images: Images, *, beta: float = 1.0, draws: int = 1, at_mean: bool = False, seed: int = 0
) -> float:
    """The optimal sigma² of the gaussian likelihood for `images`: the mean squared error of a pixel.

    Decoded is a draw from q(z|x) of every image; with `at_mean`, its mean; with several `draws`, each of them, weighted
    as in the importance-weighted loss (see `vae.elbo.objective`). At most `SIGMA_IMAGES` images are used, spread evenly
    over the split (10,000 give sigma to 0.5%); fewer are drawn repeatedly.
    """
    pixels = _spread(images.pixels, SIGMA_IMAGES)
    generator = torch.Generator().manual_seed(seed)
    errors: list[Tensor] = []  # of every batch, mean over its pixels
    sizes: list[int] = []
    for _ in range(SIGMA_IMAGES // len(pixels)):
        for _, x in _batches(model, pixels, max(1, BATCH_SIZE // draws)):
            zeta = torch.randn(len(x), draws * model.latent_dim, generator=generator).to(x)
            objective(model, x, zeta, beta, at_mean=at_mean, learn_sigma=errors.append)
            sizes.append(len(x))
    weights = torch.tensor(sizes, dtype=torch.float64) / sum(sizes)
    return (torch.stack(errors).cpu().double() * weights).sum().item()


def active_units(mu: Tensor) -> int:
    """Number of latent dimensions with Var_x(E_q[u|x]) > 0.01, for posterior means `mu` (N, k) (Burda et al. 2016)."""
    return int((mu.var(0, correction=0) > ACTIVE_VARIANCE).sum())


@torch.no_grad()
def encode(model: VAE, images: Images) -> DiagonalGaussian:
    """q(z|x) of all images, mu and logvar (N, k), float64 on the CPU."""
    _check(model, images.pixels)
    parts = [model.encode(x) for _, x in _batches(model, images.pixels, BATCH_SIZE)]
    mu, logvar = (torch.cat([part.cpu().double() for part in column]) for column in zip(*parts, strict=True))
    return DiagonalGaussian(mu, logvar)


@torch.no_grad()
def held_out(model: VAE, images: Images, indices: np.ndarray | None = None, seed: int = 0) -> HeldOut:
    """Images, labels, posteriors and one-sample distortions of `images[indices]`, for the map.

    Without `indices`, the fixed subset of `vae.data.image_sets.held_out_indices`.
    """
    if indices is None:
        from vae.data.image_sets import held_out_indices

        indices = held_out_indices(images)
    pixels = images.pixels[indices]
    _check(model, pixels)
    generator = torch.Generator().manual_seed(seed)
    posterior, distortion = _posterior_and_distortion(model, pixels, 1, generator, BATCH_SIZE)
    return HeldOut(
        images=pixels,
        labels=images.labels[indices].astype(np.int32),
        index=indices.astype(np.int32),
        mu=posterior.mu.numpy().astype(np.float32),
        logvar=posterior.logvar.numpy().astype(np.float32),
        distortion=distortion.numpy().astype(np.float32),
    )


def write_held_out(path: Path, model: VAE, images: Images, indices: np.ndarray | None = None, seed: int = 0) -> HeldOut:
    """Write `held_out(...)` to `path` atomically, and return it."""
    result = held_out(model, images, indices, seed)
    save_held_out(path, result)
    return result


def _check(model: VAE, pixels: np.ndarray) -> None:
    if pixels.shape[1:] != model.image_shape:
        wanted, given = (" × ".join(map(str, shape)) for shape in (model.image_shape, pixels.shape[1:]))
        raise InputError(f"The model is for images of {wanted}, not {given}; choose the data set it was trained on.")
    if len(pixels) < 2:
        raise InputError("Evaluation needs at least 2 images.")


def _posterior_and_distortion(
    model: VAE, pixels: np.ndarray, samples: int, generator: torch.Generator, batch_size: int
) -> tuple[DiagonalGaussian, Tensor]:
    """q(z|x) of all images, and their distortion averaged over `samples` draws (N,), float64 on the CPU."""
    # the noise of all images is drawn at once, so the numbers do not depend on the batch size
    noise = [torch.randn(len(pixels), model.latent_dim, generator=generator) for _ in range(samples)]
    mu, logvar, distortion = [], [], []
    for start, x in _batches(model, pixels, batch_size):
        posterior = model.encode(x)
        draws = [posterior.at(zeta[start : start + len(x)].to(x)) for zeta in noise]
        distortion.append(-torch.stack([model.log_likelihood(x, z).cpu().double() for z in draws]).mean(0))
        mu.append(posterior.mu.cpu().double())
        logvar.append(posterior.logvar.cpu().double())
    return DiagonalGaussian(torch.cat(mu), torch.cat(logvar)), torch.cat(distortion)


def _bounds(
    model: VAE, pixels: np.ndarray, ks: tuple[int, ...], generator: torch.Generator, batch_size: int
) -> dict[int, Tensor]:
    """k → importance-weighted bound of every image (N,), float64 on the CPU."""
    found: dict[int, list[Tensor]] = {k: [] for k in ks}
    for _, x in _batches(model, pixels, batch_size):
        noise = (torch.randn(len(x), model.latent_dim, generator=generator).to(x) for _ in range(max(ks)))
        weights = log_weights(model, x, noise).cpu().double()
        for k, parts in found.items():
            parts.append(bound_of_weights(weights, k))
    return {k: torch.cat(parts) for k, parts in found.items()}


def _batches(model: VAE, pixels: np.ndarray, batch_size: int) -> Iterator[tuple[int, Tensor]]:
    """Yield (index of the first image, images (B, C, H, W) in [0, 1] on the model's device)."""
    weight = next(model.parameters())
    batch_size = min(batch_size, max(1, BATCH_PIXELS // pixels[0].size))
    for start in range(0, len(pixels), batch_size):
        yield start, torch.tensor(pixels[start : start + batch_size]).to(weight) / 255


def _spread(pixels: np.ndarray, n: int) -> np.ndarray:
    """`n` images spread evenly over the split: the first ones may be easier than others, as in MNIST's test split."""
    return pixels[np.linspace(0, len(pixels) - 1, min(n, len(pixels))).astype(np.int64)]


def _standard_error(values: Tensor) -> float:
    return float(values.std() / len(values) ** 0.5)
