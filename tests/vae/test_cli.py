"""The command line: every setting is an option, and whatever is wrong is one sentence and exit code 2."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vae.analysis.evaluation import evaluate
from vae.cli import main
from vae.files import runs
from vae.files.checkpoint import load_model
from vae.files.checkpoint import read as read_checkpoint
from vae.settings import Settings

ROOT = Path(__file__).parents[2]
QUICK = ["--data", "digits", "--hidden", "16", "--epochs", "2", "--device", "cpu"]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    threads, before = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    yield
    torch.set_num_threads(threads)
    os.environ.pop("OMP_NUM_THREADS")
    if before is not None:
        os.environ["OMP_NUM_THREADS"] = before


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch) -> None:
    """Whatever a command writes by default, it writes below tmp_path."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert main(["train", *QUICK, "--out", str(folder)]) == 0
    return folder


def refused(arguments: list[str], capsys) -> str:
    """The one sentence on stderr of a command that must be refused."""
    capsys.readouterr()
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    assert said.err.endswith((".\n", "…\n")), said.err
    assert "Traceback" not in said.err
    return said.err


# ---- train ----------------------------------------------------------------------------------------------------------


def test_every_setting_is_an_option_with_its_help_and_default(capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["train", "--help"])
    assert stop.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for f in dataclasses.fields(Settings):
        assert f"--{f.name.replace('_', '-')} " in shown
        assert f.metadata["help"].split(";")[0].split(" (")[0] in shown.replace("- ", "-")
    assert "one of digits, sprites, mnist, fashion" in shown
    assert "(default: 0.001)" in shown
    assert "(default: 400)" in shown


def test_options_become_the_settings_of_the_run(capsys) -> None:
    given = ["--hidden", "12,6", "--latent-dim=3", "--beta=2", "--likelihood=gaussian", "--sigma=0.5", "--lr=2e-3"]
    given += ["--batch-size=100", "--schedule=constant", "--seed=7", "--epochs=1", "--device=cpu", "--data=digits"]
    assert main(["train", *given, "--arch", "mlp"]) == 0
    folder = Path("runs", "digits-mlp-3d-gaussian0.5-beta2-seed7")
    assert runs.read(folder).settings == Settings(
        data="digits", arch="mlp", hidden=(12, 6), latent_dim=3, beta=2.0, likelihood="gaussian", sigma=0.5, epochs=1,
        batch_size=100, lr=2e-3, lr_schedule="constant", seed=7, device="cpu",
    )  # fmt: skip
    said = capsys.readouterr()
    assert said.out.startswith(f"{folder} is finished.\nELBO ")
    assert "images/s" in said.err  # the progress bar
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("option", "word"),
    [
        (["--data", "mnists"], "Unknown data 'mnists': name a folder"),
        (["--arch", "transformer"], "Unknown arch"),
        (["--likelihood", "poisson"], "Unknown likelihood"),
        (["--lr-schedule", "zigzag"], "Unknown lr_schedule"),
        (["--device", "abacus"], "Unknown device"),
        (["--latent-dim", "0"], "latent_dim must be at least 1, not 0"),
        (["--latent-dim", "65"], "latent_dim must be at most 64"),
        (["--latent-dim", "two"], "latent_dim must be a whole number"),
        (["--latent-dim", "2.5"], "latent_dim must be a whole number"),
        (["--epochs", "1e9"], "epochs must be at most 100000, not 1e+09"),
        (["--epochs", "10,000"], "epochs must be a whole number, not '10,000'; write it without commas"),
        (["--seed", "2147483648"], "seed must be at most 2147483647, not 2147483648"),
        (["--beta", "1000000.25"], "beta must be at most 1e+06, not 1000000.25"),
        (["--beta", "-1"], "beta must be at least 0, not -1"),
        (["--beta", "nan"], "beta must be finite"),
        (["--beta", "inf"], "beta must be finite"),
        (["--lr", "0"], "lr must be above 0"),
        (["--lr", "fast"], "lr must be a number"),
        (["--sigma", "0"], "sigma must be at least"),
        (["--epochs", "0"], "epochs must be at least 1"),
        (["--batch-size", "0"], "batch_size must be at least 1"),
        (["--seed", "-1"], "seed must be at least 0"),
        (["--hidden", "12,x"], "hidden must be whole numbers"),
        (["--hidden", "12,-3"], "hidden must be at least 1"),
        (["--hidden", "9999"], "hidden must be at most"),
        (["--arch", "conv", "--hidden", "0"], "hidden must name 1 to 6"),
        (["--nonsense", "1"], "nrecognized arguments: --nonsense 1"),
        (["--lat", "2"], "nrecognized arguments: --lat"),  # abbreviations would change meaning with every new option
        (["--beta"], "expected one argument"),
        (["--checkpoint-every", "-1"], "checkpoint-every"),
        (["--checkpoint-every", "nan"], "checkpoint-every"),
        (["stray"], "nrecognized arguments: stray"),
    ],
)
def test_a_wrong_option_is_one_sentence(option, word, capsys) -> None:
    assert word in refused(["train", "--data", "digits", *option], capsys)
    assert not Path("runs").exists()


