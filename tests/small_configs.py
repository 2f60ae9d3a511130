"""Settings that the small random models of the transformers library share."""

from typing import Any

# Every byte, alone or at the end of a word, and the two ends of a text: the vocabulary of
# `tests.grounder_models.clip_tokenizer`.
CLIP_WORDS = {"vocab_size": 514, "bos_token_id": 512, "eos_token_id": 513}
NARROW = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}
CLIP_TEXT = {"model_type": "clip_text_model", **CLIP_WORDS, **NARROW, "projection_dim": 32}
SWIN = {
    "model_type": "swin",
    "embed_dim": 16,
    "depths": [1, 1, 1, 1],
    "num_heads": [1, 1, 2, 2],
    "out_indices": [2, 3, 4],
}
DETR_DECODER = {
    "d_model": 32,
    "num_queries": 20,
    "decoder_layers": 2,
    "decoder_ffn_dim": 32,
}


def sam3_parts(width: int) -> dict[str, Any]:
    """What SAM 3's detectors have beside their encoders of images and of words."""
    layers = {"hidden_size": width, "num_attention_heads": 2}
    deep = {**layers, "num_layers": 1, "intermediate_size": 32}
    return {
        "geometry_encoder_config": deep,
        "detr_encoder_config": deep,
        "detr_decoder_config": {**deep, "num_queries": 12},
        "mask_decoder_config": layers,
    }
