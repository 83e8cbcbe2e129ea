"""What can be descended: schedules of beta, free bits, averaged pixels; and by plain gradients. All by the formulas."""

from __future__ import annotations

import dataclasses
from itertools import islice, pairwise

import numpy as np
import pytest
import torch
from test_training import same, saved, trained, weights
from torch.nn import functional as F

from vae.elbo import Elbo, elbo
from vae.files import checkpoint, control
from vae.files.runs import read_log
from vae.settings import Settings
from vae.training import control_handler
from vae.training.loop import Diverged, Training, train
from vae.training.recorder import run
from vae.training.schedules import beta_factor

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = Settings(data="digits", hidden=(16,), latent_dim=3, epochs=2, batch_size=50, device="cpu", lr=3e-3)


def gradients(model: torch.nn.Module, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def batch(digits, i: int = 0) -> torch.Tensor:
    return torch.from_numpy(digits.train.pixels[i * 50 : (i + 1) * 50])


# ---- schedules of beta ----------------------------------------------------------------------------------------------


def test_warm_up_is_a_line_then_level() -> None:
    """Bowman et al. 2016: beta rises from 0 to its setting over the period, and stays there."""
    for periods in np.linspace(0, 3, 61):
        assert beta_factor("warm-up", periods) == (periods if periods < 1 else 1)


def test_cyclical_is_a_line_then_level_again_and_again() -> None:
    """Fu et al. 2019 with R = 0.5: τ = the share of the cycle that has passed; beta = min(1, τ / R)."""
    for t in range(0, 401):
        tau = (t % 100) / 100
        assert beta_factor("cyclical", t / 100) == pytest.approx(tau / 0.5 if tau <= 0.5 else 1, abs=1e-9)


@pytest.mark.parametrize("schedule", ["constant", "warm-up", "cyclical"])
@pytest.mark.parametrize("period", [0.5, 1.0, 3.0])
def test_the_beta_of_a_step_is_the_schedule_times_its_setting(schedule, period, digits) -> None:
    """With periods in epochs of 1,078 images, 50 a step, written out; and the loss is weighted by it."""
    settings = dataclasses.replace(SMALL, beta=4.0, beta_schedule=schedule, beta_period=period, epochs=4)
    training, by_hand = Training(settings, digits.image_shape), Training(SMALL, digits.image_shape)
    by_hand.settings = settings
    hand = train(by_hand, digits.train)
    for step in train(training, digits.train):
        epochs = (step.step - 1) * 50 / 1078
        expected = {
            "constant": 4.0,
            "warm-up": 4.0 * min(1, epochs / period),
            "cyclical": 4.0 * min(1, 2 * ((epochs / period) % 1)),
        }[schedule]
        assert step.beta == pytest.approx(expected)
        by_hand.beta = step.beta
        assert torch.equal(step.terms, next(hand).terms)
    assert training.scheduled == (schedule != "constant")
    assert not by_hand.scheduled


def test_a_scheduled_training_is_resumed_bit_for_bit(digits, tmp_path) -> None:
    settings = dataclasses.replace(SMALL, beta=4.0, beta_schedule="cyclical", beta_period=0.7, epochs=4)
    whole = trained(settings, digits.train)
    broken = trained(settings, digits.train, 33)
    resumed = Training.resume(saved(broken, tmp_path / "c.safetensors"))
    assert resumed.scheduled
    for _ in train(resumed, digits.train):
        pass
    assert same(weights(resumed), weights(whole))
    broken.beta = 1.5
    assert not Training.resume(saved(broken, tmp_path / "c.safetensors")).scheduled


# ---- free bits ------------------------------------------------------------------------------------------------------


def test_free_bits_are_the_formula() -> None:
    """distortion + beta · Σ_i max(λ, rate_i), rates being means over the batch (Kingma et al. 2016)."""
    generator = torch.Generator().manual_seed(0)
    distortion, rates = torch.rand(20, generator=generator) * 100, torch.rand(20, 6, generator=generator) * 2
    rates[:, 1] /= 100
    for free in (0.5, 1.0, 1.1):
        expected = distortion.double().mean()
        for i in range(6):
            expected += 2.5 * max(free, float(rates[:, i].double().mean()))
        torch.testing.assert_close(Elbo(distortion, rates).loss(2.5, free).double(), expected, rtol=1e-6, atol=1e-4)
    zero = Elbo(distortion, rates).loss(2.5, 0.0)
    torch.testing.assert_close(zero, (distortion + 2.5 * rates.sum(1)).mean())


def test_a_rate_below_the_free_bits_feels_no_pull(digits) -> None:
    """Gradients of the rates' part: none where a dimension is below λ, the plain ones where it is above."""
    model = trained(SMALL, digits.train).model
    x = batch(digits) / 255
    rates = model.encode(x).kl_per_dim().mean(0).detach()
    low, high = rates.min().item(), rates.max().item()
    assert low < high
    free = (low + high) / 2
    for beta in (1.0, 3.0):
        bound = elbo(model, x, torch.zeros(50, 3))
        rates_part = Elbo(torch.zeros(50), bound.rate_per_dim)
        pulled = gradients(model, rates_part.loss(beta, free))
        above = bound.rate_per_dim.mean(0) > free
        bound = elbo(model, x, torch.zeros(50, 3))
        expected = gradients(model, beta * bound.rate_per_dim.mean(0)[above].sum())
        for name, gradient in expected.items():
            torch.testing.assert_close(pulled[name], gradient, rtol=1e-5, atol=1e-7)
        for head in ("mu", "logvar"):
            assert not pulled[f"encoder.{head}.weight"][~above].any()
            assert pulled[f"encoder.{head}.weight"][above].any(1).all()
    bound = elbo(model, x, torch.zeros(50, 3))
    assert not any(
        g.any() for g in gradients(model, Elbo(torch.zeros(50), bound.rate_per_dim).loss(1.0, 99.0)).values()
    )


@pytest.mark.slow
def test_free_bits_keep_the_rates_from_falling_below_them(digits) -> None:
    """Under a weight that empties every code, a dimension keeps about the bits that are free."""
    settings = dataclasses.replace(SMALL, beta=30.0, epochs=60, lr=5e-3)
    for free in (0.0, 0.5):
        last = list(train(Training(dataclasses.replace(settings, free_bits=free), digits.image_shape), digits.train))
        rates = torch.stack([step.terms[1:] for step in last[-50:]]).mean(0)
        assert (rates - free).abs().max() < 0.1


# ---- averaged pixels ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("free", [0.0, 0.5])
def test_averaged_pixels_are_the_sum_with_d_times_beta_divided_by_d(likelihood, free, digits) -> None:
    """d = 64 pixels: the same gradients as reduction "sum" with beta · 64, over 64; and by the formula itself."""
    settings = dataclasses.replace(SMALL, likelihood=likelihood, beta=0.5, free_bits=free)
    averaged = Training(dataclasses.replace(settings, reduction="mean"), digits.image_shape)
    summed = Training(dataclasses.replace(settings, beta=0.5 * 64), digits.image_shape)
    assert averaged.beta == 0.5
    assert averaged.effective_beta == summed.effective_beta == 32
    zeta = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    terms = [training.training_step(batch(digits), zeta) for training in (averaged, summed)]
    assert torch.equal(*terms)  # reported in nats per image either way
    for a, b in zip(averaged.model.parameters(), summed.model.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad / 64, rtol=1e-5, atol=1e-8)

    model, x = Training(settings, digits.image_shape).model, batch(digits) / 255
    mu, logvar = model.encoder(x)
    output = model.decoder(mu + torch.exp(logvar / 2) * zeta)
    if likelihood == "bernoulli":
        pixel_mean = F.binary_cross_entropy_with_logits(output, x)
    else:
        pixel_mean = F.mse_loss(output, x) / 2
    rates = (0.5 * (mu**2 + logvar.exp() - 1 - logvar)).mean(0)
    if free:
        rates = torch.stack([torch.maximum(rate, torch.tensor(free)) for rate in rates])
    expected = gradients(model, pixel_mean + 0.5 * rates.sum())
    for name, weight in averaged.model.named_parameters():
        torch.testing.assert_close(weight.grad, expected[name], rtol=1e-3, atol=1e-7)


def test_a_beta_that_is_set_is_effective_d_fold_under_averaged_pixels(digits) -> None:
    averaged = Training(dataclasses.replace(SMALL, reduction="mean"), digits.image_shape)
    averaged.beta = 0.125
    assert averaged.effective_beta == 8
    summed = Training(dataclasses.replace(SMALL, beta=8.0), digits.image_shape)
    zeta = torch.zeros(50, 3)
    for training in (averaged, summed):
        training.training_step(batch(digits), zeta)
    for a, b in zip(averaged.model.parameters(), summed.model.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad / 64, rtol=1e-5, atol=1e-8)


# ---- gradient descent -----------------------------------------------------------------------------------------------

SGD = dataclasses.replace(SMALL, optimiser="sgd", lr=1e-3)


def test_sgd_is_gradient_descent_with_momentum(digits) -> None:
    """Against torch's own, and against v ← 0.9 v + g, w ← w − lr v written out; under the learning rate's schedule."""
    ours = Training(SGD, digits.image_shape)
    peers = [Training(SGD, digits.image_shape).model for _ in range(2)]
    plain = torch.optim.SGD(peers[0].parameters(), lr=1.0, momentum=0.9, foreach=False)
    velocity = {name: torch.zeros_like(weight) for name, weight in peers[1].named_parameters()}
    noise = torch.Generator().manual_seed(SGD.seed)
    order = np.random.default_rng([SGD.seed, 0]).permutation(1078)
    for i, step in enumerate(islice(train(ours, digits.train), 20)):
        zeta = torch.randn(50, 3, generator=noise)
        x = torch.from_numpy(digits.train.pixels[order[i * 50 : (i + 1) * 50]]) / 255
        plain.param_groups[0]["lr"] = step.lr
        plain.zero_grad()
        elbo(peers[0], x, zeta).loss(1.0).backward()
        plain.step()
        for name, gradient in gradients(peers[1], elbo(peers[1], x, zeta).loss(1.0)).items():
            velocity[name] = 0.9 * velocity[name] + gradient
            with torch.no_grad():
                dict(peers[1].named_parameters())[name].sub_(step.lr * velocity[name])
        for peer in peers:
            for a, b in zip(ours.model.parameters(), peer.parameters(), strict=True):
                torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert not same(weights(ours), weights(Training(SGD, digits.image_shape)))


@pytest.mark.parametrize("step", [0, 1, 21, 44])
def test_sgd_is_resumed_bit_for_bit(step, digits, tmp_path) -> None:
    broken = trained(SGD, digits.train, step)
    resumed = Training.resume(saved(broken, tmp_path / "c.safetensors"))
    for _ in train(resumed, digits.train):
        pass
    unbroken = trained(SGD, digits.train)
    assert same(weights(resumed), weights(unbroken))
    assert same(resumed.state(), unbroken.state())
    assert any(name.startswith("sgd.momentum_buffer.") for name in unbroken.state())


def test_sgd_that_diverges_is_told_so(digits) -> None:
    settings = dataclasses.replace(SGD, lr=10.0, epochs=50, lr_schedule="constant", likelihood="gaussian")
    with pytest.raises(Diverged, match=r"sgd with lr 10 takes steps that are too large; try lr 1, or adam"):
        for _ in train(Training(settings, digits.image_shape), digits.train):
            pass


# ---- collapse, and back ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_code_collapses_under_a_large_beta_and_comes_back(digits, tmp_path, monkeypatch) -> None:
    """Beta 1 → 0.01 → 30 → 1 in one run, asked for while it trains.

    With beta near 0 a code costs nothing: the rate rises, and q(z|x) narrows almost to points. Under beta 30 a nat of
    rate costs more than it saves in distortion: q(z|x) becomes the prior, and the rate goes under 0.05 nats. From there
    the way back is slow. An encoder that says nothing and a decoder that does not listen give each other next to no
    gradient (a saddle, not a minimum), so the rate stays near 0 for about a thousand steps before it rises at once. It
    does rise with this learning rate; with one of 3e-3 the noise of the steps holds the code down for 5,000 and more.
    """
    monkeypatch.setattr(control_handler, "CONTROL_EVERY", 0.0)
    settings = dataclasses.replace(SMALL, hidden=(128, 64), latent_dim=2, epochs=1000, lr=1e-3, lr_schedule="constant")
    steps = run(settings, tmp_path, digits)
    x = torch.from_numpy(digits.validation.pixels) / 255
    rates, sigmas = [], []
    for saves, (beta, then) in enumerate(pairwise((1.0, 0.01, 30.0, 1.0)), 1):
        recent = [step for step in islice(steps, 500) if step is not None]
        assert recent[-1].beta == beta
        rates.append(float(np.mean([step.rate for step in recent[-50:]])))
        control.ask(tmp_path, beta=then, save=saves)
        assert next(steps).beta == then
        with torch.no_grad():
            sigmas.append(checkpoint.load_model(checkpoint.read(tmp_path)).encode(x).sigma.mean().item())
    assert rates[0] > 1
    assert rates[1] > rates[0] + 3
    assert sigmas[1] < sigmas[0] / 3
    assert rates[2] < 0.05
    assert sigmas[2] > 0.9
    back = next(i for i, step in enumerate(steps) if step is not None and step.rate > 0.5)
    assert 100 < back < 5000
    steps.close()
    turned = [line["changed"]["beta"] for line in read_log(tmp_path) if "changed" in line]
    assert turned == [[1.0, 0.01], [0.01, 30.0], [30.0, 1.0]]
