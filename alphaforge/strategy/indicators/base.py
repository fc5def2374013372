"""What indicators share: their base, the checks of their parameters, and a window of values."""

from __future__ import annotations

import inspect
import math
from itertools import pairwise
from typing import Any, ClassVar, TypeVar

from alphaforge.errors import StrategyError
from alphaforge.strategy.fields import Fields, Window, fields_of

Self = TypeVar("Self", bound="Indicator")


class Indicator(Fields):
    """Base of indicators. Subclasses declare fields, ``update`` and ``ready``.

    Parameters
    ----------
    period : int
        Updates that the indicator looks back over; at least 1.
    """

    OUTPUTS: ClassVar[tuple[str, ...]] = ("value",)
    _given: ClassVar[dict[str, Any]] = {}

    period: int = 1
    count: int = 0
    value: float = math.nan

    def __init_subclass__(cls) -> None:
        """Show the constructor's own parameters in help; ``__new__`` would hide them."""
        super().__init_subclass__()
        declared = inspect.signature(cls.__init__)
        own = list(declared.parameters.values())[1:]
        type.__setattr__(cls, "__signature__", declared.replace(parameters=own))

    def __new__(cls: type[Self], *given: Any, **named: Any) -> Self:
        """Remember what it is made with: parameters are shown, changed and part of a run's id."""
        made = super().__new__(cls)
        try:
            bound = inspect.signature(cls).bind(*given, **named)
        except TypeError:  # a copy brings its own; what is missing or too much __init__ says
            return made
        bound.apply_defaults()
        object.__setattr__(made, "_given", dict(bound.arguments))
        return made

    def __init__(self, period: int) -> None:
        if type(period) is not int or period < 1:
            raise StrategyError(
                f"{type(self).__name__} needs a period of at least 1, not {period!r}. "
                f"Write {example(type(self))}."
            )
        super().__init__(period=period)
        for name, kind in fields_of(type(self)).items():
            if kind is Window:
                object.__setattr__(self, name, Window([0.0] * period))

    def parameters(self) -> dict[str, Any]:
        """What it was made with, by name."""
        return dict(self._given)

    def with_period(self: Self, period: int) -> Self:
        """A fresh indicator of the same kind, all other parameters equal, with another period.

        Raises
        ------
        StrategyError
            Where it has several parameters and none is called ``period``.
        """
        if "period" in self._given:
            return type(self)(**{**self._given, "period": period})
        if len(self._given) != 1:
            raise StrategyError(
                f"{type(self).__name__} has no single period that {period} could be. "
                f"Give one, e.g. {example(type(self))}."
            )
        return type(self)(period)

    @property
    def ready(self) -> bool:
        """True once the value rests on a whole period."""
        return self.count >= self.period

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_arguments(self._given)})"


def _arguments(given: dict[str, Any]) -> str:
    """One is shown as it is, several by name."""
    if len(given) == 1:
        return repr(next(iter(given.values())))
    return ", ".join(f"{name}={value!r}" for name, value in given.items())


def example(cls: type) -> str:
    """A call that works, for messages: defaults where there are some, else 10."""
    parameters = list(inspect.signature(cls).parameters.values())
    return (
        f"{cls.__name__}"
        f"({_arguments({p.name: 10 if p.default is p.empty else p.default for p in parameters})})"
    )


def whole(cls: type, least: int = 1, **given: Any) -> None:
    """Refuse parameters that aren't whole numbers of at least ``least``.

    Raises
    ------
    StrategyError
    """
    for name, value in given.items():
        if type(value) is not int or value < least:
            raise StrategyError(
                f"{cls.__name__} needs {name} as an int of at least {least}, not {value!r}. "
                f"Write {example(cls)}."
            )


def rising(cls: type, **given: int) -> None:
    """Refuse whole numbers that aren't each larger than the one before.

    Raises
    ------
    StrategyError
    """
    whole(cls, **given)
    values = list(given.values())
    if any(b <= a for a, b in pairwise(values)):
        raise StrategyError(
            f"{cls.__name__} needs {' < '.join(given)}, not {_arguments(given)}. "
            f"Write {example(cls)}."
        )


def positive(cls: type, **given: Any) -> None:
    """Refuse parameters that aren't finite numbers above 0.

    Raises
    ------
    StrategyError
    """
    for name, value in given.items():
        if type(value) not in (int, float) or not 0.0 < value < math.inf:
            raise StrategyError(
                f"{cls.__name__} needs {name} as a number above 0, not {value!r}. "
                f"Write {example(cls)}."
            )


class AfterChange(Indicator):
    """Base of what needs a period of changes, so one value more."""

    @property
    def ready(self) -> bool:
        """True once a whole period of changes was seen."""
        return self.count > self.period


class Windowed(Indicator):
    """Base of what keeps its last ``period`` values, round and round; ``at`` is the next slot."""

    at: int = 0
    window: Window

    def push(self, x: float) -> float:
        """Keep a value and count it; what left for it, 0 while the window fills."""
        old = self.window[self.at]
        self.window[self.at] = x
        self.count += 1
        self.at += 1
        if self.at == self.period:
            self.at = 0
        return old

    def mean(self) -> float:
        """Mean of a full window, counted from one of its values: of equal ones it is exact."""
        first = self.window[0]
        total = 0.0
        for i in range(self.period):
            total += self.window[i] - first
        return first + total / self.period


class Summed(Windowed):
    """Base of what keeps the sum of its last ``period`` values; O(1) an update.

    Beside the running sum grows the sum of what has come since slot 0, which takes its place once a
    period: rounding can't pile up, and no loop is needed. While the sum isn't finite it is taken
    from the window each time, so a NaN leaves with the value that brought it.
    """

    total: float = 0.0
    anew: float = 0.0

    def add(self, x: float) -> float:
        """Take a value into the sum; what left for it."""
        old = self.push(x)
        self.total -= old
        self.total += x
        self.anew += x
        if self.at == 0:
            self.total = self.anew
            self.anew = 0.0
        elif not math.isfinite(self.total):
            total = 0.0
            for i in range(self.period):
                total += self.window[i]
            self.total = total
        return old


def share(part: float, whole: float, flat: float) -> float:
    """``part / whole``; ``flat`` where the whole is 0, NaN where it is NaN."""
    if whole == 0.0:
        return flat
    return part / whole
