"""The command line: `python -m vae train`, `sweep`, `evaluate`, `evidence` and `export`."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from vae.data.formats import refuse_foreign
from vae.data.pictures import Fit
from vae.errors import InputError
from vae.files import runs
from vae.files.checkpoint import read as read_checkpoint
from vae.settings import DATA_SETS, Settings, check_setting, choices_of, is_file

if TYPE_CHECKING:
    from vae.data.latents import Latents
    from vae.exports.opening import Opened
    from vae.files.checkpoint import Checkpoint
    from vae.files.held_out import HeldOut
    from vae.files.runs import Run
    from vae.training.loop import Step

BAD_INPUT = 2  # exit code
SPLITS = ("test", "validation", "train")


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for what a person can put right, 128 + n after signal n."""
    try:
        options = _parser().parse_args(argv)
        return options.command(options)
    except InputError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 128 + signal.SIGINT


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message[:1].upper()}{message[1:]}; see `{self.prog} --help`.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m vae", description="Variational autoencoders.", allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    train = commands.add_parser("train", help="train a VAE into a run folder", allow_abbrev=False)
    train.set_defaults(command=_train)
    _add_settings(train)
    train.add_argument("--out", metavar="DIR", help="run folder; by default runs/ and a name made from the settings")
    train.add_argument("--resume", action="store_true", help="go on with the run in --out, if there is one")
    _add_pace(train)

    sweep = commands.add_parser("sweep", help="train one VAE for each of several betas", allow_abbrev=False)
    sweep.set_defaults(command=_sweep)
    sweep.add_argument("--betas", metavar="LIST", help="joined by commas, as in 0,0.1,1,10 (default: 28 from 0 to 100)")
    sweep.add_argument(
        "--path", action="store_true",
        help="train one model on from beta to beta, up and back, into the one file --out; --epochs are those of a stop",
    )  # fmt: skip
    sweep.add_argument(
        "--points", metavar="N", type=_number(int, 10), default=5000,
        help="images on the map of a path (default: %(default)s)",
    )  # fmt: skip
    _add_settings(sweep, without=("beta",))
    sweep.add_argument("--out", metavar="DIR", default="runs/sweep", help="folder of the runs (default: %(default)s)")
    sweep.add_argument(
        "--job", metavar="N", type=_number(int, 0), help="train the Nth beta alone, from 0: an array job"
    )
    sweep.add_argument("--list", action="store_true", help="print a command for every beta, for any launcher, and end")
    _add_pace(sweep)

    evaluate = commands.add_parser("evaluate", help="print what a trained VAE scores", allow_abbrev=False)
    evaluate.set_defaults(command=_evaluate)
    evaluate.add_argument("model", metavar="RUN_OR_CHECKPOINT", help="run folder or .safetensors file")
    evaluate.add_argument("--data", metavar="NAME", help=f"{', '.join(DATA_SETS)} (default: what it was trained on)")
    evaluate.add_argument("--split", choices=SPLITS, default="test", help="images to use (default: test)")
    evaluate.add_argument(
        "--samples", metavar="N", type=_number(int, 1), default=1, help="draws from q(z|x) an image (default: 1)"
    )
    evaluate.add_argument(
        "--iwae", metavar="K", type=_number(int, 1), nargs="+", default=[1, 10, 100],
        help="draws of the importance-weighted bounds L_K, for one K or several (default: 1 10 100)",
    )  # fmt: skip
    evaluate.add_argument(
        "--images", metavar="N", type=_number(int, 2), default=1000,
        help="images that those bounds are taken on, evenly spread over the split (default: %(default)s)",
    )  # fmt: skip
    evaluate.add_argument("--seed", metavar="N", type=_number(int, 0), default=0, help="seed of the draws (default: 0)")
    _add_other_data(evaluate, "score images that the model was not trained on, and may have seen, on purpose")
    evaluate.add_argument("--json", action="store_true", help="print JSON")
    _add_data_root(evaluate)

    export = commands.add_parser("export", help="write a model, or latents, to take home", allow_abbrev=False)
    export.set_defaults(command=_export)
    export.add_argument(
        "model", metavar="MODEL",
        help="run folder or .safetensors file; or latents from elsewhere: .npz, .csv, .tsv or .parquet",
    )  # fmt: skip
    export.add_argument(
        "-o", "--out", metavar="PATH", required=True,
        help="what to write: a page that needs neither server nor network (.html), the latents as a table (.csv or "
        ".parquet), or for TensorBoard's Projector (a folder, without an ending, or .zip)",
    )  # fmt: skip
    _add_data_root(export)

    evidence = commands.add_parser(
        "evidence", help="hold the ELBO of held-out images against ln p(x)", allow_abbrev=False
    )
    evidence.set_defaults(command=_evidence)
    evidence.add_argument(
        "model", metavar="RUN", help="folder of a finished run; its table is written there, or added to"
    )
    evidence.add_argument(
        "--images", metavar="N", type=_number(int, 1), default=1000,
        help="how many, evenly spread over the held-out images (default: %(default)s)",
    )  # fmt: skip
    evidence.add_argument(
        "--fits", metavar="N", type=_number(int, 0), default=100,
        help="for how many of them the best q is found, in 1 or 2 latent dimensions (default: %(default)s)",
    )  # fmt: skip
    evidence.add_argument(
        "--background", action="store_true", help="take the lowest priority, and leave a core to others"
    )
    _add_other_data(evidence, "go on with the images that the run held out, though its data set has others now")
    return parser


