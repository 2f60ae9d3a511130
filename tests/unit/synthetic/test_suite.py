"""The identity suite shows what its scenes are named for, to the frame."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest

from vseg.errors import BadConfig
from vseg.synthetic import Occluder, SceneConfig, SyntheticVideo, Trajectory, identity_scenes
from vseg.synthetic.suite import CUT_AT


def areas(scene: SyntheticVideo, frames: Iterable[int]) -> np.ndarray:
    """Pixels of each object (columns) on each of the frames (rows)."""
    count = scene.config.num_objects + 1
    return np.array([np.bincount(scene.truth(i).ravel(), minlength=count)[1:] for i in frames])


def middle(labels: np.ndarray, object_id: int) -> np.ndarray:
    """Row and column of an object's centre of mass."""
    return np.asarray(np.argwhere(labels == object_id).mean(axis=0))


@pytest.mark.parametrize("name", identity_scenes())
def test_every_object_can_be_prompted_on_the_first_frame(name: str) -> None:
    scene = SyntheticVideo(identity_scenes()[name])
    sizes = np.bincount(scene.truth(0).ravel(), minlength=scene.config.num_objects + 1)
    assert sizes[1:].min() > (100 if name == "small-30" else 300)


@pytest.mark.parametrize("frames", [5, 30, 100])
def test_one_look_alike_is_hidden_for_so_many_frames(frames: int) -> None:
    scene = SyntheticVideo(identity_scenes()[f"hidden-{frames}"])
    gone = next(i for i in range(20, len(scene)) if not (scene.truth(i) == 1).any())
    back = gone + frames
    inside = areas(scene, [gone, *range(gone + 1, back - 1, 9), back - 1])
    assert inside[:, 0].max() == 0
    assert inside[:, 1].min() > 500, "its double is in view all the time"
    assert areas(scene, (back, back + 8, len(scene) - 1)).min() > 0


@pytest.mark.parametrize(
    ("name", "objects"), [("cross-2", 2), ("cross-8", 8), ("cross-30", 30)]
)
def test_look_alikes_change_sides_and_are_never_wholly_hidden(name: str, objects: int) -> None:
    scene = SyntheticVideo(identity_scenes()[name])
    seen = areas(scene, range(24, 64, 8))
    assert seen.shape[1] == objects and seen.min() > 30
    first = scene.truth(0)
    last = scene.truth(len(scene) - 1)
    for left in range(1, objects, 2):
        assert middle(first, left + 1)[1] - middle(first, left)[1] > 20
        assert middle(last, left + 1)[1] - middle(last, left)[1] < -20


def test_two_meet_and_turn_back() -> None:
    scene = SyntheticVideo(identity_scenes()["meet-2"])
    shown = [scene.truth(frame) for frame in (0, 42, 89)]
    apart = [(middle(labels, 2) - middle(labels, 1))[1] for labels in shown]
    assert apart[1] < 0.45 * min(apart[0], apart[2])


def test_cups_change_places_twice_and_one_is_covered() -> None:
    scene = SyntheticVideo(identity_scenes()["cups"])
    columns = [
        [middle(scene.truth(frame), k)[1] for k in scene.object_ids]
        for frame in (0, 39, 72, 124)
    ]
    orders = [np.argsort(shown).tolist() for shown in columns]
    assert orders == [[0, 1, 2], [1, 0, 2], [1, 2, 0], [1, 2, 0]]
    assert areas(scene, range(12, 76, 4)).min() > 300, "one passes partly before another"
    assert areas(scene, range(90, 100)).max(axis=0)[0] == 0


def test_sheep_overtake_and_cells_touch_without_passing() -> None:
    sheep = SyntheticVideo(identity_scenes()["sheep"])
    shown = [[middle(sheep.truth(f), k)[1] for k in sheep.object_ids] for f in (0, 89)]
    assert np.argsort(shown[0][5:]).tolist() != np.argsort(shown[1][5:]).tolist()
    assert min(np.subtract(shown[1], shown[0])) > 40
    cells = SyntheticVideo(identity_scenes()["cells"])
    touching = 0
    for frame in range(10, 80, 10):
        labels = cells.truth(frame)
        beside = (labels[:, 1:] != labels[:, :-1]) & (labels[:, 1:] > 0) & (labels[:, :-1] > 0)
        touching += int(beside.any())
    assert touching >= 3
    first, last = ([middle(cells.truth(f), k) for k in cells.object_ids] for f in (0, 79))
    assert max(np.linalg.norm(a - b) for a, b in zip(first, last, strict=True)) < 40


def test_thirty_small_objects_stay_in_view() -> None:
    scene = SyntheticVideo(identity_scenes()["small-30"])
    assert areas(scene, (0, 30, 59)).max() < 900
    assert areas(scene, (0, 30, 59)).min() > 50


def test_two_of_four_leave_and_return() -> None:
    scene = SyntheticVideo(identity_scenes()["leave"])
    seen = areas(scene, [*range(0, len(scene), 10), len(scene) - 1])
    assert ((seen == 0).sum(axis=0) >= 3).tolist() == [True, True, False, False]
    assert seen[-1].min() > 300
    assert middle(scene.truth(0), 2)[1] > 300
    assert middle(scene.truth(len(scene) - 1), 2)[1] < 150


def test_everyone_is_elsewhere_after_the_cut() -> None:
    scene = SyntheticVideo(identity_scenes()["cut"])
    shown = [scene.truth(frame) for frame in range(CUT_AT - 2, CUT_AT + 2)]
    for object_id in scene.object_ids:
        places = [middle(labels, object_id) for labels in shown]
        steps = [float(np.linalg.norm(b - a)) for a, b in pairwise(places)]
        assert steps[1] > 60 and max(steps[0], steps[2]) < 8


def test_a_trajectory_that_cannot_be_followed_is_refused() -> None:
    with pytest.raises(BadConfig, match=r"waypoints at the frames \[3, 3\]"):
        Trajectory(((3, 0.1, 0.1), (3, 0.5, 0.5)))
    with pytest.raises(BadConfig, match="1 trajectories for 3 objects"):
        SceneConfig(trajectories=(Trajectory(((0, 0.5, 0.5),)),))
    with pytest.raises(BadConfig, match="occluder is 0 wide"):
        Occluder(0.5, 0)
