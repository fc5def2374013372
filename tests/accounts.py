"""Accounts for tests: slow twins of an engine's, and an engine that is talked to in a line."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from market import (
    DAY,
    T0,
    check_money,
    check_orders,
    half_even,
    instrument,
    quote,
    replace,
    rows_of,
    slot,
    small_engine,
    submit,
    worth_of,
)

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.engine.engine import Engine
from alphaforge.engine.margin import free_balance
from alphaforge.instrument import Instrument
from alphaforge.strategy.compile import python_entry
from alphaforge.strategy.context import Context
from alphaforge.units import ledger_digits
from alphaforge.venue import Fees, Venue

STOCK = instrument("STOCK", borrow_rate="0.0731", long_swap="-0.0123", short_swap="0.0045")
FINE = instrument("FINE", "0.0001", lot="0.001", borrow_rate="3.5", long_swap="-0.0000017")
FUTURE = instrument("FUT", "0.25", multiplier="50", kind="future", short_swap="-1.5")
PERPETUAL = instrument("PERP", "0.1", lot="0.001", kind="perpetual", currency="USDT")
INVERSE = instrument("INV", "0.5", lot="1", currency="BTC", kind="perpetual", inverse=True)
THIRDS = instrument(
    "THIRDS", "0.03", lot="1", multiplier="100", currency="BTC", kind="future", inverse=True
)
CASH = {"BTC": 3.0}


# --- twins ------------------------------------------------------------------------------------


def rate(text: str | None) -> Fraction:
    return Fraction(text or "0")


@dataclass
class FeeTwin:
    """``Fees``, worked out from its own words."""

    fees: Fees
    traded: Instrument
    turnover: int = 0

    def fee(self, amount: int, lots: int, maker: bool) -> int:
        f, units = self.fees, Fraction(10) ** ledger_digits(self.traded.currency)
        own = f.taker if f.maker is None or not maker else f.maker
        for least, for_maker, for_taker in sorted(f.tiers, key=lambda row: Fraction(row[0])):
            if self.turnover >= Fraction(least) * units:
                own = for_maker if maker else for_taker
        self.turnover += abs(amount)
        fee = half_even(abs(amount) * rate(own))
        fee += half_even(lots * Fraction(self.traded.lot) * rate(f.per_unit) * units)
        if fee >= 0:
            fee = max(fee, half_even(rate(f.minimum) * units))
        return half_even(Fraction(fee, 10_000)) * 10_000 if f.round_to_minor else fee


@dataclass
class AccountTwin:
    """One instrument's account: netting at average cost, exact to the ledger unit."""

    traded: Instrument
    fees: Fees
    cash: int
    interest: str = "0"
    qty: int = 0
    cost: int = 0
    realised: int = 0
    paid: int = 0
    accrued: int = 0
    mark: int = 0
    model: FeeTwin = field(init=False)

    def __post_init__(self) -> None:
        self.model = FeeTwin(self.fees, self.traded)

    def worth(self, ticks: int, lots: int) -> int:
        return worth_of(self.traded, ticks, lots)

    def fill(self, lots: int, ticks: int, maker: bool = False) -> None:
        amount = self.worth(ticks, lots)
        fee = self.model.fee(amount, abs(lots), maker)
        self.cash -= amount + fee
        self.paid += fee
        if self.qty * lots >= 0:
            self.cost += amount
        else:
            closing = min(abs(lots), abs(self.qty))
            whole = closing == abs(self.qty)
            released = (
                self.cost if whole else half_even(Fraction(self.cost * closing, abs(self.qty)))
            )
            sign = 1 if lots > 0 else -1
            closed = amount if closing == abs(lots) else self.worth(ticks, sign * closing)
            self.realised += -closed - released
            self.cost += -released + amount - closed
        self.qty += lots

    def earn(self, amount: int) -> None:
        self.cash += amount
        self.realised += amount
        self.accrued += amount

    def fund(self, ppb: int) -> None:
        """Longs pay, shorts receive."""
        side = (self.qty > 0) - (self.qty < 0)
        self.earn(-half_even(Fraction(side * abs(self.worth(self.mark, self.qty)) * ppb, 10**9)))

    def night(self) -> None:
        """Borrow on what is short, swaps, then interest on a balance below zero."""
        units = Fraction(10) ** ledger_digits(self.traded.currency)
        if self.qty < 0 and self.mark:
            worth = abs(self.worth(self.mark, self.qty))
            self.earn(-half_even(worth * rate(self.traded.borrow_rate) / 365))
        swap = self.traded.long_swap if self.qty > 0 else self.traded.short_swap
        self.earn(half_even(abs(self.qty) * Fraction(self.traded.lot) * rate(swap) * units))
        owed = -self.balance
        if owed > 0:
            due = half_even(owed * rate(self.interest) / 365)
            self.cash -= due
            self.paid += due
            self.accrued -= due

    @property
    def balance(self) -> int:
        return self.cash + (self.cost if self.traded.margined else 0)


