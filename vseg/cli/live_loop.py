"""The loop of `vseg watch`: sources opened, frames tracked, everybody told, all closed whole.

Enters: a job, its cameras, and what is wanted of them.  Leaves: nothing but what the observers
wrote.
"""

import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from vseg.cli.interrupt import reload_on_request, stop_on_request
from vseg.cli.live_options import StreamOptions, TellingOptions
from vseg.cli.live_printer import FramePrinter
from vseg.cli.live_sinks import check_zones, event_sinks, zone_observer
from vseg.cli.record_options import RecordOptions
from vseg.errors import DamagedVideo
from vseg.events.scene_event import EventStamp
from vseg.exchange.rerun_log import RerunLog
from vseg.interfaces.live_source import LiveSource
from vseg.ops.counted import counted
from vseg.pipelines.clip_recorder import RecordingSink
from vseg.pipelines.gap_events import GapEvents
from vseg.pipelines.job import TrackJob
from vseg.pipelines.live import LiveChange, LiveFrame
from vseg.pipelines.live_cameras import LiveTask, check_shared, watch
from vseg.pipelines.live_observer import LiveObserver, LiveObservers
from vseg.pipelines.live_rerun import RerunObserver
from vseg.pipelines.live_run import LiveRuns
from vseg.pipelines.live_status import ALIVE_WITHIN_S, LiveStatus, prometheus_text
from vseg.pipelines.prepare import load_configured
from vseg.pipelines.seldom_detected_observer import seldom_detected_observer
from vseg.server.status_endpoint import StatusEndpoint
from vseg.video.open_live import open_live


@dataclass(frozen=True, slots=True)
class LiveJob:
    """What to watch.  cameras: addresses by name.  frames: how many to give out in all; None
    for all there are.  film: an mp4 of the frames with their masks.  store: as runs in the
    job's folder.
    """

    job: TrackJob
    cameras: Mapping[str, str]
    stream: StreamOptions
    telling: TellingOptions
    recording: RecordOptions
    frames: int | None = None
    film: Path | None = None
    store: bool = False


def watch_live(live: LiveJob) -> DamagedVideo | None:
    """Track and tell until there is no more, or no more is wanted; why a clip broke, if it
    did.
    """
    job = live.job
    if len(live.cameras) > 1:
        check_shared(job.prompts)
    # Before the first output is begun.
    check_zones(live.telling, live.cameras, record=live.recording.record is not None)
    # Before the source is opened: frames that pass while a model loads are not its first.
    model = load_configured(job.config)
    news = threading.Event()
    with stop_on_request() as stop, reload_on_request() as hung_up, ExitStack() as held:
        cameras = _opened(live, news, held)
        runs = held.enter_context(LiveRuns(job, model, live.cameras)) if live.store else None
        status = LiveStatus(cameras)
        told = LiveObservers(_observers(live, cameras, runs, status, held), cameras)
        held.callback(told.close)

        def stopped() -> bool:
            status.beat()
            if hung_up():
                for error in told.reload():
                    _say(f"not read anew: {error}")
            return stop()

        task = LiveTask(job.prompts, job.config, live.stream.max_gap, stopped)
        broken = _tell(watch(cameras, task, model, news), told, live.frames)
        if broken is not None and runs is not None:
            runs.broke("", broken)
    return broken


def _tell(
    items: Iterator[LiveFrame | LiveChange], told: LiveObservers, most: int | None
) -> DamagedVideo | None:
    """Tell of everything, up to so many frames, and at the end that nothing was found; why a
    clip broke, which its caller raises once all is whole.
    """
    frames = 0
    found = False
    try:
        for item in items:
            told.tell(item)
            if isinstance(item, LiveFrame):
                frames += 1
                found = found or bool(item.masks.visible.any())
            if frames == most:
                break
    except DamagedVideo as error:
        return error
    if frames and not found:
        _say(f"nothing was found in {counted(frames, 'frame')}")
    return None


def _opened(live: LiveJob, news: threading.Event, held: ExitStack) -> dict[str, LiveSource]:
    """The sources by name, closed with the block."""
    reading = live.stream.reading()
    cameras: dict[str, LiveSource] = {}
    for name, address in live.cameras.items():
        cameras[name] = open_live(address, reading, news=news)
        held.callback(cameras[name].close)
    return cameras


def _observers(
    live: LiveJob,
    cameras: Mapping[str, LiveSource],
    runs: LiveRuns | None,
    status: LiveStatus,
    held: ExitStack,
) -> list[LiveObserver]:
    """Who is told of frames, in this order."""
    labels = live.job.labels
    observers: list[LiveObserver] = [status, FramePrinter(cameras, labels, live.film, held)]
    if runs is not None:
        observers.append(runs)
    session = uuid.uuid4().hex[:12]
    stamps = {name: EventStamp(name or "camera", session) for name in cameras}
    sink = event_sinks(live.telling, [name or "camera" for name in cameras], _say)
    held.callback(sink.close)
    observers.append(GapEvents(stamps, sink, _say))
    judged = bool(live.telling.zone_paths(stamps))
    recorder = live.recording.recorder(_say, zones=judged)
    zone_sink = sink if recorder is None else RecordingSink(sink, recorder, {"camera": ""})
    zones = zone_observer(live.telling, stamps, zone_sink, dict(labels), _say)
    seldom = seldom_detected_observer(live.job, _say)
    # A clip begins with the frame on which zones say that something happens: they come first.
    observers += [one for one in (zones, recorder, seldom) if one is not None]
    if live.telling.rerun is not None:
        log = RerunLog(live.telling.rerun, "vseg watch", overwrite=live.job.overwrite)
        held.callback(log.close)
        observers.append(RerunObserver(log, cameras, labels))
    if live.telling.status is not None:
        endpoint = StatusEndpoint(
            live.telling.status,
            status.report,
            prometheus_text,
            lambda report: report["loop_age_s"] < ALIVE_WITHIN_S,
        )
        held.enter_context(endpoint)
        _say(f"status at port {endpoint.port}: /status, /metrics, /healthz")
    return observers


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
