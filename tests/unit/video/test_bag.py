"""Bags of ROS 2 as clips: written here by another library's writer, read back by index."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from vseg.build import open_video
from vseg.errors import BadVideo, DamagedVideo, UsageError
from vseg.types import Frame
from vseg.video.bag import open_bag

pytest.importorskip("rosbags", reason="needs the extra vseg[ros]")
from rosbags.rosbag2 import StoragePlugin

from tests.bags import (
    HEIGHT,
    SECOND,
    WIDTH,
    colours,
    compressed,
    header,
    raw,
    stamp,
    write_bag,
)


def test_frames_are_read_by_index_with_the_stamps_of_their_headers(tmp_path: Path) -> None:
    images = [raw(stamp(n), "rgb8", colours(n), pad=5) for n in range(7)]
    with open_video(write_bag(tmp_path, {"/cam": images})) as video:
        assert (len(video), video.info.codec) == (7, "ros2/Image")
        assert video.info.fps == 30
        assert not video.info.variable_rate
        frames = list(video)
        assert [frame.index for frame in frames] == [*range(7)]
        for number in (6, 0, 3):
            frame = video.read(number)
            assert np.array_equal(frame.image, colours(number))
            assert frame.pts == stamp(number)
            assert frame.time_s == pytest.approx(number / 30, abs=1e-8)
        assert [frame.index for frame in video.frames(5, None, -2)] == [5, 3, 1]
        assert [frame.index for frame in video.frames(2, 4)] == [2, 3]
        assert video.frame_at(0.101) == 3
        with pytest.raises(IndexError):
            video.read(7)


@pytest.mark.parametrize("storage", ["MCAP", "SQLITE3"])
def test_the_folder_that_was_recorded_is_read(tmp_path: Path, storage: str) -> None:
    images = [raw(stamp(n), "rgb8", colours(n)) for n in range(3)]
    path = write_bag(tmp_path, {"/cam": images}, storage=StoragePlugin[storage])
    with open_video(path.parent) as video:
        assert len(video) == 3
        assert np.array_equal(video.read(2).image, colours(2))
    (path.parent / "metadata.yaml").write_text("rosbag2_bagfile_information: 3\n")
    with pytest.raises(BadVideo, match="no bag of ROS 2"):
        open_video(path.parent)
    path.unlink()
    with pytest.raises(BadVideo, match="no bag of ROS 2"):
        open_video(path.parent)


ENCODINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "bgr8": lambda image: image[..., ::-1],
    "rgba8": lambda image: cv2.cvtColor(image, cv2.COLOR_RGB2RGBA),
    "bgra8": lambda image: cv2.cvtColor(image, cv2.COLOR_RGB2BGRA),
    "mono8": lambda image: image[..., 0],
    "mono16": lambda image: np.stack([image[..., 1], image[..., 0]], axis=2),
    "yuv422": lambda image: cv2.cvtColor(image, cv2.COLOR_RGB2YUV_UYVY),
    "yuv422_yuy2": lambda image: cv2.cvtColor(image, cv2.COLOR_RGB2YUV_YUY2),
    "bayer_rggb8": lambda image: bayer(image, ((0, 1), (1, 2))),
    "bayer_bggr8": lambda image: bayer(image, ((2, 1), (1, 0))),
    "bayer_gbrg8": lambda image: bayer(image, ((1, 2), (0, 1))),
    "bayer_grbg8": lambda image: bayer(image, ((1, 0), (2, 1))),
}


def bayer(image: np.ndarray, pattern: Sequence[Sequence[int]]) -> np.ndarray:
    """What a sensor sees whose pixels have these channels, in squares of four."""
    seen = np.zeros(image.shape[:2], np.uint8)
    for y in (0, 1):
        for x in (0, 1):
            seen[y::2, x::2] = image[y::2, x::2, pattern[y][x]]
    return seen


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_of_cameras_are_rgb(tmp_path: Path, encoding: str) -> None:
    image = colours(9)
    wanted = image if not encoding.startswith("mono") else np.repeat(image[..., :1], 3, axis=2)
    message = raw(stamp(0), encoding, np.ascontiguousarray(ENCODINGS[encoding](image)))
    with open_video(write_bag(tmp_path, {"/cam": [message]})) as video:
        found = video.read(0).image
    # Subsampled colours are only nearly those that they were made of.
    within = 16 if encoding.startswith(("yuv", "bayer")) else 0
    inner = (slice(4, -4), slice(4, -4))
    assert int(abs(found[inner].astype(int) - wanted[inner].astype(int)).max()) <= within


FILES = ("png", "jpeg")


def test_compressed_images_are_read(tmp_path: Path) -> None:
    images = [
        compressed(stamp(0), "png", colours(1)),
        compressed(stamp(1), "jpeg", colours(2)),
    ]
    with open_video(write_bag(tmp_path, {"/cam": images})) as video:
        assert np.array_equal(video.read(0).image, colours(1))
        assert abs(video.read(1).image.astype(int) - colours(2)).mean() < 8


def test_of_several_topics_one_is_named(tmp_path: Path) -> None:
    images = [raw(stamp(0), "rgb8", colours(0))]
    others = [raw(stamp(0), "rgb8", colours(5))]
    path = write_bag(tmp_path, {"/left": images, "/right": others, "/t": [header(1)]})
    with pytest.raises(BadVideo, match=r"/left, /right.*--topic /left"):
        open_video(path)
    with pytest.raises(BadVideo, match="no images are on the topic /t"):
        open_video(path, topic="/t")
    with open_video(path, topic="/right") as video:
        assert np.array_equal(video.read(0).image, colours(5))
    with pytest.raises(UsageError, match="--topic /a is for a ROS 2 bag"):
        open_video("clip.mp4", topic="/a")


def test_stamps_that_do_not_rise_are_not_used(tmp_path: Path) -> None:
    images = [raw(0, "rgb8", colours(n)) for n in range(4)]
    path = write_bag(tmp_path, {"/cam": images}, lambda n: 5 * SECOND + n // 2 * SECOND)
    with open_video(path) as video:
        assert [frame.time_s for frame in video] == [0, 0, 1, 1]
        # Two were recorded in the same nanosecond: each has its own index.
        for number in range(4):
            assert np.array_equal(video.read(number).image, colours(number))


def test_images_that_cannot_be_read_are_damaged_frames(tmp_path: Path) -> None:
    short = raw(stamp(1), "rgb8", colours(1))
    short.data = short.data[:100]
    huge = raw(stamp(2), "rgb8", colours(1))
    huge.height = 2**31
    odd = raw(stamp(3), "32FC1", np.zeros((HEIGHT, WIDTH * 4), np.uint8))
    bad = compressed(stamp(4), "png", colours(1))
    bad.data = bad.data[:40]
    good = raw(stamp(0), "rgb8", colours(0))
    with open_video(write_bag(tmp_path, {"/cam": [good, short, huge, odd]})) as video:
        assert isinstance(video.read(0), Frame)
        for number, reason in ((1, "too few"), (2, "says it is"), (3, "32FC1")):
            with pytest.raises(DamagedVideo, match=reason):
                video.read(number)
    (tmp_path / "b").mkdir()
    with pytest.raises(BadVideo, match="none of the images of /cam"):
        open_video(write_bag(tmp_path / "b", {"/cam": [bad]}))


@pytest.mark.parametrize("keep", [0.0, 0.4, 0.95])
def test_a_file_that_broke_off_says_how_to_mend_it(tmp_path: Path, keep: float) -> None:
    path = write_bag(tmp_path, {"/cam": [raw(stamp(0), "rgb8", colours(0))]})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(BadVideo, match="mcap recover"):
        open_video(path)
    path.write_bytes(b"no bag at all" * 10)
    with pytest.raises(BadVideo, match="no bag of ROS 2"):
        open_video(path)


def test_a_bag_of_another_name_says_how_it_must_be_named(tmp_path: Path) -> None:
    path = write_bag(tmp_path, {"/cam": [raw(stamp(0), "rgb8", colours(0))]})
    renamed = path.rename(path.with_suffix(""))
    with pytest.raises(BadVideo) as error, open_bag(renamed):
        pass
    assert f"rename it to {renamed.name}.mcap" in (error.value.hint or "")
