"""All sessions of the service: those in use in memory, every one of them on disk.

Enters: requests of a key.  Leaves: masks, and what is stored.  A session is saved after every
change, and every few seconds of a propagation; so it may be dropped from memory at any time,
and the service killed at any time.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

from vseg.build import open_video
from vseg.client.values import (
    FrameAnswer,
    PromptsAnswer,
    PropagateRequest,
    SessionFacts,
    SessionRequest,
)
from vseg.errors import BadRun, InTheWay, NotThere, TooLarge, TooMany
from vseg.server.idempotency import id_of_request, reused_key
from vseg.server.live_session import LiveSession, newest
from vseg.server.loaded_models import Models
from vseg.server.security.access import Caller
from vseg.server.settings import ServerSettings
from vseg.server.storage.readers import version_of
from vseg.server.storage.served_folder import ServedFolder
from vseg.server.storage.session_files import Answered, SessionFiles, SessionRecord
from vseg.session.session import Session
from vseg.types import Prompt

_GIVEN_UP_S = 60.0
"""Without a next frame being asked for: then a propagation's client is taken for gone."""


class Sessions:
    """Sessions by id.  Everything that uses a model is called in a turn of the worker."""

    def __init__(self, settings: ServerSettings, folder: ServedFolder, models: Models) -> None:
        self._settings = settings
        self._folder = folder
        self._models = models
        self._files = SessionFiles(settings.state_folder / "sessions")
        self._records = self._files.records()
        self._live: OrderedDict[str, LiveSession] = OrderedDict()
        self._saved: dict[str, float] = {}
        self._lock = threading.RLock()

    def create(self, caller: Caller, request: SessionRequest, key: str | None) -> SessionFacts:
        """A new session; with an idempotency key that was used, the one made with it.

        Raises NotThere for the clip, TooMany, InTheWay.
        """
        path = self._folder.find("video", request.video)
        session_id = id_of_request(caller.id, key)
        with self._lock:
            known = self._records.get(session_id)
            if known is not None:
                if known.request != request:
                    raise reused_key()
                return known.facts()
            self._check_count(caller)
            record = SessionRecord(
                id=session_id,
                owner=caller.id,
                request=request,
                path=self._folder.name_of(path),
                version=version_of(path),
                created=datetime.now(UTC),
            )
            self._records[session_id] = self._files.save(record, None)
            return record.facts()

    def listed(self, caller: Caller) -> list[SessionFacts]:
        """The sessions that the caller may see, oldest first."""
        with self._lock:
            known = self._records.values()
            seen = [record for record in known if caller.may_see(record.owner)]
        return [record.facts() for record in sorted(seen, key=lambda one: one.created)]

    def facts(self, caller: Caller, session_id: str) -> SessionFacts:
        """One session.  Raises NotThere."""
        return self._record(caller, session_id).facts()

    def prompt(
        self,
        caller: Caller,
        session_id: str,
        prompts: Sequence[Prompt],
        repeat: tuple[str, str] | None = None,
    ) -> PromptsAnswer:
        """Give prompts; what they show.  repeat: the idempotency key and the request's hash.

        Raises BadPrompt, NothingFound, TooLarge, InTheWay.
        """
        record = self._record(caller, session_id)
        for one in record.answered:
            if repeat is not None and one.key == repeat[0]:
                if one.body != repeat[1]:
                    raise reused_key()
                return one.answer
        self._check_objects(record, prompts)
        with self._changing(record) as live:
            answer = PromptsAnswer(frames=live.prompt(prompts))
            kept = (
                None
                if repeat is None
                else Answered(key=repeat[0], body=repeat[1], answer=answer)
            )
            self._save(session_id, live, kept, changed=True)
        return answer

    def remove_object(self, caller: Caller, session_id: str, obj: int) -> SessionFacts:
        """Stop tracking an object.  Raises BadPrompt for one that is not there."""
        record = self._record(caller, session_id)
        with self._changing(record) as live:
            live.session.remove(obj)
            return self._save(session_id, live, changed=True).facts()

    def begin(self, caller: Caller, session_id: str, request: PropagateRequest) -> None:
        """Begin to propagate; `step` gives the frames.  Raises BadPrompt, UsageError."""
        record = self._record(caller, session_id)
        with self._changing(record) as live:
            before = record.before_pass(request)
            if before is not None and not request.resume and before == record.before:
                state = self._files.state(record, before.state)
                assert state is not None, "an object was prompted"
                live.session.restore(state)
            live.begin(request, record.unfinished, prompted=before is not None)
            changes = {"unfinished": live.plan, "sent": tuple(live.sent), "before": before}
            planned = record.model_copy(update=changes)
            with self._lock:
                self._records[session_id] = self._files.save(planned, None)
            self._saved[session_id] = time.monotonic()

    def step(self, session_id: str) -> FrameAnswer | None:
        """The next frame of a propagation; None at its end.  Raises DamagedVideo."""
        with self._lock:
            live = self._live.get(session_id)
        if live is None or live.masks is None:
            raise InTheWay("the session was deleted meanwhile")
        answer = live.next()
        live.used = time.monotonic()
        if (
            answer is not None
            and live.used - self._saved[session_id] >= self._settings.save_every_s
        ):
            self._save(session_id, live)
        return answer

    def end(self, session_id: str) -> None:
        """Keep the state of a propagation that has ended, or was given up."""
        with self._lock:
            live = self._live.get(session_id)
        if live is not None and live.masks is not None:
            live.end()
            self._save(session_id, live)

    def delete(self, caller: Caller, session_id: str) -> None:
        """Forget a session and what is kept of it.  Raises NotThere."""
        self._record(caller, session_id)
        self._drop(session_id)
        with self._lock:
            del self._records[session_id]
        self._files.remove(session_id)

    def evict(self) -> None:
        """Drop from memory what was not needed lately, or is more than may stay there."""
        now = time.monotonic()
        with self._lock:
            idle = [i for i, one in self._live.items() if one.masks is None]
            oldest = idle[: max(0, len(self._live) - self._settings.loaded_sessions)]
            late = [i for i in idle if now - self._live[i].used > self._settings.idle_s]
        for session_id in {*oldest, *late}:
            self._drop(session_id)

    def close(self) -> None:
        """Keep the state of every propagation, and free all sessions."""
        for session_id in list(self._live):
            self.end(session_id)
            self._drop(session_id)

    @property
    def counts(self) -> tuple[int, int]:
        """How many sessions there are, and how many of them are in memory."""
        return len(self._records), len(self._live)

    @contextmanager
    def _using(self, record: SessionRecord) -> Iterator[LiveSession]:
        """The session in memory.  Raises InTheWay while it is propagated, and for a clip that
        was replaced.
        """
        live = self._live.get(record.id)
        if live is not None and time.monotonic() - live.used > _GIVEN_UP_S:
            self.end(record.id)
        if live is not None and live.masks is not None:
            raise InTheWay(
                "the session is being propagated", hint="end that request, or wait for it"
            )
        live = live or self._load(record)
        live.used = time.monotonic()
        with self._lock:
            self._live[record.id] = live
            self._live.move_to_end(record.id)
        yield live
        self.evict()

    @contextmanager
    def _changing(self, record: SessionRecord) -> Iterator[LiveSession]:
        """`_using`, for what changes the session: it is as it was saved last unless all of the
        change was made and saved.
        """
        with self._using(record) as live:
            try:
                yield live
            except Exception:  # of whatever kind, a full disk too: it is raised again
                self._drop(record.id)
                raise

    def _load(self, record: SessionRecord) -> LiveSession:
        """The session as it was saved last."""
        path = self._folder.find("video", record.request.video)
        if version_of(path) != record.version:
            raise InTheWay(
                f"{record.path} was replaced since the session began",
                hint="delete the session and begin a new one",
            )
        model = self._models.load()
        with ExitStack() as opened:
            reader = opened.enter_context(open_video(path))
            asked = record.request
            grounder = self._models.grounder()
            session = Session(
                model, reader, memory=asked.memory, identity=asked.identity, grounder=grounder
            )
            try:
                if (state := self._files.state(record, record.state)) is not None:
                    session.restore(state)
            except BadRun as error:
                raise InTheWay(error.message, hint="delete it, begin a new one") from error
            opened.pop_all()  # it stays open as long as the session
        return LiveSession(session, reader, sent=newest(record.sent))

    def _save(
        self,
        session_id: str,
        live: LiveSession,
        answered: Answered | None = None,
        *,
        changed: bool = False,
    ) -> SessionRecord:
        """changed: the session, by other means than a propagation."""
        record = self._records[session_id]
        changes = {
            "prompted": live.prompted(),
            "unfinished": live.plan,
            "sent": tuple(live.sent),
        }
        if changed:
            changes["before"] = None
        updated = record.model_copy(update=changes)
        stored = self._files.save(updated, live.session.snapshot(), answered)
        with self._lock:
            self._records[session_id] = stored
        self._saved[session_id] = time.monotonic()
        return stored

    def _drop(self, session_id: str) -> None:
        with self._lock:
            live = self._live.pop(session_id, None)
            self._saved.pop(session_id, None)
        if live is not None:
            live.close()

    def _record(self, caller: Caller, session_id: str) -> SessionRecord:
        with self._lock:
            record = self._records.get(session_id)
        if record is None or not caller.may_see(record.owner):
            raise NotThere(f"there is no session {session_id}", hint="GET /v1/sessions")
        return record

    def _check_count(self, caller: Caller) -> None:
        most = self._settings.limits.sessions
        if sum(record.owner == caller.id for record in self._records.values()) >= most:
            raise TooMany(
                f"this key has {most} sessions already",
                hint="delete one that is done with",
                retry_after_s=60,
            )

    def _check_objects(self, record: SessionRecord, prompts: Sequence[Prompt]) -> None:
        most = self._settings.limits.objects
        objects = {prompt.object_id for prompt in prompts} | record.prompted.keys()
        if len(objects) > most:
            raise TooLarge(
                f"a session of this key may have {most} objects", hint="use another session"
            )
