"""Every error a user can meet, and the exit codes of the command line.

An error says what was wrong, where, and what to type next.
"""

from enum import IntEnum
from pathlib import Path
from typing import ClassVar


class ExitCode(IntEnum):
    """What a command returns.  130 is what shells report of a program ended by Ctrl-C, 141 of
    one whose output nobody reads any more.
    """

    OK = 0
    USAGE = 2
    BAD_INPUT = 3
    PARTIAL = 4
    MODEL_OR_DEVICE = 5
    INTERRUPTED = 130
    OUTPUT_CLOSED = 141


class VsegError(Exception):
    """Base of all errors raised on purpose; `hint` is what the user can type or change next.

    usual_hint: of an error of this kind that knows nothing closer.
    """

    exit_code = ExitCode.BAD_INPUT
    usual_hint: ClassVar[str] = (
        "the documentation of the command or the call says what it takes"
    )

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.usual_hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})"


class UsageError(VsegError):
    """The command or call itself is malformed: an option that does not parse, a
    contradiction.
    """

    usual_hint = "vseg COMMAND --help prints what it takes"

    exit_code = ExitCode.USAGE


class BadConfig(UsageError):
    """A configuration file holds an unknown key or a value out of range."""


class BadZones(BadConfig):
    """A zone or a line makes no sense: outside the frame, crossing itself, without area."""


class BadPrompt(VsegError):
    """A prompt cannot be applied: outside the frame, wrong size, unknown object, frame past
    the end.
    """

    usual_hint = "docs/prompts.md shows how prompts are written"


class UnknownObject(VsegError, KeyError):
    """An object id that is not among those asked."""


class UnknownFrame(VsegError, IndexError):
    """A frame or a time that a clip does not have."""

    usual_hint = "`vseg probe CLIP` tells the true number of frames; they count from 0"


class BadFrame(VsegError):
    """An image cannot be tracked: it is not RGB uint8, of another size, or not later than the
    last.
    """


class LateFrame(BadFrame):
    """An image is older than the last one: it comes too late to be tracked, and may be
    dropped.
    """


class BadTrackerState(VsegError):
    """A saved tracker cannot be read, or is another model's."""


class BadEvent(VsegError):
    """A line that should be a scene event is none."""


class NothingFound(VsegError):
    """Nothing in the video reached the threshold of a text or an exemplar."""

    exit_code = ExitCode.PARTIAL


class BadImage(VsegError):
    """An image file cannot be read, or is of the wrong kind.

    The message goes on from the file's name, which the caller puts before it: it knows what
    the image was for, and raises BadPrompt or BadDataset from this.
    """

    usual_hint = "give another image"


class BadVideo(VsegError):
    """A video, image folder or stream cannot be read at all."""

    usual_hint = "`vseg probe CLIP` says what can be read of a clip"


class ReaderUnsuitable(BadVideo):
    """The chosen reader would read this file wrongly; another one must be used."""


class DamagedVideo(VsegError):
    """Reading ended before the file's own end.  Every frame before `frame_index` was
    delivered.
    """

    exit_code = ExitCode.PARTIAL

    def __init__(self, path: Path | str, frame_index: int, reason: str) -> None:
        super().__init__(
            f"{path}: damaged at frame {frame_index}: {reason}",
            hint=f"the frames before it, 0 to {frame_index - 1}, can be read"
            if frame_index
            else "`vseg probe CLIP` says what can be read of it",
        )
        self.frame_index = frame_index
        self.reason = reason


class BadDetections(VsegError):
    """A detections file cannot be read, holds a row that is wrong, or belongs to another
    clip.
    """

    usual_hint = "mend the file there, or write it once more"


class BadExchange(VsegError):
    """A file of masks that another program wrote cannot be read, is unsafe to read, or belongs
    to another clip.
    """

    usual_hint = "mend the file there, or export it once more"


class NoDetections(BadDetections):
    """A detections file has no row, or none that can be used."""

    exit_code = ExitCode.PARTIAL


class BadJobs(VsegError):
    """A list of jobs cannot be read, holds a line that is no job, or names no clip."""

    usual_hint = "docs/batch.md shows a list of jobs"


class BadVocabulary(VsegError):
    """A vocabulary file cannot be read, or holds nothing, a phrase twice, or a phrase too
    long.
    """


class BadRun(VsegError):
    """A run directory is missing, incomplete, of another format, or belongs to other
    inputs.
    """

    usual_hint = "`vseg track CLIP -o RUN --resume` computes what is damaged again"


class BadMask(VsegError):
    """A packed mask cannot be unpacked: damaged, or its size is impossible."""

    usual_hint = "mend the mask there, or leave it out"


class OutputError(VsegError):
    """Results cannot be written: no permission, no space left, or something is in the way."""

    usual_hint = "check the folder's permissions and free space (df -h), or write elsewhere"


class RunBusy(OutputError):
    """Another process writes the run: it can be waited for."""


class NotAllowed(VsegError):
    """A request whose key is missing, wrong, expired or of a narrower scope, or that another
    origin makes.

    known: whether the key is a valid one.
    """

    def __init__(self, message: str, *, hint: str | None = None, known: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.known = known


class NotThere(VsegError):
    """The service holds no video, session, run or job of this id, or none that the key may
    see.
    """

    usual_hint = "GET /v1/videos and GET /v1/runs list what is there"


class InTheWay(VsegError):
    """A request contradicts what is there: a name that is taken, a session that is being
    propagated, another request of the same idempotency key.
    """

    usual_hint = "ask for its present state, and send the request again"


class TooLarge(VsegError):
    """A request asks for more than a limit of the service allows."""

    usual_hint = "send less at a time, or ask the operator for a higher limit"


class TooMany(VsegError):
    """A key has as much going on as its limits allow; it may ask again after
    `retry_after_s`.
    """

    def __init__(self, message: str, *, hint: str | None = None, retry_after_s: int) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class ServiceError(VsegError):
    """A service cannot be reached, failed, or answered what its client does not understand."""


class ExtraMissing(UsageError):
    """A command needs packages that are installed on request only."""


class StoreError(OutputError):
    """A bucket or a server does not give or take a file."""

    usual_hint = "the same command again goes on where it stopped"


class BadDataset(VsegError):
    """Ground truth or training data is missing, unreadable or inconsistent."""

    usual_hint = "mend the data set there, or leave the entry out"


class ModelError(VsegError):
    """The model or its device cannot be used."""

    usual_hint = "`vseg models list` shows the models of this machine"

    exit_code = ExitCode.MODEL_OR_DEVICE


class WeightsMissing(ModelError):
    """The weights are not on this machine."""


class WeightsMismatch(ModelError):
    """A weights file does not fit the architecture or its recorded hash."""

    usual_hint = "`vseg models pull NAME` fetches the weights of a published model anew"


class DeviceMissing(ModelError):
    """The requested device does not exist here; vseg never falls back to another silently."""
