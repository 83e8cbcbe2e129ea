"""What a person asks of a run: when it takes effect, what is written of it, and what it leaves alone."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from test_runs import assert_same_result, take, timeless

from vae.analysis.evaluation import evaluate
from vae.data.image_sets import ImageSet
from vae.errors import InputError
from vae.files import checkpoint, control, runs
from vae.files.control import ask
from vae.files.runs import fork, locked, observe, read, read_log, write_status
from vae.settings import Settings
from vae.training import active_run, control_handler, progress, recorder
from vae.training.loop import Step, Training, count_steps, train
from vae.training.recorder import run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

ROOT = Path(__file__).parents[2]
SMALL = Settings(data="digits", hidden=(16,), latent_dim=2, epochs=6, batch_size=50, device="cpu", lr=3e-3)
STEPS = count_steps(SMALL, 1078)


@pytest.fixture(autouse=True)
def attentive(monkeypatch) -> None:
    """Runs look for what is asked after every step, so that a test can say when."""
    monkeypatch.setattr(control_handler, "CONTROL_EVERY", 0.0)


class Clock:
    """A clock for the recorder, on which a step takes as long as a test says and only sleep passes by itself."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    for module in (recorder, active_run, control_handler, progress):
        monkeypatch.setattr(module, "time", clock)
    return clock


def step_to(steps: Iterator[Step | None], last: int) -> list[Step]:
    """Steps up to number `last`."""
    taken: list[Step] = []
    while not taken or taken[-1].step < last:
        step = next(steps)
        if step is not None:
            taken.append(step)
    return taken


def waits(steps: Iterator[Step | None], times: int = 3) -> bool:
    """Whether it takes no step for a while."""
    return [next(steps) for _ in range(times)] == [None] * times


def terms(steps: list[Step]) -> torch.Tensor:
    return torch.stack([step.terms for step in steps])


def changes(folder: Path) -> list[dict]:
    return [{"step": line["step"], **line["changed"]} for line in read_log(folder) if "changed" in line]


def reference(settings: Settings, digits: ImageSet, turned: dict[int, dict[str, float]], n: int) -> list[Step]:
    """Plain training of `n` steps, in which what is `turned` after so many steps is set by hand."""
    training, taken = Training(settings, digits.image_shape), []
    for step in islice(train(training, digits.train), n):
        taken.append(step)
        for name, value in turned.get(step.step, {}).items():
            setattr(training, name, value)
    return taken


# ---- settings that are turned ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value"), [("beta", 0.25), ("lr", 1e-4), ("sigma", 0.3)])
def test_what_is_asked_takes_effect_at_the_next_step_and_is_in_the_log(name, value, digits, tmp_path) -> None:
    """Bit for bit as if it had been set by hand between the same two steps."""
    settings = dataclasses.replace(SMALL, likelihood="gaussian")
    steps = run(settings, tmp_path, digits)
    before = step_to(steps, 40)
    id = ask(tmp_path, **{name: value})
    after = step_to(steps, STEPS)
    factor = after[0].lr / before[-1].lr if name != "lr" else 1
    assert getattr(before[-1], name) != getattr(after[0], name)
    assert factor == pytest.approx(1, abs=0.2)
    assert torch.equal(terms(before + after), terms(reference(settings, digits, {40: {name: value}}, STEPS)))
    assert not torch.equal(terms(after), terms(reference(settings, digits, {}, STEPS)[40:]))
    take(steps)
    old = getattr(settings, name)
    (line,) = changes(tmp_path)
    assert line[name] == [old, value]
    assert 40 <= line["step"] <= STEPS
    assert read(tmp_path).status["control"] == id
    assert read(tmp_path).finished
    assert read(tmp_path).settings == settings  # what the run was started with
    assert getattr(checkpoint.read(tmp_path).settings, name) == (old if name == "lr" else value)