def _add_settings(parser: argparse.ArgumentParser, without: tuple[str, ...] = ()) -> None:
    for f in fields(Settings):
        if f.name not in without:
            _add_setting(parser, f.name, f.default, f.metadata["help"])
    _add_data_root(parser)


def _add_pace(parser: argparse.ArgumentParser) -> None:
    """How a run treats its machine."""
    parser.add_argument(
        "--checkpoint-every", metavar="SECONDS", default=30, type=_number(float, 0),
        help="how much work a crash may cost (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--background", action="store_true",
        help="wait in line until the device is free, take the lowest priority, and leave a core to others",
    )  # fmt: skip


def _add_setting(parser: argparse.ArgumentParser, name: str, default: Any, text: str) -> None:
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
    choices = choices_of(name)
    kinds = f"; one of {', '.join(choices)}" if choices else ""
    # values stay strings here: Settings.of converts and checks them, and only those that were given are in the result
    parser.add_argument(
        f"--{name.replace('_', '-')}", dest=f"settings.{name}", metavar="NAME" if choices else "VALUE",
        default=argparse.SUPPRESS, help=f"{text}{kinds} (default: {shown})",
    )  # fmt: skip


def _add_other_data(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--other-data", action="store_true", help=text)


def _number(kind: type, least: int) -> Callable[[str], Any]:
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


def _add_data_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-root", metavar="DIR", help="folder of the image sets (default: $ELBO_ROOM_DATA, else data)"
    )


# ---- train ----------------------------------------------------------------------------------------------------------


def _train(options: argparse.Namespace) -> int:
    given = {k.removeprefix("settings."): v for k, v in vars(options).items() if k.startswith("settings.")}
    settings = Settings.of(_stored(options) | given)
    folder = Path(options.out) if options.out else runs.default_folder(settings)

    if not options.resume and os.environ.get("RANK", "0") == "0":
        runs.refuse_existing(folder)  # before torch is imported and the data are asked for
    with _signals() as received:
        if not options.background:
            return _run_among_ranks(options, settings, folder, received)
        with runs.one_sentence(folder), runs.locked(folder):
            return _run_in_line(options, settings, folder, received)


def _run_in_line(options: argparse.Namespace, settings: Settings, folder: Path, received: list[int]) -> int:
    """Run once the device is free. Whatever goes wrong until then stands in the run's status as well."""
    from vae.files import control
    from vae.training.loop import pick_device, prepare_process
    from vae.training.queue import turn

    said = runs.read_status(folder)
    leftover = control.read(folder).id  # an end that an earlier process was asked for does not hold
    known = {name: said[name] for name in runs.GOES_ON if name in said}

    def wait(place: int) -> int:
        wanted = control.read(folder)
        if received or (wanted.finish and wanted.id != leftover):
            raise InputError("It has left the line before its turn; go on with Resume.")
        runs.write_status(folder, "queued", **known, place=place, settings=asdict(settings))
        return wanted.ahead

    try:
        prepare_process(background=True)
        with turn(folder.parent / ".queue" / pick_device(settings.device).type, wait) as waited_for:
            wait(0)
            return _run(options, settings, folder, received, waited_for)
    except InputError as error:
        if runs.read_status(folder)["state"] == "queued":
            runs.write_status(folder, "failed", **known, reason=str(error), settings=asdict(settings))
        raise


