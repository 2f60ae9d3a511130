"""A simulated annotator at the real page: clicks and seconds until every object has J >= 0.9.

    python benchmarks/annotator_clicks.py --scenes 4

Scenes have exact truth: three objects that go behind each other and behind a post.
The annotator clicks the innermost pixel of every object on the first frame that shows it, and
propagates.  While the mean J of an object is below 0.9, it goes to a frame, clicks the
innermost pixel of the largest wrong region there, positive or negative, and propagates again;
where the object is not in the image, it marks the stretch as absent, which counts as a click.
Which frame: the one to which the page's review leads (`review`), or a random wrong one of the
object with the lowest J (`random`).  Where the review has nothing left, or leads to a mask that
is right, a random one is taken.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.annotator_page import Annotator, annotating
from benchmarks.shared import Table, run
from tests.chromium import opened_browser
from vseg import open_run
from vseg.ops.masks import mask_iou
from vseg.prompts.simulate import correction
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip

GOAL = 0.9
HW = (240, 426)
FRAMES = 40
# Marks that wait for propagation, of all objects.
_PENDING = """
() => [...document.querySelectorAll("#objects .badge")]
  .reduce((sum, badge) => sum + parseInt(badge.textContent), 0)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table.  reached: objects with J >= 0.9 at the end.  clicks: for an object.
    seconds: in all, propagation included.
    """

    scene: str
    policy: str
    objects: int
    reached: int
    clicks: float
    seconds: float
    J: float


@dataclass
class Work:
    """One scene being annotated.  ids: objects of the run by those of the scene."""

    annotator: Annotator
    scene: SyntheticVideo
    rng: np.random.Generator
    clicks: int = 0
    ids: dict[int, int] = field(default_factory=dict)

    def begin(self) -> None:
        """A click on every object, and the first propagation."""
        page = self.annotator.page
        for obj in self.scene.object_ids:
            first = self.scene.first_point(obj)
            page.go_to(first.frame_index)
            page.keys("n")
            self.click(first.x, first.y)
            self.ids[obj] = len(self.ids) + 1
        page.propagate("v")

    def click(self, x: int, y: int, *, positive: bool = True) -> None:
        """A click on the frame that is shown; returns when it is stored."""
        page = self.annotator.page
        before = page.page.evaluate(_PENDING)
        page.click(x, y, negative=not positive)
        page.page.mouse.move(5, 5)
        page.wait_for(f"(before) => ({_PENDING})() > before", before)
        self.clicks += 1

    def similarity(self) -> dict[int, list[float]]:
        """J of every object on every frame of the run as it is stored."""
        masks = list(open_run(self.annotator.run))
        return {
            obj: [
                mask_iou(shown[number], self.scene.truth(k) == obj)
                for k, shown in enumerate(masks)
            ]
            for obj, number in self.ids.items()
        }

    def correct(self, obj: int, frame: int) -> bool:
        """Click on the largest error of an object on a frame; False where there is none."""
        mask = open_run(self.annotator.run)[frame][self.ids[obj]]
        truth = self.scene.truth(frame) == obj
        place = correction(truth, mask)
        if place is None:
            return False
        page = self.annotator.page
        page.go_to(frame)
        page.keys(str(self.ids[obj]))
        if not truth.any():
            self._mark_absent(obj, frame)
            return True
        (x, y), positive = place.xy[0], bool(place.positive[0])
        self.click(int(x), int(y), positive=positive)
        page.propagate("v")
        return True

    def _mark_absent(self, obj: int, frame: int) -> None:
        """The frames around this one on which the object is not in the image."""
        page = self.annotator.page
        gone = [not (self.scene.truth(k) == obj).any() for k in range(FRAMES)]
        first = frame
        last = frame
        while first > 0 and gone[first - 1]:
            first -= 1
        while last + 1 < FRAMES and gone[last + 1]:
            last += 1
        revision = page.revision
        page.go_to(first)
        page.keys("q")
        page.go_to(last)
        page.keys("q", "a")
        page.wait_for_text("#clip-facts", f"revision {revision + 1}")
        self.clicks += 1


Policy = Callable[[Work, dict[int, list[float]]], tuple[int, int]]


def _random(work: Work, scores: dict[int, list[float]]) -> tuple[int, int]:
    obj = min(scores, key=lambda each: float(np.mean(scores[each])))
    wrong = [k for k, score in enumerate(scores[obj]) if score < GOAL]
    return obj, int(work.rng.choice(wrong))


def _review(work: Work, scores: dict[int, list[float]]) -> tuple[int, int]:
    page = work.annotator.page
    page.keys("Quote")
    page.page.wait_for_timeout(1000)
    if page.page.locator("#review .review-title").count() == 0:
        return _random(work, scores)
    title = page.page.inner_text("#review .review-title b")
    frame = int(page.page.input_value("#frame"))
    obj = {f"Object {number}": each for each, number in work.ids.items()}[title]
    return (obj, frame) if scores[obj][frame] < GOAL else _random(work, scores)


POLICIES: dict[str, Policy] = {"review": _review, "random": _random}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenes", type=int, default=4)
    parser.add_argument("--most", type=int, default=6, help="clicks for an object")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
    table = Table(Row)
    with opened_browser() as browser:
        for seed in range(options.scenes):
            for name in POLICIES:
                scene = _scene(900 + seed)
                with tempfile.TemporaryDirectory() as folder:
                    clip = Path(folder) / "scene.mp4"
                    write_clip(scene, clip)
                    with annotating(browser, clip, HW) as annotator:
                        work = Work(annotator, scene, np.random.default_rng(seed))
                        table.add(_annotated(work, f"scene {seed}", name, options.most))
    table.write(options.json)


def _scene(seed: int) -> SyntheticVideo:
    """One click an object gives a J of 0.77 in the mean (7 scenes), and 9 of 21 objects 0.9."""
    config = SceneConfig(
        *HW, num_frames=FRAMES, seed=seed, num_objects=3, speed=0.8, occluders=1
    )
    return SyntheticVideo(config)


def _annotated(work: Work, scene: str, name: str, most: int) -> Row:
    """Annotate one scene by a policy."""
    began = time.monotonic()
    work.begin()
    scores = work.similarity()
    most *= len(work.ids)
    while min(np.mean(each) for each in scores.values()) < GOAL and work.clicks < most:
        if not work.correct(*POLICIES[name](work, scores)):
            break
        scores = work.similarity()
    means = [float(np.mean(each)) for each in scores.values()]
    return Row(
        scene=scene,
        policy=name,
        objects=len(means),
        reached=sum(mean >= GOAL for mean in means),
        clicks=work.clicks / len(means),
        seconds=time.monotonic() - began,
        J=100 * float(np.mean(means)),
    )


if __name__ == "__main__":
    run(main)
