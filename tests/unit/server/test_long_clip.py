"""No message of the annotator and nothing that it holds grows with the length of the clip."""

import json
import tracemalloc
from pathlib import Path

import pytest

from tests.clips import Recipe, write_clip
from vseg.config import TrackConfig
from vseg.pipelines.empty_run import create_empty_run
from vseg.results.spans import ObjectSpans
from vseg.server.annotator.lane_keeper import LaneKeeper
from vseg.server.annotator.lanes_shown import LaneView, lane_cells
from vseg.server.annotator.open_clip import OpenClip
from vseg.server.annotator.wire_edits import titled_edit
from vseg.server.annotator.wire_values import RenameWire
from vseg.server.loaded_models import Models
from vseg.server.settings import ServerSettings
from vseg.server.storage.readers import Readers
from vseg.types import Points

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return Models(ServerSettings(root=tmp_path_factory.mktemp("root"), short_side=64))


def opened_sizes(folder: Path, models: Models, frames: int) -> tuple[int, int]:
    """Of a clip with one object: characters of its state and lanes; bytes that an open clip
    holds after it was worked with.
    """
    clip = write_clip(folder / "clip.mp4", Recipe(num_frames=frames, height=48, width=64))
    config = TrackConfig(short_side=64, shard_frames=64)
    run = create_empty_run(str(clip), folder / "run", models.load(), config).path
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    opened = OpenClip(("run", "clip"), run, clip, models, Readers())
    lanes = LaneKeeper(opened.project, lambda first, end: None)
    opened.project.add_prompt(None, frames // 2, Points([(20, 20)]))
    opened.project.edit(titled_edit(RenameWire(kind="rename", object=1, label="car")))
    view = LaneView.of(0, frames, 20)
    spans = opened.view.spans().get(1, ObjectSpans(object_id=1, spans=()))
    cells = lane_cells(view, lanes.store(), spans, [frames // 2], opened.desk.stale())
    state = opened.state().model_dump()
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    lanes.close()
    opened.close()
    # Frame numbers have more digits in a longer clip.
    text = json.dumps(state) + cells.model_dump_json()
    return len("".join(c for c in text if not c.isdigit())), held


def test_messages_and_memory_are_those_of_a_short_clip(tmp_path: Path, models: Models) -> None:
    sizes: dict[int, tuple[int, int]] = {}
    for frames in (40, 40, 1200):  # the first time much is loaded
        folder = tmp_path / f"{frames}-{len(sizes)}"
        folder.mkdir()
        sizes[frames] = opened_sizes(folder, models, frames)
    short, long = sizes[40], sizes[1200]
    assert long[0] <= short[0] + 40
    # An index of the clip's packets is 8 bytes or so a frame and table; no object a frame is.
    assert long[1] - short[1] < 1160 * 200
