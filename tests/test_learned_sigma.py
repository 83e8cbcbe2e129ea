"""A sigma that is learned: its optimum in closed form, its way through checkpoints, and who ends the learning."""

from __future__ import annotations

import json
from dataclasses import replace
from math import log

import numpy as np
import pytest
import torch

from vae import checkpoint, control
from vae.checkpoint import load_model, parameter_shapes
from vae.data import ImageSet
from vae.errors import InputError
from vae.evaluation import evaluate
from vae.linear import eigenvalues
from vae.live import FRAME, watch
from vae.model import VAE
from vae.path import follow
from vae.plan import make_plan
from vae.recorder import run
from vae.runs import read, read_log
from vae.settings import Settings
from vae.training import Training, train

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = Settings(
    data="digits", hidden=(8,), latent_dim=2, likelihood="gaussian", sigma=0.5, sigma_learned="on", batch_size=128,
    epochs=4, lr=5e-3, device="cpu",
)  # fmt: skip
LINEAR = replace(SMALL, hidden=(), latent_dim=3, batch_size=1078, epochs=1800, lr=1e-2)


def trained(settings: Settings, digits: ImageSet) -> Training:
    training = Training(settings, digits.image_shape)
    for _ in train(training, digits.train):
        pass
    return training


@torch.no_grad()
def error(model: VAE, digits: ImageSet) -> tuple[float, float]:
    """E‖x − x̂‖² over images and noise, and the rate, of a linear VAE: both exact."""
    x = torch.from_numpy(digits.train.pixels) / 255
    q = model.encode(x)
    noise = q.logvar.exp() @ model.decoder.layers[0].weight.square().sum(0)
    squared = (x - model.decode(q.mu)).flatten(1).square().sum(1) + noise
    return squared.mean().item(), q.kl_per_dim().sum(1).mean().item()


