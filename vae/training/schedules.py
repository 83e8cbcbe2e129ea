"""Schedules of beta and of the learning rate, as factors of their settings."""

from __future__ import annotations

from math import cos, pi

WARM_UP = 0.3  # share of a one-cycle run in which the learning rate rises
START, END = 1 / 25, 1 / 2.5e5  # the first and the last learning rate of a one-cycle run, as shares of its peak


def beta_factor(schedule: str, periods: float) -> float:
    """Factor of beta, in [0, 1], after so many `periods` of its schedule.

    "warm-up" (Bowman et al. 2016) rises linearly over the first period. "cyclical" (Fu et al. 2019) rises linearly over
    the first half of every period and stays at 1 for the second. "constant" is 1.
    """
    if schedule == "warm-up":
        return min(1.0, periods)
    return min(1.0, 2 * (periods % 1)) if schedule == "cyclical" else 1.0


def lr_factor(schedule: str, step: int, steps: int) -> float:
    """Factor of the peak learning rate, in (0, 1], at step `step` (from 0) of `steps`.

    "one-cycle" (Smith & Topin 2018) rises from 1/25 to 1 over the first 30% along a cosine, then falls to 4e-6 along
    another. "constant" is 1.
    """
    if schedule == "constant":
        return 1.0
    done = step / max(steps - 1, 1)
    if done < WARM_UP:
        return _cosine(START, 1.0, done / WARM_UP)
    return _cosine(1.0, END, (done - WARM_UP) / (1 - WARM_UP))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + cos(pi * share)) / 2
