"""Who is told of scene events, from the options of `vseg watch`."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from pathlib import Path

from vseg.cli.live_options import TellingOptions
from vseg.errors import UsageError
from vseg.events.event_snapshots import SnapshotFolder
from vseg.events.scene_event import EventStamp
from vseg.events.sinks.event_sink import EventSink, EventSinks
from vseg.events.sinks.event_spool import EventSpool
from vseg.events.sinks.json_lines import JsonLinesSink, StdoutSink
from vseg.events.sinks.mqtt import MqttSink
from vseg.events.sinks.webhook import WebhookSink
from vseg.io.user_folders import user_folder
from vseg.ops.label_text import split_label
from vseg.pipelines.zone_observer import ZoneObserver

Say = Callable[[str], None]


def event_sinks(telling: TellingOptions, cameras: list[str], say: Say) -> EventSinks:
    """Everybody whom the options name.  Raises UsageError, OutputError and ExtraMissing."""
    sinks: list[EventSink] = []
    with ExitStack() as opened:
        if telling.events is not None:
            path = telling.events
            sinks.append(StdoutSink() if path == "-" else JsonLinesSink(Path(path)))
            opened.callback(sinks[-1].close)
        broker = telling.address_of(telling.mqtt)
        if broker is not None:
            sinks.append(MqttSink(broker, cameras, say))
            opened.callback(sinks[-1].close)
        receiver = telling.address_of(telling.webhook)
        if receiver is not None:
            folder = telling.webhook_spool or _spool_folder(receiver)
            sinks.append(WebhookSink(receiver, EventSpool(folder), say))
        opened.pop_all()
    return EventSinks(sinks, say)


def check_zones(telling: TellingOptions, cameras: Collection[str], *, record: bool) -> None:
    """Raise UsageError for zones that nobody is told of, and snapshots without zones.  record:
    whether clips are, which zones begin.
    """
    if not telling.zone_paths(cameras):
        if telling.snapshots is not None:
            raise UsageError("--snapshots are of the events of zones", hint="add --zones FILE")
    elif not (telling.events or telling.mqtt or telling.webhook or record):
        raise UsageError(
            "nobody is told what happens in the zones",
            hint="add --events FILE, --events - for stdout, --mqtt URL, --webhook URL or "
            "--record FOLDER",
        )


def zone_observer(
    telling: TellingOptions,
    stamps: Mapping[str, EventStamp],
    sink: EventSink,
    labels: Mapping[int, str],
    say: Say,
) -> ZoneObserver | None:
    """Who judges zones, if there are any.  Raises BadConfig."""
    paths = telling.zone_paths(stamps)
    if not paths:
        return None
    classes = {i: split_label(text)[0] for i, text in labels.items()}
    observer = ZoneObserver(paths, stamps, sink, classes, say)
    if telling.snapshots is not None:
        observer.keep_snapshots(SnapshotFolder(telling.snapshots, say))
    return observer


def _spool_folder(address: str) -> Path:
    """Where events for a receiver wait: the same folder for the same address, in the user's
    state directory.  Raises UsageError for a user without one.
    """
    folder = user_folder("XDG_STATE_HOME", ".local/state")
    if folder is None:
        raise UsageError(
            "events that wait for the webhook have no folder: this user has no home folder",
            hint="name one with --webhook-spool FOLDER",
        )
    return folder / "webhooks" / hashlib.sha256(address.encode()).hexdigest()[:16]
