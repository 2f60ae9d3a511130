"""What several messages of the annotator's socket hold: crops, prompts, objects, spans.

Coordinates are pixels of the displayed frame; frame ranges are half-open; colours are #rrggbb.
An unknown key is an error.  Every list and text has a bound, so that no message is large
without saying so.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vseg.results.records import MAX_FRAMES
from vseg.types import LAST_OBJECT_ID, LONGEST_PHRASE

MOST_MARKS = 4096
"""Pairs of coordinates of a prompt: a long scribble has some hundreds."""
MOST_RUNS = 400_000
"""Runs of a mask: a frame of 4K with a boundary at every fifth pixel of every row."""
LONGEST_NAME = 200
LONGEST_IMAGE = 3_500_000
"""Characters of an exemplar's image in base64: 2.6 MB of PNG, JPEG or WebP."""

FrameNumber = Annotated[int, Field(ge=0, le=MAX_FRAMES)]
ObjectId = Annotated[int, Field(ge=1, le=LAST_OBJECT_ID)]
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6)]
Pair = tuple[Coordinate, Coordinate]
BoxSides = tuple[Coordinate, Coordinate, Coordinate, Coordinate]
Colour = Annotated[str, Field(pattern="^#[0-9a-f]{6}$")]
Direction = Literal["forward", "backward", "both"]


class Wire(BaseModel):
    """Base of what crosses the socket as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class WireCrop(Wire):
    """A mask: `runs` row by row within the box x, y, w, h, beginning with background."""

    x: Annotated[int, Field(ge=0)]
    y: Annotated[int, Field(ge=0)]
    w: Annotated[int, Field(ge=0)]
    h: Annotated[int, Field(ge=0)]
    runs: Annotated[list[Annotated[int, Field(ge=0)]], Field(max_length=MOST_RUNS)]


class PointsPrompt(Wire):
    """As in prompts.jsonl."""

    kind: Literal["points"]
    xy: Annotated[list[Pair], Field(min_length=1, max_length=MOST_MARKS)]
    positive: Annotated[list[bool], Field(min_length=1, max_length=MOST_MARKS)]


class BoxPrompt(Wire):
    """As in prompts.jsonl: right and bottom exclusive.  It replaces an earlier box."""

    kind: Literal["box"]
    xyxy: BoxSides


class ScribblePrompt(Wire):
    """As in prompts.jsonl: a line on the object, or beside it."""

    kind: Literal["scribble"]
    xy: Annotated[list[Pair], Field(min_length=1, max_length=MOST_MARKS)]
    positive: bool = True


class PolygonPrompt(Wire):
    """As in prompts.jsonl.  It replaces all earlier prompts of the object on the frame."""

    kind: Literal["polygon"]
    rings: Annotated[
        list[Annotated[list[Pair], Field(min_length=3, max_length=MOST_MARKS)]],
        Field(min_length=1, max_length=256),
    ]


class MaskPrompt(Wire):
    """The whole mask as it is to be: what brush and eraser made of the one that was shown.
    It replaces all earlier prompts of the object on the frame.
    """

    kind: Literal["mask"]
    crop: WireCrop


class TextPrompt(Wire):
    """What the object is; the best detection on the frame becomes its mask."""

    kind: Literal["text"]
    phrase: Annotated[str, Field(min_length=1, max_length=LONGEST_PHRASE)]
    threshold: Annotated[float, Field(gt=0, le=1)] | None = None


class ExemplarPrompt(Wire):
    """An object like the one in the box: of a frame of this clip, or of an image in base64 (a
    file of PNG, JPEG or WebP).
    """

    kind: Literal["exemplar"]
    xyxy: BoxSides
    frame: FrameNumber | None = None
    image: Annotated[str, Field(max_length=LONGEST_IMAGE)] | None = None
    threshold: Annotated[float, Field(gt=0, le=1)] | None = None


WirePrompt = Annotated[
    PointsPrompt
    | BoxPrompt
    | ScribblePrompt
    | PolygonPrompt
    | MaskPrompt
    | TextPrompt
    | ExemplarPrompt,
    Field(discriminator="kind"),
]


class RenameWire(Wire):
    """label: what the object is called."""

    kind: Literal["rename"]
    object: ObjectId
    label: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class ColourWire(Wire):
    kind: Literal["colour"]
    object: ObjectId
    colour: Colour


class DeleteWire(Wire):
    kind: Literal["delete"]
    object: ObjectId


class MergeWire(Wire):
    """They become the first one."""

    kind: Literal["merge"]
    objects: Annotated[list[ObjectId], Field(min_length=2, max_length=1000)]


class SplitWire(Wire):
    """From frame `at` on it is another object; the answer says which."""

    kind: Literal["split"]
    object: ObjectId
    at: FrameNumber


class AbsentWire(Wire):
    """It is not in the image on frames [first, end)."""

    kind: Literal["absent"]
    object: ObjectId
    first: FrameNumber
    end: FrameNumber


class AcceptWire(Wire):
    """Its masks on frames [first, end) are right."""

    kind: Literal["accept"]
    object: ObjectId
    first: FrameNumber
    end: FrameNumber


WireEdit = Annotated[
    RenameWire | ColourWire | DeleteWire | MergeWire | SplitWire | AbsentWire | AcceptWire,
    Field(discriminator="kind"),
]


class ObjectState(Wire):
    """An object.  stored: whether the run has it; else it has pending prompts only.
    first_frame, last_frame: of the frames it is visible on, None if on none.
    """

    id: int
    label: str | None
    name: str | None
    colour: str
    first_frame: int | None
    last_frame: int | None
    stored: bool


class PendingMark(Wire):
    """A prompt that was not propagated yet.  number: to take it away.  prompt: None of a mask,
    an exemplar: their pixels stay with the server, and come as the mask of the frame.
    """

    number: int
    object: int
    frame: int
    kind: Literal["points", "box", "scribble", "polygon", "mask", "text", "exemplar"]
    prompt: WirePrompt | None


class Span(Wire):
    """Frames [first, end) of an object."""

    object: int
    first: int
    end: int


class StepTitle(Wire):
    """What undo or redo would do, or did: where to jump to."""

    title: str
    object: int | None
    frame: int | None


class LeaseState(Wire):
    """mode: what this client may do.  held: whether a client writes at all.  watchers: how
    many others are there.
    """

    mode: Literal["write", "watch"]
    held: bool
    watchers: int


class RunningPropagation(Wire):
    """A propagation under way.  done, total: frames; total is the most that may come.  frame:
    tracked last.
    """

    job: int
    done: int
    total: int
    frame: int | None
    seconds: float
