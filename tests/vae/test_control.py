"""What a person asks of a run: nothing is lost, nothing half-written is read, and nonsense is one sentence."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vae.errors import InputError
from vae.files import control
from vae.files.control import Control, ask, read

ROOT = Path(__file__).parents[2]
SENSIBLE = {
    "beta": 0.5,
    "lr": 1e-4,
    "sigma": 0.1,
    "until": 12,
    "pace": 20.0,
    "finish": True,
    "rewind": 2,
    "save": 1,
    "restore": 4,
    "ahead": 2,
}


def write(folder: Path, text: str | bytes) -> None:
    (folder / control.FILE_NAME).write_bytes(text if isinstance(text, bytes) else text.encode())


# ---- asked and read -------------------------------------------------------------------------------------------------


def test_nothing_is_wanted_where_nobody_has_asked(tmp_path) -> None:
    assert read(tmp_path) == read(tmp_path / "nowhere") == Control()
    assert Control().live == {}


def test_what_was_asked_is_read(tmp_path) -> None:
    assert ask(tmp_path, **SENSIBLE) == 1
    assert read(tmp_path) == Control(id=1, **SENSIBLE)
    assert read(tmp_path).live == {"beta": 0.5, "lr": 1e-4, "sigma": 0.1}


def test_every_field_but_the_id_can_be_asked_for() -> None:
    assert {f.name for f in dataclasses.fields(Control)} == {"id", *SENSIBLE}


def test_what_is_not_asked_for_again_stays_as_it_was(tmp_path) -> None:
    plain = {name: value for name, value in SENSIBLE.items() if name != "restore"}
    for i, (name, value) in enumerate(plain.items(), 1):
        assert ask(tmp_path, **{name: value}) == i
    assert read(tmp_path) == Control(id=len(plain), **plain)
    assert ask(tmp_path, until=None, pace=None, finish=False, beta=None) == len(plain) + 1
    assert read(tmp_path) == Control(id=len(plain) + 1, lr=1e-4, sigma=0.1, rewind=2, save=1, ahead=2)


def test_a_kept_state_is_returned_to_with_its_own_settings(tmp_path) -> None:
    ask(tmp_path, beta=4.0, lr=1e-4, pace=5)
    ask(tmp_path, restore=2)
    assert read(tmp_path) == Control(id=2, pace=5, restore=2)
    ask(tmp_path, restore=3, beta=1.0)
    assert read(tmp_path) == Control(id=3, pace=5, restore=3, beta=1.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("beta", 0), ("beta", 1e6), ("lr", 10), ("sigma", 1e-3), ("until", 0), ("until", 2**53 - 1), ("pace", 0.01)],
)
def test_the_limits_themselves_are_sensible(name, value, tmp_path) -> None:
    ask(tmp_path, **{name: value})
    assert getattr(read(tmp_path), name) == value


# ---- nonsense -------------------------------------------------------------------------------------------------------

NONSENSE = [
    ("beta", -1), ("beta", 1e7), ("beta", float("nan")), ("beta", float("inf")), ("beta", "1"), ("beta", True),
    ("beta", [1]), ("beta", 10**400), ("lr", 0), ("lr", 11), ("lr", -1e-3), ("sigma", 0), ("sigma", 1e4),
    ("until", -1), ("until", 1.5), ("until", "10"), ("until", True), ("until", 2**53), ("pace", 0), ("pace", -5),
    ("pace", float("nan")), ("pace", 1e7), ("pace", "slow"), ("finish", 1), ("finish", None), ("finish", "true"),
    ("rewind", -1), ("rewind", None), ("rewind", 1.0), ("save", "1"), ("save", False), ("restore", None),
    ("ahead", -1), ("ahead", 0.5),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), NONSENSE)
def test_nonsense_is_refused_in_one_sentence_and_changes_nothing(name, value, tmp_path) -> None:
    ask(tmp_path, beta=2.0)
    before = (tmp_path / control.FILE_NAME).read_bytes()
    with pytest.raises(InputError, match=name) as error:
        ask(tmp_path, **{"save": 1, name: value})
    message = str(error.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 200
    assert (tmp_path / control.FILE_NAME).read_bytes() == before


@pytest.mark.parametrize("name", ["id", "epochs", "", "be ta", "x" * 10_000, "live"])
def test_what_cannot_be_asked_for_is_refused_in_one_sentence(name, tmp_path) -> None:
    with pytest.raises(InputError, match="A run can be asked for beta, lr, sigma, until, ") as error:
        ask(tmp_path, **{name: 1})
    assert len(str(error.value)) < 200
    assert not (tmp_path / control.FILE_NAME).exists()


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path) -> None:
    with pytest.raises(InputError, match=r"There is no run in .*nowhere to ask\."):
        ask(tmp_path / "nowhere", beta=1.0)
    assert not (tmp_path / "nowhere").exists()


def test_somebody_who_writes_for_ever_is_one_sentence(tmp_path, monkeypatch) -> None:
    from filelock import FileLock

    monkeypatch.setattr(control, "WAIT", 0.05)
    refused: list[str] = []

    def attempt() -> None:
        with pytest.raises(InputError) as error:
            ask(tmp_path, beta=1.0)
        refused.append(str(error.value))

    with FileLock(tmp_path / ".control.lock"):
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    assert refused == [f"{tmp_path / 'control.json'} cannot be written (another process is writing); try again."]


# ---- files that make no sense ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"null", b"[]", b"3", b'"beta"', b"\xff\xfe\x00", b"NaN", b"[" * 200_000, b'{"id": ' + b"9" * 5000,
        b'{"beta": 1' + b"\0" * 100,
    ],
)  # fmt: skip
def test_a_garbage_file_is_passed_over_and_can_be_written_over(text, tmp_path) -> None:
    write(tmp_path, text)
    assert read(tmp_path) == Control()
    assert ask(tmp_path, beta=3.0) == 1
    assert read(tmp_path) == Control(id=1, beta=3.0)


@pytest.mark.parametrize(("name", "value"), [*NONSENSE, ("id", -1), ("id", "7"), ("id", None), ("other", 1)])
def test_a_field_that_makes_no_sense_is_passed_over_alone(name, value, tmp_path) -> None:
    write(tmp_path, json.dumps({"id": 7, "beta": 0.5, "until": 3, name: value}))
    expected = {"id": 7, "beta": 0.5, "until": 3}
    expected.pop(name, None)
    assert read(tmp_path) == Control(**expected)  # type: ignore[arg-type]


def test_a_folder_in_the_place_of_the_file_is_passed_over(tmp_path) -> None:
    (tmp_path / control.FILE_NAME).mkdir()
    assert read(tmp_path) == Control()
    with pytest.raises(InputError, match="cannot be written"):
        ask(tmp_path, beta=1.0)


# ---- many at once ---------------------------------------------------------------------------------------------------

TIMES = 25


@pytest.mark.slow
def test_what_threads_and_processes_ask_at_the_same_time_is_all_there(tmp_path) -> None:
    """Every request gets an id of its own, each is in the file from then on, and a reader sees whole files alone."""
    code = f"""
