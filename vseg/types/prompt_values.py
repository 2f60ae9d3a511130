"""Prompts: where an object is (points, box, scribble, mask, polygon) or what it is (text,
exemplar).

Coordinates are pixels of the displayed frame: x right, y down, the centre of the top-left
pixel is (0, 0) for points; boxes are x1 y1 x2 y2 with right and bottom exclusive, and so are
corners of polygons.  Lists and tuples are accepted wherever arrays are; what cannot be
converted is a BadPrompt.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from numbers import Real

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from vseg.errors import BadPrompt
from vseg.types.array_value import ArrayValue
from vseg.types.prompt_numbers import (
    as_number,
    as_pairs,
    as_region,
    as_signs,
    check_threshold,
    kind_of,
)
from vseg.types.rings import checked_rings
from vseg.types.whole_numbers import check_frame_number, is_whole

NumberList = Sequence[int | float] | np.ndarray
"""(N,) numbers: a list, a tuple or an array."""
NumberRows = Sequence[Sequence[int | float]] | np.ndarray
"""(N, M) numbers: pairs of coordinates, or the rows of a mask."""
Rings = NumberRows | Sequence[NumberRows]
"""(N, 2) corners of one ring, or a list of such rings."""


@dataclass(frozen=True, slots=True, init=False, eq=False)
class Points(ArrayValue):
    """Clicks.  xy: (N, 2) video pixels; positive: (N,) True for "this object", False for "not
    this object"; left out, all are positive.
    """

    xy: Float32[np.ndarray, "N 2"]
    positive: Bool[np.ndarray, " N"]

    def __init__(self, xy: NumberRows, positive: NumberList | None = None) -> None:
        """positive: booleans, or 1 and 0.  Raises BadPrompt."""
        pairs = as_pairs(xy, "a point prompt")
        object.__setattr__(self, "xy", pairs)
        object.__setattr__(self, "positive", as_signs(positive, len(pairs)))


@dataclass(frozen=True, slots=True)
class Box:
    """One object's bounding box in video pixels, right and bottom exclusive."""

    x1: int | float
    y1: int | float
    x2: int | float
    y2: int | float

    def __post_init__(self) -> None:
        """Raises BadPrompt for a box that is empty, inverted, or not of finite numbers."""
        for side in ("x1", "y1", "x2", "y2"):
            object.__setattr__(self, side, as_number(getattr(self, side), f"{side} of a box"))
        if self.x2 <= self.x1 or self.y2 <= self.y1:
            raise BadPrompt(
                f"box {self.x1:g},{self.y1:g},{self.x2:g},{self.y2:g} is empty or inverted",
                hint="give it as x1,y1,x2,y2 with x1 < x2 and y1 < y2",
            )


@dataclass(frozen=True, slots=True, init=False, eq=False)
class Scribble(ArrayValue):
    """A hand-drawn line through (N, 2) video pixels, on the object (positive) or beside it."""

    xy: Float32[np.ndarray, "N 2"]
    positive: bool

    def __init__(self, xy: NumberRows, positive: bool = True) -> None:
        """Raises BadPrompt."""
        object.__setattr__(self, "xy", as_pairs(xy, "a scribble"))
        object.__setattr__(self, "positive", bool(as_signs([positive], 1)[0]))


@dataclass(frozen=True, slots=True, init=False)
class Mask:
    """The object's mask on this frame, at video size.

    It is held packed, so that thousands of prompts fit in memory.
    """

    _shape: tuple[int, int]
    _packed: bytes

    def __init__(self, mask: NumberRows) -> None:
        """mask: (H, W) booleans, or integers of which one value marks the object and 0 the
        background.  Raises BadPrompt.
        """
        region = as_region(mask, "a mask")
        object.__setattr__(self, "_shape", region.shape)
        # Level 1: repeated bytes are found at any, and it is the fastest.
        object.__setattr__(self, "_packed", zlib.compress(np.packbits(region).tobytes(), 1))

    @property
    def mask(self) -> Bool[np.ndarray, "H W"]:
        """The pixels, unpacked anew at every call."""
        height, width = self._shape
        packed = np.frombuffer(zlib.decompress(self._packed), dtype=np.uint8)
        pixels = np.unpackbits(packed, count=height * width).view(bool)
        return pixels.reshape(height, width)

    def __repr__(self) -> str:
        height, width = self._shape
        return f"Mask({width}x{height}, area={int(self.mask.sum())})"


@dataclass(frozen=True, slots=True, init=False, eq=False)
class Polygon(ArrayValue):
    """The object's outline on this frame: it holds the pixels whose centres lie inside an odd
    number of rings, so that a ring within another is a hole.

    rings: corners x, y in pixels; (10, 20), (200, 20), (200, 300), (10, 300) is the box
    10, 20, 200, 300.
    """

    rings: tuple[Float64[np.ndarray, "_ 2"], ...]

    def __init__(self, rings: Rings) -> None:
        """rings: one ring of (x, y) corners, or a list of them.  Raises BadPrompt for a ring
        of fewer than 3 corners, without area, or that crosses itself.
        """
        object.__setattr__(self, "rings", checked_rings(rings))

    @property
    def bounds(self) -> Box:
        """The bounding box of all rings."""
        corners = np.concatenate(self.rings)
        return Box(*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())

    def __repr__(self) -> str:
        return f"Polygon({[len(ring) for ring in self.rings]} corners)"


