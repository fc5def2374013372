"""Price levels against dicts: windows that move, levels beyond them, frames, snapshots, gaps."""

from __future__ import annotations

import numpy as np
import pytest
from booked import ASK, BID, Books, frame, messages
from hypothesis import given, settings
from hypothesis import strategies as st

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.book import (
    best_of,
    lots_at,
    next_level,
    set_level,
    take,
    taken_at,
)
from alphaforge.engine.jit import JIT
from alphaforge.engine.snapshot import Board, Snapshot, publish_now

EXAMPLES = 150 if JIT else 25
WINDOW = 64
Twin = dict[tuple[int, int], dict[int, int]]
"""Lots by tick, by book and side."""


def empty(count: int) -> Twin:
    return {(b, side): {} for b in range(count) for side in (BID, ASK)}


def best_first(side: int, levels: dict[int, int]) -> list[tuple[int, int]]:
    return sorted(levels.items(), key=lambda level: -side * level[0])


def walked(m: int, b: int, side: int) -> list[tuple[int, int]]:
    found, tick = [], int(best_of(m, b, side))
    while tick != L.NO_PRICE:
        found.append((tick, int(lots_at(m, b, side, tick))))
        tick = int(next_level(m, b, side, tick))
    return found


def check_storage(books: Books, twin: Twin) -> None:
    """Each level is where it belongs, once; counts and bits say the same; windows follow."""
    records, bits = L.pool(books.block, "books"), L.pool(books.block, "bits")
    levels = L.pool(books.block, "levels").reshape(-1, WINDOW)
    set_bits = np.unpackbits(bits.view(np.uint8), bitorder="little").reshape(-1, WINDOW)
    far = L.pool(books.block, "far")
    used = far[far["row"] != 0]
    assert int(books.header["far_used"]) == used.size
    assert ((levels["lot"] > 0) == (set_bits == 1)).all()
    for (b, side), expected in twin.items():
        row, name = 2 * b + (side < 0), "bid" if side > 0 else "ask"
        base = int(records[b][f"{name}_base"])
        outside = used[used["row"] == row + 1]
        assert int(records[b][f"{name}_far"]) == outside.size
        inside = {t: n for t, n in expected.items() if base <= t < base + WINDOW}
        assert {int(f["tick"]): int(f["lot"]) for f in outside} == {
            t: n for t, n in expected.items() if t not in inside
        }
        assert int(set_bits[row].sum()) == len(inside)
        assert all(int(levels[row, t % WINDOW]["lot"]) == n for t, n in inside.items())
        if expected:
            away = best_first(side, expected)[0][0] - base
            assert WINDOW // 4 <= away < WINDOW - WINDOW // 4


def check(books: Books, twin: Twin) -> None:
    check_storage(books, twin)
    picture = Snapshot(books.block.copy())
    for (b, side), levels in twin.items():
        expected = best_first(side, levels)
        assert walked(books.address, b, side) == expected
        shown = picture.depth(b, 5)[0 if side > 0 else 1]
        assert [(int(r["tick"]), int(r["lot"])) for r in shown] == expected[:5]


# --- levels alone --------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(
        st.integers(0, 2),  # book
        st.sampled_from([BID, ASK]),
        st.one_of(st.integers(-20, 20), st.integers(-90, 90), st.integers(-5_000, 5_000)),
        st.integers(0, 4),  # lots
        st.one_of(st.just(0), st.integers(-40, 40)),  # the middle moves by
    ),
    max_size=120,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from([-3_000, 0, 10_000, 2**40]), steps)
def test_levels_equal_a_dict_wherever_they_lie(middle: int, given_steps: list) -> None:
    """Both sides of three books share ``far``; windows of 64 ticks follow a moving middle."""
    books = Books(3)
    m, twin = books.address, empty(3)
    for b, side, away, lots, move in given_steps:
        middle += move
        tick = middle + away
        levels = twin[b, side]
        assert set_level(m, b, side, tick, lots) == levels.pop(tick, 0)
        if lots:
            levels[tick] = lots
        assert lots_at(m, b, side, tick) == lots
        best = best_first(side, levels)[0][0] if levels else L.NO_PRICE
        assert int(best_of(m, b, side)) == best
        # From any price, not only from a level's.
        behind = [t for t, _ in best_first(side, levels) if (middle - t) * side > 0]
        assert next_level(m, b, side, middle) == (behind[0] if behind else L.NO_PRICE)
    check(books, twin)
    assert not int(books.header["book_faults"])


