"""The mp4 writer: what a player gets back, and that a failure leaves nothing behind."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace

from vseg.errors import OutputError
from vseg.io.mp4 import Mp4Writer


def image(index: int, height: int = 48, width: int = 64) -> np.ndarray:
    """A smooth coloured ramp that moves with `index`, so that lossy coding keeps it close."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    red = 128 + 100 * np.sin((columns + 3 * index) / 9)
    green = 128 + 100 * np.cos(rows / 11 - index / 5)
    blue = np.full_like(red, 30 + 10 * index)
    return np.stack([red, green, blue], axis=2).astype(np.uint8)


def decode(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [
            frame.to_ndarray(format="rgb24", src_colorspace=Colorspace.ITU709)
            for frame in container.decode(video=0)
        ]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(np.float64) - b) ** 2)))


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Stand-in for a full disk: writes past `size` bytes of a file are refused by the
    system.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_frames_come_back_in_order_and_close(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with Mp4Writer(path, 48, 64, Fraction(25), crf=12) as mp4:
        for index in range(20):
            mp4.write(image(index))
    frames = decode(path)
    assert len(frames) == 20
    assert min(psnr(frame, image(i)) for i, frame in enumerate(frames)) > 32


def test_stream_is_what_browsers_play(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with Mp4Writer(path, 48, 64, 30000 / 1001) as mp4:
        for index in range(5):
            mp4.write(image(index))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == Fraction(30000, 1001)
        assert (context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1)
        times = [frame.time for frame in container.decode(stream)]
    assert times == pytest.approx([i * 1001 / 30000 for i in range(5)], abs=1e-4)
    head = path.read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")


@pytest.mark.parametrize(("height", "width"), [(47, 64), (48, 63), (47, 63)])
def test_odd_sizes_gain_a_copy_of_their_last_line(
    tmp_path: Path, height: int, width: int
) -> None:
    path = tmp_path / "odd.mp4"
    with Mp4Writer(path, height, width, 25.0, crf=8) as mp4:
        mp4.write(image(0, height, width))
    (frame,) = decode(path)
    assert frame.shape == (48, 64, 3)
    assert psnr(frame[:height, :width], image(0, height, width)) > 32
    padding = ((0, 48 - height), (0, 64 - width), (0, 0))
    assert psnr(frame, np.pad(image(0, height, width), padding, mode="edge")) > 32


def test_nothing_has_the_final_name_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with Mp4Writer(path, 48, 64, 25.0) as mp4:
        mp4.write(image(0))
        assert not path.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def test_an_error_in_the_block_leaves_nothing_and_is_not_renamed(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError, match="theirs"),
        Mp4Writer(tmp_path / "a.mp4", 48, 64, 25.0) as mp4,
    ):
        mp4.write(image(0))
        raise FileNotFoundError("theirs")
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_survives_a_failed_rewrite(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"older")
    with pytest.raises(KeyboardInterrupt), Mp4Writer(path, 48, 64, 25.0) as mp4:
        mp4.write(image(0))
        raise KeyboardInterrupt
    assert path.read_bytes() == b"older"


def test_no_frame_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="no frame was written"),
        Mp4Writer(tmp_path / "a.mp4", 8, 8, 25.0),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_frame_of_another_size_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="frame 1 is 62x48, the mp4 was opened for 64x48"),
        Mp4Writer(tmp_path / "a.mp4", 48, 64, 25.0) as mp4,
    ):
        mp4.write(image(0))
        mp4.write(image(1, width=62))
    assert list(tmp_path.iterdir()) == []


def test_writing_outside_the_block_is_refused(tmp_path: Path) -> None:
    mp4 = Mp4Writer(tmp_path / "a.mp4", 48, 64, 25.0)
    with pytest.raises(OutputError, match="not open"):
        mp4.write(image(0))


@pytest.mark.parametrize("limit", [10, 3000])
def test_a_full_disk_is_one_typed_error(tmp_path: Path, limit: int) -> None:
    noise = np.random.default_rng(0)
    with (
        file_size_limit(limit),
        pytest.raises(OutputError, match=r"cannot write .*a\.mp4"),
        Mp4Writer(tmp_path / "a.mp4", 48, 64, 25.0) as mp4,
    ):
        for _ in range(40):
            mp4.write(noise.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(OutputError, match="cannot write"),
        Mp4Writer(tmp_path / "file" / "a.mp4", 48, 64, 25.0) as mp4,
    ):
        mp4.write(image(0))
