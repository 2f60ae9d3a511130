"""Grounding DINO and MM Grounding DINO: phrases in one text, boxes out.

Enters: an image and phrases.  Leaves: Proposals: the box of every query, and for every phrase
the best probability of any of its own tokens.  Papers: Liu et al. 2023 (arXiv 2303.05499),
Zhao et al. 2024 (arXiv 2401.02361).  Words and image are fused early: of the text only the
tokens can be kept, and every batch of phrases that does not fit beside the others costs a
whole forward pass.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from vseg.errors import BadPrompt, WeightsMismatch
from vseg.grounding.pretrained import (
    Placement,
    Pretrained,
    read_image_processor,
    read_pretrained,
    read_tokenizer,
)
from vseg.grounding.proposals import DetectionRules, Proposals, corners

CLASSES = {
    "grounding-dino": "GroundingDinoForObjectDetection",
    "mm-grounding-dino": "MMGroundingDinoForObjectDetection",
}


@dataclass(frozen=True, slots=True)
class Line:
    """Phrases side by side in one text.  spans: where the tokens of the phrases begin and end
    in `tokens`.
    """

    first: int
    tokens: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


class Dino:
    """A Detector over a loaded Grounding DINO."""

    # 0.25 is the library's own; queries are matched one to one in training, so that only boxes
    # that nearly coincide are duplicates: 0.8, as in Grounded-SAM.
    rules = DetectionRules(threshold=0.25, overlap=0.8)

    def __init__(self, read: Pretrained, tokenizer: Any, images: Any) -> None:
        self._net = read.net
        self._dtype = read.dtype
        self._device = read.device
        self._tokenizer = tokenizer
        self._images = images
        self._start = tokenizer.cls_token_id
        self._end = tokenizer.sep_token_id
        self._stop = tokenizer.convert_tokens_to_ids(".")
        self._most = min(
            read.net.config.max_text_len, read.net.config.text_config.max_position_embeddings
        )
        # The network tells phrases apart by the ids of these tokens.
        self._separators = set(read.net.model.special_tokens.tolist())
        if not {self._start, self._end, self._stop} <= self._separators:
            raise WeightsMismatch(
                f"the tokenizer in {read.folder} is not of its network: the full stop "
                f"is token {self._stop}, the network separates phrases at "
                f"{sorted(self._separators)}",
                hint="fetch the whole folder again",
            )

    def check(self, phrase: str) -> None:
        """Raise BadPrompt for a phrase without words, with a stop in it, or too long for the
        network.
        """
        self._tokens(phrase)

    def encode(self, phrases: tuple[str, ...]) -> list[Line]:
        """The phrases as texts that the network can read at once, in order: as few as hold
        them.
        """
        lines: list[Line] = []
        for place, phrase in enumerate(phrases):
            tokens = self._tokens(phrase)
            if not lines or len(lines[-1].tokens) + len(tokens) + 1 > self._most:
                lines.append(Line(place, (self._start, self._end), ()))
            held = lines[-1]
            begin = len(held.tokens) - 1
            lines[-1] = Line(
                held.first,
                (*held.tokens[:-1], *tokens, self._stop, self._end),
                (*held.spans, (begin, begin + len(tokens))),
            )
        return lines

    def propose(
        self, image: UInt8[np.ndarray, "H W 3"], words: list[Line]
    ) -> Iterator[Proposals]:
        """One batch per text."""
        made = self._images(image, input_data_format="channels_last", return_tensors="pt")
        pixels = made["pixel_values"].to(self._device, self._dtype)
        inside = made["pixel_mask"].to(self._device)
        h, w = image.shape[:2]
        for line in words:
            tokens = torch.tensor([line.tokens], device=self._device)
            output = self._net(pixel_values=pixels, pixel_mask=inside, input_ids=tokens)
            probabilities = output.logits[0].float().sigmoid()
            scores = [probabilities[:, begin:end].amax(1) for begin, end in line.spans]
            yield Proposals(
                line.first,
                corners(output.pred_boxes[0]).double().cpu().numpy() * np.array([w, h, w, h]),
                torch.stack(scores, 1).double().cpu().numpy(),
            )

    def _tokens(self, phrase: str) -> list[int]:
        # In lower case as the library joins phrases; a cased vocabulary was never published.
        tokens: list[int] = self._tokenizer(phrase.lower(), add_special_tokens=False)[
            "input_ids"
        ]
        if self._separators & set(tokens):
            raise BadPrompt(
                f"'{phrase}' has a full stop or a question mark in it",
                hint="leave it out: they separate phrases",
            )
        if set(tokens) <= {self._tokenizer.unk_token_id}:
            raise BadPrompt(f"'{phrase}' has no word that is known", hint="use English words")
        if len(tokens) + 3 > self._most:
            raise BadPrompt(
                f"'{phrase}' has {len(tokens)} tokens, more than {self._most - 3}",
                hint="name one object in a few words",
            )
        return tokens


def read_dino(folder: Path, name: str, place: Placement) -> tuple[Dino, str]:
    """The detector saved in a folder and the hash of its weights.  Raises as
    read_pretrained.
    """
    read = read_pretrained(folder, name, CLASSES, place)
    images = read_image_processor(folder, "GroundingDinoImageProcessorPil")
    return Dino(read, read_tokenizer(folder), images), read.sha256
