"""A root with a clip of two objects, for the tests of the service."""

from pathlib import Path

import pytest

from tests.scenes import two_objects
from vseg.synthetic.files import write_clip


@pytest.fixture(scope="session")
def scene_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames of two objects, 160x96."""
    path = tmp_path_factory.mktemp("scene") / "two.mp4"
    write_clip(two_objects(12), path)
    return path


@pytest.fixture
def root(tmp_path: Path, scene_clip: Path) -> Path:
    """A folder that holds it."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "two.mp4").write_bytes(scene_clip.read_bytes())
    return tmp_path / "root"
