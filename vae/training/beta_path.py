"""A beta path: one model that is trained on while beta changes, saved at every beta of a list (a stop).

Beta rises from 0 (an autoencoder) until all dimensions have collapsed. Each stop starts from the weights of the one
before, so latent spaces differ little from stop to stop and can be interpolated. Then beta falls again, and only
numbers are saved: where the two directions differ, the collapse depends on the history (hysteresis).

A path is one .safetensors file: the decoder (float16) and q(z|x) of the map's held-out images at every stop, and all
numbers in its metadata. Reading one imports no torch.

For images with known factors, `up[i]["disentanglement"]` has the MIG and the FactorVAE score.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import cos, isfinite, pi
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open

from vae.analysis.linear import ClosedForm
from vae.errors import InputError
from vae.files.atomic import write_atomically
from vae.files.checkpoint import parameter_shapes
from vae.plan import ImageShape, Plan, make_plan
from vae.settings import Settings

if TYPE_CHECKING:
    from vae.data.image_arrays import Images
    from vae.data.image_sets import ImageSet
    from vae.gaussian import DiagonalGaussian
    from vae.training.loop import Training

FORMAT = "elbo-room-path-1"
BETAS = (0.0, *(float(f"{b:.4g}") for b in np.geomspace(0.01, 100, 27)))
PROLOGUE = 10  # stops at beta 1 before the path begins
TRAIN_IMAGES = 10_000  # images of the training split that a stop is evaluated on
SCORED = 15_000  # draws of z that a split is evaluated with, at least: several for each of few images
MAX_BYTES = 1 << 28
MAX_STOPS = 500
POINTS = "force.points"
FACTORS = "factors"
VOTES, VOTE_SAMPLES = 2000, 100  # of the FactorVAE score
DRAWS = 2000  # draws of z for the mutual information gap
FORCES = tuple(f"force.distortion_{on}{of}" for on in ("mu", "logsigma") for of in ("", "_se"))


@dataclass(frozen=True, eq=False)
class BetaPath:
    """The checked contents of a file. `up[i]` and `down[i]` are the numbers at `betas[i]`, rising and falling.

    `decoder` arrays are (stops, …), `mu` and `logvar` (stops, N, k), converted to float32; `index` (N,) are the
    positions of the N images in the test split.

    `forces` is added by `vae.training.path_annotation`, else empty: "force.points" (T,), rows of mu, and for these the
    distortion's forces on mu and ln sigma, each with its standard error, (stops, T, k): "force.distortion_mu",
    "…_mu_se", "force.distortion_logsigma", "…_logsigma_se", nats per image.

    `linear` is the closed form that the path of a linear VAE is compared with, added by `path_annotation` too, else
    None. `factors` (N, F) are the generative factors of the N images, counted from 0, and `factor_names` their names;
    None and empty where the factors are not known.
    """

    settings: Settings
    image_shape: ImageShape
    classes: tuple[str, ...]
    betas: tuple[float, ...]
    up: list[dict[str, Any]]
    down: list[dict[str, Any]]
    decoder: dict[str, np.ndarray]
    mu: np.ndarray
    logvar: np.ndarray
    index: np.ndarray
    forces: dict[str, np.ndarray]
    linear: ClosedForm | None
    factors: np.ndarray | None
    factor_names: tuple[str, ...]

    @property
    def plan(self) -> Plan:
        return make_plan(self.settings.arch, self.settings.hidden, self.settings.latent_dim, self.image_shape)


def follow(
    settings: Settings, images: ImageSet, betas: Sequence[float] = BETAS
) -> Iterator[tuple[str, float, Training]]:
    """Train along `betas` (rising) and back, yielding ("up" or "down", beta, training) at the end of every stop.

    A stop lasts `settings.epochs` passes over the training images; within each, the learning rate falls from its
    setting to 0 along a cosine. `PROLOGUE` stops at beta 1 and one at each lower beta come first and are not yielded,
    so that beta changes along the path, not how well the model is trained. The same `training` is yielded every time
    and trained further afterwards: read from it before the next step. `InputError` if sigma is learned.
    """
    from vae.training.loop import Training, train

    if settings.sigma_learned == "on":
        raise InputError("Along a path sigma stays as it is, for beta and sigma are one knob; leave sigma_learned off.")
    n, size = len(images.train.labels), settings.batch_size
    per_stop = -(-settings.epochs * n // size)
    stages = [("before", 1.0)] * PROLOGUE + [("before", beta) for beta in reversed(betas) if beta < 1]
    stages += [("up", beta) for beta in betas] + [("down", beta) for beta in reversed(betas)]
    epochs = len(stages) * per_stop * size // n + 1
    training = Training(replace(settings, epochs=epochs, lr_schedule="constant", beta=1.0), images.image_shape)
    steps = train(training, images.train)
    for direction, beta in stages:
        training.beta = beta
        for step in range(per_stop):
            training.lr = settings.lr * (1 + cos(pi * step / per_stop)) / 2
            next(steps)
        if direction != "before":
            yield direction, beta, training


def record(
    settings: Settings, images: ImageSet, betas: Sequence[float] = BETAS, points: int = 5000
) -> Iterator[tuple[str, float, dict[str, Any]] | bytes]:
    """Train along a path; yields (direction, beta, numbers) at every stop, and at the end the file's bytes."""
    import torch
    from safetensors.torch import save

    from vae.analysis.evaluation import encode, held_out
    from vae.data.image_sets import held_out_indices

    index = held_out_indices(images.test, points)
    numbers: dict[str, list[dict[str, Any]]] = {"up": [], "down": []}
    stops: dict[str, list[torch.Tensor]] = {}
    for direction, beta, training in follow(settings, images, betas):
        model = training.model
        scores = {"beta": beta, **_numbers(training, images)}
        numbers[direction].append(scores)
        if direction == "up" and images.factors is not None:
            scores["disentanglement"] = _scores(encode(model, images.test), images.factors.test)
        if direction == "up":
            encoded = held_out(model, images.test, index)
            saved = {name: w.detach().cpu() for name, w in model.state_dict().items() if name.startswith("decoder.")}
            saved |= {"mu": torch.from_numpy(encoded.mu), "logvar": torch.from_numpy(encoded.logvar)}
            for name, tensor in saved.items():
                stops.setdefault(name, []).append(tensor.clamp(-6e4, 6e4).half())
        yield direction, beta, scores
    metadata = {
        "format": FORMAT,
        "settings": settings.to_json(),
        "image_shape": json.dumps(list(images.image_shape)),
        "classes": json.dumps(list(images.classes)),
        "betas": json.dumps(list(betas)),
        "up": json.dumps(numbers["up"]),
        "down": json.dumps(numbers["down"][::-1]),
    }
    tensors = {name: torch.stack(parts) for name, parts in stops.items()}
    tensors["index"] = torch.from_numpy(index.astype(np.int32))
    if images.factors is not None:
        metadata["factor_names"] = json.dumps(images.factors.names)
        tensors[FACTORS] = torch.from_numpy(images.factors.test[index].astype(np.int32))
    yield save(tensors, metadata)


