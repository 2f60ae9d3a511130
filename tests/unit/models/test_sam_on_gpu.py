"""What the SAM 2 family does on a GPU, as far as a machine without one can tell.

The step is run on torch's `meta` device, where tensors have shapes but no values: whatever
reads a value back, or mixes in a tensor that was left on the processor, fails there as it
would halt or fail on CUDA.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.sam_models import FAMILY, SIDE, saved_model
from vseg.interfaces.slot_model import SlotMemory
from vseg.models.sam2.files import read_parts
from vseg.models.sam2.model import Sam
from vseg.models.sam2.vision import shrunk, square
from vseg.tensors import downloaded
from vseg.types import Box, Frame

pytestmark = pytest.mark.integration

META = torch.device("meta")
HEIGHT = 60
WIDTH = 90
READS = ("aten::nonzero", "aten::masked_select", "aten::index.Tensor_mask")


class Traffic(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes what is read back from tensors, and what is copied from the processor to the
    device.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.reads: list[str] = []
        self.uploads: list[tuple[int, bool]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        out = func(*args, **given)
        name = func._schema.name
        if name in READS or isinstance(out, bool | int | float):
            self.reads.append(name)
        if isinstance(out, Tensor) and out.device.type != "cpu":
            sources = [a for a in (*args, *given.values()) if isinstance(a, Tensor)]
            for source in (s for s in sources if s.device.type == "cpu"):
                names = (argument.name for argument in func._schema.arguments)
                named = dict(zip(names, args, strict=False))
                waits = not (named | given).get("non_blocking", False)
                self.uploads.append((source.nbytes, waits))
        return out


def image(index: int) -> Frame:
    image = np.random.default_rng(index).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return Frame(index, None, index / 10, image)


def full_memory(model: Sam) -> SlotMemory:
    """One prompted frame and as many recent slots and pointers as the model reads."""
    features = model.encode([image(0)])[0]
    decoded = model.decode_prompts(features, [[Box(5, 5, 40, 40)]])
    slot = model.encode_memory(features, decoded, [True], {})[0]
    recent = tuple((age, slot) for age in range(model.recent_slots, 0, -1))
    pointers = tuple((age, slot.pointer) for age in range(model.recent_pointers, 0, -1))
    return SlotMemory(((0, slot), *recent), ((20, slot.pointer), *pointers))


def steady_step(model: Sam) -> Traffic:
    """A frame of three objects whose memory is full, under observation."""
    memory = full_memory(model)
    traffic = Traffic()
    with traffic:
        features = model.encode([image(1)])[0]
        decoded = model.decode(features, model.condition(features, [memory] * 3))
        model.encode_memory(features, decoded, [False] * 3, {})
    return traffic


@pytest.fixture
def no_pinning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pinned memory needs a GPU; that it was asked for shows in the copies being non-
    blocking.
    """
    monkeypatch.setattr(Tensor, "pin_memory", lambda tensor: tensor)


@pytest.mark.parametrize("kind", FAMILY)
def test_a_steady_step_never_waits_for_the_device(
    kind: str, tmp_path: Path, no_pinning: None
) -> None:
    saved_model(kind, tmp_path)
    model = Sam(read_parts(tmp_path, kind), device=META, dtype=torch.bfloat16)
    traffic = steady_step(model)
    assert traffic.reads == []
    assert not any(waits for _, waits in traffic.uploads)
    # Beside the frame's own bytes only ages and flags travel.
    sizes = sorted(size for size, _ in traffic.uploads)
    assert sizes[-1] == HEIGHT * WIDTH * 3
    assert sum(sizes[:-1]) < 1024


@pytest.mark.parametrize("kind", FAMILY)
def test_a_steady_step_on_the_processor_reads_no_value(kind: str, tmp_path: Path) -> None:
    saved_model(kind, tmp_path)
    model = Sam(read_parts(tmp_path, kind), device=torch.device("cpu"), dtype=torch.float32)
    assert steady_step(model).reads == []


def test_a_read_and_a_blocking_copy_would_be_seen() -> None:
    traffic = Traffic()
    with torch.inference_mode(), traffic:
        bool(torch.ones(1).any())
        torch.ones(3).to(META)
    assert traffic.reads
    assert traffic.uploads == [(12, True)]


@pytest.mark.parametrize("size", [(60, 90), (300, 200), (128, 128)])
def test_a_device_shrinks_images_as_the_processor_does(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None]
    here, there = (shrunk(pixels, SIDE, whole=whole) for whole in (True, False))
    assert (here.int() - there.int()).abs().max() <= 1
    assert torch.equal(square([image], SIDE), here)


def test_what_is_downloaded_keeps_its_dtype() -> None:
    """Logits travel as they are: two bytes a cell in bfloat16, and are widened on the
    processor.
    """
    logits, flags = downloaded(torch.ones(2, 8, 8, dtype=torch.bfloat16), torch.ones(2))
    assert (logits.dtype, flags.dtype) == (torch.bfloat16, torch.float32)
