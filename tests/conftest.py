"""What several tests need: image sets, and reasons to skip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from vae.data.image_sets import ImageSet, load
from vae.errors import InputError

NO_NICE = str(Path(__file__).with_name("no_nice"))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (NO_NICE, os.environ.get("PYTHONPATH"))))


def lacking(reason: str) -> NoReturn:
    """Skip for want of something, or fail where ELBO_ROOM_REQUIRE=1 says that nothing may be wanting."""
    if os.environ.get("ELBO_ROOM_REQUIRE") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def digits() -> ImageSet:
    return load("digits")


@pytest.fixture(scope="session")
def mnist() -> ImageSet:
    """MNIST from the data root, downloaded where it can be."""
    try:
        return load("mnist")
    except InputError as error:
        lacking(str(error))


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Tiny networks gain nothing from a second thread; and equal threads make equal results, bit for bit."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("cuda"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs an NVIDIA GPU and a CUDA build of torch")
