"""Time of nano's stages in torch and in onnxruntime, both in fp32, in interleaved rounds.

    python benchmarks/runtimes.py --objects 1 --rounds 20

Prints the best time of every stage over all rounds, on one synthetic 480p scene with a full
memory of four frames.  torch is what a session on the CPU runs; onnxruntime runs what `vseg
export nano --to onnx` writes.  On a machine that is busy with other work use `--clock cpu`:
processor time of all threads.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime
import torch

from benchmarks.shared import machine
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.models.onnx.export import LoopSizes, export_onnx
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.tensors import Memory, MemoryPart
from vseg.types import Mask

Stage = tuple[str, Callable[[], Any], Callable[[], Any]]
SLOTS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--short-side", type=int, default=384)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument(
        "--graphs", type=Path, help="folder of the graphs; written if it does not exist"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sizes = LoopSizes(480, 854, options.short_side, SLOTS)
    with TemporaryDirectory(prefix="vseg-onnx-") as folder:
        graphs = options.graphs or Path(folder) / "graphs"
        if not graphs.is_dir():
            export_onnx(graphs, sizes)
        sessions = _sessions(graphs, options.threads)
        nano = load_nano(dtype="float32", short_side=options.short_side)
        stages = list(_stages(nano, sessions, options.objects))
    clock = time.perf_counter if options.clock == "wall" else time.process_time
    best = np.full((len(stages), 2), np.inf)
    for _ in range(options.rounds):
        for row, (_, *runs) in enumerate(stages):
            for column, run in enumerate(runs):
                began = clock()
                run()
                best[row, column] = min(best[row, column], 1000 * (clock() - began))
    print(f"on {machine()}", file=sys.stderr)
    print(f"{'stage':<12}{'torch ms':>10}{'onnxruntime ms':>16}{'ratio':>8}")
    for name, (ours, theirs) in zip(
        [*(s[0] for s in stages), "frame"], [*best, best.sum(0)], strict=True
    ):
        print(f"{name:<12}{ours:10.1f}{theirs:16.1f}{ours / theirs:8.2f}")


def _sessions(folder: Path, threads: int) -> dict[str, onnxruntime.InferenceSession]:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    return {
        path.stem: onnxruntime.InferenceSession(
            path, settings, providers=["CPUExecutionProvider"]
        )
        for path in folder.glob("*.onnx")
    }


def _stages(
    nano: Nano, sessions: dict[str, onnxruntime.InferenceSession], objects: int
) -> Iterator[Stage]:
    """(name, in torch, in onnxruntime) of the stages of a tracked frame, on the same
    values.
    """
    scene = SyntheticVideo(SceneConfig(480, 854, SLOTS + 1, num_objects=objects, seed=1))
    features = [nano.encode([scene.read(t)])[0] for t in range(SLOTS + 1)]
    logits = [
        nano.encode_mask_prompts(
            f, [Mask(scene.truth(t) == k) for k in scene.object_ids]
        ).logits
        for t, f in enumerate(features)
    ]
    values = [nano.encode_memory(f, masks) for f, masks in zip(features, logits, strict=True)]
    now = features[-1]
    before = features[-2]
    key = torch.stack([f.key for f in features[:SLOTS]])
    kept = torch.stack(values[:SLOTS], dim=1)
    memory = Memory(
        objects,
        (
            MemoryPart(
                torch.cat([k.flatten(1) for k in key], dim=1),
                kept.transpose(1, 2).flatten(2),
                tuple(range(objects)),
            ),
        ),
    )
    readout = nano.condition(now, memory)
    prior = nano.warp_prior(now, before.local_key, logits[-2])
    skip4, skip8, base = now.levels

    def graph(name: str, *inputs: torch.Tensor | np.ndarray) -> Callable[[], Any]:
        session = sessions[name]
        fed = {
            put.name: np.asarray(value)
            for put, value in zip(session.get_inputs(), inputs, strict=True)
        }
        return lambda: session.run(None, fed)

    image = scene.read(SLOTS)
    valid = np.ones((objects, SLOTS), dtype=bool)
    yield "encode", lambda: nano.encode([image]), graph("encode", image.image)
    yield (
        "read",
        lambda: nano.condition(now, memory),
        graph("read", now.key[None], key, kept, valid),
    )
    warped = graph("warp_prior", now.local_key[None], before.local_key[None], logits[-2])
    yield "warp_prior", lambda: nano.warp_prior(now, before.local_key, logits[-2]), warped
    drawn = graph("decode", readout, base, skip8, skip4, prior)
    yield "decode", lambda: nano.decode(now, readout, prior), drawn
    yield (
        "remember",
        lambda: nano.encode_memory(now, logits[-1]),
        graph("remember", base, logits[-1]),
    )


if __name__ == "__main__":
    main()
