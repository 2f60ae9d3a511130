"""A name of something to watch in, the source that reads it out."""

import os
from pathlib import Path

from vseg.errors import UsageError
from vseg.interfaces.reader import Source
from vseg.video.address import redact, scheme_of

READERS = ("auto", "pyav", "decord", "images", "bag", "camera")


def open_source(
    source: str | Path,
    reader: str = "auto",
    frames: str | None = None,
    topic: str | None = None,
) -> Source:
    """The source for a video file, a folder of images, a ROS 2 bag, a camera number or a
    stream's address.

    reader: auto, pyav, decord, images, bag or camera; auto takes a folder as images, an .mcap
    file and a folder with metadata.yaml as a bag, a bare number that is no file and an address
    as a camera, and everything else as a file for PyAV.  frames: how a folder's images are
    numbered.  topic: of a bag, the images' topic.  Raises UsageError for an unknown reader,
    else what the reader raises (BadVideo, ReaderUnsuitable).
    """
    if reader not in READERS:
        raise UsageError(f"unknown reader '{reader}'", hint=f"known: {', '.join(READERS)}")
    chosen = _choose(source) if reader == "auto" else reader
    _check_options(source, chosen, frames, topic)
    # Each reader loads its own libraries, and only when it is the one.
    if chosen == "camera":
        from vseg.video.open_live import open_live

        return open_live(source)
    if scheme_of(source):
        raise UsageError(f"{redact(source)}: is an address", hint="use --reader camera")
    if chosen == "images":
        from vseg.video.images import ImageFolder

        return ImageFolder(source, frames=frames)
    if chosen == "bag":
        from vseg.video.bag import BagImages

        return BagImages(source, topic)
    if chosen == "decord":
        from vseg.video.decord_reader import DecordFile

        return DecordFile(source)
    from vseg.video.file import VideoFile

    return VideoFile(source)


def _check_options(
    source: str | Path, chosen: str, frames: str | None, topic: str | None
) -> None:
    """Raise UsageError for an option of another reader than the chosen one."""
    if frames is not None and chosen != "images":
        raise UsageError(
            f"{redact(source)}: --frames {frames} is for a folder of images",
            hint="leave it out",
        )
    if topic is not None and chosen != "bag":
        raise UsageError(
            f"{redact(source)}: --topic {topic} is for a ROS 2 bag", hint="leave it out"
        )


def _choose(source: str | Path) -> str:
    path = Path(source)
    if scheme_of(source) or (str(source).isdecimal() and not path.exists()):
        return "camera"
    # os.path.isdir and not Path.is_dir, which raises for a name of too many bytes.
    if os.path.isdir(path):
        return "bag" if (path / "metadata.yaml").is_file() else "images"
    return "bag" if path.suffix.lower() == ".mcap" else "pyav"
