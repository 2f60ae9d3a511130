"""Plain numbers -> the arrays that prompts hold, each checked as it comes in.

Enters: lists, tuples, arrays.  Leaves: arrays and numbers.  Everything here raises BadPrompt,
which names `what` was wrong.
"""

from numbers import Real
from typing import Any

import numpy as np

from vseg.errors import BadPrompt


def as_numbers(values: Any, what: str) -> np.ndarray:
    """The values as an array of numbers or booleans."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise BadPrompt(f"{what} cannot be made an array: {error}") from error
    if array.dtype.kind not in "biuf":
        raise BadPrompt(f"{what} holds {kind_of(values)} that is not of numbers")
    return array


def as_pairs(values: Any, what: str) -> np.ndarray:
    """x, y of at least one point, as float32 (N, 2); finite."""
    array = as_numbers(values, what)
    if array.size == 0:
        raise BadPrompt(f"{what} needs at least one point")
    if array.ndim != 2 or array.shape[1] != 2:
        raise BadPrompt(
            f"{what} has the shape {array.shape}, not (N, 2)",
            hint="give a list of (x, y) pairs, also for a single point: [(412, 220)]",
        )
    with np.errstate(over="ignore"):
        pairs = np.asarray(array, dtype=np.float32)
    if not np.isfinite(pairs).all():  # nor is one that is too large for a float
        raise BadPrompt(f"{what} has a coordinate that is not a number")
    return pairs


def as_signs(values: Any, count: int) -> np.ndarray:
    """`count` booleans."""
    if values is None:
        return np.ones(count, dtype=bool)
    array = as_numbers(values, "the labels of a point prompt")
    if array.shape != (count,):
        raise BadPrompt(
            f"{count} points but {len(array) if array.ndim else 'no list of'} labels",
            hint="give one label for each point",
        )
    if not np.isin(array, (0, 1)).all():
        raise BadPrompt(
            "a label is neither 1 nor 0", hint="1 marks the object, 0 what is not part of it"
        )
    return np.asarray(array, dtype=bool)


def as_number(value: Any, what: str) -> float:
    """A number of any library: an element of a tensor is one too."""
    array = as_numbers(value, what)
    if array.ndim or array.dtype.kind not in "iuf" or not np.isfinite(array):
        raise BadPrompt(f"{what} is {value!r}: it has a coordinate that is not a number")
    return float(array)


def as_region(values: Any, what: str) -> np.ndarray:
    """(H, W) booleans."""
    array = as_numbers(values, what)
    if array.ndim != 2:
        raise BadPrompt(f"{what} has the shape {array.shape}, not (height, width)")
    if array.dtype.kind == "f":
        raise BadPrompt(
            f"{what} is of {array.dtype}, not of booleans",
            hint="give, for example, mask > 0.5",
        )
    if array.dtype == bool:
        return array
    on = array != 0
    if (array[on] != array.max(initial=0)).any():
        raise BadPrompt(
            f"{what} has several values besides 0",
            hint="give the mask of one object: label_image == value",
        )
    return np.asarray(on, dtype=bool)


def check_threshold(threshold: float | None, what: str) -> None:
    """Refuse a score outside (0, 1]; None is the default of whoever scores."""
    if threshold is None:
        return
    if not isinstance(threshold, Real) or not 0 < threshold <= 1:
        raise BadPrompt(
            f"the threshold {threshold} of {what} is not in (0, 1]",
            hint="give a score above 0 and up to 1, or none",
        )


def kind_of(value: Any) -> str:
    return f"a {type(value).__name__}"
