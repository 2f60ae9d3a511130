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
    first key frame.  keyframes: None if not marked; longest_gop: frames that one seek may have
    to decode.  duration_s: first frame to last, plus one frame.  damaged_frame, damage: the
    first frame that cannot be shown and why, None if none.  tail_unreadable: frames of the
    index from there on.
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
    counted_by_decoding: bool
    keyframes: int | None
    longest_gop: int
    damaged_frame: int | None
    damage: str | None
    tail_unreadable: int

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
        damage = _first_damage(video, 0 if decode else _last_readable_start(video))
        info = video.info
        index = video.index
    first_bad = damage.frame_index if damage else None
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
            frames=len(index),
            container_frames=opened.stream.frames or None,
            decoded_frames=(len(index) if first_bad is None else first_bad)
            if decode
            else None,
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
            damaged_frame=first_bad,
            damage=damage.reason if damage else None,
            tail_unreadable=0 if first_bad is None else len(index) - first_bad,
        )


def _first_damage(video: VideoFile, start: int) -> DamagedVideo | None:
    """The damage that reading from `start` to the end meets."""
    try:
        for _ in video.images(start):
            pass
    except DamagedVideo as damage:
        return damage
    return None


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
