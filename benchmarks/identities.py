"""Do identities hold?  The identity suite, tracked from prompts on its first frame.

    python benchmarks/identities.py --prompts mask click --json identities.json
    python benchmarks/identities.py --scenes cross-2 cross-8 --without none non_overlapping
    python benchmarks/identities.py --scenes cups sheep --without none \
        --short-sides 320 352 384 448 512

The scenes are those of `vseg.synthetic.suite`; their truth is exact.  IDF1 and switches match
masks by an overlap of a half, as for boxes; `astray` counts masks that cover more of another
object than of their own.  Every behaviour that keeps identities is turned off in turn
(`--without`), and all at once.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.shared import (
    Table,
    add_model_options,
    models_of,
    prompt_object,
    run,
    spread_of,
)
from vseg import Session
from vseg.config import INDEPENDENT_OBJECTS, IdentitySettings
from vseg.errors import UsageError
from vseg.frame_masks import FrameMasks
from vseg.interfaces.model import Model
from vseg.metrics.clear import count_clear
from vseg.metrics.idf1 import count_identity
from vseg.metrics.jf import score_frame
from vseg.metrics.mask_identities import MaskPairs
from vseg.synthetic import SyntheticVideo, TrueFrame, identity_scenes

# The behaviours of a session that can be turned off, by name.
SWITCHES = tuple(
    name for name, rule in IdentitySettings.model_fields.items() if rule.annotation is bool
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: means over the short sides; without: the behaviour turned off; IDF1
    and JF in percent; spread: the standard deviation of JF over short sides.
    """

    scene: str
    without: str
    prompt: str
    objects: int
    IDF1: float
    switches: float
    astray: float
    JF: float
    spread: float | None = None


def main() -> None:
    options = _options()
    scenes = identity_scenes()
    unknown = sorted(set(options.scenes or ()) - set(scenes))
    if unknown:
        raise UsageError(f"no scene '{unknown[0]}'", hint=f"scenes: {', '.join(scenes)}")
    models = [model for _, model in models_of(options)]
    table = Table(Row)
    for name in options.scenes or scenes:
        scene = SyntheticVideo(scenes[name])
        frames = [scene.draw(index) for index in range(min(len(scene), options.frames))]
        for kind in options.prompts:
            for without in options.without:
                rules = rules_without(without)
                rows = [
                    _row((name, without, kind), frames, track(model, frames, kind, rules))
                    for model in models
                ]
                table.add(mean_row(rows))
    table.write(options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--scenes", nargs="*", help="some of the suite's scenes; all if left out"
    )
    kinds = ("mask", "box", "click")
    parser.add_argument("--prompts", nargs="+", choices=kinds, default=["mask", "click"])
    parts = ("none", *SWITCHES, "all")
    parser.add_argument("--without", nargs="+", choices=parts, default=list(parts))
    parser.add_argument("--frames", type=int, default=1000, help="of each scene, at most")
    add_model_options(parser, sides=(384,))
    return parser.parse_args()


def rules_without(name: str) -> IdentitySettings:
    """The session's rules with one behaviour, all of them or none turned off."""
    if name == "all":
        return INDEPENDENT_OBJECTS
    return IdentitySettings() if name == "none" else IdentitySettings(**{name: False})


def track(
    model: Model, frames: list[TrueFrame], kind: str, rules: IdentitySettings
) -> Iterator[FrameMasks]:
    """Masks of all objects, which are prompted on the first frame."""
    first = frames[0]
    with Session(model, identity=rules) as session:
        for object_id in np.unique(first.labels[first.labels > 0]).tolist():
            prompt_object(session, object_id, first.labels == object_id, kind, first.frame)
        yield from session.propagate(frames=iter([true.frame for true in frames]))


def _row(
    names: tuple[str, str, str], frames: list[TrueFrame], predicted: Iterator[FrameMasks]
) -> Row:
    pairs = MaskPairs()
    astray = 0
    j_and_f = []
    for true, frame_masks in zip(frames, predicted, strict=True):
        masks = dict(frame_masks)
        pairs.add(true.labels, masks)
        for object_id, mask in masks.items():
            pixels = np.bincount(true.labels[mask], minlength=256)[1:]
            astray += int(pixels.max() > pixels[object_id - 1])
            j_and_f.append(score_frame(mask, true.labels == object_id))
    clip = pairs.clip()
    return Row(
        *names,
        objects=clip.num_true_ids,
        IDF1=100 * count_identity(clip).f1,
        switches=count_clear(clip).switches,
        astray=astray,
        JF=100 * float(np.mean(j_and_f)),
    )


def mean_row(rows: Sequence[Row]) -> Row:
    """The mean over short sides of what is otherwise the same line."""

    def mean(values: list[float]) -> float:
        return float(np.mean(values))

    return replace(
        rows[0],
        IDF1=mean([row.IDF1 for row in rows]),
        switches=mean([row.switches for row in rows]),
        astray=mean([row.astray for row in rows]),
        JF=mean([row.JF for row in rows]),
        spread=spread_of([row.JF for row in rows]),
    )


if __name__ == "__main__":
    run(main)
