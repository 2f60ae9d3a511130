"""Counts over time as SVG, alone or in a page with the table of all events.

Enters: events, and the first and the last time of the run.  Leaves: markup without scripts
that loads nothing.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from vseg.analysis.event_table import CountCurve, EventRow, count_curves, event_rows
from vseg.analysis.page_style import STYLE
from vseg.events.scene_event import SceneEvent
from vseg.io.files import atomic_write_text
from vseg.io.html_page import html_page
from vseg.ops.colours import hex_of
from vseg.ops.ticks import round_ticks

_WIDTH = 1100
_LEFT = 170
_RIGHT = 24
_TOP = 26
_ROW = 78
_HEIGHT = 54
_LETTERS = 24


def write_event_plot(
    path: Path, title: str, events: Sequence[SceneEvent], span_s: tuple[float, float]
) -> None:
    """Write a page (.html), or the curves alone (.svg).  Raises OutputError."""
    curves = count_curves(events)
    if path.suffix.lower() == ".svg":
        atomic_write_text(path, event_svg(curves, events, span_s, alone=True))
        return
    body = (
        f"<h1>{escape(title)}</h1>"
        f'<div class="panel scroll">{event_svg(curves, events, span_s)}</div>'
        f'<div class="panel scroll">{_table(event_rows(events))}</div>'
    )
    atomic_write_text(path, html_page(title, STYLE, body))


def event_svg(
    curves: Sequence[CountCurve],
    events: Sequence[SceneEvent],
    span_s: tuple[float, float],
    *,
    alone: bool = False,
) -> str:
    """A row for each curve, with marks where something else happened at its place.

    alone: whether it is a file of its own, and so has its style within it.
    """
    height = _TOP + _ROW * max(1, len(curves)) + 8
    parts = [_axis(span_s, height)]
    for row, curve in enumerate(curves):
        own = [e for e in events if e.place == curve.place]
        parts.append(_curve(curve, own, span_s, _TOP + _ROW * row))
    size = f' xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}"'
    style = f"<style>{_PLAIN}</style>" if alone else ""
    return (
        f'<svg{size if alone else ""} viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="counts over time">{style}{"".join(parts)}</svg>'
    )


_PLAIN = (
    "svg{background:#fff} text{font:12px sans-serif;fill:#1a1e24} text.faint{fill:#5d6673}"
    " .grid{stroke:#d9dee5} .event{stroke:#d3382f;stroke-width:1.5}"
)


def _axis(span_s: tuple[float, float], height: int) -> str:
    first, last = span_s
    # Ticks of a short run lie closer than a second.
    scale = 10 if last - first < 8 else 1
    marks = []
    for tick in round_ticks(int(first * scale), int(last * scale) + 1):
        x = _x(tick / scale, span_s)
        name = f"{tick / scale:g} s"
        marks.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{height}"/>'
            f'<text class="faint" x="{x:.1f}" y="14" text-anchor="middle">{name}</text>'
        )
    return "".join(marks)


def _curve(
    curve: CountCurve, events: Sequence[SceneEvent], span_s: tuple[float, float], top: int
) -> str:
    name = curve.place if curve.direction is None else f"{curve.place}, {curve.direction}"
    most = max(1, *curve.counts)
    base = top + _HEIGHT
    points = [(_x(span_s[0], span_s), float(base))]
    for at, count in zip(curve.times_s, curve.counts, strict=True):
        x = _x(at, span_s)
        points.append((x, points[-1][1]))
        points.append((x, base - (_HEIGHT - 10) * count / most))
    points.append((_x(span_s[1], span_s), points[-1][1]))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    area = f"{line} {points[-1][0]:.1f},{base} {points[0][0]:.1f},{base}"
    colour = hex_of(1 if curve.direction is None else 2)
    short = name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
    marks = [
        f'<line class="event" x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 9}">'
        f"<title>{escape(event.kind)}, {event.time_s:.2f} s</title></line>"
        for event in events
        if event.kind not in ("inside", "crossing") and event.phase in ("start", "instant")
        for x in [_x(event.time_s, span_s)]
    ]
    return (
        f'<text x="0" y="{base - 18}">{escape(short)}<title>{escape(name)}</title></text>'
        f'<text class="faint" x="0" y="{base - 2}">0 to {max(curve.counts)}</text>'
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{base}" y2="{base}"/>'
        f'<polygon fill="{colour}" fill-opacity=".2" points="{area}"/>'
        f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{line}"/>'
        f"{''.join(marks)}"
    )


def _x(at: float, span_s: tuple[float, float]) -> float:
    length = max(span_s[1] - span_s[0], 1e-9)
    share = min(1.0, max(0.0, (at - span_s[0]) / length))
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * share


def _table(rows: Sequence[EventRow]) -> str:
    names = ("place", "event", "label", "direction", "count", "mean s", "longest s", "at once")
    head = "".join(f"<th>{name}</th>" for name in names)
    lines = []
    for row in rows:
        cells = (row.place, row.kind, row.label, row.direction, row.count)
        numbers = (row.mean_s, row.longest_s, row.most)
        texts = ["" if cell is None else escape(str(cell)) for cell in (*cells, *numbers)]
        lines.append(f"<tr>{''.join(f'<td>{text}</td>' for text in texts)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
