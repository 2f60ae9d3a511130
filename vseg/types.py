"""Values that cross a stage boundary, in video pixels.  Tensors of the engine are in
`vseg.tensors`.

Axis letters: T frames, O objects, N points, C channels, H W video pixels, h w cells of the
mask logits.  Images are RGB uint8.  Pixel coordinates are those of the displayed (rotated)
frame: x right, y down, the centre of the top-left pixel is (0, 0) for points; boxes are x1 y1
x2 y2 with right and bottom exclusive.  Object ids are positive ints, 0 is background, and an
id is never reused within a session.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from vseg.errors import BadPrompt

UNKNOWN_FPS = Fraction(24)
"""Frames a second of a source that does not say, in time stamps and in what is written of it:
the rate of cinema, and of DAVIS, the usual clips in folders of images.
"""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a source before its frames are read.

    height, width: of the displayed frame.  fps: nominal rate, None if unknown.  num_frames:
    the true number of displayable frames, None for a live source.  rotation: degrees
    counter-clockwise that were applied to the stored image (0, 90, 180, 270).
    """

    source: str
    height: int
    width: int
    fps: Fraction | None
    num_frames: int | None
    rotation: int = 0
    codec: str = ""
    variable_rate: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """One displayed image.  pts is the container's exact time stamp where there is one."""

    index: int
    pts: int | None
    time_s: float
    image: UInt8[np.ndarray, "H W 3"]

    def __repr__(self) -> str:
        h, w = self.image.shape[:2]
        return f"Frame(index={self.index}, time_s={self.time_s:.3f}, {w}x{h})"


@dataclass(frozen=True, slots=True)
class Points:
    """Clicks.  xy: (N, 2) video pixels; positive: (N,) True for "this", False for "not
    this".
    """

    xy: Float32[np.ndarray, "N 2"]
    positive: Bool[np.ndarray, " N"]

    def __post_init__(self) -> None:
        if len(self.xy) == 0:
            raise BadPrompt("a point prompt needs at least one point")
        if not np.isfinite(self.xy).all():
            raise BadPrompt("a point has a coordinate that is not a number")


@dataclass(frozen=True, slots=True)
class Box:
    """One object's bounding box in video pixels, right and bottom exclusive."""

    x1: int | float
    y1: int | float
    x2: int | float
    y2: int | float

    def __post_init__(self) -> None:
        if not np.isfinite([self.x1, self.y1, self.x2, self.y2]).all():
            raise BadPrompt(f"box {self} has a coordinate that is not a number")
        if self.x2 <= self.x1 or self.y2 <= self.y1:
            raise BadPrompt(
                f"box {self.x1:g},{self.y1:g},{self.x2:g},{self.y2:g} is empty or inverted",
                hint="give it as x1,y1,x2,y2 with x1 < x2 and y1 < y2",
            )


@dataclass(frozen=True, slots=True)
class Scribble:
    """A hand-drawn line through (N, 2) video pixels, on the object (positive) or beside it."""

    xy: Float32[np.ndarray, "N 2"]
    positive: bool = True

    def __post_init__(self) -> None:
        if len(self.xy) == 0:
            raise BadPrompt("a scribble needs at least one point")
        if not np.isfinite(self.xy).all():
            raise BadPrompt("a scribble has a coordinate that is not a number")


@dataclass(frozen=True, slots=True)
class Mask:
    """The object's mask on this frame, at video size."""

    mask: Bool[np.ndarray, "H W"]

    def __repr__(self) -> str:
        return f"Mask({self.mask.shape[1]}x{self.mask.shape[0]}, area={int(self.mask.sum())})"


VisualPrompt = Points | Box | Scribble | Mask
"""Where an object is."""

LONGEST_PHRASE = 200


@dataclass(frozen=True, slots=True)
class Text:
    """What an object is, in words.  threshold: least score in (0, 1], the grounder's own if
    None.
    """

    phrase: str
    threshold: float | None = None

    def __post_init__(self) -> None:
        if not self.phrase.strip():
            raise BadPrompt(
                "a text prompt is empty", hint="say what to look for: --text person"
            )
        if len(self.phrase) > LONGEST_PHRASE:
            raise BadPrompt(
                f"a text prompt has {len(self.phrase)} characters, more than {LONGEST_PHRASE}",
                hint="name one thing in a few words; separate several things by a full stop",
            )
        _check_threshold(self.threshold, f"'{self.phrase}'")


@dataclass(frozen=True, slots=True)
class Exemplar:
    """What an object looks like: a region of another image.

    image: RGB; region: True on the object; source: where the image is from.  threshold: least
    likeness in (0, 1], the grounder's own if None.
    """

    image: UInt8[np.ndarray, "H W 3"]
    region: Bool[np.ndarray, "H W"]
    source: str = ""
    threshold: float | None = None

    def __post_init__(self) -> None:
        named = f"the reference {self.source}".rstrip()
        if self.image.shape != (*self.region.shape, 3):
            raise BadPrompt(
                f"the image of {named} has the shape {self.image.shape}, its region "
                f"{self.region.shape}",
                hint="give an RGB image (height, width, 3), without alpha, and a region "
                "(height, width)",
            )
        if not self.region.any():
            raise BadPrompt(f"the region of {named} is empty")
        _check_threshold(self.threshold, self.source)

    def __repr__(self) -> str:
        return f"Reference({self.source}, area={int(self.region.sum())})"


ConceptPrompt = Text | Exemplar
"""What an object is; a grounder finds where that is."""

