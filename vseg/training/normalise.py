"""Images as nano's encoder takes them, for every stage that trains on it."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from vseg.models.nano.encoder import MEAN, STD


def normalise(images: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 H W"]:
    """The images with ImageNet's mean at 0 and its deviation at 1."""
    mean = torch.tensor(MEAN, device=images.device).view(3, 1, 1) * 255
    std = torch.tensor(STD, device=images.device).view(3, 1, 1) * 255
    scaled = images.to(memory_format=torch.channels_last, dtype=torch.float32)
    return scaled.sub_(mean).mul_(1 / std)