@pytest.mark.parametrize("arguments", [[], ["trian"], ["--help-me"], ["evaluate"]])
def test_a_wrong_command_is_one_sentence(arguments, capsys) -> None:
    refused(arguments, capsys)


def test_missing_data_offline_are_one_sentence(capsys, monkeypatch) -> None:
    def unreachable(*_args, **_options):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    said = refused(["train", "--data", "kmnist", "--data-root", "empty"], capsys)
    assert said.startswith("kmnist is not in empty and could not be downloaded")
    assert not Path("runs").exists()


def test_a_folder_that_cannot_be_written_is_one_sentence(capsys) -> None:
    Path("file").write_text("mine")
    assert "file/run cannot be written (Not a directory)" in refused(["train", *QUICK, "--out", "file/run"], capsys)


def test_an_existing_run_is_not_written_over(trained, capsys) -> None:
    assert "already holds a run" in refused(["train", *QUICK, "--out", str(trained)], capsys)
    # even before data are looked for
    assert "already holds a run" in refused(["train", "--data", "svhn", "--out", str(trained)], capsys)


def test_a_finished_run_is_resumed_to_no_effect(trained, capsys) -> None:
    before = {path.name: path.read_bytes() for path in trained.iterdir()}
    assert main(["train", "--out", str(trained), "--resume"]) == 0  # its settings need not be typed again
    assert "was finished already; nothing has changed" in capsys.readouterr().out
    assert "has beta 1.0, not 3.0" in refused(["train", "--out", str(trained), "--resume", "--beta", "3"], capsys)
    assert before == {path.name: path.read_bytes() for path in trained.iterdir()}


