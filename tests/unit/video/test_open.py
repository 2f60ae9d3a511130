"""Which reader a name gets."""

from pathlib import Path

import pytest
from PIL import Image

from tests.clips import Recipe, paint, write_clip
from vseg.errors import BadVideo, ReaderUnsuitable, UsageError
from vseg.video import open_source
from vseg.video.file import VideoFile
from vseg.video.images import ImageFolder
from vseg.video.playback import Playback

SHORT = Recipe(num_frames=3)


def test_auto_goes_by_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(paint(0)).save(tmp_path / "0.png")
    write_clip(Path("7"), Recipe(num_frames=3, container="mp4"))
    for source, kind in ((tmp_path, ImageFolder), ("7", VideoFile), (Path("7"), VideoFile)):
        opened = open_source(source)
        assert isinstance(opened, kind)
        opened.close()
    with pytest.raises(BadVideo, match="camera 97"):
        open_source("97")
    with pytest.raises(BadVideo, match=r"rtsp://\*\*\*@127"):
        open_source("rtsp://u:p@127.0.0.1:1/x")


def test_the_asked_reader_is_the_one(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.ts", SHORT)
    with pytest.raises(ReaderUnsuitable, match="decord"):
        open_source(clip, "decord")
    with pytest.raises(BadVideo, match="not a folder"):
        open_source(clip, "images")
    with pytest.raises(BadVideo, match="is a folder") as caught:
        open_source(tmp_path, "pyav")
    assert caught.value.hint is not None and "--reader images" in caught.value.hint
    live = open_source(str(clip), "camera")
    assert isinstance(live, Playback)
    live.close()


def test_contradictions() -> None:
    with pytest.raises(UsageError, match=r"rtsp://\*\*\*@host/x: is an address"):
        open_source("rtsp://u:p@host/x", "pyav")
    with pytest.raises(UsageError, match="unknown reader 'ffmpeg'"):
        open_source("a.mp4", "ffmpeg")
