-- The history file. Prices are int64 ticks, quantities int64 lots, times int64 ns UTC, money int64
-- ledger units; the views below show them as people read them.
CREATE SCHEMA IF NOT EXISTS store;
CREATE TABLE IF NOT EXISTS store.version (version INTEGER);
CREATE TABLE IF NOT EXISTS store.instruments (
    id INTEGER PRIMARY KEY, symbol VARCHAR, tick VARCHAR, lot VARCHAR, currency VARCHAR,
    multiplier VARCHAR, base VARCHAR, venue VARCHAR, kind VARCHAR, calendar VARCHAR,
    simulated BOOLEAN, price_num BIGINT, price_den BIGINT, lot_num BIGINT, lot_den BIGINT,
    ledger BIGINT);
-- Since version 2: what else an instrument has, as JSON.
ALTER TABLE store.instruments ADD COLUMN IF NOT EXISTS details VARCHAR;
CREATE TABLE IF NOT EXISTS store.bars (
    instrument INTEGER, spec VARCHAR, ts_open BIGINT, ts BIGINT, open BIGINT, high BIGINT,
    low BIGINT, close BIGINT, volume BIGINT);
CREATE TABLE IF NOT EXISTS store.trades (
    instrument INTEGER, ts BIGINT, price BIGINT, size BIGINT, side TINYINT);
CREATE TABLE IF NOT EXISTS store.quotes (
    instrument INTEGER, ts BIGINT, bid BIGINT, bid_size BIGINT, ask BIGINT, ask_size BIGINT);
CREATE TABLE IF NOT EXISTS store.actions (
    instrument INTEGER, ts BIGINT, kind VARCHAR, numerator BIGINT, denominator BIGINT);
-- What somebody's model said of an option, as it was given: never priced here.
CREATE TABLE IF NOT EXISTS store.greeks (
    instrument INTEGER, ts BIGINT, price DOUBLE, iv DOUBLE, delta DOUBLE, gamma DOUBLE, vega DOUBLE,
    theta DOUBLE, rho DOUBLE, underlying DOUBLE);
CREATE TABLE IF NOT EXISTS store.fx (date DATE, currency VARCHAR, rate DOUBLE);
CREATE TABLE IF NOT EXISTS store.runs (
    run_id VARCHAR, session VARCHAR, started TIMESTAMP, kind VARCHAR, strategy VARCHAR,
    parameters VARCHAR, instruments VARCHAR, spec VARCHAR, mode VARCHAR, journal_hash VARCHAR,
    events BIGINT, fills BIGINT, cash DOUBLE, equity DOUBLE, seconds DOUBLE);
CREATE TABLE IF NOT EXISTS store.orders (
    session VARCHAR, order_id BIGINT, instrument INTEGER, strategy VARCHAR, side TINYINT, type VARCHAR,
    qty BIGINT, leaves BIGINT, price BIGINT, status VARCHAR, reason VARCHAR, ts BIGINT, ts_last BIGINT);
-- Since version 2: the trigger price in ticks, and the order that it hangs on or is worked for.
ALTER TABLE store.orders ADD COLUMN IF NOT EXISTS stop BIGINT;
ALTER TABLE store.orders ADD COLUMN IF NOT EXISTS parent BIGINT;
CREATE TABLE IF NOT EXISTS store.fills (
    session VARCHAR, order_id BIGINT, instrument INTEGER, ts BIGINT, qty BIGINT, price BIGINT,
    fee BIGINT, liquidity VARCHAR);
CREATE TABLE IF NOT EXISTS store.journal (
    session VARCHAR, seq BIGINT, ts BIGINT, ts_recv BIGINT, kind UTINYINT, code UTINYINT,
    instrument INTEGER, "check" UINTEGER, a BIGINT, b BIGINT, c BIGINT, d BIGINT);
-- What strategies recorded and logged in live sessions.
CREATE TABLE IF NOT EXISTS store.notes (
    session VARCHAR, strategy VARCHAR, logged BOOLEAN, ts BIGINT, text VARCHAR, value DOUBLE);

