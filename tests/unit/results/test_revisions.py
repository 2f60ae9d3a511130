"""A revision shares what it does not change, and counts only once it is whole."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.results.test_run import frame, header
from vseg.build import open_run
from vseg.errors import BadRun
from vseg.results import MaskRow, RunWriter
from vseg.results.draft import RevisionDraft
from vseg.results.layout import content_root, read_header, write_header
from vseg.results.lives import clearest_frame
from vseg.results.mask_rows import FrameRecord
from vseg.results.revision_chain import go_to, prune, redo, undo
from vseg.results.spans import ObjectSpan, ObjectSpans, SpanState
from vseg.types import Box, Prompt, Timecode

FRAMES = 24


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    prompt = Prompt(5, Timecode(frame=0), Box(1, 2, 30, 20))
    writer = RunWriter.create(path, header(), [prompt])
    for index in range(FRAMES):
        if writer.write(frame(index)):
            writer.commit()
    writer.finish()
    return path


def hidden(record: FrameRecord) -> list[MaskRow]:
    return [replace(row, score=0.25) if row.object_id == 5 else row for row in record.rows]


def corrected(path: Path, first: int, end: int) -> int:
    draft = RevisionDraft(path)
    draft.rewrite(first, end, hidden)
    return draft.commit(["--test"]).number


def rows_of(path: Path, revision: int | None = None) -> list[MaskRow]:
    run = open_run(path, revision)
    return [row for object_id in run.object_ids for row in run.track(object_id)]


def test_only_rewritten_rows_differ_and_other_files_are_linked(run_folder: Path) -> None:
    before = rows_of(run_folder)
    assert corrected(run_folder, 9, 12) == 1
    after = rows_of(run_folder)
    changed = [old.frame for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [9, 10, 11]
    assert rows_of(run_folder, 0) == before
    run = open_run(run_folder)
    assert run.revision == 1
    assert run.header.revisions[0].spans == {5: ((9, 12),)}
    for shard, linked in ((0, True), (1, False), (2, True)):
        name = f"masks/shard-{shard:06d}.parquet"
        assert os.path.samefile(run_folder / name, run.content / name) is linked


def test_objects_keep_true_lives(run_folder: Path) -> None:
    draft = RevisionDraft(run_folder)
    draft.rewrite(
        20, FRAMES, lambda record: [replace(row, visible=False) for row in record.rows]
    )
    draft.commit(["--test"])
    assert [o.last_frame for o in open_run(run_folder, 0).objects] == [22, 23]
    assert [o.last_frame for o in open_run(run_folder).objects] == [18, 19]


def test_the_clearest_frame_of_an_object(run_folder: Path) -> None:
    shards = [0, 1, 2]
    visible = [row for row in open_run(run_folder).track(2) if row.visible]
    best = max(visible, key=lambda row: row.score).frame
    assert clearest_frame(run_folder, shards, 2, (0, FRAMES)) == best
    late = max((row for row in visible if row.frame >= 19), key=lambda row: row.score).frame
    assert clearest_frame(run_folder, shards, 2, (19, FRAMES)) == late
    assert clearest_frame(run_folder, shards, 2, (0, 10)) is None


def test_back_and_forth_and_siblings(run_folder: Path) -> None:
    corrected(run_folder, 0, 2)
    corrected(run_folder, 4, 6)
    assert undo(run_folder).revision == 1
    assert corrected(run_folder, 7, 8) == 3
    assert undo(run_folder).revision == 1
    assert redo(run_folder).revision == 3
    assert [r.parent for r in read_header(run_folder).revisions] == [0, 1, 1]
    assert go_to(run_folder, 2).revision == 2
    assert prune(run_folder) == (3,)
    assert undo(run_folder).revision == 1
    assert undo(run_folder).revision == 0
    with pytest.raises(BadRun, match="nothing to undo"):
        undo(run_folder)
    with pytest.raises(BadRun, match="no revision 3"):
        go_to(run_folder, 3)
    assert (
        not content_root(run_folder, read_header(run_folder), 2).with_name("000003").exists()
    )


def test_a_draft_that_was_killed_is_removed_by_the_next(run_folder: Path) -> None:
    before = rows_of(run_folder)
    killed = RevisionDraft(run_folder)
    killed.rewrite(0, FRAMES, hidden)
    assert rows_of(run_folder) == before
    (killed.folder / "foreign").write_text("left")
    again = RevisionDraft(run_folder)
    assert again.folder == killed.folder and not (again.folder / "foreign").exists()
    again.discard()
    assert not (run_folder / "revisions").exists()
    assert rows_of(run_folder) == before


def test_an_unfinished_run_is_refused(run_folder: Path) -> None:
    interrupted = read_header(run_folder).model_copy(update={"status": "interrupted"})
    write_header(run_folder, interrupted)
    with pytest.raises(BadRun, match="only a finished run") as caught:
        RevisionDraft(run_folder)
    assert "--resume" in (caught.value.hint or "")


def test_spans_of_a_run_as_tracked(run_folder: Path) -> None:
    two, five = open_run(run_folder).spans
    whole = SpanState.PREDICTED
    assert two == ObjectSpans(object_id=2, spans=(ObjectSpan(first=10, end=24, state=whole),))
    assert five.anchors == (0,)
    assert five.spans == (ObjectSpan(first=0, end=24, state=whole),)


def test_spans_are_cut_and_joined() -> None:
    spans = ObjectSpans(object_id=1, spans=())
    spans = spans.marked(0, 30, SpanState.PREDICTED).marked(10, 20, SpanState.ABSENT)
    spans = spans.marked(20, 25, SpanState.ABSENT).anchored(5, 3, 5)
    assert [(s.first, s.end, s.state) for s in spans.spans] == [
        (0, 10, "predicted"),
        (10, 25, "absent"),
        (25, 30, "predicted"),
    ]
    assert spans.anchors == (3, 5)
    assert spans.state_at(24) is SpanState.ABSENT
    assert spans.state_at(99) is SpanState.PREDICTED
