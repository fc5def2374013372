"""Strategies made up by a seed: random programs in what compiled strategies may use.

Every program has typed fields of all kinds, helper methods, a function of the module, and several
handlers over three instruments; it branches, loops, asks for orders of many kinds and reads what it
did. Some raise: then both modes must.
"""

from __future__ import annotations

import linecache
import random
from typing import Any

import alphaforge as af

INTS = ("n0", "n1", "n2")
FLOATS = ("x0", "x1", "x2", "x3")
EVENTS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    # handler -> name of its event, its floats, its ints
    "on_bar": ("bar", ("open", "high", "low", "close", "volume"), ("ts", "trades", "ts_open")),
    "on_trade": ("trade", ("price", "qty"), ("side", "ts")),
    "on_quote": ("quote", ("bid", "ask", "bid_qty", "ask_qty"), ("ts",)),
    "on_book": ("book", (), ("ts", "seq")),
    "on_fill": ("fill", ("price", "qty", "leaves", "fee"), ("side", "tag", "liquidity", "status")),
    "on_order": ("order", ("price", "qty", "leaves"), ("side", "tag", "status", "order_id")),
    "on_timer": ("timer", (), ("id", "due")),
    "on_alert": ("alert", (), ("rule", "severity", "count")),
    "on_action": ("action", ("ratio",), ("numerator", "denominator")),
    "on_custom": ("event", ("a", "b", "c", "d"), ("kind", "ts")),
}
PLACED = {"on_timer", "on_alert"}
"""Handlers whose event has no instrument that may be traded."""


