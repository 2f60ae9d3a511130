"""Values that cross a stage boundary, in video pixels.

Prompts are in `vseg.types.prompt_values`, tensors of the engine in `vseg.tensors`.

Axis letters: T frames, O objects, N points, C channels, H W video pixels, h w cells of the
mask logits.  Images are RGB uint8.  Pixel coordinates are those of the displayed (rotated)
frame: x right, y down, the centre of the top-left pixel is (0, 0) for points; boxes are x1 y1
x2 y2 with right and bottom exclusive.  Object ids are positive ints, 0 is background, and an
id is never reused within a session.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

from vseg.types.prompt_values import (
    LAST_OBJECT_ID,
    LONGEST_PHRASE,
    Box,
    ConceptPrompt,
    Exemplar,
    Mask,
    Points,
    Polygon,
    Prompt,
    PromptValue,
    Scribble,
    Text,
    Timecode,
    VisualPrompt,
)

__all__ = [
    "LAST_OBJECT_ID",
    "LONGEST_PHRASE",
    "UNKNOWN_FPS",
    "Box",
    "ConceptPrompt",
    "Detections",
    "EventKind",
    "Exemplar",
    "Frame",
    "Grounding",
    "Mask",
    "MaskCrop",
    "Points",
    "Polygon",
    "Prompt",
    "PromptValue",
    "Scribble",
    "Text",
    "Timecode",
    "TrackEvent",
    "VideoInfo",
    "VisualPrompt",
]

UNKNOWN_FPS = Fraction(24)
"""Frames a second of a source that does not say, in time stamps and in what is written of it:
the rate of cinema, and of DAVIS, the usual clips in folders of images.
"""

SQUARE = Fraction(1)
"""The aspect of pixels that are as wide as high."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a source before its frames are read.

    height, width: of the displayed frame.  fps: nominal rate, None if unknown.  num_frames:
    the true number of displayable frames, None for a live source.  rotation: degrees
    counter-clockwise that were applied to the stored image (0, 90, 180, 270), after it was
    mirrored left to right if `mirrored`.  order_reason: why frames are numbered in the
    decoder's order and their times repaired or counted, None where the container's time
    stamps are taken as they are.  head_dropped: images before the first key frame, which
    cannot be decoded; they have no frame number.  pixel_aspect: width of a displayed pixel by
    its height; players stretch the frame by it, coordinates are those of the pixels.
    """

    source: str
    height: int
    width: int
    fps: Fraction | None
    num_frames: int | None
    rotation: int = 0
    codec: str = ""
    variable_rate: bool = False
    mirrored: bool = False
    order_reason: str | None = None
    head_dropped: int = 0
    pixel_aspect: Fraction = SQUARE


@dataclass(frozen=True, slots=True)
class Frame:
    """One displayed image.  pts is the container's exact time stamp where there is one.

    scaled_from: displayed height and width of the stored image where they are not those of the
    source's first frame, to which it was scaled.
    """

    index: int
    pts: int | None
    time_s: float
    image: UInt8[np.ndarray, "H W 3"]
    scaled_from: tuple[int, int] | None = None

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.shape[0], self.image.shape[1]

    def __repr__(self) -> str:
        h, w = self.hw
        return f"Frame(index={self.index}, time_s={self.time_s:.3f}, {w}x{h})"


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

    def without(self, others: Iterable["MaskCrop"]) -> "MaskCrop":
        """The mask without the pixels of others of the same frame."""
        pixels: Bool[np.ndarray, "h w"] | None = None
        x1, y1, x2, y2 = self.xyxy
        for other in others:
            left = max(x1, other.x)
            top = max(y1, other.y)
            right = min(x2, other.xyxy[2])
            bottom = min(y2, other.xyxy[3])
            if left < right and top < bottom:
                pixels = self.mask.copy() if pixels is None else pixels
                rows = slice(top - other.y, bottom - other.y)
                theirs = other.mask[rows, left - other.x : right - other.x]
                pixels[top - y1 : bottom - y1, left - x1 : right - x1] &= ~theirs
        if pixels is None:
            return self
        left_over = MaskCrop.of(pixels)
        if not left_over.area:
            return left_over
        return MaskCrop(x1 + left_over.x, y1 + left_over.y, left_over.mask)

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
    "renamed",
    "limit_reached",
    "not_found",
    "lost",
    "recovered",
    "cut",
    "merged",
    "filled",
    "rescaled",
]
"""created: an object begins.  relinked: a detection or a track continues an object that had
none.  reprompted: its mask strayed from its detection and was corrected by it.  removed: it is
not tracked any more.  renamed: most of its detections have another label now.  limit_reached:
a detection began no object, because there are too many.  not_found: nothing in the video
matched a description.  lost, recovered: the object is not visible any more, or again.  cut: a
shot begins.  merged, filled: an association over the whole clip gave two objects one id, or a
gap in a track its boxes.  rescaled: images of another size than the frames' begin, and are
scaled to it, or end.
"""


@dataclass(frozen=True, slots=True)
class TrackEvent:
    """One thing that happened on a frame; a line of events.jsonl.

    object_id: to whom, None where it concerns all.  track_id: the detections' track behind it,
    or the object that was merged into this one.  iou: of the detection with the object's mask
    or its box before.  last_frame: the last one of a range.  label: what the object is called,
    or the description that was not found; score: of the detection that created an object, or
    the best that anything reached for a description, and threshold: what it should have
    reached.
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
