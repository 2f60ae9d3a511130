"""The synthetic scene: same seed same scene, exact ids, and the events it promises do
happen.
"""

import hashlib
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import vseg
from tests.scenes import drawn_scene, visible_ids
from vseg.errors import BadConfig, BadPrompt
from vseg.interfaces.reader import Reader
from vseg.synthetic import SceneConfig, SyntheticVideo, random_scene

SMALL = SceneConfig(height=96, width=160, num_frames=200, seed=7)


def fingerprint(config: SceneConfig, indices: list[int]) -> str:
    scene = SyntheticVideo(config)
    digest = hashlib.sha256()
    for index in indices:
        drawn = scene.draw(index)
        digest.update(drawn.frame.image.tobytes() + drawn.labels.tobytes())
    return digest.hexdigest()


def colour_of_object(config: SceneConfig, object_id: int = 1) -> np.ndarray:
    drawn = drawn_scene(config).draw(0)
    pixels = drawn.frame.image[drawn.labels == object_id]
    return np.asarray(pixels.mean(axis=0)) if len(pixels) else np.full(3, np.nan)


def test_it_is_a_reader_that_knows_its_video() -> None:
    with SyntheticVideo(SMALL) as scene:
        assert isinstance(scene, Reader)
        assert (len(scene), scene.info.num_frames) == (200, 200)
        assert (scene.info.height, scene.info.width) == (96, 160)
        assert scene.info.fps == 25
        frame = scene.read(50)
        assert (frame.index, frame.pts, frame.time_s) == (50, 50, 2.0)
        assert frame.image.shape == (96, 160, 3)
        assert frame.image.dtype == np.uint8


def test_random_access_equals_sequential_reading() -> None:
    scene = SyntheticVideo(SMALL)
    in_order = [frame.image for frame in scene.frames(0, 12)]
    for index in (7, 0, 11, 3, 7):
        assert np.array_equal(scene.read(index).image, in_order[index])
    assert [f.index for f in scene.frames(5, None, -2)] == [5, 3, 1]
    assert [f.index for f in scene.frames(190, None, 4)] == [190, 194, 198]


@pytest.mark.parametrize("index", [-1, 200, 10**6])
def test_a_frame_outside_the_scene_is_an_index_error(index: int) -> None:
    with pytest.raises(IndexError, match="the clip has frames 0 to 199"):
        SyntheticVideo(SMALL).read(index)


