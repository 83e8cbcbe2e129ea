"""Node.js, started once for all tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.conftest import lacking
from tests.explorer.node import Node


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    executable = shutil.which("node")
    if executable is None:
        lacking("There is no Node.js here: install version 20 or newer.")
    node = Node(executable)
    yield node
    node.close()
