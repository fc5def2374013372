"""Typed fields: what a strategy or an indicator keeps between events.

The same declaration gives a plain Python object and, compiled, a fixed record. A field is ``int``,
``float``, ``bool``, an ``Array`` of fixed length, an indicator, or (in an indicator) a ``Window``.
"""

from __future__ import annotations

import copy
import hashlib
import inspect
import sys
import typing
from typing import Any

import numpy as np

from alphaforge.errors import StrategyError, did_you_mean
from alphaforge.strategy.lines import line_in, with_line

RESERVED = ("check", "check_symbols", "fresh", "given", "parameters", "with_period")
_SHOWN = 8  # numbers of an array that are shown one by one
SCALARS: dict[type, str] = {int: "i8", float: "f8", bool: "b1"}


class Array(list[Any]):
    """A field of so many floats, or ints: ``prices: af.Array = af.Array(64)``.

    Read and written by index, as a list is; its length never changes. Reading or writing outside of
    it is an IndexError.

    Parameters
    ----------
    values : int, or a sequence of numbers
        Its length, all zeros; or what is in it. Of ints only (or an int64 array) it holds int64.
    kind : type
        ``float`` or ``int``, where a length is given.

    Raises
    ------
    StrategyError
        For a length below 1, or what isn't a number.
    """

    __slots__ = ("kind",)

    def __init__(self, values: Any, kind: type = float) -> None:
        if isinstance(values, (int, np.integer)) and not isinstance(values, bool):
            if values < 1 or kind not in (int, float):
                raise StrategyError(
                    f"an Array has at least one float or int, not {values} {kind!r}. "
                    "Write af.Array(64), af.Array(8, int), or give its values."
                )
            super().__init__([kind(0)] * int(values))
            self.kind = kind
            return
        numbers = np.asarray(values)
        if numbers.ndim != 1 or not numbers.size or numbers.dtype.kind not in "iuf":
            raise StrategyError(
                f"an Array is a length, or a list of numbers, not {values!r}. "
                "Write af.Array(64), or af.Array([1.0, 2.0])."
            )
        self.kind = float if numbers.dtype.kind == "f" else int
        super().__init__(numbers.astype(self.dtype).tolist())

    @property
    def dtype(self) -> str:
        """Its numbers as the compiled record has them."""
        return SCALARS[self.kind]

    def summary(self) -> Any:
        """Its numbers, where they are few; else how many they are and a digest of them."""
        if len(self) <= _SHOWN:
            return tuple(self)
        digest = hashlib.sha256(np.array(self, self.dtype).tobytes()).hexdigest()[:16]
        return f"{len(self)} {self.kind.__name__}s, {digest}"

    def __setitem__(self, index: Any, value: Any) -> None:
        """Keep its kind, as the compiled record does."""
        if type(value) is not self.kind:
            if self.kind is int and isinstance(value, float):
                raise StrategyError(
                    f"an Array of ints was given the float {value}. Write int(...), or make it "
                    "of floats."
                )
            value = self.kind(value)
        if self.kind is int:
            check_int64(value)
        super().__setitem__(index, value)

    def _refuse(self, *args: Any, **named: Any) -> Any:
        raise StrategyError("an Array has a fixed length: set its numbers by index.")

    append = extend = insert = pop = remove = clear = sort = reverse = _refuse
    __delitem__ = __iadd__ = __imul__ = _refuse

    def __reduce__(self) -> Any:
        """Copies hold the same numbers of the same kind."""
        return _array, (list(self), self.kind)


def _array(values: list[Any], kind: type) -> Array:
    return Array(np.array(values, SCALARS[kind]))


class Window(list[float]):
    """A field of ``period`` floats: the memory of an indicator. Declared as ``window: Window``."""


def check_int64(value: int) -> None:
    """Refuse an int that the compiled record couldn't hold.

    Raises
    ------
    OverflowError
    """
    if not -(2**63) <= value < 2**63:
        raise OverflowError("an int passed int64, as far as compiled strategies count")


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
        For an annotation that isn't a type a field can have; for an indicator without one.
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
            if kind not in SCALARS and kind not in (Array, Window) and not _is_fields(kind):
                raise StrategyError(
                    f"field {name!r} of {cls.__name__}{with_line(cls, name)} is annotated "
                    f"{inspect.formatannotation(annotation)}. "
                    "A field is int, float, bool, af.Array or an indicator such as af.SMA.",
                    line_in(cls, name),
                )
            if kind is Array and not isinstance(getattr(cls, name, None), Array):
                raise StrategyError(
                    f"field {name!r} of {cls.__name__}{with_line(cls, name)} is an Array and needs "
                    f"a default that says its length. Write {name}: af.Array = af.Array(64).",
                    line_in(cls, name),
                )
            found[name] = kind
        for name, value in vars(base).items():
            if isinstance(value, (Fields, Array)) and name not in found:
                raise StrategyError(_unannotated(cls, name, value), line_in(cls, name))
    return found


