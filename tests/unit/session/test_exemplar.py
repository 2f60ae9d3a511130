"""Things found by an example from another image, examples read from files, and kept in a
run.
"""

import json
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from PIL import Image

from tests.sam_models import saved_model
from tests.scenes import mask_iou
from vseg.errors import BadPrompt, BadRun, UsageError
from vseg.interfaces.grounder import Grounder
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.models.sam2.load import load_sam
from vseg.prompts.exemplar_files import boxed_exemplar, masked_exemplar
from vseg.prompts.parse import parse_exemplars, parse_texts
from vseg.results.prompts import append_prompt, prompt_line, read_prompts, write_prompts
from vseg.session.exemplar import ExemplarGrounder
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.types import Box, Exemplar, Frame, Prompt, Text, Timecode

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def model() -> Nano:
    return load_nano(dtype="float32", short_side=192)


def disc(shape: tuple[int, int], centre: tuple[int, int], radius: int) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.asarray((x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2)


def drawn(shape: tuple[int, int], discs: list[tuple[int, int]], radius: int) -> np.ndarray:
    """Orange discs with a dark core on grey, in an image of any size."""
    image = np.full((*shape, 3), 110, dtype=np.uint8)
    for centre in discs:
        image[disc(shape, centre, radius)] = (230, 140, 30)
        image[disc(shape, centre, radius // 2)] = (60, 20, 20)
    return image


def test_every_instance_is_found_in_a_image_of_another_size(model: Nano) -> None:
    shape = (192, 256)
    centres = [(50, 50), (190, 120)]
    frame = Frame(7, None, 0.0, drawn(shape, centres, 24))
    other = drawn((150, 150), [(80, 70)], 30)
    like = Exemplar(other, disc((150, 150), (80, 70), 30), "disc.png", 0.5)
    said = ExemplarGrounder(model).ground(frame, [like])
    masks = [crop.paste(*shape) for crop in said.found.masks or ()]
    for centre in centres:
        assert max(mask_iou(mask, disc(shape, centre, 24)) for mask in masks) > 0.7
    assert said.names[0] == "disc.png"
    assert (np.diff(said.found.scores) <= 0).all()
    assert said.best[0] == said.found.scores[0] >= said.found.scores[-1] >= 0.5
    for crop, box in zip(said.found.masks or (), said.found.boxes.tolist(), strict=True):
        assert box == list(crop.xyxy)


def test_a_box_around_the_example_means_the_object_in_it(model: Nano) -> None:
    shape = (192, 256)
    frame = Frame(0, None, 0.0, drawn(shape, [(60, 60), (180, 120)], 24))
    region = np.zeros(shape, dtype=bool)
    region[96:145, 156:205] = True
    like = Exemplar(frame.image, region, threshold=0.5)
    (first, *_) = ExemplarGrounder(model).ground(frame, [like]).found.masks or ()
    best = max(
        mask_iou(first.paste(*shape), disc(shape, c, 24)) for c in [(60, 60), (180, 120)]
    )
    assert best > 0.8, "without the corners of the box"


def test_a_rendered_object_is_found_and_a_stranger_is_less_like_it(model: Nano) -> None:
    config = SceneConfig(
        height=192, width=320, num_frames=20, seed=3, num_objects=3, occluders=0
    )
    with SyntheticVideo(config) as video:
        later = video.read(15)
        first = video.read(0)
        region, truth = (np.asarray(video.truth(t) == 1) for t in (15, 0))
    grounder = ExemplarGrounder(model)
    said = grounder.ground(first, [Exemplar(later.image, region)])
    assert mask_iou((said.found.masks or ())[0].paste(192, 320), truth) > 0.6
    stranger = Exemplar(drawn((192, 320), [(90, 90)], 40), disc((192, 320), (90, 90), 40))
    strange = grounder.ground(first, [stranger])
    assert strange.best[0] < said.best[0]
    assert len(strange.found) == 0 and strange.best[0] < grounder.threshold


def test_several_exemplars_keep_their_places(model: Nano) -> None:
    shape = (192, 256)
    frame = Frame(0, None, 0.0, drawn(shape, [(60, 60)], 24))
    good = Exemplar(frame.image, disc(shape, (60, 60), 24), "good")
    never = Exemplar(frame.image, disc(shape, (60, 60), 24), "never", 1.0)
    grounder = ExemplarGrounder(model)
    assert isinstance(grounder, Grounder)
    said = grounder.ground(frame, [never, good])
    assert set(said.found.labels.tolist()) == {1}
    assert said.best[0] == said.best[1] > 0.9
    with pytest.raises(BadPrompt, match="compares images"):
        grounder.check([good, Text("dog")])


def test_models_with_slots_find_exemplars_too(tmp_path: Path) -> None:
    """The weights are random, so what is found means nothing; it must be well formed and
    repeatable.
    """
    saved_model("sam2", tmp_path)
    grounder = ExemplarGrounder(load_sam(tmp_path, "small", device="cpu", dtype="float32"))
    frame = Frame(3, None, 0.0, drawn((96, 128), [(40, 40)], 20))
    like = Exemplar(drawn((80, 80), [(40, 40)], 20), disc((80, 80), (40, 40), 20), "", 1e-6)
    with torch.random.fork_rng():
        one = grounder.ground(frame, [like])
        two = grounder.ground(frame, [like])
    assert len(one.found) > 0
    np.testing.assert_array_equal(one.found.scores, two.found.scores)
    assert ((one.found.scores >= 0) & (one.found.scores <= 1)).all()


@pytest.mark.parametrize("hide", [False, True], ids=["not writable", "mirrored"])
def test_pixels_may_lie_in_memory_as_they_like(model: Nano, hide: bool) -> None:
    frame = Frame(0, None, 0.0, drawn((96, 128), [(40, 40)], 20))
    image = drawn((80, 80), [(40, 40)], 20)
    region = disc((80, 80), (40, 40), 20)
    other = np.ascontiguousarray(image[:, ::-1])[:, ::-1] if hide else image.copy()
    other.flags.writeable = False
    grounder = ExemplarGrounder(model)
    plain, same = (grounder.ground(frame, [Exemplar(p, region)]) for p in (image, other))
    assert plain.best[0] == same.best[0] > 0


@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 4), (40, 30, 3)])
def test_a_image_that_does_not_fit_its_region_is_refused(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as outside the tests
    with pytest.raises(BadPrompt, match=r"image of the exemplar x\.png .*region \(30, 40\)"):
        Exemplar(np.zeros(shape, np.uint8), np.ones((30, 40), dtype=bool), "x.png")


@pytest.fixture(scope="module")
def large_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of more pixels than are read."""
    path = tmp_path_factory.mktemp("large")
    Image.new("1", (9000, 8000)).save(path / "huge.png")
    Image.new("1", (12000, 8000)).save(path / "bomb.png")  # Pillow warns of it by itself
    return path


@pytest.fixture
def folder(tmp_path: Path, large_images: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image of 40 x 30 and masks beside it; the test runs there."""
    Image.fromarray(drawn((30, 40), [(20, 15)], 8)).save(tmp_path / "shoe.png")
    marked = disc((30, 40), (20, 15), 8).astype(np.uint8)
    Image.fromarray(marked * 255).save(tmp_path / "mask.png")
    Image.fromarray(marked * 0).save(tmp_path / "empty.png")
    Image.fromarray(marked[:20]).save(tmp_path / "small.png")
    Image.new("RGB", (40, 30), (255, 0, 0)).save(tmp_path / "colour.png")
    two = marked + 2 * np.roll(marked, 15, axis=1)
    Image.fromarray(two).save(tmp_path / "two.png")
    for path in large_images.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "torn.png").write_bytes((tmp_path / "shoe.png").read_bytes()[:80])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_exemplars_as_typed(folder: Path) -> None:
    boxed, masked = parse_exemplars(["shoe.png:12,7,28,24", "2@1.5s:shoe.png:mask.png=0.7"])
    assert (boxed.object_id, boxed.at) == (1, Timecode(frame=0))
    assert (masked.object_id, masked.at) == (2, Timecode(time_s=1.5))
    assert isinstance(boxed.value, Exemplar) and isinstance(masked.value, Exemplar)
    assert int(boxed.value.region.sum()) == 16 * 17 and boxed.value.threshold is None
    np.testing.assert_array_equal(masked.value.region, disc((30, 40), (20, 15), 8))
    assert (masked.value.threshold, masked.value.source) == (0.7, "shoe.png")
    np.testing.assert_array_equal(masked.value.image, drawn((30, 40), [(20, 15)], 8))


