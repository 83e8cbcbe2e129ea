"""What evaluation reports: sampled, seeded, plain, the same at any batch size, and refused where it makes no sense."""

from __future__ import annotations

import json
from math import isfinite

import numpy as np
import pytest
import torch

from vae.analysis.evaluation import active_units, evaluate, held_out, write_held_out
from vae.data.image_sets import Images, held_out_indices
from vae.density import UNNORMALISED
from vae.elbo import elbo, importance_weighted_bound
from vae.errors import InputError
from vae.files.atomic import write_atomically
from vae.files.held_out import read_held_out
from vae.model import VAE
from vae.plan import make_plan

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = (1, 4, 4)


def images_of(n: int, shape=SHAPE) -> Images:
    rng = np.random.default_rng(0)
    return Images(rng.integers(0, 256, (n, *shape), dtype=np.uint8), rng.integers(0, 10, n))


@pytest.fixture
def model() -> VAE:
    """Weights large enough that draws, images and dimensions all make a difference."""
    torch.manual_seed(0)  # initial weights only
    model = VAE(make_plan("mlp", (12,), 3, SHAPE), SHAPE, "bernoulli")
    with torch.no_grad():
        for p in model.parameters():
            p *= 3
    return model


def as_tensor(images: Images) -> torch.Tensor:
    return torch.from_numpy(images.pixels) / 255


def test_numbers_are_those_of_the_sampled_bound(model) -> None:
    images = images_of(700)
    numbers = evaluate(model, images, samples=40, iwae=())
    x, noise = as_tensor(images), torch.Generator().manual_seed(1)
    with torch.no_grad():
        terms = [elbo(model, x, generator=noise) for _ in range(40)]
        at_mean = elbo(model, x, torch.zeros(700, 3)).elbo.mean().item()
    draws = torch.stack([t.elbo.mean() for t in terms])
    error = (draws.var().item() * 2 / 40) ** 0.5  # of the noise, on both sides
    assert numbers["elbo"] == pytest.approx(draws.mean().item(), abs=4 * error)
    assert at_mean - numbers["elbo"] > 20 * error  # the mean is no sample
    assert numbers["elbo"] == pytest.approx(-numbers["distortion"] - numbers["rate"], rel=1e-9)
    assert numbers["rate_per_dim"] == pytest.approx(terms[0].rate_per_dim.mean(0).tolist(), rel=1e-5)
    assert sum(numbers["rate_per_dim"]) == pytest.approx(numbers["rate"], rel=1e-9)


def test_the_report_says_what_was_counted_and_fits_in_json(model) -> None:
    numbers = evaluate(model, images_of(30), split="validation", samples=2, iwae=(1, 5), iwae_images=20, seed=9)
    assert set(numbers) == {
        "split", "images", "samples_per_image", "seed", "unit", "note", "elbo", "elbo_standard_error", "distortion",
        "rate", "rate_per_dim", "active_units", "iwae", "iwae_standard_error", "iwae_images",
    }  # fmt: skip
    assert (numbers["split"], numbers["images"], numbers["samples_per_image"]) == ("validation", 30, 2)
    assert (numbers["seed"], numbers["unit"], numbers["iwae_images"]) == (9, "nats per image", 20)
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers


