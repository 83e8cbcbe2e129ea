"""`python -m vae sweep`: one run for each of several betas, or one model trained on from beta to beta."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vae.cli import train
from vae.cli.options import add_pace, add_settings, given_settings, number
from vae.data.pictures import Fit
from vae.errors import InputError
from vae.files import runs
from vae.settings import Settings, check_setting

if TYPE_CHECKING:
    from vae.cli.options import Subparsers


def add_parser(commands: Subparsers) -> None:
    parser = commands.add_parser("sweep", help="train one VAE for each of several betas", allow_abbrev=False)
    parser.set_defaults(command=run)
    parser.add_argument(
        "--betas", metavar="LIST", help="joined by commas, as in 0,0.1,1,10 (default: 28 from 0 to 100)"
    )
    parser.add_argument(
        "--path", action="store_true",
        help="train one model on from beta to beta, up and back, into the one file --out; --epochs are those of a stop",
    )  # fmt: skip
    parser.add_argument(
        "--points", metavar="N", type=number(int, 10), default=5000,
        help="images on the map of a path (default: %(default)s)",
    )  # fmt: skip
    add_settings(parser, without=("beta",))
    parser.add_argument("--out", metavar="DIR", default="runs/sweep", help="folder of the runs (default: %(default)s)")
    parser.add_argument(
        "--job", metavar="N", type=number(int, 0), help="train the Nth beta alone, from 0: an array job"
    )
    parser.add_argument("--list", action="store_true", help="print a command for every beta, for any launcher, and end")
    add_pace(parser)


def run(options: argparse.Namespace) -> int:
    """Train one run after the other, or only that of --job. Runs are independent; an interrupted one is resumed."""
    from vae.training.beta_path import BETAS

    betas = _betas(options.betas) if options.betas else list(BETAS)
    if options.path:
        return _path(options, betas)
    if options.job is not None and options.job >= len(betas):
        raise InputError(f"--job must be below {len(betas)}, the number of betas, not {options.job}.")
    if options.list:
        for command in _commands(options, betas):
            print(command)
        return 0
    for beta in betas if options.job is None else [betas[options.job]]:
        single = {**vars(options), "settings.beta": beta, "out": _sweep_folder(options.out, beta), "resume": True}
        print(f"beta {beta:g}", file=sys.stderr)
        if code := train.run(argparse.Namespace(**single)):
            return code
    return 0


def _path(options: argparse.Namespace, betas: list[float]) -> int:
    """Train one model along all betas and write the path as one file."""
    from vae.data.image_sets import load
    from vae.training import beta_path
    from vae.training.devices import prepare_process
    from vae.training.path_annotation import annotate

    if betas != sorted(betas) or len(betas) < 2:
        raise InputError("A path needs at least two betas, and they must rise.")
    if not options.out.endswith(".safetensors"):
        raise InputError(f"A path is one file, so --out must end in .safetensors, and not be {options.out!r:.60}.")
    given = given_settings(options)
    settings = Settings.of(given)
    prepare_process(options.background)
    target = Path(options.out)
    images = load(settings.data, options.data_root, fit=Fit.of(settings))
    if images.remark:
        print(images.remark, file=sys.stderr)
    with runs.readable_errors(target):
        for result in beta_path.record(settings, images, betas, options.points):
            if isinstance(result, bytes):
                beta_path.write(target, result)
                annotate(target, images)
            else:
                direction, beta, numbers = result
                cost = "distortion {distortion:.2f} + rate {rate:.2f} nats".format(**numbers["test"])
                print(f"{direction:<5}beta {beta:<8g}{cost}", file=sys.stderr)
    print(f"{target} is finished.")
    return 0


def _betas(text: str) -> list[float]:
    try:
        betas = [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--betas must be numbers joined by commas, as in 0,0.1,1, not {text!r:.60}.") from None
    for beta in betas:
        check_setting("beta", beta)
    if len(set(betas)) < len(betas):
        raise InputError("--betas names a value twice; give each once.")
    return betas


def _sweep_folder(out: str, beta: float) -> str:
    return str(Path(out, f"beta-{beta:g}"))


def _commands(options: argparse.Namespace, betas: list[float]) -> list[str]:
    given = [(k.removeprefix("settings."), v) for k, v in vars(options).items() if k.startswith("settings.")]
    common = [word for name, value in given for word in (f"--{name.replace('_', '-')}", str(value))]
    if options.data_root:
        common += ["--data-root", options.data_root]
    if options.background:
        common.append("--background")
    start = ["python", "-m", "vae", "train", *common, "--resume", "--checkpoint-every", str(options.checkpoint_every)]
    return [shlex.join([*start, "--beta", f"{beta:g}", "--out", _sweep_folder(options.out, beta)]) for beta in betas]
