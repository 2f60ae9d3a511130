"""Reads a run directory back, one shard at a time.

Enters: a folder that a RunWriter wrote, finished or not.  Leaves: FrameMasks frame by frame,
in ascending order or by frame number, and the rows of one object.  Memory holds one shard,
whatever the length of the run.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from numbers import Integral
from pathlib import Path

from vseg.errors import BadMask, BadRun
from vseg.frame_masks import FrameMasks
from vseg.interfaces.reader import OpenReader, Reader, check_reader
from vseg.io.files import given_path
from vseg.ops.colours import rgb_of
from vseg.ops.label_text import tag_of
from vseg.results.events import read_events
from vseg.results.fingerprint import check_same_source
from vseg.results.frame_index import FrameIndex
from vseg.results.layout import OBJECTS, content_root, read_header, read_objects
from vseg.results.mask_rows import FrameRecord, MaskRow
from vseg.results.masks import unpack
from vseg.results.overlay import Colour
from vseg.results.prompts import read_prompts
from vseg.results.records import RunHeader, RunWarning, StoredObject
from vseg.results.shards import Shard, read_shard
from vseg.results.shown_frame import ShownFrame
from vseg.results.spans import ObjectSpans, predicted_spans, read_spans
from vseg.results.unanswered_warnings import unanswered_warnings
from vseg.types import Prompt, TrackEvent, VideoInfo

OpenClip = Callable[["Run"], OpenReader]
"""Opens the clip that a run was made from."""


class Run:
    """The masks of a clip: `run[frame]`, `for masks in run`, `len(run)`, `frame in run`.

    A frame that was never computed is missing: it is not in the run.  An object that was
    tracked but is not in the image is listed with visible False.  Every method raises BadRun,
    naming the file and what is wrong, if the folder is damaged.
    """

    def __init__(
        self,
        path: Path | str,
        open_clip: OpenClip | None = None,
        revision: int | None = None,
    ) -> None:
        """revision: which one is read, the current one if None.  Raises BadRun, and UsageError
        for what is no path.
        """
        self.path = path = given_path(path, "the run")
        self._open_clip = open_clip
        self.header: RunHeader = read_header(path)
        self.revision = self.header.revision if revision is None else revision
        # The folder of the revision's files, and of what is derived from them.
        self.content = content_root(path, self.header, self.revision)
        self._latest: tuple[int, Shard] | None = None
        self._checked: Path | None = None

    def check_source(self, path: Path | str) -> None:
        """Raise BadRun unless this is the clip that the run was made from, by content."""
        path = given_path(path, "the clip")
        if path != self._checked:
            check_same_source(path, self.path, self.header.source)
            self._checked = path

    def take_source(self, path: Path) -> None:
        """Take a clip for the one that the run was made from: it was compared just now."""
        self._checked = path

    @cached_property
    def objects(self) -> tuple[StoredObject, ...]:
        """The objects by ascending id; none before the first commit."""
        begun = self.header.finished or self.header.progress is not None
        return read_objects(self.content) if begun else ()

    def check_objects(self) -> None:
        """Raise BadRun if the list of objects cannot be read."""
        read_objects(self.content)

    @property
    def name(self) -> str:
        """The name of the clip, without folder and ending."""
        stem = Path(self.header.source.path).stem
        # Exports name files and folders after it: it must not lead out of theirs.
        return stem if stem.strip(".") else "clip"

    @property
    def video(self) -> VideoInfo:
        """The clip as it was when it was tracked."""
        return self.header.video

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The ids of all objects, ascending."""
        return tuple(stored.id for stored in self.objects)

    @property
    def labels(self) -> dict[int, str]:
        """The classes of the objects that have one, by id."""
        return {o.id: o.label for o in self.objects if o.label is not None}

    @property
    def names(self) -> dict[int, str]:
        """The own names of the objects that have one, by id."""
        return {o.id: o.name for o in self.objects if o.name is not None}

    @property
    def tags(self) -> dict[int, str]:
        """What images of the run call the objects, by id: class and own name."""
        tags = {o.id: tag_of(o.label, o.name) for o in self.objects}
        return {object_id: tag for object_id, tag in tags.items() if tag}

    @property
    def colours(self) -> dict[int, Colour]:
        """What images of the run draw the objects in, by id."""
        return {o.id: rgb_of(o.colour) for o in self.objects}

    @property
    def prompts(self) -> list[Prompt]:
        """Every prompt, in the order given."""
        return read_prompts(self.content)

    @property
    def events(self) -> list[TrackEvent]:
        """What happened to the objects, in order."""
        return read_events(self.content)

    @property
    def spans(self) -> tuple[ObjectSpans, ...]:
        """What was corrected, accepted or absent of each object, by ascending id."""
        stored = read_spans(self.content)
        if stored is not None:
            return stored
        return predicted_spans(self.objects, self.prompts, self.extent)

    @property
    def warnings(self) -> tuple[RunWarning, ...]:
        """What a user should know; of a corrected run, what no edit has answered."""
        if self.revision == 0:
            return tuple(self.header.warnings)
        return unanswered_warnings(self.header.warnings, self.objects, self.spans)

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, frame_index: int) -> bool:
        if not isinstance(frame_index, Integral):
            return False
        number = self.header.shard_of(frame_index)
        return number in self._index and frame_index in self._shard(number).frame_numbers

    def __getitem__(self, frame_index: int) -> FrameMasks:
        """The masks of one frame.  Raises BadRun if the frame is not in the run."""
        if frame_index not in self:
            extent = self.extent
            held = f"frames {extent[0]} to {extent[1]}" if extent else "no frame yet"
            raise BadRun(f"{self.path} has no frame {frame_index!r}", hint=f"it holds {held}")
        number = self.header.shard_of(frame_index)
        return self._unpacked(self._shard(number).record(frame_index))

    def __iter__(self) -> Iterator[FrameMasks]:
        """The masks of every frame, by ascending frame."""
        for number in self._index.shards:
            for record in self._shard(number).records():
                yield self._unpacked(record)

    def show(self, frame_index: int, video: Reader | None = None) -> ShownFrame:
        """An image of one frame with its masks drawn; a notebook displays it.

        video: the clip; None opens it where it was when it was tracked.  Raises BadRun if the
        frame is not in the run or the clip is not there, UsageError for what is no reader.
        """
        masks = self[frame_index]
        if video is not None:
            check_reader(video)
            frame = video.read(frame_index)
        elif self._open_clip is None:
            raise BadRun(
                f"the clip of {self.path} is not open",
                hint="give a reader, or open the run with vseg.open_run",
            )
        else:
            with self._open_clip(self) as opened:
                frame = opened.read(frame_index)
        return ShownFrame.of(frame, masks, self.tags, self.colours)

    def track(self, object_id: int) -> Iterator[MaskRow]:
        """The packed rows of one object by ascending frame; `unpack_row` gives the mask."""
        if object_id not in self.object_ids:
            known = ", ".join(map(str, self.object_ids)) or "none"
            raise BadRun(
                f"{self.path} has no object {object_id}", hint=f"its objects: {known}"
            )
        return (
            row
            for number in self._index.shards
            for row in self._shard(number).rows_of(object_id)
        )

    @property
    def extent(self) -> tuple[int, int] | None:
        """The first and the last stored frame; None before the first commit."""
        return self._index.extent

    @property
    def damaged(self) -> dict[int, str]:
        """The frames that were passed over because they could not be read, and why; the run
        holds no masks of them.
        """
        return self._index.damaged()

    def frame_numbers(self) -> Iterator[int]:
        """The frames that are stored, ascending; no mask is read."""
        for number in self._index.shards:
            yield from self._index.table(number)["index"].to_pylist()

    def frame_times(self) -> Iterator[float]:
        """The time of each stored frame in seconds, ascending; no mask is read."""
        for number in self._index.shards:
            yield from self._index.table(number)["time_s"].to_pylist()

    @property
    def unfinished(self) -> str | None:
        """What is missing of a run that has not come to its end, in words; None of others."""
        if self.header.finished:
            return None
        extent = self.extent
        held = f"holds frames {extent[0]} to {extent[1]}" if extent else "holds no frame yet"
        asked = self.header.frame_range
        wanted = f" of {asked[0]} to {asked[1] - 1}" if asked else ""
        return f"{self.path} is unfinished ({self.header.status}): it {held}{wanted}"

    def __repr__(self) -> str:
        at = f", revision {self.revision}" if self.revision else ""
        return f"Run({str(self.path)!r}, {self.header.status}{at})"

    @cached_property
    def _known_ids(self) -> frozenset[int]:
        return frozenset(self.object_ids)

    @cached_property
    def _index(self) -> FrameIndex:
        return FrameIndex(self.content, self.header)

    @property
    def shards(self) -> Sequence[int]:
        """The numbers of the shards that are stored, ascending."""
        return self._index.shards

    def _shard(self, number: int) -> Shard:
        if self._latest is None or self._latest[0] != number:
            self._latest = None  # free the old shard before the next one is read
            self._latest = number, read_shard(self.content, number, self._index.table(number))
        return self._latest[1]

    def _unpacked(self, record: FrameRecord) -> FrameMasks:
        video = self.header.video
        known = self._known_ids
        if any(row.object_id not in known for row in record.rows):
            raise BadRun(
                f"{self.content / OBJECTS} lacks objects that have masks",
                hint="`vseg track ... --resume` makes it again",
            )
        try:
            return unpack(record, video.height, video.width)
        except BadMask as error:
            raise BadRun(f"{self.path}: {error.message}", hint="the run is damaged") from error
