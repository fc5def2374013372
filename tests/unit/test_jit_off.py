"""The kernels are also plain Python: the same tests with the JIT off, in another process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
FOR_BOTH = (
    "tests/property/test_state_machine.py",
    "tests/property/test_book_levels.py",
    "tests/property/test_book_orders.py",
    "tests/property/test_simulated_exchange.py::test_price_goes_before_time_and_orders_fill_in_part",
    "tests/property/test_simulated_exchange.py::test_a_replaced_order_goes_to_the_end_of_the_queue_and_never_grows",
    "tests/reference/test_bar_builder.py::test_a_late_trade_goes_into_the_open_bar_and_is_counted",
    "tests/reference/test_bar_builder.py::test_batch_equals_the_slow_twin[5s]",
    "tests/reference/test_checksum.py",
    "tests/reference/test_measures.py",
    "tests/reference/test_money.py",
    "tests/reference/test_journal.py::test_a_lag_lies_between_its_bucket_s_edges",
    "tests/reference/test_journal.py::test_checksums_equal_their_slow_twin",
    "tests/reference/test_journal.py::test_live_and_replayed_inputs_do_not_touch_the_hash",
    "tests/unit/test_kernels_small.py",
)


def run(*tests: str, **environment: str) -> None:
    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        pytest.skip("this is the run with the JIT off")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=REPO,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=115,
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]


def test_with_the_jit_off() -> None:
    run(*FOR_BOTH, NUMBA_DISABLE_JIT="1")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_with_bounds_checks() -> None:
    """Compiled anew with every index checked; the kernels have few arrays."""
    run(
        "tests/reference/test_bar_builder.py",
        "tests/reference/test_money.py",
        NUMBA_BOUNDSCHECK="1",
    )
