"""Vectors and scores of images and words, beside the transformers library's own forward
pass.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from tests.image_text_models import KINDS, LENGTH, saved_image_text
from vseg.grounding.image_text import ImageText, read_image_text
from vseg.grounding.pretrained import Placement

pytestmark = pytest.mark.integration

PHRASES = ("a red car", "two dogs", "person with a backpack")
PROCESSORS = {
    "clip": transformers.CLIPImageProcessorPil,
    "siglip": transformers.SiglipImageProcessorPil,
}


@pytest.fixture(scope="module", params=KINDS)
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, Any, ImageText]:
    folder = tmp_path_factory.mktemp(request.param)
    theirs = saved_image_text(request.param, folder)
    ours = read_image_text(folder, "small", Placement(dtype="float32"))
    return request.param, folder, theirs, ours


def test_vectors_and_scores_are_the_librarys(pair: tuple[str, Path, Any, ImageText]) -> None:
    kind, folder, theirs, ours = pair
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (90, 70 + 40 * k, 3), dtype=np.uint8) for k in range(3)]
    tokenizer = (
        transformers.AutoTokenizer
        if kind == "clip"
        else transformers.PreTrainedTokenizerFast  # its own class needs sentencepiece
    ).from_pretrained(folder)
    read = tokenizer(
        list(PHRASES), padding="max_length", max_length=LENGTH, return_tensors="pt"
    )
    if kind == "siglip":
        read = {"input_ids": read["input_ids"]}
    made = PROCESSORS[kind].from_pretrained(folder)(
        images,
        input_data_format="channels_last",
        return_tensors="pt",
    )
    with torch.inference_mode():
        told = theirs(**read, pixel_values=made["pixel_values"])
    words = ours.sentences(PHRASES)
    image_batch = ours.images(images)
    np.testing.assert_allclose(words, told.text_embeds.numpy(), atol=1e-5)
    np.testing.assert_allclose(image_batch, told.image_embeds.numpy(), atol=1e-5)
    logits = told.logits_per_image
    chances = logits.softmax(dim=1) if kind == "clip" else logits.sigmoid()
    np.testing.assert_allclose(ours.scores(image_batch, words), chances.numpy(), atol=1e-4)
    assert np.ptp(chances.numpy()) > 1e-3, "scores that are all alike would prove nothing"
