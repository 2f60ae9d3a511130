"""Frames of live sources on stdout, one JSON line each, and drawn into an mp4."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from vseg.events.track_events import ObjectLabels
from vseg.interfaces.live_source import LiveSource
from vseg.io.mp4 import Mp4Writer
from vseg.pipelines.live import LiveChange, LiveFrame
from vseg.results.events import plain_event
from vseg.results.overlay import draw_overlay
from vseg.types import UNKNOWN_FPS, VideoInfo


class FramePrinter:
    """A `LiveObserver` that prints frames, and records them where there is one camera."""

    def __init__(
        self,
        cameras: Mapping[str, LiveSource],
        labels: Mapping[int, str],
        film: Path | None,
        held: ExitStack,
    ) -> None:
        """labels: of prompted objects.  film: an mp4 of the frames with their masks, finished
        with the block of `held`.
        """
        self._cameras = cameras
        self._labels = {name: ObjectLabels(labels) for name in cameras}
        self._film = film
        self._held = held
        self._recording: Mp4Writer | None = None

    def begin(self, camera: str, info: VideoInfo) -> None:
        """Begin the recording.  It has no frames that were skipped, so it plays faster than
        the source.
        """
        if self._film is not None:
            mp4 = Mp4Writer(
                self._film,
                info.height,
                info.width,
                info.fps or UNKNOWN_FPS,
                pixel_aspect=info.pixel_aspect,
            )
            self._recording = self._held.enter_context(mp4)

    def frame(self, live: LiveFrame) -> None:
        """One line on stdout, and one frame of the recording."""
        labels = self._labels[live.camera]
        labels.take(live.events)
        line = _line(live, self._cameras[live.camera].dropped, labels.by_id)
        print(json.dumps(line), flush=True)
        if self._recording is not None:
            self._recording.write(draw_overlay(live.frame.image, live.masks, labels.by_id))

    def change(self, change: LiveChange) -> None:
        """Nothing: the next frame says how long the gap was."""

    def reload(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing: the recording is finished with its block."""


def _line(live: LiveFrame, dropped: int, labels: Mapping[int, str]) -> dict[str, Any]:
    """One frame as plain values."""
    objects = []
    masks = live.masks
    known = zip(masks, masks.visible.tolist(), masks.scores.tolist(), strict=True)
    for object_id, visible, score in known:
        crop = masks.crop(object_id)
        objects.append(
            {
                "id": object_id,
                "label": labels.get(object_id),
                "visible": visible,
                "score": round(score, 3),
                "box": list(crop.xyxy) if crop.area else None,
                "area": crop.area,
            }
        )
    named = {"camera": live.camera} if live.camera else {}
    gap = {} if live.gap_s is None else {"gap_s": round(live.gap_s, 3)}
    return {
        **named,
        "frame": live.frame.index,
        "time_s": round(live.frame.time_s, 3),
        "dropped": dropped,
        **gap,
        "objects": objects,
        "events": [plain_event(event) for event in live.events],
    }
