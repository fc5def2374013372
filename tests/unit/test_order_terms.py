"""Which terms go together: every impossible pairing is denied by the rule that names its field."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from market import T0, bar, instrument, quote, rows_of, slot, small_engine, submit, trade

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.engine.engine import Engine

LATER = T0 + 10**12
PLAIN: dict[int, dict[str, int]] = {
    K.MARKET_ORDER: {},
    K.LIMIT_ORDER: {"price": 90},
    K.STOP_MARKET: {"stop": 120},
    K.STOP_LIMIT: {"stop": 120, "price": 121},
    K.MARKET_TO_LIMIT: {},
    K.MARKET_IF_TOUCHED: {"stop": 80},
    K.LIMIT_IF_TOUCHED: {"stop": 80, "price": 81},
    K.TRAILING_STOP_MARKET: {"trail": 5},
    K.TRAILING_STOP_LIMIT: {"trail": 5, "offset": 1},
    K.TWAP: {"trail": 4, "expire": LATER},
    K.VWAP: {"trail": 4, "expire": LATER},
    K.POV: {"trail": 100_000_000},
    K.ICEBERG: {"display": 2, "price": 90},
    K.CHASE: {"trail": 0},
}
"""A buy of each type with what it needs and no more."""
AUCTION = (K.AT_OPEN, K.AT_CLOSE)
RESTING = (K.GTC, K.GTD, K.DAY)
TRIGGERED = tuple(range(K.STOP_MARKET, K.MARKET_TO_LIMIT)) + tuple(
    range(K.MARKET_IF_TOUCHED, K.FIRST_ALGORITHM)
)
TRAILING = (K.TRAILING_STOP_MARKET, K.TRAILING_STOP_LIMIT)
LIMITED = (K.LIMIT_ORDER, K.STOP_LIMIT, K.LIMIT_IF_TOUCHED)
ALGORITHMS = tuple(range(K.FIRST_ALGORITHM, K.CHASE + 1))
RESTING_ALGORITHMS = (K.ICEBERG, K.CHASE)
RESTS = (*LIMITED, K.MARKET_TO_LIMIT, K.TRAILING_STOP_LIMIT)


def there() -> Engine:
    """A market with a quote and a last price, and no position."""
    engine = small_engine(instrument())
    engine.step(quote(T0, 100, 101))
    engine.step(trade(T0, 100))
    return engine


def denied(engine: Engine, **terms: int) -> int:
    """The rule that a buy of ten is denied by; ``PASSED`` where it isn't."""
    terms = {"side": 1, "lots": 10, **terms}
    side, lots = terms.pop("side"), terms.pop("lots")
    engine.step(submit(T0 + 1, K.HOST_ID + 1, side, lots, **terms))
    rows = rows_of(engine, M.DENIAL_ROW)
    orders = L.pool(engine.block, "orders")
    order = orders[orders["id"] == K.HOST_ID + 1][0]
    assert (len(rows) == 1) == (order["status"] == K.DENIED)
    if not len(rows):
        return R.PASSED
    assert rows["code"][0] == order["deny_code"]
    return int(rows["code"][0])


def with_time(kind: int, tif: int) -> dict[str, int]:
    terms = {"type": kind, "tif": tif, **PLAIN[kind]}
    if tif == K.GTD:
        terms.setdefault("expire", LATER)
    return terms


@pytest.mark.parametrize(("kind", "tif"), list(itertools.product(PLAIN, K.TIF_NAMES)))
def test_each_type_with_each_time_in_force(kind: int, tif: int) -> None:
    possible = True
    if tif in AUCTION:
        possible = kind in (K.MARKET_ORDER, K.LIMIT_ORDER)
    elif kind in ALGORITHMS:
        possible = tif in RESTING
    assert denied(there(), **with_time(kind, tif)) == (R.PASSED if possible else R.TIME_IN_FORCE)


