"""Kills at random moments: what is left can always be read by whoever watches, and always be gone on with.

Forty of them by default; ELBO_ROOM_KILLS=200 in the environment makes it so many.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from test_export import parse
from test_runs import SMALL, assert_same_result, take

from vae.errors import InputError
from vae.files import checkpoint, control, runs
from vae.training import live
from vae.training.loop import count_steps
from vae.training.recorder import run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("ELBO_ROOM_KILLS", "40"))
LONG = replace(SMALL, epochs=100)
STEPS = count_steps(LONG, 1078)

# Starting torch takes far longer than a run should live. So one process starts it, and each line on its stdin makes it
# fork a child that goes on with the run; it answers with the child's number, and, once that has ended, with how.
NURSERY = f"""
import os, sys
import torch
torch.set_num_threads(1)
sys.path.insert(0, {str(ROOT / "tests" / "vae")!r})
from test_kills import LONG, goes_on
from vae.data.image_sets import load
digits = load("digits")
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        goes_on(line.strip(), digits)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


def goes_on(folder: str, digits) -> None:
    """The child's whole life."""
    code = 1
    try:
        for _ in run(LONG, folder, digits, resume=True, checkpoint_every=0.003):
            pass
        code = 0
    finally:
        os._exit(code)


@pytest.fixture
def nursery():
    with subprocess.Popen(
        [sys.executable, "-c", NURSERY],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.stdin.close()  # type: ignore[union-attr]


def life(nursery: subprocess.Popen, folder: Path, seconds: float, asked: random.Random | None) -> int:
    """One child, killed after so many seconds unless it ends before; its wait status. Watched, and asked things."""
    nursery.stdin.write(f"{folder}\n")  # type: ignore[union-attr]
    nursery.stdin.flush()  # type: ignore[union-attr]
    child = int(nursery.stdout.readline())  # type: ignore[union-attr]
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.01))
        if not folder.exists():
            continue
        live.watch(folder)
        assert_readable(folder)
        if asked is not None and asked.random() < 0.2:
            try:
                control.ask(folder, **request(asked, control.read(folder)))
            except InputError as error:
                pytest.fail(str(error))
    os.kill(child, signal.SIGKILL)
    return int(nursery.stdout.readline())  # type: ignore[union-attr]


def request(chance: random.Random, now: control.Control) -> dict:
    return chance.choice(
        [
            {"beta": chance.choice([0.5, 1.0, 2.0])},
            {"lr": chance.choice([1e-3, 3e-3])},
            {"until": chance.choice([None, None, 0])},
            {"pace": chance.choice([None, 500.0])},
            {"save": now.save + 1},
            {"rewind": now.rewind + (chance.random() < 0.3)},
            {"restore": now.restore + 1},
        ]
    )


def assert_readable(folder: Path) -> None:
    """As a page reads a run, at any moment: a run or one that has not begun, whole frames, whole checkpoints."""
    status = runs.observe(folder)
    assert status["state"] in ("queued", "running", "paused", "finished", "failed")
    assert 0 <= status["step"] <= STEPS
    if not (folder / runs.SETTINGS).exists():
        return
    found = runs.read(folder)
    assert found.settings == LONG
    for line in runs.read_log(folder):
        assert 0 <= line["step"] <= STEPS
        assert ("changed" in line) != ("elbo" in line)
    if (folder / runs.CHECKPOINT).exists():
        assert 0 <= checkpoint.read(folder).step <= STEPS
    for name in (live.PROBE, live.FRAME, live.DECODER, live.MANIFOLD):
        if (folder / name).exists():
            meta, arrays = parse((folder / name).read_bytes())
            assert meta
            assert arrays
    for path in folder.glob("log-*.jsonl"):
        assert all(json.loads(line) for line in path.read_text().splitlines()[:-1])


def assert_dead_and_well(folder: Path, ended: int) -> None:
    """After a kill: nobody holds it, and it says that it can be gone on with."""
    assert os.WIFSIGNALED(ended) or os.WEXITSTATUS(ended) == 0
    if folder.exists():
        assert_readable(folder)
        status = runs.observe(folder)
        assert not status["alive"]
        assert status["state"] in ("failed", "paused", "finished")
        if status["state"] == "failed":
            assert status["reason"].endswith("go on with Resume.")


def test_what_a_kill_leaves_can_be_read_and_gone_on_with(nursery, digits, tmp_path) -> None:
    """Where nothing was asked, the run comes to the very result of an unbroken one, bit for bit."""
    chance = random.Random(0)
    kills, folder, lives = 0, tmp_path / "run-0", 0
    while kills < KILLS // 2:
        ended = life(nursery, folder, chance.choice([0.02, 0.05, 0.3]) * chance.random(), asked=None)
        assert_dead_and_well(folder, ended)
        kills += os.WIFSIGNALED(ended)
        if folder.exists() and runs.read_status(folder)["state"] == "finished":
            lives += 1
            folder = tmp_path / f"run-{lives}"
    take(run(LONG, tmp_path / "unbroken", digits))
    take(run(LONG, folder, digits, resume=True))
    for path in tmp_path.glob("run-*"):
        assert_same_result(path, tmp_path / "unbroken")
        assert not list(path.glob(".*.part"))


def test_so_it_is_while_a_person_turns_everything(nursery, digits, tmp_path) -> None:
    """Killed amid pauses, rewinds, returns, other betas and extra checkpoints; it still comes to an end."""
    chance = random.Random(1)
    kills, folder, lives = 0, tmp_path / "run-0", 0
    while kills < KILLS - KILLS // 2:
        ended = life(nursery, folder, chance.choice([0.05, 0.3]) * chance.random(), asked=chance)
        assert_dead_and_well(folder, ended)
        kills += os.WIFSIGNALED(ended)
        if folder.exists() and runs.read_status(folder)["state"] == "finished":
            lives += 1
            folder = tmp_path / f"run-{lives}"
    if (folder / control.FILE_NAME).exists():
        control.ask(folder, pace=None)
    take(run(LONG, folder, digits, resume=True))
    assert runs.read(folder).finished
    steps = [line["step"] for line in runs.read_log(folder)]
    assert steps == sorted(steps)
    assert steps[-1] == STEPS
