"""The positions table: what we hold, what it earns, and a way out."""

from __future__ import annotations

from alphaforge.widgets import figures
from alphaforge.widgets.desk import Desk, Frame, Position, SymbolInfo
from alphaforge.widgets.table import Cell, Row, Table

COLUMNS = (
    "Instrument",
    "Quantity",
    "Average",
    "Last",
    "Unrealised",
    "Realised",
    "Fees",
    "Exposure",
)


def position_table(desk: Desk, frame: Frame) -> Table:
    """Return the open positions and their total."""
    infos = {info.symbol: info for info in desk.symbols()}
    held = frame.positions
    rows = [
        Row(
            key=position.symbol,
            cells=[
                Cell(position.symbol, note="sim" if _simulated(infos, position.symbol) else ""),
                Cell(figures.signed(position.qty, _decimals(infos, position.symbol)[1])),
                Cell(_average(position, _decimals(infos, position.symbol)[0])),
                Cell(figures.plain(position.last, _decimals(infos, position.symbol)[0])),
                _gain(position.unrealised),
                _gain(position.realised),
                Cell(figures.plain(-abs(position.fees))),
                Cell(figures.plain(position.exposure)),
            ],
            action=("Flatten", "flatten") if position.qty else None,
        )
        for position in held
    ]
    if rows:
        total = [
            Cell("Total", tone="mute"),
            *[Cell("")] * 3,
            _gain(sum(p.unrealised for p in held)),
            _gain(sum(p.realised for p in held)),
            Cell(figures.plain(-sum(abs(p.fees) for p in held))),
            Cell(figures.plain(sum(abs(p.exposure) for p in held))),
        ]
        rows.append(Row(key="", cells=total, pinned=True))
    return Table(COLUMNS, rows, (0,), (0,), "No open positions")


def _average(position: Position, decimals: int) -> str:
    return figures.plain(position.average, decimals) if position.qty else figures.NONE


def _decimals(infos: dict[str, SymbolInfo], symbol: str) -> tuple[int, int]:
    info = infos.get(symbol)
    return (info.price_decimals, info.qty_decimals) if info else (2, 3)


def _simulated(infos: dict[str, SymbolInfo], symbol: str) -> bool:
    info = infos.get(symbol)
    return bool(info and info.simulated)


def _gain(value: float) -> Cell:
    return Cell(figures.arrow(value), tone=figures.tone(value))
