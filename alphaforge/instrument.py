"""What is traded: symbol, tick, lot, currency, fees. Exact fractions, never floats."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

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
        rate = Fraction(Decimal(str(text))) * PER_RATE
    except (ArithmeticError, ValueError) as error:
        raise ConfigError(
            f"{what} fee must be a rate like '0.0002' (2 bp), not {text!r}. Give a Decimal string."
        ) from error
    if rate.denominator != 1 or abs(rate) >= PER_RATE:
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
        if not self.symbol or self.symbol != self.symbol.strip():
            raise InstrumentError(
                f"symbol must be a name without blanks around it, not {self.symbol!r}. "
                "Give one like 'AAPL'."
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
        ticks = round(Fraction(price) / self.price)
        return ticks * self.price.numerator / self.price.denominator

    def price_ticks(self, price: float, what: str = "price") -> int:
        """A human price in ticks; refused where it isn't on the tick.

        Raises
        ------
        OrderError
            With the nearest price that is.
        """
        step = self.price
        ticks = round(Fraction(price) / step) if _finite(price) else 0
        if not _finite(price) or ticks * step.numerator / step.denominator != float(price):
            nearest = (
                f"{self.round_price(price):.{self.price_decimals}f}"
                if _finite(price)
                else "a number"
            )
            raise OrderError(
                f"{what} {price} of {self.symbol} is not on its {self.tick} tick. "
                f"Use {nearest}, or instrument.round_price({price})."
            )
        return ticks

    def qty_lots(self, qty: float) -> int:
        """A human quantity in lots; refused where it isn't a positive multiple of the lot.

        Raises
        ------
        OrderError
            With the lot.
        """
        step = self.quantity
        lots = round(Fraction(qty) / step) if _finite(qty) else 0
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


def _finite(value: float) -> bool:
    return value == value and abs(value) != float("inf")
