"""The order in which people count, for names that hold numbers."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]{0,300})?")
_DIGITS = re.compile(r"([0-9]{1,300})")


def natural(name: str) -> tuple[bool, float, list[tuple[bool, int, str]]]:
    """A key that sorts names as people count: −1, 0, 7, 10, then a2, a10; numbers before words."""
    number = _NUMBER.fullmatch(name) is not None
    parts = [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in _DIGITS.split(name) if part]
    return not number, float(name) if number else 0.0, parts
