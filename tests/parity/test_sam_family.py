"""Sessions with models of the SAM 2 family against the transformers library's video models.

Random weights, float32.  Where the library departs from the published predictor we follow the
latter; the tests at the end say where, and that it matters.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from tests.sam_models import SIDE, saved_model
from vseg.config import INDEPENDENT_OBJECTS
from vseg.models.sam2.files import read_parts
from vseg.models.sam2.model import Sam
from vseg.models.sam2.prompt_encoder import square_mask
from vseg.models.sam2.vision import square
from vseg.session.memory.slot_bank import SlotBank
from vseg.session.session import Session
from vseg.types import Box, Frame, Mask, Points, VisualPrompt

pytestmark = pytest.mark.integration

HEIGHT = 120
WIDTH = 180
FRAMES = 20
"""More than fill a memory of six recent frames and sixteen pointers."""
# SAM 3's tracker is SAM 2's behind another encoder.
KINDS = ("sam2", "edgetam", pytest.param("sam3", marks=pytest.mark.slow))


def film() -> list[Frame]:
    """Blocks of colour that drift."""
    blocks = np.random.default_rng(0).integers(0, 255, (30, 45, 3), dtype=np.uint8)
    size = (WIDTH, HEIGHT)
    return [
        Frame(
            t, None, t / 10, np.asarray(cv2.resize(np.roll(blocks, (t, 2 * t), (0, 1)), size))
        )
        for t in range(FRAMES)
    ]


def clicks(*xys: tuple[float, float, bool]) -> Points:
    return Points(
        np.array([xy[:2] for xy in xys], np.float32), np.array([xy[2] for xy in xys])
    )


def disc() -> Mask:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return Mask((rows - 70) ** 2 + (columns - 60) ** 2 < 900)


PROMPTS: dict[int, list[VisualPrompt]] = {
    1: [clicks((90, 60, True))],
    2: [Box(20, 15, 100, 90), clicks((50, 50, True), (90, 80, False))],
    3: [disc()],
}


class Library:
    """The library's model on the same frames, with its inputs given as tensors."""

    def __init__(self, model: PreTrainedModel, ours: Sam) -> None:
        self.model: Any = model
        pixels = ours._normal(square([f.image for f in film()], SIDE), torch.float32)
        module = sys.modules[type(model).__module__]
        kind = type(model).__name__.removesuffix("Model")
        make = getattr(module, f"{kind}InferenceSession")
        self.session = make(
            video=pixels, video_height=HEIGHT, video_width=WIDTH, dtype=torch.float32
        )

    def prompt(self, obj: int, frame: int, prompts: Sequence[VisualPrompt]) -> None:
        index = self.session.obj_id_to_idx(obj)
        if isinstance(prompts[0], Mask):
            self.session.add_mask_inputs(index, frame, square_mask(prompts[0], SIDE))
        else:
            self.session.add_point_inputs(index, frame, point_inputs(prompts))
        self.session.obj_with_new_inputs.append(obj)

    @torch.inference_mode()
    def step(self, frame: int, *, reverse: bool = False) -> np.ndarray:
        masks = self.model(self.session, frame_idx=frame, reverse=reverse).pred_masks
        return np.asarray(masks[:, 0])


def point_inputs(prompts: Sequence[VisualPrompt]) -> dict[str, Tensor]:
    xy = []
    labels = []
    for prompt in prompts:
        if isinstance(prompt, Box):
            xy += [[prompt.x1, prompt.y1], [prompt.x2, prompt.y2]]
            labels += [2, 3]
        elif isinstance(prompt, Points):
            xy += prompt.xy.tolist()
            labels += prompt.positive.astype(int).tolist()
    scaled = torch.tensor(xy) * torch.tensor([SIDE / WIDTH, SIDE / HEIGHT])
    return {
        "point_coords": scaled[None, None],
        "point_labels": torch.tensor(labels)[None, None],
    }


def as_published(model: PreTrainedModel) -> PreTrainedModel:
    """The library's model, but a given mask's pointer comes from the single mask, not the best
    of three.
    """
    inner: Any = model
    forward = inner._single_frame_forward

    def one_mask(**given: Any) -> Any:
        if given.get("input_masks") is not None:
            given.setdefault("multimask_output", False)
        return forward(**given)

    inner._single_frame_forward = one_mask
    return model


def loaded(kind: str, folder: Path, **settings: Any) -> tuple[PreTrainedModel, Sam]:
    model = saved_model(kind, folder, **settings)
    ours = Sam(read_parts(folder, kind), device=torch.device("cpu"), dtype=torch.float32)
    return model, ours


def assert_same(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Within 1e-3 of the logits' scale, and the same masks."""
    scale = max(1.0, float(np.abs(theirs[theirs > -1000]).max(initial=0)))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-3 * scale)
    np.testing.assert_array_equal(ours > 0, theirs > 0)


def tracked(
    ours: Sam, prompts: dict[int, list[VisualPrompt]], count: int = FRAMES
) -> list[np.ndarray]:
    frames = film()[:count]
    with Session(ours, identity=INDEPENDENT_OBJECTS) as session:
        for obj, given in prompts.items():
            session.prompt(obj, frames[0], given)
        return [np.asarray(session.step(frame).logits) for frame in frames]


