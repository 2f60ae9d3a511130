"""Images: the right pixels are coloured, tags stay in the frame, the video has every frame."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.runs import header_of
from vseg.build import open_run
from vseg.errors import BadRun
from vseg.frame_masks import FrameMasks
from vseg.ops.colours import colour_of
from vseg.results import Run, RunWriter
from vseg.results.overlay import OverlayStyle, draw_overlay
from vseg.results.render import TILE_WIDTH, Sheet, contact_sheet, render_video, tile_size
from vseg.types import Frame, VideoInfo

HEIGHT = 120
WIDTH = 160
INFO = VideoInfo("clip.mp4", HEIGHT, WIDTH, Fraction(10), 30)


class GreyClip:
    """A Reader of plain frames whose grey tells their number."""

    info = INFO

    def __len__(self) -> int:
        return 30

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def read(self, index: int) -> Frame:
        grey = np.full((HEIGHT, WIDTH, 3), 40 + 5 * index, dtype=np.uint8)
        return Frame(index, index, index / 10, grey)

    def time_at(self, index: int) -> float:
        return index / 10

    def frame_at(self, time_s: float) -> int:
        return int(time_s * 10)

    def frames(
        self, start: int = 0, stop: int | None = None, step: int = 1
    ) -> Iterator[Frame]:
        return (self.read(index) for index in range(start, 30 if stop is None else stop, step))

    def close(self) -> None:
        """Nothing is open."""


def box_mask(x: int, y: int, width: int, height: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[y : y + height, x : x + width] = True
    return mask


GREY = np.full((HEIGHT, WIDTH, 3), 100, dtype=np.uint8)


def stored(**masks: np.ndarray) -> FrameMasks:
    """Objects o1, o2 ... with these masks."""
    return FrameMasks.of(
        Frame(0, None, 0.0, GREY), {int(name[1:]): mask for name, mask in masks.items()}
    )


def test_the_inside_is_mixed_and_the_outside_untouched() -> None:
    style = OverlayStyle(opacity=0.5, line_px=1, text_px=12)
    image = draw_overlay(GREY, stored(o1=box_mask(50, 60, 40, 40)), {}, style)
    expected = np.rint((100 + np.array(colour_of(1))) / 2)
    np.testing.assert_allclose(image[80, 70], expected, atol=1)
    # The outline is smoothed, so it is nearly of the full colour.
    np.testing.assert_allclose(image[80, 50], colour_of(1), atol=30)
    np.testing.assert_array_equal(image[110, 20], GREY[110, 20])
    assert (GREY == 100).all(), "the image given is not drawn on"


def test_a_small_object_is_drawn_over_a_large_one() -> None:
    style = OverlayStyle(opacity=1.0, line_px=1, text_px=12)
    masks = stored(o1=box_mask(80, 70, 10, 10), o2=box_mask(40, 40, 80, 70))
    np.testing.assert_array_equal(draw_overlay(GREY, masks, {}, style)[75, 85], colour_of(1))


def test_an_absent_object_leaves_the_image_alone() -> None:
    masks = stored(o1=np.zeros((HEIGHT, WIDTH), dtype=bool))
    np.testing.assert_array_equal(draw_overlay(GREY, masks, {}), GREY)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (150, 0), (0, 110), (150, 110), (70, 50)])
def test_a_tag_stays_inside_the_frame(x: int, y: int) -> None:
    masks = stored(o3=box_mask(x, y, 10, 10))
    style = OverlayStyle(opacity=0.0, line_px=1, text_px=12)
    tagged = draw_overlay(GREY, masks, {3: "umbrella"}, style)
    plain = np.all(tagged == colour_of(3), axis=2)
    assert plain.sum() > 300, "the tag is a filled box that is wider than the object's outline"


def test_tags_of_neighbours_do_not_cover_each_other() -> None:
    style = OverlayStyle(opacity=0.0, line_px=1, text_px=12)
    masks = stored(o1=box_mask(60, 50, 20, 20), o2=box_mask(62, 50, 20, 20))
    both = draw_overlay(GREY, masks, {1: "one", 2: "two"}, style)
    for object_id in (1, 2):
        alone = np.all(both == colour_of(object_id), axis=2).sum()
        assert alone > 300


def test_a_frame_too_small_for_a_tag_is_still_drawn() -> None:
    masks = replace(stored(o1=box_mask(0, 0, 4, 4)), height=6, width=6)
    assert draw_overlay(GREY[:6, :6], masks, {1: "x" * 50}).shape == (6, 6, 3)


def test_an_image_of_another_size_is_refused() -> None:
    with pytest.raises(BadRun, match="frame 0 is 160x60, its masks are 160x120"):
        draw_overlay(GREY[:60], stored(o1=box_mask(0, 0, 4, 4)), {})


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Frames 5 to 24 of the clip but 12, one object moving right."""
    header = header_of(INFO, frame_range=(5, 25), labels={1: "box"})
    writer = RunWriter.create(tmp_path / "run", header)
    for index in range(5, 25):
        if index != 12:
            frame = Frame(index, None, index / 10, GREY)
            writer.write(FrameMasks.of(frame, {1: box_mask(2 * index, 50, 30, 40)}))
    writer.finish()
    return open_run(tmp_path / "run")


