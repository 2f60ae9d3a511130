"""A long clip as several jobs: stretches that overlap, and one job that joins their runs.

Enters: a line of a list with `split`, and its clip.  Leaves: the jobs.
"""

import math
from pathlib import Path

from vseg.batch.batch_job import BatchJob, identified
from vseg.batch.job_list import JobLine
from vseg.batch.split_length import parse_length
from vseg.build import open_video
from vseg.interfaces.reader import Reader
from vseg.prompts.placing import frames_of
from vseg.results.records import SourceFingerprint

OVERLAP_S = 5.0
"""Seconds that two stretches have in common: nano's words are detected every 15 frames, so
that an object which is hidden where a stretch begins has several chances before the seam.
"""
_MOST_OVERLAP = 0.25
"""Of a stretch: short ones are for trying."""
_LEAST_FRAMES = 8
"""Of a stretch, so that there is something on both sides of each overlap."""


def split_jobs(line: JobLine, source: SourceFingerprint, clip: Path) -> list[BatchJob]:
    """The jobs of the stretches and, last, the one that joins them; one job for the whole
    clip where it is no longer than a stretch.

    Raises what `open_video` and `identified` raise, and BadPrompt for a wrong range.
    """
    config = line.track_job(Path()).config
    assert line.split is not None
    with open_video(str(clip), config.reader, config.frames, config.topic) as video:
        first, stop = frames_of(video, config.range)
        spans = _spans(video, first, stop, parse_length(line.split))
    if len(spans) == 1:
        return [identified(line.model_copy(update={"split": None}), source)]
    joint = identified(line, source)
    parts = []
    for begin, end in spans:
        settings = line.settings | {"range": f"{begin}:{end}"}
        cut = line.model_copy(update={"split": None, "settings": settings})
        part = identified(cut, source, part_of=joint.job_id)
        share = (end - begin) / (stop - first)
        parts.append(part.model_copy(update={"share": share}))
    ids = tuple(part.job_id for part in parts)
    return [*parts, joint.model_copy(update={"parts": ids, "share": 0.0})]


def _spans(video: Reader, first: int, stop: int, length_s: float) -> list[tuple[int, int]]:
    """Frames [begin, end) of each stretch: equally long, none longer than asked for."""
    begin_s = video.time_at(first)
    all_s = video.time_at(stop - 1) - begin_s
    count = max(1, min(math.ceil(all_s / length_s), (stop - first) // _LEAST_FRAMES))
    each_s = all_s / count
    overlap_s = min(OVERLAP_S, _MOST_OVERLAP * each_s)
    begins = [video.frame_at(begin_s + number * each_s) for number in range(count)]
    begins[0] = first
    ends = [
        min(stop, max(begin + 2, video.frame_at(video.time_at(begin) + overlap_s) + 1))
        for begin in begins[1:]
    ]
    return list(zip(begins, [*ends, stop], strict=True))
