"""Edits that need no tracking change what they name, and nothing else; wrong ones nothing."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import vseg
from tests.unit.results.test_run import HEIGHT, WIDTH, header
from vseg.errors import BadPrompt, BadRun, OutputError, UnknownObject, UsageError, VsegError
from vseg.pipelines.run_edit import RunEdit
from vseg.results import MaskRow, RunWriter
from vseg.results.compare_revisions import compare_revisions
from vseg.results.layout import read_header
from vseg.results.write_lock import write_lock
from vseg.types import Box, Frame, Prompt, Timecode, TrackEvent

FRAMES = 40
GAP = 13
"""A frame that could not be read."""


def square(x: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[4:20, x : x + 10] = True
    return mask


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Objects 1 and 2 apart on all frames, 3 from 20 on where 4 was before."""
    folder = tmp_path / "run"
    prompts = [Prompt(i, Timecode(frame=0), Box(1, 1, 20, 20)) for i in (1, 2)]
    prompts.append(Prompt(2, Timecode(frame=30), Box(1, 1, 20, 20)))
    writer = RunWriter.create(folder, header(), prompts)
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    for index in range(FRAMES):
        if index == GAP:
            writer.write_damaged(index, index / 24, "torn")
            continue
        late = {3: square(38)} if index >= 20 else {4: square(38)}
        masks = {1: square(index % 3), 2: square(20), **late}
        writer.write(vseg.FrameMasks.of(Frame(index, index, index / 24, image), masks))
    writer.note([TrackEvent(20, "created", 3), TrackEvent(35, "reprompted", 2)])
    writer.finish()
    return folder


def rows(path: Path, revision: int | None = None) -> dict[tuple[int, int], MaskRow]:
    run = vseg.open_run(path, revision)
    return {(i, row.frame): row for i in run.object_ids for row in run.track(i)}


def content(path: Path) -> dict[str, str]:
    """Everything of a run but who writes it."""
    files = [p for p in sorted(path.rglob("*")) if p.is_file() and p.name != ".writer.json"]
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_absent_hides_a_range_and_nothing_else(path: Path) -> None:
    before = rows(path)
    with vseg.open_run(path).edit() as edit:
        edit.absent(2, 5, 15)
    after = rows(path)
    changed = {key for key, row in after.items() if before[key] != row}
    assert changed == {(2, f) for f in range(5, 15) if f != GAP}
    row = after[2, 7]
    assert (row.visible, row.area, row.source) == (False, 0, "edit")
    assert (row.pts, row.time_s) == (before[2, 7].pts, before[2, 7].time_s)
    spans = vseg.open_run(path).spans[1]
    assert [(s.first, s.end, s.state) for s in spans.spans] == [
        (0, 5, "predicted"),
        (5, 15, "absent"),
        (15, 40, "predicted"),
    ]
    assert vseg.open_run(path).damaged == {GAP: "torn"}
    assert edit.revision is not None and edit.revision.commands == ("--absent 2@5:15",)


def test_delete_rename_and_add(path: Path) -> None:
    before = rows(path)
    with RunEdit(path) as edit:
        edit.delete(2)
        edit.rename(1, "car")
        edit.colour(3, "#ff8a00")
        assert edit.add("dog") == 5
    run = vseg.open_run(path)
    assert run.object_ids == (1, 3, 4, 5)
    assert run.labels == {1: "car", 5: "dog"}
    assert [o.colour for o in run.objects if o.id == 3] == ["#ff8a00"]
    assert rows(path) == {key: row for key, row in before.items() if key[0] != 2}
    assert [p.object_id for p in run.prompts] == [1]
    assert [e.object_id for e in run.events] == [3]


def test_merge_takes_rows_prompts_and_events(path: Path) -> None:
    before = rows(path)
    with RunEdit(path) as edit:
        edit.merge(4, 3)
    run = vseg.open_run(path)
    assert run.object_ids == (1, 2, 4)
    assert [row.frame for row in run.track(4)] == [f for f in range(FRAMES) if f != GAP]
    late = replace(before[3, 25], object_id=4)
    assert rows(path)[4, 25] == late
    four = next(o for o in run.objects if o.id == 4)
    assert (four.first_frame, four.last_frame) == (0, 39)
    assert run.events[0].object_id == 4


def test_split_gives_what_follows_a_new_id(path: Path) -> None:
    before = rows(path)
    with RunEdit(path) as edit:
        assert edit.split(2, 22) == 5
    run = vseg.open_run(path)
    after = rows(path)
    assert [row.frame for row in run.track(2)] == [f for f in range(22) if f != GAP]
    assert after[5, 30] == replace(before[2, 30], object_id=5)
    assert [(p.object_id, p.frame_index) for p in run.prompts] == [(1, 0), (2, 0), (5, 30)]
    assert run.events[1].object_id == 5
    assert [spans.anchors for spans in run.spans if spans.object_id in (2, 5)] == [(0,), (30,)]
    with RunEdit(path) as edit:
        edit.merge(2, 5)
    assert rows(path) == before
    assert compare_revisions(path, 0, 2) == ()
    # The id was another object's: it is not given out again.
    with RunEdit(path) as edit:
        assert edit.split(2, 22) == 6


