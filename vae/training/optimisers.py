"""Optimisers by name, with their state allocated before the first step."""

from __future__ import annotations

import torch

from vae.model import VAE

# The state is allocated at once, so that it can be saved, restored and captured in a CUDA graph before the first step.
# The learning rate is a tensor, set before every step: a captured graph reads it.


def _adam(model: VAE, device: torch.device) -> torch.optim.Optimizer:
    weights = list(model.parameters())
    lr = torch.tensor(0.0, device=device)
    optimiser = torch.optim.Adam(weights, lr=lr, fused=True, capturable=device.type == "cuda")
    for weight in weights:
        optimiser.state[weight] = {
            "step": torch.zeros((), device=device),
            "exp_avg": torch.zeros_like(weight),
            "exp_avg_sq": torch.zeros_like(weight),
        }
    return optimiser


def _sgd(model: VAE, device: torch.device) -> torch.optim.Optimizer:
    weights = list(model.parameters())
    optimiser = torch.optim.SGD(weights, lr=torch.tensor(0.0, device=device), momentum=0.9, fused=True)
    for weight in weights:
        optimiser.state[weight] = {"momentum_buffer": torch.zeros_like(weight)}
    return optimiser


OPTIMISERS = {"adam": _adam, "sgd": _sgd}
