"""A training step as one CUDA graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from vae.training.loop import Training


def capture(training: Training) -> Callable[[Tensor, Tensor], Tensor]:
    """`training.training_step` as one CUDA graph: one launch instead of about a hundred kernel launches."""
    size, device = training.settings.batch_size, training.device
    pixels = torch.zeros((size, *training.model.image_shape), dtype=torch.uint8, device=device)
    noise = training.settings.importance_samples * training.settings.latent_dim
    zeta = torch.zeros((size, noise), device=device)

    # Warm-up steps on another stream let the libraries choose kernels and allocate memory; then they are undone.
    state = [*training.model.parameters(), *training.model.buffers(), *training.moments().values()]
    before = [tensor.detach().clone() for tensor in state]
    side_stream = torch.cuda.Stream(device)
    side_stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side_stream):
        for _ in range(3):
            training.training_step(pixels, zeta)
    torch.cuda.current_stream(device).wait_stream(side_stream)
    with torch.no_grad():
        for tensor, value in zip(state, before, strict=True):
            tensor.copy_(value)

    training.optimiser.zero_grad(set_to_none=True)  # so that gradients are allocated in the graph's own memory
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        terms = training.training_step(pixels, zeta)

    def replay(new_pixels: Tensor, new_zeta: Tensor) -> Tensor:
        pixels.copy_(new_pixels)
        zeta.copy_(new_zeta)
        graph.replay()
        return terms.clone()  # the next replay writes over `terms`

    return replay
