"""A backtest: history into events, the strategy's entry, one engine, a result."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt

import alphaforge
from alphaforge.data.history import History
from alphaforge.data.recording import Recording
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.engine.engine import Engine
from alphaforge.engine.journal import checksums
from alphaforge.engine.prepared import room_for_bars
from alphaforge.engine.watchdog import was_ended, watched
from alphaforge.errors import ConfigError, EngineHalted, StrategyError
from alphaforge.instrument import Instrument
from alphaforge.research.custom import custom_events
from alphaforge.research.run import Run
from alphaforge.research.stream import Stream, event_stream, recorded_stream
from alphaforge.strategy.base import Strategy, check_mode, check_seed, check_strategy
from alphaforge.strategy.compile import Entry, compiled_entry, python_entry
from alphaforge.strategy.digest import class_digest
from alphaforge.strategy.fields import from_bytes
from alphaforge.strategy.signals import Signals
from alphaforge.units import format_interval, ledger_to_money, parse_interval
from alphaforge.venue import Fees, Venue

MOST_CASH = 1e12
_JUMP = 0.35
_FEW_TRADES = 30
_ENDLESS_S = 2.0  # for the second run of a handler that was ended once
_CHUNK = 4096  # messages between two reports of progress
Progress = Callable[[int, int], None]


def backtest(
    history: History,
    strategy: Strategy,
    symbols: list[str] | Recording,
    spec: str = "",
    cash: float = 1_000_000.0,
    fees: Fees | None = None,
    venue: Venue | None = None,
    fill: str | None = None,
    mode: str = "compiled",
    progress: Progress | None = None,
    custom: Any = None,
    seed: int = 0,
) -> Run:
    """Run a strategy over stored bars, or over a recording of a market.

    Parameters
    ----------
    history : History
    strategy : Strategy
        An instance; the run works on a copy, so running twice gives the same.
    symbols : list of str, or a Recording
    spec : str
        Bars to run on, e.g. ``"1d"``; a recording has none.
    cash : float
        To start with, in the instruments' currency.
    fees : Fees
        None by default.
    venue : Venue
        How orders are filled; a plain one by default.
    fill : str
        ``"next_open"`` or ``"this_close"``: the venue's, where it isn't given with it.
    mode : str
        ``"compiled"`` or ``"python"``; both give the same journal.
    progress : callable, optional
        Called with (done, total) bytes now and then.
    custom : DataFrame, optional
        What the strategy's ``on_custom`` is shown, each row after all market events of its time:
        see ``alphaforge.research.custom.custom_events``.
    seed : int
        Of the strategy's ``ctx.rng``, from 0.

    Raises
    ------
    StrategyError
        With the user's line, where a handler raised or can't be compiled.
    DataError
        Where the custom events can't be what they are given as.
    """
    began = time.perf_counter()
    names = [symbols.instrument.symbol] if isinstance(symbols, Recording) else symbols
    _check(strategy, names, mode, cash, fees)
    strategy.check_symbols(names)
    check_seed(seed)
    venue = _venue(venue, fill)
    own = None if custom is None else custom_events(custom, names)
    if isinstance(symbols, Recording):
        interval, spec, instruments = 0, "recorded", [symbols.instrument]
        stream = recorded_stream(symbols, venue.latency, own)
    else:
        interval = parse_interval(spec)
        spec = format_interval(interval)  # "60s" and "1m" are one run
        instruments = [history.instrument(symbol) for symbol in names]
        _check_currency(instruments)
        stream = event_stream(history, names, spec, own)
    recording = symbols if isinstance(symbols, Recording) else None
    symbols = names
    inputs = hashlib.sha256(stream.events.data).digest()
    loaded = time.perf_counter()
    entry = compiled_entry(strategy) if mode == "compiled" else python_entry(strategy.fresh())
    compiled = time.perf_counter()

    def engine() -> Engine:
        made = Engine(
            currency=instruments[0].currency,
            cash=cash,
            fees=fees,
            venue=venue,
            capacities=with_room(capacities_for(venue, fees), entry, len(symbols)),
        )
        for instrument in instruments:
            made.add_instrument(instrument)
        if stream.start is not None:  # what on_start sees as now, and counts its timers from
            made.header["now"] = stream.start
        if not stream.bars.size:
            made.header["account_due"] = made.header["now"]
        return made

    machine = engine()
    machine.add_strategy(entry, symbols, interval, seed=seed)
    rows, equity = _run(machine, stream, progress)
    if machine.fault:
        again = engine()
        again.add_strategy(
            compiled_entry(strategy) if mode == "compiled" else entry, symbols, interval, seed=seed
        )
        _explain(machine, again, entry, strategy, mode, stream)
    final = strategy.fresh()
    if mode == "compiled":
        record = L.pool(machine.block, "strategies")[0]
        start = int(record["state"])
        from_bytes(final, machine.block[start : start + int(record["bytes"])])
    else:
        final = entry.keep[1]
    config = {"cash": cash, "fees": asdict(fees or Fees()), "spec": spec, "seed": int(seed)}
    config |= venue.describe()
    run = Run(
        run_id=_run_id(strategy, inputs, config, symbols),
        strategy=final,
        symbols=symbols,
        spec=spec,
        mode=mode,
        cash=cash,
        timing={},
        warnings=[],
        instruments=instruments,
        rows=rows,
        bars=stream.bars,
        ledger_equity=equity,
        inputs=inputs,
        pool=_pool(machine),
        recording=recording,
    )
    run.warnings = _warnings(history, run, L.pool(machine.block, "alerts"))
    run.timing = {
        "load": loaded - began,
        "compile": compiled - loaded,
        "run": time.perf_counter() - compiled,
    }
    return run


def _check_currency(instruments: list[Instrument]) -> None:
    currencies = {instrument.currency for instrument in instruments}
    if len(currencies) > 1:
        raise ConfigError(
            f"one run has one currency, not {', '.join(sorted(currencies))}. Run them one by one."
        )


def _check(strategy: Strategy, symbols: list[str], mode: str, cash: Any, fees: Any) -> None:
    check_strategy(strategy)
    check_mode(mode)
    if not symbols:
        raise ConfigError("a backtest needs at least one symbol. Give 'AAPL' or a list.")
    twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
    if twice:
        raise ConfigError(f"{', '.join(twice)} is given twice. Give each symbol once.")
    if not isinstance(cash, (int, float, np.number)) or not 0 < cash <= MOST_CASH:
        raise ConfigError(f"cash must be a number above 0, at most {MOST_CASH:,.0f}, not {cash!r}.")
    if fees is not None and not isinstance(fees, Fees):
        raise ConfigError(f"fees must be af.Fees(taker=..., maker=...), not {fees!r}.")


def _venue(venue: Venue | None, fill: str | None) -> Venue:
    """The venue of a run, with the fill rule that was given beside it."""
    if venue is not None and not isinstance(venue, Venue):
        raise ConfigError(f"venue must be af.Venue(...), not {venue!r}.")
    chosen = venue or Venue()
    return chosen if fill is None else replace(chosen, fill=fill)


def capacities_for(venue: Venue, fees: Fees | None) -> L.Capacities:
    """A block with room for a venue's tables and books."""
    base = L.Capacities()
    rows = len(getattr(venue.latency, "rows", ()))
    return replace(
        base,
        tiers=max(base.tiers, 2 * len(fees.tiers) if fees else 0),
        latencies=rows,
        delayed=venue.latency.is_late,
        queued=1 << 16 if venue.depth == "L3" else 0,
        levels=1 << 14 if venue.depth != "L1" else base.levels,
        far=1 << 15 if venue.depth != "L1" else base.far,
    )


