"""Time of nano's stages in torch and in onnxruntime, in float32, in interleaved rounds.

    python benchmarks/runtimes.py --objects 1 10 --clock cpu

Prints the least time of every stage over all rounds, on one synthetic 480p scene with a full
memory of four frames; beside them onnxruntime with 8-bit integers, and torch in bfloat16 where
the processor multiplies it.  On a machine that is busy with other work use `--clock cpu`:
processor time of all threads.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.shared import Table, run
from vseg.config import MemorySettings
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.ops.denormals import denormals_flushed
from vseg.session.memory.affinity_bank import AffinityBank
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.tensors import MemoryEntry
from vseg.types import Mask

Stages = dict[str, Callable[[], object]]
SLOTS = 4


@dataclass(frozen=True, slots=True)
class StageRow:
    """Milliseconds of one stage.  int8_ms: of onnxruntime.  bfloat16_ms: of torch; None where
    it is emulated.  ratio: torch in float32 to onnxruntime.
    """

    objects: int
    stage: str
    torch_ms: float
    onnx_ms: float
    ratio: float
    int8_ms: float
    bfloat16_ms: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--short-side", type=int, default=384)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.perf_counter if options.clock == "wall" else time.process_time
    models = [
        load_nano(dtype="float32", runtime="torch", short_side=options.short_side),
        load_nano(runtime="onnx", short_side=options.short_side),
        load_nano(runtime="onnx-int8", short_side=options.short_side),
    ]
    native = load_nano(runtime="torch", short_side=options.short_side)
    if native.dtype is torch.bfloat16:
        models.append(native)
    table = Table(StageRow)
    with denormals_flushed(), torch.inference_mode():
        for objects in options.objects:
            columns = [_stages(model, objects) for model in models]
            least = _least(columns, options.rounds, clock)
            total = [sum(column.values()) for column in least]
            for stage in columns[0]:
                table.add(_row(objects, stage, [column[stage] for column in least]))
            table.add(_row(objects, "frame", total))
    table.write(options.json)


def _least(
    columns: list[Stages], rounds: int, clock: Callable[[], float]
) -> list[dict[str, float]]:
    """The least seconds of each stage of each model, which take turns."""
    least = [dict.fromkeys(column, float("inf")) for column in columns]
    for _ in range(rounds):
        for stage in columns[0]:
            for column, best in zip(columns, least, strict=True):
                began = clock()
                column[stage]()
                best[stage] = min(best[stage], clock() - began)
    return least


def _row(objects: int, stage: str, seconds: list[float]) -> StageRow:
    ours, theirs, integers, *native = (round(1000 * each, 1) for each in seconds)
    ratio = round(ours / theirs, 2)
    return StageRow(
        objects, stage, ours, theirs, ratio, integers, native[0] if native else None
    )


def _stages(nano: Nano, objects: int) -> Stages:
    """The stages of a tracked frame, each with inputs of the model's own."""
    scene = SyntheticVideo(SceneConfig(480, 854, SLOTS + 1, num_objects=objects, seed=1))
    features = [nano.encode([scene.read(t)])[0] for t in range(SLOTS + 1)]
    logits = [
        nano.encode_mask_prompts(
            f, [Mask(scene.truth(t) == k) for k in scene.object_ids]
        ).logits
        for t, f in enumerate(features)
    ]
    bank = AffinityBank(MemorySettings(prompted=SLOTS))
    for f, masks in list(zip(features, logits, strict=True))[:SLOTS]:
        values = nano.encode_memory(f, masks)
        bank.write_prompted(MemoryEntry(f.frame_index, f.key, dict(enumerate(values))))
    memory = bank.read(range(objects))
    now = features[-1]
    before = features[-2]
    readout = nano.condition(now, memory)
    prior = nano.warp_prior(now, before.local_key, logits[-2])
    image = scene.read(SLOTS)
    return {
        "encode": lambda: nano.encode([image]),
        "read": lambda: nano.condition(now, memory),
        "warp_prior": lambda: nano.warp_prior(now, before.local_key, logits[-2]),
        "decode": lambda: nano.decode(now, readout, prior),
        "remember": lambda: nano.encode_memory(now, logits[-1]),
    }


if __name__ == "__main__":
    run(main)
