"""What is remembered far from objects is the same for all of them."""

import torch

from vseg.models.nano.load import load_nano
from vseg.models.nano.remembered_values import of_objects, with_background
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.types import Mask


def test_values_close_to_the_backgrounds_are_the_backgrounds() -> None:
    background = torch.randn(1, 64, 2, 3)
    values = background.repeat(2, 1, 1, 1)
    values[0, :, 0, 1] += 0.04  # 64 channels of it make 0.32
    values[1, :, 0, 1] += 0.06
    values[1, 5, 1, 2] -= 0.7
    remembered = of_objects(torch.cat([values, background]))
    assert remembered[0].equal(background[0])
    assert remembered[1].equal(values[1])


def test_the_background_is_the_mask_of_no_object() -> None:
    logits = with_background(torch.full((2, 4, 4), 8.0))
    assert logits.shape == (3, 4, 4)
    assert (logits[:2] == 8).all() and (logits[2] < -4).all()


@torch.inference_mode()
def test_the_shipped_model_remembers_most_of_a_frame_alike() -> None:
    model = load_nano(dtype="float32", runtime="torch", short_side=192)
    scene = SyntheticVideo(SceneConfig(192, 288, 1, num_objects=3, seed=2))
    features = model.encode([scene.read(0)])[0]
    masks = [Mask(scene.truth(0) == k) for k in scene.object_ids]
    logits = model.encode_mask_prompts(features, masks).logits
    together = model.encode_memory(features, logits)
    background = together.flatten(2).median(dim=0).values
    alike = (together.flatten(2) == background).all(dim=1)
    assert alike.float().mean() > 0.4
    for row in range(3):  # and how many objects there are changes nothing
        alone = model.encode_memory(features, logits[row, None])[0]
        close = (alone - together[row]).abs().amax(dim=0) < 1e-3
        assert close.float().mean() > 0.99
        assert not alike[row, (logits[row] > 0)[2::4, 2::4].flatten()].any()
