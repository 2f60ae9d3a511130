"""A session with a compiled model beside one with the same model as it is; run as a program.

Apart from pytest, for the shape checks it puts around every function cannot be compiled.
Prints as JSON how many graphs there were after the warm-up and at the end, and how far the
masks lie apart.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch._dynamo.utils import counters

from tests.sam_models import saved_model
from vseg.config import INDEPENDENT_OBJECTS
from vseg.frame_masks import FrameMasks
from vseg.models.sam2.compiled import CompiledSam
from vseg.models.sam2.files import read_parts
from vseg.models.sam2.model import Sam
from vseg.session.session import Session
from vseg.types import Frame

HEIGHT = 60
WIDTH = 90
FRAMES = 12
SHORT_MEMORY = {"num_maskmem": 3, "max_object_pointers_in_encoder": 4}
"""Full after four frames."""


def film() -> list[Frame]:
    """Noise that drifts."""
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return [Frame(t, None, t / 10, np.roll(noise, t, axis=1)) for t in range(FRAMES)]


def tracked(model: Sam, batch: int) -> list[FrameMasks]:
    """Three objects, a fourth that comes when the memory is full, and then a correction by two
    clicks.
    """
    frames = film()
    seen = []
    with Session(model, encode_ahead=batch, identity=INDEPENDENT_OBJECTS) as session:
        session.prompt(1, frames[0], box=(5, 5, 40, 40))
        session.prompt(2, frames[0], points=[[60, 30]], labels=[1])
        session.prompt(3, frames[0], box=(30, 20, 80, 55))
        for frame in session.encode_ahead_of(frames):
            if frame.index == 6:
                session.prompt(4, frame, points=[[20, 40], [70, 10]], labels=[1, 0])
            if frame.index == 8:
                session.prompt(
                    1, frame, points=[[30, 30], [10, 50], [50, 9]], labels=[1, 0, 0]
                )
            seen.append(session.step(frame))
    return seen


def main(kind: str, backend: str, device: str) -> None:
    """Print the figures."""
    torch.set_num_threads(1)
    place = {"device": torch.device(device), "dtype": torch.float32}
    with TemporaryDirectory() as name:
        saved_model(kind, Path(name), **SHORT_MEMORY)
        plain = Sam(read_parts(Path(name), kind), **place)  # type: ignore[arg-type]
        model = CompiledSam(read_parts(Path(name), kind), **place, backend=backend)  # type: ignore[arg-type]
    model.warm_up([3], batch=4, prompted=2)
    warm = counters["stats"]["unique_graphs"]
    pairs = list(zip(tracked(model, 4), tracked(plain, 1), strict=True))
    print(
        json.dumps(
            {
                "warm": warm,
                "end": counters["stats"]["unique_graphs"],
                "frames": len(pairs),
                "objects": [len(seen.object_ids) for seen, _ in pairs],
                "apart": max(float(np.abs(a.logits - b.logits).max()) for a, b in pairs),
                "scale": max(
                    float(np.abs(b.logits[b.visible]).max(initial=0)) for _, b in pairs
                ),
                "visible": sum(int(seen.visible.sum()) for seen, _ in pairs),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