PromptValue = VisualPrompt | ConceptPrompt
"""Where an object is, or what it is."""


@dataclass(frozen=True, slots=True)
class Timecode:
    """A place in a video: a frame index, or seconds for which the frame is still to be read
    from the video's index.  Exactly one of the two is set.
    """

    frame: int | None = None
    time_s: float | None = None

    def reached(self, index: int, time_s: float) -> bool:
        """Whether a frame lies at this place or after it."""
        if self.frame is not None:
            return index >= self.frame
        return self.time_s is not None and time_s >= self.time_s

    def __str__(self) -> str:
        return f"{self.time_s:g}s" if self.frame is None else str(self.frame)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt value with the object and the place in the video it is for.

    object_id: None stands for every instance, which only a concept prompt can ask for.
    """

    object_id: int | None
    at: Timecode
    value: PromptValue

    @property
    def frame_index(self) -> int:
        """The frame, of a prompt that was placed in its video."""
        assert self.at.frame is not None, "the prompt's time was not looked up in its video"
        return self.at.frame


def _check_threshold(threshold: float | None, what: str) -> None:
    if threshold is not None and not 0 < threshold <= 1:
        raise BadPrompt(
            f"the threshold {threshold:g} of {what} is not in (0, 1]",
            hint="give a score above 0 and up to 1, or none",
        )


@dataclass(frozen=True, slots=True)
class MaskCrop:
    """A mask cut to its bounding box: `mask` sits with its top-left pixel at (x, y) of the
    frame.
    """

    x: int
    y: int
    mask: Bool[np.ndarray, "h w"]

    @property
    def area(self) -> int:
        return int(np.count_nonzero(self.mask))

    @property
    def xywh(self) -> tuple[int, int, int, int]:
        """The bounding box as left, top, width, height."""
        return self.x, self.y, self.mask.shape[1], self.mask.shape[0]

    @property
    def xyxy(self) -> tuple[int, int, int, int]:
        """The bounding box as x1 y1 x2 y2, right and bottom exclusive."""
        height, width = self.mask.shape
        return self.x, self.y, self.x + width, self.y + height

    def paste(self, height: int, width: int) -> Bool[np.ndarray, "H W"]:
        """The full-size mask."""
        full = np.zeros((height, width), dtype=bool)
        h, w = self.mask.shape
        full[self.y : self.y + h, self.x : self.x + w] = self.mask
        return full

    @staticmethod
    def empty() -> "MaskCrop":
        """The crop of a mask without a pixel: 0 x 0 at (0, 0)."""
        return MaskCrop(0, 0, np.zeros((0, 0), dtype=bool))

    @staticmethod
    def of(mask: Bool[np.ndarray, "H W"]) -> "MaskCrop":
        """Cut a full-size mask to its bounding box; an empty mask gives a 0 x 0 crop at (0,
        0).
        """
        rows = np.flatnonzero(mask.any(axis=1))
        if rows.size == 0:
            return MaskCrop.empty()
        y1 = int(rows[0])
        y2 = int(rows[-1]) + 1
        columns = np.flatnonzero(mask[y1:y2].any(axis=0))
        x1 = int(columns[0])
        x2 = int(columns[-1]) + 1
        return MaskCrop(x1, y1, np.ascontiguousarray(mask[y1:y2, x1:x2]))


@dataclass(frozen=True, slots=True)
class Detections:
    """The detections of one frame.

    boxes: x1 y1 x2 y2 in video pixels.  scores: in [0, 1].  labels: which class, or which of
    the descriptions asked for, by its place.  masks: one for each box, or None.
    """

    boxes: Float64[np.ndarray, "N 4"]
    scores: Float64[np.ndarray, " N"]
    labels: Int64[np.ndarray, " N"]
    masks: tuple[MaskCrop, ...] | None = None

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True, slots=True)
class Grounding:
    """What a grounder found on one frame, best first.

    found: labels are places in the descriptions asked for.  best: the best score that anything
    reached for each description, found or not; 0 where nothing was proposed.  names: what to
    call each detection.
    """

    found: Detections
    best: Float64[np.ndarray, " Q"]
    names: tuple[str, ...]


EventKind = Literal[
    "created",
    "relinked",
    "reprompted",
    "removed",
    "limit_reached",
    "not_found",
    "lost",
    "recovered",
    "cut",
    "merged",
    "filled",
]
"""created: an object begins.  relinked: a detection or a track continues an object that had
none.  reprompted: its mask strayed from its detection and was corrected by it.  removed: it is
not tracked any more.  limit_reached: a detection began no object, because there are too many.
not_found: nothing in the video matched a description.  lost, recovered: the object is not
visible any more, or again.  cut: a shot begins.  merged, filled: an association over the whole
clip gave two objects one id, or a gap in a track its boxes.
"""


@dataclass(frozen=True, slots=True)
class TrackEvent:
    """One thing that happened on a frame; a line of events.jsonl.

    object_id: to whom, None where it concerns all.  track_id: the detections' track behind it,
    or the object that was merged into this one.  iou: of the detection with the object's mask
    or its box before.  last_frame: the last one of a range.  label: what the object is called,
    or the description that was not found; score: the best that anything reached for it, and
    threshold: what it should have reached.
    """

    # A line of a file with an unknown key is refused; results.events reads it with pydantic.
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    frame: int
    kind: EventKind
    object_id: int | None = None
    track_id: int | None = None
    iou: float | None = None
    last_frame: int | None = None
    label: str | None = None
    score: float | None = None
    threshold: float | None = None
