"""ARCHITECTURE.md names what there is: every module of the library and of the server, every folder of the explorer."""

from __future__ import annotations

import re
from pathlib import Path

from tests.test_imports import FLOORS, PAGES, SHARED

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
LIBRARY = TEXT[TEXT.index("## vae/, the library") : TEXT.index("### The run folder")]
SERVER = TEXT[TEXT.index("## app.py, pages/ and server/") : TEXT.index("## assets/explorer/")]
EXPLORER = TEXT[TEXT.index("## assets/explorer/") : TEXT.index("## Dependencies")]
DEPENDENCIES = TEXT[TEXT.index("## Dependencies") :]


def rooms() -> dict[str, set[str]]:
    """Sub-package of the library ("" for the modules beside them) → the modules that its rows name."""
    found: dict[str, set[str]] = {"": set()}
    room = ""
    for row in re.findall(r"^\| (.*?) \|", LIBRARY, re.MULTILINE):
        if heading := re.match(r"\*\*`(\w+)/`\*\*", row):
            room = heading[1]
            found[room] = set()
        found[room] |= set(re.findall(r"`(\w+\.py)`", row))
    return found


def test_every_module_of_the_library_is_named_in_its_room() -> None:
    named = rooms()
    for room, modules in named.items():
        folder = ROOT / "vae" / room
        assert modules == {path.name for path in folder.glob("*.py")} - {"__init__.py", "__main__.py"}, room


def test_the_rooms_of_the_library_stand_in_the_order_of_their_imports() -> None:
    assert [room for room in rooms() if room] == [*FLOORS, "cli"]


def test_every_module_of_the_server_is_named() -> None:
    named = set(re.findall(r"`(\w+\.py)`", SERVER))
    assert {path.name for path in (ROOT / "server").glob("*.py")} - {"__init__.py"} <= named


def test_every_folder_of_the_explorer_is_named_and_what_is_named_is_there() -> None:
    folders = re.findall(r"^\| `(\w+)/` \|", EXPLORER, re.MULTILINE)
    assert sorted(folders) == sorted([*SHARED, *PAGES, "standalone"])
    there = {path.name for path in (ROOT / "assets" / "explorer").rglob("*") if path.is_file()}
    assert set(re.findall(r"`(?:\w+/)*([\w-]+\.(?:js|wat|css))`", EXPLORER)) <= there


def test_every_dependency_earns_its_place_in_a_line() -> None:
    pinned = [
        re.split(r"[=<>\[ ;]", line)[0].lower()
        for name in ("requirements.txt", "requirements-dev.txt")
        for line in (ROOT / name).read_text("utf-8").splitlines()
        if line and not line.startswith(("#", "-"))
    ]
    assert [name for name in pinned if name not in DEPENDENCIES.lower()] == []
