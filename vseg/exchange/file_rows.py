"""Rows of files: written piece by piece, checked as they are read, named in errors.

Enters: values one after another, or a value of a file.  Leaves: a list in a file, or a checked
row.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from vseg.errors import BadExchange, BadMask

_RowT = TypeVar("_RowT", bound=BaseModel)


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
        raise BadExchange(
            f"{where}: {error.message}",
            hint=error.hint or "is this the file of another clip?",
        ) from error
