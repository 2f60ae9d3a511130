"""A folder of numbered images in, the frames of a clip out, in the order of their numbers.

Names are sorted as people count (frame2 before frame10).  Nothing is guessed: a number that is
missing or a link that leaves the folder is refused when the folder is opened; an image that
cannot be read is a damaged frame.  Images of another size than the first are scaled to it, as
those of a video file are.
"""

import re
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import ExifTags, Image, UnidentifiedImageError

from vseg.errors import BadVideo, DamagedVideo, UsageError
from vseg.interfaces.indexed_reader import IndexedReader
from vseg.io.files import real_path
from vseg.ops.frame_range import check_index, frame_range
from vseg.types import UNKNOWN_FPS, Frame, VideoInfo
from vseg.video.container import MAX_PIXELS, check_pixels
from vseg.video.numbering import number_images
from vseg.video.orientation import Display

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
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
_WITHOUT_WHITE = {"F": "floating-point values", "I": "whole numbers of 32 bits"}
"""Of Pillow's modes, in words."""
SIDEWAYS = tuple(UPRIGHT_BY[orientation] for orientation in (5, 6, 7, 8))


@dataclass(frozen=True, slots=True)
class _Header:
    height: int
    width: int
    codec: str


class ImageFolder(IndexedReader):
    """A folder of jpg, png, webp, bmp or tif images as a Reader.

    frames: None for names with evenly spaced numbers, in which nothing may be missing.
    by-order: names of any kind, such as time stamps; the images are numbered as they are
    sorted.  by-number: the names' numbers are those of the frames, from the first one on; a
    frame whose number is missing is left out by `frames` and refused by `read`.  fps: images
    have no rate; time_s counts at this one.  Sub-folders, hidden files and files of other
    kinds are left alone.  Raises BadVideo for a folder that is not exactly one clip.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        fps: Fraction | int = UNKNOWN_FPS,
        frames: str | None = None,
    ) -> None:
        self.path = Path(path)
        if fps <= 0:
            raise UsageError(f"a rate of {fps} frames a second", hint="use a positive rate")
        self._fps = Fraction(fps)
        self._files = image_files(self.path)
        self._numbers = number_images(self._files, frames)
        headers = [_header(file) for file in self._files]
        first = next((header for header in headers if header is not None), None)
        if first is None:
            raise BadVideo(
                f"{self._files[0]}: is not a readable image, and neither is any other",
                hint="replace the files",
            )
        self._sizes = [header and (header.height, header.width) for header in headers]
        self._display = Display()
        self._closed = False
        self.info = VideoInfo(
            source=str(self.path),
            height=first.height,
            width=first.width,
            fps=self._fps,
            num_frames=len(self),
            codec=first.codec,
        )

    def __len__(self) -> int:
        return self._numbers[-1] + 1

    def read(self, index: int) -> Frame:
        """The image at `index`.  Raises UnknownFrame past the end, DamagedVideo if
        unreadable.
        """
        check_index(index, len(self))
        if self._closed:
            raise UsageError(f"{self.path}: was closed", hint="open it again")
        place = bisect_left(self._numbers, index)
        if self._numbers[place] != index:
            reason = f"no image has its number; the next one is {self._files[place].name}"
            raise DamagedVideo(self.path, index, reason)
        file = self._files[place]
        try:
            image = load_image(file)
        except (OSError, ValueError, SyntaxError) as error:
            raise DamagedVideo(
                self.path, index, f"{file.name} does not decode: {error}"
            ) from error
        size = (image.shape[0], image.shape[1])
        if size != self._sizes[place]:
            raise DamagedVideo(
                self.path, index, f"{file.name} changed since the folder was opened"
            )
        wanted = (self.info.height, self.info.width)
        if size == wanted:
            return Frame(index, None, self.time_at(index), image)
        scaled = self._display.scale(image, wanted)
        return Frame(index, None, self.time_at(index), scaled, scaled_from=size)

    def time_at(self, index: int) -> float:
        """When a frame starts, in seconds."""
        check_index(index, len(self))
        return float(index / self._fps)

    def frames(
        self, start: int = 0, stop: int | None = None, step: int = 1
    ) -> Iterator[Frame]:
        """Frames start, start + step, ... before stop, those that there are; a negative step
        goes backward.
        """
        wanted = frame_range(len(self), start, stop, step)
        low = min(wanted, default=0)
        high = max(wanted, default=-1)
        held = self._numbers[
            bisect_left(self._numbers, low) : bisect_right(self._numbers, high)
        ]
        return map(self.read, (n for n in held[:: 1 if step > 0 else -1] if n in wanted))

    def close(self) -> None:
        """Refuse further reads; no file stays open between reads."""
        self._closed = True


def image_files(folder: Path) -> tuple[Path, ...]:
    """The image files of a folder in natural order, all of them really inside it."""
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "no such folder"
        raise BadVideo(f"{folder}: {what}", hint="give the folder that holds the images")
    root = real_path(folder)
    files = [file for file in folder.iterdir() if is_image(file)]
    if not files:
        raise BadVideo(
            f"{folder}: holds no images ({', '.join(SUFFIXES)})",
            hint="give the folder in which the images themselves lie",
        )
    for file in files:
        if not real_path(file).is_relative_to(root):
            raise BadVideo(
                f"{file}: is a link to outside the folder", hint="copy the image in"
            )
        # Opening a pipe waits for a writer, for ever where there is none.
        if not file.is_file() and file.exists() and not file.is_dir():
            raise BadVideo(
                f"{file}: is a pipe or a device, not an image",
                hint="remove it from the folder",
            )
    return tuple(sorted(files, key=natural_key))


def is_image(file: Path) -> bool:
    """Whether a file counts as an image, by its name."""
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def natural_key(file: Path) -> list[tuple[int, int, str]]:
    """A sort key in which runs of digits count as numbers."""
    parts = re.split(r"(\d+)", file.stem)
    return [(1, int(part), part) if part.isdecimal() else (0, 0, part) for part in parts]


def _header(file: Path) -> _Header | None:
    """Displayed size and format, from the header alone; None where it cannot be read: that
    frame is damaged.  Refuses an image that is far too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as image:
                height, width = displayed_size(image)
                codec = (image.format or "").lower()
                _check_tiff(file, image)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise BadVideo(
            f"{file}: is far too large an image", hint="scale it down first"
        ) from None
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError):
        return None
    check_pixels(str(file), height, width, MAX_PIXELS)
    return _Header(height, width, codec)


