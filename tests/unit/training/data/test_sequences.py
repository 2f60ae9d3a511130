"""Sequences repeat, keep their promises at every setting, and mask what is visible only."""

import cv2
import numpy as np
import pytest

from vseg.errors import BadDataset
from vseg.training.config import AugmentationConfig
from vseg.training.data.clip import MIN_SHARE
from vseg.training.data.dataset_zip import TrainingDataset, ZippedClip
from vseg.training.data.sequences import MaskedSequence, SequenceOptions, Sequences
from vseg.training.data.sources.real_clips import clip_of_video, draw_indices
from vseg.training.data.sources.scenes import clip_of_scene

NEVER = dict.fromkeys(AugmentationConfig.model_fields, 0.0)
AWAY = AugmentationConfig(**{**NEVER, "p_leave": 1.0})
DUPLICATES = AugmentationConfig(**{**NEVER, "p_duplicate": 1.0})


def image_of(seed: int, centres: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Noise of low brightness, and discs of high brightness with the ids 1, 2, ..."""
    image = np.random.default_rng(seed).integers(0, 100, (96, 128, 3), dtype=np.uint8)
    mask = np.zeros((96, 128), np.uint8)
    for k, centre in enumerate(centres):
        cv2.circle(mask, centre, 16, k + 1, -1)
    image[mask > 0] += 130
    return image, mask


def zipped(name: str, *frames: tuple[np.ndarray, np.ndarray]) -> ZippedClip:
    return ZippedClip(name, tuple(i for i, _ in frames), tuple(m for _, m in frames))


@pytest.fixture(scope="module")
def dataset() -> TrainingDataset:
    videos = [
        zipped("video/a", *(image_of(t, [(40 + 3 * t, 48)]) for t in range(9))),
        zipped("video/short", *(image_of(t, [(60, 40 + t)]) for t in range(3))),
    ]
    stills = [
        zipped("still/s/one", image_of(20, [(50, 50)])),
        zipped("still/s/three", image_of(21, [(30, 30), (90, 30), (64, 70)])),
    ]
    return TrainingDataset(tuple(videos), tuple(stills))


def draw(dataset: TrainingDataset, seed: int, options: SequenceOptions) -> MaskedSequence:
    return Sequences(dataset).draw(np.random.default_rng(seed), options)


@pytest.mark.parametrize("length", [2, 3, 8])
@pytest.mark.parametrize("name", [*AugmentationConfig.model_fields, "none"])
def test_every_augmentation_keeps_the_promises(
    dataset: TrainingDataset, name: str, length: int
) -> None:
    augmentation = AugmentationConfig(**(NEVER | {name: 1.0} if name != "none" else NEVER))
    for seed in range(1 if name == "p_scene" else 3):
        options = SequenceOptions(
            64, length, 3, p_video=seed / 2, objects=2, augmentation=augmentation
        )
        one = draw(dataset, seed, options)
        two = draw(dataset, seed, options)
        np.testing.assert_array_equal(one.images, two.images)
        np.testing.assert_array_equal(one.masks, two.masks)
        count = len(one.masks)
        assert 1 <= count <= 2
        assert one.images.shape == (length, 64, 64, 3)
        assert one.masks.shape == (count, length, 64, 64)
        assert (one.masks[:, 0].mean(axis=(1, 2)) > MIN_SHARE).all()
        assert one.masks.sum(axis=0).max() <= 1, "two objects share a pixel"


def test_without_augmentation_a_real_clip_shows_its_one_object(
    dataset: TrainingDataset,
) -> None:
    options = SequenceOptions(64, 4, 2, p_video=1.0, augmentation=AugmentationConfig(**NEVER))
    for seed in range(5):
        drawn = draw(dataset, seed, options)
        assert len(drawn.masks) == 1
        inner = cv2.erode(drawn.masks[0, 0].astype(np.uint8), np.ones((3, 3))) > 0
        outer = cv2.dilate(drawn.masks[0, 0].astype(np.uint8), np.ones((3, 3))) == 0
        grey = drawn.images[0].mean(axis=2)
        assert grey[inner].mean() > grey[outer].mean()


def test_several_objects_of_a_still_are_followed(dataset: TrainingDataset) -> None:
    options = SequenceOptions(
        64, 2, 2, p_video=0.0, objects=3, augmentation=AugmentationConfig(**NEVER)
    )
    counts = {len(draw(dataset, seed, options).masks) for seed in range(40)}
    assert counts == {1, 2, 3}


def test_hidden_and_departed_objects_have_empty_masks(dataset: TrainingDataset) -> None:
    for name in ("p_occlude", "p_leave"):
        augmentation = AugmentationConfig(**(NEVER | {name: 1.0, "p_object_motion": 1.0}))
        options = SequenceOptions(48, 6, 2, p_video=0.0, objects=1, augmentation=augmentation)
        present = np.array(
            [draw(dataset, s, options).masks[0].any(axis=(1, 2)) for s in range(12)]
        )
        gone = ~present.all(axis=1)
        assert gone.mean() > 0.3, name
        back = [row for row in present[gone] if row[np.flatnonzero(~row)[0] :].any()]
        assert back, f"{name}: nobody ever came back"


def test_a_sliver_counts_as_gone(dataset: TrainingDataset) -> None:
    augmentation = AugmentationConfig(p_occlude=1.0)
    for seed in range(12):
        masks = draw(
            dataset, seed, SequenceOptions(64, 4, 2, 0.5, augmentation=augmentation)
        ).masks
        areas = masks.mean(axis=(2, 3))
        assert ((areas == 0) | (areas > 0.0002)).all()


@pytest.mark.parametrize("frames", [1, 2, 5, 40])
def test_indices_keep_to_the_clip_and_the_gap(frames: int) -> None:
    for seed in range(50):
        indices = np.array(draw_indices(np.random.default_rng(seed), frames, 6, 4))
        assert len(indices) == 6 and indices.min() >= 0 and indices.max() < frames
        steps = np.abs(np.diff(indices))
        assert steps.max() <= 4
        assert frames == 1 or steps.min() >= 1


def test_the_camera_pans_away_and_back(dataset: TrainingDataset) -> None:
    wide = zipped("video/wide", *(image_of(t, [(18, 48)]) for t in range(6)))
    seen = []
    for seed in range(40):
        clip = clip_of_video(np.random.default_rng(seed), wide, (64, 6, 1), AWAY)
        seen.append([bool(label.any()) for label in clip.labels])
    present = np.array(seen)
    assert present[:, 0].mean() > 0.9
    gone = ~present.all(axis=1)
    assert gone.mean() > 0.1
    assert present[gone][:, -1].any(), "the camera never panned back"


def test_a_duplicate_is_a_second_object_of_the_same_appearance(
    dataset: TrainingDataset,
) -> None:
    video = dataset.videos[0]
    met = 0
    for seed in range(12):
        clip = clip_of_video(np.random.default_rng(seed), video, (96, 4, 1), DUPLICATES)
        for image, label in zip(clip.images, clip.labels, strict=True):
            assert set(np.unique(label)) <= {0, 1, 2}
            if (label == 1).sum() > 50 and (label == 2).sum() > 50:
                bright = [image[label == k].mean() for k in (0, 1, 2)]
                assert min(bright[1:]) > bright[0] + 60
                met += 1
    assert met > 10, "hardly an image shows both"


def test_a_scene_has_no_more_objects_than_asked_for() -> None:
    for seed in range(2):
        clip = clip_of_scene(np.random.default_rng(seed), (64, 4), 2, 12)
        assert max(int(label.max()) for label in clip.labels) <= 2
        assert clip.side == 64 and len(clip.images) == 4


def test_datasets_that_cannot_serve_are_refused(dataset: TrainingDataset) -> None:
    with pytest.raises(BadDataset, match="0 clips and 2 stills"):
        Sequences(TrainingDataset((), dataset.stills))
    image, mask = image_of(0, [])
    empty = zipped("video/empty", *[(image, mask)] * 4)
    options = SequenceOptions(32, 2, 2, p_video=1.0, augmentation=AugmentationConfig(**NEVER))
    with pytest.raises(BadDataset, match="in a row began without an object"):
        draw(TrainingDataset((empty,), dataset.stills), 0, options)
