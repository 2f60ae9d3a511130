"""Files of masks that were spoiled on their way: each is an error that names its place, or is
read without what a system put beside it; none is waited for, and none is half believed.
"""

import json
import os
import struct
import zipfile
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.written_runs import header, track
from vseg.errors import BadExchange
from vseg.exchange.guess_format import guess_format
from vseg.exchange.read_masks import read_masks
from vseg.exchange.validate import validate
from vseg.pipelines.import_masks import compare_with_run
from vseg.results import RunWriter
from vseg.results.run import Run
from vseg.types import VideoInfo

VIDEO = VideoInfo("park.mp4", 30, 40, Fraction(25), 6)
UNKNOWN = VideoInfo("park.mp4", 30, 40, None, None)
LABELS = np.zeros((30, 40), dtype=np.uint8)
LABELS[3:9, 4:12] = 1
LABELS[20:25, 20:30] = 2


def found(path: Path, format_name: str, video: VideoInfo = VIDEO) -> dict[int, list[int]]:
    with read_masks(path, format_name, video, "park") as masks:
        return {frame.frame_index: list(frame) for frame in masks}


def refused(path: Path, format_name: str, message: str, video: VideoInfo = VIDEO) -> None:
    with pytest.raises(BadExchange, match=message) as caught:
        found(path, format_name, video)
    assert len(caught.value.message) < 500 + len(str(path))


def save(path: Path, values: np.ndarray = LABELS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, "PNG")


def declared(path: Path, side: int) -> None:
    """A PNG of a few bytes that says it is as large as that."""

    def chunk(name: bytes, content: bytes) -> bytes:
        summed = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + summed

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(99)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + rows + chunk(b"IEND", b""))


@pytest.mark.parametrize("side", [12_000, 100_000])
def test_a_huge_label_image_is_refused_without_a_warning(tmp_path: Path, side: int) -> None:
    declared(tmp_path / "00000.png", side)
    refused(tmp_path, "davis", "megapixels|exceeds limit")
    assert guess_format(tmp_path) == "davis"


def test_a_compressed_label_image_is_refused(tmp_path: Path) -> None:
    Image.fromarray(LABELS * 100).save(tmp_path / "00000.png", "JPEG")
    refused(tmp_path, "davis", "compressed as JPEG")


def test_ids_beyond_a_label_file_are_not_dropped(tmp_path: Path) -> None:
    save(tmp_path / "00000.png", LABELS.astype(np.uint16) * 1000)
    refused(tmp_path, "davis", "object 1000 is beyond the ids")
    assert found(tmp_path, "mots-png") == {0: [1000, 2000]}


def test_label_images_of_mots_may_have_8_bits(tmp_path: Path) -> None:
    save(tmp_path / "000001.png")
    assert validate(tmp_path, "mots-png", VIDEO, "park").masks == 2


@pytest.mark.parametrize(
    ("format_name", "name"),
    [
        ("davis", "00000.png"),
        ("labelme", "00000.json"),
        ("yolo-track", "data.yaml"),
        ("coco", "a.json"),
        ("mots", "a.txt"),
        ("parquet", "a.parquet"),
    ],
)
def test_a_pipe_is_not_waited_for(tmp_path: Path, format_name: str, name: str) -> None:
    (tmp_path / "00001.txt").write_text("0 0.1 0.1 0.5 0.1 0.5 0.5 1\n")
    os.mkfifo(tmp_path / name)
    path = tmp_path / name if name.startswith("a.") else tmp_path
    refused(path, format_name, "is a pipe")


def test_a_link_to_names_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "yolo").mkdir()
    (tmp_path / "secret").write_text("names: [x]")
    (tmp_path / "yolo" / "00000.txt").write_text("0 0.1 0.1 0.5 0.1 0.5 0.5 1\n")
    (tmp_path / "yolo" / "data.yaml").symlink_to(tmp_path / "secret")
    refused(tmp_path / "yolo", "yolo-track", "leads out of")


@pytest.mark.parametrize("names", [("000", "001"), ("1", "2")])
def test_objects_of_sa_v_count_from_0(tmp_path: Path, names: tuple[str, str]) -> None:
    for name in names:
        save(tmp_path / name / "00000.png")
    assert found(tmp_path, "png") == {0: [1, 2]}


def test_two_folders_of_one_object_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "1" / "00000.png")
    save(tmp_path / "01" / "00000.png")
    refused(tmp_path, "png", "object 1 has a mask on frame 0 already")


