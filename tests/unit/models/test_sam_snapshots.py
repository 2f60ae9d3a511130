"""Snapshots hold what a model cannot make anew: keys come back to the same bits, and weigh
nothing.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.sam_models import FAMILY, saved_model
from vseg.build import load_model
from vseg.session.identity.pack import pack_identities
from vseg.session.memory.slot_bank import SlotBank
from vseg.session.session import Session
from vseg.types import Frame

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("kind", FAMILY)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_restored_memory_is_the_same_to_the_bit(
    kind: str, dtype: str, tmp_path: Path
) -> None:
    saved_model(kind, tmp_path)
    model = load_model(str(tmp_path), dtype=dtype)
    noise = np.random.default_rng(0).integers(0, 255, (9, 40, 60, 3), dtype=np.uint8)
    with Session(model) as session, Session(model) as other:
        film = [Frame(t, None, t / 10, image) for t, image in enumerate(noise)]
        for obj in (1, 2, 3):  # together, though each one's keys are made again alone
            session.prompt(obj, film[0], box=(5 * obj, 5, 20 + 10 * obj, 30))
        for frame in film:
            session.step(frame)
        packed = session.snapshot()
        other.restore(packed)
        ours = session.bank
        theirs = other.bank
        assert isinstance(ours, SlotBank) and isinstance(theirs, SlotBank)
        for obj, held in ours.objects.items():
            pairs = zip(held.tensors(), theirs.objects[obj].tensors(), strict=True)
            assert all(torch.equal(one, two) for one, two in pairs)
        keys = [
            s.keys
            for o in ours.objects.values()
            for s in (*o.prompted.values(), *o.recent.values())
        ]
        heavy = sum(each.nbytes for each in keys)
        identities, _ = pack_identities(session.identities)
        images = ("small", "parts_grey", "body", "behind")  # of the frame: no memory
        of_frame = [x.nbytes for name, x in identities.items() if name.endswith(images)]
        packed_memory = len(packed) - sum(of_frame)
        assert packed_memory < session.state_bytes() - 0.9 * heavy
