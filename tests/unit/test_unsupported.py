"""All that compiled strategies don't support: each cell with the whole message that it gets."""

from __future__ import annotations

import linecache
import textwrap
from pathlib import Path
from typing import Any

import pytest

from alphaforge.engine.jit import JIT
from alphaforge.errors import StrategyError
from alphaforge.strategy.compile import compiled_entry

pytestmark = pytest.mark.skipif(not JIT, reason="nothing is compiled with the JIT off")

# What a cell of a notebook has above its strategy.
TOP = """\
import math, random, time, datetime, contextlib
import copy, itertools, functools, json, statistics
import numpy as np
import pandas as pd
from typing import Optional, ClassVar
from dataclasses import dataclass
import alphaforge as af
SEEN = [1, 2]
TABLE = {"a": 1}
MEMBERS = {1, 2}
ARR = np.zeros(4)
WEIGHTS = (0.5, 0.25)
COUNT = 0
NOTHING = None
class Box:
    x = 1.0
BOX = Box()
class Const:
    SIZE = 2.0
"""
CLASS = """
class S(af.Strategy):
    x: float = 0.0
    n: int = 0
    flag: bool = False
    sma: af.SMA = af.SMA(3)
    past: af.Array = af.Array(4)
    def on_bar(self, ctx, bar):
"""


def cases() -> dict[str, tuple[str, str]]:
    """Name -> the cell and its message."""
    found = {}
    text = (Path(__file__).parent / "unsupported.txt").read_text()
    for part in text.split("\n=== ")[1:]:
        name, _, rest = part.partition("\n")
        cell, _, message = rest.partition("\n>>> ")
        assert name not in found, name
        if "class S(af.Strategy)" not in cell:
            above, _, body = f"\n{cell}".rpartition("\n---\n")
            cell = above + CLASS + textwrap.indent(body.lstrip("\n"), " " * 8)
        found[name] = cell + "\n", message.strip()
    return found


CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_the_whole_message(name: str) -> None:
    cell, message = CASES[name]
    source, path = TOP + cell, f"<cell {name}>"
    linecache.cache[path] = (len(source), None, source.splitlines(True), path)
    scope: dict[str, Any] = {"__name__": "__main__"}
    code = compile(source, path, "exec", dont_inherit=True)  # a cell has none of our __future__
    with pytest.raises(StrategyError) as caught:  # noqa: PT012 - the class or the object, either
        exec(code, scope)
        compiled_entry(scope["S"]())
    assert str(caught.value) == message
