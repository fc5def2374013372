"""Seeded flows of book messages around a moving touch: by price level, and by single order."""

from __future__ import annotations

import numba as nb
import numpy as np

from alphaforge.engine import messages as M

MIDDLE = 1 << 16
_TICKS = 2 * MIDDLE
_TREND = 20_000  # messages that a trend lasts on average
_QUEUES = 64  # orders that a level's queue may hold, while making the flow


@nb.njit
def _behind(random, best, side):
    """A price behind the touch, most of them near it."""
    return best - side * min(int(random.exponential(12.0)), 800)


@nb.njit
def _next_best(lots, best, side):
    while lots[best] == 0:
        best -= side
    return best


@nb.njit
def _levels(count, random, tick, lot, side_of):
    """Adds, changes and removals; a removal of the best, or an add before it, moves the touch."""
    lots = np.zeros((2, _TICKS), np.int64)
    best = np.array([MIDDLE - 1, MIDDLE + 1])
    for away in range(400):
        lots[0, best[0] - away] = lots[1, best[1] + away] = 100
    falling = 0
    for n in range(count):
        if random.random() < 1.0 / _TREND:
            falling = 1 - falling
        row = random.integers(0, 2)
        side = 1 - 2 * row
        size = random.integers(1, 1_000)
        at = _behind(random, best[row], side)
        if lots[row, at] > 0 and random.random() < 0.4:
            size = 0
        if best[1] - best[0] > 1 and row == falling and random.random() < 0.5:
            at = best[row] + side
        elif row != falling and random.random() < 0.05:
            at, size = best[row], 0
        lots[row, at] = size
        if (at - best[row]) * side > 0:
            best[row] = at
        best[row] = _next_best(lots[row], best[row], side)
        tick[n], lot[n], side_of[n] = at, size, side
    return best[0]


def level_flow(count: int, seed: int = 3) -> np.ndarray:
    """DEPTH messages of one book."""
    out = np.zeros(count, M.SLOT)
    tick, lot, side = (np.zeros(count, np.int64) for _ in range(3))
    _levels(count, np.random.default_rng(seed), tick, lot, side)
    out["kind"] = M.DEPTH
    out["a"], out["b"], out["c"] = tick, lot, side
    return out


@nb.njit
def _orders(count, random, kind, a, b, c, d):
    """Adds near the touch, cancels of any, trades with the oldest at the best, smaller sizes."""
    queue = np.zeros((2, _TICKS, _QUEUES), np.int64)  # ids at each price, oldest first
    waiting = np.zeros((2, _TICKS), np.int64)
    best = np.array([MIDDLE - 1, MIDDLE + 1])
    size = np.zeros(count + 1, np.int64)
    row_of, tick_of = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.int64)
    live = np.zeros(count + 1, np.int64)
    alive, last, rising = 0, 0, 0
    for n in range(count):
        if random.random() < 1.0 / _TREND:
            rising = 1 - rising
        draw = random.random()
        row = random.integers(0, 2)
        side = 1 - 2 * row
        order = 0
        if 0.4 < draw < 0.9 and alive > 0:
            order = live[random.integers(0, alive)]
        elif draw >= 0.9:
            order = queue[rising, best[rising], 0]
        if alive < 2_000 or order == 0 or waiting[row_of[order], tick_of[order]] <= 0:
            spread = best[1] - best[0]
            at = _behind(random, best[row], side)
            if spread > 1 and random.random() < 0.25:
                at = best[row] + side
            while waiting[row, at] == _QUEUES:
                at -= side
            last += 1
            row_of[last], tick_of[last], size[last] = row, at, random.integers(1, 500)
            queue[row, at, waiting[row, at]] = last
            waiting[row, at] += 1
            live[alive] = last
            alive += 1
            if (at - best[row]) * side > 0:
                best[row] = at
            kind[n], a[n], b[n], c[n], d[n] = M.ORDER_ADD, last, at, size[last], side
            continue
        row, at = row_of[order], tick_of[order]
        side = 1 - 2 * row
        a[n] = order
        if draw < 0.5 and size[order] > 1:
            size[order] = 1 + size[order] // 2
            kind[n], b[n], c[n] = M.ORDER_MODIFY, at, size[order]
            continue
        kind[n] = M.ORDER_EXECUTE if draw >= 0.9 else M.ORDER_CANCEL
        c[n] = size[order] if draw >= 0.9 else 0
        k = 0
        while queue[row, at, k] != order:
            k += 1
        waiting[row, at] -= 1
        for j in range(k, waiting[row, at]):
            queue[row, at, j] = queue[row, at, j + 1]
        k = 0
        while live[k] != order:
            k += 1
        alive -= 1
        live[k] = live[alive]
        best[row] = _next_best(waiting[row], best[row], side)
    return alive


def order_flow(count: int, seed: int = 5) -> np.ndarray:
    """Order-level messages of one book of some 2,000 live orders."""
    out = np.zeros(count, M.SLOT)
    kind, a, b, c, d = (np.zeros(count, np.int64) for _ in range(5))
    _orders(count, np.random.default_rng(seed), kind, a, b, c, d)
    out["kind"] = kind
    for name, values in zip("abcd", (a, b, c, d), strict=True):
        out[name] = values
    return out
