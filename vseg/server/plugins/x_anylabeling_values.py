"""What X-AnyLabeling's client sends and is told: its remote server protocol as values.

Enters: JSON of requests.  Leaves: prompts.  And the way back: masks as shapes, polygons around
the parts of an object, which share its group.  Points of `/predict` are pixels of the image as
it is displayed, those of `/video/prompt` shares of its width and height.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from vseg.errors import BadPrompt
from vseg.ops.outline import SIMPLE, polygons_of
from vseg.types import Box, MaskCrop, Points, PromptValue

UNNAMED = "AUTOLABEL_OBJECT"
"""The label of what was clicked: the client asks for its name when the object is finished."""
MODELS: dict[str, dict[str, Any]] = {
    "vseg-image": {
        "display_name": "vseg: points and boxes",
        # None: the client offers no batch for what is clicked.
        "batch_processing_mode": None,
        "widgets": (
            *("button_add_point", "button_remove_point", "button_add_rect", "button_clear"),
            *("button_finish_object", "mask_fineness_slider", "mask_fineness_value_label"),
        ),
    },
    "vseg-text": {
        "display_name": "vseg: words",
        "batch_processing_mode": "text_prompt",
        "widgets": (
            *("edit_text", "button_send", "input_conf", "edit_conf"),
            *("mask_fineness_slider", "mask_fineness_value_label"),
            "toggle_preserve_existing_annotations",
        ),
    },
    "vseg-video": {
        "display_name": "vseg: points or words, tracked",
        "batch_processing_mode": "video",
        "widgets": (
            *("button_add_point", "button_remove_point", "button_clear"),
            *("button_finish_object", "edit_text", "button_send", "input_conf", "edit_conf"),
            *("mask_fineness_slider", "mask_fineness_value_label"),
            "toggle_preserve_existing_annotations",
        ),
    },
}
"""The models that the client lists, and which of its controls each of them uses."""

Coordinate = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Words = Annotated[str, Field(max_length=1000)]
SessionId = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
FrameNumber = Annotated[int, Field(ge=0, lt=1 << 31)]


class ClientMark(BaseModel):
    """A point or a rectangle.  label: 1 on an object, 0 beside it."""

    type: Literal["point", "rectangle"]
    data: Annotated[list[Coordinate], Field(min_length=2, max_length=4)]
    label: Literal[0, 1] = 1


class ClientParams(BaseModel):
    """Of what the client's controls say, what is used here; 0: a slider was not moved."""

    conf_threshold: Share = 0.0
    epsilon_factor: Share = 0.0
    text_prompt: Words = ""
    marks: Annotated[list[ClientMark], Field(max_length=1000)] = []

    @property
    def least_score(self) -> float | None:
        """The score that a detection needs; None for the detector's own."""
        return self.conf_threshold or None


class ImageRequest(BaseModel):
    """`/v1/predict`.  image: a data URI, or base64 alone."""

    model: str
    image: str
    params: ClientParams = ClientParams()


class VideoPromptRequest(BaseModel):
    """`/v1/video/prompt`: words, or points on one object."""

    session_id: SessionId
    model: str
    frame_index: FrameNumber
    text_prompt: Words = ""
    points: Annotated[list[tuple[Share, Share]], Field(max_length=1000)] = []
    point_labels: Annotated[list[Literal[0, 1]], Field(max_length=1000)] = []
    obj_id: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    params: ClientParams = ClientParams()


class VideoSpanRequest(BaseModel):
    """`/v1/video/propagate/stream`.  end_frame: inclusive."""

    session_id: SessionId
    model: str
    start_frame: FrameNumber | None = None
    end_frame: FrameNumber | None = None


def model_facts(name: str) -> dict[str, Any]:
    """What the client is told of a model."""
    facts = MODELS[name]
    widgets = [{"name": widget, "value": None} for widget in facts["widgets"]]
    return {**facts, "widgets": widgets, "capabilities": {}, "params": {}}


def marked_objects(marks: Sequence[ClientMark]) -> list[list[PromptValue]]:
    """The prompts of each object: one for every rectangle, with the points in it; one for the
    points in no rectangle.  Points beside an object count for every rectangle.

    Raises BadPrompt.
    """
    boxes = [_box_of(mark) for mark in marks if mark.type == "rectangle"]
    points = [
        (*_numbers(mark, 2), float(mark.label)) for mark in marks if mark.type == "point"
    ]
    objects: list[list[PromptValue]] = []
    for box in boxes:
        inside = [p for p in points if not p[2] or _holds(box, p)]
        objects.append([box, *_points_of(inside)])
    outside = [p for p in points if not any(_holds(box, p) for box in boxes)]
    if not boxes or any(label for *_, label in outside):
        objects.append(_points_of(outside))
    if not any(objects):
        raise BadPrompt("no point and no rectangle was given", hint="mark the object")
    return objects


def shapes_of(
    crop: MaskCrop, label: str, score: float, *, group: int | None, epsilon: float
) -> list[dict[str, Any]]:
    """A polygon for each part of a mask, without holes.

    epsilon: the share of the outline's length that it may stray; the two sides of the
    bounding box, twice, stand for the length.
    """
    x1, y1, x2, y2 = crop.xyxy
    tolerance = max(SIMPLE, epsilon * 2 * (x2 - x1 + y2 - y1))
    return [
        {
            "label": label,
            "shape_type": "polygon",
            "points": ring.tolist(),
            "score": round(score, 4),
            "group_id": group,
        }
        for ring in polygons_of(crop, tolerance)
    ]


def _numbers(mark: ClientMark, count: int) -> list[float]:
    if len(mark.data) != count:
        raise BadPrompt(
            f"a {mark.type} has {count} numbers, not {len(mark.data)}",
            hint="x, y of a point; x1, y1, x2, y2 of a rectangle",
        )
    return mark.data


def _box_of(mark: ClientMark) -> Box:
    x1, y1, x2, y2 = _numbers(mark, 4)
    if not mark.label:
        raise BadPrompt(
            "a rectangle beside an object says nothing here",
            hint="mark what is not part of it with points",
        )
    # It may be drawn from any corner.
    return Box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))


def _holds(box: Box, point: tuple[float, ...]) -> bool:
    return box.x1 <= point[0] < box.x2 and box.y1 <= point[1] < box.y2


def _points_of(points: Sequence[tuple[float, ...]]) -> list[PromptValue]:
    if not points:
        return []
    rows = np.array(points, dtype=np.float64)
    return [Points(rows[:, :2], rows[:, 2].astype(bool))]
