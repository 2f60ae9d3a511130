"""A simulated annotator at the real page: clicks and seconds until every object has J >= 0.9.

    python benchmarks/annotator_clicks.py --scenes 6

Scenes have exact truth: three objects that go behind each other and behind a post.
The annotator visits frames.  On each it takes the objects whose mask there has J < 0.9 one after
another: a click on the innermost pixel of the largest wrong region, positive or negative, the
mask that shows for it, the next click, until J is 0.9 or three clicks have gained nothing; what
came after the best mask is undone.  Where an object is not in the image, the stretch is marked
as absent, which counts as a click.  Then everything is propagated once.  The first visits are
those to the frames that show an object first; they are the same for all policies.  What comes
next: the worst frame of the span to which the page's review leads (`review`), the middle of the
longest stretch without a visit (`even`), or a frame that was not visited (`random`).  Under
review a span that is right is accepted, and one whose worst frame is right is corrected on
its wrongest frame; where nothing risky is left, the next frame is an even one.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from benchmarks.annotator_page import Annotator, annotating
from benchmarks.page_answers import PageAnswers
from benchmarks.shared import Table, run
from tests.chromium import opened_browser
from vseg import open_run
from vseg.ops.masks import mask_iou
from vseg.prompts.simulate import correction
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip

GOAL = 0.9
HW = (240, 426)
FRAMES = 40
NO_GAIN = 3
"""Clicks on a mask without a gain, after which it is left as it is."""
STEPS = (2, 4, 8)
"""Visits after which J is in the table."""
_PENDING = """
() => [...document.querySelectorAll("#objects .badge")]
  .reduce((sum, badge) => sum + parseInt(badge.textContent), 0)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table.  reached: objects with J >= 0.9 at the end.  visits: to frames, the
    first ones included; clicks: for an object.  seconds: of the page and its server in all.
    J in percent, after the first visits, after so many more, and at the end.
    """

    scene: str
    policy: str
    objects: int
    reached: int
    visits: float
    clicks: float
    seconds: float
    J_first: float
    J_2: float
    J_4: float
    J_8: float
    J_end: float


@dataclass
class Work:
    """One scene being annotated.  ids: objects of the run by those of the scene."""

    annotator: Annotator
    scene: SyntheticVideo
    rng: np.random.Generator
    answers: PageAnswers
    clicks: int = 0
    visited: list[int] = field(default_factory=list)
    ids: dict[int, int] = field(default_factory=dict)

    def begin(self) -> None:
        """Every object on the frame that shows it first, and the first propagation."""
        page = self.annotator.page
        firsts = {
            obj: self.scene.first_point(obj).frame_index for obj in self.scene.object_ids
        }
        for obj, frame in sorted(firsts.items(), key=lambda each: each[1]):
            page.go_to(frame)
            page.keys("n")
            self.ids[obj] = len(self.ids) + 1
            self._click_until_right(obj, frame, np.zeros(HW, dtype=bool))
        page.propagate("v")
        self.visited += sorted(set(firsts.values()))

    def visit(self, frame: int) -> None:
        """Correct every object whose mask is wrong on a frame, and propagate once."""
        self.visited.append(frame)
        stored = open_run(self.annotator.run)[frame]
        page = self.annotator.page
        page.go_to(frame)
        for obj, number in self.ids.items():
            truth = self.scene.truth(frame) == obj
            if mask_iou(stored[number], truth) >= GOAL:
                continue
            page.keys(str(number))
            if truth.any():
                self._click_until_right(obj, frame, stored[number])
            else:
                self._mark_absent(obj, frame)
        if page.page.evaluate(_PENDING):
            page.propagate("v")

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

    def _click_until_right(self, obj: int, frame: int, mask: Bool[np.ndarray, "H W"]) -> None:
        """Click on the largest error of a mask until it is right or gets no better."""
        truth = self.scene.truth(frame) == obj
        best = mask_iou(mask, truth)
        in_vain = 0
        while best < GOAL and in_vain < NO_GAIN:
            place = correction(truth, mask)
            if place is None:
                break
            (x, y), positive = place.xy[0], bool(place.positive[0])
            mask = self._click(self.ids[obj], (int(x), int(y)), positive)
            now = mask_iou(mask, truth)
            in_vain = 0 if now > best else in_vain + 1
            best = max(best, now)
        for _ in range(in_vain):
            self._undo_click()

    def _click(
        self, number: int, xy: tuple[int, int], positive: bool
    ) -> Bool[np.ndarray, "H W"]:
        """A click on the frame that is shown, and the mask that the page shows for it."""
        page = self.annotator.page
        before = page.page.evaluate(_PENDING)
        self.answers.forget(number)
        page.click(*xy, negative=not positive)
        page.page.mouse.move(5, 5)
        page.wait_for(f"(before) => ({_PENDING})() > before", before)
        self.clicks += 1
        return self.answers.of(number)

    def _undo_click(self) -> None:
        page = self.annotator.page
        before = page.page.evaluate(_PENDING)
        page.keys("Control+z")
        page.wait_for(f"(before) => ({_PENDING})() < before", before)

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
        page.go_to(frame)
        self.clicks += 1


Policy = Callable[[Work], int]
"""The next frame to visit."""


def _random(work: Work) -> int:
    return int(work.rng.choice([k for k in range(FRAMES) if k not in work.visited]))


def _even(work: Work) -> int:
    edges = sorted({-1, *work.visited, FRAMES})
    begin, end = max(pairwise(edges), key=lambda pair: pair[1] - pair[0])
    return (begin + end) // 2


def _review(work: Work) -> int:
    """The worst frame of the next span, or its wrongest; what is right is accepted."""
    page = work.annotator.page
    work.answers.review("Quote")
    while page.page.locator("#review .review-title").count():
        title = page.page.inner_text("#review .review-title")
        obj = {f"Object {n}": obj for obj, n in work.ids.items()}[title.split(" · ")[0]]
        first, last = (int(word) for word in title.split("frames ")[1].split(" \u2013 "))
        scores = work.similarity()[obj]
        worst = int(page.page.input_value("#frame"))
        wrongest = min(range(first, last + 1), key=lambda k: scores[k])
        for frame in (worst, wrongest):
            if scores[frame] < GOAL and frame not in work.visited:
                return frame
        work.answers.review("Enter" if scores[wrongest] >= GOAL else "Shift+Enter")
    return _even(work)


POLICIES: dict[str, Policy] = {"review": _review, "even": _even, "random": _random}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenes", type=int, default=6)
    parser.add_argument("--most", type=int, default=12, help="visits after the first ones")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
    table = Table(Row)
    rows: list[Row] = []
    with opened_browser() as browser:
        for seed in range(options.scenes):
            for name in POLICIES:
                scene = _scene(900 + seed)
                with tempfile.TemporaryDirectory() as folder:
                    clip = Path(folder) / "scene.mp4"
                    write_clip(scene, clip)
                    with annotating(browser, clip, HW) as annotator:
                        rows.append(_annotated(annotator, scene, (seed, name), options.most))
                        table.add(rows[-1])
    for name in POLICIES:
        table.add(_mean([row for row in rows if row.policy == name]))
    table.write(options.json)


def _scene(seed: int) -> SyntheticVideo:
    config = SceneConfig(
        *HW, num_frames=FRAMES, seed=seed, num_objects=3, speed=0.8, occluders=1
    )
    return SyntheticVideo(config)


def _annotated(
    annotator: Annotator, scene: SyntheticVideo, named: tuple[int, str], most: int
) -> Row:
    """Annotate one scene by a policy."""
    seed, policy = named
    answers = PageAnswers(annotator.page)
    annotator.page.page.reload()
    annotator.page.wait_for_frame(0)
    work = Work(annotator, scene, np.random.default_rng(seed), answers)
    began = time.monotonic()
    work.begin()
    seen = [_means(work)]
    while min(seen[-1]) < GOAL and len(seen) <= most:
        work.visit(POLICIES[policy](work))
        seen.append(_means(work))
    J = [100 * float(np.mean(means)) for means in seen]
    return Row(
        scene=f"scene {seed}",
        policy=policy,
        objects=len(work.ids),
        reached=sum(mean >= GOAL for mean in seen[-1]),
        visits=float(len(work.visited)),
        clicks=work.clicks / len(work.ids),
        seconds=time.monotonic() - began,
        J_first=J[0],
        **{f"J_{step}": J[min(step, len(J) - 1)] for step in STEPS},
        J_end=J[-1],
    )


def _means(work: Work) -> list[float]:
    return [float(np.mean(scores)) for scores in work.similarity().values()]


def _mean(rows: list[Row]) -> Row:
    names = ("visits", "clicks", "seconds", "J_first", "J_2", "J_4", "J_8", "J_end")
    means = {name: float(np.mean([getattr(row, name) for row in rows])) for name in names}
    objects = sum(row.objects for row in rows)
    reached = sum(row.reached for row in rows)
    return Row("MEAN", rows[0].policy, objects, reached, **means)


if __name__ == "__main__":
    run(main)
