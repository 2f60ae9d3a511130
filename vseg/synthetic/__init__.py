"""Scenes with exact masks and ids: a configuration in, a reader of frames and their truth out.

`config` holds what is in a scene, or draws it at random; `trajectory` stages one to order, and
`suite` is the identity suite made of such scenes.  `actors` turns a configuration into shots:
objects with a `shape`, a `texture` and a `motion`, before a `backdrop`.  `render` and `raster`
draw one frame, which `reader` gives out; `files` writes mp4 and label maps.
"""

from vseg.synthetic.config import SceneConfig, random_scene
from vseg.synthetic.files import write_clip, write_truth
from vseg.synthetic.reader import FirstPoint, SyntheticVideo, TrueFrame
from vseg.synthetic.suite import identity_scenes
from vseg.synthetic.trajectory import Occluder, Trajectory

__all__ = [
    "FirstPoint",
    "Occluder",
    "SceneConfig",
    "SyntheticVideo",
    "Trajectory",
    "TrueFrame",
    "identity_scenes",
    "random_scene",
    "write_clip",
    "write_truth",
]
