"""J&F of a model on clips with masks, for each way to prompt the first frame, with frames per second.

    python benchmarks/davis.py DAVIS --prompts mask box click --json davis.json

DAVIS holds `JPEGImages/480p/<clip>` and `Annotations/480p/<clip>` (or the same without `480p`).
Further clicks are placed at the innermost pixel of the largest wrong region of the first frame.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from vseg import Session, load_model
from vseg.metrics.annotations import LabelFolder
from vseg.metrics.davis import evaluate
from vseg.metrics.scores import Measures
from vseg.model import Model
from vseg.ops.simulate import correction, innermost_click, middle_scribble, tight_box
from vseg.readers.images import ImageFolder
from vseg.types import Mask, Prompt

PROMPTS = ("mask", "box", "click", "3clicks", "5clicks", "scribble")


def main() -> None:
    options = _options()
    model = load_model(
        "nano", weights=options.weights, dtype=options.dtype, short_side=options.short_side
    )
    pictures, truths = (_clips(options.root / part) for part in ("JPEGImages", "Annotations"))
    rows = []
    for kind in options.prompts:
        for clip in sorted(truths):
            if options.clips and clip not in options.clips:
                continue
            measures, fps = _clip(model, pictures[clip], truths[clip], kind)
            rows.append((kind, clip, measures, fps))
            print(_row(*rows[-1]), flush=True)
        same = [row for row in rows if row[0] == kind]
        mean = Measures.mean([row[2] for row in same])
        rows.append((kind, "MEAN", mean, float(np.mean([row[3] for row in same]))))
        print(_row(*rows[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps([_flat(*row) for row in rows], indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--prompts", nargs="+", choices=PROMPTS, default=["mask", "box", "click"])
    parser.add_argument("--clips", nargs="*")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--short-side", type=int, default=384)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _clips(root: Path) -> dict[str, Path]:
    inner = root / "480p"
    return {p.name: p for p in (inner if inner.is_dir() else root).iterdir() if p.is_dir()}


def _clip(model: Model, pictures: Path, truth_folder: Path, kind: str) -> tuple[Measures, float]:
    first = next(iter(LabelFolder.open(truth_folder)))
    started = time.perf_counter()
    with ImageFolder(pictures) as video, Session(model, video) as session:
        for object_id in first.object_ids:
            _prompt(session, object_id, first.mask(object_id), kind)
        score = evaluate(truth_folder, _predictions(session))
        count = len(video)
    return score.measures, count / (time.perf_counter() - started)


def _prompt(session: Session, object_id: int, truth: Bool[np.ndarray, "H W"], kind: str) -> None:
    """Prompt the first frame; further clicks answer what the model made of those before."""
    one: dict[str, Prompt] = {
        "mask": Mask(truth),
        "box": tight_box(truth),
        "scribble": middle_scribble(truth),
    }
    seen = session.prompt(object_id, 0, [one.get(kind, innermost_click(truth))])
    clicks = int(kind[0]) if kind[0].isdigit() else 1
    for _ in range(clicks - 1):
        click = correction(truth, seen.mask(0))
        if click is not None:
            seen = session.prompt(object_id, 0, [click])


def _predictions(session: Session) -> Iterator[tuple[int, dict[int, Bool[np.ndarray, "H W"]]]]:
    for masks in session.propagate():
        yield masks.frame_index, {k: masks.mask(r) for r, k in enumerate(masks.object_ids)}


def _flat(kind: str, clip: str, m: Measures, fps: float) -> dict[str, str | float]:
    numbers = {"J": m.j_mean, "J_decay": m.j_decay, "F": m.f_mean, "JF": m.jf_mean}
    shown = {name: round(100 * value, 2) for name, value in numbers.items()}
    return {"prompt": kind, "clip": clip, **shown, "fps": round(fps, 1)}


def _row(kind: str, clip: str, m: Measures, fps: float) -> str:
    return "  ".join(f"{name} {value!s:<14}" for name, value in _flat(kind, clip, m, fps).items())


if __name__ == "__main__":
    main()
