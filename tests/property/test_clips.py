"""Whatever a clip's stamps and packets are like, a frame is the same however it is reached."""

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from av.packet import Packet
from av.stream import Stream
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from tests.clips import Recipe, painted, write_clip
from vseg.errors import DamagedVideo
from vseg.types import Frame
from vseg.video.file import VideoFile

pytestmark = pytest.mark.integration

FRAMES = 24
JOINED_FRAMES = 9
# Microseconds: every rate of the test is a whole number of them.
TICK = Fraction(1, 1_000_000)
STEP = 40_000
FOLDER = tempfile.TemporaryDirectory(prefix="vseg-clips-")
FAULTS = (
    "none",
    "repeated",
    "stray",
    "random",
    "storage order",
    "an hour later",
    "joined much later",
    "joined as it was",
    "missing",
)
# A mp4 has ascending decoding stamps and an edit list that hides what is shown before.
NOT_IN_MP4 = ("repeated", "random")


@dataclass(frozen=True)
class Encoding:
    """How the packets of a clip are made."""

    codec: str
    group: int
    b_frames: int
    open_group: bool

    @property
    def options(self) -> dict[str, str]:
        plain = {"g": str(self.group), "bf": str(self.b_frames)}
        if self.codec == "mpeg4":
            return plain | {"qscale": "2", "b_strategy": "0"}
        x264 = {"x264-params": "open-gop=1"} if self.open_group else {}
        return plain | {"crf": "12", "sc_threshold": "0"} | x264


@dataclass(frozen=True)
class Made:
    """A packet: its content, the frame that it shows, and its place in the file."""

    content: bytes
    shown: int
    place: int
    key: bool


@dataclass(frozen=True)
class Clip:
    """A clip to make.  steps: ticks from each frame to the next.  fault: what is done to the
    stamps, from packet `at` on.  dropped, torn: packets left out, and cut in half.
    """

    encoding: Encoding
    container: str
    steps: tuple[int, ...]
    fault: str
    at: int
    dropped: tuple[int, ...]
    torn: tuple[int, ...]
    joined: Encoding | None

    @property
    def valid(self) -> bool:
        """Whether there are such files, and decoders lose nothing of them by design."""
        if self.fault in NOT_IN_MP4 and self.container == "mp4":
            return False
        if self.encoding.group > FRAMES and 0 in (*self.dropped, *self.torn):
            return False
        # The MPEG-4 decoder drops an image where B-frames begin or end in mid-stream.
        return self.joined is None or (
            self.joined.codec == self.encoding.codec
            and self.joined.b_frames == self.encoding.b_frames
        )


@cache
def packets(encoding: Encoding, count: int) -> list[Made]:
    """The packets of a whole clip, in the order of the file."""
    recipe = Recipe(
        num_frames=count,
        codec="mpeg4" if encoding.codec == "mpeg4" else "libx264",
        options=encoding.options,
        rate=Fraction(25),
    )
    with av.open(str(write_clip(template(encoding, count), recipe))) as given:
        found = [p for p in given.demux(given.streams.video[0]) if p.size]
        order = sorted(p.pts or 0 for p in found)
        return [
            Made(bytes(p), order.index(p.pts or 0), place, p.is_keyframe)
            for place, p in enumerate(found)
        ]


def template(encoding: Encoding, count: int) -> Path:
    name = "-".join(str(part) for part in (*encoding.options.values(), encoding.codec, count))
    return Path(FOLDER.name) / f"{name}.ts"


def stamp(clip: Clip, made: Made, true: list[int]) -> int:
    """When the packet says that it is to be shown, in ticks."""
    pts = true[made.shown]
    if clip.fault == "storage order":
        return true[made.place]
    if clip.fault == "an hour later":
        return pts + 3_600_000_000
    if clip.fault == "random":
        return random.Random(clip.at + made.place).randrange(0, FRAMES * STEP, 3000)
    if made.place != clip.at:
        return pts
    repeated = true[made.shown - 1]
    return {"repeated": repeated, "stray": pts + 100_000_000}.get(clip.fault, pts)


def stamped(clip: Clip) -> Iterator[tuple[bytes, int, bool]]:
    """Content, stamp and key or not of the packets of the first recording."""
    true = [0, *np.cumsum(clip.steps).tolist()]
    for made in packets(clip.encoding, FRAMES):
        if made.place not in clip.dropped:
            half = len(made.content) // 2
            content = made.content[:half] if made.place in clip.torn else made.content
            yield content, stamp(clip, made, true), made.key


