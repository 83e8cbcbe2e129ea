"""Several processes that train one model together, as torchrun starts them; without it, one process alone.

Every rank takes its share of each batch. Rank 0 alone reads and writes the run folder: it tells the others what is
asked of the run before every step, and the gradients of all are averaged within it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from math import isnan, nan
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch import Tensor

from vae.errors import InputError

if TYPE_CHECKING:
    from vae.training.loop import Training

PATIENCE = timedelta(minutes=15)  # the others wait as long as rank 0 is paused
END, GO_ON, REWIND = 0.0, 1.0, 2.0


@contextmanager
def joined() -> Iterator[None]:
    """Join the ranks that torchrun has started, if it has, until the context ends."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    with _one_sentence():
        # by way of gloo what is asked reaches the ranks without a wait for their GPUs
        backends = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backends, timeout=PATIENCE)
    try:
        yield
    finally:
        with suppress(RuntimeError):
            dist.destroy_process_group()


def leave(code: int) -> None:
    """End this process at once if it was one of several: while Python tears down, gloo's threads may abort it.

    (PyTorch issue 190489.) All that was written has been flushed, and the operating system frees the locks.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def count() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def wait_for_all() -> None:
    """Return once every rank has come here."""
    if count() > 1:
        with _one_sentence():
            dist.monitored_barrier(timeout=PATIENCE)


def share_state(training: Training) -> None:
    """Give every rank the weights, the sigma, the optimiser's memory, the noise and the step of rank 0."""
    if count() < 2:
        return
    noise = training.noise.get_state()
    step = torch.tensor(training.step)
    sigma = torch.tensor(_fixed_sigma(training), dtype=torch.float64)
    with _one_sentence(), torch.no_grad():
        dist.broadcast(sigma, 0)
        _fix_sigma(training, sigma.item())
        model = training.model
        for tensor in (*model.parameters(), *model.buffers(), *training.moments().values(), noise, step):
            dist.broadcast(tensor, 0)
    training.noise.set_state(noise)
    training.step = int(step)


def go_on(training: Training) -> bool:
    """Before a step: what rank 0 has been asked for is so on every rank. False where the others are to end."""
    if count() < 2:
        return True
    sigma = _fixed_sigma(training)
    word = torch.tensor([GO_ON, training.beta, training.lr, sigma, training.scheduled], dtype=torch.float64)
    with _one_sentence():
        dist.broadcast(word, 0)
    if rank() > 0:
        said, beta, training.lr, sigma, scheduled = word.tolist()
        _fix_sigma(training, sigma)
        training.put_beta(beta)
        training.scheduled = bool(scheduled)
        training.rewound = said == REWIND
        return bool(said == GO_ON)
    return True


def _fixed_sigma(training: Training) -> float:
    """Sigma where it is fixed, and nan where it is learned."""
    return nan if training.learns_sigma else training.sigma


def _fix_sigma(training: Training, sigma: float) -> None:
    """Fix sigma where rank 0 has it fixed: `_fixed_sigma` there."""
    if not isnan(sigma):
        training.sigma = sigma


def end(training: Training) -> None:
    """Rank 0 takes no more steps with this training: tell the others."""
    if count() > 1 and rank() == 0:
        word = torch.zeros(5, dtype=torch.float64)
        word[0] = REWIND if training.rewound else END
        with suppress(RuntimeError):  # they have ended before
            dist.broadcast(word, 0)


def average(training: Training, terms: Tensor) -> Tensor:
    """The mean of every rank's gradients, in place, and of its `terms`: those of the whole batch."""
    if count() < 2:
        return terms
    gradients = [weight.grad for weight in training.model.parameters() if weight.grad is not None]
    flat = torch.cat([*(gradient.reshape(-1) for gradient in gradients), terms.to(gradients[0].dtype)])
    with _one_sentence():
        dist.all_reduce(flat)
    flat /= count()
    parts: list[Tensor] = list(flat.split([*(gradient.numel() for gradient in gradients), len(terms)]))
    for gradient, part in zip(gradients, parts[:-1], strict=True):
        gradient.copy_(part.view_as(gradient))
    return parts[-1]


def mean(value: Tensor) -> Tensor:
    """The mean of a number over all ranks: a scalar tensor that needs no gradient."""
    if count() < 2:
        return value
    total = value.clone()
    with _one_sentence():
        dist.all_reduce(total)
    return total / count()


@contextmanager
def _one_sentence() -> Iterator[None]:
    """What a rank that is gone says to a person."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise InputError(
            "Another process of this run has ended or cannot be reached, so none can go on; start all of them again "
            "with --resume."
        ) from error
