"""What the compiler of compiled mode says, as one sentence with the user's line and a cure."""

from __future__ import annotations

import contextlib
import inspect
import linecache
import re
from collections.abc import Callable, Iterator
from typing import Any

from alphaforge.engine.codes import HANDLER_NAMES
from alphaforge.errors import StrategyError, did_you_mean
from alphaforge.strategy.actions import OrderView, PositionView
from alphaforge.strategy.fields import Array, fields_of
from alphaforge.strategy.market import BarView, DepthView, LevelView
from alphaforge.strategy.subset import IN_PYTHON

_ATTRIBUTE = re.compile(r"Unknown attribute '(\w+)' of type (\w+)|attribute '(\w+)'")
_SET = re.compile(r"No definition for lowering (\w+)\(.*\)\.(\w+) =")
_TOLD = re.compile(r"TypingError: (?:\x1b\[\d*m)*(?:ctx\.[\w.]+: )([^\n\x1b]+)")
"""What a call of ctx says of an argument that it doesn't take: see ``given``."""
_GIVEN: dict[str, tuple[str, tuple[str, ...]]] = {
    "PositionView": ("a position", PositionView._fields),
    "OrderView": ("an order", OrderView._fields),
    "LevelView": ("a level", LevelView._fields),
    "DepthView": ("a depth", DepthView._fields),
    "BarView": ("a bar", BarView._fields),
}
"""Type of what ``ctx`` gives -> its name in a sentence, and what it has."""
_WORDS = (
    (r"Cannot cast none", "a call without a result gives None, which isn't a number. Return one."),
    (r"Cannot cast (Literal\[str\]|unicode)", "a text isn't a number. Give a number."),
    (r"Cannot cast (Uni)?Tuple", "a tuple isn't a number. Give one of its numbers."),
    (r"Cannot cast .* to Record", "an indicator can't be given another. Keep two and choose."),
    (r"Cannot cast BoundFunction", "a method isn't a number. Call it with ()."),
    (r"Can't unify return type", "it returns things of unlike kinds. Return numbers only,"),
    (r"Cannot unify", "a name holds things of unlike kinds. Keep one kind in each,"),
    (
        r"function (lt|le|gt|ge|eq|ne)>|intrinsic compare",
        "it compares unlike kinds. Compare numbers,",
    ),
    (r"function contains>", "`in` looks in a tuple of numbers of one kind. Compare with ==,"),
    (r"function setitem>", "only an af.Array's items are set, to numbers. Declare one as a field,"),
    (r"function getitem>", "an index is an int, into numbers of one kind. Write it so,"),
    (r"static-get-item", "it has names, no items. Write a dot and the name."),
    (r"function len>", "only a tuple and an af.Array have a length. Count in a field."),
    (r"default `is`", "`is` compares no objects. Compare numbers with ==,"),
    (r"intrinsic apply", "it reckons with what isn't a number. Use numbers,"),
    (r"function (and_|or_|xor)>", "& | ^ are for ints and bools. Use and, or."),
    (r"class 'bool'>", "an object is neither true nor false. Compare numbers,"),
    (r"getiter|function iter>", "a loop goes over range(...) or numbers of one kind. Write it so,"),
    (r"tuple length|unpack", "the two sides of = have unlike lengths. Name each value."),
    (r"tuple index out of range", "the tuple has no such place. Mend the index."),
    (r"Cannot bind|function resolve at", "it takes other arguments. Give those that it takes."),
    (r"Modified builtin", "a function has the name of a builtin. Name it otherwise,"),
    (
        r"constant type used for exception|exception constant|Multiple argument",
        "it raises what can't be raised. Write raise ValueError('...'),",
    ),
    (r"Invalid use of", "it calls what can't be called. Leave out the ()."),
)
"""What the compiler's words mean, the first that fits; with a comma at its end where Python mode
runs what compiled mode doesn't."""


def explain(
    owner: type, name: str, function: Any, error: Exception, shown: dict[str, Any]
) -> StrategyError:
    """An error of the compilation as one sentence with the user's line.

    Parameters
    ----------
    shown : dict
        What this handler calls ``ctx`` and its event, and what these have: of ``ctx`` the methods
        with their parameters.
    """
    what = f"{owner.__name__}.{name}"
    if isinstance(error, KeyError):
        return _undeclared(owner, name, function, str(error.args[0]), shown)
    if isinstance(error, RecursionError):
        return calls_itself(what, function)
    text = str(error)
    given = _SET.search(text)
    if given is not None:
        kind, _ = _GIVEN.get(given.group(1), ("that", ()))
        _, source, line = _found(owner, function, given.group(2))
        reason = f"{given.group(2)!r} of {kind} can't be set. Keep a typed field."
        return StrategyError(f"{what}, line {line}: `{source}`: {reason}", line)
    line = _line(function, error)
    source = linecache.getline(function.__code__.co_filename, line).strip()
    told = _TOLD.search(text)
    if told is not None:
        return StrategyError(f"{what}, line {line}: `{source}`: {told.group(1)}", line)
    unknown = _ATTRIBUTE.search(text)
    if unknown is not None:
        reason = _missing(unknown.group(1) or unknown.group(3), unknown.group(2) or "")
        return StrategyError(f"{what}, line {line}: `{source}`: {reason}", line)
    reason = _wrong_call(text, source, shown) or next(
        (ours for numba, ours in _WORDS if re.search(numba, text)),
        "it uses what isn't a number. Use numbers and typed fields,",
    )
    reason += f" {IN_PYTHON}." if reason.endswith(",") else ""
    return StrategyError(f"{what}, line {line}: `{source}` can't be compiled: {reason}", line)


