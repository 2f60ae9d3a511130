"""What goes over the wire: the service and its client share these values.

Pixels are those of the displayed frame, frames are counted from 0, ranges are half-open and
masks are COCO run lengths.  Prompts are the records of `prompts.jsonl`.
"""

from datetime import datetime
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool
from pydantic import BaseModel, ConfigDict, Field

from vseg.checked_settings import Settings
from vseg.config import DirectionName, IdentitySettings, MemorySettings
from vseg.ops.rle import decode_rle, encode_rle
from vseg.prompts.codec import PromptRecord
from vseg.types import LAST_OBJECT_ID, MaskCrop

ObjectId = Annotated[int, Field(ge=1, le=LAST_OBJECT_ID)]
FrameIndex = Annotated[int, Field(ge=0, lt=1 << 40)]
VideoId = Annotated[str, Field(pattern="^[0-9a-f]{12}$")]
Phrase = Annotated[str, Field(min_length=1, max_length=200)]


class Value(BaseModel):
    """Base of all values: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(Value):
    """Why a request was refused (RFC 9457); hint: what to do next."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None


class VideoEntry(Value):
    """A clip under the root.  path: relative to it.  version: another one once it is
    replaced.
    """

    id: str
    path: str
    version: str


class VideoFacts(VideoEntry):
    """An opened clip.  fps: None if the file does not say."""

    height: int
    width: int
    frames: int
    fps: float | None
    codec: str
    rotation: int
    variable_rate: bool


class VideoList(Value):
    """next: what to send as `after` for the rest; None at the end."""

    videos: list[VideoEntry]
    next: str | None


class ObjectMask(Value):
    """The mask of an object on a frame.  box: x1, y1, x2, y2, right and bottom exclusive, all
    0 where the mask is empty.  size: height, width.  counts: COCO run lengths.
    """

    object: int
    visible: bool
    score: float
    box: tuple[int, int, int, int]
    size: tuple[int, int]
    counts: str

    def crop(self) -> MaskCrop:
        """The mask cut to its box.  Raises BadMask."""
        return decode_rle(self.counts, *self.size)

    def mask(self) -> Bool[np.ndarray, "H W"]:
        """The mask at video size.  Raises BadMask."""
        return self.crop().paste(*self.size)

    @staticmethod
    def of(
        object_id: int, crop: MaskCrop, size: tuple[int, int], score: float
    ) -> "ObjectMask":
        """The value of a mask; one that is empty is of an object that is not visible."""
        return ObjectMask(
            object=object_id,
            visible=crop.area > 0,
            score=score,
            box=crop.xyxy,
            size=size,
            counts=encode_rle(crop, *size),
        )


class FrameAnswer(Value):
    """The masks of a frame, by ascending object."""

    frame: int
    time_s: float
    masks: list[ObjectMask]


class FrameReference(Value):
    """A frame of a clip under the root: the image of an exemplar."""

    video: VideoId
    frame: FrameIndex


class SessionRequest(Value):
    """Begin a session on a clip."""

    video: VideoId
    memory: MemorySettings = MemorySettings()
    identity: IdentitySettings = IdentitySettings()


class SessionObject(Value):
    """An object of a session, and where it was prompted."""

    id: int
    prompted_frames: list[int]


class Resumption(Value):
    """A propagation that did not come to its end: `resume` goes on with it."""

    next_frame: int
    until: int | None
    reverse: bool
    objects: list[int]


class SessionFacts(Value):
    """A session.  unfinished: what a `resume` would do, None if there is nothing."""

    id: str
    video: str
    created: datetime
    objects: list[SessionObject]
    unfinished: Resumption | None


class SessionList(Value):
    """The sessions of the key; of a key of scope admin, all of them."""

    sessions: list[SessionFacts]


class PromptsRequest(Value):
    """Prompts, and the frames that exemplars among them are regions of."""

    prompts: Annotated[list[PromptRecord], Field(min_length=1, max_length=1000)]
    exemplar_frames: Annotated[list[FrameReference], Field(max_length=32)] = []


class PromptsAnswer(Value):
    """The prompted frames with the masks of the prompted objects."""

    frames: list[FrameAnswer]


class PropagateRequest(Value):
    """As `Session.propagate`.  resume: go on where the last one ended; only `after` is said
    then: the last frame that arrived.  What was sent beyond it is sent again.
    """

    start: FrameIndex | None = None
    until: Annotated[int, Field(ge=-1, lt=1 << 40)] | None = None
    reverse: bool = False
    objects: Annotated[list[ObjectId], Field(max_length=1000)] | None = None
    resume: bool = False
    after: FrameIndex | None = None


class PropagateEnd(Value):
    """The last event of a propagation that came to its end.  frames: how many were given."""

    frames: int


class RunEntry(Value):
    """A run under the root.  path: relative to it."""

    id: str
    path: str


class RunList(Value):
    """next: what to send as `after` for the rest; None at the end."""

    runs: list[RunEntry]
    next: str | None


class RunObject(Value):
    """An object of a run; first_frame, last_frame: where it is visible."""

    id: int
    label: str | None
    name: str | None
    first_frame: int | None
    last_frame: int | None


class RunFacts(RunEntry):
    """A run at its current revision.  extent: first and last stored frame."""

    status: str
    revision: int
    frames: int
    extent: tuple[int, int] | None
    height: int
    width: int
    fps: float | None
    objects: list[RunObject]


class RunMasks(Value):
    """Masks of a run.  next: the first frame of the rest of what was asked; None at the
    end.
    """

    frames: list[FrameAnswer]
    next: int | None


class TrackSettings(Settings):
    """How a job tracks: of TrackConfig what does not name files or devices."""

    range: str = Field(default=":", max_length=64)
    direction: DirectionName = "forward"
    detect_every: int = Field(default=30, ge=1)
    max_objects: int = Field(default=30, ge=1, le=1000)
    memory: MemorySettings = MemorySettings()
    identity: IdentitySettings = IdentitySettings()


class TrackRequest(Value):
    """Track a clip into a run.  run: the name of its folder, which must be free.  everything:
    whatever is there becomes an object; no prompts are given then.
    """

    kind: Literal["track"]
    video: VideoId
    run: Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]
    prompts: Annotated[list[PromptRecord], Field(max_length=1000)] = []
    exemplar_frames: Annotated[list[FrameReference], Field(max_length=32)] = []
    labels: Annotated[dict[ObjectId, Phrase], Field(max_length=1000)] = {}
    everything: bool = False
    settings: TrackSettings = TrackSettings()


class ExportRequest(Value):
    """Write a run in another format.  format: as of `vseg export --to`."""

    kind: Literal["export"]
    run: VideoId
    format: Annotated[str, Field(max_length=32)]


JobRequest = Annotated[TrackRequest | ExportRequest, Field(discriminator="kind")]
JobStatus = Literal["queued", "running", "complete", "partial", "failed", "cancelled"]


class JobFacts(Value):
    """A job.  done, total: frames.  run: what it writes or reads.  file: the name of what an
    export gave.
    """

    id: str
    kind: Literal["track", "export"]
    status: JobStatus
    created: datetime
    done: int = 0
    total: int | None = None
    run: str | None = None
    file: str | None = None
    problem: Problem | None = None


class JobList(Value):
    """The jobs of the key, newest first; of a key of scope admin, all of them."""

    jobs: list[JobFacts]
