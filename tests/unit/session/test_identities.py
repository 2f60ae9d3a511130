"""What a session does to keep objects apart, on masks made by hand."""

import json

import numpy as np
import pytest
import torch

from vseg.config import IdentitySettings
from vseg.session.identity.gallery import Gallery
from vseg.session.identity.identities import Identities
from vseg.session.identity.identity_input import IdentityInput, Resolved
from vseg.session.identity.pack import pack_identities, unpack_identities
from vseg.tensors import Decoded, Hypotheses
from vseg.types import Frame

Box = tuple[int, int, int, int]
IMAGE = np.zeros((24, 24, 3), np.uint8)
ONE = torch.tensor([1.0, 0.0])
OTHER = torch.tensor([0.0, 1.0])


def _logits(box: Box | None, height: float = 4.0) -> torch.Tensor:
    logits = torch.full((24, 24), -4.0)
    if box is not None:
        x1, y1, x2, y2 = box
        logits[y1:y2, x1:x2] = height
    return logits


def _decoded(
    *rows: tuple[Box | None, float, torch.Tensor], others: Hypotheses | None = None
) -> Decoded:
    """Rows of (box or nothing, height of its logits and quality in tenths, embedding)."""
    return Decoded(
        torch.stack([_logits(box, height) for box, height, _ in rows]),
        torch.tensor([height / 10 for _, height, _ in rows]),
        torch.tensor([0.0 if box is None else 1.0 for box, _, _ in rows]),
        torch.stack([embedding for _, _, embedding in rows]),
        others,
    )


def _resolve(
    identities: Identities,
    frame: int,
    decoded: Decoded,
    prompted: tuple[int, ...] = (),
    given: tuple[int, ...] = (),
) -> Resolved:
    ids = tuple(range(1, len(decoded.logits) + 1))
    said = tuple(object_id in prompted + given for object_id in ids)
    exact = tuple(object_id in given for object_id in ids)
    return identities.resolve(IdentityInput(frame, ids, said, exact, decoded, IMAGE))


def _areas(resolved: Resolved) -> list[int]:
    return [int((row > 0).sum()) for row in resolved.decoded.logits]


def test_every_pixel_has_one_owner() -> None:
    identities = Identities(IdentitySettings())
    resolved = _resolve(
        identities, 0, _decoded(((0, 0, 10, 10), 5, ONE), ((6, 0, 16, 10), 3, OTHER))
    )
    claimed = (resolved.decoded.logits > 0).sum(0)
    assert claimed.max() == 1
    assert _areas(resolved) == [100, 60]
    assert resolved.reliable == (True, True)


def _proposals(*rows: tuple[Box, Box]) -> Hypotheses:
    """Two masks for each row, the first a little better, of the look of object 1."""
    return Hypotheses(
        torch.stack([torch.stack([_logits(box) for box in row]) for row in rows]),
        torch.tensor([[0.9, 0.8]] * len(rows)),
        torch.stack([torch.stack([ONE, ONE]) for _ in rows]),
    )


def test_two_objects_with_one_mask_leave_it_to_the_better_score() -> None:
    identities = Identities(IdentitySettings())
    _resolve(
        identities, 0, _decoded(((0, 0, 8, 8), 5, ONE), ((12, 0, 20, 8), 5, OTHER)), (1, 2)
    )
    others = _proposals(((0, 0, 8, 8), (0, 0, 8, 9)), ((0, 0, 8, 8), (0, 0, 9, 8)))
    rows = (((0, 0, 8, 8), 9.0, ONE), ((0, 0, 8, 8), 9.0, ONE))
    resolved = _resolve(identities, 1, _decoded(*rows, others=others))
    assert _areas(resolved) == [64, 0], "object 2 looks like object 1 and was elsewhere"
    assert float(resolved.decoded.presence[1]) == 0
    assert [(e.kind, e.object_id) for e in identities.drain()] == [("lost", 2)]


def test_an_object_with_one_mask_only_shares_its_pixels_instead() -> None:
    identities = Identities(IdentitySettings())
    rows = (((0, 0, 8, 8), 6.0, ONE), ((0, 0, 8, 10), 5.0, ONE))
    resolved = _resolve(identities, 0, _decoded(*rows))
    assert _areas(resolved) == [64, 16]
    assert resolved.reliable == (True, False)


def test_an_alternative_is_taken_before_an_object_is_absent() -> None:
    identities = Identities(IdentitySettings())
    _resolve(
        identities, 0, _decoded(((0, 0, 8, 8), 5, ONE), ((12, 0, 20, 8), 5, OTHER)), (1, 2)
    )
    proposed = [[(0, 0, 8, 8), (0, 0, 4, 4)], [(0, 0, 8, 8), (12, 0, 20, 8)]]
    others = Hypotheses(
        torch.stack([torch.stack([_logits(box) for box in row]) for row in proposed]),
        torch.tensor([[0.9, 0.2], [0.8, 0.7]]),
        torch.stack([torch.stack([ONE, ONE]), torch.stack([ONE, OTHER])]),
    )
    rows = (((0, 0, 8, 8), 9.0, ONE), ((0, 0, 8, 8), 8.0, ONE))
    resolved = _resolve(identities, 1, _decoded(*rows, others=others))
    assert bool((resolved.decoded.logits[1, :8, 12:20] > 0).all())
    assert _areas(resolved) == [64, 64]


