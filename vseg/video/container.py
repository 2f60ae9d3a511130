"""Opening one local file for demuxing and decoding, or one typed error that says why not.

In: a path.  Out: an open PyAV container and its video stream, limited to the local file itself
(`protocol_whitelist=file`, an explicit `file:` address, known demuxers only, a cap on the
image size).
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.container import InputContainer
from av.error import ExitError, FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vseg.errors import BadVideo
from vseg.video.sniff import Sniffed
from vseg.weights.threads import thread_limit

SILENT = "nothing came within the time limit"
"""Why a source cannot be opened that says nothing."""

MAX_PIXELS = 8192 * 8192
# The stubs know packets as generic, the class itself does not.
if TYPE_CHECKING:
    VideoPacket = Packet[VideoStream]
else:
    VideoPacket = Packet
FORMATS = {"mp4": "mov", "matroska": "matroska", "mpegts": "mpegts", "avi": "avi"}
# Demuxers that read one file and nothing else; playlist, concat and image-sequence demuxers
# are not here.
DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,avi,flv,ogg,asf,mxf,nut,ivf,gif,apng,"
    "yuv4mpegpipe,h264,hevc,av1,obu,mpegvideo,m4v,dv,rm,wtv,webp_pipe,aac,mp3,wav,flac"
)
VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".3gp", ".mkv", ".webm", ".ogv", ".avi", ".wmv", ".flv"),
    *(".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".mxf", ".gif", ".vob", ".dv", ".asf", ".3g2"),
    *(".h264", ".264", ".h265", ".265", ".hevc", ".m2v", ".obu", ".ivf", ".y4m", ".nut"),
)
"""Of the files in a folder that are taken for clips, in small letters; what a file is is known
by its content."""
# Without it an image with wrong bytes is shown as if it were whole: by Motion JPEG always, by
# HEVC where the stream holds hashes of its images (ITU-T H.265 §D.3.19).  Most streams hold
# none: then three of 24 images with a dozen wrong bytes are refused.
_ERR_DETECT = {
    "mjpeg": {"err_detect": "explode"},
    "hevc": {"err_detect": "crccheck+explode"},
}


@dataclass(frozen=True, slots=True)
class OpenFile:
    """An open container, its video stream, and the seconds in one tick of the time stamps.

    checking: a decoder to use in place of the stream's own, which shows wrong bytes as if they
    were none.
    """

    container: InputContainer
    stream: VideoStream
    time_base: Fraction
    checking: VideoCodecContext | None = None

    def decode(self, packet: VideoPacket | None) -> list[VideoFrame]:
        """The images that a packet brings; None empties the decoder."""
        return (self.checking or self.stream).decode(packet)

    def flush(self) -> None:
        """Drop what the decoder holds, after a seek."""
        if self.checking is not None:
            self.checking.flush_buffers()

    @property
    def rate(self) -> Fraction | None:
        """The rate the container or codec declares, images a second."""
        return self.stream.guessed_rate or self.stream.average_rate


def open_file(path: Path, sniffed: Sniffed, max_pixels: int = MAX_PIXELS) -> OpenFile:
    """`path` opened, its first real video stream chosen.

    sniffed: what it is by its first bytes; no demuxer is chosen by the file's name.
    max_pixels: largest allowed width x height, checked before an image is decoded.  Raises
    BadVideo: unreadable, no video stream, image too large, no decoder for its codec.
    """
    options = {"protocol_whitelist": "file", "format_whitelist": DEMUXERS}
    try:
        container = av.open(
            f"file:{path}",
            "r",
            format=FORMATS.get(sniffed.kind),
            options=options,
            metadata_errors="replace",
        )
    except (FFmpegError, ValueError) as error:
        raise BadVideo(
            f"{path}: not a readable video: {reason_of(error)}",
            hint="check with: vseg probe, or convert it to mp4 (H.264)",
        ) from error
    return choose_stream(container, str(path), max_pixels)


def choose_stream(container: InputContainer, name: str, max_pixels: int) -> OpenFile:
    """The first real video stream of an open container, which is closed if there is none fit.

    name: for messages.  Raises BadVideo.
    """
    try:
        stream = _video_stream(name, container, max_pixels)
        if stream.time_base is None:
            raise BadVideo(f"{name}: its video stream has no clock")
        return OpenFile(container, stream, stream.time_base, _checking(stream))
    except BaseException:
        container.close()
        raise


def reason_of(error: Exception) -> str:
    """The library's reason without the file name, which may hold credentials."""
    if isinstance(error, ExitError):
        return SILENT
    return (getattr(error, "strerror", None) or str(error)).lower()


def _video_stream(name: str, container: InputContainer, max_pixels: int) -> VideoStream:
    # Cover art of a sound file is a video stream of one image: not a video.
    streams = [
        s for s in container.streams.video if not s.disposition & Disposition.attached_pic
    ]
    if not streams:
        what = "only sound" if container.streams.audio else "no stream that can be decoded"
        raise BadVideo(f"{name}: no video stream, {what}", hint="give a file with images")
    stream = streams[0]
    if stream.codec_context is None:
        raise BadVideo(
            f"{name}: no decoder for its video codec", hint="convert it to mp4 (H.264)"
        )
    check_pixels(name, stream.height, stream.width, max_pixels)
    # One thread an image: the decode runs beside the model, whose own threads fill the cores.
    # Threads over frames cost as much per frame and make every seek wait for a filled
    # pipeline.
    stream.thread_type = "SLICE"
    # 0 leaves the number to the decoder.  Of H.264 it is 1: with threads over slices the
    # library checks no error (`enable_er`), and shows what its buffers held before.
    threads = 1 if stream.codec_context.name == "h264" else thread_limit() or 0
    stream.codec_context.thread_count = threads
    detected = _ERR_DETECT.get(stream.codec_context.name, {})
    stream.codec_context.options = {"max_pixels": str(max_pixels), **detected}
    return stream


def _checking(stream: VideoStream) -> VideoCodecContext | None:
    """libvpx for VP9 of 8 bits: FFmpeg's own decoder checks nothing of what it reads, and
    libvpx, as fast and with the same pixels, refuses an image of 24 in 24 with a dozen wrong
    bytes.  None for all other streams.
    """
    own = stream.codec_context
    pixels = own.format
    if own.name != "vp9" or "libvpx-vp9" not in av.codecs_available:
        return None
    if pixels is None or pixels.components[0].bits != 8:  # libvpx may be built without others
        return None
    checking = VideoCodecContext.create("libvpx-vp9", "r")
    checking.extradata = own.extradata
    checking.options = own.options
    checking.thread_count = own.thread_count
    return checking


def check_pixels(name: str, height: int, width: int, max_pixels: int) -> None:
    """Raise BadVideo if an image of this size is over the cap."""
    if height * width > max_pixels:
        raise BadVideo(
            f"{name}: images of {width}x{height} are over the limit of {max_pixels} pixels",
            hint="scale the video down first",
        )