VisualPrompt = Points | Box | Scribble | Mask
"""Where an object is, as a model takes it."""

LAST_OBJECT_ID = 2**31 - 1
"""The greatest object id that a run stores: its columns have 32 bits."""

LONGEST_PHRASE = 200
"""Characters: far more than any noun phrase, so that a pasted text is refused.  A round value;
not tuned."""


@dataclass(frozen=True, slots=True)
class Text:
    """What an object is, in words.  threshold: least score in (0, 1], the grounder's own if
    None.
    """

    phrase: str
    threshold: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.phrase, str):
            raise BadPrompt(f"a text prompt is a string, not {kind_of(self.phrase)}")
        if not self.phrase.strip():
            raise BadPrompt("a text prompt is empty", hint="name an object: --text person")
        if len(self.phrase) > LONGEST_PHRASE:
            raise BadPrompt(
                f"a text prompt has {len(self.phrase)} characters, more than {LONGEST_PHRASE}",
                hint="name one object in a few words; separate phrases by a full stop",
            )
        check_threshold(self.threshold, f"'{self.phrase}'")


@dataclass(frozen=True, slots=True, init=False, eq=False)
class Exemplar(ArrayValue):
    """What an object looks like: a region of another image.

    image: RGB; region: True on the object; source: where the image is from.  threshold: least
    similarity in (0, 1], the grounder's own if None.
    """

    image: UInt8[np.ndarray, "H W 3"]
    region: Bool[np.ndarray, "H W"]
    source: str
    threshold: float | None

    def __init__(
        self,
        image: np.ndarray,
        region: NumberRows,
        source: str = "",
        threshold: float | None = None,
    ) -> None:
        """image: (H, W, 3) uint8; region: (H, W) booleans, or integers as in `Mask`.  Raises
        BadPrompt.
        """
        named = f"the exemplar {source}".rstrip()
        pixels = np.asarray(image)
        where = as_region(region, f"the region of {named}")
        if pixels.dtype != np.uint8 or pixels.shape != (*where.shape, 3):
            raise BadPrompt(
                f"the image of {named} is {pixels.dtype} of shape {pixels.shape}, its region "
                f"{where.shape}",
                hint="give an RGB image (height, width, 3) of uint8, without alpha, and a "
                "region (height, width)",
            )
        if not where.any():
            raise BadPrompt(f"the region of {named} is empty")
        check_threshold(threshold, source)
        object.__setattr__(self, "image", pixels)
        object.__setattr__(self, "region", where)
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "threshold", threshold)

    def __repr__(self) -> str:
        return f"Exemplar({self.source}, area={int(self.region.sum())})"


ConceptPrompt = Text | Exemplar
"""What an object is; a grounder finds where that is."""

PromptValue = VisualPrompt | Polygon | ConceptPrompt
"""Where an object is, or what it is.  A polygon becomes a mask once its frame is known."""


@dataclass(frozen=True, slots=True)
class Timecode:
    """A place in a video: a frame index, or seconds for which the frame is still to be read
    from the video's index.  Raises BadPrompt unless exactly one of the two is set.
    """

    frame: int | None = None
    time_s: float | None = None

    def __post_init__(self) -> None:
        if (self.frame is None) == (self.time_s is None):
            raise BadPrompt(
                "a timecode is a frame or a time",
                hint="give vseg.Timecode(frame=60), or vseg.Timecode(time_s=2.4)",
            )
        if self.time_s is None:
            check_frame_number(self.frame)
        elif not isinstance(self.time_s, Real) or not isfinite(self.time_s):
            raise BadPrompt(f"{self.time_s!r:.60} is not a time", hint="give seconds")

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

    def __post_init__(self) -> None:
        if self.object_id is not None and not is_whole(self.object_id):
            raise BadPrompt(
                f"object id {self.object_id!r:.60} is no int", hint="ids start at 1"
            )
        if not isinstance(self.at, Timecode):
            raise BadPrompt(
                f"a prompt is at a timecode, not {kind_of(self.at)}",
                hint="give vseg.Timecode(frame=60)",
            )
        if not isinstance(self.value, PromptValue):
            raise BadPrompt(
                f"{kind_of(self.value)} is not a prompt",
                hint="give vseg.Points, Box, Scribble, Mask, Polygon, Text or Exemplar",
            )

    @property
    def frame_index(self) -> int:
        """The frame, of a prompt that was placed in its video."""
        assert self.at.frame is not None, "the prompt's time was not looked up in its video"
        return self.at.frame