def _run_among_ranks(options: argparse.Namespace, settings: Settings, folder: Path, received: list[int]) -> int:
    """Train together with the other processes that torchrun has started, or alone where there are none."""
    from vae.training import distributed

    with distributed.joined():
        if distributed.rank() == 0:
            return _run(options, settings, folder, received)
        from vae.data.image_sets import load
        from vae.training.loop import prepare_process
        from vae.training.recorder import follow

        prepare_process()
        distributed.wait_for_all()  # until rank 0 has fetched the data, where that has to be
        follow(settings, load(settings.data, options.data_root, download=False, fit=Fit.of(settings)), received)
        return 0


def _run(
    options: argparse.Namespace, settings: Settings, folder: Path, received: list[int],
    waited_for: Callable[[], bool] | None = None,
) -> int:  # fmt: skip
    """Train, or go on, here and now; `waited_for` is given where the folder is held and the device is one's own."""
    from vae.data.image_sets import load
    from vae.training import distributed
    from vae.training.loop import prepare_process
    from vae.training.recorder import run

    if waited_for is None:
        prepare_process()
    images = load(settings.data, options.data_root, fit=Fit.of(settings))
    if images.remark:
        print(images.remark, file=sys.stderr)
    distributed.wait_for_all()
    before = runs.read_status(folder)["state"]
    steps = run(
        settings, folder, images, resume=options.resume, checkpoint_every=options.checkpoint_every,
        held=waited_for is not None, waited_for=waited_for or (lambda: False),
    )  # fmt: skip
    _draw(steps, settings, received)
    result = runs.read(folder)
    if not result.finished:
        print(result.status["reason"], file=sys.stderr)
        return 128 + received[0] if received else 0
    print(f"{folder} was finished already; nothing has changed." if before == "finished" else f"{folder} is finished.")
    print(_table(result.test or {}))
    return 0


def _stored(options: argparse.Namespace) -> dict[str, Any]:
    """The settings of the run that is to be resumed, so that they need not be typed again."""
    if not (options.resume and options.out):
        return {}
    if not Path(options.out, runs.SETTINGS).exists():  # it has never had its turn
        return runs.read_status(options.out).get("settings", {})
    settings = runs.read(options.out).settings
    return {f.name: getattr(settings, f.name) for f in fields(Settings)}