def test_what_macos_puts_beside_masks_is_left_out(tmp_path: Path) -> None:
    save(tmp_path / "davis" / "00000.png")
    for name in ("._00000.png", ".DS_Store"):
        (tmp_path / "davis" / name).write_bytes(b"\0\5\x16\7")
    save(tmp_path / "png" / "1" / "00000.png")
    (tmp_path / "png" / ".ipynb_checkpoints").mkdir()
    assert found(tmp_path / "davis", "davis") == {0: [1, 2]}
    assert validate(tmp_path / "davis", "davis", VIDEO, "park").masks == 2
    assert found(tmp_path / "png", "png") == {0: [1]}


def test_an_archive_made_by_macos_is_read(tmp_path: Path) -> None:
    save(tmp_path / "00000.png")
    path = tmp_path / "masks.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(tmp_path / "00000.png", "masks/00000.png")
        archive.writestr("__MACOSX/masks/._00000.png", b"\0\5\x16\7")
    assert guess_format(path) == "davis" and found(path, "davis") == {0: [1, 2]}


@pytest.mark.parametrize(
    "text",
    [
        '{"annotations": [null]}',
        '{"annotations": [3]}',
        '[{"data": null}]',
        '[{"data": 3}]',
        "[null]",
    ],
)
def test_a_guess_takes_any_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    assert guess_format(tmp_path / "a.json")


def test_a_guess_names_what_it_cannot_open(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(BadExchange, match=r"a\.json: Is a directory"):
        guess_format(tmp_path)


def test_half_a_character_is_refused(tmp_path: Path) -> None:
    """Neither a run nor a terminal could take the label."""
    row = {"label": "\ud83d", "points": [[0, 0], [9, 0], [9, 9]], "group_id": 1}
    (tmp_path / "0.json").write_text(json.dumps({"shapes": [row]}))
    refused(tmp_path, "labelme", "half of a character")
    row["label"] = "\U0001f436"
    (tmp_path / "0.json").write_text(json.dumps({"shapes": [row]}))
    with read_masks(tmp_path, "labelme", VIDEO, "park") as masks:
        assert masks.labels == {1: "\U0001f436"}


@pytest.mark.parametrize("encoding", ["none", "gb2312"])
def test_xml_of_an_encoding_that_is_not_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(f'<?xml version="1.0" encoding="{encoding}"?><annotations/>')
    refused(path, "cvat", "is not XML")


def test_keyframes_far_apart_are_not_filled_in(tmp_path: Path) -> None:
    """Of a clip whose length is not known; the masks between would be made without end."""
    box = '<box frame="{}" xtl="1" ytl="1" xbr="9" ybr="9"/>'
    shapes = box.format(0) + box.format(10**15)
    (tmp_path / "a.xml").write_text(f"<annotations><track>{shapes}</track></annotations>")
    refused(tmp_path / "a.xml", "cvat", "apart", UNKNOWN)
    sides = {"x": 1, "y": 1, "width": 50, "height": 50}
    entries = [{"frame": 1, **sides}, {"frame": 10**30, **sides}]
    region = {"type": "videorectangle", "value": {"sequence": entries}}
    text = json.dumps([{"annotations": [{"result": [region]}]}])
    (tmp_path / "a.json").write_text(text)
    refused(tmp_path / "a.json", "label-studio", "apart", UNKNOWN)


def test_a_number_of_5000_digits_is_no_frame(tmp_path: Path) -> None:
    image = f'<image id="{"7" * 5000}" name="{"9" * 5000}.png"></image>'
    (tmp_path / "a.xml").write_text(f"<annotations>{image}</annotations>")
    refused(tmp_path / "a.xml", "cvat-images", "neither a number in its name nor an id")


def test_a_score_that_cannot_be_stored_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1,1,2,2,5,5,1e300,-1,-1,-1\n")
    refused(tmp_path / "a.txt", "mot", "score 1e.300 is not a number")


@pytest.mark.parametrize("format_name", ["davis", "png", "mots"])
def test_an_import_of_nothing_deletes_nothing(tmp_path: Path, format_name: str) -> None:
    writer = RunWriter.create(tmp_path / "run", header(), overwrite=False)
    track(writer, range(3))
    writer.finish()
    empty = tmp_path / "empty"
    empty.mkdir()
    if format_name == "mots":
        empty = tmp_path / "empty.txt"
        empty.write_text("\n")
    with pytest.raises(BadExchange, match="has masks of no frame"):
        compare_with_run(Run(tmp_path / "run"), empty, format_name)
