"""Progress of a run: means of the steps' terms, training time and speed."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

SUM_EVERY = 500  # most steps whose terms are stored one by one


class TermMeans:
    """The mean of every step's terms since the last report. Adding one does not wait for the device."""

    def __init__(self, terms: int) -> None:
        self.pending: list[Tensor] = []  # of the latest steps, still on the device
        self.sums = np.zeros(terms)  # of those before
        self.summed = 0  # how many steps those were

    def add(self, terms: Tensor) -> None:
        self.pending.append(terms)
        if len(self.pending) == SUM_EVERY:
            self._sum()

    def take(self) -> list[float]:
        """The means since the last call, which start again from here."""
        self._sum()
        means: list[float] = (self.sums / self.summed).tolist()
        self.sums, self.summed = np.zeros_like(self.sums), 0
        return means

    def state(self) -> dict[str, Tensor]:
        state = {"report.sums": torch.tensor([self.summed, *self.sums])}
        return state | ({"report.pending": torch.stack(self.pending)} if self.pending else {})

    def restore(self, saved: dict[str, np.ndarray], device: torch.device) -> None:
        if "report.sums" in saved:
            summed, *sums = saved["report.sums"].tolist()
            self.summed, self.sums = int(summed), np.array(sums)
        if "report.pending" in saved:
            self.pending = list(torch.from_numpy(saved["report.pending"]).to(device))

    def _sum(self) -> None:
        if self.pending:
            self.sums += torch.stack(self.pending).cpu().double().sum(0).numpy()
            self.summed += len(self.pending)
            self.pending.clear()


class Clock:
    """The time that a run has trained, in seconds without pauses, and its speed in steps a second."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.steps_per_s: float | None = None
        self.go_on()

    def go_on(self) -> None:
        """Do not count the time since the last step: it was a pause."""
        self.last = self.since = time.monotonic()
        self.steps = 0

    def tick(self) -> float:
        """Count a step; returns the time (monotonic seconds)."""
        now = time.monotonic()
        self.seconds += now - self.last
        self.last = now
        self.steps += 1
        if now - self.since > 1:
            self.steps_per_s = self.steps / (now - self.since)
            self.since, self.steps = now, 0
        return now
