"""J&F of nano and of baselines on clips with masks, by how the first frame was prompted, and
frames/s.

    python benchmarks/davis.py DAVIS --prompts mask box click 3clicks scribble --json davis.json
    python benchmarks/davis.py DAVIS --prompts exemplar
    python benchmarks/davis.py DAVIS --prompts word --clips dog libby --words dog=animal libby=animal
    python benchmarks/davis.py DAVIS --method flow flow-grabcut label-propagation --prompts mask \
        --teacher teacher.ts

DAVIS holds `JPEGImages/480p/<clip>` and `Annotations/480p/<clip>` (or the same without
`480p`); all objects of the first frame are tracked at once.  Further clicks are placed at the
innermost pixel of the largest wrong region of the first frame.  An exemplar is the object's
mask on the last frame that has it: the best detection of it on the first frame is tracked,
whatever its similarity.  Words are detected by nano's own head; where it detects nothing all
frames are empty.  Frames/s counts reading, prompting and tracking up to masks at video size,
not the scoring.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from benchmarks.baselines import BASELINES, make_baseline, propagate
from benchmarks.exemplars import last_exemplars
from benchmarks.mask_faults import FaultCount
from benchmarks.shared import (
    PROMPTS,
    ClipFolders,
    Table,
    add_model_options,
    clips_of,
    model_of,
    prompt_object,
    run,
)
from vseg import Session
from vseg.build import open_nano_text
from vseg.errors import NothingFound, UsageError
from vseg.interfaces.model import Model
from vseg.interfaces.reader import OpenReader
from vseg.metrics.annotations import LabelFolder
from vseg.metrics.jf_scores import DatasetScore, Measures, SequenceScore
from vseg.metrics.mask_evaluation import PredictedFrame, evaluate
from vseg.types import Exemplar
from vseg.video.images import ImageFolder

Propagate = Callable[
    [OpenReader, Mapping[int, Bool[np.ndarray, "H W"]]], Iterator[PredictedFrame]
]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table, in percent; object: None for the mean over a clip's or all
    objects.  false: false components per 100 frames.
    """

    method: str
    prompt: str
    clip: str
    object: int | None
    J: float
    J_decay: float
    F: float
    JF: float
    switches: int
    false: float
    fps: float


@dataclass(frozen=True, slots=True)
class Scored:
    """One clip as one method tracked it."""

    score: SequenceScore
    faults: FaultCount
    fps: float


