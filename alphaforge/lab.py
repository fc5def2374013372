"""``Lab``: the session that a notebook holds. It wires history, engine, venue and widgets."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
import time
import weakref
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from alphaforge.config import load_settings
from alphaforge.data.history import History
from alphaforge.data.recording import Recording
from alphaforge.debugger import hide_own_frames
from alphaforge.engine import codes as K
from alphaforge.errors import AlphaForgeError, ConfigError, EngineHalted, RiskDenied
from alphaforge.feed import OrderRecord
from alphaforge.limits import Limits
from alphaforge.live import Live
from alphaforge.order import Order
from alphaforge.paper import Paper
from alphaforge.progress import progress_bar
from alphaforge.research.backtest import backtest
from alphaforge.research.run import Run
from alphaforge.research.summary import runs_row
from alphaforge.strategy.base import Strategy, check_mode, check_seed, check_strategy
from alphaforge.strategy.compile import compiled_entry
from alphaforge.streams import closed_bars
from alphaforge.units import format_interval, parse_interval, to_float
from alphaforge.venue import Fees, Venue
from alphaforge.venues.simulated import INSTRUMENTS
from alphaforge.warming import Warming

if TYPE_CHECKING:
    import pandas as pd

    from alphaforge.widgets.embed import Embedded
    from alphaforge.widgets.server import WidgetServer

_ACCEPTED = (K.ACCEPTED, K.PARTIALLY_FILLED, K.FILLED)
_DEAD = (K.DENIED, K.REJECTED, K.CANCELLED, K.EXPIRED)
_open_labs: weakref.WeakSet[Lab] = weakref.WeakSet()
_living: set[Lab] = set()
"""Labs with a live session: it goes on though a notebook forgot its name, until the kernel ends."""


class Lab:
    """A session: history, backtests, a live engine, widgets.

    Parameters
    ----------
    path : str, optional
        The history file, made where it is missing; ``":memory:"`` keeps nothing. As set in
        ``alphaforge.toml`` by default. A lab of this kernel that holds the file is closed first.
    **settings
        Any setting of ``alphaforge.config.Settings``, e.g. ``wait="spin"``.

    Raises
    ------
    StoreError
        Where another process holds the file; it is named by its pid.
    """

    def __init__(self, path: str | None = None, **settings: Any) -> None:
        if path is not None:
            settings["database"] = path
        self.settings = load_settings(**settings)
        self._key = _key(self.settings.database)
        _close_earlier(self._key)
        self.history = History(self.settings.database)
        self.limits = Limits(self)
        self._live: Live | None = None
        self._server: WidgetServer | None = None
        self._lock = threading.RLock()
        self._warming = Warming()
        self._closed = False
        _open_labs.add(self)
        hide_own_frames()

    # --- history and backtests ------------------------------------------------------------------

    def bars(self, symbol: str, spec: str) -> pd.DataFrame:
        """Bars as a DataFrame: stored ones, or those of the live session.

        Columns float64 open, high, low, close, volume; index the close time, UTC.
        """
        if self._live is not None and symbol in self._live_symbols():
            return self._live_bars(symbol, spec)
        return self.history.bars(symbol, spec)

    def _live_symbols(self) -> list[str]:
        return [i.symbol for i in self._live.engine.instruments] if self._live else []

    def _live_bars(self, symbol: str, spec: str) -> pd.DataFrame:
        import pandas as pd

        live = self.live
        live.feed.catch_up()
        columns = live.bar_columns(symbol, spec)
        i = live.engine.instruments[live.engine.index(symbol)]
        data = {
            n: to_float(columns[n], i.price.numerator, i.price.denominator)
            for n in ("open", "high", "low", "close")
        }
        data["volume"] = to_float(columns["volume"], i.quantity.numerator, i.quantity.denominator)
        index = pd.DatetimeIndex(columns["ts"].astype("datetime64[ns]"), tz="UTC", name="ts")
        return pd.DataFrame(data, index=index)

    def sql(self, query: str) -> pd.DataFrame:
        """A query over the history and, in the same tables, the live session."""
        if self._live is not None:
            self._live.feed.catch_up()
            self._live.feed.flush()
        return self.history.sql(query)

    def backtest(
        self,
        strategy: Strategy,
        symbols: str | Sequence[str] | Recording,
        spec: str = "",
        cash: float = 1_000_000.0,
        fees: Fees | None = None,
        venue: Venue | None = None,
        fill: str | None = None,
        mode: str = "compiled",
        custom: pd.DataFrame | None = None,
        seed: int = 0,
    ) -> Run:
        """Run a strategy over stored bars; see ``alphaforge.research.backtest.backtest``.

        ``custom`` are events of one's own for ``on_custom``, ``seed`` that of ``ctx.rng``.

        Examples
        --------
        >>> run = lab.backtest(SmaCross(), "AAPL", "1d")  # doctest: +SKIP
        """
        self._warming.wait()
        names: list[str] | Recording
        if isinstance(symbols, Recording):
            names = symbols
        else:
            given: Any = symbols
            if not isinstance(given, Iterable) or hasattr(given, "columns"):
                raise ConfigError(
                    f"a backtest needs symbols, such as 'AAPL' or ['AAPL', 'MSFT'], or a "
                    f"recording, not {type(symbols).__name__}. A frame is stored first: "
                    "lab.history.write_bars('AAPL', '1d', frame)."
                )
            names = _names(symbols)
        with contextlib.ExitStack() as stack:
            progress = None
            if mode == "python":
                progress = stack.enter_context(
                    progress_bar(f"{type(strategy).__name__} in python mode")
                )
            run = backtest(
                self.history,
                strategy,
                names,
                spec,
                cash,
                fees,
                venue,
                fill,
                mode,
                progress,
                custom,
                seed,
            )
        began = time.perf_counter()
        run.plotter = self._plot
        self.history.append("runs", runs_row(run))
        run.timing["run"] += time.perf_counter() - began
        return run

    def _plot(self, run: Run) -> Embedded:
        from alphaforge.plots import tearsheet_data

        server = self._serve()
        server.register_run(run.run_id, tearsheet_data(run))
        return server.embed("run", id=run.run_id)

    # --- live -----------------------------------------------------------------------------------

    @property
    def live(self) -> Live:
        """The live session; the simulated exchange is started where it doesn't run yet."""
        live = self._live_without_start()
        live.begin()
        return live

    @property
    def engine(self) -> Any:
        """The live session's engine."""
        return self.live.engine

    def _live_without_start(self, interval_ns: int = 1_000_000_000) -> Live:
        self._warming.wait()
        with self._lock:
            if self._closed:
                raise EngineHalted("this lab is closed. Make another: lab = af.Lab().")
            if self._live is None:
                self._live = Live(self.history, self.settings, interval_ns)
                _living.add(self)
            return self._live

    def paper(
        self,
        strategy: Strategy,
        symbols: str | Sequence[str],
        spec: str,
        mode: str = "compiled",
        seed: int = 0,
    ) -> Paper:
        """Trade a strategy live on the simulated exchange, which back-fills 500 bars first.

        Parameters
        ----------
        strategy : Strategy
            The session works on a copy.
        symbols : str or list of str
            Of the simulated exchange.
        spec : str
            Bars built live from its trades, e.g. ``"1s"``.
        mode : str
            ``"compiled"`` or ``"python"``.
        seed : int
            Of the strategy's ``ctx.rng``, from 0.
        """
        check_strategy(strategy)
        check_mode(mode)
        check_seed(seed)
        names = _names(symbols)
        strategy.check_symbols(names)
        if not names:
            raise ConfigError("a strategy needs at least one symbol. Give 'BTCUSDT' or a list.")
        self._warming.wait()
        if mode == "compiled":
            compiled_entry(strategy)  # takes its second before the session's clock begins
        live = self._live_without_start(parse_interval(spec))
        slot = live.add(strategy, names, spec, mode, seed)
        live.begin()
        return Paper(live, slot, strategy, names, spec, mode)

    def custom(self, symbol: str, *numbers: float, kind: int = 0) -> None:
        """Send an event of now to the live strategies on an instrument: their ``on_custom``.

        Parameters
        ----------
        numbers : float
            Up to four: the event's ``a`` to ``d``; what isn't given is 0.
        kind : int
            From 0 to 255, to tell one's own events apart.

        Raises
        ------
        DataError
            For what can't be sent.

        Examples
        --------
        >>> lab.custom("BTCUSDT", 0.3, kind=1)  # doctest: +SKIP
        """
        self.live.custom(symbol, numbers, kind)

    @overload
    def submit(self, order: Order) -> int: ...

    @overload
    def submit(self, order: Sequence[Order]) -> list[int]: ...

    def submit(self, order: Order | Sequence[Order]) -> int | list[int]:
        """Send an order to the live session, or a list as one; its id, or theirs.

        The engine's checks run there.

        Raises
        ------
        OrderError, InstrumentError, EngineHalted
        """
        given: Any = order
        if isinstance(given, (list, tuple)):
            return self.live.submit(given)
        return self.live.submit([given])[0]

    def replace(
        self,
        order_id: int,
        limit: float | None = None,
        qty: float | None = None,
        stop: float | None = None,
    ) -> None:
        """Ask for another limit price, whole quantity or trigger price of a working order."""
        self.live.replace(order_id, limit, qty, stop)

    def cancel(self, order_id: int) -> None:
        """Ask to cancel a working order."""
        self.live.cancel(order_id)

    async def accepted(self, order_id: int, timeout: float = 5.0) -> OrderRecord:
        """Wait until an order is working (or filled).

        Raises
        ------
        RiskDenied
            Where our own checks refused it, with the code and its numbers.
        """
        return await self._reach(order_id, _ACCEPTED, timeout)

    async def filled(self, order_id: int, timeout: float = 5.0) -> OrderRecord:
        """Wait until an order is wholly filled."""
        return await self._reach(order_id, (K.FILLED,), timeout)

    async def _reach(self, order_id: int, wanted: tuple[int, ...], timeout: float) -> OrderRecord:
        future = self.live.feed.wait_for(order_id, (*wanted, *_DEAD))
        record = await asyncio.wait_for(future, timeout)
        if record.status in wanted:
            return record
        if record.status == K.DENIED:
            raise RiskDenied(f"order {order_id} was denied. {record.reason}.")
        raise AlphaForgeError(f"order {order_id} ended as {K.STATUS_NAMES[record.status]}.")

    def stream(self, symbol: str, spec: str) -> AsyncIterator[dict[str, Any]]:
        """Closed bars as they close: dicts with ts (ns UTC), open, high, low, close, volume.

        Ends when the lab is closed.

        Raises
        ------
        EngineHalted
            Where the engine halts.
        """
        return closed_bars(self.live, symbol, spec)

    def kill(self, flatten: bool = False) -> None:
        """The red button: cancel everything, halt trading, by choice flatten. See ``arm``."""
        self.live.kill(flatten)

    def arm(self) -> None:
        """Let trading go on after a kill."""
        self.live.arm()

    def resume(self) -> None:
        """Go on after the engine halted; a strategy that raised stays out."""
        self.live.resume()

    # --- widgets --------------------------------------------------------------------------------

    def workbench(self) -> Embedded:
        """The whole workbench, streaming."""
        self.live  # noqa: B018 - starts the session
        return self._serve().embed("workbench")

    def chart(self, symbol: str, spec: str = "1s") -> Embedded:
        """Live candles of one instrument; a spec that isn't built yet begins with the next bar."""
        self._known(symbol)
        self.live.builder(symbol, spec)
        spec = format_interval(parse_interval(spec))
        return self._serve().embed("chart", symbol=symbol, spec=spec)

    def ladder(self, symbol: str) -> Embedded:
        """The depth ladder of one instrument."""
        self._known(symbol)
        return self._serve().embed("ladder", symbol=symbol)

    def positions(self) -> Embedded:
        """Positions with flatten."""
        return self._serve().embed("positions")

    def orders(self) -> Embedded:
        """Working orders with cancel."""
        return self._serve().embed("orders")

    def equity(self) -> Embedded:
        """The session's equity curve and drawdown."""
        return self._serve().embed("equity")

    def risk(self) -> Embedded:
        """Limits and their headroom."""
        return self._serve().embed("risk")

    def picture(
        self,
        panes: Mapping[str, Any] | Any,
        title: str = "Picture",
        kind: str = "line",
        x_title: str = "",
        height: int = 420,
    ) -> Embedded:
        """Draw DataFrames or Series in the workbench's look: linked panes, light and dark.

        Parameters
        ----------
        panes : mapping of str to DataFrame or Series, or one of these alone
            Title of each pane to what it shows; the index is the x axis, a column a curve.
        kind : str
            ``"line"``, ``"step"``, ``"points"`` or ``"bars"``.
        """
        from alphaforge.pictures import picture_of

        shown = panes if isinstance(panes, Mapping) else {title: panes}
        server = self._serve()
        name = server.register_picture(picture_of(shown, title, kind, x_title))
        return server.embed("picture", height, id=name)

    def _known(self, symbol: str) -> None:
        self.live.engine.index(symbol)

    def serve(self, port: int | None = None) -> None:
        """Serve the workbench alone until interrupted; prints its address."""
        self.live  # noqa: B018 - starts the session
        server = self._serve(port)
        print(f"AlphaForge workbench: {server.url('workbench')}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()

    def _serve(self, port: int | None = None) -> WidgetServer:
        from alphaforge.desk import LiveDesk
        from alphaforge.widgets.server import WidgetServer

        with self._lock:
            if self._server is None:
                instruments = [INSTRUMENTS[symbol][0] for symbol in self.settings.exchange.symbols]
                desk = LiveDesk(lambda: self.live, instruments, 1.0 / self.settings.fps)
                chosen = self.settings
                self._server = WidgetServer(
                    desk, port, chosen.ports, chosen.fps, chosen.theme
                ).start()
            return self._server

    # --- the end --------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop everything, store what is left, give the file back."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            server, live = self._server, self._live
        # Not under the lock: a page that is being drawn asks for the session.
        if server is not None:
            server.stop()
        if live is not None:
            live.close()
        self.history.close()
        _open_labs.discard(self)
        _living.discard(self)

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = (
            "closed"
            if self._closed
            else self._live.engine.state_text()
            if self._live
            else "no live session"
        )
        return f"Lab({self.settings.database!r}, {state})"


def _names(symbols: str | Sequence[str]) -> list[str]:
    """One symbol or several as a list.

    Raises
    ------
    ConfigError
        Where one is given twice.
    """
    names = [symbols] if isinstance(symbols, str) else list(symbols)
    twice = sorted({symbol for symbol in names if names.count(symbol) > 1})
    if twice:
        raise ConfigError(f"{', '.join(twice)} is given twice. Give each symbol once.")
    return names


def _key(database: str) -> str:
    """What one file is known by, however its path is written."""
    return database if database == ":memory:" else str(Path(database).resolve())


def _close_earlier(key: str) -> None:
    """A re-run cell makes a new lab: the one before gives its file and threads back."""
    for lab in [lab for lab in _open_labs if lab._key == key and key != ":memory:"]:
        lab.close()


@atexit.register
def _close_all() -> None:
    for lab in list(_open_labs):
        lab.close()
