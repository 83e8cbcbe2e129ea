"""t-SNE of latent means (van der Maaten & Hinton 2008) by scikit-learn, in a process of its own, kept on disk.

`python -m vae.analysis.tsne OUT` reads mu as .npy from its standard input, writes what scikit-learn says of its
progress to its standard output, and the map to OUT. The map that t-SNE makes of neighbours has no inverse: spots
between its points stand for no z, and its distances between groups mean little.
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

FEWEST, MOST = 5, 20_000  # points; beyond, it takes many minutes
PERPLEXITY = 30.0
ITERATIONS = 1000
KEPT_BYTES = 64 << 20  # on disk: some hundred embeddings
_SAID = re.compile(r"\[t-SNE\] Iteration (\d+):")


def check(mu: np.ndarray) -> None:
    """`InputError` where latent means (N, k) cannot be embedded."""
    if len(mu) < FEWEST:
        raise InputError(f"t-SNE needs at least {FEWEST} points, and this map has {len(mu)}.")
    if len(mu) > MOST:
        raise InputError(f"t-SNE of {len(mu):,} points takes too long; it is offered for up to {MOST:,}.")


def cache_folder() -> Path:
    """Where embeddings are kept: a folder of the user's caches, or what ELBO_ROOM_CACHE names."""
    named = os.environ.get("ELBO_ROOM_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "elbo-room"


def cached(mu: np.ndarray, folder: Path) -> np.ndarray | None:
    """The embedding of these means (N, 2), float32, where it has been made before."""
    path = _path(mu, folder)
    try:
        found = np.load(path, allow_pickle=False)
        os.utime(path)
    except (OSError, ValueError, EOFError):
        return None
    whole = found.shape == (len(mu), 2) and found.dtype == np.float32 and bool(np.isfinite(found).all())
    return found if whole else None


def embed(mu: np.ndarray, folder: Path) -> Generator[float, None, None]:
    """Make the embedding of means (N, k) and keep it in `folder`; yields often the share that is done, up to 1.

    The process has a low priority and one thread, so that the page stays at hand, and ends with the generator.
    Raises `InputError` where it fails.
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
                if said := _SAID.match(line.decode("utf-8", "replace")):
                    done = min(0.99, int(said[1]) / ITERATIONS)
                yield done
        if process.wait():
            raise InputError("t-SNE has failed on these latents; choose another plane.")
    finally:
        process.kill()
        process.wait()
    _make_room(folder)
    yield 1.0


def _make_room(folder: Path) -> None:
    """Of what is kept in `folder`, the files that were used last stay, up to `KEPT_BYTES`."""
    left = KEPT_BYTES
    for file in sorted(folder.glob("tsne-*.npy"), key=_used, reverse=True):
        with suppress(OSError):  # another server does the same
            left -= file.stat().st_size
            if left < 0:
                file.unlink()


def _used(file: Path) -> float:
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
