"""Runs a function and records the values that each of its statements computes; and gradients of these values."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable
from functools import cache
from textwrap import dedent
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class Statement(NamedTuple):
    """One statement of a function: its line, its text, and the names that it assigns."""

    line: int
    text: str
    names: tuple[str, ...]


@cache
def statements_of(function: Callable[..., Any]) -> tuple[Statement, ...]:
    lines, first = inspect.getsourcelines(function)
    definition = ast.parse(dedent("".join(lines))).body[0]
    assert isinstance(definition, ast.FunctionDef)
    return tuple(
        Statement(first + node.lineno - 1, lines[node.lineno - 1].strip(), _names(node)) for node in definition.body
    )


def _names(node: ast.stmt) -> tuple[str, ...]:
    if isinstance(node, ast.Return):
        return ("loss",)
    assert isinstance(node, ast.Assign)
    return tuple(name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name))


def traced(function: Callable[..., Tensor], *arguments: Any) -> tuple[Tensor, list[dict[str, Tensor]]]:
    """The result of the function, and for each of its statements, in order, the values that it assigns by name.

    The function itself is run; a trace function reads its variables before every line.
    """
    statements = statements_of(function)
    after: dict[int, dict[str, Any]] = {}  # line → variables once it had been executed
    previous: list[int] = []

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code is not function.__code__:
            return None
        if previous and event in ("line", "return"):
            after[previous[-1]] = dict(frame.f_locals)
        if event == "line":
            previous.append(frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        result = function(*arguments)
    finally:
        sys.settrace(before)
    after[statements[-1].line]["loss"] = result
    return result, [{name: after[line][name] for name in names} for line, _, names in statements]


def gradients(result: Tensor, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """d result / d value for each of `tensors` that `result` depends on; the `.grad` of weights is not changed."""
    import torch

    within = {name: value for name, value in tensors.items() if value.requires_grad}
    found = torch.autograd.grad(result, list(within.values()), allow_unused=True)
    return {name: gradient for name, gradient in zip(within, found, strict=True) if gradient is not None}
