"""What holds for every indicator: both modes, restarts, NaN, what doesn't move, what is wrong."""

from __future__ import annotations

import linecache
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from indicators import EARLY, EVERY, bars, fresh, inputs, show, warm_up
from market import stored_walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.research.backtest import backtest
from alphaforge.strategy import indicators
from alphaforge.strategy.fields import from_bytes, to_bytes

BARS = 150
SKIPS = (
    af.EMA, af.Wilder, af.DEMA, af.TEMA, af.KAMA, af.MACD, af.PPO, af.RSI, af.StochRSI, af.TRIX,
    af.TSI, af.ADX, af.ParabolicSAR, af.Supertrend, af.TrueRange, af.ATR, af.NATR,
    af.KeltnerChannels, af.OBV, af.AccumulationDistribution, af.ChaikinOscillator, af.VWAP,
    af.ForceIndex,
)  # fmt: skip
"""What leaves out a value that isn't finite; the others show it while it is in their window."""
PRICE = (
    af.SMA, af.EMA, af.Wilder, af.WMA, af.DEMA, af.TEMA, af.TRIMA, af.KAMA, af.HMA, af.VWMA,
    af.ParabolicSAR, af.Supertrend, af.LinearRegression, af.Ichimoku, af.VWAP, af.RollingMax,
    af.RollingMin, af.Percentile, af.RollingMedian, af.BollingerBands, af.KeltnerChannels,
    af.DonchianChannels,
)  # fmt: skip
"""What is a price; of prices that don't move, that price."""
BOUNDED = (af.RSI, af.Stochastic, af.StochRSI, af.UltimateOscillator, af.MFI)
"""What goes from 0 to 100; 50 where nothing moves."""
OTHERS = {af.WilliamsR: -50.0, af.OBV: 3.0, af.RollingSum: 45.0}
STILL = {"low": 5.0, "high": 5.0, "close": 5.0, "volume": 3.0, "other": 4.0}
SPOILT = {50: "low", 75: "close", 100: "volume", 120: "high"}
"""The bars that have a NaN, in both modes."""
every = pytest.mark.parametrize("like", EVERY, ids=repr)


def test_every_indicator_is_here() -> None:
    public = {getattr(indicators, name) for name in indicators.__all__} - {af.Indicator}
    assert {type(each) for each in EVERY} == public
    assert all(getattr(af, each.__name__) is each for each in public)


# --- both modes ----------------------------------------------------------------------------------


class Tape(af.Indicator):
    """Keeps every value that it is given."""

    window: af.Window

    def update(self, x: float) -> None:
        self.window[self.count] = x
        self.count += 1


def watching(group: list[af.Indicator]) -> type[af.Strategy]:
    """A strategy that feeds indicators from bars, and keeps on tapes what they show."""
    fields, names = ["    seen: int = 0"], {"af": af, "Tape": Tape, "math": math}
    lines = ["        self.seen += 1", "        other = bar.open"]
    for at, name in SPOILT.items():
        lines.append(f"        {name} = math.nan if self.seen == {at + 1} else bar.{name}")
    for k, like in enumerate(group):
        names[f"i{k}"] = like
        fields.append(f"    i{k}: af.{type(like).__name__} = i{k}")
        lines.append(f"        self.i{k}.update({', '.join(inputs(like))})")
        for name in like.OUTPUTS:
            fields.append(f"    t{k}_{name}: Tape = Tape({BARS})")
            lines.append(f"        self.t{k}_{name}.update(1.0 * self.i{k}.{name})")
        fields.append(f"    t{k}_ready: Tape = Tape({BARS})")
        lines.append(f"        self.t{k}_ready.update(1.0 if self.i{k}.ready else 0.0)")
    head = ["class Watching(af.Strategy):", *fields, "    def on_bar(self, ctx, bar):"]
    source = "\n".join([*head, *lines]) + "\n"
    name = f"<watching {group[0]!r}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec", dont_inherit=True), names)
    return names["Watching"]  # type: ignore[return-value]  # made by exec


@pytest.mark.parametrize("part", range(6))
def test_both_modes_show_the_same_bits_at_every_bar(part: int, history: History) -> None:
    stored_walk(history, BARS, 4)
    group = EVERY[part::6]
    strategy = watching(group)()
    compiled, python = (
        backtest(history, strategy, ["XYZ"], "1h", mode=mode).strategy
        for mode in ("compiled", "python")
    )
    assert to_bytes(compiled).tobytes() == to_bytes(python).tobytes()
    frame = history.bars("XYZ", "1h").rename(columns={"open": "other"}).reset_index(drop=True)
    for at, name in SPOILT.items():
        frame.loc[at, name] = np.nan
    for k, like in enumerate(group):
        alone = show(fresh(like), frame)
        assert warm_up(alone) < BARS - 50
        for name in [*like.OUTPUTS, "ready"]:
            taped = np.array(getattr(compiled, f"t{k}_{name}").window)
            np.testing.assert_array_equal(taped, alone[name].to_numpy(float), err_msg=repr(like))


