"""What each memory policy decides, on sequences of decoded masks made by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vseg.interfaces.memory_policy import HISTORY, History, Observation
from vseg.interfaces.slot_model import Slot
from vseg.session.memory.distractors import may_anchor, shows_distractor
from vseg.session.memory.expected_box import cell_iou, expected_box
from vseg.session.memory.mask_stats import mask_stats
from vseg.session.memory.recent import Recent
from vseg.session.memory.selective import Selective
from vseg.session.memory.slot_bank import SlotBank
from vseg.session.memory.slot_budget import SlotBudget
from vseg.tensors import Decoded, Hypotheses

SIDE = 32
Rectangle = tuple[int, int, int, int]
HERE = (4, 4, 12, 12)


def drawn(*boxes: Rectangle) -> torch.Tensor:
    """Logits of a mask made of rectangles."""
    logits = torch.full((SIDE, SIDE), -8.0)
    for x1, y1, x2, y2 in boxes:
        logits[y1:y2, x1:x2] = 8.0
    return logits


def decoded(
    *proposed: tuple[float, Rectangle], presence: float = 0.9, several: bool = True
) -> Decoded:
    """One object: hypotheses as (quality, box), of which the best stands; its embedding is its
    number.
    """
    of = Hypotheses(
        torch.stack([drawn(box) for _, box in proposed])[None],
        torch.tensor([[quality for quality, _ in proposed]]),
        torch.arange(float(len(proposed)))[None, :, None],
    )
    best = int(of.quality.argmax())
    one = Decoded(
        of.logits[:, best],
        of.quality[:, best],
        torch.tensor([presence]),
        of.embedding[:, best],
        of,
    )
    return one if several else replace(one, alternatives=None)


def moving(frames: int, speed: int = 1, quality: float = 0.9) -> dict[int, Observation]:
    """Glimpses of an 8 x 8 object going right from x = 0."""
    return {
        t: Observation(64, (speed * t, 4, speed * t + 8, 12), quality, anchor=t == 0)
        for t in range(frames)
    }


def test_recent_keeps_what_was_decoded() -> None:
    seen = decoded((0.1, HERE), presence=0.0)
    stands, decisions = Recent().decide(3, seen, [{}])
    assert stands is seen
    assert [(v.kept, v.anchor, v.observation) for v in decisions] == [(True, False, None)]


def test_stats_hold_area_and_box_of_every_hypothesis() -> None:
    [seen] = mask_stats(
        decoded((0.5, (0, 0, SIDE, 2)), (0.75, (5, 6, 9, 16)), (0.25, (1, 1, 1, 1)))
    )
    assert (seen.chosen, round(seen.presence, 3)) == (1, 0.9)
    assert seen.proposed == (
        Observation(2 * SIDE, (0, 0, SIDE, 2), 0.5),
        Observation(40, (5, 6, 9, 16), 0.75),
        Observation(0, (0, 0, 0, 0), 0.25),
    )


@pytest.mark.parametrize(
    ("quality", "presence", "box", "kept"),
    [
        (0.6, 0.9, HERE, True),
        (0.5, 0.9, HERE, False),
        (0.6, 0.5, HERE, False),
        (0.6, 0.9, (3, 3, 3, 3), False),
    ],
    ids=["good", "low quality", "absent", "empty"],
)
def test_selective_keeps_good_frames_only(
    quality: float, presence: float, box: Rectangle, kept: bool
) -> None:
    for several in (True, False):
        seen = decoded((quality, box), presence=presence, several=several)
        assert [v.kept for v in Selective().decide(3, seen, [{}])[1]] == [kept]


def test_a_stable_object_is_expected_to_go_on() -> None:
    past = moving(HISTORY, speed=1)
    assert expected_box(past, HISTORY) == pytest.approx((HISTORY, 4, HISTORY + 8, 12))
    backward = {30 - t: observation for t, observation in past.items()}
    assert expected_box(backward, 15) == pytest.approx((HISTORY, 4, HISTORY + 8, 12))
    assert expected_box(moving(HISTORY - 1), HISTORY) is None, "not seen long enough"
    past[7] = Observation(64, past[7].box, 0.3)
    assert expected_box(past, HISTORY) is None, "seen badly once"
    past[7] = Observation(0, (0, 0, 0, 0), 0.9)
    assert expected_box(past, HISTORY) is None, "absent once"


def test_overlap_of_boxes() -> None:
    assert cell_iou((0, 0, 4, 4), (2, 0, 6, 4)) == pytest.approx(1 / 3)
    assert cell_iou((0, 0, 4, 4), (4, 0, 6, 4)) == 0.0
    assert cell_iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0.0


def test_motion_chooses_the_hypothesis_only_after_a_stable_stretch() -> None:
    """0.85 * 0.80 + 0.15 * 1 beats 0.85 * 0.90; not 0.85 * 0.99."""
    there = (HISTORY, 4, HISTORY + 8, 12)
    elsewhere = (24, 20, 32, 28)
    seen = decoded((0.90, elsewhere), (0.80, there))
    stands, [decision] = Selective().decide(HISTORY, seen, [moving(HISTORY)])
    assert torch.equal(stands.logits[0], drawn(there)) and float(stands.embedding[0, 0]) == 1
    assert float(stands.quality[0]) == pytest.approx(0.80)
    assert decision.observation is not None and decision.observation.box == there

    stands, _ = Selective().decide(HISTORY, seen, [moving(HISTORY - 1)])
    assert torch.equal(stands.logits[0], drawn(elsewhere)), "too early"
    stands, [decision] = Selective().decide(
        HISTORY, decoded((0.99, elsewhere), (0.80, there)), [moving(HISTORY)]
    )
    assert torch.equal(stands.logits[0], drawn(elsewhere)), "the other is much better"
    assert not decision.kept, "but it is where the object cannot be"


def test_rows_are_judged_each_by_its_own_past() -> None:
    one = decoded((0.90, (24, 20, 32, 28)), (0.80, (HISTORY, 4, HISTORY + 8, 12)))
    assert one.alternatives is not None
    of = one.alternatives
    twice = Decoded(
        one.logits.repeat(2, 1, 1),
        one.quality.repeat(2),
        one.presence.repeat(2),
        one.embedding.repeat(2, 1),
        Hypotheses(
            of.logits.repeat(2, 1, 1, 1), of.quality.repeat(2, 1), of.embedding.repeat(2, 1, 1)
        ),
    )
    stands, _ = Selective().decide(HISTORY, twice, [{}, moving(HISTORY)])
    assert stands.embedding[:, 0].tolist() == [0, 1]


def still(areas: list[int], anchor: int = 0) -> History:
    return {t: Observation(a, HERE, 0.9, anchor=t == anchor) for t, a in enumerate(areas)}


@pytest.mark.parametrize(
    ("area", "quality", "past", "frame", "allowed"),
    [
        (64, 0.81, still([64] * 6), 6, True),
        (64, 0.80, still([64] * 6), 6, False),
        (76, 0.90, still([64] * 6), 6, True),
        (77, 0.90, still([64] * 6), 6, False),
        (51, 0.90, still([64] * 6), 6, False),
        (100, 0.90, still([64] * 6 + [100] * 10), 16, True),
        (64, 0.90, still([64] * 6 + [100] * 10), 16, False),
        (64, 0.90, still([64, 0, 0, 0, 0, 0]), 6, True),
        (64, 0.90, still([64] * 5), 5, True),
        (64, 0.90, still([64] * 4), 4, False),
        (64, 0.90, {}, 6, False),
    ],
    ids=[
        *(
            "sure",
            "unsure",
            "at the upper edge",
            "too large",
            "too small",
            "median of the last ten",
        ),
        *(
            "not of those before",
            "absences do not count",
            "five frames on",
            "too soon",
            "no past",
        ),
    ],
)
def test_when_an_anchor_may_be_set(
    area: int, quality: float, past: History, frame: int, allowed: bool
) -> None:
    assert may_anchor(Observation(area, HERE, quality), past, frame) is allowed


@pytest.mark.parametrize(
    ("others", "distracts"),
    [
        ([(4, 4, 8, 8)], False),
        ([(20, 4, 28, 12)], True),
        ([(4, 4, 15, 12)], False),
        ([(4, 4, 16, 12)], True),
        ([(4, 4, 8, 8), (20, 4, 28, 12)], True),
        ([], False),
    ],
    ids=["a part", "a look-alike", "a bit more", "much more", "one of two", "no other"],
)
def test_what_counts_as_a_distractor(others: list[Rectangle], distracts: bool) -> None:
    """8 x 8 in a union of 11 columns is an IoU of 0.73, of 12 columns 0.67."""
    masks = np.array([np.asarray(drawn(box)) > 0 for box in others], bool).reshape(
        -1, SIDE, SIDE
    )
    assert shows_distractor(np.asarray(drawn(HERE)) > 0, masks) is distracts


def test_a_speck_is_no_distractor() -> None:
    other = np.asarray(drawn((4, 4, 14, 12), (30, 30, 31, 31))) > 0
    assert not shows_distractor(np.asarray(drawn(HERE)) > 0, other[None])


def test_a_whole_sequence_under_selective() -> None:
    """Prompted, followed, hidden, met again beside a look-alike; what the bank then lets it
    read.
    """
    bank = SlotBank(
        SlotBudget(prompted=2, recent=3, pointers=5), lambda cells: cells[None], Selective()
    )
    good = decoded((0.7, HERE))
    bad = decoded((0.4, HERE))
    gone = decoded((0.7, (0, 0, 0, 0)), presence=0.1)
    disputed = decoded((0.9, HERE), (0.6, (20, 20, 28, 28)))
    script = {
        0: good,
        **dict.fromkeys(range(1, 6), good),
        6: bad,
        7: gone,
        8: disputed,
        9: disputed,
    }
    decisions = {}
    for t, seen in script.items():
        _, [decision] = bank.decide(t, [(1, False)], seen)
        mark = torch.full((4, 2), float(t))
        slot = Slot(mark, mark[None], mark[0])
        bank.write(1, t, slot, prompted=t == 0, decision=decision)
        decisions[t] = (decision.kept, decision.anchor)
    assert [t for t, (kept, _) in decisions.items() if not kept] == [6, 7]
    assert [t for t, (_, anchor) in decisions.items() if anchor] == [8], (
        "9 is too soon after 8"
    )
    held = bank.objects[1]
    assert (list(held.prompted), list(held.anchors), list(held.recent)) == (
        [0],
        [8],
        [3, 4, 5, 9],
    )
    memory = bank.read(1, 10)
    assert [(age, int(s.cells[0, 0])) for age, s in memory.slots] == [
        *((0, 0), (0, 8)),
        *((3, 4), (2, 5), (1, 9)),
    ], "by rank, not by frames"
    assert [age for age, _ in bank.read(1, 8).slots] == [0, 3, 2, 1], (
        "the anchor is not behind yet"
    )
    bank.forget(1, after=4)
    assert (list(held.anchors), list(held.recent), max(held.past)) == ([], [3, 4], 4)


def test_anchors_give_way_to_prompted_frames_and_to_newer_ones() -> None:
    bank = SlotBank(
        SlotBudget(prompted=3, recent=3, pointers=5), lambda cells: cells[None], Selective()
    )
    seen = decoded((0.9, HERE), (0.6, (20, 20, 28, 28)))
    past = still([64] * 6)
    [anchor] = Selective().decide(6, seen, [past])[1]
    assert anchor.anchor
    mark = torch.zeros(4, 2)
    slot = Slot(mark, mark[None], mark[0])
    bank.write(1, 0, slot, prompted=True)
    for frame in (10, 20, 30):
        bank.write(1, frame, slot, prompted=False, decision=anchor)
    assert list(bank.objects[1].anchors) == [20, 30]
    bank.write(1, 40, slot, prompted=True)
    assert list(bank.objects[1].anchors) == [30]
    bank.write(1, 41, slot, prompted=True)
    assert not bank.objects[1].anchors
    bank.write(1, 50, slot, prompted=False, decision=anchor)
    assert list(bank.objects[1].recent) == [50], "no room for an anchor: remembered as recent"
