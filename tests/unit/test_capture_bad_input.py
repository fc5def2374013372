"""Raw captures: what is wrong is rejected with its line and the reason; nothing else is lost."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from captures import (
    BTC,
    Line,
    depth,
    quote,
    read,
    reasons,
    snapshot,
    stream,
    tally,
    text,
    told,
    trade,
)

from alphaforge.data.capture import read_binance
from alphaforge.data.recording import Tally
from alphaforge.engine import messages as M
from alphaforge.errors import DataError
from alphaforge.instrument import Instrument


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (
            trade(2, 8, price="100.05"),
            ("price 100.05 must be on the 0.1 tick of BTCUSDT, and is off it. "
            "Give the instrument the step that the venue has."),
        ),
        (
            trade(2, 8, qty="0.0005"),
            "quantity 0.0005 must be on the 0.001 lot of BTCUSDT, and is off it.",
        ),
        (
            trade(2, 8, price="NaN"),
            ("price must be a decimal number that isn't negative, not 'NaN'. "
            "Mend or drop the line."),
        ),
        (
            trade(2, 8, price="-1.0"),
            "price must be a decimal number that isn't negative, not '-1.0'.",
        ),
        (trade(2, 8, price="1e2"), "not '1e2'"),
        (trade(2, 8, price="\N{ARABIC-INDIC DIGIT ONE}"), "must be a decimal number"),
        (trade(2, 8, qty=""), "quantity must be a decimal number that isn't negative, not ''."),
        (
            trade(2, 8, price="0.0"),
            "a trade must have a price and a quantity above 0, not 0.0 and 0.005.",
        ),
        (trade(2, 8, qty="0"), "a trade must have a price and a quantity above 0"),
        (trade(2, 8, price="9" * 30), "must fit int64 in steps of the 0.1 tick of BTCUSDT"),
        (
            trade(2, 8, p=100.0),
            ("a line must be a message of Binance: Expected `str`, got `float` - at `$.p`. "
            "Mend or drop the line."),
        ),
        (trade(2, 8, t=True), "Expected `int`, got `bool`"),
        (trade(2, 8, t=-1), "Expected `int` >= 0"),
        (trade(2, 8, t=2**63), "Expected `int` <= 9223372036854775807"),
        (trade(2, 8, T=10**17), "at `$.T`"),
        (trade(2, 8, T=0), "at `$.T`"),
        (quote(2, 4, bid="99.95"), "price 99.95 must be on the 0.1 tick"),
        (quote(2, 4, ask="0.0"), "a quote must have prices above 0, not 99.9 and 0.0."),
        (quote(2, 4, A="inf"), "not 'inf'"),
        (depth(2, (4, 5, 3), [["99.9", "1"], ["99.95", "1"]]), "price 99.95 must be on"),
        (depth(2, (4, 5, 3), [], [["100.0", "x"]]), "quantity must be a decimal number"),
        (depth(2, (4, 5, 3), [["0.0", "1"]]), "a level must have a price above 0, and one is 0."),
        (depth(2, (4, 5, 3), [["99.9"]]), "at `$.b[0]`"),
        (depth(2, (5, 4, 3)), "last update id must not be before its first, 5, and is 4."),
        (snapshot(2, 9, [["99.95", "1"]]), "price 99.95 must be on"),
        ((1, {"lastUpdateId": 9, "bids": []}), "missing required field `asks`"),
        (stream("trade", 2), "missing required field `t`"),
        ("garbage", "a line must be '<receive time in ns> <JSON>', not 'garbage"),
        ("12.5 {}", "a line must be '<receive time in ns> <JSON>'"),
        ("9" * 19 + " {}", "a line must be '<receive time in ns> <JSON>'"),
        ("-5 {}", "a line must be '<receive time in ns> <JSON>'"),
        ("1723161256000", "<receive time in ns> <JSON>', not '1723161256000'. Mend or drop"),
        ("1723161256000 ", "a line must be a message of Binance: Input data was truncated"),
        ('1 {"stream":"btcusdt@trade","data":{"t":1', "Input data was truncated"),
        ('1 {"stream":"btcusdt@trade","data":{"t":NaN}}', "JSON is malformed"),
        ("1 [1, 2]", "Expected `object`, got `array`"),
        ('1 {"stream":1}', "Expected `str`, got `int`"),
        ('1 {"x":' + "[" * 100_000, "recursion"),
    ],
)  # fmt: skip
def test_a_bad_line_is_rejected_with_its_number(
    tmp_path: Path, wrong: Line | str, reason: str
) -> None:
    found = read(tmp_path, trade(1, 7), wrong, trade(3, 8), quote(3, 5), depth(4, (6, 7, 5)))
    assert len(found.report.rejected) == 1
    line, why = reasons(found)[0]
    assert line == 2
    assert reason in why
    assert why.endswith(".")
    assert not why.endswith("..")
    assert told(found, "kind") == [(M.TRADE,), (M.TRADE,), (M.QUOTE,), (M.BOOK,)]
    assert "1 lines rejected" in repr(found)


def test_bytes_that_are_no_text_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "capture.txt"
    path.write_bytes(
        text(trade(1, 7)) + b'\xff\xfe\n5 {"stream":"\xff"}\n\n  \n' + text(trade(3, 8))
    )
    found = read_binance(path, BTC)
    assert [each.line for each in found.report.rejected] == [2, 3]
    assert len(found) == 2
    assert found.report.lines == 6


def test_a_rejected_frame_leaves_a_gap(tmp_path: Path) -> None:
    wrong = depth(2, (4, 5, 3), [["99.95", "1"]])
    found = read(tmp_path, depth(1, (1, 3, 0)), wrong, depth(3, (6, 7, 5)))
    assert tally(found, "depth") == Tally(read=2, gaps=1)


def test_a_step_that_is_no_power_of_ten_is_exact(tmp_path: Path) -> None:
    quarter = Instrument("BTCUSDT", "0.25", lot="0.001")
    lines = [trade(k, k, price) for k, price in enumerate(("5000.75", "0.25", "5000.80"), 1)]
    found = read(tmp_path, *lines, of=quarter)
    assert told(found, "a") == [(20_003,), (1,)]
    assert [each.line for each in found.report.rejected] == [3]


def test_digits_beyond_a_float_are_exact(tmp_path: Path) -> None:
    fine = Instrument("BTCUSDT", "0.1", lot="0.00000001")
    found = read(tmp_path, trade(1, 7, qty="90071992547.40993001"), of=fine)
    assert told(found, "b") == [(9_007_199_254_740_993_001,)]
    wrong = trade(2, 8, qty="0.10000000000000000000001")
    assert len(read(tmp_path, trade(1, 7), wrong, of=fine).report.rejected) == 1


def test_a_cut_gzip_gives_what_was_before_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "capture.gz"
    random = np.random.default_rng(1)
    lines = [trade(k, k, f"{random.integers(1, 10**6)}.0") for k in range(1, 3_001)]
    packed = gzip.compress(text(*lines))
    path.write_bytes(packed[: len(packed) // 2])
    found = read_binance(path, BTC)
    assert 500 < len(found) < 2_500
    assert told(found, "c") == [(k,) for k in range(1, len(found) + 1)]
    assert not found.report.rejected
    assert (
        f"must be a whole gzip file, and ends in line {len(found) + 1}:" in found.report.truncated
    )
    assert repr(found).endswith("truncated>")
    path.write_bytes(packed)
    assert not read_binance(path, BTC).report.truncated


def test_a_cut_plain_file_loses_its_last_line_only(tmp_path: Path) -> None:
    path = tmp_path / "capture.txt"
    path.write_bytes(text(trade(1, 7), trade(2, 8))[:-20])
    found = read_binance(path, BTC)
    assert told(found, "c") == [(7,)]
    assert [each.line for each in found.report.rejected] == [2]


def test_snapshots_of_several_symbols_can_not_be_told_apart(tmp_path: Path) -> None:
    other = (1, {"stream": "ethusdt@depth@0ms", "data": {}})
    found = read(tmp_path, depth(1, (4, 9, 3)), other, snapshot(2, 9))
    assert told(found, "b", "code") == [(9, 0)]
    [(line, reason)] = reasons(found)
    assert line == 3
    assert reason.startswith("a snapshot must be of one symbol, and this capture holds several: ")
    everybody = (1, {"stream": "!markPrice@arr", "data": []})
    assert not read(tmp_path, depth(1, (4, 9, 3)), everybody, snapshot(2, 9)).report.rejected


def test_a_capture_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected in .*; none in 0 lines. Give a capture of comb"):
        read(tmp_path)
    with pytest.raises(DataError, match=r"trades, quotes or depth of BTCUSD expected in .*; none f"
                                        r"ound\. Did you mean BTCUSDT\?"):  # fmt: skip
        read(tmp_path, trade(1, 7), of=Instrument("BTCUSD", "0.1"))
    with pytest.raises(DataError, match=r"2 of 2 lines rejected and no other is of use\. Line 1 of"
                                        r" .*price 100\.1 must be on the 0\.25 tick"):  # fmt: skip
        read(tmp_path, trade(1, 7, "100.1"), trade(1, 8, "100.2"), of=Instrument("BTCUSDT", "0.25"))
    with pytest.raises(DataError, match=r"a capture must be a file that can be read; .*none.*: No"):
        read_binance(tmp_path / "none", BTC)
    with pytest.raises(DataError, match=r"a capture must be a file that can be read; .*: Is a dir"):
        read_binance(tmp_path, BTC)
    with pytest.raises(DataError, match="expected in no file"):
        read_binance([], BTC)
