"""Training speed of the library, compared with a common plain loop, in one run on this machine.

    python -m bench.training     (MNIST in $ELBO_ROOM_DATA, else in data)

The plain loop is the PyTorch example's: DataLoader, PIL, ToTensor, `.item()` in every step. It and the library's loop
alternate, and medians are reported, since the speed of a machine drifts. MNIST, all 60,000 training images in both,
grey pixels, nats per image.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import islice
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vae.analysis.evaluation import evaluate
from vae.data.image_arrays import Images
from vae.data.image_sets import ROOT_VARIABLE, load, torchvision_datasets
from vae.settings import Settings
from vae.training.devices import describe_device, prepare_process
from vae.training.loop import Training, count_steps, train

ROUNDS = 7
GOAL = 105.6  # test −ELBO that the PyTorch example reaches in its 10 epochs
EXAMPLE = Settings(
    hidden=(400,), latent_dim=20, batch_size=128, lr=1e-3, epochs=10, lr_schedule="constant", device="cpu"
)
GOALS = {
    "throughput_ratio": "   (goal: at least 3)",
    "sgemm_share": "   (goal: at least 0.55)",
    "race_ratio": "   (goal: at least 8)",
    "race_test_minus_elbo": f"   (goal: at most {GOAL})",
    "example_test_minus_elbo": f"   (goal: {GOAL} ± 0.7)",
}
FAST = Settings(hidden=(400,), latent_dim=20, batch_size=256, lr=1e-2, epochs=5, lr_schedule="one-cycle", device="cpu")


def main() -> dict[str, Any]:
    prepare_process()
    mnist = load("mnist")
    images = Images(*(np.concatenate(pair) for pair in zip(mnist.train, mnist.validation, strict=True)))
    plain = plain_loop()
    # several threads that wait for each other are slowed down more by other processes than one thread
    numbers: dict[str, Any] = {"device": describe_device(torch.device("cpu")), "load_before": os.getloadavg()[0]}
    numbers |= throughput(images, plain)
    numbers |= sgemm_share(images)
    numbers |= race(images, mnist.test, plain)
    numbers |= example_setting(images, mnist.test)
    print("\nTraining, MLP 784-400-20 on MNIST")
    for name, value in numbers.items():
        print(f"  {name:<38}{value}{GOALS.get(name, '')}")
    return numbers


def throughput(images: Images, plain: Iterator[None]) -> dict[str, Any]:
    """Images a second of the plain loop and of the library, with the example's settings."""
    ours = train(Training(_endless(EXAMPLE), images.image_shape), images)
    seconds(ours, 100), seconds(plain, 20)  # warm up
    pairs = [(seconds(plain, 60), seconds(ours, 60 * 4) / 4) for _ in range(ROUNDS)]
    plain_rate, our_rate = (60 * 128 / median(times) for times in zip(*pairs, strict=True))
    return {
        "plain_images_per_s": round(plain_rate),
        "images_per_s": round(our_rate),
        "throughput_ratio": round(median(a / b for a, b in pairs), 2),
    }


def sgemm_share(images: Images) -> dict[str, Any]:
    """Floating-point rate of a training step at batch size 512, as a share of this machine's matrix-product rate."""
    settings = _endless(EXAMPLE, batch_size=512)
    ours = train(Training(settings, images.image_shape), images)
    flop = training_flop(784, 400, settings.latent_dim) * settings.batch_size
    a, b, c = (torch.randn(2048, 2048) for _ in range(3))
    seconds(ours, 30), matrix_seconds(a, b, c)  # warm up
    pairs = [(matrix_seconds(a, b, c), seconds(ours, 40) / 40) for _ in range(ROUNDS)]
    sgemm, step = (median(times) for times in zip(*pairs, strict=True))
    return {
        "sgemm_gflops": round(2 * 2048**3 / sgemm / 1e9, 1),
        "training_gflops": round(flop / step / 1e9, 1),
        "sgemm_share": round(median(flop / step / (2 * 2048**3 / sgemm) for sgemm, step in pairs), 3),
    }


def race(images: Images, test: Images, plain: Iterator[None]) -> dict[str, Any]:
    """Time of the library to the example's result, and of 10 epochs of the plain loop, extrapolated."""
    training = Training(FAST, images.image_shape)
    ours, steps = train(training, images), count_steps(FAST, len(images.labels))
    spent, plain_blocks = 0.0, []
    for _ in range(ROUNDS):
        plain_blocks.append(seconds(plain, 60))
        spent += seconds(ours, -(-steps // ROUNDS))
    plain_seconds = median(plain_blocks) / 60 * count_steps(EXAMPLE, len(images.labels))
    return {
        "race_settings": {"batch_size": FAST.batch_size, "lr": FAST.lr, "epochs": FAST.epochs},
        "race_seconds": round(spent, 1),
        "plain_10_epochs_seconds_extrapolated": round(plain_seconds, 1),
        "race_ratio": round(plain_seconds / spent, 2),
        "race_test_minus_elbo": round(-evaluate(training.model, test, iwae=())["elbo"], 2),
    }


def example_setting(images: Images, test: Images) -> dict[str, Any]:
    """Test −ELBO of the library with the example's settings: 784-400-20, batch 128, constant Adam 1e-3, 10 epochs."""
    training = Training(EXAMPLE, images.image_shape)
    for _ in train(training, images):
        pass
    return {"example_test_minus_elbo": round(-evaluate(training.model, test, iwae=())["elbo"], 2)}


def training_flop(pixels: int, hidden: int, latent_dim: int) -> int:
    """Floating-point operations of one image's step: the products of forward and backward pass, nothing else.

    Every multiply-accumulate of the forward pass comes back twice, in the gradients of the weights and of the inputs;
    only the first layer's inputs need none.
    """
    first = pixels * hidden
    macs = first + hidden * 2 * latent_dim + latent_dim * hidden + hidden * pixels
    return 2 * (3 * macs - first)


def seconds(steps: Iterator[Any], n: int) -> float:
    """Wall time of `n` steps."""
    start = time.perf_counter()
    for _ in islice(steps, n):
        pass
    return time.perf_counter() - start


def matrix_seconds(a: Tensor, b: Tensor, c: Tensor) -> float:
    """Wall time of one product c = a · b, of five."""
    start = time.perf_counter()
    for _ in range(5):
        torch.mm(a, b, out=c)
    return (time.perf_counter() - start) / 5


def _endless(settings: Settings, **changes: Any) -> Settings:
    return Settings(**vars(settings) | {"epochs": 100_000} | changes)


class PlainVAE(nn.Module):
    """The network of the PyTorch example."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
        self.fc3, self.fc4 = nn.Linear(20, 400), nn.Linear(400, 784)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = F.relu(self.fc1(x.view(-1, 784)))
        mu, logvar = self.fc21(h), self.fc22(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar


def plain_loop() -> Iterator[None]:
    """The training loop of the PyTorch example, endless, yielding after every step."""
    datasets = torchvision_datasets()
    from torchvision.transforms import ToTensor

    root = os.environ.get(ROOT_VARIABLE) or "data"
    loader = torch.utils.data.DataLoader(datasets.MNIST(root, transform=ToTensor()), batch_size=128, shuffle=True)
    model = PlainVAE()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    total = 0.0
    while True:
        for x, _ in loader:
            optimiser.zero_grad()
            output, mu, logvar = model(x)
            bce = F.binary_cross_entropy(output, x.view(-1, 784), reduction="sum")
            loss = bce - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
            loss.backward()
            total += loss.item()
            optimiser.step()
            yield


if __name__ == "__main__":
    main()
