"""Every training setting, declared once: default, range and one-line help. No torch here.

The command line, the app's forms and a checkpoint's metadata are all derived from `Settings`.
"""

from __future__ import annotations

import json
import types
from dataclasses import asdict, dataclass, field, fields
from math import inf, isfinite
from reprlib import repr as short  # a message stays one sentence, however long the value is
from typing import Any, Literal, get_args, get_origin, get_type_hints

from vae.data.formats import refuse_foreign
from vae.errors import InputError

DATA_SETS = ("digits", "sprites", "mnist", "fashion-mnist", "kmnist", "emnist-letters", "qmnist", "cifar10", "svhn")

FORMER_NAMES = {"schedule": "lr_schedule"}  # of settings, in files and commands of earlier versions
MOST_PAIRS = 1 << 27  # most densities (float32) of a batch: batch_size² · latent_dim for tc_weight, half a GiB


def _setting(
    default: Any,
    help: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    limits = {"at_least": at_least, "above": above, "at_most": at_most, "choices": choices}
    return field(default=default, metadata={"help": help, **limits})


@dataclass(frozen=True)
class Settings:
    """What is trained and how; each field's metadata has its help text and limits.

    `Settings.of` converts strings and JSON values. Raises `InputError` where a value is outside its limits, or where
    two settings contradict each other.
    """

    data: str = _setting(
        "mnist", "image set to train on, or a path of your own images: a folder/, .zip, .npz or .npy", choices=DATA_SETS
    )
    arch: Literal["mlp", "conv"] = _setting("mlp", "kind of network")
    hidden: tuple[int, ...] = _setting(
        (400,), "layer widths (mlp; 0 for none) or channels (conv), image side first, as in 512,256",
        at_least=1, at_most=4096,
    )  # fmt: skip
    latent_dim: int = _setting(2, "dimensions of z", at_least=1, at_most=64)
    beta: float = _setting(1.0, "weight of the rate in the loss; 1 is the ELBO", at_least=0, at_most=1e6)
    likelihood: Literal["bernoulli", "gaussian"] = _setting("bernoulli", "p(x|z) of a pixel")
    sigma: float = _setting(
        1.0, "standard deviation of a pixel under the gaussian likelihood", at_least=1e-3, at_most=1e3
    )
    sigma_learned: Literal["off", "on"] = _setting(
        "off",
        "on: sigma is the root mean squared error of a pixel, its optimum (Rybkin et al. 2021), and its setting is not "
        "used; turning sigma during the run fixes it",
    )
    beta_schedule: Literal["constant", "warm-up", "cyclical"] = _setting(
        "constant",
        "beta over the run: warm-up rises from 0 over beta_period, cyclical does so again and again",
    )
    beta_period: float = _setting(
        10.0, "epochs of the warm-up, or of one cycle (half of it rising)", at_least=0.01, at_most=100_000
    )
    free_bits: float = _setting(
        0.0, "rate of a dimension that costs nothing, in nats, mean over a batch", at_least=0, at_most=100
    )
    capacity: float = _setting(
        0.0, "rate that the loss pulls towards, in nats: beta · |rate − capacity|; 0 for beta · rate",
        at_least=0, at_most=1000,
    )  # fmt: skip
    tc_weight: float = _setting(
        1.0, "times beta, weight of the total correlation (beta-TC-VAE); 1 weighs it as the rest of the rate",
        at_least=0, at_most=1e4,
    )  # fmt: skip
    importance_samples: int = _setting(
        1, "draws an image in the importance-weighted bound (IWAE); 1 for the ELBO", at_least=1, at_most=100
    )
    sampling: Literal["sample", "mean"] = _setting(
        "sample",
        "what training decodes: a draw from q(z|x), or its mean (an autoencoder, no bound); reports score draws",
    )
    reduction: Literal["sum", "mean"] = _setting(
        "sum", "of the distortion over pixels; mean multiplies the effective beta by their number"
    )
    epochs: int = _setting(10, "passes over the training images", at_least=1, at_most=100_000)
    batch_size: int = _setting(128, "images a step", at_least=1, at_most=65_536)
    optimiser: Literal["adam", "sgd"] = _setting("adam", "Adam, or stochastic gradient descent with momentum 0.9")
    lr: float = _setting(1e-3, "learning rate (the peak, under one-cycle)", above=0, at_most=10)
    lr_schedule: Literal["one-cycle", "constant"] = _setting("one-cycle", "learning rate over the run")
    stop_steps: int = _setting(0, "finish after so many steps; 0 for no such limit", at_least=0, at_most=2**31 - 1)
    stop_minutes: float = _setting(0.0, "finish after so many minutes; 0 for no such limit", at_least=0, at_most=1e6)
    stop_elbo: float = _setting(
        0.0, "finish once the validation ELBO is above this, nats per image; 0 for no such limit",
        at_least=-1e9, at_most=1e9,
    )  # fmt: skip
    seed: int = _setting(1, "seed of weights, order and noise", at_least=0, at_most=2**31 - 1)
    device: Literal["auto", "cuda", "mps", "cpu"] = _setting("auto", "where to train; auto is cuda, then mps, then cpu")
    picture_size: int = _setting(
        28, "pixels a side that the pictures of your own folder or .zip are scaled to", at_least=4, at_most=256
    )
    picture_colour: Literal["grey", "rgb"] = _setting("grey", "colour of the pictures of your own folder or .zip")

    def __post_init__(self) -> None:
        for f in fields(self):
            _check(f.name, getattr(self, f.name), f.metadata)
        if self.arch == "conv" and not 1 <= len(self.hidden) <= 6:
            raise InputError("hidden must name 1 to 6 channel counts for a conv network, as in 32,64.")
        if len(self.hidden) > 16:
            raise InputError("hidden must name at most 16 layers.")
        _check_loss(self)

    @classmethod
    def of(cls, values: dict[str, Any]) -> Settings:
        """Settings from strings or JSON values by name; the others take their defaults.

        Raises `InputError` for an unknown name or a value that cannot be converted.
        """
        kinds = field_types()
        values = {FORMER_NAMES.get(name, name): value for name, value in values.items()}
        unknown = sorted(set(values) - set(kinds))
        if unknown:
            raise InputError(f"Unknown setting {short(unknown[0])}; the settings are {', '.join(kinds)}.")
        return cls(**{name: _convert(name, value, kinds[name]) for name, value in values.items()})

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise InputError("The settings are not a JSON object; they were not written by this program.")
        return cls.of(values)


def _check_loss(settings: Settings) -> None:
    """Raise `InputError` where settings of the loss contradict each other."""
    if settings.sigma_learned == "on" and settings.likelihood != "gaussian":
        advice = "choose likelihood gaussian or sigma_learned off"
        raise InputError(f"A {settings.likelihood} likelihood has no sigma to learn; {advice}.")
    needs_draws = {"tc_weight": settings.tc_weight != 1, "importance_samples": settings.importance_samples > 1}
    changed = {"free_bits": settings.free_bits > 0, "capacity": settings.capacity > 0, **needs_draws}
    chosen = [name for name, on in changed.items() if on]
    if len(chosen) > 1:
        raise InputError(f"{chosen[0]} and {chosen[1]} are two different losses; leave one of them at its default.")
    if settings.sampling == "mean" and (name := next((name for name, on in needs_draws.items() if on), None)):
        raise InputError(f"{name} needs draws from q(z|x), which sampling mean does not take; choose sampling sample.")
    if needs_draws["tc_weight"] and settings.latent_dim < 2:
        raise InputError("tc_weight needs a latent_dim of at least 2: one dimension has no total correlation.")
    if needs_draws["tc_weight"] and settings.batch_size**2 * settings.latent_dim > MOST_PAIRS:
        most = int((MOST_PAIRS / settings.latent_dim) ** 0.5)
        raise InputError(f"tc_weight compares all images of a batch in pairs; choose a batch_size of at most {most}.")


def field_types() -> dict[str, Any]:
    """Name → type of every setting, in the order of their declaration."""
    hints = get_type_hints(Settings)
    return {f.name: hints[f.name] for f in fields(Settings)}


def choices_of(name: str) -> tuple[str, ...] | None:
    """The values that setting `name` can take, where they are a fixed list, else None."""
    metadata = next(f.metadata for f in fields(Settings) if f.name == name)
    kind = field_types()[name]
    return metadata["choices"] or (get_args(kind) if get_origin(kind) is Literal else None)


def value_of(name: str, value: Any) -> Any:
    """The value of setting `name` from a string or JSON value. `InputError` where it is not allowed."""
    converted = _convert(name, value, field_types()[name])
    check_setting(name, converted)
    return converted


def check_setting(name: str, value: Any) -> None:
    """Raise `InputError` where `value` is outside the limits of setting `name`."""
    _check(name, value, next(f.metadata for f in fields(Settings) if f.name == name))


def parse_hidden(text: str) -> tuple[int, ...]:
    """ "512,256" → (512, 256); "0" or "" → (), a linear network."""
    parts = [p.strip() for p in text.split(",") if p.strip()]
    try:
        widths = tuple(int(p) for p in parts)
    except ValueError:
        raise InputError(f"hidden must be whole numbers joined by commas, as in 512,256, not {short(text)}.") from None
    return () if widths == (0,) else widths


def is_file(data: Any) -> bool:
    """Whether the setting `data` is a path of the user's own images: it contains a slash or ends as their files do."""
    ends = (".npz", ".npy", ".zip")
    return isinstance(data, str) and len(data) < 1000 and ("/" in data or data.lower().endswith(ends))


def _convert(name: str, value: Any, kind: Any) -> Any:
    if name == "hidden":
        if isinstance(value, str):
            return parse_hidden(value)
        if isinstance(value, (list, tuple)) and all(type(v) is int for v in value):
            return tuple(value)
        raise InputError(f"hidden must be whole numbers joined by commas, not {short(value)}.")
    if kind is int:
        if type(value) is int:
            return value
        try:
            return _whole(value)
        except ValueError:
            raise InputError(f"{name} must be a whole number, not {short(value)}{_comma_hint(value)}.") from None
    if kind is float:
        try:
            return _float(str(value) if isinstance(value, bool) else value)
        except (TypeError, ValueError):
            raise InputError(f"{name} must be a number, not {short(value)}{_comma_hint(value)}.") from None
    return value


def _whole(value: Any) -> int:
    """ "12" or "1e3" as a whole number; `ValueError` for anything else."""
    try:
        return int(str(value))
    except ValueError:
        if not isinstance(value, str) or not float(value).is_integer():
            raise
        return int(float(value))


def _comma_hint(value: Any) -> str:
    return "; write it without commas, and a decimal point where one is needed" if "," in str(value) else ""


def _check(name: str, value: Any, limits: types.MappingProxyType[str, Any]) -> None:
    choices = choices_of(name)
    if choices is not None:
        if value not in choices and not (name == "data" and is_file(value)):
            if name == "data" and isinstance(value, str):
                refuse_foreign(value, "images")
            own = "name a folder of your own with a slash, as in ./pictures, or " if name == "data" else ""
            raise InputError(f"Unknown {name} {short(value)}: {own}choose one of {', '.join(choices)}.")
        return
    for number in map(_float, value if isinstance(value, tuple) else (value,)):
        if not isfinite(number):
            raise InputError(f"{name} must be finite, not {number}.")
        if limits["at_least"] is not None and number < limits["at_least"]:
            raise InputError(
                f"{name} must be at least {_format_number(limits['at_least'])}, not {_format_number(number)}."
            )
        if limits["above"] is not None and number <= limits["above"]:
            raise InputError(f"{name} must be above {_format_number(limits['above'])}, not {_format_number(number)}.")
        if limits["at_most"] is not None and number > limits["at_most"]:
            raise InputError(
                f"{name} must be at most {_format_number(limits['at_most'])}, not {_format_number(number)}."
            )


def _format_number(number: float) -> str:
    """A number in 6 digits where these are exact, else in all its digits."""
    short_text = f"{number:g}"
    return short_text if float(short_text) == number else repr(number)


def _float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:  # a whole number of hundreds of digits
        return inf
