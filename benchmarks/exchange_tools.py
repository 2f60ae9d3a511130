"""Loads a file of masks with another program's library and writes it again with that library.

    PYTHON-OF-THE-TOOL benchmarks/exchange_tools.py TOOL SOURCE TARGET

Run by exchange.py in the tool's own environment; vseg is not imported.  Prints the library and
its version.
"""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import numpy as np


def _of(element: ElementTree.Element, name: str) -> str:
    """An attribute that is there."""
    return element.attrib[name]


def pycocotools(source: Path, target: Path) -> str:
    """COCO: every mask decoded and encoded."""
    codec = import_module("pycocotools.mask")
    coco = import_module("pycocotools.coco").COCO(str(source))
    for row in coco.dataset["annotations"]:
        encoded = codec.encode(np.asfortranarray(coco.annToMask(row)))
        row["segmentation"] = {**encoded, "counts": encoded["counts"].decode("ascii")}
        row["segmentation"]["size"] = [int(side) for side in encoded["size"]]
    target.write_text(json.dumps(coco.dataset))
    return "pycocotools"


def supervision(source: Path, target: Path) -> str:
    """COCO with images: loaded as detections with masks, written as COCO; ids are lost."""
    sv = import_module("supervision")
    images = source / "images" / "train" / "clip"
    renamed = target.with_name("for_supervision.json")
    content = json.loads((source / "annotations" / "train.json").read_text())
    for image in content["images"]:
        image["file_name"] = Path(image["file_name"]).name
    renamed.write_text(json.dumps(content))
    dataset = sv.DetectionDataset.from_coco(str(images), str(renamed), force_masks=True)
    dataset.as_coco(annotations_path=str(target))
    return "supervision"


def labelme(source: Path, target: Path) -> str:
    """LabelMe: every file loaded and saved."""
    label_file = import_module("labelme._label_file").LabelFile
    to_text = import_module("labelme.utils").img_arr_to_b64
    target.mkdir()
    for path in sorted((source / "train" / "clip").glob("0*.json")):
        loaded = label_file(str(path))
        shapes = []
        for shape in loaded.shapes:
            mask = shape.pop("mask")
            shape.pop("other_data", None)
            text = None if mask is None else to_text(mask.astype(np.uint8))
            shapes.append({**shape, "mask": text})
        facts = json.loads(path.read_text())
        label_file().save(
            filename=str(target / path.name),
            shapes=shapes,
            image_path=loaded.image_path,
            image_height=facts["imageHeight"],
            image_width=facts["imageWidth"],
        )
    return "labelme"


def cvat_sdk(source: Path, target: Path) -> str:
    """CVAT images: every mask decoded and encoded as the SDK does for the server."""
    masks = import_module("cvat_sdk.masks")
    tree = ElementTree.parse(source)
    for image in tree.getroot().iter("image"):
        size = {
            "image_width": int(_of(image, "width")),
            "image_height": int(_of(image, "height")),
        }
        for shape in image.iter("mask"):
            left, top, width, height = (
                int(_of(shape, side)) for side in ("left", "top", "width", "height")
            )
            runs = [float(run) for run in _of(shape, "rle").split(",")]
            corners = [left, top, left + width - 1, top + height - 1]
            bitmap = masks.decode_mask([*runs, *corners], **size)
            *encoded, x1, y1, x2, y2 = map(int, masks.encode_mask(bitmap))
            shape.set("rle", ", ".join(map(str, encoded)))
            places = {"left": x1, "top": y1, "width": x2 - x1 + 1, "height": y2 - y1 + 1}
            for side, value in places.items():
                shape.set(side, str(value))
    tree.write(target)
    return "cvat-sdk"


def label_studio_sdk(source: Path, target: Path) -> str:
    """Label Studio: every region checked by the SDK's models, and written as they hold it."""
    control_tags = import_module("label_studio_sdk.label_interface.control_tags")
    kinds = {
        "videovector": control_tags.VideoVectorLabelsValue,
        "videorectangle": control_tags.VideoRectangleValue,
    }
    tasks = json.loads(source.read_text())
    for task in tasks:
        for region in task["annotations"][0]["result"]:
            enabled = [entry["enabled"] for entry in region["value"]["sequence"]]
            held = kinds[region["type"]].model_validate(region["value"])
            region["value"] = held.model_dump()
            for entry, flag in zip(region["value"]["sequence"], enabled, strict=True):
                entry["enabled"] = flag
    target.write_text(json.dumps(tasks))
    return "label-studio-sdk"


def eta(source: Path, target: Path) -> str:
    """FiftyOne's video labels: loaded and written by the library that FiftyOne reads them with."""
    video_labels = import_module("eta.core.video").VideoLabels
    manifest = json.loads((source / "manifest.json").read_text())
    target.mkdir()
    (target / "labels").mkdir()
    (target / "manifest.json").write_text(json.dumps(manifest))
    labels = manifest["index"][0]["labels"]
    loaded = video_labels.from_json(str(source / labels))
    for frame in loaded.frames.values():
        for found in frame.objects:
            assert found.mask.dtype == bool, "decoded"
    loaded.write_json(str(target / labels))
    return "voxel51-eta"


def datumaro(source: Path, target: Path) -> str:
    """Datumaro's COCO, imported and exported."""
    dataset_class = import_module("datumaro.components.dataset").Dataset
    dataset = dataset_class.import_from(str(source / "train" / "clip"), "coco_instances")
    dataset.export(str(target), "coco_instances", save_media=False, segmentation_mode="mask")
    return "datumaro"


def datumaro_cvat(source: Path, target: Path) -> str:
    """CVAT images, imported and exported by Datumaro, which wants to see the images."""
    dataset_class = import_module("datumaro.components.dataset").Dataset
    blank = import_module("PIL.Image").new
    for image in ElementTree.parse(source).getroot().iter("image"):
        size = (int(_of(image, "width")), int(_of(image, "height")))
        (source.parent / "images").mkdir(exist_ok=True)
        blank("RGB", size).save(source.parent / "images" / _of(image, "name"))
    dataset = dataset_class.import_from(str(source.parent), "cvat")
    dataset.export(str(target), "cvat", save_media=False)
    return "datumaro"


def pillow(source: Path, target: Path) -> str:
    """Label images, decoded and saved."""
    pillow_image = import_module("PIL.Image")
    target.mkdir()
    for path in sorted(source.rglob("*.png")):
        place = target / path.relative_to(source)
        place.parent.mkdir(exist_ok=True)
        with pillow_image.open(path) as image:
            image.load()
            image.save(place, optimize=True)
    return "pillow"


TOOLS: dict[str, Callable[[Path, Path], str]] = {
    tool.__name__: tool
    for tool in (
        pycocotools,
        supervision,
        labelme,
        cvat_sdk,
        label_studio_sdk,
        eta,
        datumaro,
        datumaro_cvat,
        pillow,
    )
}


if __name__ == "__main__":
    name, source_path, target_path = sys.argv[1:]
    library = TOOLS[name](Path(source_path), Path(target_path))
    print(f"\n{library} {version(library)}")
