"""A sigma that is learned: its optimum in closed form, its way through checkpoints, and who ends the learning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from math import log, pi

import numpy as np
import pytest
import torch

from vae.analysis.evaluation import evaluate, optimal_variance
from vae.analysis.linear import eigenvalues
from vae.data.image_sets import Images, ImageSet, load
from vae.elbo import objective
from vae.errors import InputError
from vae.files import checkpoint, control
from vae.files.checkpoint import load_model, parameter_shapes
from vae.files.runs import read, read_log
from vae.model import VAE, LearnedSigma
from vae.plan import make_plan
from vae.settings import Settings
from vae.training.beta_path import follow
from vae.training.live import FRAME, watch
from vae.training.loop import Step, Training, train
from vae.training.recorder import run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

SMALL = Settings(
    data="digits", hidden=(8,), latent_dim=2, likelihood="gaussian", sigma=0.5, sigma_learned="on", batch_size=128,
    epochs=4, lr=5e-3, device="cpu",
)  # fmt: skip
LINEAR = replace(SMALL, hidden=(), latent_dim=3, batch_size=1078, epochs=1800, lr=1e-2)
SHAPE = (1, 4, 4)


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


@torch.no_grad()
def root_mean_squared_error(model: VAE, images: Images) -> tuple[float, float]:
    """√E(x − x̂)² of a pixel with z ~ q(z|x), and the rate in nats per image."""
    x = torch.from_numpy(images.pixels[:5000]) / 255
    q = model.encode(x)
    noise = torch.Generator().manual_seed(0)
    squared = torch.stack([(x - model.decode(q.rsample(generator=noise))).square().mean() for _ in range(4)])
    return squared.mean().sqrt().item(), q.kl_per_dim().sum(1).mean().item()


@pytest.mark.parametrize(("data", "epochs"), [("digits", 10), ("digits", 60), ("sprites", 1), ("mnist", 1)])
def test_it_is_the_root_mean_squared_error_and_the_code_does_not_collapse(data, epochs, request, tmp_path) -> None:
    images = load(data) if data == "sprites" else request.getfixturevalue(data)
    settings = Settings(
        data=data, likelihood="gaussian", sigma_learned="on", epochs=epochs, stop_steps=600, device="cpu"
    )
    for _ in run(settings, tmp_path, images):
        pass
    model = load_model(checkpoint.read(tmp_path))
    for split in (images.train, images.test):
        expected, rate = root_mean_squared_error(model, split)
        assert model.sigma == pytest.approx(expected, rel=0.02)
        assert rate > 1
    assert read_log(tmp_path)[-1]["sigma"] == pytest.approx(model.sigma, rel=0.03)


def test_its_gradient_is_that_of_the_logarithm_of_the_error() -> None:
    """Of a batch's first look: d/2 · ln MSE, of which sigma² = MSE is the optimum."""
    model = VAE(make_plan("mlp", (3,), 2, SHAPE), SHAPE, "gaussian", 0.3)
    x, zeta = torch.rand(5, *SHAPE), torch.randn(5, 2)
    model.learn_sigma()
    assert model.sigma == 0.3
    learned = model.learned
    assert learned is not None
    _, loss = objective(model, x, zeta, 0.0, learn_sigma=lambda error: learned.update(error, 0.9))
    mse = (x - model.decode(model.encode(x).at(zeta))).square().mean()
    torch.testing.assert_close(learned.variance, mse)
    torch.testing.assert_close(loss, 8 * (mse.log() + 1 + log(2 * pi)))
    weights = list(model.parameters())
    for ours, theirs in zip(
        torch.autograd.grad(loss, weights), torch.autograd.grad(8 * mse.log(), weights), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_it_is_a_mean_of_the_latest_errors_without_a_trace_of_its_beginning() -> None:
    learned = LearnedSigma(1.0)
    errors = torch.tensor([0.5, 0.1, 0.3, torch.inf, torch.nan])
    for error in errors[:3]:
        learned.update(error, 0.8)
    weights = np.array([0.64, 0.8, 1.0])
    expected = (weights * [0.5, 0.1, 0.3]).sum() / weights.sum()
    assert learned.variance.item() == pytest.approx(expected, rel=1e-5)
    for error in errors[3:]:  # what is no number is for the look at the loss to find
        learned.update(error, 0.8)
    assert learned.variance.item() == pytest.approx(expected, rel=1e-5)


@torch.no_grad()
def test_of_importance_weighted_training_it_is_the_optimum_of_that_bound() -> None:
    torch.manual_seed(0)
    model = VAE(make_plan("mlp", (3,), 2, SHAPE), SHAPE, "gaussian", 0.3)
    x, zeta = torch.rand(5, *SHAPE), torch.randn(5, 8 * 2)

    def loss(sigma: float) -> float:
        model.sigma = sigma
        return objective(model, x, zeta, 1.0)[1].item()

    sigma = 0.3
    for _ in range(30):
        model.sigma = sigma
        told: list[torch.Tensor] = []
        objective(model, x, zeta, 1.0, learn_sigma=told.append)
        sigma = told[0].sqrt().item()
    assert loss(sigma) < min(loss(0.99 * sigma), loss(1.01 * sigma))


def test_of_an_autoencoder_it_is_that_of_the_means(digits, tmp_path) -> None:
    settings = replace(SMALL, sampling="mean", latent_dim=32, beta=0.0, lr=1e-2)
    for _ in run(settings, tmp_path, digits):
        pass
    model = load_model(checkpoint.read(tmp_path))
    x = torch.from_numpy(digits.train.pixels) / 255
    with torch.no_grad():
        expected = (x - model.decode(model.encode(x).mu)).square().mean().sqrt().item()
    assert model.sigma == pytest.approx(expected, rel=0.03)


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
    model = VAE(make_plan("mlp", (3,), 2, SHAPE), SHAPE, "gaussian", 0.3)
    assert set(model.state_dict()) == set(model.weights()) == set(parameter_shapes(model.plan))
    model.learn_sigma()
    assert set(model.weights()) == set(parameter_shapes(model.plan))
    assert set(dict(model.named_parameters())) == set(model.weights())


def test_it_stays_within_the_range_of_the_setting(digits) -> None:
    training = Training(SMALL, digits.image_shape)
    with torch.no_grad():
        for weight in training.model.decoder.parameters():
            weight.zero_()
    for _ in range(3):  # black images, decoded without an error: the optimum is 0
        terms = training.training_step(torch.zeros(4, *digits.image_shape, dtype=torch.uint8), torch.zeros(4, 2))
    assert training.sigma == 1e-3
    assert torch.isfinite(terms).all()
    assert Settings(sigma=training.sigma).sigma == training.sigma


def test_a_finished_model_is_an_ordinary_one(digits, tmp_path) -> None:
    for _ in run(SMALL, tmp_path, digits):
        pass
    saved = checkpoint.read(tmp_path)
    assert set(saved.arrays) == set(parameter_shapes(saved.plan))
    assert saved.training == {}
    assert saved.settings.sigma != SMALL.sigma
    model = load_model(saved)
    assert model.learned is None
    assert model.sigma == saved.settings.sigma
    said = read(tmp_path)
    assert said.test is not None
    assert evaluate(model, digits.test)["elbo"] == pytest.approx(said.test["elbo"], abs=0.01)
    both = [optimal_variance(model, split, seed=SMALL.seed) for split in (digits.train, digits.validation)]
    assert model.sigma == pytest.approx((sum(both) / 2) ** 0.5, rel=1e-4)
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


def test_a_checkpoint_where_it_was_a_weight_goes_on(digits, tmp_path) -> None:
    """Files of version 1 hold log_sigma, and the optimiser's memory of it."""
    steps = run(SMALL, tmp_path, digits)
    for _ in range(11):
        next(steps)
    steps.close()
    saved = checkpoint.read(tmp_path)
    state = {name: array for name, array in saved.training.items() if "learned" not in name}
    memory = {f"adam.{key}.log_sigma": np.zeros((), np.float32) for key in ("step", "exp_avg", "exp_avg_sq")}
    old = saved._replace(training=state | memory | {"log_sigma": np.array(log(0.4), np.float32)})
    resumed = Training.resume(old._replace(settings=SMALL))
    assert resumed.learns_sigma
    assert resumed.sigma == pytest.approx(0.4, rel=1e-5)
    checkpoint.rewrite(tmp_path / "checkpoint.safetensors", old)
    step = next(run(SMALL, tmp_path, digits, resume=True))
    assert _sigma(step) == pytest.approx(root_mean_squared_error(resumed.model, digits.train)[0], rel=0.05)


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
    assert not any("learned" in name for name in saved.training)
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
    steps = run(replace(SMALL, epochs=1000), tmp_path, digits)
    first = before = next(steps)
    for _ in range(20):
        before = next(steps)
    control.ask(tmp_path, rewind=1)
    step = _after_a_rewind(steps, before)
    assert step.sigma == first.sigma > before.sigma  # type: ignore[union-attr]
    control.ask(tmp_path, sigma=0.7)
    while _sigma(step := next(steps)) != 0.7:
        pass
    control.ask(tmp_path, rewind=2)
    assert _after_a_rewind(steps, step).sigma == 0.7
    steps.close()


def _after_a_rewind(steps: Iterator[Step | None], before: Step | None) -> Step:
    """The first step that is not one more than the step before it."""
    while True:
        step = next(steps)
        assert step is not None
        assert before is not None
        if step.step <= before.step:
            return step
        before = step


def test_those_who_watch_see_what_it_is_now(digits, tmp_path) -> None:
    sigmas: dict[int, float] = {}  # of every step taken: which of them is shown is for the clock to say
    for step in run(replace(SMALL, epochs=100_000), tmp_path, digits):
        assert step is not None
        sigmas[step.step] = step.sigma
        watch(tmp_path)
        if step.step > 20 and (tmp_path / FRAME).exists():
            break
    data = (tmp_path / FRAME).read_bytes()
    meta = json.loads(data[8 : 8 + int.from_bytes(data[4:8], "little")])
    assert meta["sigma_learned"] is True
    assert meta["sigma"] == pytest.approx(sigmas[meta["step"]], rel=1e-5)


def test_where_it_makes_no_sense_it_is_refused(digits) -> None:
    with pytest.raises(InputError, match="no sigma to learn"):
        Settings(sigma_learned="on")
    with pytest.raises(InputError, match="one knob"):
        next(follow(SMALL, digits))
