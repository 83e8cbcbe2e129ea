"""The layer plan: plain data that agrees with itself."""

import json
from itertools import pairwise

import pytest

from vae.plan import CONV_DENSE, make_plan


def test_an_mlp_narrows_to_the_latent_space_and_widens_back() -> None:
    plan = make_plan("mlp", (512, 256), 2, (1, 28, 28))
    sizes = [(layer["in"], layer["out"]) for layer in plan.trunk if layer["op"] == "linear"]
    assert sizes == [(784, 512), (512, 256)]
    assert plan.features == 256
    sizes = [(layer["in"], layer["out"]) for layer in plan.decoder if layer["op"] == "linear"]
    assert sizes == [(2, 256), (256, 512), (512, 784)]


def test_an_mlp_without_hidden_layers_is_linear() -> None:
    plan = make_plan("mlp", (), 3, (1, 8, 8))
    assert [layer["op"] for layer in plan.trunk] == ["flatten"]
    assert plan.features == 64
    assert [layer["op"] for layer in plan.decoder] == ["linear", "unflatten"]


def test_conv_sizes_halve_rounded_up_and_come_back() -> None:
    plan = make_plan("conv", (16, 32), 2, (3, 7, 10))
    dense = next(layer for layer in plan.trunk if layer["op"] == "linear")
    assert (dense["in"], dense["out"]) == (32 * 2 * 3, CONV_DENSE)  # 7 → 4 → 2 and 10 → 5 → 3
    paddings = [layer["output_padding"] for layer in plan.decoder if layer["op"] == "conv_transpose"]
    assert paddings == [[1, 0], [0, 1]]  # 2 → 4 and 3 → 5, then 4 → 7 and 5 → 10


@pytest.mark.parametrize(("arch", "hidden"), [("mlp", ()), ("mlp", (9, 5)), ("conv", (4,)), ("conv", (4, 8))])
def test_neither_half_ends_in_a_rectifier_where_a_linear_map_is_due(arch: str, hidden: tuple[int, ...]) -> None:
    plan = make_plan(arch, hidden, 2, (1, 9, 6))
    outputs = [layer for layer in plan.decoder if layer["op"] != "unflatten"]
    assert outputs[-1]["op"] in ("linear", "conv_transpose")
    for layers in (plan.trunk, plan.decoder):
        assert all({a["op"], b["op"]} != {"relu"} for a, b in pairwise(layers))


def test_a_plan_survives_json() -> None:
    plan = make_plan("conv", (4, 8), 2, (3, 9, 6))
    assert json.loads(json.dumps(plan._asdict())) == plan._asdict()


def test_a_conv_network_needs_a_layer() -> None:
    with pytest.raises(ValueError, match="at least one channel count"):
        make_plan("conv", (), 2, (1, 8, 8))


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(ValueError, match="unknown arch 'transformer'"):
        make_plan("transformer", (4,), 2, (1, 8, 8))  # type: ignore[arg-type]
