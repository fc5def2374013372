"""The journal's reader against what was written, its checksums against Python's integers."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from market import T0, quote, small_engine, submit

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.journal import _K, JournalHash, checksums, journal_row
from alphaforge.engine.lags import bucket_edges, lag_percentile
from alphaforge.engine.thread import lag_bucket

word = st.integers(-(2**63), 2**63 - 1)


def slow_check(words: list[int]) -> int:
    """The sum of words times their constants, modulo 2**64, its halves folded."""
    mixed = sum(w * k for w, k in zip(words, _K, strict=True)) % 2**64
    signed = mixed - 2**64 if mixed >= 2**63 else mixed
    return (signed ^ (signed >> 32)) & 0xFFFFFFFF


@settings(max_examples=200, deadline=None)
@given(
    st.lists(word, min_size=6, max_size=6),
    st.tuples(*[st.integers(0, 255)] * 2),
    st.integers(0, 65_535),
)
def test_checksums_equal_their_slow_twin(words: list[int], codes: tuple[int, int], i: int) -> None:
    engine = small_engine(journal_rows=4)
    journal_row(engine.address, codes[0], codes[1], i, *words)
    row = engine.journal.copy(0, 1)
    meta = codes[0] | codes[1] << 8 | i << 16
    expected = slow_check([0, words[0], words[1], meta, *words[2:]])
    assert int(row["check"][0]) == expected == int(checksums(row)[0])
    reader = engine.journal.reader()
    assert reader.read().tobytes() == row.tobytes()


def written(rows: int, count: int):
    engine = small_engine(journal_rows=rows)
    reader = engine.journal.reader()
    for n in range(count):
        journal_row(engine.address, M.ORDER_ROW, 0, 0, T0 + n, 0, n, 0, 0, 0)
    return engine, reader


def test_a_reader_that_fell_behind_is_told_how_many_rows_it_missed() -> None:
    engine, reader = written(1 << 10, 5_000)
    rows = reader.read()
    assert reader.missed + len(rows) == 5_000
    assert rows["seq"].tolist() == list(range(reader.missed, 5_000))
    assert (reader.damaged, reader.next) == (0, 5_000)
    assert len(reader.read()) == 0
    journal_row(engine.address, M.ORDER_ROW, 0, 0, T0, 0, 7, 0, 0, 0)
    assert reader.read()["a"].tolist() == [7]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 99), st.integers(0, 63), st.integers(1, 255))
def test_a_damaged_row_is_found_whichever_byte_it_is(row: int, byte: int, flip: int) -> None:
    engine, reader = written(1 << 10, 100)
    memory = engine.journal._rows.view(np.uint8).reshape(-1, 64)
    memory[row, byte] ^= flip
    rows = reader.read()
    assert reader.damaged == 1
    assert rows["a"].tolist() == [n for n in range(100) if n != row]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_the_hash_and_the_rows_do_not_depend_on_how_they_are_read(sizes: list[int]) -> None:
    engine = small_engine(live=True, journal_rows=1 << 12)
    reader, whole = engine.journal.reader(), JournalHash(b"x")
    parts, rows, n = JournalHash(b"x"), [], 0
    for size in sizes:
        for _ in range(size):
            n += 1
            engine.step(quote(T0 + n, 100 + n % 7, 108, 5))
            engine.step(submit(T0 + n, K.HOST_ID + n, 1 if n % 2 else -1, 1))
        rows.append(reader.read(3 * size))
        parts.update(rows[-1])
    while len(rows[-1]):
        rows.append(reader.read(5))
        parts.update(rows[-1])
    whole.update(np.concatenate(rows))
    assert parts.hexdigest() == whole.hexdigest()
    assert int(sum(len(r) for r in rows)) == engine.journal.written
    assert JournalHash(b"y").hexdigest() != JournalHash(b"x").hexdigest()


def test_live_and_replayed_inputs_do_not_touch_the_hash() -> None:
    hashes = []
    for live in (False, True):
        engine = small_engine(live=live)
        for n in range(50):
            message = quote(T0 + n, 100 + n % 5, 106)
            message["ts_recv"] = n * live
            engine.step(message)
            engine.step(submit(T0 + n, K.HOST_ID + n, 1 if n % 3 else -1, 1))
        digest = JournalHash()
        digest.update(engine.journal.reader().read())
        hashes.append(digest.hexdigest())
    assert hashes[0] == hashes[1]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.integers(-10, 4_000), st.integers(0, 2**50)))
def test_a_lag_lies_between_its_bucket_s_edges(ns: int) -> None:
    edges = bucket_edges()
    k = int(lag_bucket(ns))
    assert edges[k] <= max(ns, 0)
    assert k == L.LAG_BUCKETS - 1 or max(ns, 0) < edges[k + 1]


def test_edges_rise_and_percentiles_read_them() -> None:
    edges = bucket_edges()
    assert bool((np.diff(edges) > 0).all())
    assert [int(lag_bucket(int(edge))) for edge in edges] == list(range(L.LAG_BUCKETS))
    counts = np.zeros(L.LAG_BUCKETS, np.int64)
    lags = np.random.default_rng(1).lognormal(8, 1, 5_000).astype(int)
    for ns in lags.tolist():
        counts[int(lag_bucket(ns))] += 1
    for share in (0.5, 0.9, 0.99):
        exact = float(np.quantile(lags, share))
        assert exact * 0.999 <= lag_percentile(counts, share) <= exact * 1.13
    assert np.isnan(lag_percentile(np.zeros(L.LAG_BUCKETS, np.int64), 0.5))
