"""The one stored form of prompts: records of what JSON holds, and images beside them by name.

Enters and leaves: prompts.  `prompts.jsonl` writes a record on each line and keeps the images
as files; a snapshot of a session keeps the records in its header and the images as tensors.
Coordinates are video pixels and come back exactly; masks are COCO run lengths within the
record.  An image is named by its content, so one that several prompts use is kept once.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Bool, UInt8
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from vseg.errors import BadPrompt
from vseg.ops.rle import decode_rle, encode_rle
from vseg.types import (
    LAST_OBJECT_ID,
    Box,
    Exemplar,
    Mask,
    MaskCrop,
    Points,
    Polygon,
    Prompt,
    PromptValue,
    Scribble,
    Text,
    Timecode,
    VisualPrompt,
)

Image = UInt8[np.ndarray, "H W 3"]
ImageOf = Callable[[str], Image]
"""The image of a name that `image_digest` made."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    frame: int = Field(ge=0)
    object: int = Field(ge=1, le=LAST_OBJECT_ID)


class PointsRecord(_Record):
    kind: Literal["points"]
    xy: list[tuple[float, float]]
    positive: list[bool]

    def value(self, image_of: ImageOf) -> PromptValue:
        if len(self.xy) != len(self.positive):
            raise BadPrompt(f"{len(self.xy)} points come with {len(self.positive)} signs")
        return Points(_pairs(self.xy), np.array(self.positive, dtype=bool))


class BoxRecord(_Record):
    kind: Literal["box"]
    xyxy: tuple[float, float, float, float]

    def value(self, image_of: ImageOf) -> PromptValue:
        return Box(*self.xyxy)


class ScribbleRecord(_Record):
    kind: Literal["scribble"]
    xy: list[tuple[float, float]]
    positive: bool

    def value(self, image_of: ImageOf) -> PromptValue:
        return Scribble(_pairs(self.xy), self.positive)


class MaskRecord(_Record):
    kind: Literal["mask"]
    size: tuple[int, int]
    counts: str

    def value(self, image_of: ImageOf) -> PromptValue:
        return Mask(unpack_mask(self.size, self.counts))


class PolygonRecord(_Record):
    kind: Literal["polygon"]
    rings: list[list[tuple[float, float]]]

    def value(self, image_of: ImageOf) -> PromptValue:
        return Polygon(self.rings)


class _ConceptRecord(_Record):
    """object: None stands for every instance."""

    object: int | None = Field(ge=1, le=LAST_OBJECT_ID)  # type: ignore[assignment]  # wider than a visual prompt's
    threshold: float | None


class TextRecord(_ConceptRecord):
    kind: Literal["text"]
    phrase: str

    def value(self, image_of: ImageOf) -> PromptValue:
        return Text(self.phrase, self.threshold)


class ExemplarRecord(_ConceptRecord):
    """image: the name of the image.  size, counts: the region.  source: a remark."""

    kind: Literal["exemplar"]
    image: str = Field(pattern="^[0-9a-f]{64}$")
    size: tuple[int, int]
    counts: str
    source: str

    def value(self, image_of: ImageOf) -> PromptValue:
        region = unpack_mask(self.size, self.counts)
        return Exemplar(image_of(self.image), region, self.source, self.threshold)


AnyRecord = (
    PointsRecord
    | BoxRecord
    | ScribbleRecord
    | MaskRecord
    | PolygonRecord
    | TextRecord
    | ExemplarRecord
)
PromptRecord = Annotated[AnyRecord, Field(discriminator="kind")]
"""What is stored of a prompt, and what goes over the wire."""
_RECORD: TypeAdapter[AnyRecord] = TypeAdapter(PromptRecord)


def pack_prompt(prompt: Prompt, images: dict[str, Image]) -> dict[str, Any]:
    """The record of a prompt that has its frame; equal prompts give equal records.

    An exemplar's image is added to `images`.
    """
    place = {"frame": prompt.frame_index, "object": prompt.object_id}
    return place | _pack_value(prompt.value, images)


def unpack_prompt(record: Mapping[str, Any], image_of: ImageOf) -> Prompt:
    """The prompt that `pack_prompt` was given.  Raises BadPrompt for a record that is wrong,
    BadMask for run lengths that are, and what `image_of` raises.
    """
    try:
        read = _RECORD.validate_python(record)
    except ValidationError as error:
        raise BadPrompt(error.errors()[0]["msg"]) from error
    return prompt_of(read, image_of)


def prompt_of(read: AnyRecord, image_of: ImageOf) -> Prompt:
    """The prompt of a record that was read already.  Raises as `unpack_prompt` does."""
    return Prompt(read.object, Timecode(frame=read.frame), read.value(image_of))


def _pack_value(value: PromptValue, images: dict[str, Image]) -> dict[str, Any]:
    match value:
        case Text():
            return {"kind": "text", "phrase": value.phrase, "threshold": value.threshold}
        case Exemplar():
            name = image_digest(value.image)
            images[name] = value.image
            return {
                "kind": "exemplar",
                "image": name,
                **pack_mask(value.region),
                "source": value.source,
                "threshold": value.threshold,
            }
        case _:
            return _pack_place(value)


def _pack_place(value: VisualPrompt | Polygon) -> dict[str, Any]:
    match value:
        case Points():
            signs = value.positive.tolist()
            return {"kind": "points", "xy": value.xy.tolist(), "positive": signs}
        case Box():
            # As floats: a box of whole numbers is the same box.
            sides = value.x1, value.y1, value.x2, value.y2
            return {"kind": "box", "xyxy": [float(side) for side in sides]}
        case Scribble():
            return {"kind": "scribble", "xy": value.xy.tolist(), "positive": value.positive}
        case Mask():
            return {"kind": "mask", **pack_mask(value.mask)}
        case Polygon():
            return {"kind": "polygon", "rings": [ring.tolist() for ring in value.rings]}


def image_digest(image: Image) -> str:
    """The SHA-256 of the image's size and pixels, in hex."""
    height, width = image.shape[:2]
    return hashlib.sha256(f"{width}x{height}:".encode() + image.tobytes()).hexdigest()


def pack_mask(mask: Bool[np.ndarray, "H W"]) -> dict[str, Any]:
    """`size` (height, width) and `counts`, as in COCO."""
    height, width = mask.shape
    return {"size": [height, width], "counts": encode_rle(MaskCrop.of(mask), height, width)}


def unpack_mask(size: Sequence[int], counts: str) -> Bool[np.ndarray, "H W"]:
    """The mask that `pack_mask` was given.  Raises BadMask."""
    height, width = size
    return decode_rle(counts, height, width).paste(height, width)


def _pairs(xy: list[tuple[float, float]]) -> np.ndarray:
    return np.array(xy, dtype=np.float64).reshape(-1, 2)
