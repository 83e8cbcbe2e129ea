"""Encoder and decoder as torch modules, built from a layer plan."""

from __future__ import annotations

from torch import Tensor, nn

from vae.gaussian import DiagonalGaussian
from vae.plan import Layer, Plan


def _module(layer: Layer) -> nn.Module:
    match layer["op"]:
        case "linear":
            return nn.Linear(layer["in"], layer["out"])
        case "relu":
            return nn.ReLU()
        case "flatten":
            return nn.Flatten()
        case "unflatten":
            return nn.Unflatten(1, layer["shape"])
        case "conv":
            return nn.Conv2d(layer["in"], layer["out"], layer["kernel"], layer["stride"], layer["padding"])
        case "conv_transpose":
            return nn.ConvTranspose2d(
                layer["in"], layer["out"], layer["kernel"], layer["stride"], layer["padding"], layer["output_padding"]
            )
    raise ValueError(f"unknown layer {layer!r}")


class Encoder(nn.Module):
    """x (B, C, H, W) in [0, 1] → q(z|x), one head for the mean and one for the log variance, each (B, k)."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.trunk = nn.Sequential(*map(_module, plan.trunk))
        self.mu = nn.Linear(plan.features, plan.latent_dim)
        self.logvar = nn.Linear(plan.features, plan.latent_dim)

    def forward(self, x: Tensor) -> DiagonalGaussian:
        features = self.trunk(x)
        return DiagonalGaussian(self.mu(features), self.logvar(features))


class Decoder(nn.Module):
    """z (B, k) → the parameter of p(x|z) for every pixel (B, C, H, W): logits (Bernoulli) or means (Gaussian)."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.layers = nn.Sequential(*map(_module, plan.decoder))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)
