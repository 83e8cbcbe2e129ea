"""Data-parallel training by several processes that torchrun starts; without torchrun, by one process.

Every rank takes its share of each batch. Only rank 0 reads and writes the run folder. It broadcasts the settings before
every step, and within a step the gradients are averaged over all ranks.
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

TIMEOUT = timedelta(minutes=15)  # the other ranks wait while rank 0 is paused
END, CONTINUE, REWIND = 0.0, 1.0, 2.0  # first number of the message that rank 0 broadcasts before a step


@contextmanager
def joined() -> Iterator[None]:
    """Join the process group that torchrun has set up, if any, until the context ends."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    with _readable_errors():
        # gloo carries the settings between the CPUs, without waiting for the GPUs
        backends = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backends, timeout=TIMEOUT)
    try:
        yield
    finally:
        with suppress(RuntimeError):
            dist.destroy_process_group()


def leave(code: int) -> None:
    """Exit at once with `code` if this was one of several ranks.

    gloo's threads may abort the process while the interpreter shuts down (PyTorch issue 190489). Output is flushed
    first, and the operating system releases the locks.
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
    """Barrier: return once every rank has called it."""
    if count() > 1:
        with _readable_errors():
            dist.monitored_barrier(timeout=TIMEOUT)


def share_state(training: Training) -> None:
    """Copy rank 0's weights, sigma, optimiser moments, noise generator and step to every rank."""
    if count() < 2:
        return
    noise = training.noise.get_state()
    step = torch.tensor(training.step)
    sigma = torch.tensor(_fixed_sigma(training), dtype=torch.float64)
    with _readable_errors(), torch.no_grad():
        dist.broadcast(sigma, 0)
        _fix_sigma(training, sigma.item())
        model = training.model
        for tensor in (*model.parameters(), *model.buffers(), *training.moments().values(), noise, step):
            dist.broadcast(tensor, 0)
    training.noise.set_state(noise)
    training.step = int(step)


def go_on(training: Training) -> bool:
    """Before a step, copy rank 0's settings to every rank. False on the other ranks when they have to stop."""
    if count() < 2:
        return True
    sigma = _fixed_sigma(training)
    message = torch.tensor([CONTINUE, training.beta, training.lr, sigma, training.scheduled], dtype=torch.float64)
    with _readable_errors():
        dist.broadcast(message, 0)
    if rank() > 0:
        command, beta, training.lr, sigma, scheduled = message.tolist()
        _fix_sigma(training, sigma)
        training.put_beta(beta)
        training.scheduled = bool(scheduled)
        training.rewound = command == REWIND
        return bool(command == CONTINUE)
    return True


def _fixed_sigma(training: Training) -> float:
    """Sigma if it is fixed, nan if it is learned."""
    return nan if training.learns_sigma else training.sigma


def _fix_sigma(training: Training, sigma: float) -> None:
    """Fix sigma if it is fixed on rank 0; `sigma` is `_fixed_sigma` there."""
    if not isnan(sigma):
        training.sigma = sigma


def end(training: Training) -> None:
    """On rank 0: tell the other ranks that no step of this training follows."""
    if count() > 1 and rank() == 0:
        message = torch.zeros(5, dtype=torch.float64)
        message[0] = REWIND if training.rewound else END
        with suppress(RuntimeError):  # they have already ended
            dist.broadcast(message, 0)


def average(training: Training, terms: Tensor) -> Tensor:
    """Average the gradients over all ranks, in place; returns the mean of `terms` over all ranks."""
    if count() < 2:
        return terms
    gradients = [weight.grad for weight in training.model.parameters() if weight.grad is not None]
    flat = torch.cat([*(gradient.reshape(-1) for gradient in gradients), terms.to(gradients[0].dtype)])
    with _readable_errors():
        dist.all_reduce(flat)
    flat /= count()
    parts: list[Tensor] = list(flat.split([*(gradient.numel() for gradient in gradients), len(terms)]))
    for gradient, part in zip(gradients, parts[:-1], strict=True):
        gradient.copy_(part.view_as(gradient))
    return parts[-1]


def mean(value: Tensor) -> Tensor:
    """The mean over all ranks of a scalar tensor without gradient."""
    if count() < 2:
        return value
    total = value.clone()
    with _readable_errors():
        dist.all_reduce(total)
    return total / count()


@contextmanager
def _readable_errors() -> Iterator[None]:
    """Turn the errors of a lost rank into an `InputError`."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise InputError(
            "Another process of this run has ended or cannot be reached, so none can go on; start all of them again "
            "with --resume."
        ) from error
