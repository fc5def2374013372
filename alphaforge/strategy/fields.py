"""Typed fields: what a strategy or an indicator keeps between events.

The same declaration gives a plain Python object and, compiled, a fixed record. A field is ``int``,
``float``, ``bool``, an indicator, or (in an indicator) a ``Window`` of floats.
"""

from __future__ import annotations

import copy
import inspect
import sys
import typing
from typing import Any

import numpy as np

from alphaforge.errors import StrategyError, did_you_mean

RESERVED = ("fresh", "parameters", "with_period")
SCALARS: dict[type, str] = {int: "i8", float: "f8", bool: "b1"}


class Window(list[float]):
    """A field of ``period`` floats: the memory of an indicator. Declared as ``window: Window``."""


class Fields:
    """Base of everything with typed fields. Subclasses declare them as annotations with defaults.

    Raises
    ------
    StrategyError
        For an unknown name or a value that its field can't hold.
    """

    def __init__(self, **values: Any) -> None:
        declared = fields_of(type(self))
        for name in values:
            if name not in declared:
                raise StrategyError(
                    f"{type(self).__name__} has no field {name!r}. {did_you_mean(name, declared)}"
                )
        for name, kind in declared.items():
            if kind is Window:
                continue
            default = getattr(type(self), name, None)
            value = values.get(name, copy.deepcopy(default))
            object.__setattr__(self, name, _fit(type(self), name, kind, value, default))


def fields_of(cls: type) -> dict[str, Any]:
    """Field name -> type, base classes first. Annotations may be strings.

    Raises
    ------
    StrategyError
        For an annotation that isn't a type a field can have.
    """
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, annotation in inspect.get_annotations(base).items():
            if name.startswith("__") or "ClassVar" in str(annotation):
                continue
            if name in RESERVED:
                raise StrategyError(
                    f"{cls.__name__} has a field named {name!r}, which every strategy and "
                    "indicator has as a method. Name it otherwise."
                )
            kind = _resolve(base, name, annotation)
            if kind not in SCALARS and kind is not Window and not _is_fields(kind):
                raise StrategyError(
                    f"field {name!r} of {cls.__name__} is annotated {annotation!r}. "
                    "A field is int, float, bool or an indicator such as af.SMA."
                )
            found[name] = kind
    return found


def _is_fields(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Fields)


def _resolve(cls: type, name: str, annotation: Any) -> Any:
    """What an annotation means; with ``from __future__ import annotations`` it is text."""
    if not isinstance(annotation, str):
        return annotation
    module = sys.modules.get(cls.__module__)
    names: dict[str, Any] = {**vars(typing), **(vars(module) if module else {})}
    for value in vars(cls).values():  # a class defined in a function sees that function's names
        names.update(getattr(value, "__globals__", {}))
    names["Window"] = Window
    try:
        return eval(annotation, names)  # the user's own class body, evaluated as Python would
    except Exception:
        # A class of the function that this one is defined in: the default is one of it.
        kind = type(vars(cls).get(name))
        return kind if kind.__name__ == annotation.rpartition(".")[2] else annotation


def _fit(cls: type, name: str, kind: Any, value: Any, default: Any) -> Any:
    """A value as its field holds it."""
    if _is_fields(kind):
        if isinstance(value, kind):
            return copy.deepcopy(value)  # one given to two fields is two
        if (
            isinstance(value, (int, np.integer))
            and not isinstance(value, bool)
            and default is not None
        ):
            return default.with_period(int(value))  # an int for an indicator field sets its period
        raise StrategyError(
            f"field {name!r} of {cls.__name__} must be {kind.__name__}, not {value!r}. "
            f"Give one, e.g. {name}={kind.__name__}(10), or an int for its period."
        )
    if value is None:
        value = kind()
    if kind is int and (isinstance(value, bool) or not isinstance(value, (int, np.integer))):
        raise StrategyError(f"field {name!r} of {cls.__name__} must be an int, not {value!r}.")
    if kind is float and not isinstance(value, (int, float, np.integer, np.floating)):
        raise StrategyError(f"field {name!r} of {cls.__name__} must be a float, not {value!r}.")
    if kind is bool and not isinstance(value, (bool, np.bool_)):
        raise StrategyError(f"field {name!r} of {cls.__name__} must be a bool, not {value!r}.")
    return kind(value)


def record_dtype(cls: type) -> np.dtype[np.void]:
    """The record of a class: scalars in place, indicators nested, windows by offset and length."""
    parts: list[tuple[str, Any]] = []
    for name, kind in fields_of(cls).items():
        if kind is Window:
            parts += [(f"{name}__at", "i8"), (f"{name}__n", "i8")]
        elif kind in SCALARS:
            parts.append((name, SCALARS[kind]))
        else:
            parts.append((name, record_dtype(kind)))
    return np.dtype(parts or [("empty__", "i8")], align=True)


def window_bytes(value: Fields) -> int:
    """Bytes of all windows of an object and of the indicators inside it."""
    total = 0
    for name, kind in fields_of(type(value)).items():
        if kind is Window:
            total += 8 * len(getattr(value, name))
        elif _is_fields(kind):
            total += window_bytes(getattr(value, name))
    return total


def to_bytes(value: Fields) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """An object as its record followed by its windows; offsets count from the owning record."""
    record = record_dtype(type(value))
    memory = np.zeros(record.itemsize + window_bytes(value), np.uint8)
    _write(value, record, 0, memory, record.itemsize)
    return memory


def _write(value: Fields, record: np.dtype[np.void], at: int, memory: Any, free: int) -> int:
    target = memory[at : at + record.itemsize].view(record)[0]
    for name, kind in fields_of(type(value)).items():
        if kind is Window:
            window = np.array(getattr(value, name), np.float64)
            target[f"{name}__at"], target[f"{name}__n"] = free - at, window.size
            memory[free : free + 8 * window.size] = window.view(np.uint8)
            free += 8 * window.size
        elif kind in SCALARS:
            target[name] = getattr(value, name)
        else:
            nested, offset = record.fields[name][:2]  # type: ignore[index]  # it has fields
            free = _write(getattr(value, name), nested, at + offset, memory, free)
    return free


def from_bytes(value: Fields, memory: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    """Set an object's fields from its record and windows: the inverse of ``to_bytes``."""
    _read(value, record_dtype(type(value)), 0, memory)


def _read(value: Fields, record: np.dtype[np.void], at: int, memory: Any) -> None:
    source = memory[at : at + record.itemsize].view(record)[0]
    for name, kind in fields_of(type(value)).items():
        if kind is Window:
            start = at + int(source[f"{name}__at"])
            size = 8 * int(source[f"{name}__n"])
            floats = memory[start : start + size].view(np.float64).tolist()
            object.__setattr__(value, name, Window(floats))
        elif kind in SCALARS:
            object.__setattr__(value, name, kind(source[name]))
        else:
            nested, offset = record.fields[name][:2]  # type: ignore[index]  # it has fields
            _read(getattr(value, name), nested, at + offset, memory)
