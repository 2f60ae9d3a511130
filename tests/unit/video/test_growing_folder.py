"""A folder that is followed: what never becomes an image is passed over."""

import os
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from vseg.video.growing_folder import GrowingFolder


def _declared(side: int) -> bytes:
    """A PNG of a few bytes that says it is as large as that."""

    def chunk(name: bytes, content: bytes) -> bytes:
        summed = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + summed

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IEND", b"")


def test_what_is_no_image_or_far_too_large_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"")
    (tmp_path / "1.png").write_bytes(_declared(100_000))
    Image.fromarray(np.full((4, 6, 3), 9, dtype=np.uint8)).save(tmp_path / "2.png")
    for name in ("0.png", "1.png"):
        os.utime(tmp_path / name, (0, 0))  # nobody writes on
    folder = GrowingFolder(tmp_path, from_newest=False)
    grabbed = folder.grab()
    folder.close()
    assert grabbed is not None and grabbed.convert().shape == (4, 6, 3)


def _written(file: Path, grey: int) -> None:
    Image.fromarray(np.full((4, 6, 3), grey, dtype=np.uint8)).save(file)


def _next_grey(folder: GrowingFolder) -> int:
    ending = threading.Timer(10.0, folder.close)
    ending.start()
    grabbed = folder.grab()
    ending.cancel()
    assert grabbed is not None, "no image came"
    return int(grabbed.convert()[0, 0, 0])


def test_names_that_go_back_are_images_all_the_same(tmp_path: Path) -> None:
    folder = GrowingFolder(tmp_path, from_newest=True)
    _written(tmp_path / "1700000000.png", 10)
    assert _next_grey(folder) == 10
    _written(tmp_path / "1600000000.png", 20)  # the camera's clock was set
    assert _next_grey(folder) == 20
    folder.close()


def test_an_image_that_is_renamed_once_written_is_given_once(tmp_path: Path) -> None:
    folder = GrowingFolder(tmp_path, from_newest=True)
    _written(tmp_path / "tmp.png", 10)
    assert _next_grey(folder) == 10
    (tmp_path / "tmp.png").rename(tmp_path / "0.png")
    _written(tmp_path / "1.png", 20)
    assert _next_grey(folder) == 20
    _written(tmp_path / "tmp.png", 30)
    assert _next_grey(folder) == 30, "the name is in use again"
    folder.close()
