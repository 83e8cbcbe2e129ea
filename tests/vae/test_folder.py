"""Pictures of a folder or a .zip: what becomes of them, and that what cannot be used is skipped, counted and said."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vae.cli import main
from vae.data import archive, pictures
from vae.data.image_sets import load
from vae.data.pictures import Fit, Pictures, read_folder, read_zip
from vae.errors import InputError

SIDE = 12
GREY, RGB = Fit(SIDE, "grey"), Fit(SIDE, "rgb")
MOST = 1 << 28


def picture(
    width: int = 40, height: int = 30, kind: str = "PNG", mode: str = "RGB", colour: Any = "red", **how
) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height), colour).save(file, kind, **how)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it has so many pixels, and has next to none."""
    ihdr = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    idat = b"IDAT" + zlib.compress(bytes(1000))
    chunks = b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (ihdr, idat))
    return b"\x89PNG\r\n\x1a\n" + chunks


def tiled(side: int, tile: int) -> bytes:
    """A TIFF that says its few pixels lie in one tile of very many."""
    data = bytearray(picture(side, side, "TIFF", "L"))
    start = struct.unpack("<I", data[4:8])[0]
    (number,) = struct.unpack("<H", data[start : start + 2])
    entries = [data[start + 2 + 12 * i : start + 14 + 12 * i] for i in range(number)]
    tags = {struct.unpack("<H", entry[:2])[0]: entry for entry in entries}
    for tag in (322, 323):
        tags[tag] = struct.pack("<HHII", tag, 4, 1, tile)
    offsets, counts = tags.pop(273), tags.pop(279)
    tags[324], tags[325] = struct.pack("<H", 324) + offsets[2:], struct.pack("<H", 325) + counts[2:]
    directory = struct.pack("<H", len(tags)) + b"".join(bytes(tags[tag]) for tag in sorted(tags)) + bytes(4)
    return bytes(data[:4] + struct.pack("<I", len(data)) + data[8:] + directory)


GOOD = {f"cats/{i}.png": picture(20 + i, 30) for i in range(12)} | {
    f"dogs/{i}.jpg": picture(kind="JPEG", colour="blue") for i in range(13)
}


