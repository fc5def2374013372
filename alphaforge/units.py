"""Human numbers to engine integers and back: the only such door.

Inside the engine a price is an int64 count of *ticks*, a quantity an int64 count of *lots*, a time
int64 *nanoseconds UTC*, and money an int64 count of *ledger units*: the currency's minor unit
divided by 10,000 (1e-6 for USD). Outside they are floats, Decimals and datetimes.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.errors import ConfigError, DataError, InstrumentError

EXACT = 2**53
"""Integers below this are exact in float64; ticks x numerator must stay under it."""

MINOR_DIGITS = {"JPY": 0, "KRW": 0, "BTC": 8, "ETH": 8}
"""Digits of the minor unit where they aren't two (ISO 4217; eight for coins)."""

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

_SPEC_UNITS = {"ms": MILLISECOND, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}
_SPEC = re.compile(r"0*([0-9]{1,18})(ms|s|m|h|d|w)")
_END = 2**63
_MOST_EXPONENT = 40
"""Powers of ten beyond this are no price; as exact fractions they would take all memory."""


def decimal_fraction(text: str | int | Decimal, what: str) -> Fraction:
    """A positive exact number from a Decimal string.

    Raises
    ------
    InstrumentError
        For a float (it can't say 0.1), or anything that isn't a positive number.
    """
    if isinstance(text, float):
        raise InstrumentError(
            f"{what} must be a Decimal string, not the float {text!r}. Write {what}='{text!r}'."
        )
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value.adjusted()) > _MOST_EXPONENT:
        raise InstrumentError(
            f"{what} must be a positive number like '0.01', not {text!r}. Give a Decimal string."
        )
    if value <= 0:
        raise InstrumentError(f"{what} must be positive, not {text}. Give a Decimal string.")
    return Fraction(value)


PER_RATE = 1_000_000_000
"""Rates are stored as int64 parts per billion."""


def rate_parts(text: str, what: str, error: type[Exception] = ConfigError) -> int:
    """A rate from a Decimal string, in parts per billion.

    Raises
    ------
    ConfigError, or the ``error`` given
        If it isn't a Decimal string within one part per billion and between -1 and 1.
    """
    try:
        given = Decimal(str(text))
    except ArithmeticError:
        given = Decimal("NaN")
    if not given.is_finite():
        raise error(
            f"{what} must be a rate like '0.0002' (2 bp), not {text!r}. Give a Decimal string."
        )
    # 1e-999999999 as a fraction would take all memory: its size is looked at first.
    far = bool(given) and not -10 < given.adjusted() < 0
    rate = Fraction(given if given and not far else 0) * PER_RATE
    if far or rate.denominator != 1:
        raise error(
            f"{what} must be a multiple of 1e-9 between -1 and 1, not {text!r}. "
            "Rates are fractions of the notional: 2 bp is '0.0002'."
        )
    return int(rate)


def share_parts(
    text: str, what: str, error: type[Exception] = ConfigError, most: int | None = 1
) -> int:
    """A share from a Decimal string, in parts per billion: from 0 to ``most``, both included.

    Raises
    ------
    ConfigError, or the ``error`` given
        If it isn't a Decimal string on one part per billion and within the bounds.
    """
    value: Any = text
    try:
        given = Decimal(value) if isinstance(value, (str, int, Decimal)) else Decimal("NaN")
    except ArithmeticError:
        given = Decimal("NaN")
    top = MOST_RATE if most is None else most
    far = not given.is_finite() or (bool(given) and not -10 < given.adjusted() < 5)
    parts = Fraction(0 if far else given) * PER_RATE
    if far or isinstance(value, bool) or parts.denominator != 1 or not 0 <= parts <= top * PER_RATE:
        raise error(
            f"{what} must be a multiple of 1e-9 from 0 to {top}, not {text!r}. "
            "Give a Decimal string: 5 % is '0.05'."
        )
    return int(parts)


MOST_RATE = 100
"""Of a rate a year: 10,000 %, which a stock that is hard to borrow may cost."""


def ledger_digits(currency: str) -> int:
    """Decimal digits of one ledger unit: 6 for USD (1e-6), 12 for BTC."""
    return MINOR_DIGITS.get(currency, 2) + 4


def money_to_ledger(amount: float | int | str | Decimal, currency: str) -> int:
    """Money in human units to ledger units, rounded half-even once.

    Raises
    ------
    ConfigError
        For what isn't a finite number of at most 40 digits.
    """
    try:
        value = Decimal(str(amount))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value.adjusted() > _MOST_EXPONENT:
        raise ConfigError(
            f"an amount of {currency} must be a finite number like 1000 or '0.01', not {amount!r}. "
            "Give a number."
        )
    scaled = value.scaleb(ledger_digits(currency))
    return int(scaled.to_integral_value(rounding=ROUND_HALF_EVEN))


def ledger_to_money(units: int, currency: str) -> float:
    """Ledger units to a float in human units: one correctly rounded division."""
    return float(int(units) / 10 ** ledger_digits(currency))


