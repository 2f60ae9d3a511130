"""What truly happens in a zone and on a line of a synthetic street, and how well events say it.

Enters: the passages of a street, whose figures are where their speed takes them, and scene
events.  Leaves: true crossings and stays; precision, recall and F1, and how far times are off.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from benchmarks.streets_scene import FPS, HEIGHT, WIDTH, Passage, StreetScene
from vseg.events.scene_event import SceneEvent
from vseg.events.zone_file import ZoneFile

LINE_X = 0.5
ZONE_X = (0.35, 0.65)
ZONES = ZoneFile.model_validate(
    {
        "zone": [
            {
                "name": "middle",
                "polygon": [
                    [ZONE_X[0], 0.5],
                    [ZONE_X[1], 0.5],
                    [ZONE_X[1], 1],
                    [ZONE_X[0], 1],
                ],
            }
        ],
        # Seen from its upper end, the right of the line is the left of the image.
        "line": [
            {
                "name": "gate",
                "begin": [LINE_X, 0.5],
                "end": [LINE_X, 1],
                "forward": "left",
                "backward": "right",
            }
        ],
    }
)
"""The zone and the line; feet of all lanes pass through both."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One crossing or stay.  object_id: None where ids are not those of the truth."""

    kind: str
    object_id: int | None
    begin_s: float
    end_s: float
    direction: str | None = None


@dataclass(slots=True)
class Score:
    """True, told and matched happenings, and the largest errors of begins and ends."""

    true: int = 0
    told: int = 0
    matched: int = 0
    off_s: list[float] = field(default_factory=list)

    @property
    def f1(self) -> float:
        """2 matched / (true + told); 1 where nothing happens and nothing is told."""
        total = self.true + self.told
        return 2 * self.matched / total if total else 1.0

    @property
    def largest_off_s(self) -> float:
        return max(self.off_s, default=0.0)


def true_happenings(scene: StreetScene) -> list[Happening]:
    """What the passages do in the zone and on the line."""
    found: list[Happening] = []
    for passage in scene.passages:
        if passage.speed == 0:
            found += _parked(passage, scene.num_frames)
            continue
        direction = "right" if passage.speed > 0 else "left"
        crossed = _reaches(passage, LINE_X * WIDTH)
        edges = sorted(_reaches(passage, x * WIDTH) for x in ZONE_X)
        begin, end = (float(np.ceil(edge)) for edge in edges)
        found.append(
            Happening("crossing", passage.object_id, crossed / FPS, crossed / FPS, direction)
        )
        found.append(Happening("inside", passage.object_id, begin / FPS, end / FPS))
    return found


def told_happenings(events: Iterable[SceneEvent]) -> list[Happening]:
    """What the events say, each crossing and each ended stay once."""
    found: list[Happening] = []
    for event in events:
        crossing = event.kind == "crossing"
        if not crossing and (event.kind, event.phase) != ("inside", "end"):
            continue
        assert event.object is not None and event.begin_s is not None
        end = event.begin_s + (event.seconds or 0.0)
        found.append(
            Happening(event.kind, event.object.id, event.begin_s, end, event.direction)
        )
    return found


def compare(
    true: Sequence[Happening], told: Sequence[Happening], within_s: float, *, by_id: bool
) -> Score:
    """Match happenings of one kind one to one, by their times.

    within_s: how far both ends may be off.  by_id: whether the ids must agree.
    """
    score = Score(len(true), len(told))
    if not true or not told:
        return score
    off = np.array([[_off_s(one, other, by_id=by_id) for other in told] for one in true])
    rows, columns = linear_sum_assignment(np.minimum(off, 1e6))
    for row, column in zip(rows, columns, strict=True):
        if off[row, column] <= within_s:
            score.matched += 1
            score.off_s.append(float(off[row, column]))
    return score


def _off_s(one: Happening, other: Happening, *, by_id: bool) -> float:
    same = one.kind == other.kind and one.direction == other.direction
    if not same or (by_id and one.object_id != other.object_id):
        return np.inf
    return max(abs(one.begin_s - other.begin_s), abs(one.end_s - other.end_s))


def _reaches(passage: Passage, x: float) -> float:
    """The frame, with its fraction, at which the foot is at x."""
    # The centre of a figure lies between two pixels, half a pixel behind its coordinate.
    return float(passage.begin + (x + 0.5 - passage.start) / passage.speed)


def _parked(passage: Passage, frames: int) -> list[Happening]:
    inside = ZONE_X[0] * WIDTH <= passage.start - 0.5 <= ZONE_X[1] * WIDTH
    if not inside or passage.feet - 1 < 0.5 * HEIGHT:
        return []
    return [Happening("inside", passage.object_id, 0.0, (frames - 1) / FPS)]
