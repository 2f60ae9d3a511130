"""Edits of a finished run that need no tracking, as values.

The text of an edit is the option of `vseg correct` that makes it again.  Frames are indices,
ranges are half-open.
"""

from dataclasses import dataclass
from shlex import quote


@dataclass(frozen=True, slots=True)
class MarkAbsent:
    """The object is not in the image on frames [first, end)."""

    object_id: int
    first: int
    end: int

    def __str__(self) -> str:
        return f"--absent {self.object_id}@{self.first}:{self.end}"


@dataclass(frozen=True, slots=True)
class AcceptSpan:
    """The masks of the object on frames [first, end) are right; tracking leaves them."""

    object_id: int
    first: int
    end: int

    def __str__(self) -> str:
        return f"--accept {self.object_id}@{self.first}:{self.end}"


@dataclass(frozen=True, slots=True)
class DeleteObject:
    """The object is no object: its masks go, on all frames."""

    object_id: int

    def __str__(self) -> str:
        return f"--delete {self.object_id}"


@dataclass(frozen=True, slots=True)
class RenameObject:
    """The object is called `label`."""

    object_id: int
    label: str

    def __str__(self) -> str:
        return f"--rename {quote(f'{self.object_id}={self.label}')}"


@dataclass(frozen=True, slots=True)
class ColourObject:
    """The object is drawn in `colour`, #rrggbb."""

    object_id: int
    colour: str

    def __str__(self) -> str:
        return f"--colour {quote(f'{self.object_id}={self.colour}')}"


@dataclass(frozen=True, slots=True)
class MergeObjects:
    """These objects are one; it keeps the first id."""

    object_ids: tuple[int, ...]

    def __str__(self) -> str:
        return f"--merge {','.join(map(str, self.object_ids))}"


@dataclass(frozen=True, slots=True)
class SplitObject:
    """From frame `at` on it is another object.  fresh: its id, one that no object of the run
    had; the next one if None.
    """

    object_id: int
    at: int
    fresh: int | None = None

    def __str__(self) -> str:
        return f"--split {self.object_id}@{self.at}"


@dataclass(frozen=True, slots=True)
class AddObject:
    """A new object, without a mask until it is prompted.  label: None for no name.  again: it
    is the one that had this id in a revision that was undone.
    """

    object_id: int
    label: str | None = None
    again: bool = False

    def __str__(self) -> str:
        named = f"{self.object_id}={self.label}" if self.label else str(self.object_id)
        return f"--add {quote(named)}"


Edit = (
    MarkAbsent
    | AcceptSpan
    | DeleteObject
    | RenameObject
    | ColourObject
    | MergeObjects
    | SplitObject
    | AddObject
)
