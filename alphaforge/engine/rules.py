"""Why an order may be denied: every check's code, its name and what it means. Data only."""

from __future__ import annotations

(
    PASSED,
    TRADING_STATE,
    REDUCING_ONLY,
    QUANTITY_MIN,
    QUANTITY_MAX,
    PRICE_POSITIVE,
    NO_PRICE_YET,
    MAX_NOTIONAL,
    MAX_POSITION,
    ORDER_RATE,
    DUPLICATE_ID,
    ENGINE_HALTED,
    KILL_SWITCH,
    TIME_IN_FORCE,
    ORDER_TYPE,
    LIMIT_PRICE,
    TRIGGER_PRICE,
    TRIGGER_REFERENCE,
    TRAIL_OFFSET,
    LIMIT_OFFSET,
    DISPLAY_QUANTITY,
    EXPIRE_TIME,
    POST_ONLY,
    REDUCE_ONLY,
    CLOSE_POSITION,
    SELF_TRADE_PREVENTION,
    CONTINGENCY,
    ALGORITHM,
    NOT_TRADING,
    EXPIRED_INSTRUMENT,
    INSTRUMENT_NOTIONAL,
    FREE_BALANCE,
    LIQUIDATION,
    OVER_FILL,
    BOOK_STALE,
    DATA_ONLY,
    SHORT_SALE,
    UNKNOWN_FILL,
    OTHER_INSTRUMENT,
) = range(39)
LAST = OTHER_INSTRUMENT

RULES: dict[int, tuple[str, str]] = {
    TRADING_STATE: ("TRADING_HALTED", "trading is halted: arm it first"),
    REDUCING_ONLY: (
        "REDUCING_ONLY",
        "trading is reducing: the order would not reduce the position",
    ),
    QUANTITY_MIN: ("QUANTITY_MIN", "quantity below the instrument's minimum, in lots"),
    QUANTITY_MAX: ("QUANTITY_MAX", "quantity above the instrument's maximum, in lots"),
    PRICE_POSITIVE: ("PRICE_NOT_POSITIVE", "a limit order needs a positive price on its tick"),
    NO_PRICE_YET: ("NO_PRICE_YET", "no price was seen yet, so the order can't be checked"),
    MAX_NOTIONAL: ("MAX_NOTIONAL", "notional of the order above the limit, in ledger units"),
    MAX_POSITION: (
        "MAX_POSITION",
        "position with all working orders filled above the limit, in lots",
    ),
    ORDER_RATE: ("ORDER_RATE", "more orders than the limit within the window"),
    DUPLICATE_ID: ("DUPLICATE_ID", "an order with this id is known already"),
    ENGINE_HALTED: ("ENGINE_HALTED", "the engine halted in the event that asked for this order"),
    KILL_SWITCH: ("KILL_SWITCH", "the kill switch was pressed"),
    TIME_IN_FORCE: (
        "TIME_IN_FORCE",
        "a time in force that there isn't, or not for this type or venue",
    ),
    ORDER_TYPE: ("ORDER_TYPE", "an order type that there isn't, or that the venue doesn't know"),
    LIMIT_PRICE: ("LIMIT_PRICE", "a limit price on an order of a type that has none"),
    TRIGGER_PRICE: (
        "TRIGGER_PRICE",
        "a trigger price that is missing, not positive, or not for this type",
    ),
    TRIGGER_REFERENCE: ("TRIGGER_REFERENCE", "what the trigger is compared with isn't known here"),
    TRAIL_OFFSET: (
        "TRAIL_OFFSET",
        "a trailing offset that is missing, not positive, or not for this type",
    ),
    LIMIT_OFFSET: (
        "LIMIT_OFFSET",
        "an offset from stop to limit that is negative, or not for this type",
    ),
    DISPLAY_QUANTITY: (
        "DISPLAY_QUANTITY",
        "a display quantity below 0, above the quantity, or where none can be shown",
    ),
    EXPIRE_TIME: ("EXPIRE_TIME", "GTD without a time, with one in the past, or a time without GTD"),
    POST_ONLY: (
        "POST_ONLY",
        "post only on an order that can't rest, or at a venue that doesn't know it",
    ),
    REDUCE_ONLY: ("REDUCE_ONLY", "reduce only, and it would not reduce the position, in lots"),
    CLOSE_POSITION: ("CLOSE_POSITION", "close position on an order without a trigger"),
    SELF_TRADE_PREVENTION: ("SELF_TRADE_PREVENTION", "a self-trade prevention that there isn't"),
    CONTINGENCY: (
        "CONTINGENCY",
        "a parent or peer that isn't known or not its owner's, or was denied itself",
    ),
    ALGORITHM: ("ALGORITHM", "an algorithm without the number, size or end time that it needs"),
    NOT_TRADING: ("NOT_TRADING", "the instrument's session is closed"),
    EXPIRED_INSTRUMENT: ("EXPIRED_INSTRUMENT", "the instrument has expired"),
    INSTRUMENT_NOTIONAL: (
        "INSTRUMENT_NOTIONAL",
        "notional outside of the instrument's smallest and largest, in ledger units",
    ),
    FREE_BALANCE: ("FREE_BALANCE", "free balance or margin below what it takes, in ledger units"),
    LIQUIDATION: (
        "LIQUIDATION",
        "the position is closed by force: backed below its maintenance margin, in ledger units",
    ),
    OVER_FILL: ("OVER_FILL", "a venue reported more filled than was left, in lots"),
    UNKNOWN_FILL: ("UNKNOWN_FILL", "a venue reported a fill of an order that isn't known, in lots"),
    BOOK_STALE: ("BOOK_STALE", "the book isn't to be trusted until the next snapshot"),
    DATA_ONLY: ("DATA_ONLY", "the instrument is made of others: it can be watched, not traded"),
    OTHER_INSTRUMENT: (
        "OTHER_INSTRUMENT",
        "the strategy isn't on this instrument: its number is another's, or it wasn't given",
    ),
    SHORT_SALE: ("SHORT_SALE", "a cash account can't sell what it doesn't hold, in lots"),
}
"""Code -> name and meaning."""

IN_LOTS = (
    REDUCING_ONLY,
    QUANTITY_MIN,
    QUANTITY_MAX,
    MAX_POSITION,
    DISPLAY_QUANTITY,
    REDUCE_ONLY,
    OVER_FILL,
    SHORT_SALE,
)
"""Codes whose numbers are lots."""

IN_MONEY = (MAX_NOTIONAL, INSTRUMENT_NOTIONAL, FREE_BALANCE, LIQUIDATION)
"""Codes whose numbers are ledger units."""

LOTS_BITS = sum(1 << rule for rule in IN_LOTS)
MONEY_BITS = sum(1 << rule for rule in IN_MONEY)
"""The same as bits, for kernels."""

REASONS = (DUPLICATE_ID, ENGINE_HALTED, KILL_SWITCH, OVER_FILL, UNKNOWN_FILL, BOOK_STALE)
"""Codes that no check gives: other reasons to deny, or alerts."""

CHECKS = tuple(rule for rule in RULES if rule not in REASONS)
"""What ``risk.check`` runs."""
