"""What Label Studio sends to an ML backend, and gets back: requests and results as values.

Enters: JSON of a request.  Leaves: prompts in pixels.  And the way back: masks as results of a
control.  Lengths are per cent of the image, frames count from 1.
"""

import secrets
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from vseg.ops.outline import SIMPLE, polygons_of
from vseg.server.plugins.brush_rle import brush_rle
from vseg.server.plugins.label_config import Control
from vseg.server.plugins.wire_images import png_uri
from vseg.types import Box, MaskCrop, Points, PromptValue

Result = dict[str, Any]
Percent = Annotated[float, Field(ge=-100, le=200)]
"""Drawn shapes may reach over the edge."""
FrameNumber = Annotated[int, Field(ge=0, lt=1 << 31)]
Milliseconds = Annotated[float, Field(ge=0, le=1e12)]
EventName = Literal[
    "capabilities",
    "prewarm",
    "predict",
    "track",
    "track_progress",
    "track_cancel",
    "release",
]


class Keyframe(BaseModel):
    """One entry of a VideoRectangle's sequence.  enabled: False where the object ends."""

    model_config = ConfigDict(extra="allow")

    frame: Annotated[int, Field(ge=1, lt=1 << 31)]
    enabled: bool = True
    x: Percent
    y: Percent
    width: Percent
    height: Percent


class DrawnValue(BaseModel):
    """A point, a rectangle, or the sequence of one; its labels are among the extra keys."""

    model_config = ConfigDict(extra="allow")

    x: Percent | None = None
    y: Percent | None = None
    width: Percent | None = None
    height: Percent | None = None
    positive: bool | None = None
    sequence: Annotated[list[Keyframe], Field(max_length=100_000)] = []


class DrawnRegion(BaseModel):
    """What was drawn.  is_positive: of a smart point, whether it is on the object."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[str, Field(max_length=200)] = ""
    type: Annotated[str, Field(max_length=64)] = ""
    is_positive: bool | None = None
    value: DrawnValue = DrawnValue()

    @property
    def label(self) -> str | None:
        """The first label of the region."""
        given = (self.value.model_extra or {}).get(self.type)
        first = given[0] if isinstance(given, list) and given else None
        return first if isinstance(first, str) else None


class LabelContext(BaseModel):
    """What the annotator did.  frame: from 1.  time_ms: of the frame, which wins."""

    event: EventName = "predict"
    result: Annotated[list[DrawnRegion], Field(max_length=1000)] = []
    frame: FrameNumber = 1
    time_ms: Milliseconds | None = None
    direction: Literal["forward", "backward", "both"] = "forward"
    max_duration_ms: Milliseconds | None = None
    max_frames: Annotated[int, Field(ge=1, lt=1 << 31)] | None = None
    session_id: Annotated[str, Field(max_length=64)] = ""


class LabelTask(BaseModel):
    """data: by the keys that the config names."""

    data: dict[str, Any] = {}


class LabelParams(BaseModel):
    """context: None where tasks are annotated in advance."""

    context: LabelContext | None = None


class LabelRequest(BaseModel):
    """`/predict`."""

    tasks: Annotated[list[LabelTask], Field(min_length=1, max_length=1000)]
    label_config: Annotated[str, Field(max_length=1_000_000)] = ""
    params: LabelParams = LabelParams()


def drawn_prompts(drawn: Sequence[DrawnRegion], hw: tuple[int, int]) -> list[PromptValue]:
    """The prompts of one object: all points, and the last rectangle.  Raises BadPrompt."""
    box: list[PromptValue] = []
    points = []
    for region in drawn:
        value = region.value
        if value.x is None or value.y is None:
            continue
        if region.type.startswith("rectangle"):
            box = [box_of(value.x, value.y, value.width or 0, value.height or 0, hw)]
        elif region.type.startswith("keypoint"):
            sign = region.is_positive if value.positive is None else value.positive
            points.append((value.x * hw[1] / 100, value.y * hw[0] / 100, sign is not False))
    if not points:
        return box
    xy = [(min(x, hw[1] - 1), min(y, hw[0] - 1)) for x, y, _ in points]
    return [*box, Points(xy, [on for *_, on in points])]


def box_of(x: float, y: float, width: float, height: float, hw: tuple[int, int]) -> Box:
    """A rectangle in pixels.  Raises BadPrompt for one without an inside."""
    scale = np.array([hw[1], hw[0], hw[1], hw[0]]) / 100
    return Box(*(np.array([x, y, x + width, y + height]) * scale).tolist())


def percent_box(crop: MaskCrop, hw: tuple[int, int]) -> Result:
    """The box of a mask."""
    x1, y1, x2, y2 = crop.xyxy
    height, width = hw
    sides = {"x": x1 / width, "y": y1 / height}
    sides |= {"width": (x2 - x1) / width, "height": (y2 - y1) / height}
    return {**{name: share * 100 for name, share in sides.items()}, "rotation": 0}


def region_of(
    control: Control, crop: MaskCrop, hw: tuple[int, int], score: float, label: str | None
) -> Result:
    """A mask, not an empty one, as the result of a control of images."""
    value = _value(control.tag, crop, hw)
    if label is not None and control.tag.endswith("labels"):
        value[control.tag] = [label]
    return {
        **answer_item(control, control.tag, value),
        "original_width": hw[1],
        "original_height": hw[0],
        "image_rotation": 0,
        "score": round(score, 4),
    }


def answer_item(control: Control | None, kind: str, value: Result) -> Result:
    """One result, of a control or of none."""
    names = ("", "") if control is None else (control.name, control.to_name)
    return {
        "id": secrets.token_hex(5),
        "from_name": names[0],
        "to_name": names[1],
        "type": kind,
        "origin": "manual",
        "value": value,
    }


def frame_mask(crop: MaskCrop, hw: tuple[int, int]) -> Result:
    """A mask of a video's frame, as the interactive page takes it."""
    return {"imageDataURL": png_uri(crop.paste(*hw)), "width": hw[1], "height": hw[0]}


def _value(tag: str, crop: MaskCrop, hw: tuple[int, int]) -> Result:
    if tag.startswith("brush"):
        return {"format": "rle", "rle": brush_rle(crop.paste(*hw))}
    if tag.startswith("bitmask"):
        return {"format": "png", "imageDataURL": png_uri(crop.paste(*hw))}
    if tag.startswith("rectangle"):
        return percent_box(crop, hw)
    # The outline of the largest part, without holes.
    ring = polygons_of(crop, SIMPLE)[0] * 100 / np.array([hw[1], hw[0]])
    return {"points": ring.tolist(), "closed": True}
