"""A small scene and the shipped model in float32, where results can be compared closely."""

import pytest

from tests.scenes import drawn_scene
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.synthetic import SceneConfig, SyntheticVideo


@pytest.fixture(scope="session")
def model() -> Nano:
    return load_nano(dtype="float32", short_side=128)


@pytest.fixture(scope="session")
def scene() -> SyntheticVideo:
    return drawn_scene(
        SceneConfig(height=96, width=160, num_frames=40, seed=3, num_objects=3, occluders=0)
    )
