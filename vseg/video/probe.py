"""What a video file really holds, next to what its header claims: a path in, a `Probe` out.

Without `decode` only packets are read and the last frames tried; with it, every frame is
decoded.
"""

from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from vseg.errors import DamagedVideo
from vseg.video.container import open_file
from vseg.video.file import VideoFile
from vseg.video.pts_index import PtsIndex
from vseg.video.rates import average_rate
from vseg.video.sniff import sniff

HDR_TRANSFERS = (16, 18)  # ITU-T H.273 table 3: PQ (SMPTE ST 2084) and HLG (ARIB STD-B67)


@dataclass(frozen=True, slots=True)
class Probe:
    """One clip, measured.

    height, width: displayed.  frames: by the file's own index; container_frames: by its
    header, None if it makes no claim; decoded_frames: None unless all were decoded.
    edit_list_hides: packets that are decoded but not shown; head_dropped: those before the
    first key frame.  counted_by_decoding: why the time stamps do not tell the order of the
    frames, None if they do.  keyframes: None if not marked; longest_gop: frames that one seek
    may have to decode.  duration_s: first frame to last, plus one frame.  damaged_frame,
    damage: the first frame that cannot be shown and why, None if none.  damaged_frames: how
    many cannot; tail_unreadable: those behind the last that can.  rescaled_frame: the first
    whose image is of another size than the first one.
    """

    path: str
    container: str
    codec: str
    pixel_format: str
    bit_depth: int
    hdr: bool
    height: int
    width: int
    rotation: int
    mirrored: bool
    pixel_aspect: Fraction
    frames: int
    container_frames: int | None
    decoded_frames: int | None
    fps_nominal: Fraction | None
    fps_average: Fraction | None
    variable_rate: bool
    duration_s: float
    start_s: float
    edit_list_hides: int
    head_dropped: int
    counted_by_decoding: str | None
    keyframes: int | None
    longest_gop: int
    damaged_frame: int | None
    damage: str | None
    damaged_frames: int
    tail_unreadable: int
    rescaled_frame: int | None

    def to_json(self) -> dict[str, str | int | float | bool | None]:
        """The same fields in JSON's own types; rates as text such as 30000/1001."""
        return {
            name: str(value) if isinstance(value, Fraction) else value
            for name, value in asdict(self).items()
        }


def probe(path: str | Path, *, decode: bool = False) -> Probe:
    """The facts about a video file.  decode: decode every frame to be sure of the damage.

    Raises BadVideo if the file cannot be read at all.
    """
    with VideoFile(path) as video:
        found = _examine(video, 0 if decode else _last_readable_start(video))
        info = video.info
        index = video.index
    opened = open_file(Path(path), sniff(Path(path)))
    with opened.container:
        pixels = opened.stream.codec_context.format
        return Probe(
            path=str(path),
            container=opened.container.format.name,
            codec=info.codec,
            pixel_format=pixels.name if pixels else "",
            bit_depth=pixels.components[0].bits if pixels else 0,
            hdr=opened.stream.color_trc in HDR_TRANSFERS,
            height=info.height,
            width=info.width,
            rotation=info.rotation,
            mirrored=info.mirrored,
            pixel_aspect=info.pixel_aspect,
            frames=len(index),
            container_frames=opened.stream.frames or None,
            decoded_frames=len(index) - found.damaged if decode else None,
            fps_nominal=info.fps,
            fps_average=average_rate(index),
            variable_rate=info.variable_rate,
            duration_s=_duration_s(index, info.fps),
            start_s=float(int(index.pts[0]) * index.time_base),
            edit_list_hides=index.discarded,
            head_dropped=index.head_dropped,
            counted_by_decoding=index.by_order,
            keyframes=len(index.keyframes) or None,
            longest_gop=_longest_gop(index),
            damaged_frame=found.first.frame_index if found.first else None,
            damage=found.first.reason if found.first else None,
            damaged_frames=found.damaged,
            tail_unreadable=found.tail,
            rescaled_frame=found.rescaled,
        )


@dataclass(slots=True)
class _Examined:
    """What decoding met: the first damage, how many frames are damaged, how many of these end
    the clip, and the first frame of another size.
    """

    first: DamagedVideo | None = None
    damaged: int = 0
    tail: int = 0
    rescaled: int | None = None


def _examine(video: VideoFile, start: int) -> _Examined:
    """Every image from `start` to the end decoded."""
    found = _Examined()
    size: tuple[int, int] | None = None
    place = start
    while place < len(video):
        try:
            for image in video.images(place):
                size = size or (image.height, image.width)
                if found.rescaled is None and (image.height, image.width) != size:
                    found.rescaled = place
                place += 1
                found.tail = 0
        except DamagedVideo as damage:
            found.first = found.first or damage
            lost = int(damage.frame_index < len(video))
            found.damaged += lost
            found.tail += lost
            place = damage.frame_index + 1
    return found


def _last_readable_start(video: VideoFile) -> int:
    """The last frame that a key frame begins and that can be shown; the first frame if none
    is.
    """
    starts = np.searchsorted(video.index.pts, video.index.keyframes)
    for start in starts[(starts > 0) & (starts < len(video))][::-1]:
        if not video.index.by_order and _readable(video, int(start)):
            return int(start)
    return 0


def _readable(video: VideoFile, index: int) -> bool:
    try:
        video.read(index)
    except DamagedVideo:
        return False
    return True


def _duration_s(index: PtsIndex, fps: Fraction | None) -> float:
    return index.time_s(len(index) - 1) + (float(1 / fps) if fps else 0.0)


def _longest_gop(index: PtsIndex) -> int:
    starts = np.searchsorted(index.pts, index.keyframes)
    bounds = np.unique(np.concatenate([[0], starts, [len(index)]]))
    return int(np.diff(bounds).max())