class Writer:
    """Writes one program; every choice comes from the seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.lines: list[str] = []
        self.locals_: list[str] = []
        self.event: tuple[str, tuple[str, ...], tuple[str, ...]] | None = None
        self.instrument = "0"
        self.helper = False
        self.loops = 0

    # --- expressions ------------------------------------------------------------------------------

    def number(self, depth: int = 2) -> str:
        """A float."""
        d = self.draw
        leaves = [f"self.{name}" for name in FLOATS] + self.locals_
        leaves += [f"self.{d.choice(('fast', 'slow', 'range'))}.value", f"{d.uniform(-9, 9):.3f}"]
        leaves += [f"self.past[{d.randrange(-6, 6)}]", "self.past[self.n0 % 6]"]
        if self.helper:
            leaves += ["x", "y"]
        elif self.event is not None:
            leaves += [f"{self.event[0]}.{name}" for name in self.event[1]]
            i = self.instrument
            leaves += [f"ctx.position({i}).{d.choice(('qty', 'unrealised', 'realised'))}"]
            leaves += [f"ctx.{d.choice(('last', 'bid', 'ask', 'mid'))}({d.choice((i, '1'))})"]
            leaves += [
                "ctx.equity()",
                "ctx.cash()",
                "ctx.rng.normal()",
                "ctx.rng.uniform()",
                f"ctx.order(self.n2).{d.choice(('leaves', 'price', 'filled'))}",
                f"ctx.bar({i}, {d.randrange(3)}).{d.choice(('close', 'high', 'volume'))}",
                f"ctx.depth({i}, 2).{d.choice(('bid_qty', 'ask_price'))}",
            ]
        if depth == 0 or d.random() < 0.25:
            return d.choice(leaves)
        a, b = self.number(depth - 1), self.number(depth - 1)
        return d.choice(
            [
                f"({a} + {b})",
                f"({a} - {b})",
                f"({a} * 0.25 * {b})",
                f"({a} / (1.0 + abs({b})))",
                f"({a} % (0.5 + abs({b})))",
                f"({a} // (0.5 + abs({b})))",
                f"min({a}, {b})",
                f"max({a}, {b}, 0.5)",
                f"abs({a})",
                f"-{a}",
                f"({a} if {self.truth(depth - 1)} else {b})",
                f"float({self.whole(depth - 1)})",
                f"({self.whole(depth - 1)} / {d.choice((3, 7, 1000))})",
                f"math.sqrt(abs({a}))",
                f"af.math.tanh({a})",
                f"af.math.exp(-abs({a}))",
                f"af.math.log(1.0 + abs({a}))",
                f"af.math.sin({a})",
                f"af.math.cos({a})",
                f"af.math.power(abs({a}), {d.choice((0.5, 1.5, 2.0))})",
                f"blend({a}, {b})",
                f"self.help({a}, {b})" if not self.helper else f"({a} - 0.5)",
                f"({a} / {b})" if d.random() < 0.03 else f"({a} * 0.5)",
            ]
        )

    def whole(self, depth: int = 2) -> str:
        """An int."""
        d = self.draw
        leaves = [f"self.{name}" for name in INTS] + [str(d.randrange(-20, 20))]
        leaves += [f"self.tally[{d.randrange(4)}]", "len(self.past)", "self.fast.count"]
        if self.event is not None and not self.helper:
            leaves += [f"{self.event[0]}.{name}" for name in self.event[2]]
            leaves += ["ctx.order(self.n2).status", "ctx.now()"]
        if depth == 0 or d.random() < 0.3:
            return d.choice(leaves)
        a, b = self.whole(depth - 1), self.whole(depth - 1)
        return d.choice(
            [
                f"({a} + {b}) % 1000",
                f"({a} - {b}) % 997",
                f"({a} % 1009 * 31 + {b} % 1009)",
                f"({a} // {d.choice((3, -7, 1000))})",
                f"({a} % {d.choice((5, -9, 64))})",
                f"min({a}, {b})",
                f"abs({a} % 5000)",
                f"(1 if {self.truth(depth - 1)} else {b})",
                f"int({self.number(0)})" if d.random() < 0.1 else f"({a} % 11)",
                # Reduced: what passes int64 on its way raises only where it is compiled.
                f"({a} % 100_003 * ({b} % 100_003))" if d.random() < 0.05 else f"({a} % 13)",
            ]
        )

    def truth(self, depth: int = 1) -> str:
        """A bool."""
        d = self.draw
        return d.choice(
            [
                f"{self.number(depth)} {d.choice(('<', '>', '<=', '>='))} {self.number(0)}",
                f"{self.whole(depth)} % 3 == {d.randrange(3)}",
                f"{self.whole(0)} != {self.whole(0)}",
                f"self.flag and {self.number(0)} > 0.0",
                f"not self.flag or {self.whole(0)} > 2",
                "self.slow.ready",
                f"math.isnan({self.number(0)})",
                f"-1.0 < {self.number(0)} < 1.0",
            ]
        )

    # --- statements -------------------------------------------------------------------------------

    def put(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def block(self, indent: int, size: int, depth: int = 2) -> None:
        for _ in range(size):
            self.statement(indent, depth)

    def statement(self, indent: int, depth: int) -> None:
        d = self.draw
        kinds = ["float", "float", "int", "bool", "array", "tally", "local", "feed"]
        if depth > 0:
            kinds += ["if", "if", "for", "while"]
        if self.event is not None and not self.helper:
            kinds += ["act", "act", "act"]
        kind = d.choice(kinds)
        if kind == "float":
            field, sign = d.choice(FLOATS), d.choice(("=", "=", "+=", "-="))
            self.put(indent, f"self.{field} {sign} {self.number()}")
        elif kind == "int":
            self.put(indent, f"self.{d.choice(INTS[:2])} = ({self.whole()}) % 100_003")
        elif kind == "bool":
            self.put(indent, f"self.flag = {self.truth()}")
        elif kind == "array":
            self.put(indent, f"self.past[({self.whole(1)}) % 6] = {self.number()}")
        elif kind == "tally":
            self.put(indent, f"self.tally[({self.whole(0)}) % 4] += {d.randrange(3)}")
        elif kind == "local":
            name = f"t{len(self.locals_)}"
            self.put(indent, f"{name} = {self.number()}")
            if depth == 2:  # set on every way from here on
                self.locals_.append(name)
        elif kind == "feed":
            which = d.choice(("self.fast.update({x})", "self.slow.update({x})",
                              "self.range.update({x} + 1.0, {x} - 1.0, {x})"))  # fmt: skip
            self.put(indent, which.format(x=self.number(0)))
        elif kind == "if":
            self.branch(indent, depth)
        elif kind == "for":
            self.put(indent, f"for k{self.loops} in range({d.randrange(1, 5)}):")
            name, self.loops = f"k{self.loops}", self.loops + 1
            self.put(indent + 1, f"self.x3 += {name} * 0.25")
            if d.random() < 0.3:
                self.put(indent + 1, f"if {self.truth(0)}:")
                self.put(indent + 2, d.choice(("break", "continue")))
            self.block(indent + 1, 1, depth - 1)
        elif kind == "while":
            self.put(indent, f"w{self.loops} = 0")
            name, self.loops = f"w{self.loops}", self.loops + 1
            self.put(indent, f"while {name} < {d.randrange(1, 5)} and ({self.truth(0)}):")
            self.put(indent + 1, f"{name} += 1")
            self.block(indent + 1, 1, depth - 1)
        else:
            self.act(indent)

    def branch(self, indent: int, depth: int) -> None:
        d = self.draw
        self.put(indent, f"if {self.truth()}:")
        self.block(indent + 1, d.randrange(1, 3), depth - 1)
        if d.random() < 0.3:
            self.put(indent, f"elif {self.truth(0)}:")
            self.block(indent + 1, 1, depth - 1)
        if d.random() < 0.5:
            self.put(indent, "else:")
            self.block(indent + 1, 1, depth - 1)

    def act(self, indent: int) -> None:
        """Something asked of ctx."""
        d, i = self.draw, self.draw.choice((self.instrument, "0", "1", "2"))
        qty = f"{d.choice((1, 2, 5))}.0"
        near = f"ctx.last({i}) * {d.choice((0.97, 0.99, 1.0, 1.01, 1.03))}"
        side = d.choice(("buy", "sell"))
        self.put(
            indent,
            d.choice(
                [
                    f"ctx.target({i}, float({self.whole(0)} % 7 - 3))",
                    f"ctx.{side}({i}, {qty})",
                    f"self.n2 = ctx.{side}({i}, {qty}, limit={near}, tag={self.whole(0)} % 50)",
                    f"self.n2 = ctx.{side}({i}, {qty}, stop={near})",
                    f"ctx.{side}({i}, abs({self.number(0)}) % 9.0, limit={near}, tif=af.IOC)",
                    f"ctx.{side}({i}, {qty}, limit={near}, post_only=True, display=1.0)",
                    f"ctx.{side}({i}, {qty}, reduce_only=True)",
                    f"ctx.buy({i}, {qty}, trail=1.5)",
                    f"ctx.bracket({i}, {qty}, take={near} * 1.02, stop={near} * 0.98)",
                    f"ctx.close({i})",
                    f"ctx.record('edge', {self.number(0)})",
                    f"ctx.log('seen', {self.number(0)})",
                    "ctx.cancel(self.n2)",
                    f"ctx.cancel_all({i})",
                    f"ctx.replace(self.n2, limit={near})",
                    f"ctx.timer({d.choice((900, 3600, 7200))} * 1_000_000_000, {d.randrange(9)})",
                    f"ctx.{side}({i}, {self.number(0)}, limit={self.number(0)})",
                ]
            ),
        )

    # --- the whole --------------------------------------------------------------------------------

    def write(self) -> str:
        d = self.draw
        self.put(0, "def blend(x, y):")
        self.put(1, f"return {d.uniform(0.1, 0.9):.2f} * x + y / {d.choice((2.0, 3.0, 7.0))}")
        self.put(0, "class Program(af.Strategy):")
        for name in INTS:
            self.put(1, f"{name}: int = {d.randrange(-5, 50)}")
        for name in FLOATS:
            self.put(1, f"{name}: float = {d.uniform(-5, 5):.3f}")
        self.put(1, "flag: bool = False")
        self.put(1, "past: af.Array = af.Array(6)")
        self.put(1, "tally: af.Array = af.Array(4, int)")
        self.put(1, f"fast: af.{d.choice(('EMA', 'SMA', 'RSI'))} = af.{{0}}({d.randrange(1, 6)})")
        self.lines[-1] = self.lines[-1].replace("{0}", self.lines[-1].split("af.")[1].split(" ")[0])
        self.put(1, f"slow: af.SMA = af.SMA({d.randrange(2, 9)})")
        self.put(1, f"range: af.ATR = af.ATR({d.randrange(2, 6)})")
        self.helper = True
        self.put(1, "def help(self, x, y=0.5):")
        self.block(2, d.randrange(1, 3), 1)
        self.put(2, f"return {self.number(1)}")
        self.helper = False
        handlers = ["on_bar", *d.sample([h for h in EVENTS if h != "on_bar"], d.randrange(2, 6))]
        for handler in handlers:
            self.event, self.locals_ = EVENTS[handler], []
            name = self.event[0]
            self.instrument = "0" if handler in PLACED else f"{name}.instrument"
            self.put(1, f"def {handler}(self, ctx, {name}):")
            if handler in ("on_fill", "on_order"):  # or they would answer each other for ever
                self.put(2, "self.n1 += 1")
                self.put(2, "if self.n1 % 4 != 0:")
                self.put(3, "return")
            self.block(2, d.randrange(2, 5))
        self.event, self.locals_ = None, []
        if d.random() < 0.5:
            self.put(1, "def on_start(self, ctx):")
            self.put(2, f"ctx.timer({d.randrange(1, 9)} * 600_000_000_000, {d.randrange(9)})")
            self.block(2, 1)
        if d.random() < 0.5:
            self.locals_ = []
            self.put(1, "def on_stop(self, ctx):")
            self.put(2, "ctx.cancel_all()")
            self.block(2, 1)
        return "\n".join(self.lines) + "\n"


def program(seed: int) -> tuple[af.Strategy, str]:
    """The strategy of a seed, and its source."""
    source = Writer(seed).write()
    name = f"<program {seed}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    scope: dict[str, Any] = {"af": af, "math": __import__("math"), "__name__": "programs"}
    exec(compile(source, name, "exec"), scope)
    return scope["Program"](), source
