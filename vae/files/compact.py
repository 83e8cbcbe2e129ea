"""Arrays for the browser in fewer bytes, with their loss of precision. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_BITS = 16  # of a quantised value
FRACTION_BITS = 18  # of the 23 of a float32: a relative error of at most 2⁻¹⁹


@dataclass(frozen=True, eq=False)
class Quantised:
    """Values (N, k) quantised as `low + step * codes`, where `low` is the minimum of each column.

    They are stored column by column, with as many bits a value as the largest code of the column needs.
    """

    codes: np.ndarray  # uint16 (N, k)
    low: np.ndarray  # (k,)
    step: float

    @classmethod
    def of(cls, values: np.ndarray, step: float) -> Quantised:
        """Quantise `values` (N, k) with `step` ≥ `finest`, so that codes have at most `MOST_BITS` bits. A step of 0 is
        for columns that are constant.
        """
        low = values.min(axis=0).astype(float) if len(values) else np.zeros(values.shape[1])
        codes = np.rint((values - low) / (step or 1)).astype(np.uint16)
        return cls(codes, low, step)

    @property
    def values(self) -> np.ndarray:
        return (self.low + self.step * self.codes).astype(np.float32)

    @property
    def bits(self) -> list[int]:
        """Bits a value, for every column."""
        return [int(most).bit_length() for most in self.codes.max(axis=0, initial=0)]

    @property
    def extra(self) -> dict[str, Any]:
        return {"low": self.low.tolist(), "step": self.step, "bits": self.bits}

    def tobytes(self) -> bytes:
        """The codes as packed bits, lowest bit first; every column begins at a whole byte."""
        return b"".join(_bits(self.codes[:, d], bits) for d, bits in enumerate(self.bits))


def finest(ranges: np.ndarray, bits: int = MOST_BITS) -> float:
    """The smallest step with which the widest of the columns' `ranges` needs no more than `bits` a value."""
    return float(float(ranges.max(initial=0)) / (2**bits - 1))


def bits_of(ranges: np.ndarray, step: float) -> int:
    """Most bits that a row needs in all columns together, from the columns' `ranges`."""
    return sum(int(np.rint(span / (step or 1))).bit_length() for span in ranges)


def _bits(codes: np.ndarray, bits: int) -> bytes:
    digits = (codes[:, None] >> np.arange(bits, dtype=np.uint16)) & 1
    return np.packbits(digits.astype(np.uint8), bitorder="little").tobytes()


@dataclass(frozen=True, eq=False)
class Rounded:
    """float32 weights rounded to `FRACTION_BITS`, stored with bytes sorted by significance, which compresses well."""

    weights: np.ndarray  # float32, rounded

    @classmethod
    def of(cls, weights: np.ndarray) -> Rounded:
        drop = 23 - FRACTION_BITS
        bits = np.ascontiguousarray(weights, np.float32).view(np.uint32).astype(np.uint64)
        rounded = (bits + (1 << (drop - 1))) >> drop << drop
        return cls(rounded.astype(np.uint32).view(np.float32))

    def tobytes(self) -> bytes:
        return self.weights.astype("<f4").reshape(-1).view(np.uint8).reshape(-1, 4).T.tobytes()
