"""A clip that clients have open: its project, its readers, and its masks on the device.

Enters: a run, the clip that it was made from, and the service.  Leaves: what the requests of
clients are answered from.  Frames that are clicked on come from the service's reader of the
clip, which has just read them for the page; propagation, which goes through the clip
meanwhile, has one of its own.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from vseg.build import open_video
from vseg.interfaces.grounder import Grounder
from vseg.pipelines.correction_settings import CorrectionSettings
from vseg.results.layout import ANNOTATION
from vseg.results.run import Run
from vseg.results.write_lock import write_lock
from vseg.server.annotator.clients import Clients
from vseg.server.annotator.desk_state import DeskState
from vseg.server.annotator.frame_view import FrameView
from vseg.server.annotator.ledger import PendingPrompt
from vseg.server.annotator.messages import AnnotationState
from vseg.server.annotator.project import Project
from vseg.server.annotator.prompted_images import PromptedImages
from vseg.server.annotator.propagation import Propagation
from vseg.server.loaded_models import Models
from vseg.server.storage.readers import Readers
from vseg.types import Frame, Text
from vseg.video.file import VideoFile
from vseg.video.sound import has_sound


class OpenClip:
    """run_id, video_id: as clients name them.  clip: where it is.  running: the propagation
    under way.  sound: whether the clip has any.
    """

    def __init__(
        self, ids: tuple[str, str], run: Path, clip: Path, models: Models, readers: Readers
    ) -> None:
        """ids: of the run and of the clip.  models: the one that tracks is loaded.  Raises
        BadRun for a run that cannot be annotated or another clip, BadVideo, and OutputError
        where another process annotates it.
        """
        self.run_id, self.video_id = ids
        self.clip = clip
        self.model = models.load()
        self._models = models
        self.clients = Clients()
        self.running: Propagation | None = None
        self.jobs = 0
        with ExitStack() as stack:
            # Two processes with the same journal would undo each other's steps.
            stack.enter_context(write_lock(run / ANNOTATION))
            self.project = Project(run)
            self.project.run.check_source(clip)
            options = self.run.header.options
            frames, topic = (options.get(key) for key in ("frames", "topic"))
            opening = (
                str(options.get("reader", "auto")),
                None if frames is None else str(frames),
                None if topic is None else str(topic),
            )
            readers.open_as(clip, opening)
            self.readers = readers
            self.tracked = stack.enter_context(open_video(clip, *opening))
            video = self.tracked
            self.sound = isinstance(video, VideoFile) and has_sound(video)
            self._stack = stack.pop_all()
        self.view = FrameView(self.project)
        self.desk = DeskState(self.project, self.view)
        self.images = PromptedImages(self.model, self.frame, self._grounder_for)

    @property
    def run(self) -> Run:
        """The run as it is now."""
        return self.project.run

    def frame(self, index: int) -> Frame:
        """A frame of the clip.  Raises BadPrompt past its end, DamagedVideo."""
        self.project.check_frame(index)
        return self.readers.read(self.clip, index)

    def state(self) -> AnnotationState:
        """All that a page needs to begin with."""
        project = self.project
        with project.lock:
            video = self.run.video
            first, end = project.frames
            return AnnotationState(
                run=self.run_id,
                video=self.video_id,
                name=self.run.name,
                width=video.width,
                height=video.height,
                fps=None if video.fps is None else float(video.fps),
                first=first,
                end=end,
                model=self.model.name,
                words=True,
                sound=self.sound,
                revision=self.run.revision,
                objects=self.desk.objects(),
                pending=self.desk.pending(),
                stale=self.desk.stale(),
                undo=self.desk.undo(),
                redo=self.desk.redo(),
                running=None if self.running is None else self.running.state,
            )

    def check_words(self, text: Text) -> None:
        """In a turn of the worker.  Raises BadPrompt for words that nothing can detect."""
        self._grounder_for([text])

    def correction(self, prompts: Sequence[PendingPrompt]) -> CorrectionSettings:
        """What prompts are propagated with; in a turn of the worker.  Raises BadPrompt for
        words that nothing can detect.
        """
        values = [pending.prompt.value for pending in prompts]
        texts = [value for value in values if isinstance(value, Text)]
        grounder = self._grounder_for(texts) if texts else None
        return CorrectionSettings(model=self.model, video=self.tracked, grounder=grounder)

    def close(self) -> None:
        """Close the readers and all connections."""
        self.clients.close()
        self._stack.close()

    def _grounder_for(self, texts: Sequence[Text]) -> Grounder:
        """What detects these words.  Raises BadPrompt."""
        grounder = self._models.grounder()
        grounder.check(texts)
        return grounder
