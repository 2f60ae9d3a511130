"""A video file read by decord where that can be shown to be safe, else refused with the
reason.

decord is unmaintained since 2022: supported for compatibility, not recommended.  It repeats or
shifts frames without an error on clips with edit lists and on transport streams, so a gate
compares the file with its own frame table first, and decord's length and time stamps
afterwards.  It runs in a child process that is killed when it does not answer in time.
"""

import importlib.util
import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

from vseg.errors import DamagedVideo, ReaderUnsuitable, UsageError
from vseg.interfaces.indexed_reader import IndexedReader
from vseg.ops.frame_range import check_index
from vseg.types import Frame
from vseg.video.decord_child import ANSWER, DESCRIPTION, IMAGE
from vseg.video.file import VideoFile
from vseg.video.pts_index import PtsIndex
from vseg.video.sniff import sniff

ANSWER_WITHIN_S = 20.0
"""A child that has said nothing for so long hangs; a round value."""


class DecordFile(IndexedReader):
    """A video file as a Reader, by decord.  Raises BadVideo, or ReaderUnsuitable with the
    reason.

    timeout_s: wall-clock time allowed for opening and for each frame.
    """

    def __init__(self, path: str | Path, *, timeout_s: float = ANSWER_WITHIN_S) -> None:
        self.path = Path(path)
        with VideoFile(self.path) as video:
            self.info = video.info
            self.index = video.index
        reason = gate(sniff(self.path).kind, self.index)
        if reason:
            raise self._unsuitable(reason)
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._child = _start_child(self.path)
        try:
            self._cross_check()
        except BaseException:
            self.close()
            raise

    def _cross_check(self) -> None:
        """Compare what decord sees with the frame table, at the beginning, middle and end."""
        kind, content = self._receive()
        if kind != DESCRIPTION:
            raise self._unsuitable(f"it fails: {content.decode(errors='replace')[:200]}")
        described = json.loads(content)
        if described["num_frames"] != len(self.index):
            found = described["num_frames"]
            raise self._unsuitable(
                f"it counts {found} frames where there are {len(self.index)}"
            )
        if described["shape"] != [self.info.height, self.info.width, 3]:
            raise self._unsuitable(
                "it does not show the images in their displayed orientation"
            )
        for place, seconds in described["stamps"]:
            true_s = float(int(self.index.pts[place]) * self.index.time_base)
            if abs(seconds - true_s) > self._tolerance_s():
                raise self._unsuitable(
                    f"it places frame {place} at {seconds:.3f} s instead of {true_s:.3f} s"
                )

    def _tolerance_s(self) -> float:
        steps = np.diff(self.index.pts)
        return float(steps.min() * self.index.time_base) / 2 if len(steps) else 0.01

    def __len__(self) -> int:
        return len(self.index)

    def read(self, index: int) -> Frame:
        """The frame at `index`.  Raises UnknownFrame past the end, DamagedVideo if
        unreadable.
        """
        check_index(index, len(self))
        with self._lock:
            if self._child.stdin is None or self._child.stdin.closed:
                raise UsageError(f"{self.path}: was closed", hint="open it again")
            try:
                self._child.stdin.write(f"{index}\n".encode())
                self._child.stdin.flush()
            except OSError as error:
                raise DamagedVideo(self.path, index, "the decord process died") from error
            kind, content = self._receive()
        if kind != IMAGE:
            raise DamagedVideo(self.path, index, content.decode(errors="replace")[:200])
        shape = self.info.height, self.info.width, 3
        image = np.frombuffer(bytearray(content), dtype=np.uint8).reshape(shape)
        return Frame(index, int(self.index.pts[index]), self.time_at(index), image)

    def time_at(self, index: int) -> float:
        """When a frame starts, in seconds."""
        check_index(index, len(self))
        return self.index.time_s(index)

    def _receive(self) -> tuple[bytes, bytes]:
        """The child's next answer; a child that is late is killed, which ends the reading."""
        assert self._child.stdout is not None
        watch = threading.Timer(self._timeout_s, self._child.kill)
        watch.start()
        try:
            header = self._child.stdout.read(ANSWER.size)
            kind, length = ANSWER.unpack(header) if len(header) == ANSWER.size else (b"", 0)
            content = self._child.stdout.read(length)
        finally:
            watch.cancel()
        if not kind or len(content) < length:
            raise self._unsuitable(f"it crashed or gave no answer in {self._timeout_s:g} s")
        return kind, content

    def _unsuitable(self, reason: str) -> ReaderUnsuitable:
        return ReaderUnsuitable(
            f"{self.path}: decord cannot be trusted with it: {reason}",
            hint="use --reader pyav",
        )

    def close(self) -> None:
        """End the child process; closing twice is harmless."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()


def gate(kind: str, index: PtsIndex) -> str | None:
    """Why decord must not read a file of this container kind and frame table, or None."""
    doubts = (
        (importlib.util.find_spec("decord") is None, "it is not installed"),
        (
            kind not in ("mp4", "matroska"),
            f"the container is {kind}, not mp4, mov, mkv or webm",
        ),
        (index.by_order is not None, "the time stamps do not address frames"),
        (index.discarded > 0, f"an edit list hides {index.discarded} of its frames"),
        (int(index.pts[0]) < 0, "the time stamps start below zero"),
        (index.cut_short is not None or index.head_dropped > 0, "the clip is cut"),
        (len(index.damaged) > 0, "some of its packets are damaged"),
    )
    return next((reason for doubtful, reason in doubts if doubtful), None)


def _start_child(path: Path) -> "subprocess.Popen[bytes]":
    # -P keeps the current folder, which may hold anything, out of the child's imports.
    command = [sys.executable, "-P", "-m", "vseg.video.decord_child", str(path.absolute())]
    # A session of its own: Ctrl-C in the terminal is for the caller, who still needs frames to
    # end in order.
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
