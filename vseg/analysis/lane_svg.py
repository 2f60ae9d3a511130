"""Lanes over time and sizes over time as SVG, for a page without scripts.

Enters: lanes and their time axis.  Leaves: markup whose size is bounded by the lanes' cells.
Colours of objects are attributes, so that they stay where a page's style sheet is refused.
"""

from collections.abc import Sequence
from html import escape

import numpy as np

from vseg.analysis.lanes import Lane, TimeAxis, runs_of
from vseg.ops.ticks import round_ticks
from vseg.types import TrackEvent

WIDTH = 1100
LABEL_WIDTH = 150
_RIGHT = 14
_ROW = 42
_BAR = 15
_TOP = 24
_RISK_LEVELS = 6
_SIZE_HEIGHT = 64
_LABEL_LETTERS = 18


def timeline_svg(
    axis: TimeAxis,
    lanes: Sequence[tuple[str, str, Lane]],
    cuts: Sequence[int],
    events: Sequence[TrackEvent],
    ids: Sequence[int],
) -> str:
    """A lane under the other for (name, colour, lane) of the objects `ids`."""
    height = _TOP + _ROW * len(lanes) + 6
    parts = [_axis_marks(axis, height)]
    for row, (name, colour, lane) in enumerate(lanes):
        own = [event for event in events if event.object_id == ids[row]]
        parts.append(_lane(axis, _TOP + _ROW * row, (name, colour, lane), own))
    parts += [
        f'<line class="cut" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 4}" y2="{height}">'
        f"<title>frame {cut}: a new shot</title></line>"
        for cut in _spaced(axis, cuts)
        for x in [_x(axis, cut)]
    ]
    label = "when each object is present, absent, anchored, accepted, and at risk"
    return _svg(height, label, parts)


def sizes_svg(axis: TimeAxis, lane: Lane, colour: str, pixels: int) -> str:
    """The object's area over time, from 0 to its largest, with the range within each cell."""
    visible = lane.visible > 0
    most = float(lane.most_area.max())
    base = _SIZE_HEIGHT - 4
    right = WIDTH - _RIGHT
    parts = [f'<line class="grid" x1="{LABEL_WIDTH}" x2="{right}" y1="{base}" y2="{base}"/>']
    for first, end, on in runs_of(visible.astype(np.int64)):
        if not on:
            continue
        mean = lane.area[first:end] / lane.visible[first:end]
        xs = [_x(axis, sum(axis.frames_of(cell)) / 2) for cell in range(first, end)]
        upper = _points(xs, lane.most_area[first:end], most, base)
        lower = _points(xs, lane.least_area[first:end], most, base)
        parts.append(
            f'<polygon fill="{colour}" fill-opacity=".25" '
            f'points="{" ".join([*upper, *lower[::-1]])}"/>'
        )
        line = _points(xs, mean, most, base)
        if end - first == 1:  # a line of one point is not drawn
            x, y = line[0].split(",")
            parts.append(f'<circle fill="{colour}" cx="{x}" cy="{y}" r="1.6"/>')
            continue
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.6" '
            f'points="{" ".join(line)}"/>'
        )
    parts.append(
        f'<text class="faint" x="0" y="14">size, most {_percent(most / pixels)}</text>'
    )
    return _svg(_SIZE_HEIGHT, "size over time", parts)


def _lane(
    axis: TimeAxis, top: int, named: tuple[str, str, Lane], events: Sequence[TrackEvent]
) -> str:
    name, colour, lane = named
    short = name if len(name) <= _LABEL_LETTERS else f"{name[: _LABEL_LETTERS - 1]}…"
    parts = [f'<text x="0" y="{top + 12}">{escape(short)}<title>{escape(name)}</title></text>']
    parts += _bars(axis, top, _presence(lane), colour)
    risk = np.ceil(lane.risk * _RISK_LEVELS - 1e-9).astype(np.int64)
    for first, end, level in runs_of(risk):
        if level > 1:  # the lowest level is nothing to show
            x, width, title = _cells(axis, first, end)
            share = level / _RISK_LEVELS
            parts.append(
                f'<rect class="risk" x="{x:.1f}" y="{top + _BAR + 2}" width="{width:.1f}" '
                f'height="7" fill-opacity="{share:.2f}"><title>{title}: risk up to '
                f"{share:.2f}</title></rect>"
            )
    for first, end, on in runs_of((lane.accepted > 0).astype(np.int64)):
        if on:
            x, width, title = _cells(axis, first, end)
            parts.append(
                f'<rect class="accepted" x="{x:.1f}" y="{top + _BAR + 11}" '
                f'width="{width:.1f}" height="3"><title>{title}: accepted</title></rect>'
            )
    parts += [_event(axis, top, event) for event in events]
    for first, end, on in runs_of((lane.anchors > 0).astype(np.int64)):
        if on:
            parts.append(_anchors(axis, top, first, end))
    return "".join(parts)


