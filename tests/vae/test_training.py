"""Training: what a step does, in what order images come, what is reproducible, and how divergence is told."""

from __future__ import annotations

import dataclasses
from itertools import islice
from math import log

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from vae.analysis.evaluation import evaluate
from vae.data.image_sets import Images
from vae.errors import InputError
from vae.files import checkpoint
from vae.settings import Settings
from vae.training import loop
from vae.training.batches import batches, order
from vae.training.cuda_graph import capture
from vae.training.devices import describe_device, pick_device
from vae.training.loop import Diverged, Training, count_steps, train
from vae.training.schedules import lr_factor

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = Settings(data="digits", hidden=(16,), latent_dim=2, epochs=2, batch_size=50, device="cpu", lr=3e-3)


def trained(settings: Settings, images: Images, steps: int | None = None) -> Training:
    loop = Training(settings, images.image_shape)
    for _ in islice(train(loop, images), steps):
        pass
    return loop


def weights(loop: Training) -> dict[str, torch.Tensor]:
    return {name: weight.detach().cpu().clone() for name, weight in loop.model.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    """Bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def saved(loop: Training, path) -> checkpoint.Checkpoint:
    """The training, through a file and back."""
    shape = loop.model.image_shape
    checkpoint.write(path, loop.settings, shape, loop.step, loop.model.state_dict(), loop.state())
    return checkpoint.read(path)


# ---- one step -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_a_step_is_adam_on_distortion_plus_beta_times_rate(likelihood, digits) -> None:
    """Against the formulas written out, with a plain optimiser, for a few steps."""
    settings = dataclasses.replace(SMALL, likelihood=likelihood, sigma=0.5, beta=2.5, lr_schedule="constant")
    ours = Training(settings, digits.image_shape)
    reference = Training(settings, digits.image_shape).model
    plain = torch.optim.Adam(reference.parameters(), lr=settings.lr, foreach=False)
    generator = torch.Generator().manual_seed(0)
    for i in range(5):
        pixels = torch.from_numpy(digits.train.pixels[i * 50 : (i + 1) * 50])
        zeta = torch.randn(50, 2, generator=generator)
        ours.optimiser.param_groups[0]["lr"].fill_(settings.lr)
        terms = ours.training_step(pixels, zeta)

        x = pixels / 255
        mu, logvar = reference.encoder(x)
        output = reference.decoder(mu + torch.exp(logvar / 2) * zeta)
        if likelihood == "bernoulli":
            distortion = F.binary_cross_entropy_with_logits(output, x, reduction="sum") / 50
        else:
            distortion = F.mse_loss(output, x, reduction="sum") / 50 / (2 * 0.25) + 64 * (log(0.5) + log(2 * np.pi) / 2)
        rate_per_dim = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).mean(0)
        plain.zero_grad()
        (distortion + 2.5 * rate_per_dim.sum()).backward()
        plain.step()
        torch.testing.assert_close(terms, torch.cat([distortion[None], rate_per_dim]).detach(), rtol=1e-5, atol=1e-5)
    for a, b in zip(ours.model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_a_step_tells_where_the_run_is(digits) -> None:
    steps = list(train(Training(SMALL, digits.image_shape), digits.train))
    assert len(steps) == count_steps(SMALL, 1078) == 44  # 2 · 1078 / 50, rounded up
    assert [step.step for step in steps] == list(range(1, 45))
    assert {step.steps for step in steps} == {44}
    assert [step.images for step in steps[:3]] == [50, 100, 150]
    assert [step.epoch for step in steps[20:22]] == [0, 1]  # 1,078 images have been seen after 22 steps
    assert steps[-1].epoch == 2
    step = steps[-1]
    assert step.terms.shape == (3,)
    assert not step.terms.requires_grad
    assert step.rate == pytest.approx(sum(step.rate_per_dim), rel=1e-5)
    assert step.elbo == pytest.approx(-(step.distortion + step.rate), rel=1e-5)
    assert step.beta == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        step.step = 3  # type: ignore[misc]


def test_training_raises_the_elbo(digits) -> None:
    settings = dataclasses.replace(SMALL, epochs=30)
    before = evaluate(Training(settings, digits.image_shape).model, digits.validation, iwae=())["elbo"]
    after = evaluate(trained(settings, digits.train).model, digits.validation, iwae=())["elbo"]
    assert after > before + 10


@pytest.mark.parametrize("arch", ["mlp", "conv"])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_every_kind_of_network_and_likelihood_trains_on_colour_too(arch, likelihood) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 3, 7, 9), dtype=np.uint8)
    images = Images(pixels, np.zeros(64, np.int64))
    settings = Settings(arch=arch, hidden=(4,), likelihood=likelihood, batch_size=16, epochs=30, device="cpu", lr=1e-2)
    steps = list(train(Training(settings, (3, 7, 9)), images))
    assert steps[-1].elbo > steps[0].elbo


# ---- the order of the images ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "size"), [(10, 3), (10, 5), (7, 7), (3, 8), (1, 4), (100, 1)])
def test_every_image_comes_once_a_pass_and_every_batch_is_full(n, size) -> None:
    chosen = list(islice(batches(1, n, size, 0, torch.device("cpu")), 3 * n))
    assert all(batch.shape == (size,) for batch in chosen)
    row = torch.cat(chosen)
    for epoch in range(len(row) // n):
        assert sorted(row[epoch * n : (epoch + 1) * n].tolist()) == list(range(n))


def test_the_order_differs_between_passes_and_seeds() -> None:
    orders = {tuple(order(seed, epoch, 50, torch.device("cpu")).tolist()) for seed in (1, 2) for epoch in (0, 1)}
    assert len(orders) == 4


@pytest.mark.parametrize("step", [1, 4, 17])
def test_batches_can_be_entered_at_any_step(step) -> None:
    device = torch.device("cpu")
    whole = list(islice(batches(1, 10, 3, 0, device), 30))
    entered = list(islice(batches(1, 10, 3, step, device), 30 - step))
    assert torch.equal(torch.stack(whole[step:]), torch.stack(entered))


# ---- the learning rate and beta -------------------------------------------------------------------------------------


def test_one_cycle_rises_to_the_peak_and_falls_to_nothing() -> None:
    factors = [lr_factor("one-cycle", step, 101) for step in range(101)]
    assert factors[0] == pytest.approx(1 / 25)
    assert factors[30] == 1
    assert factors[100] == pytest.approx(1 / 2.5e5)
    assert factors[:31] == sorted(set(factors[:31]))
    assert factors[30:] == sorted(set(factors[30:]), reverse=True)


def test_one_cycle_is_that_of_torch_to_within_a_step() -> None:
    peer = torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    schedule = torch.optim.lr_scheduler.OneCycleLR(peer, max_lr=1.0, total_steps=1001, cycle_momentum=False)
    for step in range(1001):
        assert lr_factor("one-cycle", step, 1001) == pytest.approx(peer.param_groups[0]["lr"], abs=0.006)
        peer.step()
        if step < 1000:
            schedule.step()


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_runs_have_a_rate_too(steps) -> None:
    assert all(0 < lr_factor("one-cycle", step, steps) <= 1 for step in range(steps))
    assert lr_factor("constant", 0, steps) == 1


def test_the_rate_of_a_step_is_the_schedule_times_the_peak(digits) -> None:
    for step in train(Training(SMALL, digits.image_shape), digits.train):
        assert step.lr == pytest.approx(3e-3 * lr_factor("one-cycle", step.step - 1, 44))


@pytest.mark.parametrize(("name", "value"), [("beta", 4.0), ("lr", 1e-2)])
def test_beta_and_the_rate_can_be_changed_between_steps(name, value, digits) -> None:
    """Changed before the first step, they are as if set from the start; changed later, they act at once."""
    changed = Training(SMALL, digits.image_shape)
    setattr(changed, name, value)
    for step in train(changed, digits.train):
        assert name == "lr" or step.beta == value
    from_start = trained(dataclasses.replace(SMALL, **{name: value}), digits.train)
    assert same(weights(changed), weights(from_start))

    late = Training(SMALL, digits.image_shape)
    for step in train(late, digits.train):
        if step.step == 20:
            assert same(weights(late), weights(trained(SMALL, digits.train, 20)))
            setattr(late, name, value)
    assert not same(weights(late), weights(trained(SMALL, digits.train)))


def test_a_large_beta_empties_the_code(digits) -> None:
    settings = dataclasses.replace(SMALL, epochs=40)
    assert (
        list(train(Training(dataclasses.replace(settings, beta=100), digits.image_shape), digits.train))[-1].rate < 0.05
    )
    assert list(train(Training(settings, digits.image_shape), digits.train))[-1].rate > 0.5


# ---- reproducibility ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arch", ["mlp", "conv"])
def test_equal_seeds_give_equal_weights_bit_for_bit(arch, digits) -> None:
    settings = dataclasses.replace(SMALL, arch=arch, hidden=(4, 8), epochs=1)
    first = weights(trained(settings, digits.train))
    torch.rand(3)  # global state has no part in it
    assert same(first, weights(trained(settings, digits.train)))
    assert not same(first, weights(trained(dataclasses.replace(settings, seed=2), digits.train)))


def test_global_random_state_is_left_alone(digits) -> None:
    before = torch.get_rng_state()
    trained(SMALL, digits.train, 5)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("step", [0, 1, 21, 22, 43, 44])
def test_a_training_resumed_from_a_file_ends_bit_for_bit_the_same(step, digits, tmp_path) -> None:
    broken = trained(SMALL, digits.train, step)
    resumed = Training.resume(saved(broken, tmp_path / "c.safetensors"))
    assert resumed.step == step
    rest = [s.step for s in train(resumed, digits.train)]
    assert rest == list(range(step + 1, 45))
    unbroken = trained(SMALL, digits.train)
    assert same(weights(resumed), weights(unbroken))
    assert same(resumed.state(), unbroken.state())


def test_what_was_changed_by_hand_is_resumed_too(digits, tmp_path) -> None:
    loop = trained(SMALL, digits.train, 3)
    loop.beta, loop.lr = 0.1, 0.02
    resumed = Training.resume(saved(loop, tmp_path / "c.safetensors"))
    assert (resumed.beta, resumed.lr) == (0.1, 0.02)


def test_a_finished_model_cannot_be_trained_on(digits, tmp_path) -> None:
    model = trained(SMALL, digits.train).model
    checkpoint.write(tmp_path / "c.safetensors", SMALL, digits.image_shape, 44, model.state_dict())
    with pytest.raises(InputError, match="finished model"):
        Training.resume(checkpoint.read(tmp_path / "c.safetensors"))


# ---- divergence -----------------------------------------------------------------------------------------------------


def first_infinite_step(settings: Settings, images: Images) -> int:
    """By the loss itself, looked at after every step."""
    loop = Training(settings, images.image_shape)
    steps = train(loop, images)
    return next(step.step for step in steps if not np.isfinite(step.elbo))


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"lr": 10.0, "likelihood": "gaussian", "hidden": (64, 64)}, "learning rate 10 .* try 1"),
        ({"lr": 10.0, "likelihood": "gaussian", "sigma": 0.001, "hidden": (64, 64)}, "sigma 0.001 .* 1,000,000 times"),
        ({"lr": 10.0, "likelihood": "gaussian", "beta": 1e6, "hidden": (64, 64)}, r"beta 1e\+06"),
    ],
)
def test_divergence_names_the_first_step_and_the_likely_cause(change, cause, digits) -> None:
    settings = dataclasses.replace(SMALL, epochs=30, lr_schedule="constant", **change)
    expected = first_infinite_step(settings, digits.train)
    diverging = Training(settings, digits.image_shape)
    with pytest.raises(Diverged, match=cause) as error:
        for _ in train(diverging, digits.train):
            pass
    assert error.value.step == expected
    assert f"step {expected} " in str(error.value)
    assert expected <= diverging.step < expected + loop.CHECK_EVERY
    assert isinstance(error.value, InputError)


def test_no_state_is_handed_out_that_is_not_finite(digits) -> None:
    unnoticed = trained(SMALL, digits.train, 3)
    with torch.no_grad():
        next(unnoticed.model.parameters())[0, 0] = torch.nan
    with pytest.raises(Diverged) as error:
        unnoticed.state()
    assert error.value.step == 4  # the first one that would show it


# ---- devices --------------------------------------------------------------------------------------------------------


def test_a_device_that_is_not_there_is_one_sentence(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for name in ("cuda", "mps"):
        with pytest.raises(InputError, match=f"no {name} device.*--device auto"):
            pick_device(name)
    assert pick_device("auto").type == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("auto").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto").type == "cuda"
    assert pick_device("cpu").type == "cpu"


def test_a_device_is_named_for_people() -> None:
    assert "1 threads" in describe_device(torch.device("cpu"))


def test_codes_stay_precise_where_convolutions_are_rounded(digits) -> None:
    """bf16 as on a GPU, here on the CPU: mu and logvar come out in float32, and are no multiples of bf16's steps."""
    model = Training(dataclasses.replace(SMALL, arch="conv", hidden=(4, 8)), digits.image_shape).model
    x = torch.from_numpy(digits.train.pixels[:50]) / 255
    with torch.autocast("cpu", torch.bfloat16):
        posterior = model.encode(x)
        rounded = model.decoder(posterior.mu)
    assert posterior.mu.dtype == posterior.logvar.dtype == torch.float32
    assert not torch.equal(posterior.mu, posterior.mu.bfloat16().float())
    assert rounded.dtype == torch.bfloat16  # the last layer is a convolution
    torch.testing.assert_close(posterior.mu, model.encode(x).mu, rtol=0, atol=0.02)


def cuda(settings: Settings) -> Settings:
    return dataclasses.replace(settings, device="cuda")


@pytest.mark.cuda
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_captured_graph_steps_as_the_plain_step_does(likelihood, digits) -> None:
    settings = cuda(dataclasses.replace(SMALL, likelihood=likelihood))
    captured, plain = Training(settings, digits.image_shape), Training(settings, digits.image_shape)
    replay = capture(captured)
    for i in range(20):
        pixels = torch.from_numpy(digits.train.pixels[i * 50 : (i + 1) * 50]).cuda()
        zeta = torch.randn(50, 2, device="cuda")
        for one in (captured, plain):
            one.beta = float(i)
            one.optimiser.param_groups[0]["lr"].fill_(1e-3 * i)
        torch.testing.assert_close(replay(pixels, zeta), plain.training_step(pixels, zeta), rtol=1e-4, atol=1e-4)
    for a, b in zip(captured.model.parameters(), plain.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.cuda
@pytest.mark.parametrize("steps", [0, 7])
def test_capturing_changes_neither_weights_nor_moments(steps, digits) -> None:
    one = trained(cuda(SMALL), digits.train, steps)
    before = weights(one), {name: t.cpu().clone() for name, t in one.state().items()}
    capture(one)
    assert same(before[0], weights(one))
    assert same(before[1], {name: t.cpu() for name, t in one.state().items()})


@pytest.mark.cuda
@pytest.mark.parametrize("arch", ["mlp", "conv"])
def test_training_on_a_gpu_comes_to_what_the_cpu_comes_to(arch, digits) -> None:
    settings = dataclasses.replace(SMALL, arch=arch, hidden=(16, 32), epochs=40)
    elbos = [
        evaluate(trained(s, digits.train).model.cpu(), digits.validation, iwae=())["elbo"]
        for s in (settings, cuda(settings))
    ]
    assert elbos[1] == pytest.approx(elbos[0], abs=0.6)


@pytest.mark.cuda
def test_no_step_on_a_gpu_waits_for_it(digits) -> None:
    steps = train(Training(cuda(dataclasses.replace(SMALL, batch_size=20)), digits.image_shape), digits.train)
    next(steps)  # capturing waits
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in islice(steps, 20):
            pass
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.cuda
def test_each_step_keeps_its_own_numbers_on_a_gpu(digits) -> None:
    steps = list(islice(train(Training(cuda(SMALL), digits.image_shape), digits.train), 10))
    assert len({step.distortion for step in steps}) == 10


@pytest.mark.cuda
def test_a_training_on_a_gpu_can_be_resumed(digits, tmp_path) -> None:
    resumed = Training.resume(saved(trained(cuda(SMALL), digits.train, 20), tmp_path / "c.safetensors"))
    for step in train(resumed, digits.train):
        last = step
    whole = list(train(Training(cuda(SMALL), digits.image_shape), digits.train))[-1]
    assert last.step == whole.step
    assert last.elbo == pytest.approx(whole.elbo, abs=1e-2)
