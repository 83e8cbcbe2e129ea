"""t-SNE of latent means: real embeddings by the process the app starts, kept on disk, and refused in a sentence."""

from __future__ import annotations

import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from server import published, tsne_requests
from tests.serving import PATIENCE, serving, until
from vae.analysis import tsne
from vae.data import latents
from vae.data.latents import Latents
from vae.errors import InputError
from vae.files.frame import pack, unpack


def clusters(n: int = 90, k: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Means in three groups that lie apart, and which group each is of."""
    rng = np.random.default_rng(0)
    groups = np.arange(n) % 3
    return (6 * np.eye(k)[groups] + rng.standard_normal((n, k))).astype(np.float32), groups


def test_an_embedding_keeps_neighbours_together_tells_its_progress_and_is_always_the_same(tmp_path) -> None:
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
    list(tsne.embed(mu, tmp_path / "again"))
    np.testing.assert_array_equal(tsne.cached(mu, tmp_path / "again"), made)


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"not an array"])
def test_a_damaged_file_counts_as_none(tmp_path, damage) -> None:
    mu, _ = clusters(30)
    file = tsne._path(mu, tmp_path)
    np.save(file, np.zeros((30, 2), np.float32))
    assert tsne.cached(mu, tmp_path) is not None
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
    job = tsne_requests._new_job(published.publish_frame(latents.frame("many", many)).rpartition("/")[2])
    assert job is not None
    assert job.reason.endswith(f"up to {tsne.MOST:,} points.")


def test_embeddings_that_were_not_used_for_longest_make_room(monkeypatch, tmp_path) -> None:
    mu, _ = clusters(30)
    used = tsne._path(mu, tmp_path)
    np.save(used, np.zeros((30, 2), np.float32))
    for n, file in enumerate([used, tmp_path / "tsne-1.npy", tmp_path / "tsne-2.npy"]):
        file.write_bytes(used.read_bytes())
        os.utime(file, (n, n))
    assert tsne.cached(mu, tmp_path) is not None
    monkeypatch.setattr(tsne, "KEPT_BYTES", 2 * used.stat().st_size)
    tsne._delete_oldest(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {used.name, "tsne-2.npy"}


# ---- asked for by pages ---------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch, tmp_path) -> Iterator[Callable[[np.ndarray], tuple[int, Any]]]:
    """Asks once for the map of these means, as a page does: the status, and what is answered."""
    monkeypatch.setenv("ELBO_ROOM_CACHE", str(tmp_path))
    monkeypatch.setattr(tsne_requests, "_jobs", {})
    with serving() as server:

        def ask(mu: np.ndarray) -> tuple[int, Any]:
            address = published.publish_frame(pack({}, {"mu": mu})).replace("frame", "tsne")
            request = urllib.request.Request(f"http://{server.host}/{address}", b"", method="POST")
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE) as answered:
                    body = answered.read()
                    return answered.status, json.loads(body) if body[:1] == b"{" else unpack(body)[1]["points"]
            except urllib.error.HTTPError as error:
                return error.code, json.loads(error.read())

        yield ask
        monkeypatch.setattr(tsne_requests, "WANTED_FOR", -1.0)
        until(lambda: tsne_requests._made_by is None)


def test_a_map_is_made_while_it_is_asked_for_and_then_handed_out(asked, tmp_path) -> None:
    mu, _ = clusters(60)
    status, said = asked(mu)
    assert status == 202
    assert 0 <= said["done"] <= 1
    points = until(lambda: (answer := asked(mu))[0] == 200 and answer)[1]
    np.testing.assert_array_equal(points, tsne.cached(mu, tmp_path))
    tsne_requests._jobs.clear()
    assert asked(mu)[0] == 200  # from the disk


def test_what_nobody_waits_for_any_more_is_not_made(asked, tmp_path, monkeypatch) -> None:
    slow, quick = clusters(6000)[0], clusters(40)[0]
    assert asked(slow)[0] == 202
    [job] = tsne_requests._jobs.values()
    assert asked(quick)[0] == 202
    job.requested_at -= tsne_requests.WANTED_FOR
    until(lambda: asked(quick)[0] == 200)
    assert tsne.cached(slow, tmp_path) is None


def test_one_map_is_made_at_a_time_and_more_than_a_few_do_not_wait(asked, monkeypatch) -> None:
    monkeypatch.setattr(tsne_requests, "MOST_JOBS", 2)
    slow = [clusters(6000)[0] + shift for shift in range(3)]
    statuses = [asked(mu)[0] for mu in slow]
    assert statuses == [202, 202, 422]
    assert "busy" in asked(slow[2])[1]["error"]
    assert [job.done > 0 for job in tsne_requests._jobs.values()][1] is False
    assert sum(thread.name == "t-SNE" for thread in threading.enumerate()) == 1
