"""Objects as boxes that stand where a test puts them, and the events of their zones."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vseg.events.event_engine import EventEngine
from vseg.events.scene_event import EventStamp, SceneEvent
from vseg.events.zone_file import ZoneFile
from vseg.frame_masks import FrameMasks
from vseg.types import Frame

HEIGHT = 100
WIDTH = 160
FPS = 10
Foot = tuple[float, float]
Ways = Mapping[int, Sequence[Foot | None]]
"""The foot of each object on each frame; None where it is hidden."""


def boxes_at(index: int, feet: Mapping[int, Foot | None], time_s: float | None = None) -> Any:
    """The masks of a frame: each a box, 7 wide and 12 high, whose foot is where it is said."""
    masks = {}
    for object_id, foot in feet.items():
        mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
        if foot is not None:
            x, y = round(foot[0]), round(foot[1])
            mask[max(0, y - 11) : y + 1, max(0, x - 3) : x + 4] = True
        masks[object_id] = mask
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    seconds = index / FPS if time_s is None else time_s
    return FrameMasks.of(Frame(index, None, seconds, image), masks)


def engine_of(**zones: Any) -> EventEngine:
    """An engine for zones in pixels."""
    file = ZoneFile.model_validate({"unit": "pixels", **zones})
    return EventEngine(file, HEIGHT, WIDTH, EventStamp("camera", "test", None))


def events_of(
    engine: EventEngine, ways: Ways, labels: Mapping[int, str] | None = None
) -> list[SceneEvent]:
    """Everything that happens while objects go their ways, and the end of it."""
    frames = max(len(way) for way in ways.values())
    found = []
    for index in range(frames):
        feet = {i: way[index] for i, way in ways.items() if index < len(way)}
        found += engine.update(boxes_at(index, feet), labels or {})
    return [*found, *engine.end()]


def walk(start: Foot, stop: Foot, frames: int) -> list[Foot | None]:
    """A way from one foot to another, both included."""
    return [tuple(p) for p in np.linspace(start, stop, frames).tolist()]
