"""The rules of who may import whom, read off the source; and what loads without torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vae.files.browser_modules import imported_by, pages, sources

ROOT = Path(__file__).parents[1]
# each may import those before it
CHAIN = ["gaussian", "networks", "model", "elbo", "training.loop", "training.recorder"]
# Sub-packages from the bottom up: none imports one that stands later. The core modules lie beside them, below all.
FLOORS = ["files", "data", "analysis", "inference", "training", "exports"]
MODULES = {
    path.relative_to(ROOT / "vae").with_suffix("").as_posix().replace("/", "."): path
    for path in (ROOT / "vae").rglob("*.py")
    if path.name != "__init__.py"
}
WITHOUT_TORCH = ["settings", "plan", "errors", "density", "memory", "principal_axes"]
WITHOUT_TORCH += [name for name in MODULES if name.startswith(("data.", "files.", "exports."))]
WITHOUT_TORCH.remove("exports.posterior_frames")
WITHOUT_TORCH += ["inference.evidence_table", "training.queue", "training.live", "training.beta_path"]
WITHOUT_TORCH += ["analysis.linear", "analysis.tsne"]
PAGES = pages()
SHARED = ["core", "math", "data", "network", "plot", "widgets", "map"]  # of the explorer, from the bottom up


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
            inner = name.removeprefix("vae.")
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


@pytest.mark.parametrize("module", sorted(name for name in MODULES if "." in name and not name.startswith("cli.")))
def test_a_sub_package_imports_none_above_it(module) -> None:
    floor = FLOORS.index(module.split(".")[0])
    named = {name.removeprefix("vae.").split(".")[0] for name in imports(MODULES[module]) if name.startswith("vae.")}
    assert not named & {*FLOORS[floor + 1 :], "cli"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_figures_are_drawn_in_the_browser(module) -> None:
    assert "plotly" not in top(MODULES[module])


def test_nobody_imports_a_page_and_the_server_has_no_circles() -> None:
    everyone = [ROOT / "app.py", ROOT / "lecture.py"]
    everyone += [path for folder in ("vae", "server", "pages", "bench") for path in (ROOT / folder).rglob("*.py")]
    for path in everyone:
        assert "pages" not in top(path), path
    server = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): set(imports(path))
        for path in (ROOT / "server").rglob("*.py")
    }
    assert_no_circle({name: named & set(server) for name, named in server.items()})


def assert_no_circle(imported: dict[str, set[str]]) -> None:
    """Every module can be put after all that it imports."""
    done: set[str] = set()
    while len(done) < len(imported):
        ready = {name for name in imported if name not in done and imported[name] - {name} <= done}
        assert ready, f"a circle among {sorted(set(imported) - done)}"
        done |= ready


def test_no_circle_is_seen_where_there_is_one() -> None:
    assert_no_circle({"a": {"b"}, "b": set()})
    with pytest.raises(AssertionError, match="a circle among"):
        assert_no_circle({"a": {"b"}, "b": {"a"}, "c": set()})


def test_modules_of_the_explorer_know_their_own_page_and_what_is_shared() -> None:
    modules = sources()
    imported = {name: set(imported_by(name, source, late=True)) for name, source in modules.items()}
    for name, others in imported.items():
        folder = name.split("/")[0]
        pages = {other.split("/")[0] for other in others} & {*PAGES, "standalone"} - {folder}
        assert not pages - ({"explore"} if folder == "standalone" else set()), name
        if folder in SHARED:
            assert {other.split("/")[0] for other in others} <= set(SHARED[: SHARED.index(folder) + 1]), name
    assert_no_circle(imported)


def test_only_one_small_file_of_a_page_knows_streamlit() -> None:
    knowing = {name for name, source in sources().items() if "streamlit-component.js" in source}
    assert knowing == {"train/streamlit-overture.js", *(f"{page}/streamlit.js" for page in PAGES)}


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
        "from vae.files import checkpoint; from vae.settings import Settings; from vae.model import VAE\n"
        "from vae.data.image_sets import Images; from vae.analysis.evaluation import write_held_out\n"
        "from vae.plan import make_plan\n"
        "settings, shape, folder = Settings(hidden=(3,)), (1, 4, 4), Path(sys.argv[1])\n"
        "model = VAE(make_plan('mlp', (3,), 2, shape), shape, 'bernoulli')\n"
        "checkpoint.write(folder / 'checkpoint.safetensors', settings, shape, 1, model.state_dict())\n"
        "images = Images(np.zeros((5, *shape), np.uint8), np.zeros(5, np.int64))\n"
        "write_held_out(folder / 'held_out.npz', model, images)"
    )
    look = (
        "import sys; from pathlib import Path\n"
        "from vae.files.checkpoint import read; from vae.files.held_out import read_held_out\n"
        "folder = Path(sys.argv[1]); assert read(folder).step == 1\n"
        "assert read_held_out(folder / 'held_out.npz').mu.shape == (5, 2)\n"
        "sys.exit('torch' in sys.modules)"
    )
    for code in (make, look):
        assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT).returncode == 0
