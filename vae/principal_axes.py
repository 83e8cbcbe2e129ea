"""Principal axes of the latent means of a data set. No torch here."""

from __future__ import annotations

import numpy as np

ACTIVE_VARIANCE = 0.01  # Var_x(E_q[u|x]) above which dimension u is active (Burda et al. 2016)


def principal_axes(mu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Principal axes of latent means (N, k): orthonormal rows (k, k), largest variance first, and each axis's share of
    the total variance (k,).

    The axes pass through z = 0, not through the mean of the data, so that the prior stays N(0, I) under the rotation.
    The sign of an axis makes its largest component positive.
    """
    _, k = mu.shape
    if len(mu) < 2:
        return np.eye(k), np.full(k, 1 / k)
    variances, vectors = np.linalg.eigh(np.cov(mu.T.astype(np.float64)).reshape(k, k))
    axes = vectors.T[::-1]
    largest = axes[np.arange(k), np.abs(axes).argmax(axis=1)]
    shares = np.clip(variances[::-1], 0, None)
    return axes * np.sign(largest)[:, None], shares / max(shares.sum(), 1e-30)
