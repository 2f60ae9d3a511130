"""The one place that chooses who drives a session, for stored and live runs alike."""

from collections.abc import Sequence

from vseg.config import TrackConfig
from vseg.exchange.detections import DetectionTable
from vseg.exchange.detector_runs import DetectorRuns
from vseg.interfaces.grounder import Grounder
from vseg.interfaces.session_driver import SessionDriver
from vseg.pipelines.prompt_driver import PromptDriver
from vseg.session.session import Session
from vseg.types import Exemplar, Prompt, Text, Timecode


def make_driver(
    session: Session,
    config: TrackConfig,
    prompts: Sequence[Prompt],
    detections: DetectionTable | None = None,
    grounder: Grounder | None = None,
    until: Timecode | None = None,
) -> SessionDriver:
    """What drives the session: detections where there are some; else descriptions of every
    instance (no object id), or the prompts of single objects; without any of these, every
    object there is.

    grounder: for words.  until: where in the video detecting ends.  Raises BadPrompt for a
    description that cannot be detected.
    """
    if detections is not None:
        return _detection_driver(session, config, detections)
    concepts = tuple(
        placed.value
        for placed in prompts
        if placed.object_id is None and isinstance(placed.value, Text | Exemplar)
    )
    if prompts and not concepts:
        return PromptDriver(session, prompts)
    # Who prompts objects has the first mask before the detecting drivers are loaded.
    from vseg.pipelines.detect import PromptedDetector, automatic_detector
    from vseg.pipelines.redetection_driver import RedetectionTracker

    if concepts:
        detector = PromptedDetector(concepts, session.model, grounder)
        return RedetectionTracker(
            session, detector, config.redetection, until, detector.queries
        )
    automatic = automatic_detector(session.model, grounder, config)
    return RedetectionTracker(session, automatic, config.redetection, until)


def _detection_driver(
    session: Session, config: TrackConfig, detections: DetectionTable
) -> SessionDriver:
    from vseg.pipelines.detection_driver import DetectionTracker
    from vseg.pipelines.file_tracks import FileTracks

    runs = DetectorRuns.of(detections.frames, config.detections.detector_every)
    return DetectionTracker(
        session,
        lambda frame: detections.on(frame.index) if runs.ran_on(frame.index) else None,
        config.detections,
        runs.stride,
        FileTracks(detections) if config.detections.keep_ids else None,
    )


def make_reverse_driver(session: Session, prompts: Sequence[Prompt]) -> SessionDriver:
    """What drives a session whose frames come in descending order: prompts of objects.

    Detections are associated and confirmed forward only.
    """
    return PromptDriver(session, prompts, reverse=True)
