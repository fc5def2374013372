"""Performance figures of an equity curve and its round trips. Plain NumPy, float64.

Ratios are annualised by the number of values a year, taken from the data itself. A ratio whose
denominator is zero is NaN, never a huge number.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

_YEAR_NS = 365.25 * 86_400e9


def equity_metrics(
    equity: npt.NDArray[np.float64], ts: npt.NDArray[np.int64], start: float
) -> dict[str, float]:
    """Return, risk and drawdown of an equity curve.

    Bars of several instruments close at one time: the last value of each time counts.

    Parameters
    ----------
    equity : float64, one value per bar, currency
    ts : int64 ns UTC, the bars' close times
    start : cash before the first bar
    """
    if not equity.size:
        return {}
    last = np.flatnonzero(np.append(np.diff(ts) != 0, True))
    equity, ts = equity[last], ts[last]
    curve = np.concatenate([[start], equity])
    returns = curve[1:] / curve[:-1] - 1
    years = (int(ts[-1]) - int(ts[0])) / _YEAR_NS
    per_year = (ts.size - 1) / years if years > 0 else math.nan
    total = float(curve[-1] / curve[0] - 1)
    deviation = float(returns.std(ddof=1)) if returns.size > 1 else math.nan
    downside = float(np.sqrt(np.mean(np.minimum(returns, 0) ** 2)))
    growth = _a_year(total, years)
    peak = np.maximum.accumulate(curve)
    drawdown = curve / peak - 1
    scale = math.sqrt(per_year) if per_year == per_year else math.nan
    mean = float(returns.mean())
    deepest = float(-drawdown.min())
    return {
        "return": total,
        "cagr": growth,
        "volatility": deviation * scale,
        "sharpe": _ratio(mean, deviation) * scale,
        "sortino": _ratio(mean, downside) * scale,
        "calmar": _ratio(growth, deepest),
        "max_drawdown": deepest,
        "max_drawdown_bars": float(_longest(curve < peak)),
        "final_equity": float(curve[-1]),
    }


def _a_year(total: float, years: float) -> float:
    """A total return as one a year; infinite where a short time's passes what a float holds."""
    if not years > 0 or not total > -1:
        return math.nan
    exponent = math.log1p(total) / years
    return math.expm1(exponent) if exponent < 700.0 else math.inf


def trade_metrics(pnl: npt.NDArray[np.float64]) -> dict[str, float]:
    """Figures of round trips from their profits, currency, fees included."""
    wins, losses = pnl[pnl > 0], pnl[pnl < 0]
    return {
        "trades": float(pnl.size),
        "win_rate": wins.size / pnl.size if pnl.size else math.nan,
        "profit_factor": _ratio(float(wins.sum()), float(-losses.sum())),
        "expectancy": float(pnl.mean()) if pnl.size else math.nan,
        "average_win": float(wins.mean()) if wins.size else math.nan,
        "average_loss": float(losses.mean()) if losses.size else math.nan,
    }


def drawdowns(equity: npt.NDArray[np.float64], start: float) -> npt.NDArray[np.float64]:
    """Fall from the highest value so far, as a fraction at each bar; 0 or negative."""
    peak = np.maximum(np.maximum.accumulate(equity), start)
    result: npt.NDArray[np.float64] = equity / peak - 1
    return result


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom > 0 else math.nan


def _longest(under: npt.NDArray[Any]) -> int:
    """The longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], under.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max()) if edges.size else 0
