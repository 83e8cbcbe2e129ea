"""The rules of who may import whom, read off the source; and what loads without torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHAIN = ["gaussian", "networks", "model", "elbo", "training", "recorder"]  # each may import those before it
BESIDE_ELBO = ["evidence", "gradients", "zones", "latent", "evaluation"]
BESIDE_ELBO += ["aggregate", "forces", "surgery", "linear", "disentanglement"]
BESIDE_ELBO += ["full_gaussian", "quadrature", "annealing", "targets"]  # these know of no training
BESIDE_ELBO += ["raster", "sampling", "survey"]
WITHOUT_TORCH = ["settings", "plan", "errors", "held_out", "checkpoint", "data", "runs", "export"]
WITHOUT_TORCH += ["evidence_table", "control", "undo", "queue", "live", "path", "linear", "sprites"]
WITHOUT_TORCH += ["images", "archive", "arrays", "pictures", "own", "table", "latents", "latents_out", "opening"]
WITHOUT_TORCH += ["compact", "facts", "takehome", "tsne", "memory"]
MODULES = {path.stem: path for path in (ROOT / "vae").glob("*.py")}


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, wherever in it, but for those that only a type checker sees."""
    return _imports(ast.parse(path.read_text("utf-8")))


def _imports(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.If(test=ast.Name("TYPE_CHECKING")):
            return
        case ast.Import():
            yield from (alias.name for alias in node.names)
        case ast.ImportFrom():
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from _imports(child)


def reach(module: str) -> set[str]:
    """Modules of the library that `module` imports, by whatever way."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        for name in imports(MODULES[waiting.pop()]):
            inner = name.removeprefix("vae.").split(".")[0]
            if name.startswith("vae.") and inner in MODULES and inner not in found:
                found.add(inner)
                waiting.append(inner)
    return found


def top(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def test_the_rules_see_imports_everywhere_but_under_type_checking(tmp_path) -> None:
    source = (
        "from typing import TYPE_CHECKING\nimport a.b\nif TYPE_CHECKING:\n    import c\ndef f():\n    from d import e\n"
    )
    (tmp_path / "x.py").write_text(source)
    assert list(imports(tmp_path / "x.py")) == ["typing", "typing.TYPE_CHECKING", "a.b", "d", "d.e"]
    assert "networks" in reach("elbo")


@pytest.mark.parametrize("module", sorted(MODULES))
def test_the_library_knows_nothing_of_the_app(module) -> None:
    assert not top(MODULES[module]) & {"streamlit", "pages", "server", "app", "starlette", "bench", "tests"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_never_go_in_a_circle(module) -> None:
    assert module not in reach(module)


@pytest.mark.parametrize("module", CHAIN)
def test_imports_point_one_way(module) -> None:
    later = set(CHAIN[CHAIN.index(module) + 1 :])
    assert not reach(module) & later


@pytest.mark.parametrize("module", [m for m in BESIDE_ELBO if m in MODULES])
def test_what_stands_beside_the_bound_knows_of_no_training(module) -> None:
    assert not reach(module) & {"training", "runs", "recorder"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_figures_are_drawn_in_the_browser(module) -> None:
    assert "plotly" not in top(MODULES[module])


def test_nobody_imports_a_page() -> None:
    """Files of pages/ that begin with an underscore are what pages share; the others are scripts."""
    pages = {path.stem for path in (ROOT / "pages").glob("[!_]*.py")}
    everyone = [ROOT / "app.py", *(p for folder in ("vae", "pages", "bench") for p in (ROOT / folder).glob("*.py"))]
    for path in everyone:
        imported = {name.split(".")[1] for name in imports(path) if name.startswith("pages.")} | top(path)
        assert not imported & pages, path


@pytest.mark.parametrize("module", ["", *(f".{m}" for m in WITHOUT_TORCH if m in MODULES)])
def test_loads_without_torch(module) -> None:
    code = f"import sys, vae{module}; sys.exit('torch' in sys.modules or 'streamlit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_public_names_are_all_there() -> None:
    code = "import vae; [getattr(vae, name) for name in vae.__all__]; assert vae.Settings.__name__ == 'Settings'"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_checkpoint_and_a_map_are_read_without_torch(tmp_path) -> None:
    """So that the app can paint a model's map before torch has been imported."""
    make = (
        "import sys, numpy as np, torch; from pathlib import Path\n"
        "from vae import checkpoint; from vae.settings import Settings; from vae.model import VAE\n"
        "from vae.data import Images; from vae.evaluation import write_held_out; from vae.plan import make_plan\n"
        "settings, shape, folder = Settings(hidden=(3,)), (1, 4, 4), Path(sys.argv[1])\n"
        "model = VAE(make_plan('mlp', (3,), 2, shape), shape, 'bernoulli')\n"
        "checkpoint.write(folder / 'checkpoint.safetensors', settings, shape, 1, model.state_dict())\n"
        "images = Images(np.zeros((5, *shape), np.uint8), np.zeros(5, np.int64))\n"
        "write_held_out(folder / 'held_out.npz', model, images)"
    )
    look = (
        "import sys; from pathlib import Path\n"
        "from vae.checkpoint import read; from vae.held_out import read_held_out\n"
        "folder = Path(sys.argv[1]); assert read(folder).step == 1\n"
        "assert read_held_out(folder / 'held_out.npz').mu.shape == (5, 2)\n"
        "sys.exit('torch' in sys.modules)"
    )
    for code in (make, look):
        assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT).returncode == 0
