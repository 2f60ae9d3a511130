"""Keeps the lanes of a clip up to its run, in the background.

Enters: revisions, as they come.  Leaves: the LaneStore of the current one, and its riskiest
spans once all its masks were judged.  A thread computes; one at a time, and the one of an old
revision stops.
"""

import logging
import threading
from collections.abc import Callable

from vseg.analysis.review_queue import RiskySpan
from vseg.errors import VsegError
from vseg.results.run import Run
from vseg.server.annotator.lane_store import LaneStore
from vseg.server.annotator.project import Project

_LOG = logging.getLogger(__name__)


class LaneKeeper:
    """changed(first, end): called from another thread when lanes have changed.  spans: the
    riskiest spans of the revision, None until they are known.
    """

    def __init__(self, project: Project, changed: Callable[[int, int], None]) -> None:
        self._project = project
        self._changed = changed
        self._lock = threading.Lock()
        self._store: LaneStore | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.spans: tuple[RiskySpan, ...] | None = None

    def store(self) -> LaneStore:
        """The store of the run as it is now; its risk is computed from then on."""
        with self._lock:
            run = self._project.run
            held = self._store
            if held is None or held.revision != run.revision:
                self._end()
                held = LaneStore(self._project.journal.root, run)
                self._store = held
                self.spans = None
                stop = threading.Event()
                self._stop = stop
                self._thread = threading.Thread(
                    target=self._judge, args=(held, run, stop), name="vseg-lanes", daemon=True
                )
                self._thread.start()
            return held

    def close(self) -> None:
        """End the thread."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._thread = None

    def _judge(self, store: LaneStore, run: Run, stop: threading.Event) -> None:
        try:
            spans = store.add_risk(stop, self._changed)
        except VsegError as error:
            # The run is damaged: whoever asks for a mask of it is told.
            _LOG.warning("no risk of %s: %s", run.path, error)
            return
        if spans is not None:
            self.spans = spans
