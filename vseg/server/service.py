"""What the routes share: the settings, who may come in, the clips, and the one device."""

from dataclasses import dataclass, field
from pathlib import Path

from fastapi import Request
from starlette.requests import HTTPConnection

from vseg.server.job_work import JobWork
from vseg.server.jobs import Jobs
from vseg.server.loaded_models import Models
from vseg.server.security.access import Caller, Doorkeeper, allowed_hosts
from vseg.server.security.cookies import Cookies, stored_secret
from vseg.server.security.keys import KeyRing
from vseg.server.security.rate_limit import Rate
from vseg.server.sessions import Sessions
from vseg.server.settings import ServerSettings
from vseg.server.storage.readers import Readers
from vseg.server.storage.served_folder import ServedFolder
from vseg.server.uploads import Uploads
from vseg.server.worker import Worker


@dataclass(frozen=True, slots=True)
class Service:
    """One running service."""

    settings: ServerSettings
    doorkeeper: Doorkeeper
    folder: ServedFolder
    worker: Worker
    models: Models
    sessions: Sessions
    jobs: Jobs
    uploads: Uploads
    readers: Readers = field(default_factory=Readers)

    @property
    def root(self) -> Path:
        return self.folder.root

    def start(self) -> None:
        """Go on with what an earlier process left."""
        self.uploads.clear()
        self.jobs.start()

    def end_later(self, client: str, session_id: str) -> None:
        """Have the state of a propagation kept, whoever else waits for the device."""
        self.worker.submit(f"{client} ends", self.sessions.end, session_id)

    def close(self) -> None:
        """Keep the state of everything, and release the device and the clips."""
        self.jobs.close()
        self.worker.submit("service", self.sessions.close).result()
        self.worker.close()
        self.readers.close()


def open_service(settings: ServerSettings, keys: KeyRing) -> Service:
    """The service of these settings.  Raises BadVideo for a root that is none, ModelError
    for a model or device that is not there, OutputError where its state cannot be written.
    """
    folder = ServedFolder(settings.root)
    worker = Worker(settings.limits.waiting)
    models = Models(settings)
    return Service(
        settings,
        _doorkeeper(settings, keys),
        folder,
        worker,
        models,
        Sessions(settings, folder, models),
        Jobs(JobWork(settings, folder, models, worker)),
        Uploads(settings, folder),
    )


def _doorkeeper(settings: ServerSettings, keys: KeyRing) -> Doorkeeper:
    limits = settings.limits
    return Doorkeeper(
        keys,
        Cookies(stored_secret(settings.state_folder / "secret")),
        allowed_hosts(settings.host, settings.hosts),
        Rate(limits.requests_per_minute, "requests of one key"),
        Rate(limits.refused_per_minute, "requests with a wrong key"),
    )


def service_of(connection: HTTPConnection) -> Service:
    """The service that a request or a socket came to."""
    service = connection.app.state.service
    assert isinstance(service, Service)
    return service


def caller_of(connection: HTTPConnection) -> Caller:
    """Whose request or socket it is."""
    caller = connection.state.caller
    assert isinstance(caller, Caller)
    return caller


def request_service(request: Request) -> Service:
    """`service_of`, for routes."""
    return service_of(request)


def request_caller(request: Request) -> Caller:
    """`caller_of`, for routes."""
    return caller_of(request)
