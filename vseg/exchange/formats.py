"""Every format that masks are written in and read from, by the name that the user types."""

from types import MappingProxyType

from vseg.errors import UsageError
from vseg.exchange.alpha_video import AlphaVideoFormat
from vseg.exchange.coco import CocoFormat
from vseg.exchange.cvat import CvatFormat, CvatImagesFormat
from vseg.exchange.datumaro import DatumaroFormat
from vseg.exchange.davis import DavisFormat
from vseg.exchange.fiftyone import FiftyoneFormat
from vseg.exchange.label_studio import LabelStudioFormat
from vseg.exchange.label_studio_images import LabelStudioImagesFormat
from vseg.exchange.labelme import LabelmeFormat
from vseg.exchange.mcap import McapFormat
from vseg.exchange.mot import MotFormat
from vseg.exchange.mots import MotsFormat, MotsPngFormat
from vseg.exchange.parquet import ParquetFormat
from vseg.exchange.png_masks import PngFormat
from vseg.exchange.sav import SavFormat
from vseg.exchange.yolo_seg import YoloFormat
from vseg.exchange.ytvis import YtvisFormat
from vseg.interfaces.mask_format import MaskFormat

_EVERY: tuple[MaskFormat, ...] = (
    CocoFormat(),
    CocoFormat(outlines=True),
    CvatFormat(),
    CvatImagesFormat(),
    DatumaroFormat(),
    DavisFormat(),
    AlphaVideoFormat("ffv1", ".mkv", "ffv1", "bgra"),
    FiftyoneFormat(),
    LabelStudioFormat("label-studio", boxes_only=False),
    LabelStudioFormat("label-studio-boxes", boxes_only=True),
    LabelStudioImagesFormat(),
    LabelmeFormat(),
    McapFormat(),
    MotFormat(),
    MotsFormat(),
    MotsPngFormat(),
    ParquetFormat(),
    PngFormat(),
    AlphaVideoFormat("prores", ".mov", "prores_ks", "yuva444p10le"),
    SavFormat(),
    YoloFormat("yolo-seg", ids=False),
    YoloFormat("yolo-track", ids=True),
    YtvisFormat("ytvis", compressed=True),
    YtvisFormat("ytvis-gt", compressed=False),
)
FORMATS = MappingProxyType({one.name: one for one in _EVERY})


def format_named(name: str) -> MaskFormat:
    """The format with this name.  Raises UsageError, listing the known, if there is none."""
    if name not in FORMATS:
        known = ", ".join(sorted(FORMATS))
        raise UsageError(f"unknown format {name!r}", hint=f"known: {known}")
    return FORMATS[name]
