"""A run as one small page of HTML that follows JupyterLab's theme; no script, nothing fetched."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from alphaforge.research.run import Run

_WIDTH, _HEIGHT, _FALL = 640, 120, 44
_POINTS = 320
_STYLE = """
.af-run{font:13px/1.45 var(--jp-ui-font-family,system-ui,sans-serif);
color:var(--jp-ui-font-color1,#1b2533);max-width:760px;border-radius:8px;padding:12px 16px;
border:1px solid var(--jp-border-color2,#dfe5ec)}
.af-run h4{margin:0;font-size:14px;font-weight:600}
.af-run .m{color:var(--jp-ui-font-color2,#64748b);font-size:12px}
.af-run .g{display:grid;gap:8px 16px;margin:10px 0;
grid-template-columns:repeat(auto-fill,minmax(126px,1fr))}
.af-run .g div{display:flex;flex-direction:column}
.af-run .g b{font:500 14px var(--jp-code-font-family,monospace);font-variant-numeric:tabular-nums}
.af-run svg{width:100%;height:auto;display:block}
.af-run ul{margin:8px 0 0;padding-left:18px}
"""
_FIGURES: tuple[tuple[str, str, str], ...] = (
    ("return", "Return", "{:+.2%}"),
    ("cagr", "CAGR", "{:+.2%}"),
    ("sharpe", "Sharpe", "{:.2f}"),
    ("sortino", "Sortino", "{:.2f}"),
    ("volatility", "Volatility", "{:.2%}"),
    ("max_drawdown", "Max drawdown", "{:.2%}"),
    ("trades", "Round trips", "{:,.0f}"),
    ("win_rate", "Win rate", "{:.1%}"),
    ("profit_factor", "Profit factor", "{:.2f}"),
    ("final_equity", "Final equity", "{:,.2f}"),
    ("fees", "Fees", "{:,.2f}"),
)


def summary_html(run: Run) -> str:
    """The page."""
    figures = "".join(
        _figure(run.metrics.get(key, math.nan), name, shape) for key, name, shape in _FIGURES
    )
    times = " · ".join(f"{name} {seconds * 1e3:,.1f} ms" for name, seconds in run.timing.items())
    warnings = "".join(f"<li>{html.escape(text)}</li>" for text in run.warnings)
    listed = f'<ul class="m" aria-label="warnings">{warnings}</ul>' if warnings else ""
    first, last = (str(run.equity.index[k])[:10] for k in (0, -1)) if len(run.equity) else ("", "")
    return (
        f'<style>{_STYLE}</style><div class="af-run"><h4>{html.escape(repr(run.strategy))}</h4>'
        f'<div class="m">{html.escape(", ".join(run.symbols))} · {run.spec} · {first} to {last} · '
        f"{len(run.equity):,} bars · {len(run.fills):,} fills · {run.mode}</div>"
        f'<div class="g">{figures}</div>{_curves(run)}'
        f'<div class="m">run {run.run_id} · journal {run.journal_hash[:12]} · {times}</div>'
        f"{listed}</div>"
    )


def _figure(value: float, name: str, shape: str) -> str:
    text = "–" if math.isnan(value) else shape.format(value)
    return f'<div><span class="m">{name}</span><b>{text}</b></div>'


def _curves(run: Run) -> str:
    if not len(run.equity):
        return ""
    equity = _thin(run.equity.to_numpy())
    fall = _thin(run.drawdown.to_numpy())
    top = _path(equity, float(equity.min()), float(equity.max()), _HEIGHT)
    bottom = _path(fall, float(min(fall.min(), -1e-12)), 0.0, _FALL)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + _FALL + 8}" role="img" '
        'aria-label="equity above, drawdown below">'
        f'<path d="{top}" fill="none" stroke="#2f81c9" stroke-width="1.4"/>'
        f'<g transform="translate(0 {_HEIGHT + 8})"><path d="{bottom} L{_WIDTH} 0 L0 0 Z" '
        'fill="#cf4a26" fill-opacity=".25" stroke="#cf4a26" stroke-width="1"/></g></svg>'
    )


def _thin(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """At most twice ``_POINTS`` values that keep every stretch's lowest and highest."""
    if values.size <= 2 * _POINTS:
        return values
    edges = np.linspace(0, values.size, _POINTS + 1).astype(np.int64)[:-1]
    low, high = np.minimum.reduceat(values, edges), np.maximum.reduceat(values, edges)
    return np.column_stack([low, high]).ravel()


def _path(values: npt.NDArray[Any], low: float, high: float, height: int) -> str:
    span = high - low or 1.0
    xs = np.linspace(0, _WIDTH, values.size)
    ys = height - (values - low) / span * height
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in zip(xs, ys, strict=True))


def runs_row(run: Run) -> dict[str, npt.NDArray[Any]]:
    """What the history keeps of a run: one row of its table."""
    return {
        "run_id": np.array([run.run_id], object),
        "session": np.array([""], object),
        "started": np.array([np.datetime64("now", "us")]),
        "kind": np.array(["backtest"], object),
        "strategy": np.array([type(run.strategy).__name__], object),
        "parameters": np.array([str(run.strategy.parameters())], object),
        "instruments": np.array([", ".join(run.symbols)], object),
        "spec": np.array([run.spec], object),
        "mode": np.array([run.mode], object),
        "journal_hash": np.array([run.journal_hash], object),
        "events": np.array([len(run.equity)], np.int64),
        "fills": np.array([len(run.fills)], np.int64),
        "cash": np.array([run.cash]),
        "equity": np.array([float(run.equity.iloc[-1]) if len(run.equity) else run.cash]),
        "seconds": np.array([sum(run.timing.values())]),
    }
