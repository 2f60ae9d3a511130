"""A run as images: an overlay video that browsers play, and a sheet of evenly spaced frames.

Enters: an open run and a reader of the clip it was made from.  Leaves: an mp4 or a PNG, under
its final name only once it is whole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
TALLEST = 2 * TILE_WIDTH
"""Of a tile: phones held upright give 16:9, and a strip a few pixels wide would fill the
memory."""
TILE_TEXT_PX = 14
"""Height of the tags as they are seen in a tile: legible, and no wider than most objects."""
GAP = 8
CAPTION_HEIGHT = 26
CAPTION_PX = 15
BACKGROUND = (20, 22, 26)
INK = (214, 218, 224)


@dataclass(frozen=True, slots=True)
class RenderView:
    """What of a run is drawn: frames [first, stop), all if None; side_by_side: the plain frame
    left of the one with masks.
    """

    frames: tuple[int, int] | None = None
    side_by_side: bool = False


def render_video(
    run: Run,
    video: Reader,
    path: Path,
    view: RenderView | None = None,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the clip with its masks drawn, for the frames from the first stored to the last.

    on_frame(done, total): called after each frame.
    A frame in between without masks is shown plain, at its own time; one that cannot be read
    is left out, and the frame before it stays.  Raises BadRun if the clip is not of the
    run's size or the run is empty, OutputError if the file cannot be written.
    """
    view = view or RenderView()
    size = run.video
    fps = size.fps or UNKNOWN_FPS
    labels = run.tags
    colours = run.colours
    width = size.width * (2 if view.side_by_side else 1)
    with Mp4Writer(
        path,
        size.height,
        width,
        fps,
        timed=size.variable_rate,
        pixel_aspect=size.pixel_aspect,
    ) as mp4:
        first, last = _span(run, video, view)
        for frame, masks in _pairs(run, video, (first, last)):
            image = frame.image
            if masks is not None:
                image = draw_overlay(image, masks, labels, colours=colours)
            beside = np.hstack([frame.image, image]) if view.side_by_side else image
            mp4.write(beside, frame.time_s)
            on_frame(frame.index + 1 - first, last + 1 - first)


def shown_frames(
    run: Run, video: Reader, view: RenderView
) -> Iterator[tuple[Frame, FrameMasks | None]]:
    """The frames to show with their masks, None where none are stored.  Raises BadRun as
    `render_video` does.
    """
    return _pairs(run, video, _span(run, video, view))


def contact_sheet(
    run: Run,
    video: Reader,
    path: Path,
    view: RenderView | None = None,
    grid: tuple[int, int] = (4, 3),
) -> None:
    """Write a PNG of up to columns x rows (`grid`) frames, evenly spaced, captioned with
    number and time; masks are drawn, side by side or not.

    The first and the last stored frame are among them.  Raises as `render_video` does.
    """
    span = _span(run, video, view or RenderView())
    size = run.video
    columns, rows = grid
    stored = sum(1 for _ in _stored(run, span))
    count = min(columns * rows, stored)
    style = OverlayStyle.for_height(size.height, round(TILE_TEXT_PX * size.width / TILE_WIDTH))
    tile_width, tile_height = tile_size(size.height, size.width)
    sheet = Sheet(tile_height, min(columns, count), count, tile_width)
    wanted = set(np.linspace(0, stored - 1, count).round().astype(int).tolist())
    chosen = (index for place, index in enumerate(_stored(run, span)) if place in wanted)
    for tile, index in enumerate(chosen):
        frame = video.read(index)
        drawn = draw_overlay(frame.image, run[index], run.tags, style, run.colours)
        sheet.put(tile, drawn, f"frame {frame.index}   {frame.time_s:.2f} s")
    with atomic_path(path) as part:
        sheet.image.save(part, format="PNG")


def tile_size(height: int, width: int) -> tuple[int, int]:
    """Width and height of a tile for frames of a size, at least a pixel each way."""
    across = min(TILE_WIDTH, max(1, round(TALLEST * width / height)))
    return across, min(TALLEST, max(1, round(TILE_WIDTH * height / width)))


class Sheet:
    """A dark page of captioned tiles, filled row by row."""

    def __init__(
        self, tile_height: int, columns: int, count: int, tile_width: int = TILE_WIDTH
    ) -> None:
        self._tile_height = tile_height
        self._tile_width = tile_width
        self._columns = columns
        self._font = ImageFont.load_default(CAPTION_PX)
        width = GAP + columns * (tile_width + GAP)
        height = GAP + -(-count // columns) * (tile_height + CAPTION_HEIGHT)
        self.image = Image.new("RGB", (width, height), BACKGROUND)

    def put(self, tile: int, image: UInt8[np.ndarray, "H W 3"], caption: str) -> None:
        """Set tile number `tile` to the image, at the tile's size, with the caption below."""
        row, column = divmod(tile, self._columns)
        x = GAP + column * (self._tile_width + GAP)
        y = GAP + row * (self._tile_height + CAPTION_HEIGHT)
        small = cv2.resize(
            image, (self._tile_width, self._tile_height), interpolation=cv2.INTER_AREA
        )
        self.image.paste(Image.fromarray(small), (x, y))
        ImageDraw.Draw(self.image).text(
            (x, y + self._tile_height + CAPTION_HEIGHT / 2),
            caption,
            fill=INK,
            font=self._font,
            anchor="lm",
        )


def _span(run: Run, video: Reader, view: RenderView) -> tuple[int, int]:
    """The first and the last frame to draw.  Raises BadRun if the clip is not the run's, or
    the run holds no frame there.
    """
    tracked = run.video
    clip = video.info
    if (tracked.height, tracked.width) != (clip.height, clip.width):
        raise BadRun(
            f"{clip.source} is {clip.width}x{clip.height}, the run at {run.path} was made on "
            f"{tracked.width}x{tracked.height}",
            hint="give the clip that was tracked",
        )
    extent = run.extent
    if extent is None:
        raise BadRun(f"{run.path} holds no frame to draw", hint="let it run, or --resume it")
    if extent[1] >= len(video):
        raise BadRun(
            f"{run.path} holds frame {extent[1]}, {clip.source} has frames 0 to "
            f"{len(video) - 1}",
            hint="give the clip that was tracked",
        )
    first, stop = view.frames or (extent[0], extent[1] + 1)
    span = max(first, extent[0]), min(stop - 1, extent[1])
    if next(_stored(run, span), None) is None:
        raise BadRun(
            f"{run.path} holds no frame of {first} to {stop - 1}",
            hint=f"it holds frames {extent[0]} to {extent[1]}",
        )
    return span


def _pairs(
    run: Run, video: Reader, span: tuple[int, int]
) -> Iterator[tuple[Frame, FrameMasks | None]]:
    """Every frame from the first to the last, with its masks if it has any."""
    first, last = span
    stored = _stored(run, span)
    upcoming = next(stored, None)
    for frame in readable_frames(video, first, last + 1, {}):
        if frame.index == upcoming:
            yield frame, run[frame.index]
            upcoming = next(stored, None)
        else:
            yield frame, None
        if frame.index == last:
            # What is damaged behind the last stored frame is not part of the run.
            return


def _stored(run: Run, span: tuple[int, int]) -> Iterator[int]:
    """The stored frames from the first to the last; no mask is read."""
    first, last = span
    return (index for index in run.frame_numbers() if first <= index <= last)
