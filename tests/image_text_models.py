"""Small random models of images and words with real processors, saved by the transformers
library.
"""

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from tests.grounder_models import GAINS, clip_tokenizer
from tests.random_weights import randomise
from tests.small_configs import CLIP_WORDS, NARROW

KINDS = ("clip", "siglip")
LENGTH = 48
_VISION = {**NARROW, "image_size": 64, "patch_size": 16}


def saved_image_text(kind: str, folder: Path, *, seed: int = 0) -> Any:
    """A small random model of a kind in KINDS, also saved to a folder with its processor."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = _clip() if kind == "clip" else _siglip()
        randomise(net, tables=("embed",), gains=GAINS)
        net.logit_scale.data.fill_(2.0)
        if kind == "siglip":
            net.logit_bias.data.fill_(-1.0)
    net.eval().save_pretrained(folder)
    if kind == "clip":
        images = transformers.CLIPImageProcessorPil(
            size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}
        )
        transformers.CLIPProcessor(images, clip_tokenizer(LENGTH)).save_pretrained(folder)
    else:
        transformers.SiglipImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(
            folder
        )
        unigram_tokenizer().save_pretrained(folder)
        _claim_sentence_pieces(folder / "tokenizer_config.json")
    return net


def unigram_tokenizer() -> Any:
    """Letters, alone or at the start of a word, as SigLIP's sentence pieces are stored."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789-'"
    pieces = [("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -4.0)]
    pieces += [("\u2581" + letter, -5.0) for letter in letters]
    pieces += [(letter, -6.0) for letter in letters]
    made = Tokenizer(models.Unigram(pieces, unk_id=1))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 0)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made,
        unk_token="<unk>",
        eos_token="</s>",
        pad_token="</s>",
        model_max_length=LENGTH,
    )


def _claim_sentence_pieces(path: Path) -> None:
    """Name the class that published folders name."""
    said = json.loads(path.read_text())
    path.write_text(json.dumps(said | {"tokenizer_class": "SiglipTokenizer"}))


def _clip() -> Any:
    text = {**CLIP_WORDS, **NARROW, "max_position_embeddings": LENGTH}
    config = transformers.CLIPConfig(
        text_config=text, vision_config=_VISION, projection_dim=16
    )
    return transformers.CLIPModel(config)


def _siglip() -> Any:
    text = {
        **NARROW,
        "vocab_size": 80,
        "max_position_embeddings": LENGTH,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": 0,
    }
    return transformers.SiglipModel(
        transformers.SiglipConfig(text_config=text, vision_config=_VISION)
    )
