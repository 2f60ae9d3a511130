"""A run survives kills, changes of direction and full disks, and refuses other inputs."""

import os
import resource
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.runs import header_of
from vseg.build import open_run
from vseg.errors import BadRun, OutputError
from vseg.frame_masks import FrameMasks, LogitCrops
from vseg.results import (
    Damage,
    Prompt,
    RunHeader,
    RunState,
    RunWriter,
    SourceFingerprint,
    run_state,
    verify_run,
)
from vseg.results.events import read_events
from vseg.types import Box, Timecode, TrackEvent, VideoInfo

HEIGHT = 36
WIDTH = 50
FRAMES = 21
PROMPTS = [
    Prompt(1, Timecode(0), Box(1.0, 2.0, 30.0, 20.0)),
    Prompt(2, Timecode(0), Box(5.0, 5.0, 9.0, 9.0)),
]


def header(**changes: object) -> RunHeader:
    plain = header_of(
        VideoInfo("clip.mp4", HEIGHT, WIDTH, Fraction(30000, 1001), 40),
        options={"short_side": 384, "memory.recent": 5},
        labels={2: "dog"},
    )
    return plain.model_copy(update=changes)


def frame(index: int, shift: int = 0) -> FrameMasks:
    """Two objects; the second is out of the image on every third frame."""
    rng = np.random.default_rng(index + 1000 * shift)
    logits = rng.normal(size=(2, 9, 13)).astype(np.float32)
    visible = np.array([index % 3 != 0, True])
    return FrameMasks(
        frame_index=index,
        time_s=index / 30,
        height=HEIGHT,
        width=WIDTH,
        object_ids=(2, 1),
        scores=np.array([0.5, 0.9], dtype=np.float32),
        visible=visible,
        sources=("track",) * 2 if index else ("prompt",) * 2,
        crops=LogitCrops((2, 1), logits, visible, (HEIGHT, WIDTH), {}),
        pts=index * 512,
    )


def track(writer: RunWriter, frames: Iterable[int]) -> None:
    for index in frames:
        if writer.write(frame(index)):
            writer.commit(f"after {index}".encode())


def contents(root: Path) -> dict[str, bytes]:
    """Every file of a run but its header, which holds the time it was made."""
    paths = (path for path in root.rglob("*") if path.is_file() and path.name != "run.json")
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a run that nothing disturbed."""
    root = tmp_path_factory.mktemp("unbroken") / "run"
    writer = RunWriter.create(root, header(), PROMPTS)
    track(writer, range(FRAMES))
    writer.finish()
    return contents(root)


def test_a_finished_run_holds_its_parts_and_nothing_temporary(
    unbroken: dict[str, bytes],
) -> None:
    parts = [f"masks/shard-00000{shard}.parquet" for shard in range(3)]
    assert sorted(unbroken) == ["frames.parquet", *parts, "objects.json", "prompts.jsonl"]


class Killed(BaseException):
    """Stands for a kill: nothing catches it on the way."""


@contextmanager
def killed_at(operation: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Stop everything just before the given file operation; lists the operations that
    happened.
    """
    happened: list[str] = []
    killed: list[bool] = []

    def counted(name: str, act: object) -> object:
        def wrapper(*args: object, **kwargs: object) -> object:
            # Tidying up a temporary file changes nothing; a dead process does not do it
            # either.
            temporary = str(args[0]).endswith(".part") and name == "unlink"
            if len(happened) == operation and (killed or not temporary):
                killed.append(True)
                raise Killed
            if not temporary:
                happened.append(f"{name} {args[0]}")
            return act(*args, **kwargs)  # type: ignore[operator]

        return wrapper

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", counted("replace", Path.replace))
        patch.setattr(Path, "unlink", counted("unlink", Path.unlink))
        patch.setattr(os, "rmdir", counted("rmdir", os.rmdir))
        yield happened


