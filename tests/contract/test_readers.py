"""What every Reader promises, checked on all of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import Recipe, paint, painted, write_clip, write_edit_list
from vseg.interfaces.reader import Reader
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.video.decord_reader import DecordFile
from vseg.video.file import VideoFile
from vseg.video.image_list import ImageList
from vseg.video.images import ImageFolder

NUM_FRAMES = 30
PAINTED = ("pyav", "pyav-ts", "pyav-by-order", "decord", "images", "memory", "bag")


def _images(folder: Path) -> ImageFolder:
    images = folder / "images"
    images.mkdir()
    for number in range(NUM_FRAMES):
        Image.fromarray(paint(number)).save(images / f"{number}.png")
    return ImageFolder(images)


def _clip(folder: Path, name: str) -> Path:
    return write_clip(folder / name, Recipe(num_frames=NUM_FRAMES))


def _bag(folder: Path) -> Reader:
    pytest.importorskip("rosbags", reason="needs the extra vseg[ros]")
    from tests.bags import raw, stamp, write_bag
    from vseg.video.bag import BagImages

    images = [raw(stamp(n), "rgb8", paint(n)) for n in range(NUM_FRAMES)]
    return BagImages(write_bag(folder, {"/cam": images}))


MAKERS: dict[str, Callable[[Path], Reader]] = {
    "pyav": lambda folder: VideoFile(_clip(folder, "clip.mp4")),
    "pyav-ts": lambda folder: VideoFile(_clip(folder, "clip.ts")),
    "pyav-by-order": lambda folder: VideoFile(_clip(folder, "clip.h264")),
    "decord": lambda folder: DecordFile(_clip(folder, "clip.mp4")),
    "images": _images,
    "memory": lambda _: ImageList([paint(number) for number in range(NUM_FRAMES)]),
    "bag": _bag,
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


def test_a_frame_is_found_by_every_time_it_is_on_display(reader: Reader) -> None:
    starts = [frame.time_s for frame in reader]
    assert [reader.time_at(index) for index in range(NUM_FRAMES)] == starts
    assert [reader.frame_at(time_s) for time_s in starts] == list(range(NUM_FRAMES))
    middles = (np.array(starts[:-1]) + np.array(starts[1:])) / 2
    assert [reader.frame_at(float(time_s)) for time_s in middles] == list(
        range(NUM_FRAMES - 1)
    )


def test_times_outside_the_clip(reader: Reader) -> None:
    assert reader.frame_at(-1.0) == 0
    assert reader.info.fps is not None
    end_s = reader.time_at(NUM_FRAMES - 1) + float(1 / reader.info.fps)
    assert reader.frame_at(end_s - 1e-6) == NUM_FRAMES - 1
    for time_s in (end_s, 1e9):
        with pytest.raises(IndexError, match=f"lasts {end_s:.3f} s"):
            reader.frame_at(time_s)


def test_times_of_a_variable_rate_and_of_an_edit_list(tmp_path: Path) -> None:
    """Times are counted from the first frame that is shown, whatever the rate."""
    uneven = (0, 3, 6, 30, 33, 60, 90, 91, 120, 240)
    recipe = Recipe(num_frames=len(uneven), times=uneven)
    with VideoFile(write_clip(tmp_path / "uneven.mp4", recipe)) as video:
        assert video.info.variable_rate
        for index, ticks in enumerate(uneven):
            assert video.time_at(index) == pytest.approx(ticks / 90)
            assert video.frame_at(ticks / 90 + 1e-4) == index
        assert [video.frame_at(ticks / 90) for ticks in (20, 45, 200)] == [2, 4, 8]
    with VideoFile(write_edit_list(tmp_path / "trimmed.mp4")) as video:
        shown = [painted(frame.image) for frame in video]
        assert shown[0] > 0, "the edit list hides the beginning"
        assert video.frame_at(0.0) == 0
        assert painted(video.read(video.frame_at(5 / 30 + 1e-4)).image) == shown[5]


def test_a_time_is_looked_up_without_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with VideoFile(_clip(tmp_path, "clip.mp4")) as video:
        monkeypatch.setattr(video, "_image", lambda index: pytest.fail("it decodes"))
        assert video.frame_at(0.5) == 15


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