def _draw(steps: Generator[Step | None], settings: Settings, received: list[int]) -> None:
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
            # an update is true when something was shown: only then wait for the numbers
            if step is not None and bar.update(step.images - bar.n):
                bar.set_postfix_str(f"ELBO {step.elbo:.1f} = −({step.distortion:.1f} + {step.rate:.1f}) nats")
            if received:
                steps.close()
                return


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Which of SIGINT and SIGTERM have come: the first is heeded between two steps, a second one at once."""
    received: list[int] = []

    def receive(number: int, _frame: Any) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    before = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# ---- sweep ----------------------------------------------------------------------------------------------------------


def _sweep(options: argparse.Namespace) -> int:
    """One run after the other, or the one that is asked for; each is independent, and goes on where it was."""
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
        one = {**vars(options), "settings.beta": beta, "out": _sweep_folder(options.out, beta), "resume": True}
        print(f"beta {beta:g}", file=sys.stderr)
        if code := _train(argparse.Namespace(**one)):
            return code
    return 0


def _path(options: argparse.Namespace, betas: list[float]) -> int:
    """One model along all betas, as one file."""
    from vae.data.image_sets import load
    from vae.training import beta_path
    from vae.training.loop import prepare_process
    from vae.training.path_annotation import annotate

    if betas != sorted(betas) or len(betas) < 2:
        raise InputError("A path needs at least two betas, and they must rise.")
    if not options.out.endswith(".safetensors"):
        raise InputError(f"A path is one file, so --out must end in .safetensors, and not be {options.out!r:.60}.")
    given = {k.removeprefix("settings."): v for k, v in vars(options).items() if k.startswith("settings.")}
    settings = Settings.of(given)
    prepare_process(options.background)
    target = Path(options.out)
    images = load(settings.data, options.data_root, fit=Fit.of(settings))
    if images.remark:
        print(images.remark, file=sys.stderr)
    with runs.one_sentence(target):
        for said in beta_path.record(settings, images, betas, options.points):
            if isinstance(said, bytes):
                beta_path.write(target, said)
                annotate(target, images)
            else:
                way, beta, numbers = said
                cost = "distortion {distortion:.2f} + rate {rate:.2f} nats".format(**numbers["test"])
                print(f"{way:<5}beta {beta:<8g}{cost}", file=sys.stderr)
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


# ---- evaluate -------------------------------------------------------------------------------------------------------


def _evaluate(options: argparse.Namespace) -> int:
    checkpoint = read_checkpoint(options.model)

    from vae.analysis.evaluation import evaluate
    from vae.data.image_sets import load
    from vae.files.checkpoint import load_model
    from vae.training.loop import prepare_process

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
    numbers = evaluate(
        load_model(checkpoint), getattr(image_set, options.split), split=options.split, samples=options.samples,
        iwae=tuple(dict.fromkeys(options.iwae)), iwae_images=options.images, seed=options.seed,
    )  # fmt: skip
    numbers = {"model": str(options.model), "data": name, "other_data": other, "step": checkpoint.step} | numbers
    print(json.dumps(numbers, indent=1) if options.json else _table(numbers))
    return 0


# of the data that a model is scored on: are they others than it was trained on?
ORIGIN = {
    True: "other images than the model was trained on: it may have seen these",
    None: "not known to be those that the model was trained on: there is no run beside its file",
}


def _table(numbers: dict[str, Any]) -> str:
    """The numbers of an evaluation, a line each, for people."""
    rates = numbers["rate_per_dim"]
    rows = [
        ("ELBO", f"{numbers['elbo']:.2f} ± {numbers['elbo_standard_error']:.2f} nats per image"),
        ("distortion", f"{numbers['distortion']:.2f}"),
        ("rate", f"{numbers['rate']:.2f}"),
        ("rate per dimension", ", ".join(f"{rate:.2f}" for rate in rates)),
        ("active units", f"{numbers['active_units']} of {len(rates)}"),
    ]
    rows += [
        (f"IWAE, k = {k}", f"{value:.2f} ± {numbers['iwae_standard_error'][k]:.2f}")
        for k, value in numbers["iwae"].items()
    ]
    counted = f"{numbers['images']} images of the {numbers['split']} split, {numbers['samples_per_image']} draw(s) each"
    rows.append(("counted", f"{counted}; IWAE on {numbers['iwae_images']} of them"))
    if (origin := ORIGIN.get(numbers.get("other_data", False))) is not None:
        rows.append(("data", f"{numbers['data']}, {origin}"))
    if numbers.get("note"):
        rows.append(("note", numbers["note"]))
    return "\n".join(f"{name:<20}{value}" for name, value in rows)


# ---- evidence -------------------------------------------------------------------------------------------------------


def _evidence(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from vae.density import UNNORMALISED, is_unnormalised
    from vae.files.held_out import FILE_NAME as HELD_OUT
    from vae.files.held_out import read_held_out
    from vae.inference.evidence_survey import record
    from vae.inference.evidence_table import FILE_NAME
    from vae.training.loop import prepare_process

    prepare_process(options.background)
    folder = Path(options.model)
    with runs.one_sentence(folder):
        remark = _remark_of_data(folder, options.other_data)
    progress = record(folder, options.images, options.fits)
    with _signals() as received, runs.one_sentence(folder), tqdm(unit="images", mininterval=0.5) as bar:
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
    """What there is to say of a run whose own images, in a file or folder, are others by now; `InputError` unless that
    is on purpose. The sets that the program knows by name do not change.
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


# ---- export ---------------------------------------------------------------------------------------------------------


def _export(options: argparse.Namespace) -> int:
    """The ending of --out says what is written."""
    from vae.exports import latents_export
    from vae.exports.html import page_of
    from vae.files.checkpoint import write_atomically

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


def _content(source: Path, data_root: str | None) -> Opened | Latents:
    """A model with its held-out images, or latents from elsewhere."""
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
    """The posteriors of a model's own test images, where no run has stored them."""
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


if __name__ == "__main__":
    code = main()
    if "torch.distributed" in sys.modules:
        from vae.training import distributed

        distributed.leave(code)
    sys.exit(code)
