"""Files as other programs write them: what they leave out, add, or draw by hand."""

import json
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vseg.errors import BadExchange
from vseg.exchange.export import export
from vseg.exchange.formats import FORMATS
from vseg.exchange.guess_format import guess_format
from vseg.exchange.matching import identify
from vseg.exchange.read_masks import read_masks
from vseg.exchange.spool import MaskSpool
from vseg.ops.rle import encode_rle
from vseg.types import MaskCrop, VideoInfo

VIDEO = VideoInfo("park.mp4", 40, 60, Fraction(25), 30)


def read(path: Path, format_name: str, text: str) -> MaskSpool:
    path.write_text(text)
    return read_masks(path, format_name, VIDEO, "park", taken=(1, 5))


def track(shapes: str, label: str = "dog") -> str:
    return f'<annotations><track id="3" label="{label}">{shapes}</track></annotations>'


def box(frame: int, x: int, more: str = 'outside="0" keyframe="1"') -> str:
    sides = f'xtl="{x}" ytl="4" xbr="{x + 10}" ybr="14"'
    return f'<box frame="{frame}" {more} {sides}/>'


def test_a_cvat_track_moves_between_its_keyframes_and_stops_outside(tmp_path: Path) -> None:
    shapes = box(2, 0) + box(6, 20) + box(8, 20, 'outside="1"') + box(10, 0)
    with read(tmp_path / "a.xml", "cvat", track(shapes)) as masks:
        assert masks.object_ids == (6,), "a new object, above those taken"
        assert masks.labels == {6: "dog"}
        found = {frame: crop.xyxy for frame, crop, _ in masks.track(6)}
        assert list(masks.frame_numbers()) == list(range(2, 11))
    assert sorted(found) == [2, 3, 4, 5, 6, 7, 10]
    assert found[4] == (10, 4, 20, 14), "halfway"
    assert found[7] == (20, 4, 30, 14), "held until it is outside"


def test_a_cvat_polygon_with_other_corners_is_held(tmp_path: Path) -> None:
    first = '<polygon frame="0" points="0,0;10,0;10,10;0,10"/>'
    second = '<polygon frame="3" points="0,0;10,0;10,10"/>'
    with read(tmp_path / "a.xml", "cvat", track(first + second)) as masks:
        areas = [crop.area for _, crop, _ in masks.track(6)]
    assert areas[:3] == [100, 100, 100] and areas[3] < 60


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ('<mask rle="4,5" left="0" top="0" width="3" height="2"/>', "do not fill"),
        ('<mask rle="0,9000000" left="0" top="0" width="3000" height="3000"/>', "leaves the"),
        ('<mask rle="0,x" left="0" top="0" width="1" height="1"/>', "whole numbers"),
        ('<mask rle="1" left="0" top="0" width="nan" height="1"/>', "is not a number"),
        ('<polygon points="1,2;3"/>', "pairs"),
        ('<polygon points="1,2;3,4"/>', "three corners"),
        ('<polygon points="1,2;3,4;nan,4"/>', "coordinate of a polygon is no number"),
        ('<box xtl="1"/>', "ytl"),
    ],
)
def test_a_bad_cvat_shape_is_named_by_its_line(
    tmp_path: Path, shape: str, message: str
) -> None:
    text = f'<annotations>\n<image id="0" name="0.jpg">\n{shape}</image></annotations>'
    with pytest.raises(BadExchange, match=rf"line 3: .*{message}"):
        read(tmp_path / "a.xml", "cvat-images", text)


def test_a_cvat_task_of_another_size_is_refused(tmp_path: Path) -> None:
    size = "<original_size><width>80</width><height>40</height></original_size>"
    text = f"<annotations><meta><task>{size}</task></meta></annotations>"
    with pytest.raises(BadExchange, match="task is 80x40, the clip 60x40"):
        read(tmp_path / "a.xml", "cvat", text)


def labelme(shapes: list[dict[str, object]], **more: object) -> str:
    return json.dumps({"imageData": "x" * 100, "shapes": shapes, **more})


def test_labelme_shapes_of_a_group_are_one_mask(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    square = [[2, 2], [8, 2], [8, 8], [2, 8]]
    shapes: list[dict[str, object]] = [
        {"label": "dog", "group_id": 5, "shape_type": "polygon", "points": square},
        {
            "label": "dog",
            "group_id": 5,
            "shape_type": "rectangle",
            "points": [[20, 9], [10, 2]],
        },
        {
            "label": "cat",
            "group_id": None,
            "shape_type": "circle",
            "points": [[30, 20], [36, 20]],
        },
    ]
    (folder / "00007.json").write_text(labelme(shapes, imageHeight=40, imageWidth=60))
    with read_masks(folder, "labelme", VIDEO, "park") as masks:
        (frame,) = masks
        assert masks.unnamed == 1 and masks.labels == {5: "dog"}
        ((circle, _),) = masks.take_unnamed(7)
    assert frame.frame_index == 7 and frame.area(5) == 36 + 70
    assert abs(circle.area - np.pi * 36) < 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (labelme([], imageHeight=41, imageWidth=60), "image is 60x41"),
        (labelme([{"shape_type": "point", "points": [[1, 2]]}]), "1 points is not read"),
        (labelme([{"shape_type": "line", "points": [[1, 2], [3, 4]]}]), "has no inside"),
        (
            labelme([{"shape_type": "mask", "mask": "AAAA", "points": [[1, 2], [3, 4]]}]),
            "no PNG",
        ),
        (labelme([{"points": "none"}]), "points"),
        ("[]", "is not JSON"),
    ],
)
def test_a_bad_labelme_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "3.json").write_text(content)
    with pytest.raises(BadExchange, match=rf"3\.json.*{message}"):
        read_masks(tmp_path, "labelme", VIDEO, "park")


