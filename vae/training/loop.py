"""Training as a generator that yields after every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import exp, prod

import torch
from torch import Tensor

from vae.data.image_arrays import Images
from vae.elbo import objective
from vae.errors import InputError
from vae.files.checkpoint import Checkpoint, check_size
from vae.model import VAE
from vae.plan import ImageShape, make_plan
from vae.settings import Settings
from vae.training import distributed
from vae.training.batches import batches, resident
from vae.training.cuda_graph import capture
from vae.training.devices import pick_device
from vae.training.optimisers import OPTIMISERS
from vae.training.schedules import beta_factor, lr_factor

CHECK_EVERY = 200  # steps between checks of the losses: a check waits for the device
SIGMA_IMAGES = 1000  # a learned sigma is a mean over about so many of the latest images: it varies by about 0.5%
LEARNED = "learned."  # prefix of the state of a learned sigma in a checkpoint
LOG_SIGMA = "log_sigma"  # its name in checkpoints of version 1, where it was a weight


class Diverged(InputError):
    """The loss or a weight is infinite or NaN; `step` is the first step (from 1) where it was found."""

    def __init__(self, step: int, settings: Settings) -> None:
        self.step = step
        super().__init__(f"Training diverged at step {step} (the loss is no finite number): {_likely_cause(settings)}.")


def _likely_cause(settings: Settings) -> str:
    if settings.likelihood == "gaussian" and settings.sigma_learned == "off" and settings.sigma < 0.1:
        return (
            f"sigma {settings.sigma:g} makes the loss {settings.sigma**-2:,.0f} times that of sigma 1; "
            "raise sigma, or lower the learning rate"
        )
    if settings.optimiser == "sgd":
        return f"sgd with lr {settings.lr:g} takes steps that are too large; try lr {settings.lr / 10:g}, or adam"
    if settings.beta > 100:
        return f"beta {settings.beta:g} multiplies the rate's gradients; lower beta, or the learning rate"
    return f"the learning rate {settings.lr:g} is most likely too high; try {settings.lr / 10:g}"


@dataclass(frozen=True, slots=True)
class Step:
    """The result of one training step.

    `terms` (1 + k,) stays on the device: the distortion, then the rate of every latent dimension, means over the images
    of the batch in nats. Only reading a property waits for the device.
    """

    step: int  # steps taken, this one included
    steps: int  # steps of the whole run
    images: int  # images seen
    epoch: int  # passes over the training images completed
    beta: float
    lr: float
    sigma_on_device: float | Tensor  # a tensor where sigma is learned
    terms: Tensor

    @property
    def sigma(self) -> float:
        """Standard deviation of a pixel under the gaussian likelihood."""
        return float(self.sigma_on_device)

    @property
    def distortion(self) -> float:
        """−ln p(x|z), nats per image."""
        return float(self.terms[0])

    @property
    def rate_per_dim(self) -> list[float]:
        """KL(q(z_i|x) ‖ N(0, 1)) of every latent dimension, nats per image."""
        return self.terms[1:].tolist()

    @property
    def rate(self) -> float:
        """KL(q(z|x) ‖ p(z)), nats per image."""
        return float(self.terms[1:].sum())

    @property
    def elbo(self) -> float:
        """−(distortion + rate), nats per image."""
        return -float(self.terms.sum())


class Training:
    """The state of a training: model, optimiser, noise generator and the number of steps taken.

    `beta` (the weight of the rate), `lr` (the peak learning rate) and `sigma` (of the gaussian likelihood) may be set
    between any two steps; setting beta ends its schedule, and setting sigma ends its learning. All randomness comes
    from `settings.seed`: on the same CPU with the same number of threads, equal settings give equal weights, bit for
    bit. Raises `InputError` for a device that is not available and for a network that is too large for a checkpoint.
    """

    def __init__(self, settings: Settings, image_shape: ImageShape) -> None:
        device = pick_device(settings.device)
        plan = make_plan(settings.arch, settings.hidden, settings.latent_dim, image_shape)
        check_size(plan)  # before training: a larger checkpoint could not be read again
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(settings.seed)  # the source of initial weights of torch's layers
            model = VAE(plan, image_shape, settings.likelihood, settings.sigma)
        if settings.sigma_learned == "on":
            model.learn_sigma()
        self.settings = settings
        self.device = device
        self.model = model.to(device)
        self.optimiser = OPTIMISERS[settings.optimiser](self.model, device)
        self.noise = torch.Generator(device).manual_seed(settings.seed)
        self.step = 0
        self.rewound = False  # whether another training has replaced this one
        self.lr = settings.lr
        self.scheduled = settings.beta_schedule != "constant"
        self._beta = settings.beta
        self._pixels = prod(image_shape) if settings.reduction == "mean" else 1
        self._weight_on_device = torch.tensor(self.effective_beta, dtype=torch.float32, device=device)
        self._unchecked: list[Tensor] = []

    @classmethod
    def resume(cls, checkpoint: Checkpoint) -> Training:
        """The training as saved in `checkpoint` (weights and `state()`). `InputError` if it has no training state."""
        training = cls(checkpoint.settings, checkpoint.image_shape)
        # values are copied into the allocated tensors: kernels may round differently with other memory alignment
        weights = {name: torch.from_numpy(a) for name, a in checkpoint.arrays.items()}
        try:
            saved = {name: torch.from_numpy(a) for name, a in checkpoint.training.items()}
            beta, training.lr, sigma, scheduled = saved["live"].tolist()
            learned = {name: tensor for name, tensor in saved.items() if name.startswith(LEARNED)}
            if LOG_SIGMA in saved:  # a start value only: its weight is 0, so the first batch replaces it
                learned = {"learned.variance": (2 * saved[LOG_SIGMA]).exp(), "learned.weight": torch.tensor(0.0)}
            if not learned:
                training.sigma = sigma
            training.model.load_state_dict(weights | learned)
            for name, tensor in training.moments().items():
                tensor.copy_(saved[name])
            training.noise.set_state(saved["noise"].clone())
            training.put_beta(beta)
            training.scheduled = bool(scheduled)
        except (KeyError, RuntimeError, TypeError, ValueError):
            raise InputError(
                "Training cannot go on from this checkpoint: it is a finished model, or of another kind of device."
            ) from None
        training.step = checkpoint.step
        return training

    @property
    def beta(self) -> float:
        """Weight of the rate in the loss."""
        return self._beta

    @beta.setter
    def beta(self, value: float) -> None:
        self.scheduled = False
        self.put_beta(value)

    def put_beta(self, value: float) -> None:
        """Set beta without ending its schedule."""
        self._beta = value
        self._weight_on_device.fill_(self.effective_beta)  # a captured graph reads it in every step

    @property
    def effective_beta(self) -> float:
        """Beta in distortion + beta · rate, nats per image: d times the setting with reduction "mean" over d pixels."""
        return self._beta * self._pixels

    @property
    def sigma(self) -> float:
        """Standard deviation of a pixel under the gaussian likelihood."""
        return self.model.sigma

    @sigma.setter
    def sigma(self, value: float) -> None:
        self.model.sigma = value

    @property
    def learns_sigma(self) -> bool:
        """Whether sigma is estimated while the model trains."""
        return self.model.learned is not None

    def state(self) -> dict[str, Tensor]:
        """What `resume` needs besides the weights. Raises `Diverged` where a loss or weight is not finite."""
        self.check()
        if not all(bool(torch.isfinite(weight).all()) for weight in self.model.parameters()):
            raise Diverged(self.step + 1, self.settings)
        live = torch.tensor([self.beta, self.lr, self.sigma, self.scheduled], dtype=torch.float64)
        learned = {name: buffer for name, buffer in self.model.named_buffers() if name.startswith(LEARNED)}
        return self.moments() | learned | {"noise": self.noise.get_state(), "live": live}

    def check(self) -> None:
        """Raise `Diverged` if the loss of a step since the last check was not finite. Waits for the device."""
        if not self._unchecked:
            return
        finite = torch.isfinite(torch.stack(self._unchecked)).all(1).tolist()
        self._unchecked.clear()
        if not all(finite):
            raise Diverged(self.step - len(finite) + 1 + finite.index(False), self.settings)

    def training_step(self, pixels: Tensor, zeta: Tensor) -> Tensor:
        """One optimiser step on uint8 pixels (B, C, H, W) with noise zeta (B, n · k), where n is `importance_samples`.

        The loss is distortion + beta · rate unless a setting changes it: see `vae.elbo.objective`. With reduction
        "mean", the loss with the effective beta is divided by the number of pixels.

        Returns the batch means (1 + k,) of the distortion and the rate of every dimension, on the device.
        """
        x = pixels.to(torch.float32).div_(255)
        bf16 = self.device.type == "cuda" and self.settings.arch == "conv"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16, cache_enabled=False):
            bound, loss = objective(
                self.model,
                x,
                zeta,
                self._weight_on_device,
                free_bits=self.settings.free_bits,
                capacity=self.settings.capacity,
                tc_weight=self.settings.tc_weight,
                at_mean=self.settings.sampling == "mean",
                learn_sigma=None if self.model.learned is None else self._learn_sigma,
            )
        self.optimiser.zero_grad(set_to_none=True)
        (loss / self._pixels if self._pixels > 1 else loss).backward()
        with torch.no_grad():
            terms = torch.cat((bound.distortion.mean(0, keepdim=True), bound.rate_per_dim.mean(0)))
            terms = distributed.average(self, terms)
        self.optimiser.step()
        return terms

    def _learn_sigma(self, squared_error: Tensor) -> None:
        assert self.model.learned is not None
        decay = exp(-self.settings.batch_size * distributed.count() / SIGMA_IMAGES)
        self.model.learned.update(distributed.mean(squared_error), decay)

    def moments(self) -> dict[str, Tensor]:
        """The optimiser's state of every weight, by name; the tensors themselves, not copies."""
        kind, state = self.settings.optimiser, self.optimiser.state
        return {f"{kind}.{key}.{name}": t for name, p in self.model.named_parameters() for key, t in state[p].items()}