IMPOSSIBLE: list[tuple[str, dict[str, int], int]] = [
    ("a type that there isn't", {"type": K.CHASE + 1}, R.ORDER_TYPE),
    ("a time that there isn't", {"tif": K.AT_CLOSE + 1}, R.TIME_IN_FORCE),
    ("a reference that there isn't", {"trigger": K.INDEX + 1}, R.TRIGGER_REFERENCE),
    ("a prevention that there isn't", {"stp": K.DECREMENT + 1}, R.SELF_TRADE_PREVENTION),
    ("nothing", {"lots": 0}, R.QUANTITY_MIN),
    ("less than nothing", {"lots": -5}, R.QUANTITY_MIN),
    ("an end without GTD", {"expire": LATER}, R.EXPIRE_TIME),
    ("GTD without an end", {"tif": K.GTD}, R.EXPIRE_TIME),
    ("GTD in the past", {"tif": K.GTD, "expire": T0}, R.EXPIRE_TIME),
    ("DAY in the past", {"tif": K.DAY, "expire": T0}, R.EXPIRE_TIME),
    ("an end below 0", {"tif": K.DAY, "expire": -1}, R.EXPIRE_TIME),
    ("emulated, with no trigger", {"exec_flags": K.EMULATED_HERE}, R.ORDER_TYPE),
    ("display below 0", {"type": K.LIMIT_ORDER, "price": 90, "display": -1}, R.DISPLAY_QUANTITY),
    ("display above", {"type": K.LIMIT_ORDER, "price": 90, "display": 11}, R.DISPLAY_QUANTITY),
    ("reduce nothing", {"exec_flags": K.REDUCE_ONLY}, R.REDUCE_ONLY),
    ("a child of nobody", {"parent": 77}, R.CONTINGENCY),
    ("a peer of nobody", {"peer": 77, "link": K.OCO}, R.CONTINGENCY),
    ("a link that there isn't", {"link": K.OUO + 1}, R.CONTINGENCY),
]
for kind in PLAIN:
    name = K.TYPE_NAMES[kind]
    base = {"type": kind, **PLAIN[kind]}
    if kind in LIMITED:
        IMPOSSIBLE.append((f"{name} without limit", {**base, "price": 0}, R.PRICE_POSITIVE))
        IMPOSSIBLE.append((f"{name}, limit below 0", {**base, "price": -1}, R.PRICE_POSITIVE))
    elif kind not in ALGORITHMS:
        IMPOSSIBLE.append((f"{name} with limit", {**base, "price": 90}, R.LIMIT_PRICE))
    if kind in TRIGGERED and kind not in TRAILING:
        IMPOSSIBLE.append((f"{name} without trigger", {**base, "stop": 0}, R.TRIGGER_PRICE))
    if kind not in TRIGGERED:
        IMPOSSIBLE.append((f"{name} with trigger", {**base, "stop": 120}, R.TRIGGER_PRICE))
        flags = {**base, "exec_flags": K.CLOSE_POSITION}
        IMPOSSIBLE.append((f"{name} closes position", flags, R.CLOSE_POSITION))
    else:
        IMPOSSIBLE.append((f"{name} by mark", {**base, "trigger": K.MARK}, R.TRIGGER_REFERENCE))
        IMPOSSIBLE.append((f"{name} by index", {**base, "trigger": K.INDEX}, R.TRIGGER_REFERENCE))
    IMPOSSIBLE.append((f"{name}, trigger below 0", {**base, "stop": -1}, R.TRIGGER_PRICE))
    if kind in TRAILING:
        IMPOSSIBLE.append((f"{name} without offset", {**base, "trail": 0}, R.TRAIL_OFFSET))
        IMPOSSIBLE.append((f"{name} in no unit", {**base, "unit": 3}, R.TRAIL_OFFSET))
        IMPOSSIBLE.append((f"{name} by no range", {**base, "unit": K.TRAIL_ATR}, R.TRAIL_OFFSET))
    elif kind not in ALGORITHMS:
        IMPOSSIBLE.append((f"{name} trails", {**base, "trail": 5}, R.TRAIL_OFFSET))
    if kind != K.TRAILING_STOP_LIMIT:
        IMPOSSIBLE.append((f"{name} with limit offset", {**base, "offset": 1}, R.LIMIT_OFFSET))
    IMPOSSIBLE.append((f"{name}, limit offset below 0", {**base, "offset": -1}, R.LIMIT_OFFSET))
    if kind not in RESTS and kind not in ALGORITHMS:
        IMPOSSIBLE.append((f"{name} on display", {**base, "display": 5}, R.DISPLAY_QUANTITY))
    if (kind not in RESTS and kind not in RESTING_ALGORITHMS) or kind == K.MARKET_TO_LIMIT:
        IMPOSSIBLE.append((f"{name} post only", {**base, "exec_flags": K.POST_ONLY}, R.POST_ONLY))
    elif kind not in ALGORITHMS:
        for tif in (K.IOC, K.FOK):
            terms = {**base, "tif": tif, "exec_flags": K.POST_ONLY}
            IMPOSSIBLE.append((f"{name} post only {K.TIF_NAMES[tif]}", terms, R.POST_ONLY))
            terms = {**base, "tif": tif, "display": 5}
            IMPOSSIBLE.append((f"{name} {K.TIF_NAMES[tif]} on display", terms, R.DISPLAY_QUANTITY))
