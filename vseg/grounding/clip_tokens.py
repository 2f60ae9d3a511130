"""Phrases -> tokens of a CLIP text encoder, which reads a fixed number of them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vseg.errors import BadPrompt


class ShortTexts:
    """A tokenizer with the number of tokens that its network reads, the two at the ends
    included.
    """

    def __init__(self, tokenizer: Any, length: int) -> None:
        self._tokenizer = tokenizer
        self._length = length

    def check(self, phrase: str) -> None:
        """Raise BadPrompt for a phrase that has more tokens than the network reads."""
        tokens = len(self._tokenizer(phrase, verbose=False)["input_ids"])
        if tokens > self._length:
            raise BadPrompt(
                f"'{phrase}' has {tokens - 2} tokens, more than {self._length - 2}",
                hint="name one object in a few words",
            )

    def tokens(self, phrases: Sequence[str], device: torch.device) -> dict[str, Tensor]:
        """input_ids and attention_mask, both (P, length), padded at the end.  Raises
        BadPrompt.
        """
        for phrase in phrases:
            self.check(phrase)
        return self._padded(phrases, device)

    def cut(self, text: str, device: torch.device) -> dict[str, Tensor]:
        """The same of one text, (1, length); its end is lost where it is longer."""
        return self._padded([text], device)

    def _padded(self, texts: Sequence[str], device: torch.device) -> dict[str, Tensor]:
        made = self._tokenizer(
            list(texts),
            padding="max_length",
            max_length=self._length,
            truncation=True,
            return_tensors="pt",
        )
        return {key: made[key].to(device) for key in ("input_ids", "attention_mask")}
