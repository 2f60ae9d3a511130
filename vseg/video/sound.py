"""The sound of a video file on the clock of its frames.

Enters: an open file, and a stretch of time counted from its first displayed frame.  Leaves:
16-bit stereo samples of exactly that stretch, silence where the file has none.  Sound and
frames belong together by their time stamps: a file whose frames have none, or come at no even
rate, which playback by frame numbers cannot keep, has no sound here.
"""

import io
import wave
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from av import AudioFrame, AudioResampler
from av.error import FFmpegError
from jaxtyping import Int16

from vseg.video.container import open_file
from vseg.video.file import VideoFile
from vseg.video.sniff import sniff

_BEFORE_S = 1.0
"""Decoded before the stretch: codecs need some frames to settle, AAC and Opus below 0.1 s."""
_JOINED_S = 0.02
"""Blocks whose time stamps are less apart than this follow each other: containers round them,
Matroska to milliseconds."""


@dataclass(frozen=True, slots=True)
class SoundStretch:
    """rate: samples a second."""

    rate: int
    samples: Int16[np.ndarray, "N 2"]

    def wav(self) -> bytes:
        """As a WAV file."""
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(2)
            out.setframerate(self.rate)
            out.writeframes(self.samples.astype("<i2").tobytes())
        return file.getvalue()


def has_sound(video: VideoFile) -> bool:
    """Whether there is sound that belongs to the frames."""
    if video.index.by_order or video.info.variable_rate:
        return False
    with open_file(video.path, sniff(video.path)).container as container:
        return len(container.streams.audio) > 0


def read_sound(video: VideoFile, first_s: float, seconds: float) -> SoundStretch:
    """The sound from `first_s` on, of a file that has some.  What cannot be decoded is
    silent.
    """
    zero = float(int(video.index.pts[0]) * video.index.time_base)
    start = zero + first_s
    with open_file(video.path, sniff(video.path)).container as container:
        stream = container.streams.audio[0]
        rate = stream.rate
        samples = np.zeros((round(seconds * rate), 2), dtype=np.int16)
        resampler = AudioResampler(format="s16", layout="stereo", rate=rate)
        if start > _BEFORE_S:
            container.seek(int((start - _BEFORE_S) * 1_000_000))
        at: int | None = None
        for block in _blocks(container.decode(stream)):
            for even in resampler.resample(block):
                stamped = round(((even.time or 0.0) - start) * rate)
                if at is None or abs(stamped - at) > _JOINED_S * rate:
                    at = stamped
                new = even.to_ndarray().reshape(-1, 2)
                _put(samples, at, new)
                at += len(new)
            if at is not None and at >= len(samples):
                break
    return SoundStretch(rate, samples)


def _blocks(decoded: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    """The blocks with a time stamp, up to an error."""
    try:
        yield from (block for block in decoded if block.pts is not None)
    except FFmpegError:
        return


def _put(samples: Int16[np.ndarray, "N 2"], at: int, new: Int16[np.ndarray, "M 2"]) -> None:
    """Write what of a block lies within the stretch."""
    first = max(at, 0)
    end = min(at + len(new), len(samples))
    if first < end:
        samples[first:end] = new[first - at : end - at]
