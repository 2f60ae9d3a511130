"""Runs made by hand, whose masks are right or wrong where a test says so, with their clip."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from tests.runs import header_of
from vseg.frame_masks import FrameMasks
from vseg.results import RunWriter
from vseg.results.fingerprint import fingerprint
from vseg.types import Box, Frame, MaskCrop, Prompt, Timecode, TrackEvent, VideoInfo

HEIGHT = 48
WIDTH = 80


def square(x: int, y: int, side: int = 12) -> np.ndarray:
    """A mask of the frame's size: a square, cut at the edges."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[max(0, y) : max(0, y + side), max(0, x) : max(0, x + side)] = True
    return mask


def steady(index: int) -> np.ndarray:
    """A square that moves by a pixel every other frame."""
    return square(4 + index // 2, 6)


def frame_of(
    index: int, masks: Mapping[int, np.ndarray], scores: Mapping[int, float], prompted: bool
) -> FrameMasks:
    """The masks of one frame, with a quality for each object."""
    return FrameMasks(
        frame_index=index,
        time_s=index / 25,
        height=HEIGHT,
        width=WIDTH,
        object_ids=tuple(sorted(masks)),
        scores=np.array([scores[obj] for obj in sorted(masks)], dtype=np.float32),
        visible=np.array([masks[obj].any() for obj in sorted(masks)], dtype=bool),
        sources=tuple("prompt" if prompted else "track" for _ in masks),
        crops={obj: MaskCrop.of(mask) for obj, mask in masks.items()},
    )


def write_run(
    path: Path,
    frames: Sequence[Mapping[int, np.ndarray]],
    *,
    scores: Mapping[int, float] | None = None,
    labels: Mapping[int, str] | None = None,
    events: Sequence[TrackEvent] = (),
) -> Path:
    """A finished run of these masks by frame and object, and a clip of images beside it.

    scores: of objects after frame 0; 0.95 where none is given.
    """
    clip = path.parent / f"{path.name}-clip"
    clip.mkdir(parents=True)
    for index in range(len(frames)):
        image = np.full((HEIGHT, WIDTH, 3), 60 + index, dtype=np.uint8)
        Image.fromarray(image).save(clip / f"{index:05d}.png")
    header = header_of(
        VideoInfo(str(clip), HEIGHT, WIDTH, Fraction(25), len(frames)),
        source=fingerprint(clip),
        labels=dict(labels or {}),
    )
    prompts = [Prompt(obj, Timecode(frame=0), Box(4, 6, 16, 18)) for obj in frames[0]]
    writer = RunWriter.create(path, header, prompts)
    for index, masks in enumerate(frames):
        quality = {obj: (scores or {}).get(obj, 0.95) if index else 0.95 for obj in masks}
        writer.note([event for event in events if event.frame == index])
        if writer.write(frame_of(index, masks, quality, prompted=index == 0)):
            writer.commit()
    writer.finish()
    return path


def true_frame(index: int) -> Frame:
    """A plain frame."""
    image = np.full((HEIGHT, WIDTH, 3), 60, dtype=np.uint8)
    return Frame(index, pts=index, time_s=index / 25, image=image)
