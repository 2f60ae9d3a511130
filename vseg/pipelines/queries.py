"""What a redetection tracker asks for, and the function that it asks."""

from collections.abc import Callable
from dataclasses import dataclass

from vseg.interfaces.grounder import FrameFeatures
from vseg.types import Frame, Grounding

DetectFunction = Callable[[Frame, FrameFeatures, Frame | None], Grounding]
"""Detections on a frame, of which the session's features can be had; the second frame is the
adjacent one, for what moves.
"""


@dataclass(frozen=True, slots=True)
class Query:
    """What is to be detected, by its name; threshold: the least score of a detection of it."""

    label: str
    threshold: float
