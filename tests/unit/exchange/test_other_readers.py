"""A file that another package does not read is not valid, and the package is named."""

from fractions import Fraction
from pathlib import Path

import pytest

from vseg.errors import BadExchange
from vseg.exchange.held_masks import box_crop
from vseg.exchange.other_readers import checked_by
from vseg.exchange.validate import validate
from vseg.ops.rle import encode_rle
from vseg.types import VideoInfo

VIDEO = VideoInfo("park.mp4", 40, 60, Fraction(25), 30)


def mots(path: Path, *columns: tuple[int, int, int]) -> Path:
    """A line for each frame, id and left side of a box."""
    lines = [
        f"{frame} {number} 2 40 60 {encode_rle(box_crop(x, 2, x + 6, 8), 40, 60)}\n"
        for frame, number, x in columns
    ]
    path.write_text("".join(lines))
    return path


def test_trackeval_refuses_masks_that_overlap(tmp_path: Path) -> None:
    pytest.importorskip("trackeval")
    apart = mots(tmp_path / "a.txt", (1, 2001, 2), (1, 2002, 20), (3, 2001, 4))
    found = validate(apart, "mots", VIDEO, "park")
    assert [name.split()[0] for name in found.checked_by] == ["pycocotools", "trackeval"]
    over = mots(tmp_path / "b.txt", (1, 2001, 2), (1, 2002, 4))
    with pytest.raises(BadExchange, match=r"trackeval cannot read .*b\.txt: .*overlapping"):
        validate(over, "mots", VIDEO, "park")


def test_trackeval_is_not_asked_of_frames_from_0(tmp_path: Path) -> None:
    file = mots(tmp_path / "a.txt", (0, 2001, 2), (1, 2001, 4))
    found = validate(file, "mots", VIDEO, "park")
    assert not any("trackeval" in name for name in found.checked_by)


def test_another_number_of_masks_is_an_error(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    file = mots(tmp_path / "a.txt", (1, 2001, 2))
    with pytest.raises(BadExchange, match=r"pycocotools finds 1 masks in .*, and 2 are there"):
        checked_by(file, "mots", 2)