def laid_out(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def zipped(files: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in files.items():
            target.writestr(name, data)
        for name, to in (links or {}).items():
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            target.writestr(info, to)
    return buffer.getvalue()


def both(tmp_path: Path, files: dict[str, bytes], fit: Fit = GREY) -> list[Pictures]:
    """The same files as a folder and as a .zip."""
    folder = laid_out(tmp_path / "pets", files)
    return [read_folder(folder, fit, MOST), read_zip(zipped(files), "pets", fit, MOST)]


def refusal(call: Any, *arguments: Any) -> str:
    with pytest.raises(InputError) as refused:
        call(*arguments)
    message = str(refused.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 300
    return message


# ---- what becomes of them -------------------------------------------------------------------------------------------


def test_a_folder_and_a_zip_of_it_are_the_same_images(tmp_path) -> None:
    one, other = both(tmp_path, GOOD, RGB)
    for found in (one, other):
        assert found.classes == ("cats", "dogs")
        assert found.images.image_shape == (3, SIDE, SIDE)
        assert np.bincount(found.images.labels).tolist() == [12, 13]
        assert found.remark == (
            "pets: 25 pictures of 13 sizes in 2 classes, cropped to squares and scaled to 12 × 12, RGB; pixels from 0 "
            "to 255, mean 84.8; 25 of 25 images are of one plain colour."
        )
        cats = found.images.pixels[found.images.labels == 0]
        assert (cats == np.array([255, 0, 0])[:, None, None]).all()
    order = [np.lexsort(found.images.pixels.reshape(25, -1).T) for found in (one, other)]
    np.testing.assert_array_equal(one.images.pixels[order[0]], other.images.pixels[order[1]])


def test_grey_is_the_luma_of_the_colour(tmp_path) -> None:
    [found, _] = both(tmp_path, GOOD)
    assert found.images.image_shape == (1, SIDE, SIDE)
    assert set(np.unique(found.images.pixels[found.images.labels == 0])) == {76}  # 0.299 · 255


def test_the_middle_square_is_kept(tmp_path) -> None:
    """White flanks right and left of a black square are cut off."""
    wide = np.full((30, 90), 255, np.uint8)
    wide[:, 30:60] = 0
    file = io.BytesIO()
    Image.fromarray(wide).save(file, "PNG")
    [found, _] = both(tmp_path, dict.fromkeys((f"{i}.png" for i in range(20)), file.getvalue()))
    assert found.images.pixels.max() < 30  # the filter reaches a little beyond the edge
    assert found.classes == ("images",)


def test_a_photo_stands_as_its_camera_stood(tmp_path) -> None:
    """EXIF's orientation 6: what is stored with its top to the left."""
    stored = np.zeros((40, 40, 3), np.uint8)
    stored[:, :20] = 255
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = 6
    file = io.BytesIO()
    Image.fromarray(stored).save(file, "JPEG", exif=exif, quality=95)
    [found, _] = both(tmp_path, dict.fromkeys((f"{i}.jpg" for i in range(20)), file.getvalue()))
    image = found.images.pixels[0, 0].astype(int)
    assert image[: SIDE // 2 - 1].min() > 200
    assert image[SIDE // 2 + 1 :].max() < 50


@pytest.mark.parametrize(
    ("data", "grey"),
    [
        (picture(mode="RGBA", colour=(0, 0, 0, 0)), 255),  # what is not there is white
        (picture(mode="LA", colour=(0, 0)), 255),
        (picture(mode="P", colour=0, transparency=0), 255),
        (picture(mode="L", colour=100), 100),
        (picture(mode="1", colour=1), 255),
        (picture(mode="I;16", colour=100 * 257), 100),  # 16 bits a pixel
        (picture(kind="JPEG", mode="CMYK", colour=(0, 0, 0, 255)), 0),
        (picture(kind="GIF", mode="L", colour=100), 100),
        (picture(kind="BMP", mode="L", colour=100), 100),
        (picture(kind="WEBP", mode="RGB", colour=(100, 100, 100)), 100),
        (picture(1, 1, mode="L", colour=100), 100),
        (picture(3000, 1, mode="L", colour=100), 100),
    ],
)
def test_every_kind_of_picture_becomes_grey(data, grey) -> None:
    found = read_zip(zipped({f"a/{i}.png": data for i in range(20)}), "x", GREY, MOST)
    assert abs(found.images.pixels.astype(int) - grey).max() <= 1


def test_a_large_photo_is_scaled_without_jags() -> None:
    """A chequered board of single pixels is grey from afar."""
    board = (np.indices((1600, 1600)).sum(0) % 2 * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(board).save(file, "PNG")
    found = read_zip(zipped({f"a/{i}.png": file.getvalue() for i in range(20)}), "x", GREY, MOST)
    assert abs(found.images.pixels.astype(int) - 127).max() < 5


def grey_picture(values: np.ndarray, kind: str = "PNG", **how: Any) -> bytes:
    """A picture of exactly these values; of another type than uint8, with as many bits."""
    file = io.BytesIO()
    Image.fromarray(values).save(file, kind, **how)
    return file.getvalue()


STRIPES = np.zeros((SIDE, SIDE), np.uint8)
STRIPES[::2] = 1


@pytest.mark.parametrize(
    "data",
    [
        grey_picture(STRIPES),
        grey_picture(STRIPES.astype(np.uint16)),
        grey_picture(STRIPES.astype(np.float32), "TIFF"),
        grey_picture(STRIPES.astype(np.int32), "TIFF"),
        grey_picture(np.stack([STRIPES] * 3, 2)),
        grey_picture(np.stack([STRIPES] * 3 + [np.full_like(STRIPES, 255)], 2)),
    ],
    ids=["8 bits", "16 bits", "floats", "32 bits", "colours", "with opacity"],
)
@pytest.mark.parametrize("fit", [GREY, RGB])
def test_pictures_of_0_and_1_are_black_and_white(data, fit) -> None:
    found = read_zip(zipped({f"a/{i}.png": data for i in range(20)}), "x", fit, MOST)
    np.testing.assert_array_equal(found.images.pixels[3], np.stack([255 * STRIPES] * found.images.image_shape[0]))
    assert "; 0 and 1 are taken as black and white; pixels from 0 to 255, mean 127.5" in found.remark


def test_pictures_of_1_bit_are_black_and_white_and_one_brighter_picture_makes_a_set_one_of_greys() -> None:
    one_bit = grey_picture(STRIPES.astype(bool))
    found = read_zip(zipped({f"a/{i}.png": one_bit for i in range(20)}), "x", GREY, MOST)
    np.testing.assert_array_equal(found.images.pixels[0, 0], 255 * STRIPES)
    assert "taken as" not in found.remark
    files = {f"a/{i}.png": grey_picture(STRIPES) for i in range(20)} | {"a/z.png": grey_picture(2 * STRIPES)}
    found = read_zip(zipped(files), "x", GREY, MOST)
    assert found.images.pixels.max() == 2
    assert "pixels from 0 to 2, mean 0.5; so little contrast" in found.remark


def test_a_remark_says_what_looks_wrong() -> None:
    """12 bits in files of 16; glyphs that are white on transparency; pictures that are all alike."""
    deep = np.linspace(0, 4095, SIDE * SIDE).reshape(SIDE, SIDE).astype(np.uint16)
    files = {f"a/{i}.png": grey_picture(np.roll(deep, i, 0)) for i in range(20)}
    remark = read_zip(zipped(files), "x", GREY, MOST).remark
    assert "pixels from 0 to 15, mean" in remark
    assert "if 15 should be white, scale them first" in remark
    alike = read_zip(zipped({f"a/{i}.png": grey_picture(100 * STRIPES) for i in range(20)}), "x", GREY, MOST)
    assert "; all 20 images are alike: look at the files." in alike.remark


def test_glyphs_that_are_white_on_transparency_are_seen() -> None:
    glyph = np.full((SIDE, SIDE, 4), 255, np.uint8)
    glyph[..., 3] = 255 * STRIPES
    found = read_zip(zipped({f"a/{i}.png": grey_picture(glyph) for i in range(20)}), "x", GREY, MOST)
    np.testing.assert_array_equal(found.images.pixels[0, 0], 255 * STRIPES)
    assert "; what is transparent is taken as black, for all else is white; pixels from 0 to 255" in found.remark


# ---- which folder is the class --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folders", "classes", "said"),
    [
        (["cats/b1", "cats/b2", "dogs/b1", "dogs/b2"], {"cats": 2, "dogs": 2}, ""),
        (["cats", "dogs"], {"cats": 1, "dogs": 1}, ""),
        (["cats", "cats/b1", "dogs"], {"cats": 2, "dogs": 1}, ""),
        (["pets-main/cats/b1", "pets-main/dogs"], {"cats": 1, "dogs": 1}, "the folder pets-main is looked through"),
        (["cats"], {"cats": 1}, ""),
        (
            ["train/cats", "train/dogs", "test/cats", "Val/dogs"], {"cats": 2, "dogs": 2},
            "the pictures of Val, test, train are put together, and split anew",
        ),
        (
            ["a/b/train/cats", "a/b/train/dogs/x", "a/b/test/cats"], {"cats": 2, "dogs": 1},
            "the folder a/b is looked through; the pictures of test, train are put together, and split anew",
        ),
        (["train", "test"], {"images": 2}, "the pictures of test, train are put together"),
        (["train", "car", "bus"], {"bus": 1, "car": 1, "train": 1}, ""),
        (["cats/train", "dogs/train", "cats/test"], {"cats": 2, "dogs": 1}, ""),
        (["1", "10", "9", "b10", "b9"], {"1": 1, "9": 1, "10": 1, "b9": 1, "b10": 1}, ""),
    ],
)  # fmt: skip
def test_the_first_level_of_folders_is_the_class(folders, classes, said, tmp_path) -> None:
    files = {f"{folder}/{i}.png": picture(4, 4) for folder in folders for i in range(20)}
    for found in both(tmp_path, files):
        counts = np.bincount(found.images.labels)
        assert dict(zip(found.classes, counts.tolist(), strict=True)) == {name: 20 * n for name, n in classes.items()}
        assert list(found.classes) == list(classes)
        assert (said in found.remark) if said else ("looked" not in found.remark)


def test_pictures_of_other_kinds_are_read_or_counted(tmp_path) -> None:
    """TIFF beside PNG, PGM, and pictures whose ending says nothing; what is not read is counted, its class named."""
    files = {f"owls/{i}.tif": picture(kind="TIFF", colour="green") for i in range(9)}
    files |= {f"bats/{i}.pgm": picture(kind="PPM", mode="L", colour=9) for i in range(8)}
    files |= {f"ants/{i}{end}": picture(kind="JPEG") for i, end in enumerate(("", ".jfif", ".JPE", ".0"))}
    files |= {"eels/1.heic": b"\0\0\0\x18ftypheic", "eels/2.heic": b"", "cats/3.svg": b"<svg/>", "docs/a.txt": b"BM"}
    for found in both(tmp_path, GOOD | files):
        names = dict(zip(found.classes, np.bincount(found.images.labels).tolist(), strict=True))
        assert names == {"ants": 4, "bats": 8, "cats": 12, "dogs": 13, "owls": 9}
        assert found.remark.endswith(
            "; skipped: 3 of a kind that is not read (save them as .png); no picture was read of the folders docs, "
            "eels."
        )


# ---- what is skipped, counted and said ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"import os", "1 broken"),
        (b"", "1 broken"),
        (picture(200, 200, mode="L")[:80], "1 broken"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "1 broken"),
        (b"II*\0" + bytes(100), "1 broken"),
        (tiled(8, 1 << 15), "1 too large (over 32 MiB or 50 megapixels)"),
        (b"P2 1 1 255 " + b"1 " * pictures.MAX_TEXT, "1 too large (over 32 MiB or 50 megapixels)"),
        (png_header(0, 0), "1 broken"),
        (png_header(100, 100), "1 broken"),
        (picture(9000, 9000, mode="1", colour=0), "1 too large (over 32 MiB or 50 megapixels)"),
        (png_header(50_000, 50_000), "1 too large (over 32 MiB or 50 megapixels)"),
        (png_header(2**31 - 1, 2**31 - 1), "1 too large (over 32 MiB or 50 megapixels)"),
        (bytes(pictures.MAX_FILE + 1), "1 too large (over 32 MiB or 50 megapixels)"),
    ],
    ids=[
        "text",
        "nothing",
        "half",
        "postscript",
        "tiff",
        "tile",
        "numbers",
        "no pixels",
        "no data",
        "9000²",
        "50000²",
        "2³¹",
        "zeros",
    ],
)
def test_what_is_no_usable_picture_is_skipped_and_said(data, said, tmp_path) -> None:
    for found in both(tmp_path, GOOD | {"cats/z.png": data}):
        assert len(found.images.labels) == 25
        assert found.remark.endswith(f"; skipped: {said}.")


def test_notes_and_hidden_files_are_no_pictures(tmp_path) -> None:
    files = {"notes.txt": b"x", "__MACOSX/cats/0.png": b"junk", "cats/.hidden.png": b"junk"}
    for found in both(tmp_path, GOOD | files):
        assert len(found.images.labels) == 25
        assert "skipped" not in found.remark


def test_links_of_a_folder_are_not_followed(tmp_path) -> None:
    secret = laid_out(tmp_path / "secret", {f"{i}.png": picture(colour="green") for i in range(5)})
    folder = laid_out(tmp_path / "pets", GOOD)
    (folder / "birds").symlink_to(secret)
    (folder / "cats" / "link.png").symlink_to(secret / "0.png")
    (folder / "cats" / "round").symlink_to(folder)
    (folder / "cats" / "nowhere.png").symlink_to(tmp_path / "nothing")
    found = read_folder(folder, RGB, MOST)
    assert found.classes == ("cats", "dogs")
    assert len(found.images.labels) == 25
    assert found.remark.endswith("; skipped: 4 links.")


def test_what_never_ends_is_not_read(tmp_path) -> None:
    folder = laid_out(tmp_path / "pets", GOOD)
    os.mkfifo(folder / "cats" / "pipe.png")
    assert len(read_folder(folder, GREY, MOST).images.labels) == 25


def test_links_and_ways_out_of_a_zip_are_skipped() -> None:
    outside = ["../../etc/a.png", "/etc/b.png", "cats/../../c.png", "C:/d.png", "..\\e.png"]
    files = GOOD | dict.fromkeys(outside, picture(colour="green"))
    found = read_zip(zipped(files, {"cats/l.png": "/etc/passwd", "cats/m.png": "../x.png"}), "x.zip", RGB, MOST)
    assert found.classes == ("cats", "dogs")
    assert len(found.images.labels) == 25
    assert found.remark.endswith("; skipped: 2 links, 5 whose names lead out of the archive.")


def test_too_few_that_are_left_are_refused_with_the_reasons(tmp_path) -> None:
    files = {f"a/{i}.png": b"junk" for i in range(30)} | {"a/good.png": picture()}
    said = refusal(read_folder, laid_out(tmp_path / "pets", files), GREY, MOST)
    assert said == "pets holds 1 usable pictures; skipped: 30 broken; 20 is the least to train on."


def test_a_folder_without_pictures_and_none_at_all_are_told(tmp_path) -> None:
    assert "There is no usable picture in pets" in refusal(
        read_folder, laid_out(tmp_path / "pets", {"a.txt": b""}), GREY, MOST
    )
    assert "There is no folder" in refusal(read_folder, tmp_path / "nothing", GREY, MOST)
    assert "There is no file" in refusal(read_zip, tmp_path / "nothing.zip", "nothing.zip", GREY, MOST)


# ---- bombs ----------------------------------------------------------------------------------------------------------


def test_more_than_can_be_unpacked_or_kept_is_refused(monkeypatch) -> None:
    assert "too many pictures" in refusal(read_zip, zipped(GOOD), "x.zip", Fit(256, "rgb"), 25 * 256 * 256 * 3 - 1)
    monkeypatch.setattr(pictures, "MAX_UNPACKED", 1000)
    assert "when unpacked" in refusal(read_zip, zipped(GOOD), "x.zip", GREY, MOST)
    monkeypatch.undo()
    monkeypatch.setattr(pictures, "MAX_PICTURES", 20)
    assert "too many pictures" in refusal(read_zip, zipped(GOOD), "x.zip", GREY, MOST)
    monkeypatch.setattr(archive, "MAX_MEMBERS", 20)
    assert "more than 20 files" in refusal(read_zip, zipped(GOOD), "x.zip", GREY, MOST)


def test_a_member_that_lies_about_its_size_is_broken(tmp_path) -> None:
    """A quarter of a GiB of zeros that says it is 1,000 bytes; and 1,000 bytes that say they are 30 MiB."""
    for true, told in ((1 << 28, 1000), (1000, 30 << 20)):
        data = zipped(GOOD | {"cats/z.png": bytes(true)})
        lying = data.replace(struct.pack("<L", true), struct.pack("<L", told))
        assert lying != data
        found = read_zip(lying, "x.zip", GREY, MOST)
        assert found.remark.endswith("; skipped: 1 broken.")


def test_too_many_classes_are_refused() -> None:
    files = {f"{i}/a.png": picture(4, 4) for i in range(201)}
    assert "has 201 folders of pictures" in refusal(read_zip, zipped(files), "x.zip", GREY, MOST)


# ---- trained by the same command ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("kind", ["pets/", "pets.zip"])
def test_the_same_command_trains_on_them(kind, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    laid_out(tmp_path / "pets", GOOD | {"cats/z.png": b"junk"})
    Path("pets.zip").write_bytes(zipped(GOOD | {"cats/z.png": b"junk"}))
    options = [
        "--picture-size=10",
        "--picture-colour=rgb",
        "--hidden=8",
        "--epochs=1",
        "--batch-size=5",
        "--device=cpu",
    ]
    assert main(["train", "--data", kind, *options]) == 0
    said = capsys.readouterr()
    assert "25 pictures of 13 sizes in 2 classes" in said.err
    assert "skipped: 1 broken." in said.err
    assert "runs/pets-mlp-2d is finished." in said.out
    assert main(["evaluate", "runs/pets-mlp-2d", "--split=train", "--samples=1"]) == 0
    assert "counted             15 images of the train split" in capsys.readouterr().out
    assert load(kind, fit=Fit(10, "rgb")).image_shape == (3, 10, 10)


def test_a_folder_without_a_slash_is_told_how(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(laid_out(tmp_path, {"pets/a.png": picture()}))
    assert main(["train", "--data", "pets"]) == 2
    assert "name a folder of your own with a slash, as in ./pictures" in capsys.readouterr().err
