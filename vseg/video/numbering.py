"""Which frame every image of a folder is, from the images' names.

In: files in natural order.  Out: ascending frame numbers from 0 on.
"""

import re
from pathlib import Path

import numpy as np

from vseg.errors import BadVideo, UsageError

# More missing numbers than this per image are no gaps: the names are time stamps.
# A round value; not tuned.
_MOST_MISSING = 100


def number_images(files: tuple[Path, ...], frames: str | None) -> list[int]:
    """The frame number of every file, ascending.

    frames: by-order, by-number, or None for names without a gap.  Raises BadVideo for names
    that do not make one series, unless by-order, and UsageError for another word.
    """
    if frames not in (None, "by-order", "by-number"):
        raise UsageError(f"unknown numbering '{frames}'", hint="known: by-order, by-number")
    if frames == "by-number":
        return _by_number(files)
    if frames is None:
        check_numbering(files)
    return list(range(len(files)))


def _by_number(files: tuple[Path, ...]) -> list[int]:
    numbers = _numbers(files)
    if numbers is None:
        raise BadVideo(
            f"{files[0].parent}: the names hold no numbers", hint="use --frames by-order"
        )
    order = np.array(numbers, dtype=object) - numbers[0]
    steps = np.diff(order)
    if (steps <= 0).any():
        place = int(np.argmax(steps <= 0))
        raise _repeated(files[place], files[place + 1])
    # Every second or every fourth number throughout is a series of its own.
    step = int(np.gcd.reduce(steps)) if len(steps) else 1
    held = [int(number) // step for number in order]
    if held[-1] > _MOST_MISSING * len(files):
        raise BadVideo(
            f"{files[0].parent}: {len(files)} images are numbered over {held[-1] + 1} frames: "
            "the names seem to be time stamps",
            hint="use --frames by-order",
        )
    return held


def check_numbering(files: tuple[Path, ...]) -> None:
    """Raise BadVideo if the names' last numbers do not make one evenly spaced series.

    Names that hold no digit at all are taken in natural order.  Every second or every fourth
    number throughout is a series; one that is missing, repeated or of another series is named.
    """
    numbers = _numbers(files)
    if numbers is not None:
        _check_even(files, numbers)


def _numbers(files: tuple[Path, ...]) -> list[int] | None:
    """The last number of every name; None if no name holds a digit.  Raises BadVideo for names
    of more than one series.
    """
    numbered = [re.fullmatch(r"(.*?)(\d+)(\D*)", file.stem) for file in files]
    if not any(numbered):
        return None
    series: dict[tuple[str, str], str] = {}
    numbers: list[int] = []
    for file, match in zip(files, numbered, strict=True):
        if match is None:
            raise BadVideo(
                f"{file}: has no number, but others in its folder do",
                hint="move it out of the folder if it is no frame of the clip, or take all in "
                "the order of their names: --frames by-order",
            )
        series.setdefault((match[1], match[3]), file.name)
        numbers.append(int(match[2]))
    if len(series) > 1:
        first, second = list(series.values())[:2]
        raise BadVideo(
            f"{files[0].parent}: {first} and {second} belong to different series",
            hint="keep the images of one clip in the folder, or take all in the order of "
            "their names: --frames by-order",
        )
    return numbers


def _repeated(before: Path, after: Path) -> BadVideo:
    return BadVideo(
        f"{after}: has the same number as {before.name}", hint="remove one of them"
    )


def _check_even(files: tuple[Path, ...], numbers: list[int]) -> None:
    steps = np.diff(numbers)
    if len(steps) == 0 or (steps[0] > 0 and (steps == steps[0]).all()):
        return
    step = int(steps.min())
    place = int(np.argmax(steps != step)) if step else int(np.argmin(steps))
    before = files[place]
    after = files[place + 1]
    if step == 0:
        raise _repeated(before, after)
    raise BadVideo(
        f"{before.parent}: number {numbers[place] + step} is missing between "
        f"{before.name} and {after.name}",
        hint="restore the missing image, or say what the names are: --frames by-order takes "
        "the images one after another, --frames by-number leaves the missing frames out",
    )