def test_windows_walk_up_and_down_over_levels_that_stay() -> None:
    """The touch runs through 2,000 ticks of levels and back: what it left behind is still there."""
    books = Books(1)
    m, twin = books.address, empty(1)
    levels = twin[0, BID]
    for tick in (*range(0, 700, 7), *range(5_000, 5_600, 40)):
        set_level(m, 0, BID, tick, tick + 1)
        levels[tick] = tick + 1
    bases = []
    while levels:
        check_storage(books, twin)
        bases.append(int(books[0]["bid_base"]))
        for tick, _ in best_first(BID, levels)[:9]:
            assert set_level(m, 0, BID, tick, 0) == levels.pop(tick)
    assert bases == sorted(bases, reverse=True)
    assert len(set(bases)) > 10


def test_the_window_stays_while_the_best_is_in_its_middle_half() -> None:
    books = Books(1)
    m = books.address
    set_level(m, 0, BID, 1_000, 1)
    base = int(books[0]["bid_base"])
    assert base == 1_000 - WINDOW // 2
    set_level(m, 0, BID, 1_015, 1)
    assert int(books[0]["bid_base"]) == base
    set_level(m, 0, BID, 1_016, 1)
    assert int(books[0]["bid_base"]) == 1_016 - WINDOW // 2
    for tick in (1_016, 1_015):
        set_level(m, 0, BID, tick, 0)
    assert int(books[0]["bid_base"]) == 1_016 - WINDOW // 2
    set_level(m, 0, BID, 1_000 - 1, 1)
    set_level(m, 0, BID, 1_000, 0)
    assert int(books[0]["bid_base"]) == 999 - WINDOW // 2


def test_what_we_took_is_there_again_with_fresh_data_and_moves_with_its_level() -> None:
    books = Books(1)
    m = books.address
    set_level(m, 0, ASK, 100, 8)
    take(m, 0, ASK, 100, 3)
    take(m, 0, ASK, 101, 3)
    assert (taken_at(m, 0, ASK, 100), taken_at(m, 0, ASK, 101)) == (3, 0)
    set_level(m, 0, ASK, -500, 1)
    assert int(books[0]["ask_far"]) == 1
    take(m, 0, ASK, 100, 2)
    assert taken_at(m, 0, ASK, 100) == 5
    set_level(m, 0, ASK, -500, 0)
    assert (int(books[0]["ask_far"]), taken_at(m, 0, ASK, 100)) == (0, 5)
    set_level(m, 0, ASK, 100, 9)
    assert taken_at(m, 0, ASK, 100) == 0


def test_no_room_for_a_far_level_is_said_and_costs_none_that_is_there() -> None:
    """``far`` of 64 takes 56; a level more is refused and the book is stale, all else stands."""
    books = Books(2, far=64)
    m, twin = books.address, empty(2)
    for tick in (1_000, *range(-56_000, 0, 1_000)):
        assert set_level(m, 1, BID, tick, 5) == 0
        twin[1, BID][tick] = 5
    check(books, twin)
    assert not books.rows()
    assert set_level(m, 1, BID, -77_000, 5) == -1
    assert int(books[1]["state"]) == K.BOOK_FULL
    assert books.rows() == [(K.BOOK_FULL, 56, -77_000, 0, 1)]
    check(books, twin)
    # A better price whose window would push a level out: the window stays, and nothing is lost.
    assert set_level(m, 1, BID, 1_020, 7) == 0
    twin[1, BID][1_020] = 7
    assert walked(m, 1, BID) == best_first(BID, twin[1, BID])
    assert set_level(m, 1, BID, 9_000, 7) == -1
    assert walked(m, 1, BID) == best_first(BID, twin[1, BID])
    # A snapshot makes it good again.
    assert books.apply(frame([(BID, 5, 1), (ASK, 6, 1)], snapshot=True, i=1)) == 3
    assert int(books[1]["state"]) == K.BOOK_GOOD
    check(books, {**empty(2), (1, BID): {5: 1}, (1, ASK): {6: 1}})
    assert books.rows()[-1][0] == K.BOOK_GOOD