def test_every_fourth_frame_of_sa_v_is_found(tmp_path: Path) -> None:
    empty = {"size": [40, 60], "counts": encode_rle(MaskCrop.empty(), 40, 60)}
    content = {
        "video_frame_count": 30.0,
        "masklet_id": [0, 1],
        "masklet": [[empty, empty] for _ in range(8)],
    }
    with read(tmp_path / "a.json", "sav", json.dumps(content)) as masks:
        assert list(masks.frame_numbers()) == list(range(0, 30, 4))
        assert masks.object_ids == (1, 2), "ids of the data set begin at 0"
    content["masklet"] = [[empty]]
    with pytest.raises(BadExchange, match="masklet 0: 1 masks of 2 objects"):
        read(tmp_path / "a.json", "sav", json.dumps(content))


def test_the_video_of_a_data_set_is_chosen_by_its_name(tmp_path: Path) -> None:
    videos = [{"id": number, "name": name} for number, name in ((1, "lake"), (2, "park"))]
    images = [
        {"id": 1, "video_id": 1, "frame_id": 0},
        {"id": 2, "video_id": 2, "frame_id": 3},
    ]
    segmentation = [[0, 0, 9, 0, 9, 9]]
    annotations = [
        {"image_id": image, "track_id": 4, "category_id": 9, "segmentation": segmentation}
        for image in (1, 2)
    ]
    content = {"annotations": annotations, "images": images, "videos": videos}
    content["categories"] = [{"id": 9, "name": "dog"}]
    with read(tmp_path / "a.json", "coco", json.dumps(content)) as masks:
        assert list(masks.frame_numbers()) == [3] and masks.labels == {4: "dog"}
    videos[1]["name"] = "lane"
    with pytest.raises(BadExchange, match="2 videos, none of them alone named park"):
        read(tmp_path / "a.json", "coco", json.dumps(content))


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "davis"
    folder.mkdir()
    outside = tmp_path / "outside.png"
    outside.write_bytes(b"x")
    (folder / "00000.png").symlink_to(outside)
    with pytest.raises(BadExchange, match="leads out of"):
        read_masks(folder, "davis", VIDEO, "park")


def region(entries: list[dict[str, object]], **more: object) -> str:
    value = {"labels": ["dog"], "sequence": entries}
    whole = {"type": "videorectangle", "value": value, **more}
    return json.dumps([{"id": 1, "annotations": [{"result": [{"type": "choices"}, whole]}]}])


def entry(frame: int, x: float, **more: object) -> dict[str, object]:
    return {"frame": frame, "x": x, "y": 10, "width": 50, "height": 50, **more}


def test_a_label_studio_box_moves_until_it_is_not_enabled(tmp_path: Path) -> None:
    entries = [entry(1, 0), entry(5, 20, enabled=False), entry(8, 50)]
    with read(tmp_path / "a.json", "label-studio", region(entries)) as masks:
        assert masks.labels == {6: "dog"}
        found = {frame: crop.xyxy for frame, crop, _ in masks.track(6)}
    assert sorted(found) == [0, 1, 2, 3, 4, 7], "frames of the file count from 1"
    assert found[2] == (6, 4, 36, 24), "halfway"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (region([entry(3, 0), entry(3, 0)]), "frame 3 follows frame 3"),
        (region([entry(31, 0)]), "no frame 30"),
        (region([], original_width=61, original_height=40), "video of 61x40"),
        (region([{"frame": "x"}]), "region 1: frame"),
        ('[{"annotations": [{"result": [3]}]}]', "is not JSON"),
    ],
)
def test_a_bad_label_studio_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadExchange, match=message):
        read(tmp_path / "a.json", "label-studio", text)


@pytest.mark.parametrize("names", ["names: [cat, dog]", "names:\n  - cat\n  - dog", "nc: 2"])
def test_yolo_lines_may_end_with_an_id(tmp_path: Path, names: str) -> None:
    (tmp_path / "data.yaml").write_text(names)
    line = "1 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5"
    (tmp_path / "frame_4.txt").write_text(f"{line} 5\n{line}\n\n")
    with read_masks(tmp_path, "yolo-track", VIDEO, "park") as masks:
        (frame,) = masks
        assert frame.frame_index == 4 and frame.area(5) == 24 * 16
        assert masks.unnamed == 1
        assert masks.labels == ({} if names == "nc: 2" else {5: "dog"})


