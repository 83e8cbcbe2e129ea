"""Rewinding and finishing lose nothing: what a run was before is kept, and can be returned to."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_recorder import SMALL, STEPS, attentive, changes, step_to  # noqa: F401  (a fixture, used by all)
from test_runs import assert_same_result, take

from vae.errors import InputError
from vae.files import checkpoint, runs, undo
from vae.files.control import ask
from vae.training.recorder import run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def unbroken(digits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    take(run(SMALL, folder, digits))
    return folder


def kept(folder: Path) -> list[tuple[str, int]]:
    states = undo.kept(folder)
    if (folder / runs.STATUS).exists():
        assert runs.read_status(folder)["kept"] == states
    return [(state["reason"], state["step"]) for state in states]


def number(folder: Path, step: int) -> int:
    [found] = [state["number"] for state in undo.kept(folder) if state["step"] == step]
    return found


def test_a_rewind_is_undone_and_the_run_goes_on_bit_for_bit(unbroken, digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 60)
    ask(tmp_path, rewind=1)
    assert step_to(steps, 5)[0].step == 1
    assert kept(tmp_path) == [("rewind", 60)]
    assert checkpoint.read(tmp_path).step == 0
    ask(tmp_path, restore=number(tmp_path, 60))
    assert next(steps).step == 61
    assert kept(tmp_path) == [("return", 5)]
    assert runs.read_status(tmp_path)["branch"] == 2
    log = runs.read_log(tmp_path)
    assert len(log) > 20
    assert log[-1]["step"] <= 61
    take(steps)
    assert_same_result(tmp_path, unbroken)


def test_what_was_turned_since_the_rewind_is_not_taken_along(unbroken, digits, tmp_path) -> None:
    """Nor does a later process take it up, while what is turned after the return holds."""
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 30)
    ask(tmp_path, rewind=1, beta=7.0, lr=1e-4)
    assert step_to(steps, 5)[-1].beta == 7
    ask(tmp_path, restore=number(tmp_path, 30))
    assert next(steps).beta == 1
    steps.close()
    steps = run(SMALL, tmp_path, digits, resume=True)
    take(steps)
    assert changes(tmp_path) == []
    assert_same_result(tmp_path, unbroken)


def test_a_return_can_be_undone_as_well(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 30)
    ask(tmp_path, rewind=1)
    step_to(steps, 12)
    ask(tmp_path, restore=number(tmp_path, 30))
    step_to(steps, 40)
    ask(tmp_path, restore=number(tmp_path, 12))
    assert next(steps).step == 13
    assert kept(tmp_path) == [("return", 40)]
    ask(tmp_path, restore=99)  # what is not kept is passed over
    assert next(steps).step == 14
    steps.close()


def test_a_long_run_outlasts_any_number_of_rewinds_and_a_run_of_no_steps_is_not_kept(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 50)
    for i in range(1, 8):
        ask(tmp_path, rewind=i)
        step_to(steps, i)
    assert kept(tmp_path) == [("rewind", 50), ("rewind", 5), ("rewind", 6)]
    assert len(kept(tmp_path)) == undo.MOST
    numbers = [state["number"] for state in undo.kept(tmp_path)]
    ask(tmp_path, until=0, rewind=8)
    ask(tmp_path, rewind=9)
    assert [next(steps) for _ in range(3)] == [None] * 3
    assert ("rewind", 7) in kept(tmp_path)
    assert undo.kept(tmp_path)[-1]["number"] > max(numbers)
    ask(tmp_path, restore=number(tmp_path, 50), until=None)
    assert next(steps).step == 51
    steps.close()


def test_validation_is_told_with_where_it_was_measured_also_after_a_return(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 50)
    before = steps.gi_frame.f_locals["recorder"].run.validation
    assert before["step"] <= 50
    ask(tmp_path, rewind=1)
    step_to(steps, 3)
    assert steps.gi_frame.f_locals["recorder"].run.validation is None
    ask(tmp_path, restore=number(tmp_path, 50))
    step_to(steps, 51)
    assert steps.gi_frame.f_locals["recorder"].run.validation == before
    steps.close()


def test_a_run_that_a_person_finished_can_be_gone_on_with_as_another(unbroken, digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path / "a", digits)
    step_to(steps, 50)
    ask(tmp_path / "a", finish=True)
    assert take(steps) == []
    assert runs.read(tmp_path / "a").finished
    assert kept(tmp_path / "a") == [("finish", 50)]
    with pytest.raises(InputError, match="finished"):
        runs.fork(tmp_path / "a", tmp_path / "b")
    runs.fork(tmp_path / "a", tmp_path / "b", kept=number(tmp_path / "a", 50))
    assert runs.observe(tmp_path / "b")["step"] == 50
    take(run(SMALL, tmp_path / "b", digits, resume=True))
    assert_same_result(tmp_path / "b", unbroken)
    assert runs.read(tmp_path / "a").status["step"] == 50  # stays as it is
    assert undo.kept(unbroken) == []  # one that came to its end has nothing to go on with


def test_a_diverged_training_is_rewound_all_the_same(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits, checkpoint_every=0.0)
    step_to(steps, 20)
    recorder_ = steps.gi_frame.f_locals["recorder"]
    recorder_.checkpoint_every = 1e9
    next(steps)
    for weight in recorder_.run.training.model.parameters():
        weight.data.fill_(float("nan"))
    ask(tmp_path, rewind=1)
    assert next(steps).step == 1
    [(reason, step)] = kept(tmp_path)
    assert (reason, checkpoint.read(undo.path_of(tmp_path, 1)).step) == ("rewind", step)
    steps.close()


def test_a_return_that_was_cut_short_is_finished_by_the_next_process(unbroken, digits, tmp_path, monkeypatch) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 40)
    ask(tmp_path, rewind=1)
    step_to(steps, 5)
    steps.close()

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    wanted = number(tmp_path, 40)
    with monkeypatch.context() as patch:
        patch.setattr(undo, "_delete", killed)
        with pytest.raises(Killed):
            undo.put_back(tmp_path, wanted)
    log = (tmp_path / runs.LOG).read_bytes()
    (tmp_path / runs.LOG).write_bytes(b"")  # as if it had been cut short before that
    take(run(SMALL, tmp_path, digits, resume=True))
    assert_same_result(tmp_path, unbroken)
    assert (tmp_path / runs.LOG).read_bytes().startswith(log[:100])
    assert kept(tmp_path) == []
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"step": "x"}', "[" * 10_000])
def test_what_cannot_be_read_is_not_kept(damage, tmp_path) -> None:
    (tmp_path / undo.FOLDER / "1").mkdir(parents=True)
    (tmp_path / undo.FOLDER / "1" / undo.STATE).write_text(damage)
    assert undo.kept(tmp_path) == []
    assert undo.kept(tmp_path / "nowhere") == []
    with pytest.raises(InputError, match="keeps no state 7"):
        undo.put_back(tmp_path, 7)
