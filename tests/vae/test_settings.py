"""Every setting is checked where it enters, and every refusal is one sentence."""

import dataclasses
import json

import pytest

from vae.errors import InputError
from vae.settings import DATA_SETS, Settings, choices_of, field_types, parse_hidden

RANGES = {  # name: (allowed, refused)
    "latent_dim": ((1, 64), (0, -1, 65)),
    "beta": ((0, 0.5, 1e6), (-1e-9, -1, 2e6)),
    "sigma": ((1e-3, 1e3), (0, -1, 9e-4, 1001)),
    "epochs": ((1, 100_000), (0, -3, 100_001)),
    "batch_size": ((1, 65_536), (0, -1, 65_537)),
    "lr": ((1e-9, 10), (0, -1e-3, 10.1)),
    "seed": ((0, 2**31 - 1), (-1, 2**31)),
    "beta_period": ((0.01, 100_000), (0, -1, 100_001)),
    "free_bits": ((0, 100), (-0.1, 101)),
    "capacity": ((0, 1000), (-0.1, 1001)),
    "tc_weight": ((0, 10_000), (-0.1, 10_001)),
    "importance_samples": ((1, 100), (0, -1, 101)),
    "stop_steps": ((0, 2**31 - 1), (-1, 2**31)),
    "stop_minutes": ((0, 1e6), (-1, 2e6)),
    "stop_elbo": ((-1e9, 1e9), (-2e9, 2e9)),
    "picture_size": ((4, 256), (0, 3, 257)),
    "hidden": (((1,), (4096,), (1,) * 16, ()), ((0, 5), (4097,), (5, -1), (1,) * 17)),
}
CHOICES = ["data", "arch", "likelihood", "sigma_learned", "beta_schedule", "sampling", "reduction", "optimiser"]
CHOICES += ["lr_schedule", "device", "picture_colour"]


def refusal(values: dict) -> str:
    """The one sentence that refuses `values`."""
    with pytest.raises(InputError) as caught:
        Settings.of(values)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert ". " not in message
    assert len(message) < 350
    return message


def test_every_setting_has_a_range_or_choices_a_default_and_a_line_of_help() -> None:
    assert set(RANGES) | set(CHOICES) == set(field_types())
    assert Settings.of({}) == Settings()
    for f in dataclasses.fields(Settings):
        assert f.metadata["help"]
        assert "\n" not in f.metadata["help"]


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, (allowed, _) in RANGES.items() for v in allowed])
def test_the_ends_of_a_range_are_allowed(name, value) -> None:
    assert getattr(Settings.of({name: value}), name) == value


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, (_, refused) in RANGES.items() for v in refused])
def test_outside_of_a_range_is_refused_by_name(name, value) -> None:
    message = refusal({name: value})
    assert message.startswith(f"{name} must ")
    with pytest.raises(InputError):
        Settings(**{name: value})  # made directly, it is checked as well


def test_a_refusal_says_the_limit() -> None:
    assert refusal({"latent_dim": 0}) == "latent_dim must be at least 1, not 0."
    assert refusal({"beta": -1}) == "beta must be at least 0, not -1."
    assert refusal({"lr": 0}) == "lr must be above 0, not 0."
    assert refusal({"latent_dim": 65}) == "latent_dim must be at most 64, not 65."


@pytest.mark.parametrize("name", ["beta", "sigma", "lr"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "nan", "inf", "1e999", 10**400])
def test_what_is_not_finite_is_refused(name, value) -> None:
    assert refusal({name: value}).startswith(f"{name} must be finite")


@pytest.mark.parametrize("name", ["latent_dim", "epochs", "batch_size", "seed"])
@pytest.mark.parametrize("value", ["two", "", "2.5", 2.0, None, True, [2], {}, "9" * 5000])
def test_a_whole_number_is_a_whole_number(name, value) -> None:
    assert "whole number" in refusal({name: value})


def test_a_whole_number_may_have_an_exponent() -> None:
    assert Settings.of({"epochs": "1e3", "seed": "2.5E6", "batch_size": " 64 "}).epochs == 1000
    assert refusal({"epochs": "1e9"}) == "epochs must be at most 100000, not 1e+09."
    assert "whole number" in refusal({"epochs": "1e-3"})


def test_a_whole_number_of_any_length_is_refused_by_its_range() -> None:
    assert refusal({"latent_dim": 10**400}).startswith("latent_dim must be")
    assert refusal({"hidden": [10**400]}).startswith("hidden must be")


@pytest.mark.parametrize("name", ["beta", "sigma", "lr"])
@pytest.mark.parametrize("value", ["one", "", None, True, [1.0], {}, "x" * 10_000])
def test_a_number_is_a_number(name, value) -> None:
    assert refusal({name: value}).startswith(f"{name} must be a number")


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("value", ["", "MLP", "svm", 3, None, ["mlp"], {}])
def test_choices_are_listed_when_none_of_them_is_meant(name, value) -> None:
    message = refusal({name: value})
    choices = choices_of(name)
    assert choices is not None
    assert message.startswith(f"Unknown {name} ")
    assert message.endswith(f"choose one of {', '.join(choices)}.")


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice_is_allowed(name) -> None:
    for value in choices_of(name) or ():
        assert getattr(Settings.of({"likelihood": "gaussian", name: value}), name) == value
    assert choices_of("data") == DATA_SETS
    assert choices_of("beta") is None


