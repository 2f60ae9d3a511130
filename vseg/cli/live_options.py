"""Options of live sources: which, how they are read, and what tells of them."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vseg.errors import UsageError

if TYPE_CHECKING:
    from vseg.video.address import RtspTransport
    from vseg.video.camera import LiveOptions

# A name is part of file names, of topics and of labels.
_NAMED = re.compile(r"([A-Za-z0-9_-]{1,64})=(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """Which live sources, and how they are read."""

    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            metavar="NAME=SOURCE",
            help="One of several cameras; each may be away at first. @FILE holds an address.",
        ),
    ] = None
    no_drop: Annotated[
        bool,
        typer.Option(
            "--no-drop", help="Track every frame in order, instead of always the newest."
        ),
    ] = False
    silence: Annotated[
        float,
        typer.Option(
            "--silence",
            metavar="SECONDS",
            min=0.1,
            help="Without an image for so long a camera is lost, and connected again.",
        ),
    ] = 10.0
    max_gap: Annotated[
        float,
        typer.Option(
            "--max-gap",
            metavar="SECONDS",
            min=0.0,
            help="After a longer gap, objects that were detected are forgotten.",
        ),
    ] = 60.0
    rtsp: Annotated[
        str, typer.Option("--rtsp", metavar="tcp|udp", help="How rtsp sends its images.")
    ] = "tcp"

    def cameras(self, source: str | None) -> dict[str, str]:
        """Addresses by name; the one of the argument has the name ''.  Raises UsageError."""
        if (source is None) == (not self.source):
            raise UsageError(
                "give one SOURCE, or --source NAME=SOURCE for each of several",
                hint="for example: vseg watch 0 --text person",
            )
        if source is not None:
            return {"": _address(source)}
        cameras: dict[str, str] = {}
        for place, text in enumerate(self.source or (), start=1):
            # What is wrong may hold a password, so it is not repeated.
            named = _NAMED.fullmatch(text)
            if named is None:
                raise UsageError(
                    f"--source number {place} is not NAME=SOURCE",
                    hint="a name has letters, digits, - and _: --source door=rtsp://...",
                )
            if named[1] in cameras:
                raise UsageError(
                    f"two sources have the name {named[1]}",
                    hint="give each camera a name of its own",
                )
            cameras[named[1]] = _address(named[2])
        return cameras

    def reading(self) -> "LiveOptions":
        """How the sources are read.  Raises UsageError."""
        from vseg.video.camera import LiveOptions

        ways: dict[str, RtspTransport] = {"tcp": "tcp", "udp": "udp"}
        if self.rtsp not in ways:
            raise UsageError(f"--rtsp {self.rtsp}", hint="give tcp or udp")
        return LiveOptions(
            timeout_s=self.silence,
            drop=not self.no_drop,
            transport=ways[self.rtsp],
            wait=bool(self.source),
        )


def _address(source: str) -> str:
    """The source, or the first line of the file that `@FILE` names."""
    if not source.startswith("@"):
        return source
    path = Path(source[1:])
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: the address cannot be read from it: {error.__class__.__name__}",
            hint="give a file whose first line is the address",
        ) from None
    if not lines[0].strip():
        raise UsageError(f"{path}: its first line is empty", hint="write the address there")
    return lines[0].strip()


@dataclass(frozen=True, slots=True)
class TellingOptions:
    """Who is told of what happens, and of how it goes."""

    events: Annotated[
        str | None,
        typer.Option(
            "--events", help="Add what happens in the scene to a JSON Lines file; - is stdout."
        ),
    ] = None
    zones: Annotated[
        list[str] | None,
        typer.Option(
            "--zones",
            metavar="[NAME=]FILE",
            help="Zones and lines to watch, of every camera or of the one that is named.",
        ),
    ] = None
    snapshots: Annotated[
        Path | None,
        typer.Option("--snapshots", help="A folder for an image of the object of each event."),
    ] = None
    mqtt: Annotated[
        str | None,
        typer.Option(
            "--mqtt",
            metavar="URL",
            help="Publish events there: mqtt://HOST/PREFIX. @FILE holds an address.",
        ),
    ] = None
    webhook: Annotated[
        str | None,
        typer.Option(
            "--webhook",
            metavar="URL",
            help="Send each event there, signed by VSEG_WEBHOOK_SECRET. @FILE: as above.",
        ),
    ] = None
    webhook_spool: Annotated[
        Path | None,
        typer.Option("--webhook-spool", help="A folder for events that wait to be sent."),
    ] = None
    status: Annotated[
        str | None,
        typer.Option(
            "--status",
            metavar="HOST:PORT",
            help="Serve /status (JSON), /metrics (Prometheus) and /healthz there.",
        ),
    ] = None
    rerun: Annotated[
        str | None,
        typer.Option(
            "--rerun",
            metavar="FILE|spawn",
            help="Log images and masks for Rerun: an .rrd file, or its viewer.",
        ),
    ] = None

    def address_of(self, place: str | None) -> str | None:
        """An address, or that in the file that `@FILE` names.  Raises UsageError."""
        return None if place is None else _address(place)

    def zone_paths(self, cameras: Collection[str]) -> dict[str, Path]:
        """The file of zones of each camera that has one.  Raises UsageError for another
        camera.
        """
        paths: dict[str, Path] = {}
        for text in self.zones or ():
            name, named, file = text.partition("=")
            if not named or name not in cameras:
                if named and not Path(text).exists():
                    raise UsageError(
                        f"--zones {text}: no camera is called {name}",
                        hint=f"there are: {', '.join(cameras) or 'none'}",
                    )
                paths = {camera: Path(text) for camera in cameras} | paths
            else:
                paths[name] = Path(file)
        return paths
