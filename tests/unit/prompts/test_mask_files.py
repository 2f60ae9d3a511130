"""Mask files: which values are objects, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vseg.errors import BadPrompt, UsageError
from vseg.prompts.mask_files import read_mask_file, read_region_file
from vseg.prompts.parse import parse_masks


def soft_disc() -> np.ndarray:
    y, x = np.mgrid[:48, :64]
    return np.asarray(np.clip(14.5 - np.hypot(x - 30, y - 24), 0, 1) * 255, dtype=np.uint8)


def square(value: int, dtype: type = np.uint8) -> np.ndarray:
    values: np.ndarray = np.zeros((48, 64), dtype=dtype)
    values[10:20, 10:30] = value
    return values


def saved(path: Path, values: np.ndarray, palette: bool = False) -> Path:
    image = Image.fromarray(values)
    if palette:
        image.putpalette([(i * k) % 256 for i in range(256) for k in (37, 91, 53)])
    image.save(path)
    return path


@pytest.mark.parametrize("palette", [True, False])
@pytest.mark.parametrize("value", [1, 2, 3])
def test_a_single_value_is_its_object(tmp_path: Path, value: int, palette: bool) -> None:
    path = saved(tmp_path / "a.png", square(value), palette)
    ((object_id, mask),) = read_mask_file(path, None)
    assert (object_id, int(mask.sum())) == (value, 200)
    assert [i for i, _ in read_mask_file(path, 7)] == [7]


@pytest.mark.parametrize("name", ["soft.png", "noise.jpg"])
def test_soft_edges_and_noise_are_one_object(tmp_path: Path, name: str) -> None:
    disc = soft_disc()
    ((object_id, mask),) = read_mask_file(saved(tmp_path / name, disc), None)
    assert object_id is None
    assert (mask ^ (disc >= 128)).sum() < 0.05 * mask.sum()


def test_void_beside_ids_is_no_object(tmp_path: Path) -> None:
    values = square(1) + np.roll(square(2), 20, axis=0)
    values[30:41, 40] = 255
    path = saved(tmp_path / "a.png", values)
    assert [i for i, _ in read_mask_file(path, None)] == [1, 2]
    assert [i for i, _ in read_mask_file(path, 255)] == [255]


def test_sixteen_bits_hold_ids(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", square(1000, np.uint16))
    assert [i for i, _ in read_mask_file(path, None)] == [1000]


def test_opacity_is_the_mask_of_one_colour(tmp_path: Path) -> None:
    pixels = np.full((48, 64, 4), 90, dtype=np.uint8)
    pixels[..., 3] = square(255)
    ((object_id, mask),) = read_mask_file(saved(tmp_path / "a.png", pixels), None)
    assert (object_id, int(mask.sum())) == (None, 200)


def test_a_bright_grey_is_undecided(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", square(200))
    with pytest.raises(BadPrompt, match=r"value 200 on 200 pixels.*--mask 200:"):
        list(read_mask_file(path, None))
    assert [i for i, _ in read_mask_file(path, 200)] == [200]


@pytest.mark.parametrize("other", [1, 127])
def test_white_that_may_be_an_object_is_not_dropped(tmp_path: Path, other: int) -> None:
    values = square(255)
    values[30:40, 10:20] = other
    path = saved(tmp_path / "a.png", values)
    with pytest.raises(BadPrompt, match="value 255 on 200 pixels"):
        list(read_mask_file(path, None))
    assert [i for i, _ in read_mask_file(path, other)] == [other]


def test_a_second_mask_without_id_is_refused(tmp_path: Path) -> None:
    paths = [saved(tmp_path / name, square(255)) for name in ("a.png", "b.png")]
    with pytest.raises(UsageError, match=r"--mask 1:.*a\.png --mask 2:.*b\.png"):
        list(parse_masks([str(path) for path in paths]))
    prompts = parse_masks([f"{n}:{path}" for n, path in enumerate(paths, 1)])
    assert [prompt.object_id for prompt in prompts] == [1, 2]


def test_unnamed_masks_on_two_frames_are_not_taken_for_one_object(tmp_path: Path) -> None:
    a, b = (saved(tmp_path / name, square(255)) for name in ("a.png", "b.png"))
    with pytest.raises(
        UsageError, match=r"two objects: --mask 1:.*a\.png --mask 2@30:.*b\.png"
    ):
        list(parse_masks([str(a), f"@30:{b}"]))
    prompts = parse_masks([f"1:{a}", f"1@30:{b}"])
    assert [(p.object_id, p.at.frame) for p in prompts] == [(1, 0), (1, 30)]


def test_ids_in_the_files_say_which_object_is_corrected(tmp_path: Path) -> None:
    first = saved(tmp_path / "a.png", square(1) + np.roll(square(2), 20, axis=0))
    later = saved(tmp_path / "b.png", square(2), palette=True)
    prompts = parse_masks([str(first), f"@30:{later}"])
    assert [(p.object_id, p.at.frame) for p in prompts] == [(1, 0), (2, 0), (2, 30)]


FILTERS = [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS]
ID_SETS = [(3, 1, 2), (50, 100, 150), (7, 40, 200), (1, 3, 255)]


def three_objects(ids: tuple[int, ...]) -> np.ndarray:
    """A disc, a disc on it, and a tiny object beside them."""
    y, x = np.mgrid[:96, :128]
    values = np.zeros((96, 128), np.uint8)
    values[np.hypot(x - 50, y - 48) < 30] = ids[0]
    values[np.hypot(x - 60, y - 50) < 14] = ids[1]
    values[20:23, 100:102] = ids[2]
    return values


@pytest.mark.parametrize("ids", ID_SETS)
@pytest.mark.parametrize("scale", [0.5, 0.75, 1.0, 1.3, 2.0])
def test_ids_survive_nearest_neighbour(
    tmp_path: Path, ids: tuple[int, ...], scale: float
) -> None:
    image = Image.fromarray(three_objects(ids))
    size = (round(128 * scale), round(96 * scale))
    image = image.resize(size, Image.Resampling.NEAREST)
    path = saved(tmp_path / "a.png", np.array(image), palette=True)
    read = dict(read_mask_file(path, None))
    assert set(read) == set(ids) - {255}
    assert all((mask == (np.array(image) == i)).all() for i, mask in read.items())


@pytest.mark.parametrize("form", ["P", "L", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("ids", [*ID_SETS, (40, 255, 80)])
@pytest.mark.parametrize("scale", [0.5, 0.75, 1.3, 2.0])
@pytest.mark.parametrize("method", FILTERS)
def test_label_images_that_a_filter_mixed_are_refused(
    tmp_path: Path, form: str, ids: tuple[int, ...], scale: float, method: Image.Resampling
) -> None:
    size = (round(128 * scale), round(96 * scale))
    values = np.array(Image.fromarray(three_objects(ids)).resize(size, method))
    path = tmp_path / "a.png"
    if form == "I;16":
        levels = three_objects(ids).astype(np.float32) * 257
        wide = np.array(Image.fromarray(levels).resize(size, method))
        saved(path, wide.clip(0, 65535).astype(np.uint16))
    elif form == "P":
        saved(path, values, palette=True)
    else:
        Image.fromarray(values).convert(form).save(path)
    with pytest.raises(BadPrompt, match=r"value \d+ on \d+ pixels"):
        list(read_mask_file(path, None))


@pytest.mark.parametrize("quality", [50, 75, 90, 95])
@pytest.mark.parametrize("ids", ID_SETS)
def test_label_images_stored_as_jpeg_are_refused(
    tmp_path: Path, quality: int, ids: tuple[int, ...]
) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(three_objects(ids)).save(path, quality=quality)
    with pytest.raises(BadPrompt, match=r"value \d+ on \d+ pixels"):
        list(read_mask_file(path, None))


@pytest.mark.parametrize("scale", [0.5, 0.75, 1.3, 2.0])
@pytest.mark.parametrize("method", FILTERS)
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_one_object_may_be_resized_and_stored_as_jpeg(
    tmp_path: Path, scale: float, method: Image.Resampling, depth: type
) -> None:
    size = (round(128 * scale), round(96 * scale))
    image = Image.fromarray((three_objects((1, 1, 0)) > 0).astype(np.uint8) * 255)
    resized = np.array(image.resize(size, method))
    whole: np.ndarray = resized.astype(depth) * (257 if depth is np.uint16 else 1)
    paths = [saved(tmp_path / "a.png", whole)]
    for quality in (50, 75, 95):
        paths.append(tmp_path / f"{quality}.jpg")
        Image.fromarray(resized).save(paths[-1], quality=quality)
    for path in paths:
        ((object_id, mask),) = read_mask_file(path, None)
        assert object_id is None
        assert (mask ^ (resized >= 128)).sum() <= 0.02 * mask.sum()


@pytest.mark.parametrize("form", ["soft", "jpeg", "void", "alpha", "sixteen", "id"])
def test_the_mask_of_an_exemplar_is_read_by_the_same_rules(tmp_path: Path, form: str) -> None:
    disc = soft_disc()
    expected = disc >= 128
    path = tmp_path / "a.png"
    if form == "soft":
        saved(path, disc)
    elif form == "jpeg":
        path = saved(tmp_path / "a.jpg", disc)
    elif form == "void":
        around = (disc > 0).astype(np.uint8) * 255
        around[expected] = 1
        saved(path, around, palette=True)
    elif form == "alpha":
        saved(path, np.dstack([np.full((48, 64, 3), 90, np.uint8), disc]))
    elif form == "sixteen":
        saved(path, expected.astype(np.uint16) * 300)
    else:
        saved(path, expected.astype(np.uint8) * 7)
    region = read_region_file(path)
    assert region.dtype == bool
    assert (region ^ expected).sum() < 0.02 * expected.sum()


def test_an_exemplar_of_several_objects_is_refused_with_counts(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", square(1) + np.roll(square(2), 20, axis=0))
    with pytest.raises(BadPrompt, match=r"value 1 on 200 pixels, value 2 on 200 pixels"):
        read_region_file(path)
