"""The layer plan of an encoder and a decoder: plain data, no torch.

`networks.py` builds torch modules from a plan, the frame for the browser carries the same plan, and `network.js`
executes it. A layer is a dict with `op` and its sizes; its parameters are named after its place in the plan. A skip
connection is a layer {"op": "add", "from": i}: it adds the output of layer i of the same list (−1: its input), of equal
shape, to that of the layer before it. What it adds is final: not a layer that a ReLU follows.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Any, Literal, NamedTuple

Arch = Literal["mlp", "conv"]
ImageShape = tuple[int, int, int]  # channels, height, width
Layer = dict[str, Any]

CONV_DENSE = 256  # units of the dense layer between the convolutions and the latent space


class Plan(NamedTuple):
    """`trunk` maps an image to features; the two heads are linear maps of those `features` to `latent_dim` numbers."""

    trunk: list[Layer]
    features: int
    latent_dim: int
    decoder: list[Layer]


def make_plan(arch: Arch, hidden: tuple[int, ...], latent_dim: int, image_shape: ImageShape) -> Plan:
    """The plan of a VAE for images of `image_shape` = (channels, height, width).

    For "mlp", `hidden` are layer widths from the image inwards (none at all: a linear VAE). For "conv", they are the
    channels of stride-2 convolutions, each halving height and width (rounded up). Raises `ValueError` for another
    `arch`, and for "conv" without channels.
    """
    if arch == "mlp":
        return _mlp(hidden, latent_dim, image_shape)
    if arch == "conv":
        return _conv(hidden, latent_dim, image_shape)
    raise ValueError(f"unknown arch {arch!r}: choose mlp or conv")


def _mlp(hidden: tuple[int, ...], latent_dim: int, image_shape: ImageShape) -> Plan:
    pixels = prod(image_shape)
    trunk: list[Layer] = [{"op": "flatten"}, *_dense([pixels, *hidden])]
    decoder = [
        *_dense([latent_dim, *reversed(hidden)]),
        _linear(hidden[0] if hidden else latent_dim, pixels),
        {"op": "unflatten", "shape": list(image_shape)},
    ]
    return Plan(trunk, hidden[-1] if hidden else pixels, latent_dim, decoder)


def _conv(channels: tuple[int, ...], latent_dim: int, image_shape: ImageShape) -> Plan:
    if not channels:
        raise ValueError("a conv network needs at least one channel count, as in --hidden 32,64")
    widths = [image_shape[0], *channels]
    sizes = [image_shape[1:]]
    for _ in channels:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    inner = (widths[-1], *sizes[-1])

    trunk: list[Layer] = []
    for a, b in pairwise(widths):
        trunk += [{"op": "conv", "in": a, "out": b, "kernel": 3, "stride": 2, "padding": 1}, {"op": "relu"}]
    trunk += [{"op": "flatten"}, *_dense([prod(inner), CONV_DENSE])]

    decoder = [*_dense([latent_dim, CONV_DENSE, prod(inner)]), {"op": "unflatten", "shape": list(inner)}]
    for i in range(len(channels), 0, -1):
        # kernel 3, stride 2, padding 1 gives 2n − 1 pixels from n; the output padding adds the one an even size lacks
        padding = [1 - sizes[i - 1][0] % 2, 1 - sizes[i - 1][1] % 2]
        decoder += [
            {"op": "conv_transpose", "in": widths[i], "out": widths[i - 1],
             "kernel": 3, "stride": 2, "padding": 1, "output_padding": padding},
            {"op": "relu"},
        ]  # fmt: skip
    return Plan(trunk, CONV_DENSE, latent_dim, decoder[:-1])


def _linear(inputs: int, outputs: int) -> Layer:
    return {"op": "linear", "in": inputs, "out": outputs}


def _dense(widths: list[int]) -> list[Layer]:
    layers: list[Layer] = []
    for a, b in pairwise(widths):
        layers += [_linear(a, b), {"op": "relu"}]
    return layers