def test_another_process_draws_the_same_scene() -> None:
    code = (
        "import hashlib; from vseg.synthetic import SceneConfig, SyntheticVideo\n"
        f"scene = SyntheticVideo({SMALL!r}); digest = hashlib.sha256()\n"
        "for index in [150, 3]:\n"
        "    drawn = scene.draw(index)\n"
        "    digest.update(drawn.frame.image.tobytes() + drawn.labels.tobytes())\n"
        "print(digest.hexdigest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == fingerprint(SMALL, [150, 3])


def test_the_seed_decides_everything() -> None:
    assert fingerprint(SMALL, [0, 40]) == fingerprint(SMALL, [0, 40])
    assert fingerprint(SMALL, [0]) != fingerprint(replace(SMALL, seed=8), [0])


def test_the_length_does_not_change_a_frame() -> None:
    assert fingerprint(SMALL, [30]) == fingerprint(replace(SMALL, num_frames=31), [30])


def test_one_object_more_leaves_the_others_as_they_were() -> None:
    two, three = (SyntheticVideo(replace(SMALL, num_objects=n)) for n in (2, 3))
    hidden = 0
    for index in range(0, 200, 20):
        fewer = two.truth(index)
        more = three.truth(index)
        untouched = more != 3
        assert np.array_equal(more[untouched], fewer[untouched])
        hidden += int(np.count_nonzero((more == 3) & (fewer > 0)))
    assert hidden > 50, "the third object never hid another one"


def test_occluders_hide_objects_and_have_no_id() -> None:
    bare, blocked = (SyntheticVideo(replace(SMALL, occluders=n)) for n in (0, 2))
    hidden = 0
    for index in range(0, 200, 20):
        seen = bare.truth(index)
        less = blocked.truth(index)
        assert set(np.unique(less)) <= {0, 1, 2, 3}
        assert np.array_equal(seen[less > 0], less[less > 0])
        hidden += int(np.count_nonzero((seen > 0) & (less == 0)))
    assert hidden > 100


def test_large_occluders_hide_whole_objects_for_many_frames() -> None:
    scene = SyntheticVideo(replace(SMALL, occluders=2, occluder_size=3.0, size=0.5))
    shown = [set(visible_ids(scene, index)) for index in range(0, 200, 8)]
    gaps = ["".join("x" if k in ids else "." for ids in shown).strip(".") for k in (1, 2, 3)]
    assert any(".." in gap for gap in gaps), gaps
    with pytest.raises(BadConfig, match="occluder_size is 0"):
        replace(SMALL, occluder_size=0.0)


@pytest.mark.parametrize("seed", range(3))
def test_objects_with_odd_ids_leave_and_return(seed: int) -> None:
    scene = SyntheticVideo(
        replace(SMALL, seed=seed, leave_and_return=True, occluders=0, size=0.7)
    )
    shown = [set(visible_ids(scene, index)) for index in range(0, 200, 6)]
    for object_id in (1, 3):
        present = "".join("x" if object_id in ids else "." for ids in shown)
        gap = present.strip(".")
        assert ".." in gap, f"object {object_id} of seed {seed}: {present}"


def test_objects_start_in_the_frame_and_move() -> None:
    scene = SyntheticVideo(replace(SMALL, occluders=0))
    assert visible_ids(scene, 0) == scene.object_ids == (1, 2, 3)
    first = scene.truth(0)
    later = scene.truth(40)
    for object_id in scene.object_ids:
        a = first == object_id
        b = later == object_id
        assert np.count_nonzero(a & b) < 0.9 * np.count_nonzero(a)


def test_a_still_scene_stands_still() -> None:
    still = SyntheticVideo(
        replace(SMALL, speed=0.0, camera_motion=0.0, lighting=0.0, noise=0.0, occluders=0)
    )
    places = [np.argwhere(still.truth(i) == 1).mean(axis=0) for i in (0, 30, 60)]
    assert np.abs(np.diff(places, axis=0)).max() < 3  # Bodies still deform about their place.
    empty = SyntheticVideo(replace(still.config, num_objects=0))
    assert np.array_equal(empty.read(0).image, empty.read(60).image)


def test_a_cut_moves_the_objects_before_another_background() -> None:
    scene = SyntheticVideo(replace(SMALL, cut_at=100, noise=0.0, lighting=0.0, occluders=0))

    def change(index: int) -> float:
        pair = [scene.read(i).image.astype(np.float64) for i in (index, index + 1)]
        return float(np.abs(pair[1] - pair[0]).mean())

    assert change(99) > 4 * max(change(98), change(100))
    assert set(visible_ids(scene, 100)) == {1, 2, 3}
    uncut = SyntheticVideo(replace(scene.config, cut_at=None))
    assert np.array_equal(scene.read(99).image, uncut.read(99).image)


def test_seeds_differ_in_colour_and_size() -> None:
    configs = [replace(SMALL, seed=seed, occluders=0, lighting=0.0) for seed in range(16)]
    colours = np.array([colour_of_object(config) for config in configs])
    assert np.nanstd(colours, axis=0).min() > 25
    areas = [np.count_nonzero(drawn_scene(config).truth(0) == 1) for config in configs]
    assert np.percentile(areas, 90) > 2 * np.percentile(areas, 10)


def test_look_alikes_share_their_colours() -> None:
    for seed in range(4):
        config = replace(SMALL, seed=seed, occluders=0, lighting=0.0, num_objects=2)
        alike = replace(config, look_alikes=True)
        apart = np.abs(colour_of_object(alike, 1) - colour_of_object(alike, 2)).max()
        assert apart < 25
        assert np.allclose(colour_of_object(alike, 1), colour_of_object(config, 1), atol=25)


def test_the_first_point_is_deep_inside_the_object() -> None:
    scene = SyntheticVideo(SMALL)
    for object_id in scene.object_ids:
        point = scene.first_point(object_id)
        mask = scene.truth(point.frame_index) == object_id
        assert mask[point.y, point.x]
        around = mask[max(0, point.y - 2) : point.y + 3, max(0, point.x - 2) : point.x + 3]
        assert around.all()


def test_a_point_of_an_object_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadPrompt, match="no object 9") as caught:
        SyntheticVideo(SMALL).first_point(9)
    assert caught.value.hint == "its objects are 1 to 3"


def held_by_vseg() -> int:
    """Bytes that lines of vseg allocated; what a test's worker receives does not count."""
    lines = [tracemalloc.Filter(True, f"{Path(vseg.__file__).parent}/*")]
    held = tracemalloc.take_snapshot().filter_traces(lines)
    return sum(each.size for each in held.statistics("filename"))


def test_a_far_frame_costs_as_much_as_a_near_one() -> None:
    scene = SyntheticVideo(replace(SMALL, num_frames=1_000_000))
    for index in range(2):
        scene.draw(index)
    tracemalloc.start()
    try:
        scene.draw(2)
        before = held_by_vseg()
        for index in range(999_900, 999_904):
            scene.draw(index)
        grown = held_by_vseg() - before
    finally:
        tracemalloc.stop()
    assert grown < 100_000  # Two of its frames are more.


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("height", 8),
        ("num_frames", 0),
        ("seed", -1),
        ("noise", float("nan")),
        ("num_objects", 300),
        ("cut_at", 0),
        ("cut_at", 200),
    ],
)
def test_a_value_out_of_range_is_named(field: str, value: float) -> None:
    with pytest.raises(BadConfig, match=f"scene: {field} is ") as caught:
        replace(SMALL, **{field: value})  # type: ignore[arg-type]
    assert caught.value.hint is not None and caught.value.hint.startswith("give at")


def test_random_scenes_are_varied_and_drawable() -> None:
    configs = [random_scene(seed, height=64, width=96, num_frames=20) for seed in range(24)]
    assert {config.num_objects for config in configs} == {1, 2, 3, 4, 5, 6}
    assert {config.look_alikes for config in configs} == {True, False}
    assert configs[3] == random_scene(3, height=64, width=96, num_frames=20)
    seen = [len(visible_ids(SyntheticVideo(config), 0)) for config in configs[:8]]
    assert np.mean(seen) > 2
    assert random_scene(0, num_frames=1).cut_at is None
    with pytest.raises(BadConfig, match="scene: seed is -1"):
        random_scene(-1)
