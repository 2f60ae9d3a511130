"""What is tracked, logged for the viewer Rerun: images, masks, boxes, events and times.

Enters: frames as they are tracked.  Leaves: an .rrd file, or the viewer beside it.  Two
timelines: `frame`, the number, and `time`, seconds of the source.  Rerun's viewer reports how
it is used unless it is told not to: the one that is started here is told.

    camera                 the image, as JPEG; of several cameras, each by its name
    camera/masks           the objects, in the colours that they have everywhere
    camera/boxes           their boxes, with id, label and score
    camera/events          a line for each thing that happened
    camera/latency_ms      how old the image was when its masks were there
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt16

from vseg.errors import ExtraMissing, OutputError
from vseg.frame_masks import FrameMasks
from vseg.interfaces.closing import Closing
from vseg.ops.colours import colour_of
from vseg.results.output_place import check_output
from vseg.types import Frame, TrackEvent

if TYPE_CHECKING:
    from rerun import Boxes2D, RecordingStream

SPAWN = "spawn"
"""In place of a file: the viewer is started, and shows what is logged."""

# At 85 of 100 an image takes a tenth of its pixels' bytes, and masks can still be judged on
# it.  A round value.
_JPEG_QUALITY = 85
# Rerun's own.
PORT = 9876
# What the viewer keeps of the past: then the oldest is dropped.  A round value.
VIEWER = [sys.executable, "-m", "rerun", f"--port={PORT}", "--memory-limit=2GB"]
# Seconds that the viewer may take to start, and the last frames to be written; round values.
_START_S = 20.0
_FLUSH_S = 10.0
_CLASSES = 65535
"""Rerun's class ids have 16 bits; 0 is the background."""


@dataclass(frozen=True, slots=True)
class LoggedFrame:
    """A frame as it is shown.  labels: by object id.  lines: what happened on it, in words.
    latency_s: how old the image was when its masks were there; None of a stored clip.
    """

    frame: Frame
    masks: FrameMasks
    labels: Mapping[int, str]
    lines: Sequence[str] = ()
    latency_s: float | None = None


class RerunLog(Closing):
    """Logs frames to one recording.

    target: the file to write, or `spawn`.  name: of the source, which names the recording.
    colours: by object id, of those that have not the usual one.
    """

    def __init__(
        self,
        target: str,
        name: str,
        *,
        colours: Mapping[int, tuple[int, int, int]] | None = None,
        overwrite: bool = False,
    ) -> None:
        """Raises ExtraMissing without the extra, OutputError for a file that cannot be
        written, or a viewer that cannot be started.
        """
        check_rerun_extra()
        if target != SPAWN:
            check_output(Path(target), overwrite=overwrite)
        import rerun

        self._rerun = rerun
        self._colours = colours or {}
        # What the class ids of each camera stand for.
        self._shown: dict[str, dict[int, str | None]] = {}
        self._recording: RecordingStream = rerun.RecordingStream("vseg")
        self._recording.send_recording_name(name)
        self._target = target
        self._viewer = _start_viewer() if target == SPAWN else None
        if self._viewer is not None:
            self._recording.connect_grpc(f"rerun+http://127.0.0.1:{PORT}/proxy")
            return
        try:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            self._recording.save(target)
        except (OSError, RuntimeError, ValueError) as error:
            raise OutputError(
                f"cannot write {target}: {error}", hint="check the folder's permissions"
            ) from error

    def log(self, shown: LoggedFrame, camera: str = "camera") -> None:
        """One frame of a camera."""
        rr = self._rerun
        recording = self._recording
        recording.set_time("frame", sequence=shown.frame.index)
        recording.set_time("time", duration=shown.frame.time_s)
        self._log_context(shown, camera)
        image = rr.Image(shown.frame.image).compress(jpeg_quality=_JPEG_QUALITY)
        recording.log(camera, image)
        recording.log(f"{camera}/masks", rr.SegmentationImage(_class_image(shown.masks)))
        recording.log(f"{camera}/boxes", self._boxes(shown))
        for line in shown.lines:
            entry = rr.TextLog(line, level=rr.TextLogLevel.INFO)
            recording.log(f"{camera}/events", entry)
        if shown.latency_s is not None:
            recording.log(f"{camera}/latency_ms", rr.Scalars(1000 * shown.latency_s))

    def close(self) -> None:
        """Write what is left; a file is whole then.  Raises OutputError."""
        try:
            self._recording.flush(timeout_sec=_FLUSH_S)
        except RuntimeError as error:
            # A viewer may have been closed before what it shows has ended.
            if self._viewer is None:
                raise OutputError(f"cannot write {self._target}: {error}") from error
        finally:
            self._recording.disconnect()
        # It takes logs before it finds that there is no display.
        if self._viewer is not None and (self._viewer.poll() or 0) > 0:
            raise _failed(self._viewer)

    def _log_context(self, shown: LoggedFrame, camera: str) -> None:
        """The names and colours of classes, where they are not those of the frame before."""
        names = {obj: shown.labels.get(obj) for obj in shown.masks.object_ids}
        if names == self._shown.get(camera):
            return
        self._shown[camera] = names
        classes = [
            (class_of(obj), _title(obj, label), self._colours.get(obj, colour_of(obj)))
            for obj, label in names.items()
        ]
        self._recording.log(camera, self._rerun.AnnotationContext(classes))

    def _boxes(self, shown: LoggedFrame) -> "Boxes2D":
        rr = self._rerun
        masks = shown.masks
        boxes = masks.boxes
        rows = [row for row, box in enumerate(boxes.tolist()) if box[2] > box[0]]
        ids = [masks.object_ids[row] for row in rows]
        scores = masks.scores[rows].tolist()
        return rr.Boxes2D(
            array=boxes[rows].astype(np.float32),
            array_format=rr.Box2DFormat.XYXY,
            class_ids=[class_of(obj) for obj in ids],
            labels=[
                f"{_title(obj, shown.labels.get(obj))} {score:.2f}"
                for obj, score in zip(ids, scores, strict=True)
            ],
        )


