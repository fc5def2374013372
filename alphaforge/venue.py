"""How a simulated venue behaves: named models with their parameters, chosen per venue.

Each is a small frozen record that says what it assumes. A run keeps them in its configuration, so
its id changes with them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.errors import ConfigError, did_you_mean
from alphaforge.latency import Latency
from alphaforge.units import (
    is_number,
    ledger_digits,
    money_to_ledger,
    rate_parts,
    share_parts,
)

_MOST = 1_000_000
_DIGITS = 18
"""Powers of ten that an amount of money may have at most."""

# --- fees -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fees:
    """What a fill costs, as Decimal strings: ``Fees(maker="0.0001", taker="0.0002")``.

    A rate on the notional is rounded half-even to the ledger unit, once per fill; a negative one is
    a rebate.

    Parameters
    ----------
    taker, maker : str
        Rates; ``maker`` is the taker's where it isn't given.
    per_unit : str
        Added for each unit of quantity, in the account's currency.
    minimum : str
        Of one fill, in the account's currency; never asked of a rebate.
    tiers : tuple of (turnover, maker, taker)
        From a turnover on, in the account's currency, these rates hold. The turnover before a fill
        counts, of all instruments of the venue.
    round_to_minor : bool
        True rounds each fill's fee half-even to the currency's minor unit (a cent).
    """

    taker: str = "0"
    maker: str | None = None
    per_unit: str = "0"
    minimum: str = "0"
    tiers: tuple[tuple[str, str, str], ...] = ()
    round_to_minor: bool = False

    def __post_init__(self) -> None:
        self.parts()
        for name in ("per_unit", "minimum"):
            _amount(getattr(self, name), f"{name} of Fees")
        if not isinstance(self.round_to_minor, bool):
            raise ConfigError(
                f"round_to_minor of Fees must be True or False, not {self.round_to_minor!r}. "
                "Give a bool."
            )
        tiers: Any = self.tiers
        if not isinstance(tiers, (tuple, list)) or any(
            not isinstance(row, (tuple, list)) or len(row) != 3 for row in tiers
        ):
            raise ConfigError(
                f"tiers of Fees must be rows of (turnover, maker, taker), not {tiers!r}. "
                "Give tiers=(('1000000', '0.0001', '0.0003'),)."
            )
        for turnover, maker, taker in tiers:
            _amount(turnover, "turnover of a tier")
            rate_parts(maker, "maker fee of a tier")
            rate_parts(taker, "taker fee of a tier")
        turnovers = [_amount(row[0], "turnover of a tier") for row in tiers]
        if len(set(turnovers)) < len(turnovers):
            raise ConfigError(
                "tiers of Fees must begin at different turnovers, and two begin at the same. "
                "Leave one of them out."
            )
        object.__setattr__(self, "tiers", tuple(tuple(row) for row in tiers))

    def parts(self) -> tuple[int, int]:
        """``(maker, taker)`` in parts per billion.

        Raises
        ------
        ConfigError
            If a rate isn't a Decimal string within one part per billion and between -1 and 1.
        """
        taker = rate_parts(self.taker, "taker fee")
        return taker if self.maker is None else rate_parts(self.maker, "maker fee"), taker

    def tier_rows(self, currency: str) -> list[tuple[int, int, int]]:
        """(turnover in ledger units, maker, taker in parts per billion), lowest turnover first."""
        rows = [
            (
                money_to_ledger(turnover, currency),
                rate_parts(maker, "maker fee of a tier"),
                rate_parts(taker, "taker fee of a tier"),
            )
            for turnover, maker, taker in self.tiers
        ]
        return sorted(rows)


# --- queue position -------------------------------------------------------------------------------


@dataclass(frozen=True)
class ThroughQueue:
    """Pessimistic: a resting order fills only when the market goes through its price."""

    code = K.QUEUE_THROUGH


@dataclass(frozen=True)
class FrontQueue:
    """Optimistic: a resting order is first in its queue at once."""

    code = K.QUEUE_FRONT


@dataclass(frozen=True)
class RiskAverseQueue:
    """Cautious: only trades at the price move an order forward; cancels happen behind it."""

    code = K.QUEUE_RISK_AVERSE


@dataclass(frozen=True)
class PowerQueue:
    """Cancels fall before or behind an order in proportion to the lots there to the power ``n``."""

    n: float = 3.0
    code = K.QUEUE_POWER

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", _positive(self.n, "n of a PowerQueue"))


@dataclass(frozen=True)
class LogQueue:
    """Cancels fall before or behind an order in proportion to log(1 + lots there)."""

    code = K.QUEUE_LOG


@dataclass(frozen=True)
class FifoQueue:
    """Exact, from an order-level book (L3): who left the queue is known."""

    code = K.QUEUE_FIFO


Queue = ThroughQueue | FrontQueue | RiskAverseQueue | PowerQueue | LogQueue | FifoQueue

# --- slippage -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NoSlippage:
    """A taker gets the price shown."""

    code = K.SLIP_NONE


@dataclass(frozen=True)
class TickSlippage:
    """A number of ticks worse."""

    ticks: float = 1.0
    code = K.SLIP_TICKS

    def __post_init__(self) -> None:
        object.__setattr__(self, "ticks", _positive(self.ticks, "ticks of a TickSlippage"))


@dataclass(frozen=True)
class BasisPointSlippage:
    """So many basis points of the price worse."""

    bps: float = 1.0
    code = K.SLIP_BPS

    def __post_init__(self) -> None:
        object.__setattr__(self, "bps", _positive(self.bps, "bps of a BasisPointSlippage"))


@dataclass(frozen=True)
class VolumeShareSlippage:
    """The price times ``impact`` times the square of our share of the volume."""

    impact: float = 0.1
    code = K.SLIP_VOLUME_SHARE

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "impact", _positive(self.impact, "impact of a VolumeShareSlippage")
        )


@dataclass(frozen=True)
class SquareRootSlippage:
    """The price times ``coefficient`` times the root of our share of the volume."""

    coefficient: float = 0.1
    code = K.SLIP_SQRT

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "coefficient", _positive(self.coefficient, "coefficient of a SquareRootSlippage")
        )


Slippage = NoSlippage | TickSlippage | BasisPointSlippage | VolumeShareSlippage | SquareRootSlippage

# --- the venue ------------------------------------------------------------------------------------

DEPTHS = {"L1": K.L1, "L2": K.L2, "L3": K.L3}
PATHS = {
    "ohlc": K.PATH_OHLC,
    "olhc": K.PATH_OLHC,
    "adaptive": K.PATH_ADAPTIVE,
    "pessimistic": K.PATH_PESSIMISTIC,
}
MARGINS = {
    "none": K.MARGIN_NONE,
    "cash": K.MARGIN_CASH,
    "cross": K.MARGIN_CROSS,
    "isolated": K.MARGIN_ISOLATED,
}
FILLS = ("next_open", "this_close")
ALL_TYPES = (1 << len(K.TYPE_NAMES)) - 1
ALL_TIFS = (1 << len(K.TIF_NAMES)) - 1
ALL_FLAGS = K.POST_ONLY | K.REDUCE_ONLY | K.CLOSE_POSITION | K.EMULATED_HERE


@dataclass(frozen=True)
class Venue:
    """A simulated venue: what it matches against, and what it assumes where data is silent.

    Parameters
    ----------
    depth : str
        ``"L1"`` matches against best quotes, ``"L2"`` against price levels, ``"L3"`` against
        single orders.
    latency : Latency, DrawnLatency or RecordedLatency
    queue : ThroughQueue, FrontQueue, RiskAverseQueue, PowerQueue, LogQueue or FifoQueue
    slippage : NoSlippage, TickSlippage, BasisPointSlippage, VolumeShareSlippage or
        SquareRootSlippage. Of takers, where data shows no depth: bars and L1.
    path : str
        How a bar's price is assumed to have moved: ``"ohlc"``, ``"olhc"``, ``"adaptive"`` (the
        nearer extreme first) or ``"pessimistic"`` (the worse one first).
    fill : str
        ``"next_open"``: an order from a bar meets the next bar's open; ``"this_close"``: a market
        order from a bar fills at that bar's close.
    volume_share : str
        How much of a bar's volume we may be at most; ``"0"`` all we ask for.
    partial : bool
        False fills an order wholly once any of it fills.
    margin : str
        ``"none"`` checks nothing. ``"cash"`` pays for what is bought; of contracts it takes the
        initial margin, and liquidates nothing. ``"cross"`` and ``"isolated"`` ask for the
        instruments' margins and liquidate below their maintenance, on a bar at the first tick of
        its path that is too far.
    interest : str
        A year, of cash below zero.
    liquidation_fee : str
        Of the notional that is closed by force.
    """

    depth: str = "L1"
    latency: Latency = field(default_factory=Latency)
    queue: Queue = field(default_factory=ThroughQueue)
    slippage: Slippage = field(default_factory=NoSlippage)
    path: str = "pessimistic"
    fill: str = "next_open"
    volume_share: str = "0"
    partial: bool = True
    margin: str = "none"
    interest: str = "0"
    liquidation_fee: str = "0"

    def __post_init__(self) -> None:
        for name, known in (("depth", DEPTHS), ("path", PATHS), ("margin", MARGINS)):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in known:
                raise ConfigError(
                    f"{name} of a venue must be one of {', '.join(known)}, not {value!r}. "
                    f"{did_you_mean(str(value), list(known))}"
                )
        if self.fill not in FILLS:
            raise ConfigError(
                f"fill of a venue must be one of {', '.join(FILLS)}, not {self.fill!r}. "
                f"{did_you_mean(str(self.fill), FILLS)}"
            )
        if not isinstance(self.partial, bool):
            raise ConfigError(
                f"partial of a venue must be True or False, not {self.partial!r}. Give a bool."
            )
        kinds: tuple[tuple[str, Any, str], ...] = (
            ("latency", Latency, "Latency(entry='2ms')"),
            ("queue", Queue, "PowerQueue(3)"),
            ("slippage", Slippage, "TickSlippage(1)"),
        )
        for name, kind, example in kinds:
            if not isinstance(getattr(self, name), kind):
                raise ConfigError(
                    f"{name} of a venue must be one of its models, not {getattr(self, name)!r}. "
                    f"Give one like af.{example}; see help(af.Venue)."
                )
        if isinstance(self.queue, FifoQueue) and self.depth != "L3":
            raise ConfigError("a FifoQueue needs single orders. Give depth='L3' too.")
        self.record("USD", Fees())

    def record(self, currency: str, fees: Fees) -> npt.NDArray[Any]:
        """The VENUE record of an engine in this currency.

        Raises
        ------
        ConfigError
            For a parameter that can't be.
        """
        made = np.zeros(1, L.VENUE)
        row = made[0]
        row["types"], row["tifs"], row["exec_flags"] = ALL_TYPES, ALL_TIFS, ALL_FLAGS
        row["depth"], row["path"] = DEPTHS[self.depth], PATHS[self.path]
        row["margin"], row["fill_close"] = MARGINS[self.margin], self.fill == "this_close"
        row["queue"], row["whole"] = self.queue.code, not self.partial
        if isinstance(self.queue, PowerQueue):
            row["power"] = self.queue.n
        row["slippage"] = self.slippage.code
        for value in dataclasses.astuple(self.slippage):
            row["slip_a"] = value
        row["share_ppb"] = share_parts(self.volume_share, "volume_share of a venue")
        row["interest_ppb"] = share_parts(self.interest, "interest of a venue", most=None)
        row["liquidation_ppb"] = share_parts(self.liquidation_fee, "liquidation_fee of a venue")
        self.latency._fill(row)
        row["maker_ppb"], row["taker_ppb"] = fees.parts()
        row["fee_least"] = money_to_ledger(fees.minimum, currency)
        row["fee_minor"] = 10_000 if fees.round_to_minor else 1
        return made

    def describe(self) -> dict[str, Any]:
        """Every model by name with its parameters, for a run's configuration."""
        models = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        return {k: repr(v) if dataclasses.is_dataclass(v) else v for k, v in models.items()}


