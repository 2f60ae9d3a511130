"""Sessions with a small random model that remembers in slots: bounded, within budget, resumed
exactly.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from jaxtyping import config

from tests.sam_models import saved_model
from vseg.config import MemorySettings, PolicyName
from vseg.errors import BadConfig, UsageError
from vseg.interfaces.memory_policy import HISTORY
from vseg.models.nano.model import Nano
from vseg.models.sam2.files import read_parts
from vseg.models.sam2.model import Sam
from vseg.session.memory.slot_bank import SlotBank
from vseg.session.realtime.tracker import Tracker
from vseg.session.session import Session
from vseg.types import Frame

pytestmark = pytest.mark.integration

HEIGHT = 60
WIDTH = 90


def sam(folder: Path, kind: str) -> Sam:
    """A network as shallow as can be, that reads two recent slots and three recent
    pointers.
    """
    shallow = {
        "memory_attention_num_layers": 1,
        "memory_fuser_num_layers": 1,
        "mask_decoder_config": {
            "hidden_size": 128,
            "mlp_dim": 64,
            "num_attention_heads": 2,
            "num_hidden_layers": 1,
            "iou_head_hidden_dim": 32,
        },
    }
    saved_model(kind, folder, num_maskmem=3, max_object_pointers_in_encoder=4, **shallow)
    return Sam(read_parts(folder, kind), device=torch.device("cpu"), dtype=torch.float32)


@pytest.fixture(scope="module")
def sam2(tmp_path_factory: pytest.TempPathFactory) -> Sam:
    return sam(tmp_path_factory.mktemp("sam2"), "sam2")


def frame(t: int) -> Frame:
    """Blocks of colour that drift."""
    blocks = np.random.default_rng(0).integers(0, 255, (15, 30, 3), dtype=np.uint8)
    moved = cv2.resize(np.roll(blocks, (t, 2 * t), (0, 1)), (WIDTH, HEIGHT))
    return Frame(t, None, t / 10, np.asarray(moved))


def opened(model: Sam, objects: int = 1, memory: MemorySettings | None = None) -> Session:
    session = Session(model, memory=memory)
    for obj in range(1, objects + 1):
        session.prompt(obj, frame(0), box=(5 * obj, 5, 5 * obj + 40, 45))
    return session


def bank_of(session: Session) -> SlotBank:
    assert isinstance(session.bank, SlotBank)
    return session.bank


@pytest.mark.parametrize("kind", ["sam2", "edgetam", "sam3"])
def test_a_slot_is_as_large_as_the_model_says(kind: str, tmp_path: Path) -> None:
    model = sam(tmp_path, kind)
    with opened(model) as session:
        [slot] = bank_of(session).objects[1].prompted.values()
        held = (slot.cells, slot.keys, slot.pointer)
        assert sum(t.numel() * t.element_size() for t in held) == model.slot_shape.bytes
        rows, columns = model.slot_shape.grid
        assert 0 < rows * columns <= model.slot_shape.tokens == len(slot.cells)


@pytest.fixture
def unchecked() -> Iterator[None]:
    """No shape checks, which would take longer than so many small steps."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.mark.slow
@pytest.mark.usefixtures("unchecked")
def test_memory_is_flat_over_hundreds_of_frames(sam2: Sam) -> None:
    """What the frames show does not matter to the memory: one is encoded, and tracked under
    every index.
    """
    with opened(sam2) as session:
        features = sam2.encode([frame(0)])[0]
        live = list(session.objects.values())
        held = bank_of(session).objects[1]
        sizes = set()
        shelves = set()
        for t in range(1, 400):
            same = partial(replace, features, frame_index=t)
            session._state.engine.track(replace(frame(0), index=t), same, live)
            if t >= 10:
                sizes.add(session.state_bytes())
                shelves.add((len(held.prompted), len(held.recent), len(held.pointers)))
    assert len(sizes) == 1, "not a byte more after the memory is full"
    assert shelves == {(1, 3, 4)}, "and one more than is read"


