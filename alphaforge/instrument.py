"""What is traded: symbol, tick, lot, currency, fees. Exact fractions, never floats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from numbers import Real
from typing import Any

from alphaforge.errors import ConfigError, InstrumentError, OrderError
from alphaforge.units import EXACT, decimal_fraction, ledger_digits

PER_RATE = 1_000_000_000
"""Fee rates are stored as int64 parts per billion."""


@dataclass(frozen=True)
class Fees:
    """Fee rates on notional, as Decimal strings: ``Fees(maker="0.0001", taker="0.0002")``.

    A fee is rounded half-even to the ledger unit, once per fill. A negative rate is a rebate.
    """

    taker: str = "0"
    maker: str | None = None

    def parts(self) -> tuple[int, int]:
        """``(maker, taker)`` in parts per billion.

        Raises
        ------
        ConfigError
            If a rate isn't a Decimal string within one part per billion and between -1 and 1.
        """
        maker = self.taker if self.maker is None else self.maker
        return _rate(maker, "maker"), _rate(self.taker, "taker")


def _rate(text: str, what: str) -> int:
    try:
        given = Decimal(str(text))
    except ArithmeticError:
        given = Decimal("NaN")
    if not given.is_finite():
        raise ConfigError(
            f"{what} fee must be a rate like '0.0002' (2 bp), not {text!r}. Give a Decimal string."
        )
    # 1e-999999999 as a fraction would take all memory: its size is looked at first.
    far = bool(given) and not -10 < given.adjusted() < 0
    rate = Fraction(given if given and not far else 0) * PER_RATE
    if far or rate.denominator != 1:
        raise ConfigError(
            f"{what} fee must be a multiple of 1e-9 between -1 and 1, not {text!r}. "
            "Rates are fractions of the notional: 2 bp is '0.0002'."
        )
    return int(rate)


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
        ``equity`` or ``spot``.
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

    def __post_init__(self) -> None:
        symbol: Any = self.symbol
        if not isinstance(symbol, str) or not symbol or symbol != symbol.strip():
            raise InstrumentError(
                f"symbol must be a name without blanks around it, not {symbol!r}. "
                "Give one like 'AAPL'."
            )
        for name in ("currency", "base", "venue", "kind", "calendar"):
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
        value = self.value
        if max(value.numerator, value.denominator) >= 2**31:
            raise InstrumentError(
                f"one tick x one lot of {self.symbol} is {float(value)} ledger units, outside "
                "1/2^31 to 2^31. Choose a tick and lot nearer to the market's."
            )

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
        """Ledger units of one tick times one lot."""
        multiplier = decimal_fraction(self.multiplier, "multiplier")
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
