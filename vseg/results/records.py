"""What the JSON files of a run directory hold, as values: the header, and one object.

`run.json` is a RunHeader, `objects.json` a list of StoredObject; `mask_rows` has what shards
hold.  Frame ranges are half-open; times are seconds.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from vseg.config import SHARD_FRAMES
from vseg.ops.codec import MAX_PIXELS
from vseg.ops.counted import counted
from vseg.types import LAST_OBJECT_ID, VideoInfo

FORMAT_VERSION: Literal[3] = 3

# The clock of MPEG: files that give no rate are often said to have this one.
MAX_FPS = 90_000
# Years at any rate; frame numbers are stored in 64 bits.
MAX_FRAMES = 2**40

Status = Literal["running", "interrupted", "partial", "complete"]


class Record(BaseModel):
    """Base of what is stored as JSON: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def impossible(video: VideoInfo) -> Iterator[str]:
    """What no clip can be."""
    if min(video.height, video.width) < 1 or video.height * video.width > MAX_PIXELS:
        yield f"no clip has frames of {video.width}x{video.height}"
    if video.fps is not None and not 0 < video.fps <= MAX_FPS:
        yield f"no clip has {float(video.fps):g} frames a second"
    if video.num_frames is not None and not 0 <= video.num_frames <= MAX_FRAMES:
        yield f"no clip has {video.num_frames} frames"


class SourceFingerprint(Record):
    """A video or image folder by content.  size: bytes in all; path: where it was read."""

    path: str = Field(pattern=r"^[^\x00]*$")
    size: int = Field(ge=0)
    sha256: str


class Damage(Record):
    """The first frame that could not be read, and why; every frame before `frame` is there.

    skipped: how many damaged frames were passed over, marked in frames.parquet.  end_frame:
    from where on nothing was read, None if the source was read to its end.
    """

    frame: int = Field(ge=0)
    reason: str
    skipped: int = Field(default=0, ge=0)
    end_frame: int | None = Field(default=None, ge=0)

    def __str__(self) -> str:
        """How much was lost, where and why."""
        ended = self.end_frame is not None
        parts = [f"{counted(self.skipped, 'damaged frame')} skipped"] if self.skipped else []
        parts += [f"it ends at frame {self.end_frame}"] if ended and self.skipped else []
        first = "the first is" if self.skipped else "damaged at"
        return f"{', '.join([*parts, f'{first} frame {self.frame}'])} ({self.reason})"


class Progress(Record):
    """Where an unfinished run goes on.

    last_frame: tracked last, going backward if `reverse`.  events: how many there were.
    state: the file with the state of the session at that point; state_sha256: of its content.
    extent: the least and the greatest frame that was committed; frames: how many were, damaged
    ones included.  tracked: whether no frame is left, and only parts that were lost are
    computed again.
    """

    last_frame: int = Field(ge=0)
    reverse: bool = False
    commits: int = Field(ge=1)
    events: int = Field(default=0, ge=0)
    state: str | None = Field(pattern=r"^state-\d{6,}\.safetensors$")
    state_sha256: str | None = None
    extent: tuple[int, int]
    frames: int = Field(ge=1)
    tracked: bool = False


WarningCode = Literal[
    "never_reached",
    "never_visible",
    "empty_prompt",
    "lost_early",
    "below_threshold",
    "nothing_tracked",
    "clip_missing",
]
"""never_reached: the run ends before an object's first prompt.  never_visible: it is on no
frame.  empty_prompt: a prompt drew nothing on its own frame.  lost_early: an object is gone
for good soon after its prompt.  below_threshold: nothing reached the threshold of a
description, or of the detections.  nothing_tracked: there is no visible object, for no other
reason.  clip_missing: of a report, which has no images then.
"""


class RunWarning(Record):
    """What a user should know of a run that ended without an error.

    message: what happened, to which object, on which frame; hint: what to type next.
    """

    code: WarningCode
    message: str
    hint: str
    object_id: int | None = None
    frame: int | None = None


