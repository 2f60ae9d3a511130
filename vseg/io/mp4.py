"""RGB frames in, one finished mp4 out: H.264, yuv420p, index first, so that any browser plays
it.

4:2:0 chroma needs even sides, so an odd frame gains a copy of its last column or row.  Colours
are converted with the BT.709 matrix and tagged as such; left untagged, players guess from the
height and their guesses differ.  The file has its final name only once it is complete.
"""

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)
from av.video.stream import VideoStream
from jaxtyping import UInt8

from vseg.errors import OutputError
from vseg.io.files import atomic_path
from vseg.ops.frame_rate import written_rate
from vseg.types import SQUARE

# The clock of MPEG; 24, 25, 30 and 60 frames a second and their 1000/1001 are whole in it.
TICKS_PER_S = 90_000


class Mp4Writer:
    """Writes frames of one size in the order of the calls, at a constant rate or each at its
    time.

    `with Mp4Writer(path, height, width, fps) as mp4: mp4.write(image)`.  If the block raises,
    nothing new is left under `path`.  Memory does not grow with the number of frames.  fps:
    the rate; with `timed`, where every frame has a time of its own, about the rate.  crf: 0
    (lossless) to 51.  pixel_aspect: width of a pixel by its height.  Raises OutputError when
    the system refuses a write, when a frame has another size, or when none was written.
    """

    def __init__(  # noqa: PLR0913 - what a file of frames is, by keyword
        self,
        path: Path,
        height: int,
        width: int,
        fps: Fraction | float | int,
        *,
        crf: int = 23,
        timed: bool = False,
        pixel_aspect: Fraction = SQUARE,
    ) -> None:
        self.path = path
        self.height = height
        self.width = width
        self.fps = written_rate(fps)
        self.frames_written = 0
        self._tick = Fraction(1, TICKS_PER_S) if timed else 1 / self.fps
        self._start_s: float | None = None
        self._latest = -1
        # One for all frames: a scaler is set up once, not for every frame.
        self._to_420 = VideoReformatter()
        self._pixel_aspect = pixel_aspect
        self._options = {"crf": str(crf), "preset": "veryfast"}
        self._target = atomic_path(path)
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None

    def __enter__(self) -> "Mp4Writer":
        part = self._target.__enter__()
        try:
            self._container = av.open(
                str(part), "w", format="mp4", options={"movflags": "+faststart"}
            )
            self._stream = self._add_stream(self._container)
        except (OSError, av.FFmpegError) as error:
            self._abandon()
            raise self._refused(error) from error
        return self

    def write(self, image: UInt8[np.ndarray, "H W 3"], time_s: float | None = None) -> None:
        """Encode one RGB frame of the writer's size.

        time_s: when it is shown, ascending from frame to frame; the first is shown at once.
        Left out, it follows the frame before at the constant rate.
        """
        if self._container is None or self._stream is None:
            raise OutputError(
                f"{self.path}: the mp4 is not open", hint="write inside its `with` block"
            )
        if image.shape[:2] != (self.height, self.width):
            raise OutputError(
                f"{self.path}: frame {self.frames_written} is "
                f"{image.shape[1]}x{image.shape[0]}, "
                f"the mp4 was opened for {self.width}x{self.height}",
                hint="resize the frame, or open one mp4 per size",
            )
        try:
            frame = self._to_yuv(image)
            frame.pts = self._next_tick(time_s)
            frame.time_base = self._tick
            self._container.mux(self._stream.encode(frame))
        except (OSError, av.FFmpegError) as error:
            raise self._refused(error) from error
        self.frames_written += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._abandon()
            return
        if self.frames_written == 0:
            self._abandon()
            raise OutputError(
                f"{self.path}: no frame was written", hint="an mp4 needs at least one"
            )
        try:
            self._finish()
        except (OSError, av.FFmpegError) as refusal:
            self._abandon()
            raise self._refused(refusal) from refusal
        self._target.__exit__(None, None, None)

    def _add_stream(self, container: OutputContainer) -> VideoStream:
        stream = container.add_stream("libx264", rate=self.fps, options=self._options)
        stream.height = self.height + self.height % 2
        stream.width = self.width + self.width % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = self._tick
        context.sample_aspect_ratio = self._pixel_aspect
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        return stream

    def _to_yuv(self, image: UInt8[np.ndarray, "H W 3"]) -> av.VideoFrame:
        if self.height % 2 or self.width % 2:
            image = np.pad(
                image, ((0, self.height % 2), (0, self.width % 2), (0, 0)), mode="edge"
            )
        rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        return self._to_420.reformat(
            rgb,
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            dst_color_trc=ColorTrc.BT709,
            dst_color_primaries=ColorPrimaries.BT709,
            interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND,
        )

    def _next_tick(self, time_s: float | None) -> int:
        if time_s is None:
            ticks = self._latest + 1
        else:
            self._start_s = time_s if self._start_s is None else self._start_s
            ticks = round((time_s - self._start_s) / self._tick)
        # Times closer than a tick still are two frames.
        self._latest = max(ticks, self._latest + 1)
        return self._latest

    def _finish(self) -> None:
        """Drain the encoder and write the index."""
        assert self._container is not None and self._stream is not None
        self._container.mux(self._stream.encode(None))
        container = self._container
        self._container = None
        container.close()

    def _abandon(self) -> None:
        """Close what is open and remove the unfinished file."""
        container = self._container
        self._container = None
        if container is not None:
            # The file is about to be removed; the error that led here is the one to report.
            with suppress(OSError, av.FFmpegError):
                container.close()
        # A caller's own OSError must not be taken for a failed write: throw in something else.
        abandoned = _Abandoned()
        self._target.__exit__(_Abandoned, abandoned, None)

    def _refused(self, error: OSError | av.FFmpegError) -> OutputError:
        return OutputError(
            f"cannot write {self.path}: {error.strerror or error}",
            hint="check the folder's permissions and free space (df -h), or give another path",
        )


class _Abandoned(Exception):
    """Tells the atomic file that its writer gave up."""
