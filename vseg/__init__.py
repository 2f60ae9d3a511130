"""Promptable video object segmentation and tracking.

    import vseg
    model = vseg.load_model("nano")
    with vseg.open_video("clip.mp4") as video, vseg.Session(model, video) as session:
        session.prompt(obj=1, frame=0, points=[(412, 220)])
        for masks in session.propagate():
            ...

Names load when first used: importing the package costs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vseg.weights.threads import set_library_defaults

if TYPE_CHECKING:
    from vseg.build import load_model, open_grounder, open_nano_text, open_video
    from vseg.config import CropSettings, IdentitySettings, MemorySettings
    from vseg.errors import BadFrame, BadPrompt, LateFrame, NothingFound, VsegError
    from vseg.exchange.supervision import to_supervision
    from vseg.frame_masks import FrameMasks
    from vseg.pipelines.editable_run import open_run
    from vseg.pipelines.run_edit import RunEdit
    from vseg.pipelines.segment import segment
    from vseg.server.annotator.in_notebook import annotate
    from vseg.session.image_predictor import ImagePredictor
    from vseg.session.realtime.tracker import Tracker
    from vseg.session.session import Session
    from vseg.types import (
        Box,
        Exemplar,
        Frame,
        Mask,
        Points,
        Polygon,
        Prompt,
        Scribble,
        Text,
        Timecode,
        VideoInfo,
    )

__version__ = "0.1.0"
set_library_defaults()
_HOME = {
    "vseg.build": ("load_model", "open_grounder", "open_nano_text", "open_video"),
    "vseg.config": ("CropSettings", "IdentitySettings", "MemorySettings"),
    "vseg.errors": ("BadFrame", "BadPrompt", "LateFrame", "NothingFound", "VsegError"),
    "vseg.exchange.supervision": ("to_supervision",),
    "vseg.frame_masks": ("FrameMasks",),
    "vseg.pipelines.editable_run": ("open_run",),
    "vseg.pipelines.run_edit": ("RunEdit",),
    "vseg.pipelines.segment": ("segment",),
    "vseg.session.image_predictor": ("ImagePredictor",),
    "vseg.session.realtime.tracker": ("Tracker",),
    "vseg.server.annotator.in_notebook": ("annotate",),
    "vseg.session.session": ("Session",),
    "vseg.types": (
        "Box",
        "Exemplar",
        "Frame",
        "Mask",
        "Points",
        "Polygon",
        "Prompt",
        "Scribble",
        "Text",
        "Timecode",
        "VideoInfo",
    ),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
__all__ = [
    "BadFrame",
    "BadPrompt",
    "Box",
    "CropSettings",
    "Exemplar",
    "Frame",
    "FrameMasks",
    "IdentitySettings",
    "ImagePredictor",
    "LateFrame",
    "Mask",
    "MemorySettings",
    "NothingFound",
    "Points",
    "Polygon",
    "Prompt",
    "RunEdit",
    "Scribble",
    "Session",
    "Text",
    "Timecode",
    "Tracker",
    "VideoInfo",
    "VsegError",
    "annotate",
    "load_model",
    "open_grounder",
    "open_nano_text",
    "open_run",
    "open_video",
    "segment",
    "to_supervision",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'vseg' has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    """The public names, for tab completion, without loading what they come from."""
    return [*__all__, "__version__"]