def test_masks_given_on_top_of_each_other_stay_nested() -> None:
    identities = Identities(IdentitySettings())
    rows = (((0, 0, 16, 16), 5.0, ONE), ((4, 4, 8, 8), 6.0, OTHER))
    assert _areas(_resolve(identities, 0, _decoded(*rows), given=(1, 2))) == [256, 16]
    assert _areas(_resolve(identities, 1, _decoded(*rows))) == [256, 16]
    identities.forget(2)
    assert identities.nested.pairs == set()


def test_what_was_given_inside_a_tracked_mask_is_no_part_of_it() -> None:
    identities = Identities(IdentitySettings())
    rows = (((0, 0, 16, 16), 5.0, ONE), ((4, 4, 8, 8), 6.0, OTHER))
    _resolve(identities, 0, _decoded(rows[0], (None, 0.0, OTHER)), given=(1,))
    assert _areas(_resolve(identities, 1, _decoded(*rows), given=(2,))) == [240, 16]
    assert _areas(_resolve(identities, 2, _decoded(*rows))) == [240, 16]


def test_masks_that_are_given_anew_side_by_side_are_nested_no_more() -> None:
    identities = Identities(IdentitySettings())
    whole, part = ((0, 0, 16, 16), 5.0, ONE), ((4, 4, 8, 8), 6.0, OTHER)
    _resolve(identities, 0, _decoded(whole, part), given=(1, 2))
    beside = ((16, 0, 20, 4), 6.0, OTHER)
    _resolve(identities, 3, _decoded(whole, beside), given=(2,))
    assert identities.nested.pairs == {(1, 2)}
    _resolve(identities, 3, _decoded(whole, beside), given=(1, 2))
    assert identities.nested.pairs == set()


def test_clicks_whose_masks_overlap_are_kept_apart_all_the_same() -> None:
    identities = Identities(IdentitySettings())
    rows = (((0, 0, 16, 16), 5.0, ONE), ((4, 4, 8, 8), 6.0, OTHER))
    for said in ({"prompted": (1, 2)}, {"prompted": (1,), "given": (2,)}):
        resolved = _resolve(identities, 0, _decoded(*rows), **said)
        assert _areas(resolved) == [240, 16]


def test_look_alikes_have_a_view_in_common_and_do_not_share_pixels() -> None:
    identities = Identities(IdentitySettings())
    near = torch.tensor([0.9, 0.1])
    rows = (
        ((0, 0, 4, 4), 5.0, ONE),
        ((10, 0, 14, 4), 5.0, OTHER),
        ((0, 10, 4, 14), 5.0, near),
    )
    _resolve(identities, 0, _decoded(*rows), prompted=(1, 2, 3))
    expected = np.zeros((3, 3), dtype=bool)
    expected[0, 2] = expected[2, 0] = True
    assert np.array_equal(identities.look_alikes((1, 2, 3)), expected)
    assert not identities.look_alikes((1, 7)).any(), "7 has not been seen yet"
    identities.objects[2].gallery.add(ONE, prompted=False)
    assert np.array_equal(identities.look_alikes((1, 2, 3)), ~np.eye(3, dtype=bool))
    identities.nested.pairs.add((1, 3))
    assert not identities.look_alikes((1, 3)).any(), "a part may look as the whole does"
    apart = Identities(IdentitySettings(non_overlapping=False))
    apart.objects = identities.objects
    assert not apart.look_alikes((1, 2, 3)).any()


def test_a_covered_object_is_visible_but_not_reliable() -> None:
    identities = Identities(IdentitySettings())
    rows = (((0, 0, 10, 10), 5.0, ONE), ((4, 0, 10, 12), 3.0, OTHER))
    assert _resolve(identities, 0, _decoded(*rows)).reliable == (True, False)


def test_another_object_is_not_taken_for_the_absent_one() -> None:
    identities = Identities(IdentitySettings())
    _resolve(identities, 0, _decoded(((0, 0, 8, 8), 5, ONE)), (1,))
    for frame in range(1, 10):
        _resolve(identities, frame, _decoded((None, 0, ONE)))
    assert _areas(_resolve(identities, 10, _decoded(((9, 9, 14, 14), 5, OTHER)))) == [0]
    assert _areas(_resolve(identities, 11, _decoded(((9, 9, 14, 14), 5, ONE)))) == [25]
    assert [(e.frame, e.kind) for e in identities.drain()] == [
        (1, "lost"),
        (11, "recovered"),
    ]


