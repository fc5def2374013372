"""Whatever is ordered: a cash account never owes, and what is taken is what was free."""

from __future__ import annotations

from typing import Any

import pytest
from accounts import DOLLAR, Account
from hypothesis import example, given, settings
from hypothesis import strategies as st
from market import instrument, slot

from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.venue import Fees

FEES = Fees(taker="0.001", maker="0.0005")  # exact at these prices: no half units to add up
TRADED = (
    instrument("AAA", kind="perpetual", initial_margin="0.1", maintenance_margin="0.05"),
    instrument("BBB", kind="perpetual", initial_margin="0.3", maintenance_margin="0.2"),
)
STOCKS = (instrument("AAA"), instrument("BBB"))
which = st.integers(0, 1)
sides = st.sampled_from([1, -1])
lots = st.integers(1, 120)
prices = st.integers(800, 1_200)
# A sale into a better bid, and one that closes what dearer ones were to close: each overdrew once.
BELOW_THE_BID = [("order", -1, 61, 1_137, 1), ("order", -1, 1, 1_001, 1), ("change", 0, 310, 800)]
FIRST_TO_CLOSE = [
    *[("order", 1, 6, 0, 1), ("price", 834, 1, 6), ("order", -1, 99, 1_064, 1)],
    *[("order", -1, 114, 1_025, 1), ("price", 834, 1, 60), ("order", -1, 173, 0, 1)],
]
market = st.tuples(st.just("price"), prices, which, st.integers(1, 60))
orders = st.one_of(
    st.tuples(st.just("order"), sides, lots, st.just(0), which),
    st.tuples(st.just("order"), sides, lots, prices, which),
    st.tuples(st.just("order"), sides, lots, prices, which),
    st.tuples(st.just("change"), st.integers(0, 9), st.integers(1, 150), prices),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
)
life = st.lists(st.one_of(market, market, orders, orders), min_size=10, max_size=60)


def do(account: Account, operation: tuple[Any, ...], market: int = K.GTC) -> None:
    """One drawn operation; ids are those given so far, newest first, ``market`` is the tif."""
    name, *values = operation
    if name == "price":
        account.price(values[0], values[1], values[2])
    elif name == "order":
        account.order(*values[:3], i=values[3], tif=K.GTC if values[2] else market)
    elif name == "change":
        account.change(account.ids - values[0], qty=values[1], price=values[2])
    else:
        account.step(slot(M.CANCEL, 0, a=account.ids - values[0]))


@settings(max_examples=80, deadline=None)
@given(operations=life)
def test_a_cash_account_never_owes_and_is_never_short(operations: list[tuple[Any, ...]]) -> None:
    """But by what waits at no price while the market rises: here market orders don't wait."""
    account = Account("cash", *STOCKS, fees=FEES)
    for i in (0, 1):
        account.price(1_000, i)
    for operation in operations:
        do(account, operation, market=K.IOC)
        assert int(account.engine.header["cash"]) >= 0
        assert min(account.qty(0), account.qty(1)) >= 0
        assert account.free >= 0


@pytest.mark.parametrize("margin", ["cross", "isolated"])
@settings(max_examples=80, deadline=None)
@given(operations=life)
@example(operations=BELOW_THE_BID)
@example(operations=FIRST_TO_CLOSE)
def test_no_order_takes_more_than_is_free(margin: str, operations: list[tuple[Any, ...]]) -> None:
    """An order or a change leaves the free balance where it was, or above 0: but for its fee."""
    account = Account(margin, *TRADED, fees=FEES)
    for i in (0, 1):
        account.price(1_000, i)
    for operation in operations:
        before, paid = account.free, int(account.engine.header["fees"])
        do(account, operation)
        if operation[0] in ("order", "change"):
            fee = (int(account.engine.header["fees"]) - paid) / DOLLAR
            spread = 1e-6 * 4  # margins are rounded half to even, each once
            assert account.free >= min(before, 0.0) - fee - spread
