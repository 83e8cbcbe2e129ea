"""The linear VAE: its closed form against the sums written out, against probabilistic PCA, and against training."""

from __future__ import annotations

from itertools import islice
from math import inf, log, pi

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from sklearn.decomposition import PCA

from vae.analysis.linear import eigenvalues, optimum, thresholds
from vae.data.image_sets import ImageSet
from vae.errors import InputError
from vae.model import VAE
from vae.settings import Settings
from vae.training.beta_path import follow

pytestmark = pytest.mark.usefixtures("one_thread")

VALUES = np.array([4.0, 2.0, 1.0, 0.5, 0.1])


def test_eigenvalues_are_those_of_sklearn(digits) -> None:
    found = eigenvalues(digits.train.pixels)
    pixels = digits.train.pixels.reshape(-1, 64) / 255
    expected = PCA().fit(pixels).explained_variance_ * (len(pixels) - 1) / len(pixels)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert found.sum() == pytest.approx(pixels.var(0).sum())


@pytest.mark.parametrize("images", [np.zeros((1, 4)), np.full((3, 4), np.nan)])
def test_a_covariance_needs_images(images) -> None:
    with pytest.raises(InputError, match="at least 2 images"):
        eigenvalues(images)


def test_the_formulas_by_hand() -> None:
    """beta 1.5, sigma² = 2/3: the water stands at 1."""
    found = optimum(VALUES, 1.5, (2 / 3) ** 0.5, 4)
    assert found.active == 2
    np.testing.assert_allclose(found.rate_per_dim, [log(2), log(2) / 2, 0, 0], atol=1e-15)
    assert found.rate == pytest.approx(1.5 * log(2))
    assert found.squared_error == pytest.approx(1 + 1 + 1 + 0.5 + 0.1)
    assert found.distortion == pytest.approx(3.6 * 3 / 4 + 2.5 * log(2 * pi * 2 / 3))
    np.testing.assert_allclose(thresholds(VALUES, 0.5, 4), [16, 8, 4, 2])


@pytest.mark.parametrize("beta", [0.05, 0.7, 1.0, 3.0, 20.0])
@pytest.mark.parametrize("latent_dim", [1, 3, 5, 7])
def test_no_other_width_of_the_code_does_better(beta, latent_dim) -> None:
    """Each direction by itself, by numerical minimisation: x̂ = w(a x + s ζ), with the best w for its a and s = 1."""
    sigma = 0.8

    def loss_of(value: float, log_gain: float) -> tuple[float, float]:
        signal = np.exp(2 * log_gain) * value  # variance of mu; z has that of mu and 1 together, then is scaled to s
        width = 1 / (1 + signal)  # the scale at which q(z) is the prior: the least rate at this ratio
        rate = 0.5 * (signal * width + width - 1 - log(width))
        return value * width / (2 * sigma**2) + beta * rate, rate

    found = optimum(VALUES, beta, sigma, latent_dim)
    total = VALUES[latent_dim:].sum() / (2 * sigma**2)
    for i, value in enumerate(VALUES[:latent_dim]):
        best = minimize_scalar(lambda g, v=value: loss_of(v, g)[0], bounds=(-20, 10), method="bounded")
        total += best.fun
        assert loss_of(value, best.x)[1] == pytest.approx(found.rate_per_dim[i], abs=1e-4)
    constant = 2.5 * log(2 * pi * sigma**2)
    assert found.distortion + beta * found.rate == pytest.approx(total + constant, rel=1e-8)


def test_at_beta_1_and_its_own_sigma_it_is_probabilistic_pca(digits) -> None:
    """−(distortion + rate) is the log-likelihood of scikit-learn's PCA (up to its ddof), the bound being tight."""
    pixels = digits.train.pixels.reshape(-1, 64) / 255
    pca = PCA(5).fit(pixels)
    found = optimum(eigenvalues(pixels), 1.0, pca.noise_variance_**0.5, 5)
    assert -(found.distortion + found.rate) == pytest.approx(pca.score(pixels), abs=0.01)  # ddof: 59/2/1078² and less


