"""Print the reference's tables from the code: ``python docs/tables.py`` writes ``reference.md``."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterable
from pathlib import Path

from alphaforge import latency, venue
from alphaforge import math as af_math
from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.engine import terms as T
from alphaforge.engine.orders import ORDER_EVENTS, TRANSITIONS
from alphaforge.strategy import indicators as I
from alphaforge.strategy.actions import OrderView, PositionView
from alphaforge.strategy.context import Context, Random
from alphaforge.strategy.market import BarView, DepthView, LevelView
from alphaforge.strategy.views import ATTRIBUTES

UNITS = """Prices and quantities are floats as people write them, times are int64 ns UTC,
`instrument` is its number (`bar.instrument`), sides are 1 and -1. Prices that are given make an
order's type: none a market order, `limit`, `stop`, `touch` (with `limit` or without), `trail` (with
`trail_limit` or without). `tif`, `trigger`, `stp`, `kind` and `trail_unit` are constants, such as
`af.GTD`, `af.MARK`, `af.CANCEL_OLDEST`, `af.OUO`, `af.TRAIL_BPS`; `over_ns` and `after_ns` are
durations. `trail` is a distance in price (`af.TRAIL_PRICE`, where nothing is said), in basis points
(`af.TRAIL_BPS`) or in average true ranges (`af.TRAIL_ATR`). A name that is recorded and a text that
is logged are written at the call.
"""
INDICATORS = """Each is fed by `update` and has `ready`, true once all that it shows is whole. Until
then that is NaN, but of SMA, EMA, Wilder, RSI and ATR, which show what they have. A value that
isn't finite is left out by recursive ones, and shown by those over a window until it has left; the
class says which, as well as the source of its formula, when it is ready, its cost and unit:
`help(af.MACD)`.
"""
FUNCTIONS = """One set of kernels that both modes call, so that the last bit is the same.
`+ - * / // %`, comparisons, `abs`, `min`, `max`, `int`, `float`, and of `math` `sqrt`, `floor`,
`ceil`, `fabs`, `isnan`, `isinf` and `isfinite` are equal as they stand.
"""
VIEWS = {
    "ctx.position(...)": PositionView,
    "ctx.order(...)": OrderView,
    "ctx.depth(...)": DepthView,
    "ctx.level(...)": LevelView,
    "ctx.bar(...)": BarView,
}
OUT = Path(__file__).with_name("reference.md")
MODELS = {
    "Fees": (venue.Fees,),
    "Latency": (latency.Latency, latency.DrawnLatency, latency.RecordedLatency),
    "Queue position": (
        venue.ThroughQueue,
        venue.FrontQueue,
        venue.RiskAverseQueue,
        venue.PowerQueue,
        venue.LogQueue,
        venue.FifoQueue,
    ),
    "Slippage": (
        venue.NoSlippage,
        venue.TickSlippage,
        venue.BasisPointSlippage,
        venue.VolumeShareSlippage,
        venue.SquareRootSlippage,
    ),
}


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def states() -> str:
    """State x event; an empty cell is refused, counted and changes nothing."""
    events = list(ORDER_EVENTS)
    names = [name for name in K.STATUS_NAMES.values() if name != "free"]
    rows = [
        [f"**{name}**", *(TRANSITIONS.get(name, {}).get(event, "") for event in events)]
        for name in names
    ]
    return table(["state", *events], rows)


def types() -> str:
    """What each type needs, and what it is once it trades."""
    rows = []
    for code, name in K.TYPE_NAMES.items():
        needs = [
            word
            for word, bits in (
                ("limit", T.LIMITED),
                ("trigger price", T.STOPPED),
                ("trailing offset", T.TRAILING),
                ("end and slices", T.TIMED),
            )
            if bits >> code & 1
        ]
        side = "from above" if T.TOUCHED >> code & 1 else "from below"
        rows.append([name, ", ".join(needs) or "-", side if T.TRIGGERED >> code & 1 else "-"])
    return table(["type", "needs", "a buy's trigger is reached"], rows)


def named(names: dict[int, str], meanings: dict[int, str]) -> str:
    """Names of codes with what they mean."""
    return table(["name", "meaning"], [[names[c], text] for c, text in meanings.items()])


def models() -> str:
    """Every model of a simulated venue with its parameters."""
    rows = []
    for kind, classes in MODELS.items():
        for cls in classes:
            fields = ", ".join(f"{f.name}={f.default!r}" for f in dataclasses.fields(cls) if f.init)
            rows.append([kind, f"`{cls.__name__}({fields})`", (cls.__doc__ or "").splitlines()[0]])
    return table(["model", "class", "what it assumes"], rows)


def context() -> str:
    """What a handler may call, as it is declared."""
    rows = []
    calls = [*(("ctx", pair) for pair in vars(Context).items())]
    calls += [("ctx.rng", pair) for pair in vars(Random).items()]
    for owner, (name, method) in calls:
        if not name.startswith("_") and inspect.isfunction(method):
            parameters = list(inspect.signature(method).parameters.values())[1:]
            shown = ", ".join(str(p.replace(annotation=p.empty)) for p in parameters)
            text = " ".join((method.__doc__ or "").split("\n\n")[0].split()).replace("``", "`")
            rows.append([f"`{owner}.{name}({shown})`", text])
    views = ((name, view._fields) for name, view in VIEWS.items())
    has = table(
        ["call", "its result has"], [[f"`{n}`", ", ".join(f"`{f}`" for f in v)] for n, v in views]
    )
    return UNITS + "\n" + table(["call", "what it does"], rows) + "\n" + has


def indicators() -> str:
    """How each indicator is made and fed, and what it has."""
    rows = []
    for name in sorted(set(I.__all__) - {"Indicator"}, key=str.lower):
        cls = getattr(I, name)
        parameters = inspect.signature(cls).parameters.values()
        shown = ", ".join(str(p.replace(annotation=p.empty)) for p in parameters)
        fed = ", ".join(list(inspect.signature(cls.update).parameters)[1:])
        outputs = ", ".join(f"`{each}`" for each in cls.OUTPUTS)
        text = (cls.__doc__ or "").splitlines()[0].replace("``", "`")
        rows.append([f"`af.{name}({shown})`", f"`{fed}`", outputs, text])
    head = ["indicator", "`update` takes", "has", "what it is"]
    return INDICATORS + "\n" + table(head, rows)


def functions() -> str:
    """What ``af.math`` has."""
    rows = []
    for name, value in vars(af_math).items():
        if hasattr(value, "py_func"):
            shown = ", ".join(inspect.signature(value.py_func).parameters)
            rows.append([f"`af.math.{name}({shown})`", (value.__doc__ or "").replace("``", "`")])
    return FUNCTIONS + "\n" + table(["function", "what it gives"], rows)


def events() -> str:
    """What each handler is given beside ``ctx``."""
    rows = []
    for code, name in enumerate(K.HANDLER_NAMES):
        shown = ", ".join(f"`{each}`" for each in ATTRIBUTES.get(code, []))
        rows.append([f"`{name}`", shown or "-"])
    return table(["handler", "its event has"], rows)


def kinds() -> str:
    """What travels: every kind of message and row with its payload."""
    bits = {"MORE", "VENUE_ONLY", "LOCAL_ONLY", "SNAPSHOT", "FIRST_OUTPUT", "LAST_COMMAND"}
    by_kind = {v: n for n, v in vars(M).items() if isinstance(v, int) and n not in bits}
    rows = [[k, by_kind[k].lower(), M.PAYLOADS[k]] for k in sorted(M.PAYLOADS)]
    return table(["kind", "name", "payload"], rows)


def reference() -> str:
    """The whole page."""
    checks = [[R.RULES[c][0], R.RULES[c][1], "check" if c in R.CHECKS else ""] for c in R.RULES]
    parts = {
        "What a handler may call": context(),
        "What a handler is given": events(),
        "Indicators": indicators(),
        "Functions": functions(),
        "Order states": states(),
        "Order types": types(),
        "Time in force": named(K.TIF_NAMES, K.TIF_MEANINGS),
        "Flags": named(K.FLAG_NAMES, K.FLAG_MEANINGS),
        "Self-trade prevention": named(K.STP_NAMES, K.STP_MEANINGS),
        "Triggers": named(K.TRIGGER_NAMES, K.TRIGGER_MEANINGS),
        "Contingencies": named(K.LINK_NAMES, K.LINK_MEANINGS),
        "Why an order is denied, and alerts": table(["code", "meaning", "pre-trade"], checks),
        "Models of a simulated venue": models(),
        "Messages and journal rows": kinds(),
        "States of a book": table(["code", "name"], K.BOOK_STATE_NAMES.items()),
        "Cash without a fill": table(["code", "name"], K.CASH_NAMES.items()),
        "Faults": table(["code", "why the engine halted"], K.FAULT_TEXT.items()),
    }
    head = "# Reference\n\nPrinted from the code by `make docs`; don't edit.\n"
    return head + "".join(f"\n## {title}\n\n{text}" for title, text in parts.items())


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(OUT.read_text() != reference())
    OUT.write_text(reference())
