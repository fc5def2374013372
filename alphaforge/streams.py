"""Bars of a live session for whoever awaits them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from alphaforge.live import Live


async def closed_bars(live: Live, symbol: str, spec: str) -> AsyncIterator[dict[str, Any]]:
    """Closed bars as they close, until the session is closed; see ``Lab.stream``."""
    number = live.builder(symbol, spec)
    i = live.engine.instruments[live.engine.index(symbol)]
    wake = asyncio.Event()
    loop = asyncio.get_running_loop()
    end = live.feed.listen(lambda: _wake(loop, wake))
    series = live.feed.bars.get(number)
    at = series.count if series is not None else 0
    try:
        while True:
            await wake.wait()
            wake.clear()
            if live.closed:
                return
            live.check_running()
            series = live.feed.bars.get(number)
            if series is None:
                continue
            stop = series.count  # once: the next bar may come meanwhile
            _, rows = series.since(at, stop)
            at = stop
            for row in rows:
                prices = {n: float(int(row[n]) * i.price) for n in ("open", "high", "low", "close")}
                volume = float(int(row["volume"]) * i.quantity)
                yield {"ts": int(row["ts"]), **prices, "volume": volume}
    finally:
        end()


def _wake(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # the loop that listened has ended
        loop.call_soon_threadsafe(event.set)
