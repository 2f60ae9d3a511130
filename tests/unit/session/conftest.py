"""A small scene and the shipped model in float32, where results can be compared closely."""

from collections.abc import Iterator

import pytest

from vseg.models.nano.model import Nano, load_nano
from vseg.synthetic.reader import SceneConfig, SyntheticVideo


@pytest.fixture(scope="session")
def model() -> Nano:
    return load_nano(dtype="float32", short_side=128)


@pytest.fixture
def scene() -> Iterator[SyntheticVideo]:
    config = SceneConfig(
        height=96, width=160, num_frames=40, seed=3, num_objects=3, occluders=0
    )
    with SyntheticVideo(config) as video:
        yield video
