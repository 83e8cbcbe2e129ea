"""Arrays that travel to the browser in fewer bytes, each with what that costs in exactness. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

FRACTION_BITS = 18  # of the 23 that a float32 has; off by at most one part in 2¹⁹


@dataclass(frozen=True, eq=False)
class Quantised:
    """Values (N, k) as whole numbers of steps above the least of their column: `low + step * codes`."""

    codes: np.ndarray  # uint8 or uint16 (N, k)
    low: np.ndarray  # (k,)
    step: np.ndarray  # (k,)

    @classmethod
    def of(cls, values: np.ndarray, bits: Literal[8, 16]) -> Quantised:
        steps = 2**bits - 1
        some = values if len(values) else np.zeros((1, values.shape[1]))
        low = some.min(axis=0).astype(float)
        step = (some.max(axis=0) - low) / steps  # 0 for a column of one value
        codes = np.rint((values - low) / np.where(step > 0, step, 1))
        return cls(codes.astype(np.uint8 if bits == 8 else np.uint16), low, step)

    @property
    def values(self) -> np.ndarray:
        return (self.low + self.step * self.codes).astype(np.float32)

    @property
    def error(self) -> float:
        """No value is off by more, but for float32's own rounding: half a step of the widest column."""
        return float(self.step.max(initial=0)) / 2

    @property
    def kind(self) -> str:
        return f"q{self.codes.dtype.itemsize}"

    @property
    def extra(self) -> dict[str, Any]:
        return {"low": self.low.tolist(), "step": self.step.tolist()}


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
