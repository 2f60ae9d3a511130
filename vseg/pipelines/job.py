"""What a job is asked to do, and how it ended."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vseg.config import TrackConfig
from vseg.errors import ExitCode
from vseg.results.records import Damage, RunWarning, Status
from vseg.types import Prompt

EXIT_CODES: Mapping[Status, ExitCode] = {
    "complete": ExitCode.OK,
    "partial": ExitCode.PARTIAL,
    "interrupted": ExitCode.INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class TrackJob:
    """What to track and where to write it.

    prompts: may be left out with `resume`, which then uses those of the run.  detections: a
    file that takes the place of prompts: objects are created, kept and removed by it.
    everything: whatever there is becomes an object.  Of a prompt without an object id every
    instance becomes one.  images: the folder for overlay.mp4 and contact.png, `out` if None.
    strict: whether a wrong row of `detections` is an error, not skipped or mended.
    """

    source: str
    out: Path
    prompts: tuple[Prompt, ...]
    config: TrackConfig
    labels: Mapping[int, str] = field(default_factory=dict)
    resume: bool = False
    overwrite: bool = False
    detections: Path | None = None
    everything: bool = False
    images: Path | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class ProgressCallbacks:
    """What a job calls while it runs.

    on_frame(done, total): called after each frame.  stop(): whether to end.  on_note(text):
    before the first frame, of what takes long.  turn(): a block in which a frame is tracked;
    it may wait for others that use the same device.  on_drawn(done, total): after each frame
    of the preview, which is drawn when all are tracked.
    """

    on_frame: Callable[[int, int], None] = lambda done, total: None
    stop: Callable[[], bool] = lambda: False
    on_note: Callable[[str], None] = lambda text: None
    turn: Callable[[], AbstractContextManager[None]] = nullcontext
    on_drawn: Callable[[int, int], None] = lambda done, total: None


@dataclass(slots=True)
class JobTimes:
    """Wall-clock seconds of the frame loop: waiting for frames, tracking, writing."""

    read_s: float = 0.0
    track_s: float = 0.0
    write_s: float = 0.0

    @property
    def total_s(self) -> float:
        return self.read_s + self.track_s + self.write_s


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a job ended.  frames: written by this call, those before the first prompt too; 0
    if there was nothing left to do.

    state_bytes: what the session held on the device after the last frame.  warnings: what
    ended otherwise than it should.  visible: whether any object is, on any frame.
    detection_changes: what was skipped or mended in the detections file.  notes: a sentence
    for whatever of the source was not taken as the file states it.
    """

    out: Path
    status: Status
    frames: int
    times: JobTimes
    state_bytes: int
    damage: Damage | None
    images: tuple[Path, ...]
    warnings: tuple[RunWarning, ...] = ()
    visible: bool = True
    detection_changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """Of a complete run in which nothing is visible, that of a partial one."""
        if self.status == "complete" and not self.visible:
            return ExitCode.PARTIAL
        return EXIT_CODES[self.status]

    def facts(self) -> dict[str, Any]:
        """The outcome as plain values, for JSON."""
        return {
            "run": str(self.out),
            "status": self.status,
            "frames": self.frames,
            "seconds": round(self.times.total_s, 3),
            "frames_per_s": round(self.frames / self.times.total_s, 2)
            if self.frames
            else None,
            "damage": self.damage.model_dump() if self.damage else None,
            "images": [str(path) for path in self.images],
            "warnings": [warning.model_dump() for warning in self.warnings],
            "detection_changes": list(self.detection_changes),
            "notes": list(self.notes),
            "exit_code": self.exit_code,
        }
