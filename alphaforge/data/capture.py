"""Raw captures of an exchange's streams, read into a recording.

Binance: lines ``<receive time in ns> <JSON>`` of combined streams, USD-M futures or spot, plain or
gzip, as collectors write them.
"""

from __future__ import annotations

import bisect
import gzip
import re
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np

from alphaforge.data.recording import Recording, Rejected, Report
from alphaforge.data.sequence import FRAME, QUOTE, TRADE, Lines, sequenced
from alphaforge.errors import DataError, did_you_mean
from alphaforge.instrument import Instrument
from alphaforge.units import MILLISECOND

_END = 2**63
_GZIP = b"\x1f\x8b"
_DECIMAL = re.compile(r"([0-9]{1,40})(?:\.([0-9]{1,40}))?")
_MOST_KEPT = 1 << 20
_DEPTHS = ("depth", "depth@0ms", "depth@100ms", "depth@250ms", "depth@500ms", "depth@1000ms")

_Id: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=_END - 1)]
_Time: TypeAlias = Annotated[int, msgspec.Meta(gt=0, le=(_END - 1) // MILLISECOND)]  # ms UTC
_Levels: TypeAlias = list[tuple[str, str]]  # price, quantity


class _Line(msgspec.Struct):
    """Any line: a stream's message, a depth snapshot, or something else that the venue said."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()
    lastUpdateId: _Id | None = None  # noqa: N815 - the venue's own names, here and below


class _Trade(msgspec.Struct):
    t: _Id
    T: _Time
    p: str
    q: str
    m: bool
    X: str = "MARKET"


class _Quote(msgspec.Struct):
    u: _Id
    b: str
    B: str
    a: str
    A: str
    T: _Time | None = None  # spot has none


class _Depth(msgspec.Struct):
    U: _Id
    u: _Id
    E: _Time
    b: _Levels
    a: _Levels
    T: _Time | None = None  # spot has none
    pu: _Id | None = None  # spot has none


class _Snapshot(msgspec.Struct):
    lastUpdateId: _Id  # noqa: N815 - the venue's own name
    bids: _Levels
    asks: _Levels
    T: _Time | None = None  # spot has none


_LINE = msgspec.json.Decoder(_Line)
_TRADE = msgspec.json.Decoder(_Trade)
_QUOTE = msgspec.json.Decoder(_Quote)
_DEPTH = msgspec.json.Decoder(_Depth)
_SNAPSHOT = msgspec.json.Decoder(_Snapshot)


class _Refused(ValueError):
    """Why a line can't be used."""


class _Steps(dict[str, int]):
    """Decimal strings as exact counts of ticks or lots; those seen before are remembered."""

    def __init__(self, instrument: Instrument, what: str) -> None:
        super().__init__()
        step = instrument.price if what == "price" else instrument.quantity
        self.numerator, self.denominator = step.numerator, step.denominator
        self.what = what
        unit = "tick" if what == "price" else "lot"
        self.unit = f"{instrument.tick if what == 'price' else instrument.lot} {unit}"
        self.of = f"{self.unit} of {instrument.symbol}"

    def __missing__(self, text: str) -> int:
        found = _DECIMAL.fullmatch(text)
        if found is None:
            raise _Refused(
                f"{self.what} must be a decimal number that isn't negative, not {text[:40]!r}. "
                "Mend or drop the line"
            )
        whole, decimals = found[1], found[2] or ""
        step: int = 10 ** len(decimals) * self.numerator
        count, rest = divmod(int(whole + decimals) * self.denominator, step)
        if rest:
            raise _Refused(
                f"{self.what} {text} must be on the {self.of}, and is off it. "
                "Give the instrument the step that the venue has"
            )
        if count >= _END:
            raise _Refused(
                f"{self.what} {text} must fit int64 in steps of the {self.of}. "
                "Mend or drop the line"
            )
        if len(self) >= _MOST_KEPT:
            self.clear()
        self[text] = count
        return count


def read_binance(
    path: str | Path | Sequence[str | Path], instrument: Instrument, symbol: str = ""
) -> Recording:
    """A capture of Binance's combined streams as a recording of one instrument.

    Reads ``@trade``, ``@bookTicker``, ``@depth`` (any speed) and the depth snapshot of the REST
    interface, of USD-M futures and of spot; other streams and symbols are counted and left.

    ===========  =========================================================================
    line         messages
    ===========  =========================================================================
    trade        TRADE; side is the aggressor's: -1 where the buyer was the maker. Trades
                 that aren't of the market (``X`` is not MARKET) are left out and counted
    bookTicker   QUOTE, ``seq`` the update id; a side without orders has 0 lots
    depth        BOOK (``c`` is ``pu``, -1 for spot) and one DEPTH for each level
    snapshot     BOOK with the SNAPSHOT bit and its levels, where its id belongs: frames
                 before the first one that it already contains are left out and counted
    ===========  =========================================================================

    Parameters
    ----------
    path : str, Path or several of them
        One capture, plain or gzip; the files of one that goes on past midnight in their order.
    instrument : Instrument
        Its tick and lot must be the venue's.
    symbol : str, optional
        The venue's name of it; the instrument's symbol where left out, in capitals or not.

    Returns
    -------
    Recording
        Its events are sorted by the venue's time (``T``, for spot's depth ``E``), those of one
        time by update id, and else as received. A spot bookTicker and a spot snapshot have no
        time: they get the latest one received before, within those of the frames whose update ids
        are around theirs. Its report counts what was left out, rejected or missing. A line is
        rejected whole for what isn't the venue's format, and for a price or quantity that is
        negative, no number, or off the tick or lot; nothing is rounded.

    Raises
    ------
    DataError
        For a file that can't be opened, and where no line of it is of the symbol or can be used.

    Notes
    -----
    About 150 k lines a second; needs about 220 bytes of memory a message while it reads. A snapshot
    line names no symbol: where a capture holds several, snapshots are rejected.
    """
    paths = [path] if isinstance(path, (str, Path)) else list(path)
    if not isinstance(instrument, Instrument):
        raise DataError(
            "a capture is read with an af.Instrument that has the venue's tick and lot, such as "
            f"af.Instrument('BTCUSDT', tick='0.1', lot='0.001'), not {instrument!r}."
        )
    reader = _Reader(instrument, symbol or instrument.symbol)
    for each in paths:
        reader.read(Path(each))
    return reader.recording()


class _Reader:
    """Takes the lines of a capture one by one and keeps what they say as rows of integers."""

    def __init__(self, instrument: Instrument, symbol: str) -> None:
        self.instrument = instrument
        self.symbol = symbol
        self.stream = symbol.lower()
        self.price = _Steps(instrument, "price")
        self.qty = _Steps(instrument, "quantity")
        self.trades, self.quotes, self.frames = array("q"), array("q"), array("q")
        self.ticks, self.lots = array("q"), array("q")
        self.clock = 0  # the latest event time so far, ns
        self.line = 0
        self.starts: list[int] = []  # lines before each file
        self.files: list[str] = []
        self.ignored: Counter[str] = Counter()
        self.symbols: set[str] = set()
        self.rejected: list[tuple[int, str]] = []
        self.truncated: list[str] = []

    # --- reading --------------------------------------------------------------------------------

    def read(self, path: Path) -> None:
        """Every line of one file."""
        self.starts.append(self.line)
        self.files.append(str(path))
        with _opened(path) as file:
            try:
                for line in file:
                    self.line += 1
                    if not line.isspace():
                        self._take(line)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                self.truncated.append(
                    f"{path} must be a whole gzip file, and ends in line "
                    f"{self.line - self.starts[-1] + 1}: {error}. Copy it again; what was "
                    "before is here."
                )

    def _take(self, line: bytes) -> None:
        try:
            stamp, _, text = line.partition(b" ")
            received = int(stamp) if stamp.isdigit() and len(stamp) < 20 else _END
            if received >= _END:
                raise _Refused(
                    "a line must be '<receive time in ns> <JSON>', not "
                    f"{line.strip()[:40].decode(errors='replace')!r}. Mend or drop the line"
                )
            self._sort(received, text)
        except _Refused as error:
            self.rejected.append((self.line, f"{error}."))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reason = f"a line must be a message of Binance: {error}. Mend or drop the line."
            self.rejected.append((self.line, reason))

    def _sort(self, received: int, text: bytes) -> None:
        found = _LINE.decode(text)
        if not found.stream:
            if found.lastUpdateId is None:
                self.ignored[""] += 1
            else:
                self._snapshot(received, text)
            return
        symbol, _, kind = found.stream.partition("@")
        if symbol != self.stream:
            if not symbol.startswith("!"):  # all markets' streams
                self.symbols.add(symbol)
            self.ignored[found.stream] += 1
        elif kind == "bookTicker":
            self._quote(received, found.data)
        elif kind == "trade":
            self._trade(received, found.data)
        elif kind in _DEPTHS:
            self._depth(received, found.data)
        else:
            self.ignored[found.stream] += 1

    def _trade(self, received: int, data: msgspec.Raw) -> None:
        said = _TRADE.decode(data)
        tick, lot, side = 0, 0, 0
        if said.X == "MARKET":
            tick, lot, side = self.price[said.p], self.qty[said.q], -1 if said.m else 1
            if not tick or not lot:
                raise _Refused(
                    f"a trade must have a price and a quantity above 0, not {said.p} and "
                    f"{said.q}. Mend or drop the line"
                )
        ts = self._time(said.T)
        self.trades.extend((self.line, received, ts, said.t, tick, lot, side))

    def _quote(self, received: int, data: msgspec.Raw) -> None:
        said = _QUOTE.decode(data)
        bid, bid_lot = self.price[said.b], self.qty[said.B]
        ask, ask_lot = self.price[said.a], self.qty[said.A]
        if (bid_lot and not bid) or (ask_lot and not ask):
            raise _Refused(
                f"a quote must have prices above 0, not {said.b} and {said.a}. "
                "Mend or drop the line"
            )
        ts = self._time(said.T)
        self.quotes.extend((self.line, received, ts, said.u, bid, bid_lot, ask, ask_lot))

    def _depth(self, received: int, data: msgspec.Raw) -> None:
        said = _DEPTH.decode(data)
        if said.u < said.U:
            raise _Refused(
                f"a frame's last update id must not be before its first, {said.U}, and is "
                f"{said.u}. Mend or drop the line"
            )
        ids = (said.U, said.u, -1 if said.pu is None else said.pu)
        self._frame(received, said.E if said.T is None else said.T, ids, (said.b, said.a), 0)

    def _snapshot(self, received: int, text: bytes) -> None:
        said = _SNAPSHOT.decode(text)
        ids = (said.lastUpdateId, said.lastUpdateId, -1)
        self._frame(received, said.T, ids, (said.bids, said.asks), 1)

    def _frame(
        self,
        received: int,
        time: int | None,
        ids: tuple[int, int, int],
        sides: tuple[_Levels, _Levels],
        whole: int,
    ) -> None:
        both = [*sides[0], *sides[1]]
        price, qty = self.price, self.qty
        ticks = [price[text] for text, _ in both]
        lots = [qty[text] for _, text in both]
        if 0 in ticks:
            raise _Refused("a level must have a price above 0, and one is 0. Mend or drop the line")
        counts = (len(self.ticks), len(both), len(sides[0]))
        self.ticks.extend(ticks)
        self.lots.extend(lots)
        self.frames.extend((self.line, received, self._time(time), *ids, whole, *counts))

    def _time(self, ms: int | None) -> int:
        """A time in ms as ns; minus the latest one so far where the venue gives none."""
        if ms is None:
            return -self.clock
        ts = ms * MILLISECOND
        self.clock = max(self.clock, ts)
        return ts

    # --- the result -----------------------------------------------------------------------------

    def recording(self) -> Recording:
        """What was read, in the venue's sequence, with its report."""
        lines = self._lines()
        if not lines.trades.size + lines.quotes.size + lines.frames.size:
            raise self._nothing()
        events, tallies, offset = sequenced(lines)
        report = Report(
            files=tuple(self.files),
            lines=self.line,
            tallies=tallies,
            ignored=dict(self.ignored),
            rejected=tuple(self._where(*each) for each in sorted(self.rejected)),
            untimed=lines.untimed,
            clock_offset_ns=offset,
            truncated=" ".join(self.truncated),
        )
        return Recording(self.instrument, events, report)

    def _lines(self) -> Lines:
        frames = _rows(self.frames, FRAME)
        if self.symbols:
            reason = (
                "a snapshot must be of one symbol, and this capture holds several: "
                f"{', '.join(sorted({self.stream, *self.symbols})[:5])}. Capture each in its file."
            )
            whole = frames["whole"] == 1
            self.rejected += [(int(line), reason) for line in frames["line"][whole]]
            frames = frames[~whole]
        ticks, lots = np.array(self.ticks, np.int64), np.array(self.lots, np.int64)
        return Lines(_rows(self.trades, TRADE), _rows(self.quotes, QUOTE), frames, ticks, lots)

    def _where(self, line: int, reason: str) -> Rejected:
        k = bisect.bisect_left(self.starts, line) - 1
        return Rejected(self.files[k], line - self.starts[k], reason)

    def _nothing(self) -> DataError:
        """Why there is no recording."""
        files = ", ".join(self.files) or "no file"
        wanted = f"trades, quotes or depth of {self.symbol} expected in {files}"
        if self.rejected:
            first = self._where(*min(self.rejected))
            count = len(self.rejected)
            return DataError(
                f"{wanted}; {count} of {self.line} lines rejected and no other is of use. "
                f"Line {first.line} of {first.file}: {first.reason}"
            )
        if self.symbols:
            names = [name.upper() for name in self.symbols]
            return DataError(f"{wanted}; none found. {did_you_mean(self.symbol, names)}")
        return DataError(
            f"{wanted}; none in {self.line} lines. Give a capture of combined streams, its lines "
            f"'<receive time in ns> <JSON>'.{' '.join(['', *self.truncated])}"
        )


def _rows(flat: array[int], row: Any) -> Any:
    """The integers as records, row after row; a copy."""
    return np.frombuffer(flat.tobytes(), row)


def _opened(path: Path) -> AbstractContextManager[Iterable[bytes]]:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
        return gzip.open(path, "rb") if packed else path.open("rb")
    except OSError as error:
        raise DataError(
            f"a capture must be a file that can be read; {path}: {error.strerror}. Give its path."
        ) from None
