"""A clip of the module's scene, and nano as it is quick to run."""

from pathlib import Path

import pytest

from vseg.build import load_model
from vseg.interfaces.model import Model
from vseg.synthetic import SyntheticVideo, write_clip


@pytest.fixture(scope="module")
def clip(scene: SyntheticVideo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scene as a file; each module has a fixture `scene` of its own."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_clip(scene, path)
    return path


@pytest.fixture(scope="session")
def model() -> Model:
    """The weights that are shipped, at 96 pixels."""
    return load_model("nano", short_side=96, dtype="float32")
