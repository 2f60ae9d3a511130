"""A run survives kills, changes of direction and full disks, and refuses other inputs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.written_runs import PROMPTS, frame, header, track
from vseg.build import open_run
from vseg.errors import BadRun, OutputError
from vseg.results import (
    Damage,
    Prompt,
    RunState,
    RunWriter,
    SourceFingerprint,
    run_state,
    verify_run,
)
from vseg.results.events import read_events
from vseg.types import Box, Timecode, TrackEvent


def test_a_shard_is_full_at_its_last_frame_in_either_direction(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path / "run", header())
    assert [index for index in range(5, 20) if writer.write(frame(index))] == [7, 15]
    backward = range(18, 6, -1)
    full = [index for index in backward if writer.write(frame(index), reverse=True)]
    assert full == [16, 8]


def test_a_backward_run_resumes_below_its_last_commit(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path / "run", header())
    for index in range(18, 11, -1):
        writer.write(frame(index), reverse=True)
    writer.note([TrackEvent(15, "cut"), TrackEvent(13, "lost", 1)])
    writer.commit(b"state")
    writer.write(frame(11), reverse=True)
    writer.note([TrackEvent(17, "cut")])  # of a frame above the last, but not committed
    writer.write(frame(7), reverse=True)  # another shard: the events go to the disk
    resumed = RunWriter.resume(tmp_path / "run", header())
    assert (resumed.next_frame, resumed.state) == (11, b"state")
    assert [event.frame for event in read_events(tmp_path / "run")] == [13, 15]
    kept = resumed.writer.stored(14)
    assert kept is not None and kept.object_ids == (1, 2)
    assert resumed.writer.stored(19) is None


def test_a_frame_written_again_replaces_the_earlier_one(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path / "run", header())
    track(writer, range(20))
    writer.write(replace(frame(3, shift=1)))
    writer.finish()
    stored = open_run(tmp_path / "run")[3]
    np.testing.assert_array_equal(stored[1], frame(3, shift=1)[1])


def test_a_finished_run_takes_no_more(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path / "run", header())
    writer.write(frame(0))
    writer.finish()
    for act in (lambda: writer.write(frame(1)), writer.commit, writer.finish):
        with pytest.raises(OutputError, match="finished"):
            act()
    with pytest.raises(BadRun, match="nothing is left"):
        RunWriter.resume(tmp_path / "run", header())


def test_a_damaged_source_makes_a_partial_run(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path / "run", header())
    track(writer, range(11))
    writer.finish(Damage(frame=11, reason="invalid data"))
    run = open_run(tmp_path / "run")
    assert (run.header.status, run.header.damage) == (
        "partial",
        Damage(frame=11, reason="invalid data"),
    )
    assert run_state(tmp_path / "run") is RunState.FINISHED and len(run) == 11


@pytest.mark.parametrize("text", ['{"format_version": 1}', "{cut", ""])
def test_an_unreadable_run_can_be_replaced(tmp_path: Path, text: str) -> None:
    root = tmp_path / "run"
    track(RunWriter.create(root, header()), range(3))
    (root / "run.json").write_text(text)
    assert run_state(root) is RunState.UNREADABLE
    with pytest.raises(OutputError, match="already holds a run"):
        RunWriter.create(root, header())
    writer = RunWriter.create(root, header(), overwrite=True)
    track(writer, range(5))
    writer.finish()
    assert len(open_run(root)) == 5


def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "run.json").write_text('{"format_version": 1}')
    (root / "notes.txt").write_text("mine")
    with pytest.raises(BadRun, match="format 1"):
        RunWriter.create(root, header(), overwrite=True)
    assert (root / "notes.txt").read_text() == "mine"


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path / "run", header())
    with pytest.raises(OutputError, match="frame 4 is 50x60"):
        writer.write(replace(frame(4), height=60))


def test_an_existing_run_needs_overwrite_and_loses_its_images_too(tmp_path: Path) -> None:
    root = tmp_path / "run"
    track(RunWriter.create(root, header()), range(9))
    (root / "overlay.mp4").write_bytes(b"old")
    (root / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="already holds a run") as refusal:
        RunWriter.create(root, header())
    assert "--overwrite" in (refusal.value.hint or "")
    RunWriter.create(root, header(), overwrite=True)
    assert sorted(path.name for path in root.iterdir()) == [
        "notes.txt",
        "objects.json",
        "prompts.jsonl",
        "run.json",
    ]


def test_a_folder_that_is_no_run_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(BadRun, match="not a run directory"):
            RunWriter.create(tmp_path, header(), overwrite=overwrite)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadRun, match="is a file, not the folder of a run"):
        run_state(tmp_path / "file")


CHANGES = [
    ({"weights_sha256": "c" * 64}, "weights_sha256 was"),
    (
        {"options": {"short_side": 320, "memory.recent": 5}},
        "option short_side was 384, now it is",
    ),
    ({"options": {"short_side": 384}}, "option memory.recent was 5, now it is 'unset'"),
    ({"frame_range": (0, 5)}, "frame_range"),
    ({"source": SourceFingerprint(path="b", size=10, sha256="d" * 64)}, "differ in content"),
]


@pytest.mark.parametrize(("changes", "message"), CHANGES)
def test_resume_refuses_other_inputs_and_names_the_difference(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    track(RunWriter.create(tmp_path / "run", header(), PROMPTS), range(9))
    with pytest.raises(BadRun, match=message):
        RunWriter.resume(tmp_path / "run", header(**changes), PROMPTS)


def test_resume_refuses_other_prompts(tmp_path: Path) -> None:
    track(RunWriter.create(tmp_path / "run", header(), PROMPTS), range(9))
    with pytest.raises(BadRun, match="had 2 prompts, now there are 1"):
        RunWriter.resume(tmp_path / "run", header(), PROMPTS[:1])
    with pytest.raises(BadRun, match="prompt 2 was"):
        RunWriter.resume(tmp_path / "run", header(), [PROMPTS[0], PROMPTS[0]])


def test_the_same_source_elsewhere_is_the_same_source(tmp_path: Path) -> None:
    track(RunWriter.create(tmp_path / "run", header(), PROMPTS), range(9))
    moved = SourceFingerprint(path="/elsewhere.mp4", size=10, sha256="b" * 64)
    assert RunWriter.resume(tmp_path / "run", header(source=moved), PROMPTS).next_frame == 8


def test_there_is_nothing_to_resume_or_verify_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(BadRun, match="no run at"):
        verify_run(tmp_path / "absent", header())


def test_a_lost_state_file_is_named(tmp_path: Path) -> None:
    track(RunWriter.create(tmp_path / "run", header()), range(8))
    (tmp_path / "run" / "state-000001.safetensors").unlink()
    with pytest.raises(BadRun, match="state-000001"):
        RunWriter.resume(tmp_path / "run", header())


def test_a_prompt_given_on_the_way_is_stored_at_once(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path / "run", header(), PROMPTS)
    writer.append_prompt(Prompt(3, Timecode(9), Box(0.0, 0.0, 4.0, 4.0)))
    assert open_run(tmp_path / "run").prompts[2] == Prompt(
        3, Timecode(9), Box(0.0, 0.0, 4.0, 4.0)
    )


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        RunWriter.create(tmp_path / "file" / "run", header())


def test_only_the_present_shard_is_kept_in_memory(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path / "run", header())
    kept = []
    for index in range(40):
        writer.write(frame(index))
        kept.append(len(writer._frames._records))
    assert max(kept) == 8
