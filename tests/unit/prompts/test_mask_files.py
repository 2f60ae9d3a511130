"""Mask files: which values are objects, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vseg.errors import BadPrompt, UsageError
from vseg.prompts.mask_files import read_mask_file
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
        image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
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
    assert object_id == 1
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
    assert (object_id, int(mask.sum())) == (1, 200)


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
