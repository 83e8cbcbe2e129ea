"""The networks of the explorer beside those of PyTorch."""

from __future__ import annotations

import gzip
import re
from base64 import b64decode, b64encode

import numpy as np
import pytest
import torch

from tests.browser.room import MODELS, gallery
from tests.explorer.node import Node
from vae.exports.html import page_of
from vae.exports.opening import open_path
from vae.files.checkpoint import Checkpoint, load_model, parameter_shapes
from vae.files.frame import encoder_frame, explorer_frame
from vae.model import VAE
from vae.plan import Plan, make_plan
from vae.settings import Settings

TOLERANCE = 1e-5
ROUNDED = 1e-4  # of a page taken home, whose weights are shorter

# Runs every row of `inputs` (float32, n rows) through the Decoder or the Encoder of a frame, in JavaScript and in
# WebAssembly; returns the outputs of both.
RUN = """async ([frameModule, networkModule, simdModule, frame, kind, text, n]) => {
  const { Frame } = await import(frameModule);
  const { Network, Decoder, Encoder } = await import(networkModule);
  const { SimdNetwork } = await import(simdModule);
  const bytesOf = (text) => Uint8Array.from(Buffer.from(text, "base64")).buffer;
  const loaded = new Frame(bytesOf(frame));
  const inputs = new Float32Array(bytesOf(text));
  const size = inputs.length / n;
  const runWith = (Layers) => kind === "decode"
    ? (decoder => (row) => [...decoder.decode(row)])(new Decoder(loaded, Layers))
    : (encoder => (row) => Object.values(encoder.encode(row)).flatMap((part) => [...part]))(new Encoder(loaded, Layers));
  const all = (run) => Array.from({ length: n }, (_, i) => run(inputs.subarray(i * size, (i + 1) * size)));
  const outputs = Float32Array.from([Network, SimdNetwork].flatMap((Layers) => all(runWith(Layers))).flat());
  return Buffer.from(outputs.buffer).toString("base64");
}"""


def run(node: Node, frame: bytes, kind: str, inputs: np.ndarray) -> np.ndarray:
    given, text = (b64encode(data).decode() for data in (frame, np.ascontiguousarray(inputs, "<f4").tobytes()))
    modules = [node.module(name) for name in ("data/frame.js", "network/network.js", "network/simd-network.js")]
    result = node.evaluate(RUN, [*modules, given, kind, text, len(inputs)])
    return np.frombuffer(b64decode(result), "<f4").reshape(2, len(inputs), -1)


