"""The table of held-out images: its file, its numbers, and that an interrupted one goes on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vae.cli import main
from vae.density import UNNORMALISED
from vae.errors import InputError
from vae.files import checkpoint
from vae.files.held_out import read_held_out
from vae.inference.evidence_survey import record, spread, survey
from vae.inference.evidence_table import (
    ARRAYS,
    EvidenceTable,
    fingerprint,
    read_table,
    rows_of,
    save_table,
    table_frame,
    table_of,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

GALLERY = Path(__file__).parents[2] / "assets" / "gallery"


@pytest.fixture
def folder(tmp_path) -> Path:
    """A finished run without a table."""
    return copied("digits-2d", tmp_path)


def copied(name: str, tmp_path: Path) -> Path:
    return shutil.copytree(GALLERY / name, tmp_path / name, ignore=shutil.ignore_patterns("evidence.npz"))


def table(**changed: Any) -> EvidenceTable:
    rng = np.random.default_rng(0)
    whole = {name: np.arange(5, dtype=np.int32) for name in ("row", "index", "modes")}
    numbers = {name: rng.standard_normal(5, dtype=np.float32) for name in ARRAYS if name not in whole}
    numbers["approximation"][2] = np.nan
    return EvidenceTable(**{"model": "abc", "how": "quadrature", **whole, **numbers, **changed})


# ---- the file --------------------------------------------------------------------------------------------------------


def test_a_table_comes_back_as_it_was(tmp_path) -> None:
    save_table(tmp_path / "evidence.npz", table())
    again = read_table(tmp_path / "evidence.npz")
    assert (again.model, again.how, len(again)) == ("abc", "quadrature", 5)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(again, name), getattr(table(), name))
        np.testing.assert_array_equal(getattr(table_of("", "sampling", rows_of(again)), name), getattr(again, name))
    assert [path.name for path in tmp_path.iterdir()] == ["evidence.npz"]


@pytest.mark.parametrize(
    "changed",
    [
        {"elbo": np.full(5, np.nan, np.float32)},
        {"gap": np.zeros(4, np.float32)},
        {"rate": np.zeros(5, np.int32)},
        {"row": np.full(5, -1, np.int32)},
        {"how": "guessed"},
    ],
)
def test_a_table_that_is_not_sound_is_refused_in_a_sentence(changed, tmp_path) -> None:
    save_table(tmp_path / "evidence.npz", table(**changed))
    with pytest.raises(InputError, match=r"is damaged; delete it, and make it again: python -m vae evidence .*\.$"):
        read_table(tmp_path / "evidence.npz")


def test_a_damaged_file_is_refused_wherever_it_is_cut(tmp_path) -> None:
    path = tmp_path / "evidence.npz"
    save_table(path, table())
    data = path.read_bytes()
    for length in range(0, len(data), 97):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match="is damaged"):
            read_table(path)


def test_a_table_belongs_to_one_model_and_its_images(folder) -> None:
    saved, held_out = checkpoint.read(folder), read_held_out(folder / "held_out.npz")
    mine = table(model=fingerprint(saved), index=held_out.index[:5])
    assert mine.belongs_to(saved, held_out)
    assert not table(model=fingerprint(saved), index=held_out.index[:5] + 1).belongs_to(saved, held_out)
    saved.arrays["decoder.layers.0.bias"][0] += 1e-6
    assert not mine.belongs_to(saved, held_out)


def test_the_browser_gets_the_rows_of_its_own_frame() -> None:
    data = table_frame(table(index=np.arange(5, 10, dtype=np.int32)))
    meta = json.loads(data[8 : 8 + int.from_bytes(data[4:8], "little")])
    assert (meta["images"], meta["fitted"], meta["exact"]) == (5, 4, True)
    assert "quadrature" in meta["how"]
    start = 8 + int.from_bytes(data[4:8], "little") + meta["arrays"]["index"][2]
    assert np.frombuffer(data, np.int32, 5, start).tolist() == [0, 1, 2, 3, 4]


# ---- the numbers -----------------------------------------------------------------------------------------------------


def test_images_are_spread_evenly() -> None:
    assert spread(5000, 3) == [0, 2500, 4999]
    assert spread(4, 100) == [0, 1, 2, 3]


def test_the_command_writes_a_table_whose_numbers_add_up(folder, capsys) -> None:
    assert main(["evidence", str(folder), "--images", "6", "--fits", "2"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{folder / 'evidence.npz'} is finished."
    assert said[1:] == [f"{UNNORMALISED}."]  # the digits are grey
    found, held_out = read_table(folder / "evidence.npz"), read_held_out(folder / "held_out.npz")
    assert found.belongs_to(checkpoint.read(folder), held_out)
    assert found.row.tolist() == spread(len(held_out.index), 6)
    np.testing.assert_allclose(found.log_evidence, found.elbo + found.gap, atol=0.01)
    np.testing.assert_allclose(found.elbo, -(found.distortion + found.rate), atol=1e-4)
    mu, logvar = held_out.mu[found.row], held_out.logvar[found.row]
    np.testing.assert_allclose(found.rate, 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum(1), rtol=1e-5)
    fitted = np.isfinite(found.approximation)
    assert fitted.tolist() == [True, False, False, False, False, True]
    np.testing.assert_allclose((found.approximation + found.amortisation)[fitted], found.gap[fitted], atol=0.01)
    assert (found.amortisation[fitted] > -1e-3).all()
    assert (found.gap > 0).all()
    assert (found.modes >= 1).all()
    assert (found.evidence_error < 0.01).all()


def test_an_interrupted_table_keeps_what_is_done_and_goes_on(folder) -> None:
    for done, _ in (progress := record(folder, 6, 0)):
        if done == 2:
            break
    progress.close()
    path = folder / "evidence.npz"
    first = read_table(path)
    assert len(first) == 2
    assert first.row.max() - first.row.min() > 50  # spread, as all of them are
    first.elbo[0] = -1.0  # to be known again
    save_table(path, first)
    assert [done for done, _ in record(folder, 6, 0)] == [3, 4, 5, 6]
    assert read_table(path).elbo[0] == -1.0
    assert [done for done, _ in record(folder, 6, 1)] == [6]  # the one that is fitted now
    assert read_table(path).elbo[0] < -2.0
    assert list(record(folder, 3, 0)) == [(7, 7)]  # the first and last are there; more never makes it smaller


def test_the_table_of_another_model_is_begun_anew(folder) -> None:
    save_table(folder / "evidence.npz", table())
    assert list(record(folder, 1, 0)) == [(1, 1)]
    assert read_table(folder / "evidence.npz").model == fingerprint(checkpoint.read(folder))


def test_what_cannot_be_surveyed_is_one_sentence(folder, tmp_path, capsys) -> None:
    (folder / "held_out.npz").unlink()
    for path in (folder, tmp_path / "none"):
        assert main(["evidence", str(path)]) == 2
        said = capsys.readouterr().err.strip().splitlines()[-1]
        assert said.endswith(".")
        assert "Traceback" not in said


# ---- more than two dimensions ----------------------------------------------------------------------------------------


def test_ten_dimensions_have_a_table_with_errors(tmp_path) -> None:
    folder = copied("mnist-10d", tmp_path)
    assert list(record(folder, 2, 2)) == [(1, 2), (2, 2)]
    found = read_table(folder / "evidence.npz")
    assert found.how == "adaptive sampling"
    assert (found.elbo_error > 0).all()
    assert (found.evidence_error > 0).all()
    assert (found.evidence_error < 1).all()
    assert (found.gap > 0).all()
    assert np.isnan(found.approximation).all()
    assert found.modes.tolist() == [0, 0]


def test_errors_of_samples_add_up_and_what_has_none_is_said(tmp_path) -> None:
    errors = {"evidence_error": [0.3, np.nan, 0.1, 0.1, 0.1], "elbo_error": [0.4, 0.1, 0.0, 0.0, 0.0]}
    mixed = table(how="adaptive sampling", **{name: np.array(v, np.float32) for name, v in errors.items()})
    save_table(tmp_path / "evidence.npz", mixed)
    again = read_table(tmp_path / "evidence.npz")
    np.testing.assert_allclose(again.gap_error, [0.5, np.nan, 0.1, 0.1, 0.1], rtol=1e-6)
    data = table_frame(again)
    meta = json.loads(data[8 : 8 + int.from_bytes(data[4:8], "little")])
    assert meta["withheld"] == 1
    assert meta["evidence_error"] == pytest.approx(0.1)
    assert meta["largest_evidence_error"] == pytest.approx(0.3)


def test_a_table_of_an_older_version_opens_without_errors_of_its_gaps(tmp_path) -> None:
    path = tmp_path / "evidence.npz"
    save_table(path, table(how="sampling"))
    with np.load(path) as arrays:
        older = {name: array for name, array in arrays.items() if name != "elbo_error"}
    np.savez_compressed(path, **older)
    again = read_table(path)
    np.testing.assert_array_equal(again.gap, table().gap)
    assert np.isnan(again.gap_error).all()
    assert "too few draws count" in json.loads(table_frame(again)[8:].split(b"}}")[0].decode() + "}}")["how"]


# ---- the gallery -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(GALLERY.glob("*/evidence.npz")), ids=lambda path: path.parent.name)
def test_the_tables_of_the_gallery_are_of_its_models(path) -> None:
    saved, held_out = checkpoint.read(path.parent), read_held_out(path.parent / "held_out.npz")
    found = read_table(path)
    assert found.belongs_to(saved, held_out)
    np.testing.assert_allclose(found.log_evidence, found.elbo + found.gap, atol=0.02)
    i = len(found) // 2
    [again] = survey(checkpoint.load_model(saved), held_out, [int(found.row[i])], [])
    allowed = 0.05 + 5 * found.evidence_error[i].item()
    for name in ("log_evidence", "elbo", "gap", "rate", "distortion"):
        assert again[name] == pytest.approx(getattr(found, name)[i], abs=allowed)