def _unannotated(cls: type, name: str, value: Any) -> str:
    """What to say of an indicator that every object of a class, and every run, would share."""
    ours = "af." if type(value).__module__.startswith("alphaforge.") else ""
    kind = f"{ours}{type(value).__name__}"
    made = f"{kind}({len(value)})" if isinstance(value, Array) else f"{ours}{value!r}"
    return (
        f"{name!r} of {cls.__name__}{with_line(cls, name)} has no annotation, so all runs would "
        f"share it. Write {name}: {kind} = {made}."
    )


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
            and isinstance(default, kind)
        ):
            return default.with_period(int(value))  # an int for an indicator field sets its period
        if default is not None and not isinstance(default, kind):
            raise StrategyError(
                f"field {name!r} of {cls.__name__} begins with {default!r}, which is no "
                f"{kind.__name__}. Write {name}: {kind.__name__} = {kind.__name__}(10)."
            )
        raise StrategyError(
            f"field {name!r} of {cls.__name__} must be {kind.__name__}, not {value!r}. "
            f"Give one, e.g. {name}={kind.__name__}(10), or an int for its period."
        )
    if kind is Array:
        given = value if isinstance(value, Array) else Array(value)
        if given.kind is int and default.kind is float:
            given = Array(np.array(given, np.float64))
        if given.kind is not default.kind:
            raise StrategyError(
                f"field {name!r} of {cls.__name__} is an Array of {default.kind.__name__}s and was "
                f"given {given.kind.__name__}s."
            )
        return copy.deepcopy(given)
    if value is None:
        value = kind()
    if kind is int and (isinstance(value, bool) or not isinstance(value, (int, np.integer))):
        raise StrategyError(f"field {name!r} of {cls.__name__} must be an int, not {value!r}.")
    if kind is float and not isinstance(value, (int, float, np.integer, np.floating)):
        raise StrategyError(f"field {name!r} of {cls.__name__} must be a float, not {value!r}.")
    if kind is bool and not isinstance(value, (bool, np.bool_)):
        raise StrategyError(f"field {name!r} of {cls.__name__} must be a bool, not {value!r}.")
    if kind is int and not -(2**63) <= value < 2**63:
        raise StrategyError(f"field {name!r} of {cls.__name__} holds 64 bits, too few for {value}.")
    try:
        return kind(value)
    except OverflowError:
        raise StrategyError(
            f"field {name!r} of {cls.__name__} must be a float, and that int is too large for one."
        ) from None


def record_dtype(cls: type) -> np.dtype[np.void]:
    """The record of a class: scalars in place, indicators nested, windows by offset and length."""
    parts: list[tuple[str, Any]] = []
    for name, kind in fields_of(cls).items():
        if kind in (Array, Window):
            parts += [(f"{name}__at", "i8"), (f"{name}__n", "i8")]
        elif kind in SCALARS:
            parts.append((name, SCALARS[kind]))
        else:
            parts.append((name, record_dtype(kind)))
    return np.dtype(parts or [("empty__", "i8")], align=True)


def dtype_of(cls: type, name: str) -> str:
    """What an array or window field holds: ``f8`` or ``i8``."""
    default = getattr(cls, name, None)
    return default.dtype if isinstance(default, Array) else "f8"


def window_bytes(value: Fields) -> int:
    """Bytes of all windows of an object and of the indicators inside it."""
    total = 0
    for name, kind in fields_of(type(value)).items():
        if kind in (Array, Window):
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
        if kind in (Array, Window):
            window = np.array(getattr(value, name), dtype_of(type(value), name))
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
        if kind in (Array, Window):
            start = at + int(source[f"{name}__at"])
            size = 8 * int(source[f"{name}__n"])
            numbers = memory[start : start + size].view(dtype_of(type(value), name))
            held = Array(numbers) if kind is Array else Window(numbers.tolist())
            object.__setattr__(value, name, held)
        elif kind in SCALARS:
            object.__setattr__(value, name, kind(source[name]))
        else:
            nested, offset = record.fields[name][:2]  # type: ignore[index]  # it has fields
            _read(getattr(value, name), nested, at + offset, memory)
