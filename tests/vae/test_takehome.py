"""A model as one HTML file: whole, small, asking for nothing, and true to the weights."""

from __future__ import annotations

import gzip
import json
import re
import tomllib
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from server import html_exports
from vae.cli import main
from vae.exports.html import ENTRY, page_of
from vae.exports.opening import OpenModel
from vae.files import checkpoint
from vae.files.browser_modules import EXPLORER, imported_by, needed_by, sources
from vae.files.compact import FRACTION_BITS, Quantised, Rounded, bits_of, finest

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "assets" / "gallery"
MOST = 8_000_000  # bytes


class Scripts(HTMLParser):
    """What stands in the page's scripts, and every address that it names for itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.packed: dict[str, bytes] = {}
        self.addresses: list[str] = []
        self.open: dict[str, str | None] = {}
        self.text = ""
        self.feed(page)
        self.modules: dict[str, str] = json.loads(self.packed.pop("modules"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.open = dict(attributes) if tag == "script" else {}
        self.text = ""
        self.addresses += [value for name, value in attributes if name in ("src", "href") and value]

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and (name := self.open.get("data-packed")):
            self.packed[name] = gzip.decompress(b64decode(self.text, validate=True))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("home") / "mnist.html"
    assert main(["export", str(GALLERY / "mnist-2d"), "-o", str(target)]) == 0
    assert target.stat().st_size < MOST
    return target.read_text("utf-8")


@pytest.fixture(scope="module")
def scripts(page: str) -> Scripts:
    return Scripts(page)


def test_every_module_is_there_as_it_is_and_can_be_put_in_order(scripts) -> None:
    assert next(iter(scripts.modules)) == ENTRY
    assert {"explore/explorer.js", "network/network.js", "explore/map.js"} <= set(scripts.modules)
    for name, text in scripts.modules.items():
        assert text == (EXPLORER / name).read_text("utf-8")
        assert set(imported_by(name, text, late=True)) <= set(scripts.modules)
    done: list[str] = []

    def visit(name: str, above: tuple[str, ...] = ()) -> None:
        assert name not in above, f"modules import each other in a circle: {(*above, name)}"
        if name not in done:
            for other in imported_by(name, scripts.modules[name], late=True):
                visit(other, (*above, name))
            done.append(name)

    visit(ENTRY)
    assert set(done) == set(scripts.modules)


def test_nothing_of_the_app_s_other_pages_or_of_streamlit_is_carried(scripts) -> None:
    assert not [
        name
        for name in scripts.modules
        if name.startswith(("kl/", "elbo/", "gradients/", "train/")) or "streamlit" in name
    ]
    assert set(scripts.packed) == {"plotly", "frame", "encoder"}


def test_latents_from_elsewhere_are_a_page_without_an_encoder(tmp_path) -> None:
    source = tmp_path / "mine <b>.npz"
    np.savez(source, mu=np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32))
    target = tmp_path / "mine.html"
    assert main(["export", str(source), "-o", str(target)]) == 0
    page = target.read_text("utf-8")
    assert set(Scripts(page).packed) == {"plotly", "frame"}
    assert "50 points · 3-D latent space · no decoder" in page


def test_one_file_is_made_at_a_time_and_the_page_of_a_model_once(monkeypatch) -> None:
    """Two people who press at once wait for each other; the second finds the page made."""
    html_exports._cached_page.cache_clear()
    now, most, made = [], [], []

    def counted(opened: OpenModel, name: str) -> bytes:
        now.append(name)
        most.append(len(now))
        made.append(page_of(opened, name))
        now.pop()
        return made[-1]

    monkeypatch.setattr(html_exports, "page_of", counted)
    models = ["digits-2d", "mnist-10d", "digits-2d", "mnist-10d"]
    with ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(lambda model: html_exports._page(model, model), models))
    assert max(most) == 1
    assert len(made) == 2
    assert pages[0] is pages[2] is not pages[1] is pages[3]


def test_the_page_names_no_address_but_its_own_data(scripts, page) -> None:
    assert all(address.startswith("data:") for address in scripts.addresses)
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_the_networks_differ_by_less_than_a_part_in_two_to_the_nineteenth(scripts) -> None:
    stored = checkpoint.read(GALLERY / "mnist-2d").arrays
    found = weights(scripts.packed["frame"]) | weights(scripts.packed["encoder"])
    assert set(found) == set(stored)
    for name, weight in found.items():
        np.testing.assert_allclose(weight, stored[name], rtol=2.0 ** -(FRACTION_BITS + 1), atol=0)


def weights(frame: bytes) -> dict[str, np.ndarray]:
    """The arrays of type "p4": byte planes, the lowest first."""
    length = int.from_bytes(frame[4:8], "little")
    meta = json.loads(frame[8 : 8 + length])
    found = {}
    for name, (kind, shape, offset) in meta["arrays"].items():
        if kind == "p4":
            planes = np.frombuffer(frame, np.uint8, 4 * int(np.prod(shape)), 8 + length + offset).reshape(4, -1)
            found[name] = np.ascontiguousarray(planes.T).view("<f4").reshape(shape)
    return found


def test_rounding_goes_to_the_nearest_and_keeps_zero_and_signs() -> None:
    values = np.array([0, -0.0, 1, -1, 1 / 3, -2 / 3, 1e-30, 3e38], np.float32)
    rounded = Rounded.of(values).weights
    np.testing.assert_array_equal(np.signbit(rounded), np.signbit(values))
    np.testing.assert_array_equal(rounded[:4], values[:4])
    np.testing.assert_allclose(rounded, values, rtol=2.0 ** -(FRACTION_BITS + 1), atol=0)
    assert (rounded[[4, 5, 7]] != values[[4, 5, 7]]).all()


@pytest.mark.parametrize("bits", [3, 8, 16])
def test_quantised_values_are_off_by_half_a_step_at_most(bits) -> None:
    values = (np.random.default_rng(0).standard_normal((500, 3)) * [1, 10, 0]).astype(np.float32)
    spans = np.ptp(values, axis=0)
    short = Quantised.of(values, finest(spans, bits))
    assert short.step == pytest.approx(spans.max() / (2**bits - 1))
    assert np.abs(short.values - values).max() <= short.step / 2 * (1 + 1e-3)
    np.testing.assert_array_equal(short.values[:, 2], 0)
    narrow, widest, same = short.bits
    assert narrow < widest == bits
    assert same == 0
    assert sum(short.bits) == bits_of(spans, short.step)
    assert len(short.tobytes()) == -(-500 * narrow // 8) + -(-500 * widest // 8)
    assert Quantised.of(values[:0], 1).values.shape == (0, 3)


def test_the_page_has_the_app_s_colours(page) -> None:
    themes = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    names = {"primaryColor": "primary-color", "backgroundColor": "background-color", "textColor": "text-color"}
    roots = re.findall(r":root \{([^}]*)\}", page)
    for theme, rules in zip(("light", "dark"), roots, strict=True):
        for key, name in names.items():
            assert f"--st-{name}: {themes[theme][key]};" in rules


def test_a_model_s_name_cannot_break_out_of_the_page(tmp_path) -> None:
    target = tmp_path / "<img onerror=alert(1)><!--.html"
    assert main(["export", str(GALLERY / "digits-2d"), "-o", str(target)]) == 0
    text = target.read_text("utf-8")
    assert "<img" not in text
    assert "<title>&lt;img onerror=alert(1)&gt;&lt;!-- ·" in text


@pytest.mark.parametrize("out", ["model.pdf", "model.html.gz"])
def test_an_ending_that_means_nothing_is_refused_in_a_sentence(out, capsys, tmp_path) -> None:
    assert main(["export", str(GALLERY / "digits-2d"), "-o", str(tmp_path / out)]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("--out must end in")
    assert said.count("\n") == 0
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_said(capsys, tmp_path) -> None:
    assert main(["export", str(GALLERY / "digits-2d"), "-o", str(tmp_path / "none" / "a.html")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_imports_are_followed_through_folders_and_late_ones_and_workers_on_demand(tmp_path) -> None:
    files = {
        "a.js": 'import { b } from "./deep/b.js";\nconst late = () => import("./late.js");',
        "deep/b.js": "import '../c.js';\nnew Worker(new URL('./worker.js', import.meta.url), { type: 'module' });",
        "c.js": "",
        "late.js": "",
        "deep/worker.js": 'import "./b.js"',
        "other.js": "",
    }
    (tmp_path / "deep").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert sources(tmp_path) == files
    assert needed_by("a.js", files) == ["a.js", "deep/b.js", "c.js"]
    assert needed_by("a.js", files, late=True) == ["a.js", "deep/b.js", "late.js", "c.js", "deep/worker.js"]
