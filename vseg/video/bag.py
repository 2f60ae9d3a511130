"""The images of one topic of a ROS 2 bag as the frames of a clip.

Enters: an .mcap file, or the folder that `ros2 bag record` wrote, with its metadata.yaml.
Leaves: frames in the order in which they were recorded.  Their times are the stamps of their
headers where these rise, else when they were recorded; `pts` is the same in nanoseconds, so
that what is computed of the frames can be put beside the bag.
"""

import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int64

from vseg.errors import BadImage, BadVideo, DamagedVideo, ExtraMissing, UsageError
from vseg.interfaces.indexed_reader import IndexedReader
from vseg.io.files import check_exists
from vseg.ops.frame_range import check_index, frame_range
from vseg.ops.frame_rate import written_rate
from vseg.types import Frame, VideoInfo
from vseg.video.orientation import Display
from vseg.video.rates import USUAL_SHARE
from vseg.video.ros_images import COMPRESSED, RAW, rgb_of_message

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader
    from rosbags.interfaces import Connection

NANOSECOND = Fraction(1, 10**9)
# What the names of files that hold messages end with, by which rosbags tells them apart.
_BAGS = (".mcap", ".db3")
# The header of a message: 4 bytes that say how it is encoded, then seconds and nanoseconds of
# its stamp (OMG CDR; std_msgs/Header).
_STAMP = {0: ">iI", 1: "<iI"}


class BagImages(IndexedReader):
    """A topic of a bag as a Reader.

    topic: None where the bag has one topic with images.  Raises ExtraMissing without the
    package rosbags, BadVideo for what is no bag or has no such topic.
    """

    def __init__(self, path: str | Path, topic: str | None = None) -> None:
        check_ros_extra()
        self.path = Path(path)
        check_exists(str(path))
        self._held = ExitStack()
        try:
            self._bag: AnyReader | None = self._held.enter_context(open_bag(self.path))
            self._connections = self._of_topic(topic)
            self._recorded, stamps = self._times()
            rising = len(stamps) and stamps[0] > 0 and bool((np.diff(stamps) > 0).all())
            self._times_ns = stamps if rising else self._recorded
            self._display = Display()
            self._size: tuple[int, int] | None = None
            self.info = self._info()
        except BaseException:
            self._held.close()
            raise
        self._size = (self.info.height, self.info.width)

    def __len__(self) -> int:
        return len(self._recorded)

    def read(self, index: int) -> Frame:
        """The frame at `index`.  Raises UnknownFrame past the end, DamagedVideo if it cannot
        be read.
        """
        check_index(index, len(self))
        return next(self._from(index))

    def time_at(self, index: int) -> float:
        """When a frame was taken, in seconds from the first one."""
        check_index(index, len(self))
        return float((int(self._times_ns[index]) - int(self._times_ns[0])) * NANOSECOND)

    def frames(
        self, start: int = 0, stop: int | None = None, step: int = 1
    ) -> Iterator[Frame]:
        """Frames start, start + step, ... before stop; a negative step goes backward."""
        wanted = frame_range(len(self), start, stop, step)
        if step != 1:
            yield from map(self.read, wanted)
            return
        if wanted:
            yield from (frame for frame, _ in zip(self._from(start), wanted, strict=False))

    def close(self) -> None:
        """Close the file."""
        self._held.close()
        self._bag = None

    def _of_topic(self, topic: str | None) -> "list[Connection]":
        """The connections of the topic.  Raises BadVideo."""
        bag = self._reader()
        images = [c for c in bag.connections if c.msgtype in (RAW, COMPRESSED)]
        names = sorted({c.topic for c in images if c.msgcount})
        hint = f"--topic {names[0]}" if names else "give the bag that has the images"
        if topic is None and len(names) == 1:
            topic = names[0]
        if topic is None:
            what = ", ".join(names) or "none"
            raise BadVideo(f"{self.path}: topics with images are: {what}", hint=hint)
        if topic not in names:
            raise BadVideo(f"{self.path}: no images are on the topic {topic}", hint=hint)
        return [c for c in images if c.topic == topic]

    def _times(self) -> tuple[Int64[np.ndarray, " N"], Int64[np.ndarray, " N"]]:
        """When each message was recorded, and the stamp of its header, in nanoseconds."""
        recorded = []
        stamps = []
        try:
            for _, time_ns, payload in self._messages(0):
                recorded.append(time_ns)
                stamps.append(_stamp_ns(payload))
        except Exception as error:  # see `open_bag`
            raise BadVideo(
                f"{self.path}: is damaged after {len(recorded)} images: {error}",
                hint="`mcap recover` saves what can be read",
            ) from error
        return np.array(recorded, dtype=np.int64), np.array(stamps, dtype=np.int64)

    def _info(self) -> VideoInfo:
        first = next((f for f in map(self._readable, range(len(self))) if f is not None), None)
        if first is None:
            raise BadVideo(
                f"{self.path}: none of the images of {self._connections[0].topic} can be read"
            )
        steps = np.diff(self._times_ns)
        usual = int(np.median(steps)) if len(steps) else 0
        rate = Fraction(10**9, usual) if usual else None
        kind = self._connections[0].msgtype
        return VideoInfo(
            source=str(self.path),
            height=first.image.shape[0],
            width=first.image.shape[1],
            fps=rate and written_rate(rate),
            num_frames=len(self),
            codec=f"ros2/{kind.rpartition('/')[2]}",
            # Stamps jitter; only a frame left out, or a pause, is another rate.
            variable_rate=bool((abs(steps - usual) > USUAL_SHARE * usual).any()),
        )

    def _readable(self, index: int) -> Frame | None:
        try:
            return self.read(index)
        except DamagedVideo:
            return None

    def _from(self, index: int) -> Iterator[Frame]:
        """The frames from this one on.  Raises DamagedVideo at one that cannot be read."""
        began = int(np.searchsorted(self._recorded, self._recorded[index]))
        messages = self._messages(int(self._recorded[index]))
        for number, (connection, _, payload) in enumerate(messages, start=began):
            if number >= index:
                yield self._frame(number, connection, payload)

    def _messages(self, start_ns: int) -> "Iterator[tuple[Connection, int, bytes]]":
        return self._reader().messages(self._connections, start=start_ns)

    def _frame(self, index: int, connection: "Connection", payload: bytes) -> Frame:
        try:
            message = self._reader().deserialize(payload, connection.msgtype)
            image = rgb_of_message(message, connection.msgtype)
        except Exception as error:  # see `open_bag`
            said = error.message if isinstance(error, BadImage) else f"cannot be read: {error}"
            raise DamagedVideo(self.path, index, f"its image {said}") from error
        size = (image.shape[0], image.shape[1])
        pts = int(self._times_ns[index])
        if self._size in (None, size):
            return Frame(index, pts, self.time_at(index), image)
        assert self._size is not None
        scaled = self._display.scale(image, self._size)
        return Frame(index, pts, self.time_at(index), scaled, scaled_from=size)

    def _reader(self) -> "AnyReader":
        if self._bag is None:
            raise UsageError(f"{self.path}: was closed", hint="open it again")
        return self._bag


