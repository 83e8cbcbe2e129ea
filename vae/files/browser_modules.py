"""The explorer's JavaScript modules: their files and their imports. No torch here."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

EXPLORER = Path(__file__).parents[2] / "assets" / "explorer"
_STATIC = re.compile(r"""(?:from|import)\s*["'](\.{1,2}/[\w./-]+\.js)["']""")
_ANY = re.compile(r"""["'](\.{1,2}/[\w./-]+\.js)["']""")
_JSDOC = re.compile(r"^\s*/?\*.*$", re.MULTILINE)  # imports in comments are of types and load nothing


def sources(folder: Path = EXPLORER) -> dict[str, str]:
    """Source of every module, by its path below `folder` with forward slashes."""
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.js"))}


def pages(folder: Path = EXPLORER) -> list[str]:
    """The folders of the app's pages: those with a module that Streamlit mounts."""
    return sorted(path.parent.name for path in folder.glob("*/streamlit.js"))


def imported_by(name: str, source: str, *, late: bool = False) -> list[str]:
    """Paths of the modules that the module `name` imports, in the order of its source, each once.

    With `late`, also those that it loads later: dynamic imports and workers.
    """
    named = (_ANY if late else _STATIC).findall(_JSDOC.sub("", source))
    return list(dict.fromkeys(posixpath.normpath(posixpath.join(posixpath.dirname(name), other)) for other in named))


def needed_by(entry: str, sources: dict[str, str], *, late: bool = False) -> list[str]:
    """The module `entry` and all that it imports, directly or indirectly; `late` as in `imported_by`."""
    found = [entry]
    for name in found:  # the loop also visits the modules that it appends
        found += [other for other in imported_by(name, sources[name], late=late) if other not in found]
    return found
