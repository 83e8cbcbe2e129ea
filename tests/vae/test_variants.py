"""Other losses by their settings: a capacity, a weighted total correlation, importance weights, an autoencoder."""

from __future__ import annotations

import dataclasses
from itertools import islice
from math import log

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal
from torch.nn import functional as F

from vae.analysis.evaluation import held_out
from vae.analysis.surgery import surgery
from vae.elbo import Elbo, elbo, importance_weighted, objective, total_correlation
from vae.gaussian import DiagonalGaussian
from vae.model import VAE
from vae.plan import make_plan
from vae.settings import Settings
from vae.training.loop import Training, train

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

SHAPE = (1, 3, 3)
SMALL = Settings(
    data="digits", hidden=(16,), latent_dim=3, batch_size=50, device="cpu", lr=3e-3, lr_schedule="constant"
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def vae(likelihood: str = "bernoulli", latent_dim: int = 2) -> VAE:
    torch.manual_seed(0)  # initial weights only
    model = VAE(make_plan("mlp", (8,), latent_dim, SHAPE), SHAPE, likelihood, 0.5).double()
    with torch.no_grad():
        for p in model.parameters():
            p *= 2
    return model


@pytest.fixture
def x() -> Tensor:
    return torch.rand(6, *SHAPE, generator=generator(), dtype=torch.float64)


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=generator(1), dtype=torch.float64)


def gradient(model: VAE, loss: Tensor) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])


def trained(settings: Settings, digits) -> Training:
    training = Training(settings, digits.image_shape)
    for _ in train(training, digits.train):
        pass
    return training


def posterior_of(training: Training, images) -> DiagonalGaussian:
    encoded = held_out(training.model, images)
    return DiagonalGaussian(torch.from_numpy(encoded.mu), torch.from_numpy(encoded.logvar))


# ---- defaults -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("free_bits", [0.0, 0.3])
def test_by_default_it_is_the_loss_of_the_bound_bit_for_bit(free_bits, x) -> None:
    model = vae()
    bound, loss = objective(model, x, noise(6, 2), 2.5, free_bits=free_bits)
    plain = elbo(model, x, noise(6, 2))
    assert loss.equal(plain.loss(2.5, free_bits))
    assert bound.distortion.equal(plain.distortion)
    assert bound.rate_per_dim.equal(plain.rate_per_dim)


# ---- one step, by the formulas --------------------------------------------------------------------------------------


def mutual(q: Normal, z: Tensor) -> Tensor:
    """Minibatch-weighted total correlation as in Chen et al. 2018, with its N = 1078, term by term."""
    n, m = 1078, len(z)
    total = z.new_zeros(())
    for i in range(m):
        densities = q.log_prob(z[i]).exp()  # (m, k)
        ln_q = (densities.prod(1).sum() / (n * m)).log()
        ln_marginals = (densities.sum(0) / (n * m)).log().sum()
        total = total + (ln_q - ln_marginals) / m
    return total


VARIANTS = {
    "capacity": {"capacity": 5.0},
    "tc_weight": {"tc_weight": 4.0},
    "importance_samples": {"importance_samples": 7},
    "mean": {"sampling": "mean"},
    "mean, as an autoencoder": {"sampling": "mean", "beta": 0.0},
    "mean, averaged over pixels": {"sampling": "mean", "reduction": "mean"},
    "capacity, averaged over pixels": {"capacity": 5.0, "reduction": "mean"},
}


@pytest.mark.parametrize("change", VARIANTS.values(), ids=VARIANTS)
def test_a_step_descends_the_formula(change, digits) -> None:
    """Five steps of Adam on the loss written out, images one by one where that is plainer."""
    settings = dataclasses.replace(SMALL, **{"beta": 2.5, **change})
    ours, reference = Training(settings, digits.image_shape), Training(settings, digits.image_shape).model
    plain = torch.optim.Adam(reference.parameters(), lr=settings.lr, foreach=False)
    pixels_averaged = 64 if settings.reduction == "mean" else 1
    weight, draws = settings.beta * pixels_averaged, settings.importance_samples
    for i in range(5):
        pixels = torch.from_numpy(digits.train.pixels[i * 50 : (i + 1) * 50])
        zeta = torch.randn(50, draws * 3, generator=generator(i))
        ours.optimiser.param_groups[0]["lr"].fill_(settings.lr)
        terms = ours.training_step(pixels, zeta)

        x = pixels / 255
        mu, logvar = reference.encoder(x)
        q, prior = Normal(mu, torch.exp(logvar / 2)), Normal(0.0, 1.0)
        zs = [mu + q.scale * part for part in zeta.split(3, 1)]
        costs = [
            F.binary_cross_entropy_with_logits(reference.decoder(z), x, reduction="none").flatten(1).sum(1) for z in zs
        ]
        rate_per_dim = torch.distributions.kl_divergence(q, prior).mean(0)
        reported = torch.cat([torch.stack(costs).mean()[None], rate_per_dim]).detach()
        if settings.capacity:
            loss = costs[0].mean() + weight * (rate_per_dim.sum() - 5).abs()
        elif draws > 1:
            log_w = [
                weight * (prior.log_prob(z) - q.log_prob(z)).sum(1) - cost for z, cost in zip(zs, costs, strict=True)
            ]
            loss = -(torch.stack(log_w).exp().mean(0)).log().mean()
        elif settings.sampling == "mean":
            at_mean = F.binary_cross_entropy_with_logits(reference.decoder(mu), x, reduction="sum") / 50
            loss = at_mean + weight * rate_per_dim.sum()
        else:
            loss = costs[0].mean() + weight * (rate_per_dim.sum() + 3 * mutual(q, zs[0]))
        plain.zero_grad()
        (loss / pixels_averaged).backward()
        plain.step()
        # float32, through logs and exps in another order
        torch.testing.assert_close(terms, reported, rtol=1e-5, atol=1e-5)
    for a, b in zip(ours.model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=2e-5)


