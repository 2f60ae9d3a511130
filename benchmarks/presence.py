"""Is an object reported absent when it is absent?  On synthetic scenes, whose truth is exact.

    python benchmarks/presence.py --seeds 20 --json presence.json

Two kinds of scene for every seed: in `leave`, objects leave the frame and return; in `hide`,
large still occluders hide small objects completely.  Every object with enough pixels on frame
0 is prompted there.  nano's training draws scenes of the same renderer, so this is the easy
case: what is missed here is missed in real video too.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from benchmarks.presence_scores import PresenceCounts, count_presence
from benchmarks.shared import Table, add_model_options, model_of, prompt_object, run
from vseg import Session
from vseg.interfaces.model import Model
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.types import Frame

FIRST_SEED = 1_000_000
"""Scenes of demos and tests have smaller ones."""
LEAST_PIXELS = 200
"""Of an object on frame 0, for a prompt to be unambiguous.  A round value."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: shares in percent, delay in frames; object None: all objects
    together.
    """

    scene: str
    prompt: str
    seed: int | None
    object: int | None
    absences: int
    gone: int
    precision: float | None
    recall: float | None
    alarms: float | None
    delay: float | None
    missed: int


@dataclass(frozen=True, slots=True)
class RenderedScene:
    """A scene rendered once for all prompts.  ids: objects large enough to prompt on frame 0."""

    frames: tuple[Frame, ...]
    truths: tuple[UInt8[np.ndarray, "H W"], ...]
    ids: tuple[int, ...]


def main() -> None:
    options = _options()
    model = model_of(options)
    table = Table(Row)
    counts: dict[tuple[str, str], list[PresenceCounts]] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
        for name, config in scenes(seed, options.frames).items():
            scene = _rendered(config)
            for kind in options.prompts:
                for object_id, one in _objects(model, scene, kind):
                    counts.setdefault((name, kind), []).append(one)
                    table.add(_row(name, kind, one, seed=seed, object_id=object_id))
    for (name, kind), several in sorted(counts.items()):
        table.add(_row(name, kind, PresenceCounts.total(several)))
    table.write(options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=20, help="scenes of each kind")
    parser.add_argument("--frames", type=int, default=150)
    kinds = ("mask", "box", "click")
    parser.add_argument("--prompts", nargs="+", choices=kinds, default=list(kinds))
    add_model_options(parser)
    return parser.parse_args()


def scenes(seed: int, num_frames: int) -> dict[str, SceneConfig]:
    """The two scenes of a seed, by name."""
    return {
        "leave": SceneConfig(
            seed=seed, num_frames=num_frames, size=0.7, occluders=0, leave_and_return=True
        ),
        "hide": SceneConfig(
            seed=seed, num_frames=num_frames, size=0.5, occluders=2, occluder_size=3.0
        ),
    }


def _rendered(config: SceneConfig) -> RenderedScene:
    scene = SyntheticVideo(config)
    frames = [scene.draw(index) for index in range(len(scene))]
    areas = np.bincount(frames[0].labels.reshape(-1), minlength=config.num_objects + 1)
    ids = tuple(k for k in range(1, config.num_objects + 1) if areas[k] >= LEAST_PIXELS)
    return RenderedScene(tuple(f.frame for f in frames), tuple(f.labels for f in frames), ids)


def _objects(
    model: Model, scene: RenderedScene, kind: str
) -> Iterator[tuple[int, PresenceCounts]]:
    """(object id, counts) of the prompted objects, which are tracked together."""
    with Session(model) as session:
        visible = _reported_visible(session, scene, kind)
    for row, object_id in enumerate(scene.ids):
        areas = np.array([np.count_nonzero(truth == object_id) for truth in scene.truths])
        yield object_id, count_presence(areas[1:], visible[1:, row], int(areas[0]))


def _reported_visible(
    session: Session, scene: RenderedScene, kind: str
) -> Bool[np.ndarray, "T O"]:
    """Whether the objects were reported visible, frame by frame."""
    for object_id in scene.ids:
        prompt_object(session, object_id, scene.truths[0] == object_id, kind, scene.frames[0])
    if not scene.ids:
        return np.zeros((len(scene.frames), 0), dtype=bool)
    return np.array([m.visible for m in session.propagate(frames=iter(scene.frames))])


def _row(
    name: str,
    kind: str,
    counts: PresenceCounts,
    *,
    seed: int | None = None,
    object_id: int | None = None,
) -> Row:
    return Row(
        *(
            name,
            kind,
            seed,
            object_id,
            counts.absences,
            counts.absent_reported + counts.absent_unreported,
        ),
        precision=_percent(counts.precision),
        recall=_percent(counts.recall),
        alarms=_percent(counts.false_alarms),
        delay=counts.delay,
        missed=counts.missed,
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


if __name__ == "__main__":
    run(main)
