"""The button that hands out what is open: a page that opens by itself, and the latents as three kinds of file."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from tests.browser.room import DEEP, FLAT, Room, gallery
from tests.browser.test_touch import PHONE


def press(room: Room) -> None:
    room.page.get_by_role("button", name="Export", exact=True).click()


def downloaded(room: Room, label: str) -> tuple[str, Path]:
    """The name and the place of the file that a press on this button brings."""
    with room.page.expect_download() as download:
        room.page.get_by_role("button", name=label, exact=True).click()
    return download.value.suggested_filename, Path(download.value.path())


def test_every_file_is_of_the_model_that_is_open(fresh) -> None:
    kept = gallery(DEEP).held_out
    press(fresh.open(DEEP))
    name, path = downloaded(fresh, "CSV")
    assert name == "MNIST-10-D-β-1.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    np.testing.assert_array_equal(np.array([row["mu_10"] for row in rows], np.float32), kept.mu[:, 9])
    name, path = downloaded(fresh, "Parquet")
    assert name == "MNIST-10-D-β-1.parquet"
    np.testing.assert_array_equal(parquet.read_table(path).column("logvar_3"), kept.logvar[:, 2])
    name, path = downloaded(fresh, "Projector")
    assert name == "MNIST-10-D-β-1.zip"
    with zipfile.ZipFile(path) as archive:
        vectors = np.loadtxt(io.BytesIO(archive.read("MNIST-10-D-β-1/vectors.tsv")), np.float32, delimiter="\t")
    np.testing.assert_array_equal(vectors, kept.mu)


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desk", "phone"])
def test_the_page_opens_by_itself(new_room, tmp_path, options) -> None:
    model = gallery(FLAT)
    app = new_room(**options).open(FLAT, plotted=False)
    press(app)
    name, path = downloaded(app, "HTML page")
    target = tmp_path / name
    path.rename(target)
    assert app.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    home = new_room(tmp_path.as_uri(), offline=True, **options)
    home.page.goto(target.as_uri())
    home.ready(target.stem)
    home.follow("z=0.5,-1")
    home.assert_shows(model, np.array([0.5, -1.0]), off=1e-5)
