"""What a user's machine keeps because it can be made anew, such as measurements of its speed.

Enters: values by what they depend on.  Leaves: the same ones, to later processes.  What cannot
be kept is made again each time; what is damaged counts as not there.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from vseg.errors import OutputError
from vseg.io.files import atomic_write_bytes
from vseg.io.user_folders import user_folder

Value = TypeVar("Value")


def user_cache(name: str) -> Path | None:
    """The file of this name in vseg's cache: below `$XDG_CACHE_HOME`, or `~/.cache`.  None for
    a user without a home folder.
    """
    folder = user_folder("XDG_CACHE_HOME", ".cache")
    return None if folder is None else folder / name


class KeptValues(Generic[Value]):
    """Values of one kind, in one file of the user's cache."""

    def __init__(self, name: str, kind: type[Value]) -> None:
        """name: of the file.  kind: a class that pydantic validates."""
        self._name = name
        self._value = TypeAdapter(kind)
        self._file = TypeAdapter(dict[str, Any])

    def get(self, key: str) -> Value | None:
        """The value that is kept, if there is one and it is sound."""
        with suppress(ValidationError):
            return self._value.validate_python(self._stored().get(key))
        return None

    def keep(self, key: str, value: Value) -> Value:
        """Keep a value; of processes that make one at once, the first one decides for all."""
        known = self.get(key)
        if known is not None:
            return known
        path = user_cache(self._name)
        plain = self._value.dump_python(value, mode="json")
        # A folder that cannot be written costs the next process time, nothing more.
        with suppress(OutputError):
            if path is not None:
                stored = self._file.dump_json(self._stored() | {key: plain}, indent=1)
                atomic_write_bytes(path, stored)
        return value

    def _stored(self) -> dict[str, Any]:
        path = user_cache(self._name)
        with suppress(OSError, ValidationError):
            # A pipe would be waited for without end.
            if path is not None and path.is_file():
                return self._file.validate_json(path.read_bytes())
        return {}
