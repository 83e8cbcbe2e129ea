"""The likelihoods against torch.distributions, what decode and sample give, and their shapes."""

import pytest
import torch
from torch.distributions import Bernoulli, Normal

from vae.model import VAE
from vae.plan import make_plan

SHAPE = (3, 4, 5)


def model_of(likelihood: str, sigma: float = 1.0, shape=SHAPE, hidden=(6,), latent_dim: int = 2) -> VAE:
    torch.manual_seed(0)  # initial weights only; the modules take no generator
    return VAE(make_plan("mlp", hidden, latent_dim, shape), shape, likelihood, sigma).double()


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(7, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def z() -> torch.Tensor:
    return torch.randn(7, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_bernoulli_is_that_of_torch(x, z) -> None:
    model = model_of("bernoulli")
    binary = x.round()
    expected = Bernoulli(logits=model.decoder(z)).log_prob(binary).flatten(1).sum(1)
    # 60 float64 terms of order 1, in another order of summation
    torch.testing.assert_close(model.log_likelihood(binary, z), expected, rtol=1e-12, atol=1e-12)


def test_on_grey_pixels_bernoulli_is_the_cross_entropy(x, z) -> None:
    model = model_of("bernoulli")
    p = model.decode(z)
    expected = (x * p.log() + (1 - x) * (1 - p).log()).flatten(1).sum(1)
    torch.testing.assert_close(model.log_likelihood(x, z), expected, rtol=1e-10, atol=1e-10)  # sigmoid, then ln


def test_bernoulli_is_finite_where_the_sigmoid_is_saturated() -> None:
    model = model_of("bernoulli")
    with torch.no_grad():
        model.decoder.layers[-2].bias.fill_(500.0)
    log_p = model.log_likelihood(torch.zeros(1, *SHAPE).double(), torch.zeros(1, 2).double())
    assert log_p.item() == pytest.approx(-500 * 60, rel=0.01)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_likelihood_has_its_own_gradient_in_z_and_in_x(x, z, likelihood) -> None:
    """Against finite differences, whatever way the gradient is computed."""
    model = model_of(likelihood, sigma=0.5)
    x, z = x[:2].requires_grad_(), z[:2].requires_grad_()
    assert torch.autograd.gradcheck(model.log_likelihood, (x, z))


@pytest.mark.parametrize("sigma", [0.05, 1.0, 3.0])
def test_gaussian_is_that_of_torch(x, z, sigma) -> None:
    model = model_of("gaussian", sigma)
    expected = Normal(model.decoder(z), sigma).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(model.log_likelihood(x, z), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sigma", [0.2, 1.5])
def test_the_gaussian_likelihood_integrates_to_one_over_images(sigma) -> None:
    model = model_of("gaussian", sigma, shape=(1, 1, 2))
    axis = torch.linspace(-10 * sigma - 2, 10 * sigma + 2, 601, dtype=torch.float64)
    images = torch.cartesian_prod(axis, axis).reshape(-1, 1, 1, 2)
    z = torch.ones(1, 2).double().expand(len(images), 2)
    mass = model.log_likelihood(images, z).exp().sum() * (axis[1] - axis[0]) ** 2
    assert mass.item() == pytest.approx(1, abs=1e-8)  # at least 12 steps to a sigma: exact to rounding


def test_the_bernoulli_likelihood_sums_to_one_over_binary_images() -> None:
    model = model_of("bernoulli", shape=(1, 2, 3))
    images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 6).reshape(-1, 1, 2, 3).double()
    z = torch.ones(1, 2).double().expand(len(images), 2)
    assert model.log_likelihood(images, z).exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_decode_gives_the_mean_image(z) -> None:
    logits = model_of("bernoulli").decoder(z)
    torch.testing.assert_close(model_of("bernoulli").decode(z), torch.sigmoid(logits))
    torch.testing.assert_close(model_of("gaussian").decode(z), logits)  # same weights, no squashing


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_samples_are_decoded_prior_draws(likelihood) -> None:
    model = model_of(likelihood).float()
    images = model.sample(5, generator=torch.Generator().manual_seed(3))
    z = torch.randn(5, 2, generator=torch.Generator().manual_seed(3))
    assert images.shape == (5, *SHAPE)
    assert images.equal(model.decode(z))


def test_terms_are_summed_over_pixels_and_not_over_images(x, z) -> None:
    model = model_of("bernoulli")
    one_by_one = torch.cat([model.log_likelihood(x[i : i + 1], z[i : i + 1]) for i in range(len(x))])
    together = model.log_likelihood(x, z)
    assert together.shape == (len(x),)
    torch.testing.assert_close(together, one_by_one, rtol=1e-12, atol=1e-12)
