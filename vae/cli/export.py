"""`python -m vae export`: a model or latents as a page, a table, or for TensorBoard."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.cli.options import add_data_root
from vae.data.formats import refuse_foreign
from vae.data.pictures import Fit
from vae.errors import InputError
from vae.files import runs

if TYPE_CHECKING:
    from vae.cli.options import Subparsers
    from vae.data.latents import Latents
    from vae.exports.opening import OpenModel
    from vae.files.checkpoint import Checkpoint
    from vae.files.held_out import HeldOut
    from vae.files.runs import Run


def add_parser(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "export", help="write a model as one HTML page, or latents as a table", allow_abbrev=False
    )
    parser.set_defaults(command=run)
    parser.add_argument(
        "model", metavar="MODEL",
        help="run folder or .safetensors file; or latents from elsewhere: .npz, .csv, .tsv or .parquet",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--out", metavar="PATH", required=True,
        help="what to write: a page that needs neither server nor network (.html), the latents as a table (.csv or "
        ".parquet), or for TensorBoard's Projector (a folder, without an ending, or .zip)",
    )  # fmt: skip
    add_data_root(parser)


def run(options: argparse.Namespace) -> int:
    """Write the format that the ending of --out names."""
    from vae.exports import latents_export
    from vae.exports.html import page_of
    from vae.files.atomic import write_atomically

    target, source = Path(options.out), Path(options.model)
    makers: dict[str, Callable[[Any], bytes]] = {
        ".html": lambda content: page_of(content, target.stem),
        ".csv": latents_export.csv,
        ".parquet": latents_export.parquet,
        ".zip": lambda content: latents_export.projector_zip(content, target.stem),
    }
    make = makers.get(target.suffix.lower())
    if make is None and target.suffix:
        raise InputError(
            f"--out must end in .html, .csv, .parquet or .zip, or not at all, and not be {options.out!r:.60}."
        )
    content = _content(source, options.data_root)
    with _written(target):
        if make is None:
            latents_export.write_projector(content, target)
        else:
            write_atomically(target, make(content))
    files = list(target.iterdir()) if target.is_dir() else [target]
    print(f"{target} is written: {sum(file.stat().st_size for file in files) / 1e6:.1f} MB.")
    return 0


@contextmanager
def _written(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{target} cannot be written ({reason}); choose another --out, or make room.") from error
    except MemoryError as error:
        raise InputError(f"There is not enough memory to make {target}; export fewer points.") from error


def _content(source: Path, data_root: str | None) -> OpenModel | Latents:
    """A model with its held-out images, or a file of latents of another program."""
    from vae.data import latents
    from vae.exports.opening import open_path

    if not source.exists():
        raise InputError(
            f"There is no {source}; give a run folder, a .safetensors file, or latents as .npz, .csv or .parquet."
        )
    if not source.is_dir():
        refuse_foreign(source.name, "mu")
        if source.suffix.lower() in latents.ENDINGS:
            return latents.read(source, source.name)
    return open_path(source, lambda checkpoint, run: _encode(checkpoint, run, data_root))


def _encode(checkpoint: Checkpoint, run: Run | None, root: str | None) -> HeldOut | None:
    """The test images of a model's data set with their posteriors, for a model without held_out.npz; None without
    these images.
    """
    from vae.data.image_sets import held_out_indices, load
    from vae.exports.opening import encode_images

    try:
        images = load(checkpoint.settings.data, root, download=False, fit=Fit.like(checkpoint.image_shape))
        if runs.is_other_data(run, images):
            raise InputError(f"{checkpoint.settings.data} holds other images now than the model was trained on.")
    except InputError as error:
        print(f"The map will show no points: {error}", file=sys.stderr)
        return None
    test = images.test
    index = held_out_indices(test)
    return encode_images(checkpoint, (test.pixels[index], test.labels[index], index))
