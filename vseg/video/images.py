"""A folder of numbered images in, the frames of a clip out, in the order of their numbers.

Names are sorted as people count (frame2 before frame10).  Nothing is guessed: a number that is
missing, an image of another size or a link that leaves the folder is refused when the folder
is opened.
"""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import ExifTags, Image, UnidentifiedImageError

from vseg.errors import BadVideo, DamagedVideo, UsageError
from vseg.interfaces.closing import Closing
from vseg.ops.frame_range import check_index, displayed_frame, frame_range
from vseg.types import UNKNOWN_FPS, Frame, VideoInfo
from vseg.video.container import MAX_PIXELS, check_pixels

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
# What undoes each orientation of EXIF 2.3, table 4.6.4-A; 1 is upright.
UPRIGHT_BY = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = tuple(UPRIGHT_BY[orientation] for orientation in (5, 6, 7, 8))


@dataclass(frozen=True, slots=True)
class _Header:
    height: int
    width: int
    codec: str


class ImageFolder(Closing):
    """A folder of jpg, png, webp or bmp images as a Reader.

    fps: images have no rate; time_s counts at this one.  Sub-folders, hidden files and files
    of other kinds are left alone.  Raises BadVideo for a folder that is not exactly one clip.
    """

    def __init__(self, path: str | Path, *, fps: Fraction | int = UNKNOWN_FPS) -> None:
        self.path = Path(path)
        if fps <= 0:
            raise UsageError(f"a rate of {fps} frames a second", hint="use a positive rate")
        self._fps = Fraction(fps)
        self._files = _images(self.path)
        check_numbering(self._files)
        first = _header(self._files[0])
        for file in self._files[1:]:
            header = _header(file)
            if (header.height, header.width) != (first.height, first.width):
                raise BadVideo(
                    f"{file}: is {header.width}x{header.height}, but the images before it are "
                    f"{first.width}x{first.height}",
                    hint="keep one clip, of one size, in the folder",
                )
        self._closed = False
        self.info = VideoInfo(
            source=str(self.path),
            height=first.height,
            width=first.width,
            fps=self._fps,
            num_frames=len(self._files),
            codec=first.codec,
        )

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def read(self, index: int) -> Frame:
        """The image at `index`.  Raises IndexError past the end, DamagedVideo if
        unreadable.
        """
        check_index(index, len(self))
        if self._closed:
            raise UsageError(f"{self.path}: was closed", hint="open it again")
        file = self._files[index]
        try:
            image = _load(file)
        except (OSError, ValueError, SyntaxError) as error:
            raise DamagedVideo(
                self.path, index, f"{file.name} does not decode: {error}"
            ) from error
        if image.shape[:2] != (self.info.height, self.info.width):
            raise DamagedVideo(
                self.path, index, f"{file.name} changed since the folder was opened"
            )
        return Frame(index, None, self.time_at(index), image)

    def time_at(self, index: int) -> float:
        """When a frame starts, in seconds."""
        return float(index / self._fps)

    def frame_at(self, time_s: float) -> int:
        """The frame on display at a time, from the rate.  Raises IndexError past the end."""
        return displayed_frame(self.info, len(self), self.time_at, time_s)

    def frames(
        self, start: int = 0, stop: int | None = None, step: int = 1
    ) -> Iterator[Frame]:
        """Frames start, start + step, ... before stop; a negative step goes backward."""
        return map(self.read, frame_range(len(self), start, stop, step))

    def close(self) -> None:
        """Refuse further reads; no file stays open between reads."""
        self._closed = True


def _images(folder: Path) -> tuple[Path, ...]:
    """The image files of a folder in natural order, all of them really inside it."""
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "no such folder"
        raise BadVideo(f"{folder}: {what}", hint="give the folder that holds the images")
    root = folder.resolve()
    files = [
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    ]
    if not files:
        raise BadVideo(
            f"{folder}: holds no images ({', '.join(SUFFIXES)})",
            hint="give the folder in which the images themselves lie",
        )
    for file in files:
        if not file.resolve().is_relative_to(root):
            raise BadVideo(
                f"{file}: is a link to outside the folder", hint="copy the image in"
            )
    return tuple(sorted(files, key=_natural))


def _natural(file: Path) -> list[tuple[int, int, str]]:
    """A sort key in which runs of digits count as numbers."""
    parts = re.split(r"(\d+)", file.stem)
    return [(1, int(part), part) if part.isdecimal() else (0, 0, part) for part in parts]


def check_numbering(files: tuple[Path, ...]) -> None:
    """Raise BadVideo if the names' last numbers do not make one evenly spaced series.

    Names that hold no digit at all are taken in natural order.  Every second or every fourth
    number throughout is a series; one that is missing, repeated or of another series is named.
    """
    numbered = [re.fullmatch(r"(.*?)(\d+)(\D*)", file.stem) for file in files]
    if not any(numbered):
        return
    series: dict[tuple[str, str], str] = {}
    numbers: list[int] = []
    for file, match in zip(files, numbered, strict=True):
        if match is None:
            raise BadVideo(f"{file}: has no number, but others in its folder do")
        series.setdefault((match[1], match[3]), file.name)
        numbers.append(int(match[2]))
    if len(series) > 1:
        first, second = list(series.values())[:2]
        raise BadVideo(
            f"{files[0].parent}: {first} and {second} belong to different series",
            hint="keep the images of one clip in the folder",
        )
    _check_even(files, numbers)


def _check_even(files: tuple[Path, ...], numbers: list[int]) -> None:
    steps = np.diff(numbers)
    if len(steps) == 0 or (steps[0] > 0 and (steps == steps[0]).all()):
        return
    step = int(steps.min())
    place = int(np.argmax(steps != step)) if step else int(np.argmin(steps))
    before = files[place]
    after = files[place + 1]
    if step == 0:
        raise BadVideo(
            f"{after}: has the same number as {before.name}", hint="remove one of them"
        )
    raise BadVideo(
        f"{before.parent}: number {numbers[place] + step} is missing between "
        f"{before.name} and "
        f"{after.name}",
        hint="restore the missing image, or renumber the images without a gap",
    )


def _header(file: Path) -> _Header:
    """Displayed size and format, from the header alone; refuses what is not a sane image."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as image:
                sideways = _upright_by(image) in SIDEWAYS
                width, height = image.size[::-1] if sideways else image.size
                codec = (image.format or "").lower()
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise BadVideo(
            f"{file}: is far too large an image", hint="scale it down first"
        ) from None
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError) as error:
        raise BadVideo(f"{file}: is not a readable image", hint="replace the file") from error
    check_pixels(str(file), height, width, MAX_PIXELS)
    return _Header(height, width, codec)


def _upright_by(image: Image.Image) -> Image.Transpose | None:
    """The turn that shows the image as intended, from what its header says."""
    # The base class's method: that of PNG would decode the image to look behind it for more.
    return UPRIGHT_BY.get(Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1))


def _load(file: Path) -> UInt8[np.ndarray, "H W 3"]:
    """The displayed RGB image: EXIF orientation applied, alpha dropped, 16 bits cut to 8."""
    with Image.open(file, formats=FORMATS) as image:
        turn = _upright_by(image)
        upright = image if turn is None else image.transpose(turn)
        if upright.mode.startswith("I;16"):
            grey = (np.asarray(upright) >> 8).astype(np.uint8)
            return np.repeat(grey[..., None], 3, axis=2)
        return np.array(upright.convert("RGB"), dtype=np.uint8)
