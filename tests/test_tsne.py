"""t-SNE of latent means: real embeddings by the process the app starts, kept on disk, and refused in a sentence."""

from __future__ import annotations

import os

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from pages import _routes, _tsne
from vae import latents, tsne
from vae.errors import InputError
from vae.latents import Latents


def clusters(n: int = 90, k: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Means in three groups that lie apart, and which group each is of."""
    rng = np.random.default_rng(0)
    groups = np.arange(n) % 3
    return (6 * np.eye(k)[groups] + rng.standard_normal((n, k))).astype(np.float32), groups


def test_an_embedding_keeps_neighbours_together_and_tells_its_progress(tmp_path) -> None:
    mu, groups = clusters()
    assert tsne.cached(mu, tmp_path) is None
    told = list(tsne.embed(mu, tmp_path))
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) > 5
    made = tsne.cached(mu, tmp_path)
    assert made is not None
    assert made.shape == (len(mu), 2)
    assert KNeighborsClassifier(5).fit(made, groups).score(made, groups) > 0.95
    assert tsne.cached(mu + 1, tmp_path) is None  # of other means
    assert tsne.cached(mu.reshape(-1, 3), tmp_path) is None


def test_the_same_means_give_the_same_embedding(tmp_path) -> None:
    mu, _ = clusters(40)
    for folder in ("a", "b"):
        list(tsne.embed(mu, tmp_path / folder))
    first, second = (tsne.cached(mu, tmp_path / folder) for folder in ("a", "b"))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"not an array"])
def test_a_damaged_file_counts_as_none(tmp_path, damage) -> None:
    mu, _ = clusters(30)
    list(tsne.embed(mu, tmp_path))
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage)
    assert tsne.cached(mu, tmp_path) is None


@pytest.mark.parametrize(("n", "sentence"), [(4, "at least 5 points"), (tsne.MOST + 1, "takes too long")])
def test_too_few_and_too_many_points_are_refused(tmp_path, n, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        next(tsne.embed(np.zeros((n, 3), np.float32), tmp_path))


def test_the_process_ends_with_whoever_asked(tmp_path) -> None:
    mu, _ = clusters(3000)
    work = tsne.embed(mu, tmp_path)
    next(work)
    work.close()  # kills and waits for it
    assert tsne.cached(mu, tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_means_that_are_not_finite_fail_in_a_sentence(tmp_path) -> None:
    mu, _ = clusters(20)
    mu[3] = np.nan
    with pytest.raises(InputError, match="choose another plane"):
        list(tsne.embed(mu, tmp_path))


def test_a_folder_that_cannot_be_written_is_named(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        list(tsne.embed(clusters(20)[0], tmp_path / "file" / "cache"))


def test_the_cache_stands_where_the_environment_says(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("ELBO_ROOM_CACHE", str(tmp_path))
    assert tsne.cache_folder() == tmp_path
    monkeypatch.delenv("ELBO_ROOM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tsne.cache_folder() == tmp_path / "elbo-room"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert tsne.cache_folder().is_relative_to(os.path.expanduser("~"))


def test_a_map_of_very_many_points_is_refused_in_a_sentence() -> None:
    n = latents.EXACT + 1  # whose means travel quantised
    many = Latents(np.zeros((n, 3), np.float32), None, np.zeros(n, np.int32), ("all",), None, None)
    job = _tsne._job(_routes.publish_frame(latents.frame("many", many)).rpartition("/")[2])
    assert job is not None
    assert job.reason.endswith(f"up to {tsne.MOST:,} points.")