def test_images_of_every_kind_are_read(folder: Path) -> None:
    """Grey, 16 bits, with alpha, in a palette with alpha: the colours count, whatever is
    transparent.
    """
    rgb = drawn((30, 40), [(20, 15)], 8)
    grey = Image.fromarray(rgb[..., 0])
    grey.save(folder / "grey.png")
    Image.fromarray(rgb[..., 0].astype(np.uint16) << 8).save(folder / "deep.png")
    Image.fromarray(np.dstack([rgb, rgb[..., 0]])).save(folder / "alpha.png")
    Image.fromarray(rgb).quantize(8).save(
        folder / "palette.png", transparency=bytes([0, 9, 200])
    )
    for name in ("grey", "deep", "alpha", "palette"):
        (said,) = parse_exemplars([f"{name}.png:12,7,28,24"])
        assert isinstance(said.value, Exemplar)
        expected = np.repeat(rgb[..., :1], 3, 2) if name in ("grey", "deep") else rgb
        np.testing.assert_array_equal(said.value.image, expected, err_msg=name)
        assert said.value.image.flags.writeable


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("bomb.png:1,2,3,4", "12000x8000, more than 64 megapixels"),
        ("gone.png:1,2,3,4", "gone.png does not exist"),
        ("torn.png:1,2,3,4", "torn.png cannot be read"),
        ("huge.png:1,2,3,4", "9000x8000, more than 64 megapixels"),
        ("shoe.png:huge.png", "9000x8000, more than 64 megapixels"),
        ("shoe.png:50,2,60,9", "outside the 40x30 image"),
        ("shoe.png:9,2,3,9", "empty or inverted"),
        ("shoe.png:0.1,0.1,0.2,0.2", "region of the exemplar shoe.png is empty"),
        ("shoe.png:empty.png", r"mask empty\.png is empty"),
        ("shoe.png:two.png", r"value 1 on \d+ pixels"),
        ("shoe.png:small.png", "the mask is 40x20 but the image is 40x30"),
        ("shoe.png:colour.png", "colour image"),
        ("shoe.png:mask.png=1.5", "not in"),
    ],
)
def test_an_exemplar_that_cannot_be_used(folder: Path, spec: str, message: str) -> None:
    with pytest.raises(BadPrompt, match=message):
        list(parse_exemplars([spec]))


