"""Values that a file cannot mean are errors that name their place, in every format alike."""

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from vseg.errors import BadExchange
from vseg.exchange.held_masks import box_crop
from vseg.exchange.read_masks import read_masks
from vseg.exchange.segmentation import rle_of
from vseg.ops.rle import encode_rle
from vseg.types import VideoInfo

VIDEO = VideoInfo("park.mp4", 40, 60, Fraction(25), 30)
RUNS = rle_of(box_crop(2, 2, 8, 8), 40, 60)


def refused(path: Path, format_name: str, text: str = "") -> BadExchange:
    if text:
        path.write_text(text)
    with pytest.raises(BadExchange) as caught:
        read_masks(path, format_name, VIDEO, "park").close()
    return caught.value


def coco(*rows: dict[str, Any]) -> str:
    base = {"image_id": 1, "category_id": 1, "track_id": 1, "segmentation": RUNS}
    return json.dumps(
        {
            "images": [{"id": 1, "frame_id": 3}, {"id": 2, "frame_id": 4}],
            "categories": [{"id": 1, "name": "dog"}],
            "annotations": [{**base, **row} for row in rows],
        }
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"category_id": 7}, "there is no category 7"),
        ({"score": float("nan")}, "score"),
        ({"score": 1.5}, "the score 1.5 is not in 0 to 1"),
        ({"score": -0.1}, "the score -0.1 is not in 0 to 1"),
        ({"image_id": 1, "track_id": 1}, "object 1 has a mask on frame 3 already"),
        ({"track_id": None, "attributes": {"track_id": "x"}}, "'x' is no object id"),
        ({"segmentation": [[0, 0, 1e300, 0, 9, 9]]}, "corner 1e.300,0 lies far outside"),
        ({"segmentation": [[0, 0, 5, 0, 9, -400]]}, "corner 9,-400 lies far outside"),
    ],
)
def test_a_wrong_value_of_coco_names_its_annotation(
    tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    text = coco({}, {"image_id": 2, **row})
    error = refused(tmp_path / "a.json", "coco", text)
    assert error.message.count("annotation 1") == 1 and "another clip?" not in str(error.hint)
    assert re.search(message, error.message)


def shape(inner: str, attribute: str = "") -> str:
    given = f'<attribute name="vseg_id">{attribute}</attribute>'
    return (
        f'<annotations>\n<image id="0" name="0.jpg">\n{inner}{given}</polygon></image>'
        "</annotations>"
    )


@pytest.mark.parametrize("number", ["1e300", "nan", "inf", "-9000"])
@pytest.mark.parametrize("tag", ["polygon", "box"])
def test_a_cvat_corner_must_be_near_the_frame(tmp_path: Path, tag: str, number: str) -> None:
    places = {
        "polygon": f'points="0,0;{number},0;9,9"',
        "box": f'xtl="0" ytl="0" xbr="{number}" ybr="9"',
    }
    image = f'<image id="0" name="0.jpg">\n<{tag} {places[tag]}/></image>'
    error = refused(tmp_path / "a.xml", "cvat", f"<annotations>\n{image}</annotations>")
    assert "line 3" in error.message
    assert "far outside the 60x40 frame" in error.message or "number" in error.message


@pytest.mark.parametrize("number", ["dog", "-3", "1.5", "9" * 5000])
def test_a_cvat_id_is_a_whole_number(tmp_path: Path, number: str) -> None:
    text = shape('<polygon points="0,0;9,0;9,9">', number)
    error = refused(tmp_path / "a.xml", "cvat", text)
    assert "line 3: vseg_id = " in error.message and "no object id" in error.message


@pytest.mark.parametrize("number", ["", "0"])
def test_an_id_that_is_not_given_is_none(tmp_path: Path, number: str) -> None:
    (tmp_path / "a.xml").write_text(shape('<polygon points="0,0;9,0;9,9">', number))
    with read_masks(tmp_path / "a.xml", "cvat", VIDEO, "park") as masks:
        assert masks.unnamed == 1


def label_studio(entry: dict[str, Any], meta: dict[str, Any]) -> str:
    sides = {"frame": 1, "x": 5, "y": 5, "width": 9, "height": 9}
    value = {"labels": ["dog"], "sequence": [{**sides, **entry}]}
    region = {"type": "videorectangle", "meta": meta, "value": value}
    return json.dumps([{"annotations": [{"result": [region]}]}])


@pytest.mark.parametrize(
    ("entry", "meta", "message"),
    [
        ({}, {"vseg_id": "dog"}, "no object id"),
        ({}, {"vseg_id": 1.5}, "no object id"),
        ({"x": 1e300}, {}, "far outside"),
        ({"width": 1e308}, {}, "no number|far outside"),
        ({"frame": 10**30}, {}, "there is no frame"),
    ],
)
def test_a_wrong_value_of_label_studio_names_its_region(
    tmp_path: Path, entry: dict[str, Any], meta: dict[str, Any], message: str
) -> None:
    text = label_studio(entry, meta)
    with pytest.raises(BadExchange, match=f"region 0: .*({message})"):
        (tmp_path / "a.json").write_text(text)
        read_masks(tmp_path / "a.json", "label-studio", VIDEO, "park")


@pytest.mark.parametrize("kind", ["polygon", "rectangle", "circle"])
def test_a_labelme_corner_must_be_near_the_frame(tmp_path: Path, kind: str) -> None:
    points = [[2, 2], [1e300, 8]] + [[3, 9]] * (kind == "polygon")
    content = {"shapes": [{"shape_type": kind, "points": points, "group_id": 1}]}
    (tmp_path / "0.json").write_text(json.dumps(content))
    error = refused(tmp_path, "labelme")
    assert "0.json, shape 0" in error.message and "far outside" in error.message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.1 0.1 1e300 0.1 0.5 0.5", "far outside"),
        ("0 0.1 0.1 nan 0.1 0.5 0.5", "no number"),
        ("3 0.1 0.1 0.5 0.1 0.5 0.5", "there is no category 3"),
    ],
)
def test_a_wrong_value_of_yolo_names_its_line(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "data.yaml").write_text("names:\n  0: dog\n")
    (tmp_path / "00000.txt").write_text(line + "\n")
    error = refused(tmp_path, "yolo-seg")
    assert "line 1" in error.message and message in error.message