def _check_tiff(file: Path, image: Image.Image) -> None:
    """Refuse a TIFF file of values that have no known white, or of several images."""
    if image.format != "TIFF":
        return
    if image.mode in _WITHOUT_WHITE:
        raise BadVideo(
            f"{file}: holds {_WITHOUT_WHITE[image.mode]}, whose white is not known",
            hint="scale the values to 0 to 255 and save them as 8 bits",
        )
    count = getattr(image, "n_frames", 1)
    if count > 1:
        raise BadVideo(
            f"{file}: holds {count} images", hint="save each image in a file of its own"
        )


def _upright_by(image: Image.Image) -> Image.Transpose | None:
    """The turn that shows the image as intended, from what its header says."""
    if image.format == "TIFF":
        return None  # Pillow turns these itself as it decodes them
    # The base class's method: that of PNG would decode the image to look behind it for more.
    return UPRIGHT_BY.get(Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1))


def load_image(file: Path) -> UInt8[np.ndarray, "H W 3"]:
    """The displayed RGB image: EXIF orientation applied, alpha dropped, 16 bits cut to 8.

    Raises OSError, ValueError and SyntaxError for what does not decode, or is far too large.
    """
    try:
        with Image.open(file, formats=FORMATS) as image:
            return displayed_rgb(image)
    except Image.DecompressionBombError as error:
        raise ValueError(str(error)) from error


def displayed_size(image: Image.Image) -> tuple[int, int]:
    """Height and width as displayed, from the header alone."""
    width, height = image.size
    return (width, height) if _upright_by(image) in SIDEWAYS else (height, width)


def displayed_rgb(image: Image.Image) -> UInt8[np.ndarray, "H W 3"]:
    """The pixels of an opened image, as displayed.  Raises what Pillow raises."""
    turn = _upright_by(image)
    upright = image if turn is None else image.transpose(turn)
    if upright.mode.startswith("I;16"):
        grey = (np.asarray(upright) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    return np.array(upright.convert("RGB"), dtype=np.uint8)
