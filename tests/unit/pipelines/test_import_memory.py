"""Memory of an import does not hold a decoded mask for each frame that was edited."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tests.scenes import drawn_scene
from vseg.build import open_run
from vseg.exchange.export import export
from vseg.pipelines.import_edits import apply_import
from vseg.pipelines.import_masks import compare_with_run
from vseg.pipelines.import_run import import_run
from vseg.pipelines.run_edit import RunEdit
from vseg.synthetic import SceneConfig, write_clip, write_truth
from vseg.types import Mask

SCENE = SceneConfig(height=96, width=160, num_frames=300, seed=3, num_objects=1)
SQUARE = [[10, 10, 50, 10, 50, 50, 10, 50]]


def test_a_mask_is_held_packed_and_comes_back() -> None:
    pixels = np.random.default_rng(0).random((37, 53)) > 0.5
    prompt = Mask(pixels)
    np.testing.assert_array_equal(prompt.mask, pixels)
    assert prompt.mask.dtype == bool and prompt == Mask(pixels.copy())
    assert prompt != Mask(~pixels)
    pixels[:] = False
    assert prompt.mask.any(), "a copy of what was given"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memory")
    scene = drawn_scene(SCENE)
    write_clip(scene, folder / "clip.mp4")
    write_truth(scene, folder / "truth")
    import_run(folder / "truth", str(folder / "clip.mp4"), folder / "run", None)
    return folder / "run"


def edited(run: Path, out: Path, frames: int) -> Path:
    """An export in which the masks of the first frames are another."""
    export(open_run(run), "coco", out)
    content = json.loads(out.read_text())
    frame_of = {image["id"]: image["frame_id"] for image in content["images"]}
    for row in content["annotations"]:
        if frame_of[row["image_id"]] < frames:
            row["segmentation"] = SQUARE
    out.write_text(json.dumps(content))
    return out


def peak_of(run: Path, file: Path) -> tuple[int, int]:
    """How many masks were edited, and the most memory that the edits took."""
    opened = open_run(run)
    imported = compare_with_run(opened, file, "coco")
    with imported.masks, RunEdit(run) as edit:
        tracemalloc.start()
        apply_import(edit, imported, opened)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        edit.abandon()
    return len(imported.comparison.changes), peak


@pytest.mark.integration
def test_memory_does_not_hold_every_edited_mask_decoded(run: Path, tmp_path: Path) -> None:
    few, low = peak_of(run, edited(run, tmp_path / "few.json", 100))
    many, high = peak_of(run, edited(run, tmp_path / "many.json", 300))
    assert many > few + 100
    decoded = (many - few) * SCENE.height * SCENE.width
    assert high - low < decoded / 8, (few, low, many, high)
