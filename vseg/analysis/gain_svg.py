"""J&F of two runs as SVG: object by object, and over time.

Enters: pairs of scores.  Leaves: markup whose size is bounded by what is shown.  Colours are
attributes, so that a drawing stands alone as a file, too.
"""

from collections.abc import Sequence
from html import escape

import numpy as np

from vseg.analysis.lane_svg import LABEL_WIDTH, WIDTH
from vseg.analysis.run_comparison import ObjectPair, jf_of

FIRST = "#8a93a0"
SECOND = "#2f6fde"
_WORSE = "#d3382f"

MOST_ROWS = 60
"""Objects in one drawing; of more, those with the largest differences."""
_CELLS = 400  # points of a curve: more than one to three pixels each
_ROW = 20
_TOP = 24
_RIGHT = 60
_CURVE_HEIGHT = 120
_LABEL_LETTERS = 20


def gains_svg(pairs: Sequence[ObjectPair]) -> str:
    """A row for every object, the largest loss first: J&F of the first run, of the second,
    and a line between, red where the second is worse.
    """
    largest = sorted(pairs, key=lambda pair: -abs(pair.gain))[:MOST_ROWS]
    rows = sorted(largest, key=lambda pair: pair.gain)
    height = _TOP + _ROW * len(rows) + 6
    parts = _percent_marks(height)
    for number, pair in enumerate(rows):
        y = _TOP + _ROW * number + _ROW / 2
        first = _x(pair.first.measures.jf_mean)
        second = _x(pair.second.measures.jf_mean)
        colour = _WORSE if pair.gain < 0 else SECOND
        name = f"{pair.clip} {pair.object_id}"
        title = (
            f"{escape(name)}: {100 * pair.first.measures.jf_mean:.1f} to "
            f"{100 * pair.second.measures.jf_mean:.1f}"
        )
        parts.append(
            f"<g><title>{title}</title>"
            f'<text x="0" y="{y + 4:.0f}">{escape(_short(name))}</text>'
            f'<line x1="{first:.1f}" x2="{second:.1f}" y1="{y}" y2="{y}" stroke="{colour}" '
            f'stroke-width="2"/><circle cx="{first:.1f}" cy="{y}" r="4" fill="{FIRST}"/>'
            f'<circle cx="{second:.1f}" cy="{y}" r="4" fill="{SECOND}"/>'
            f'<text x="{WIDTH}" y="{y + 4:.0f}" text-anchor="end">{100 * pair.gain:+.1f}'
            "</text></g>"
        )
    return _svg(height, "J&amp;F of every object in both runs", parts)


def curves_svg(pair: ObjectPair) -> str:
    """J&F of one object over the frames of its clip, in both runs."""
    frames = pair.first.curve.frames
    base = _CURVE_HEIGHT - 6
    left = LABEL_WIDTH
    right = WIDTH - _RIGHT
    parts = [
        f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#888" '
        f'stroke-opacity=".4"/><text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">'
        f"{mark}</text>"
        for mark in (0, 50, 100)
        for y in [base - (base - 8) * mark / 100]
    ]
    for colour, one in ((FIRST, pair.first), (SECOND, pair.second)):
        points = []
        for place, value in _reduced(jf_of(one)):
            share = (frames[place] - frames[0]) / max(1, frames[-1] - frames[0])
            x = left + (right - left) * share
            points.append(f"{x:.1f},{base - (base - 8) * value:.1f}")
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.8" '
            f'points="{" ".join(points)}"/>'
        )
    parts.append(
        f'<text x="0" y="20">{escape(_short(f"{pair.clip} {pair.object_id}"))}</text>'
    )
    label = f"J&amp;F of object {pair.object_id} of {escape(pair.clip)} over time"
    return _svg(_CURVE_HEIGHT, label, parts)


def _reduced(values: np.ndarray) -> list[tuple[int, float]]:
    """At most so many points: the lowest of every cell, since faults are what is shown."""
    size = -(-len(values) // _CELLS)
    return [
        (start + int(values[start : start + size].argmin()), float(cell.min()))
        for start in range(0, len(values), size)
        for cell in [values[start : start + size]]
    ]


def _percent_marks(height: int) -> list[str]:
    return [
        f'<line x1="{_x(share):.1f}" x2="{_x(share):.1f}" y1="{_TOP - 6}" y2="{height}" '
        f'stroke="#888" stroke-opacity=".4"/><text x="{_x(share):.1f}" y="12" '
        f'text-anchor="middle">{100 * share:.0f}</text>'
        for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    ]


def _x(share: float) -> float:
    return LABEL_WIDTH + (WIDTH - LABEL_WIDTH - _RIGHT) * share


def _short(name: str) -> str:
    return name if len(name) <= _LABEL_LETTERS else f"{name[: _LABEL_LETTERS - 1]}…"


def _svg(height: int, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{label}" font-family="sans-serif" font-size="12" fill="#5d6673">'
        f"{''.join(parts)}</svg>"
    )
