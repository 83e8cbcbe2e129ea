"""Encoder and decoder: shapes for every kind of image, parameters as the plan says, and the layers themselves."""

from itertools import product

import pytest
import torch

from vae.files.checkpoint import parameter_shapes
from vae.gaussian import DiagonalGaussian
from vae.model import VAE
from vae.networks import Decoder, Encoder, _module
from vae.plan import make_plan

SIZES = [(8, 8), (7, 7), (28, 28), (5, 9), (6, 11), (1, 1), (1, 13), (2, 3)]
NETWORKS = [("mlp", ()), ("mlp", (12,)), ("mlp", (12, 7, 5)), ("conv", (3,)), ("conv", (3, 5)), ("conv", (2, 3, 4))]
PLANS = [
    (arch, hidden, latent_dim, (channels, *size))
    for (arch, hidden), (channels, size) in product(NETWORKS, product((1, 3), SIZES))
    for latent_dim in (1, 2, 64)
]


@pytest.mark.parametrize(("arch", "hidden"), NETWORKS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_images_come_back_in_their_shape(arch, hidden, channels, size) -> None:
    shape = (channels, *size)
    x = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    for latent_dim in (1, 2, 64):
        plan = make_plan(arch, hidden, latent_dim, shape)
        posterior = Encoder(plan)(x)
        assert isinstance(posterior, DiagonalGaussian)
        assert posterior.mu.shape == posterior.logvar.shape == (2, latent_dim)
        assert Decoder(plan)(posterior.mu).shape == x.shape


@pytest.mark.parametrize("size", [(28, 28), (5, 9), (1, 13)], ids=str)
def test_one_channel_is_decoded_alike_with_and_without_gradients(size) -> None:
    torch.manual_seed(0)  # initial weights only
    decoder = Decoder(make_plan("conv", (3, 5), 2, (1, *size)))
    z = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    learning = decoder(z)
    assert learning.requires_grad
    with torch.no_grad():
        torch.testing.assert_close(decoder(z), learning.detach(), rtol=0, atol=1e-6)
        with torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(decoder(z).float(), learning.detach(), rtol=0, atol=0.02)


def test_parameter_shapes_are_those_of_the_modules() -> None:
    with torch.device("meta"):
        for arch, hidden, latent_dim, shape in PLANS:
            plan = make_plan(arch, hidden, latent_dim, shape)
            state = VAE(plan, shape, "bernoulli").state_dict()
            assert {name: tuple(t.shape) for name, t in state.items()} == parameter_shapes(plan), plan


def test_the_heads_are_two() -> None:
    encoder = Encoder(make_plan("mlp", (6,), 2, (1, 3, 3)))
    x = torch.rand(4, 1, 3, 3)
    before = encoder(x)
    with torch.no_grad():
        encoder.logvar.bias += 1
    after = encoder(x)
    assert after.mu.equal(before.mu)
    torch.testing.assert_close(after.logvar, before.logvar + 1)


def test_a_linear_decoder_is_the_linear_map_of_its_weights() -> None:
    decoder = Decoder(make_plan("mlp", (), 2, (1, 2, 3)))
    z = torch.randn(5, 2)
    weight, bias = decoder.layers[0].weight, decoder.layers[0].bias
    torch.testing.assert_close(decoder(z).flatten(1), z @ weight.T + bias)


@pytest.mark.parametrize("arch", ["mlp", "conv"])
def test_every_weight_has_a_part_in_the_output(arch) -> None:
    torch.manual_seed(0)  # initial weights only; the modules take no generator
    shape = (3, 6, 5)
    model = VAE(make_plan(arch, (4, 4), 2, shape), shape, "gaussian")
    posterior = model.encode(torch.rand(64, *shape))
    (model.decoder(posterior.at(torch.randn(64, 2))).square().sum() + posterior.kl_per_dim().sum()).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []


def test_an_unknown_layer_is_named() -> None:
    with pytest.raises(ValueError, match="unknown layer"):
        _module({"op": "attention"})
