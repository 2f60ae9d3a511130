"""Command line text -> prompts.

    --point    [[OBJ][@FRAME]:]x,y[+|-]
    --box      [[OBJ][@FRAME]:]x1,y1,x2,y2
    --scribble [[OBJ][@FRAME]:]x,y x,y ...[+|-]
    --polygon  [[OBJ][@FRAME]:]x,y x,y x,y ...
    --mask     [[OBJ][@FRAME]:]file.png
    --text     [[OBJ][@FRAME]:]phrase[=THRESHOLD]
    --exemplar [[OBJ][@FRAME]:]image.jpg:REGION[=THRESHOLD]
    --label    OBJ=class[:name]

FRAME may be a time, `@1.25s`; left out, it is frame 0.  OBJ left out is object 1; a text or an
exemplar without the part before the colon is of every instance.  Polygons of one object on
one frame are the rings of one.  REGION is x1,y1,x2,y2 or a
mask file.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from vseg.errors import UsageError
from vseg.ops.label_text import check_label, split_label
from vseg.prompts.exemplar_files import boxed_exemplar, masked_exemplar
from vseg.prompts.mask_files import read_mask_file
from vseg.prompts.phrases import check_distinct, parse_phrases
from vseg.prompts.polygon_masks import joined_rings
from vseg.prompts.timecode import parse_timecode
from vseg.prompts.unnamed_masks import UnnamedMasks
from vseg.types import (
    LAST_OBJECT_ID,
    Box,
    Mask,
    Points,
    Polygon,
    Prompt,
    Scribble,
    Text,
    Timecode,
)

_TARGET = re.compile(r"(?P<object>\d*)(?:@(?P<at>[^:]+))?:(?P<rest>.*)", re.DOTALL)
_BOX = re.compile(r"[-+\d.,eE\s]+")
FIRST_FRAME = Timecode(frame=0)


def parse_prompts(
    points: Iterable[str] = (),
    boxes: Iterable[str] = (),
    scribbles: Iterable[str] = (),
    masks: Iterable[str] = (),
    polygons: Iterable[str] = (),
) -> tuple[Prompt, ...]:
    """All visual prompts of a command line.  Raises UsageError for a malformed one, BadPrompt
    for a mask that cannot be used.
    """
    return (
        *parse_points(points),
        *parse_boxes(boxes),
        *parse_scribbles(scribbles),
        *parse_masks(masks),
        *joined_rings(parse_polygons(polygons)),
    )


def parse_points(specs: Iterable[str]) -> Iterator[Prompt]:
    """One prompt per point."""
    for spec in specs:
        object_id, at, rest = _target(spec)
        text, positive = _sign(rest)
        xy = np.array([_numbers(text, 2, f"--point {spec}", "412,220")], dtype=np.float32)
        yield Prompt(object_id, at, Points(xy, np.array([positive])))


def parse_boxes(specs: Iterable[str]) -> Iterator[Prompt]:
    """One prompt per box."""
    for spec in specs:
        object_id, at, rest = _target(spec)
        x1, y1, x2, y2 = _numbers(rest, 4, f"--box {spec}", "10,20,200,300")
        yield Prompt(object_id, at, Box(x1, y1, x2, y2))


def parse_scribbles(specs: Iterable[str]) -> Iterator[Prompt]:
    """One prompt per line."""
    for spec in specs:
        object_id, at, rest = _target(spec)
        text, positive = _sign(rest)
        points = [_numbers(p, 2, f"--scribble {spec}", "10,20 30,40") for p in text.split()]
        xy = np.array(points, dtype=np.float32).reshape(-1, 2)
        yield Prompt(object_id, at, Scribble(xy, positive))


def parse_polygons(specs: Iterable[str]) -> Iterator[Prompt]:
    """One prompt per ring."""
    for spec in specs:
        object_id, at, rest = _target(spec)
        example = "10,20 200,20 200,300"
        ring = [_numbers(p, 2, f"--polygon {spec}", example) for p in rest.split()]
        yield Prompt(object_id, at, Polygon([ring]))


def parse_masks(specs: Iterable[str]) -> Iterator[Prompt]:
    """One prompt per object of a mask file.  Raises UsageError where two files without OBJ are
    of one object, unless they say so themselves, by their values and on different frames.
    """
    unnamed = UnnamedMasks()
    for spec in specs:
        match = _TARGET.fullmatch(spec)
        object_id: int | None = None
        at = FIRST_FRAME
        file = spec
        if match is not None and (match["object"] or match["at"]):
            object_id, at = _object_and_place(match)
            file = match["rest"]
        for value, mask in read_mask_file(Path(file), object_id):
            if object_id is None:
                unnamed.add(file, value, at)
            yield Prompt(value or 1, at, Mask(mask))


def parse_concepts(texts: Iterable[str], exemplars: Iterable[str]) -> tuple[Prompt, ...]:
    """All concept prompts: of the object before the colon, or of every instance without one.

    Phrases for every instance may stand together: `the red car. a dog`.  Raises BadPrompt for
    one that is given twice.
    """
    prompts: list[Prompt] = []
    everywhere: list[Text] = []
    for spec in texts:
        if _TARGET.fullmatch(spec):
            prompts += parse_texts([spec])
        else:
            everywhere += parse_phrases(spec)
    check_distinct(everywhere)
    prompts += [Prompt(None, FIRST_FRAME, phrase) for phrase in everywhere]
    for spec in exemplars:
        (prompt,) = parse_exemplars([spec])
        of_one = _TARGET.fullmatch(spec) is not None
        prompts.append(prompt if of_one else replace(prompt, object_id=None))
    return tuple(prompts)


def parse_texts(specs: Iterable[str]) -> Iterator[Prompt]:
    """One prompt per phrase, each for one object.  Raises UsageError, BadPrompt."""
    for spec in specs:
        object_id, at, rest = _target(spec)
        phrases = parse_phrases(rest)
        if len(phrases) != 1:
            raise UsageError(
                f"'{spec}' has {len(phrases)} phrases for one object",
                hint="give each object a text of its own: 1:the red car, 2:a dog",
            )
        yield Prompt(object_id, at, phrases[0])


def parse_exemplars(specs: Iterable[str]) -> Iterator[Prompt]:
    """One prompt per region of another image.  Raises UsageError, and BadPrompt for the
    files.
    """
    for spec in specs:
        object_id, at, rest = _target(spec)
        image, colon, region = rest.rpartition(":")
        region, threshold = _threshold(region, f"--exemplar {spec}")
        if not colon or not image or not region.strip():
            raise UsageError(
                f"--exemplar {spec} has no region of the image",
                hint="write it like image.jpg:10,20,200,300 or image.jpg:mask.png",
            )
        if _BOX.fullmatch(region):
            box = Box(*_numbers(region, 4, f"--exemplar {spec}", "image.jpg:10,20,200,300"))
            yield Prompt(object_id, at, boxed_exemplar(Path(image), box, threshold))
        else:
            exemplar = masked_exemplar(Path(image), Path(region), threshold)
            yield Prompt(object_id, at, exemplar)


def parse_labels(specs: Iterable[str]) -> dict[int, str]:
    """Labels by object id, as they are written: a class, or class:name."""
    labels: dict[int, str] = {}
    for spec in specs:
        object_text, equals, name = spec.partition("=")
        label, instance = split_label(name)
        if not (equals and object_text.isdecimal() and label) or instance == "":
            raise UsageError(
                f"--label {spec} is not OBJ=class or OBJ=class:name",
                hint="for example --label 1=person or --label 1=person:anna",
            )
        object_id = _object_id(object_text)
        check_label(name)
        if object_id in labels:
            raise UsageError(
                f"object {object_id} has two labels: '{labels[object_id]}' and "
                f"'{name.strip()}'",
                hint="give one of them",
            )
        labels[object_id] = name.strip()
    return labels


def _target(spec: str) -> tuple[int, Timecode, str]:
    """(object id, place, rest) of a spec; what is left out is object 1 on the first frame."""
    match = _TARGET.fullmatch(spec)
    if match is None:
        return 1, FIRST_FRAME, spec
    object_id, at = _object_and_place(match)
    return object_id or 1, at, match["rest"]


def _object_and_place(match: re.Match[str]) -> tuple[int | None, Timecode]:
    """The part before the colon.  Raises UsageError for object 0, which is the background."""
    object_id = _object_id(match["object"]) if match["object"] else None
    return object_id, parse_timecode(match["at"]) if match["at"] else FIRST_FRAME


def _object_id(digits: str) -> int:
    """The number of an object.  Raises UsageError for 0 and for one that cannot be stored."""
    # Python reads no number of thousands of digits.
    object_id = int(digits) if len(digits) <= len(str(LAST_OBJECT_ID)) else LAST_OBJECT_ID + 1
    if object_id == 0:
        raise UsageError("object 0 is the background", hint="number objects from 1")
    if object_id > LAST_OBJECT_ID:
        raise UsageError(
            f"object {digits[:24]} is more than {LAST_OBJECT_ID}", hint="number objects from 1"
        )
    return object_id


def _threshold(text: str, where: str) -> tuple[str, float | None]:
    """The text without its trailing =THRESHOLD, and that.  Raises UsageError unless it is a
    number.
    """
    before, equals, after = text.rpartition("=")
    if not equals:
        return text, None
    return before, _numbers(after, 1, where, "image.jpg:10,20,200,300=0.7")[0]


def _sign(text: str) -> tuple[str, bool]:
    """The text without its trailing + or -, and whether it means "this" rather than "not
    this".
    """
    text = text.strip()
    return (text[:-1], text[-1] == "+") if text.endswith(("+", "-")) else (text, True)


def _numbers(text: str, count: int, where: str, example: str) -> list[float]:
    """`count` finite numbers separated by commas.  Raises UsageError showing an example."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != count or not np.isfinite(values).all():
        raise UsageError(
            f"{where} does not give {count} numbers", hint=f"write it like {example}"
        )
    return values
