"""What the peers' programs share: reading the data, the best of three runs, one line of JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, TypeAlias

import numpy as np

RUNS = 3
Result: TypeAlias = tuple[int, float]
"""Fills and the equity at the end."""


def data() -> Any:
    """The arrays of the npz that the command line names."""
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: python {sys.argv[0]} data.npz  (made by bench/peers/data.py)")
    return dict(np.load(sys.argv[1]))


def report(
    peer: str,
    what: str,
    events: int,
    prepare: Callable[[], Callable[[], Result]],
    check: Any = None,
) -> None:
    """Time the best of three runs and print them as a line of JSON.

    ``prepare`` makes what one run needs and gives the run; only the run is timed. ``check`` has
    the ``fills`` and ``equity`` that a plain loop gets; a result apart from it is printed as
    ``"agrees": false``.
    """
    best, result = float("inf"), (0, 0.0)
    for _ in range(RUNS):
        run = prepare()
        began = time.perf_counter()
        result = run()
        best = min(best, time.perf_counter() - began)
    fills, equity = result
    line = {
        "peer": peer, "version": version(peer), "what": what, "events": events,
        "seconds": round(best, 6), "fills": int(fills), "equity": round(float(equity), 6),
        "per_second": round(events / best),
    }  # fmt: skip
    if check is not None and "fills" in check:
        near = abs(float(check["equity"]) - equity) < 1e-4
        line["agrees"] = bool(int(check["fills"]) == fills and near)
    print(json.dumps(line), flush=True)