@every
@pytest.mark.parametrize("cut", [1, 6, 77])
def test_a_restart_changes_no_bit(like: af.Indicator, cut: int) -> None:
    frame = bars(BARS)
    whole, before = fresh(like), fresh(like)
    at_once = show(whole, frame)
    show(before, frame[:cut])
    after = fresh(like)
    from_bytes(after, to_bytes(before))
    assert to_bytes(after).tobytes() == to_bytes(before).tobytes()
    later = show(after, frame[cut:])
    pd.testing.assert_frame_equal(later, at_once[cut:].reset_index(drop=True), check_exact=True)
    assert to_bytes(after).tobytes() == to_bytes(whole).tobytes()


# --- awkward input -------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("at", [0, 3, 60])
def test_a_nan_heals(like: af.Indicator, at: int) -> None:
    frame = bars(BARS)
    for column in inputs(like):
        spoilt = frame.copy()
        spoilt.loc[at, column] = np.nan
        shown = show(fresh(like), spoilt)
        if isinstance(like, SKIPS):
            without = show(fresh(like), frame.drop(index=at))
            found = shown.drop(index=at).reset_index(drop=True)
            pd.testing.assert_frame_equal(found, without, check_exact=True)
            if at:
                assert shown.loc[at].equals(shown.loc[at - 1].rename(at)), "nothing happened"
            continue
        assert np.isnan(shown["value"][at]), column
        clean, outputs = show(fresh(like), frame), list(like.OUTPUTS)
        right = np.isclose(shown[outputs], clean[outputs], rtol=1e-9, atol=1e-9, equal_nan=True)
        unknown = shown[outputs].isna().to_numpy() | shown[["value"]].isna().to_numpy()
        assert (right | unknown).all(), "wrong, and not NaN"
        anew = show(fresh(like), frame[at + 1 :])
        first = warm_up(anew)
        np.testing.assert_allclose(
            shown[outputs][at + 1 + first :].to_numpy(float),
            anew[outputs][first:].to_numpy(float),
            rtol=1e-9,
            atol=1e-9,
            err_msg=column,
        )


@every
@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_infinity_heals_too(like: af.Indicator, bad: float) -> None:
    frame = bars(BARS)
    for column in inputs(like):
        spoilt = frame.copy()
        spoilt.loc[60, column] = bad
        last = show(fresh(like), spoilt).iloc[-1]
        start = 0 if isinstance(like, SKIPS) else 61
        anew = show(fresh(like), frame[start:].drop(index=60, errors="ignore")).iloc[-1]
        found, expected = last.to_numpy(float), anew.to_numpy(float)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=column)


@every
def test_what_does_not_move(like: af.Indicator) -> None:
    """Prices for what is a price, the middle for what has bounds, 0 for all else."""
    kind = type(like)
    expected = 5.0 if kind in PRICE else 50.0 if kind in BOUNDED else OTHERS.get(kind, 0.0)
    still = pd.DataFrame(STILL, range(BARS))
    shown = show(fresh(like), still)
    found = shown[warm_up(shown) :]
    np.testing.assert_allclose(found["value"], expected, rtol=1e-12, atol=0 if expected else 1e-15)
    if kind is af.KeltnerChannels:
        assert (found[["upper", "lower"]] == 5.0).all(axis=None)
    if kind is af.Aroon:  # the newest bar is as high and as low as any
        assert (found[["up", "down"]] == 100.0).all(axis=None)
    # What moved before leaves nothing in a window, and nothing that isn't finite elsewhere.
    moved = pd.concat([bars(60), still], ignore_index=True)
    last = show(fresh(like), moved).iloc[-1].to_numpy(float)
    assert np.isfinite(last).all()
    if kind not in SKIPS:
        np.testing.assert_allclose(last, found.iloc[-1].to_numpy(float), rtol=1e-9, atol=1e-15)


prices = st.floats(0.01, 1e5)
rows = st.lists(st.tuples(prices, prices, prices, st.floats(0, 1e5)), min_size=30, max_size=45)


@given(rows)
@settings(max_examples=12)
def test_of_prices_above_zero_all_is_finite(rows: list[tuple[float, ...]]) -> None:
    raw = pd.DataFrame(rows, columns=["a", "b", "c", "volume"])
    three = np.sort(raw[["a", "b", "c"]].to_numpy(), axis=1)
    frame = pd.DataFrame({"low": three[:, 0], "close": three[:, 1], "high": three[:, 2]})
    frame["volume"], frame["other"] = raw["volume"] + 1.0, raw["a"]
    for like in EVERY:
        shown = show(fresh(like), frame)
        first = warm_up(shown) if shown["ready"].any() else len(shown)
        values = shown[first:].to_numpy(float)
        assert np.isfinite(values).all(), (like, values)
        if not isinstance(like, EARLY):
            assert shown["value"][:first].isna().all(), like
        if isinstance(like, (*BOUNDED, af.ADX)):
            assert (np.abs(shown["value"][first:] - 50.0) <= 50.0 + 1e-6).all()