class Pair:
    """An engine and its twin, told the same."""

    def __init__(
        self, traded: Instrument, fees: Fees | None = None, cash: float = 0.0, interest: str = "0"
    ) -> None:
        cash = cash or CASH.get(traded.currency, 1_000.0)
        self.engine = small_engine(
            traded,
            fees=fees or Fees(),
            currency=traded.currency,
            cash=cash,
            model=Venue(interest=interest),
        )
        self.twin = AccountTwin(
            traded, fees or Fees(), int(self.engine.header["cash"]), interest=interest
        )
        self.ts, self.ids = T0 + 1, K.HOST_ID

    def step(self, message: Any) -> None:
        assert self.engine.step(message) == K.FAULT_NONE

    def tick(self) -> int:
        self.ts += 1_000
        return self.ts

    def price(self, ticks: int, lots: int = 10**9) -> None:
        """The market is here, and so is the mark."""
        self.step(quote(self.tick(), ticks - 1, ticks + 1, lots))
        self.step(slot(M.MARK, self.tick(), a=ticks))
        self.twin.mark = ticks

    def take(self, lots: int) -> None:
        side = 1 if lots > 0 else -1
        self.ids += 1
        self.step(submit(self.tick(), self.ids, side, abs(lots)))
        self.twin.fill(lots, self.twin.mark + side)

    def make(self, lots: int) -> None:
        """Rest ten ticks away, and let the market come through."""
        side = 1 if lots > 0 else -1
        at = self.twin.mark - 10 * side
        self.ids += 1
        self.step(submit(self.tick(), self.ids, side, abs(lots), at))
        self.step(quote(self.tick(), at - 3 * side - 1, at - 3 * side + 1, 10**9))
        self.twin.fill(lots, at, maker=True)
        self.step(quote(self.tick(), self.twin.mark - 1, self.twin.mark + 1, 10**9))

    def fund(self, ppb: int) -> None:
        self.step(slot(M.FUNDING, self.tick(), a=ppb))
        self.twin.fund(ppb)

    def nights(self, count: int) -> None:
        self.ts += count * DAY
        self.step(quote(self.ts, self.twin.mark - 1, self.twin.mark + 1, 10**9))
        for _ in range(count):
            self.twin.night()

    def check(self) -> None:
        check_money(self.engine)
        h, net = self.engine.header, L.pool(self.engine.block, "positions")[0]
        t = self.twin
        found = {name: int(net[name]) for name in ("qty", "cost", "realised")}
        assert found == {"qty": t.qty, "cost": t.cost, "realised": t.realised}
        assert (int(h["cash"]), int(h["fees"]), int(h["accrued"])) == (t.cash, t.paid, t.accrued)
        assert int(h["market_value"]) == t.worth(t.mark, t.qty)
        units = 10 ** ledger_digits(t.traded.currency)
        assert Context(self.engine.address).cash() == t.balance / units


class Holder(af.Strategy):
    qty: float = 1.0
    done: int = 0

    def on_quote(self, ctx, quote):
        if self.done == 0:
            self.done = 1
            if self.qty > 0:
                ctx.buy(quote.instrument, self.qty)
            else:
                ctx.sell(quote.instrument, -self.qty)


def owners(traded: Instrument, *held: float, **keywords: Any) -> Engine:
    """An engine whose strategies hold so much each, at 1,000 ticks."""
    engine = small_engine(traded, fees=Fees(), currency=traded.currency, **keywords)
    for qty in held:
        engine.add_strategy(python_entry(Holder(qty=qty)), [traded.symbol])
    engine.step(quote(T0, 1_000, 1_000, lots=10**9))
    engine.step(slot(M.MARK, T0 + 1, a=1_000))
    return engine


# --- margin --------------------------------------------------------------------------------------

DOLLAR = 1_000_000


class Account:
    """An engine of one kind of margin, and what a test says of it in a line."""

    def __init__(
        self,
        margin: str,
        *traded: Instrument,
        cash: float = 1_000.0,
        fees: Fees | None = None,
        **venue: Any,
    ) -> None:
        self.engine = small_engine(
            *(traded or (instrument("XYZ"),)),
            cash=cash,
            fees=fees or Fees(),
            model=Venue(margin=margin, **venue),
        )
        self.ts, self.ids = T0, K.HOST_ID

    def step(self, message: Any) -> None:
        message["ts"] = self.ts = self.ts + 1_000
        assert self.engine.step(message) == K.FAULT_NONE
        check_money(self.engine)
        check_orders(self.engine)

    def price(self, ticks: int, i: int = 0, lots: int = 10**6) -> None:
        """Bid and ask are here, and so is the mark."""
        self.step(quote(0, ticks, ticks, lots, i))
        self.step(slot(M.MARK, 0, i, a=ticks))

    def mark(self, ticks: int, i: int = 0) -> None:
        self.step(slot(M.MARK, 0, i, a=ticks))

    def order(self, side: int, lots: int, limit: int = 0, i: int = 0, **fields: int) -> int:
        """Send an order; its id."""
        self.ids += 1
        self.step(submit(0, self.ids, side, lots, limit, i=i, **fields))
        return self.ids

    def change(self, order_id: int, **fields: int) -> None:
        self.step(replace(0, order_id, **fields))

    @property
    def free(self) -> float:
        return int(free_balance(self.engine.address)) / DOLLAR

    def qty(self, i: int = 0) -> int:
        return int(L.pool(self.engine.block, "positions")[i]["qty"])

    @property
    def denials(self) -> list[tuple[int, float, float]]:
        """Rule, limit and value of each; money in dollars, lots as they are."""
        rows = rows_of(self.engine, M.DENIAL_ROW)
        each = [1 if rule == R.SHORT_SALE else DOLLAR for rule in rows["code"].tolist()]
        numbers = zip(
            rows["code"].tolist(), rows["b"].tolist(), rows["c"].tolist(), each, strict=True
        )
        return [(rule, limit / unit, value / unit) for rule, limit, value, unit in numbers]

    def denial(self) -> tuple[int, float, float]:
        """The only one."""
        (only,) = self.denials
        return only

    def rows(self, kind: int, code: int | None = None) -> Any:
        rows = rows_of(self.engine, kind)
        return rows if code is None else rows[rows["code"] == code]

    @property
    def open_orders(self) -> int:
        return int(self.engine.header["open_orders"])