def fee_per_lot(fees: Fees, lot: Fraction, currency: str) -> Fraction:
    """Ledger units that ``per_unit`` adds for each lot, exactly: a fill's sum is rounded once.

    Raises
    ------
    ConfigError
        Where it has more digits than int64 can count.
    """
    each = (
        _amount(fees.per_unit, "per_unit of Fees") * lot * Fraction(10) ** ledger_digits(currency)
    )
    if max(each.numerator, each.denominator) >= 2**61:
        raise ConfigError(
            f"per_unit of Fees is {fees.per_unit}, and a lot is {lot}: more digits than can be "
            "counted. Round it."
        )
    return each


def _amount(text: Any, what: str) -> Fraction:
    """Money from 0 as an exact number; from a Decimal string, as floats can't say 0.1."""
    if text in ("0", 0) and not isinstance(text, (bool, float)):
        return Fraction(0)
    if isinstance(text, (str, int, Decimal)) and not isinstance(text, bool):
        try:
            value = Decimal(text)
        except ArithmeticError:
            value = Decimal("NaN")
        if value.is_finite() and value >= 0 and -_DIGITS < value.adjusted() < _DIGITS:
            return Fraction(value)
    raise ConfigError(
        f"{what} must be an amount of money from 0 like '0.005', not {text!r}. "
        "Give a Decimal string."
    )


def _positive(value: Any, what: str) -> float:
    if not is_number(value) or not 0.0 <= value < _MOST:
        raise ConfigError(f"{what} must be a number from 0 to {_MOST:,}, not {value!r}. Give one.")
    return float(value)