@pytest.mark.parametrize("kind", KINDS)
def test_three_objects_of_every_prompt_kind(kind: str, tmp_path: Path) -> None:
    model, ours = loaded(kind, tmp_path)
    as_published(model)
    theirs = [Library(model, ours) for _ in PROMPTS]  # its EdgeTAM cannot mix masks and points
    for (obj, given), one in zip(PROMPTS.items(), theirs, strict=True):
        one.prompt(obj, 0, given)
    drawn = 0
    for t, logits in enumerate(tracked(ours, PROMPTS)):
        assert_same(logits, np.concatenate([one.step(t) for one in theirs]))
        drawn += int((logits > 0).any(axis=(1, 2)).sum())
    assert drawn > FRAMES, "objects are seen, so that masks are compared"


@pytest.mark.parametrize("kind", KINDS)
def test_one_object_and_absent_ones(kind: str, tmp_path: Path) -> None:
    model, ours = loaded(kind, tmp_path, presence=0.0, seed=1)
    for obj in (1, 2):
        theirs = Library(model, ours)
        theirs.prompt(obj, 0, PROMPTS[obj])
        for t, logits in enumerate(tracked(ours, {obj: PROMPTS[obj]}, 12)):
            assert_same(logits, theirs.step(t))


@pytest.fixture(scope="module")
def sam2(tmp_path_factory: pytest.TempPathFactory) -> tuple[PreTrainedModel, Sam]:
    return loaded("sam2", tmp_path_factory.mktemp("sam2"))


def test_together_equal_alone_and_threads_do_not_matter(
    sam2: tuple[PreTrainedModel, Sam],
) -> None:
    _, ours = sam2
    together = tracked(ours, PROMPTS, 9)
    for row, obj in enumerate(PROMPTS):
        for one, all_of_them in zip(
            tracked(ours, {obj: PROMPTS[obj]}, 9), together, strict=True
        ):
            np.testing.assert_allclose(one[0], all_of_them[row], atol=1e-3)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2 if threads == 1 else 1)
        for one, two in zip(tracked(ours, PROMPTS, 3), together, strict=False):
            np.testing.assert_allclose(one, two, atol=1e-3)
    finally:
        torch.set_num_threads(threads)


def test_a_late_object_does_not_harden_the_memory_of_the_first(
    sam2: tuple[PreTrainedModel, Sam],
) -> None:
    """The library makes every object's memory sure on a frame where any object was
    prompted.
    """
    model, ours = sam2
    frames = film()
    alone = tracked(ours, {1: PROMPTS[1]}, 9)
    theirs = Library(model, ours)
    theirs.prompt(1, 0, PROMPTS[1])
    with Session(ours, identity=INDEPENDENT_OBJECTS) as session:
        session.prompt(1, frames[0], PROMPTS[1])
        for t, frame in enumerate(frames[:9]):
            if t == 5:
                session.prompt(2, frame, PROMPTS[2])
                theirs.prompt(2, t, PROMPTS[2])
            logits = session.step(frame).logits[0]
            library = theirs.step(t)[0]
            np.testing.assert_allclose(logits, alone[t][0], atol=1e-4)
    assert np.abs(library - alone[8][0]).max() > 1e-3, "else the library does as we do now"


def test_a_correction_sees_the_mask_it_corrects(sam2: tuple[PreTrainedModel, Sam]) -> None:
    """As published: memory, new click and the mask so far.  The library leaves out the mask so
    far.
    """
    model, ours = sam2
    frames = film()
    correction = clicks((30, 90, True))
    theirs = Library(model, ours)
    theirs.prompt(1, 0, PROMPTS[1])
    with Session(ours, identity=INDEPENDENT_OBJECTS) as session:
        session.prompt(1, frames[0], PROMPTS[1])
        for t in range(9):
            before = session.step(frames[t]).logits[0]
            _ = theirs.step(t)
        corrected = session.prompt(1, frames[8], [correction]).logits[0]
    with torch.inference_mode():
        inputs: dict[str, Any] = {
            "inference_session": theirs.session,
            "frame_idx": 8,
            "obj_idx": 0,
            "batch_size": 1,
            "is_init_cond_frame": False,
            "point_inputs": point_inputs([correction]),
            "mask_inputs": None,
            "reverse": False,
        }
        so_far = torch.from_numpy(before)[None, None].clamp(-32, 32)
        run = theirs.model._run_single_frame_inference
        published = run(**inputs, prev_sam_mask_logits=so_far)["pred_masks"][0, 0]
        library = run(**inputs)["pred_masks"][0, 0]
    assert_same(corrected[None], np.asarray(published)[None])
    assert np.abs(np.asarray(library) - corrected).max() > 1e-2


def test_a_given_masks_pointer_is_that_of_the_single_mask(
    sam2: tuple[PreTrainedModel, Sam],
) -> None:
    """The library takes the pointer of the best of three proposals, the published predictor
    does not.
    """
    model, ours = sam2
    with Session(ours, identity=INDEPENDENT_OBJECTS) as session:
        session.prompt(3, film()[0], PROMPTS[3])
        assert isinstance(session.bank, SlotBank)
        pointer = session.bank.objects[3].prompted[0].pointer

    def of_the_library() -> Tensor:
        theirs = Library(model, ours)
        theirs.prompt(3, 0, PROMPTS[3])
        theirs.step(0)
        outputs = theirs.session.output_dict_per_obj[0]["cond_frame_outputs"]
        return outputs[0]["object_pointer"].flatten()  # type: ignore[no-any-return]

    vars(model).pop("_single_frame_forward", None)
    assert (of_the_library() - pointer).abs().max() > 1e-3
    as_published(model)
    torch.testing.assert_close(of_the_library(), pointer, atol=1e-4, rtol=1e-4)