def stamped_joined(clip: Clip, start: int) -> Iterator[tuple[bytes, int, bool]]:
    """The same of the second recording, if there is one."""
    if clip.joined:
        for made in packets(clip.joined, JOINED_FRAMES):
            yield made.content, start + made.shown * STEP, made.key


def write(clip: Clip, path: Path) -> None:
    """Make the clip."""
    first = list(stamped(clip))
    last = max(pts for _, pts, _ in first)
    if clip.container == "ts" and clip.fault in ("joined as it was", "missing"):
        mux(clip, first, path)
        content = path.read_bytes()
        if clip.joined:
            mux(clip, list(stamped_joined(clip, 0)), path)
            content += path.read_bytes()
        if clip.fault == "missing":
            content = without_stamps(content, clip.at)
        path.write_bytes(content)
        return
    gap = 3_600_000_000 if clip.fault == "joined much later" else STEP
    mux(clip, [*first, *stamped_joined(clip, last + gap)], path)


def without_stamps(content: bytes, seed: int) -> bytes:
    """A transport stream of whose images some have no stamp (ISO/IEC 13818-1 §2.4.3.7)."""
    chance = random.Random(seed)
    share = chance.choice([0.1, 0.5, 1.0])
    mended = bytearray(content)
    for at in range(0, len(mended), 188):
        start = mended.find(b"\0\0\1\xe0", at, at + 188)
        if mended[at + 1] & 0x40 and start >= 0 and chance.random() < share:
            mended[start + 7] &= 0x3F
            length = mended[start + 8]
            mended[start + 9 : start + 9 + length] = b"\xff" * length
    return bytes(mended)


def mux(clip: Clip, made: list[tuple[bytes, int, bool]], path: Path) -> None:
    """Write packets; their decoding stamps ascend and are not after those of display."""
    depth = 2 if clip.encoding.b_frames and clip.fault != "storage order" else 0
    if clip.fault in ("repeated", "random", "stray"):
        depth += 2
    ascending = sorted(pts for _, pts, _ in made)
    early = [ascending[0] - STEP * (depth - n) for n in range(depth)]
    latest = early[0] if early else ascending[0] - 1000
    options = {"use_editlist": "0"} if clip.container == "mp4" else {}
    with (
        av.open(str(template(clip.encoding, FRAMES))) as given,
        # Its edit list would hide frames at both ends, as it should.
        av.open(str(path), "w", options=options) as out,
    ):
        stream = out.add_stream_from_template(given.streams.video[0])
        for (content, pts, key), dts in zip(made, early + ascending, strict=False):
            packet: Packet[Stream] = Packet(content)
            packet.stream = stream
            packet.time_base = TICK
            latest = max(latest + 1000, dts)
            packet.dts = latest
            packet.pts = max(pts, latest)
            packet.is_keyframe = key
            out.mux(packet)


ENCODINGS = st.builds(
    Encoding,
    codec=st.sampled_from(["h264", "h264", "mpeg4"]),
    group=st.sampled_from([1, 6, 10, 30]),
    b_frames=st.sampled_from([0, 2]),
    open_group=st.booleans(),
)
EVEN = (STEP,) * (FRAMES - 1)
STEPS = st.one_of(
    st.just(EVEN),
    st.lists(st.integers(2000, 90_000), min_size=FRAMES - 1, max_size=FRAMES - 1).map(tuple),
    # A pause.
    st.integers(1, FRAMES - 2).map(lambda at: (*EVEN[:at], 4_000_000, *EVEN[at + 1 :])),
)
PLACES = st.one_of(
    st.just(()), st.lists(st.integers(0, FRAMES - 1), max_size=2, unique=True).map(tuple)
)
CLIPS = st.builds(
    Clip,
    encoding=ENCODINGS,
    container=st.sampled_from(["mp4", "mkv", "ts", "avi"]),
    steps=STEPS,
    fault=st.sampled_from(FAULTS),
    # A stray stamp less than 17 frames from the end is beyond what a table of packets shows.
    at=st.integers(3, 6),
    dropped=PLACES,
    torn=PLACES,
    joined=st.one_of(st.none(), ENCODINGS),
).filter(lambda clip: clip.valid)


@dataclass(frozen=True)
class Seen:
    """What one way of reading shows of a frame."""

    number: int
    time_s: float
    content: bytes

    @classmethod
    def of(cls, frame: Frame) -> "Seen":
        return cls(painted(frame.image), frame.time_s, frame.image.tobytes())