@pytest.mark.parametrize("policy", ["recent", "selective"])
def test_a_resumed_session_goes_on_with_the_same_bits(sam2: Sam, policy: PolicyName) -> None:
    memory = MemorySettings(policy=policy)
    with opened(sam2, 2, memory) as session, Session(sam2, memory=memory) as other:
        for t in range(20):
            session.step(frame(t))
        other.restore(session.snapshot())
        assert {o: h.past for o, h in bank_of(other).objects.items()} == {
            o: h.past for o, h in bank_of(session).objects.items()
        }
        assert len(bank_of(other).objects[1].past) == (HISTORY + 1) * (policy == "selective")
        for t in range(20, 26):
            one = session.step(frame(t))
            two = other.step(frame(t))
            np.testing.assert_array_equal(one.logits, two.logits)
        assert session.snapshot() == other.snapshot()


def test_a_tight_budget_holds_while_objects_come_and_go(sam2: Sam) -> None:
    shape = sam2.slot_shape
    least = (3 * shape.bytes + (sam2.recent_pointers + 1) * shape.pointer_bytes) / 2**20
    memory = MemorySettings(budget_mib=2 * least)
    with opened(sam2, 2, memory) as session:
        for t in range(6):
            session.step(frame(t))
            assert session.state_bytes() <= 2 * least * 2**20
        with pytest.raises(UsageError, match="too small for 3 objects"):
            session.prompt(3, frame(5), box=(5, 5, 40, 40))
        assert session.object_ids == (1, 2), "the others go on as before"
        session.remove(1)
        session.prompt(3, frame(5), box=(5, 5, 40, 40))
        for t in range(6, 12):
            session.step(frame(t))
            assert session.state_bytes() <= 2 * least * 2**20


def test_a_budget_below_one_object_opens_no_session(sam2: Sam) -> None:
    with pytest.raises(UsageError, match=r"too small for 1 objects.*--memory-budget"):
        Session(sam2, memory=MemorySettings(budget_mib=0.001))


@pytest.mark.parametrize(
    "memory", [{"policy": "selective"}, {"approximation": "pooled"}, {"budget_mib": 100.0}]
)
def test_nano_has_no_such_memory(model: Nano, memory: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=r"nano has no memory policies.*drop --memory-policy"):
        Session(model, memory=MemorySettings(**memory))  # type: ignore[arg-type]


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(BadConfig, match=r"policy = 'newest'.*'recent' or 'selective'"):
        MemorySettings.model_validate({"policy": "newest"})


def test_a_tracker_of_one_size_decodes_in_turn_then_skips_memory(sam2: Sam) -> None:
    with Tracker(sam2, latency_budget_s=1e-6) as tracker:
        tracker.update(frame(0).image, 0.0)
        for obj in (1, 2):
            mask = np.zeros((HEIGHT, WIDTH), bool)
            mask[5:45, 20 * obj : 20 * obj + 20] = True
            tracker.prompt(obj, mask=mask)
        for t in range(1, 7):
            masks = tracker.update(frame(t).image, t / 10)
        update = tracker.last_update
        assert update is not None
        assert masks.object_ids == (1, 2)
        assert (update.short_side, update.remembered) == (None, False)
        assert len(update.decoded) == len(update.held) == 1
        bank = bank_of(tracker._session.session)
        assert all(6 not in held.recent for held in bank.objects.values())


def test_a_tracker_without_a_budget_is_a_session(sam2: Sam) -> None:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[5:45, 20:50] = True
    with Tracker(sam2) as tracker, Session(sam2) as session:
        tracker.update(frame(0).image, 0.0)
        tracker.prompt(1, mask=mask)
        session.prompt(1, frame(0), mask=mask)
        session.step(frame(0))
        for t in (1, 2, 3):
            step = session.step(frame(t))
            assert np.array_equal(tracker.update(frame(t).image, t / 10).logits, step.logits)