@pytest.mark.parametrize("side", [BID, ASK])
def test_a_window_that_cannot_move_still_shows_the_right_order(side: int) -> None:
    """Three levels can't leave for two places: the better prices themselves are beyond."""
    books = Books(1, far=64)
    m = books.address
    levels = {side * tick: 5 for tick in (*range(-54_000, 0, 1_000), 100, 101, 102, 500, 600)}
    for tick, lots in levels.items():
        assert set_level(m, 0, side, tick, lots) == 0
    assert int(books[0]["bid_far" if side > 0 else "ask_far"]) == 56
    assert walked(m, 0, side) == best_first(side, levels)
    assert next_level(m, 0, side, side * 550) == side * 500
    for tick, _ in best_first(side, levels):
        assert int(best_of(m, 0, side)) == tick
        assert set_level(m, 0, side, tick, 0) == 5
    assert (int(best_of(m, 0, side)), int(books.header["far_used"])) == (L.NO_PRICE, 0)


crowd = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([BID, ASK]), st.integers(0, 8), st.integers(0, 3)),
    min_size=40,
    max_size=120,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(crowd, st.integers(0, 2))
def test_a_crowded_table_of_far_levels_keeps_its_rows_apart(
    given_steps: list, cleared: int
) -> None:
    """The same nine prices on six sides: up to 54 of the 56 levels that the table takes."""
    books = Books(3, far=64)
    twin = empty(3)
    for b, side, n, lots in given_steps:
        levels = twin[b, side]
        assert set_level(books.address, b, side, 1_000 * n, lots) == levels.pop(1_000 * n, 0)
        if lots:
            levels[1_000 * n] = lots
    check(books, twin)
    books.apply(frame([], snapshot=True, i=cleared))
    check(books, {key: {} if key[0] == cleared else levels for key, levels in twin.items()})


def test_no_capacity_for_levels_keeps_no_book() -> None:
    books = Books(1, levels=0, queued=4)
    assert set_level(books.address, 0, BID, 100, 1) == 0
    assert best_of(books.address, 0, BID) == L.NO_PRICE
    assert books.apply(frame([(BID, 5, 1)], snapshot=True)) == 2
    order = {"a": 1, "b": 5, "c": 1, "d": BID}
    assert books.apply(messages((M.ORDER_ADD, 0, order), (M.ORDER_CANCEL, 0, {"a": 1}))) == 2
    assert walked(books.address, 0, BID) == []
    assert not books.rows()


def test_the_venues_books_follow_ours_and_are_others() -> None:
    books = Books(2, delayed=True)
    m = books.address
    venue = int(books.header["delayed"]) + 1
    set_level(m, 1, BID, 100, 3)
    set_level(m, venue, BID, 101, 4)
    set_level(m, venue, BID, -9_000, 5)
    assert walked(m, 1, BID) == [(100, 3)]
    assert walked(m, venue, BID) == [(101, 4), (-9_000, 5)]
    assert int(books[venue]["instrument"]) == 1


@pytest.mark.parametrize("delayed", [False, True])
def test_a_published_picture_shows_windows_and_what_lies_beyond(delayed: bool) -> None:
    books = Books(3, delayed=delayed)
    m = books.address
    board = Board(books.block.size)
    before = board.read(0.0, lambda: publish_now(m, board.address))
    assert [side.size for side in before.depth(2, 5)] == [0, 0]
    for tick in (100, 99, -4_000, -900):
        set_level(m, 2, BID, tick, 7)
    set_level(m, 2, ASK, 105, 1)
    bids, asks = board.read(0.0, lambda: publish_now(m, board.address)).depth(2, 3)
    assert bids.tolist() == [(100, 7), (99, 7), (-900, 7)]
    assert asks.tolist() == [(105, 1)]
    if delayed:
        set_level(m, int(books.header["delayed"]) + 2, ASK, 106, 2)
        picture = board.read(0.0, lambda: publish_now(m, board.address))
        assert picture.depth(3 + 2, 3)[1].tolist() == [(106, 2)]


# --- frames --------------------------------------------------------------------------------------


