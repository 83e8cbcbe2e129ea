"""Arrays that travel to the browser in fewer bytes, each with what that costs in exactness. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_BITS = 16  # of a quantised value
FRACTION_BITS = 18  # of the 23 that a float32 has; off by at most one part in 2¹⁹


@dataclass(frozen=True, eq=False)
class Quantised:
    """Values (N, k) as whole numbers of steps above the least of their column: `low + step * codes`.

    They travel column by column, each with as many bits a value as its largest code takes.
    """

    codes: np.ndarray  # uint16 (N, k)
    low: np.ndarray  # (k,)
    step: float

    @classmethod
    def of(cls, values: np.ndarray, step: float) -> Quantised:
        """At most `MOST_BITS` a value: see `finest`. A step of 0 is for columns of one value each."""
        low = values.min(axis=0).astype(float) if len(values) else np.zeros(values.shape[1])
        codes = np.rint((values - low) / (step or 1)).astype(np.uint16)
        return cls(codes, low, step)

    @property
    def values(self) -> np.ndarray:
        return (self.low + self.step * self.codes).astype(np.float32)

    @property
    def bits(self) -> list[int]:
        """Of a value in each column."""
        return [int(most).bit_length() for most in self.codes.max(axis=0, initial=0)]

    @property
    def extra(self) -> dict[str, Any]:
        return {"low": self.low.tolist(), "step": self.step, "bits": self.bits}

    def tobytes(self) -> bytes:
        """The lowest bit first; every column begins with a byte of its own."""
        return b"".join(_bits(self.codes[:, d], bits) for d, bits in enumerate(self.bits))


def finest(ranges: np.ndarray, bits: int = MOST_BITS) -> float:
    """The step that leaves the widest column so many bits a value."""
    return float(float(ranges.max(initial=0)) / (2**bits - 1))


def bits_of(ranges: np.ndarray, step: float) -> int:
    """That a point takes in all columns together, at most."""
    return sum(int(np.rint(span / (step or 1))).bit_length() for span in ranges)


def _bits(codes: np.ndarray, bits: int) -> bytes:
    digits = (codes[:, None] >> np.arange(bits, dtype=np.uint16)) & 1
    return np.packbits(digits.astype(np.uint8), bitorder="little").tobytes()


@dataclass(frozen=True, eq=False)
class Rounded:
    """Weights, float32 with a shorter fraction, their bytes sorted by significance: what compresses well."""

    weights: np.ndarray  # float32, rounded

    @classmethod
    def of(cls, weights: np.ndarray) -> Rounded:
        drop = 23 - FRACTION_BITS
        bits = np.ascontiguousarray(weights, np.float32).view(np.uint32).astype(np.uint64)
        rounded = (bits + (1 << (drop - 1))) >> drop << drop
        return cls(rounded.astype(np.uint32).view(np.float32))

    def tobytes(self) -> bytes:
        return self.weights.astype("<f4").reshape(-1).view(np.uint8).reshape(-1, 4).T.tobytes()