def test_its_gradient_is_that_of_the_density() -> None:
    """d/d ln sigma of −ln N(x; mean, sigma²), summed over d pixels: d − ‖x − mean‖²/sigma²."""
    shape = (1, 4, 4)
    model = VAE(make_plan("mlp", (3,), 2, shape), shape, "gaussian", 0.3)
    x, z = torch.rand(5, *shape), torch.randn(5, 2)
    fixed = model.log_likelihood(x, z)
    model.learn_sigma()
    assert model.sigma == 0.3
    learned = model.log_likelihood(x, z)
    torch.testing.assert_close(learned, fixed, rtol=1e-5, atol=1e-5)
    (-learned.mean()).backward()
    squared = (x - model.decode(z)).flatten(1).square().sum(1)
    assert model.log_sigma is not None
    torch.testing.assert_close(model.log_sigma.grad, 16 - squared.mean() / 0.09, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_of_a_linear_vae_it_is_what_tipping_and_bishop_found(digits, beta) -> None:
    """At beta 1 the mean of the discarded eigenvalues; their sum over d − k · beta at any beta that leaves k alive.

    The error of a code of k active dimensions is k · beta · sigma² and what is discarded, and sigma² its d-th part.
    """
    training = trained(replace(LINEAR, beta=beta), digits)
    k, values = LINEAR.latent_dim, eigenvalues(digits.train.pixels)
    expected = values[k:].sum() / (len(values) - k * beta)
    assert beta * expected < values[k - 1]  # all k are alive
    assert training.sigma**2 == pytest.approx(expected, rel=0.02)
    # and, of whatever the decoder has come to, the mean squared error of a pixel
    assert training.sigma**2 == pytest.approx(error(training.model, digits)[0] / 64, rel=0.02)


def test_beta_and_sigma_are_one_knob(digits) -> None:
    """beta · sigma² is 0.16 in both, one loss being four times the other: the same model, and not the same elbo."""
    fixed = replace(LINEAR, sigma_learned="off", epochs=600)
    one, two = (
        trained(replace(fixed, beta=beta, sigma=sigma), digits).model for beta, sigma in ((1.0, 0.4), (4.0, 0.2))
    )
    x = torch.from_numpy(digits.test.pixels) / 255
    with torch.no_grad():
        torch.testing.assert_close(one.encode(x).mu, two.encode(x).mu, rtol=0, atol=0.02)
        torch.testing.assert_close(one.encode(x).sigma, two.encode(x).sigma, rtol=0, atol=0.02)
        torch.testing.assert_close(one.decode(one.encode(x).mu), two.decode(two.encode(x).mu), rtol=0, atol=0.005)
    (squared, rate), (same, again) = error(one, digits), error(two, digits)
    assert squared == pytest.approx(same, rel=2e-3)
    assert rate == pytest.approx(again, abs=5e-3)
    elbos = [evaluate(model, digits.train, iwae=())["elbo"] for model in (one, two)]
    # 32 ln(sigma²) and the error over 2 sigma²: at sigma 0.2 it is better by 44 nats, and worse by 9.4 of the error
    expected = 64 * log(2) - (1 / 0.08 - 1 / 0.32) * squared
    assert elbos[1] - elbos[0] == pytest.approx(expected, abs=1)


def test_a_fixed_sigma_is_no_weight() -> None:
    shape = (1, 4, 4)
    model = VAE(make_plan("mlp", (3,), 2, shape), shape, "gaussian", 0.3)
    assert set(model.state_dict()) == set(model.weights()) == set(parameter_shapes(model.plan))
    assert "log_sigma" not in dict(model.named_parameters())


def test_it_stays_within_the_range_of_the_setting(digits) -> None:
    training = Training(replace(SMALL, sigma=1.1e-3), digits.image_shape)
    with torch.no_grad():
        for weight in training.model.decoder.parameters():
            weight.zero_()
    training.optimiser.param_groups[0]["lr"].fill_(0.1)
    for _ in range(3):  # black images, decoded without an error: sigma would fall for ever
        training.descend(torch.zeros(4, *digits.image_shape, dtype=torch.uint8), torch.zeros(4, 2))
    assert training.sigma == 1e-3
    assert Settings(sigma=training.sigma).sigma == training.sigma


def test_a_finished_model_is_an_ordinary_one(digits, tmp_path) -> None:
    for _ in run(SMALL, tmp_path, digits):
        pass
    saved = checkpoint.read(tmp_path)
    assert set(saved.arrays) == set(parameter_shapes(saved.plan))
    assert saved.training == {}
    assert saved.settings.sigma != SMALL.sigma
    model = load_model(saved)
    assert model.log_sigma is None
    assert model.sigma == saved.settings.sigma
    said = read(tmp_path)
    assert said.test is not None
    assert evaluate(model, digits.test)["elbo"] == pytest.approx(said.test["elbo"], abs=0.01)
    assert read_log(tmp_path)[-1]["sigma"] == pytest.approx(model.sigma, rel=1e-3)
    assert said.settings.sigma == SMALL.sigma  # what it began with


def test_an_interrupted_run_goes_on_to_the_same_sigma_bit_for_bit(digits, tmp_path) -> None:
    for _ in run(SMALL, tmp_path / "whole", digits):
        pass
    steps = run(SMALL, tmp_path / "broken", digits)
    for _ in range(11):
        next(steps)
    steps.close()
    assert checkpoint.read(tmp_path / "broken").settings.sigma != SMALL.sigma
    for _ in run(SMALL, tmp_path / "broken", digits, resume=True):
        pass
    whole, broken = (checkpoint.read(tmp_path / name) for name in ("whole", "broken"))
    assert whole.settings == broken.settings
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(array, broken.arrays[name])


def test_whoever_turns_sigma_ends_the_learning_also_for_those_who_resume(digits, tmp_path) -> None:
    steps = run(SMALL, tmp_path, digits)
    for _ in range(5):
        next(steps)
    control.ask(tmp_path, sigma=0.7)
    while control.read(tmp_path).sigma != _sigma(next(steps)):
        pass
    steps.close()
    saved = checkpoint.read(tmp_path)
    assert saved.settings.sigma == 0.7
    assert "log_sigma" not in saved.training
    resumed = Training.resume(saved._replace(settings=SMALL))
    assert (resumed.sigma, resumed.learns_sigma) == (0.7, False)
    for step in run(SMALL, tmp_path, digits, resume=True):
        assert _sigma(step) in (None, 0.7)
    assert checkpoint.read(tmp_path).settings.sigma == 0.7
    changes = [line["changed"] for line in read_log(tmp_path) if "changed" in line]
    assert changes[0]["sigma"][1] == 0.7


def _sigma(step: object) -> float | None:
    return None if step is None else step.sigma  # type: ignore[attr-defined]


def test_a_rewind_learns_anew_unless_sigma_was_turned(digits, tmp_path) -> None:
    steps = run(replace(SMALL, epochs=50), tmp_path, digits)
    for _ in range(20):
        before = next(steps)
    control.ask(tmp_path, rewind=1)
    while (step := next(steps)) is None or step.step > 15:
        pass
    assert abs(step.sigma - 0.5) < abs(before.sigma - 0.5)  # type: ignore[union-attr]
    control.ask(tmp_path, sigma=0.7)
    while _sigma(step := next(steps)) != 0.7:
        pass
    control.ask(tmp_path, rewind=2)
    while (step := next(steps)) is None or step.step > 3:
        pass
    assert step.sigma == 0.7
    steps.close()


def test_those_who_watch_see_what_it_is_now(digits, tmp_path) -> None:
    steps = run(replace(SMALL, epochs=50), tmp_path, digits)
    next(steps)
    watch(tmp_path)
    for _ in range(200):
        next(steps)
    steps.close()
    data = (tmp_path / FRAME).read_bytes()
    meta = json.loads(data[8 : 8 + int.from_bytes(data[4:8], "little")])
    assert meta["sigma_learned"] is True
    assert meta["sigma"] < 0.45


def test_where_it_makes_no_sense_it_is_refused(digits) -> None:
    with pytest.raises(InputError, match="no sigma to learn"):
        Settings(sigma_learned="on")
    with pytest.raises(InputError, match="one knob"):
        next(follow(SMALL, digits))