class TwinFeed:
    """A book as an exchange's documentation tells a reader to keep it."""

    def __init__(self) -> None:
        self.sides: dict[int, dict[int, int]] = {BID: {}, ASK: {}}
        self.seq = -1
        self.state = K.BOOK_GOOD
        self.fresh = False
        self.left_out = self.faults = self.crossed = 0

    def take_in(self, levels, first, last, before, snapshot):
        applied = self._begins(first, last, before, snapshot, len(levels))
        if applied:
            for side, tick, lots in levels:
                self.sides[side].pop(tick, None)
                if lots:
                    self.sides[side][tick] = lots
            both = self.sides[BID] and self.sides[ASK]
            if both and max(self.sides[BID]) >= min(self.sides[ASK]):
                self.state = K.BOOK_CROSSED if snapshot else self.state
                self.faults += snapshot
                self.crossed += not snapshot

    def _begins(self, first, last, before, snapshot, size):
        if snapshot:
            self.sides = {BID: {}, ASK: {}}
            self.seq, self.state, self.fresh = last, K.BOOK_GOOD, True
            return True
        gap = False
        if self.state == K.BOOK_GOOD and self.seq >= 0 and not (before >= 0 and before == self.seq):
            old = last < self.seq or (last == self.seq and before >= 0 and not self.fresh)
            if not old and before >= 0:
                gap = first > self.seq + 1 if self.fresh else True
        else:
            old = False
        if self.state != K.BOOK_GOOD or old or gap:
            self.left_out += 1 + size
            if gap:
                self.state = K.BOOK_GAP
                self.faults += 1
            return False
        self.fresh, self.seq = False, last
        return True


frames = st.lists(
    st.tuples(
        st.integers(0, 1),  # book
        st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1, 2]),  # next, snapshot, unchecked
        st.sampled_from([0, 0, 0, 0, 0, -3, -1, 1, 4]),  # ids off by
        st.lists(
            st.tuples(st.sampled_from([BID, ASK]), st.integers(-80, 3), st.integers(0, 2)),
            max_size=6,
        ),
    ),
    max_size=30,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(frames)
def test_frames_snapshots_and_gaps_equal_a_twin(given_frames: list) -> None:
    books = Books(2)
    feeds = [TwinFeed(), TwinFeed()]
    at = 100
    for b, kind, off, behind in given_frames:
        levels = [(side, 5_000 + side * away, lots) for side, away, lots in behind]
        first, last = at + 1 + off, at + 3 + off
        before = -1 if kind == 2 else first - 1
        # Seen from Binance's futures a frame names the one before, not its first id less one.
        feeds[b].take_in(levels, first, last, before, kind == 1)
        books.apply(frame(levels, first, last, before, snapshot=kind == 1, i=b))
        at += 3
        assert int(books[b]["state"]) == feeds[b].state
        assert int(books[b]["left_out"]) == feeds[b].left_out
        assert int(books[b]["seq"]) == feeds[b].seq
        assert int(books[b]["filling"]) == 0
    check(books, {(b, side): feeds[b].sides[side] for b in (0, 1) for side in (BID, ASK)})
    assert int(books.header["book_faults"]) == sum(feed.faults for feed in feeds)
    assert int(books.header["crossed"]) == sum(feed.crossed for feed in feeds)
    told = [row[0] for row in books.rows()]
    assert len([code for code in told if code != K.BOOK_GOOD]) == sum(f.faults for f in feeds)


ONE = [(BID, 10, 5)]


def test_binances_spot_rule_joins_a_snapshot_and_its_differences() -> None:
    """Snapshot 160 between frames ..157, 158..160 and 159..163: the first two say nothing new."""
    books = Books(1)
    books.apply(frame([(BID, 9, 1)], last=160, snapshot=True))
    assert books.apply(frame([(BID, 9, 7)], 150, 157, 149)) == 0
    assert int(books[0]["left_out"]) == 2
    assert books.apply(frame([(BID, 10, 5)], 159, 163, 158)) == 2
    assert books.apply(frame([(BID, 11, 6)], 164, 166, 163)) == 2
    assert walked(books.address, 0, BID) == [(11, 6), (10, 5), (9, 1)]
    assert int(books[0]["seq"]) == 166
    assert not books.rows()


def test_binances_futures_rule_takes_a_frame_that_ends_at_the_snapshot() -> None:
    books = Books(1)
    books.apply(frame([], last=160, snapshot=True))
    assert books.apply(frame(ONE, 150, 160, 120)) == 2
    assert books.apply(frame([(BID, 11, 6)], 171, 180, 160)) == 2
    assert int(books[0]["state"]) == K.BOOK_GOOD


