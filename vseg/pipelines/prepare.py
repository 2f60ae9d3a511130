"""What a job needs, opened and checked before its first frame is tracked.

Enters: a job and its open video.  Leaves: a Task: frame range, placed prompts or detections,
the model, the grounder and the header of the run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vseg.build import load_compiled, load_model, open_grounder, open_nano_text
from vseg.config import RedetectionSettings, TrackConfig
from vseg.errors import BadPrompt, UsageError
from vseg.exchange.detections import DetectionTable, read_detections
from vseg.interfaces.grounder import Grounder
from vseg.interfaces.model import Model
from vseg.interfaces.reader import Reader
from vseg.ops.label_text import check_label
from vseg.pipelines.decisive_options import redetection_options
from vseg.pipelines.job import TrackJob
from vseg.pipelines.passes import check_direction, check_marks
from vseg.pipelines.resumption import stored_settings
from vseg.pipelines.run_header import tracked_header
from vseg.prompts.check import check_prompt
from vseg.prompts.placing import frames_of, index_of, place_prompts
from vseg.prompts.resolve import named
from vseg.prompts.timecode import parse_timecode
from vseg.results.fingerprint import fingerprint
from vseg.results.layout import RunState, run_state
from vseg.results.prompts import read_prompts
from vseg.results.records import RunHeader
from vseg.results.verify import verify_asked
from vseg.session.factory import check_memory
from vseg.types import LAST_OBJECT_ID, Exemplar, Prompt, Text, Timecode


@dataclass(frozen=True, slots=True)
class Task:
    """A job that can begin: frames [first, stop), prompts or detections, the header.

    grounder: for words; None where there are none.  until: the frame from which on nothing is
    detected any more.
    """

    job: TrackJob
    video: Reader
    model: Model
    first: int
    stop: int
    prompts: tuple[Prompt, ...]
    header: RunHeader
    detections: DetectionTable | None = None
    grounder: Grounder | None = None
    until: Timecode | None = None


def prepare(job: TrackJob, video: Reader, model: Model | None) -> Task:
    """The task of a job.  The model is loaded last, once all else is known to be good.

    Raises UsageError and BadPrompt for what cannot be tracked, and what the readers of files
    and the loaders of models raise.
    """
    _check_together(job)
    first, stop = frames_of(video, job.config.range)
    detections = _detections(job, video)
    until = _until(job, video)
    unprompted = detections is not None or job.everything
    prompts = () if unprompted else _prompts(job, video, first, stop)
    if job.everything or any(p.object_id is None for p in prompts):
        _check_until(until, first)
    model = model or load_configured(job.config)
    texts = [p.value for p in prompts if isinstance(p.value, Text)]
    grounder = grounder_of(job.config, texts, model, everything=job.everything)
    objects = len({placed.object_id for placed in prompts})
    check_memory(model, job.config.memory, max(1, objects))
    header = tracked_header(
        job,
        model,
        video.info,
        fingerprint(Path(job.source)),
        options=redetection_options(job, prompts, grounder),
        settings=stored_settings(job),
        frame_range=(first, stop),
    )
    return Task(job, video, model, first, stop, prompts, header, detections, grounder, until)


def _check_together(job: TrackJob) -> None:
    """Raise UsageError for settings that exclude each other."""
    if job.everything and (job.prompts or job.labels or job.detections):
        raise UsageError(
            "prompts, labels or detections were given beside --auto",
            hint="--auto finds its objects itself: drop the others, or --auto",
        )
    check_redetection(job.config.redetection, everything=job.everything)
    check_direction(job)


def check_redetection(settings: RedetectionSettings, *, everything: bool) -> None:
    """Raise UsageError for a tagger, a grounder or a vocabulary that nothing would use."""
    if settings.tagger is not None and not (everything and settings.grounder is not None):
        raise UsageError(
            "a tagger was given without --auto and --grounder",
            hint="tags name what a grounder is to detect: --auto --tagger clip-vit-b32 "
            "--grounder grounding-dino-tiny",
        )
    if everything and settings.grounder is not None:
        _check_unworded(settings.grounder, settings.tagger)
    if settings.vocabulary is not None and settings.tagger is None:
        raise UsageError(
            "a vocabulary was given without --tagger", hint="name a tagger, or drop it"
        )


def _check_unworded(grounder: str, tagger: str | None) -> None:
    """Raise UsageError unless a grounder that nobody gives words has classes, or a tagger, and
    not both.
    """
    # It knows every family of detectors: who tracks from prompts does not load them.
    from vseg.grounding.open import has_classes

    if has_classes(grounder):
        if tagger is not None:
            raise UsageError(
                f"the tagger {tagger} has words for {grounder}, which detects its own classes",
                hint="drop --tagger: every object of every class is detected",
            )
    elif tagger is None:
        raise UsageError(
            f"--auto has no words for the grounder {grounder}",
            hint="give it words, as in --text person, or a --tagger, or take a detector of "
            "fixed classes: --grounder rf-detr-seg-nano",
        )


def _until(job: TrackJob, video: Reader) -> Timecode | None:
    """The frame from which on nothing is detected any more.  Raises BadPrompt past the end."""
    text = job.config.redetection.until
    if text is None:
        return None
    return Timecode(frame=index_of(video, parse_timecode(text)))


def _check_until(until: Timecode | None, first: int) -> None:
    """Raise UsageError where detecting would end before the first detection."""
    if until is not None and until.frame is not None and until.frame <= first:
        raise UsageError(
            f"detecting would end on frame {until.frame}, before its first frame {first}",
            hint="give --until a later frame or time, or leave it out",
        )


def _prompts(job: TrackJob, video: Reader, first: int, stop: int) -> tuple[Prompt, ...]:
    """The job's prompts, checked; with `resume` and none given, those of the run."""
    if job.prompts or not job.resume:
        prompts = place_prompts(video, job.prompts)
    else:
        prompts = tuple(read_prompts(job.out))
    # A concept of every instance has no frame of its own: it is detected from the first on.
    prompts = tuple(
        replace(p, at=Timecode(frame=first)) if p.object_id is None else p for p in prompts
    )
    if job.resume and run_state(job.out) is not RunState.ABSENT:
        verify_asked(job.out, (first, stop), prompts)
    _check_prompts(video, prompts, first, stop)
    check_marks(prompts, job.config.direction)
    _check_labels(job, prompts)
    return prompts


