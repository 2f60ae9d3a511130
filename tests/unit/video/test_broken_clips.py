"""Files that are not whole, or not video: one typed error each, after every good frame."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from av.packet import Packet
from av.video.stream import VideoStream
from PIL import Image

from tests.clips import (
    Recipe,
    cut,
    painted,
    readable,
    remux,
    write_audio,
    write_clip,
    write_resized,
)
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


def test_images_of_another_size_are_scaled_to_the_first(tmp_path: Path) -> None:
    with VideoFile(write_resized(tmp_path / "a.ts", first=12)) as video:
        frames = list(video)
        assert [painted(frame.image) for frame in frames] == [*range(12), *range(12)]
        assert [frame.scaled_from for frame in frames] == [None] * 12 + [(32, 48)] * 12
        assert painted(video.read(15).image) == 3
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


def _animation(path: Path) -> None:
    frames = [Image.new("RGB", (48, 32), (40 * n, 0, 0)) for n in range(4)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)


@pytest.mark.parametrize("name", ["a.gif", "a.png"])
def test_animated_images_are_clips(name: str, tmp_path: Path) -> None:
    _animation(tmp_path / name)
    with VideoFile(tmp_path / name) as video:
        assert len(list(video)) == 4


def test_images_are_named_with_what_to_do(tmp_path: Path) -> None:
    _animation(tmp_path / "a.webp")
    Image.new("RGB", (48, 32)).save(tmp_path / "still.png")
    Image.new("RGB", (48, 32)).save(tmp_path / "still.jpg")
    with pytest.raises(BadVideo, match=r"animated WebP image.*save_all=True"):
        VideoFile(tmp_path / "a.webp")
    for name in ("still.png", "still.jpg"):
        with pytest.raises(BadVideo, match=r"is an image, not a video .*folder"):
            VideoFile(tmp_path / name)


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


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
@pytest.mark.parametrize("group", ["closed", "open"])
@pytest.mark.parametrize("place", [15, 18, 20])
def test_a_frame_never_depends_on_where_decoding_began(
    name: str, group: str, place: int, tmp_path: Path
) -> None:
    """What is not marked as damaged equals the whole clip, in every order of reading."""
    plain = {"g": "12", "bf": "2", "crf": "12", "sc_threshold": "0"}
    options = plain | ({"x264-params": "open-gop=1"} if group == "open" else {})
    whole = write_clip(tmp_path / f"whole-{name}", Recipe(num_frames=48, options=options))

    def spoil(at: int, packet: "Packet[VideoStream]") -> bool:
        if at == place:
            content = bytearray(bytes(packet))
            middle = len(content) // 2
            content[middle:] = np.random.default_rng(place).bytes(len(content) - middle)
            packet.update(bytes(content))
        return True

    spoiled = remux(whole, tmp_path / name, spoil)
    clean = remux(whole, tmp_path / f"clean-{name}", lambda *_: True)
    with VideoFile(clean) as video:
        true = [frame.image for frame in video]
    with VideoFile(spoiled) as video:
        good, bad = readable(video)
        assert bad and sorted([*good, *bad]) == list(range(len(video)))
        assert max(good) > max(bad)
    with VideoFile(spoiled) as video:
        for index in np.random.default_rng(0).permutation(len(video)).tolist():
            if index in bad:
                with pytest.raises(DamagedVideo):
                    video.read(index)
            else:
                np.testing.assert_array_equal(video.read(index).image, true[index])


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
def test_what_refers_to_a_lost_packet_is_damaged(name: str, tmp_path: Path) -> None:
    """H.264 numbers its reference frames; the decoder patches a missing one in silence."""
    plain = {"g": "12", "bf": "0", "crf": "12", "sc_threshold": "0"}
    whole = write_clip(tmp_path / f"whole-{name}", Recipe(num_frames=36, options=plain))
    lossy = remux(whole, tmp_path / name, lambda place, _: place != 15)
    with VideoFile(whole) as video:
        assert len(readable(video)[0]) == 36
    with VideoFile(lossy) as video:
        assert readable(video)[1] == list(range(15, 23))
        assert [painted(video.read(index).image) for index in (14, 23)] == [14, 24]


def test_backward_reading_gives_all_frames_down_to_the_damage(tmp_path: Path) -> None:
    plain = {"g": "12", "bf": "0", "crf": "12", "sc_threshold": "0"}
    whole = write_clip(tmp_path / "whole.mp4", Recipe(num_frames=36, options=plain))
    with VideoFile(remux(whole, tmp_path / "a.mp4", lambda at, _: at != 15)) as video:
        frames = video.frames(34, None, -1)
        assert [next(frames).index for _ in range(12)] == list(range(34, 22, -1))
        with pytest.raises(DamagedVideo, match="frame 22"):
            next(frames)


@pytest.mark.parametrize(
    "trailer",
    [
        b"Vendor trailer: nothing to see" * 30,
        bytes(500),
        b"\x00\x00\x00\x02SEFT" * 9,
        b"\x7f\xff\xff\xffSEFHabc",
    ],
)
@pytest.mark.parametrize("name", ["a.mp4", "a.ts"])
def test_a_trailer_behind_the_end_is_no_damage(
    name: str, trailer: bytes, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / name)
    clip.write_bytes(clip.read_bytes() + trailer)
    with VideoFile(clip) as video:
        assert [painted(frame.image) for frame in video] == list(range(40))
