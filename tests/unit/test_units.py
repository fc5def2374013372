"""The door between human numbers and the engine's integers."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import ConfigError, DataError, OrderError
from alphaforge.instrument import Instrument
from alphaforge.units import (
    format_interval,
    ledger_to_money,
    money_to_ledger,
    parse_interval,
    smallest_tick,
    to_count,
    to_float,
    to_ns,
)
from alphaforge.venue import Fees

TICKS = ["1", "0.25", "0.01", "0.0001", "0.05", "0.5", "0.00001", "5", "0.015625"]


@given(st.integers(0, 10**9), st.sampled_from(TICKS))
def test_a_price_comes_back_as_the_float_that_went_in(ticks: int, tick: str) -> None:
    step = Fraction(tick)
    price = float(ticks * step)
    counts, exact = to_count(np.array([price]), step.numerator, step.denominator)
    assert (int(counts[0]), bool(exact[0])) == (ticks, True)
    assert to_float(counts, step.numerator, step.denominator)[0] == price
    if ticks:
        assert Instrument("X", tick).price_ticks(price) == ticks


@given(st.integers(1, 10**8), st.sampled_from(TICKS), st.floats(0.02, 0.98))
def test_what_is_between_two_ticks_is_refused(ticks: int, tick: str, part: float) -> None:
    step = Fraction(tick)
    price = float((ticks + Fraction(part)) * step)
    assert not to_count(np.array([price]), step.numerator, step.denominator)[1][0]
    with pytest.raises(OrderError, match=r"is not on its .* tick\. Use "):
        Instrument("X", tick).price_ticks(price)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_no_number_is_no_count(value: float) -> None:
    counts, exact = to_count(np.array([value]), 1, 100)
    assert (int(counts[0]), bool(exact[0])) == (0, False)


@given(st.integers(-(10**15), 10**15), st.sampled_from(["USD", "JPY", "BTC", "EUR"]))
def test_money_comes_back(units: int, currency: str) -> None:
    assert (
        money_to_ledger(Decimal(units).scaleb(-{"JPY": 4, "BTC": 12}.get(currency, 6)), currency)
        == units
    )
    assert ledger_to_money(units, currency) == float(
        Fraction(units, 10 ** {"JPY": 4, "BTC": 12}.get(currency, 6))
    )


def test_money_rounds_half_even() -> None:
    assert [money_to_ledger(x, "USD") for x in ("0.0000005", "0.0000015", "-0.0000025")] == [
        0,
        2,
        -2,
    ]


@pytest.mark.parametrize("spec", ["1ms", "250ms", "1s", "5m", "1h", "4h", "1d", "2w"])
def test_specs_come_back(spec: str) -> None:
    assert format_interval(parse_interval(spec)) == spec


@pytest.mark.parametrize("spec", ["", "m", "0m", "-1m", "1.5m", "5x", "5 m", "1mo"])
def test_what_is_no_spec(spec: str) -> None:
    with pytest.raises(DataError, match="bar spec must be a number and a unit"):
        parse_interval(spec)


def test_times_of_every_kind_are_the_same_time() -> None:
    ns = 1_700_000_000_123_456_000
    stamp = pd.Timestamp(ns, tz="UTC")
    zone = dt.timezone(dt.timedelta(hours=-5))
    texts = (stamp.isoformat(), stamp.tz_localize(None).isoformat())
    stamps = (stamp, stamp.tz_convert(zone), stamp.to_pydatetime(), np.datetime64(ns, "ns"))
    for when in (ns, np.int64(ns), *stamps, *texts):
        assert to_ns(when) == ns, repr(when)
    assert to_ns(dt.date(2024, 1, 2)) == to_ns("2024-01-02") == 1_704_153_600 * 10**9


def test_the_smallest_tick() -> None:
    assert smallest_tick(np.array([1.0, 25.0])) == "1"
    assert smallest_tick(np.array([1.5, 2.25])) == "0.01"
    assert smallest_tick(np.array([0.1 + 0.2])) is None


def test_fees_are_checked() -> None:
    assert Fees("0.0002").parts() == (200_000, 200_000)
    assert Fees(taker="0.0004", maker="-0.0001").parts() == (-100_000, 400_000)
    for wrong in ("abc", "1", "0.0000000001"):
        with pytest.raises(ConfigError, match="taker fee must be a"):
            Fees(taker=wrong, maker="0").parts()


def test_an_order_off_its_tick_or_lot_says_what_to_use() -> None:
    instrument = Instrument("AAPL", "0.01")
    with pytest.raises(OrderError) as caught:
        instrument.price_ticks(101.003, "limit price")
    assert str(caught.value) == (
        "limit price 101.003 of AAPL is not on its 0.01 tick. "
        "Use 101.00, or instrument.round_price(101.003)."
    )
    with pytest.raises(OrderError, match=r"quantity 0\.5 of AAPL .* its lot 1\. Use 1\."):
        instrument.qty_lots(0.5)
