"""A Node.js process that evaluates functions of the explorer's modules, for tests that need no browser."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import Any

from vae.files.browser_modules import EXPLORER

BRIDGE = Path(__file__).with_name("bridge.js")


class Node:
    """Evaluates JavaScript as Playwright's `page.evaluate` does: a function's source and its one argument."""

    def __init__(self, executable: str) -> None:
        command = [executable, str(BRIDGE)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def evaluate(self, script: str, argument: Any = None) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"script": script, "argument": _packed(argument)}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "Node.js has ended"
        answer = json.loads(line, object_hook=_unpacked)
        assert "error" not in answer, answer["error"]
        return answer.get("result")

    def call(self, module: str, body: str, *given: Any) -> Any:
        """What `body`, the source of a function of the module and of what is given, returns."""
        script = f"async ([name, ...given]) => {{ const m = await import(name); return ({body})(m, ...given); }}"
        return self.evaluate(script, [self.module(module), *given])

    def module(self, name: str) -> str:
        """The address of one of the explorer's modules, to be imported in a script."""
        return (EXPLORER / name).as_uri()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


def _packed(value: Any) -> Any:
    """The same value without numbers that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")}
    if isinstance(value, dict):
        return {key: _packed(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(entry) for entry in value]
    return value


def _unpacked(value: dict[str, Any]) -> Any:
    return float(value["number"].replace("Infinity", "inf")) if list(value) == ["number"] else value
