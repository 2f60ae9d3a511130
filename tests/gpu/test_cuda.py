"""The same masks on a CUDA device as on the processor; run with `pytest -m gpu`."""

import numpy as np
import pytest
import torch
from jaxtyping import Bool

from vseg import Session
from vseg.models.nano.load import load_nano
from vseg.synthetic import SceneConfig, SyntheticVideo

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def tracked(device: str, dtype: str) -> list[Bool[np.ndarray, "O H W"]]:
    """The masks of a short scene's objects, all prompted by their boxes on the first frame."""
    model = load_nano(device=device, dtype=dtype, short_side=192)
    config = SceneConfig(
        height=192, width=256, num_frames=30, seed=5, num_objects=3, occluders=1
    )
    with SyntheticVideo(config) as video, Session(model, video) as session:
        for object_id in video.object_ids:
            point = video.first_point(object_id)
            session.prompt(
                object_id, point.frame_index, points=[[point.x, point.y]], labels=[1]
            )
        return [masks.masks for masks in session.propagate()]


@pytest.mark.parametrize(("dtype", "least"), [("float32", 0.98), ("bfloat16", 0.9)])
def test_masks_are_those_of_the_processor(dtype: str, least: float) -> None:
    for here, there in zip(tracked("cpu", "float32"), tracked("cuda", dtype), strict=True):
        union = (here | there).sum()
        assert union == 0 or (here & there).sum() / union >= least


def test_a_second_run_is_the_same() -> None:
    for one, two in zip(tracked("cuda", "float32"), tracked("cuda", "float32"), strict=True):
        np.testing.assert_array_equal(one, two)
