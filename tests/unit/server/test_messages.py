"""The messages of the annotator's socket: what is taken, what is refused, masks as bytes."""

import struct

import numpy as np
import pytest
from pydantic import ValidationError

from tests.wire_types import DECLARATIONS, declarations
from vseg.errors import BadMask
from vseg.server.annotator.mask_message import (
    MaskFlag,
    ShownMask,
    pack_message,
    unpack_crop,
    wire_crop,
)
from vseg.server.annotator.requests import REQUESTS, AddPrompt, Hello
from vseg.server.annotator.wire_values import PointsPrompt, WireCrop
from vseg.types import MaskCrop


def test_declarations_are_those_of_the_messages() -> None:
    assert DECLARATIONS.read_text("utf-8") == declarations()


def test_prompt_is_read() -> None:
    text = (
        '{"id": 3, "type": "prompt", "object": null, "frame": 5,'
        ' "prompt": {"kind": "points", "xy": [[1, 2.5]], "positive": [true]}}'
    )
    read = REQUESTS.validate_json(text)
    assert isinstance(read, AddPrompt)
    assert read.object is None
    assert read.prompt == PointsPrompt(kind="points", xy=[(1, 2.5)], positive=[True])
    assert isinstance(REQUESTS.validate_json('{"id": 0, "type": "hello"}'), Hello)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"id": 1}',
        '{"id": 1, "type": "format_disk"}',
        '{"id": -1, "type": "undo"}',
        '{"type": "undo"}',
        '{"id": 1, "type": "undo", "more": 2}',
        '{"id": 1, "type": "view", "frame": -1}',
        '{"id": 1, "type": "view", "frame": 1e400}',
        '{"id": 1, "type": "view", "frame": "NaN"}',
        '{"id": 1, "type": "preview", "frame": 1, "point": [1, NaN]}',
        '{"id": 1, "type": "lanes", "first": 0, "end": 9, "bins": 1000000}',
        '{"id": 1, "type": "edit", "edit": {"kind": "colour", "object": 1, "colour": "red"}}',
    ],
)
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        REQUESTS.validate_json(text)


def _crop(seed: int) -> MaskCrop:
    rng = np.random.default_rng(seed)
    full = np.zeros((40, 50), dtype=bool)
    full[5:30, 10:45] = rng.random((25, 35)) > 0.5
    return MaskCrop.of(full)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_crop_comes_back_from_runs(seed: int) -> None:
    crop = _crop(seed)
    assert np.array_equal(unpack_crop(wire_crop(crop), 40, 50), crop.paste(40, 50))


def test_empty_mask_comes_back() -> None:
    wire = wire_crop(MaskCrop.empty())
    assert wire.runs == []
    assert not unpack_crop(wire, 8, 9).any()


def test_message_is_as_documented() -> None:
    mask = np.array([[True, False], [False, True]])
    flags = MaskFlag.PRESENT | MaskFlag.PENDING
    message = pack_message(7, ShownMask(3, 2, flags, 1.0, MaskCrop(4, 5, mask)))
    head = struct.unpack_from("<IIIHHiiii", message)
    assert head == (7, 3, 2, 9, 65535, 4, 5, 2, 2)
    assert np.frombuffer(message[32:], dtype="<u4").tolist() == [0, 1, 2, 1]


@pytest.mark.parametrize(
    "crop",
    [
        WireCrop(x=45, y=0, w=10, h=1, runs=[10]),
        WireCrop(x=0, y=0, w=2, h=2, runs=[1, 2]),
        WireCrop(x=0, y=0, w=2, h=2, runs=[2**63, 2**63]),
        WireCrop(x=2**40, y=0, w=2, h=2, runs=[4]),
    ],
)
def test_wrong_crop_is_refused(crop: WireCrop) -> None:
    with pytest.raises(BadMask):
        unpack_crop(crop, 40, 50)
