"""Where an object's box should be, if it goes on as it went (SAMURAI, arXiv:2411.11922,
section 4.1).

Enters: glimpses of one object.  Leaves: the box to expect, and how well boxes fit it.  There
it is a Kalman filter's; here a straight line is fitted to the last boxes, which needs no state
of its own: what is forgotten of the past is forgotten of the motion too.  Time is counted in
frames.
"""

from vseg.interfaces.memory_policy import HISTORY, CellBox, Cells, History

_STABLE = 0.3
"""A track is stable while its masks' predicted IoU is above this."""

_FITTED = 8
"""How many of the stable glimpses the line goes through: the object may turn."""


def expected_box(past: History, frame_index: int) -> CellBox | None:
    """The box on a frame; None unless the object was seen well on every one of the last
    HISTORY frames.
    """
    if len(past) < HISTORY or any(g.area == 0 or g.quality <= _STABLE for g in past.values()):
        return None
    fitted = list(past.items())[-_FITTED:]
    frames = [float(frame) for frame, _ in fitted]
    x1, y1, x2, y2 = (
        _on_line(frames, [observation.box[side] for _, observation in fitted], frame_index)
        for side in range(4)
    )
    return x1, y1, x2, y2


def box_iou(a: CellBox, b: CellBox) -> float:
    """Intersection over union; 0 if either box is empty."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (_area(a) + _area(b) - both)


def _area(box: CellBox) -> Cells:
    return (box[2] - box[0]) * (box[3] - box[1])


def _on_line(frames: list[float], values: list[Cells], at: int) -> float:
    """The least-squares line through (frame, value), evaluated at a frame."""
    count = len(frames)
    middle = sum(frames) / count
    level = sum(values) / count
    spread = sum((frame - middle) ** 2 for frame in frames)
    slope = (
        sum((f - middle) * (v - level) for f, v in zip(frames, values, strict=True)) / spread
    )
    return level + slope * (at - middle)
