"""What every Reader promises, checked on all of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import Recipe, paint, painted, write_clip
from vseg.interfaces.reader import Reader
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.video.decord_reader import DecordFile
from vseg.video.file import VideoFile
from vseg.video.images import ImageFolder

NUM_FRAMES = 30
PAINTED = ("pyav", "pyav-ts", "pyav-by-order", "decord", "images")


def _images(folder: Path) -> ImageFolder:
    images = folder / "images"
    images.mkdir()
    for number in range(NUM_FRAMES):
        Image.fromarray(paint(number)).save(images / f"{number}.png")
    return ImageFolder(images)


def _clip(folder: Path, name: str) -> Path:
    return write_clip(folder / name, Recipe(num_frames=NUM_FRAMES))


MAKERS: dict[str, Callable[[Path], Reader]] = {
    "pyav": lambda folder: VideoFile(_clip(folder, "clip.mp4")),
    "pyav-ts": lambda folder: VideoFile(_clip(folder, "clip.ts")),
    "pyav-by-order": lambda folder: VideoFile(_clip(folder, "clip.h264")),
    "decord": lambda folder: DecordFile(_clip(folder, "clip.mp4")),
    "images": _images,
    "synthetic": lambda _: SyntheticVideo(
        SceneConfig(64, 96, NUM_FRAMES, seed=3, num_objects=1, occluders=0)
    ),
}


@pytest.fixture(scope="module", params=MAKERS)
def reader(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reader]:
    """One reader of each kind for all tests: none may be left in a state that spoils the
    next.
    """
    made = MAKERS[request.param](tmp_path_factory.mktemp("reader"))
    yield made
    made.close()


def test_is_a_reader(reader: Reader) -> None:
    assert isinstance(reader, Reader)


def test_length_is_the_number_of_frames_delivered(reader: Reader) -> None:
    frames = list(reader)
    assert len(frames) == len(reader) == reader.info.num_frames == NUM_FRAMES
    assert [frame.index for frame in frames] == list(range(NUM_FRAMES))


def test_info_describes_the_images(reader: Reader) -> None:
    for frame in reader.frames(0, 3):
        assert frame.image.shape == (reader.info.height, reader.info.width, 3)
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
    assert reader.info.fps is not None and reader.info.fps > 0


def test_random_access_equals_iteration(reader: Reader) -> None:
    frames = list(reader)
    order = np.random.default_rng(0).permutation(NUM_FRAMES)
    for index in [*order.tolist(), 0, 0, NUM_FRAMES - 1]:
        frame = reader.read(index)
        assert (frame.index, frame.pts) == (index, frames[index].pts)
        assert frame.time_s == frames[index].time_s
        np.testing.assert_array_equal(frame.image, frames[index].image)


def test_iterating_twice_gives_the_same(reader: Reader) -> None:
    for first, second in zip(reader, reader, strict=True):
        np.testing.assert_array_equal(first.image, second.image)


@pytest.mark.parametrize(
    ("start", "stop", "step"),
    [
        (0, None, 1),
        (7, 19, 1),
        (3, None, 4),
        (29, None, -1),
        (25, 4, -1),
        (28, 1, -5),
        (5, 5, 1),
    ],
)
def test_frames_follow_range(reader: Reader, start: int, stop: int | None, step: int) -> None:
    end = (NUM_FRAMES if step > 0 else -1) if stop is None else stop
    got = [frame.index for frame in reader.frames(start, stop, step)]
    assert got == list(range(start, end, step))


@pytest.mark.parametrize("index", [-1, NUM_FRAMES, NUM_FRAMES + 100])
def test_no_frame_outside_the_clip(reader: Reader, index: int) -> None:
    with pytest.raises(IndexError):
        reader.read(index)


def test_time_starts_at_zero_and_ascends(reader: Reader) -> None:
    times = [frame.time_s for frame in reader]
    assert times[0] == 0.0
    assert (np.diff(times) > 0).all()


@pytest.mark.parametrize("name", MAKERS)
def test_close_twice(name: str, tmp_path: Path) -> None:
    reader = MAKERS[name](tmp_path)
    reader.read(0)
    reader.close()
    reader.close()


@pytest.mark.parametrize("name", PAINTED)
def test_frames_are_the_painted_ones(name: str, tmp_path: Path) -> None:
    reader = MAKERS[name](tmp_path)
    assert [painted(frame.image) for frame in reader] == list(range(NUM_FRAMES))
    backward = [painted(frame.image) for frame in reader.frames(NUM_FRAMES - 1, None, -1)]
    assert backward == list(range(NUM_FRAMES))[::-1]
    assert [painted(reader.read(index).image) for index in (20, 3, 11, 12)] == [20, 3, 11, 12]
    reader.close()
