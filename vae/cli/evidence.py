"""`python -m vae evidence`: the ELBO of held-out images against ln p(x)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vae.cli.options import add_other_data, number
from vae.cli.signals import caught_signals
from vae.data.pictures import Fit
from vae.errors import InputError
from vae.files import runs
from vae.files.checkpoint import read as read_checkpoint
from vae.settings import is_file

if TYPE_CHECKING:
    from vae.cli.options import Subparsers


def add_parser(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "evidence", help="hold the ELBO of held-out images against ln p(x)", allow_abbrev=False
    )
    parser.set_defaults(command=run)
    parser.add_argument(
        "model", metavar="RUN", help="folder of a finished run; its table is written there, or added to"
    )
    parser.add_argument(
        "--images", metavar="N", type=number(int, 1), default=1000,
        help="how many, evenly spread over the held-out images (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--fits", metavar="N", type=number(int, 0), default=100,
        help="for how many of them the best q is found, in 1 or 2 latent dimensions (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--background", action="store_true", help="take the lowest priority, and leave a core to others"
    )
    add_other_data(parser, "go on with the images that the run held out, though its data set has others now")


def run(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from vae.density import UNNORMALISED, is_unnormalised
    from vae.files.held_out import FILE_NAME as HELD_OUT
    from vae.files.held_out import read_held_out
    from vae.inference.evidence_survey import record
    from vae.inference.evidence_table import FILE_NAME
    from vae.training.devices import prepare_process

    prepare_process(options.background)
    folder = Path(options.model)
    with runs.readable_errors(folder):
        remark = _remark_of_data(folder, options.other_data)
    progress = record(folder, options.images, options.fits)
    with caught_signals() as received, runs.readable_errors(folder), tqdm(unit="images", mininterval=0.5) as bar:
        for done, total in progress:
            bar.total = total
            bar.update(done - bar.n)
            if received:
                progress.close()
                print(f"Stopped at {done:,} of {total:,} images; the same command goes on.", file=sys.stderr)
                return 128 + received[0]
    print(f"{folder / FILE_NAME} is finished.")
    checkpoint, pixels = read_checkpoint(folder), read_held_out(folder / HELD_OUT).images
    note = UNNORMALISED if is_unnormalised(checkpoint.settings.likelihood, pixels) else ""
    for text in filter(None, (remark, note)):
        print(f"{text}.")
    return 0


def _remark_of_data(folder: Path, other_data: bool) -> str:
    """A remark if the run was trained on the user's own images and these have changed since; else "".

    `InputError` in that case unless `other_data` is given. Image sets that the program knows by name do not change.
    """
    from vae.data.image_sets import load

    run = runs.run_of(folder)
    if run is None or not is_file(run.settings.data) or not Path(run.settings.data).exists():
        return ""
    if not runs.is_other_data(run, load(run.settings.data, fit=Fit.of(run.settings))):
        return ""
    changed = f"{run.settings.data} holds other images now than the run in {folder} was trained on"
    if not other_data:
        raise InputError(
            f"{changed}; put the old ones back, or work on those that the run held out, on purpose, with --other-data."
        )
    return f"{changed}: the table is of those that the run held out"
