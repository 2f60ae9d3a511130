"""Several runs as one data set."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vseg.build import open_video
from vseg.errors import OutputError
from vseg.exchange.dataset import DataSetClip, export_dataset, parts_of
from vseg.exchange.read_masks import read_masks
from vseg.exchange.sidecar import Origin
from vseg.exchange.spool import MaskSpool
from vseg.exchange.views import EveryNth, Renamed
from vseg.types import MaskCrop, VideoInfo

SIZES = {"park": (40, 60), "lake": (30, 50), "road": (20, 80)}
ORIGIN = Origin(run="runs/a", created="now", revision=0, fingerprint="f" * 64)


@dataclass(frozen=True)
class Spools:
    """Three clips of two objects each, on frames 2 to 5."""

    clips: dict[str, MaskSpool]

    def of(self, *names: str) -> list[DataSetClip]:
        return [DataSetClip(self.clips[name], ORIGIN) for name in names]


@pytest.fixture
def spools() -> Spools:
    clips = {}
    for name, (height, width) in SIZES.items():
        spool = MaskSpool(name, VideoInfo(f"{name}.mp4", height, width, Fraction(25), 9))
        for frame in range(2, 6):
            spool.add(frame, 1, MaskCrop(frame, 3, np.ones((5, 7), dtype=bool)))
            spool.add(frame, 4, MaskCrop(20, frame, np.ones((6, 4), dtype=bool)))
        spool.name_object(1, f"animal of {name}")
        clips[name] = spool
    return Spools(clips)


def files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(folder)) for path in found)


@pytest.mark.parametrize("format_name", ["coco", "ytvis"])
def test_clips_of_a_part_are_one_file(
    spools: Spools, tmp_path: Path, format_name: str
) -> None:
    out = tmp_path / "set"
    export_dataset(spools.of("park", "lake", "road"), format_name, out, val=0.34)
    annotations = ["annotations/train.json", "annotations/val.json"]
    assert files(out) == [*annotations, "train.txt", "val.txt"]
    parts = {part: (out / f"{part}.txt").read_text().split() for part in ("train", "val")}
    assert sorted(parts["train"] + parts["val"]) == sorted(SIZES) and len(parts["val"]) == 1
    for part, names in parts.items():
        file = out / "annotations" / f"{part}.json"
        content = json.loads(file.read_text())
        ids = [row["id"] for row in content["annotations"]]
        assert len(set(ids)) == len(ids)
        assert len(content["categories"]) == 4, "the same in both parts"
        for name in names:
            original = spools.clips[name]
            with read_masks(file, format_name, original.video, name) as back:
                assert back.labels == original.labels
                assert list(back.frame_numbers()) == [2, 3, 4, 5]
                for one, other in zip(back, original, strict=True):
                    np.testing.assert_array_equal(one.masks, other.masks)


def test_other_formats_have_a_folder_for_each_clip(spools: Spools, tmp_path: Path) -> None:
    out = tmp_path / "set"
    export_dataset(spools.of("park", "park"), "mots", out)
    names = [f"train/{name}.txt" for name in ("park", "park-2")]
    sidecars = [f"{name}.vseg_export.json" for name in names]
    assert files(out) == sorted([*names, *sidecars, "train.txt"])


def test_yolo_has_one_list_of_classes(spools: Spools, tmp_path: Path) -> None:
    out = tmp_path / "set"
    export_dataset(spools.of("park", "lake"), "yolo-seg", out, val=0.5)
    found = [name for name in files(out) if name.endswith((".yaml", "00002.txt"))]
    assert found[0] == "data.yaml" and len(found) == 3
    classes = {(out / name).read_text()[0] for name in found[1:]}
    assert classes == {"0", "1"}, "an animal of its own in each clip"


@pytest.mark.parametrize("val", [0.0, 0.5, 1.0])
def test_data_yaml_of_yolo_names_folders_that_exist(
    spools: Spools, tmp_path: Path, val: float
) -> None:
    """Ultralytics places them beside the file only where there is no `path`, and refuses a
    file that lacks a part or names a folder that is not there.
    """
    out = tmp_path / "set"
    export_dataset(spools.of("park", "lake"), "yolo-seg", out, val=val)
    text = (out / "data.yaml").read_text()
    keys = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    assert "path" not in keys
    for part in ("train", "val"):
        folder = out / keys[part].replace("images", "labels")
        assert list(folder.rglob("*.txt")), keys


def test_images_are_those_of_the_frames(spools: Spools, tmp_path: Path) -> None:
    clip = tmp_path / "clip"
    clip.mkdir()
    for index in range(9):
        Image.new("RGB", (60, 40), (index * 20, 0, 0)).save(clip / f"{index:05d}.png")
    masks = EveryNth(spools.clips["park"], 3)
    opened = DataSetClip(masks, ORIGIN, lambda: open_video(str(clip)))
    out = tmp_path / "set"
    export_dataset([opened], "coco", out)
    images = [name for name in files(out) if name.endswith(".jpg")]
    assert images == ["images/train/park/00002.jpg", "images/train/park/00005.jpg"]
    assert abs(np.asarray(Image.open(out / images[1])).mean(axis=(0, 1))[0] - 100) < 3
    export_dataset([opened], "labelme", tmp_path / "labelme")
    assert "train/park/00002.jpg" in files(tmp_path / "labelme")


def test_parts_depend_on_names_alone() -> None:
    names = [f"clip{number}" for number in range(50)]
    parts = parts_of(names, 0.2)
    assert list(parts.values()).count("val") == 10
    assert parts_of(names[::-1], 0.2) == parts
    assert set(parts_of(names, 0.0).values()) == {"train"}


def test_fewer_frames_and_other_names(spools: Spools) -> None:
    masks = EveryNth(Renamed(spools.clips["park"], {"animal of park": "dog"}), 2)
    assert masks.labels == {1: "dog"}
    assert [frame.frame_index for frame in masks] == list(masks.frame_numbers()) == [2, 4]
    assert len(masks) == 2 and masks.name == "park"


def test_only_a_data_set_is_replaced(spools: Spools, tmp_path: Path) -> None:
    out = tmp_path / "set"
    export_dataset(spools.of("park"), "coco", out)
    with pytest.raises(OutputError, match="exists already"):
        export_dataset(spools.of("lake"), "coco", out)
    export_dataset(spools.of("lake"), "coco", out, overwrite=True)
    assert (out / "train.txt").read_text() == "lake\n"
    (out / "notes.md").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.md"):
        export_dataset(spools.of("lake"), "coco", out, overwrite=True)
