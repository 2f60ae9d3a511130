"""Command line text -> edits of a run.

    --absent  OBJ@A:B      --accept  OBJ@A:B      --split  OBJ@FRAME
    --delete  OBJ          --merge   OBJ,OBJ,...
    --rename  OBJ=name     --add     OBJ[=name]     --colour  OBJ=#rrggbb

A, B and FRAME are frame numbers or times, `@1.25s`; B is exclusive, and either end of a range
may be left out.
"""

from collections.abc import Callable, Iterable, Iterator

from vseg.errors import UsageError
from vseg.prompts.timecode import parse_range, parse_timecode
from vseg.types import Timecode
from vseg.types.edit_values import (
    AcceptSpan,
    AddObject,
    ColourObject,
    DeleteObject,
    MarkAbsent,
    MergeObjects,
    RenameObject,
    SplitObject,
)

PlaceOf = Callable[[Timecode], int]
"""The frame at a timecode.  The end of a run has the frame after its last one."""
RangeOf = Callable[[Timecode, Timecode | None], tuple[int, int]]
"""First frame and last + 1 of a range, whose end is the run's if it is left out."""


def parse_absent(specs: Iterable[str], range_of: RangeOf) -> Iterator[MarkAbsent]:
    """One edit per range.  Raises UsageError, and what `range_of` raises."""
    for spec in specs:
        object_id, place = _object_at(spec, "--absent", "2@40:55")
        yield MarkAbsent(object_id, *range_of(*parse_range(place)))


def parse_accept(
    specs: Iterable[str], range_of: RangeOf, option: str = "--accept"
) -> Iterator[AcceptSpan]:
    """One edit per range.  option: what stands before it, as errors name it.

    Raises UsageError, and what `range_of` raises.
    """
    for spec in specs:
        object_id, place = _object_at(spec, option, "1@0:80")
        yield AcceptSpan(object_id, *range_of(*parse_range(place)))


def parse_split(specs: Iterable[str], place_of: PlaceOf) -> Iterator[SplitObject]:
    """One edit per frame.  Raises UsageError, and what `place_of` raises."""
    for spec in specs:
        object_id, place = _object_at(spec, "--split", "2@120")
        yield SplitObject(object_id, place_of(parse_timecode(place)))


def parse_delete(specs: Iterable[str]) -> Iterator[DeleteObject]:
    """One edit per object.  Raises UsageError."""
    for spec in specs:
        yield DeleteObject(_object(spec, f"--delete {spec}", "--delete 3"))


def parse_merge(specs: Iterable[str]) -> Iterator[MergeObjects]:
    """One edit per list of objects.  Raises UsageError."""
    for spec in specs:
        ids = [_object(part, f"--merge {spec}", "--merge 4,7") for part in spec.split(",")]
        yield MergeObjects(tuple(ids))


def parse_rename(specs: Iterable[str]) -> Iterator[RenameObject]:
    """One edit per object.  Raises UsageError."""
    for spec in specs:
        object_text, _, name = spec.partition("=")
        if not name.strip():
            raise UsageError(f"--rename {spec} has no name", hint="for example --rename 1=car")
        object_id = _object(object_text, f"--rename {spec}", "--rename 1=car")
        yield RenameObject(object_id, name.strip())


def parse_colour(specs: Iterable[str]) -> Iterator[ColourObject]:
    """One edit per object.  Raises UsageError."""
    for spec in specs:
        object_text, _, colour = spec.partition("=")
        object_id = _object(object_text, f"--colour {spec}", "--colour '1=#ff8a00'")
        yield ColourObject(object_id, colour.strip().lower())


def parse_add(specs: Iterable[str]) -> Iterator[AddObject]:
    """One edit per object.  Raises UsageError."""
    for spec in specs:
        object_text, _, name = spec.partition("=")
        object_id = _object(object_text, f"--add {spec}", "--add 9=car")
        yield AddObject(object_id, name.strip() or None)


def _object_at(spec: str, option: str, example: str) -> tuple[int, str]:
    object_text, at, place = spec.partition("@")
    if not at:
        raise UsageError(f"{option} {spec} names no frames", hint=f"write {option} {example}")
    return _object(object_text, f"{option} {spec}", f"{option} {example}"), place


def _object(text: str, where: str, example: str) -> int:
    if not text.strip().isdecimal() or int(text) == 0:
        raise UsageError(
            f"{where}: '{text}' is no object", hint=f"objects are numbered from 1: {example}"
        )
    return int(text)
