"""Small random models of every kind that can teach, written as their own libraries write
them.
"""

import warnings
from pathlib import Path

import torch
import transformers
from torch import Tensor, nn
from transformers.utils import logging


class Strided(nn.Module):
    """Three strided convolutions in the place of a large encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.ModuleList(nn.Conv2d(3, 4, s, s) for s in (4, 8, 16))

    def forward(self, x: Tensor) -> list[Tensor]:
        return [level(x) for level in self.levels]


def torchscript(path: Path, seed: int = 0) -> Strided:
    """Write a TorchScript file; the module that is in it."""
    torch.manual_seed(seed)
    model = Strided().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(model, torch.zeros(1, 3, 64, 64), strict=False)  # type: ignore[no-untyped-call]
        traced.save(path)
    return model


def exported(path: Path, *, dynamic: bool = True) -> None:
    """Write a torch.export file, of any size of images or of one only."""
    torch.manual_seed(0)
    h = torch.export.Dim("h", min=2, max=64)
    w = torch.export.Dim("w", min=2, max=64)
    shapes = ({0: torch.export.Dim("b"), 2: 16 * h, 3: 16 * w},) if dynamic else None
    example = (torch.zeros(2, 3, 64, 96),)
    program = torch.export.export(Strided().eval(), example, dynamic_shapes=shapes)
    torch.export.save(program, path)


def dinov2(folder: Path) -> None:
    """A transformer on patches of 14 that is a backbone."""
    _save(
        transformers.Dinov2Model(
            transformers.Dinov2Config(
                hidden_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                mlp_ratio=1,
                image_size=56,
                patch_size=14,
            )
        ),
        folder,
    )


def vit(folder: Path) -> None:
    """A transformer on patches of 16 that is no backbone and has a class token."""
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=64,
        patch_size=16,
    )
    _save(transformers.ViTModel(config), folder)


def dinov3(folder: Path) -> None:
    """A transformer on patches of 16 with registers, whose tokens come first."""
    config = transformers.DINOv3ViTConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=64,
        patch_size=16,
        num_register_tokens=3,
    )
    _save(transformers.DINOv3ViTModel(config), folder)


def dinov3_convnext(folder: Path) -> None:
    """A convolutional DINOv3 of strides 4, 8, 16 and 32."""
    config = transformers.DINOv3ConvNextConfig(
        hidden_sizes=[4, 6, 8, 10], depths=[1, 1, 1, 1], image_size=64
    )
    _save(transformers.DINOv3ConvNextModel(config), folder)


def convnext(folder: Path) -> None:
    """A convolutional backbone of strides 4, 8, 16 and 32."""
    config = transformers.ConvNextConfig(hidden_sizes=[4, 6, 8, 10], depths=[1, 1, 1, 1])
    _save(transformers.ConvNextModel(config), folder)


def sam2(folder: Path) -> None:
    """A whole SAM 2 with a pyramid of 16 channels."""
    hiera = transformers.Sam2HieraDetConfig(
        hidden_size=8,
        num_attention_heads=1,
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 2, 2],
        window_size_per_stage=[8, 4, 14, 7],
        global_attention_blocks=[3],
        image_size=[64, 64],
    )
    vision = transformers.Sam2VisionConfig(
        backbone_config=hiera,
        backbone_channel_list=[64, 32, 16, 8],
        fpn_hidden_size=16,
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
    )
    decoder = {
        "hidden_size": 16,
        "mlp_dim": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "iou_head_hidden_dim": 16,
    }
    config = transformers.Sam2Config(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": 16, "image_size": 64},
        mask_decoder_config=decoder,
    )
    _save(transformers.Sam2Model(config), folder)


def _save(model: nn.Module, folder: Path) -> None:
    """As save_pretrained does, but with weights large enough that what a cell sees shows in
    it.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.normal_(0, 0.2, generator=generator)
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    model.save_pretrained(folder)  # type: ignore[operator]
    if bars:
        logging.enable_progress_bar()
