"""Folders of images: their order, and everything that makes one refused."""

import os
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import paint, painted
from vseg.errors import BadImage, BadVideo, DamagedVideo, UsageError
from vseg.io.image_files import open_image
from vseg.video.images import ImageFolder


def fill(folder: Path, *names: str) -> Path:
    """Images under these names, the numbers 0, 1, ... painted in that order."""
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        Image.fromarray(paint(number)).save(folder / name)
    return folder


def numbers(folder: Path) -> list[int]:
    with ImageFolder(folder) as reader:
        return [painted(frame.image) for frame in reader]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tif", "tiff", "JPEG"])
def test_numbers_sort_as_numbers(suffix: str, tmp_path: Path) -> None:
    names = [f"frame_{number}.{suffix}" for number in range(7, 13)]
    assert numbers(fill(tmp_path / "clip", *names)) == [0, 1, 2, 3, 4, 5]


def test_every_fourth_number_is_a_series(tmp_path: Path) -> None:
    assert numbers(fill(tmp_path / "clip", "0000.png", "0004.png", "0008.png")) == [0, 1, 2]


def test_names_without_numbers_go_by_name(tmp_path: Path) -> None:
    assert numbers(fill(tmp_path / "clip", "a.png", "b.png", "c.jpg")) == [0, 1, 2]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    folder = fill(tmp_path / "clip", "0.png", "1.png")
    (folder / "notes.txt").write_text("x")
    (folder / "._0.png").write_bytes(b"x")
    (folder / "masks").mkdir()
    assert numbers(folder) == [0, 1]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("00.png", "01.png", "03.png"), "number 2 is missing between 01.png and 03.png"),
        (("0.png", "1.png", "2.png", "5.png", "6.png"), "number 3 is missing"),
        (("1.png", "01.png"), "same number"),
        (("1.png", "1.jpg", "2.png"), "same number"),
        (("cat_1.png", "dog_2.png"), "different series"),
        (("1.png", "cover.png"), "cover.png: has no number"),
        ((), "holds no images"),
    ],
)
def test_not_one_clip(names: tuple[str, ...], words: str, tmp_path: Path) -> None:
    with pytest.raises(BadVideo, match=words):
        ImageFolder(fill(tmp_path / "clip", *names))


def test_images_of_another_size_are_scaled_to_the_first(tmp_path: Path) -> None:
    folder = fill(tmp_path / "clip", "0.png", "1.png")
    Image.fromarray(paint(2, 128, 192)).save(folder / "2.png")
    with ImageFolder(folder) as reader:
        frames = list(reader)
    assert [frame.scaled_from for frame in frames] == [None, None, (128, 192)]
    assert [frame.image.shape for frame in frames] == [(64, 96, 3)] * 3
    assert [painted(frame.image) for frame in frames] == [0, 1, 2]


def test_an_image_that_changes_its_size_is_damaged(tmp_path: Path) -> None:
    folder = fill(tmp_path / "clip", "0.png", "1.png")
    with ImageFolder(folder) as reader:
        Image.fromarray(paint(1, 32, 48)).save(folder / "1.png")
        with pytest.raises(DamagedVideo, match="changed since"):
            reader.read(1)


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_a_tiff_without_a_known_white_is_refused(dtype: type, tmp_path: Path) -> None:
    Image.fromarray(paint(0)[..., 0].astype(dtype)).save(tmp_path / "0.tif")
    with pytest.raises(BadVideo, match=r"0\.tif: holds .* white is not known"):
        ImageFolder(tmp_path)