def test_strings_of_a_command_line_are_converted() -> None:
    settings = Settings.of({"hidden": "512,256", "latent_dim": "10", "beta": "0.5", "lr": "1e-3", "arch": "mlp"})
    assert settings == Settings(hidden=(512, 256), latent_dim=10, beta=0.5, lr=1e-3, arch="mlp")
    assert type(settings.latent_dim) is int
    assert type(settings.beta) is float


@pytest.mark.parametrize(
    ("text", "widths"), [("400", (400,)), ("512, 256", (512, 256)), ("0", ()), ("", ()), ("8,", (8,))]
)
def test_hidden_widths_are_read_from_text(text, widths) -> None:
    assert parse_hidden(text) == widths
    assert Settings.of({"hidden": text}).hidden == widths


@pytest.mark.parametrize("value", ["a,b", "512x256", "1.5", 400, None, [1.5], ["400"], [True], {"a": 1}])
def test_hidden_widths_are_whole_numbers(value) -> None:
    assert refusal({"hidden": value}).startswith("hidden must be whole numbers joined by commas")


@pytest.mark.parametrize("hidden", [(), (8,) * 7])
def test_a_conv_network_has_one_to_six_layers(hidden) -> None:
    assert refusal({"arch": "conv", "hidden": hidden}) == (
        "hidden must name 1 to 6 channel counts for a conv network, as in 32,64."
    )
    assert Settings.of({"arch": "conv", "hidden": (8,) * 6}).hidden == (8,) * 6


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"free_bits": 0.5, "capacity": 2}, "free_bits and capacity are two different losses; leave one"),
        ({"capacity": 2, "tc_weight": 3}, "capacity and tc_weight are two different losses; leave one"),
        ({"tc_weight": 0, "importance_samples": 5}, "tc_weight and importance_samples are two different losses"),
        ({"free_bits": 0.5, "importance_samples": 5}, "free_bits and importance_samples are two different losses"),
        ({"sampling": "mean", "tc_weight": 3}, "tc_weight needs draws from q(z|x), which sampling mean does not take"),
        ({"sampling": "mean", "importance_samples": 2}, "importance_samples needs draws from q(z|x)"),
        ({"tc_weight": 3, "latent_dim": 1}, "tc_weight needs a latent_dim of at least 2"),
        ({"tc_weight": 3, "latent_dim": 2, "batch_size": 8193}, "choose a batch_size of at most 8192."),
    ],
)
def test_losses_that_contradict_themselves_are_refused(values, sentence) -> None:
    assert sentence in refusal(values)


@pytest.mark.parametrize(
    "values",
    [
        {"sampling": "mean", "free_bits": 0.5},
        {"sampling": "mean", "capacity": 2.0, "beta": 0.0},
        {"tc_weight": 3.0, "beta": 4.0, "batch_size": 8192},
        {"importance_samples": 5, "beta_schedule": "warm-up", "reduction": "mean"},
        {"latent_dim": 1, "tc_weight": 1.0},
    ],
)
def test_losses_that_go_together_are_allowed(values) -> None:
    assert {name: getattr(Settings.of(values), name) for name in values} == values


def test_an_unknown_setting_is_named_and_the_known_ones_are_listed() -> None:
    message = refusal({"betta": 1})
    assert message.startswith("Unknown setting 'betta'; the settings are data, arch, ")


def test_json_goes_there_and_back() -> None:
    settings = Settings.of({"data": "svhn", "arch": "conv", "hidden": "32,64", "beta": 0.1, "seed": 2**31 - 1})
    text = settings.to_json()
    assert Settings.from_json(text) == settings
    assert json.loads(text)["hidden"] == [32, 64]
    assert Settings.from_json(Settings(hidden=()).to_json()).hidden == ()


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "null", '"a"', "[" * 100_000, "9" * 5000, "\0", '{"beta": }'])
def test_json_that_is_no_object_is_refused(text) -> None:
    with pytest.raises(InputError, match="not a JSON object"):
        Settings.from_json(text)


def test_json_with_a_wrong_value_is_refused_like_any_other() -> None:
    with pytest.raises(InputError, match="latent_dim must be at least 1"):
        Settings.from_json('{"latent_dim": 0}')
    with pytest.raises(InputError, match="beta must be finite"):
        Settings.from_json('{"beta": NaN}')


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().beta = 2.0  # type: ignore[misc]
    with pytest.raises(InputError):
        dataclasses.replace(Settings(), beta=-1.0)


def test_settings_of_earlier_versions_are_known_by_their_former_names() -> None:
    assert Settings.of({"schedule": "constant"}).lr_schedule == "constant"
    assert Settings.from_json('{"schedule": "constant", "lr": 0.01}') == Settings(lr_schedule="constant", lr=0.01)
