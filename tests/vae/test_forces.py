"""The tug of war: each force against autograd on the whole loss, against a finite difference, and in closed form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vae.analysis import forces
from vae.analysis.forces import Forces, distortion_forces, rate_forces
from vae.elbo import elbo
from vae.errors import InputError
from vae.gaussian import DiagonalGaussian
from vae.model import VAE
from vae.plan import make_plan

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = (1, 4, 4)
BETA = 2.5


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def vae(likelihood: str = "bernoulli", hidden=(12,), latent_dim=3, arch="mlp") -> VAE:
    torch.manual_seed(0)  # initial weights only
    model = VAE(make_plan(arch, hidden, latent_dim, SHAPE), SHAPE, likelihood, 0.5)
    with torch.no_grad():
        for p in model.parameters():
            p *= 3  # large enough that the decoder is far from linear
    return model


@pytest.fixture
def x() -> Tensor:
    return torch.rand(7, *SHAPE, generator=generator())


def posteriors(n: int, k: int) -> DiagonalGaussian:
    return DiagonalGaussian(torch.randn(n, k, generator=generator(1)), torch.randn(n, k, generator=generator(2)) - 1)


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=generator(3))


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize(("arch", "hidden"), [("mlp", (12,)), ("conv", (4,))])
def test_both_forces_together_are_minus_the_gradient_of_the_loss(likelihood, arch, hidden, x) -> None:
    """Autograd through the mathematics written out, at equal zeta; float32 sums, so to 1e-5 of the largest force."""
    model, q, zeta = vae(likelihood, hidden, arch=arch), posteriors(7, 3), noise(20, 7, 3)
    mu = q.mu.clone().requires_grad_()
    logsigma = (q.logvar / 2).clone().requires_grad_()
    distortion = -torch.stack([model.log_likelihood(x, mu + logsigma.exp() * one) for one in (*zeta, *-zeta)]).mean(0)
    rate = 0.5 * (mu**2 + torch.exp(2 * logsigma) - 1 - 2 * logsigma).sum(1)
    expected = torch.autograd.grad(-(distortion + BETA * rate).sum(), [mu, logsigma])

    of_distortion, of_rate = distortion_forces(model, x, q, zeta).mean, rate_forces(q, BETA)
    for name, wanted in zip(Forces._fields, expected, strict=True):
        together = getattr(of_distortion, name) + getattr(of_rate, name)
        torch.testing.assert_close(together.float(), wanted, rtol=1e-5, atol=1e-5 * wanted.abs().max().item())


def test_it_is_the_gradient_that_training_descends(x) -> None:
    """The heads of the encoder get exactly minus the forces, divided by the number of images."""
    model = vae()
    one = noise(7, 3)
    q = model.encode(x)
    loss = (elbo(model, x, one).loss(BETA) + elbo(model, x, -one).loss(BETA)) / 2
    got = torch.autograd.grad(loss, [model.encoder.mu.bias, model.encoder.logvar.bias])
    estimate, rate = distortion_forces(model, x, q, torch.stack((one, one))), rate_forces(q, BETA)
    on_mu, on_logsigma = (f.mean(0) + r.mean(0) for f, r in zip(estimate.mean, rate, strict=True))
    torch.testing.assert_close(on_mu.float(), -got[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(on_logsigma.float(), -2 * got[1], rtol=1e-4, atol=1e-5)  # logvar = 2 ln sigma
    assert estimate.standard_error.mu.max() < 1e-5  # two equal draws


def test_the_mean_agrees_with_a_finite_difference_of_the_expected_distortion(x) -> None:
    """E_ζ D by 60,000 draws of its own, moved by ±h with the same draws on both sides; 3 standard errors of the two
    sides together. Central differences of step h are off by h²/6 · D''' ~ 1e-5, far below those errors.
    """
    model, h, draws = vae().double(), 1e-3, 60_000
    image, q = x[:1].double(), DiagonalGaussian(*(t[:1].double() for t in posteriors(1, 2 + 1)))
    n = 4000
    estimate = distortion_forces(model, image, q, noise(n, 1, 3).double())
    fresh = torch.randn(draws, 3, generator=generator(9), dtype=torch.float64)

    @torch.no_grad()
    def log_likelihoods(mu: Tensor, logsigma: Tensor) -> Tensor:
        return model.log_likelihood(image.expand(draws, *SHAPE), mu + logsigma.exp() * fresh)

    mu, logsigma = q.mu[0], q.logvar[0] / 2
    for name in Forces._fields:
        for i in range(3):
            step = torch.zeros(3, dtype=torch.float64)
            step[i] = h
            ends = [
                log_likelihoods(mu + s * step, logsigma) if name == "mu" else log_likelihoods(mu, logsigma + s * step)
                for s in (1, -1)
            ]
            slopes = (ends[0] - ends[1]) / (2 * h)
            error = (slopes.var() / draws + getattr(estimate.standard_error, name)[0, i] ** 2) ** 0.5
            assert abs(getattr(estimate.mean, name)[0, i] - slopes.mean()) < 3 * error
            assert error < 0.2 * getattr(estimate.mean, name).abs().max()  # the comparison says something


def test_a_linear_gaussian_decoder_has_its_forces_in_closed_form(x) -> None:
    """ln p = −½‖x − Wz − b‖²/s² + c: force on mu Wᵀ(x − W mu − b)/s², on ln sigma_i −sigma_i² ‖w_i‖²/s²."""
    model, q = vae("gaussian", hidden=()).double(), DiagonalGaussian(*(t.double() for t in posteriors(7, 3)))
    layer = model.decoder.layers[0]
    W, b = layer.weight.detach(), layer.bias.detach()
    on_mu = (x.double().flatten(1) - q.mu @ W.T - b) @ W / 0.25
    on_logsigma = -q.logvar.exp() * W.square().sum(0) / 0.25
    n = 2000
    mean, error = distortion_forces(model, x.double(), q, noise(n, 7, 3).double())
    torch.testing.assert_close(
        mean.mu, on_mu, rtol=1e-9, atol=1e-9
    )  # of a draw and its mirror image, the noise is gone
    deviations = (mean.logsigma - on_logsigma) / error.logsigma
    assert deviations.abs().max() < 4  # the largest of 21 normal ones exceeds 4 in 1 of 750 draws
    assert 0.4 < deviations.square().mean() < 1.9  # and the error is no excuse: 21 squares, mean 1 ± 0.31
    # a pair varies by sigma_i ζ_i (WᵀW sigma ζ)_i / s², of variance (A_ii sigma_i²)² + Σ_j (A_ij sigma_i sigma_j)²
    A, sigma = (W.T @ W) / 0.25, (q.logvar[0] / 2).exp()
    scaled = A * sigma * sigma[:, None]
    expected = (scaled.diagonal().square() + scaled.square().sum(1)).sqrt() / n**0.5
    torch.testing.assert_close(error.logsigma[0], expected, rtol=0.15, atol=0)  # its own error is 4% (kurtosis 15)


def test_at_the_optimum_of_a_linear_vae_the_two_terms_hold_each_other(x) -> None:
    """Sigma² = 1/(1 + ‖w‖²/(beta s²)) and mu likewise solve 'sum of forces = 0' for orthogonal columns."""
    model = vae("gaussian", hidden=()).double()
    layer = model.decoder.layers[0]
    with torch.no_grad():
        layer.weight.copy_(torch.linalg.qr(layer.weight)[0] * torch.tensor([0.5, 1.0, 2.0]))
    W, b = layer.weight.detach(), layer.bias.detach()
    precision = 1 + W.square().sum(0) / (0.25 * BETA)
    mu = (x.double().flatten(1) - b) @ W / (0.25 * BETA) / precision
    q = DiagonalGaussian(mu, -precision.log().expand_as(mu))
    rate = rate_forces(q, BETA)
    mean, error = distortion_forces(model, x.double(), q, noise(1000, 7, 3).double())
    torch.testing.assert_close(mean.mu, -rate.mu, rtol=1e-9, atol=1e-9)
    assert ((mean.logsigma + rate.logsigma) / error.logsigma).abs().max() < 4


def test_without_a_rate_nothing_holds_sigma_open_and_a_wide_one_is_closed() -> None:
    q = DiagonalGaussian(torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, 2.0]]))
    assert rate_forces(q, 0.0).mu.abs().max() == 0
    pulls = rate_forces(q, 3.0)
    assert pulls.mu.tolist() == [[-3.0, 6.0]]
    assert pulls.logsigma[0, 0] == 0
    assert pulls.logsigma[0, 1].item() == pytest.approx(-3 * (2.718281828459045**2 - 1), rel=1e-6)


def test_the_batch_size_makes_no_difference(x, monkeypatch) -> None:
    model, q, zeta = vae(), posteriors(7, 3), noise(5, 7, 3)
    whole = distortion_forces(model, x, q, zeta)
    monkeypatch.setattr(forces, "BATCH_PIXELS", 2 * 16)
    for a, b in zip(whole, distortion_forces(model, x, q, zeta), strict=True):
        torch.testing.assert_close(a.mu, b.mu, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(a.logsigma, b.logsigma, rtol=1e-5, atol=1e-5)


def test_the_weights_get_no_gradient(x) -> None:
    model = vae()
    distortion_forces(model, x, model.encode(x), noise(2, 7, 3))
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("shape", [(7, 3), (1, 7, 3), (5, 6, 3), (5, 7, 2)])
def test_noise_of_another_shape_is_refused(shape, x) -> None:
    with pytest.raises(InputError, match="at least 2 draws"):
        distortion_forces(vae(), x, posteriors(7, 3), noise(*shape))
