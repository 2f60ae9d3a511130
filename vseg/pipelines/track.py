"""A tracking job from start to end: source -> frames read ahead -> driver -> run directory.

Enters: a TrackJob.  Leaves: a run directory and a JobOutcome.  A job that was killed goes on
after its last commit and leaves the same bits as one that was not; a finished one is not
computed again.
"""

from dataclasses import replace
from pathlib import Path

from vseg.build import open_run, open_video
from vseg.errors import BadRun, NothingFound
from vseg.exchange.detector_runs import DetectorRuns
from vseg.grounding.nano_text import NanoTextGrounder
from vseg.grounding.vocabulary import STRONGER, narrower_notes, weak_notes
from vseg.interfaces.model import Model
from vseg.ops.counted import counted
from vseg.pipelines.frame_loop import FrameLoop
from vseg.pipelines.job import JobOutcome, ProgressCallbacks, TrackJob
from vseg.pipelines.lost_frames import mend
from vseg.pipelines.passes import untracked_notes
from vseg.pipelines.prepare import Task, prepare
from vseg.pipelines.previews import render_previews
from vseg.pipelines.resumption import completed
from vseg.results.events import read_events
from vseg.results.layout import RunState, read_header, read_objects, run_state
from vseg.results.lost_parts import check_revision, lost_parts_of
from vseg.results.records import RunHeader
from vseg.results.seldom_detections import seldom_detected_run
from vseg.results.verify import verify_run
from vseg.results.write_lock import write_lock
from vseg.results.writer import RunWriter
from vseg.types import Text
from vseg.weights.heap import trim_heaps


def track(
    job: TrackJob, *, model: Model | None = None, callbacks: ProgressCallbacks | None = None
) -> JobOutcome:
    """Carry out a job; how it ended.

    model: one that is loaded already, instead of the configured one.  When `callbacks.stop()`
    becomes true the run is committed and left `interrupted`.  Damaged frames are passed over
    and marked, and the run ends `partial`; so it does where nothing can be read any more.
    Raises a VsegError for everything else;
    what was committed before stays resumable.
    """
    _check_place(job)
    job = completed(job)
    callbacks = callbacks or ProgressCallbacks()
    outcome = _tracked(job, model, callbacks)
    if outcome.status == "interrupted":
        return outcome
    # A model that was loaded for this job is let go of by now.
    return replace(outcome, images=_images(job, callbacks))


def _tracked(job: TrackJob, model: Model | None, callbacks: ProgressCallbacks) -> JobOutcome:
    """How a job ended whose images are not drawn yet."""
    opened = open_video(job.source, job.config.reader, job.config.frames, job.config.topic)
    with opened as video, write_lock(job.out):
        task = prepare(job, video, model)
        # What was needed to load the model lies in holes, which tracking would not fill.
        trim_heaps()
        loop = FrameLoop(task, callbacks)
        mended = mend(task, loop)
        header = mended.stopped or _finished_before(task)
        if header is None:
            header = _run(task, loop)
    return JobOutcome(
        job.out,
        header.status,
        loop.frames,
        loop.times,
        loop.state_bytes,
        header.damage,
        (),
        header.warnings,
        any(known.first_frame is not None for known in read_objects(job.out)),
        task.detections.changes if task.detections is not None else (),
        (
            *mended.notes,
            *_notes(job, header),
            *untracked_notes(task.prompts, (task.first, task.stop), job.config.direction),
            *_detector_notes(task),
            *seldom_detected_run(header, read_objects(job.out)),
            *_word_notes(task),
        ),
    )


def _check_place(job: TrackJob) -> None:
    """Raise BadRun for a folder of other files, an unreadable run, or none to resume, and
    OutputError for an unfinished run that is to be neither resumed nor replaced: before
    anything is loaded.
    """
    state = run_state(job.out)
    if job.overwrite:
        return
    if state is RunState.ABSENT and job.resume:
        raise BadRun(
            f"there is no run at {job.out} to resume: nothing was written yet",
            hint="begin it: the same without --resume, with prompts such as --point 412,220",
        )
    if state is RunState.UNREADABLE:
        read_header(job.out)  # raises, with the reason
    if state is RunState.RESUMABLE and not job.resume:
        raise RunWriter.occupied(job.out, "--resume continues it, ")


