"""A run as images: an overlay video that browsers play, and a sheet of evenly spaced frames.

Enters: an open run and a reader of the clip it was made from.  Leaves: an mp4 or a PNG, under
its final name only once it is whole.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from vseg.errors import BadRun
from vseg.frame_masks import FrameMasks
from vseg.interfaces.reader import Reader, readable_frames
from vseg.io.files import atomic_path
from vseg.io.mp4 import Mp4Writer
from vseg.results.overlay import OverlayStyle, draw_overlay
from vseg.results.run import Run
from vseg.types import UNKNOWN_FPS, Frame

TILE_WIDTH = 480
TILE_TEXT_PX = 14
"""Height of the tags as they are seen in a tile: legible, and no wider than most objects."""
GAP = 8
CAPTION_HEIGHT = 26
CAPTION_PX = 15
BACKGROUND = (20, 22, 26)
INK = (214, 218, 224)


def render_video(run: Run, video: Reader, path: Path) -> None:
    """Write the clip with its masks drawn, for the frames from the first stored to the last.

    A frame in between without masks is shown plain, at its own time; one that cannot be read
    is left out, and the frame before it stays.  Raises BadRun if the clip is not of the
    run's size or the run is empty, OutputError if the file cannot be written.
    """
    _check_pair(run, video)
    size = run.video
    fps = size.fps or UNKNOWN_FPS
    labels = run.labels
    timed = size.variable_rate
    with Mp4Writer(path, size.height, size.width, fps, timed=timed) as mp4:
        for frame, masks in _pairs(run, video):
            image = draw_overlay(frame.image, masks, labels) if masks else frame.image
            mp4.write(image, frame.time_s)


def contact_sheet(
    run: Run, video: Reader, path: Path, columns: int = 4, rows: int = 3
) -> None:
    """Write a PNG of up to columns x rows frames, evenly spaced, captioned with number and
    time.

    The first and the last stored frame are among them.  Raises as `render_video` does.
    """
    _check_pair(run, video)
    size = run.video
    count = min(columns * rows, len(run))
    style = OverlayStyle.for_height(size.height, round(TILE_TEXT_PX * size.width / TILE_WIDTH))
    sheet = Sheet(round(TILE_WIDTH * size.height / size.width), min(columns, count), count)
    for tile, index in enumerate(_evenly(run, count)):
        frame = video.read(index)
        drawn = draw_overlay(frame.image, run[index], run.labels, style)
        sheet.put(tile, drawn, f"frame {frame.index}   {frame.time_s:.2f} s")
    with atomic_path(path) as part:
        sheet.image.save(part, format="PNG")


class Sheet:
    """A dark page of captioned tiles, filled row by row."""

    def __init__(self, tile_height: int, columns: int, count: int) -> None:
        self._tile_height = tile_height
        self._columns = columns
        self._font = ImageFont.load_default(CAPTION_PX)
        width = GAP + columns * (TILE_WIDTH + GAP)
        height = GAP + -(-count // columns) * (tile_height + CAPTION_HEIGHT)
        self.image = Image.new("RGB", (width, height), BACKGROUND)

    def put(self, tile: int, image: UInt8[np.ndarray, "H W 3"], caption: str) -> None:
        """Set tile number `tile` to the image, at the tile's size, with the caption below."""
        row, column = divmod(tile, self._columns)
        x = GAP + column * (TILE_WIDTH + GAP)
        y = GAP + row * (self._tile_height + CAPTION_HEIGHT)
        small = cv2.resize(
            image, (TILE_WIDTH, self._tile_height), interpolation=cv2.INTER_AREA
        )
        self.image.paste(Image.fromarray(small), (x, y))
        ImageDraw.Draw(self.image).text(
            (x, y + self._tile_height + CAPTION_HEIGHT / 2),
            caption,
            fill=INK,
            font=self._font,
            anchor="lm",
        )


def _check_pair(run: Run, video: Reader) -> None:
    tracked = run.video
    clip = video.info
    if (tracked.height, tracked.width) != (clip.height, clip.width):
        raise BadRun(
            f"{clip.source} is {clip.width}x{clip.height}, the run at {run.path} was made on "
            f"{tracked.width}x{tracked.height}",
            hint="give the clip that was tracked",
        )
    if len(run) == 0:
        raise BadRun(f"{run.path} holds no frame to draw", hint="let it run, or --resume it")


def _pairs(run: Run, video: Reader) -> Iterator[tuple[Frame, FrameMasks | None]]:
    """Every frame between the first and the last stored one, with its masks if it has any."""
    assert run.extent is not None, "an empty run is refused before"
    first, last = run.extent
    stored = iter(run)
    upcoming = next(stored, None)
    for frame in readable_frames(video, first, last + 1, {}):
        if upcoming is None or frame.index < upcoming.frame_index:
            yield frame, None
        else:
            yield frame, upcoming
            upcoming = next(stored, None)
        if frame.index == last:
            # What is damaged behind the last stored frame is not part of the run.
            return


def _evenly(run: Run, count: int) -> Iterator[int]:
    """`count` of the stored frame numbers, evenly spaced, ascending."""
    wanted = set(np.linspace(0, len(run) - 1, count).round().astype(int).tolist())
    return (frame for count, frame in enumerate(run.frame_numbers()) if count in wanted)