def test_grey_pixels_under_a_bernoulli_likelihood_are_said_to_have_no_density(model) -> None:
    grey = images_of(10)
    assert evaluate(model, grey, iwae=())["note"] == UNNORMALISED
    binary = Images(grey.pixels // 128 * 255, grey.labels)
    assert evaluate(model, binary, iwae=())["note"] == ""
    gaussian = VAE(make_plan("mlp", (12,), 3, SHAPE), SHAPE, "gaussian")
    assert evaluate(gaussian, grey, iwae=())["note"] == ""


def test_the_standard_error_is_that_of_the_mean_over_images(model) -> None:
    means = [evaluate(model, images_of(100), seed=s, iwae=())["elbo"] for s in range(3)]
    numbers = evaluate(model, images_of(100), iwae=())
    with torch.no_grad():
        per_image = elbo(model, as_tensor(images_of(100)), generator=torch.Generator().manual_seed(0)).elbo
    assert numbers["elbo_standard_error"] == pytest.approx(per_image.std().item() / 10, rel=1e-4)
    assert len(set(means)) == 3


def test_a_seed_fixes_the_numbers_and_nothing_else_is_touched(model) -> None:
    images = images_of(50)
    state = torch.get_rng_state()
    first, again, other = (evaluate(model, images, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first["elbo"] != other["elbo"]
    assert first["iwae"]["10"] != other["iwae"]["10"]
    assert torch.get_rng_state().equal(state)
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_the_bound_does_not_depend_on_the_batch_size(model, batch_size) -> None:
    images = images_of(65)
    expected, numbers = (evaluate(model, images, samples=3, iwae=(), batch_size=size) for size in (500, batch_size))
    for name in ("elbo", "elbo_standard_error", "distortion", "rate", "rate_per_dim"):
        assert numbers[name] == pytest.approx(expected[name], rel=1e-5), name  # float32, other shapes of the products


def test_importance_weighted_bounds_are_those_of_the_library_and_rise(model) -> None:
    images = images_of(400)
    numbers = evaluate(model, images, iwae=(1, 10, 100), iwae_images=400)
    bounds = numbers["iwae"]
    assert list(bounds) == ["1", "10", "100"]
    assert bounds["1"] < bounds["10"] < bounds["100"]
    for k in (1, 10, 100):
        estimates = torch.stack(
            [
                importance_weighted_bound(model, as_tensor(images), k, torch.Generator().manual_seed(s))
                for s in range(10)
            ]
        ).mean(1)
        # ten independent estimates give their own spread; the report, which averages 100/k groups, varies no more
        assert bounds[str(k)] == pytest.approx(estimates.mean().item(), abs=5 * estimates.std().item())
    assert numbers["elbo"] == pytest.approx(bounds["1"], abs=4 * numbers["elbo_standard_error"])


def test_the_images_of_the_bounds_are_spread_over_the_split(model) -> None:
    """The second half of this split is far harder: the first images alone would tell another story."""
    images = images_of(400)
    images.pixels[200:] = images.pixels[200:] // 128 * 255
    halves = [evaluate(model, Images(p, images.labels[:200]), iwae=())["elbo"] for p in np.split(images.pixels, 2)]
    assert abs(halves[0] - halves[1]) > 1
    numbers = evaluate(model, images, iwae=(1,), iwae_images=100)
    assert numbers["iwae"]["1"] == pytest.approx(sum(halves) / 2, abs=0.2 * abs(halves[0] - halves[1]))
    assert evaluate(model, images, iwae_images=1000)["iwae_images"] == 400


def test_active_units_follow_the_means_over_images() -> None:
    spread = torch.tensor([0.0, 0.099, 0.101, 1.0])  # standard deviations; the threshold 0.01 is a variance
    signs = torch.tensor([1.0, -1.0]).repeat(50)[:, None]
    assert active_units(3 + spread * signs) == 2


def test_active_units_are_counted_on_the_model(model) -> None:
    with torch.no_grad():
        model.encoder.mu.weight[1] = 0  # this dimension has the same mean for every image: collapsed
    assert evaluate(model, images_of(100), iwae=())["active_units"] == 2


def test_images_of_another_shape_are_refused(model) -> None:
    with pytest.raises(InputError, match=r"images of 1 × 4 × 4, not 3 × 4 × 4; choose the data set"):
        evaluate(model, images_of(5, (3, 4, 4)))
    with pytest.raises(InputError, match=r"not 1 × 5 × 4"):
        held_out(model, images_of(5, (1, 5, 4)))


@pytest.mark.parametrize("options", [{"samples": 0}, {"iwae": (0,)}, {"iwae_images": 1}, {"batch_size": 0}])
def test_counts_that_make_no_sense_are_refused(model, options) -> None:
    with pytest.raises(InputError, match="at least"):
        evaluate(model, images_of(5), **options)


def test_too_few_images_are_refused(model) -> None:
    with pytest.raises(InputError, match="at least 2 images"):
        evaluate(model, images_of(1))


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_model_that_gives_no_number_is_refused(model) -> None:
    with torch.no_grad():
        model.encoder.logvar.bias.fill_(1e4)
    with pytest.raises(InputError, match="no finite ELBO"):
        evaluate(model, images_of(5))


def test_a_float64_model_is_evaluated_in_its_own_type(model) -> None:
    images = images_of(20)
    expected = evaluate(model, images)
    assert evaluate(model.double(), images)["elbo"] == pytest.approx(expected["elbo"], rel=1e-5)


# ---- what the map shows ----------------------------------------------------------------------------------------------


def test_held_out_rows_are_the_images_with_their_posteriors(model) -> None:
    images = images_of(40)
    indices = np.array([3, 0, 39, 17])
    shown = held_out(model, images, indices)
    assert np.array_equal(shown.images, images.pixels[indices])
    assert np.array_equal(shown.labels, images.labels[indices])
    assert np.array_equal(shown.index, indices)
    with torch.no_grad():
        posterior = model.encode(as_tensor(images)[indices])
        zeta = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
        distortion = elbo(model, as_tensor(images)[indices], zeta).distortion
    np.testing.assert_allclose(shown.mu, posterior.mu, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(shown.logvar, posterior.logvar, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(shown.distortion, distortion, rtol=1e-5)  # a sum of 16 pixels in float32


def test_the_subset_is_the_fixed_one_of_the_split(model) -> None:
    images = images_of(5100)
    shown = held_out(model, images)
    assert len(shown.index) == 5000
    assert np.array_equal(shown.index, held_out_indices(images))


def test_held_out_goes_to_a_file_and_back(model, tmp_path) -> None:
    path = tmp_path / "held_out.npz"
    written = write_held_out(path, model, images_of(40), np.arange(30), seed=3)
    back = read_held_out(path)
    for name, array in vars(written).items():
        assert np.array_equal(vars(back)[name], array), name
        assert vars(back)[name].dtype == array.dtype
    first = path.read_bytes()
    write_held_out(path, model, images_of(40), np.arange(30), seed=3)
    assert path.read_bytes() == first  # byte for byte, so that a gallery made again is the same
    write_held_out(path, model, images_of(40), np.arange(30), seed=4)
    assert not np.array_equal(read_held_out(path).distortion, back.distortion)


def test_a_write_that_fails_leaves_the_old_file(model, tmp_path) -> None:
    path = tmp_path / "held_out.npz"
    write_atomically(path, b"old")
    with pytest.raises(InputError):
        write_held_out(path, model, images_of(10, (3, 4, 4)))
    assert path.read_bytes() == b"old"
    assert isfinite(write_held_out(path, model, images_of(10)).distortion.sum())