def _presence(lane: Lane) -> np.ndarray:
    """Of every cell: 0 not tracked, 1 absent, 2 absent as the user said, 3 visible on some of
    its frames, 4 on all.
    """
    levels = np.where(lane.tracked > 0, 1, 0)
    levels = np.where(lane.absent > 0, 2, levels)
    levels = np.where(lane.visible > 0, 3, levels)
    whole = (lane.visible == lane.tracked) & (lane.tracked > 0)
    return np.asarray(np.where(whole, 4, levels), dtype=np.int64)


def _bars(axis: TimeAxis, top: int, presence: np.ndarray, colour: str) -> list[str]:
    words = {1: "absent", 2: "absent, as the user said", 3: "partly present", 4: "present"}
    parts = []
    for first, end, level in runs_of(presence):
        if level == 0:
            continue
        x, width, title = _cells(axis, first, end)
        look = {
            1: 'class="lane"',
            2: 'class="lane" stroke="#888" stroke-dasharray="2 2"',
            3: f'fill="{colour}" fill-opacity=".5"',
            4: f'fill="{colour}"',
        }[level]
        parts.append(
            f'<rect {look} x="{x:.1f}" y="{top}" width="{width:.1f}" height="{_BAR}">'
            f"<title>{title}: {words[level]}</title></rect>"
        )
    return parts


def _event(axis: TimeAxis, top: int, event: TrackEvent) -> str:
    x = _x(axis, event.frame)
    return (
        f'<line class="event" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 3}" y2="{top + 4}">'
        f"<title>frame {event.frame}: {event.kind}</title></line>"
    )


def _anchors(axis: TimeAxis, top: int, first: int, end: int) -> str:
    """A diamond for the anchors of cells [first, end); two with a line between for many."""
    _, _, name = _cells(axis, first, end)
    middle = top + _BAR / 2
    ends = [
        _x(axis, sum(axis.frames_of(cell)) / 2) for cell in dict.fromkeys((first, end - 1))
    ]
    diamonds = "".join(f"M{x:.1f} {middle - 6:.1f}l5.5 6-5.5 6-5.5-6z" for x in ends)
    line = (
        f'<path class="given" d="M{ends[0]:.1f} {middle}H{ends[-1]:.1f}"/>'
        if len(ends) > 1
        else ""
    )
    return (
        f'{line}<path class="anchor" d="{diamonds}"><title>{name}: prompted or given</title>'
        "</path>"
    )


def _axis_marks(axis: TimeAxis, height: int) -> str:
    parts = []
    for frame in round_ticks(axis.first, axis.end):
        x = _x(axis, frame)
        parts.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{height}"/>'
            f'<text class="faint" x="{x:.1f}" y="12" text-anchor="middle">{frame}</text>'
        )
    return "".join(parts)


def _spaced(axis: TimeAxis, frames: Sequence[int]) -> list[int]:
    """At most one frame of every cell."""
    return list({axis.cell(f): f for f in frames if axis.first <= f < axis.end}.values())


def _cells(axis: TimeAxis, first: int, end: int) -> tuple[float, float, str]:
    """Left edge, width and name of the cells [first, end)."""
    begin = axis.frames_of(first)[0]
    stop = axis.frames_of(end - 1)[1]
    x = _x(axis, begin)
    name = f"frames {begin} to {stop - 1}" if stop - begin > 1 else f"frame {begin}"
    return x, max(1.5, _x(axis, stop) - x), name


def _x(axis: TimeAxis, frame: float | int) -> float:
    return LABEL_WIDTH + (WIDTH - LABEL_WIDTH - _RIGHT) * axis.share(frame)


def _points(xs: Sequence[float], areas: np.ndarray, most: float, base: int) -> list[str]:
    heights = (base - 4) * areas / max(most, 1)
    return [f"{x:.1f},{base - h:.1f}" for x, h in zip(xs, heights.tolist(), strict=True)]


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def _svg(height: int, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )
