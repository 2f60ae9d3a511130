"""Images as they are displayed, and label images: one rule for all who read them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vseg.errors import BadImage
from vseg.io.image_files import open_image, read_label_image, read_mask_image

ROTATED_BY_EXIF = 6  # shown turned clockwise by 90 degrees


def labels() -> np.ndarray:
    values = np.zeros((4, 6), dtype=np.uint8)
    values[1:3, 2:5] = 7
    return values


def saved(path: Path, image: Image.Image, orientation: int | None = None) -> Path:
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    image.save(path, exif=exif)
    return path


@pytest.mark.parametrize("mode", ["L", "P", "1", "I;16"])
def test_palette_grey_and_black_and_white_hold_labels(tmp_path: Path, mode: str) -> None:
    values = labels()
    if mode == "I;16":
        image = Image.fromarray(values.astype(np.uint16))
    elif mode == "1":
        image = Image.fromarray(values > 0)
    else:
        image = Image.fromarray(values)
    if mode == "P":
        image.putpalette([level for level in range(256) for _ in "RGB"])
    read = read_label_image(saved(tmp_path / "labels.png", image))
    assert read.mode == mode
    np.testing.assert_array_equal(read.values, values > 0 if mode == "1" else values)


def test_labels_are_turned_as_the_image_is(tmp_path: Path) -> None:
    path = saved(tmp_path / "turned.png", Image.fromarray(labels()), ROTATED_BY_EXIF)
    assert open_image(path).size == (4, 6)
    np.testing.assert_array_equal(read_label_image(path).values, np.rot90(labels(), -1))


def test_a_colour_image_holds_no_labels(tmp_path: Path) -> None:
    path = saved(tmp_path / "colour.png", Image.new("RGB", (6, 4)))
    with pytest.raises(BadImage, match=r"colour image \(mode RGB\).*palette or grey PNG"):
        read_label_image(path)


def test_an_image_of_floating_point_values_is_called_that(tmp_path: Path) -> None:
    path = saved(tmp_path / "mask.tif", Image.fromarray(np.ones((4, 6), dtype=np.float32)))
    with pytest.raises(BadImage, match="holds floating-point values"):
        read_mask_image(path)


def test_a_file_that_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    frames = [Image.new("L", (6, 4), 80 * k) for k in range(3)]
    frames[0].save(tmp_path / "three.gif", save_all=True, append_images=frames[1:])
    reasons = {
        "text.png": "is no image",
        "gone.png": "does not exist",
        ".": "is a folder",
        "three.gif": "is animated: it holds 3 images",
    }
    for name, reason in reasons.items():
        with pytest.raises(BadImage, match=reason):
            open_image(tmp_path / name)


def test_an_image_is_measured_before_it_is_decoded(tmp_path: Path) -> None:
    path = saved(tmp_path / "huge.png", Image.new("1", (9000, 8000)))
    with pytest.raises(BadImage, match="9000x8000, more than 64 megapixels"):
        open_image(path)
