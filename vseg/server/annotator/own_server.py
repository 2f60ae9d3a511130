"""A service for one clip: what `vseg annotate` and notebooks open.

Enters: a clip, or a run of it, and where to annotate into.  Leaves: an application on this
machine alone, with a random token.  The folder of the run is served, so that its other runs
can be reviewed; the clip is, wherever it is; nothing else.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import FastAPI

from vseg.build import check_grounder
from vseg.checked_settings import checked
from vseg.config import RedetectionSettings, TrackConfig
from vseg.errors import BadRun, ModelError
from vseg.io.files import check_exists, make_folder, real_path
from vseg.pipelines.correction_setup import config_of
from vseg.pipelines.empty_run import create_empty_run
from vseg.results.draft import finished_header
from vseg.results.layout import RunState, is_run, run_state
from vseg.results.run import Run
from vseg.server.app import create_app
from vseg.server.security.keys import LOCAL, KeyRing, key_of, new_token
from vseg.server.service import Service
from vseg.server.settings import ServerSettings
from vseg.weights.catalogue import GROUNDERS, MODELS


@dataclass(frozen=True, slots=True)
class OwnServer:
    """run: where it is annotated into.  token: what the page is opened with."""

    app: FastAPI
    settings: ServerSettings
    run: Path
    run_id: str
    token: str

    def page(self, address: str) -> str:
        """The address of the page for a server at `address`; the token is in the part that
        browsers do not send.
        """
        return f"{address}/#run={self.run_id}&token={self.token}"


@contextmanager
def own_server(clip: str, out: Path | None, **given: Any) -> Iterator[OwnServer]:
    """The service, until the block ends.

    clip: a clip or a run.  out: the run, made if there is none; runs/NAME-annotated if None.
    given: settings of ServerSettings.  Raises BadVideo, BadRun for a run that is not finished
    or of another clip, ModelError, and OutputError.
    """
    check_exists(clip)
    source = Path(clip)
    if is_run(source) and out is None:
        out = source
        source = Path(finished_header(out).source.path)
    target = real_path(out or Path("runs") / f"{source.stem}-annotated")
    make_folder(target.parent, "the run")
    with TemporaryDirectory(prefix="vseg-annotate-") as state:
        values = {"root": target.parent, "state": Path(state), **_of_run(target), **given}
        settings = checked(ServerSettings, values, where="the settings of the annotator")
        token = new_token()
        key = key_of(token, "local", "admin", key_id=LOCAL)
        app = create_app(settings, KeyRing((key,)))
        service = app.state.service
        assert isinstance(service, Service)
        _ensure_run(service, source, target)
        service.folder.admit("video", source)
        run_id = service.folder.admit("run", target)
        yield OwnServer(app, settings, target, run_id, token)


def _of_run(run: Path) -> dict[str, Any]:
    """What a run was tracked with, to go on with the same; nothing where there is none."""
    if run_state(run) is RunState.ABSENT:
        return {}
    header = finished_header(run)
    found: dict[str, Any] = {}
    stored = config_of(header, {}).redetection.grounder
    if stored is not None:
        # Whoever gives no words needs none: one that is not on this machine stops nobody.
        with suppress(ModelError):
            check_grounder(stored)
            found["grounder"] = stored
    if header.model in MODELS:  # that of a folder is to be named
        found["model"] = header.model
        found["short_side"] = header.options.get("short_side", 384)
    return found


def _lasting(grounder: str | None) -> str | None:
    """A grounder as the run names it: a folder is found from every other folder too."""
    if grounder is None or grounder in GROUNDERS:
        return grounder
    return str(real_path(Path(grounder)))


def _ensure_run(service: Service, clip: Path, out: Path) -> None:
    """The run, which is made if there is none."""
    if run_state(out) is RunState.ABSENT:
        chosen = service.settings
        config = TrackConfig(
            model=chosen.model,
            device=chosen.device,
            short_side=chosen.short_side,
            redetection=RedetectionSettings(grounder=_lasting(chosen.grounder)),
        )
        create_empty_run(str(real_path(clip)), out, service.models.load(), config)
        return
    finished_header(out)
    run = Run(out)
    run.check_source(clip)
    if real_path(Path(run.header.source.path)) != real_path(clip):
        raise BadRun(
            f"{out} was made from {run.header.source.path}, which {clip} is a copy of",
            hint="annotate that one, or give another folder with -o",
        )
