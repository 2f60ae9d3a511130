"""Datumaro's COCO: a folder with annotations/instances_SUBSET.json, ids as attributes.

Datumaro has no tracks, but keeps `attributes` of annotations: `track_id` is the object id
there.  Otherwise as `coco`; images belong in images/SUBSET.  Nothing is lost.  Format:
https://openvinotoolkit.github.io/datumaro.
"""

from pathlib import Path

from vseg.errors import BadExchange
from vseg.exchange.coco import CocoFormat
from vseg.exchange.label_files import inside
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink

_ANNOTATIONS = "annotations"


class DatumaroFormat(MaskFormat):
    """A folder with one JSON file."""

    name = "datumaro"
    suffix = ".json"
    folder = True
    beside = (_ANNOTATIONS, "images")
    images_in = "images/default"

    def __init__(self) -> None:
        self._coco = CocoFormat(attributes=True)

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the folder."""
        (path / _ANNOTATIONS).mkdir()
        self._coco.write(masks, path / _ANNOTATIONS / "instances_default.json")

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give every annotation of every subset."""
        files = sorted(path.glob(f"{_ANNOTATIONS}/instances_*.json"))
        if not files:
            raise BadExchange(
                f"{path} has no {_ANNOTATIONS}/instances_*.json", hint="give the whole folder"
            )
        for file in files:
            self._coco.read(inside(path, file), sink)
