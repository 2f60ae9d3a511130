"""How long the stretches of a clip are to be, and which jobs can be cut into them at all.

Enters: text such as `10m`, and a job.  Leaves: seconds.
"""

import re

from vseg.errors import UsageError
from vseg.pipelines.job import TrackJob

_LENGTH = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


def parse_length(text: str) -> float:
    """Seconds of `90s`, `10m` or `1h30m`.  Raises UsageError."""
    match = _LENGTH.fullmatch(text.strip())
    hours, minutes, seconds = (float(n or 0) for n in match.groups()) if match else (0, 0, 0)
    length_s = 3600 * hours + 60 * minutes + seconds
    if not 0 < length_s < float("inf"):
        raise UsageError(
            f"--split {text} is no length of time", hint="write 90s, 10m or 1h30m"
        )
    return length_s


def check_splittable(job: TrackJob) -> None:
    """Raise UsageError for a job whose stretches cannot be tracked apart from each other."""
    named = [p.object_id for p in job.prompts if p.object_id is not None]
    if named:
        raise UsageError(
            f"object {named[0]} is prompted by itself, and such an object is tracked from its "
            "prompt through the whole clip, frame after frame: no second worker can begin in "
            "between",
            hint='leave --split out, or say "split": null for this clip; words for every '
            "instance, --auto and detections can be split",
        )
    if job.config.direction != "forward":
        raise UsageError(
            f"a clip that is tracked {job.config.direction} cannot be split",
            hint="--direction forward, or leave --split out",
        )
    if job.config.redetection.until is not None:
        raise UsageError(
            "a clip in which detecting ends early cannot be split: what is tracked after it "
            "was detected before",
            hint="leave --until or --split out",
        )
