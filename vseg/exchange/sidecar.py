"""vseg_export.json: what was exported, from which run, so that an import knows it again.

Enters: the masks that were written.  Leaves: a small file: the run and its revision, the
clip's fingerprint, which frames, which objects, and one hash for each object's masks.  It does
not grow with the clip: frames are stored as ranges.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from vseg import __version__
from vseg.errors import BadExchange
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import SIDECAR, MaskSequence
from vseg.ops.codec import encode_mask
from vseg.results.run import Run


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Origin(_Stored):
    """The run that masks are from.  created: when, as text, which names it.  fingerprint: of
    the clip.  settings: how it was exported.
    """

    run: str
    created: str
    revision: int
    fingerprint: str
    settings: dict[str, str | int | float] = {}


class ExportedObject(_Stored):
    """frames: on how many it has a mask.  sha256: of all its masks with their frames."""

    id: int
    label: str | None
    frames: int
    sha256: str


class Sidecar(_Stored):
    """The whole file.  frames: ranges of first, end and step."""

    vseg_version: str
    format: str
    clip: str
    height: int
    width: int
    origin: Origin
    frames: list[tuple[int, int, int]]
    objects: list[ExportedObject]

    def covers(self, frame: int) -> bool:
        """Whether a frame was exported."""
        return any(frame in range(*bounds) for bounds in self.frames)


class MaskDigest:
    """Hashes masks as they pass by."""

    def __init__(self) -> None:
        self.frames: dict[int, int] = {}
        self._hashes: dict[int, hashlib._Hash] = {}

    def add(self, frame: FrameMasks) -> None:
        """Take the masks of one more frame."""
        for obj in frame:
            crop = frame.crop(obj)
            if crop.area:
                place = f"{frame.frame_index} {crop.xywh} ".encode("ascii")
                digest = self._hashes.setdefault(obj, hashlib.sha256())
                digest.update(place + encode_mask(crop))
                self.frames[obj] = self.frames.get(obj, 0) + 1

    def of(self, obj: int) -> str:
        """The hash of an object's masks, in hex."""
        return self._hashes.get(obj, hashlib.sha256()).hexdigest()


def origin_of(run: Run, settings: dict[str, str | int | float] | None = None) -> Origin:
    """Where the masks of a run are from."""
    return Origin(
        run=str(run.path),
        created=run.header.created.isoformat(),
        revision=run.revision,
        fingerprint=run.header.source.sha256,
        settings=settings or {},
    )


def sidecar_text(
    masks: MaskSequence, format_name: str, origin: Origin, digest: MaskDigest
) -> str:
    """The file's content for masks that were written."""
    objects = [
        ExportedObject(
            id=obj,
            label=masks.labels.get(obj),
            frames=digest.frames.get(obj, 0),
            sha256=digest.of(obj),
        )
        for obj in masks.object_ids
    ]
    sidecar = Sidecar(
        vseg_version=__version__,
        format=format_name,
        clip=masks.name,
        height=masks.video.height,
        width=masks.video.width,
        origin=origin,
        frames=frame_ranges(masks.frame_numbers()),
        objects=objects,
    )
    return sidecar.model_dump_json(indent=1) + "\n"


def read_sidecar(path: Path) -> Sidecar | None:
    """The sidecar of a file or folder that was exported; None where it has none.

    Raises BadExchange for one that cannot be read.
    """
    place = path / SIDECAR if path.is_dir() else path.with_name(f"{path.name}.{SIDECAR}")
    if not place.is_file():
        return None
    try:
        return Sidecar.model_validate_json(place.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "the file"
        raise BadExchange(
            f"{place}: {name}: {first['msg']}", hint="delete it to import without it"
        ) from error


def frame_ranges(frames: Iterable[int]) -> list[tuple[int, int, int]]:
    """Ascending numbers as ranges of first, end and step."""
    ranges: list[tuple[int, int, int]] = []
    for frame in frames:
        if ranges and _follows(ranges[-1], frame):
            first, end, step = ranges[-1]
            step = frame - first if end == first + 1 else step
            ranges[-1] = (first, frame + 1, step)
        else:
            ranges.append((frame, frame + 1, 1))
    return ranges


def _follows(bounds: tuple[int, int, int], frame: int) -> bool:
    first, end, step = bounds
    return end == first + 1 or frame == end - 1 + step
