"""Image sets: what is let in, how it is split, and what happens without the files or the network."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from vae.data import image_sets
from vae.data.image_sets import Images, held_out_indices, load
from vae.errors import InputError
from vae.natural_order import natural
from vae.settings import DATA_SETS

FETCHED = [name for name in DATA_SETS if name not in ("digits", "sprites")]


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def one_sentence(message: str) -> bool:
    return message.endswith(".") and "\n" not in message and len(message) < 300


# ---- Images.of ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ((4, 5, 6), (4, 1, 5, 6)),
        ((4, 5, 6, 1), (4, 1, 5, 6)),
        ((4, 5, 6, 3), (4, 3, 5, 6)),
        ((4, 1, 5, 6), (4, 1, 5, 6)),
        ((4, 3, 5, 6), (4, 3, 5, 6)),
        ((4, 3, 5, 3), (4, 3, 5, 3)),  # both could be meant: channels first
    ],
)
def test_shapes(given, shape) -> None:
    images = Images.of(pixels(*given), range(4))
    assert images.pixels.shape == shape
    assert images.image_shape == shape[1:]
    assert images.pixels.dtype == np.uint8
    assert images.labels.dtype == np.int64
    assert images.pixels.flags.c_contiguous


def test_channels_last_are_moved_not_reread() -> None:
    array = pixels(2, 4, 5, 3)
    np.testing.assert_array_equal(Images.of(array, [0, 1]).pixels[1, 2], array[1, :, :, 2])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_rounded_to_the_nearest_of_256(dtype) -> None:
    array = pixels(3, 4, 4)
    np.testing.assert_array_equal(Images.of((array / 255).astype(dtype), [0] * 3).pixels[:, 0], array)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_0_and_1_are_black_and_white(dtype) -> None:
    """As masks and binarised digits are: not two almost equal shades of black."""
    ones = pixels(3, 4, 4) > 127
    np.testing.assert_array_equal(Images.of(ones.astype(dtype), [0] * 3).pixels[:, 0], 255 * ones.astype(np.uint8))
    assert Images.of(np.zeros((3, 4, 4), np.uint8), [0] * 3).pixels.max() == 0
    assert Images.of(2 * ones.astype(np.uint8), [0] * 3).pixels.max() == 2


@pytest.mark.parametrize("beyond", [1.0000001, 1 + 0.4 / 255, -1e-9, -0.4 / 255])
def test_what_rounds_into_the_range_is_in_it(beyond) -> None:
    assert Images.of(with_value(beyond), [0] * 3).pixels[1, 0, 2, 3] == 255 * (beyond > 0.5)


@pytest.mark.parametrize(
    ("value", "said"), [(1.003, "[0.5, 1.003]; divide"), (255, "[0.5, 255]; divide them by 255"), (-0.5, "; rescale")]
)
def test_a_range_is_told_in_enough_digits(value, said) -> None:
    with pytest.raises(InputError) as error:
        Images.of(with_value(value), [0] * 3)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "labels",
    [
        [[2], [0], [1]],
        np.eye(3)[[2, 0, 1]],
        np.eye(3, dtype=bool)[[2, 0, 1]],
        [2.0, 0.0, 1.0],
        np.array([[2.0], [0.0], [1.0]], np.float32),
    ],
    ids=["a column", "one-hot", "one-hot truth values", "floats", "a column of floats"],
)
def test_labels_may_be_a_column_one_hot_or_whole_floats(labels) -> None:
    assert Images.of(pixels(3, 4, 4), labels).labels.tolist() == [2, 0, 1]


def test_names_are_sorted_as_people_count() -> None:
    names = ["10", "9", "-1", "b", "a10", "a9", "0.5", "", "B", "²"]
    assert sorted(names, key=natural) == ["-1", "0.5", "9", "10", "", "B", "a9", "a10", "b", "²"]


def with_value(value: float) -> np.ndarray:
    array = np.full((3, 4, 4), 0.5)
    array[1, 2, 3] = value
    return array


@pytest.mark.parametrize(
    ("array", "labels", "word"),
    [
        (with_value(np.nan), [0] * 3, "NaN"),
        (with_value(np.inf), [0] * 3, "infinity"),
        (with_value(-np.inf), [0] * 3, "infinity"),
        (with_value(1.01), [0] * 3, r"\[0, 1\]"),
        (with_value(-0.01), [0] * 3, r"\[0, 1\]"),
        (pixels(3, 4, 4).astype(np.int64), [0] * 3, "int64"),
        (np.array([["a"]] * 3)[:, None], [0] * 3, "must be uint8"),
        (pixels(3, 4), [0] * 3, "shaped"),
        (pixels(3, 4, 4, 1, 1), [0] * 3, "shaped"),
        (pixels(0, 4, 4), [], "empty"),
        (pixels(3, 2, 4, 4), [0] * 3, "channels"),
        (pixels(3, 4, 4, 2), [0] * 3, "channels"),
        (pixels(2, 4, 1025), [0] * 2, "1024"),
        (pixels(3, 4, 4), [0] * 2, "labels"),
        (pixels(3, 4, 4), [[0, 2]] * 3, "labels"),
        (pixels(3, 4, 4), [0.5] * 3, "whole numbers"),
        (pixels(3, 4, 4), [0, -1, 2], "whole numbers"),
    ],
)
def test_whatever_is_no_image_set_is_refused_in_one_sentence(array, labels, word) -> None:
    with pytest.raises(InputError, match=word) as error:
        Images.of(array, labels)
    assert one_sentence(str(error.value)) or str(error.value).endswith("…")


# ---- splits ---------------------------------------------------------------------------------------------------------


def test_digits_are_split_once_and_for_all(digits) -> None:
    assert [len(images.labels) for images in (digits.train, digits.validation, digits.test)] == [1078, 179, 540]
    assert digits.image_shape == (1, 8, 8)
    assert digits.classes == tuple("0123456789")
    assert digits.fingerprint == "1f7ec9ee5892fe869a84a3bae76ef0dc7fd7b41dac10cb8da30799567b70d370"


def test_splits_of_digits_are_disjoint_and_complete(digits) -> None:
    from sklearn.datasets import load_digits

    raw = load_digits()
    together = np.concatenate([split.pixels[:, 0] for split in (digits.train, digits.validation, digits.test)])
    expected = np.rint(raw.images / 16 * 255).astype(np.uint8)
    # 1,797 different images, each in exactly one split
    assert sorted(image.tobytes() for image in together) == sorted(image.tobytes() for image in expected)
    assert together.max() == 255


def test_labels_stay_with_their_images(digits) -> None:
    from sklearn.datasets import load_digits

    raw = load_digits()
    labels = {np.rint(x / 16 * 255).astype(np.uint8).tobytes(): y for x, y in zip(raw.images, raw.target, strict=True)}
    assert [labels[x.tobytes()] for x in digits.test.pixels[:, 0]] == digits.test.labels.tolist()


def test_a_fingerprint_changes_with_a_pixel_a_label_and_a_split(digits) -> None:
    def changed(**splits) -> str:
        return image_sets.ImageSet("digits", digits.classes, **{"train": digits.train, "validation": digits.validation,
                             "test": digits.test} | splits).fingerprint  # fmt: skip

    other_pixel = digits.test.pixels.copy()
    other_pixel[5, 0, 3, 3] ^= 1
    other_label = digits.test.labels.copy()
    other_label[5] ^= 1
    prints = {
        changed(),
        changed(test=Images(other_pixel, digits.test.labels)),
        changed(test=Images(digits.test.pixels, other_label)),
        changed(train=digits.validation, validation=digits.train),
    }
    assert changed() == digits.fingerprint
    assert len(prints) == 4


def test_held_out_indices_are_fixed_sorted_and_unique(digits) -> None:
    images = Images(np.zeros((10_000, 1, 2, 2), np.uint8), np.zeros(10_000, np.int64))
    indices = held_out_indices(images)
    assert len(indices) == len(set(indices.tolist())) == 5000
    assert (np.diff(indices) > 0).all()
    assert indices[0] < 10  # spread over the whole split
    assert indices[-1] > 9990
    np.testing.assert_array_equal(indices, held_out_indices(images))
    np.testing.assert_array_equal(held_out_indices(digits.test), np.arange(540))


@pytest.mark.mnist
def test_mnist_keeps_the_official_test_split(mnist) -> None:
    assert [len(images.labels) for images in (mnist.train, mnist.validation, mnist.test)] == [55_000, 5_000, 10_000]
    assert mnist.image_shape == (1, 28, 28)
    assert mnist.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert mnist.fingerprint == MNIST_FINGERPRINT


MNIST_FINGERPRINT = "f5c26cead0fe6c85c34d814ce4b6f37c6f360f919314e102a27ae622589faeee"


# ---- unknown, missing, damaged --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mnists", "", "MNIST"])
def test_an_unknown_name_is_refused_with_the_known_ones(name) -> None:
    with pytest.raises(InputError, match=r"Unknown data set .* mnist, fashion-mnist"):
        load(name)


@pytest.mark.parametrize("name", FETCHED)
def test_missing_files_are_one_sentence_when_nothing_is_to_be_downloaded(name, tmp_path) -> None:
    with pytest.raises(InputError, match=f"{name} is not in .*--data-root") as error:
        load(name, tmp_path, download=False)
    assert one_sentence(str(error.value))
    assert not any(tmp_path.iterdir())


@pytest.fixture
def offline(monkeypatch) -> None:
    def unreachable(*_args, **_options):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setattr(socket.socket, "connect", unreachable)


@pytest.mark.parametrize("name", FETCHED)
@pytest.mark.usefixtures("offline")
def test_without_a_network_the_answer_is_quick_and_one_sentence(name, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: pytest.fail("waits, where trying again is of no use"))
    with pytest.raises(InputError, match=f"{name} is not in .* could not be downloaded .*--data-root") as error:
        load(name, tmp_path / "new")
    assert one_sentence(str(error.value))
    assert not any((tmp_path / "new").iterdir())


def test_a_root_that_cannot_be_made_is_one_sentence(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="could not be downloaded"):
        load("mnist", tmp_path / "file" / "data")


def test_the_root_is_the_argument_then_the_environment_then_data(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(image_sets.ROOT_VARIABLE, raising=False)
    with pytest.raises(InputError, match="mnist is not in data;"):
        load("mnist", download=False)
    monkeypatch.setenv(image_sets.ROOT_VARIABLE, "elsewhere")
    with pytest.raises(InputError, match="mnist is not in elsewhere;"):
        load("mnist", download=False)
    with pytest.raises(InputError, match="mnist is not in here;"):
        load("mnist", "here", download=False)


# ---- files as torchvision lays them out -----------------------------------------------------------------------------


def idx(array: np.ndarray) -> bytes:
    """An array in the format of the MNIST files."""
    kind = {np.dtype(np.uint8): 8, np.dtype(np.int32): 12}[array.dtype]
    header = bytes([0, 0, kind, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def small(monkeypatch) -> None:
    monkeypatch.setattr(image_sets, "VALIDATION", 10)


def write_mnist(folder: Path, kind: str = "MNIST") -> tuple[np.ndarray, np.ndarray]:
    raw = folder / kind / "raw"
    raw.mkdir(parents=True)
    x, y = pixels(40, 6, 6), pixels(40) % 10
    for split, part in (("train", slice(0, 30)), ("t10k", slice(30, 40))):
        (raw / f"{split}-images-idx3-ubyte").write_bytes(idx(x[part]))
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(idx(y[part]))
    return x, y


@pytest.mark.parametrize(
    ("name", "kind"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST"), ("kmnist", "KMNIST")]
)
@pytest.mark.usefixtures("small", "offline")
def test_the_mnist_family(name, kind, tmp_path) -> None:
    x, y = write_mnist(tmp_path, kind)
    images = load(name, tmp_path)
    np.testing.assert_array_equal(images.test.pixels[:, 0], x[30:])
    np.testing.assert_array_equal(images.test.labels, y[30:])
    assert len(images.classes) == 10
    train, validation = images.train, images.validation
    assert (len(train.labels), len(validation.labels)) == (20, 10)
    seen = {image.tobytes() for image in np.concatenate([train.pixels, validation.pixels])}
    assert seen == {image.tobytes() for image in x[:30]}


def packed(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


PLACES = {
    "packed": lambda raw, file: raw / f"{file}.gz",
    "packed above": lambda raw, file: raw.parent / f"{file}.gz",
    "flat": lambda raw, file: raw.parents[1] / file,
    "packed flat": lambda raw, file: raw.parents[1] / f"{file}.gz",
    "with dots": lambda raw, file: raw.parents[1] / file.replace("-idx", ".idx"),
    "half of them packed": lambda raw, file: raw / (f"{file}.gz" if "train" in file else file),
}


def idx_sets(root: Path) -> dict[str, np.ndarray]:
    """Every set of idx files, below `root`: its name → the labels of its test split."""
    x, digits = pixels(40, 6, 6), pixels(40) % 10
    for kind in ("MNIST", "FashionMNIST", "KMNIST"):
        write_mnist(root / kind.lower(), kind)
    letters, many = digits + np.uint8(1), np.arange(320, dtype=np.int32).reshape(40, 8)
    for kind, prefix, y, end in (
        ("EMNIST", "emnist-letters", letters, "labels-idx1-ubyte"),
        ("QMNIST", "qmnist", many, "labels-idx2-int"),
    ):
        raw = root / kind.lower() / kind / "raw"
        raw.mkdir(parents=True)
        for split in ("train", "test"):
            (raw / f"{prefix}-{split}-images-idx3-ubyte").write_bytes(idx(x))
            (raw / f"{prefix}-{split}-{end}").write_bytes(idx(y))
    four = dict.fromkeys(("mnist", "fashion-mnist", "kmnist"), digits[30:])
    return {**four, "emnist-letters": digits, "qmnist": many[:, 0]}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.usefixtures("small", "offline")
def test_idx_files_are_found_packed_and_flat(place, tmp_path) -> None:
    """Of every set that comes so; nothing is written beside them, and no network is asked for."""
    for name, labels in idx_sets(tmp_path).items():
        root = next(
            folder for folder in tmp_path.iterdir() if folder.name == name.replace("-letters", "").replace("-", "")
        )
        raw = next(root.glob("*/raw"))
        for file in list(raw.iterdir()):
            target = PLACES[place](raw, file.name)
            packed(file, target) if target.suffix == ".gz" else file.rename(target)
        before = sorted(root.rglob("*"))
        assert image_sets.at_hand(name, root)
        found = load(name, root)
        np.testing.assert_array_equal(found.test.labels, labels)
        shared = name in ("mnist", "fashion-mnist", "kmnist") and place in ("flat", "packed flat", "with dots")
        assert ("whose names might as well be those of" in found.remark) == shared
        assert sorted(root.rglob("*")) == before
        next(root.rglob("*images*")).unlink()
        assert not image_sets.at_hand(name, root)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-7], lambda b: b"", lambda b: b[:20] + b"x" + b[21:], lambda b: b"x" + b]
)
@pytest.mark.usefixtures("small", "offline")
def test_damaged_packed_files_are_one_sentence(damage, tmp_path) -> None:
    write_mnist(tmp_path)
    path = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    packed(path, path.with_suffix(".gz"))
    path.with_suffix(".gz").write_bytes(damage(path.with_suffix(".gz").read_bytes()))
    with pytest.raises(InputError, match=r"mnist in .* are damaged; delete them") as error:
        load("mnist", tmp_path)
    assert one_sentence(str(error.value))


@pytest.mark.mnist
@pytest.mark.usefixtures("offline")
def test_flat_files_of_mnist_are_not_taken_for_another_set(tmp_path) -> None:
    for file in (image_sets.data_root() / "MNIST" / "raw").iterdir():
        (tmp_path / file.name).symlink_to(file.absolute())
    assert image_sets.at_hand("mnist", tmp_path)
    for other in ("fashion-mnist", "kmnist"):
        assert not image_sets.at_hand(other, tmp_path)
        with pytest.raises(InputError, match=f"{other} is not in"):
            load(other, tmp_path, download=False)


@pytest.mark.usefixtures("small", "offline")
def test_idx_files_of_0_and_1_are_black_and_white(tmp_path) -> None:
    write_mnist(tmp_path)
    for file in (tmp_path / "MNIST" / "raw").glob("*images*"):
        content = bytearray(file.read_bytes())
        content[16:] = bytes(value > 127 for value in content[16:])
        file.write_bytes(content)
    images = load("mnist", tmp_path)
    assert set(np.unique(images.train.pixels)) == {0, 255}
    assert images.remark == "mnist: 0 and 1 are taken as black and white."


@pytest.mark.usefixtures("small", "offline")
def test_emnist_letters_stand_upright_and_count_from_a(tmp_path) -> None:
    raw = tmp_path / "EMNIST" / "raw"
    raw.mkdir(parents=True)
    x, y = pixels(40, 6, 6), pixels(40) % 26 + 1
    for split in ("train", "test"):
        (raw / f"emnist-letters-{split}-images-idx3-ubyte").write_bytes(idx(x))
        (raw / f"emnist-letters-{split}-labels-idx1-ubyte").write_bytes(idx(y))
    images = load("emnist-letters", tmp_path)
    np.testing.assert_array_equal(images.test.pixels[3, 0], x[3].T)
    np.testing.assert_array_equal(images.test.labels, y.astype(int) - 1)
    assert "".join(images.classes) == "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.usefixtures("small", "offline")
def test_qmnist_keeps_the_class_of_its_eight_labels(tmp_path) -> None:
    raw = tmp_path / "QMNIST" / "raw"
    raw.mkdir(parents=True)
    x, y = pixels(40, 6, 6), np.arange(320, dtype=np.int32).reshape(40, 8)
    for split in ("train", "test"):
        (raw / f"qmnist-{split}-images-idx3-ubyte").write_bytes(idx(x))
        (raw / f"qmnist-{split}-labels-idx2-int").write_bytes(idx(y))
    np.testing.assert_array_equal(load("qmnist", tmp_path).test.labels, y[:, 0])


@pytest.mark.usefixtures("small", "offline")
def test_svhn(tmp_path, monkeypatch) -> None:
    from scipy.io import savemat

    datasets = image_sets.torchvision_datasets()
    x, y = pixels(32, 32, 3, 20), (np.arange(20, dtype=np.uint8) % 10 + 1)[:, None]  # 10 stands for 0
    split_list = {}
    for split in ("train", "test"):
        savemat(tmp_path / f"{split}_32x32.mat", {"X": x, "y": y})
        split_list[split] = ["", f"{split}_32x32.mat", md5((tmp_path / f"{split}_32x32.mat").read_bytes())]
    monkeypatch.setattr(datasets.SVHN, "split_list", datasets.SVHN.split_list | split_list)
    images = load("svhn", tmp_path)
    np.testing.assert_array_equal(images.test.pixels[4, 1], x[:, :, 1, 4])
    np.testing.assert_array_equal(images.test.labels, y[:, 0] % 10)


def write_cifar(folder: Path, monkeypatch, batch: bytes, right_sums: bool) -> None:
    datasets = image_sets.torchvision_datasets()
    base = folder / "cifar-10-batches-py"
    base.mkdir()
    meta = pickle.dumps({"label_names": [str(i) for i in range(10)]})
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    for name in names:
        (base / name).write_bytes(batch)
    (base / "batches.meta").write_bytes(meta)
    if right_sums:
        cifar = datasets.CIFAR10
        monkeypatch.setattr(cifar, "train_list", [[name, md5(batch)] for name in names[:5]])
        monkeypatch.setattr(cifar, "test_list", [[names[5], md5(batch)]])
        monkeypatch.setattr(cifar, "meta", cifar.meta | {"md5": md5(meta)})


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@pytest.mark.usefixtures("small", "offline")
def test_cifar10(tmp_path, monkeypatch) -> None:
    x = pixels(10, 3 * 32 * 32)
    write_cifar(tmp_path, monkeypatch, pickle.dumps({"data": x, "labels": list(range(10))}), right_sums=True)
    images = load("cifar10", tmp_path)
    np.testing.assert_array_equal(images.test.pixels.reshape(10, -1), x)
    assert len(images.train.labels) == 40
    assert images.classes[3] == "cat"


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.usefixtures("offline")
def test_a_foreign_pickle_in_place_of_cifar10_is_never_opened(tmp_path, monkeypatch) -> None:
    write_cifar(tmp_path, monkeypatch, pickle.dumps(Trap(tmp_path / "sprung")), right_sums=False)
    for download in (False, True):
        with pytest.raises(InputError, match="cifar10 is not in"):
            load("cifar10", tmp_path, download=download)
    assert not (tmp_path / "sprung").exists()


def test_a_pickle_that_an_old_torchvision_left_is_never_opened(tmp_path) -> None:
    processed = tmp_path / "MNIST" / "processed"
    processed.mkdir(parents=True)
    for name in ("training.pt", "test.pt"):
        (processed / name).write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(InputError, match="mnist is not in"):
        load("mnist", tmp_path, download=False)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.usefixtures("small", "offline")
@pytest.mark.parametrize("damage", [lambda b: b[:-7], lambda b: b[:3], lambda b: b"", lambda b: b"<html>" + b])
@pytest.mark.parametrize("file", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_damaged_files_are_one_sentence(file, damage, tmp_path) -> None:
    write_mnist(tmp_path)
    path = tmp_path / "MNIST" / "raw" / file
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"mnist in .* are damaged; delete them") as error:
        load("mnist", tmp_path)
    assert one_sentence(str(error.value))


# ---- downloads ------------------------------------------------------------------------------------------------------


class Server:
    """Serves a folder, from a machine that is always at hand; can break off, or fall silent."""

    def __init__(self, folder: Path) -> None:
        self.cut = self.silent = False
        self.given_up = threading.Event()  # until then a silent server says nothing
        outer = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                if outer.silent:
                    outer.given_up.wait(120)
                super().do_GET()

            def copyfile(self, source, output) -> None:
                content = source.read()
                output.write(content[: len(content) // 2] if outer.cut else content)

            def log_message(self, *_args) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.address = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server(tmp_path, monkeypatch) -> Iterator[Server]:
    """A mirror of a small MNIST."""
    write_mnist(tmp_path / "made")
    served = tmp_path / "served"
    served.mkdir()
    resources = []
    for file in sorted((tmp_path / "made" / "MNIST" / "raw").iterdir()):
        content = gzip.compress(file.read_bytes())
        (served / f"{file.name}.gz").write_bytes(content)
        resources.append((f"{file.name}.gz", md5(content)))
    server = Server(served)
    datasets = image_sets.torchvision_datasets()
    monkeypatch.setattr(datasets.MNIST, "mirrors", [server.address])
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.mark.usefixtures("small")
def test_missing_files_are_downloaded_once(server, tmp_path, monkeypatch) -> None:
    root = tmp_path / "root"
    first = load("mnist", root)
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    assert files == [f"MNIST/raw/{name[:-3]}" for name, _ in image_sets.torchvision_datasets().MNIST.resources]
    monkeypatch.setattr(image_sets.torchvision_datasets().MNIST, "mirrors", [])
    assert load("mnist", root).fingerprint == first.fingerprint
    assert first.fingerprint == load("mnist", tmp_path / "made").fingerprint


def test_a_download_that_breaks_off_leaves_nothing_behind(server, tmp_path) -> None:
    server.cut = True
    with pytest.raises(InputError, match="could not be downloaded"):
        load("mnist", tmp_path / "root")
    assert not any((tmp_path / "root").iterdir())


def test_a_server_that_falls_silent_is_given_up(server, tmp_path, monkeypatch) -> None:
    server.silent = True
    monkeypatch.setattr(image_sets, "TIMEOUT", 0.2)
    with pytest.raises(InputError, match="could not be downloaded"):  # it would be answered in the end
        load("mnist", tmp_path / "root")
    server.given_up.set()
    assert socket.getdefaulttimeout() is None


@pytest.mark.slow
def test_torchvision_imports_beside_whatever_torch_is_installed() -> None:
    code = "from vae.data.image_sets import torchvision_datasets as d; assert d().MNIST and d() is d()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)