def test_the_video_has_every_frame_of_the_run_in_order(run: Run, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    render_video(
        run,
        GreyClip(),
        tmp_path / "overlay.mp4",
        on_frame=lambda done, total: told.append((done, total)),
    )
    assert told == [(n, 20) for n in range(1, 21)]
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        assert container.streams.video[0].average_rate == 10
        images = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(images) == 20
    for index, image in enumerate(images, start=5):
        assert abs(int(image[110, 5].mean()) - (40 + 5 * index)) <= 4
        tinted = np.ptp(image[70, 2 * index + 15].astype(int)) > 40
        assert tinted == (index != 12)


def test_the_video_has_the_pixel_aspect_of_the_clip(tmp_path: Path) -> None:
    header = header_of(replace(INFO, pixel_aspect=Fraction(4, 3)), frame_range=(0, 1))
    writer = RunWriter.create(tmp_path / "run", header)
    writer.write(FrameMasks.of(Frame(0, None, 0.0, GREY), {1: box_mask(2, 50, 30, 40)}))
    writer.finish()
    render_video(open_run(tmp_path / "run"), GreyClip(), tmp_path / "overlay.mp4")
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


def test_the_sheet_shows_evenly_spaced_frames_with_captions(run: Run, tmp_path: Path) -> None:
    contact_sheet(run, GreyClip(), tmp_path / "sheet.png", grid=(3, 2))
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        pixels = np.asarray(sheet)
    tile = TILE_WIDTH * HEIGHT // WIDTH
    greys = [
        int(pixels[8 + row * (tile + 26) + tile - 10, 8 + column * (TILE_WIDTH + 8) + 5, 0])
        for row in range(2)
        for column in range(3)
    ]
    assert [(grey - 40) // 5 for grey in greys] == [5, 9, 13, 17, 20, 24]
    caption = pixels[8 + tile + 1 : 8 + tile + 25, 8 : 8 + 150]
    assert caption.max() > 150


def test_a_sheet_of_few_frames_has_few_tiles(run: Run, tmp_path: Path) -> None:
    contact_sheet(run, GreyClip(), tmp_path / "sheet.png", grid=(2, 1))
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 8 + 2 * (TILE_WIDTH + 8)


@pytest.mark.parametrize("hw", [(1, 16384), (16384, 1), (3, 2001), (2001, 3), (1080, 1920)])
def test_frames_of_any_shape_have_a_tile(hw: tuple[int, int]) -> None:
    width, height = tile_size(*hw)
    assert 1 <= width <= TILE_WIDTH and 1 <= height <= 2 * TILE_WIDTH
    sheet = Sheet(height, 2, 2, width)
    sheet.put(1, np.zeros((*hw, 3), np.uint8), "frame 1")
    assert sheet.image.width * sheet.image.height < 2_000_000


def test_another_clip_or_an_empty_run_is_refused(run: Run, tmp_path: Path) -> None:
    clip = GreyClip()
    clip.info = replace(INFO, width=200)
    with pytest.raises(BadRun, match="is 200x120"):
        render_video(run, clip, tmp_path / "overlay.mp4")
    empty = RunWriter.create(tmp_path / "empty", run.header)
    empty.finish()
    with pytest.raises(BadRun, match="no frame to draw"):
        contact_sheet(open_run(tmp_path / "empty"), GreyClip(), tmp_path / "sheet.png")
    assert not list(tmp_path.glob("*.mp4")) and not list(tmp_path.glob("*.png"))


def test_a_frame_is_shown_with_its_masks(run: Run) -> None:
    shown = run.show(7, GreyClip())
    assert (shown.frame.index, shown.masks.object_ids) == (7, (1,))
    with Image.open(BytesIO(shown._repr_png_())) as png:
        np.testing.assert_array_equal(np.asarray(png), shown.image)
    changed = (shown.image != GreyClip().read(7).image).any(axis=-1)
    assert changed[55:85, 16:40].all() and not changed[:, 80:].any()
    with pytest.raises(BadRun, match="no frame 12"):
        run.show(12, GreyClip())


def test_a_frame_is_shown_only_of_a_clip_that_is_there(run: Run) -> None:
    with pytest.raises(BadRun, match=r"clip\.mp4, the clip of .* is not there"):
        run.show(7)
    with pytest.raises(BadRun, match=r"vseg\.open_run"):
        Run(run.path).show(7)