def test_the_first_frame_after_a_snapshot_may_begin_right_after_it() -> None:
    """Whatever it says of the frame before, which was told before the snapshot."""
    books = Books(1)
    books.apply(frame([], last=160, snapshot=True))
    assert books.apply(frame(ONE, 161, 170, 155)) == 2
    assert books.apply(frame(ONE, 171, 180, 160)) == 0
    assert books.rows() == [(K.BOOK_GAP, 170, 160, 1, 0)]


def test_a_snapshot_too_old_for_its_differences_is_a_gap() -> None:
    books = Books(1)
    books.apply(frame([], last=160, snapshot=True))
    assert books.apply(frame(ONE, 162, 170, 161)) == 0
    assert books.rows() == [(K.BOOK_GAP, 160, 162, 1, 0)]
    assert int(books[0]["left_out"]) == 2


def test_a_gap_leaves_all_out_until_a_snapshot() -> None:
    books = Books(1)
    m = books.address
    books.apply(frame([(BID, 9, 1)], last=5, snapshot=True))
    books.apply(frame([(BID, 8, 1)], 6, 6, 5))
    books.apply(frame([(BID, 7, 1), (ASK, 20, 1)], 8, 8, 7))
    books.apply(messages((M.DEPTH, 0, {"a": 6, "b": 1, "c": BID})))  # of no frame
    books.apply(frame([(BID, 5, 1)], 7, 7, 6))  # what was missing comes too late
    assert walked(m, 0, BID) == [(9, 1), (8, 1)]
    assert books.rows() == [(K.BOOK_GAP, 6, 7, 1, 0)]
    assert int(books[0]["left_out"]) == 6
    books.apply(frame([(BID, 3, 1)], last=9, snapshot=True))
    assert walked(m, 0, BID) == [(3, 1)]
    assert books.rows()[1:] == [(K.BOOK_GOOD, 9, 9, 6, 0)]


def test_messages_of_no_frame_are_applied_and_a_crossed_book_is_counted() -> None:
    books = Books(1)
    one = (M.DEPTH, 0, {"a": 10, "b": 5, "c": BID, "d": 3})
    other = {"a": 10, "b": 1, "c": ASK}
    assert books.apply(messages(one, (M.DEPTH, 0, other))) == 2
    assert int(books.header["crossed"]) == 1
    assert int(L.pool(books.block, "levels")["orders"].sum()) == 3
    # Within a frame a book may cross.
    more = (M.DEPTH, M.MORE, {**other, "a": 9})
    last = [(M.DEPTH, 0, {**other, "a": tick, "b": 0}) for tick in (9, 10)]
    books.apply(messages(more, (M.DEPTH, M.MORE, last[0][2]), last[1]))
    assert int(books.header["crossed"]) == 1
    assert int(books.header["book_faults"]) == 0


def test_a_crossed_snapshot_is_not_trusted() -> None:
    books = Books(1)
    books.apply(frame([(BID, 10, 1), (ASK, 10, 1)], last=4, snapshot=True))
    assert int(books[0]["state"]) == K.BOOK_CROSSED
    assert books.rows() == [(K.BOOK_CROSSED, 10, 10, 0, 0)]
    assert int(books.header["crossed"]) == 0
    assert books.apply(frame([(ASK, 10, 0)], 5, 5, 4)) == 0


@pytest.mark.parametrize(
    "payload",
    [
        {"a": 5, "b": 1, "c": 0},
        {"a": 5, "b": -1, "c": BID},
        {"a": L.NO_PRICE, "b": 1, "c": BID},
        {"a": 2**63 - 1, "b": 1, "c": ASK},
    ],
)
def test_a_malformed_level_makes_the_book_stale_and_changes_nothing(payload: dict) -> None:
    books = Books(1)
    books.apply(frame(ONE, snapshot=True))
    assert books.apply(messages((M.DEPTH, 0, payload))) == 0
    assert int(books[0]["state"]) == K.BOOK_MALFORMED
    assert walked(books.address, 0, BID) == [(10, 5)]


def test_ids_that_count_from_anew_follow() -> None:
    """OKX after maintenance: seqId 3 with prevSeqId 15; and a frame without changes."""
    books = Books(1)
    books.apply(frame([], last=15, snapshot=True))
    assert books.apply(frame(ONE, 3, 3, 15)) == 2
    assert books.apply(frame([], 3, 3, 3)) == 1
    assert books.apply(frame([], 4, 5, 3)) == 1
    assert int(books[0]["seq"]) == 5
