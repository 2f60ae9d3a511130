"""Small video files, each awkward in one way, with the frame's number painted into every
image.

What enters: a path and what shall be wrong with the clip.  What leaves: the file, made with
PyAV.  The number is a row of black and white blocks along the top edge, so that it survives
lossy codecs, and a wrong frame or a wrong orientation reads as another number or as none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream
from jaxtyping import Int16

from vseg.errors import DamagedVideo
from vseg.video.file import VideoFile

BITS = 10
HEIGHT = 64
WIDTH = 96


def paint(number: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """An RGB uint8 image (H, W, 3): blocks 1, 0 and the ten bits of `number` along the top."""
    image = np.full((height, width, 3), 96, dtype=np.uint8)
    image[height // 2 :, :, 0] = 160 + (number % 8) * 8
    block = width // (BITS + 2)
    bits = [1, 0, *((number >> bit) & 1 for bit in range(BITS))]
    for place, bit in enumerate(bits):
        image[: height // 3, place * block : (place + 1) * block] = 235 if bit else 16
    return image


def painted(image: np.ndarray) -> int:
    """The number painted into `image`, or -1 where the leading 1, 0 blocks are not in
    place.
    """
    height, width = image.shape[:2]
    block = width // (BITS + 2)
    row = image[height // 6, :, 1]
    bits = [int(row[place * block + block // 2] > 125) for place in range(BITS + 2)]
    levels = [int(row[block // 2]), int(row[block + block // 2])]
    if bits[:2] != [1, 0] or levels[0] < 190 or levels[1] > 60:
        return -1
    return sum(bit << place for place, bit in enumerate(bits[2:]))


def readable(video: VideoFile) -> tuple[list[int], list[int]]:
    """The numbers of the frames that can be read in order, and those that cannot."""
    good: list[int] = []
    bad: list[int] = []
    place = 0
    while place < len(video):
        try:
            for frame in video.frames(place):
                good.append(frame.index)
                place = frame.index + 1
        except DamagedVideo as damage:
            bad.append(damage.frame_index)
            place = damage.frame_index + 1
    return good, bad


@dataclass(frozen=True)
class Recipe:
    """How a clip is encoded.  times: PTS in 1/90 of a second or None for 30 per second."""

    num_frames: int = 40
    height: int = HEIGHT
    width: int = WIDTH
    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    rate: Fraction = Fraction(30)
    container: str | None = None
    times: Sequence[int] | None = None
    rotation: int = 0
    mirrored: bool = False
    pixel_aspect: Fraction | None = None
    options: dict[str, str] = field(
        default_factory=lambda: {"g": "12", "bf": "2", "crf": "12", "sc_threshold": "0"}
    )
    mux: dict[str, str] = field(default_factory=dict)


def write_clip(path: Path, recipe: Recipe | None = None) -> Path:
    """Encode the painted numbers 0 .. num_frames - 1 into `path`."""
    r = recipe or Recipe()
    with av.open("file:" + str(path), "w", format=r.container, options=r.mux) as out:
        stream = cast(VideoStream, out.add_stream(r.codec, rate=r.rate, options=r.options))
        turned = r.rotation % 180 != 0
        stream.width, stream.height = (r.height, r.width) if turned else (r.width, r.height)
        stream.pix_fmt = r.pix_fmt
        time_base = Fraction(1, 90) if r.times else 1 / r.rate
        stream.codec_context.time_base = time_base
        if r.pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = r.pixel_aspect
        if r.rotation or r.mirrored:
            stream.set_display_rotation(r.rotation, hflip=r.mirrored)
        out.start_encoding()
        for number in range(r.num_frames):
            upright = paint(number, r.height, r.width)
            stored = np.ascontiguousarray(np.rot90(upright, -(r.rotation // 90)))
            frame = av.VideoFrame.from_ndarray(stored, format="rgb24")
            frame.pts = r.times[number] if r.times else number
            frame.time_base = time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def remux(
    source: Path, target: Path, edit: Callable[[int, "Packet[VideoStream]"], bool]
) -> Path:
    """Copy the packets of `source`; `edit(position, packet)` may change one, or drop it
    (False).
    """
    with av.open(str(source)) as given, av.open(str(target), "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for position, packet in enumerate(given.demux(given.streams.video[0])):
            if packet.size and edit(position, packet):
                packet.stream = stream
                out.mux(packet)
    return target


def write_damaged(path: Path, num_frames: int = 36) -> Path:
    """A clip in which half of frame 16 is noise: 16 to 23 cannot be read."""
    plain = {"g": "12", "bf": "0", "crf": "12", "sc_threshold": "0"}
    whole = write_clip(
        path.with_name("whole-" + path.name), Recipe(num_frames=num_frames, options=plain)
    )

    def spoil(place: int, packet: "Packet[VideoStream]") -> bool:
        if place == 16:
            content = bytearray(bytes(packet))
            middle = len(content) // 2
            content[middle:] = np.random.default_rng(5).bytes(len(content) - middle)
            packet.update(bytes(content))
        return True

    return remux(whole, path, spoil)


def write_edit_list(path: Path, skipped: int = 7, recipe: Recipe | None = None) -> Path:
    """An mp4 whose first `skipped` frames are decoded but, by its edit list, not shown."""
    whole = write_clip(path.with_name("whole-" + path.name), recipe)

    def shift(_: int, packet: "Packet[VideoStream]") -> bool:
        assert packet.pts is not None and packet.dts is not None and packet.duration
        packet.pts -= skipped * packet.duration
        packet.dts -= skipped * packet.duration
        return True

    return remux(whole, path, shift)


def write_resized(path: Path, first: int = 12, second: int = 12) -> Path:
    """An MPEG-TS whose image size halves after `first` frames."""
    plain = {"g": "12", "bf": "0", "crf": "12"}
    big = write_clip(path.with_name("big.ts"), Recipe(num_frames=first, options=plain))
    small = Recipe(num_frames=second, height=HEIGHT // 2, width=WIDTH // 2, options=plain)
    with av.open(str(write_clip(path.with_name("small.ts"), small))) as given:
        packets = [bytes(p) for p in given.demux(given.streams.video[0]) if p.size]
    with av.open(str(big)) as given, av.open(str(path), "w", format="mpegts") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        last = 0
        for packet in given.demux(given.streams.video[0]):
            if packet.size:
                last = max(last, packet.pts or 0)
                packet.stream = stream
                out.mux(packet)
        for position, payload in enumerate(packets):
            late: Packet[Stream] = Packet(payload)
            late.stream, late.time_base = stream, Fraction(1, 90000)
            late.pts = late.dts = last + 3000 * (position + 1)
            out.mux(late)
    return path


def write_audio(path: Path) -> Path:
    """A clip with a sound track and no image."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=8000)
        for position in range(8):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            frame.sample_rate = 8000
            frame.pts = position * 1024
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def cut(source: Path, target: Path, keep: float) -> Path:
    """The first `keep` (0 to 1) of the bytes of `source`: a download that broke off."""
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * keep)])
    return target


def add_sound(
    source: Path, target: Path, samples: Int16[np.ndarray, "N 2"], codec: str = "pcm_s16le"
) -> Path:
    """The clip with a sound track of 48 kHz that begins with its first frame."""
    with av.open(str(source)) as given, av.open(str(target), "w") as out:
        video = out.add_stream_from_template(given.streams.video[0])
        sound = out.add_stream(codec, rate=48_000)
        assert isinstance(sound, AudioStream)
        sound.layout = "stereo"
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is not None:
                packet.stream = video
                out.mux(packet)
        block = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="stereo")
        block.sample_rate = 48_000
        block.pts = 0
        out.mux(sound.encode(block))
        out.mux(sound.encode())
    return target
