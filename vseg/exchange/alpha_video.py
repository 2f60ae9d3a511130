"""Video with transparency for editing: a file for each object, white where its mask is.

`prores`: 2.mov, ProRes 4444, for video editors.  `ffv1`: 2.mkv, FFV1, without loss.  Frames
have the times of a constant rate, the first stored frame at its own; a frame without a mask is
transparent.  Alpha of a half and more is the mask.  Nothing is lost but labels and scores;
ProRes rounds alpha, but not past a half.
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from jaxtyping import UInt8

from vseg.errors import BadExchange, OutputError
from vseg.exchange.file_rows import located
from vseg.exchange.label_files import inside
from vseg.exchange.spool import MaskSpool, on_every_frame
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.io.files import is_hidden
from vseg.ops.frame_rate import written_rate
from vseg.types import UNKNOWN_FPS, MaskCrop, VideoInfo

_HALF = 128
_DAMAGE = (av.FFmpegError, UnicodeDecodeError, AttributeError)
"""What PyAV raises: a stream without a decoder has no size, and names may be no UTF-8."""


class AlphaVideoFormat(MaskFormat):
    """A folder of videos named by object id."""

    folder = True

    def __init__(self, name: str, suffix: str, codec: str, pixels: str) -> None:
        self.name = name
        self.suffix = suffix
        self._codec = codec
        self._pixels = pixels

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the folder.  Raises OutputError where FFmpeg refuses."""
        with MaskSpool.of(masks) as spool:
            for obj in spool.object_ids:
                try:
                    self._write_object(spool, obj, path / f"{obj}{self.suffix}")
                except av.FFmpegError as error:
                    raise OutputError(f"cannot write object {obj}: {error}") from error

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give every frame of every video."""
        if not path.is_dir():
            raise BadExchange(f"{path} is not a folder", hint="give the folder of videos")
        found = sorted(path.glob(f"*{self.suffix}"))
        for file in (each for each in found if not is_hidden(each.name)):
            if not file.stem.isdecimal():
                raise BadExchange(
                    f"{file} is not named by an object id", hint=f"name it 1{self.suffix}"
                )
            try:
                self._read_object(inside(path, file), sink)
            except _DAMAGE as error:
                raise BadExchange(f"{file} cannot be read: {error}") from error

    def _write_object(self, spool: MaskSpool, obj: int, path: Path) -> None:
        video = spool.video
        # Without it Matroska has a random number.
        with av.open(str(path), "w", options={"fflags": "bitexact"}) as container:
            stream = container.add_stream(self._codec, rate=_rate(video))
            assert isinstance(stream, VideoStream)
            stream.height = video.height
            stream.width = video.width
            stream.pix_fmt = self._pixels
            stream.codec_context.time_base = 1 / _rate(video)
            # Matroska would have it from the stream, where PyAV does not set it.
            stream.codec_context.sample_aspect_ratio = video.pixel_aspect
            frames = spool.frame_numbers()
            for frame, crop in zip(frames, on_every_frame(spool, obj), strict=True):
                image = _image(crop, video)
                shown = av.VideoFrame.from_ndarray(image, format="rgba")
                shown = shown.reformat(format=self._pixels)
                shown.pts = frame
                shown.time_base = 1 / _rate(video)
                container.mux(stream.encode(shown))
            container.mux(stream.encode(None))

    def _read_object(self, file: Path, sink: MaskSink) -> None:
        rate = _rate(sink.video)
        with av.open(str(file)) as container:
            streams = container.streams.video
            if not streams:
                raise BadExchange(f"{file} has no video")
            _check_size(file, streams[0], sink.video)
            for shown in container.decode(streams[0]):
                if shown.pts is None or shown.time_base is None:
                    raise BadExchange(f"{file} has a frame without a time")
                frame = round(shown.pts * shown.time_base * rate)
                alpha = shown.to_ndarray(format="rgba")[..., 3]
                with located(f"{file}, frame {frame}"):
                    sink.add(frame, int(file.stem), MaskCrop.of(alpha >= _HALF))


def _rate(video: VideoInfo) -> Fraction:
    return written_rate(video.fps or UNKNOWN_FPS)


def _image(crop: MaskCrop | None, video: VideoInfo) -> UInt8[np.ndarray, "H W 4"]:
    """White, opaque where the mask is."""
    image = np.full((video.height, video.width, 4), 255, dtype=np.uint8)
    image[..., 3] = 0
    if crop is not None:
        x1, y1, x2, y2 = crop.xyxy
        image[y1:y2, x1:x2, 3] = crop.mask * np.uint8(255)
    return image


def _check_size(file: Path, stream: VideoStream, video: VideoInfo) -> None:
    if (stream.height, stream.width) != (video.height, video.width):
        raise BadExchange(
            f"{file} is {stream.width}x{stream.height}, the clip {video.width}x{video.height}",
            hint="is this the file of another clip?",
        )