@pytest.mark.parametrize("latent_dim", [2, 5])
def test_a_dimension_lives_up_to_its_threshold(latent_dim) -> None:
    for i, beta in enumerate(thresholds(VALUES, 0.3, latent_dim)):
        assert optimum(VALUES, beta * 0.999, 0.3, latent_dim).active == i + 1
        assert optimum(VALUES, beta * 1.001, 0.3, latent_dim).active == i
    dead = optimum(VALUES, 1e6, 0.3, latent_dim)
    assert (dead.rate, dead.active) == (0, 0)
    assert dead.squared_error == pytest.approx(VALUES.sum())


def test_an_autoencoder_has_an_infinite_rate_and_the_error_of_pca() -> None:
    found = optimum(VALUES, 0.0, 1.0, 3)
    assert found.rate == inf
    assert found.squared_error == pytest.approx(0.6)
    assert optimum(np.zeros(4), 0.0, 1.0, 3).rate == 0  # nothing to tell


def test_the_rate_is_the_slope_of_the_tradeoff() -> None:
    """dD/dR = −beta along the curve, by central differences in ln beta (error ~ h²)."""
    h = 1e-4
    for beta in (0.3, 1.1, 3.0):
        low, high = (optimum(VALUES, beta * np.exp(s * h), 0.9, 5) for s in (-1, 1))
        assert (high.distortion - low.distortion) / (high.rate - low.rate) == pytest.approx(-beta, rel=1e-6)


@pytest.mark.parametrize(("beta", "sigma", "k"), [(-1, 1, 2), (np.nan, 1, 2), (1, 0, 2), (1, np.inf, 2), (1, 1, 0)])
def test_what_is_no_linear_vae_is_refused(beta, sigma, k) -> None:
    with pytest.raises(InputError, match="linear VAE"):
        optimum(VALUES, beta, sigma, k)


@pytest.mark.slow
def test_training_finds_the_closed_form_at_every_beta_and_every_collapse(digits) -> None:
    """Full batches of the digits, betas a factor 1.4 apart across all five thresholds, warm-started from stop to stop.

    Rate and squared error of the trained model are exact expectations, so 1% is what training leaves undone. A
    dimension is dead below 0.01 nats; which stop is the first one where it is may be off by one.
    """
    sigma, k, factor = 0.1, 5, 1.4
    values = eigenvalues(digits.train.pixels)
    limits = thresholds(values, sigma, k)
    betas = [float(limits[-1] / factor * factor**i) for i in range(5)]
    assert betas[-1] > limits[0]
    settings = Settings(
        data="digits", hidden=(), latent_dim=k, likelihood="gaussian", sigma=sigma, batch_size=len(digits.train.labels),
        epochs=300, lr=0.01, device="cpu",
    )  # fmt: skip
    alive = []
    for _, beta, training in islice(follow(settings, digits, betas), len(betas)):
        error, rates = measured(training.model, digits)
        predicted = optimum(values, beta, sigma, k)
        assert error == pytest.approx(predicted.squared_error, rel=0.01)
        # in nats too: of what the likelihood adds to its constant
        assert error / (2 * sigma**2) == pytest.approx(predicted.distortion - 32 * log(2 * pi * sigma**2), rel=0.01)
        assert rates.sum() == pytest.approx(predicted.rate, rel=0.01, abs=0.003)
        alive.append(np.sort(rates)[::-1] > 0.01)
    for i, limit in enumerate(limits):
        first_dead = next(stop for stop, living in enumerate(alive) if not living[i])
        first_beyond = next(stop for stop, beta in enumerate(betas) if beta >= limit)
        assert abs(first_dead - first_beyond) <= 1


@torch.no_grad()
def measured(model: VAE, digits: ImageSet) -> tuple[float, np.ndarray]:
    """E‖x − x̂‖² over images and noise, and the rate per dimension: for a linear decoder, exact."""
    x = torch.from_numpy(digits.train.pixels) / 255
    q = model.encode(x)
    weight = model.decoder.layers[0].weight
    error = (x - model.decode(q.mu)).flatten(1).square().sum(1) + q.logvar.exp() @ weight.square().sum(0)
    return error.mean().item(), q.kl_per_dim().mean(0).numpy()
