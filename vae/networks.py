"""Encoder and decoder as torch modules, built from a layer plan."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vae.gaussian import DiagonalGaussian
from vae.plan import Layer, Plan


class Dense(nn.Linear):
    """A linear layer that computes in the precision of its weights, also under bf16 autocast.

    The rounding error of mu and z in bf16 would be larger than a small posterior sigma.
    """

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.to(self.weight.dtype))


class ConvTranspose(nn.ConvTranspose2d):
    """A transposed convolution; on a CPU, without gradients, one output channel is computed by PyTorch's own kernel.

    oneDNN takes four times longer for it.
    """

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        autocast = torch.is_autocast_enabled(x.device.type)
        if self.out_channels > 1 or x.device.type != "cpu" or torch.is_grad_enabled() or autocast:
            return super().forward(x, output_size)
        result: Tensor = torch.ops.aten.slow_conv_transpose2d(
            x, self.weight, self.kernel_size, self.bias, self.stride, self.padding, self.output_padding
        )
        return result


class Add(nn.Module):
    """Adds the output of layer `source` to that of the layer before: a skip connection."""

    def __init__(self, source: int) -> None:
        super().__init__()
        self.source = source

    def forward(self, x: Tensor, skipped: Tensor) -> Tensor:
        return x + skipped


class Layers(nn.Sequential):
    """The layers of a plan, one after the other; with the outputs that skip connections need, until they are added."""

    def __init__(self, plan: list[Layer]) -> None:
        super().__init__(*map(_module, plan))
        self.sources = {layer["from"] for layer in plan if layer["op"] == "add"}

    def forward(self, x: Tensor) -> Tensor:
        outputs = {-1: x} if -1 in self.sources else {}
        for i, layer in enumerate(self):
            x = layer(x, outputs[layer.source]) if isinstance(layer, Add) else layer(x)
            if i in self.sources:
                outputs[i] = x
        return x


def _module(layer: Layer) -> nn.Module:
    match layer["op"]:
        case "linear":
            return Dense(layer["in"], layer["out"])
        case "relu":
            return nn.ReLU()
        case "add":
            return Add(layer["from"])
        case "flatten":
            return nn.Flatten()
        case "unflatten":
            return nn.Unflatten(1, layer["shape"])
        case "conv":
            return nn.Conv2d(layer["in"], layer["out"], layer["kernel"], layer["stride"], layer["padding"])
        case "conv_transpose":
            return ConvTranspose(
                layer["in"], layer["out"], layer["kernel"], layer["stride"], layer["padding"], layer["output_padding"]
            )
    raise ValueError(f"unknown layer {layer!r}")


class Encoder(nn.Module):
    """x (B, C, H, W) in [0, 1] → q(z|x), one head for the mean and one for the log variance, each (B, k)."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.trunk = Layers(plan.trunk)
        self.mu = Dense(plan.features, plan.latent_dim)
        self.logvar = Dense(plan.features, plan.latent_dim)

    def forward(self, x: Tensor) -> DiagonalGaussian:
        features = self.trunk(x)
        return DiagonalGaussian(self.mu(features), self.logvar(features))


class Decoder(nn.Module):
    """z (B, k) → the parameter of p(x|z) for every pixel (B, C, H, W): logits (Bernoulli) or means (Gaussian)."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.layers = Layers(plan.decoder)

    def forward(self, z: Tensor) -> Tensor:
        result: Tensor = self.layers(z)
        return result