def to_float(count: npt.NDArray[np.int64], numerator: int, denominator: int) -> npt.NDArray[Any]:
    """``count * numerator / denominator`` as float64, correctly rounded.

    Parameters
    ----------
    count : int64 array of any shape, ticks or lots

    Notes
    -----
    One division, so the float equals the one that was ingested; ``count * 0.01`` would not.
    """
    return (np.asarray(count, np.int64) * numerator) / float(denominator)


def to_count(
    values: npt.NDArray[np.float64], numerator: int, denominator: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Floats to the nearest count, and which of them were exactly on it.

    Returns
    -------
    counts : int64 array, the nearest tick or lot (half to even)
    exact : bool array, True where converting back gives the same float
    """
    values = np.asarray(values, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.rint(values * denominator / numerator)
        usable = np.isfinite(scaled) & (np.abs(scaled) * numerator < EXACT)
        counts = np.where(usable, scaled, 0).astype(np.int64)
    back = (counts * numerator) / float(denominator)
    return counts, usable & (back == values)


def smallest_tick(values: npt.NDArray[np.float64]) -> str | None:
    """The coarsest power of ten on which every value lies, as a Decimal string; None below 1e-9."""
    for digits in range(10):
        if bool(to_count(values, 1, 10**digits)[1].all()):
            return str(Decimal(1).scaleb(-digits)) if digits else "1"
    return None


def parse_interval(spec: str) -> int:
    """A time-bar spec such as ``"5m"`` in nanoseconds.

    Raises
    ------
    DataError
        If the spec isn't a positive whole number and one of ``ms s m h d w``, or is longer than
        int64 nanoseconds.
    """
    text: Any = spec
    found = _SPEC.fullmatch(text) if isinstance(text, str) else None
    interval = int(found[1]) * _SPEC_UNITS[found[2]] if found else 0
    if not 0 < interval < _END:
        raise DataError(
            f"bar spec must be a number and a unit like '1s', '5m', '1d', not {spec!r}. "
            f"Time units are {', '.join(_SPEC_UNITS)} (m is minute), up to 292 years."
        )
    return interval


_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|ms|s|m|h|d)")


def parse_duration(text: str, what: str) -> int:
    """A duration such as ``"250us"`` or ``"1.5ms"`` in nanoseconds; 0 is allowed.

    Raises
    ------
    ConfigError
        If it isn't a number and one of ``ns us ms s m h d``, or no whole number of nanoseconds.
    """
    given: Any = text
    found = _DURATION.fullmatch(given) if isinstance(given, str) else None
    sizes = {"ns": 1, "us": MICROSECOND, **_SPEC_UNITS}
    amount = Fraction(found[1]) * sizes[found[2]] if found else Fraction(-1)
    if amount.denominator != 1 or not 0 <= amount < _END:
        raise ConfigError(
            f"{what} must be a number and a unit like '250us' or '2ms', not {text!r}. "
            f"Units are {', '.join(sizes)}."
        )
    return int(amount)


def is_number(value: Any) -> bool:
    """Whether a value is an int or a float, and no bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number that int64 holds, of whatever type."""
    if not isinstance(value, (int, float, np.integer)) or isinstance(value, bool):
        return False
    number: Any = value
    return bool(number == number // 1 and abs(number) < 2**62)


def format_interval(interval_ns: int) -> str:
    """Nanoseconds back to the shortest spec: ``"5m"``."""
    for unit, size in reversed(_SPEC_UNITS.items()):
        if interval_ns % size == 0 and interval_ns >= size:
            return f"{interval_ns // size}{unit}"
    return f"{interval_ns}ns"


def to_ns(when: Any) -> int:
    """A datetime, Timestamp, datetime64, ISO string or int64 nanoseconds to nanoseconds UTC.

    A time without a zone is taken as UTC.

    Raises
    ------
    DataError
        For anything else, NaT, and times outside the years 1677 to 2262.
    """
    try:
        ns = _ns(when)
    except (AttributeError, TypeError, ValueError, OverflowError):
        ns = _END
    if not -_END < ns < _END:  # NaT is -2**63
        raise DataError(
            f"a time must be a datetime, an ISO string or int64 nanoseconds UTC within the years "
            f"1677 to 2262, not {when!r}. Give one like '2024-01-02T14:30'."
        )
    return ns


def _ns(when: Any) -> int:
    if isinstance(when, (bool, np.timedelta64)):
        raise TypeError
    if isinstance(when, (int, np.integer)):
        return int(when)
    if isinstance(when, np.datetime64):
        seconds = int(when.astype("datetime64[s]").astype(np.int64))
        # NumPy wraps around where a time doesn't fit.
        fits = abs(seconds) < _END // SECOND
        return int(when.astype("datetime64[ns]").astype(np.int64)) if fits else _END
    if hasattr(when, "as_unit") and hasattr(when, "value"):  # pandas Timestamp, without pandas here
        return int(when.as_unit("ns").value)
    if isinstance(when, str):
        when = dt.datetime.fromisoformat(when)
    if isinstance(when, dt.date) and not isinstance(when, dt.datetime):
        when = dt.datetime(when.year, when.month, when.day, tzinfo=dt.UTC)
    if when.tzinfo is None:
        when = when.replace(tzinfo=dt.UTC)
    delta = when - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return int((delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds * MICROSECOND)
