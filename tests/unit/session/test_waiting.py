"""How often resolving identities waits for a device; a GPU works on while nobody asks it.

No GPU is needed: a tensor that counts stands for one whose values are on a device.  Whatever
would make the processor wait is counted: copies to it, numbers, truth values, and indexing by
truth values.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from vseg.config import IdentitySettings
from vseg.session.identity import frame_facts
from vseg.session.identity.identities import Identities
from vseg.session.identity.identity_input import IdentityInput, Resolved
from vseg.tensors import Decoded, Hypotheses

IMAGE = np.zeros((24, 24, 3), np.uint8)
WAITS = {"cpu", "item", "tolist", "numpy", "nonzero", "__bool__", "__int__", "__float__"}
BOXES = ((0, 0, 8, 8), (8, 8, 16, 16), (14, 0, 22, 10), (2, 14, 9, 22))


class OnDevice(Tensor):
    """A tensor whose values cost a wait."""

    waits = 0

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        indexed = name in ("__getitem__", "__setitem__") and _by_truth(args[1])
        if name in WAITS or indexed:
            OnDevice.waits += 1
        called = Tensor.__torch_function__.__func__  # type: ignore[attr-defined]
        return called(cls, func, types, args, kwargs or {})


def _by_truth(index: object) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, Tensor) and part.dtype == torch.bool for part in parts)


def _downloaded(*tensors: Tensor) -> tuple[Tensor, ...]:
    """As the real one: all of them for one wait; what comes back is on the processor."""
    OnDevice.waits += 1
    return tuple(tensor.as_subclass(Tensor).clone() for tensor in tensors)


def _uploaded(values: Tensor, device: torch.device) -> Tensor:
    return values.as_subclass(OnDevice)


@pytest.fixture(autouse=True)
def device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_facts, "downloaded", _downloaded)
    for module in ("frame_facts", "replaced_rows"):
        monkeypatch.setattr(f"vseg.session.identity.{module}.uploaded", _uploaded)


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    OnDevice.waits = 0
    yield lambda: OnDevice.waits


def decoded(shift: int, boxes: tuple[tuple[int, ...], ...] = BOXES) -> Decoded:
    logits = torch.full((len(boxes), 24, 24), -4.0)
    for row, (x1, y1, x2, y2) in enumerate(boxes):
        logits[row, y1:y2, x1 + shift : x2 + shift] = 4.0 + row
    count = len(boxes)
    rows = logits.as_subclass(OnDevice)
    quality = torch.full((count,), 0.9).as_subclass(OnDevice)
    presence = torch.ones(count).as_subclass(OnDevice)
    vectors = torch.eye(8)[:count].as_subclass(OnDevice)
    offered = Hypotheses(rows[:, None], quality[:, None], vectors[:, None])
    return Decoded(rows, quality, presence, vectors, offered)


def resolve(identities: Identities, frame: int, rows: Decoded) -> Resolved:
    ids = tuple(range(1, len(rows.quality) + 1))
    here = (frame == 0,) * len(ids)
    given = (False,) * len(ids)
    return identities.resolve(IdentityInput(frame, ids, here, given, rows, IMAGE))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_frame_is_waited_for_once(count: int) -> None:
    """However many objects there are, overlapping ones too."""
    identities = Identities(IdentitySettings())
    for frame in range(8):
        with counted() as waits:
            resolved = resolve(identities, frame, decoded(frame % 2, BOXES[:count]))
        assert waits() == 1
    assert all(resolved.reliable)
    assert isinstance(resolved.decoded.logits, OnDevice)
    assert not isinstance(resolved.here.logits, OnDevice)
    assert torch.equal(resolved.decoded.logits.as_subclass(Tensor), resolved.here.logits)


def test_the_frames_on_which_masks_are_divided_anew_wait_once_more() -> None:
    """What was expected of a frame does not hold where an object is not recognised."""
    identities = Identities(IdentitySettings(departures=False))
    resolve(identities, 0, decoded(0))
    for known in identities.objects.values():
        known.unverified = True
    rows = decoded(1)
    rows.embedding[0] = torch.eye(8)[7]
    with counted() as waits:
        resolved = resolve(identities, 1, rows)
    assert waits() == 2
    assert resolved.here.presence.tolist() == [0.0, 1.0, 1.0, 1.0]
    assert torch.equal(resolved.decoded.presence.as_subclass(Tensor), resolved.here.presence)
    # What the absent one claimed goes to whoever else claims it.
    expected = decoded(1, ((0, 0, 0, 0), *BOXES[1:])).logits.as_subclass(Tensor)
    masks = resolved.here.logits > 0
    assert (masks.sum(0) == (expected > 0).any(0)).all()
