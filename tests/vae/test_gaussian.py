"""DiagonalGaussian against torch.distributions, quadrature, and closed forms of its gradients."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from vae.gaussian import DiagonalGaussian, log_prior


@pytest.fixture
def gaussian() -> DiagonalGaussian:
    """Means to ±6 and sigmas from e^-4 to e^2.5, as a trained encoder gives; float64."""
    generator = torch.Generator().manual_seed(0)
    mu = 4 * torch.rand(200, 5, generator=generator, dtype=torch.float64) * 3 - 6
    logvar = torch.rand(200, 5, generator=generator, dtype=torch.float64) * 13 - 8
    return DiagonalGaussian(mu, logvar)


def test_kl_is_that_of_torch(gaussian: DiagonalGaussian) -> None:
    expected = kl_divergence(Normal(gaussian.mu, gaussian.sigma), Normal(0.0, 1.0))
    # both sum a few terms of size up to ~80 in float64 (eps 2e-16), in another order: 1e-12 leaves two digits
    torch.testing.assert_close(gaussian.kl_per_dim(), expected, rtol=1e-12, atol=1e-12)


def test_kl_to_the_prior_of_the_prior_is_zero() -> None:
    assert DiagonalGaussian(torch.zeros(3, 2), torch.zeros(3, 2)).kl_per_dim().eq(0).all()


def test_kl_is_positive_away_from_the_prior_and_takes_the_prior_second() -> None:
    # KL(N(0, 4) ‖ N(0, 1)) = ½ (4 − 1 − ln 4); the other way round it would be ½ (¼ − 1 + ln 4)
    narrow_and_wide = DiagonalGaussian(torch.zeros(2), torch.tensor([-1.0, 4.0]).exp2().log())
    expected = torch.tensor([0.5 * (0.5 - 1 + 0.693147), 0.5 * (16 - 1 - 2.772589)])
    torch.testing.assert_close(narrow_and_wide.kl_per_dim(), expected)


def test_log_prob_is_that_of_torch_summed_over_the_last_dimension(gaussian: DiagonalGaussian) -> None:
    z = gaussian.rsample(generator=torch.Generator().manual_seed(1)) + 0.5
    expected = Normal(gaussian.mu, gaussian.sigma).log_prob(z).sum(-1)
    # 0.5 away from a mean with sigma e^-4 the exponent is about -400: relative 1e-12 is 2000 eps
    torch.testing.assert_close(gaussian.log_prob(z), expected, rtol=1e-12, atol=1e-12)


def test_log_prob_broadcasts_many_points_against_one_posterior() -> None:
    one = DiagonalGaussian(torch.tensor([1.0, -1.0]), torch.tensor([0.0, 1.0]))
    assert one.log_prob(torch.zeros(7, 3, 2)).shape == (7, 3)


def test_log_prior_is_the_standard_normal() -> None:
    z = torch.randn(50, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(log_prior(z), Normal(0.0, 1.0).log_prob(z).sum(-1), rtol=1e-12, atol=1e-12)


def test_densities_integrate_to_one() -> None:
    axis = torch.linspace(-12, 12, 1201, dtype=torch.float64)
    z = torch.cartesian_prod(axis, axis)
    step = (axis[1] - axis[0]).item()
    q = DiagonalGaussian(torch.tensor([1.0, -2.0]).double(), torch.tensor([-2.0, 1.0]).double())
    # the trapezoid rule on a Gaussian with 18 steps to a sigma is exact to rounding; the box is 6 sigma wide or more
    for log_density in (q.log_prob(z), log_prior(z)):
        assert (log_density.exp().sum() * step**2).item() == pytest.approx(1, abs=1e-8)


def test_a_draw_is_mu_plus_sigma_times_the_noise() -> None:
    q = DiagonalGaussian(torch.tensor([[1.0, 2.0]]), torch.tensor([[4.0, 9.0]]).log())
    torch.testing.assert_close(q.at(torch.tensor([[1.0, -1.0]])), torch.tensor([[3.0, -1.0]]))


def test_draws_have_the_mean_and_the_variance_they_are_named_after() -> None:
    q = DiagonalGaussian(torch.tensor([[1.0, -3.0]]), torch.tensor([[-1.0, 2.0]]))
    n = 100_000
    z = q.rsample(n, generator=torch.Generator().manual_seed(0))
    assert z.shape == (n, 1, 2)
    # five standard errors: sigma/√n of a mean, sigma²·√(2/n) of a variance
    assert ((z.mean(0) - q.mu).abs() < 5 * q.sigma / n**0.5).all()
    assert ((z.var(0) - q.sigma**2).abs() < 5 * q.sigma**2 * (2 / n) ** 0.5).all()


def test_randomness_is_the_generator_alone() -> None:
    q = DiagonalGaussian(torch.zeros(3, 2), torch.zeros(3, 2))
    state = torch.get_rng_state()
    first, second = (q.rsample(generator=torch.Generator().manual_seed(5)) for _ in range(2))
    assert first.equal(second)
    assert torch.get_rng_state().equal(state)


@pytest.mark.parametrize(("mu", "sigma"), [(0.0, 1.0), (1.5, 0.5), (-2.0, 2.0)])
def test_reparameterised_gradients_of_a_square_have_their_closed_moments(mu: float, sigma: float) -> None:
    """f = z², z ~ N(mu, sigma²): gradients 2mu and 2sigma, variances 4sigma² (∂mu) and 4mu² + 8sigma² (∂sigma)."""
    n = 200_000
    location = torch.full((n, 1), mu, dtype=torch.float64, requires_grad=True)
    logvar = torch.full((n, 1), sigma, dtype=torch.float64).square().log().requires_grad_()
    z = DiagonalGaussian(location, logvar).rsample(generator=torch.Generator().manual_seed(0))
    by_mu, by_logvar = torch.autograd.grad(z.square().sum(), (location, logvar))
    by_sigma = by_logvar * 2 / sigma  # logvar = 2 ln sigma
    expected = ((by_mu, 2 * mu, 4 * sigma**2), (by_sigma, 2 * sigma, 4 * mu**2 + 8 * sigma**2))
    for gradient, mean, variance in expected:
        assert gradient.mean().item() == pytest.approx(mean, abs=5 * (variance / n) ** 0.5)
        # kurtosis is at most 15 (of zeta²), so a variance from n draws is within √(14/n) = 0.8%, here six times that
        assert gradient.var().item() == pytest.approx(variance, rel=0.05)


def test_kl_has_the_gradient_of_its_closed_form(gaussian: DiagonalGaussian) -> None:
    q = DiagonalGaussian(gaussian.mu.clone().requires_grad_(), gaussian.logvar.clone().requires_grad_())
    by_mu, by_logvar = torch.autograd.grad(q.kl_per_dim().sum(), (q.mu, q.logvar))
    torch.testing.assert_close(by_mu, gaussian.mu, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(by_logvar, (gaussian.sigma**2 - 1) / 2, rtol=1e-12, atol=1e-12)