import sys
from vae.files.control import ask, read
name = sys.argv[2]
sys.stdin.readline()
for i in range(1, {TIMES} + 1):
    print(ask(sys.argv[1], **{{name: i}}))
    assert getattr(read(sys.argv[1]), name) == i
"""
    others = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), name],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for name in ("rewind", "save")
    ]  # fmt: skip
    ids: list[int] = []
    own: dict[str, list[float]] = {name: [] for name in ("until", "beta", "pace")}

    def insist(name: str) -> None:
        for i in range(1, TIMES + 1):
            ids.append(ask(tmp_path, **{name: i}))
            own[name].append(getattr(read(tmp_path), name))

    threads = [threading.Thread(target=insist, args=(name,)) for name in own]
    for process in others:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for thread in threads:
        thread.start()
    seen = []
    while any(thread.is_alive() for thread in threads) or any(process.poll() is None for process in others):
        seen.append(json.loads((tmp_path / control.FILE_NAME).read_text())["id"] if ids else 0)
    for process in others:
        ids += map(int, process.communicate(timeout=600)[0].split())
        assert process.returncode == 0
    assert sorted(ids) == list(range(1, 5 * TIMES + 1))
    assert own == {name: list(range(1, TIMES + 1)) for name in own}
    assert read(tmp_path) == Control(id=5 * TIMES, until=TIMES, beta=TIMES, pace=TIMES, rewind=TIMES, save=TIMES)
    assert seen == sorted(seen)
    assert {path.name for path in tmp_path.iterdir()} == {control.FILE_NAME, ".control.lock"}


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    ask(tmp_path, beta=2.0)

    def full(*_args: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(InputError, match="No space left on device"):
        ask(tmp_path, beta=3.0)
    assert read(tmp_path) == Control(id=1, beta=2.0)
    assert {path.name for path in tmp_path.iterdir()} == {control.FILE_NAME, ".control.lock"}