def test_masks_without_an_id_are_those_of_the_object_they_lie_in(tmp_path: Path) -> None:
    def square(x: int, side: int) -> MaskCrop:
        return MaskCrop(x, 5, np.ones((side, side), dtype=bool))

    with MaskSpool("park", VIDEO) as reference, MaskSpool("park", VIDEO) as masks:
        reference.add(3, 1, square(0, 10))
        reference.add(3, 2, square(20, 20))
        masks.add(3, None, square(1, 10))
        masks.add(3, None, square(22, 4))
        matching = identify(masks, reference)
        (frame,) = masks
        assert frame.object_ids == (1, 2) and frame.area(2) == 16
        assert matching.masks == 2 and matching.lowest == pytest.approx(0.9)
        masks.add(3, None, square(42, 8))
        with pytest.raises(
            BadExchange, match="frame 3: a mask in the box 42,5,50,13 has no id"
        ):
            identify(masks, reference)


@pytest.mark.parametrize("packed", [True, False])
def test_images_may_lie_beside_the_file_of_masks(tmp_path: Path, packed: bool) -> None:
    folder = tmp_path / "task"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "frame_000002.png").write_bytes(b"x")
    (folder / "annotations.xml").write_text(track(box(2, 0)))
    path = folder
    if packed:
        path = tmp_path / "review.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in (path for path in folder.rglob("*") if path.is_file()):
                archive.write(file, file.relative_to(folder))
    assert guess_format(path) == "cvat"
    with read_masks(path, "cvat", VIDEO, "park") as masks:
        assert list(masks.frame_numbers()) == [2]
    (folder / "more.xml").write_text(track(box(3, 0)))
    with pytest.raises(BadExchange, match=r"holds 2 files that end in \.xml"):
        read_masks(folder, "cvat", VIDEO, "park")


@pytest.mark.parametrize("format_name", sorted(FORMATS))
def test_the_format_of_an_export_is_found_out(tmp_path: Path, format_name: str) -> None:
    """Without the sidecar; what looks alike is read alike."""
    alike = {
        "coco-polygons": "coco",
        "ytvis-gt": "ytvis",
        "label-studio-boxes": "label-studio",
        "yolo-seg": "yolo-track",
    }
    chosen = FORMATS[format_name]
    out = tmp_path / ("out" if chosen.folder else f"out{chosen.suffix}")
    with MaskSpool("park", VIDEO) as masks:
        for frame in range(4):
            masks.add(frame, 1, MaskCrop(frame, 3, np.ones((5, 7), dtype=bool)))
        export(masks, format_name, out)
    assert guess_format(out) == alike.get(format_name, format_name)


def test_errors_within_an_archive_name_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("annotations.xml", "<annotations>")
    with pytest.raises(BadExchange) as raised, read_masks(path, "cvat", VIDEO, "park"):
        pass
    assert raised.value.message.startswith(f"{path}: annotations.xml is not XML")


def test_text_of_another_encoding_is_refused_with_what_is_expected(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xff\xfe1,1,2,3,4,5,1")
    with pytest.raises(BadExchange) as raised, read_masks(path, "mot", VIDEO, "park"):
        pass
    assert raised.value.hint is not None and "UTF-8" in raised.value.hint


def mots_line(number: int, x: int) -> str:
    crop = MaskCrop(x, 2, np.ones((6, 6), dtype=bool))
    return f"1 {number} {number // 1000} 40 60 {encode_rle(crop, 40, 60)}\n"


@pytest.mark.parametrize(
    ("numbers", "ids"), [((1001, 2002), (1, 2)), ((1001, 2001, 2002), (1001, 2001, 2002))]
)
def test_mots_classes_that_share_an_instance_keep_their_ids(
    tmp_path: Path, numbers: tuple[int, ...], ids: tuple[int, ...]
) -> None:
    text = "".join(mots_line(number, 10 * k) for k, number in enumerate(numbers))
    with read(tmp_path / "a.txt", "mots", text) as masks:
        assert masks.object_ids == ids
        assert [masks.crop(0, obj).xyxy[0] for obj in ids] == [10 * k for k in range(len(ids))]


def test_mots_images_whose_classes_share_an_instance_keep_their_ids(tmp_path: Path) -> None:
    labels = np.zeros((40, 60), dtype=np.uint16)
    labels[2:8, 0:6] = 1001
    labels[2:8, 10:16] = 2001
    Image.fromarray(labels).save(tmp_path / "000001.png")
    with read_masks(tmp_path, "mots-png", VIDEO, "park") as masks:
        assert masks.object_ids == (1001, 2001)
