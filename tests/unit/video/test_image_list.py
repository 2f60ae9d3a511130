"""Images in memory as a clip."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

import vseg
from vseg.errors import BadVideo, UsageError
from vseg.ops.rgb import checked_rgb

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 20, 30, 3), dtype=np.uint8)


@pytest.mark.parametrize("images", [IMAGES, list(IMAGES), iter(IMAGES), IMAGES[:, :, ::-1]])
def test_arrays_lists_and_iterators_are_clips(images: object) -> None:
    turned = isinstance(images, np.ndarray) and images is not IMAGES
    expected = IMAGES[:, :, ::-1] if turned else IMAGES
    with vseg.open_video(images, fps=30000 / 1001) as video:  # type: ignore[arg-type]
        assert (video.info.height, video.info.width, len(video)) == (20, 30, 4)
        assert video.info.fps == Fraction(30000, 1001)
        np.testing.assert_array_equal([frame.image for frame in video], expected)
        assert video.read(3).time_s == pytest.approx(3 * 1.001 / 30)


def test_a_session_tracks_them() -> None:
    images = np.full((3, 64, 96, 3), 40, dtype=np.uint8)
    images[:, 16:48, 24:60] = (220, 60, 40)
    with (
        vseg.open_video(images) as video,
        vseg.Session(vseg.load_model("nano"), video) as session,
    ):
        session.prompt(obj=1, frame=0, box=(24, 16, 60, 48))
        masks = list(session.propagate())
    assert [m.frame_index for m in masks] == [0, 1, 2]
    assert all(abs(m.area(1) - 32 * 36) < 200 for m in masks)


@pytest.mark.parametrize(
    ("images", "error", "said"),
    [
        ([], BadVideo, "no images"),
        ([IMAGES[0], IMAGES[1, :10]], vseg.BadFrame, "1 is 30x10, and the first one 30x20"),
        ([IMAGES[0], IMAGES[1] / 255], vseg.BadFrame, "image 1: .* float64"),
        (IMAGES[0], vseg.BadFrame, "image 0: .*shape"),
    ],
)
def test_what_is_no_clip_is_refused(
    images: object, error: type[vseg.VsegError], said: str
) -> None:
    with pytest.raises(error, match=said):
        vseg.open_video(images)  # type: ignore[arg-type]


@pytest.mark.parametrize("fps", [0, -5.0, float("nan")])
def test_a_rate_that_is_none(fps: float) -> None:
    with pytest.raises(UsageError, match="rate"):
        vseg.open_video(IMAGES, fps=fps)


def test_the_rate_of_a_file_is_its_own() -> None:
    with pytest.raises(UsageError, match="fps=25"):
        vseg.open_video("clip.mp4", fps=25)


def test_a_closed_one_is_not_read() -> None:
    video = vseg.open_video(IMAGES)
    video.close()
    with pytest.raises(UsageError, match="closed"):
        video.read(0)


def test_a_path_in_place_of_an_image_is_named() -> None:
    with pytest.raises(vseg.BadFrame, match=r"Image\.open"):
        checked_rgb(np.asarray("photo.jpg"))


@pytest.mark.parametrize("video", ["'clip.mp4'", "[1, 2]"])
def test_a_session_says_how_a_clip_is_opened(video: str) -> None:
    """In a process of its own: the types are checked first in tests."""
    program = (
        "import vseg\n"
        f"try: vseg.Session(None, {video})\n"
        "except vseg.VsegError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "vseg.open_video" in done.stdout