CREATE OR REPLACE VIEW instruments AS SELECT * EXCLUDE (id, price_num, price_den, lot_num, lot_den, ledger) FROM store.instruments;
CREATE OR REPLACE VIEW bars AS SELECT i.symbol, b.spec, make_timestamp_ns(b.ts_open) AS open_time,
    make_timestamp_ns(b.ts) AS ts, (b.open * price_num) / price_den::DOUBLE AS open,
    (b.high * price_num) / price_den::DOUBLE AS high, (b.low * price_num) / price_den::DOUBLE AS low,
    (b.close * price_num) / price_den::DOUBLE AS close, (b.volume * lot_num) / lot_den::DOUBLE AS volume
    FROM store.bars b JOIN store.instruments i ON b.instrument = i.id;
CREATE OR REPLACE VIEW trades AS SELECT i.symbol, make_timestamp_ns(t.ts) AS ts,
    (t.price * price_num) / price_den::DOUBLE AS price, (t.size * lot_num) / lot_den::DOUBLE AS size, t.side
    FROM store.trades t JOIN store.instruments i ON t.instrument = i.id;
CREATE OR REPLACE VIEW quotes AS SELECT i.symbol, make_timestamp_ns(q.ts) AS ts,
    (q.bid * price_num) / price_den::DOUBLE AS bid, (q.bid_size * lot_num) / lot_den::DOUBLE AS bid_size,
    (q.ask * price_num) / price_den::DOUBLE AS ask, (q.ask_size * lot_num) / lot_den::DOUBLE AS ask_size
    FROM store.quotes q JOIN store.instruments i ON q.instrument = i.id;
CREATE OR REPLACE VIEW actions AS SELECT i.symbol, make_timestamp_ns(a.ts) AS ts, a.kind, a.numerator, a.denominator
    FROM store.actions a JOIN store.instruments i ON a.instrument = i.id;
CREATE OR REPLACE VIEW greeks AS SELECT i.symbol, make_timestamp_ns(g.ts) AS ts, g.* EXCLUDE (instrument, ts)
    FROM store.greeks g JOIN store.instruments i ON g.instrument = i.id;
CREATE OR REPLACE VIEW fx AS SELECT date, 'EUR' AS base, currency, rate FROM store.fx;
CREATE OR REPLACE VIEW runs AS SELECT * FROM store.runs;
CREATE OR REPLACE VIEW orders AS SELECT o.session, o.order_id, i.symbol, o.strategy, o.side, o.type,
    (o.qty * lot_num) / lot_den::DOUBLE AS qty, (o.leaves * lot_num) / lot_den::DOUBLE AS leaves,
    CASE WHEN o.price > 0 THEN (o.price * price_num) / price_den::DOUBLE END AS price,
    CASE WHEN o.stop > 0 THEN (o.stop * price_num) / price_den::DOUBLE END AS stop,
    CASE WHEN o.parent > 0 THEN o.parent END AS parent, o.status, o.reason,
    make_timestamp_ns(o.ts) AS ts, make_timestamp_ns(o.ts_last) AS ts_last
    FROM store.orders o JOIN store.instruments i ON o.instrument = i.id;
CREATE OR REPLACE VIEW fills AS SELECT f.session, f.order_id, i.symbol, make_timestamp_ns(f.ts) AS ts,
    CASE WHEN f.qty > 0 THEN 1 ELSE -1 END AS side, (abs(f.qty) * lot_num) / lot_den::DOUBLE AS qty,
    (f.price * price_num) / price_den::DOUBLE AS price, f.fee / i.ledger::DOUBLE AS fee, f.liquidity
    FROM store.fills f JOIN store.instruments i ON f.instrument = i.id;
CREATE OR REPLACE VIEW journal AS SELECT session, seq, make_timestamp_ns(ts) AS ts, kind, code, instrument, a, b, c, d
    FROM store.journal;
CREATE OR REPLACE VIEW recorded AS SELECT session, make_timestamp_ns(ts) AS ts, strategy, text AS name, value
    FROM store.notes WHERE NOT logged;
CREATE OR REPLACE VIEW log AS SELECT session, make_timestamp_ns(ts) AS ts, strategy, text, value
    FROM store.notes WHERE logged;