def test_after_a_cut_every_object_must_be_recognised() -> None:
    identities = Identities(IdentitySettings())
    rng = np.random.default_rng(0)
    shots = [np.kron(rng.integers(0, 256, (6, 6, 3)), np.ones((16, 16, 1))) for _ in range(2)]
    for frame in range(4):
        image = np.ascontiguousarray(shots[frame // 2], dtype=np.uint8)
        cut = identities.detect_cut(Frame(frame, frame, frame / 25, image))
        assert cut == (frame == 2)
        seen = ONE if frame < 2 else OTHER
        resolved = _resolve(
            identities, frame, _decoded(((0, 0, 8, 8), 5, seen)), (1,) * (frame == 0)
        )
        assert _areas(resolved) == [64 if frame < 2 else 0]
    assert [e.kind for e in identities.drain()] == ["cut", "lost"]


def test_everything_can_be_switched_off() -> None:
    identities = Identities(
        IdentitySettings(non_overlapping=False, cuts=False, recognise=False)
    )
    rows = (((0, 0, 8, 8), 5.0, ONE), ((0, 0, 8, 9), 6.0, ONE))
    decoded = _decoded(*rows)
    resolved = _resolve(identities, 0, decoded)
    assert torch.equal(resolved.decoded.logits, decoded.logits)
    assert resolved.reliable == (True, True)


def test_views_are_bounded_and_a_correction_drops_the_tracked_ones() -> None:
    identities = Identities(IdentitySettings())
    for frame in range(40):
        angle = torch.tensor(0.5 * frame)
        view = torch.stack([angle.cos(), angle.sin()])
        _resolve(identities, frame, _decoded(((0, 0, 8, 8), 5, view)), (1,) * (frame == 0))
    gallery = identities.objects[1].gallery
    assert len(gallery.prompted) == 1 and 2 <= len(gallery.tracked) <= 7
    identities.correct(1)
    assert len(gallery.prompted) == 1 and not gallery.tracked


def test_similarity_is_a_cosine_whatever_the_length_of_what_comes_in() -> None:
    gallery = Gallery()
    gallery.add(torch.tensor([30.0, 40.0]), prompted=True)
    assert gallery.similarity(torch.tensor([3.0, 4.0])) == pytest.approx(1.0)
    assert gallery.similarity(torch.tensor([-8.0, 6.0])) == pytest.approx(0.0, abs=1e-6)


def _passing(frame: int) -> tuple[Box, Box]:
    """Two bodies of 6 x 6 that pass each other, one cell a frame, in rows of their own."""
    return (frame, 4, frame + 6, 10), (18 - frame, 12, 24 - frame, 18)


def _merged(frame: int, look: torch.Tensor) -> Decoded:
    """The first object's mask on both bodies, the second object nowhere."""
    rows = _decoded((_passing(frame)[0], 5.0, ONE), (None, 5.0, look))
    rows.logits[0] = torch.maximum(rows.logits[0], _logits(_passing(frame)[1]))
    return rows


@pytest.mark.parametrize(
    ("look", "merges", "back"), [(ONE, True, 36), (OTHER, True, 0), (ONE, False, 0)]
)
def test_a_covered_similar_object_gets_its_mask_back(
    look: torch.Tensor, merges: bool, back: int
) -> None:
    identities = Identities(IdentitySettings(merges=merges))
    for frame in range(5):
        first, second = _passing(frame)
        _resolve(identities, frame, _decoded((first, 5.0, ONE), (second, 5.0, look)))
    tensors, stored = pack_identities(identities)
    again = Identities(IdentitySettings(merges=merges))
    unpack_identities(again, tensors, json.loads(json.dumps(stored)))
    for each in (identities, again):
        resolved = _resolve(each, 5, _merged(5, look))
        assert _areas(resolved)[1] == back
        assert (float(resolved.decoded.presence[1]) > 0.5) == bool(back)
        if back:
            assert resolved.decoded.logits[1, 14, 15] > 0, "where its motion leads"
            assert resolved.reliable == (True, False)


def test_who_is_prompted_in_a_crop_leaves_others_of_that_frame_as_they_are() -> None:
    identities = Identities(IdentitySettings())
    boxes = _passing(0)
    _resolve(identities, 0, _decoded((boxes[0], 5.0, ONE), (boxes[1], 5.0, ONE)))
    before = dict(identities.merges.layers)
    assert before.keys() == {1, 2}
    small = _decoded(((10, 4, 12, 6), 5.0, OTHER), ((14, 4, 20, 10), 5.0, OTHER))
    said, given = (True, True), (False, False)
    identities.resolve(IdentityInput(0, (3, 4), said, given, small, IMAGE, (True, False)))
    assert identities.merges.layers.keys() == {1, 2, 4}
    assert all(identities.merges.layers[i] is layer for i, layer in before.items())
