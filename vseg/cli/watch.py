"""`vseg watch`: a camera or a stream in, one JSON line per frame out."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vseg.cli import options
from vseg.cli.option_groups import DetectionOptions, ModelOptions, PromptOptions, flat
from vseg.errors import DamagedVideo, UsageError

if TYPE_CHECKING:
    from vseg.config import TrackConfig
    from vseg.interfaces.live_source import LiveSource
    from vseg.io.mp4 import Mp4Writer
    from vseg.pipelines.job import TrackJob
    from vseg.pipelines.live import LiveFrame
    from vseg.types import Prompt, VideoInfo

SourceName = Annotated[
    str,
    typer.Argument(metavar="SOURCE", help="A camera number, a stream's address, or a clip."),
]


@flat
def watch(
    source: SourceName,
    prompts: PromptOptions,
    detection: DetectionOptions,
    model: ModelOptions,
    frames: Annotated[
        int | None, typer.Option("--frames", min=1, help="Stop after N frames.")
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option("--overlay", help="Also record the frames with their masks: an mp4."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Also store the masks: a run directory.")
    ] = None,
    label: options.Labels = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Track objects on a live source; Ctrl-C ends it.  Prompts are on the first frame.

    Frames that arrive while the last one is processed are skipped: the output is always
    current.  A line has frame, time_s, dropped, objects (id, label, visible, score, box,
    area) and events.  -o stores the frames that were given out as a run, which has their masks
    and times but not their images.
    """
    from vseg.io.files import check_free
    from vseg.pipelines.job import TrackJob
    from vseg.prompts.parse import parse_labels

    job = TrackJob(
        source=source,
        out=out or Path(),
        prompts=prompts.prompts(),
        config=model.read(**detection.settings()),
        labels=parse_labels(label or ()),
        everything=prompts.auto,
        overwrite=overwrite,
    )
    if prompts.auto == bool(job.prompts):
        raise UsageError(
            "give prompts, or --auto, and only one of them",
            hint="for example: vseg watch 0 --text person",
        )
    if overlay is not None:
        check_free(overlay, overwrite=overwrite)
    _note_words(job.prompts, job.config)
    broken = _watch(job, frames, overlay, store=out is not None)
    if overlay is not None:
        print(f"recorded {overlay}", file=sys.stderr)
    if out is not None:
        print(f"stored {out}", file=sys.stderr)
    if broken is not None:
        raise broken


def _watch(
    job: "TrackJob", frames: int | None, overlay: Path | None, *, store: bool
) -> DamagedVideo | None:
    """Print, record and store what the source shows; why it broke, if it did."""
    from vseg.cli.interrupt import stop_on_request
    from vseg.pipelines.live import watch as live_frames
    from vseg.pipelines.live_run import storing
    from vseg.pipelines.prepare import load_configured
    from vseg.video.open_live import open_live

    # Before the source is opened: frames that pass while a model loads are not its first.
    loaded = load_configured(job.config)
    broken: DamagedVideo | None = None
    with stop_on_request() as stop, ExitStack() as held:
        camera = open_live(job.source)
        held.callback(camera.close)
        info = camera.info
        film = held.enter_context(_recording(overlay, info)) if overlay else None
        run = held.enter_context(storing(job, loaded, info)) if store else None
        printer = _FramePrinter(camera, film, dict(job.labels))
        try:
            frames_of = live_frames(camera, job.prompts, job.config, loaded)
            for count, live in enumerate(frames_of, start=1):
                printer.show(live)
                if run is not None:
                    run.write(live)
                if stop() or count == frames:
                    break
        except DamagedVideo as error:  # raised by the caller, once all is whole
            broken = error
            if run is not None:
                run.source_broke(error)
    return broken


def _note_words(requests: "tuple[Prompt, ...]", settings: "TrackConfig") -> None:
    """Say on stderr which words nano takes for wider ones, and what its words are worth."""
    if settings.redetection.grounder is not None:
        return
    from vseg.grounding.vocabulary import HELD_OUT, narrower_notes, weak_notes
    from vseg.types import Text

    phrases = [r.value.phrase for r in requests if isinstance(r.value, Text)]
    for note in (*narrower_notes(phrases, HELD_OUT), *weak_notes(phrases, HELD_OUT, {})):
        print(note, file=sys.stderr)


class _FramePrinter:
    """Prints frames and records them; keeps the labels of the objects there are."""

    def __init__(
        self, camera: "LiveSource", recording: "Mp4Writer | None", labels: dict[int, str]
    ) -> None:
        self._camera = camera
        self._recording = recording
        self._labels = labels

    def show(self, live: "LiveFrame") -> None:
        """One line on stdout, and one frame of the recording."""
        labels = self._labels
        labels |= {e.object_id: e.label for e in live.events if e.object_id and e.label}
        print(json.dumps(_line(live, self._camera.dropped, labels)), flush=True)
        if self._recording is not None:
            self._recording.write(_overlay(live, labels))
        for event in live.events:
            if event.kind == "removed" and event.object_id:
                labels.pop(event.object_id, None)


def _line(live: "LiveFrame", dropped: int, labels: dict[int, str]) -> dict[str, Any]:
    """One frame as plain values."""
    from vseg.results.events import plain_event

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
    return {
        "frame": live.frame.index,
        "time_s": round(live.frame.time_s, 3),
        "dropped": dropped,
        "objects": objects,
        "events": [plain_event(event) for event in live.events],
    }


def _recording(path: Path, info: "VideoInfo") -> "Mp4Writer":
    """The recording.  It has no frames that were skipped, so it plays faster than the
    source.
    """
    from vseg.io.mp4 import Mp4Writer
    from vseg.types import UNKNOWN_FPS

    return Mp4Writer(path, info.height, info.width, info.fps or UNKNOWN_FPS)


def _overlay(live: "LiveFrame", labels: dict[int, str]) -> Any:
    from vseg.results.overlay import draw_overlay

    return draw_overlay(live.frame.image, live.masks, labels)
