"""``Strategy``: what a user subclasses."""

from __future__ import annotations

import copy
import importlib
from typing import Any, ClassVar

import numpy as np

from alphaforge.engine.codes import HANDLER_NAMES
from alphaforge.errors import ConfigError, StrategyError, did_you_mean
from alphaforge.strategy.fields import Array, Fields, Window, check_int64, fields_of
from alphaforge.strategy.indicators.base import Indicator


class Strategy(Fields):
    """A trading strategy: typed fields and handlers, written once, run in python or compiled mode.

    Handlers, each optional: ``on_start(ctx)``, ``on_bar(ctx, bar)``, ``on_trade(ctx, trade)``,
    ``on_quote(ctx, quote)``, ``on_fill(ctx, fill)``, ``on_order(ctx, order)``,
    ``on_timer(ctx, timer)``, ``on_book(ctx, book)``, ``on_alert(ctx, alert)``,
    ``on_action(ctx, action)``, ``on_custom(ctx, event)``, ``on_stop(ctx)``.

    Examples
    --------
    >>> class SmaCross(Strategy):
    ...     size: float = 100
    ...
    ...     def on_bar(self, ctx, bar):
    ...         ctx.target(bar.instrument, self.size)
    >>> SmaCross(size=10).size
    10.0
    """

    _given: ClassVar[dict[str, Any]] = {}

    def __init__(self, **values: Any) -> None:
        for name, kind in _kinds(type(self)).items():
            if kind is Window:
                raise StrategyError(
                    f"field {name!r} of {type(self).__name__} is a Window: its length is an "
                    "indicator's period. Put it into a class that derives from af.Indicator."
                )
        super().__init__(**values)
        object.__setattr__(self, "_given", dict(values))

    def given(self) -> dict[str, Any]:
        """What it was made with, by name; the rest is as its class says."""
        return dict(self._given)

    def __setattr__(self, name: str, value: Any) -> None:
        """Keep declared fields in their declared type, as the compiled record would."""
        kind = _kinds(type(self)).get(name)
        if isinstance(kind, type) and issubclass(kind, (Fields, Array)):
            what = "an Array" if kind is Array else "an indicator"
            raise StrategyError(
                f"field {name!r} of {type(self).__name__} is {what} and can't be given "
                f"another. Keep two and choose, or give it at the start: {name}=...."
            )
        if kind is float and type(value) is not float:
            self._refuse_text(name, value)
            value = float(value)
        elif kind is int and type(value) is not int:
            if isinstance(value, float):
                raise StrategyError(
                    f"field {name!r} of {type(self).__name__} is an int and was given the float "
                    f"{value}. Annotate it as float, or write int(...)."
                )
            self._refuse_text(name, value)
            value = int(value)
        if kind is int:
            check_int64(value)
        elif kind is bool and type(value) is not bool:
            self._refuse_text(name, value)
            value = bool(value)
        object.__setattr__(self, name, value)

    def _refuse_text(self, name: str, value: Any) -> None:
        if isinstance(value, (str, bytes)):
            raise StrategyError(
                f"field {name!r} of {type(self).__name__} is a number and was given the text "
                f"{value!r}. Give a number."
            )

    def check(self, data: Any, **options: Any) -> Any:
        """Run it in both modes over the same data and show where they first differ.

        Parameters
        ----------
        data : DataFrame, mapping of str to DataFrame, or Recording
            Bars of one symbol or of several, such as ``lab.bars("AAPL", "1d")``; or a recording.
        **options
            ``instrument`` and ``venue``: see ``alphaforge.research.compare.compare``.

        Returns
        -------
        Comparison
            Truthy where they are equal in every field and row; else it shows the event, and each
            field and row that differs.
        """
        # By name: what compares stands on a floor above.
        compare = importlib.import_module("alphaforge.research.compare").compare
        return compare(self, data, **options)

    def check_symbols(self, symbols: list[str]) -> None:
        """Refuse a run whose symbols it isn't for; any will do by default."""

    def fresh(self) -> Strategy:
        """An independent copy with the same field values: every run starts from one."""
        return copy.deepcopy(self)

    def parameters(self) -> dict[str, Any]:
        """Field values as plain numbers; an indicator's is its parameter, or each by name.

        Of a long array it says how long it is, and a digest of its numbers.
        """
        values: dict[str, Any] = {}
        for name in fields_of(type(self)):
            value = getattr(self, name)
            if isinstance(value, Array):
                values[name] = value.summary()
                continue
            if not isinstance(value, Indicator):
                values[name] = value
                continue
            given = value.parameters()
            for each, number in given.items():
                values[name if len(given) == 1 else f"{name}.{each}"] = number
        return values

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in self.parameters().items())
        return f"{type(self).__name__}({inside})"


_KINDS: dict[type, dict[str, Any]] = {}


def _kinds(cls: type) -> dict[str, Any]:
    kinds = _KINDS.get(cls)
    if kinds is None:
        kinds = _KINDS[cls] = fields_of(cls)
    return kinds


def handlers_of(cls: type) -> list[int]:
    """Codes of the handlers that a class defines, in the engine's order.

    Raises
    ------
    StrategyError
        Where it defines none, so that nothing would ever run.
    """
    found = [code for code, name in enumerate(HANDLER_NAMES) if callable(getattr(cls, name, None))]
    if not found:
        raise StrategyError(
            f"{cls.__name__} has no handler, so nothing would run. "
            f"Define one of {', '.join(HANDLER_NAMES)}."
        )
    return found


MODES = ("compiled", "python")
MOST_SEED = 2**62


def check_strategy(strategy: Any) -> None:
    """Refuse what can't be run.

    Raises
    ------
    StrategyError
        Where it is a class, or no strategy at all.
    """
    if isinstance(strategy, type):
        raise StrategyError(
            f"give an instance, not the class {strategy.__name__}. Write {strategy.__name__}()."
        )
    if not isinstance(strategy, Strategy):
        raise StrategyError(
            f"expected an af.Strategy, found {type(strategy).__name__}. "
            "Derive your class from af.Strategy."
        )
    cls = type(strategy)
    shared = [name for name in _kinds(cls) if name not in vars(strategy)]
    if shared:
        raise StrategyError(
            f"{cls.__name__} has no {shared[0]!r} of its own: its __init__ doesn't begin with "
            "super().__init__(). Write that, or leave __init__ out: fields are given by name."
        )


def check_mode(mode: str) -> None:
    """Refuse a mode that there isn't.

    Raises
    ------
    ConfigError
    """
    if mode not in MODES:
        raise ConfigError(
            f"mode must be one of {', '.join(MODES)}, not {mode!r}. "
            f"{did_you_mean(str(mode), MODES)}"
        )


def check_seed(seed: Any) -> None:
    """Refuse a seed that is no whole number from 0.

    Raises
    ------
    ConfigError
    """
    whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if not whole or not 0 <= seed < MOST_SEED:
        raise ConfigError(f"seed must be a whole number from 0, not {seed!r}. Give an int.")
