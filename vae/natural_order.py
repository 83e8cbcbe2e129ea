"""A sort order for names that contain numbers: a2 before a10."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]{0,300})?")
_DIGITS = re.compile(r"([0-9]{1,300})")


def natural(name: str) -> tuple[bool, float, list[tuple[bool, int, str]]]:
    """A sort key: numbers first, by value, then names, in which digits compare by value: −1, 0, 7, 10, a2, a10."""
    number = _NUMBER.fullmatch(name) is not None
    parts = [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in _DIGITS.split(name) if part]
    return not number, float(name) if number else 0.0, parts
