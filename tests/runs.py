"""Run directories that tests write without tracking."""

from vseg.results import RunHeader, SourceFingerprint
from vseg.types import VideoInfo


def header_of(video: VideoInfo, **changes: object) -> RunHeader:
    """The header of a run of nano; `changes` replace what is not as wanted."""
    plain = RunHeader(
        vseg_version="0.1.0",
        model="nano",
        weights_sha256="a" * 64,
        device="cpu",
        dtype="float32",
        source=SourceFingerprint(path=video.source, size=10, sha256="b" * 64),
        video=video,
        shard_frames=8,
    )
    return plain.model_copy(update=changes)