def _numbers(training: Training, images: ImageSet) -> dict[str, Any]:
    """Distortion, rate, ELBO and rate per dimension of both splits, nats per image; active units of the test split.

    With few images, more draws of z are taken of each.
    """
    from vae.analysis.evaluation import evaluate

    scores: dict[str, Any] = {}
    for split, part in (("test", images.test), ("train", _first(images.train, TRAIN_IMAGES))):
        draws = max(1, SCORED // len(part.labels))
        scored = evaluate(training.model, part, split=split, samples=draws, iwae=())
        per_dim = [round(rate, 5) for rate in scored["rate_per_dim"]]
        scores[split] = {name: round(scored[name], 4) for name in ("distortion", "rate", "elbo")}
        if split == "test":
            scores |= {"rate_per_dim": per_dim, "active_units": scored["active_units"]}
        else:
            scores[split]["rate_per_dim"] = per_dim
    return scores


def _scores(posterior: DiagonalGaussian, factors: np.ndarray) -> dict[str, Any]:
    """MIG and FactorVAE score of a test split, both in [0, 1], the latter with its binomial standard error."""
    import torch

    from vae.analysis.disentanglement import factor_vae_score, mutual_information_gap

    values, noise = torch.from_numpy(factors), torch.Generator().manual_seed(0)
    gap = mutual_information_gap(posterior, values, DRAWS, noise)
    score = factor_vae_score(posterior.mu, values, VOTES, VOTE_SAMPLES, noise)
    return {
        "mig": round(gap.mig, 5),
        "mig_per_factor": [round(value, 5) for value in gap.gaps.tolist()],
        "factor_vae": round(score, 5),
        "factor_vae_se": round((score * (1 - score) / (VOTES // 2)) ** 0.5, 5),
        "images": len(factors),
        "draws": DRAWS,
        "votes": VOTES,
        "votes_of": VOTE_SAMPLES,
    }


def _first(images: Images, n: int) -> Images:
    return images.take(np.arange(min(n, len(images.labels))))


def write(path: Path, data: bytes) -> None:
    """Write the bytes of a path (the last that `record` yields), atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data)


def read(path: str | Path) -> BetaPath:
    """The path in a file; `InputError` where it is not one, or damaged."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no beta path {path}; make it with python -m vae sweep --path.")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path} is larger than 256 MiB, so it is no beta path of this program.")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        return _checked(metadata, arrays)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is no beta path, or it is damaged; make it again.") from None


def _checked(metadata: dict[str, str], arrays: dict[str, np.ndarray]) -> BetaPath:
    if metadata["format"] != FORMAT:
        raise ValueError("foreign")
    settings = Settings.from_json(metadata["settings"])
    channels, height, width = map(int, json.loads(metadata["image_shape"]))
    betas = tuple(map(float, json.loads(metadata["betas"])))
    up, down = json.loads(metadata["up"]), json.loads(metadata["down"])
    count, k = len(betas), settings.latent_dim
    plan = make_plan(settings.arch, settings.hidden, k, (channels, height, width))
    wanted = {name: shape for name, shape in parameter_shapes(plan).items() if name.startswith("decoder.")}
    mu, logvar, index = arrays.pop("mu"), arrays.pop("logvar"), arrays.pop("index")
    forces = {name: arrays.pop(name) for name in (POINTS, *FORCES) if name in arrays}
    factors, names = arrays.pop(FACTORS, None), tuple(map(str, json.loads(metadata.get("factor_names", "[]"))))
    consistent = (
        2 <= count <= MAX_STOPS
        and all(isfinite(beta) and beta >= 0 for beta in betas)
        and list(betas) == sorted(set(betas))
        and len(up) == len(down) == count
        and _finite([up, down])
        and {name: array.shape for name, array in arrays.items()} == {n: (count, *s) for n, s in wanted.items()}
        and mu.shape == logvar.shape == (count, len(index), k)
        and index.ndim == 1
        and all(array.dtype == np.float16 and np.isfinite(array).all() for array in (*arrays.values(), mu, logvar))
        and (not forces or _are_forces(forces, count, len(index), k))
        and (not names if factors is None else _are_factors(factors, len(index), len(names)))
    )
    if not consistent:
        raise ValueError("damaged")
    return BetaPath(
        settings=settings,
        image_shape=(channels, height, width),
        classes=tuple(map(str, json.loads(metadata["classes"]))),
        betas=betas,
        up=up,
        down=down,
        decoder={name: array.astype(np.float32) for name, array in arrays.items()},
        mu=mu.astype(np.float32),
        logvar=logvar.astype(np.float32),
        index=index.astype(np.int32),
        forces=forces,
        linear=ClosedForm.from_json(metadata["linear"], count, k) if "linear" in metadata else None,
        factors=factors,
        factor_names=names,
    )


def _are_forces(forces: dict[str, np.ndarray], count: int, n: int, k: int) -> bool:
    """Whether `forces` has all arrays of `BetaPath.forces`, finite and in their shapes, for `count` stops."""
    if set(forces) != {POINTS, *FORCES}:
        return False
    points, rest = forces[POINTS], [forces[name] for name in FORCES]
    return (
        points.dtype == np.int32
        and points.ndim == 1
        and 0 < len(points) <= n
        and bool(((points >= 0) & (points < n)).all())
        and all(a.dtype == np.float32 and a.shape == (count, len(points), k) for a in rest)
        and all(np.isfinite(array).all() for array in rest)
    )


def _are_factors(factors: np.ndarray, n: int, count: int) -> bool:
    return factors.dtype == np.int32 and factors.shape == (n, count) and count > 0 and bool((factors >= 0).all())


def _finite(value: Any) -> bool:
    """Whether all numbers of a JSON value are finite: json.loads accepts NaN and Infinity."""
    if isinstance(value, dict | list):
        return all(map(_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or isfinite(value)
