"""A table as data: columns, rows of cells, at most one action a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Cell:
    """One figure: its text, its tone (``up``, ``dn``, ``warn``, ``bad``, ``mute``) and a note."""

    text: str
    tone: str = ""
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A row; ``action`` is (button text, message name), ``pinned`` rows stay last."""

    key: str
    cells: Sequence[Cell]
    action: tuple[str, str] | None = None
    pinned: bool = False


@dataclass(frozen=True)
class Table:
    """A table ready to be shown.

    Columns are figures, right-aligned, unless named in ``text_columns`` (left-aligned) and
    ``word_columns`` (in the interface font as well).
    """

    columns: Sequence[str]
    rows: Sequence[Row] = field(default_factory=list)
    text_columns: Sequence[int] = (0,)
    word_columns: Sequence[int] = (0,)
    empty: str = ""

    def head(self) -> dict[str, Any]:
        """Return the columns as the browser takes them."""
        return {
            "columns": list(self.columns),
            "text": list(self.text_columns),
            "words": list(self.word_columns),
            "empty": self.empty,
        }

    def body(self) -> list[dict[str, Any]]:
        """Return the rows as the browser takes them."""
        return [
            {
                "key": row.key,
                "cells": [[cell.text, cell.tone, cell.note] for cell in row.cells],
                "action": list(row.action) if row.action else None,
                "pinned": row.pinned,
            }
            for row in self.rows
        ]
