"""decord behind its gate: right where it is let in, refused with the reason elsewhere."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clips import Recipe, cut, painted, write_clip, write_edit_list
from vseg.errors import BadVideo, ReaderUnsuitable, UsageError
from vseg.video import decord_reader
from vseg.video.decord_reader import DecordFile

pytest.importorskip("decord", reason="decord has no wheel for this platform")


@pytest.mark.parametrize(
    "recipe", [Recipe(rotation=90), Recipe(times=[0, 3, 6, 30, 33, 90], num_frames=6)]
)
def test_agrees_with_the_painted_numbers(recipe: Recipe, tmp_path: Path) -> None:
    with DecordFile(write_clip(tmp_path / "-a b.mp4", recipe)) as video:
        expected = list(range(recipe.num_frames))
        assert [painted(frame.image) for frame in video] == expected
        assert painted(video.read(3).image) == 3
        child = video._child
    assert child.poll() is not None
    with pytest.raises(UsageError, match="was closed"):
        video.read(0)


def _cut(path: Path) -> Path:
    whole = write_clip(path.with_name("whole.mp4"), Recipe(mux={"movflags": "faststart"}))
    return cut(whole, path, 0.7)


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "edit list": (lambda folder: write_edit_list(folder / "a.mp4"), "edit list hides 7"),
    "transport stream": (lambda folder: write_clip(folder / "a.ts"), "container is mpegts"),
    "renamed stream": (
        lambda folder: write_clip(folder / "a.mp4", Recipe(container="mpegts")),
        "container is mpegts",
    ),
    "truncated": (lambda folder: _cut(folder / "a.mp4"), "the clip is cut"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_reason_and_way_out(name: str, tmp_path: Path) -> None:
    make, reason = REFUSED[name]
    with pytest.raises(ReaderUnsuitable, match=reason) as caught:
        DecordFile(make(tmp_path))
    assert caught.value.hint == "use --reader pyav"


def test_playlist_never_reaches_decord(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decord_reader, "_start_child", lambda path: pytest.fail("started"))
    evil = tmp_path / "evil.mp4"
    evil.write_text(f"#EXTM3U\nfile://{write_clip(tmp_path / 'secret.ts')}\n")
    with pytest.raises(BadVideo, match="playlist"):
        DecordFile(evil)


def child_that(code: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import time; time.sleep(60)", "crashed or gave no answer in 0.5 s"),
        ("raise SystemExit(11)", "crashed or gave no answer"),
    ],
)
def test_a_child_that_hangs_or_dies(
    code: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = []

    def start(path: Path) -> "subprocess.Popen[bytes]":
        children.append(child_that(code))
        return children[0]

    monkeypatch.setattr(decord_reader, "_start_child", start)
    with pytest.raises(ReaderUnsuitable, match=reason):
        DecordFile(write_clip(tmp_path / "a.mp4"), timeout_s=0.5)
    assert children[0].poll() is not None


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        ('{"num_frames": 41}', "counts 41 frames where there are 40"),
        ('{"num_frames": 40, "shape": [96, 64, 3]}', "displayed orientation"),
        (
            '{"num_frames": 40, "shape": [64, 96, 3], "stamps": [[0, 0.0], [20, 0.7]]}',
            "places frame 20 at 0.700 s instead of 0.667 s",
        ),
    ],
)
def test_what_decord_claims_is_checked(
    described: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = (
        f"import sys; from vseg.video.decord_child import *; text = {described!r}.encode()"
    )
    code = f"{answer}; sys.stdout.buffer.write(ANSWER.pack(DESCRIPTION, len(text)) + text)"
    monkeypatch.setattr(decord_reader, "_start_child", lambda path: child_that(code))
    with pytest.raises(ReaderUnsuitable, match=reason):
        DecordFile(write_clip(tmp_path / "a.mp4"), timeout_s=30.0)