@contextmanager
def open_bag(path: Path) -> "Iterator[AnyReader]":
    """The bag in a file or a folder.  Raises BadVideo if there is none that can be read."""
    from rosbags.highlevel import AnyReader
    from rosbags.typesys import Stores, get_typestore

    if path.is_file() and path.suffix not in _BAGS:
        raise BadVideo(
            f"{path}: bags of ROS 2 are known by the end of their names",
            hint=f"rename it to {path.name}.mcap, or to what it is of: {', '.join(_BAGS)}",
        )
    # For files without definitions; the messages of images are the same in all of them.
    usual = get_typestore(Stores.ROS2_HUMBLE)
    with ExitStack() as held:
        try:
            bag = held.enter_context(AnyReader([path], default_typestore=usual))
        except Exception as error:  # the library's decoders raise what they like
            raise BadVideo(
                f"{path}: is no bag of ROS 2 that can be read: {error}",
                hint="a recording that broke off is mended by `mcap recover`",
            ) from error
        yield bag


def check_ros_extra() -> None:
    """Raise ExtraMissing unless the package that reads and writes bags is installed."""
    if find_spec("rosbags") is None:
        raise ExtraMissing(
            "the package rosbags is not installed", hint="pip install 'vseg[ros]'"
        )


def _stamp_ns(payload: bytes) -> int:
    """The stamp at the beginning of a message with a header; 0 of a message without one."""
    if len(payload) < 12:
        return 0
    seconds, nanoseconds = struct.unpack(_STAMP[payload[1] & 1], payload[4:12])
    return int(seconds) * 10**9 + int(nanoseconds)