def test_what_is_turned_and_turned_on_is_one_line_once_it_rests(digits, tmp_path, monkeypatch, clock) -> None:
    monkeypatch.setattr(recorder, "REPORTS", 1)
    steps = run(dataclasses.replace(SMALL, epochs=3000), tmp_path, digits)
    for i in range(1, 11):
        clock.now += 0.9 * recorder.SETTLED
        step_to(steps, 10 * i)
        ask(tmp_path, beta=i / 2)
        assert changes(tmp_path) == []
    next(steps)
    clock.now += 1.1 * recorder.SETTLED
    next(steps)
    assert [line["beta"] for line in changes(tmp_path)] == [[1.0, 5.0]]
    ask(tmp_path, beta=2.0)
    next(steps)
    ask(tmp_path, beta=5.0)  # as it was: nothing has changed
    next(steps)
    clock.now += 1.1 * recorder.SETTLED
    next(steps)
    steps.close()
    assert len(changes(tmp_path)) == 1


def test_no_report_means_over_two_betas_without_a_word_between(digits, tmp_path) -> None:
    """A report's own beta is that of its last step; the line of the change stands before it."""
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 50)
    ask(tmp_path, beta=9.0)
    take(steps)
    lines = read_log(tmp_path)
    at = next(i for i, line in enumerate(lines) if "changed" in line)
    assert {line["beta"] for line in lines[:at]} == {1.0}
    assert {line["beta"] for line in lines[at + 1 :]} == {9.0}
    assert all("elbo" in line for line in lines[:at] + lines[at + 1 :])


def test_sigma_live_is_the_sigma_of_a_fresh_model(digits, tmp_path) -> None:
    """The loss of the next step is that of a model with these weights that was made with this sigma."""
    settings = dataclasses.replace(SMALL, likelihood="gaussian")
    steps = run(settings, tmp_path, digits)
    step_to(steps, 30)
    ask(tmp_path, save=1, sigma=0.2)
    after = step_to(steps, 31)[-1]
    saved = checkpoint.read(tmp_path)
    assert (saved.step, saved.settings.sigma) == (30, 0.2)
    fresh = Training.resume(saved._replace(settings=dataclasses.replace(settings, sigma=0.2)))
    assert fresh.model.sigma == 0.2
    plain = checkpoint.load_model(saved)
    assert plain.sigma == 0.2
    expected = next(iter(train(fresh, digits.train)))
    assert torch.equal(after.terms, expected.terms)
    take(steps)
    assert read(tmp_path).test == evaluate(checkpoint.load_model(checkpoint.read(tmp_path)), digits.test)
    assert checkpoint.load_model(checkpoint.read(tmp_path)).sigma == 0.2


def test_a_beta_that_is_asked_ends_its_schedule(digits, tmp_path) -> None:
    settings = dataclasses.replace(SMALL, beta_schedule="warm-up", beta_period=4, beta=2.0)
    steps = run(settings, tmp_path, digits)
    rising = [step.beta for step in step_to(steps, 20)]
    assert rising == sorted(set(rising))
    assert max(rising) < 1
    ask(tmp_path, lr=1e-3)
    assert step_to(steps, 21)[-1].beta > rising[-1]  # another setting does not
    ask(tmp_path, beta=0.7)
    assert {step.beta for step in step_to(steps, STEPS)} == {0.7}


def test_what_makes_no_sense_in_the_file_is_passed_over(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 10)
    for text in ("{", '{"id": 5, "beta": "NaN"}', '{"id": 6, "beta": -3}', "[]", '{"id": 7, "until": "now"}', "\0"):
        (tmp_path / control.FILE_NAME).write_text(text)
        assert step_to(steps, 11)[-1].beta == 1
    (tmp_path / control.FILE_NAME).unlink()
    rest = take(steps)
    assert rest[-1].step == STEPS


# ---- waiting --------------------------------------------------------------------------------------------------------


