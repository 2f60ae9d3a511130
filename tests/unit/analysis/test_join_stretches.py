"""Stretches of a clip as one run: whose objects are whose, and what else must survive."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.runs import header_of
from vseg.analysis.join_stretches import join_stretches
from vseg.build import open_run
from vseg.errors import BadRun
from vseg.frame_masks import FrameMasks
from vseg.results import Run, RunWriter
from vseg.types import MaskCrop, TrackEvent, VideoInfo

FRAMES = 24
VIDEO = VideoInfo(
    height=20, width=60, fps=Fraction(10), num_frames=FRAMES, source="a.mp4", codec="h264"
)
HEADER = header_of(VIDEO, frame_range=(0, FRAMES))


def frame(index: int, columns: dict[int, int | None]) -> FrameMasks:
    """Squares of 6 pixels by object id, at a column; None is not visible."""
    crops = {}
    for object_id, column in columns.items():
        mask = np.zeros((20, 60), dtype=bool)
        if column is not None:
            mask[5:11, column : column + 6] = True
        crops[object_id] = MaskCrop.of(mask)
    return FrameMasks(
        frame_index=index,
        time_s=index / 10,
        height=20,
        width=60,
        object_ids=tuple(sorted(crops)),
        scores=np.linspace(0.5, 0.9, len(crops), dtype=np.float32),
        visible=np.array([crops[i].area > 0 for i in sorted(crops)], dtype=bool),
        sources=tuple("track" for _ in crops),
        crops=crops,
    )


def write(
    path: Path,
    frames: tuple[int, int],
    columns: dict[int, int | None],
    events: tuple[TrackEvent, ...] = (),
    damaged: int | None = None,
) -> Path:
    """A run in which objects stand still."""
    writer = RunWriter.create(path, header_of(VIDEO, frame_range=frames))
    created = [TrackEvent(frames[0], "created", i, label=f"thing {i}") for i in columns]
    writer.note([*created, *events])
    for index in range(*frames):
        if index == damaged:
            writer.write_damaged(index, index / 10, "torn")
        elif writer.write(frame(index, columns)):
            writer.commit()
    writer.finish()
    return path


def at(run: Run, index: int) -> dict[int, int]:
    """The column of each visible object."""
    masks = run[index]
    return {i: masks.crop(i).xyxy[0] for i in masks if masks.crop(i).area}


def test_objects_go_on_under_their_first_ids(tmp_path: Path) -> None:
    parts = [
        write(tmp_path / "a", (0, 10), {1: 0, 2: 20}),
        write(tmp_path / "b", (6, 18), {1: 20, 2: 40, 3: 0}),
        write(tmp_path / "c", (14, 24), {1: 40, 2: 0, 3: 50}),
    ]
    joined = join_stretches(parts, tmp_path / "out", HEADER)
    run = open_run(tmp_path / "out")
    assert (joined.frames, joined.joined, len(run)) == (FRAMES, 4, FRAMES)
    assert [at(run, i) for i in (0, 7)] == [{1: 0, 2: 20}] * 2
    assert [at(run, i) for i in (8, 15)] == [{1: 0, 2: 20, 3: 40}] * 2
    assert [at(run, i) for i in (16, 23)] == [{1: 0, 3: 40, 4: 50}] * 2
    assert run.labels == {1: "thing 1", 2: "thing 2", 3: "thing 2", 4: "thing 3"}
    begun = [(e.frame, e.object_id) for e in run.events if e.kind == "created"]
    assert begun == [(0, 1), (0, 2), (8, 3), (16, 4)]
    assert run.header.status == "complete" and run.header.frame_range == (0, FRAMES)
    assert {o.id: (o.first_frame, o.last_frame) for o in run.objects} == {
        1: (0, 23),
        2: (0, 15),
        3: (8, 23),
        4: (16, 23),
    }


def test_scores_go_with_their_objects(tmp_path: Path) -> None:
    parts = [
        write(tmp_path / "a", (0, 14), {1: 0, 2: 20}),
        write(tmp_path / "b", (10, 24), {1: 20, 2: 0}),
    ]
    join_stretches(parts, tmp_path / "out", HEADER)
    masks = open_run(tmp_path / "out")[20]
    assert masks.object_ids == (1, 2)
    assert masks.scores.tolist() == pytest.approx([0.9, 0.5], abs=1e-3)


def test_who_is_gone_before_the_seam_is_not_in_the_whole(tmp_path: Path) -> None:
    second = RunWriter.create(tmp_path / "b", header_of(VIDEO, frame_range=(10, 24)))
    second.note([TrackEvent(10, "created", 1)])
    for index in range(10, 24):
        second.write(frame(index, {1: 0 if index == 10 else None}))
    second.finish()
    parts = [write(tmp_path / "a", (0, 14), {1: 30}), tmp_path / "b"]
    join_stretches(parts, tmp_path / "out", HEADER)
    run = open_run(tmp_path / "out")
    assert run.object_ids == (1,) and run[20].object_ids == ()


def test_damaged_frames_stay_marked(tmp_path: Path) -> None:
    parts = [
        write(tmp_path / "a", (0, 14), {1: 0}, damaged=3),
        write(tmp_path / "b", (10, 24), {1: 0}, damaged=17),
    ]
    header = join_stretches(parts, tmp_path / "out", HEADER).header
    run = open_run(tmp_path / "out")
    assert run.damaged == {3: "torn", 17: "torn"}
    assert header.status == "partial" and header.damage is not None
    assert (header.damage.frame, header.damage.skipped) == (3, 2)


def test_what_one_stretch_found_is_found(tmp_path: Path) -> None:
    cat = TrackEvent(13, "not_found", label="cat", score=0.2, threshold=0.5)
    dog = TrackEvent(13, "not_found", label="dog", score=0.1, threshold=0.5)
    late = TrackEvent(23, "not_found", label="cat", score=0.3, threshold=0.5)
    parts = [
        write(tmp_path / "a", (0, 14), {1: 0}, (cat, dog)),
        write(tmp_path / "b", (10, 24), {1: 0}, (late,)),
    ]
    join_stretches(parts, tmp_path / "out", HEADER)
    events = open_run(tmp_path / "out").events
    assert [e for e in events if e.kind == "not_found"] == [late]


def test_ids_of_a_detections_file_are_kept(tmp_path: Path) -> None:
    parts = [
        write(tmp_path / "a", (0, 14), {7: 0}),
        write(tmp_path / "b", (10, 24), {7: 30, 9: 0}),
    ]
    asked = header_of(VIDEO, frame_range=(0, FRAMES), options={"detections.keep_ids": True})
    join_stretches(parts, tmp_path / "out", asked)
    assert at(open_run(tmp_path / "out"), 20) == {7: 30, 9: 0}


def test_runs_that_do_not_follow_one_another(tmp_path: Path) -> None:
    first = write(tmp_path / "a", (0, 10), {1: 0})
    apart = write(tmp_path / "b", (10, 24), {1: 0})
    with pytest.raises(BadRun, match="does not go on"):
        join_stretches([first, apart], tmp_path / "out", HEADER)
    assert not (tmp_path / "out").exists()