@dataclass(frozen=True)
class Read:
    """The frames that one way of reading shows, and those that it calls damaged."""

    seen: dict[int, Seen]
    damaged: set[int]

    def since(self, start: int) -> "Read":
        later = {index: seen for index, seen in self.seen.items() if index >= start}
        return Read(later, {index for index in self.damaged if index >= start})


def in_order(path: Path, start: int = 0, step: int = 1) -> Read:
    """The frames from `start` on; backward, those down from it."""
    read = Read({}, set())
    place = start
    with VideoFile(path) as video:
        stop = len(video) if step > 0 else -1
        while place != stop:
            try:
                for frame in video.frames(place, stop if step > 0 else None, step):
                    read.seen[frame.index] = Seen.of(frame)
                    place = frame.index + step
                break
            except DamagedVideo as damage:
                read.damaged.add(damage.frame_index)
                place = damage.frame_index + step
    return read


def at_random(path: Path, order: list[int]) -> Read:
    """The frames in this order, each found by its time."""
    read = Read({}, set())
    with VideoFile(path) as video:
        for index in order:
            try:
                frame = video.read(video.frame_at(video.time_at(index)))
                assert frame.index == index
                read.seen[index] = Seen.of(frame)
            except DamagedVideo:
                read.damaged.add(index)
    return read


# To shrink a clip takes minutes and shows little: a failure names the clip as it is.
@settings(
    max_examples=60,
    derandomize=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(clip=CLIPS, seed=st.integers(0, 99))
def test_a_frame_is_the_same_however_it_is_reached(clip: Clip, seed: int) -> None:
    check(clip, seed)


def check(clip: Clip, seed: int) -> None:
    path = Path(FOLDER.name) / f"clip.{clip.container}"
    try:
        write(clip, path)
    except av.error.FFmpegError:
        # No such container: some muxers refuse stamps that others write.
        assume(False)
    with VideoFile(path) as video:
        times = [video.time_at(index) for index in range(len(video))]
        reason = video.info.order_reason
    count = len(times)
    assert times[0] == 0 and (np.diff(times) > 0).all(), f"{clip} {times}"
    whole = in_order(path)
    assert sorted([*whole.seen, *whole.damaged]) == list(range(count)), clip
    assert all(seen.time_s == times[index] for index, seen in whole.seen.items()), clip
    assert at_random(path, random.Random(seed).sample(range(count), count)) == whole, clip
    for start in (count // 3, count // 2, count - 1):
        assert in_order(path, start) == whole.since(start), clip
    assert in_order(path, count - 1, -1) == whole, clip
    check_content(clip, whole, reason)
    check_times(clip, times)


def check_content(clip: Clip, whole: Read, reason: str | None) -> None:
    """Nothing is lost of a whole clip, and what is shown of another is what it was."""
    numbers = [whole.seen[index].number for index in sorted(whole.seen)]
    if not (clip.dropped or clip.torn):
        joined = list(range(JOINED_FRAMES)) if clip.joined else []
        assert numbers == [*range(FRAMES), *joined], f"{clip} {reason}"
    if clip.encoding.codec == "h264":
        # MPEG-4 does not count its frames: what is missing cannot be noticed.
        true = clean(clip.encoding, FRAMES)
        if clip.joined:
            true = true | clean(clip.joined, JOINED_FRAMES)
        wrong = [n for n, seen in whole.seen.items() if seen.content not in true]
        assert not wrong, f"{clip} {wrong}"


def check_times(clip: Clip, times: list[float]) -> None:
    """Stamps that need no repair are kept, to the millisecond that containers count in."""
    kept = ("none", "an hour later", "joined much later", "repeated")
    if clip.container == "avi" or clip.dropped or clip.torn or clip.fault not in kept:
        return
    if clip.fault == "repeated" and len(set(clip.steps)) > 2:
        # Whose stamp it is, of the frame before or after, is anyone's guess.
        return
    true = np.cumsum([0, *clip.steps]) * float(TICK)
    changed = np.flatnonzero(np.abs(np.array(times[:FRAMES]) - true) > 1.5e-3)
    assert len(changed) <= (clip.fault == "repeated"), f"{clip} {changed} {times}"


@cache
def clean(encoding: Encoding, count: int) -> frozenset[bytes]:
    """The images of the whole clip."""
    packets(encoding, count)
    with VideoFile(template(encoding, count)) as video:
        return frozenset(frame.image.tobytes() for frame in video)