def train(training: Training, images: Images) -> Iterator[Step]:
    """Train for `settings.epochs` passes over `images`, yielding after every step.

    Every batch is full: shuffled passes follow each other without end and are cut into batches, so a batch may hold the
    last images of one pass and the first of the next. No image is left out; the last batch of the run is filled from
    one more pass. Raises `Diverged` at most `CHECK_EVERY` steps after the first loss that is not finite.

    With several ranks (torchrun), each calls this and takes `settings.batch_size` images of every batch. Together they
    train as one process would with the whole batches, up to rounding; but free bits, capacity and total correlation are
    computed on each rank's share.
    """
    distributed.share_state(training)
    try:
        yield from _steps(training, images)
    except GeneratorExit:
        distributed.end(training)
        raise


def _steps(training: Training, images: Images) -> Iterator[Step]:
    settings, device = training.settings, training.device
    n, share = len(images.pixels), settings.batch_size
    size = share * distributed.count()
    own_share = slice(distributed.rank() * share, (distributed.rank() + 1) * share)
    steps = count_steps(settings, n, distributed.count())
    if training.step >= steps:
        return
    pixels = resident(images.pixels, device)
    indices = batches(settings.seed, n, size, training.step, pixels.device)
    lr_on_device = training.optimiser.param_groups[0]["lr"]
    captured = None
    take_step: Callable[[Tensor, Tensor], Tensor] = training.training_step
    while training.step < steps and distributed.go_on(training):
        # in a captured graph sigma is a constant, unless it is learned; communication between ranks is not captured
        learned = training.model.learned
        constant = training.sigma if learned is None else 0.0
        if device.type == "cuda" and captured != constant and distributed.count() == 1:
            take_step, captured = capture(training), constant
        if training.scheduled:
            period = settings.beta_period * n / size
            training.put_beta(settings.beta * beta_factor(settings.beta_schedule, training.step / period))
        lr = training.lr * lr_factor(settings.lr_schedule, training.step, steps)
        lr_on_device.fill_(lr)
        zeta = torch.randn(
            size, settings.importance_samples * settings.latent_dim, generator=training.noise, device=device
        )
        indices_of_rank = next(indices)[own_share]
        terms = take_step(pixels.index_select(0, indices_of_rank).to(device, non_blocking=True), zeta[own_share])
        training.step += 1
        training._unchecked.append(terms)
        if len(training._unchecked) == CHECK_EVERY or training.step == steps:
            training.check()
        seen = training.step * size
        sigma = training.sigma if learned is None else learned.variance.sqrt()
        yield Step(training.step, steps, seen, seen // n, training.beta, lr, sigma, terms)


def count_steps(settings: Settings, images: int, distributed: int = 1) -> int:
    """Steps of a run with `images` training images and `distributed` ranks: ⌈epochs · images / (batch · ranks)⌉, at
    most `stop_steps`.
    """
    steps = -(-settings.epochs * images // (settings.batch_size * distributed))
    return min(steps, settings.stop_steps or steps)
