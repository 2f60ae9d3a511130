"""The word head: its maps, its boxes, and its file, which must fit the encoder and be
whole.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vseg.errors import WeightsMismatch, WeightsMissing
from vseg.models.nano.encoder import encoder_digest
from vseg.models.nano.load import load_nano, save_nano
from vseg.models.nano.model import Nano
from vseg.models.nano.network import NanoNet
from vseg.models.nano.shipped import WORDS
from vseg.models.nano.text_head.head import WordHead, load_words, save_words
from vseg.models.nano.text_head.head_boxes import HeadBoxes, detect_words
from vseg.models.nano.text_head.network import STRIDES, WordsNet, cell_boxes
from vseg.types import Frame

NAMES = ("object", "car", "person")


@pytest.fixture(scope="module")
def nano() -> Nano:
    return load_nano(dtype="float32")


def head(seed: int = 0) -> WordHead:
    torch.manual_seed(seed)
    return WordHead(WordsNet(len(NAMES)), NAMES, 0.3, "e" * 64, "")


def test_every_stride_speaks_of_its_own_cells() -> None:
    maps = head().net(torch.randn(2, 64, 12, 20), torch.randn(2, 128, 6, 10))
    assert [m.stride for m in maps] == list(STRIDES)
    assert [tuple(m.words.shape) for m in maps] == [
        (2, 3, 12, 20),
        (2, 3, 6, 10),
        (2, 3, 3, 5),
    ]
    assert all(
        (m.distances >= 0).all() and m.quality.shape == m.words[:, 0].shape for m in maps
    )


def test_a_cell_speaks_from_its_centre() -> None:
    distances = torch.zeros(1, 4, 2, 3)
    distances[0, :, 1, 2] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    boxes = cell_boxes(distances, 8)[0]
    assert boxes[:, 1, 2].tolist() == [20 - 1, 12 - 2, 20 + 3, 12 + 4]
    assert boxes[:, 0, 0].tolist() == [4, 4, 4, 4]


def test_the_strongest_of_doubles_stays() -> None:
    boxes = np.array(
        [[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10], [5, 5, 5, 9]], np.float64
    )
    scores = np.array([[0.5, 0.1], [0.7, 0.04], [0.6, 0.9], [0.9, 0.9]])
    seen = HeadBoxes(("object", "car"), boxes, scores)
    things = seen.of("object")
    cars = seen.of("car")
    assert things.scores.tolist() == [0.7, 0.6], "best first, the empty box is none"
    assert things.boxes.tolist() == boxes[[1, 2]].tolist()
    assert cars.scores.tolist() == [0.9, 0.1], "0.04 is too little to be looked at"


def test_boxes_are_in_pixels_of_the_frame(nano: Nano, tmp_path: Path) -> None:
    save_words(head(), tmp_path / "h.safetensors", {})
    loaded = load_words(tmp_path / "h.safetensors", nano.device, nano.dtype)
    rng = np.random.default_rng(0)
    for hw in ((120, 200), (700, 400)):
        image = rng.integers(0, 255, (*hw, 3), dtype=np.uint8)
        seen = detect_words(nano, loaded, Frame(0, None, 0.0, image))
        assert len(seen.boxes) and seen.scores.shape == (len(seen.boxes), 3)
        assert (seen.boxes >= 0).all() and (
            seen.boxes.max(axis=0) <= np.array([*hw[::-1]] * 2)
        ).all()
        # Cells of the far corner reach the far corner.
        assert (seen.boxes[:, 2:].max(axis=0) > 0.8 * np.array(hw[::-1])).all()


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "h.safetensors"
    saved = head()
    save_words(saved, path, {"note": "x"})
    loaded = load_words(path)
    assert (loaded.words, loaded.threshold, loaded.encoder_sha256) == (NAMES, 0.3, "e" * 64)
    assert len(loaded.weights_sha256) == 64
    features = torch.randn(1, 64, 8, 8), torch.randn(1, 128, 4, 4)
    with torch.no_grad():
        for mine, theirs in zip(
            saved.net.eval()(*features), loaded.net(*features), strict=True
        ):
            torch.testing.assert_close(mine.words, theirs.words, atol=2e-2, rtol=2e-2)


def test_a_file_that_is_no_head_is_named(tmp_path: Path) -> None:
    path = tmp_path / "h.safetensors"
    with pytest.raises(WeightsMissing, match=r"h\.safetensors"):
        load_words(path)
    path.write_bytes(b"no tensors")
    with pytest.raises(WeightsMismatch, match="not a readable"):
        load_words(path)
    save_nano(NanoNet(), path, {})
    with pytest.raises(WeightsMismatch, match="not a word head"):
        load_words(path)
    notes = {"architecture": "nano-words", "words": '["object"]', "threshold": "0.3"}
    save_file({"x": torch.zeros(1)}, path, metadata={**notes, "encoder_sha256": "e"})
    with pytest.raises(WeightsMismatch, match="does not hold"):
        load_words(path)
    save_words(replace(head(), words=NAMES[:2]), path, {})
    with pytest.raises(WeightsMismatch, match="does not hold"):
        load_words(path)


@pytest.mark.parametrize(
    ("note", "value"),
    [("words", "5"), ("words", "null"), ("threshold", "nan"), ("threshold", "7")],
)
def test_a_head_with_wrong_notes_is_refused(tmp_path: Path, note: str, value: str) -> None:
    save_words(head(), tmp_path / "h.safetensors", {note: value})
    with pytest.raises(WeightsMismatch, match="does not hold") as caught:
        load_words(tmp_path / "h.safetensors")
    assert "vseg train words" in (caught.value.hint or "")


def test_the_encoder_is_told_by_its_weights(nano: Nano) -> None:
    net = NanoNet()
    before = encoder_digest(net.encoder)
    net.decoder.mask.bias.data += 1  # type: ignore[union-attr]
    assert encoder_digest(net.encoder) == before
    next(net.encoder.parameters()).data += 1
    assert encoder_digest(net.encoder) != before
    assert len(nano.encoder_sha256) == 64 and nano.encoder_sha256 != before


def test_the_shipped_head_is_of_the_shipped_encoder(nano: Nano) -> None:
    shipped = load_words()
    assert shipped.encoder_sha256 == nano.encoder_sha256
    assert {"object", "person", "car"} <= set(shipped.words) and 0 < shipped.threshold < 1
    assert WORDS.stat().st_size < 3 * 2**20