def attempt(root: Path, stop: int, *, until_interrupt: int | None = None) -> None:
    """One process's try: begin or resume, then go to the end."""
    if run_state(root) is RunState.ABSENT:
        writer = RunWriter.create(root, header(), PROMPTS)
        start = 0
    else:
        resumed = RunWriter.resume(root, header(), PROMPTS)
        writer = resumed.writer
        start = resumed.next_frame
        expected = f"after {start - 1}".encode() if start else None
        assert resumed.state == expected, "the state is not that of the last committed frame"
    if until_interrupt is not None and start < until_interrupt:
        track(writer, range(start, until_interrupt))
        writer.interrupt(f"after {until_interrupt - 1}".encode())
        start = until_interrupt
    track(writer, range(start, stop))
    writer.finish()


def test_a_kill_between_any_two_file_operations_leaves_a_run_that_resumes_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unbroken: dict[str, bytes]
) -> None:
    operation = 0
    while True:
        root = tmp_path / f"killed-{operation}"
        try:
            with killed_at(operation, monkeypatch):
                attempt(root, FRAMES, until_interrupt=13)
            break
        except Killed:
            state = run_state(root)
        if state is not RunState.ABSENT:
            held = [masks.frame_index for masks in open_run(root)]
            assert held == list(range(FRAMES if state is RunState.FINISHED else len(held)))
        if state is not RunState.FINISHED:
            attempt(root, FRAMES)
        finished = {
            name: content
            for name, content in contents(root).items()
            # Killed while it tidied up after the end: superfluous, not wrong.
            if state is not RunState.FINISHED
            or not name.startswith(("frames/", "state-", "."))
        }
        assert finished == unbroken, f"killed before operation {operation}"
        operation += 1
    assert operation > 20


def test_a_killed_overwrite_never_shows_the_old_run_as_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = 0
    while True:
        root = tmp_path / f"replaced-{operation}"
        track(old := RunWriter.create(root, header(model="old"), PROMPTS[:1]), range(10))
        old.interrupt(b"old")
        try:
            with killed_at(operation, monkeypatch):
                RunWriter.create(root, header(), PROMPTS, overwrite=True)
            break
        except Killed:
            run = open_run(root)
        if run.header.model == "old":
            assert len(run) == 10
        else:
            assert len(run) == 0 and run.objects == ()
            assert RunWriter.resume(root, header(), PROMPTS).next_frame == 0
            assert len(open_run(root).prompts) == 2
        operation += 1
    assert operation >= 4


def test_a_hard_kill_of_the_process_resumes_to_the_same_bytes(
    tmp_path: Path, unbroken: dict[str, bytes]
) -> None:
    root = tmp_path / "run"
    child = os.fork()
    if child == 0:
        track(RunWriter.create(root, header(), PROMPTS), range(19))
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert [masks.frame_index for masks in open_run(root)] == list(range(16))
    attempt(root, FRAMES)
    assert contents(root) == unbroken


def test_coming_back_to_a_shard_gives_the_same_masks(
    tmp_path: Path, unbroken: dict[str, bytes]
) -> None:
    writer = RunWriter.create(tmp_path / "run", header(), PROMPTS)
    track(writer, range(12, FRAMES))
    for index in range(11, -1, -1):
        if writer.write(frame(index), reverse=True):
            writer.commit(b"state")
    writer.finish()
    assert contents(tmp_path / "run") == unbroken


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
    with pytest.raises(BadRun, match="not a run directory"):
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


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """The system refuses to let any file grow beyond `size` bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_the_earlier_shards_and_the_run_resumable(
    tmp_path: Path, unbroken: dict[str, bytes]
) -> None:
    root = tmp_path / "run"
    writer = RunWriter.create(root, header(), PROMPTS)
    track(writer, range(16))
    before = contents(root)
    track(writer, range(16, FRAMES))
    with files_limited_to(100), pytest.raises(OutputError, match="shard-000002"):
        writer.finish()
    room = len(before["prompts.jsonl"]) + 10
    with files_limited_to(room), pytest.raises(OutputError, match=r"prompts.*No space"):
        writer.append_prompt(Prompt(3, Timecode(9), Box(0.0, 0.0, 4.0, 4.0)))
    assert contents(root) == before
    attempt(root, FRAMES)
    assert contents(root) == unbroken


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        RunWriter.create(tmp_path / "file" / "run", header())


def test_only_the_present_shard_is_kept_in_memory(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path / "run", header())
    kept = []
    for index in range(40):
        writer.write(frame(index))
        kept.append(len(writer._records))
    assert max(kept) == 8
