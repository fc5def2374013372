"""``Run``: what a backtest left, as tables, figures and one page."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from alphaforge.engine import messages as M
from alphaforge.engine.journal import JournalHash
from alphaforge.instrument import Instrument
from alphaforge.research.metrics import drawdowns, equity_metrics, trade_metrics
from alphaforge.research.tables import (
    cash_table,
    fills_table,
    log_table,
    orders_table,
    recorded_table,
    round_trips,
)
from alphaforge.units import ledger_digits

if TYPE_CHECKING:
    import pandas as pd

    from alphaforge.data.recording import Recording
    from alphaforge.strategy.base import Strategy


@dataclass
class Run:
    """The result of one backtest.

    Attributes
    ----------
    run_id : str
        A digest of code, data, configuration and versions: the same id is the same run.
    strategy : Strategy
        The strategy as it was at the end.
    symbols, spec, mode : what was run
    timing : dict
        Seconds: ``load``, ``compile``, ``run``.
    warnings : list of str
        What to think of before believing the figures.
    """

    run_id: str
    strategy: Strategy
    symbols: list[str]
    spec: str
    mode: str
    cash: float
    timing: dict[str, float]
    warnings: list[str]
    instruments: list[Instrument]
    rows: npt.NDArray[Any] = field(repr=False)
    bars: npt.NDArray[Any] = field(repr=False)
    ledger_equity: npt.NDArray[np.int64] = field(repr=False)
    inputs: bytes = field(repr=False)
    pool: npt.NDArray[Any] | None = field(default=None, repr=False)
    recording: Recording | None = field(default=None, repr=False)
    plotter: Callable[[Run], Any] | None = field(default=None, repr=False)

    @cached_property
    def fills(self) -> pd.DataFrame:
        """Executions: ts (UTC), instrument, side (+1/-1), qty, price, fee, order_id, liquidity."""
        return fills_table(self.rows, self.instruments)

    @cached_property
    def orders(self) -> pd.DataFrame:
        """Orders as they were last: qty, limit, stop, filled, status; the reason where denied.

        The engine's own that close a position by force have the reason ``LIQUIDATION``.
        """
        return orders_table(self.rows, self.instruments, self.pool)

    @cached_property
    def cash_flows(self) -> pd.DataFrame:
        """Cash that moved without a fill: ts (UTC), symbol, kind, amount (currency, + received).

        Kinds: funding, borrow, interest (of the account: no symbol), rollover, liquidation.
        What a split pays in lieu of part of a lot isn't among them.
        """
        return cash_table(self.rows, self.instruments)

    @cached_property
    def recorded(self) -> pd.DataFrame:
        """What ``ctx.record`` kept: a column a name, in order of appearance; index ts, UTC.

        NaN where a name has no value at a time; several of one name at one time are several rows.
        """
        return recorded_table(self.rows)

    @cached_property
    def log(self) -> pd.DataFrame:
        """What ``ctx.log`` wrote: ts (UTC), text, value (NaN where none was given)."""
        return log_table(self.rows)

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Round trips from flat to flat."""
        return round_trips(self.rows, self.instruments)

    @cached_property
    def equity(self) -> pd.Series[float]:
        """Equity after each bar, or each second of a recording, currency; index the times, UTC.

        The last is the end of the run, after ``on_stop``.
        """
        import pandas as pd

        scale = 10 ** ledger_digits(self.instruments[0].currency)
        ts, ledger = self._curve
        index = pd.DatetimeIndex(ts.astype("datetime64[ns]"), tz="UTC", name="ts")
        return pd.Series(ledger / scale, index=index, name="equity")

    @cached_property
    def _curve(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Times and equity in ledger units: of each bar, else of each second and of the end."""
        if self.bars.size:
            return np.ascontiguousarray(self.bars["ts"]), self.ledger_equity
        rows = self.rows[self.rows["kind"] == M.ACCOUNT_ROW]
        rows = rows[np.append(np.diff(rows["ts"]) != 0, True)[: rows.size]]
        return np.ascontiguousarray(rows["ts"]), rows["a"] + rows["b"]

    @cached_property
    def drawdown(self) -> pd.Series[float]:
        """Fall from the highest equity so far, a fraction, 0 or negative."""
        import pandas as pd

        return pd.Series(
            drawdowns(self.equity.to_numpy(), self.cash), self.equity.index, name="drawdown"
        )

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Return, risk and trade figures by name."""
        figures = equity_metrics(self.equity.to_numpy(), self._curve[0], self.cash)
        closed = self.trades[self.trades["exit"].notna()]
        figures |= trade_metrics(closed["pnl"].to_numpy(np.float64))
        figures["fees"] = float(self.fills["fee"].sum())
        figures["cash_flows"] = float(self.cash_flows["amount"].sum())
        return figures

    @cached_property
    def journal_hash(self) -> str:
        """SHA-256 of the inputs' digest and every output row, in order."""
        digest = JournalHash(self.inputs)
        digest.update(self.rows)
        return digest.hexdigest()

    def plot(self) -> Any:
        """Price with fills, equity and drawdown, linked.

        Raises
        ------
        RuntimeError
            Where the run wasn't made by a ``Lab``.
        """
        if self.plotter is None:
            raise RuntimeError("this run has no lab to draw it. Make it with lab.backtest(...).")
        return self.plotter(self)

    def _repr_html_(self) -> str:
        from alphaforge.research.summary import summary_html

        return summary_html(self)

    def __repr__(self) -> str:
        m = self.metrics
        return (
            f"Run {self.run_id} {self.strategy!r} on {', '.join(self.symbols)} {self.spec}: "
            f"return {m.get('return', math.nan):.2%}, sharpe {m.get('sharpe', math.nan):.2f}, "
            f"max drawdown {m.get('max_drawdown', math.nan):.2%}, {len(self.fills)} fills"
        )