class Revision(Record):
    """A corrected state of a finished run, made from its parent; 0 is the run as tracked.

    commands: the edits as options of `vseg correct`, in order.  spans: frame ranges whose rows
    differ from the parent's, by object id.  frames: tracked for it; seconds: how long that
    took.
    """

    number: int = Field(ge=1)
    parent: int = Field(ge=0)
    created: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    vseg_version: str
    commands: tuple[str, ...]
    spans: dict[int, tuple[tuple[int, int], ...]] = Field(default_factory=dict)
    frames: int = Field(default=0, ge=0)
    seconds: float = Field(default=0.0, ge=0)


class RunHeader(Record):
    """Everything that decided the masks, and how far the run has come.

    runtime: what computed the model; of masks that no model made, whatever corrects them.
    instruction_set: of the processor; it rounds as no other does, and decides nothing else.
    options: every setting of the tracker that decides the masks, flat.  settings: how the job
    was configured, for those who go on with it.  frame_range: first and last + 1 of the frames
    asked for; None is the whole source.  labels: class, or class:name, by object id.
    progress: None before the first commit and after the end.  warnings: of a run that ended
    otherwise than it should.  revisions: by ascending number;
    revision: the one that is read unless another is asked for, 0 the run as tracked.
    """

    format_version: Literal[3] = FORMAT_VERSION
    vseg_version: str
    created: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    model: str
    weights_sha256: str
    device: str
    dtype: str
    runtime: str = "torch"
    instruction_set: str = ""
    options: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)
    source: SourceFingerprint
    video: VideoInfo
    frame_range: tuple[int, int] | None = None
    shard_frames: int = Field(default=SHARD_FRAMES, ge=1, le=100_000)
    labels: dict[int, str] = Field(default_factory=dict)
    status: Status = "running"
    damage: Damage | None = None
    progress: Progress | None = None
    warnings: tuple[RunWarning, ...] = ()
    revisions: tuple[Revision, ...] = ()
    revision: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _possible(self) -> "RunHeader":
        """A run may come from anywhere: what it claims is allocated and iterated over."""
        for problem in impossible(self.video):
            raise ValueError(problem)
        end = self.video.num_frames
        spans = [self.frame_range] if self.frame_range else []
        if self.progress is not None:
            low, high = self.progress.extent
            spans += [(low, high + 1)]
            if not low <= self.progress.last_frame <= high:
                raise ValueError(f"the last frame is not among {low} to {high}")
        for first, stop in spans:
            if not 0 <= first < stop or (end is not None and stop > end):
                raise ValueError(f"frames {first} to {stop - 1} are not in a clip of {end}")
        return self

    @property
    def finished(self) -> bool:
        """Whether nothing is left to compute: complete, or partial (a damaged source)."""
        return self.status in ("complete", "partial")

    @property
    def first_frame(self) -> int:
        return self.frame_range[0] if self.frame_range else 0

    def shard_of(self, frame_index: int) -> int:
        """The number of the shard that a frame belongs to."""
        return frame_index // self.shard_frames


class StoredObject(Record):
    """One tracked object.  label: its class; name: its own, which tells it from others of the
    class.  first_frame, last_frame: of the frames it was visible on; None if on none.
    """

    id: int = Field(ge=1, le=LAST_OBJECT_ID)
    label: str | None
    name: str | None = None
    colour: str = Field(pattern=r"^#[0-9a-f]{6}$")
    first_frame: int | None = Field(ge=0)
    last_frame: int | None = Field(ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> "StoredObject":
        first = self.first_frame
        last = self.last_frame
        if (first is None) != (last is None):
            raise ValueError("of the first and the last visible frame one is missing")
        if first is not None and last is not None and last < first:
            raise ValueError(f"the last visible frame {last} is before the first, {first}")
        return self
