"""What a session with a model of the SAM 2 family promises, whatever else goes on in it.

Random weights, float32.  "Equal" is bit for bit unless a test says why not.  The last test is
one where the transformers library departs from the published predictor and we do not.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.parity.test_sam_family import PROMPTS, Library, assert_same, clicks, film, loaded
from tests.torch_threads import torch_threads
from vseg.config import INDEPENDENT_OBJECTS
from vseg.models.sam2.model import Sam
from vseg.session.memory.slot_bank import SlotBank
from vseg.session.session import Session
from vseg.types import VisualPrompt

pytestmark = pytest.mark.integration

CLOSE = 1e-4
"""Of the logits' scale: a batch of another size, or another number of threads, rounds sums
otherwise.
"""
Script = dict[int, dict[int, Sequence[VisualPrompt]]]
"""What is said, by frame and object."""


@pytest.fixture(scope="module", params=["sam2", "edgetam"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sam:
    return loaded(request.param, tmp_path_factory.mktemp(request.param))[1]


@pytest.fixture(scope="module")
def sam2(tmp_path_factory: pytest.TempPathFactory) -> Sam:
    return loaded("sam2", tmp_path_factory.mktemp("alone"))[1]


def played(
    model: Sam, script: Script, count: int = 10, *, gone: dict[int, int] | None = None
) -> dict[tuple[int, int], np.ndarray]:
    """Logits by frame and object; gone: objects removed before a frame."""
    found: dict[tuple[int, int], np.ndarray] = {}
    with Session(model, identity=INDEPENDENT_OBJECTS) as session:
        for t, frame in enumerate(film()[:count]):
            for obj in [o for o, when in (gone or {}).items() if when == t]:
                session.remove(obj)
            for obj, prompts in script.get(t, {}).items():
                session.prompt(obj, frame, prompts)
            seen = session.step(frame)
            found |= {(t, obj): seen.logits[row] for row, obj in enumerate(seen.object_ids)}
    return found


def assert_close(found: np.ndarray, wanted: np.ndarray) -> None:
    scale = float(np.abs(wanted).max())
    np.testing.assert_allclose(found, wanted, rtol=0, atol=CLOSE * scale)


def test_objects_do_not_know_of_each_other(model: Sam) -> None:
    """Prompted together or late, corrected, removed: each is tracked as if it were alone."""
    correction = [clicks((30, 90, True))]
    script: Script = {
        0: {1: PROMPTS[1], 2: PROMPTS[2]},
        4: {3: PROMPTS[3]},
        6: {1: correction},
    }
    together = played(model, script, gone={2: 7})
    assert {obj for t, obj in together if t == 9} == {1, 3}
    for obj in PROMPTS:
        alone = played(
            model,
            {t: {obj: said[obj]} for t, said in script.items() if obj in said},
            gone={2: 7} if obj == 2 else None,
        )
        assert alone.keys() == {key for key in together if key[1] == obj}
        for key, logits in alone.items():
            assert_close(together[key], logits)


def test_threads_change_nothing_but_rounding(model: Sam) -> None:
    script: Script = {0: dict(PROMPTS.items())}
    with torch_threads(1):
        one = played(model, script, 4)
    with torch_threads(2):
        two = played(model, script, 4)
    for key, logits in one.items():
        assert_close(two[key], logits)


def test_backward_is_forward_through_a_mirror(model: Sam) -> None:
    frames = film()[:12]
    turned = [
        type(frame)(11 - frame.index, None, frame.time_s, frame.image)
        for frame in reversed(frames)
    ]
    with Session(model, identity=INDEPENDENT_OBJECTS) as session:
        session.prompt(1, turned[0], PROMPTS[1])
        forward = [masks.logits for masks in session.propagate(0, frames=iter(turned))]
    with Session(model, identity=INDEPENDENT_OBJECTS) as session:
        session.prompt(1, frames[11], PROMPTS[1])
        seen = session.propagate(11, reverse=True, frames=reversed(frames))
        backward = [masks.logits for masks in seen]
    assert len(backward) == 12
    for one, two in zip(forward, backward, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_correction_is_remembered_as_an_anchor(model: Sam) -> None:
    """It outlives the recent frames, and reaches all that follows."""
    frames = film()[:14]
    logits = []
    for corrected in (False, True):
        with Session(model, identity=INDEPENDENT_OBJECTS) as session:
            session.prompt(1, frames[0], PROMPTS[1])
            for t, frame in enumerate(frames):
                if corrected and t == 5:
                    session.prompt(1, frame, [clicks((30, 90, True))])
                logits.append(session.step(frame).logits)
            assert isinstance(session.bank, SlotBank)
            assert list(session.bank.objects[1].prompted) == ([0, 5] if corrected else [0])
    for plain, changed in zip(logits[:5], logits[14:19], strict=True):
        np.testing.assert_array_equal(changed, plain)
    # Frame 5 left the recent memory with frame 12: what differs now, the anchor did.
    assert np.abs(logits[-1] - logits[13]).max() > 1e-3


def test_a_prompt_on_the_way_back_turns_nobody_else_around(sam2: Sam, tmp_path: Path) -> None:
    """In the library an object newly prompted on a frame makes those after it track forward
    there.
    """
    library, ours = loaded("sam2", tmp_path)
    frames = film()
    start = 12
    halt = 6

    def theirs(both: bool) -> np.ndarray:
        one = Library(library, ours)
        for obj in (1, 2) if both else (2,):
            one.prompt(obj, start, PROMPTS[obj])
        for t in range(start, halt, -1):
            one.step(t, reverse=True)
        if both:
            one.prompt(1, halt, [clicks((30, 90, True))])
        last: np.ndarray = one.step(halt, reverse=True)[-1]
        return last

    with Session(ours, identity=INDEPENDENT_OBJECTS) as session:
        for obj in (1, 2):
            session.prompt(obj, frames[start], PROMPTS[obj])
        for seen in session.propagate(
            start, reverse=True, frames=iter(frames[start : halt - 1 : -1])
        ):
            if seen.frame_index == halt + 1:
                session.prompt(1, frames[halt], [clicks((30, 90, True))])
    alone = theirs(both=False)
    assert_same(seen.logits[1:], alone[None])
    assert np.abs(theirs(both=True) - alone).max() > 1e-3, "else the library does as we do now"
