"""The line for a device: in order, one at a time, and moving on whoever dies."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vae.training import queue
from vae.training.queue import turn

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
# says its place, over and over, and when it has its turn; then a line on stdin is answered by whether others wait
HOLDER = """
import sys
from pathlib import Path
from vae.training import queue
queue.LOOK_EVERY = 0.01
def wait(place):
    print("place", place, flush=True)
with queue.turn(Path(sys.argv[1]), wait) as in_demand:
    print("turn", flush=True)
    while sys.stdin.readline().strip() != "leave":
        print(in_demand(), flush=True)
print("left", flush=True)
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch) -> None:
    monkeypatch.setattr(queue, "LOOK_EVERY", 0.01)


class Other:
    """Another process in the line."""

    def __init__(self, line: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(line)],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def hears(self, word: str) -> None:
        """Read on until it says `word`."""
        assert self.process.stdout is not None
        while (said := self.process.stdout.readline().strip()) != word:
            assert said, f"it ended without saying {word}"

    def told(self, word: str = "") -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def other():
    """Starts other processes in a line, and ends them."""
    started: list[Other] = []

    def start(line: Path) -> Other:
        started.append(Other(line))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def never(place: int) -> None:
    pytest.fail(f"had to wait at place {place}")


def tickets(line: Path) -> list[str]:
    return sorted(path.name for path in line.glob("[0-9]*"))


def test_whoever_comes_to_an_empty_line_has_his_turn_at_once(tmp_path) -> None:
    line = tmp_path / "not" / "yet" / "there"
    with turn(line, never) as in_demand:
        assert len(tickets(line)) == 1
        assert not in_demand()
    assert tickets(line) == []
    with turn(line, never):
        pass


def test_each_has_his_turn_in_the_order_of_coming(tmp_path, other) -> None:
    first = other(tmp_path)
    first.hears("turn")
    assert first.told() == "False"
    second = other(tmp_path)
    second.hears("place 1")
    third = other(tmp_path)
    third.hears("place 2")
    assert first.told() == "True"
    assert first.told("leave") == "left"
    second.hears("turn")
    third.hears("place 1")
    assert second.told() == "True"
    assert second.told("leave") == "left"
    third.hears("turn")
    assert third.told() == "False"
    with pytest.raises(TimeoutError), turn(tmp_path, patient_for(0.1)):
        pass
    assert third.told("leave") == "left"
    assert tickets(tmp_path) == []


def test_who_is_put_ahead_comes_first_and_never_two_at_once(tmp_path) -> None:
    """Four wait, and each changes over and over how far ahead it wants to be, also while others take their turns."""
    code = """
import os, random, sys
from pathlib import Path
from vae.training import queue
queue.LOOK_EVERY = 0.001
chance, alone = random.Random(sys.argv[2]), Path(sys.argv[1], "alone")
for _ in range(6):
    with queue.turn(Path(sys.argv[1], "line"), lambda place: chance.randrange(5)):
        os.close(os.open(alone, os.O_CREAT | os.O_EXCL))
        alone.unlink()
"""
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(i)], cwd=ROOT) for i in range(4)]
    assert [process.wait(600) for process in processes] == [0] * 4
    assert tickets(tmp_path / "line") == []
    assert not list((tmp_path / "line").glob(".ahead-*"))


def test_those_who_are_put_ahead_come_first(tmp_path, other) -> None:
    first = other(tmp_path)
    first.hears("turn")
    second = other(tmp_path)
    second.hears("place 1")
    third = other(tmp_path)
    third.hears("place 2")
    places: list[int] = []

    def wait(place: int) -> int:
        places.append(place)
        if len(places) > 100 or (len(places) > 3 and place == 1):
            raise InterruptedError
        return 7

    with pytest.raises(InterruptedError), turn(tmp_path, wait):
        pytest.fail("had its turn before the one who has it")
    assert places[0] == 3
    assert places[-1] == 1
    third.hears("place 2")
    assert first.told("leave") == "left"
    second.hears("turn")


def patient_for(seconds: float) -> Callable[[int], None]:
    end = time.monotonic() + seconds

    def wait(_place: int) -> None:
        if time.monotonic() > end:
            raise TimeoutError

    return wait


def test_the_line_moves_on_when_the_holder_is_killed(tmp_path, other) -> None:
    """SIGKILL of the one who has his turn, and of one who waits in between: both are noticed at once."""
    first = other(tmp_path)
    first.hears("turn")
    second = other(tmp_path)
    second.hears("place 1")
    third = other(tmp_path)
    third.hears("place 2")
    second.kill()
    third.hears("place 1")
    first.kill()
    third.hears("turn")
    assert len(tickets(tmp_path)) == 1
    third.kill()
    assert len(tickets(tmp_path)) == 1  # left behind
    with turn(tmp_path, never) as in_demand:
        assert len(tickets(tmp_path)) == 1  # thrown away; this is one's own
        assert not in_demand()


def test_whoever_dies_behind_is_waited_for_no_more(tmp_path, other) -> None:
    with turn(tmp_path, never) as in_demand:
        behind = other(tmp_path)
        behind.hears("place 1")
        assert in_demand()
        behind.kill()
        assert not in_demand()
        assert len(tickets(tmp_path)) == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_whoever_fails_leaves_the_line(error, tmp_path) -> None:
    with pytest.raises(error), turn(tmp_path, never):
        raise error
    assert tickets(tmp_path) == []
    with turn(tmp_path, never):
        pass


def test_one_can_leave_the_line_while_waiting(tmp_path, other) -> None:
    first = other(tmp_path)
    first.hears("turn")
    places: list[int] = []

    def wait(place: int) -> None:
        places.append(place)
        if len(places) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError), turn(tmp_path, wait):
        pytest.fail("had its turn")
    assert places == [1, 1, 1]
    assert len(tickets(tmp_path)) == 1
    assert first.told() == "False"


def test_tickets_left_behind_by_a_crash_of_the_machine_are_thrown_away(tmp_path) -> None:
    for name in ("000000000001-17", "000000000003-99999", "01700000000000000000-5"):
        (tmp_path / name).touch()
    with turn(tmp_path, never):
        assert tickets(tmp_path) != []
    assert tickets(tmp_path) == []


def test_other_files_are_no_tickets(tmp_path) -> None:
    (tmp_path / "notes").touch()
    (tmp_path / ".000000000001-17").touch()
    with turn(tmp_path, never) as in_demand:
        assert not in_demand()
    assert (tmp_path / "notes").exists()


def test_a_clock_that_goes_back_lets_nobody_slip_in(tmp_path, monkeypatch) -> None:
    with turn(tmp_path, never):
        monkeypatch.setattr(time, "time", lambda: 0.0)
        monkeypatch.setattr(time, "time_ns", lambda: 0)
        with pytest.raises(TimeoutError), turn(tmp_path, patient_for(0.05)):
            pass


def test_never_two_at_once(tmp_path) -> None:
    """Eight processes take six turns each, and look whether they are alone; all come at the same moment."""
    code = """
import os, sys
from pathlib import Path
from vae.training import queue
queue.LOOK_EVERY = 0.001
sys.stdin.readline()
alone = Path(sys.argv[1], "alone")
for _ in range(6):
    with queue.turn(Path(sys.argv[1], "line"), lambda place: None):
        os.close(os.open(alone, os.O_CREAT | os.O_EXCL))
        alone.unlink()
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=600)
    assert [process.returncode for process in processes] == [0] * 8
    assert tickets(tmp_path / "line") == []