def test_accept_changes_no_mask(path: Path) -> None:
    before = rows(path)
    with RunEdit(path) as edit:
        edit.accept(1, 0, 30)
    run = vseg.open_run(path)
    assert rows(path) == before
    assert run.spans[0].state_at(29) == "accepted" and run.spans[0].state_at(30) == "predicted"
    assert read_header(path).revisions[0].spans == {}


def test_several_edits_are_one_revision_and_undone_together(path: Path) -> None:
    before = rows(path)
    with RunEdit(path) as edit:
        edit.absent(1, 0 + 1, 9)
        edit.merge(4, 3)
    assert edit.revision is not None and edit.revision.number == 1
    spans = {s.object_id: (s.first, s.end) for s in compare_revisions(path, 0, 1)[:1]}
    assert spans == {1: (1, 9)}
    assert vseg.open_run(path).undo().revision == 0
    assert rows(path) == before
    assert vseg.open_run(path).redo().revision == 1
    assert rows(path) != before


WRONG: dict[str, tuple[Callable[[RunEdit], object], type[VsegError], str]] = {
    "no colour": (lambda e: e.colour(1, "red"), BadPrompt, "'red' is no colour"),
    "unknown object": (lambda e: e.rename(9, "x"), UnknownObject, "no object 9"),
    "past the end": (lambda e: e.absent(2, 10, 99), BadPrompt, "leaves"),
    "empty range": (lambda e: e.accept(2, 10, 10), BadPrompt, "holds no frame"),
    "absent over an anchor": (
        lambda e: e.absent(2, 25, 35),
        BadPrompt,
        "prompted on frame 30",
    ),
    "merge apart": (lambda e: e.merge(1, 2), BadPrompt, "39 frames, from 0 to 39"),
    "merge with itself": (lambda e: e.merge(2, 2), BadPrompt, "no two different"),
    "merge with an unknown": (lambda e: e.merge(2, 8), UnknownObject, "no object 8"),
    "split before its start": (lambda e: e.split(3, 20), BadPrompt, "divides nothing"),
    "split on a lost frame": (lambda e: e.split(2, GAP), BadPrompt, "no frame 13"),
    "accept where it is not": (lambda e: e.accept(3, 0, 10), BadPrompt, "has no mask"),
    "id taken": (lambda e: e.add(obj=2), BadPrompt, "next free id is 5"),
    "id of the background": (lambda e: e.add(obj=0), BadPrompt, "no object id"),
    "id of too many bits": (lambda e: e.add(obj=2**31), BadPrompt, "no object id"),
    "time past the end": (lambda e: e.frame_of(Timecode(time_s=99.0)), BadPrompt, "ends at"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_edit_is_a_typed_error_and_the_run_unchanged(path: Path, name: str) -> None:
    wrong, kind, text = WRONG[name]
    before = content(path)
    with pytest.raises(kind, match=text), RunEdit(path) as edit:
        edit.rename(1, "car")
        wrong(edit)
    assert content(path) == before


def test_absent_over_accepted_masks_is_refused(path: Path) -> None:
    with RunEdit(path) as edit:
        edit.accept(1, 5, 9)
    with pytest.raises(BadPrompt, match="5 to 8 were accepted"), RunEdit(path) as edit:
        edit.absent(1, 1, 6)


def test_one_writer_and_only_inside_the_block(path: Path) -> None:
    with write_lock(path), pytest.raises(OutputError, match="being written"), RunEdit(path):
        raise AssertionError
    edit = RunEdit(path)
    with pytest.raises(UsageError, match="not open"):
        edit.rename(1, "car")
    with edit:
        pass
    assert edit.revision is None
    assert not (path / "revisions").exists()


def test_only_the_current_revision_is_edited(path: Path) -> None:
    with RunEdit(path) as edit:
        edit.rename(1, "car")
    with pytest.raises(BadRun, match="not the current"):
        vseg.open_run(path, 0).edit()


def test_a_file_for_a_run_names_the_command_that_makes_one(tmp_path: Path) -> None:
    detections = tmp_path / "det.txt"
    detections.write_text("1,1,10,10,50,50,0.9,-1,-1,-1\n")
    with pytest.raises(BadRun, match="is a file") as error:
        vseg.open_run(detections)
    assert "vseg track CLIP -o RUN" in (error.value.hint or "")
    assert "--detections" in (error.value.hint or "")
