"""The name of a tensor in the transformers library's network -> its name in the published
checkpoint.

Enters: a name of Sam2VideoModel or EdgeTamVideoModel.  Leaves: one name or several of the
modules of github.com/facebookresearch/sam2 and EdgeTAM, which are numbered where the library's
are spelled out.
"""

import re

_HEAD = (
    r"(iou_prediction_head|pred_obj_score_head|output_hypernetworks_mlps\.\d+|^obj_ptr_proj)\."
)
_DRAWS = r"^(spatial_perceiver\.layers\.\d+)\."
_RULES: tuple[tuple[str, str], ...] = (
    # Parts of the network.
    (r"^vision_encoder\.backbone\.", "image_encoder.trunk."),
    (r"^vision_encoder\.neck\.convs\.(\d+)\.", r"image_encoder.neck.convs.\1.conv."),
    (r"^prompt_encoder\.", "sam_prompt_encoder."),
    (r"^mask_decoder\.", "sam_mask_decoder."),
    (r"^object_pointer_proj\.", "obj_ptr_proj."),
    (r"^temporal_positional_encoding_projection_layer\.", "obj_ptr_tpos_proj."),
    (r"^memory_temporal_positional_encoding$", "maskmem_tpos_enc"),
    (r"^no_memory_embedding$", "no_mem_embed"),
    (r"^no_memory_positional_encoding$", "no_mem_pos_enc"),
    (r"^no_object_pointer$", "no_obj_ptr"),
    (r"^occlusion_spatial_embedding_parameter$", "no_obj_embed_spatial"),
    (
        r"^(shared_image_embedding|sam_prompt_encoder\.shared_embedding)\.positional_embedding$",
        "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
    ),
    # Layers that are numbered where they were published: heads of three, others of two.
    (rf"{_HEAD}layers\.0\.", r"\1.layers.1."),
    (rf"{_HEAD}proj_in\.", r"\1.layers.0."),
    (rf"{_HEAD}proj_out\.", r"\1.layers.2."),
    (r"\.mlp\.proj_in\.", ".mlp.layers.0."),
    (r"\.mlp\.proj_out\.", ".mlp.layers.1."),
    (r"\.mask_embed\.conv1\.", ".mask_downscaling.0."),
    (r"\.mask_embed\.layer_norm1\.", ".mask_downscaling.1."),
    (r"\.mask_embed\.conv2\.", ".mask_downscaling.3."),
    (r"\.mask_embed\.layer_norm2\.", ".mask_downscaling.4."),
    (r"\.mask_embed\.conv3\.", ".mask_downscaling.6."),
    (r"\.upscale_conv1\.", ".output_upscaling.0."),
    (r"\.upscale_layer_norm\.", ".output_upscaling.1."),
    (r"\.upscale_conv2\.", ".output_upscaling.3."),
    # The memory encoder; its downsampler repeats convolution, norm and an activation without
    # weights.
    (r"^memory_encoder\.feature_projection\.", "memory_encoder.pix_feat_proj."),
    (r"^memory_encoder\.projection\.", "memory_encoder.out_proj."),
    (r"\.mask_downsampler\.layers\.0\.conv\.", ".mask_downsampler.encoder.0."),
    (r"\.mask_downsampler\.layers\.0\.layer_norm\.", ".mask_downsampler.encoder.1."),
    (r"\.mask_downsampler\.layers\.1\.conv\.", ".mask_downsampler.encoder.3."),
    (r"\.mask_downsampler\.layers\.1\.layer_norm\.", ".mask_downsampler.encoder.4."),
    (r"\.mask_downsampler\.layers\.2\.conv\.", ".mask_downsampler.encoder.6."),
    (r"\.mask_downsampler\.layers\.2\.layer_norm\.", ".mask_downsampler.encoder.7."),
    (r"\.mask_downsampler\.layers\.3\.conv\.", ".mask_downsampler.encoder.9."),
    (r"\.mask_downsampler\.layers\.3\.layer_norm\.", ".mask_downsampler.encoder.10."),
    (r"\.mask_downsampler\.final_conv\.", ".mask_downsampler.encoder.12."),
    (r"\.memory_fuser\.", ".fuser."),
    (r"\.depthwise_conv\.", ".dwconv."),
    (r"\.pointwise_conv(\d)\.", r".pwconv\1."),
    (r"\.scale$", ".gamma"),
    # EdgeTAM's perceiver and its memory attention.
    (r"^spatial_perceiver\.latents_1d$", "spatial_perceiver.latents"),
    (rf"{_DRAWS}layer_norm_input\.", r"\1.attn.norm_x."),
    (rf"{_DRAWS}layer_norm_latents\.", r"\1.attn.norm_latents."),
    (rf"{_DRAWS}layer_norm_self\.", r"\1.self_attn.norm."),
    (rf"{_DRAWS}cross_attention\.", r"\1.attn."),
    (rf"{_DRAWS}self_attention\.", r"\1.self_attn."),
    (rf"{_DRAWS}((?:self_)?attn)\.q_proj\.", r"\1.\2.to_q."),
    (rf"{_DRAWS}((?:self_)?attn)\.[kv]_proj\.", r"\1.\2.to_kv."),
    (rf"{_DRAWS}((?:self_)?attn)\.o_proj\.", r"\1.\2.to_out."),
    (rf"{_DRAWS}((?:self_)?)mlp\.layer_norm\.", r"\1.\2ff.0."),
    (rf"{_DRAWS}((?:self_)?)mlp\.up_proj\.", r"\1.\2ff.1."),
    (rf"{_DRAWS}((?:self_)?)mlp\.down_proj\.", r"\1.\2ff.3."),
    (r"^(memory_attention\.layers\.\d+)\.mlp\.up_proj\.", r"\1.linear1."),
    (r"^(memory_attention\.layers\.\d+)\.mlp\.down_proj\.", r"\1.linear2."),
    # Words that differ everywhere.
    (r"\.patch_embed\.projection\.", ".patch_embed.proj."),
    (r"\.o_proj\.", ".out_proj."),
    (r"\.layer_norm_final_attn\.", ".norm_final_attn."),
    (r"\.layer_norm(\d?)\.", r".norm\1."),
)
"""Pattern and replacement, applied in this order: a later rule may read what an earlier one
wrote.
"""
_POINTS = "prompt_encoder.point_embed.weight"
_LABELS = 4
_HALVES = re.compile(r"^spatial_perceiver\..*\.([kv])_proj\.weight$")


def published_names(name: str) -> tuple[str, ...]:
    """The published names of the tensors that one tensor of the network is made of, one after
    another.
    """
    if name == _POINTS:  # one row for each label of a point
        return tuple(f"sam_prompt_encoder.point_embeddings.{k}.weight" for k in range(_LABELS))
    for pattern, replacement in _RULES:
        name = re.sub(pattern, replacement, name)
    return (name,)


def in_halves(name: str) -> int | None:
    """Which half of its published tensor a tensor of the network is: keys 0, values 1; None if
    all of it.
    """
    found = _HALVES.match(name)
    return None if found is None else "kv".index(found[1])