def main() -> None:
    parser = _parser()
    options = parser.parse_args()
    jobs = [
        (method, kind)
        for method in options.method
        for kind in options.prompts
        if method == "nano" or kind == "mask"
    ]
    if {method for method, _ in jobs} != set(options.method):
        parser.error("a baseline starts from a mask: add mask to --prompts")
    words = dict(pair.split("=", 1) for pair in options.words)
    clips = clips_of(options.root, options.clips or ())
    model = model_of(options) if "nano" in options.method else None
    table = Table(Row)
    for method, kind in jobs:
        done = []
        for clip in clips:
            entry = _Entry(method, kind, model, options.teacher, words.get(clip.name))
            done.append(_scored(clip, _propagator(entry, clip)))
            for row in _clip_rows(method, kind, done[-1]):
                table.add(row)
        table.add(_mean_row(method, kind, done))
    table.write(options.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("root", type=Path)
    parser.add_argument("--method", nargs="+", choices=("nano", *BASELINES), default=["nano"])
    parser.add_argument(
        "--prompts",
        nargs="+",
        choices=(*PROMPTS, "exemplar", "word"),
        default=["mask", "box", "click"],
    )
    parser.add_argument(
        "--words",
        nargs="*",
        default=[],
        metavar="CLIP=WORD",
        help="the word for a clip's object",
    )
    parser.add_argument("--clips", nargs="*")
    parser.add_argument("--teacher", help="of label-propagation: a file, folder or hub name")
    add_model_options(parser)
    return parser


@dataclass(frozen=True, slots=True)
class _Entry:
    """One method with one kind of prompt.  teacher: of label propagation; word: of one
    clip.
    """

    method: str
    kind: str
    model: Model | None
    teacher: str | None
    word: str | None = None


def _propagator(entry: _Entry, clip: ClipFolders) -> Propagate:
    if entry.model is None or entry.method != "nano":
        return lambda video, first: propagate(
            make_baseline(entry.method, entry.teacher), video, first
        )
    model = entry.model
    if entry.kind == "exemplar":
        return lambda video, first: _track_exemplars(model, video, last_exemplars(clip, first))
    if entry.kind == "word":
        word = entry.word
        if word is None:
            raise UsageError(
                f"clip {clip.name} has no word", hint=f"--words {clip.name}=person"
            )
        return lambda video, first: _track_word(model, video, first, word)
    return lambda video, first: _track(model, video, first, entry.kind)


def _track(
    model: Model, video: OpenReader, first: Mapping[int, Bool[np.ndarray, "H W"]], kind: str
) -> Iterator[PredictedFrame]:
    with Session(model, video) as session:
        for object_id, truth in first.items():
            prompt_object(session, object_id, truth, kind)
        yield from _masks_of(session)


def _track_exemplars(
    model: Model, video: OpenReader, exemplars: Mapping[int, Exemplar]
) -> Iterator[PredictedFrame]:
    with Session(model, video) as session:
        for object_id, exemplar in exemplars.items():
            session.prompt(object_id, 0, exemplar=exemplar)
        yield from _masks_of(session)


def _track_word(
    model: Model, video: OpenReader, first: Mapping[int, Bool[np.ndarray, "H W"]], word: str
) -> Iterator[PredictedFrame]:
    """The masks of the best detection of the word, as the clip's first object; empty ones where
    there is none.
    """
    object_id, truth = next(iter(first.items()))
    with Session(model, video, grounder=open_nano_text(model)) as session:
        try:
            session.prompt(object_id, 0, text=word)
        except NothingFound:
            yield from (
                (index, {object_id: np.zeros_like(truth)}) for index in range(len(video))
            )
            return
        yield from _masks_of(session)


def _masks_of(session: Session) -> Iterator[PredictedFrame]:
    for masks in session.propagate():
        yield masks.frame_index, dict(masks)


class _Stopwatch:
    """Adds up the time that a stream of frames takes, without that of its consumer."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.count = 0

    def over(self, frames: Iterable[PredictedFrame]) -> Iterator[PredictedFrame]:
        started = time.perf_counter()
        for frame in frames:
            self.seconds += time.perf_counter() - started
            self.count += 1
            yield frame
            started = time.perf_counter()


def _scored(clip: ClipFolders, method: Propagate) -> Scored:
    label = next(iter(LabelFolder.open(clip.truth)))
    first = {object_id: label.mask(object_id) for object_id in label.object_ids}
    watch = _Stopwatch()
    faults = FaultCount(clip.truth)
    with ImageFolder(clip.images) as video:
        score = evaluate(clip.truth, faults.watch(watch.over(method(video, first))))
    return Scored(score, faults, watch.count / watch.seconds)


def _clip_rows(method: str, kind: str, done: Scored) -> Iterator[Row]:
    """One row per object, if there are several, then the clip's mean."""
    clip = done.score.clip
    objects = done.score.objects
    for one in objects if len(objects) > 1 else ():
        faults = _faults([done], one.object_id)
        yield Row(
            method, kind, clip, one.object_id, *_percent(one.measures), *faults, done.fps
        )
    shares = _percent(done.score.measures)
    yield Row(method, kind, clip, None, *shares, *_faults([done]), done.fps)


def _mean_row(method: str, kind: str, done: list[Scored]) -> Row:
    """The mean over all objects, as DAVIS takes it; frames/s over clips."""
    mean = DatasetScore(tuple(scored.score for scored in done)).measures
    fps = float(np.mean([scored.fps for scored in done]))
    return Row(method, kind, "MEAN", None, *_percent(mean), *_faults(done), fps)


def _faults(done: Sequence[Scored], object_id: int | None = None) -> tuple[int, float]:
    """Switches, and false components per 100 frames, of one object or of all."""
    counts = [scored.faults for scored in done]
    switches = sum((count.switches for count in counts), Counter[int]())
    false = sum((count.false_components for count in counts), Counter[int]())
    frames = sum(count.frames for count in counts)
    if object_id is not None:
        return switches[object_id], 100 * false[object_id] / frames
    return switches.total(), 100 * false.total() / frames


def _percent(measures: Measures) -> tuple[float, float, float, float]:
    shares = (measures.j_mean, measures.j_decay, measures.f_mean, measures.jf_mean)
    j, decay, f, jf = (100 * share for share in shares)
    return j, decay, f, jf


if __name__ == "__main__":
    run(main)
