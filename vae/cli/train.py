"""`python -m vae train`: one run, in a folder of its own."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Generator
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.cli.options import add_pace, add_settings, given_settings
from vae.cli.score_table import table
from vae.cli.signals import caught_signals
from vae.data.pictures import Fit
from vae.errors import InputError
from vae.files import runs
from vae.settings import Settings

if TYPE_CHECKING:
    from vae.cli.options import Subparsers
    from vae.training.loop import Step


def add_parser(commands: Subparsers) -> None:
    parser = commands.add_parser("train", help="train a VAE into a run folder", allow_abbrev=False)
    parser.set_defaults(command=run)
    add_settings(parser)
    parser.add_argument("--out", metavar="DIR", help="run folder; by default runs/ and a name made from the settings")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out, if there is one")
    add_pace(parser)


def run(options: argparse.Namespace) -> int:
    given = given_settings(options)
    settings = Settings.of(_stored_settings(options) | given)
    folder = Path(options.out) if options.out else runs.default_folder(settings)

    if not options.resume and os.environ.get("RANK", "0") == "0":
        runs.refuse_existing(folder)  # before torch is imported and the data are loaded
    with caught_signals() as received:
        if not options.background:
            return _run_among_ranks(options, settings, folder, received)
        with runs.readable_errors(folder), runs.locked(folder):
            return _run_in_queue(options, settings, folder, received)


def _run_in_queue(options: argparse.Namespace, settings: Settings, folder: Path, received: list[int]) -> int:
    """Wait in the queue for the device, then train. An `InputError` while waiting is also written to the status."""
    from vae.files import control
    from vae.training.devices import pick_device, prepare_process
    from vae.training.queue import turn

    status = runs.read_status(folder)
    earlier = control.read(folder).id  # a request to finish that an earlier process received does not count
    progress = {name: status[name] for name in runs.PROGRESS if name in status}

    def wait(place: int) -> int:
        requested = control.read(folder)
        if received or (requested.finish and requested.id != earlier):
            raise InputError("It has left the queue before its turn; go on with Resume.")
        runs.write_status(folder, "queued", **progress, place=place, settings=asdict(settings))
        return requested.ahead

    try:
        prepare_process(background=True)
        with turn(folder.parent / ".queue" / pick_device(settings.device).type, wait) as in_demand:
            wait(0)
            return _train(options, settings, folder, received, in_demand)
    except InputError as error:
        if runs.read_status(folder)["state"] == "queued":
            runs.write_status(folder, "failed", **progress, reason=str(error), settings=asdict(settings))
        raise


def _run_among_ranks(options: argparse.Namespace, settings: Settings, folder: Path, received: list[int]) -> int:
    """Train together with the other processes that torchrun has started, or alone where there are none."""
    from vae.training import distributed

    with distributed.joined():
        if distributed.rank() == 0:
            return _train(options, settings, folder, received)
        from vae.data.image_sets import load
        from vae.training.devices import prepare_process
        from vae.training.recorder import follow

        prepare_process()
        distributed.wait_for_all()  # until rank 0 has downloaded the data
        follow(settings, load(settings.data, options.data_root, download=False, fit=Fit.of(settings)), received)
        return 0


def _train(
    options: argparse.Namespace, settings: Settings, folder: Path, received: list[int],
    in_demand: Callable[[], bool] | None = None,
) -> int:  # fmt: skip
    """Train or resume the run; `in_demand` is given where this process has locked the folder and has the device."""
    from vae.data.image_sets import load
    from vae.training import distributed
    from vae.training.devices import prepare_process
    from vae.training.recorder import run as record

    if in_demand is None:
        prepare_process()
    images = load(settings.data, options.data_root, fit=Fit.of(settings))
    if images.remark:
        print(images.remark, file=sys.stderr)
    distributed.wait_for_all()
    before = runs.read_status(folder)["state"]
    steps = record(
        settings, folder, images, resume=options.resume, checkpoint_every=options.checkpoint_every,
        held=in_demand is not None, in_demand=in_demand or (lambda: False),
    )  # fmt: skip
    _show_progress(steps, settings, received)
    result = runs.read(folder)
    if not result.finished:
        print(result.status["reason"], file=sys.stderr)
        return 128 + received[0] if received else 0
    print(f"{folder} was finished already; nothing has changed." if before == "finished" else f"{folder} is finished.")
    print(table(result.test or {}))
    return 0


def _stored_settings(options: argparse.Namespace) -> dict[str, Any]:
    """The settings of the run to resume, which need not be given again."""
    if not (options.resume and options.out):
        return {}
    if not Path(options.out, runs.SETTINGS).exists():  # it left the queue before it started
        result: dict[str, Any] = runs.read_status(options.out).get("settings", {})
        return result
    settings = runs.read(options.out).settings
    return {f.name: getattr(settings, f.name) for f in fields(Settings)}


def _show_progress(steps: Generator[Step | None], settings: Settings, received: list[int]) -> None:
    """Take the steps and show them as a progress bar, until the run ends or a signal has been received."""
    from tqdm import tqdm

    size = settings.batch_size
    first = next((step for step in steps if step is not None or received), None)
    if first is None:
        steps.close()
        return
    interval = 0.2 if sys.stderr.isatty() else 10  # seconds
    with tqdm(
        total=first.steps * size, initial=first.images, unit="images", unit_scale=True, mininterval=interval
    ) as bar:
        for step in steps:
            # `update` is true when the bar was redrawn: only then wait for the device's numbers
            if step is not None and bar.update(step.images - bar.n):
                bar.set_postfix_str(f"ELBO {step.elbo:.1f} = −({step.distortion:.1f} + {step.rate:.1f}) nats")
            if received:
                steps.close()
                return
