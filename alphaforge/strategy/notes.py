"""Values that a handler records and lines that it logs: rows of the journal, by a text's id.

A row has no room for a text: it carries the first 8 bytes of its SHA-256. This process remembers
the texts of the ids that it made, so that tables can show them.
"""

from __future__ import annotations

import hashlib
import math

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine.atomic import bits_of
from alphaforge.engine.block import engine_at, fail
from alphaforge.engine.jit import entry
from alphaforge.engine.journal import journal_output

_NAN = 0x7FF8 << 48
_IDS: dict[str, int] = {}
_TEXTS: dict[int, str] = {}


def id_of(text: str) -> int:
    """The id that rows carry for a text; the text is remembered."""
    found = _IDS.get(text)
    if found is None:
        digest = hashlib.sha256(text.encode()).digest()
        found = _IDS[text] = int.from_bytes(digest[:8], "little", signed=True)
        _TEXTS[found] = text
    return found


def text_of(text_id: int) -> str:
    """The text of an id that this process made; of another's the id in hexadecimal digits."""
    return _TEXTS.get(text_id, f"{text_id & (2**64 - 1):016x}")


@entry("void(int64, int64, int64, float64)")
def note(m, kind, text_id, value):
    """Journal a METRIC_ROW or LOG_ROW of the running strategy; too many in one event are a fault.

    Every NaN is journalled as the same bits: which ones an operation gives is up to the compiler.
    """
    h = engine_at(m)
    event = h.events * L.MAX_TIMERS + h.timers_fired
    if event != h.said_in:
        h.said_in = event
        h.said = 0
    if h.said >= h.commands_n:
        fail(m, K.FAULT_RECORDS)
        return
    h.said += 1
    bits = _NAN if math.isnan(value) else bits_of(value)
    journal_output(m, kind, 0, 0, h.view_strategy, text_id, bits, 0)
