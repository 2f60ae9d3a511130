"""Track one object with onnxruntime and numpy alone, from what `vseg export nano --to onnx`
wrote.

    vseg export nano --to onnx -o graphs --height 480 --width 854
    python demos/onnx_loop.py graphs CLIP OUT --point x,y   (or --box x1,y1,x2,y2, --mask FILE)

CLIP is an .npy of (frames, H, W, 3) bytes and FILE one of (H, W); a folder of images and a
mask image work too, and are read with Pillow.  The prompt is of the first frame.  Writes
OUT/00000.png and so on, 255 on the object and 0 elsewhere: the masks that a vseg session
gives, but for single pixels, since runtimes round scaled images differently by one byte here
and there.
"""

import argparse
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime

Array = np.ndarray[Any, Any]


class VisualPrompt(NamedTuple):
    points: Array
    boxes: Array
    mask: Array | None


class Seen(NamedTuple):
    frame: int
    key: Array
    value: Array


class Tracker:
    """The graphs; the last frame's features and logits; what is remembered of the object."""

    def __init__(self, folder: Path) -> None:
        self.about = json.loads((folder / "manifest.json").read_text())
        self.policy = self.about["memory"]
        graphs = self.about["graphs"]
        self.graphs = {
            k: onnxruntime.InferenceSession(folder / g["file"]) for k, g in graphs.items()
        }
        self.prompted, self.recent, self.older = list[Seen](), list[Seen](), list[Seen]()

    def run(self, graph: str, *values: Array) -> list[Array]:
        names = self.about["graphs"][graph]["inputs"]
        return list(self.graphs[graph].run(None, dict(zip(names, values, strict=True))))

    def zeros(self, graph: str, name: str) -> Array:
        shape = self.about["graphs"][graph]["inputs"][name]["shape"]
        return np.zeros([1 if n == "objects" else n for n in shape], np.float32)

    def start(self, image: Array, prompt: VisualPrompt) -> Array:
        """The object's mask on the first frame: looked at twice, a click at a coarser scale
        first.
        """
        self.features = self.run("encode", image)
        if prompt.mask is not None:
            self.logits = self.run("given", prompt.mask[None])[0]
        elif len(prompt.boxes):
            self.logits = self.look(prompt, self.look(prompt, self.zeros("prompt", "logits")))
        else:
            marks = self.draw(prompt, self.zeros("sketch", "maps"))
            self.logits = self.look(prompt, self.run("sketch", image, marks)[0])
        self.prompted.append(self.seen(0))
        return self.run("enlarge", self.logits)[0][0] if prompt.mask is None else prompt.mask

    def look(self, prompt: VisualPrompt, known: Array) -> Array:
        key, _, *frame = self.features
        marks = self.draw(prompt, self.zeros("prompt", "maps"))
        said = self.run("prompt", key, frame[0], marks, known)[0]
        still = np.tanh(known / 2)  # nothing has moved, nobody else is there
        prior = np.stack([still, still, np.zeros_like(still)], axis=1)
        return self.run("decode", said, *frame, prior)[0]

    def step(self, t: int, image: Array) -> Array:
        """The object's mask on the next frame, t."""
        before = self.features[1]
        self.features = self.run("encode", image)
        key, near, *frame = self.features
        keys = self.zeros("read", "memory_key")
        values = self.zeros("read", "memory_values")
        kept = self.prompted + self.older + self.recent
        for slot, seen in enumerate(kept):
            keys[slot], values[0, slot] = seen.key[0], seen.value[0]
        readout = self.run("read", key, keys, values, np.arange(len(keys))[None] < len(kept))[
            0
        ]
        prior = self.run("carry", near, before, self.logits)[0]
        self.logits, _, presence = self.run("decode", readout, *frame, prior)
        if presence[0] <= self.about["present_above"]:
            self.logits = np.zeros_like(self.logits)  # unknown; and not remembered
        elif all(
            t // self.policy["stride"] != seen.frame // self.policy["stride"] for seen in kept
        ):
            self.recent.append(self.seen(t))
            if len(self.recent) > self.policy["recent"]:  # the first that had to go stays
                self.older = [*self.older, self.recent.pop(0)][: self.policy["older"]]
        mask: Array = self.run("enlarge", self.logits)[0][0]
        return mask

    def seen(self, t: int) -> Seen:
        return Seen(
            t, self.features[0], self.run("remember", self.features[2], self.logits)[0]
        )

    def draw(self, prompt: VisualPrompt, maps: Array) -> Array:
        """The prompt on cells of four pixels: a click is a disc, a box 1 inside and -1
        outside.
        """
        (h, w), video = maps.shape[2:], self.about["video"]
        scale = np.array([w / video["width"], h / video["height"]])
        rows, columns = np.ogrid[:h, :w]
        for x, y in np.clip(((prompt.points + 0.5) * scale).astype(int), 0, [w - 1, h - 1]):
            maps[0, 0][(columns - x) ** 2 + (rows - y) ** 2 <= 4] = 1
        for x1, y1, x2, y2 in np.floor(prompt.boxes * [*scale, *scale] + 0.5).astype(int):
            maps[0, 2] = -1
            maps[0, 2, max(y1, 0) : max(y2, y1 + 1), max(x1, 0) : max(x2, x1 + 1)] = 1
        return maps


def read(path: Path, mode: str) -> Array:
    if path.suffix == ".npy":
        return np.asarray(np.load(path))
    from PIL import Image

    return np.asarray(Image.open(path).convert(mode))


def frames(clip: Path) -> Iterator[Array]:
    if clip.is_dir():
        yield from (read(path, "RGB") for path in sorted(clip.iterdir()))
    else:
        yield from np.load(clip, mmap_mode="r")


def png(mask: Array) -> bytes:
    rows = np.pad(np.uint8(255) * mask, ((0, 0), (1, 0))).tobytes()  # 0: rows are not filtered
    size = struct.pack(">IIBBBBB", mask.shape[1], mask.shape[0], 8, 0, 0, 0, 0)
    chunks = [b"IHDR" + size, b"IDAT" + zlib.compress(rows), b"IEND"]
    framed = (
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("graphs", "clip", "out"):
        parser.add_argument(name, type=Path)
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--mask", type=Path)
    for name in ("point", "box"):
        given.add_argument(f"--{name}", type=lambda s: [float(v) for v in s.split(",")])
    options = parser.parse_args()
    points = np.reshape(options.point or [], (-1, 2))
    boxes = np.reshape(options.box or [], (-1, 4))
    mask = read(options.mask, "L") > 0 if options.mask else None
    tracker = Tracker(options.graphs)
    prompt = VisualPrompt(points, boxes, mask)
    options.out.mkdir(parents=True, exist_ok=True)
    for t, image in enumerate(frames(options.clip)):
        found = tracker.step(t, image) if t else tracker.start(image, prompt)
        (options.out / f"{t:05d}.png").write_bytes(png(found))


if __name__ == "__main__":
    main()
