"""Instruments, fees, latency, queues, slippage and venues that can't be: refused with words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from market import small_engine

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine.engine import instrument_record
from alphaforge.errors import ConfigError, InstrumentError
from alphaforge.instrument import Instrument
from alphaforge.venue import Fees, Venue

NOT_NUMBERS: tuple[Any, ...] = (None, "abc", "", "NaN", "Infinity", "1e999999999", [], {})
SHARES = (*NOT_NUMBERS, True, 0.1, "-0.1", "1.1", "0.0000000001")
AMOUNTS = (*NOT_NUMBERS, True, 0.1, "-0.1", "1e30")
NUMBERS = (None, "1", True, float("nan"), float("inf"), -0.5, 1e9, [])


def check_words(error: BaseException) -> None:
    """Two sentences: what was expected and found, and what to do."""
    text = str(error)
    assert text.rstrip().endswith((".", "?", "`")), text
    assert text.count(". ") >= 1, text


def refused(error: type[Exception], match: str, make: Any, **fields: Any) -> None:
    with pytest.raises(error, match=match) as found:
        make(**fields)
    check_words(found.value)


# --- instruments ---------------------------------------------------------------------------------


def made(**fields: Any) -> Instrument:
    return Instrument("XYZ", **{"tick": "0.01", **fields})


@pytest.mark.parametrize("kind", ["futures", "Spot", "", "perp"])
def test_kinds(kind: str) -> None:
    refused(
        InstrumentError, f"kind of XYZ must be one of equity, .*, not '{kind}'", made, kind=kind
    )
    refused(InstrumentError, "Did you mean future", made, kind="futures")


@pytest.mark.parametrize(
    "name", ["currency", "base", "venue", "kind", "calendar", "expiry", "right"]
)
@pytest.mark.parametrize("wrong", [None, 5, b"USD", ["USD"]], ids=repr)
def test_texts(name: str, wrong: Any) -> None:
    refused(InstrumentError, f"{name} of XYZ must be text, not", made, **{name: wrong})


@pytest.mark.parametrize("name", ["inverse", "simulated"])
@pytest.mark.parametrize("wrong", [None, 1, "yes"], ids=repr)
def test_flags(name: str, wrong: Any) -> None:
    match = f"{name} of XYZ must be True or False"
    refused(InstrumentError, match, made, kind="perpetual", **{name: wrong})


def test_inverse_is_a_contracts() -> None:
    refused(InstrumentError, "XYZ is inverse and a spot", made, kind="spot", inverse=True)
    assert made(kind="future", inverse=True).inverse


@pytest.mark.parametrize("name", ["initial_margin", "maintenance_margin"])
@pytest.mark.parametrize("wrong", SHARES, ids=repr)
def test_margins(name: str, wrong: Any) -> None:
    match = rf"{name} of XYZ must be a multiple of 1e-9 from 0 to 1, not .*Decimal string"
    refused(InstrumentError, match, made, **{"initial_margin": "1", name: wrong})


def test_margins_that_are_and_their_order() -> None:
    match = r"maintenance_margin of XYZ must not be above its initial_margin 0\.1, and is 0\.2"
    refused(InstrumentError, match, made, initial_margin="0.1", maintenance_margin="0.2")
    found = made(initial_margin="1", maintenance_margin="0.000000001", borrow_rate="2.5")
    assert found.rates == (10**9, 1, 25 * 10**8)
    row = instrument_record(found, "USD")[0]
    assert (row["initial_ppb"], row["maintenance_ppb"], row["borrow_ppb"]) == found.rates


@pytest.mark.parametrize("wrong", [*NOT_NUMBERS, True, 0.1, "-0.1", "100.1"], ids=repr)
def test_borrow_rates(wrong: Any) -> None:
    refused(InstrumentError, "borrow_rate of XYZ must be .* from 0 to 100", made, borrow_rate=wrong)


@pytest.mark.parametrize("name", ["long_swap", "short_swap"])
@pytest.mark.parametrize("wrong", [*NOT_NUMBERS, True, 0.1, "1e20", "1.2345678901234567"], ids=repr)
def test_swaps(name: str, wrong: Any) -> None:
    match = f"{name} of XYZ must be a number .*of at most 15 digits, not"
    refused(InstrumentError, match, made, **{name: wrong})


def test_a_swap_past_int64() -> None:
    match = "a swap of XYZ is .* more than can be counted"
    refused(
        InstrumentError, match, made, tick="0.000001", lot="1000000", long_swap="99999999999999"
    )


@pytest.mark.parametrize("name", ["min_qty", "max_qty", "min_notional", "max_notional"])
@pytest.mark.parametrize("wrong", [None, "abc", "NaN", "-1", "0", 0.5, [], True], ids=repr)
def test_bounds(name: str, wrong: Any) -> None:
    match = f"{name} must be (a positive number|positive|a Decimal string)"
    refused(InstrumentError, match, made, **{name: wrong})


def test_bounds_fit_together() -> None:
    match = r"min_qty of XYZ must not be above its max_qty 5, and is 6"
    refused(InstrumentError, match, made, min_qty="6", max_qty="5")
    match = r"min_notional of XYZ must not be above its max_notional 5"
    refused(InstrumentError, match, made, min_notional="6", max_notional="5")
    match = "min_qty of XYZ must be a multiple of its lot 0.1, not 0.25"
    refused(InstrumentError, match, made, lot="0.1", min_qty="0.25")
    row = instrument_record(made(lot="0.1", min_qty="0.3", max_qty="7", max_notional="99"), "USD")[
        0
    ]
    assert (row["min_lot"], row["max_lot"], row["max_notional"]) == (3, 70, 99_000_000)


@pytest.mark.parametrize("wrong", ["soon", "2026-13-01", "3000-01-01"])
def test_expiries(wrong: str) -> None:
    refused(InstrumentError, "expiry of XYZ must be a time like", made, expiry=wrong)


@pytest.mark.parametrize("strike", ["", "abc", "-1", "0"])
def test_strikes(strike: str) -> None:
    match = "XYZ is an option|strike must be"
    refused(InstrumentError, match, made, kind="option", strike=strike, right="call")


def test_rights() -> None:
    match = r"XYZ is an option with strike '100' and right 'puts'.*Did you mean put\?"
    refused(InstrumentError, match, made, kind="option", strike="100", right="puts")
    match = "XYZ has a strike or a right, and is of kind equity"
    refused(InstrumentError, match, made, strike="100")
    refused(InstrumentError, match, made, right="call")
    assert made(kind="option", strike="102.5", right="put").strike == "102.5"


@pytest.mark.parametrize(
    ("legs", "match"),
    [
        ({}, "XYZ has no legs"),
        ({"A": "0"}, "weight of A in XYZ must not be 0"),
        ({"A": 0.5}, "weight of A in XYZ must be a number like"),
        ({"A": "x"}, "weight of A in XYZ must be a number like"),
        ({"A": None}, "weight of A in XYZ must be a number like"),
        ({"A": "NaN"}, "weight of A in XYZ must be a number like"),
        ({"XYZ": "1"}, "a leg of XYZ must be another symbol, not 'XYZ'"),
        ({5: "1"}, "a leg of XYZ must be another symbol, not 5"),
        (["A", "B"], "legs of XYZ must be at most 16 symbols with their weights"),
        ({str(n): "1" for n in range(17)}, "legs of XYZ must be at most 16 symbols"),
    ],
    ids=str,
)
def test_legs(legs: Any, match: str) -> None:
    refused(InstrumentError, match, made, kind="synthetic", legs=legs)


def test_legs_are_a_synthetics() -> None:
    match = "XYZ has legs, and is of kind equity"
    refused(InstrumentError, match, made, legs={"A": "1"})
    assert made(kind="synthetic", legs={"A": "1", "B": "-2"}).weights == {"A": 1, "B": -2}


@pytest.mark.parametrize("name", ["tick", "lot", "multiplier"])
@pytest.mark.parametrize("wrong", [0.5, "-1", "0", "1e-50", "0.12345678901234567"], ids=repr)
def test_scales(name: str, wrong: Any) -> None:
    refused(InstrumentError, f"{name} (of XYZ )?(must be|has more digits)", made, **{name: wrong})


# --- fees ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["taker", "maker"])
@pytest.mark.parametrize("wrong", ["abc", "NaN", "1", "-1", "0.0000000001", [], {}], ids=repr)
def test_fee_rates(name: str, wrong: Any) -> None:
    refused(ConfigError, f"{name} fee must be a", Fees, **{name: wrong})


@pytest.mark.parametrize("name", ["per_unit", "minimum"])
@pytest.mark.parametrize("wrong", AMOUNTS, ids=repr)
def test_fee_amounts(name: str, wrong: Any) -> None:
    refused(ConfigError, f"{name} of Fees must be an amount of money from 0", Fees, **{name: wrong})


@pytest.mark.parametrize(
    ("tiers", "match"),
    [
        (5, r"tiers of Fees must be rows of \(turnover, maker, taker\), not 5"),
        (None, "tiers of Fees must be rows"),
        ((("1", "0"),), "tiers of Fees must be rows"),
        (("abc",), "tiers of Fees must be rows"),
        ((("-1", "0", "0"),), "turnover of a tier must be an amount of money from 0"),
        (((0.5, "0", "0"),), "turnover of a tier must be an amount of money from 0"),
        ((("1", "x", "0"),), "maker fee of a tier must be a rate"),
        ((("1", "0", "2"),), "taker fee of a tier must be a multiple"),
        ((("1", "0", "0"), ("1.0", "0", "0")), "begin at different turnovers"),
    ],
    ids=str,
)
def test_tiers(tiers: Any, match: str) -> None:
    refused(ConfigError, match, Fees, tiers=tiers)


def test_tiers_in_any_order_and_of_lists() -> None:
    fees = Fees(tiers=[["500", "0", "0.001"], ("100", "0", "0.002")])  # type: ignore[arg-type] - they are made tuples
    assert fees.tier_rows("USD") == [(10**8, 0, 2_000_000), (5 * 10**8, 0, 10**6)]
    assert hash(fees)  # a run's id is made of it


def test_a_flag_and_an_amount_that_cant_be_counted() -> None:
    refused(ConfigError, "round_to_minor of Fees must be True or False", Fees, round_to_minor="no")
    fine = Instrument("FINE", "1", lot="0.000000001")
    with pytest.raises(
        ConfigError, match=r"per_unit of Fees is .*: more digits than can be counted"
    ):
        small_engine(fine, fees=Fees(per_unit="0.123456789012345678"))
    with pytest.raises(ConfigError, match="room for 16 tiers, not for 17"):
        small_engine(fees=Fees(tiers=tuple((str(n), "0", "0") for n in range(17))))


# --- latency -------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [af.Latency, af.DrawnLatency])
@pytest.mark.parametrize("name", ["entry", "response", "feed"])
@pytest.mark.parametrize(
    "wrong", [None, 5, "5", "-1ms", "ms", "1 hour", "0.1ns", "NaNms"], ids=repr
)
def test_delays(make: Any, name: str, wrong: Any) -> None:
    match = f"{name} latency must be a number and a unit like '250us'"
    refused(ConfigError, match, make, **{name: wrong})


@pytest.mark.parametrize("wrong", [None, "1", True, float("nan"), -0.1, 5.1, []], ids=repr)
def test_sigma(wrong: Any) -> None:
    refused(ConfigError, "sigma of a DrawnLatency must be a number from 0 to 5", af.DrawnLatency,
            sigma=wrong)  # fmt: skip


@pytest.mark.parametrize("wrong", [None, "1", True, 0.5, -1, 2**62], ids=repr)
def test_seed(wrong: Any) -> None:
    refused(
        ConfigError, "seed of a DrawnLatency must be a whole number", af.DrawnLatency, seed=wrong
    )


@pytest.mark.parametrize(
    "rows",
    [
        (),
        None,
        5,
        ((1, 2),),
        ((1, 2, 3, 4),),
        ((2, 0, 0), (1, 0, 0)),
        ((1, -1, 0),),
        ((1, 0, -1),),
        ((1, 0.5, 0),),
        ((1, float("nan"), 0),),
        ((1, "2", 0),),
        ((2**63, 1, 1),),
    ],
    ids=repr,
)
def test_recorded_rows(rows: Any) -> None:
    match = r"a recorded latency needs rows of \(ts, entry_ns, response_ns\), whole nanoseconds"
    refused(ConfigError, match, af.RecordedLatency, rows=rows)


def test_recorded_frames() -> None:
    times = pd.date_range("2026-01-01", periods=2, freq="s", tz="UTC")
    good = pd.DataFrame({"entry_ns": [1, 2], "response_ns": [3.0, 4.0]}, index=times)
    found = af.RecordedLatency.from_frame(good, feed="1ms")
    assert found.rows == ((times[0].value, 1, 3), (times[1].value, 2, 4))
    make = af.RecordedLatency.from_frame
    refused(ConfigError, "missing: response_ns", make, frame=good[["entry_ns"]])
    refused(ConfigError, "missing: entry_ns, response_ns", make, frame=None)
    refused(ConfigError, "whole nanoseconds", make, frame=good / 4)
    refused(ConfigError, "oldest first", make, frame=good[::-1])
    refused(ConfigError, "whole nanoseconds", make, frame=good.assign(entry_ns=np.nan))


# --- queues, slippage, venues --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (af.PowerQueue, "n"),
        (af.TickSlippage, "ticks"),
        (af.BasisPointSlippage, "bps"),
        (af.VolumeShareSlippage, "impact"),
        (af.SquareRootSlippage, "coefficient"),
    ],
)
@pytest.mark.parametrize("wrong", NUMBERS, ids=repr)
def test_models_parameters(make: Any, name: str, wrong: Any) -> None:
    match = f"{name} of a {make.__name__} must be a number from 0 to 1,000,000, not"
    refused(ConfigError, match, make, **{name: wrong})
    assert make(**{name: 2}) == make(**{name: 2.0})
    assert repr(make(**{name: 2})) == repr(make(**{name: 2.0}))  # one run's id


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"depth": "L4"}, r"depth of a venue must be one of L1, L2, L3, not 'L4'\. Known: L1, L2"),
        ({"depth": 2}, "depth of a venue must be one of"),
        ({"depth": ["L1"]}, "depth of a venue must be one of"),
        (
            {"path": "pesimistic"},
            r"path of a venue .* not 'pesimistic'\. Did you mean pessimistic\?",
        ),
        ({"path": None}, "path of a venue must be one of"),
        ({"margin": "crossed"}, r"margin of a venue must be one of .*Did you mean cross\?"),
        ({"fill": "next"}, r"fill of a venue must be one of next_open, this_close, not 'next'"),
        ({"fill": "this_cloze"}, r"Did you mean this_close\?"),
        ({"fill": None}, "fill of a venue must be one of"),
        ({"latency": "2ms"}, r"latency of a venue must be one of its models, not '2ms'\. Give one"),
        ({"latency": None}, "latency of a venue must be one of its models"),
        ({"queue": "fifo"}, r"queue of a venue must be one of its models.*af\.PowerQueue\(3\)"),
        ({"queue": af.PowerQueue}, "queue of a venue must be one of its models"),
        ({"slippage": 5}, "slippage of a venue must be one of its models"),
        ({"queue": af.FifoQueue()}, "a FifoQueue needs single orders"),
        ({"partial": "yes"}, "partial of a venue must be True or False, not 'yes'"),
        ({"partial": 0}, "partial of a venue must be True or False, not 0"),
    ],
    ids=str,
)
def test_venues(given: dict[str, Any], match: str) -> None:
    refused(ConfigError, match, Venue, **given)


@pytest.mark.parametrize("name", ["volume_share", "liquidation_fee"])
@pytest.mark.parametrize("wrong", SHARES, ids=repr)
def test_shares_of_a_venue(name: str, wrong: Any) -> None:
    refused(ConfigError, f"{name} of a venue must be .* from 0 to 1, not", Venue, **{name: wrong})


@pytest.mark.parametrize("wrong", [*NOT_NUMBERS, 0.07, "-0.07", "101"], ids=repr)
def test_interest(wrong: Any) -> None:
    refused(ConfigError, "interest of a venue must be .* from 0 to 100, not", Venue, interest=wrong)


def test_a_venue_that_is() -> None:
    row = Venue(
        margin="isolated",
        interest="0.0725",
        liquidation_fee="0.005",
        volume_share="1",
        partial=False,
    ).record("USD", Fees(taker="0.001", maker="-0.0001", minimum="0.35", round_to_minor=True))[0]
    assert (row["margin"], row["interest_ppb"]) == (K.MARGIN_ISOLATED, 72_500_000)
    assert (row["liquidation_ppb"], row["share_ppb"], row["whole"]) == (5_000_000, 10**9, 1)
    assert (row["maker_ppb"], row["taker_ppb"]) == (-100_000, 1_000_000)
    assert (row["fee_least"], row["fee_minor"]) == (350_000, 10_000)


def test_unknown_parameters_are_pythons_own_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'latenzy'"):
        Venue(latenzy=af.Latency())  # type: ignore[call-arg] - wrong on purpose


def test_what_the_record_of_an_instrument_says() -> None:
    engine = small_engine(
        Instrument("FUT", "0.25", multiplier="50", kind="future", expiry="2026-12-18 16:00",
                   long_swap="-0.3", short_swap="0.007"),
        fees=Fees(per_unit="0.85"),
    )  # fmt: skip
    row = L.pool(engine.block, "instruments")[0]
    assert (row["margined"], row["inverse"], row["data_only"]) == (1, 0, 0)
    assert row["expiry"] == pd.Timestamp("2026-12-18 16:00", tz="UTC").value
    assert (row["long_swap"] / row["swap_den"], row["short_swap"] / row["swap_den"]) == (
        -300_000,
        7_000,
    )
    assert row["fee_num"] / row["fee_den"] == 850_000
