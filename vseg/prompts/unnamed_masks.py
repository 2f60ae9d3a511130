"""Mask files that were given without the number of their object.

Enters: the files in the order given, with the id that each holds.  Leaves: an error where two
of them would silently be one object.
"""

from dataclasses import dataclass, field

from vseg.errors import UsageError
from vseg.types import Timecode


@dataclass(frozen=True, slots=True)
class _Given:
    file: str
    value: int | None
    at: Timecode

    def spelt(self, object_id: int) -> str:
        """The file as it is typed with a number."""
        place = "" if self.at == Timecode(frame=0) else f"@{self.at}"
        return f"--mask {object_id}{place}:{self.file}"


@dataclass(slots=True)
class UnnamedMasks:
    """The masks of a command line without OBJ."""

    _given: list[_Given] = field(default_factory=list)

    def add(self, file: str, value: int | None, at: Timecode) -> None:
        """Add the mask of a file.  value: the id that the file holds, None if it holds none.

        Raises UsageError where it would replace an earlier mask, or correct one that is not
        known to be of the same object.
        """
        new = _Given(file, value, at)
        for old in self._given:
            if (old.value or 1) == (value or 1):
                _check(old, new)
        self._given.append(new)


def _check(old: _Given, new: _Given) -> None:
    """Raise UsageError for two masks of one id, unless it is their own on two frames."""
    object_id = new.value or 1
    if old.at == new.at:
        raise UsageError(
            f"masks {old.file} and {new.file} are both of object {object_id} on one frame",
            hint=f"number them: {old.spelt(object_id)} {new.spelt(object_id + 1)}",
        )
    if old.value is None or new.value is None:
        raise UsageError(
            f"masks {old.file} and {new.file} are on two frames, and it is not said whether "
            "they are of one object",
            hint=f"for two objects: {old.spelt(object_id)} {new.spelt(object_id + 1)}; for "
            f"one: {old.spelt(object_id)} {new.spelt(object_id)}",
        )
