"""`python -m vae evaluate`: numbers of a trained model."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from vae.cli.options import add_data_root, add_other_data, number
from vae.cli.score_table import table
from vae.data.pictures import Fit
from vae.errors import InputError
from vae.files import runs
from vae.files.checkpoint import read as read_checkpoint
from vae.settings import DATA_SETS

SPLITS = ("test", "validation", "train")

if TYPE_CHECKING:
    from vae.cli.options import Subparsers


def add_parser(commands: Subparsers) -> None:
    parser = commands.add_parser("evaluate", help="print what a trained VAE scores", allow_abbrev=False)
    parser.set_defaults(command=run)
    parser.add_argument("model", metavar="RUN_OR_CHECKPOINT", help="run folder or .safetensors file")
    parser.add_argument("--data", metavar="NAME", help=f"{', '.join(DATA_SETS)} (default: what it was trained on)")
    parser.add_argument("--split", choices=SPLITS, default="test", help="images to use (default: test)")
    parser.add_argument(
        "--samples", metavar="N", type=number(int, 1), default=1, help="draws from q(z|x) an image (default: 1)"
    )
    parser.add_argument(
        "--iwae", metavar="K", type=number(int, 1), nargs="+", default=[1, 10, 100],
        help="draws of the importance-weighted bounds L_K, for one K or several (default: 1 10 100)",
    )  # fmt: skip
    parser.add_argument(
        "--images", metavar="N", type=number(int, 2), default=1000,
        help="images that those bounds are taken on, evenly spread over the split (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--seed", metavar="N", type=number(int, 0), default=0, help="seed of the draws (default: 0)")
    add_other_data(parser, "score images that the model was not trained on, and may have seen, on purpose")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_data_root(parser)


def run(options: argparse.Namespace) -> int:
    checkpoint = read_checkpoint(options.model)

    from vae.analysis.evaluation import evaluate
    from vae.data.image_sets import load
    from vae.files.checkpoint import load_model
    from vae.training.devices import prepare_process

    prepare_process()
    name = options.data or checkpoint.settings.data
    image_set = load(name, options.data_root, fit=Fit.like(checkpoint.image_shape))
    run = runs.run_of(options.model)
    other = runs.is_other_data(run, image_set)
    if run and other and not options.other_data and name == run.settings.data:
        raise InputError(
            f"The run in {run.folder} was trained on other images than {name} holds now, so it may have seen those of "
            f"the {options.split} split; give it the same data set, or score these on purpose with --other-data."
        )
    if image_set.remark:
        print(image_set.remark, file=sys.stderr)
    numbers = evaluate(
        load_model(checkpoint), getattr(image_set, options.split), split=options.split, samples=options.samples,
        iwae=tuple(dict.fromkeys(options.iwae)), iwae_images=options.images, seed=options.seed,
    )  # fmt: skip
    numbers = {"model": str(options.model), "data": name, "other_data": other, "step": checkpoint.step} | numbers
    print(json.dumps(numbers, indent=1) if options.json else table(numbers))
    return 0
