"""A reader in, files out: a real mp4 of its frames, and palette PNGs of a scene's true
masks.
"""

from fractions import Fraction
from pathlib import Path

from PIL import Image

from vseg.errors import UsageError
from vseg.interfaces.reader import Reader
from vseg.io.files import atomic_path
from vseg.io.mp4 import Mp4Writer
from vseg.ops.colours import davis_palette
from vseg.synthetic.reader import SyntheticVideo


def write_clip(
    video: Reader, path: Path, *, fps: Fraction | None = None, crf: int = 18
) -> None:
    """Write every frame of `video` to an H.264 mp4 at its own rate, or at `fps` where given.

    The coding is lossy.  Raises UsageError if neither rate is known, OutputError if the file
    cannot be written; then nothing is left under `path`.
    """
    rate = fps or video.info.fps
    if rate is None:
        raise UsageError(
            f"{video.info.source} has no frame rate", hint="give one, as fps=Fraction(25)"
        )
    with Mp4Writer(path, video.info.height, video.info.width, rate, crf=crf) as mp4:
        for frame in video:
            mp4.write(frame.image)


def write_truth(video: SyntheticVideo, folder: Path) -> None:
    """Write the label map of every frame to `folder` as 00000.png, 00001.png, ..., as DAVIS
    does.

    8-bit palette images whose pixel values are the object ids.  Raises OutputError.
    """
    for index in range(len(video)):
        image = Image.fromarray(video.truth(index))
        image.putpalette(davis_palette().tobytes())
        with atomic_path(folder / f"{index:05d}.png") as part:
            image.save(part, format="PNG")
