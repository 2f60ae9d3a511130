"""Writes sam_official.npz: names, shapes and logits of the published predictors' own modules.

Run it where the sources of github.com/facebookresearch/sam2 (package `sam2`, with hydra-core
and iopath) can be imported and `perceiver.py` of github.com/facebookresearch/EdgeTAM lies on
the path:

    PYTHONPATH=SAM2:EDGETAM/sam2/modeling python tests/golden/make_sam_official.py

The file holds the names and shapes of every tensor of each published architecture, and what
the published video predictor makes of a few frames with a small network whose weights are
drawn by a rule.  Weights, frames and prompts are drawn again by the test.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).with_name("sam_official.npz")
SIDE = 128
WIDTH = 128
THIN = 64
"""Pixels of the small network's images; channels of its features and of its memory."""
FRAMES = 12
KEPT = (0, 1, 2, 5, 8, 11)
"""Frames tracked, which fill a memory of seven; those whose logits the file holds."""
LATENTS = 8
GRID = 16
"""Tokens of the small perceiver."""
CLICK = (50.0, 40.0)
BOX = (20.0, 30.0, 90.0, 100.0)
DISC = (70, 60, 30)
"""Prompts of objects 1, 2 and 3 on frame 0: a point, a box, a mask (row, column, radius)."""

LOUD = (
    ".cross_attn_image.",
    "mask_downsampler.encoder.12.",
    "obj_ptr_proj.",
    "memory_encoder.out_proj",
)
"""Weights drawn larger: else random memories hardly matter, and all objects soon look alike.
"""

PUBLISHED = {
    "sam2-tiny": "configs/sam2/sam2_hiera_t.yaml",
    "sam2.1-tiny": "configs/sam2.1/sam2.1_hiera_t.yaml",
    "sam2.1-small": "configs/sam2.1/sam2.1_hiera_s.yaml",
    "sam2.1-base-plus": "configs/sam2.1/sam2.1_hiera_b+.yaml",
    "sam2.1-large": "configs/sam2.1/sam2.1_hiera_l.yaml",
}
Shapes = Iterable[tuple[str, tuple[int, ...]]]


