"""How instruments are stored: what has a column of its own, and the rest as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from alphaforge.errors import InstrumentError
from alphaforge.instrument import Instrument
from alphaforge.units import ledger_digits

_COLUMNS = (
    "symbol",
    "tick",
    "lot",
    "currency",
    "multiplier",
    "base",
    "venue",
    "kind",
    "calendar",
    "simulated",
)
"""Of an instrument; what else it has is stored as JSON."""
_WITH_TICKS = ("bars", "trades", "quotes", "orders", "fills")


def stored_instruments(db: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, Instrument]]:
    """Every stored instrument, with its id."""
    names = ", ".join(_COLUMNS)
    for row in db.execute(f"SELECT id, details, {names} FROM store.instruments").fetchall():
        details = json.loads(row[1]) if row[1] else {}
        yield row[0], Instrument(**dict(zip(_COLUMNS, row[2:], strict=True)), **details)


def store_instrument(db: duckdb.DuckDBPyConnection, id_: int, instrument: Instrument) -> None:
    """Store an instrument, or change it."""
    fields = {name: getattr(instrument, name) for name in instrument.__dataclass_fields__}
    details = {
        name: dict(value) if name == "legs" else value
        for name, value in fields.items()
        if name not in _COLUMNS and value
    }
    price, lot = instrument.price, instrument.quantity
    row = {
        "id": id_,
        **{name: fields[name] for name in _COLUMNS},
        "details": json.dumps(details, sort_keys=True, default=str),
        "price_num": price.numerator,
        "price_den": price.denominator,
        "lot_num": lot.numerator,
        "lot_den": lot.denominator,
        "ledger": 10 ** ledger_digits(instrument.currency),
    }
    db.execute(
        f"INSERT OR REPLACE INTO store.instruments ({', '.join(row)}) "
        f"VALUES ({', '.join('?' * len(row))})",
        list(row.values()),
    )


def same_scale(left: Instrument, right: Instrument) -> bool:
    """Whether stored integers mean the same of both."""
    return left.price == right.price and left.quantity == right.quantity


def check_instrument(instrument: Any) -> None:
    """Refuse what is no Instrument."""
    if not isinstance(instrument, Instrument):
        raise InstrumentError(
            f"expected an Instrument, not {instrument!r}. Give Instrument('AAPL', tick='0.01')."
        )


def has_data(db: duckdb.DuckDBPyConnection, id_: int) -> bool:
    """Whether anything is stored in an instrument's ticks and lots."""
    parts = (f"EXISTS (SELECT 1 FROM store.{t} WHERE instrument = $1)" for t in _WITH_TICKS)
    found = db.execute(f"SELECT {' OR '.join(parts)}", [id_]).fetchone()
    return bool(found and found[0])
