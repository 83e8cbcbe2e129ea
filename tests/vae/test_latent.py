"""Principal axes against scikit-learn's, and where data say little or nothing."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from vae.principal_axes import principal_axes


def means(n: int = 500, k: int = 6) -> np.ndarray:
    """Latent means (n, k) with a variance of its own in every direction, away from 0."""
    rng = np.random.default_rng(0)
    return (rng.normal(0, 1, (n, k)) * np.arange(1, k + 1) @ rng.normal(0, 1, (k, k)) + 3).astype(np.float32)


@pytest.mark.parametrize("k", [1, 2, 6, 64])
def test_axes_are_those_of_scikit_learn_up_to_their_sign(k) -> None:
    mu = means(k=k)
    axes, shares = principal_axes(mu)
    expected = PCA().fit(mu.astype(np.float64))
    np.testing.assert_allclose(shares, expected.explained_variance_ratio_, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(np.abs(np.sum(axes * expected.components_, axis=1)), 1, atol=1e-6)


@pytest.mark.parametrize("k", [1, 2, 6, 64])
def test_axes_are_orthonormal_and_sorted(k) -> None:
    """So that the prior stays N(0, I) on any plane of them."""
    axes, shares = principal_axes(means(k=k))
    np.testing.assert_allclose(axes @ axes.T, np.eye(k), atol=1e-12)
    assert (np.diff(shares) <= 0).all()
    assert shares.sum() == pytest.approx(1)


def test_the_sign_of_an_axis_is_settled() -> None:
    mu = means()
    axes, _ = principal_axes(mu)
    np.testing.assert_array_equal(np.sign(axes[np.arange(6), np.abs(axes).argmax(1)]), np.ones(6))
    mirrored, _ = principal_axes(-mu)
    np.testing.assert_allclose(mirrored, axes, atol=1e-12)


@pytest.mark.parametrize(
    "mu",
    [
        np.zeros((0, 3), np.float32),
        np.ones((1, 3), np.float32),
        np.zeros((50, 3), np.float32),
        np.ones((50, 3), np.float32) * [1, 2, 3],
        np.linspace(-1, 1, 50)[:, None] * np.array([[1.0, 1.0, 0.0]]),
        np.random.default_rng(0).normal(0, 1e-18, (50, 3)),
        np.random.default_rng(0).normal(0, 1e6, (50, 3)).astype(np.float32),
    ],
    ids=["none", "one", "all zero", "all alike", "on a line", "tiny", "huge"],
)
def test_axes_are_orthonormal_whatever_the_data(mu) -> None:
    axes, shares = principal_axes(mu)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.isfinite(shares).all()
    assert (shares >= 0).all()
    assert shares.sum() <= 1 + 1e-12


def test_data_on_a_line_have_one_axis() -> None:
    axes, shares = principal_axes(np.linspace(-1, 1, 50)[:, None] * np.array([[3.0, 0.0, 4.0]]))
    np.testing.assert_allclose(axes[0], [0.6, 0, 0.8], atol=1e-12)
    np.testing.assert_allclose(shares, [1, 0, 0], atol=1e-12)
