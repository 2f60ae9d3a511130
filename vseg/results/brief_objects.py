"""Whether detections of a run came too seldom for what passed through its clip.

Enters: the header of a run and its objects.  Leaves: a sentence, or none.  An object that was
in view for less time than lies between two detections was found by chance, and others like it
were not: counts are too low, and nothing else in the run shows it.
"""

from collections.abc import Sequence
from statistics import median

from vseg.results.records import RunHeader, StoredObject

_EVERY = "redetection.detect_every"


def seldom_detected(header: RunHeader, objects: Sequence[StoredObject]) -> tuple[str, ...]:
    """A sentence where at least half of the objects that came and left were in view for less
    than the frames between two detections; none for a run without such detections.
    """
    every = header.options.get(_EVERY)
    if not isinstance(every, int):
        return ()
    lengths = _in_view(header, objects)
    brief = [frames for frames in lengths if frames < every]
    if not brief or 2 * len(brief) < len(lengths):
        return ()
    # Two detections make an object: half of the usual time in view lets both fall into it.
    wanted = max(1, int(median(brief)) // 2)
    were = "object was" if len(lengths) == 1 else "objects were"
    return (
        f"{len(brief)} of {len(lengths)} {were} in view for less than the {every} frames "
        f"between two detections, so others that passed were missed: --detect-every {wanted} "
        "finds more",
    )


def _in_view(header: RunHeader, objects: Sequence[StoredObject]) -> list[int]:
    """For how many frames the objects were in view that neither begin nor end with the run."""
    begin, end = header.frame_range or (0, header.video.num_frames or 0)
    return [
        known.last_frame + 1 - known.first_frame
        for known in objects
        if known.first_frame is not None and known.last_frame is not None
        if known.first_frame > begin and known.last_frame < end - 1
    ]
