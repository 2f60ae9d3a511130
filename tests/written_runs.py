"""Runs of a few frames, written frame by frame."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

from tests.runs import header_of
from vseg.frame_masks import FrameMasks, LogitCrops
from vseg.results import Prompt, RunHeader, RunWriter
from vseg.types import Box, Timecode, VideoInfo

HEIGHT = 36
WIDTH = 50
FRAMES = 21


PROMPTS = [
    Prompt(1, Timecode(0), Box(1.0, 2.0, 30.0, 20.0)),
    Prompt(2, Timecode(0), Box(5.0, 5.0, 9.0, 9.0)),
]


def header(**changes: object) -> RunHeader:
    plain = header_of(
        VideoInfo("clip.mp4", HEIGHT, WIDTH, Fraction(30000, 1001), 40),
        options={"short_side": 384, "memory.recent": 5},
        labels={2: "dog"},
    )
    return plain.model_copy(update=changes)


def frame(index: int, shift: int = 0) -> FrameMasks:
    """Two objects; the second is out of the image on every third frame."""
    rng = np.random.default_rng(index + 1000 * shift)
    logits = rng.normal(size=(2, 9, 13)).astype(np.float32)
    visible = np.array([index % 3 != 0, True])
    return FrameMasks(
        frame_index=index,
        time_s=index / 30,
        height=HEIGHT,
        width=WIDTH,
        object_ids=(2, 1),
        scores=np.array([0.5, 0.9], dtype=np.float32),
        visible=visible,
        sources=("track",) * 2 if index else ("prompt",) * 2,
        crops=LogitCrops((2, 1), logits, visible, (HEIGHT, WIDTH), {}),
        pts=index * 512,
    )


def track(writer: RunWriter, frames: Iterable[int]) -> None:
    for index in frames:
        if writer.write(frame(index)):
            writer.commit(f"after {index}".encode())


def contents(root: Path) -> dict[str, bytes]:
    """Every file of a run but its header, which holds the time it was made."""
    paths = (path for path in root.rglob("*") if path.is_file() and path.name != "run.json")
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}
