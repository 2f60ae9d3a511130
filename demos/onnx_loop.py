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
    """points: (N, 2) as x y; boxes: (N, 4) as x1 y1 x2 y2; of the first frame, in pixels."""

    points: Array
    boxes: Array
    mask: Array | None


class MemoryEntry(NamedTuple):
    """One frame in the object's memory."""

    frame: int
    key: Array
    value: Array


class Tracker:
    """The graphs; the last frame's features and logits; the object's memory."""

    def __init__(self, folder: Path) -> None:
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self.policy = self.manifest["memory"]
        self.graphs = {
            name: onnxruntime.InferenceSession(folder / graph["file"])
            for name, graph in self.manifest["graphs"].items()
        }
        self.prompted: list[MemoryEntry] = []
        self.recent: list[MemoryEntry] = []
        self.older: list[MemoryEntry] = []

    def run(self, graph: str, *values: Array) -> list[Array]:
        """The outputs of a graph, its inputs given in the manifest's order."""
        names = self.manifest["graphs"][graph]["inputs"]
        return list(self.graphs[graph].run(None, dict(zip(names, values, strict=True))))

    def zeros(self, graph: str, name: str) -> Array:
        """An input of a graph for one object, all zeros."""
        shape = self.manifest["graphs"][graph]["inputs"][name]["shape"]
        return np.zeros([1 if n == "objects" else n for n in shape], np.float32)

    def start(self, image: Array, prompt: VisualPrompt) -> Array:
        """The object's mask on the first frame: decoded twice, of a click at a coarser scale
        first.
        """
        self.features = self.run("encode", image)
        if prompt.mask is not None:
            self.logits = self.run("mask_prompt", prompt.mask[None])[0]
        elif len(prompt.boxes):
            first = self.decode_prompt(prompt, self.zeros("decode_prompt", "known"))
            self.logits = self.decode_prompt(prompt, first)
        else:
            maps = self.draw(prompt, self.zeros("coarse_mask", "maps"))
            self.logits = self.decode_prompt(prompt, self.run("coarse_mask", image, maps)[0])
        self.prompted.append(self.memory_entry(0))
        return self.run("enlarge", self.logits)[0][0] if prompt.mask is None else prompt.mask

    def decode_prompt(self, prompt: VisualPrompt, known: Array) -> Array:
        """Mask logits from the prompt and from logits already known, zeros for none."""
        key, _, *levels = self.features
        maps = self.draw(prompt, self.zeros("decode_prompt", "maps"))
        unread = self.zeros("decode_prompt", "readout")
        return self.run("decode_prompt", key, *levels, maps, known, unread)[0]

    def step(self, t: int, image: Array) -> Array:
        """The object's mask on the next frame, t."""
        local_key_before = self.features[1]
        self.features = self.run("encode", image)
        key, local_key, *levels = self.features
        memory = self.prompted + self.older + self.recent
        readout = self.read(key, memory)
        prior = self.run("warp_prior", local_key, local_key_before, self.logits)[0]
        self.logits, _, presence = self.run("decode", readout, *levels, prior)
        stride = self.policy["stride"]
        if presence[0] <= self.manifest["present_above"]:
            # The object is absent: its place is unknown, and the frame is not stored.
            self.logits = np.zeros_like(self.logits)
        elif all(t // stride != entry.frame // stride for entry in memory):
            self.store(t)
        mask: Array = self.run("enlarge", self.logits)[0][0]
        return mask

    def read(self, key: Array, memory: list[MemoryEntry]) -> Array:
        """The memory's readout for a frame; slots without an entry are masked out."""
        keys = self.zeros("read", "memory_key")
        values = self.zeros("read", "memory_values")
        for slot, entry in enumerate(memory):
            keys[slot] = entry.key[0]
            values[0, slot] = entry.value[0]
        valid = np.arange(len(keys))[None] < len(memory)
        return self.run("read", key, keys, values, valid)[0]

    def store(self, t: int) -> None:
        """Store frame t; the first frames that leave the recent ones stay as older ones."""
        self.recent.append(self.memory_entry(t))
        if len(self.recent) > self.policy["recent"]:
            self.older = [*self.older, self.recent.pop(0)][: self.policy["older"]]

    def memory_entry(self, t: int) -> MemoryEntry:
        """The last frame, t, with its mask, as the memory stores it."""
        value = self.run("remember", self.features[2], self.logits)[0]
        return MemoryEntry(t, self.features[0], value)

    def draw(self, prompt: VisualPrompt, maps: Array) -> Array:
        """The prompt on cells of four pixels: a click is a disc, a box 1 inside and -1
        outside.
        """
        h, w = maps.shape[2:]
        video = self.manifest["video"]
        scale = np.array([w / video["width"], h / video["height"]])
        rows, columns = np.ogrid[:h, :w]
        # Two cells of radius, as in vseg.prompts.prompt_maps.
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
    """The mask as an 8-bit grey PNG, written by hand so that no image library is needed."""
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
    prompts = parser.add_mutually_exclusive_group(required=True)
    prompts.add_argument("--mask", type=Path)
    for name in ("point", "box"):
        prompts.add_argument(f"--{name}", type=lambda s: [float(v) for v in s.split(",")])
    options = parser.parse_args()
    points = np.reshape(options.point or [], (-1, 2))
    boxes = np.reshape(options.box or [], (-1, 4))
    mask = read(options.mask, "L") > 0 if options.mask else None
    tracker = Tracker(options.graphs)
    prompt = VisualPrompt(points, boxes, mask)
    options.out.mkdir(parents=True, exist_ok=True)
    for t, image in enumerate(frames(options.clip)):
        segmented = tracker.step(t, image) if t else tracker.start(image, prompt)
        (options.out / f"{t:05d}.png").write_bytes(png(segmented))


if __name__ == "__main__":
    main()
