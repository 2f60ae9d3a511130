"""YOLO: a text file per frame, with a line of normalised corners for each piece of a mask.

`yolo-seg`: `class x y x y ...`, as training reads it; ids are lost.  `yolo-track`: the same
with the object id at the end, as `yolo track` writes it; it is told by the odd number of
values.  A line has no room for holes.  data.yaml names the classes.  Corners lie on the edges
of pixels.  Format: https://docs.ultralytics.com/datasets/segment.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vseg.errors import BadExchange
from vseg.exchange.coco import UNLABELLED, category_ids, label_of
from vseg.exchange.file_rows import located
from vseg.exchange.held_masks import polygons
from vseg.exchange.label_files import inside, numbered_files
from vseg.exchange.segmentation import mask_of_shares
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.ops.outline import polygons_of

NAMES = "data.yaml"
_DECIMALS = 7
"""A thousandth of a pixel in a frame of 8192: corners come back on the edge that they left."""


class YoloFormat(MaskFormat):
    """00000.txt and so on, named by frame number."""

    suffix = ".txt"
    folder = True
    beside = (NAMES,)

    def __init__(self, name: str, *, ids: bool) -> None:
        self.name = name
        self.keeps_ids = ids
        self.loss = "holes: a line is an outline" + ("" if ids else "; ids")

    def held(self, masks: FrameMasks) -> FrameMasks:
        """The masks without holes."""
        return polygons(masks)

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the folder."""
        classes = {name: number - 1 for name, number in category_ids(masks).items()}
        names = "".join(f"  {n}: {json.dumps(name)}\n" for name, n in classes.items())
        (path / NAMES).write_text(f"names:\n{names}", encoding="utf-8")
        scale = np.array([masks.video.width, masks.video.height], dtype=np.float64)
        for frame in masks:
            lines = []
            for obj in frame:
                number = classes[masks.labels.get(obj, UNLABELLED)]
                for ring in polygons_of(frame.crop(obj)) if frame.area(obj) else ():
                    corners = (f"{value:.{_DECIMALS}f}" for value in (ring / scale).ravel())
                    end = f" {obj}" if self.keeps_ids else ""
                    lines.append(f"{number} {' '.join(corners)}{end}\n")
            file = path / f"{frame.frame_index:05d}{self.suffix}"
            file.write_text("".join(lines), encoding="ascii")

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give every line of every file."""
        files = numbered_files(path, self.suffix)
        names = _names(path / NAMES)
        for frame, file in files:
            with located(str(file)):
                sink.add_frame(frame)
            for where, values in _lines(file):
                # The class, pairs, and what is left over is the id.
                pairs = (len(values) - 1) // 2
                corners = np.array(values[1 : 1 + 2 * pairs]).reshape(-1, 2)
                object_id = int(values[-1]) if len(values) % 2 == 0 else None
                with located(where):
                    name = label_of(int(values[0]), names)
                    sink.add(frame, object_id, mask_of_shares(corners, 1, sink.video))
                if object_id is not None and name != UNLABELLED:
                    sink.name_object(object_id, name)


def _names(path: Path) -> dict[int, str]:
    """Names by class number: `names:` as a mapping, as a list of lines, or in brackets."""
    if not inside(path.parent, path).is_file():
        return {}
    text = path.read_text("utf-8", errors="replace").partition("names:")[2]
    if text.lstrip(" ").startswith("["):
        listed = text.partition("]")[0].strip(" [").split(",")
        return {number: name.strip(" \"'") for number, name in enumerate(listed)}
    mapped = re.findall(r"^\s+([0-9]{1,9}):\s*(.+?)\s*$", text, flags=re.MULTILINE)
    if not mapped:
        mapped = list(enumerate(re.findall(r"^\s*-\s*(.+?)\s*$", text, flags=re.MULTILINE)))
    return {int(number): name.strip("\"'") for number, name in mapped}


def _lines(file: Path) -> Iterator[tuple[str, list[float]]]:
    """Where, and the numbers of every line."""
    with file.open(encoding="ascii", errors="replace") as handle:
        for number, text in enumerate(handle, start=1):
            where = f"{file}, line {number}"
            if not text.strip():
                continue
            try:
                values = [float(part) for part in text.split()]
            except ValueError as error:
                raise BadExchange(f"{where}: {error!s:.80}", hint=_LINE) from error
            odd_end = values[-1:] if len(values) % 2 == 0 else []
            if not all(value.is_integer() for value in [values[0], *odd_end]):
                raise BadExchange(f"{where}: class and id are whole numbers", hint=_LINE)
            yield where, values


_LINE = "a line is: class x y x y x y ... and may end with an id"