def decoded(model: VAE, z: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model.decode(torch.tensor(z)).flatten(1).numpy()


def encoded(model: VAE, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return torch.cat(model.encode(torch.tensor(x)), 1).numpy()


def frames(name: str, *, exported: bool) -> tuple[bytes, bytes]:
    """Frame and encoder of a model of the gallery, as the app serves them or as a page taken home carries them."""
    content = open_path(gallery(name).folder, lambda *_: None)
    if exported:
        page = page_of(content, name).decode()
        packed = (re.search(f'data-packed="{part}">([^<]*)<', page) for part in ("frame", "encoder"))
        frame, encoder = (gzip.decompress(b64decode(found[1])) for found in packed if found)
        return frame, encoder
    frame = explorer_frame(name, content.checkpoint, content.held_out, content.classes, content.rate_per_dim)
    return frame, encoder_frame(name, content.checkpoint)


@pytest.mark.parametrize("exported", [False, True], ids=["app", "taken home"])
@pytest.mark.parametrize("name", MODELS)
def test_the_page_decodes_and_encodes_as_pytorch_does(node, name, exported) -> None:
    model, tolerance = gallery(name), ROUNDED if exported else TOLERANCE
    frame, encoder = frames(name, exported=exported)
    z = np.random.default_rng(0).standard_normal((1000, model.latent_dim), np.float32)
    there, here = run(node, frame, "decode", z), decoded(model.vae, z)
    assert np.ptp(here, 0).max() > 0.5  # these images differ
    np.testing.assert_allclose(there, [here, here], rtol=0, atol=tolerance)

    x = model.held_out.images[:100].astype(np.float32) / 255
    there, here = run(node, encoder, "encode", x), encoded(model.vae, x)
    assert np.ptp(here, 0).max() > 0.5
    np.testing.assert_allclose(there, [here, here], rtol=0, atol=tolerance)


def odd(arch: str, hidden: tuple[int, ...], k: int, shape: tuple[int, int, int], likelihood: str) -> Checkpoint:
    """A model with random weights, larger than those that training begins with."""
    torch.manual_seed(0)  # initial weights only; the modules take no generator
    model = VAE(make_plan(arch, hidden, k, shape), shape, likelihood)
    arrays = {name: (2 * weight).numpy() for name, weight in model.state_dict().items()}
    settings = Settings(arch=arch, hidden=hidden, latent_dim=k, likelihood=likelihood)
    return Checkpoint(settings, shape, 0, arrays, {})


def plan_with_skips(k: int, shape: tuple[int, int, int]) -> Plan:
    """Residual blocks: around dense layers from the input, across a ReLU, and around a convolution with one before it."""
    channels, height, width = shape
    pixels, inner = channels * height * width, 6 * height * width
    conv = {"op": "conv", "kernel": 3, "stride": 1, "padding": 1}
    trunk = [
        {**conv, "in": channels, "out": 6}, {"op": "relu"},
        {**conv, "in": 6, "out": 6}, {"op": "relu"}, {**conv, "in": 6, "out": 6}, {"op": "add", "from": 1}, {"op": "relu"},
        {"op": "flatten"}, {"op": "linear", "in": inner, "out": inner}, {"op": "add", "from": 7}, {"op": "relu"},
        {"op": "linear", "in": inner, "out": 9},
    ]  # fmt: skip
    decoder = [
        {"op": "linear", "in": k, "out": k}, {"op": "add", "from": -1}, {"op": "relu"},
        {"op": "linear", "in": k, "out": pixels}, {"op": "relu"}, {"op": "unflatten", "shape": list(shape)},
        {**conv, "in": channels, "out": channels}, {"op": "add", "from": 5},
    ]  # fmt: skip
    return Plan(trunk, 9, k, decoder)


def test_skip_connections_compute_what_pytorch_does(node, monkeypatch) -> None:
    rng = np.random.default_rng(2)
    for k, shape, likelihood in ((3, (3, 5, 4), "gaussian"), (2, (1, 6, 7), "bernoulli")):
        plan = plan_with_skips(k, shape)
        monkeypatch.setattr(Checkpoint, "plan", property(lambda _, plan=plan: plan))
        torch.manual_seed(0)
        model = VAE(plan, shape, likelihood)
        arrays = {name: (2 * weight).numpy() for name, weight in model.state_dict().items()}
        assert {name: array.shape for name, array in arrays.items()} == parameter_shapes(plan)
        checkpoint = Checkpoint(Settings(latent_dim=k, likelihood=likelihood), shape, 0, arrays, {})
        model = load_model(checkpoint)
        z, x = rng.standard_normal((20, k), np.float32), rng.random((20, *shape), np.float32)
        there, here = run(node, explorer_frame("skips", checkpoint, None, (), []), "decode", z), decoded(model, z)
        assert np.ptp(here, 0).max() > 0.01
        np.testing.assert_allclose(there, [here, here], rtol=0, atol=TOLERANCE)
        there, here = run(node, encoder_frame("skips", checkpoint), "encode", x), encoded(model, x)
        np.testing.assert_allclose(there, [here, here], rtol=0, atol=TOLERANCE)


def test_a_skip_connection_adds_what_is_final(node) -> None:
    plan = [{"op": "linear", "in": 2, "out": 2}, {"op": "relu"}, {"op": "add", "from": 0}]
    with pytest.raises(AssertionError, match="adds layer 0, which a ReLU follows"):
        node.call("network/layers.js", "(m, plan) => m.layersOf(plan, [2])", plan)


ODD = [
    ("mlp", (), 1, (1, 5, 7), "bernoulli"),
    ("mlp", (13, 7), 5, (3, 6, 5), "gaussian"),
    ("mlp", (3, 2, 1), 64, (1, 1, 9), "bernoulli"),
    ("conv", (5,), 1, (1, 7, 9), "bernoulli"),
    ("conv", (3, 8, 4), 3, (3, 13, 10), "gaussian"),
    ("conv", (4, 6, 8, 8, 8, 8), 2, (3, 33, 18), "bernoulli"),
    ("conv", (4, 2), 2, (1, 1, 1), "gaussian"),
]


def test_networks_of_any_shape_compute_what_pytorch_does(node) -> None:
    rng = np.random.default_rng(1)
    for case in ODD:
        checkpoint = odd(*case)
        model, k = load_model(checkpoint), checkpoint.settings.latent_dim
        z = rng.standard_normal((20, k), np.float32)
        there, here = run(node, explorer_frame("odd", checkpoint, None, (), []), "decode", z), decoded(model, z)
        assert np.ptp(here, 0).max() > 0.01, case  # its images differ
        np.testing.assert_allclose(there, [here, here], rtol=0, atol=TOLERANCE, err_msg=str(case))
        x = rng.random((20, *checkpoint.image_shape), np.float32)
        there, here = run(node, encoder_frame("odd", checkpoint), "encode", x), encoded(model, x)
        assert np.ptp(here, 0).max() > 0.01, case
        np.testing.assert_allclose(there, [here, here], rtol=0, atol=TOLERANCE, err_msg=str(case))