def test_a_tiff_of_several_images_is_refused(tmp_path: Path) -> None:
    pages = [Image.fromarray(paint(number)) for number in range(3)]
    pages[0].save(tmp_path / "0.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(BadVideo, match=r"0\.tif: holds 3 images"):
        ImageFolder(tmp_path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_exif_orientation_is_applied(suffix: str, tmp_path: Path) -> None:
    folder = fill(tmp_path / "clip", f"0.{suffix}")
    for number, orientation, turns in ((1, 3, 2), (2, 6, 1), (3, 8, 3)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = np.ascontiguousarray(np.rot90(paint(number), turns))
        Image.fromarray(stored).save(folder / f"{number}.{suffix}", exif=exif)
    assert numbers(folder) == [0, 1, 2, 3]


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "I;16"])
def test_every_mode_becomes_rgb(mode: str, suffix: str, tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    image = Image.fromarray(paint(5))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    else:
        image = image.convert(mode)
    image.save(folder / f"0.{suffix}")
    assert numbers(folder) == [5]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    outside = fill(tmp_path / "elsewhere", "secret.png") / "secret.png"
    folder = fill(tmp_path / "clip", "0.png")
    (folder / "1.png").symlink_to(outside)
    with pytest.raises(BadVideo, match=r"1\.png: is a link to outside"):
        ImageFolder(folder)


def png_header(side: int) -> bytes:
    """The first bytes of a PNG file that claims to be side x side."""
    fields = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + fields + struct.pack(">I", zlib.crc32(fields))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + bytes(4)


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    for side, words in ((9000, "over the limit"), (10000, "too large"), (20000, "too large")):
        folder = tmp_path / f"clip-{side}"
        folder.mkdir()
        (folder / "0.png").write_bytes(png_header(side))
        with pytest.raises(BadVideo, match=words):
            ImageFolder(folder)


@pytest.mark.parametrize("spoiled", ["0.png", "1.png"])
@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_a_file_that_is_no_image_costs_one_frame(
    spoiled: str, content: bytes, tmp_path: Path
) -> None:
    folder = fill(tmp_path / "clip", "0.png", "1.png", "2.png")
    (folder / spoiled).write_bytes(content)
    with ImageFolder(folder) as reader:
        with pytest.raises(DamagedVideo, match=f"{spoiled} does not decode"):
            reader.read(int(spoiled[0]))
        assert painted(reader.read(2).image) == 2


def test_a_folder_without_a_readable_image(tmp_path: Path) -> None:
    folder = fill(tmp_path / "clip", "0.png")
    (folder / "0.png").write_bytes(b"not an image")
    with pytest.raises(BadVideo, match=r"0\.png: is not a readable image"):
        ImageFolder(folder)


def test_a_torn_image_ends_the_clip_there(tmp_path: Path) -> None:
    folder = fill(tmp_path / "clip", "0.jpg", "1.jpg", "2.jpg")
    content = (folder / "1.jpg").read_bytes()
    (folder / "1.jpg").write_bytes(content[: len(content) * 3 // 4])
    with ImageFolder(folder) as reader:
        frames = iter(reader)
        assert painted(next(frames).image) == 0
        with pytest.raises(DamagedVideo, match=r"1\.jpg") as caught:
            next(frames)
        assert caught.value.frame_index == 1


def test_time_counts_at_the_given_rate(tmp_path: Path) -> None:
    folder = fill(tmp_path / "clip", "0.png", "1.png", "2.png")
    with ImageFolder(folder, fps=Fraction(30000, 1001)) as reader:
        assert reader.read(2).time_s == pytest.approx(2 * 1001 / 30000)
        assert reader.info.fps == Fraction(30000, 1001)
    with pytest.raises(UsageError, match="rate of 0"):
        ImageFolder(folder, fps=0)


def test_closed_folder_and_wrong_paths(tmp_path: Path) -> None:
    folder = fill(tmp_path / "clip", "0.png")
    reader = ImageFolder(folder)
    reader.close()
    with pytest.raises(UsageError, match="was closed"):
        reader.read(0)
    with pytest.raises(BadVideo, match="no such folder"):
        ImageFolder(tmp_path / "nothing")
    with pytest.raises(BadVideo, match="is a file"):
        ImageFolder(folder / "0.png")


@pytest.mark.parametrize("names", ["1403715{:d}.1", "2026-01-0{:d}T10-00", "{:d}"])
def test_names_of_any_kind_in_their_order(names: str, tmp_path: Path) -> None:
    for number in (1, 2, 7):
        Image.fromarray(paint(number)).save(tmp_path / f"{names.format(number)}.png")
    with pytest.raises(BadVideo):
        ImageFolder(tmp_path)
    with ImageFolder(tmp_path, frames="by-order") as video:
        assert [painted(frame.image) for frame in video] == [1, 2, 7]
        assert [frame.index for frame in video] == [0, 1, 2]


def test_names_as_frame_numbers(tmp_path: Path) -> None:
    for number in (10, 12, 18):
        Image.fromarray(paint(number)).save(tmp_path / f"f{number}.png")
    with ImageFolder(tmp_path, frames="by-number") as video:
        assert len(video) == 5
        assert [(f.index, painted(f.image)) for f in video] == [(0, 10), (1, 12), (4, 18)]
        assert [f.index for f in video.frames(4, None, -1)] == [4, 1, 0]
        assert [f.index for f in video.frames(2, 4)] == []
        with pytest.raises(DamagedVideo, match="f18"):
            video.read(2)


def test_time_stamps_are_no_frame_numbers(tmp_path: Path) -> None:
    for number in (1403715273262142976, 1403715273312143104, 1403715273362142977):
        Image.fromarray(paint(1)).save(tmp_path / f"{number}.png")
    with pytest.raises(BadVideo, match="time stamps") as caught:
        ImageFolder(tmp_path, frames="by-number")
    assert caught.value.hint == "use --frames by-order"


def test_a_pipe_among_the_images_is_refused_at_once(tmp_path: Path) -> None:
    folder = fill(tmp_path / "clip", "0.png", "1.png")
    os.mkfifo(folder / "2.png")
    with pytest.raises(BadVideo, match=r"2\.png: is a pipe or a device"):
        ImageFolder(folder)
    with pytest.raises(BadImage, match="is a pipe"):
        open_image(folder / "2.png")
