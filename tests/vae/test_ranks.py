"""Training by several processes, as torchrun starts them: the same run as by one, and what happens when one is lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vae.files import checkpoint, control, runs
from vae.settings import Settings
from vae.training.loop import Training, train
from vae.training.recorder import run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

ROOT = Path(__file__).parents[2]
SIZE = 32  # images a rank and step
SETTINGS = Settings(
    data="digits", hidden=(32,), epochs=12, batch_size=2 * SIZE, lr=1e-3, lr_schedule="constant", device="cpu", seed=3
)
OPTIONS = (
    f"--data digits --hidden 32 --epochs 12 --batch-size {SIZE} --lr 1e-3 --schedule constant --device cpu --seed 3"
)
# Gradients are sums of the same numbers in another order: off by some 1e-7 of their size. Adam divides them by their
# own size, so a step differs by about lr · 1e-6, and 200 steps by far less than this share of weights of about 0.1.
WEIGHTS = {"rtol": 0.0, "atol": 2e-4}


def start(folder: Path, *options: str, distributed: int = 2) -> list[subprocess.Popen[str]]:
    """The ranks of one run, each a process, as a launcher would start them."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = str(s.getsockname()[1])
    meet = {"WORLD_SIZE": str(distributed), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "vae", "train", "--out", str(folder), *OPTIONS.split(), *options]
    return [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **meet, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(distributed)
    ]


