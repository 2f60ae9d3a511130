"""Exports are read back by the formats' own readers."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from tests.runs import header_of
from vseg.build import open_run
from vseg.errors import OutputError
from vseg.exchange.export import export
from vseg.frame_masks import FrameMasks
from vseg.results import Run, RunWriter
from vseg.types import Frame, VideoInfo

HEIGHT = 30
WIDTH = 41


def square(x: int, y: int, side: int = 10) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[y : y + side, x : x + side] = True
    return mask


def store(
    root: Path, frames: dict[int, dict[int, np.ndarray]], scores: dict[int, float]
) -> Run:
    """A run of exact masks by frame and object id; an empty mask is an absent object."""
    header = header_of(
        VideoInfo("clips/park.mp4", HEIGHT, WIDTH, Fraction(25), 40),
        shard_frames=4,
        labels={2: "dog", 7: "person"},
    )
    writer = RunWriter.create(root, header)
    for index, masks in frames.items():
        image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
        writer.write(FrameMasks.of(Frame(index, None, index / 25, image), masks, scores))
    writer.finish()
    return open_run(root)


@pytest.fixture
def apart(tmp_path: Path) -> Run:
    """Three objects that never overlap over frames 3 to 9; object 7 is absent on frame 5."""
    nothing = np.zeros((HEIGHT, WIDTH), dtype=bool)
    frames = {
        index: {
            2: square(index, 0),
            7: nothing if index == 5 else square(20, index),
            9: square(31, 20),
        }
        for index in range(3, 10)
    }
    return store(tmp_path / "run", frames, {2: 0.9, 7: 0.5, 9: 0.25})


# pycocotools' compiled code predates numpy's copy keyword.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_coco_masks_are_those_of_the_run_to_pycocotools(apart: Run, tmp_path: Path) -> None:
    out = tmp_path / "out" / "run.json"
    export(apart, "coco", out)
    coco = COCO(str(out))
    assert len(coco.imgs) == 7 and min(coco.imgs) == 1 and min(coco.anns) == 1
    for image in coco.imgs.values():
        stored = apart[image["frame_id"]]
        assert image["file_name"] == f"park/{stored.frame_index:05d}.jpg"
        assert (image["height"], image["width"]) == (HEIGHT, WIDTH)
        annotations = {
            each["track_id"]: each
            for each in coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
        }
        seen = np.array(stored.object_ids)[stored.visible].tolist()
        assert sorted(annotations) == seen
        for object_id, annotation in annotations.items():
            crop = stored.crop(object_id)
            np.testing.assert_array_equal(
                coco.annToMask(annotation).astype(bool), stored[object_id]
            )
            assert annotation["bbox"] == list(crop.xywh) and annotation["area"] == crop.area
    names = {each["id"]: each["name"] for each in coco.cats.values()}
    of_track = {each["track_id"]: names[each["category_id"]] for each in coco.anns.values()}
    assert of_track == {2: "dog", 7: "person", 9: "object"}


def test_coco_json_holds_plain_numbers_and_its_video(apart: Run, tmp_path: Path) -> None:
    export(apart, "coco", tmp_path / "run.json")
    content = json.loads((tmp_path / "run.json").read_text("ascii"))
    assert content["videos"] == [
        {"id": 1, "name": "park", "width": WIDTH, "height": HEIGHT, "length": 7}
    ]
    assert isinstance(content["annotations"][0]["segmentation"]["counts"], str)
    assert len(content["annotations"]) == 3 * 7 - 1


def test_davis_files_are_palette_pngs_of_object_ids(apart: Run, tmp_path: Path) -> None:
    export(apart, "davis", tmp_path / "davis")
    names = sorted(path.name for path in (tmp_path / "davis").iterdir())
    assert names == [f"{index:05d}.png" for index in range(3, 10)]
    for stored in apart:
        with Image.open(tmp_path / "davis" / f"{stored.frame_index:05d}.png") as image:
            assert image.mode == "P"
            palette = image.getpalette()
            labels = np.asarray(image)
        assert palette is not None and palette[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]
        for object_id, mask in stored.items():
            np.testing.assert_array_equal(labels == object_id, mask)


def test_davis_gives_an_overlap_to_the_higher_score_then_the_lower_id(tmp_path: Path) -> None:
    frames = {0: {1: square(0, 0), 2: square(5, 0), 3: square(5, 5)}, 1: {3: square(0, 0)}}
    run = store(tmp_path / "run", frames, {1: 0.5, 2: 0.5, 3: 0.9})
    export(run, "davis", tmp_path / "davis")
    labels = np.asarray(Image.open(tmp_path / "davis" / "00000.png"))
    assert labels[2, 7] == 1, "equal scores: the lower id"
    assert labels[7, 7] == 3, "the higher score"
    report = json.loads((tmp_path / "davis" / "loss_report.json").read_text())
    assert report["objects"] == [
        {"object_id": 1, "pixels_lost": 25, "frames": 1},
        {"object_id": 2, "pixels_lost": 75, "frames": 1},
    ]


def test_a_file_comes_with_what_belongs_beside_it_or_not_at_all(
    apart: Run, tmp_path: Path
) -> None:
    (tmp_path / "a.txt.loss_report.json").mkdir()
    with pytest.raises(OutputError, match=r"a\.txt\.loss_report\.json"):
        export(apart, "mot", tmp_path / "a.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.txt.loss_report.json",
        "run",
    ]


def test_davis_has_no_room_for_ids_above_253(tmp_path: Path) -> None:
    run = store(
        tmp_path / "run", {0: {253: square(0, 0), 254: square(20, 5)}}, {253: 1.0, 254: 1.0}
    )
    with pytest.raises(OutputError, match="object 254 does not fit"):
        export(run, "davis", tmp_path / "davis")
    assert not (tmp_path / "davis").exists()
