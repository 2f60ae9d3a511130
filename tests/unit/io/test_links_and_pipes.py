"""Links that lead in a circle, and pipes: refused, and neither followed nor waited for."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vseg.errors import BadRun, DamagedVideo, OutputError
from vseg.io.files import atomic_write_text, check_free, real_path
from vseg.results.layout import HEADER, read_header
from vseg.server.storage.served_folder import ServedFolder
from vseg.video.images import ImageFolder


@pytest.fixture
def circle(tmp_path: Path) -> Path:
    """A folder of an image and a link to itself."""
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "0.png")
    (tmp_path / "1.png").symlink_to("1.png")
    return tmp_path


def test_the_place_of_a_circle_is_itself(circle: Path) -> None:
    assert real_path(circle / "1.png").name == "1.png"
    (circle / "link").symlink_to("0.png")
    assert real_path(circle / "link") == real_path(circle / "0.png")


def test_a_circle_among_images_is_a_damaged_frame(circle: Path) -> None:
    with ImageFolder(circle) as images:
        assert images.read(0).index == 0
        with pytest.raises(DamagedVideo, match=r"1\.png does not decode"):
            images.read(1)


def test_a_circle_in_a_run_is_a_damaged_run(tmp_path: Path) -> None:
    (tmp_path / HEADER).symlink_to(HEADER)
    with pytest.raises(BadRun):
        read_header(tmp_path)


def test_a_circle_under_the_root_hides_nothing(circle: Path) -> None:
    (circle / "clip").mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(circle / "clip" / "0.png")
    (circle / "a.mp4").symlink_to("b.mp4")
    (circle / "b.mp4").symlink_to("a.mp4")
    assert [entry.path for entry in ServedFolder(circle).entries("video")]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("to", ["out.json", "nowhere.json"])
def test_a_link_that_leads_nowhere_is_not_replaced(
    tmp_path: Path, to: str, overwrite: bool
) -> None:
    target = tmp_path / "out.json"
    target.symlink_to(to)
    with pytest.raises(OutputError, match="leads nowhere"):
        check_free(target, overwrite=overwrite)
    with pytest.raises(OutputError, match="leads nowhere"):
        atomic_write_text(target, "{}")
    assert target.is_symlink() and [*tmp_path.iterdir()] == [target]


@pytest.mark.parametrize("name", ["events.jsonl", "masks/shard-000000.parquet"])
def test_a_pipe_in_a_run_is_not_waited_for(tmp_path: Path, name: str) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / HEADER).write_text("{}")
    os.mkfifo(tmp_path / name)
    with pytest.raises(BadRun, match="is a pipe"):
        read_header(tmp_path)
