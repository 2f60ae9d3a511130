"""Files that are not whole, or not video: one typed error each, after every good frame."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clips import Recipe, cut, painted, write_audio, write_clip, write_resized
from vseg.errors import BadVideo, DamagedVideo
from vseg.video.file import VideoFile

FASTSTART = {"movflags": "faststart"}


def read_until_damage(video: VideoFile) -> tuple[list[int], DamagedVideo]:
    numbers = []
    with pytest.raises(DamagedVideo) as caught:
        for frame in video:
            numbers.append(painted(frame.image))
    return numbers, caught.value


@pytest.mark.parametrize(
    ("name", "mux"), [("a.mp4", FASTSTART), ("a.ts", {}), ("a.mkv", {}), ("a.avi", {})]
)
@pytest.mark.parametrize("keep", [0.615, 0.67, 0.771, 0.95])
def test_truncated_clip_gives_its_good_frames_then_says_where(
    name: str, mux: dict[str, str], keep: float, tmp_path: Path
) -> None:
    whole = write_clip(tmp_path / name, Recipe(num_frames=60, mux=mux))
    with VideoFile(cut(whole, tmp_path / f"cut-{name}", keep)) as video:
        numbers, damage = read_until_damage(video)
        assert len(numbers) >= 10
        assert numbers == list(range(len(numbers)))
        assert damage.frame_index == len(numbers) <= len(video)
        assert str(video.path) in str(damage) and damage.reason
        last = len(numbers) - 1
        assert painted(video.read(last).image) == last
        assert [painted(f.image) for f in video.frames(last, None, -1)] == numbers[::-1]


def test_a_hole_in_the_middle_stops_reading_there(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "a.ts", Recipe(num_frames=60))
    content = bytearray(whole.read_bytes())
    middle = len(content) // 2 // 188 * 188
    content[middle : middle + 188 * 24] = b"\xff" * 188 * 24
    holed = tmp_path / "holed.ts"
    holed.write_bytes(content)
    with VideoFile(holed) as video:
        numbers, damage = read_until_damage(video)
        assert numbers == list(range(len(numbers)))
        assert 20 < damage.frame_index < 30
        last = len(video) - 1
        assert painted(video.read(last).image) == 59
        with pytest.raises(DamagedVideo):
            video.read(damage.frame_index + 3)


def test_change_of_size_ends_the_clip(tmp_path: Path) -> None:
    with VideoFile(write_resized(tmp_path / "a.ts", first=12)) as video:
        numbers, damage = read_until_damage(video)
        assert numbers == list(range(12))
        assert "from 96x64 to 48x32" in damage.reason
        assert painted(video.read(4).image) == 4


def _nothing(path: Path) -> None:
    path.write_bytes(b"")


def _garbage(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 40)


def _text(path: Path) -> None:
    path.write_text("this is no video\n" * 100)


def _no_moov(path: Path) -> None:
    cut(write_clip(path.with_name("whole.mp4")), path, 0.5)


def _no_frames(path: Path) -> None:
    write_clip(path, Recipe(num_frames=0))


def _sound(path: Path) -> None:
    write_audio(path.with_suffix(".m4a")).rename(path)


def _playlist(path: Path) -> None:
    target = write_clip(path.with_name("secret.ts"))
    path.write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{target}\n#EXT-X-ENDLIST\n")


def _concat(path: Path) -> None:
    target = write_clip(path.with_name("secret.ts"))
    path.write_text(f"ffconcat version 1.0\nfile '{target}'\n")


def _session(path: Path) -> None:
    path.write_text("v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n")


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (lambda path: None, "no such file"),
    "folder": (Path.mkdir, "is a folder"),
    "empty": (_nothing, "empty"),
    "garbage": (_garbage, "not a readable video"),
    "text": (_text, "not a readable video"),
    "no moov": (_no_moov, "moov"),
    "no frames": (_no_frames, "no "),
    "sound only": (_sound, "only sound"),
    "playlist": (_playlist, "playlist"),
    "concat": (_concat, "playlist"),
    "session": (_session, "playlist"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_unreadable_file_is_one_clear_error(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make, words = BROKEN[name]
    path = tmp_path / "evil.mp4"
    make(path)
    capfd.readouterr()
    with pytest.raises(BadVideo, match=words) as caught:
        VideoFile(path)
    assert str(path) in caught.value.message
    assert capfd.readouterr() == ("", "")


def test_too_many_pixels_are_refused_before_decoding(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4")
    with pytest.raises(BadVideo, match="96x64 are over the limit of 6000 pixels"):
        VideoFile(path, max_pixels=6000)


def test_damage_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = write_clip(tmp_path / "a.mp4", Recipe(mux=FASTSTART))
    with VideoFile(cut(whole, tmp_path / "b.mp4", 0.7)) as video:
        capfd.readouterr()
        read_until_damage(video)
    assert capfd.readouterr() == ("", "")