def with_room(capacities: L.Capacities, entry: Entry, instruments: int) -> L.Capacities:
    """The same with an arena that a strategy fits into, whatever it keeps."""
    watch = np.zeros(capacities.instruments, np.uint8)
    watch[:instruments] = 1
    shown = room_for_bars(watch).size if entry.looks_back else 0
    return replace(
        capacities, arena=max(capacities.arena, 2 * entry.state.size + shown + 4 * L.LINE)
    )


def _run(
    machine: Engine, stream: Stream, progress: Progress | None
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    equity = np.zeros(stream.bars.size, np.int64)
    journal = machine.journal
    parts: list[npt.NDArray[Any]] = []
    taken = 0

    def drain() -> None:
        # Nobody writes meanwhile, and the engine stops before rows are lost: a plain copy will do.
        nonlocal taken
        if journal.written > taken:
            parts.append(journal.copy(taken, journal.written))
            taken = journal.written

    machine.call(0, K.ON_START)
    if progress is None:
        machine.run(stream.events, equity, drain)
    else:
        edges = np.append(stream.offsets[:-1:_CHUNK], stream.events.nbytes).tolist()
        for start, stop in itertools.pairwise(edges):
            machine.run(stream.events[start:stop], equity, drain)
            progress(stop, stream.events.nbytes)
            if machine.fault:
                break
    if not machine.fault:
        machine.call(0, K.ON_STOP)
    drain()
    if stream.bars.size:
        equity[-1] = int(machine.header["cash"]) + int(machine.header["market_value"])
    else:
        parts.append(_last_account(machine))
    return np.concatenate(parts) if parts else np.zeros(0, M.SLOT), equity


def _pool(machine: Engine) -> npt.NDArray[Any]:
    """Quantity, limit and trigger price of the orders that the engine still has."""
    orders = L.pool(machine.block, "orders")
    orders = orders[orders["id"] != 0]
    kept = np.zeros(orders.size, [(name, np.int64) for name in ("id", "qty", "price", "stop")])
    for name in kept.dtype.names or ():
        kept[name] = orders[name]
    return kept


def _last_account(machine: Engine) -> npt.NDArray[Any]:
    """The account at the end: what came after the last whole second counts too."""
    header, row = machine.header, np.zeros(1, M.SLOT)
    row["seq"], row["ts"], row["kind"] = machine.journal.written, header["now"], M.ACCOUNT_ROW
    for name, field in zip("abcd", ("cash", "market_value", "fees", "realised"), strict=True):
        row[name] = header[field]
    row["check"] = checksums(row)
    return row


def _explain(
    machine: Engine, again: Engine, entry: Entry, strategy: Strategy, mode: str, stream: Stream
) -> None:
    """Raise what a halted engine has to say; a compiled raise is re-run in Python for its line."""
    event = int(machine.header["fault_event"])
    if machine.fault != K.FAULT_STRATEGY:
        raise EngineHalted(
            f"the engine halted: {machine.fault_text()}. Mend the cause and run again."
        )
    endless, handler = was_ended(), int(machine.header["fault_handler"])
    if mode == "python":
        error = entry.error
    else:
        with watched(again.header, python=True, limit_s=_ENDLESS_S if endless else None):
            error = _rerun(again, strategy, stream, event, handler)
    name = f"{type(strategy).__name__}.{K.HANDLER_NAMES[handler]}"
    if error is None:
        why = "it didn't come back in time" if endless else "an int64 passed its range"
        raise StrategyError(
            f"{name} raised in compiled mode in event {event:,}, and python mode did not: "
            f"{why}. Run it with mode='python' to look."
        )
    if isinstance(error, KeyboardInterrupt):
        raise error
    line = _line_of(error, strategy)
    raise StrategyError(
        f"{name} raised {type(error).__name__}: {error} (line {line}, event {event:,}). "
        "The traceback above is yours; mend the handler and run again.",
        line,
    ) from error


def _rerun(
    again: Engine, strategy: Strategy, stream: Stream, event: int, handler: int
) -> BaseException | None:
    """Everything before the faulting event again, compiled; then that one event in python mode."""
    equity = np.zeros(stream.bars.size, np.int64)
    edge = int(stream.offsets[event])
    if handler != K.ON_START:
        again.call(0, K.ON_START)
        again.run(stream.events[:edge], equity, lambda: None)
    record = L.pool(again.block, "strategies")[0]
    copy = strategy.fresh()
    start = int(record["state"])
    from_bytes(copy, again.block[start : start + int(record["bytes"])])
    python = python_entry(copy)
    record["entry"] = python.address
    if handler in (K.ON_START, K.ON_STOP):
        again.call(0, handler)
    else:
        again.run(stream.events[edge : int(stream.offsets[event + 1])], equity, lambda: None)
    return python.error


def _line_of(error: BaseException, strategy: Strategy) -> int | None:
    """The deepest line of the traceback that lies in the file that defines the strategy."""
    files = {
        member.__code__.co_filename
        for base in type(strategy).__mro__[: type(strategy).__mro__.index(Strategy)]
        for member in vars(base).values()
        if hasattr(member, "__code__")
    }
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in files:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _warnings(history: History, run: Run, alerts: npt.NDArray[Any]) -> list[str]:
    found = []
    for index, symbol in enumerate(run.symbols):
        if run.instruments[index].kind == "synthetic":
            continue  # a sum may be 0, and has no actions of its own
        own = run.bars["instrument"] == index if len(run.symbols) > 1 else slice(None)
        opens, closes, ts = run.bars["open"][own], run.bars["close"][own], run.bars["ts_open"][own]
        if opens.size < 2:
            continue
        ratio = opens[1:] / closes[:-1]
        for at in np.flatnonzero((ratio > 1 + _JUMP) | (ratio < 1 - _JUMP)).tolist():
            actions = history.action_columns(symbol)["ts"]
            if not bool(((actions > ts[at]) & (actions <= ts[at + 1])).any()):
                day = _day(ts[at + 1])
                found.append(
                    f"{symbol} jumps {ratio[at] - 1:+.0%} into {day} with no corporate action "
                    "stored: a split that is missing? Store it with lab.history.write_action(...)."
                )
    if isinstance(run.strategy, Signals) and run.strategy.matched < run.strategy.rows:
        left = run.strategy.rows - run.strategy.matched
        found.append(
            f"{left:,} of {run.strategy.rows:,} rows of signals met no bar: are their times the "
            "bars' close times?"
        )
    found += _stale_books(run)
    found += _ruin(run, alerts)
    closed = int(run.trades["exit"].notna().sum())
    if closed < _FEW_TRADES:
        found.append(
            f"only {closed} round trips: too few to tell skill from luck (want {_FEW_TRADES})."
        )
    if closed < len(run.trades):
        found.append("a position is open at the end; it is marked at the last close.")
    return found


def _stale_books(run: Run) -> list[str]:
    """What the journal says of books that weren't to be trusted for a while."""
    rows = run.rows[(run.rows["kind"] == M.BOOK_ROW) & (run.rows["code"] != K.BOOK_GOOD)]
    found = []
    for code in np.unique(rows["code"]).tolist():
        first = rows[rows["code"] == code][0]
        symbol = run.symbols[int(first["instrument"])]
        at = str(np.datetime64(int(first["ts"]), "ns"))[:19]
        found.append(
            f"the book of {symbol} was stale from {at} on ({K.BOOK_STATE_NAMES[code]}) until its "
            "next snapshot: what was traded on it meanwhile means nothing."
        )
    return found


def _ruin(run: Run, alerts: npt.NDArray[Any]) -> list[str]:
    """Positions that were closed by force, and a debt that a run went on with."""
    found = []
    again = {int(a["id"]): a for a in alerts if a["count"] > 1}  # the journal has the first alone
    rows = run.rows[(run.rows["kind"] == M.ALERT_ROW) & (run.rows["code"] == R.LIQUIDATION)]
    for row in rows:
        instrument = run.instruments[int(row["instrument"])]
        least, backed = (
            f"{ledger_to_money(int(row[name]), instrument.currency):,.2f}" for name in "bc"
        )
        more, alert = "", again.get(int(row["a"]))
        if alert is not None:
            more = f" ({alert['count']} times until {_day(alert['ts_last'])})"
        found.append(
            f"liquidated {instrument.symbol} on {_day(row['ts'])}{more}: {backed} "
            f"{instrument.currency} backed what needed {least}. Trade smaller, or put up more cash."
        )
    ts, equity = run._curve
    below = np.flatnonzero(equity < 0)
    if below.size:
        at = int(below[0])
        found.append(
            f"equity fell below 0 on {_day(ts[at])}: nobody lends so much, and what came after "
            "means nothing. Trade smaller, or give the venue a margin: af.Venue(margin='cross')."
        )
    return found


def _day(ts: Any) -> str:
    return str(np.datetime64(int(ts), "ns"))[:10]


def _run_id(strategy: Strategy, inputs: bytes, config: dict[str, Any], symbols: list[str]) -> str:
    about = {
        "code": class_digest(type(strategy)),
        "parameters": strategy.parameters(),
        "data": inputs.hex(),
        "symbols": symbols,
        "version": alphaforge.__version__,
        **config,
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()[:12]
