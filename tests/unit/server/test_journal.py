"""The annotator's journal: whatever byte a process is killed at, the next one finds the same
state.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vseg.errors import BadPrompt, BadRun, UnknownObject, UsageError
from vseg.frame_masks import FrameMasks
from vseg.pipelines.run_edit import RunEdit
from vseg.results.layout import read_header
from vseg.results.records import RunHeader, SourceFingerprint
from vseg.results.writer import RunWriter
from vseg.server.annotator.journal import Begun, Ended
from vseg.server.annotator.project import Project
from vseg.server.annotator.wire_edits import titled_edit
from vseg.server.annotator.wire_values import (
    AbsentWire,
    ColourWire,
    DeleteWire,
    MergeWire,
    RenameWire,
    SplitWire,
    WireEdit,
)
from vseg.types import (
    Box,
    Exemplar,
    Frame,
    Mask,
    Points,
    Polygon,
    PromptValue,
    Text,
    VideoInfo,
)

HW = (20, 30)
FRAMES = 6


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two objects on six frames, tracked by nobody."""
    path = tmp_path / "run"
    video = VideoInfo("clip.mp4", *HW, None, FRAMES)
    header = RunHeader(
        vseg_version="0",
        model="nano",
        weights_sha256="a" * 64,
        device="cpu",
        dtype="float32",
        source=SourceFingerprint(path="clip.mp4", size=1, sha256="b" * 64),
        video=video,
        shard_frames=4,
    )
    writer = RunWriter.create(path, header)
    left = np.zeros(HW, dtype=bool)
    left[2:9, 2:9] = True
    for index in range(FRAMES):
        image = np.zeros((*HW, 3), np.uint8)
        frame = Frame(index, index, index / 10, image)
        writer.write(FrameMasks.of(frame, {1: left, 2: np.flip(left, axis=1)}))
    writer.finish()
    return path


def edit(project: Project, wire: WireEdit) -> int | None:
    return project.edit(titled_edit(wire))


def state(project: Project) -> tuple[object, ...]:
    """All that a page is told of."""
    pending = [(p.number, p.place, str(p.prompt.value)) for p in project.ledger.pending]
    titles = [step.title for step in project.ledger.steps]
    undone = [step.title for step in project.ledger.undone]
    objects = [(o.id, o.label, o.colour) for o in project.run.objects]
    return pending, titles, undone, objects, project.run.revision, project.ledger.unending


def work(project: Project) -> list[tuple[object, ...]]:
    """Commands of every kind; the state after each."""
    mask = np.zeros(HW, dtype=bool)
    mask[4:8, 5:9] = True
    image = np.full((8, 9, 3), 7, np.uint8)
    values: list[PromptValue] = [
        Points([(5, 5)], [1]),
        Points([(3, 4)], [0]),
        Box(1, 1, 9, 9),
        Box(2, 2, 8, 8),
        Text("dog"),
        Exemplar(image, mask[:8, :9]),
        Mask(mask),
        Polygon([(2, 2), (9, 2), (9, 9)]),
    ]
    states = [state(project)]
    for value in values:
        project.add_prompt(1, 2, value)
        states.append(state(project))
    steps: list[Callable[[], object]] = [
        lambda: project.add_prompt(None, 3, Points([(1, 1)])),
        lambda: edit(project, RenameWire(kind="rename", object=3, label="new")),
        lambda: edit(project, ColourWire(kind="colour", object=2, colour="#0000ff")),
        lambda: project.undo(),
        lambda: project.undo(),
        lambda: project.redo(),
        lambda: project.remove_prompts(1, 2, None),
        lambda: edit(project, SplitWire(kind="split", object=2, at=3)),
        lambda: edit(project, AbsentWire(kind="absent", object=1, first=1, end=3)),
        lambda: project.skip(1, 0, 2),
        lambda: edit(project, MergeWire(kind="merge", objects=[2, 4])),
        lambda: edit(project, DeleteWire(kind="delete", object=3)),
        lambda: project.undo(),
    ]
    for step in steps:
        step()
        states.append(state(project))
    return states


def test_a_process_that_ends_without_a_word_loses_nothing(run: Path) -> None:
    """Nothing is written at the end."""
    expected = work(Project(run))[-1]
    assert state(Project(run)) == expected


def test_every_state_is_found_again(run: Path, tmp_path: Path) -> None:
    project = Project(run)
    copies = []
    original = project.journal.append

    def append_and_copy(entry: object) -> None:
        original(entry)  # type: ignore[arg-type]
        if not isinstance(entry, Begun):
            copies.append(len(project.journal.path.read_bytes()))

    project.journal.append = append_and_copy  # type: ignore[method-assign]
    states = work(project)
    whole = project.journal.path.read_bytes()
    assert len(copies) == len(states) - 1
    # Cut between two commands, and in the middle of the line after them.
    for number, (size, expected) in enumerate(zip(copies, states[1:], strict=True)):
        for torn in (0, 1, 17):
            other = tmp_path / f"copy-{number}-{torn}"
            shutil.copytree(run, other)
            journal = other / "annotation" / "journal.jsonl"
            journal.write_bytes(whole[: size + torn])
            again = Project(other)
            # The run may be ahead of the journal: that is a step of its own, taken back here.
            if again.run.revision != expected[4]:
                assert again.ledger.steps[-1].title == "change by another program"
                again.undo()
                again.ledger.undone.pop()
            assert state(again)[:1] == expected[:1]
            assert again.run.revision == expected[4]


