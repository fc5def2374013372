"""How numbers are written."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from alphaforge.widgets import figures


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (figures.plain(-1234.5), "−1,234.50"),
        (figures.plain(-0.001), "0.00"),
        (figures.signed(0.75, 3), "+0.750"),
        (figures.signed(-4, 3), "−4.000"),
        (figures.signed(0.0), "0.00"),
        (figures.arrow(4218.4), "▲ 4,218.40"),
        (figures.arrow(-0.31, 2, " %"), "▼ 0.31 %"),
        (figures.arrow(0.001), "0.00"),
        (figures.tone(0.001), ""),
        (figures.compact(42_510), "42.5 K"),
        (figures.compact(5_000), "5,000"),
        (figures.compact(1_250_000), "1.25 M"),
        (figures.compact(100_000), "100 K"),
        (figures.compact(-0.31), "−0.31"),
        (figures.clock(1_772_443_800_318.0, millis=True), "09:30:00.318"),
        (figures.micros(48), "48 µs"),
        (figures.micros(21_765), "21.8 ms"),
        (figures.age(12_400), "12.4 s"),
        (figures.number("64,180.00"), 64_180.0),
        (figures.number("−3"), -3.0),
        (figures.number("250 K"), 250_000.0),
        (figures.number("1.5m"), 1_500_000.0),
        (figures.number("three"), None),
    ],
)
def test_figures(got: object, want: object) -> None:
    assert got == want


@pytest.mark.parametrize(
    "write",
    [figures.plain, figures.signed, figures.arrow, figures.compact, figures.micros, figures.age],
)
def test_what_is_not_known_is_a_dash(write: Callable[[float], str]) -> None:
    assert write(math.nan) == figures.NONE