def ended(processes: list[subprocess.Popen[str]], seconds: float = 120) -> list[str]:
    """What every process said on stderr, once all have ended; none is left behind."""
    try:
        return [process.communicate(timeout=seconds)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()


def wait_for(folder: Path, state: str, step: int = 0, seconds: float = 120) -> dict:
    deadline = time.monotonic() + seconds
    while True:
        status = runs.read_status(folder)
        if status["state"] == state and status["step"] >= step:
            return status
        assert time.monotonic() < deadline, status
        time.sleep(0.02)


def assert_same_weights(folder: Path, training: Training) -> None:
    weights = training.model.state_dict()
    for name, array in checkpoint.read(folder).arrays.items():
        np.testing.assert_allclose(array, weights[name].numpy(), err_msg=name, **WEIGHTS)


def test_two_ranks_are_one_process_with_twice_the_batch(digits, tmp_path) -> None:
    command = [Path(sys.executable).with_name("torchrun"), "--standalone", "--nproc-per-node", "2", "-m", "vae"]
    together = tmp_path / "together"
    result = subprocess.run(
        [*command, "train", "--out", together, *OPTIONS.split()],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    for _ in run(SETTINGS, tmp_path / "alone", digits):
        pass
    ours, single = runs.read(together), runs.read(tmp_path / "alone")
    assert ours.finished
    assert ours.ranks == 2
    assert [line["step"] for line in ours.log] == [line["step"] for line in single.log]
    assert len(ours.log) > 100
    for name in ("distortion", "rate", "elbo"):  # nats, of about 30; a line is rounded to 0.001
        np.testing.assert_allclose(
            [line[name] for line in ours.log], [line[name] for line in single.log], rtol=1e-4, atol=2e-3
        )
    a, b = checkpoint.read(together), checkpoint.read(tmp_path / "alone")
    for name in b.arrays:
        np.testing.assert_allclose(a.arrays[name], b.arrays[name], err_msg=name, **WEIGHTS)


def test_a_turn_of_beta_reaches_all_ranks_at_the_same_step(digits, tmp_path) -> None:
    """The run is that of one process whose beta changes at the step that the log names; one rank late would show."""
    folder = tmp_path / "run"
    processes = start(folder, "--epochs", "1000", "--stop-steps", "120")
    wait_for(folder, "running")
    control.ask(folder, until=1)
    paused = wait_for(folder, "paused")["step"]
    control.ask(folder, beta=20.0, until=None)
    assert "Traceback" not in "".join(ended(processes))
    log = runs.read(folder).log
    (change,) = [line for line in log if "changed" in line]
    assert change["changed"] == {"beta": [1.0, 20.0]}
    assert change["step"] == paused < 120

    training = Training(SETTINGS, digits.image_shape)
    for step in train(training, digits.train):
        if step.step == paused:
            training.beta = 20.0
        if step.step == 120:
            break
    assert_same_weights(folder, training)


def test_a_learned_sigma_is_that_of_the_whole_batch(digits, tmp_path) -> None:
    folder = tmp_path / "run"
    options = ("--likelihood", "gaussian", "--sigma-learned", "on", "--stop-steps", "60", "--checkpoint-every", "0.01")
    assert "Traceback" not in "".join(ended(start(folder, *options)))
    training = Training(replace(SETTINGS, likelihood="gaussian", sigma_learned="on", stop_steps=60), digits.image_shape)
    sigmas = {step.step: step.sigma for step in train(training, digits.train)}
    assert_same_weights(folder, training)
    log = runs.read(folder).log
    assert len(log) > 10
    for line in log:  # rounded to 4 digits
        assert line["sigma"] == pytest.approx(sigmas[line["step"]], rel=2e-4)


def test_a_sigma_that_was_turned_stays_so_on_all_ranks_that_resume(digits, tmp_path) -> None:
    folder = tmp_path / "run"
    settings = replace(
        SETTINGS, batch_size=SIZE, likelihood="gaussian", sigma_learned="on", epochs=1000, stop_steps=300
    )
    steps = run(settings, folder, digits)
    for _ in range(5):
        next(steps)
    control.ask(folder, sigma=0.5)
    while (step := next(steps)) is None or step.sigma != 0.5:
        pass
    steps.close()
    facts = json.loads((folder / runs.SETTINGS).read_text())
    (folder / runs.SETTINGS).write_text(json.dumps({**facts, "ranks": 2}))
    options = ("--likelihood", "gaussian", "--sigma-learned", "on", "--epochs", "1000", "--stop-steps", "300")
    assert "Traceback" not in "".join(ended(start(folder, *options, "--resume")))
    assert runs.read(folder).finished
    assert checkpoint.read(folder).settings.sigma == 0.5


def test_ranks_rewind_together(digits, tmp_path) -> None:
    folder = tmp_path / "run"
    processes = start(folder, "--epochs", "1000", "--stop-steps", "100")
    wait_for(folder, "running")
    control.ask(folder, until=1)
    wait_for(folder, "paused", 1)
    control.ask(folder, rewind=1, until=None)
    assert "Traceback" not in "".join(ended(processes))
    assert runs.read(folder).finished
    training = Training(SETTINGS, digits.image_shape)
    for step in train(training, digits.train):
        if step.step == 100:
            break
    assert_same_weights(folder, training)


@pytest.mark.parametrize("lost", [0, 1])
def test_a_killed_rank_ends_the_run_in_one_sentence_and_it_can_be_resumed(lost, digits, tmp_path) -> None:
    folder = tmp_path / "run"
    long = ("--epochs", "1000", "--stop-steps", "180")
    processes = start(folder, *long, "--checkpoint-every", "0.1")
    wait_for(folder, "running")
    control.ask(folder, pace=50.0)  # slow enough not to end before it is killed
    deadline = time.monotonic() + 600
    while checkpoint.read(folder).step < 5:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    processes[lost].send_signal(signal.SIGKILL)
    said = ended(processes)[1 - lost]
    assert "Traceback" not in said
    assert said.strip().splitlines()[-1].startswith("Another process of this run has ended")
    assert processes[1 - lost].returncode == 2
    state = runs.observe(folder)
    assert state["state"] == "failed"
    assert not state["alive"]
    assert ". " not in state["reason"].rstrip(".")
    reached = checkpoint.read(folder).step
    assert 5 <= reached < 180

    control.ask(folder, pace=None)
    assert "Traceback" not in "".join(ended(start(folder, *long, "--resume")))
    assert runs.read(folder).finished
    training = Training(SETTINGS, digits.image_shape)
    for step in train(training, digits.train):
        if step.step == 180:
            break
    assert_same_weights(folder, training)


def test_a_run_of_two_ranks_is_not_resumed_by_one(digits, tmp_path) -> None:
    folder = tmp_path / "run"
    for _ in run(SETTINGS, folder, digits):
        break
    facts = json.loads((folder / runs.SETTINGS).read_text())
    (folder / runs.SETTINGS).write_text(json.dumps({**facts, "ranks": 2}))
    with pytest.raises(runs.InputError, match="trained by 2 processes, not 1; start as many of them"):
        next(run(SETTINGS, folder, digits, resume=True))


def test_one_process_alone_waits_for_nobody() -> None:
    from vae.training import distributed

    with distributed.joined():
        assert (distributed.rank(), distributed.count()) == (0, 1)
        distributed.wait_for_all()
    assert torch.distributed.is_available()
