"""The cost of every memory policy and approximation, and how far its masks are from those of
`recent` without one.

    python benchmarks/policies.py --models edgetam sam2.1-tiny --side 512

A synthetic clip, all its objects prompted by their masks; times are of the second half of the
frames, with the memory full.  The weights are random: a mask's overlap with that of `recent`
says how much a choice changes what is computed, not whether it is better.  Quality needs a
published checkpoint.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool

from benchmarks.engines_clock import StageClock
from benchmarks.engines_contenders import our_model
from benchmarks.engines_networks import NETWORKS, network
from benchmarks.shared import Table, run
from vseg.config import ApproximationName, MemorySettings, PolicyName
from vseg.models.sam2.model import Sam
from vseg.session.session import Session
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.weights.device import open_device

CHOICES: tuple[tuple[PolicyName, ApproximationName], ...] = (
    ("recent", "none"),
    ("selective", "none"),
    ("recent", "pooled"),
    ("recent", "pruned"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One choice.  attention, frame: processor ms.  state: MiB.  same: percent IoU with
    `recent`.
    """

    model: str
    policy: str
    approximation: str
    attention: float
    frame: float
    state: float
    same: float


@dataclass(frozen=True, slots=True)
class Tracked:
    """A clip tracked once: masks by frame and object, seconds per frame, bytes held at its
    end.
    """

    masks: Bool[np.ndarray, "T O H W"]
    frame_s: list[float]
    attention_s: list[float]
    state_bytes: int


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--models", nargs="+", choices=NETWORKS, default=["edgetam", "sam2.1-tiny"]
    )
    parser.add_argument("--side", type=int, default=1024, help="pixels of the square input")
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--objects", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    config = SceneConfig(
        480, 854, options.frames, num_objects=options.objects, seed=1, occluders=0
    )
    table = Table(Row)
    with SyntheticVideo(config) as clip:
        for name in options.models:
            device = open_device(options.device)
            model = our_model(network(name, options.side), device, torch.float32)
            for row in _rows(name, model, clip):
                table.add(row)
    table.write(options.json)


def _rows(name: str, model: Sam, clip: SyntheticVideo) -> Iterator[Row]:
    reference = None
    for policy, approximation in CHOICES:
        memory = MemorySettings(policy=policy, approximation=approximation)
        tracked = _tracked(model, clip, memory)
        reference = reference or tracked
        steady = slice(len(tracked.frame_s) // 2, None)
        yield Row(
            name,
            policy,
            approximation,
            1000 * float(np.median(tracked.attention_s[steady])),
            1000 * float(np.median(tracked.frame_s[steady])),
            tracked.state_bytes / 2**20,
            100 * _overlap(tracked.masks, reference.masks),
        )


def _tracked(model: Sam, clip: SyntheticVideo, memory: MemorySettings) -> Tracked:
    """All objects of a clip tracked from their masks on its first frame."""
    clock = StageClock(model.device)
    clock.wrap(model, "attention", "condition")
    masks = []
    times = []
    with Session(model, clip, memory=memory) as session:
        for obj in clip.object_ids:
            session.prompt(obj, 0, mask=np.asarray(clip.truth(0) == obj))
        frames = session.propagate()
        for _ in range(len(clip)):
            times.append(clock.frame(lambda: masks.append(next(frames).masks)))
        state = session.state_bytes()
    # The clock's wrapper is an attribute of this model; without it the class's method is back.
    del model.condition
    return Tracked(
        np.stack(masks),
        [stages["total"][0] for stages in times],
        [stages.get("attention", (0.0, 0.0))[0] for stages in times],
        state,
    )


def _overlap(one: Bool[np.ndarray, "T O H W"], two: Bool[np.ndarray, "T O H W"]) -> float:
    """Mean IoU over frames and objects; two empty masks agree."""
    both = (one & two).sum(axis=(2, 3))
    either = (one | two).sum(axis=(2, 3))
    return float(np.where(either == 0, 1.0, both / np.maximum(either, 1)).mean())


if __name__ == "__main__":
    run(main)
