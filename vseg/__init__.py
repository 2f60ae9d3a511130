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

if TYPE_CHECKING:
    from vseg.build import load_model, open_run, open_video
    from vseg.errors import VsegError
    from vseg.exchange.supervision import to_supervision
    from vseg.frame_masks import FrameMasks
    from vseg.session.session import Session
    from vseg.types import (
        Box,
        Exemplar,
        Frame,
        Mask,
        Points,
        Scribble,
        Text,
        VideoInfo,
    )

__version__ = "0.1.0"
_HOME = {
    "load_model": "vseg.build",
    "open_video": "vseg.build",
    "VsegError": "vseg.errors",
    "open_run": "vseg.build",
    "Session": "vseg.session.session",
    "Box": "vseg.types",
    "Frame": "vseg.types",
    "FrameMasks": "vseg.frame_masks",
    "Mask": "vseg.types",
    "Points": "vseg.types",
    "Exemplar": "vseg.types",
    "Scribble": "vseg.types",
    "Text": "vseg.types",
    "VideoInfo": "vseg.types",
    "to_supervision": "vseg.exchange.supervision",
}
__all__ = [
    "Box",
    "Exemplar",
    "Frame",
    "FrameMasks",
    "Mask",
    "Points",
    "Scribble",
    "Session",
    "Text",
    "VideoInfo",
    "VsegError",
    "load_model",
    "open_run",
    "open_video",
    "to_supervision",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vseg' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