def film() -> np.ndarray:
    """Drifting blocks of colour, (FRAMES, SIDE, SIDE, 3) uint8."""
    blocks = np.random.RandomState(0).randint(0, 255, (16, 16, 3)).astype(np.uint8)
    image = blocks.repeat(SIDE // 16, 0).repeat(SIDE // 16, 1)
    return np.stack([np.roll(image, (2 * t, 3 * t), (0, 1)) for t in range(FRAMES)])


def disc() -> np.ndarray:
    """Object 3's mask, (SIDE, SIDE) bool."""
    row, column, radius = DISC
    rows, columns = np.mgrid[:SIDE, :SIDE]
    inside: np.ndarray = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
    return inside


def memory_map() -> np.ndarray:
    """What the perceiver is given, (1, THIN, 8, 8) float32."""
    return np.random.RandomState(5).standard_normal((1, THIN, 8, 8)).astype(np.float32)


def drawn(shapes: Shapes) -> dict[str, np.ndarray]:
    """A value for each tensor: matrices keep the size of what passes, gains are near one."""
    source = np.random.RandomState(3)
    values = {}
    for name, shape in shapes:
        noise = source.standard_normal(shape)
        if len(shape) > 1 and not any(
            part in name for part in ("embed", "enc", "latents", "token")
        ):
            noise = noise / np.sqrt(np.prod(shape[1:]))
        elif "norm" in name and name.endswith("weight"):
            noise = 1 + 0.2 * noise
        else:
            noise = 0.3 * noise
        if name.endswith(".weight") and any(part in name for part in LOUD):
            noise = 4 * noise
        if name == "sam_mask_decoder.pred_obj_score_head.layers.2.bias":
            noise = noise + 2  # else most random objects are absent, and their masks empty
        values[name] = noise.astype(np.float32)
    return values


def written(shapes: Shapes) -> str:
    """Names and shapes as one text."""
    return "\n".join(f"{name} {','.join(map(str, shape))}" for name, shape in shapes)


def read(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """What `written` wrote."""
    lines = [line.partition(" ") for line in text.splitlines()]
    return [(name, tuple(int(s) for s in sizes.split(",") if s)) for name, _, sizes in lines]


def shapes_of(net: Any) -> list[tuple[str, tuple[int, ...]]]:
    """Every tensor of a module."""
    return [(name, tuple(tensor.shape)) for name, tensor in net.state_dict().items()]


SMALL = [
    f"++model.image_size={SIDE}",
    "++model.image_encoder.trunk.embed_dim=16",
    "++model.image_encoder.trunk.num_heads=1",
    "++model.image_encoder.trunk.stages=[1,1,2,1]",
    "++model.image_encoder.trunk.global_att_blocks=[3]",
    "++model.image_encoder.trunk.window_spec=[4,4,4,4]",
    "++model.image_encoder.trunk.window_pos_embed_bkg_spatial_size=[4,4]",
    f"++model.image_encoder.neck.d_model={WIDTH}",
    f"++model.image_encoder.neck.position_encoding.num_pos_feats={WIDTH}",
    "++model.image_encoder.neck.backbone_channel_list=[128,64,32,16]",
    f"++model.memory_attention.d_model={WIDTH}",
    "++model.memory_attention.num_layers=2",
    f"++model.memory_attention.layer.d_model={WIDTH}",
    "++model.memory_attention.layer.dim_feedforward=32",
    f"++model.memory_attention.layer.self_attention.embedding_dim={WIDTH}",
    "++model.memory_attention.layer.self_attention.feat_sizes=[8,8]",
    f"++model.memory_attention.layer.cross_attention.embedding_dim={WIDTH}",
    "++model.memory_attention.layer.cross_attention.feat_sizes=[8,8]",
    f"++model.memory_attention.layer.cross_attention.kv_in_dim={THIN}",
    f"++model.memory_encoder.out_dim={THIN}",
    f"++model.memory_encoder.in_dim={WIDTH}",
    f"++model.memory_encoder.position_encoding.num_pos_feats={THIN}",
    f"++model.memory_encoder.mask_downsampler.embed_dim={WIDTH}",
    f"++model.memory_encoder.fuser.layer.dim={WIDTH}",
    "++model.fill_hole_area=0",
    "++model.binarize_mask_from_pts_for_mem_enc=true",
    "++model.sam_mask_decoder_extra_args.dynamic_multimask_via_stability=true",
    "++model.sam_mask_decoder_extra_args.dynamic_multimask_stability_delta=0.05",
    "++model.sam_mask_decoder_extra_args.dynamic_multimask_stability_thresh=0.98",
]


def perceiver(dim: int, latents: int, grid: int) -> Any:
    """EdgeTAM's perceiver as its configuration has it, of any width."""
    import torch
    from perceiver import PerceiverResampler  # type: ignore[import-not-found]
    from sam2.modeling.position_encoding import PositionEmbeddingSine  # type: ignore[import-not-found]

    torch.manual_seed(0)
    return PerceiverResampler(
        **{"dim": dim, "depth": 2, "dim_head": dim, "heads": 1, "ff_mult": 4},
        **{"hidden_dropout_p": 0.0, "attention_dropout_p": 0.0, "pos_enc_at_key_value": True},
        **{"num_latents": latents, "num_latents_2d": grid, "use_self_attn": True},
        position_encoding=PositionEmbeddingSine(num_pos_feats=dim),
    ).eval()


def filled(net: Any) -> Any:
    """The module with drawn weights."""
    import torch

    net.load_state_dict({k: torch.from_numpy(v) for k, v in drawn(shapes_of(net)).items()})
    return net


def tracked(predictor: Any) -> np.ndarray:
    """Low-resolution logits of the three objects on the kept frames."""
    import torch
    from sam2 import sam2_video_predictor as module  # type: ignore[import-not-found]

    mean, std = (
        torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    images = torch.from_numpy(film()).permute(0, 3, 1, 2).float() / 255
    module.load_video_frames = lambda **_: ((images - mean) / std, SIDE, SIDE)
    state = predictor.init_state("")
    predictor.add_new_points_or_box(state, 0, 1, points=[CLICK], labels=[1])
    predictor.add_new_points_or_box(state, 0, 2, box=BOX)
    predictor.add_new_mask(state, 0, 3, disc())
    for _ in predictor.propagate_in_video(state):
        pass
    found = []
    for each in state["output_dict_per_obj"].values():
        outputs = each["cond_frame_outputs"] | each["non_cond_frame_outputs"]
        found.append(torch.stack([outputs[t]["pred_masks"][0, 0] for t in KEPT]))
    return torch.stack(found).numpy()


def main() -> None:
    """Ask the published modules and write the file."""
    import torch
    from sam2.build_sam import (  # type: ignore[import-not-found]
        build_sam2,
        build_sam2_video_predictor,
    )

    arrays: dict[str, Any] = {}
    for name, config in PUBLISHED.items():
        net = build_sam2(config, None, device="cpu")
        arrays[name] = written(shapes_of(net))
    # EdgeTAM: SAM 2's modules with two layers of memory attention, timm's encoder, and the
    # perceiver.
    changes = ["++model.memory_attention.num_layers=2"]
    edge = build_sam2(
        PUBLISHED["sam2-tiny"], None, device="cpu", hydra_overrides_extra=changes
    )
    shapes = [each for each in shapes_of(edge) if not each[0].startswith("image_encoder.")]
    for level, channels in enumerate((384, 192, 96, 48)):
        at = f"image_encoder.neck.convs.{level}.conv."
        shapes += [(f"{at}weight", (256, channels, 1, 1)), (f"{at}bias", (256,))]
    with np.load(GOLDEN.with_name("repvit.npz")) as golden:
        trunk = read(str(golden["names"]))
    shapes += [(f"image_encoder.trunk.body.{name}", shape) for name, shape in trunk]
    shapes += [(f"spatial_perceiver.{n}", s) for n, s in shapes_of(perceiver(64, 256, 256))]
    arrays["edgetam"] = written(shapes)

    with torch.no_grad():
        small = build_sam2_video_predictor(
            PUBLISHED["sam2.1-tiny"],
            None,
            device="cpu",
            hydra_overrides_extra=SMALL,
            apply_postprocessing=False,
        )
        arrays["small"] = written(shapes_of(small))
        logits = tracked(filled(small).eval())
        few = filled(perceiver(THIN, LATENTS, GRID))
        arrays["perceiver"] = written(shapes_of(few))
        where = small.memory_encoder.position_encoding(torch.from_numpy(memory_map()))
        latents, positions = few(torch.from_numpy(memory_map()), where)
    arrays |= {"latents": latents.numpy(), "positions": positions.numpy()}
    arrays["logits"] = logits[..., ::2, ::2]  # every second row and column is enough to tell
    np.savez_compressed(GOLDEN, **arrays)


if __name__ == "__main__":
    main()
