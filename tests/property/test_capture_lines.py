"""Captures: the order of reception doesn't matter, and no line can harm another."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphaforge.data.capture import read_binance
from alphaforge.data.recording import Recording
from alphaforge.instrument import Instrument

BTC = Instrument("BTCUSDT", "0.1", lot="0.001")
T0 = 1_723_161_256_000
LINES = ("trade", "quote", "depth", "snapshot")
quick = settings(max_examples=150, deadline=None,
                 suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip


def stream(k: int, name: str, **data: Any) -> bytes:
    said = {"stream": f"btcusdt@{name}", "data": {"T": T0 + k, "E": T0 + k, **data}}
    return f"{(T0 + k) * 1_000_000 + 77} {json.dumps(said)}".encode()


def capture(seed: int, count: int = 40) -> list[bytes]:
    """Lines of one venue, each at a time of its own: a snapshot, then frames, quotes, trades."""
    random = np.random.default_rng(seed)
    first: dict[str, Any] = {"lastUpdateId": 100, "T": T0 + 1}
    first |= {"bids": [["99.9", "1.000"]], "asks": [["100.0", "1.000"]]}
    lines = [f"{T0 * 1_000_000} {json.dumps(first)}".encode()]
    last, frame, trade = 100, 100, 7  # update id, that of the last frame, trade id
    for k in range(2, count):
        what = random.integers(0, 3)
        if what == 0:
            side = [[f"{random.integers(900, 1_100) / 10:.1f}", "0.500"]]
            ids = {"U": last + 1, "u": last + 3, "pu": frame}
            lines.append(stream(k, "depth@0ms", **ids, b=side, a=[]))
            last = frame = last + 3
        elif what == 1:
            best = {"b": "99.9", "B": "1.000", "a": "100.0", "A": "2.000"}
            last += 1
            lines.append(stream(k, "bookTicker", u=last, **best))
        else:
            lines.append(stream(k, "trade", t=trade, p="100.0", q="0.005", X="MARKET", m=True))
            trade += 1
    return lines


def read(folder: Path, lines: list[bytes]) -> Recording:
    path = folder / "capture"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return read_binance(path, BTC)


@quick
@given(seed=st.integers(0, 1_000), data=st.data())
def test_any_order_of_reception_gives_the_same_recording(
    tmp_path: Path, seed: int, data: Any
) -> None:
    lines = capture(seed)
    shuffled = data.draw(st.permutations(lines))
    as_sent, found = read(tmp_path, lines), read(tmp_path, list(shuffled))
    assert found.events.tobytes() == as_sent.events.tobytes()
    assert found.report.tallies == as_sent.report.tallies


@quick
@given(seed=st.integers(0, 1_000), at=st.integers(0, 39), junk=st.binary(max_size=60))
def test_a_line_of_junk_costs_itself_only(tmp_path: Path, seed: int, at: int, junk: bytes) -> None:
    lines = capture(seed)
    junk = b"\x00" + junk.replace(b"\n", b"")
    found = read(tmp_path, [*lines[:at], junk, *lines[at:]])
    assert [each.line for each in found.report.rejected] == [min(at, len(lines)) + 1]
    assert found.events.tobytes() == read(tmp_path, lines).events.tobytes()


@quick
@given(
    seed=st.integers(0, 1_000),
    edits=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_every_line_is_accounted_for_whatever_its_bytes(
    tmp_path: Path, seed: int, edits: list[tuple[int, int]]
) -> None:
    text = bytearray(b"\n".join(capture(seed)))
    for at, byte in edits:
        text[at % len(text)] = byte
    path = tmp_path / "capture"
    path.write_bytes(bytes(text))
    found = read_binance(path, BTC)
    report, tallies = found.report, found.report.tallies
    blank = sum(line.isspace() for line in io.BytesIO(bytes(text)))
    read_lines = sum(tallies[kind].read for kind in LINES)
    assert read_lines + len(report.rejected) + sum(report.ignored.values()) + blank == report.lines
    lost = sum(tallies[kind].left_out + tallies[kind].duplicates for kind in LINES)
    frames = found.frame()["messages"]
    assert frames[list(LINES)].sum() == read_lines - lost
    assert (np.diff(found.events["ts"]) >= 0).all()
