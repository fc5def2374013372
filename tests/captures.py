"""Lines of a capture by hand: what a test says of a venue's streams in one line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alphaforge.data.capture import read_binance
from alphaforge.data.recording import Recording, Tally
from alphaforge.instrument import Instrument

T0 = 1_723_161_256_000  # ms
MS = 1_000_000
BTC = Instrument("BTCUSDT", "0.1", lot="0.001", currency="USDT", kind="spot")
Line = tuple[int, dict[str, Any]]


# --- lines by hand: times are ms after T0, ``at`` when it was received --------------------------


def stream(name: str, at: float, **data: Any) -> Line:
    return int((T0 + at) * MS), {"stream": f"btcusdt@{name}", "data": data}


def trade(ts: int, id_: int, price: str = "100.0", qty: str = "0.005", **changes: Any) -> Line:
    fields = {"t": id_, "T": T0 + ts, "p": price, "q": qty, "X": "MARKET", "m": False}
    return stream("trade", changes.pop("at", ts + 5), **{**fields, **changes})


def quote(ts: int, u: int, bid: str = "99.9", ask: str = "100.0", **changes: Any) -> Line:
    fields = {"u": u, "b": bid, "B": "1.000", "a": ask, "A": "2.000", "T": T0 + ts, "E": T0 + ts}
    return stream("bookTicker", changes.pop("at", ts + 5), **{**fields, **changes})


def depth(ts: int, ids: Sequence[int], bids: Any = (), asks: Any = (), **changes: Any) -> Line:
    fields = {"E": T0 + ts + 1, "T": T0 + ts, "U": ids[0], "u": ids[1], "b": bids, "a": asks}
    if len(ids) == 3:
        fields["pu"] = ids[2]
    speed = changes.pop("speed", "depth@0ms")
    return stream(speed, changes.pop("at", ts + 5), **{**fields, **changes})


def snapshot(ts: int | None, id_: int, bids: Any = (), asks: Any = (), at: float = 0) -> Line:
    said: dict[str, Any] = {"lastUpdateId": id_, "bids": bids, "asks": asks}
    if ts is not None:
        said |= {"E": T0 + ts, "T": T0 + ts}
    return int((T0 + at) * MS), said


def spot(line: Line) -> Line:
    """The same line as spot has it: no T on depth and no time at all on bookTicker."""
    data = dict(line[1].get("data", line[1]))
    for name in ("T", "E") if "B" in data else ("T", "pu"):
        data.pop(name, None)
    return line[0], {**line[1], "data": data} if "data" in line[1] else data


def text(*lines: Line | str) -> bytes:
    written = [each if isinstance(each, str) else f"{each[0]} {json.dumps(each[1])}"
               for each in lines]  # fmt: skip
    return "".join(f"{line}\n" for line in written).encode()


def read(folder: Path, *lines: Line | str, of: Instrument = BTC) -> Recording:
    path = folder / "capture.txt"
    path.write_bytes(text(*lines))
    return read_binance(path, of)


def told(found: Recording, *fields: str) -> list[tuple[int, ...]]:
    """The messages' fields, and ``ms`` for the event time in ms after T0."""
    columns = [
        (found.events["ts"] // MS - T0 if name == "ms" else found.events[name]).tolist()
        for name in fields
    ]
    return list(zip(*columns, strict=True))


def reasons(found: Recording) -> list[tuple[int, str]]:
    return [(each.line, each.reason) for each in found.report.rejected]


def tally(found: Recording, kind: str) -> Tally:
    return found.report.tallies[kind]
