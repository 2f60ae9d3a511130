"""What a client of the annotator's socket may ask: one JSON text a request.

Every request has an `id` of the client's choice, which its one answer names as `re`.  Those
that are not among WATCHER_REQUESTS need the lease to write.
"""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from vseg.events.zone_file import ZoneFile
from vseg.server.annotator.wire_values import (
    BoxSides,
    Coordinate,
    Direction,
    FrameNumber,
    ObjectId,
    Wire,
    WireEdit,
    WirePrompt,
)

_Objects = Annotated[list[ObjectId], Field(max_length=10_000)]


class Request(Wire):
    id: Annotated[int, Field(ge=0, le=2**53)]


class Hello(Request):
    """The first message.  stream, last_seq: of the connection before, to get only what it
    missed.  mode: `write` takes the lease if nobody has it.
    """

    type: Literal["hello"]
    stream: Annotated[str, Field(max_length=64)] | None = None
    last_seq: Annotated[int, Field(ge=0)] | None = None
    mode: Literal["write", "watch"] = "write"


class View(Request):
    """This frame is shown: its masks come as binary messages, and then the answer.  direction:
    where the user is going, for what is encoded ahead.
    """

    type: Literal["view"]
    frame: FrameNumber
    direction: Literal[-1, 0, 1] = 0


class AddPrompt(Request):
    """A pending prompt.  object: None for a new one; the answer says which."""

    type: Literal["prompt"]
    object: ObjectId | None
    frame: FrameNumber
    prompt: WirePrompt


class RemovePrompts(Request):
    """Take pending prompts away: all of an object on a frame, or one by its number."""

    type: Literal["remove_prompts"]
    object: ObjectId
    frame: FrameNumber
    number: int | None = None


class Preview(Request):
    """The mask that a click here would give.  Only the newest one is computed; older ones that
    wait are answered as superseded.  box: instead of a point.
    """

    type: Literal["preview"]
    frame: FrameNumber
    object: ObjectId | None = None
    point: tuple[Coordinate, Coordinate] | None = None
    box: BoxSides | None = None
    positive: bool = True


class AskAlternatives(Request):
    """Other masks that the pending clicks of an object on a frame may mean."""

    type: Literal["alternatives"]
    object: ObjectId
    frame: FrameNumber


class MakeEdit(Request):
    type: Literal["edit"]
    edit: WireEdit


class Propagate(Request):
    """Track from pending prompts: of some objects or all (None), within [first, end)."""

    type: Literal["propagate"]
    objects: _Objects | None = None
    direction: Direction = "both"
    first: FrameNumber | None = None
    end: FrameNumber | None = None


class Cancel(Request):
    """End the propagation; what it has tracked so far stays, as a revision."""

    type: Literal["cancel"]


class Undo(Request):
    type: Literal["undo"]


class Redo(Request):
    type: Literal["redo"]


class AskLanes(Request):
    """Lanes over frames [first, end) in at most `bins` cells."""

    type: Literal["lanes"]
    first: FrameNumber
    end: FrameNumber
    bins: Annotated[int, Field(ge=1, le=2000)]
    objects: Annotated[list[ObjectId], Field(max_length=64)] | None = None


class ReviewNext(Request):
    """The riskiest span that was neither accepted nor skipped: of this run, or of all runs of
    the folder.
    """

    type: Literal["review_next"]
    everywhere: bool = False


class AcceptRisk(Request):
    """The span of the review is right."""

    type: Literal["accept"]
    object: ObjectId
    first: FrameNumber
    end: FrameNumber


class SkipRisk(Request):
    """The span of the review is left for later."""

    type: Literal["skip"]
    run: Annotated[str, Field(max_length=64)]
    object: ObjectId
    first: FrameNumber
    end: FrameNumber


class Takeover(Request):
    """This client writes from now on; the one that did watches."""

    type: Literal["takeover"]


class MakeExport(Request):
    type: Literal["export"]
    format: Annotated[str, Field(max_length=64)]


class MakeReport(Request):
    type: Literal["report"]


class AskStatistics(Request):
    type: Literal["statistics"]


class AskZones(Request):
    """The zones and lines of the run."""

    type: Literal["zones"]


class SaveZones(Request):
    """They are these from now on.  version: of the file that they change, as the last answer
    has it.
    """

    type: Literal["save_zones"]
    zones: ZoneFile
    version: Annotated[str, Field(max_length=64)]


class AskZoneEvents(Request):
    """What happened in them, over the whole run."""

    type: Literal["zone_events"]


WATCHER_REQUESTS = (
    Hello,
    View,
    AskLanes,
    ReviewNext,
    Takeover,
    MakeExport,
    MakeReport,
    AskStatistics,
    AskZones,
    AskZoneEvents,
)
"""What a client that watches may ask."""

AnyRequest = (
    Hello
    | View
    | AddPrompt
    | RemovePrompts
    | Preview
    | AskAlternatives
    | MakeEdit
    | Propagate
    | Cancel
    | Undo
    | Redo
    | AskLanes
    | ReviewNext
    | AcceptRisk
    | SkipRisk
    | Takeover
    | MakeExport
    | MakeReport
    | AskStatistics
    | AskZones
    | SaveZones
    | AskZoneEvents
)
REQUESTS: TypeAdapter[AnyRequest] = TypeAdapter(
    Annotated[AnyRequest, Field(discriminator="type")]
)
