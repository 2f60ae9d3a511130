"""nano's image encoder: RGB in, features at strides 4, 8 and 16 out.  No state."""

import hashlib

from jaxtyping import Float
from torch import Tensor, nn

from vseg.models.nano.blocks import ConvNorm, Residual

WIDTHS = (32, 64, 128)
_STEM = 24
_DEPTHS = (1, 2, 4)
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class Encoder(nn.Module):
    """Plain residual stages (He et al. 2016) of 32 / 64 / 128 channels; 1.4 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(ConvNorm(3, _STEM, stride=2), nn.ReLU(inplace=True))
        inputs = (_STEM, *WIDTHS[:-1])
        self.stages = nn.ModuleList(
            nn.Sequential(
                ConvNorm(c_in, c_out, stride=2),
                nn.ReLU(inplace=True),
                *(Residual(c_out) for _ in range(depth)),
            )
            for c_in, c_out, depth in zip(inputs, WIDTHS, _DEPTHS, strict=True)
        )

    def forward(
        self, image: Float[Tensor, "B 3 H W"]
    ) -> tuple[
        Float[Tensor, "B C4 H4 W4"],
        Float[Tensor, "B C8 H8 W8"],
        Float[Tensor, "B C16 H16 W16"],
    ]:
        """Features at strides 4, 8, 16 of an image normalised by MEAN and STD; H, W multiples
        of 16.
        """
        x = self.stem(image)
        f4 = self.stages[0](x)
        f8 = self.stages[1](f4)
        return f4, f8, self.stages[2](f8)


def encoder_digest(encoder: Encoder) -> str:
    """SHA-256 over the encoder's weights as they are saved: what was trained on top of it
    names it so.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(encoder.state_dict().items()):
        if tensor.is_floating_point():
            digest.update(name.encode() + tensor.half().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
