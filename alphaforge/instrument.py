"""What is traded: symbol, tick, lot, currency, margins. Exact fractions, never floats."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cached_property
from numbers import Real
from typing import Any

from alphaforge.errors import DataError, InstrumentError, OrderError, did_you_mean
from alphaforge.units import EXACT, decimal_fraction, ledger_digits, share_parts, to_ns

KINDS = ("equity", "spot", "future", "perpetual", "synthetic", "option")
MARGINED = ("future", "perpetual")
"""Kinds whose notional isn't paid: only what they gain or lose is."""
RIGHTS = ("call", "put")
_MOST_LEGS = 16
_MOST_DIGITS = 16
_TEXTS = ("currency", "base", "venue", "kind", "calendar", "expiry", "strike", "right")
_BOUNDS = (("min_qty", "max_qty"), ("min_notional", "max_notional"))


@dataclass(frozen=True)
class Instrument:
    """One tradable thing.

    Parameters
    ----------
    symbol : str
        The name that cells and tables use.
    tick, lot : str
        Smallest price and quantity steps, as Decimal strings.
    currency : str
        Settlement currency, ISO 4217 or a coin.
    multiplier : str
        Units of the underlying in one unit of quantity; 1 for spot and equity.
    base : str
        What a quantity counts, for display; the symbol where empty.
    venue : str
        Where it trades.
    kind : str
        ``equity``, ``spot``, ``future``, ``perpetual``, ``synthetic`` or ``option``. Futures and
        perpetuals are margined: their notional isn't paid, only what they gain or lose.
    inverse : bool
        True where a contract is worth ``multiplier`` units of the quote currency and is settled
        in the base currency: its gain is in 1 / price.
    initial_margin, maintenance_margin : str
        Of the notional, as Decimal strings from 0 to 1; what the venue's margin model asks for.
    borrow_rate : str
        A year, of a short position's value.
    long_swap, short_swap : str
        Received for a unit of quantity and night, in ``currency``; may be negative.
    min_qty, max_qty, min_notional, max_notional : str
        What one order may be, quantities on the lot, notionals in ``currency``; empty none.
    expiry : str
        When it expires, e.g. ``"2026-12-18 16:00"`` UTC; empty never.
    legs : dict of str to str
        What a synthetic instrument is made of: symbol to weight, a Decimal string that may be
        negative. It is data that can be watched, and can't be traded itself.
    strike, right : str
        Of an option, a data type here: ``right`` is ``"call"`` or ``"put"``. It isn't priced.
    calendar : str
        An ``exchange_calendars`` name; empty means 24/7.
    simulated : bool
        True where prices come from the embedded exchange and not from a market.
    """

    symbol: str
    tick: str
    lot: str = "1"
    currency: str = "USD"
    multiplier: str = "1"
    base: str = ""
    venue: str = ""
    kind: str = "equity"
    calendar: str = ""
    simulated: bool = False
    inverse: bool = False
    initial_margin: str = "0"
    maintenance_margin: str = "0"
    borrow_rate: str = "0"
    long_swap: str = "0"
    short_swap: str = "0"
    min_qty: str = ""
    max_qty: str = ""
    min_notional: str = ""
    max_notional: str = ""
    expiry: str = ""
    legs: Mapping[str, str] = field(default_factory=dict, hash=False)
    strike: str = ""
    right: str = ""

    def __post_init__(self) -> None:
        symbol: Any = self.symbol
        if not isinstance(symbol, str) or not symbol or symbol != symbol.strip():
            raise InstrumentError(
                f"symbol must be a name without blanks around it, not {symbol!r}. "
                "Give one like 'AAPL'."
            )
        for name in _TEXTS:
            if not isinstance(getattr(self, name), str):
                raise InstrumentError(
                    f"{name} of {symbol} must be text, not {getattr(self, name)!r}. "
                    "Give a str, or leave it out."
                )
        for name in ("tick", "lot", "multiplier"):
            fraction = decimal_fraction(getattr(self, name), name)
            if max(fraction.numerator, fraction.denominator) >= EXACT:
                raise InstrumentError(
                    f"{name} of {self.symbol} has more digits than a float can hold: "
                    f"{getattr(self, name)}. Use at most 15."
                )
        self._check_kind()
        self._check_made_of()
        self._check_numbers()
        value = self.value
        largest = 2**60 if self.inverse else 2**31
        if max(value.numerator, value.denominator) >= largest:
            raise InstrumentError(
                f"one tick x one lot of {self.symbol} is {float(value)} ledger units, outside "
                "1/2^31 to 2^31. Choose a tick and lot nearer to the market's."
            )

    def _check_kind(self) -> None:
        if self.kind not in KINDS:
            raise InstrumentError(
                f"kind of {self.symbol} must be one of {', '.join(KINDS)}, not {self.kind!r}. "
                f"{did_you_mean(self.kind, KINDS)}"
            )
        if self.inverse and self.kind not in MARGINED:
            raise InstrumentError(
                f"{self.symbol} is inverse and a {self.kind}. Only futures and perpetuals can be."
            )
        for name in ("inverse", "simulated"):
            if not isinstance(getattr(self, name), bool):
                raise InstrumentError(
                    f"{name} of {self.symbol} must be True or False, not {getattr(self, name)!r}. "
                    "Give a bool."
                )

    def _check_made_of(self) -> None:
        """Legs are a synthetic's, strike and right an option's; each needs its own."""
        if (self.kind == "synthetic") != bool(self.legs):
            found = "has no legs" if not self.legs else f"has legs, and is of kind {self.kind}"
            raise InstrumentError(
                f"{self.symbol} {found}. A synthetic instrument is made of legs: give "
                "kind='synthetic' and legs={'A': '1', 'B': '-2'}."
            )
        if self.legs:
            self.weights  # noqa: B018 - it refuses what can't be
        optional = self.strike != "" or self.right != ""
        if self.kind == "option" and (not self.strike or self.right not in RIGHTS):
            raise InstrumentError(
                f"{self.symbol} is an option with strike {self.strike!r} and right {self.right!r}. "
                f"Give its strike, and right as 'call' or 'put'. "
                f"{did_you_mean(self.right, RIGHTS)}"
            )
        if self.kind != "option" and optional:
            raise InstrumentError(
                f"{self.symbol} has a strike or a right, and is of kind {self.kind}. "
                "Give kind='option'."
            )

    def _check_numbers(self) -> None:
        initial, maintenance, _ = self.rates
        if maintenance > initial:
            raise InstrumentError(
                f"maintenance_margin of {self.symbol} must not be above its initial_margin "
                f"{self.initial_margin}, and is {self.maintenance_margin}. A position would be "
                "liquidated as soon as it is opened."
            )
        for name in (*_BOUNDS[0], *_BOUNDS[1], "strike"):
            text: Any = getattr(self, name)
            if text != "":
                decimal_fraction(text, name)
        for least, most in _BOUNDS:
            low, high = getattr(self, least), getattr(self, most)
            if low and high and Fraction(low) > Fraction(high):
                raise InstrumentError(
                    f"{least} of {self.symbol} must not be above its {most} {high}, and is {low}. "
                    "Swap them."
                )
        for name in _BOUNDS[0]:
            text = getattr(self, name)
            if text and Fraction(text) % self.quantity:
                raise InstrumentError(
                    f"{name} of {self.symbol} must be a multiple of its lot {self.lot}, not {text}."
                    " Use another, or a finer lot."
                )
        self.swaps  # noqa: B018 - it refuses what can't be
        if self.expiry:
            try:
                to_ns(self.expiry)
            except DataError:
                raise InstrumentError(
                    f"expiry of {self.symbol} must be a time like '2026-12-18 16:00', UTC, not "
                    f"{self.expiry!r}. Leave it out where it never expires."
                ) from None

    @cached_property
    def rates(self) -> tuple[int, int, int]:
        """Initial margin, maintenance margin, borrow rate a year; parts per billion."""
        return (
            share_parts(self.initial_margin, f"initial_margin of {self.symbol}", InstrumentError),
            share_parts(
                self.maintenance_margin, f"maintenance_margin of {self.symbol}", InstrumentError
            ),
            share_parts(self.borrow_rate, f"borrow_rate of {self.symbol}", InstrumentError, None),
        )

    @cached_property
    def swaps(self) -> tuple[Fraction, Fraction]:
        """Ledger units that one lot receives for a night: long, short."""
        scale = self.quantity * Fraction(10) ** ledger_digits(self.currency)
        long, short = (
            signed_fraction(getattr(self, name), f"{name} of {self.symbol}") * scale
            for name in ("long_swap", "short_swap")
        )
        if max(abs(n) for s in (long, short) for n in s.as_integer_ratio()) >= 2**61:
            raise InstrumentError(
                f"a swap of {self.symbol} is {self.long_swap} or {self.short_swap} for a unit, "
                f"more than can be counted for its lot {self.lot}. Use a smaller one."
            )
        return long, short

    @cached_property
    def weights(self) -> dict[str, Fraction]:
        """How much of each leg a synthetic instrument is made of."""
        legs: Any = self.legs
        if not isinstance(legs, Mapping) or len(legs) > _MOST_LEGS:
            raise InstrumentError(
                f"legs of {self.symbol} must be at most {_MOST_LEGS} symbols with their weights, "
                f"not {legs!r}. Give legs={{'A': '1', 'B': '-2'}}."
            )
        for symbol in legs:
            if not isinstance(symbol, str) or symbol == self.symbol:
                raise InstrumentError(
                    f"a leg of {self.symbol} must be another symbol, not {symbol!r}. "
                    "Give legs={'A': '1', 'B': '-2'}."
                )
        found = {
            symbol: signed_fraction(weight, f"weight of {symbol} in {self.symbol}")
            for symbol, weight in legs.items()
        }
        for symbol, weight in found.items():
            if weight == 0:
                raise InstrumentError(
                    f"weight of {symbol} in {self.symbol} must not be 0. Leave the leg out."
                )
        return found

    @property
    def margined(self) -> bool:
        """Whether its notional isn't paid, only what it gains or loses."""
        return self.kind in MARGINED

    @cached_property
    def price(self) -> Fraction:
        """One tick in currency."""
        return decimal_fraction(self.tick, "tick")

    @cached_property
    def quantity(self) -> Fraction:
        """One lot in units of quantity."""
        return decimal_fraction(self.lot, "lot")

    @cached_property
    def value(self) -> Fraction:
        """Ledger units of one tick times one lot; inverse: of one lot at one tick."""
        multiplier = decimal_fraction(self.multiplier, "multiplier")
        if self.inverse:
            ledger = Fraction(10) ** ledger_digits(self.currency)
            return multiplier * self.quantity / self.price * ledger
        return (
            self.price * self.quantity * multiplier * Fraction(10) ** ledger_digits(self.currency)
        )

    @cached_property
    def price_decimals(self) -> int:
        """Digits after the point that a price needs."""
        return _decimals(self.tick)

    @cached_property
    def qty_decimals(self) -> int:
        """Digits after the point that a quantity needs."""
        return _decimals(self.lot)

    def round_price(self, price: float) -> float:
        """The nearest price on the tick, half to even."""
        ticks = self._steps(price, self.price, "price")
        return ticks * self.price.numerator / self.price.denominator

    def _steps(self, value: Any, step: Fraction, what: str) -> int:
        """The nearest whole number of ticks or lots, half to even."""
        number = _number(value)
        if math.isnan(number):
            raise OrderError(
                f"{what} of {self.symbol} must be a finite number, not {value!r}. Give a float."
            )
        count = round(Fraction(number) / step)
        if abs(count) >= 2**63:
            raise OrderError(
                f"{what} {number} of {self.symbol} is more than int64 can count in steps of "
                f"{float(step)}. Give one under {float(2**63 * step):g}."
            )
        return count

    def price_ticks(self, price: float, what: str = "price") -> int:
        """A human price in ticks; refused where it isn't on the tick.

        Raises
        ------
        OrderError
            With the nearest price that is; also for what isn't a finite number.
        """
        ticks = self._steps(price, self.price, what)
        nearest = ticks * self.price.numerator / self.price.denominator
        if nearest != float(price):
            raise OrderError(
                f"{what} {price} of {self.symbol} is not on its {self.tick} tick. "
                f"Use {nearest:.{self.price_decimals}f}, or instrument.round_price({price})."
            )
        return ticks

    def qty_lots(self, qty: float) -> int:
        """A human quantity in lots; refused where it isn't a positive multiple of the lot.

        Raises
        ------
        OrderError
            With the lot; also for what isn't a finite number.
        """
        step = self.quantity
        lots = self._steps(qty, step, "quantity")
        if lots <= 0 or lots * step.numerator / step.denominator != float(qty):
            near = max(lots, 1) * step.numerator / step.denominator
            raise OrderError(
                f"quantity {qty} of {self.symbol} is not a positive multiple of its lot "
                f"{self.lot}. Use {near:.{self.qty_decimals}f}."
            )
        return lots


def signed_fraction(text: Any, what: str) -> Fraction:
    """An exact number of either sign, or 0, from a Decimal string of at most 15 digits.

    Raises
    ------
    InstrumentError
        For a float, and for what is no number.
    """
    given = text if isinstance(text, (str, int, Decimal)) and not isinstance(text, bool) else "NaN"
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or (value and not -_MOST_DIGITS < value.adjusted() < _MOST_DIGITS):
        raise InstrumentError(
            f"{what} must be a number like '-0.5' of at most 15 digits, not {text!r}. "
            "Give a Decimal string."
        )
    fraction = Fraction(value)
    if max(abs(fraction.numerator), fraction.denominator) >= EXACT:
        raise InstrumentError(
            f"{what} must be a number of at most 15 digits, not {text!r}. Round it."
        )
    return fraction


def _decimals(text: str) -> int:
    exponent = Decimal(text).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _number(value: Any) -> float:
    """A finite float; NaN for anything else, however it was spelt."""
    if isinstance(value, bool) or not isinstance(value, (Real, Decimal)):
        return math.nan
    try:
        number = float(value)
    except (OverflowError, ValueError):  # an int too large, a signalling NaN
        return math.nan
    return number if math.isfinite(number) else math.nan
