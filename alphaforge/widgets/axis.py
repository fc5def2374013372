"""Labels of axes that count bars: times at round moments, prices grouped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SECOND, MINUTE, HOUR, DAY = 1e3, 6e4, 3.6e6, 8.64e7
#: Distances between time labels, in milliseconds, that a person reads at a glance.
STEPS = (
    *(n * SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * HOUR for n in (1, 2, 3, 6, 12)),
    *(n * DAY for n in (1, 2, 7, 14, 30, 91, 182, 365)),
)

#: JavaScript: the label of bar number `tick`, as fine as the bars are.
TIME_LABELS = """
const first = bars.data.index[0]
const times = bars.data.ts_open_ms
const at = times[tick - first]
if (at === undefined) return ""
const text = new Date(at).toISOString()
const step = ticks.length > 1 ? (times[ticks[1] - first] - times[ticks[0] - first]) : 6e4
if (step >= 8.64e7 * 25) return text.slice(0, 7)
if (step >= 8.64e7 || at % 8.64e7 === 0) return text.slice(5, 10)
return step >= 6e4 && at % 6e4 === 0 ? text.slice(11, 16) : text.slice(11, 19)
"""

#: JavaScript: a price with the instrument's decimals.
PRICE_LABELS = """
const text = tick.toLocaleString("en-US", {minimumFractionDigits: decimals,
                                           maximumFractionDigits: decimals})
return text.replace("-", "\\u2212")
"""


def time_ticks(ts_ms: NDArray[np.float64], visible: float, wanted: int = 8) -> NDArray[np.intp]:
    """Return the rows whose time crosses a round moment, about ``wanted`` in the view.

    Parameters
    ----------
    ts_ms : float64[n]
        Open time of each bar.
    visible : float
        Number of bars in view.
    wanted : int
        Number of labels that fit.
    """
    if len(ts_ms) < 2:
        return np.arange(len(ts_ms))
    spacing = float(np.median(np.diff(ts_ms))) or 1.0
    target = spacing * visible / wanted
    step = next((s for s in STEPS if s >= 0.75 * target), STEPS[-1])
    bucket = np.floor(ts_ms / step)
    return np.flatnonzero(np.diff(bucket) > 0) + 1