@pytest.mark.parametrize(
    "spec", ["shoe.png", "shoe.png:", "shoe.png:1,2,3", "shoe.png:mask.png=x"]
)
def test_a_malformed_exemplar_shows_an_example(folder: Path, spec: str) -> None:
    with pytest.raises(UsageError) as caught:
        list(parse_exemplars([spec]))
    assert "image.jpg:" in str(caught.value.hint)


def test_texts_as_typed() -> None:
    plain, placed = parse_texts(["the red car", "3@12:a dog=0.4"])
    assert (plain.object_id, plain.at, plain.value) == (
        1,
        Timecode(frame=0),
        Text("the red car"),
    )
    assert (placed.object_id, placed.at, placed.value) == (
        3,
        Timecode(frame=12),
        Text("a dog", 0.4),
    )
    with pytest.raises(UsageError, match="2 phrases for one object"):
        list(parse_texts(["a dog. a cat"]))


def test_a_run_keeps_descriptions_and_the_image_itself(folder: Path) -> None:
    like = masked_exemplar(Path("shoe.png"), Path("mask.png"), 0.6)
    again = boxed_exemplar(Path("shoe.png"), Box(1, 1, 9, 9))
    said = [
        Prompt(1, Timecode(frame=0), Text("a shoe", 0.3)),
        Prompt(1, Timecode(frame=0), like),
    ]
    root = folder / "run"
    write_prompts(root, said)
    append_prompt(root, Prompt(2, Timecode(frame=4), again))
    for name in ("shoe.png", "mask.png"):
        (folder / name).unlink()
    stored = read_prompts(root)
    assert [prompt_line(p) for p in stored] == [
        *map(prompt_line, said),
        prompt_line(Prompt(2, Timecode(frame=4), again)),
    ]
    kept = stored[1].value
    assert isinstance(kept, Exemplar) and kept.source == "shoe.png" and kept.threshold == 0.6
    np.testing.assert_array_equal(kept.image, like.image)
    np.testing.assert_array_equal(kept.region, like.region)
    (image,) = (root / "exemplars").iterdir()
    assert (
        json.loads((root / "prompts.jsonl").read_text().splitlines()[1])["image"] == image.stem
    )
    Image.fromarray(like.image[::-1]).save(image)
    with pytest.raises(BadRun, match="not those it was kept for"):
        read_prompts(root)
    image.write_bytes(b"")
    with pytest.raises(BadRun, match="not an image"):
        read_prompts(root)
    image.unlink()
    with pytest.raises(BadRun, match="cannot be used"):
        read_prompts(root)


def test_a_box_without_an_object_is_refused_before_the_first_look(model: Nano) -> None:
    plain = np.full((80, 80, 3), 110, dtype=np.uint8)
    region = np.zeros((80, 80), dtype=bool)
    region[1:50, 1:50] = True
    with pytest.raises(BadPrompt, match="there is no object"):
        ExemplarGrounder(model).check([Exemplar(plain, region)])
