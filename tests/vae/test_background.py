"""The real command with --background: the lowest priority, a place in the line, and a status that tells of both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_runs import ROOT, SMALL, start, wait_for

from vae.files import control
from vae.files.runs import SETTINGS, observe, read, read_status

pytestmark = pytest.mark.slow

Starter = Callable[..., subprocess.Popen]


@pytest.fixture
def begin() -> Iterator[Starter]:
    """Starts trainings in the background, and ends them."""
    processes: list[subprocess.Popen] = []

    def starter(folder: Path, *more: str, **settings: object) -> subprocess.Popen:
        processes.append(start(folder, "--background", *more, **settings))
        return processes[-1]

    yield starter
    for process in processes:
        process.kill()
        process.communicate()


def is_queued(folder: Path) -> bool:
    return "place" in read_status(folder)


def is_running(folder: Path) -> bool:
    return read_status(folder)["state"] == "running" and (folder / SETTINGS).exists()


def ended(process: subprocess.Popen) -> tuple[int, str]:
    """Exit code and the last line of what it said."""
    said = process.communicate(timeout=600)[1]
    assert "Traceback" not in said
    return process.returncode, said.splitlines()[-1] if said else ""


@pytest.mark.skipif(not hasattr(os, "nice"), reason="this system knows no priorities")
def test_a_process_in_the_background_has_the_lowest_priority() -> None:
    code = "import os; from vae.training.devices import prepare_process; prepare_process(True); print(os.nice(0))"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "19"


def test_one_trains_the_others_wait_and_the_line_moves_on(begin, tmp_path, monkeypatch) -> None:
    """One is killed while it trains, one leaves the line, one fails when its turn has come, one is stopped."""
    monkeypatch.setenv("ELBO_ROOM_TEST_NICE", str(tmp_path / "niced"))
    first, second, wrong, tired = (tmp_path / name for name in ("first", "second", "wrong", "tired"))
    running = begin(first, epochs=100_000)
    assert wait_for(lambda: is_running(first), running)
    if hasattr(os, "nice"):
        assert (tmp_path / "niced").read_text() == "19"

    waiting = {
        second: begin(second, epochs=100_000),
        wrong: begin(wrong, data="nowhere.npz"),
        tired: begin(tired),
    }
    for folder, process in waiting.items():
        assert wait_for(lambda folder=folder: is_queued(folder), process)
    assert sorted(read_status(folder)["place"] for folder in waiting) == [1, 2, 3]
    for folder in waiting:
        seen = observe(folder)
        assert (seen["state"], seen["alive"]) == ("queued", True)
        assert not (folder / SETTINGS).exists()
    assert observe(first)["state"] == "running"
    intruder = begin(second, "--resume", epochs=100_000)
    assert ended(intruder) == (2, f"Another run is writing to {second}; wait until it ends, or choose another --out.")
    assert observe(second)["state"] == "queued"

    control.ask(tired, finish=True)
    code, said = ended(waiting[tired])
    assert (code, said) == (2, "It has left the queue before its turn; go on with Resume.")
    seen = observe(tired)
    assert (seen["state"], seen["reason"], seen["alive"]) == ("failed", said, False)
    assert wait_for(lambda: {read_status(folder)["place"] for folder in (second, wrong)} == {1, 2}, waiting[second])

    running.send_signal(signal.SIGKILL)
    running.wait()
    assert observe(first)["state"] == "failed"
    assert wait_for(lambda: is_running(second), waiting[second])
    assert "place" not in read_status(second)
    again = subprocess.Popen(
        [sys.executable, "-m", "vae", "train", "--out", str(tired), "--resume", "--background"],
        cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    waiting[second].send_signal(signal.SIGTERM)
    code, said = ended(waiting[second])
    assert code == 128 + signal.SIGTERM
    assert (observe(second)["state"], observe(second)["reason"]) == ("paused", said)

    code, said = ended(waiting[wrong])
    assert (code, said) == (2, "There is no file nowhere.npz; choose another image set.")
    seen = observe(wrong)
    assert (seen["state"], seen["reason"], seen["alive"]) == ("failed", said, False)

    # a run that left the queue is resumed with its settings, though these were never written, and trains to the end
    assert ended(again)[0] == 0
    assert read(tired).finished
    assert read(tired).settings == SMALL
    assert not list((tmp_path / ".queue" / "cpu").glob("[0-9]*"))
