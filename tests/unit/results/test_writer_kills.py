"""A run that is killed at any moment, whose disk is full, or that comes back to a shard, ends
with the same bytes.
"""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.written_runs import FRAMES, PROMPTS, contents, frame, header, track
from vseg.build import open_run
from vseg.errors import BadRun, OutputError
from vseg.results import Prompt, RunState, RunWriter, run_state
from vseg.results.prompts import read_prompts
from vseg.types import Box, Timecode


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


@pytest.mark.parametrize("again", [False, True])
def test_a_run_whose_prompts_find_no_room_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """What it left could not go on, and would be in the way of the next try."""
    root = tmp_path / "run"
    if again:
        RunWriter.create(root, header(), PROMPTS)

    def full(*_: object) -> None:
        raise OutputError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("vseg.results.writer.write_prompts", full)
        with pytest.raises(OutputError, match="no space left"):
            begin = RunWriter.resume if again else RunWriter.create
            begin(root, header(), PROMPTS)
    assert run_state(root) is RunState.ABSENT
    attempt(root, FRAMES)


def test_a_run_killed_before_its_prompts_says_that_they_are_to_be_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "run"
    track(old := RunWriter.create(root, header(), PROMPTS[:1]), range(10))
    old.interrupt(b"old")

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("vseg.results.clearing.shutil.rmtree", killed)
        with pytest.raises(Killed):
            RunWriter.create(root, header(), PROMPTS, overwrite=True)
    with pytest.raises(BadRun, match="cannot read the prompts") as refused:
        read_prompts(root)
    assert "again with --overwrite" in (refused.value.hint or "")


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