def event_words(event: TrackEvent) -> str:
    """An event in words: its kind, and what it is of."""
    of = [str(one) for one in (event.object_id, event.label) if one is not None]
    return " ".join([event.kind.replace("_", " "), *of])


def check_rerun_extra() -> None:
    """Raise ExtraMissing unless Rerun is installed."""
    if find_spec("rerun") is None:
        raise ExtraMissing(
            "the package rerun-sdk is not installed", hint="pip install 'vseg[rerun]'"
        )


def class_of(obj: int) -> int:
    """Rerun's class id of an object: its id, as long as that has 16 bits."""
    return (obj - 1) % _CLASSES + 1


def _class_image(masks: FrameMasks) -> UInt16[np.ndarray, "H W"]:
    """The class of every pixel; where masks overlap, that of the higher id."""
    image = np.zeros((masks.height, masks.width), dtype=np.uint16)
    for obj in masks:
        crop = masks.crop(obj)
        x1, y1, x2, y2 = crop.xyxy
        image[y1:y2, x1:x2][crop.mask] = class_of(obj)
    return image


def _title(obj: int, label: str | None) -> str:
    return f"{obj} {label}" if label else str(obj)


def _start_viewer() -> "subprocess.Popen[bytes]":
    """The viewer, started in a process that outlives this one.  Raises OutputError."""
    # It sends reports of its use unless it runs in continuous integration.
    silent = os.environ | {"CI": "true"}
    viewer = subprocess.Popen(VIEWER, env=silent, start_new_session=True)
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        if viewer.poll() is not None:
            raise _failed(viewer)
        with suppress(OSError), socket.create_connection(("127.0.0.1", PORT), timeout=1):
            return viewer
        time.sleep(0.1)
    viewer.terminate()
    raise OutputError(
        f"Rerun's viewer does not answer within {_START_S:g} s", hint="--rerun run.rrd"
    )


def _failed(viewer: "subprocess.Popen[bytes]") -> OutputError:
    return OutputError(
        f"Rerun's viewer ended with status {viewer.returncode}",
        hint="give --rerun a file where there is no display: --rerun run.rrd",
    )
