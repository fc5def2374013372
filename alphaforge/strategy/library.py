"""Example strategies: honest beginnings to read, run and change. None is advice.

Each says what it bets on and when it loses. All run in both modes, in backtests and on paper; sizes
are units of quantity.
"""

from __future__ import annotations

import math
from typing import Any

from alphaforge.strategy.base import Strategy
from alphaforge.strategy.indicators import SMA, DonchianChannels, ZScore


class BuyAndHold(Strategy):
    """Buy once, keep it: what every other strategy has to beat.

    It loses whenever the instrument does, and nothing limits how much: a fall of 80 % is borne to
    its end, and what went to nothing stays there. It pays one fee and one spread, which is why so
    much that is cleverer earns less.

    Attributes
    ----------
    size : float
        What is held, from the first bar on, of each instrument.
    """

    size: float = 0.25

    def on_bar(self, ctx: Any, bar: Any) -> None:
        """Hold; a split or a partial fill is made good with the next bar."""
        ctx.target(bar.instrument, self.size)


class SmaCross(Strategy):
    """Trend: long while the fast average of closes is above the slow one, flat otherwise.

    It earns in a long trend and pays a spread and two fees for each false start, so in a market
    that goes sideways (as the simulated one mostly does) it loses steadily, and the more so the
    shorter its bars. It is late by design: it gives back half of the slow average's length at every
    top, and after a crash it sells near the low.

    Attributes
    ----------
    fast, slow : SMA
        The averages, periods in bars.
    size : float
        The position while long.

    Examples
    --------
    >>> SmaCross(fast=SMA(5), slow=SMA(20))
    SmaCross(fast=5, slow=20, size=0.25)
    """

    fast: SMA = SMA(10)
    slow: SMA = SMA(50)
    size: float = 0.25

    def on_bar(self, ctx: Any, bar: Any) -> None:
        """Follow the averages; do nothing until the slow one is full."""
        self.fast.update(bar.close)
        self.slow.update(bar.close)
        if not self.slow.ready:
            return
        ctx.target(bar.instrument, self.size if self.fast.value > self.slow.value else 0)


class MeanReversion(Strategy):
    """Buy what is unusually cheap against its own recent mean, sell it when it is back there.

    It wins often and little, and loses seldom and much: in a trend the price that looked cheap
    becomes cheaper, the mean follows it down, and the position is closed at a loss that a dozen
    gains don't cover. ``most`` bars is all that limits it. On bars so short that the spread is as
    large as the swing, costs take all there is.

    Attributes
    ----------
    score : ZScore
        How far the close is from its mean, in standard deviations.
    entry, leave : float
        Scores: buy below ``-entry``, sell above ``-leave``.
    most : int
        Bars after which it gives up.
    size : float
        The position while long.
    """

    score: ZScore = ZScore(20)
    entry: float = 2.0
    leave: float = 0.0
    most: int = 40
    size: float = 0.25
    held: int = 0

    def on_bar(self, ctx: Any, bar: Any) -> None:
        """Enter below the mean, leave at it or when time is up."""
        self.score.update(bar.close)
        if not self.score.ready:
            return
        if self.held == 0 and self.score.value < -self.entry:
            self.held = 1
            ctx.target(bar.instrument, self.size)
        elif self.held > 0:
            self.held += 1
            if self.score.value > -self.leave or self.held > self.most:
                self.held = 0
                ctx.target(bar.instrument, 0)


class Breakout(Strategy):
    """Long above the highest high of a while, out below the lowest low of a shorter one.

    The channel rules of the Turtles (Faith 2003) without their sizing. Four in five entries fail:
    it lives on the few that run. So it loses through long quiet stretches, a little each time; and
    where many watch the same highs it buys from those who sell into the break.

    Attributes
    ----------
    entry, leave : DonchianChannels
        The channels, periods in bars.
    size : float
        The position while long.
    """

    entry: DonchianChannels = DonchianChannels(20)
    leave: DonchianChannels = DonchianChannels(10)
    size: float = 0.25

    def on_bar(self, ctx: Any, bar: Any) -> None:
        """Compare with the channels up to the bar before, then let them see this one."""
        if self.entry.ready:
            if bar.close > self.entry.upper:
                ctx.target(bar.instrument, self.size)
            elif bar.close < self.leave.lower:
                ctx.target(bar.instrument, 0)
        self.entry.update(bar.high, bar.low)
        self.leave.update(bar.high, bar.low)


class Pairs(Strategy):
    """Two instruments that move together: sell the dear one, buy the cheap one, wait.

    It bets that the ratio of two prices comes back to its mean. It loses, on both legs at once,
    where what tied them ends: one is bought, one goes bankrupt, one is cheap for a reason. Nothing
    here tests whether they belong together, and of many pairs some look so by chance. Two legs are
    two spreads and four fees.

    Attributes
    ----------
    first, second : int
        The instruments' numbers: 0 and 1 are the first two that the run is given.
    score : ZScore
        Of the ratio of their closes.
    entry, leave : float
        Scores: enter beyond ``entry``, leave within ``leave``.
    size : float
        Of the first leg; the second is worth as much at entry.
    """

    first: int = 0
    second: int = 1
    score: ZScore = ZScore(60)
    entry: float = 2.0
    leave: float = 0.5
    size: float = 0.25
    side: int = 0

    def on_bar(self, ctx: Any, bar: Any) -> None:
        """Look once both have a price: with each bar of the second."""
        if bar.instrument != self.second or not ctx.last(self.first) > 0.0:
            return
        ratio = ctx.last(self.first) / bar.close
        self.score.update(ratio)
        if not self.score.ready:
            return
        if self.side == 0 and abs(self.score.value) > self.entry:
            self.side = -1 if self.score.value > 0.0 else 1
            ctx.target(self.first, self.side * self.size)
            ctx.target(self.second, -self.side * self.size * ratio)
        elif self.side != 0 and self.side * self.score.value > -self.leave:
            self.side = 0
            ctx.target(self.first, 0)
            ctx.target(self.second, 0)