for kind, lacks in (
    (K.TWAP, {"trail": 0}),
    (K.TWAP, {"expire": 0}),
    (K.VWAP, {"trail": 0}),
    (K.VWAP, {"expire": 0}),
    (K.POV, {"trail": 0}),
    (K.POV, {"trail": 1_000_000_001}),
    (K.ICEBERG, {"display": 0}),
    (K.ICEBERG, {"price": 0}),
    (K.CHASE, {"trail": -1}),
):
    IMPOSSIBLE.append(
        (f"{K.TYPE_NAMES[kind]} with {lacks}", {"type": kind, **PLAIN[kind], **lacks}, R.ALGORITHM)
    )


@pytest.mark.parametrize(
    ("terms", "rule"), [each[1:] for each in IMPOSSIBLE], ids=[each[0] for each in IMPOSSIBLE]
)
def test_what_cannot_be_is_denied_by_the_rule_of_its_field(
    terms: dict[str, int], rule: int
) -> None:
    found = denied(there(), **terms)
    assert R.RULES.get(found, ("PASSED",))[0] == R.RULES[rule][0]


@pytest.mark.parametrize("kind", TRIGGERED)
@pytest.mark.parametrize("trigger", K.TRIGGER_NAMES)
@pytest.mark.parametrize("flags", [0, K.EMULATED_HERE, K.CLOSE_POSITION])
def test_every_reference_that_is_known_triggers_every_type(
    kind: int, trigger: int, flags: int
) -> None:
    engine = there()
    engine.step(slot(M.MARK, T0, a=100))
    engine.step(slot(M.INDEX, T0, a=100))
    terms = {"type": kind, "trigger": trigger, "exec_flags": flags, **PLAIN[kind]}
    assert denied(engine, **terms) == R.PASSED


@pytest.mark.parametrize("kind", [k for k in RESTS if k != K.MARKET_TO_LIMIT])
@pytest.mark.parametrize("tif", RESTING)
def test_what_rests_may_be_post_only_and_show_a_part(kind: int, tif: int) -> None:
    terms = {**with_time(kind, tif), "exec_flags": K.POST_ONLY, "display": 5}
    assert denied(there(), **terms) == R.PASSED


@pytest.mark.parametrize("kind", RESTING_ALGORITHMS)
def test_algorithms_whose_children_rest_may_be_post_only(kind: int) -> None:
    assert denied(there(), type=kind, **PLAIN[kind], exec_flags=K.POST_ONLY) == R.PASSED


@pytest.mark.parametrize("kind", TRAILING)
def test_a_range_that_is_known_can_be_trailed_by(kind: int) -> None:
    engine = small_engine(instrument())
    engine.step(bar(T0, (100, 105, 95, 100)))
    terms = {"type": kind, **PLAIN[kind], "unit": K.TRAIL_ATR, "trail": 1_000}
    assert denied(engine, **terms) == R.PASSED


@pytest.mark.parametrize(("side", "rule"), [(-1, R.PASSED), (1, R.REDUCE_ONLY)])
@pytest.mark.parametrize("kind", PLAIN)
def test_reduce_only_asks_which_side_the_position_is_on(kind: int, side: int, rule: int) -> None:
    engine = there()
    engine.step(submit(T0, K.HOST_ID, 1, 10))
    terms: dict[str, Any] = {"type": kind, **PLAIN[kind], "exec_flags": K.REDUCE_ONLY}
    assert denied(engine, side=side, **terms) == rule