# ---- capacity -------------------------------------------------------------------------------------------------------


def test_capacity_pulls_the_mean_rate_from_both_sides() -> None:
    terms = Elbo(torch.tensor([10.0, 20.0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))  # mean rate 5
    assert terms.loss(2.0, capacity=3.0).item() == 15 + 2 * 2
    assert terms.loss(2.0, capacity=9.0).item() == 15 + 2 * 4
    assert terms.loss(2.0, capacity=0.0).item() == terms.loss(2.0).item()


@pytest.mark.parametrize("capacity", [1.0, 4.0])
def test_training_with_a_large_beta_reaches_the_capacity(capacity, digits) -> None:
    """Where plain beta 30 leaves no rate at all. The kink at C makes Adam swing about it: within a twentieth."""
    settings = dataclasses.replace(SMALL, beta=30.0, capacity=capacity, epochs=40, lr_schedule="one-cycle")
    training = trained(settings, digits)
    assert posterior_of(training, digits.train).kl_per_dim().sum(1).mean().item() == pytest.approx(capacity, rel=0.05)


# ---- total correlation ----------------------------------------------------------------------------------------------


def test_total_correlation_is_chens_but_for_a_constant() -> None:
    mu, logvar, zeta = noise(12, 3), noise(12, 3) * 0.3 - 1, noise(12, 3).flip(0)
    mu.requires_grad_()
    logvar.requires_grad_()
    q = DiagonalGaussian(mu, logvar)
    ours = total_correlation(q, q.at(zeta))
    theirs = mutual(Normal(mu, torch.exp(logvar / 2)), q.at(zeta))
    assert (theirs - ours).item() == pytest.approx(2 * log(1078), rel=1e-9)  # (k − 1) ln N
    for a, b in zip(torch.autograd.grad(ours, [mu, logvar]), torch.autograd.grad(theirs, [mu, logvar]), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_over_the_whole_set_it_estimates_the_total_correlation_of_surgery() -> None:
    """One draw of each of 1,500 posteriors with correlated means, against 6,000 draws."""
    mu = noise(1500, 2) @ torch.tensor([[1.0, 0.8], [0.0, 0.6]], dtype=torch.float64)
    q = DiagonalGaussian(mu, torch.full_like(mu, log(0.1)))
    found = surgery(q, 6000, generator())
    error = 2.3 * found.standard_error.total_correlation  # of both sides: √(1 + 6000/1500) of the one
    assert abs(total_correlation(q, q.at(noise(1500, 2).flip(0))).item() - found.terms.total_correlation) < 3 * error
    assert found.terms.total_correlation > 0.3


def test_one_image_or_far_independent_dimensions_have_none() -> None:
    q = DiagonalGaussian(noise(1, 4), noise(1, 4))
    assert total_correlation(q, q.at(noise(1, 4))).item() == pytest.approx(0, abs=1e-12)
    side = torch.arange(5.0, dtype=torch.float64) * 50
    grid = torch.cartesian_prod(side, side)
    q = DiagonalGaussian(grid, torch.zeros_like(grid))
    assert total_correlation(q, q.at(noise(25, 2))).item() == pytest.approx(0, abs=1e-9)


def test_weighing_it_lowers_it(digits) -> None:
    def correlation(weight: float) -> float:
        training = trained(dataclasses.replace(SMALL, tc_weight=weight, epochs=20, lr_schedule="one-cycle"), digits)
        return surgery(posterior_of(training, digits.train), 3000, generator()).terms.total_correlation

    assert correlation(20.0) < 0.5 * correlation(1.0)


# ---- importance weights ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_importance_weighted_loss_is_minus_the_bound_written_out(likelihood, x) -> None:
    model, zeta = vae(likelihood), noise(6, 5, 2)
    bound, loss = importance_weighted(model, x, zeta)
    mu, logvar = model.encoder(x)
    weights = 0.0
    for j in range(5):
        z = mu + torch.exp(logvar / 2) * zeta[:, j]
        q = Normal(mu, torch.exp(logvar / 2)).log_prob(z).sum(1)
        weights = weights + torch.exp(model.log_likelihood(x, z) + Normal(0.0, 1.0).log_prob(z).sum(1) - q) / 5
    torch.testing.assert_close(loss, -weights.log().mean(), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(gradient(model, loss), gradient(model, -weights.log().mean()), rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(bound.rate, model.encode(x).kl_per_dim().sum(1))


def test_one_draw_is_the_beta_vae_in_expectation(x) -> None:
    """z's own log ratio in place of its closed form: the same mean, over 20,000 draws, at any beta."""
    model, n = vae(), 20_000
    each = torch.stack([importance_weighted(model, x[:1], zeta[None, None], 3.0)[1] for zeta in noise(2000, 2)])
    _, exact = objective(model, x[:1].expand(n, *SHAPE), noise(n, 2).flip(0), 3.0)
    assert abs(each.mean() - exact) < 4 * (each.std() / 2000**0.5)


def test_more_draws_make_a_lower_loss(x) -> None:
    """E −L_1 ≥ E −L_4 ≥ E −L_16, by the same draws in groups, where it holds for every image (Jensen)."""
    model, zeta = vae("gaussian"), noise(6, 16, 2)
    losses = [
        torch.stack([importance_weighted(model, x, part)[1] for part in zeta.split(n, 1)]).mean() for n in (1, 4, 16)
    ]
    assert losses[0] > losses[1] > losses[2]


def test_draws_beyond_one_are_taken_from_the_noise(x) -> None:
    model, zeta = vae(), noise(6, 3 * 2)
    _, together = objective(model, x, zeta, 2.0)
    _, apart = importance_weighted(model, x, torch.stack(zeta.split(2, 1), 1), 2.0)
    assert together.equal(apart)


# ---- an autoencoder -------------------------------------------------------------------------------------------------


def test_an_autoencoder_reports_no_bound_but_the_one_of_a_draw(x) -> None:
    model, zeta = vae(), noise(6, 2)
    bound, loss = objective(model, x, zeta, 0.0, at_mean=True)
    assert loss.item() == pytest.approx(-model.log_likelihood(x, model.encode(x).mu).mean().item(), rel=1e-12)
    assert bound.elbo.equal(elbo(model, x, zeta).elbo)
    assert abs(bound.distortion.mean() - loss) > 0.01


def test_an_autoencoder_leaves_sigma_alone_and_reconstructs_better(digits) -> None:
    start = Training(dataclasses.replace(SMALL, seed=1), digits.image_shape).model.encoder.logvar.weight.clone()
    auto = trained(dataclasses.replace(SMALL, sampling="mean", beta=0.0, epochs=10), digits).model
    drawn = trained(dataclasses.replace(SMALL, epochs=10), digits).model
    assert auto.encoder.logvar.weight.equal(start)

    def at_mean(model: VAE) -> float:
        x = torch.from_numpy(digits.test.pixels) / 255
        with torch.no_grad():
            return -model.log_likelihood(x, model.encode(x).mu).mean().item()

    assert at_mean(auto) < at_mean(drawn) - 1


# ---- in a run -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"importance_samples": 3}, {"tc_weight": 2.0}, {"sampling": "mean"}])
@pytest.mark.parametrize("arch", ["mlp", "conv"])
def test_variants_are_resumed_bit_for_bit_and_take_any_network(change, arch, digits, tmp_path) -> None:
    from vae.files import checkpoint

    settings = dataclasses.replace(SMALL, arch=arch, hidden=(4,), epochs=1, **change)
    broken = Training(settings, digits.image_shape)
    for _ in islice(train(broken, digits.train), 5):
        pass
    path = tmp_path / "c.safetensors"
    checkpoint.write(path, settings, digits.image_shape, broken.step, broken.model.state_dict(), broken.state())
    resumed = Training.resume(checkpoint.read(path))
    for _ in train(resumed, digits.train):
        pass
    for a, b in zip(resumed.model.parameters(), trained(settings, digits).model.parameters(), strict=True):
        assert a.equal(b)


@pytest.mark.cuda
@pytest.mark.parametrize(
    "change", [{"importance_samples": 3}, {"tc_weight": 2.0}, {"sampling": "mean"}, {"capacity": 2.0}]
)
@pytest.mark.parametrize("arch", ["mlp", "conv"])
def test_variants_can_be_captured(change, arch, digits) -> None:
    settings = dataclasses.replace(SMALL, arch=arch, hidden=(4,), epochs=1, device="cuda", **change)
    steps = [step.elbo for step in train(Training(settings, digits.image_shape), digits.train)]
    assert steps[-1] > steps[0]
