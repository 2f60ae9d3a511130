"""Rows of files: written piece by piece, checked as they are read, named in errors.

Enters: values one after another, or a value of a file.  Leaves: a list in a file, or a checked
row.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from vseg.errors import BadExchange, BadMask
from vseg.interfaces.mask_format import MaskSink
from vseg.types import MaskCrop

_RowT = TypeVar("_RowT", bound=BaseModel)
_WHOLE_NUMBER = r"([0-9]{1,16})(?:\.0*)?"
"""Programs that know floats only write 3 as 3.0."""
_MOST_BETWEEN = 1_000_000
"""Eleven hours at 25 frames a second; each frame between two keyframes gets a mask."""


def write_items(handle: IO[str], items: Iterable[Any]) -> None:
    """The elements of a list, one on a line, without its brackets."""
    separator = ""
    for item in items:
        handle.write(separator + json.dumps(item))
        separator = ",\n"


def checked(kind: type[_RowT], where: str, value: Any) -> _RowT:
    """A row of a file as a value.  Raises BadExchange naming the key that is wrong."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "it"
        raise BadExchange(
            f"{where}: {name} = {first['input']!r:.60}: {first['msg']}",
            hint="is the file of the format that was named?",
        ) from error


@contextmanager
def located(where: str) -> Iterator[None]:
    """Puts the place in the file before what is said of a mask that cannot be taken."""
    try:
        yield
    except (BadMask, BadExchange) as error:
        if error.message.startswith(where):
            raise
        raise BadExchange(f"{where}: {error.message}", hint=error.hint) from error


def score_of(score: float | None) -> float:
    """The score of a mask, 1 where the file has none.  Raises BadExchange unless 0 to 1."""
    if score is None:
        return 1.0
    if not 0 <= score <= 1:
        raise BadExchange(
            f"the score {score:g} is not in 0 to 1",
            hint="scale scores to 0 to 1, or leave them out",
        )
    return score


def id_of(value: Any, name: str) -> int | None:
    """The object id in a free attribute; None where none is given.

    Raises BadExchange for what is no whole number.
    """
    if value is None or value == "":
        return None
    text = str(value).strip()
    whole = re.fullmatch(_WHOLE_NUMBER, text)
    if whole is None or isinstance(value, bool):
        raise BadExchange(
            f"{name} = {value!r:.60} is no object id",
            hint="ids are whole numbers from 1 on; leave it out where the object has none",
        )
    return int(whole[1])


def frames_between(before: int, after: int) -> range:
    """The frames between two keyframes of a track.  Raises BadExchange where the second is not
    the later one, or so far away that one of the two is no frame of a clip.
    """
    if after <= before:
        raise BadExchange(f"frame {after} of a track follows frame {before}")
    if after - before > _MOST_BETWEEN:
        raise BadExchange(
            f"frames {before} and {after} of a track are more than {_MOST_BETWEEN} apart",
            hint="are both frames of the clip?",
        )
    return range(before + 1, after)


def add_whole(
    sink: MaskSink, frame: int, object_id: int | None, crop: MaskCrop, score: float = 1.0
) -> None:
    """Give a mask that is all of its object on a frame.  Raises BadExchange for a second."""
    if not sink.add(frame, object_id, crop, score):
        raise BadExchange(
            f"object {object_id} has a mask on frame {frame} already",
            hint="an object has one mask on a frame: join the two, or give one another id",
        )
