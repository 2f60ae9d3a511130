"""What is called with other types or shapes than its signature says fails, in vseg as tests
import it.

The import hook of jaxtyping puts `jaxtyping.jaxtyped` on every function and class.  That binds
the arguments of each call to its signature and checks them twice, before the call and with the
answer: a quarter of the processor time of all tests.  `checked` stands in its place: beartype
checks arguments and answer in one go, and axes are compared where there are any.  What checks
a function is made at its first call: most are never called, and by then all names are known.
"""

import inspect
import random
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import is_dataclass
from functools import cache, wraps
from threading import local
from typing import Any, get_args, get_type_hints

import numpy as np
from beartype import BeartypeConf, beartype
from beartype._check.code import codemain
from jaxtyping import AbstractArray, config, jaxtyped
from torch import Tensor

# Of a list beartype checks one item by chance.  Drawn from the global generator in some thread
# while hypothesis watches that one, it fails a test which draws nothing.
codemain.getrandbits = random.Random(0).getrandbits  # type: ignore[attr-defined]

# As jaxtyping's own is, and as Python's: programs that catch those catch these.
_typed = beartype(conf=BeartypeConf(violation_type=TypeError))


def checked(*, typechecker: Callable[..., Any]) -> Callable[[Any], Any]:
    """The decorator of a function or class; of classes, those that are dataclasses are checked
    where they are made.

    typechecker: what jaxtyping's hook was given, for the few functions that are left to it.
    """

    def decorated(made: Any) -> Any:
        if not isinstance(made, type):
            return _of_function(made, typechecker)
        if is_dataclass(made) and "__init__" in vars(made):
            made.__init__ = _of_function(made.__init__, typechecker)  # type: ignore[method-assign]
        return made

    return decorated


def _of_function(function: Callable[..., Any], typechecker: Callable[..., Any]) -> Any:
    # What it answers is no value yet, and its axes are not those of where it is run.
    if _is_run_later(function):
        return jaxtyped(function, typechecker=typechecker)
    checks: Callable[..., Any] | None = None

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal checks
        if checks is None:
            checks = _with_checks(function, typechecker)
        return checks(*args, **kwargs)

    return call


def _with_checks(function: Callable[..., Any], typechecker: Callable[..., Any]) -> Any:
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError:  # a name that is imported for mypy alone
        return jaxtyped(function, typechecker=typechecker)
    shapes = [shape for hint in hints.values() for shape in _shapes(hint)]
    if not shapes:
        return _typed(function)
    if any("{" in shape.dim_str for shape in shapes):  # an axis is computed from arguments
        return jaxtyped(function, typechecker=typechecker)
    return _with_axes(function)


def _is_run_later(function: Callable[..., Any]) -> bool:
    return (
        inspect.isgeneratorfunction(function)
        or inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
    )


def _with_axes(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, in which an axis has one size in all arguments and in the answer.

    Arguments of types and shapes that passed before pass again, and so does such an answer to
    them: they are not compared again.
    """
    checked_alone = local()

    @wraps(function)
    def answer_of(*args: Any, **kwargs: Any) -> Any:
        held = vars(checked_alone)
        return held.pop("answer") if held else function(*args, **kwargs)

    within = _typed(answer_of)
    passed: dict[Hashable, set[Hashable]] = {}

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if config.jaxtyping_disable:
            return function(*args, **kwargs)
        kinds = _kinds((*args, *kwargs.values())), tuple(kwargs)
        before = passed.get(kinds)
        if before is not None:
            answer = function(*args, **kwargs)
            if _kinds((answer,)) in before:
                return answer
            checked_alone.answer = answer
        with jaxtyped("context"):
            answer = within(*args, **kwargs)
        told = _kinds((answer,))
        if kinds[0] is not None and told is not None:
            passed.setdefault(kinds, set()).add(told)
        return answer

    return call


def _kinds(values: Sequence[Any]) -> tuple[Hashable, ...] | None:
    """All that decides whether values fit their annotations; None where that is more than
    these few types and shapes.
    """
    if len(values) > _MOST_KINDS:
        return None
    kinds: list[Any] = []
    for value in values:
        kind: Any = type(value)
        if kind is Tensor or kind is np.ndarray:
            kinds.append((kind, value.shape, value.dtype))
        elif kind is str or kind is type:  # of a few words, or itself
            kinds.append(value)
        elif kind is tuple or kind is list:
            within = _kinds(value)
            if within is None:
                return None
            kinds.append((kind, within))
        elif _is_iterable(kind):
            return None
        else:
            kinds.append(kind)
    return tuple(kinds)


@cache
def _is_iterable(kind: Any) -> bool:
    return hasattr(kind, "__iter__")


_MOST_KINDS = 16
"""Of the items of a list: to look at many takes longer than to check one of them."""


def _shapes(hint: Any) -> Iterator[type[AbstractArray]]:
    """The arrays of an annotation."""
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        yield hint
    for part in get_args(hint):
        yield from _shapes(part)
