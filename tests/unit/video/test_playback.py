"""What is played as if it were live: clips at their own rate, growing folders, iterators."""

import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import Recipe, cut, paint, painted, write_clip, write_resized
from vseg.errors import BadFrame, BadVideo, DamagedVideo
from vseg.interfaces.live_source import LiveSource
from vseg.interfaces.reader import Reader
from vseg.types import Frame
from vseg.video.camera import LiveOptions
from vseg.video.image_iterator import ImageIterator
from vseg.video.open_live import open_live
from vseg.video.playback import Playback

ALL = LiveOptions(drop=False)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "vseg-camera"]


def test_a_clip_plays_at_its_own_rate(tmp_path: Path) -> None:
    start = time.monotonic()
    live = open_live(write_clip(tmp_path / "a.mp4", Recipe(num_frames=15)))
    assert isinstance(live, LiveSource) and not isinstance(live, Reader)
    assert live.info.num_frames is None
    assert (live.info.height, live.info.width) == (64, 96)
    frames = list(live)
    assert time.monotonic() - start >= 14 / 30
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert len(frames) + live.dropped == live.counts().arrived == 15
    seen = [painted(frame.image) for frame in frames]
    assert seen == sorted(set(seen)) and seen[-1] == 14
    for frame, number in zip(frames, seen, strict=True):
        assert frame.time_s >= number / 30 - 0.005
    live.close()
    assert live.ended and live.changes() == () and threads() == []


def test_a_clip_says_the_shape_of_its_pixels(tmp_path: Path) -> None:
    recipe = Recipe(num_frames=2, pixel_aspect=Fraction(4, 3))
    live = open_live(write_clip(tmp_path / "a.mp4", recipe))
    live.close()
    assert live.info.pixel_aspect == Fraction(4, 3)


def test_a_clip_begins_when_it_is_first_asked_for(tmp_path: Path) -> None:
    live = open_live(write_clip(tmp_path / "a.mp4", Recipe(num_frames=6)))
    time.sleep(0.3)  # as setting up does; the clip lasts 0.2 s
    first = live.take(5.0)
    assert first is not None and painted(first.image) == 0 and first.time_s < 0.1
    live.close()
    unused = open_live(tmp_path / "a.mp4")
    unused.close()
    assert unused.ended and threads() == []


def slowly(live: LiveSource, pause_s: float) -> list[Frame]:
    frames: list[Frame] = []
    for frame in live:
        frames.append(frame)
        time.sleep(pause_s)
    return frames


def test_a_slow_consumer_gets_the_newest_frame(tmp_path: Path) -> None:
    live = open_live(write_clip(tmp_path / "a.mp4", Recipe(num_frames=30)))
    seen = [painted(frame.image) for frame in slowly(live, 0.2)]
    assert seen[0] == 0 and seen[-1] == 29
    assert len(seen) < 12
    assert len(seen) + live.dropped == 30


def test_without_drops_a_slow_consumer_gets_every_frame(tmp_path: Path) -> None:
    live = open_live(write_clip(tmp_path / "a.mp4", Recipe(num_frames=40)), ALL)
    seen = [painted(frame.image) for frame in slowly(live, 0.04)]
    assert (seen, live.dropped) == (list(range(40)), 0)


def test_closing_early_ends_iteration_and_thread(tmp_path: Path) -> None:
    live = open_live(write_clip(tmp_path / "a.mp4"))
    frames = iter(live)
    next(frames)
    live.close()
    live.close()
    assert list(frames) == []
    assert threads() == []


def test_rotation_and_change_of_size(tmp_path: Path) -> None:
    upright = open_live(write_clip(tmp_path / "a.mp4", Recipe(num_frames=3, rotation=90)))
    assert painted(next(iter(upright)).image) == 0
    upright.close()
    resized = open_live(write_resized(tmp_path / "b.ts", first=4, second=4))
    with pytest.raises(DamagedVideo, match="size changes to 48x32"):
        list(resized)
    resized.close()


def test_broken_file_is_refused(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "a.mp4")
    with pytest.raises(BadVideo, match="moov"):
        open_live(cut(whole, tmp_path / "b.mp4", 0.5))
    assert threads() == []


def save(folder: Path, number: int, height: int = 64, width: int = 96) -> None:
    Image.fromarray(paint(number, height, width)).save(folder / f"{number}.png")


def taken(live: LiveSource, count: int) -> list[Frame]:
    frames: list[Frame] = []
    while len(frames) < count:
        frame = live.take(5.0)
        assert frame is not None, f"only {len(frames)} of {count} came"
        frames.append(frame)
    return frames


def test_a_folder_that_grows(tmp_path: Path) -> None:
    for number in (8, 9):
        save(tmp_path, number)
    live = open_live(tmp_path, ALL)
    assert [painted(frame.image) for frame in taken(live, 2)] == [8, 9]
    save(tmp_path, 10)
    assert painted(taken(live, 1)[0].image) == 10
    save(tmp_path, 3)  # names may go back
    (back,) = taken(live, 1)
    (tmp_path / "notes.txt").write_text("no image")
    save(tmp_path, 11, 128, 192)
    frames = [back, *taken(live, 1)]
    assert [painted(frame.image) for frame in frames] == [3, 11]
    assert [frame.scaled_from for frame in frames] == [None, (128, 192)]
    assert [frame.image.shape for frame in frames] == [(64, 96, 3)] * 2
    assert live.take(0.3) is None and not live.ended
    live.close()
    assert live.ended and threads() == []


def test_an_image_is_given_when_it_is_whole(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    save(made, 1)
    content = (made / "1.png").read_bytes()
    folder = tmp_path / "grows"
    folder.mkdir()
    live = open_live(folder, ALL)
    assert live.take(0.2) is None
    with (folder / "1.png").open("wb") as file:
        file.write(content[:90])
        file.flush()
        assert live.take(0.3) is None
        file.write(content[90:])
    (first,) = taken(live, 1)
    assert painted(first.image) == 1
    (folder / "2.png").write_bytes(content[:90])  # never whole: passed over
    save(folder, 3)
    assert painted(taken(live, 1)[0].image) == 3
    live.close()


def test_the_newest_of_a_folder_comes_first(tmp_path: Path) -> None:
    for number in range(5):
        save(tmp_path, number)
    live = open_live(tmp_path)
    assert painted(taken(live, 1)[0].image) == 4
    live.close()


def test_an_empty_folder_can_be_closed(tmp_path: Path) -> None:
    live = open_live(tmp_path)
    live.close()
    assert list(live) == [] and threads() == []


def test_images_of_a_program() -> None:
    images = [paint(number) for number in range(20)]
    with Playback(ImageIterator(images), "made", drop=False) as live:
        assert live.info.source == "made"
        assert [painted(frame.image) for frame in live] == list(range(20))
    grey = ImageIterator([np.zeros((4, 4), dtype=np.float32)])
    with pytest.raises(BadFrame, match="float32"):
        Playback(grey, "grey")
