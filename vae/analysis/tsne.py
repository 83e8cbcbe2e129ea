"""t-SNE of latent means (van der Maaten & Hinton 2008) by scikit-learn, in a separate process, cached on disk.

`python -m vae.analysis.tsne OUT` reads mu as .npy from its standard input, writes scikit-learn's progress messages to
its standard output, and the embedding to OUT. A t-SNE embedding has no inverse: positions between its points belong to
no z, and distances between groups mean little.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import numpy as np

from vae.errors import InputError
from vae.files.atomic import write_atomically

FEWEST, MOST = 5, 20_000  # points; more would take many minutes
PERPLEXITY = 30.0
ITERATIONS = 1000
KEPT_BYTES = 64 << 20  # of the cache on disk: a few hundred embeddings
_PROGRESS = re.compile(r"\[t-SNE\] Iteration (\d+):")


def check(mu: np.ndarray) -> None:
    """`InputError` where latent means (N, k) cannot be embedded."""
    if len(mu) < FEWEST:
        raise InputError(f"t-SNE needs at least {FEWEST} points, and this map has {len(mu)}.")
    if len(mu) > MOST:
        raise InputError(f"t-SNE of {len(mu):,} points takes too long; it is offered for up to {MOST:,}.")


def cache_folder() -> Path:
    """The folder of the cache: the environment variable ELBO_ROOM_CACHE, else a folder in the user's cache."""
    named = os.environ.get("ELBO_ROOM_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "elbo-room"


def cached(mu: np.ndarray, folder: Path) -> np.ndarray | None:
    """The cached embedding (N, 2), float32, of means (N, k), or None."""
    path = _path(mu, folder)
    try:
        found = np.load(path, allow_pickle=False)
        os.utime(path)
    except (OSError, ValueError, EOFError):
        return None
    valid = found.shape == (len(mu), 2) and found.dtype == np.float32 and bool(np.isfinite(found).all())
    return found if valid else None


def embed(mu: np.ndarray, folder: Path) -> Generator[float, None, None]:
    """Compute the embedding of means (N, k) and cache it in `folder`; yields the share done, up to 1.

    The process has low priority and one thread, so that pages stay responsive, and is killed when the generator is
    closed. `InputError` where it fails.
    """
    check(mu)
    target = _path(mu, folder)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"t-SNE cannot write to {target.parent}: {error.strerror}.") from None
    data = io.BytesIO()
    np.save(data, mu)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "vae.analysis.tsne", str(target)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin, process.stdout:
            process.stdin.write(data.getvalue())
            process.stdin.close()
            done = 0.0
            for line in process.stdout:
                if match := _PROGRESS.match(line.decode("utf-8", "replace")):
                    done = min(0.99, int(match[1]) / ITERATIONS)
                yield done
        if process.wait():
            raise InputError("t-SNE has failed on these latents; choose another plane.")
    finally:
        process.kill()
        process.wait()
    _delete_oldest(folder)
    yield 1.0


def _delete_oldest(folder: Path) -> None:
    """Delete the least recently used files in `folder` beyond `KEPT_BYTES`."""
    left = KEPT_BYTES
    for file in sorted(folder.glob("tsne-*.npy"), key=_last_use, reverse=True):
        with suppress(OSError):  # another process may delete it at the same time
            left -= file.stat().st_size
            if left < 0:
                file.unlink()


def _last_use(file: Path) -> float:
    with suppress(OSError):
        return file.stat().st_mtime
    return 0.0


def _path(mu: np.ndarray, folder: Path) -> Path:
    key = hashlib.sha256(np.ascontiguousarray(mu, "<f4").tobytes() + repr(mu.shape).encode()).hexdigest()[:24]
    return folder / f"tsne-{key}.npy"


def main(target: Path) -> None:
    from sklearn.manifold import TSNE

    if hasattr(os, "nice"):
        os.nice(10)
    mu = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    perplexity = min(PERPLEXITY, (len(mu) - 1) / 3)
    made = TSNE(init="pca", perplexity=perplexity, max_iter=ITERATIONS, random_state=0, verbose=2).fit_transform(mu)
    out = io.BytesIO()
    np.save(out, made.astype(np.float32))
    write_atomically(target, out.getvalue())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
