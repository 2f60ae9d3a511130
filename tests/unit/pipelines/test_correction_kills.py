"""A correction that is killed at any moment leaves the last whole revision."""

import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from tests.unit.pipelines.test_run_edit import rows
from vseg.build import load_model
from vseg.config import TrackConfig
from vseg.interfaces.model import Model
from vseg.pipelines.correction_settings import CorrectionSettings
from vseg.pipelines.job import TrackJob
from vseg.pipelines.run_edit import RunEdit
from vseg.pipelines.track import track
from vseg.results.layout import read_header
from vseg.results.revision_chain import go_to
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip
from vseg.types import Box, Prompt, Timecode

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked"),
]

KILLS = 5
FRAMES = 16


def corrected(run: Path, model: Model) -> None:
    """Rows, prompts and spans of both objects change."""
    mask = np.zeros((64, 96), dtype=bool)
    mask[10:40, 20:50] = True
    with RunEdit(run, CorrectionSettings(model=model)) as edit:
        edit.absent(2, 1, 12)
        edit.prompt(1, 8, mask=mask)


def test_killed_at_random(tmp_path: Path) -> None:
    write_clip(SyntheticVideo(SceneConfig(64, 96, FRAMES, num_objects=2)), tmp_path / "a.mp4")
    model = load_model("nano", short_side=64, dtype="float32")
    run = tmp_path / "run"
    prompts = tuple(
        Prompt(i, Timecode(frame=0), Box(20 * i, 5, 20 * i + 20, 40)) for i in (1, 2)
    )
    settings = TrackConfig(short_side=64, dtype="float32", preview=False, shard_frames=4)
    track(TrackJob(str(tmp_path / "a.mp4"), run, prompts, settings), model=model)
    before = rows(run)
    began = time.perf_counter()
    corrected(run, model)
    whole_s = time.perf_counter() - began
    after = rows(run)
    assert before != after
    go_to(run, 0)
    draw = random.Random(0)
    for _ in range(KILLS):
        child = os.fork()
        if child == 0:
            corrected(run, model)
            os._exit(0)
        time.sleep(draw.uniform(0, 1.2) * whole_s)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        done = read_header(run).revision != 0
        assert rows(run) == (after if done else before)
        go_to(run, 0)
    corrected(run, model)  # leftovers and a stale lock are in nobody's way
    assert rows(run) == after