def calls_itself(what: str, function: Any) -> StrategyError:
    """The error of a handler, helper or function that comes back to itself."""
    line = function.__code__.co_firstlineno
    return StrategyError(
        f"{what}, line {line}, calls itself, or calls what calls it. Compiled strategies don't "
        f"support that: write a loop, {IN_PYTHON}.",
        line,
    )


def _line(function: Any, error: Exception) -> int:
    """The line of the user's file that an error is of."""
    text, path = str(error), function.__code__.co_filename
    here = re.escape(path)
    found = re.findall(rf'File "{here}", line (\d+)', text)
    found = found or re.findall(rf"{here} \((\d+)\)", text)
    if "unify return type" in text:  # of all that it returns, in no order
        found.sort(key=int)
    if found:
        return int(found[0])
    loc: Any = getattr(error, "loc", None)
    first: int = function.__code__.co_firstlineno
    return int(loc.line) if getattr(loc, "filename", "") == path else first


def _missing(field: str, kind: str) -> str:
    """What to say of an attribute that a value doesn't have."""
    if kind == "array":
        return f"an Array has no {field!r}. Read and set its numbers by index."
    if kind in _GIVEN:
        called, known = _GIVEN[kind]
        return f"{called} has no {field!r}. {did_you_mean(field, known)}"
    return f"there is no {field!r} there. Look up its name, {IN_PYTHON}."


def _wrong_call(text: str, source: str, shown: dict[str, Any]) -> str:
    """What to say of a call of ``ctx`` with other arguments than it takes; nothing of the rest."""
    context, *_ = [*shown, ""]
    called = re.search(rf"\b{context}\.(?:rng\.)?(\w+)\(", source)
    methods = {**shown.get("rng", {}), **shown.get(context, {})}
    if called is None or called.group(1) not in methods or "function resolve at" not in text:
        return ""
    declared = inspect.signature(methods[called.group(1)]).parameters.values()
    takes = ", ".join(str(p.replace(annotation=p.empty)) for p in list(declared)[1:])
    return f"{called.group(0)[:-1]} takes ({takes}). Write it so."


def _functions(owner: type, function: Any) -> Iterator[Callable[..., Any]]:
    """A handler, the class's helpers, and what of its cell they call."""
    members = [inspect.getattr_static(owner, each) for each in dir(owner)]
    helpers = [m.fget if isinstance(m, property) else m for m in members]
    for each in [function, *filter(inspect.isfunction, helpers)]:
        yield each
        for name in each.__code__.co_names:
            called = each.__globals__.get(name)
            if inspect.isfunction(called):
                yield called


def _found(owner: type, function: Any, field: str) -> tuple[str, str, int]:
    """Whose attribute it is where it is first used, that line, and its number."""
    for each in _functions(owner, function):
        with contextlib.suppress(OSError):
            lines, first = inspect.getsourcelines(each)
            for n, text in enumerate(lines):
                whose = re.search(rf"(?:\b(\w+)|\))\.{field}\b", text)
                if whose is not None:
                    return whose.group(1) or "", text.strip(), first + n
    return "self", "", function.__code__.co_firstlineno


def _undeclared(
    owner: type, name: str, function: Any, field: str, shown: dict[str, Any]
) -> StrategyError:
    """An attribute that there isn't: of self, where it was never declared, of ctx or an event."""
    of, source, line = _found(owner, function, field)
    where = f"{owner.__name__}.{name}, line {line}: `{source}`"
    kind = fields_of(owner).get(of)
    if of in shown or isinstance(kind, type):
        known = shown[of] if of in shown else _has(kind)
        if field in known:
            return StrategyError(f"{where}: {of}.{field} can't be set. Keep a typed field.", line)
        return StrategyError(f"{where}: {of} has no {field!r}. {did_you_mean(field, known)}", line)
    held = inspect.getattr_static(owner, field, None)
    if isinstance(held, Array):
        reason = f"replaces the Array {field!r}. Set its numbers by index."
    elif isinstance(held, property):
        reason = f"sets the property {field!r}. Set the field behind it, {IN_PYTHON}."
    elif field in HANDLER_NAMES:
        reason = f"calls the handler {field!r}. Put what both do into a helper method, {IN_PYTHON}."
    else:
        reason = f"uses {field!r}, which isn't a typed field. {_cure(field, held)}, {IN_PYTHON}."
    return StrategyError(f"{where} {reason}", line)


def _has(indicator: Any) -> list[str]:
    """What an indicator shows, and what its own class adds."""
    own = [*vars(indicator), *inspect.get_annotations(indicator)]
    own = [name for name in own if not name.startswith("_") and name != "OUTPUTS"]
    return sorted({*indicator.OUTPUTS, "ready", "count", "update", *own})


def _cure(field: str, held: Any) -> str:
    if field.startswith("__") or inspect.isfunction(held):  # a method of every strategy
        return "Handlers have their fields and helper methods alone: write those"
    if held is None:
        return f"Declare it in the class, e.g. {field}: float = 0.0"
    kind = type(held).__name__
    if isinstance(held, (bool, int, float)):
        return f"Annotate it in the class: {field}: {kind} = {held!r}"
    if isinstance(held, (str, bytes, list, tuple, dict, set, type(None))):
        return f"It is a {kind}: keep numbers, an af.Array or an indicator"
    return f"It is a {kind}: write it as a method, def {field}(self, ...)"
