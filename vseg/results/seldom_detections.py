"""Whether detections came too seldom for what passed before the camera.

Enters: for how long objects were in view, or a run.  Leaves: a sentence, or none.  An object
that was in view for less time than lies between two detections was found by chance, and others
like it were not: counts are too low, and nothing else in the masks shows it.
"""

from collections.abc import Collection, Sequence
from statistics import median

from vseg.results.records import RunHeader, StoredObject

_EVERY = "redetection.detect_every"


def seldom_detected(lengths: Collection[int], every: int) -> tuple[str, ...]:
    """A sentence where at least half of the objects that came and left were in view for less
    than the frames between two detections.

    lengths: for how many frames each was in view.  every: frames from detection to detection.
    """
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


def seldom_detected_run(header: RunHeader, objects: Sequence[StoredObject]) -> tuple[str, ...]:
    """The same of a run; none for one without detections every so many frames."""
    every = header.options.get(_EVERY)
    if not isinstance(every, int):
        return ()
    begin, end = header.frame_range or (0, header.video.num_frames or 0)
    in_view = [
        known.last_frame + 1 - known.first_frame
        for known in objects
        if known.first_frame is not None and known.last_frame is not None
        # What is there at the beginning or the end was in view for longer than the run shows.
        if known.first_frame > begin and known.last_frame < end - 1
    ]
    return seldom_detected(in_view, every)
