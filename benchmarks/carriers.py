"""Of one thing that an arm takes, carries and lets go of: is it tracked alone, or with the
hand and what it passes?

    python benchmarks/carriers.py --data pack.zip --short-sides 256
    python benchmarks/carriers.py --data pack.zip --short-sides 256 --without coherent

`benchmarks/carriers_scene.py` draws the scenes from the stills of the zips.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.carriers_scene import FRAMES, carried_scene, load_things
from benchmarks.mask_faults import false_components
from benchmarks.shared import Table, add_model_options, models_of, prompt_object, run
from vseg import Session
from vseg.config import IdentitySettings
from vseg.interfaces.model import Model
from vseg.ops.masks import mask_iou
from vseg.synthetic import TrueFrame


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table, in percent, means over frames and scenes; without: the identity
    setting turned off.

    J_end: of the last ten frames, when the arm is gone.  spill: the share of the mask that is
    not on the thing.  missed: the share of the thing that the mask lacks.  false: connected
    components without a pixel of the thing, per 100 frames.
    """

    prompt: str
    short_side: int
    without: str
    J: float
    J_end: float
    spill: float
    missed: float
    false: float


def main() -> None:
    options = _options()
    things = load_things(options.data)
    scenes = [
        list(islice(carried_scene(things, seed), options.frames))
        for seed in range(options.scenes)
    ]
    table = Table(Row)
    for side, model in models_of(options):
        for without in options.without:
            off = {} if without == "none" else {without: False}
            rules = IdentitySettings(**off)
            for kind in options.prompts:
                measured = [measure(model, scene, kind, rules) for scene in scenes]
                means = np.mean(measured, axis=0).tolist()
                table.add(Row(kind, side, without, *means))
    table.write(options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--data", type=Path, action="append", required=True, help="a dataset zip"
    )
    parser.add_argument("--scenes", type=int, default=16)
    parser.add_argument("--frames", type=int, default=FRAMES, help="of each scene, at most")
    parser.add_argument(
        "--prompts", nargs="+", choices=("mask", "box", "click"), default=["mask", "click"]
    )
    switches = ("none", "coherent")
    parser.add_argument("--without", nargs="+", choices=switches, default=["none"])
    add_model_options(parser, sides=(384,))
    return parser.parse_args()


def measure(
    model: Model, scene: Sequence[TrueFrame], kind: str, rules: IdentitySettings
) -> tuple[float, float, float, float, float]:
    """J, J_end, spill, missed and false of one scene, as `Row` says."""
    found = []
    with Session(model, identity=rules) as session:
        prompt_object(session, 1, scene[0].labels == 1, kind, scene[0].frame)
        masks = session.propagate(frames=iter([true.frame for true in scene]))
        for true, on_frame in zip(scene, masks, strict=True):
            mask = on_frame[1]
            truth = true.labels == 1
            found.append(
                (
                    mask_iou(mask, truth),
                    (mask & ~truth).sum() / max(1, mask.sum()),
                    (truth & ~mask).sum() / max(1, truth.sum()),
                    false_components(mask, truth),
                )
            )
    values = 100 * np.array(found)
    mean = values.mean(axis=0).tolist()
    return mean[0], float(values[-10:, 0].mean()), mean[1], mean[2], mean[3]


if __name__ == "__main__":
    run(main)