def test_a_diverging_run_is_one_sentence(capsys) -> None:
    options = ["--data=digits", "--hidden=64,64", "--likelihood=gaussian", "--sigma=0.001", "--lr=10", "--device=cpu"]
    assert main(["train", *options, "--out", "a", "--epochs=100", "--schedule=constant"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("Training diverged at step ")
    assert "sigma 0.001" in said
    assert runs.read("a").status["reason"] == said


# ---- evaluate -------------------------------------------------------------------------------------------------------


def test_evaluate_prints_json_of_a_run_or_a_file(trained, digits, capsys) -> None:
    printed = []
    for model in (trained, trained / "checkpoint.safetensors"):
        assert main(["evaluate", str(model), "--json"]) == 0
        printed.append(json.loads(capsys.readouterr().out))
        assert printed[-1].pop("model") == str(model)
    assert printed[0] == printed[1]
    numbers = printed[0]
    assert numbers.pop("data") == "digits"
    assert numbers.pop("step") == 17
    assert numbers.pop("other_data") is False
    assert numbers == evaluate(load_model(read_checkpoint(trained)), digits.test) == runs.read(trained).test
    assert numbers["elbo"] == pytest.approx(-(numbers["distortion"] + numbers["rate"]))
    assert numbers["images"] == 540
    assert {"rate_per_dim", "active_units", "iwae", "iwae_images", "samples_per_image", "split", "unit"} <= set(numbers)


def test_evaluate_prints_a_table_for_people(trained, capsys) -> None:
    assert main(["evaluate", str(trained)]) == 0
    shown = capsys.readouterr().out
    numbers = runs.read(trained).test
    assert numbers is not None
    assert f"{numbers['elbo']:.2f} ± {numbers['elbo_standard_error']:.2f} nats per image" in shown
    for word in ("distortion", "rate per dimension", "active units", "IWAE, k = 100", "540 images of the test split"):
        assert word in shown


def test_evaluate_takes_splits_samples_and_seeds(trained, capsys) -> None:
    assert main(["evaluate", str(trained), "--json", "--split", "validation", "--samples", "3", "--seed", "5"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert (numbers["split"], numbers["images"], numbers["samples_per_image"], numbers["seed"]) == (
        "validation",
        179,
        3,
        5,
    )


def test_the_draws_of_the_weighted_bounds_and_their_images_are_chosen(trained, digits, capsys) -> None:
    assert main(["evaluate", str(trained), "--json", "--iwae", "5", "50", "--images", "20"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    wanted = evaluate(load_model(read_checkpoint(trained)), digits.test, iwae=(5, 50), iwae_images=20)
    assert (list(numbers["iwae"]), numbers["iwae_images"]) == (["5", "50"], 20)
    assert numbers["iwae"] == wanted["iwae"]
    assert main(["evaluate", str(trained), "--iwae", "5"]) == 0
    shown = capsys.readouterr().out
    assert "IWAE, k = 5 " in shown
    assert "no normalised density" in shown  # the digits are grey


@pytest.fixture(scope="module")
def own_images(tmp_path_factory) -> tuple[Path, Path]:
    """A finished run on an .npz file that has grown since."""
    folder = tmp_path_factory.mktemp("own")
    pixels = np.random.default_rng(0).integers(0, 256, (600, 8, 8), dtype=np.uint8)
    data, run = folder / "mine.npz", folder / "run"
    np.savez(data, images=pixels[:200])
    options = ["--hidden", "8", "--latent-dim", "2", "--epochs", "1", "--batch-size", "50"]
    assert main(["train", "--data", str(data), *options, "--out", str(run)]) == 0
    np.savez(data, images=pixels)
    return data, run


def test_images_that_a_run_may_have_seen_are_scored_on_purpose_alone(own_images, capsys) -> None:
    data, run = own_images
    for model in (run, run / "checkpoint.safetensors"):
        said = refused(["evaluate", str(model)], capsys)
        assert "was trained on other images" in said
        assert "--other-data" in said
    assert main(["evaluate", str(run), "--other-data", "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert (numbers["other_data"], numbers["images"]) == (True, 180)
    assert main(["evaluate", str(run), "--other-data"]) == 0
    assert "it may have seen these" in capsys.readouterr().out
    copied = data.with_name("other.npz")  # another name: on purpose, and labelled all the same
    copied.write_bytes(data.read_bytes())
    assert main(["evaluate", str(run), "--data", str(copied), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["other_data"] is True
    lone = data.with_name("lone.safetensors")
    lone.write_bytes((run / "checkpoint.safetensors").read_bytes())
    assert main(["evaluate", str(lone), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["other_data"] is None


def test_evidence_and_export_heed_the_images_as_well(own_images, capsys) -> None:
    data, run = own_images
    assert "--other-data" in refused(["evidence", str(run), "--images", "2", "--fits", "0"], capsys)
    assert not (run / "evidence.npz").exists()
    assert main(["evidence", str(run), "--images", "2", "--fits", "0", "--other-data"]) == 0
    assert "holds other images now" in capsys.readouterr().out
    before = (run / "held_out.npz").read_bytes()
    (run / "held_out.npz").unlink()
    assert main(["export", str(run), "-o", str(data.with_name("page.html"))]) == 0
    assert "The map will show no points" in capsys.readouterr().err
    (run / "held_out.npz").write_bytes(before)


def test_images_of_another_shape_are_one_sentence(trained, tmp_path, capsys, monkeypatch) -> None:
    from test_data import write_mnist

    monkeypatch.setattr("vae.data.image_sets.VALIDATION", 10)
    write_mnist(tmp_path / "data")
    said = refused(["evaluate", str(trained), "--data", "mnist", "--data-root", "data"], capsys)
    assert "1 × 8 × 8, not 1 × 6 × 6" in said


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nowhere"], "There is no checkpoint"),
        (["."], "There is no checkpoint"),
        (["pickled.pt"], "pickled"),
        (["short.safetensors"], "damaged"),
        (["{run}", "--data", "mnists"], "Unknown data set 'mnists'"),
        (["{run}", "--split", "exam"], "invalid choice: 'exam'"),
        (["{run}", "--samples", "0"], "'0' is no whole number from 1"),
        (["{run}", "--samples", "many"], "'many' is no whole number"),
        (["{run}", "--seed", "99999999999999999999"], "is no whole number from 0"),
        (["{run}", "--beta", "2"], "nrecognized arguments"),
    ],
)
def test_what_cannot_be_evaluated_is_one_sentence(arguments, word, trained, capsys) -> None:
    torch.save({"weights": torch.zeros(3)}, "pickled.pt")
    Path("short.safetensors").write_bytes((trained / "checkpoint.safetensors").read_bytes()[:-100])
    assert word in refused(["evaluate", *(a.format(run=trained) for a in arguments)], capsys)


# ---- as a process ---------------------------------------------------------------------------------------------------


def test_the_command_itself_says_one_sentence_and_exits_with_2(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vae", "train", "--latent-dim", "0"],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "latent_dim must be at least 1, not 0.\n"


def test_wrong_options_are_answered_without_torch() -> None:
    code = (
        "import sys; from vae.cli import main; assert main(['train', '--beta', '-1']) == 2; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=600, capture_output=True)


def test_public_names_are_there_and_cost_nothing_until_used() -> None:
    import vae

    assert all(getattr(vae, name) is not None for name in vae.__all__)
    assert dir(vae) == vae.__all__
    with pytest.raises(AttributeError, match="has no attribute 'vea'"):
        vae.vea  # noqa: B018
    code = "import sys, vae; vae.Settings(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=600)


@pytest.mark.mnist
@pytest.mark.slow
def test_a_day_with_mnist(mnist, capsys) -> None:
    """One epoch of the example's network: already far below where it starts, and where such a run always lands."""
    assert main(["train", "--data=mnist", "--latent-dim=20", "--epochs=1", "--lr=4e-3", "--out=a", "--device=cpu"]) == 0
    test = runs.read("a").test
    assert test is not None
    assert -125 < test["elbo"] < -105
    assert test["iwae"]["1"] < test["iwae"]["10"] < test["iwae"]["100"]
    assert len(runs.read("a").log) <= 200
    shutil.rmtree("a")
