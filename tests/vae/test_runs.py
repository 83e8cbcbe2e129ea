"""The run folder: what it holds, what a broken run leaves in it, and that a resumed run is the unbroken one."""

from __future__ import annotations

import dataclasses
import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from vae.analysis.evaluation import evaluate
from vae.data.image_sets import Images
from vae.errors import InputError
from vae.files import checkpoint, runs
from vae.files.held_out import read_held_out
from vae.files.runs import read
from vae.settings import Settings
from vae.training import progress, recorder
from vae.training.loop import Diverged, count_steps
from vae.training.recorder import run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

ROOT = Path(__file__).parents[2]
SMALL = Settings(data="digits", hidden=(16,), latent_dim=2, epochs=12, batch_size=50, device="cpu", lr=3e-3)
STEPS = count_steps(SMALL, 1078)
FINISHED = {"settings.json", "log.jsonl", "checkpoint.safetensors", "status.json", "test.json", "held_out.npz"}


def take(steps: Iterator, n: int | None = None) -> list:
    """`n` steps, then stop as a person would."""
    taken = list(islice(steps, n))
    steps.close()  # type: ignore[attr-defined]
    return taken


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def timeless(log: list[dict]) -> list[dict]:
    """Log lines without the one number that no two runs share."""
    return [{name: value for name, value in line.items() if name != "images_per_s"} for line in log]


def assert_same_result(a: Path, b: Path) -> None:
    one, other = checkpoint.read(a), checkpoint.read(b)  # the order of a file's metadata is left to chance
    assert (one.settings, one.step, one.training) == (other.settings, other.step, {})
    assert all(one.arrays[name].tobytes() == other.arrays[name].tobytes() for name in other.arrays)
    assert (a / "test.json").read_bytes() == (b / "test.json").read_bytes()
    assert timeless(read(a).log) == timeless(read(b).log)
    shown, expected = read_held_out(a / "held_out.npz"), read_held_out(b / "held_out.npz")
    assert all(np.array_equal(getattr(shown, f.name), getattr(expected, f.name)) for f in dataclasses.fields(shown))


