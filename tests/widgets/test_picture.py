"""Pictures of DataFrames: shapes, thinning that keeps extremes, bad input, both themes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from bokeh.models import Legend
from bokeh.models.glyphs import Line, Scatter, Step, VBar

from alphaforge.errors import ConfigError
from alphaforge.pictures import picture_of
from alphaforge.widgets.picture import (
    KINDS,
    POINTS,
    Curve,
    missing_picture_page,
    picture_page,
    plot,
    thinned,
)
from alphaforge.widgets.theme import TOKENS

TIMES = pd.date_range("2026-01-02", periods=5, freq="h", tz="UTC")
FRAME = pd.DataFrame({"a": [1.0, 2, 3, 2, 1], "b": [0.0, 1, np.nan, 1, 0]}, index=TIMES)
BARS = pd.Series([3.0, -1.5, 2.0], index=["fees", "funding", "spread"], name="pnl")
GLYPHS = {"line": Line, "step": Step, "points": Scatter, "bars": VBar}


def plots(layout: Any) -> list[Any]:
    return [child[0] for child in layout.children]


# --- what is drawn -------------------------------------------------------------------------------


def test_a_frame_is_a_pane_and_a_column_a_curve() -> None:
    made = picture_of({"Prices": FRAME, "Alone": FRAME["a"]}, "Both", x_title="when")
    assert (made.title, made.over_time, made.x_title) == ("Both", True, "when")
    assert [pane.title for pane in made.panes] == ["Prices", "Alone"]
    assert [curve.name for curve in made.panes[0].curves] == ["a", "b"]
    assert [curve.name for curve in made.panes[1].curves] == ["a"]
    curve = made.panes[0].curves[1]
    assert curve.x.dtype == curve.y.dtype == np.float64
    assert curve.x.tolist() == (TIMES.as_unit("ns").asi8 / 1e6).tolist()
    np.testing.assert_array_equal(curve.y, FRAME["b"].to_numpy())


def test_x_is_milliseconds_of_whatever_zone_and_unit_or_numbers() -> None:
    for index in (
        TIMES.tz_convert("America/New_York"),
        TIMES.as_unit("s"),
        TIMES.tz_localize(None),
    ):
        curve = picture_of({"x": FRAME.set_index(index)}).panes[0].curves[0]
        assert curve.x[0] == 1_767_312_000_000.0
    made = picture_of({"x": pd.Series([1, 2], index=[10, 20])})
    assert (made.over_time, made.panes[0].curves[0].x.tolist()) == (False, [10.0, 20.0])
    assert made.panes[0].curves[0].name == "x"  # a Series without a name takes its pane's


def test_bars_have_names() -> None:
    (pane,) = picture_of({"P&L": BARS}, kind="bars").panes
    assert (pane.kind, pane.names) == ("bars", ("fees", "funding", "spread"))
    assert pane.curves[0].y.tolist() == [3.0, -1.5, 2.0]


@pytest.mark.parametrize("theme", TOKENS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_in_both_themes(kind: str, theme: str) -> None:
    panes = {"one": BARS, "two": BARS * 2} if kind == "bars" else {"one": FRAME, "two": FRAME["a"]}
    layout = plot(picture_of(panes, kind=kind, x_title="x"), theme)
    first, second = plots(layout)
    glyph = GLYPHS[kind]
    assert all(isinstance(r.glyph, glyph) for r in first.renderers)
    assert len(first.renderers) == (1 if kind == "bars" else 2)
    assert first.background_fill_color == TOKENS[theme]["card"]
    assert second.xaxis[0].axis_label == "x"
    if kind == "bars":
        assert list(first.x_range.factors) == ["fees", "funding", "spread"]
        assert first.y_range.start == -1.5
    else:
        assert first.x_range is second.x_range  # linked
        assert (first.xaxis[0].visible, second.xaxis[0].visible) == (False, True)
        (legend,) = first.select({"type": Legend})
        assert [item.label.value for item in legend.items] == ["a", "b"]
    assert not second.select({"type": Legend})


def test_colour_is_never_the_only_sign() -> None:
    (drawn,) = plots(plot(picture_of({"one": FRAME})))
    dashes = [tuple(r.glyph.line_dash) for r in drawn.renderers]
    assert len(set(dashes)) == 2


@pytest.mark.parametrize("y", [[np.nan, np.nan], [-2.0, np.nan], [np.inf, 1.0]])
def test_bars_without_a_number_leave_a_gap(y: list[float]) -> None:
    (drawn,) = plots(plot(picture_of({"one": pd.Series(y, index=["a", "b"])}, kind="bars")))
    assert drawn.y_range.start == min([0.0, *(v for v in y if np.isfinite(v))])


def test_pages() -> None:
    look: Any = {"theme": "dark", "follows": True}
    assert picture_page(picture_of({"one": FRAME}), look) is not None
    page = missing_picture_page("<b>x</b>", look)
    assert page is not None


# --- thinning ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [POINTS + 1, 12_345, 100_000])
def test_thinning_keeps_the_ends_and_the_extremes(size: int) -> None:
    random = np.random.default_rng(size)
    y = random.normal(size=size).cumsum()
    y[random.integers(0, size, 50)] = np.nan
    peak, low = int(random.integers(10, size)), int(random.integers(10, size))
    y[peak], y[low] = 1e6, -1e6
    curve = Curve("c", np.arange(size, dtype=np.float64), y)
    few = thinned(curve)
    assert few.x.size <= POINTS + 2
    assert few.x.size > POINTS // 4
    assert (few.x[0], few.x[-1]) == (0, size - 1)
    assert {peak, low} <= set(few.x.tolist())
    assert (np.diff(few.x) > 0).all()
    np.testing.assert_array_equal(few.y, y[few.x.astype(int)])  # nothing is made up
    # Of each stretch nothing is left out that is higher or lower than what is shown of it.
    shown = pd.Series(few.y, index=few.x)
    for start in range(0, size, size // 10):
        part = y[start : start + size // 10]
        step = -(-size // (POINTS // 3))
        around = shown[(shown.index >= start - step) & (shown.index <= start + part.size + step)]
        assert around.max() >= np.nanmax(part)
        assert around.min() <= np.nanmin(part)


def test_thinning_leaves_few_points_and_gaps_alone() -> None:
    curve = Curve("c", np.arange(float(POINTS)), np.zeros(POINTS))
    assert thinned(curve) is curve
    empty = Curve("c", np.arange(9_000.0), np.full(9_000, np.nan))
    assert np.isnan(thinned(empty).y).all()


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("panes", "options", "match"),
    [
        ({"p": FRAME}, {"kind": "bar"}, r"must be one of line, .*not 'bar'\. Did you mean bars\?"),
        ({"p": FRAME}, {"kind": None}, "kind of a picture must be one of"),
        ({"p": FRAME}, {"kind": ["line"]}, "kind of a picture must be one of"),
        ({}, {}, "a picture needs panes"),
        (FRAME, {}, "a picture needs panes"),
        (None, {}, "a picture needs panes"),
        ({"p": [1, 2]}, {}, "pane 'p' needs a DataFrame or Series with rows, not list"),
        ({"p": FRAME.iloc[:0]}, {}, "pane 'p' needs a DataFrame or Series with rows"),
        ({"p": FRAME[[]]}, {}, "pane 'p' needs a DataFrame or Series with rows"),
        ({"p": FRAME.assign(a="x")}, {}, "column 'a' of pane 'p' must be numbers, and is"),
        ({"p": FRAME.assign(a=TIMES)}, {}, "column 'a' of pane 'p' must be numbers, and is"),
        ({"p": pd.Series([1, 2], ["x", "y"])}, {}, "index of pane 'p' must be numbers, and is"),
        ({"p": FRAME, "q": FRAME.reset_index(drop=True)}, {}, "some are over time and some over"),
        ({"p": FRAME}, {"kind": "bars"}, "pane 'p' of bars needs one column and a name for each"),
        ({"p": pd.Series([1, 2], ["x", "x"])}, {"kind": "bars"}, "1 columns and 1 names of 2"),
    ],
    ids=range(15),
)
def test_what_cant_be_drawn(panes: Any, options: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        picture_of(panes, **options)


def test_columns_of_one_name_and_whole_numbers_and_gaps_are_drawn() -> None:
    twice = pd.concat([FRAME["a"], FRAME["a"] * 2], axis=1)
    curves = picture_of({"p": twice}).panes[0].curves
    assert [curve.y[0] for curve in curves] == [1.0, 2.0]
    gaps = pd.Series([1, None, 3], dtype="Int64")
    assert np.isnan(picture_of({"p": gaps}).panes[0].curves[0].y[1])
    late = FRAME.set_index(TIMES[:4].append(pd.DatetimeIndex([pd.NaT], tz="UTC")))
    assert np.isnan(picture_of({"p": late}).panes[0].curves[0].x[-1])
