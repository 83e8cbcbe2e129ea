"""Options that several commands have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from vae.settings import FORMER_NAMES, Settings, choices_of

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[Any]


def add_settings(parser: argparse.ArgumentParser, without: tuple[str, ...] = ()) -> None:
    for f in fields(Settings):
        if f.name not in without:
            _add_setting(parser, f.name, f.default, f.metadata["help"])
    for former, name in FORMER_NAMES.items():
        parser.add_argument(f"--{former}", dest=f"settings.{name}", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    add_data_root(parser)


def add_pace(parser: argparse.ArgumentParser) -> None:
    """Options on checkpoints and on sharing the machine."""
    parser.add_argument(
        "--checkpoint-every", metavar="SECONDS", default=30, type=number(float, 0),
        help="how much work a crash may cost (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--background", action="store_true",
        help="wait in a queue until the device is free, take the lowest priority, and leave a core to others",
    )  # fmt: skip


def _add_setting(parser: argparse.ArgumentParser, name: str, default: Any, text: str) -> None:
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
    choices = choices_of(name)
    kinds = f"; one of {', '.join(choices)}" if choices else ""
    # values stay strings, which Settings.of converts and checks; only options that were given are in the result
    parser.add_argument(
        f"--{name.replace('_', '-')}", dest=f"settings.{name}", metavar="NAME" if choices else "VALUE",
        default=argparse.SUPPRESS, help=f"{text}{kinds} (default: {shown})",
    )  # fmt: skip


def add_other_data(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--other-data", action="store_true", help=text)


def number(kind: type, least: int) -> Callable[[str], Any]:
    """A converter for argparse: a number from `least` to 2³¹ − 1."""

    def convert(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value < 2**31:
            raise argparse.ArgumentTypeError(f"{text!r} is no {'whole ' * (kind is int)}number from {least} to 2³¹ − 1")
        return value

    return convert


def add_data_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-root", metavar="DIR", help="folder of the image sets (default: $ELBO_ROOM_DATA, else data)"
    )


def given_settings(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given on the command line, by name."""
    return {k.removeprefix("settings."): v for k, v in vars(options).items() if k.startswith("settings.")}