def _run(task: Task, loop: FrameLoop) -> RunHeader:
    """Run the loop; where nano's own words found nothing, the error says what would."""
    try:
        return loop.run()
    except NothingFound as error:
        if not isinstance(task.grounder, NanoTextGrounder):
            raise
        raise NothingFound(
            error.message, hint=f"{error.hint}; nano's own words are weak: {STRONGER}"
        ) from error


def _finished_before(task: Task) -> RunHeader | None:
    """The header of a finished run of the same inputs; None if there is work to do."""
    job = task.job
    if job.overwrite or run_state(job.out) is not RunState.FINISHED:
        return None
    header = verify_run(job.out, task.header, task.prompts)
    lost = lost_parts_of(job.out, header).reasons
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise BadRun(
            f"{job.out} is {header.status}, but lost a part: {lost[0]}{more}",
            hint="--resume computes again what is lost, --overwrite everything",
        )
    check_revision(job.out, header)
    return header


def _notes(job: TrackJob, header: RunHeader) -> tuple[str, ...]:
    """A sentence for whatever of the source was not taken as the file states it."""
    reason = header.video.order_reason
    notes = [f"frames are in the decoder's order: {reason}"] if reason else []
    if header.video.head_dropped:
        images = counted(header.video.head_dropped, "image")
        notes.append(f"{images} before the first key frame cannot be decoded: left out")
    aspect = header.video.pixel_aspect
    if aspect != 1:
        shape = f"{aspect.numerator}:{aspect.denominator}"
        notes.append(f"pixels are {shape}, not square: coordinates are those of `vseg frame`")
    rescaled = next((e.frame for e in read_events(job.out) if e.kind == "rescaled"), None)
    if rescaled is not None:
        size = f"{header.video.width}x{header.video.height}"
        notes.append(f"images of another size, from frame {rescaled} on, are scaled to {size}")
    return tuple(notes)


def _detector_notes(task: Task) -> tuple[str, ...]:
    """Sentences on what was told from a detections file and can be said, or is not used."""
    table = task.detections
    if table is None:
        return ()
    settings = task.job.config.detections
    runs = DetectorRuns.of(table.frames)
    notes = []
    if settings.detector_every is None and (runs.stride != 1 or runs.unseen.any()):
        notes.append(f"{runs.in_words()} (say it with --detector-every)")
    if not settings.keep_ids and (table.ids > 0).any():
        name = Path(table.source).name
        notes.append(
            f"{name} has ids, which are not used (--keep-ids makes them the objects')"
        )
    return tuple(notes)


def _word_notes(task: Task) -> tuple[str, ...]:
    """Sentences on each word of nano's: a wider one that it is taken for, and how far it is to
    be trusted.
    """
    if not isinstance(task.grounder, NanoTextGrounder):
        return ()
    texts = {p.object_id: p.value.phrase for p in task.prompts if isinstance(p.value, Text)}
    phrases = [p.value.phrase for p in task.prompts if isinstance(p.value, Text)]
    scores: dict[str, list[float]] = {}
    for event in read_events(task.job.out):
        if event.kind == "created" and event.score is not None:
            named = event.label or texts.get(event.object_id, "")
            scores.setdefault(named, []).append(event.score)
    words = task.grounder.words
    return (*narrower_notes(phrases, words), *weak_notes(phrases, words, scores))


def _images(job: TrackJob, callbacks: ProgressCallbacks) -> tuple[Path, ...]:
    """The previews asked for; those of an earlier call are kept."""
    run = open_run(job.out, revision=0)
    run.take_source(Path(job.source))
    # A clip damaged from its very first frame leaves nothing to draw.
    if not job.config.preview or len(run) == 0:
        return ()
    overlay = (job.images or job.out) / "overlay.mp4"
    sheet = overlay.with_name("contact.png")
    if not job.overwrite and overlay.exists() and sheet.exists():
        return overlay, sheet
    trim_heaps()  # of tracking, which is done
    return render_previews(run, overlay, sheet, source=job.source, on_frame=callbacks.on_drawn)