def test_a_pause_is_kept_until_it_ends_and_changes_nothing(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    before = step_to(steps, 20)
    ask(tmp_path, until=0)
    assert waits(steps)
    status = observe(tmp_path)
    assert (status["state"], status["step"], status["alive"], status["control"]) == ("paused", 20, True, 1)
    ask(tmp_path, until=None)
    after = step_to(steps, STEPS)
    assert after[0].step == 21
    assert torch.equal(terms(before + after), terms(reference(SMALL, digits, {}, STEPS)))
    take(steps)
    assert read(tmp_path).finished


def test_one_step_and_one_epoch_are_steps_to_wait_at(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 20)
    for last in (21, 22, 44):
        ask(tmp_path, until=last)
        assert [step.step for step in step_to(steps, last)][-1] == last
        assert waits(steps)
        assert runs.read_status(tmp_path)["step"] == last
    ask(tmp_path, until=5)  # is past already
    assert waits(steps)
    ask(tmp_path, until=STEPS)
    step_to(steps, STEPS)
    assert waits(steps)  # also at the last one
    assert not read(tmp_path).finished
    ask(tmp_path, until=None)
    assert take(steps) == []
    assert read(tmp_path).finished


def test_a_beta_asked_for_in_a_pause_is_that_of_the_next_step(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 10)
    ask(tmp_path, until=0)
    assert waits(steps)
    id = ask(tmp_path, beta=3.0)
    assert waits(steps)
    assert runs.read_status(tmp_path)["control"] == id  # heeded at once, for all to see
    ask(tmp_path, until=11)
    assert step_to(steps, 11)[-1].beta == 3.0


def test_a_pace_is_kept(digits, tmp_path, clock) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 10)
    ask(tmp_path, pace=50.0)
    step_to(steps, 11)
    start = clock.now
    step_to(steps, 21)
    assert clock.now - start == pytest.approx(10 / 50, abs=10 * recorder.WAIT)
    ask(tmp_path, pace=None)
    assert step_to(steps, STEPS)[-1].step == STEPS


def test_pauses_do_not_count_as_training(digits, tmp_path, clock) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 1)
    for _ in range(20):
        clock.now += 2
        next(steps)
    ask(tmp_path, until=0)
    paused = clock.now
    assert waits(steps, 50)
    clock.now += 100
    assert waits(steps)
    assert clock.now - paused > 100.5
    ask(tmp_path, until=None, save=1)
    next(steps)
    assert float(checkpoint.read(tmp_path).training["report.seconds"]) == pytest.approx(40)


def test_a_long_pause_lets_the_device_go_sooner_where_others_wait(digits, tmp_path, clock) -> None:
    for name, in_demand in (("a", False), ("b", True)):
        folder = tmp_path / name
        steps = run(SMALL, folder, digits, in_demand=lambda answer=in_demand: answer)
        step_to(steps, 20)
        ask(folder, until=0)
        start = clock.now
        assert set(steps) == {None}
        limit = recorder.PAUSE_LIMIT_IN_DEMAND if in_demand else recorder.PAUSE_LIMIT
        assert clock.now - start == pytest.approx(limit, abs=1)
        status = observe(folder)
        assert (status["state"], status["step"], status["alive"]) == ("paused", 20, False)
        assert "go on with Resume" in status["reason"]
        assert checkpoint.read(folder).step == 20
        rest = take(run(SMALL, folder, digits, resume=True))
        assert [step.step for step in rest] == list(range(21, STEPS + 1))


# ---- rewinding, finishing, saving -----------------------------------------------------------------------------------


def test_a_rewind_replays_the_same_steps_bit_for_bit(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path / "a", digits)
    first = step_to(steps, 60)
    ask(tmp_path / "a", rewind=1)
    again = step_to(steps, STEPS)
    assert [step.step for step in again] == list(range(1, STEPS + 1))
    assert torch.equal(terms(first), terms(again[:60]))
    take(steps)
    take(run(SMALL, tmp_path / "b", digits))
    assert_same_result(tmp_path / "a", tmp_path / "b")
    kept = [json.loads(line) for line in (tmp_path / "a" / "log-1.jsonl").read_text().splitlines()]
    assert timeless(kept) == timeless(read(tmp_path / "b").log[: len(kept)])
    assert kept[-1]["step"] <= 60


def test_a_rewind_with_another_beta_has_the_same_batches_and_noise(digits, tmp_path) -> None:
    """From the same weights: the very same numbers in the first step, and other weights after it."""
    steps = run(SMALL, tmp_path, digits)
    first = step_to(steps, 30)
    ask(tmp_path, rewind=1, beta=7.0)
    again = step_to(steps, 30)
    assert torch.equal(first[0].terms, again[0].terms)
    assert not torch.equal(first[1].terms, again[1].terms)
    other = reference(dataclasses.replace(SMALL, beta=7.0), digits, {}, 30)
    assert torch.equal(terms(again), terms(other))
    steps.close()
    assert changes(tmp_path) == [{"step": 0, "beta": [1.0, 7.0]}]
    resumed = run(SMALL, tmp_path, digits, resume=True)
    assert torch.equal(
        step_to(resumed, 31)[-1].terms, reference(dataclasses.replace(SMALL, beta=7.0), digits, {}, 31)[-1].terms
    )
    resumed.close()


