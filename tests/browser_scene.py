"""The clip of the browser tests, with its truth: twelve small frames of two objects."""

from pathlib import Path

import numpy as np

from tests.scenes import two_objects
from vseg.interfaces.model import Model
from vseg.pipelines.empty_run import create_empty_run
from vseg.server.storage.ids import id_of
from vseg.synthetic import write_clip

FRAMES = 12
SCENE = two_objects(FRAMES)
HW = (96, 160)
RUN = id_of("a")


def _centre(obj: int) -> tuple[int, int]:
    y, x = np.argwhere(SCENE.truth(0) == obj).mean(axis=0)
    return int(x), int(y)


CENTRES = {1: _centre(1), 2: _centre(2)}
"""A pixel inside each object on the first frame, x y."""


def folder_with_run(folder: Path, model: Model) -> Path:
    """A folder with the clip and an empty run over it, whose id is RUN."""
    folder.mkdir()
    write_clip(SCENE, folder / "two.mp4")
    create_empty_run(str(folder / "two.mp4"), folder / "a", model)
    return folder