def test_two_masks_of_an_object_on_a_frame_are_refused(tmp_path: Path) -> None:
    message = "object 1 has a mask on frame 0 already"
    line = f"1 2001 2 40 60 {encode_rle(box_crop(2, 2, 8, 8), 40, 60)}\n"
    whole = "object 2001 has a mask on frame 0 already"
    assert whole in refused(tmp_path / "a.txt", "mots", 2 * line).message
    masklets = {"video_frame_count": 1, "masklet_id": [1, 1], "masklet": [[RUNS, RUNS]]}
    assert message in refused(tmp_path / "b.json", "sav", json.dumps(masklets)).message
    rows = [
        {"id": n, "video_id": 1, "category_id": 1, "track_id": 1, "segmentations": [RUNS]}
        for n in (1, 2)
    ]
    content = {
        "videos": [{"id": 1, "name": "park", "file_names": ["0.jpg"]}],
        "categories": [{"id": 1, "name": "dog"}],
        "annotations": rows,
    }
    assert message in refused(tmp_path / "c.json", "ytvis", json.dumps(content)).message
    rows[1] |= {"category_id": 9, "track_id": 2}
    error = refused(tmp_path / "c.json", "ytvis", json.dumps(content))
    assert "annotation 1: there is no category 9" in error.message


def test_another_clip_is_named_only_where_the_content_speaks_for_one(tmp_path: Path) -> None:
    wrong = coco({"segmentation": {"size": [40, 60], "counts": "00"}})
    assert "another clip?" not in str(refused(tmp_path / "a.json", "coco", wrong).hint)
    small = coco({"segmentation": {"size": [20, 30], "counts": "00"}})
    assert "another clip?" in str(refused(tmp_path / "a.json", "coco", small).hint)