def test_turned_settings_stay_through_rewinds_and_each_pass_keeps_its_log(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    for i in range(1, 4):
        step_to(steps, 40)
        ask(tmp_path, rewind=i, lr=1e-3 / i)
        assert next(steps).step == 1
        assert changes(tmp_path) == [{"step": 0, "lr": [3e-3, 1e-3 / i]}]
        assert checkpoint.read(tmp_path).step == 0
    steps.close()
    assert {path.name for path in tmp_path.glob("log*")} == {"log.jsonl", *(f"log-{i}.jsonl" for i in range(1, 4))}


def test_a_rewind_brings_a_schedule_back_to_its_start(digits, tmp_path) -> None:
    settings = dataclasses.replace(SMALL, beta_schedule="cyclical", beta_period=2)
    steps = run(settings, tmp_path, digits)
    first = step_to(steps, 50)
    ask(tmp_path, rewind=1)
    again = step_to(steps, 50)
    assert [step.beta for step in first] == [step.beta for step in again]
    assert torch.equal(terms(first), terms(again))
    assert changes(tmp_path) == []
    steps.close()


def test_a_rewind_while_paused_stays_paused_at_the_start(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 20)
    ask(tmp_path, until=0)
    assert waits(steps)
    ask(tmp_path, rewind=1)
    assert waits(steps)
    status = observe(tmp_path)
    assert (status["state"], status["step"]) == ("paused", 0)
    ask(tmp_path, until=1)
    assert next(steps).step == 1
    assert waits(steps)
    steps.close()


def test_to_finish_early_is_to_be_finished_as_any_other_run(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 50)
    ask(tmp_path, finish=True)
    assert take(steps) == []
    result = read(tmp_path)
    assert result.finished
    assert result.status["step"] == 50
    saved = checkpoint.read(tmp_path)
    assert (saved.step, saved.training) == (50, {})
    assert result.test == evaluate(checkpoint.load_model(saved), digits.test)


def test_a_paused_run_can_be_finished(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 5)
    ask(tmp_path, until=0)
    assert waits(steps)
    ask(tmp_path, finish=True)
    assert take(steps) == []
    assert read(tmp_path).status["step"] == 5


def test_a_checkpoint_is_written_when_it_is_asked_for(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    for i, last in enumerate((7, 20, 30), 1):
        step_to(steps, last)
        assert checkpoint.read(tmp_path).step < last
        ask(tmp_path, save=i)
        step_to(steps, last + 1)
        assert checkpoint.read(tmp_path).step == last
        assert runs.read_status(tmp_path)["saved_step"] == last
    ask(tmp_path, until=0)
    assert waits(steps)
    ask(tmp_path, save=4)
    assert waits(steps)
    assert checkpoint.read(tmp_path).step == 31  # also while it is paused
    assert observe(tmp_path)["state"] == "paused"
    steps.close()


# ---- when a run ends by itself --------------------------------------------------------------------------------------


def test_so_many_steps_and_no_more(digits, tmp_path) -> None:
    settings = dataclasses.replace(SMALL, stop_steps=17)
    taken = take(run(settings, tmp_path, digits))
    assert [step.step for step in taken] == list(range(1, 18))
    assert {step.steps for step in taken} == {17}
    assert read(tmp_path).finished
    assert count_steps(dataclasses.replace(SMALL, stop_steps=10**6), 1078) == STEPS


def test_so_many_minutes_and_a_resumed_run_has_the_rest_of_them(digits, tmp_path, clock) -> None:
    settings = dataclasses.replace(SMALL, epochs=10_000, stop_minutes=2)
    steps = run(settings, tmp_path, digits)
    step_to(steps, 1)
    for _ in range(50):
        clock.now += 1
        next(steps)
    steps.close()
    clock.now += 1000  # no process trained it
    resumed = run(settings, tmp_path, digits, resume=True)
    assert next(resumed).step == 52
    clock.now += 69
    assert next(resumed).step == 53  # after 119 seconds of training
    clock.now += 2
    assert [step.step for step in take(resumed)] == [54]
    assert read(tmp_path).finished
    assert read(tmp_path).status["step"] == 54
    assert read(tmp_path).status["steps"] > 100_000


def test_an_elbo_that_was_wanted_ends_the_run(digits, tmp_path) -> None:
    settings = dataclasses.replace(SMALL, epochs=200, stop_elbo=-27.5)
    take(run(settings, tmp_path, digits))
    result = read(tmp_path)
    validated = [line["validation_elbo"] for line in result.log if "validation_elbo" in line]
    assert result.finished
    assert validated[-1] > -27.5
    assert all(value <= -27.5 for value in validated[:-1])
    assert result.status["step"] < result.status["steps"]


# ---- another process goes on ----------------------------------------------------------------------------------------


def abandon(steps: Iterator[Step | None], folder: Path) -> None:
    """Let go of the run as a killed process would: without a last word."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(active_run.ActiveRun, "pause", lambda self, reason: None)
        steps.close()  # type: ignore[attr-defined]
    assert runs.read_status(folder)["state"] in ("running", "paused")


def test_a_resumed_run_keeps_the_beta_that_was_asked_for(digits, tmp_path) -> None:
    """Asked for at step 30, saved at 40, killed at 50: it goes on from 40, with that beta, and the log says so once."""
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 30)
    ask(tmp_path, beta=0.2, lr=2e-3)
    step_to(steps, 40)
    ask(tmp_path, save=1)
    step_to(steps, 50)
    abandon(steps, tmp_path)
    resumed = take(run(SMALL, tmp_path, digits, resume=True))
    expected = reference(SMALL, digits, {30: {"beta": 0.2, "lr": 2e-3}}, STEPS)
    assert resumed[0].step == 41
    assert torch.equal(terms(resumed), terms(expected[40:]))
    (line,) = changes(tmp_path)
    assert (line["beta"], line["lr"]) == ([1.0, 0.2], [3e-3, 2e-3])


def test_what_was_asked_after_the_last_checkpoint_holds_for_the_resumed_run(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 20)
    ask(tmp_path, save=1)
    step_to(steps, 30)
    ask(tmp_path, beta=5.0)
    step_to(steps, 35)
    abandon(steps, tmp_path)
    resumed = take(run(SMALL, tmp_path, digits, resume=True))
    assert resumed[0].step == 21
    assert {step.beta for step in resumed} == {5.0}
    assert [line["beta"] for line in changes(tmp_path)] == [[1.0, 5.0]]


def test_what_nobody_was_there_to_heed_holds_for_the_resumed_run(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 20)
    steps.close()
    ask(tmp_path, beta=3.0)
    resumed = take(run(SMALL, tmp_path, digits, resume=True))
    assert {step.beta for step in resumed} == {3.0}
    assert [line["beta"] for line in changes(tmp_path)] == [[1.0, 3.0]]


@pytest.mark.parametrize("stale", [{"until": 0}, {"until": 20}, {"finish": True}, {"until": 0, "finish": True}])
def test_a_stale_pause_or_end_does_not_stop_a_resumed_run(stale, digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 20)
    steps.close()
    ask(tmp_path, beta=2.0, pace=1e5, **stale)
    resumed = take(run(SMALL, tmp_path, digits, resume=True))
    assert [step.step for step in resumed if step is not None] == list(range(21, STEPS + 1))
    now = control.read(tmp_path)
    assert (now.until, now.finish, now.beta, now.pace) == (None, False, 2.0, 1e5)


def test_a_rewind_or_save_of_an_earlier_process_is_not_done_again(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 20)
    ask(tmp_path, rewind=1, save=1)
    step_to(steps, 20)
    steps.close()
    resumed = run(SMALL, tmp_path, digits, resume=True)
    assert [step.step for step in step_to(resumed, STEPS)] == list(range(21, STEPS + 1))
    resumed.close()
    assert len(list(tmp_path.glob("log-*.jsonl"))) == 1


def test_a_change_in_a_new_epoch_does_not_hide_its_validation(digits, tmp_path, monkeypatch) -> None:
    """The epoch ends at step 22; a change is logged there before the epoch's report, then the run is resumed."""
    monkeypatch.setattr(recorder, "REPORTS", 6)
    images = dataclasses.replace(digits, train=digits.train.take(np.arange(1060)))  # reports come after the epoch's end
    total = count_steps(SMALL, 1060)
    for name, stop in (("whole", None), ("broken", 22)):
        steps = run(SMALL, tmp_path / name, images)
        step_to(steps, 21)
        ask(tmp_path / name, lr=2e-3)
        if stop is not None:
            step_to(steps, stop)
            steps.close()
            steps = run(SMALL, tmp_path / name, images, resume=True)
        step_to(steps, total)
        take(steps)
    validated = [
        [line["step"] for line in read_log(tmp_path / name) if "validation_elbo" in line]
        for name in ("whole", "broken")
    ]
    assert validated[0] == validated[1]
    assert len(validated[0]) == 6


def test_a_model_whose_training_state_is_gone_is_finished_with_its_own_sigma(digits, tmp_path) -> None:
    """A fork has no control.json; killed before its last word, it still knows what beta and sigma it came to."""
    settings = dataclasses.replace(SMALL, likelihood="gaussian")
    steps = run(settings, tmp_path / "a", digits)
    step_to(steps, 50)
    ask(tmp_path / "a", sigma=0.25, beta=2.0)
    step_to(steps, 60)
    steps.close()
    fork(tmp_path / "a", tmp_path / "b")
    take(run(settings, tmp_path / "b", digits, resume=True))
    before = (tmp_path / "b" / "test.json").read_bytes()
    for name in ("status.json", "test.json"):
        (tmp_path / "b" / name).unlink()
    take(run(settings, tmp_path / "b", digits, resume=True))
    assert (tmp_path / "b" / "test.json").read_bytes() == before
    saved = checkpoint.read(tmp_path / "b").settings
    assert (saved.beta, saved.sigma) == (2.0, 0.25)


# ---- forks ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def halfway(digits, tmp_path) -> Path:
    """A run that was stopped at step 60, with a beta that was turned at 30."""
    steps = run(SMALL, tmp_path / "halfway", digits)
    step_to(steps, 30)
    ask(tmp_path / "halfway", beta=0.5)
    step_to(steps, 60)
    steps.close()
    return tmp_path / "halfway"


def test_a_fork_without_change_goes_on_bit_for_bit_as_the_original(halfway, digits, tmp_path) -> None:
    before = {path.name: path.read_bytes() for path in halfway.iterdir()}
    fork(halfway, tmp_path / "below" / "fork")
    assert {path.name: path.read_bytes() for path in halfway.iterdir()} == before
    status = observe(tmp_path / "below" / "fork")
    assert (status["state"], status["step"], status["steps"], status["saved_step"]) == ("paused", 60, STEPS, 60)
    assert status["reason"] == "Forked from halfway at step 60."
    assert not status["alive"]
    assert timeless(read(tmp_path / "below" / "fork").log) == timeless(read(halfway).log)
    for folder in (halfway, tmp_path / "below" / "fork"):
        rest = take(run(SMALL, folder, digits, resume=True))
        assert rest[0].step == 61
    assert_same_result(tmp_path / "below" / "fork", halfway)
    assert not list((tmp_path / "below").glob(".*"))


@pytest.mark.parametrize("size", [25, 100, 7])
def test_a_fork_with_another_batch_size_goes_on_at_the_same_image(size, halfway, digits, tmp_path, monkeypatch) -> None:
    """The images seen are the same, to within a batch; the first batch begins where the original's next one would."""
    fork(halfway, tmp_path / "fork", batch_size=size)
    result = read(tmp_path / "fork")
    assert result.settings == dataclasses.replace(SMALL, batch_size=size)
    seen = 60 * 50 // size * size
    assert checkpoint.read(tmp_path / "fork").step == result.status["step"] == seen // size
    assert 0 <= 3000 - seen < size
    assert all(line["step"] <= seen // size for line in result.log)

    orders = [np.random.default_rng([SMALL.seed, epoch]).permutation(1078) for epoch in range(7)]
    row = np.concatenate(orders)
    fed: list[np.ndarray] = []
    honest = Training.training_step

    def training_step(self, pixels, zeta):
        fed.append(pixels.numpy().copy())
        return honest(self, pixels, zeta)

    monkeypatch.setattr(Training, "training_step", training_step)
    steps = run(result.settings, tmp_path / "fork", digits, resume=True)
    first = next(steps)
    assert (first.step, first.images, first.beta) == (seen // size + 1, seen + size, 0.5)
    np.testing.assert_array_equal(fed[0], digits.train.pixels[row[seen : seen + size]])
    steps.close()


def test_a_fork_of_a_run_that_goes_on_is_cut_at_its_checkpoint(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path / "a", digits)
    step_to(steps, 30)
    ask(tmp_path / "a", save=1)
    step_to(steps, 80)
    fork(tmp_path / "a", tmp_path / "b")
    assert read_log(tmp_path / "a")[-1]["step"] > 70
    assert read_log(tmp_path / "b")[-1]["step"] <= 30
    assert observe(tmp_path / "b")["step"] == 30
    take(steps)
    take(run(SMALL, tmp_path / "b", digits, resume=True))
    assert_same_result(tmp_path / "b", tmp_path / "a")


def test_what_cannot_be_forked_is_one_sentence(halfway, digits, tmp_path) -> None:
    with pytest.raises(InputError, match="There is no run in"):
        fork(tmp_path / "nowhere", tmp_path / "b")
    with pytest.raises(InputError, match="exists already; choose another name"):
        fork(halfway, halfway)
    for size in (-1, 0.5, 10**9, "many"):
        with pytest.raises(InputError, match="batch_size must be"):
            fork(halfway, tmp_path / "b", batch_size=size)  # type: ignore[arg-type]
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        fork(halfway, tmp_path / "file" / "b")
    take(run(SMALL, halfway, digits, resume=True))
    with pytest.raises(InputError, match="is finished, so there is no training to go on with"):
        fork(halfway, tmp_path / "b")
    assert not (tmp_path / "b").exists()


# ---- observing ------------------------------------------------------------------------------------------------------


@contextmanager
def another_process(folder: Path) -> Iterator[subprocess.Popen]:
    """One that holds the run in `folder` until it is killed."""
    code = """
import sys
from pathlib import Path
from vae.files.runs import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("state", ["queued", "running", "paused", "finished", "failed"])
def test_whoever_looks_sees_whether_a_process_holds_the_run(state, tmp_path) -> None:
    write_status(tmp_path, state, step=1234, updated=0)
    with another_process(tmp_path) as process:
        assert observe(tmp_path) == runs.read_status(tmp_path) | {"alive": True}
        process.send_signal(signal.SIGKILL)
        process.wait()
        seen = observe(tmp_path)
    assert seen["alive"] is False
    if state in ("queued", "running"):
        assert seen["state"] == "failed"
        assert "unexpectedly at step 1,234 (killed" in seen["reason"]
        assert runs.read_status(tmp_path)["state"] == state  # to look changes nothing
    else:
        assert seen["state"] == state


def test_a_run_that_was_just_queued_may_still_be_starting(tmp_path) -> None:
    write_status(tmp_path, "queued")
    assert observe(tmp_path)["alive"] is True
    write_status(tmp_path, "queued", updated=time.time() - runs.QUEUED_GRACE - 1)
    assert observe(tmp_path)["state"] == "failed"
    assert observe(tmp_path / "nowhere")["state"] == "failed"


def test_a_run_of_this_process_is_alive_until_it_ends(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    step_to(steps, 5)
    assert (observe(tmp_path)["state"], observe(tmp_path)["alive"]) == ("running", True)
    steps.close()
    assert (observe(tmp_path)["state"], observe(tmp_path)["alive"]) == ("paused", False)
    take(run(SMALL, tmp_path, digits, resume=True))
    assert (observe(tmp_path)["state"], observe(tmp_path)["alive"]) == ("finished", False)


def test_those_who_look_at_once_do_not_take_one_another_for_the_run(tmp_path) -> None:
    write_status(tmp_path, "running", step=5)
    with locked(tmp_path):
        pass
    seen: list[bool] = []

    def look() -> None:
        seen.extend(observe(tmp_path)["alive"] for _ in range(200))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 800
    assert not any(seen)


def test_a_run_can_start_while_many_look(digits, tmp_path) -> None:
    take(run(SMALL, tmp_path, digits), 3)
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.002):
            observe(tmp_path)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            take(run(SMALL, tmp_path, digits, resume=True), 1)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert runs.read_status(tmp_path)["step"] == 13
