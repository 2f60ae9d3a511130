"""Crowds: there are many, they look alike, and no more are followed than asked for."""

import numpy as np

from vseg.training.data.augment.copy_paste import PasteSource
from vseg.training.data.augment.crowds import crowded
from vseg.training.data.clip import Clip
from vseg.training.data.dataset_zip import ZippedClip
from vseg.training.data.held_out import is_held_out, stills_of_instances


def still(name: str, *squares: int) -> ZippedClip:
    """Red squares of 24 pixels on grey, with the given ids."""
    image = np.full((96, 160, 3), 128, np.uint8)
    mask = np.zeros((96, 160), np.uint8)
    for k, number in enumerate(squares):
        place = (slice(30, 54), slice(10 + 40 * k, 34 + 40 * k))
        image[place] = (220, 20, 20)
        mask[place] = number
    return ZippedClip(name, (image,), (mask,))


def test_a_crowd_is_of_one_object_and_its_first_are_followed() -> None:
    grey = np.full((96, 96, 3), 128, np.uint8)
    clip = Clip((grey, grey), (np.zeros((96, 96), np.uint8),) * 2)
    source = PasteSource((still("still/a/b", 1),))
    counts = []
    for seed in range(8):
        made = crowded(np.random.default_rng(seed), clip, source, 3)
        ids = set(np.unique(made.labels[0])) - {0}
        assert ids <= {1, 2, 3}
        painted = (made.images[0] != 128).any(axis=2)
        assert painted[made.labels[0] > 0].mean() > 0.9
        assert painted.sum() > 1.2 * (made.labels[0] == 1).sum()
        counts.append(len(ids))
    assert max(counts) == 3


def test_stills_to_measure_on_and_masks_of_several_things_are_left_out() -> None:
    names = [f"still/coco_mix/{k:012d}" for k in range(200)]
    assert 0.15 < np.mean([is_held_out(name) for name in names]) < 0.35
    kept_out = next(name for name in names if is_held_out(name))
    learned = next(name for name in names if not is_held_out(name))
    stills = (
        still(kept_out, 1, 2),
        still(learned, 1, 2),
        still("still/x/pair", 1, 1),
        still("still/x/one", 1),
    )
    assert [s.name for s in stills_of_instances(stills)] == [learned, "still/x/one"]
