"""The SAM 2 family on CUDA: the processor's masks, no waiting, no growth; run with `pytest -m
gpu`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.compiled_session import SHORT_MEMORY, film, tracked
from tests.sam_models import FAMILY, saved_model
from vseg.interfaces.slot_model import SlotMemory
from vseg.models.sam2.load import load_sam
from vseg.models.sam2.model import Sam
from vseg.session.session import Session
from vseg.tensors import downloaded
from vseg.types import Box, Frame

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
    pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype"),
]


@pytest.mark.parametrize("kind", FAMILY)
@pytest.mark.parametrize(("dtype", "least"), [("float32", 0.97), ("bfloat16", 0.8)])
def test_masks_are_those_of_the_processor(
    kind: str, dtype: str, least: float, tmp_path: Path
) -> None:
    saved_model(kind, tmp_path, **SHORT_MEMORY)
    here = tracked(load_sam(tmp_path, kind, dtype="float32"), 1)
    there = tracked(load_sam(tmp_path, kind, device="cuda", dtype=dtype), 4)
    shared = total = 0
    for one, two in zip(here, there, strict=True):
        shared += int((one.masks & two.masks).sum())
        total += int((one.masks | two.masks).sum())
    assert shared / total >= least


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """Anything that waits for the device is an error from here on."""
    yield
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("kind", FAMILY)
def test_a_steady_step_never_waits_for_the_device(
    kind: str, tmp_path: Path, no_waiting: None
) -> None:
    saved_model(kind, tmp_path, **SHORT_MEMORY)
    model = load_sam(tmp_path, kind, device="cuda")
    frames = film()
    features = model.encode([frames[0]])[0]
    decoded = model.decode_prompts(features, [[Box(5, 5, 40, 40)]])
    slot = model.encode_memory(features, decoded, [True], {})[0]
    recent = tuple((age, slot) for age in range(model.recent_slots, 0, -1))
    memory = SlotMemory(((0, slot), *recent), ((9, slot.pointer),))
    step(
        model, frames[1], memory
    )  # kernels are loaded, and pinned memory is found, the first time
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    step(model, frames[2], memory)


def step(model: Sam, frame: Frame, memory: SlotMemory) -> None:
    """One frame of three objects that nobody prompts."""
    features = model.encode([frame])[0]
    decoded = model.decode(features, model.condition(features, [memory] * 3))
    model.encode_memory(features, decoded, [False] * 3, {})


def test_nothing_grows_over_five_hundred_frames(tmp_path: Path) -> None:
    saved_model("sam2", tmp_path, **SHORT_MEMORY)
    model = load_sam(tmp_path, "sam2", device="cuda")
    frames = film()
    held = []
    with Session(model) as session:
        session.prompt(1, frames[0], box=(5, 5, 40, 40))
        session.prompt(2, frames[0], box=(30, 20, 80, 55))
        for t in range(500):
            session.step(Frame(t, None, t / 10, frames[t % len(frames)].image))
            if t in (60, 499):
                torch.cuda.synchronize()
                held.append((session.state_bytes(), torch.cuda.memory_allocated()))
    assert held[0] == held[1]


def test_what_is_downloaded_is_complete() -> None:
    drawn = torch.arange(1 << 20, device="cuda", dtype=torch.float32)
    for scale in (1.0, 2.0, 3.0):
        (here,) = downloaded(drawn * scale)
        np.testing.assert_array_equal(
            here.numpy(), np.arange(1 << 20, dtype=np.float32) * scale
        )


@pytest.mark.parametrize("kind", FAMILY)
def test_compiled_graphs_give_the_masks_of_plain_stages(kind: str) -> None:
    """Inductor and CUDA graphs, and nothing compiled after the warm-up."""
    command = [sys.executable, "-m", "tests.compiled_session", kind, "inductor", "cuda"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["warm"] == told["end"] > 0
    assert told["visible"] > 30
    assert told["apart"] < 2e-2 * told["scale"]
