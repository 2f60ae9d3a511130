"""The models of the service, of masks and of words: loaded when they are first used, shared by
all sessions.
"""

import threading

from vseg.build import check_grounder, load_model, open_grounder, open_nano_text
from vseg.interfaces.grounder import Grounder
from vseg.interfaces.model import Model
from vseg.server.settings import ServerSettings
from vseg.weights.device import open_device
from vseg.weights.folders import check_segmenter


class Models:
    """What tracks and what detects words, by the settings of the service."""

    def __init__(self, settings: ServerSettings) -> None:
        """Raises ModelError and DeviceMissing: before the service is begun."""
        open_device(settings.device)
        if settings.model != "nano":
            check_segmenter(settings.model)
        if settings.grounder is not None:
            check_grounder(settings.grounder)
        self._settings = settings
        self._lock = threading.Lock()
        self._loaded: Model | None = None
        self._grounder: Grounder | None = None

    def load(self) -> Model:
        """The model.  To be called in a turn of the worker.  Raises ModelError."""
        with self._lock:
            if self._loaded is None:
                chosen = self._settings
                self._loaded = load_model(
                    chosen.model, device=chosen.device, short_side=chosen.short_side
                )
            return self._loaded

    def grounder(self) -> Grounder:
        """What detects what a text names.  To be called in a turn of the worker.  Raises
        ModelError.
        """
        if self._grounder is None:
            chosen = self._settings
            self._grounder = (
                open_nano_text(self.load())
                if chosen.grounder is None
                else open_grounder(chosen.grounder, chosen.device)
            )
        return self._grounder

    @property
    def loaded(self) -> bool:
        """Whether it is in memory."""
        return self._loaded is not None
