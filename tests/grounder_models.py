"""Small random grounders with real processors, made and saved by the transformers library.

Their vocabularies are made here: a WordPiece one whose full stop has BERT's own id, since
Grounding DINO parts phrases by it, and a byte-level BPE one without merges, as CLIP's text
encoders read.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers
from safetensors.torch import load_file, save_file
from transformers import BertTokenizer, CLIPTokenizer

from tests.random_weights import saved_random
from tests.sam_models import VIT, small_model
from tests.small_configs import CLIP_TEXT, CLIP_WORDS, NARROW, SWIN, sam3_parts
from tests.text_detector_models import omdet, sam3_lite_text

WORDS = (
    "the",
    "a",
    "red",
    "car",
    "dog",
    "person",
    "small",
    "house",
    "cat",
    "on",
    "left",
    "##s",
)
SIDE = 128
GAINS = ("norm.weight", "norm1.weight", "norm2.weight")


def bert_tokenizer() -> Any:
    """Words of WORDS, and special tokens with the ids that BERT gives them; all else is
    unknown.
    """
    vocab = {f"[unused{number}]": number for number in range(1100)}
    special = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103}
    special |= {".": 1012, "?": 1029}
    words = {word: 200 + place for place, word in enumerate(WORDS)}
    taken = {number: word for word, number in (special | words).items()}
    named = {taken.get(number, word): number for word, number in vocab.items()}
    return BertTokenizer(vocab=named)


def clip_tokenizer(length: int) -> Any:
    """Every byte is a token, alone or at the end of a word; the end of the text has the
    largest id.
    """
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    tokens = [*letters, *(letter + "</w>" for letter in letters)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={token: place for place, token in enumerate(tokens)},
        merges=[],
        pad_token="!",
        model_max_length=length,
    )


def saved_grounder(kind: str, folder: Path, *, seed: int = 0) -> Any:
    """A small random grounder of a kind in KINDS, also saved to a folder with its
    processor.
    """
    net = saved_random(_MAKERS[kind], folder, seed=seed, tables=("embed",), gains=GAINS)
    _save_processor(kind, folder)
    return net


def _dino(family: str = "GroundingDino") -> Any:
    backbone = {**SWIN, "image_size": 64, "window_size": 4}
    text = {"model_type": "bert", **NARROW, "vocab_size": 1100, "max_position_embeddings": 64}
    config = getattr(transformers, f"{family}Config")(
        backbone_config=backbone,
        text_config=text,
        d_model=32,
        num_queries=30,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        max_text_len=24,
    )
    return getattr(transformers, f"{family}ForObjectDetection")(config)


def _owl() -> Any:
    text = {**CLIP_WORDS, **NARROW, "max_position_embeddings": 16}
    vision = {**NARROW, "image_size": 96, "patch_size": 16}
    config = transformers.Owlv2Config(
        text_config=text, vision_config=vision, projection_dim=32
    )
    return transformers.Owlv2ForObjectDetection(config)


def _sam3() -> Any:
    text = {**CLIP_TEXT, "max_position_embeddings": 32}
    # As wide as the tracker beside it.
    config = transformers.Sam3Config(
        vision_config=dict(VIT), text_config=text, **sam3_parts(128)
    )
    return transformers.Sam3Model(config)


_MAKERS: dict[str, Callable[[], Any]] = {
    "grounding-dino": _dino,
    "mm-grounding-dino": lambda: _dino("MMGroundingDino"),
    "owlv2": _owl,
    "omdet-turbo": omdet,
    "sam3": _sam3,
    "sam3-lite-text": sam3_lite_text,
}
KINDS = tuple(_MAKERS)


def _save_processor(kind: str, folder: Path) -> None:
    """The tokenizer, and what says how images are made ready; SAM 3 needs nothing of the
    second.
    """
    if kind.endswith("dino"):
        images = transformers.GroundingDinoImageProcessorPil(
            size={"shortest_edge": 96, "longest_edge": 160}
        )
        transformers.GroundingDinoProcessor(images, bert_tokenizer()).save_pretrained(folder)
    elif kind == "owlv2":
        images = transformers.Owlv2ImageProcessorPil(size={"height": 96, "width": 96})
        transformers.Owlv2Processor(images, clip_tokenizer(16)).save_pretrained(folder)
    elif kind == "omdet-turbo":
        size = {"height": 96, "width": 96}
        transformers.DetrImageProcessorPil(size=size).save_pretrained(folder)
        clip_tokenizer(48).save_pretrained(folder)
    else:
        clip_tokenizer(32).save_pretrained(folder)


def beside_a_tracker(detector: Any, folder: Path) -> None:
    """Save SAM 3's detector again as it is published: in one network with its tracker of
    videos.
    """
    tracker = small_model("sam3")
    config = transformers.Sam3VideoConfig(
        detector_config=detector.config.to_dict(), tracker_config=tracker.config.to_dict()
    )
    whole = transformers.Sam3VideoModel(config)
    whole.detector_model.load_state_dict(detector.state_dict())
    whole.save_pretrained(folder)
    path = folder / "model.safetensors"
    # The library writes this prefix twice; the published file has it once.
    state = {
        key.replace("tracker_model.tracker_model", "tracker_model"): value
        for key, value in load_file(path).items()
    }
    save_file(state, path, metadata={"format": "pt"})
