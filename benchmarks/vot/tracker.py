"""A tracker of the VOT toolkit's folder protocol: `vseg` tracks what the queries ask for.

The toolkit starts it in a folder with `frames_color.txt`, a path a line, and a
`query_<id>.txt` for each object: the frame, then the region.  It writes `output_<id>.txt`, a
region for every frame.  In `trackers.ini`:

    [vseg]
    label = vseg
    protocol = folder
    command = python /path/to/benchmarks/vot/tracker.py

VSEG_VOT_REPLAY gives masks instead, in the layout of VSEG_VOT_MASKS.  VSEG_VOT_MODEL chooses the model (nano), VSEG_VOT_SHORT_SIDE the size of its frames (384),
VSEG_VOT_MASKS a folder to which the same masks are written as PNGs, <clip>/<query>/<frame>.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from PIL import Image

from benchmarks.vot.regions import ABSENT, line_of, prompt_of
from vseg import Session, load_model, open_video

Masks = dict[str, Bool[np.ndarray, "H W"]]


def main() -> None:
    paths = [Path(line) for line in Path("frames_color.txt").read_text().splitlines()]
    queries = {
        path.stem.removeprefix("query_"): path.read_text().splitlines()
        for path in sorted(Path().glob("query_*.txt"), key=lambda p: (len(p.name), p.name))
    }
    lines: dict[str, list[str]] = {name: [] for name in queries}
    images = paths[0].parent
    replay = os.environ.get("VSEG_VOT_REPLAY")
    made = replayed(Path(replay), images, queries) if replay else tracked(images, queries)
    for index, masks in enumerate(made):
        for name in queries:
            mask = masks.get(name)
            lines[name].append(ABSENT if mask is None else line_of(mask))
        keep(masks, queries, paths[index])
    for name, regions in lines.items():
        Path(f"output_{name}.txt").write_text("\n".join(regions) + "\n")


def replayed(root: Path, images: Path, queries: dict[str, list[str]]) -> Iterator[Masks]:
    """The masks that lie in a folder."""
    for image in sorted(images.iterdir()):
        names = {name: root / images.name / name / f"{image.stem}.png" for name in queries}
        yield {name: np.array(Image.open(path)) > 0 for name, path in names.items()}


def tracked(images: Path, queries: dict[str, list[str]]) -> Iterator[Masks]:
    """Of every frame, the masks of the objects that were asked for on it or before."""
    side = int(os.environ.get("VSEG_VOT_SHORT_SIDE", "384"))
    model = load_model(os.environ.get("VSEG_VOT_MODEL", "nano"), short_side=side)
    numbers = {number: name for number, name in enumerate(queries, 1)}
    with open_video(images) as video, Session(model, video) as session:
        first = len(video)
        for number, name in numbers.items():
            offset = int(float(queries[name][0]))
            first = min(first, offset)
            region = prompt_of(queries[name][1], (video.info.height, video.info.width))
            session.add_prompt(number, offset, [region])
        yield from ({} for _ in range(first))
        for masks in session.propagate():
            yield {numbers[number]: masks[number] for number in masks}


def keep(masks: Masks, queries: dict[str, list[str]], image: Path) -> None:
    """Write the masks of one frame where VSEG_VOT_MASKS says, if it does."""
    root = os.environ.get("VSEG_VOT_MASKS")
    if root is None:
        return
    with Image.open(image) as opened:
        none = np.zeros((opened.height, opened.width), dtype=bool)
    for name in queries:
        folder = Path(root) / image.parent.name / name
        folder.mkdir(parents=True, exist_ok=True)
        mask = masks.get(name, none)
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{image.stem}.png")


if __name__ == "__main__":
    main()
