"""The process in which an upload is decoded: a file or a folder of images in, what it is on
stdout.

A file from elsewhere may make a decoder crash, hang or take all memory: that ends this process
and nothing else.  Run by `uploads` as `python -m vseg.server.upload_child PATH PIXELS FRAMES
MIB SECONDS`.
"""

import json
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from vseg.errors import TooLarge, VsegError
from vseg.video.container import open_file
from vseg.video.images import ImageFolder
from vseg.video.probe import probe
from vseg.video.sniff import sniff

if sys.platform != "win32":
    import resource


@dataclass(frozen=True, slots=True)
class Checked:
    """error: the name of the error's class, None if the file is a clip.  kind: of the
    container.
    """

    error: str | None
    message: str = ""
    hint: str | None = None
    kind: str = ""


def check(path: Path, pixels: int, frames: int) -> Checked:
    """Whether a file is a clip within these limits; every frame of it is decoded."""
    try:
        if path.is_dir():
            return _check_images(path, pixels, frames)
        sniffed = sniff(path)
        opened = open_file(path, sniffed, max_pixels=pixels)
        opened.container.close()
        # Before anything is decoded: a header may claim years.
        _check_count(opened.stream.frames, frames)
        found = probe(path)
        _check_count(found.frames, frames)
        if found.height * found.width > pixels:
            raise TooLarge(f"its images are {found.width}x{found.height}")
        probe(path, decode=True)
    except VsegError as error:
        name = type(error).__name__
        return Checked(name, error.message, error.hint)
    return Checked(None, kind=sniffed.kind)


def _check_images(path: Path, pixels: int, frames: int) -> Checked:
    with ImageFolder(path) as images:
        _check_count(len(images), frames)
        for frame in images:
            height, width = frame.scaled_from or frame.hw
            if height * width > pixels:
                raise TooLarge(f"image {frame.index} is {width}x{height}")
    return Checked(None, kind="images")


def _check_count(count: int, most: int) -> None:
    if count > most:
        raise TooLarge(f"it has {count} frames; {most} are allowed", hint="cut it in parts")


def _limit(mib: int, seconds: float) -> None:
    """Have the system end this process where it goes beyond; Windows has no such limits."""
    if sys.platform != "win32":
        size = mib << 20
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds),) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _limit(int(sys.argv[4]), float(sys.argv[5]))
    print(json.dumps(asdict(check(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))))