def grounder_of(
    config: TrackConfig, texts: Sequence[Text], model: Model, *, everything: bool = False
) -> Grounder | None:
    """The grounder for these words, a tagger's or its own classes, checked against them; None
    where nothing has words.

    Raises BadPrompt for words that it does not know, and whatever `open_grounder` raises.
    """
    name = config.redetection.grounder
    classed = everything and name is not None
    if not texts and not classed and config.redetection.tagger is None:
        return None
    grounder = open_nano_text(model) if name is None else open_grounder(name, config.device)
    grounder.check(texts)
    return grounder


def _detections(job: TrackJob, video: Reader) -> DetectionTable | None:
    """The detections of a job, if it has some.  Raises UsageError beside prompts."""
    if job.detections is None:
        return None
    if job.prompts or job.labels:
        raise UsageError(
            "prompts or labels were given beside detections",
            hint="detections decide which objects there are: drop the others, or --detections",
        )
    keep_ids = job.config.detections.keep_ids
    return read_detections(job.detections, video.info, strict=job.strict, keep_ids=keep_ids)


def _check_prompts(video: Reader, prompts: Sequence[Prompt], first: int, stop: int) -> None:
    """Raise BadPrompt for a prompt that could not be applied when its frame comes."""
    if not prompts:
        raise BadPrompt(
            "nothing to track: no prompt was given",
            hint="point at an object, for example --point 412,220 or --box 10,20,200,300, "
            "describe what to detect, for example --text person, or take --auto",
        )
    check_instances(prompts)
    for placed in prompts:
        if placed.object_id is not None and not 1 <= placed.object_id <= LAST_OBJECT_ID:
            raise BadPrompt(
                f"no object can have the id {placed.object_id}",
                hint=f"number objects from 1 to {LAST_OBJECT_ID}",
            )
        if not first <= placed.frame_index < stop:
            raise BadPrompt(
                f"the prompt of object {placed.object_id} is on frame {placed.frame_index}, "
                f"outside the range {first}:{stop}",
                hint="widen --range, or prompt on a frame inside it",
            )
        info = video.info
        hw = (info.height, info.width)
        check_prompt(placed.value, hw, info.rotation, placed.frame_index)


def check_instances(prompts: Sequence[Prompt]) -> None:
    """Raise UsageError for prompts for every instance beside prompts for one object."""
    for placed in prompts:
        if placed.object_id is None and any(p.object_id is not None for p in prompts):
            what = named(placed.value) if isinstance(placed.value, Text | Exemplar) else ""
            raise UsageError(
                f"{what} is for every instance, and other prompts are for one object",
                hint="give it an object, as in --text 1:dog, or track them in two runs",
            )


def _check_labels(job: TrackJob, prompts: Sequence[Prompt]) -> None:
    """Raise BadPrompt for the label of an object that has no prompt."""
    known = sorted({p.object_id for p in prompts if p.object_id is not None})
    for object_id, name in job.labels.items():
        check_label(name)
        if object_id not in known:
            raise BadPrompt(
                f"label '{name}' is for object {object_id}, which has no prompt",
                hint=f"prompted objects: {', '.join(map(str, known))}"
                if known
                else "an instance is named after its description: leave --label out",
            )


def load_configured(config: TrackConfig) -> Model:
    """The model that the settings name.  Raises what `load_model` and `load_compiled`
    raise.
    """
    if config.compile:
        return load_compiled(
            config.model,
            device=config.device,
            dtype=config.dtype,
            weights=config.weights,
            flip=config.flip,
        )
    return load_model(
        config.model,
        device=config.device,
        dtype=config.dtype,
        runtime=config.runtime,
        short_side=config.short_side,
        weights=config.weights,
        flip=config.flip,
    )
