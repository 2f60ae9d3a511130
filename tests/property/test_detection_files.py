"""Made-up detections files: what is good is kept, whatever stands around it."""

import re
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vseg.errors import BadDetections
from vseg.exchange.detection_table import DetectionTable
from vseg.exchange.detections import read_detections
from vseg.exchange.detector_runs import DetectorRuns
from vseg.types import VideoInfo
from vseg_trackers import Detections, MaskletAssociator

FRAMES = 60
VIDEO = VideoInfo("clip.mp4", 48, 64, Fraction(25), FRAMES)
BAD = [
    "{frame},-1,4,6,0,10,0.9,1",
    "{frame},-1,4,6,20,-1,0.9,1",
    "{frame},-1,90,6,20,10,0.9,1",
    "{frame},-1,4,nan,20,10,0.9,1",
    "{frame},-1,4,6,20,10,7,1",
    "{frame},-1,4,6",
    "{frame},-1,4,six,20,10,0.9,1",
    "{frame}.5,-1,4,6,20,10,0.9,1",
    "900,-1,4,6,20,10,0.9,1",
    "-3,-1,4,6,20,10,0.9,1",
]


@dataclass(frozen=True)
class MadeUp:
    """Lines of a file: good ones at a cadence, and bad ones among them."""

    every: int
    frames: tuple[int, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]

    @property
    def mixed(self) -> list[str]:
        """Bad lines after the first good ones, which stay in order."""
        spread = [*zip(self.good, [*self.bad, *[""] * len(self.good)], strict=False)]
        return [line for pair in spread for line in pair if line]


@st.composite
def made_up(draw: st.DrawFn) -> MadeUp:
    every = draw(st.sampled_from([1, 2, 3, 5, 10]))
    runs = range(draw(st.integers(0, 5)), FRAMES, every)
    kept = draw(st.lists(st.booleans(), min_size=len(runs), max_size=len(runs)))
    frames = [frame for frame, keep in zip(runs, kept, strict=True) if keep]
    assume(frames)
    good = []
    for place, frame in enumerate(frames):
        good += [f"{frame + 1},-1,{4 + place % 7},6,20,10,0.9,1"] * draw(st.integers(1, 2))
    most = min(4, len(good) - 1)
    bad = draw(st.lists(st.sampled_from(BAD), max_size=most))
    return MadeUp(
        every, tuple(frames), tuple(good), tuple(b.format(frame=frames[0] + 1) for b in bad)
    )


def read(lines: list[str], *, strict: bool = False, newline: str = "\n") -> DetectionTable:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "det.txt"
        path.write_text(newline.join(lines), newline="")
        return read_detections(path, VIDEO, strict=strict)


def rows_of(table: DetectionTable) -> Counter[tuple[int, float]]:
    return Counter(zip(table.frames.tolist(), table.boxes[:, 0].tolist(), strict=True))


@settings(max_examples=40)
@given(made_up())
def test_the_rows_kept_are_the_good_ones_and_counts_add_up(file: MadeUp) -> None:
    table = read(file.mixed)
    assert rows_of(table) == rows_of(read(list(file.good)))
    assert table.total == len(file.good) + len(file.bad)
    assert (table.frames[1:] >= table.frames[:-1]).all()
    notes = re.findall(r"(\d+) of (\d+) rows skipped", " ".join(table.changes))
    assert all(int(total) == table.total for _, total in notes)
    skipped = [int(count) for count, _ in notes]
    assert sum(skipped) == len(file.bad), table.changes


@settings(max_examples=25)
@given(made_up(), st.randoms(use_true_random=False))
def test_order_and_line_ends_do_not_matter(file: MadeUp, random: st.DrawFn) -> None:
    lines = [*file.good, *file.bad]
    random.shuffle(lines)  # type: ignore[attr-defined]
    shuffled = read(["\ufeff" + lines[0], "", *lines[1:], ""], newline="\r\n")
    assert rows_of(shuffled) == rows_of(read(file.mixed))


@settings(max_examples=25)
@given(made_up())
def test_strict_refuses_exactly_what_was_mended(file: MadeUp) -> None:
    for lines in (list(file.good), file.mixed, [*file.good[::-1]]):
        if read(lines).changes:
            with pytest.raises(BadDetections):
                read(lines, strict=True)
        else:
            assert rows_of(read(lines, strict=True)) == rows_of(read(lines))


@settings(max_examples=40)
@given(made_up())
def test_a_frame_with_rows_is_a_run_and_empty_ones_end_the_file(file: MadeUp) -> None:
    runs = DetectorRuns.of(read(list(file.good)).frames)
    ran = [frame for frame in range(FRAMES) if runs.ran_on(frame)]
    assert set(file.frames) <= set(ran)
    assert not [frame for frame in ran if frame < file.frames[0]]
    after = [frame for frame in ran if frame > file.frames[-1]]
    assert len(after) == (FRAMES - 1 - file.frames[-1] + 1e-9) // runs.stride
    told = DetectorRuns.of(read(list(file.good)).frames, file.every)
    due = range(file.frames[0], FRAMES, file.every)
    assert [frame for frame in range(FRAMES) if told.ran_on(frame)] == list(due)


@settings(max_examples=30)
@given(
    st.sampled_from([1, 2, 5]),
    st.sampled_from([0.2, 1.0, 25.0, 120.0]),
    st.lists(st.floats(-2, 2), min_size=1, max_size=3),
    st.integers(0, 40),
)
def test_ids_stay_at_any_cadence_and_frame_rate(
    every: int, fps: float, speeds: list[float], missed: int
) -> None:
    """Boxes that move less than half their width between two runs; one run misses them."""
    tracker = MaskletAssociator()
    for frame in range(0, 60, every):
        corners = [(200 + speed * frame, 60.0 * row) for row, speed in enumerate(speeds)]
        boxes = np.array([(x, y, x + 40, y + 40) for x, y in corners])
        if frame // every == missed:
            boxes = boxes[:0]
        scores = np.full(len(boxes), 0.99)
        tracks = tracker.update(Detections(frame / fps, boxes, scores))
        assert [track.track_id for track in tracks] == list(range(1, len(boxes) + 1)) or (
            missed == 0
        )
    assert len({track.track_id for track in tracker.tracks()}) == len(speeds)
