"""What one finger means on a page that scrolls, by where it moves and when."""

from __future__ import annotations

import pytest

HOLD = 350  # ms


@pytest.mark.parametrize(
    ("moves", "hold", "expected"),
    [
        ([(3, 4, 20)], HOLD, [False, False]),  # it may still do either
        ([(9, 3, 20)], HOLD, [True, False]),
        ([(-9, 3, 20)], HOLD, [True, False]),
        ([(3, 9, 20)], HOLD, [False, True]),
        ([(3, -9, 20)], HOLD, [False, True]),
        ([(9, 3, 20), (9, 200, 40)], HOLD, [True, False]),  # what has begun to drag goes on in any direction
        ([(3, 9, 20), (200, 9, 40)], HOLD, [False, True]),  # and what scrolls goes on scrolling
        ([(2, 9, HOLD)], HOLD, [True, False]),  # it has rested
        ([(2, 9, 10 * HOLD)], None, [False, True]),  # as a slider has it: no rest is long enough
        ([(2, 9, 1)], 0, [True, False]),  # where there is nothing to scroll
    ],
)
def test_the_way_a_finger_goes_decides(node, moves, hold, expected) -> None:
    body = """(m, moves, hold) => {
      const swipe = new m.Swipe(100, 100, 1000, hold ?? Infinity);
      for (const [x, y, after] of moves) swipe.move(100 + x, 100 + y, 1000 + after);
      return [swipe.drags, swipe.scrolls];
    }"""
    assert node.call("core/swipe.js", body, moves, hold) == expected
    assert node.call("core/swipe.js", "(m) => m.HOLD") == HOLD