class Rotation(Strategy):
    """Momentum rotation: of several instruments hold the one that rose most, if any did.

    Relative momentum over months is among the better attested effects (Jegadeesh, Titman 1993),
    and it loses badly at turns: after a crash what fell most rises fastest, and this is the last to
    hold it. Between near-equals it hops back and forth and pays for each hop. Over the list of
    today's survivors any backtest of it is too good.

    Attributes
    ----------
    count : int
        Instruments 0 to ``count - 1`` are compared.
    period, every : int
        Bars to look back over, and between two choices; at most 999.
    size : float
        Of the one that is held.
    """

    count: int = 3
    period: int = 60
    every: int = 20
    size: float = 0.25
    seen: int = 0
    best: int = -1

    def rise(self, ctx: Any, instrument: int) -> float:
        """Return over the period, as a ratio; NaN while there is no such bar."""
        then: float = ctx.bar(instrument, self.period).close
        now: float = ctx.bar(instrument, 0).close
        if not then > 0.0:
            return math.nan
        return now / then

    def on_bar(self, ctx: Any, bar: Any) -> None:
        """Choose with the last instrument's bar, when all of that time have closed."""
        if bar.instrument != self.count - 1:
            return
        self.seen += 1
        if self.seen <= self.period or self.seen % self.every != 0:
            return
        best = -1
        most = 1.0
        for i in range(self.count):
            found = self.rise(ctx, i)
            if found > most:
                best = i
                most = found
        self.best = best
        for i in range(self.count):
            ctx.target(i, self.size if i == best else 0)


class MarketMaker(Strategy):
    """Quotes at both sides of the touch, leaning against what it holds.

    It earns the spread from those who must trade and loses to those who know: it is filled at its
    bid just before the price falls (adverse selection), so its gains per fill look fine and its
    inventory bleeds. Behind a queue it is filled only where the price goes through it. Latency,
    fees above the half spread or a fast market turn it over at once; ``most`` limits what is left.

    Attributes
    ----------
    size, most : float
        Of one quote, and the largest position either way.
    lean : float
        How far both quotes are moved against a full position, in spreads.
    """

    size: float = 0.01
    most: float = 0.05
    lean: float = 1.0
    bid: int = 0
    ask: int = 0
    bid_price: float = 0.0
    ask_price: float = 0.0

    def on_quote(self, ctx: Any, quote: Any) -> None:
        """Move the quotes when the touch or the position has moved them."""
        i = quote.instrument
        held = ctx.position(i).qty
        if not quote.ask > quote.bid:
            return
        shift = self.lean * (quote.ask - quote.bid) * held / self.most
        bid = min(quote.bid, quote.bid - shift)
        ask = max(quote.ask, quote.ask - shift)
        if bid != self.bid_price:
            ctx.cancel(self.bid)
            self.bid_price = bid
            self.bid = ctx.buy(i, self.size, limit=bid, post_only=True) if held < self.most else 0
        if ask != self.ask_price:
            ctx.cancel(self.ask)
            self.ask_price = ask
            self.ask = ctx.sell(i, self.size, limit=ask, post_only=True) if held > -self.most else 0

    def on_fill(self, ctx: Any, fill: Any) -> None:
        """A side that was filled is quoted anew with the next quote."""
        if fill.order_id == self.bid:
            self.bid_price = 0.0
        elif fill.order_id == self.ask:
            self.ask_price = 0.0

    def on_stop(self, ctx: Any) -> None:
        """Leave no quote behind."""
        ctx.cancel_all()


class Schedule(Strategy):
    """Execution: buys or sells a quantity in equal parts, resting first, crossing at each end.

    It has no opinion: it is measured against the price when it began. Resting earns the spread when
    the price comes and costs the drift when it goes away: in a trend against it every part ends by
    crossing, later and worse than all at once would have been. Equal parts at equal times are easy
    to see for who looks for them. The engine's own ``ctx.twap`` does this without a strategy; this
    is how to write another.

    Attributes
    ----------
    total : float
        What to buy, or below 0 to sell, in the first instrument.
    parts, every_s : int
        In how many parts, and how many seconds each has.
    """

    total: float = 1.0
    parts: int = 10
    every_s: int = 60
    sent: int = 0
    order: int = 0

    def send(self, ctx: Any, qty: float, cross: bool) -> None:
        """One part: at the last price, or at the market."""
        if qty > 0.0:
            self.order = ctx.buy(0, qty) if cross else ctx.buy(0, qty, limit=ctx.last(0))
        elif qty < 0.0:
            self.order = ctx.sell(0, -qty) if cross else ctx.sell(0, -qty, limit=ctx.last(0))

    def on_start(self, ctx: Any) -> None:
        """Begin the clock."""
        ctx.timer(self.every_s * 1_000_000_000)

    def on_timer(self, ctx: Any, timer: Any) -> None:
        """What the last part left crosses now; then the next one rests."""
        if not ctx.last(0) > 0.0:
            ctx.timer(self.every_s * 1_000_000_000)
            return
        ctx.cancel(self.order)
        late = self.total * self.sent / self.parts - ctx.position(0).qty
        self.send(ctx, late, True)
        if self.sent < self.parts:
            self.send(ctx, self.total / self.parts, False)
            if self.order != 0:  # while a session shows the past no order is taken
                self.sent += 1
        if self.sent < self.parts or late != 0.0:
            ctx.timer(self.every_s * 1_000_000_000)