@pytest.fixture(scope="module")
def finished(digits, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "finished"
    assert len(take(run(SMALL, folder, digits))) == STEPS
    return folder


# ---- what it holds --------------------------------------------------------------------------------------------------


def test_a_finished_run_holds_all_its_files_and_no_others(finished) -> None:
    assert FINISHED <= set(files(finished)) <= FINISHED | {".lock"}


def test_a_finished_run_tells_everything(finished, digits) -> None:
    result = read(finished)
    assert result.settings == SMALL
    assert result.image_shape == (1, 8, 8)
    assert result.classes == digits.classes
    assert result.train_images == 1078
    assert result.fingerprint == digits.fingerprint
    assert result.parameters == 64 * 16 + 16 + 2 * (16 * 2 + 2) + 2 * 16 + 16 + 16 * 64 + 64
    assert result.versions["torch"] == torch.__version__
    assert result.device.endswith("1 threads")
    assert result.finished
    assert result.status["step"] == result.status["steps"] == STEPS
    assert result.status["epoch"] == result.status["epochs"] == 12


def test_the_log_has_a_line_a_report_and_a_validation_an_epoch(finished) -> None:
    log = read(finished).log
    assert 100 < len(log) <= 200
    assert log[-1]["step"] == STEPS
    assert [line["step"] for line in log] == sorted({line["step"] for line in log})
    assert sum("validation_elbo" in line for line in log) == 12
    for line in log:
        assert line["elbo"] == pytest.approx(-(line["distortion"] + line["rate"]), abs=0.002)
        assert line["rate"] == pytest.approx(sum(line["rate_per_dim"]), abs=0.002)
        assert line["beta"] == 1
        assert line["images_per_s"] > 0
        if "validation_elbo" in line:
            assert line["validation_elbo"] == pytest.approx(
                -(line["validation_distortion"] + line["validation_rate"]), abs=0.002
            )
    assert log[-1]["validation_elbo"] > log[0]["elbo"] + 5


@pytest.mark.parametrize("sum_every", [1, 2, 500])
def test_a_line_of_the_log_is_the_mean_over_the_steps_since_the_last(sum_every, digits, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(progress, "SUM_EVERY", sum_every)
    steps = take(run(SMALL, tmp_path / "a", digits))
    log = read(tmp_path / "a").log
    first, second = log[0]["step"], log[1]["step"]
    elbo = np.mean([step.elbo for step in steps[first:second]])
    assert log[1]["elbo"] == pytest.approx(elbo, abs=0.002)


@pytest.mark.parametrize(
    ("epochs", "steps"), [(1, 5), (1, 1000), (7, 70), (149, 1500), (150, 1500), (151, 9000), (9, 9)]
)
def test_long_runs_and_short_ones_report_at_most_150_times_and_at_the_end(epochs, steps) -> None:
    ticks = recorder._report_count(epochs, steps)
    reports = [s for s in range(1, steps + 1) if s * ticks // steps > (s - 1) * ticks // steps]
    assert reports[-1] == steps
    assert len(reports) == ticks <= 150
    if epochs <= ticks and steps % epochs == 0:
        assert set(range(steps // epochs, steps + 1, steps // epochs)) <= set(reports)  # at every epoch's end


def test_the_test_numbers_are_those_of_the_model_in_the_folder(finished, digits) -> None:
    saved = checkpoint.read(finished)
    assert saved.training == {}  # only the model is left
    assert saved.step == STEPS
    assert read(finished).test == evaluate(checkpoint.load_model(saved), digits.test)
    assert len(read_held_out(finished / "held_out.npz").labels) == 540


def test_reading_a_run_imports_no_torch(finished) -> None:
    code = (
        "import sys; from vae.files.runs import read; assert read(sys.argv[1]).test; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(finished)], check=True, timeout=600, cwd=ROOT)


def test_runs_are_found_by_their_settings(finished, tmp_path) -> None:
    assert finished in runs.find(finished.parent)
    assert runs.find(tmp_path / "nowhere") == []


# ---- read while it is written, or when it is damaged ----------------------------------------------------------------


def test_a_run_in_progress_can_be_read_at_any_step(digits, tmp_path) -> None:
    for step in run(SMALL, tmp_path / "a", digits):
        if step.step % 50 == 1:
            now = read(tmp_path / "a")
            assert now.status["state"] == "running"
            assert now.test is None
            assert all(line["step"] <= step.step for line in now.log)
            assert checkpoint.read(tmp_path / "a").step <= step.step


def copied(folder: Path, to: Path) -> Path:
    to.mkdir()
    for name, content in files(folder).items():
        (to / name).write_bytes(content)
    return to


def test_a_torn_last_line_is_left_out(finished, tmp_path) -> None:
    folder = copied(finished, tmp_path / "a")
    whole = read(folder).log
    text = (folder / "log.jsonl").read_bytes()
    for cut in (1, 2, 20, 100):
        (folder / "log.jsonl").write_bytes(text[:-cut])
        assert read(folder).log in (whole, whole[:-1])
    (folder / "log.jsonl").write_bytes(text + b'{"step": 99999, "el\xff')
    assert read(folder).log == whole
    (folder / "log.jsonl").unlink()
    assert read(folder).log == []


def test_missing_words_are_not_an_error(finished, tmp_path) -> None:
    folder = copied(finished, tmp_path / "a")
    for name in ("status.json", "test.json"):
        (folder / name).unlink()
    assert read(folder).test is None
    assert read(folder).status["state"] == "queued"
    (folder / "status.json").write_text("{torn")
    assert read(folder).status["state"] == "queued"


@pytest.mark.parametrize(
    "settings",
    ["", "{}", "[]", "null", '{"format": "other"}', '{"format": "elbo-room-run-1"}', "\x00\xff", "{" * 99_999],
)
def test_a_foreign_or_damaged_folder_is_one_sentence(settings, finished, tmp_path) -> None:
    folder = copied(finished, tmp_path / "a")
    (folder / "settings.json").write_text(settings, encoding="latin-1")
    with pytest.raises(InputError, match=r"no run in|damaged") as error:
        read(folder)
    assert "\n" not in str(error.value)


def test_a_folder_without_a_run_is_one_sentence(tmp_path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="There is no run in"):
            read(folder)


# ---- broken and resumed ---------------------------------------------------------------------------------------------


def test_a_run_folder_of_an_earlier_version_goes_on(digits, tmp_path) -> None:
    """Its settings.json and its checkpoint name the learning rate's schedule as they did then."""
    whole = list(run(SMALL, tmp_path / "whole", digits))
    steps = run(SMALL, tmp_path / "old", digits)
    for _ in range(len(whole) // 2):
        next(steps)
    steps.close()
    settings = tmp_path / "old" / runs.SETTINGS
    settings.write_text(settings.read_text().replace('"lr_schedule"', '"schedule"'))
    saved = tmp_path / "old" / runs.CHECKPOINT
    data = saved.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + length].replace(b"lr_schedule", b"schedule").ljust(length)
    saved.write_bytes(data[:8] + header + data[8 + length :])
    list(run(SMALL, tmp_path / "old", digits, resume=True))
    ends = [checkpoint.read(tmp_path / name).arrays for name in ("whole", "old")]
    for name, array in ends[0].items():
        np.testing.assert_array_equal(array, ends[1][name])


@pytest.mark.parametrize("stops", [[1], [STEPS - 1], [STEPS], [3, 4, 5], [40, 100, 200], [61]])
def test_a_run_stopped_by_hand_goes_on_to_the_same_result(stops, finished, digits, tmp_path, monkeypatch) -> None:
    if stops == [61]:
        monkeypatch.setattr(progress, "SUM_EVERY", 1)
    folder, done = tmp_path / "a", 0
    for stop in stops:
        take(run(SMALL, folder, digits, resume=True), stop - done)
        done = stop
        assert read(folder).status["state"] == "paused"
        assert f"step {stop};" in read(folder).status["reason"]
        assert checkpoint.read(folder).step == stop
    rest = take(run(SMALL, folder, digits, resume=True))
    assert [step.step for step in rest] == list(range(done + 1, STEPS + 1))
    assert_same_result(folder, finished)


def test_an_epoch_that_was_not_reported_yet_is_validated_after_resuming(digits, tmp_path, monkeypatch) -> None:
    """Where an epoch ends a step before its report: 3 epochs of 1.4 batches, reported at steps 2, 4 and 5."""
    monkeypatch.setattr(recorder, "REPORTS", 3)
    images = dataclasses.replace(digits, train=digits.train.take(np.arange(70)))
    settings = dataclasses.replace(SMALL, epochs=3)
    take(run(settings, tmp_path / "whole", images))
    assert [line["step"] for line in read(tmp_path / "whole").log if "validation_elbo" in line] == [2, 4, 5]
    for stop in range(1, 5):
        folder = tmp_path / str(stop)
        take(run(settings, folder, images), stop)
        take(run(settings, folder, images, resume=True))
        assert_same_result(folder, tmp_path / "whole")


def test_a_run_without_any_checkpoint_starts_over(finished, digits, tmp_path) -> None:
    """Killed after its first file, before its second."""
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "settings.json").write_bytes((finished / "settings.json").read_bytes())
    (folder / ".checkpoint.safetensors.1234abcd.part").write_bytes(b"half")
    take(run(SMALL, folder, digits, resume=True))
    assert_same_result(folder, finished)
    assert not list(folder.glob("*.part"))
    assert not list(folder.glob(".*.part"))


@pytest.mark.parametrize("missing", [["status.json"], ["status.json", "test.json", "held_out.npz"]])
def test_a_run_killed_before_its_last_word_still_finishes(missing, finished, digits, tmp_path) -> None:
    folder = copied(finished, tmp_path / "a")
    for name in missing:
        (folder / name).unlink()
    assert take(run(SMALL, folder, digits, resume=True)) == []
    assert read(folder).finished
    assert_same_result(folder, finished)


def test_resuming_a_finished_run_changes_nothing(finished, digits) -> None:
    before = files(finished)
    assert take(run(SMALL, finished, digits, resume=True)) == []
    assert files(finished) == before


def test_an_existing_run_is_not_written_over(finished, digits) -> None:
    before = files(finished)
    with pytest.raises(InputError, match=r"already holds a run.*--resume"):
        next(run(SMALL, finished, digits))
    assert files(finished) == before


@pytest.mark.parametrize("change", [{"lr": 1e-4}, {"hidden": (17,)}, {"epochs": 13}, {"beta": 2.0}, {"seed": 2}])
def test_a_run_is_not_resumed_with_other_settings(change, finished, digits) -> None:
    before = files(finished)
    with pytest.raises(InputError, match=f"has {next(iter(change))} .*--out"):
        next(run(dataclasses.replace(SMALL, **change), finished, digits, resume=True))
    assert files(finished) == before


def test_a_run_is_not_resumed_on_other_images(finished, digits) -> None:
    other = dataclasses.replace(digits, train=Images(255 - digits.train.pixels, digits.train.labels))
    with pytest.raises(InputError, match="other images"):
        next(run(SMALL, finished, other, resume=True))


def start(folder: Path, *more: str, **settings: object) -> subprocess.Popen:
    """The real process, on one thread, as `Settings` in `SMALL` with changes."""
    values = dataclasses.asdict(SMALL) | settings
    values["hidden"] = ",".join(map(str, values["hidden"]))
    options = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    command = [sys.executable, "-m", "vae", "train", *options, "--out", str(folder), *more]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def wait_for(condition, process: subprocess.Popen, seconds: float = 600) -> bool:
    """Whether it comes true before the process ends."""
    end = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)
    return True


def raising(error: BaseException | type[BaseException]):
    """A function that does nothing else."""

    def function(*_args, **_options):
        raise error

    return function


def steps_logged(folder: Path) -> int:
    log = runs.read_log(folder)
    return log[-1]["step"] if log else 0


def test_a_process_killed_at_any_moment_is_resumed_to_the_unbroken_result(tmp_path) -> None:
    """SIGKILL, again and again, at random moments of training and, since that is written all the time, of writing."""
    chance, long, folder = random.Random(0), {"epochs": 150}, tmp_path / "broken"
    unbroken = start(tmp_path / "unbroken", **long)
    steps = count_steps(dataclasses.replace(SMALL, epochs=150), 1078)
    kills = 0
    for share in sorted(chance.uniform(0.02, 0.8) for _ in range(6)):
        process = start(folder, "--resume", "--checkpoint-every=0.01", **long)
        if wait_for(lambda share=share: steps_logged(folder) >= share * steps, process):
            time.sleep(chance.uniform(0, 0.02))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        process.communicate()
        saved = checkpoint.read(folder)  # whole, and finite: reading it checks that
        assert 0 < saved.step <= steps
        assert read(folder).status["state"] in ("running", "finished")
    assert kills >= 5
    last = start(folder, "--resume", "--checkpoint-every=0.01", **long)
    assert last.communicate(timeout=600)[1].count("Traceback") == 0
    unbroken.communicate(timeout=600)
    assert (last.returncode, unbroken.returncode) == (0, 0)
    assert_same_result(folder, tmp_path / "unbroken")
    assert FINISHED <= set(files(folder)) <= FINISHED | {".lock"}


def test_a_process_killed_while_it_starts_can_be_started_again(finished, tmp_path) -> None:
    folder = tmp_path / "a"
    for name in ("", "settings.json", "checkpoint.safetensors"):
        process = start(folder, "--resume")
        wait_for((folder / name).exists, process)
        process.kill()
        process.communicate()
    process = start(folder, "--resume")
    process.communicate(timeout=600)
    assert process.returncode == 0
    assert_same_result(folder, finished)


def test_a_signal_pauses_the_process_between_two_steps(tmp_path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        folder = tmp_path / number.name
        process = start(folder, epochs=3_000)
        assert wait_for(lambda folder=folder: steps_logged(folder) > 0, process)
        process.send_signal(number)
        said = process.communicate(timeout=600)[1]
        assert process.returncode == 128 + number
        assert "Traceback" not in said
        state = read(folder).status
        assert state["state"] == "paused"
        assert state["reason"] == f"Stopped by hand at step {state['step']}; go on with --resume."
        assert state["reason"] in said
        assert checkpoint.read(folder).step == state["step"] > 0


def test_an_interrupt_within_a_step_keeps_the_last_checkpoint(digits, tmp_path, monkeypatch) -> None:
    steps = run(SMALL, tmp_path / "a", digits)
    assert len(list(islice(steps, 20))) == 20
    monkeypatch.setattr("vae.training.loop.objective", raising(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        next(steps)
    assert read(tmp_path / "a").status["state"] == "paused"
    assert checkpoint.read(tmp_path / "a").step == 0


# ---- two at once ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shared", [True, False])  # not everywhere can a lock be shared
def test_those_who_look_whether_a_run_is_alive_do_not_see_one_another(shared, tmp_path, monkeypatch) -> None:
    if not shared:
        monkeypatch.setattr(runs, "fcntl", None)
    runs.write_status(tmp_path, "running")
    hold = "import sys, time\nfrom pathlib import Path\nfrom vae.files.runs import locked\n"
    hold += "with locked(Path(sys.argv[1])):\n print('held', flush=True)\n sys.stdin.read()"
    command = [sys.executable, "-c", hold, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert runs.observe(tmp_path)["alive"]
        holder.stdin.close()
        holder.wait()
    (tmp_path / runs.LOCK).touch()
    with ThreadPoolExecutor(8) as people:
        assert not any(people.map(lambda _: runs.observe(tmp_path)["alive"], range(40)))


def test_two_runs_do_not_write_into_one_folder(digits, tmp_path) -> None:
    first = run(SMALL, tmp_path / "a", digits)
    next(first)
    before = files(tmp_path / "a")
    with pytest.raises(InputError, match="Another run is writing to"):
        next(run(SMALL, tmp_path / "a", digits, resume=True))
    second = start(tmp_path / "a", "--resume")
    said = second.communicate(timeout=600)[1]
    assert second.returncode == 2
    assert said == f"Another run is writing to {tmp_path / 'a'}; wait until it ends, or choose another --out.\n"
    assert files(tmp_path / "a") == before
    first.close()
    assert len(take(run(SMALL, tmp_path / "a", digits, resume=True))) == STEPS - 1


# ---- what can go wrong ----------------------------------------------------------------------------------------------


def test_a_diverging_run_keeps_its_last_good_checkpoint(digits, tmp_path) -> None:
    settings = dataclasses.replace(
        SMALL, likelihood="gaussian", lr=10.0, epochs=200, hidden=(64, 64), lr_schedule="constant"
    )
    folder = tmp_path / "a"
    steps = run(settings, folder, digits, checkpoint_every=0)
    with pytest.raises(Diverged) as error:
        list(steps)
    assert f"diverged at step {error.value.step} " in str(error.value)
    status = read(folder).status
    assert status["state"] == "failed"
    assert status["reason"] == str(error.value)
    saved = checkpoint.read(folder)  # which refuses weights that are not finite
    assert saved.step < error.value.step
    assert all(np.isfinite(line["elbo"]) for line in read(folder).log)


@pytest.mark.parametrize("below", ["file/run", "file"])
def test_a_folder_that_cannot_be_made_is_one_sentence(below, digits, tmp_path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=f"{below} cannot be written .*--out"):
        next(run(SMALL, tmp_path / below, digits))
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_one_sentence(digits, tmp_path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match=r"cannot be written .*--out"):
        next(run(SMALL, tmp_path / "a", digits))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("target", ["checkpoint.safetensors", "log.jsonl", "status.json", "test.json", "held_out.npz"])
def test_a_disk_that_fills_up_at_any_file_is_one_sentence(
    target, code, finished, digits, tmp_path, monkeypatch
) -> None:
    folder = tmp_path / "a"
    take(run(SMALL, folder, digits), 100)
    before = (folder / "checkpoint.safetensors").read_bytes()
    honest = open

    def full(path, *args, **options):
        if target in str(path) and args and args[0] != "rb":
            raise OSError(code, os.strerror(code), str(path))
        return honest(path, *args, **options)

    monkeypatch.setattr("builtins.open", full)
    word = "cannot be written" if code == errno.EIO else "no space left"
    with pytest.raises(InputError, match=f"{word}.*{os.strerror(code)}") as error:
        take(run(SMALL, folder, digits, resume=True))
    assert "\n" not in str(error.value)
    monkeypatch.undo()
    if target == "checkpoint.safetensors":
        assert (folder / target).read_bytes() == before
    if target not in ("status.json", "log.jsonl"):
        assert read(folder).status["state"] == "failed"
        assert read(folder).status["reason"] == str(error.value)
    take(run(SMALL, folder, digits, resume=True))
    assert_same_result(folder, finished)


def test_a_file_limit_ends_the_real_process_in_one_sentence(finished, digits, tmp_path) -> None:
    """The kernel's own refusal (EFBIG), not a simulated one."""
    folder = tmp_path / "a"
    take(run(SMALL, folder, digits), 100)
    before = (folder / "checkpoint.safetensors").read_bytes()
    limit = len(before) // 2
    code = f"""
import resource, sys
from vae.cli import main

resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
sys.exit(main(["train", "--resume", "--checkpoint-every=0", "--out", {str(folder)!r}]))
"""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"There is no space left for {folder} (File too large)")
    assert "Traceback" not in done.stderr
    assert (folder / "checkpoint.safetensors").read_bytes() == before
    assert read(folder).status["state"] == "failed"
    take(run(SMALL, folder, digits, resume=True))
    assert_same_result(folder, finished)


def test_a_disk_that_is_really_full_ends_the_real_process_in_one_sentence(tmp_path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    try:
        process = start(disk / "a", "--checkpoint-every=0")
        said = process.communicate(timeout=600)[1]
        assert process.returncode == 2
        assert f"There is no space left for {disk / 'a'} (No space left on device); free some" in said
        assert "Traceback" not in said
        if (disk / "a" / "checkpoint.safetensors").exists():
            checkpoint.read(disk / "a")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")]
)
def test_a_lack_of_memory_is_one_sentence(error, digits, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("vae.training.loop.objective", raising(error))
    with pytest.raises(InputError, match="not enough memory; choose a smaller batch size"):
        next(run(SMALL, tmp_path / "a", digits))
    assert read(tmp_path / "a").status["state"] == "failed"


def test_a_defect_is_not_hidden_and_the_status_tells(digits, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("vae.training.loop.objective", raising(ZeroDivisionError("a defect")))
    with pytest.raises(ZeroDivisionError):
        next(run(SMALL, tmp_path / "a", digits))
    assert read(tmp_path / "a").status["reason"] == "ZeroDivisionError: a defect"


def test_a_folder_is_named_after_what_is_unusual(tmp_path) -> None:
    named = {
        "mnist-mlp-2d": {},
        "digits-conv-10d": {"data": "digits", "arch": "conv", "latent_dim": 10},
        "mnist-mlp-2d-gaussian0.1-beta4-seed7": {"likelihood": "gaussian", "sigma": 0.1, "beta": 4.0, "seed": 7},
    }
    for name, changes in named.items():
        assert runs.default_folder(Settings(**changes)) == Path("runs", name)
