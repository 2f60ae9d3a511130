"""Are those who pass on a street counted, each once and under one id?

    python benchmarks/streets.py --json streets.json
    python benchmarks/streets.py --kinds cars --seeds 4 --short-sides 256 320 384
    python benchmarks/streets.py --data pack-256.zip --data words.zip --detector words

Cars or people pass one after another in both directions, like one another or not, some
overlapping in time, beside parked ones.  A detector is simulated from the truth every few
frames: boxes that are off by some pixels, and some are missed.  Every figure is the mean over
the short sides, with its standard deviation.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from benchmarks.shared import Table, run
from benchmarks.streets_figures import SETS, figures_of
from benchmarks.streets_scene import Street, StreetScene
from vseg import Session, load_model, open_nano_text
from vseg.config import IdentitySettings, RedetectionSettings
from vseg.frame_masks import FrameMasks
from vseg.interfaces.grounder import FrameFeatures
from vseg.interfaces.model import Model
from vseg.pipelines.detect import PromptedDetector
from vseg.pipelines.queries import DetectFunction, Query
from vseg.pipelines.redetection_driver import RedetectionTracker
from vseg.synthetic import TrueFrame
from vseg.types import Detections, Frame, Grounding, Text

LOOKS = ("alike", "unlike")
DETECT_EVERY = 10

# The simulated detector: each side of a box is off by up to this share of it, so many are
# missed, and of what is hidden or outside of the frame so much must be in view.
_OFF = 0.04
_MISSED = 0.1
_IN_VIEW = 0.35
# A passage is covered on a frame where a mask has at least this IoU with it.
_COVERED = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """Streets of one kind.  In percent: exact, passages with exactly one id; error, ids too
    many and too few, for each passage; purity, masks of an id that lie on its own passage;
    covered, frames of a passage on which it has a mask.  sd: over the short sides.
    """

    kind: str
    looks: str
    streets: int
    passages: int
    ids: float
    exact: float
    exact_sd: float
    error: float
    purity: float
    purity_sd: float
    covered: float


@dataclass(slots=True)
class Count:
    """What was counted on streets.  on: by id, the frames on which its mask lies mostly on a
    passage, or on 0, the background.
    """

    on: dict[tuple[int, int], Counter[tuple[int, int]]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    passages: set[tuple[int, int]] = field(default_factory=set)
    in_view: int = 0
    covered: int = 0

    def add(self, street: int, true: TrueFrame, masks: FrameMasks, scene: StreetScene) -> None:
        """Compare the masks of one frame."""
        areas = np.bincount(true.labels.ravel(), minlength=256)
        best: Counter[int] = Counter()
        for object_id, mask in masks.items():
            if not mask.any():
                continue
            pixels = np.bincount(true.labels[mask], minlength=256)
            main = int(pixels.argmax())
            self.on[street, object_id][street, main] += 1
            for one in np.flatnonzero(pixels[1:]).tolist():
                iou = pixels[one + 1] / (areas[one + 1] + mask.sum() - pixels[one + 1])
                best[one + 1] = max(best[one + 1], iou)
        for passage in scene.passages:
            self.passages.add((street, passage.object_id))
            if areas[passage.object_id] >= _IN_VIEW * passage.figure.area:
                self.in_view += 1
                self.covered += best[passage.object_id] >= _COVERED

    def scores(self) -> dict[str, float]:
        """The figures of `Row`."""
        owners = Counter(counts.most_common(1)[0][0] for counts in self.on.values())
        exact = sum(owners[passage] == 1 for passage in self.passages)
        error = sum(abs(owners[passage] - 1) for passage in self.passages)
        error += sum(n for passage, n in owners.items() if passage not in self.passages)
        pure = sum(counts.most_common(1)[0][1] for counts in self.on.values())
        total = sum(sum(counts.values()) for counts in self.on.values())
        return {
            "ids": len(self.on),
            "exact": 100 * exact / len(self.passages),
            "error": 100 * error / len(self.passages),
            "purity": 100 * pure / max(1, total),
            "covered": 100 * self.covered / self.in_view,
        }


def main() -> None:
    """Print one row for each kind of street."""
    options = _options()
    models = [_model(options, side) for side in options.short_sides]
    table = Table(Row)
    for kind in options.kinds:
        figures = figures_of(options.data, kind) if options.data else ()
        for looks in options.looks:
            streets = [
                Street(seed, kind, looks == "alike", figures=figures)
                for seed in range(options.first, options.first + options.seeds)
            ]
            counts = [counted(model, streets, options.detector) for model in models]
            table.add(_row(kind, looks, counts, len(streets)))
    table.write(options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kinds", nargs="+", choices=tuple(SETS), default=list(SETS))
    parser.add_argument("--looks", nargs="+", choices=LOOKS, default=list(LOOKS))
    parser.add_argument("--seeds", type=int, default=4, help="streets of each kind")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--short-sides", type=int, nargs="+", default=[256, 320, 384])
    detectors = ("truth", "words")
    parser.add_argument("--detector", choices=detectors, default="truth")
    parser.add_argument("--data", type=Path, action="append", help="a zip to cut figures from")
    parser.add_argument("--weights", type=Path, help="another weights file of nano")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    return parser.parse_args()


def _model(options: argparse.Namespace, side: int) -> Model:
    return load_model(
        "nano",
        device=options.device,
        weights=options.weights,
        dtype=options.dtype,
        short_side=side,
    )


def counted(model: Model, streets: Sequence[Street], detector: str) -> Count:
    """All streets, tracked by one model."""
    count = Count()
    for street in streets:
        scene = StreetScene(street)
        frames = [scene.draw(index) for index in range(scene.num_frames)]
        tracked = track(model, frames, scene, detector)
        for true, masks in zip(frames, tracked, strict=True):
            count.add(street.seed, true, masks, scene)
    return count


def track(
    model: Model, frames: Sequence[TrueFrame], scene: StreetScene, detector: str
) -> Iterator[FrameMasks]:
    """The masks of what is detected."""
    word = SETS[scene.street.kind][0]
    detect: DetectFunction
    if detector == "words":
        detect = PromptedDetector([Text(word)], model, open_nano_text(model))
    else:
        detect = TrueDetector(frames, scene, word)
    settings = RedetectionSettings(detect_every=DETECT_EVERY)
    with Session(model, identity=IdentitySettings()) as session:
        tracker = RedetectionTracker(session, detect, settings, queries=[Query(word, 0.5)])
        for true in frames:
            yield tracker.step(true.frame)


class TrueDetector:
    """Boxes of what is in view, off by a little, some of them missed; a `DetectFunction`."""

    def __init__(self, frames: Sequence[TrueFrame], scene: StreetScene, word: str) -> None:
        self._frames = frames
        self._scene = scene
        self._word = word

    def __call__(
        self, frame: Frame, features: FrameFeatures, adjacent: Frame | None
    ) -> Grounding:
        """The detections on a frame, the same ones whenever it is asked for."""
        rng = np.random.default_rng((self._scene.street.seed, frame.index, 1))
        labels = self._frames[frame.index].labels
        boxes = []
        for passage in self._scene.passages:
            mask = (labels == passage.object_id).astype(np.uint8)
            seen = rng.random() >= _MISSED
            off = rng.uniform(-_OFF, _OFF, 4)
            if seen and mask.sum() >= _IN_VIEW * passage.figure.area:
                x, y, w, h = cv2.boundingRect(mask)
                box = np.array([x, y, x + w, y + h], dtype=np.float64)
                boxes.append(box + off * (w, h, w, h))
        rows = np.array(boxes).reshape(-1, 4)
        scores = np.full(len(rows), 0.9)
        found = Detections(rows, scores, np.zeros(len(rows), dtype=np.int64))
        return Grounding(
            found, scores.max(initial=0.0, keepdims=True)[:1], (self._word,) * len(rows)
        )


def _row(kind: str, looks: str, counts: Sequence[Count], streets: int) -> Row:
    scores = [count.scores() for count in counts]
    mean = {name: float(np.mean([one[name] for one in scores])) for name in scores[0]}
    spread = {f"{name}_sd": float(np.std([one[name] for one in scores])) for name in scores[0]}
    chosen = {name: (mean | spread)[name] for name in Row.__slots__ if name in mean | spread}
    return Row(kind, looks, streets, len(counts[0].passages), **chosen)


if __name__ == "__main__":
    run(main)