@pytest.mark.parametrize("made", [False, True])
def test_a_revision_that_was_cut_off_is_whole_or_not_there(run: Path, made: bool) -> None:
    project = Project(run)
    pending = project.add_prompt(1, 2, Points([(5, 5)]))
    project.begin_revision("propagation", [pending])
    if made:
        with RunEdit(run) as opened:
            opened.rename(1, "car")  # what was propagated; the prompt itself had no turn
    again = Project(run)
    assert again.run.revision == (1 if made else 0)
    assert [p.number for p in again.ledger.pending] == [pending.number]
    assert again.ledger.begun is None
    assert state(Project(run)) == state(again)


def test_a_propagation_takes_its_prompts_and_undo_gives_them_back(run: Path) -> None:
    project = Project(run)
    first = project.add_prompt(1, 2, Points([(5, 5)]))
    project.begin_revision("propagation", [first])
    for command in (project.undo, project.redo, lambda: project.remove_prompts(1, 2, None)):
        with pytest.raises(UsageError, match="under way"):
            command()
    second = project.add_prompt(1, 4, Points([(5, 5)]))
    with RunEdit(run) as opened:
        opened.rename(1, "car")
    project.end_revision(Ended(revision=1, unending=(1,)))
    assert [p.number for p in project.ledger.pending] == [second.number]
    assert project.ledger.unending == {1}
    project.undo()
    assert [p.number for p in project.ledger.pending] == [first.number, second.number]
    assert read_header(run).revision == 0


def test_an_undo_that_was_cut_off_is_finished(run: Path) -> None:
    project = Project(run)
    edit(project, RenameWire(kind="rename", object=1, label="car"))
    header = (run / "run.json").read_bytes()
    project.undo()
    (run / "run.json").write_bytes(header)  # the journal was written, the run not yet
    again = Project(run)
    assert (again.run.revision, again.ledger.revision) == (0, 0)
    assert again.redo() is not None and again.run.revision == 1


def test_what_another_program_did_is_a_step(run: Path) -> None:
    project = Project(run)
    with RunEdit(run) as opened:
        opened.rename(1, "car")
    assert project.refresh() and not project.refresh()
    assert project.ledger.steps[-1].title == "change by another program"
    project.undo()
    assert read_header(run).revision == 0


def test_a_click_that_contradicts_a_pending_one_is_not_kept(run: Path) -> None:
    project = Project(run)
    first = project.add_prompt(1, 2, Points([(5, 5)]))
    with pytest.raises(BadPrompt, match="object 1 on frame 2 is there and that it is not"):
        project.add_prompt(1, 2, Points([(5, 5)], [0]))
    assert project.pending_of(1, 2) == (first,)


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (lambda p: p.add_prompt(7, 0, Points([(1, 1)])), UnknownObject),
        (lambda p: p.add_prompt(1, 6, Points([(1, 1)])), BadPrompt),
        (lambda p: p.add_prompt(1, 0, Points([(30, 1)])), BadPrompt),
        (lambda p: p.add_prompt(None, 0, Points([(1, 1)], [0])), BadPrompt),
        (lambda p: p.remove_prompts(1, 0, None), BadPrompt),
        (lambda p: edit(p, DeleteWire(kind="delete", object=9)), UnknownObject),
        (lambda p: edit(p, SplitWire(kind="split", object=1, at=0)), BadPrompt),
    ],
)
def test_what_is_refused_leaves_nothing(run: Path, command: object, error: type) -> None:
    project = Project(run)
    before = state(project)
    with pytest.raises(error):
        command(project)  # type: ignore[operator]
    assert state(project) == before == state(Project(run))


def test_who_reads_a_journal_that_is_being_written_cuts_nothing(run: Path) -> None:
    project = Project(run)
    project.add_prompt(1, 0, Points([[5, 5]], [1]))
    whole = project.journal.path.read_bytes()
    project.journal.path.write_bytes(whole[:-9])
    entries = project.journal.read()
    assert [entry.kind for entry in entries] == ["opened"]
    assert project.journal.path.read_bytes() == whole[:-9]


def test_a_damaged_line_is_named(run: Path) -> None:
    Project(run).add_prompt(1, 2, Points([(5, 5)]))
    journal = run / "annotation" / "journal.jsonl"
    journal.write_bytes(b'{"kind": "who"}\n' + journal.read_bytes())
    with pytest.raises(BadRun, match="line 1"):
        Project(run)


def test_ids_are_never_given_again(run: Path) -> None:
    project = Project(run)
    first = project.add_prompt(None, 0, Points([(1, 1)])).place[0]
    project.undo()
    second = project.add_prompt(None, 0, Points([(1, 1)])).place[0]
    assert (first, second) == (3, 4)


def test_a_journal_that_undoes_too_much_is_damaged(run: Path) -> None:
    Project(run)
    journal = run / "annotation" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"kind": "undone", "before": 0}\n')
    with pytest.raises(BadRun, match="more than was done"):
        Project(run)
