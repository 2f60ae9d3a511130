"""nano's stages as modules of plain tensors: what each ONNX graph computes.

Every graph speaks of masks as logits, 0 where unknown.  One video size, and a fixed number of
memory slots; which slots count is said by `valid`.  The maths is NanoNet's; what stands here
is what stands around it in a session: scaling and normalising images, reading the memory,
enlarging masks.

Axis letters: O objects, F memory slots, (H, W) video pixels, (h, w) (h8, w8) (h4, w4) cells.
"""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, Int64, UInt8
from torch import Tensor, nn

from vseg.models.nano.encoder import MEAN, STD
from vseg.models.nano.local_matching import RADIUS, SPAN
from vseg.models.nano.network import NEAR_KEY, NanoNet
from vseg.models.nano.object_decoder import SKIPS, Encoded
from vseg.models.nano.remembered_values import of_objects, with_background
from vseg.tensors import CERTAIN_LOGIT

Size = tuple[int, int]


class Encode(nn.Module):
    """An image -> its features."""

    def __init__(self, net: NanoNet, model_hw: Size) -> None:
        super().__init__()
        self.net = net
        self.model_hw = model_hw
        self.scale: Tensor
        self.register_buffer("scale", torch.tensor(STD).view(3, 1, 1) * 255)
        self.shift: Tensor
        self.register_buffer("shift", torch.tensor(MEAN).view(3, 1, 1) * 255)

    def forward(
        self, image: UInt8[Tensor, "H W 3"]
    ) -> tuple[
        Float[Tensor, "1 64 h w"],
        Float[Tensor, "1 32 h8 w8"],
        Float[Tensor, "1 64 h w"],
        Float[Tensor, "1 32 h8 w8"],
        Float[Tensor, "1 16 h4 w4"],
    ]:
        """key, local_key, base, skip8, skip4."""
        frame = self.encoded(image)
        return frame.key, frame.local_key, frame.base, frame.skip8, frame.skip4

    def encoded(self, image: UInt8[Tensor, "H W 3"]) -> Encoded:
        """The same, by name.  Bytes are scaled to bytes; runtimes may round one of them
        differently.
        """
        rgb = image.permute(2, 0, 1)[None]
        scaled = F.interpolate(rgb, self.model_hw, mode="bilinear", antialias=True)
        return self.net.encode((scaled.float() - self.shift) / self.scale)


class CoarseMask(nn.Module):
    """An image and one object's prompt maps at half size -> logits at full size."""

    def __init__(self, encode: Encode, logits_hw: Size) -> None:
        super().__init__()
        self.encode = encode
        self.logits_hw = logits_hw

    def forward(
        self, image: UInt8[Tensor, "H W 3"], maps: Float[Tensor, "1 3 hs ws"]
    ) -> Float[Tensor, "1 h4 w4"]:
        """Two looks, the second with the first one's mask as prior."""
        net = self.encode.net
        frame = self.encode.encoded(image)
        prior = torch.zeros_like(maps[:, :1])
        for _ in range(2):
            logits = net.decode_prompts(frame, maps, prior).logits
            prior = _signed(logits)
        large = F.interpolate(
            logits, size=self.logits_hw, mode="bilinear", align_corners=False
        )
        return large[:, 0]


class DecodePrompts(nn.Module):
    """One object's marks, its known mask and what the memory says of it -> its mask."""

    def __init__(self, net: NanoNet) -> None:
        super().__init__()
        self.net = net

    def forward(  # noqa: PLR0913, PLR0917 - the inputs of the graph
        self,
        key: Float[Tensor, "1 64 h w"],
        base: Float[Tensor, "1 64 h w"],
        skip8: Float[Tensor, "1 32 h8 w8"],
        skip4: Float[Tensor, "1 16 h4 w4"],
        maps: Float[Tensor, "1 3 h4 w4"],
        known: Float[Tensor, "1 h4 w4"],
        readout: Float[Tensor, "1 64 h w"],
    ) -> tuple[Float[Tensor, "1 h4 w4"], Float[Tensor, " 1"]]:
        """logits and quality.  known: logits so far.  readout: of `read`; zeros for what is
        not remembered yet.
        """
        frame = _frame(base, key=key, skip8=skip8, skip4=skip4)
        drawn = self.net.decode_prompts(frame, maps, _signed(known)[:, None], readout)
        return drawn.logits[:, 0], drawn.quality.sigmoid()


class MaskPrompts(nn.Module):
    """A mask the user gave -> logits that stand for it."""

    def __init__(self, video_hw: Size, logits_hw: Size) -> None:
        super().__init__()
        self.rows: Tensor
        self.register_buffer("rows", torch.from_numpy(_area_matrix(video_hw[0], logits_hw[0])))
        self.columns: Tensor
        self.register_buffer(
            "columns", torch.from_numpy(_area_matrix(video_hw[1], logits_hw[1]))
        )

    def forward(self, mask: Bool[Tensor, "1 H W"]) -> Float[Tensor, "1 h4 w4"]:
        share = self.rows @ mask.float() @ self.columns.T
        return (2 * share - 1) * CERTAIN_LOGIT


class Remember(nn.Module):
    """Masks on a frame -> values for the memory."""

    def __init__(self, net: NanoNet) -> None:
        super().__init__()
        self.net = net

    def forward(
        self, base: Float[Tensor, "1 64 h w"], logits: Float[Tensor, "O h4 w4"]
    ) -> Float[Tensor, "O 64 h w"]:
        masks = _signed(with_background(logits))[:, None]
        rows = base.expand(masks.shape[0], -1, -1, -1)
        return of_objects(self.net.value(rows, masks))


class Read(nn.Module):
    """Softmax over memory cells of temperature x cosine, one affinity for all objects."""

    def __init__(self, net: NanoNet) -> None:
        super().__init__()
        self.temperature = float(net.temperature)

    def forward(
        self,
        key: Float[Tensor, "1 64 h w"],
        memory_key: Float[Tensor, "F 64 h w"],
        memory_values: Float[Tensor, "O F 64 h w"],
        valid: Bool[Tensor, "O F"],
    ) -> Float[Tensor, "O 64 h w"]:
        """A slot that is not valid has no effect."""
        slots, channels, h, w = memory_key.shape
        remembered = memory_key.permute(0, 2, 3, 1).reshape(slots * h * w, channels)
        affinity = (self.temperature * (remembered @ key[0].flatten(1) - 1)).exp()
        there = valid.to(key.dtype)
        values = (memory_values * there[..., None, None, None]).transpose(1, 2)
        carried = values.reshape(-1, channels, slots * h * w) @ affinity
        weight = there @ affinity.view(slots, h * w, h * w).sum(dim=1)
        return (carried / weight.clamp_min(1e-20)[:, None]).view(-1, channels, h, w)


class WarpPrior(nn.Module):
    """Masks of the frame before -> the prior of `Decode`: as they were, and warped."""

    def __init__(self, net: NanoNet) -> None:
        super().__init__()
        self.local = net.local

    def forward(
        self,
        local_key: Float[Tensor, "1 32 h8 w8"],
        local_key_before: Float[Tensor, "1 32 h8 w8"],
        logits: Float[Tensor, "O h4 w4"],
    ) -> Float[Tensor, "O 3 h4 w4"]:
        """local_key_before: of the frame that the masks are of.  Objects do not compete."""
        masks = _signed(logits)[:, None]
        moved = self._moved(local_key, local_key_before, F.avg_pool2d(masks, 2)[:, 0])[:, None]
        moved = F.interpolate(moved, scale_factor=2.0, mode="bilinear", align_corners=False)
        return torch.cat([masks, moved, torch.zeros_like(masks)], dim=1)

    def _moved(
        self,
        local_key: Float[Tensor, "1 32 h8 w8"],
        local_key_before: Float[Tensor, "1 32 h8 w8"],
        masks: Float[Tensor, "O h8 w8"],
    ) -> Float[Tensor, "O h8 w8"]:
        """LocalMatching, with the adjacent columns picked by number: a third of the time.

        The exporter writes each `diagonal` as a product with a whole unit matrix.
        """
        h, w = local_key.shape[2:]
        rows = F.pad(local_key_before[0], (RADIUS,) * 4).unfold(1, SPAN, 1)  # k, h, wide, span
        rows = rows.permute(1, 0, 3, 2).flatten(2)
        products = (self.local.temperature * local_key[0]).permute(1, 2, 0) @ rows
        columns = _adjacent_columns(w).flatten()
        picked = products.flatten(1)[:, columns].view(h, w, SPAN**2)
        weights = (picked + self.local.bias.flatten()).softmax(dim=2)
        around = F.pad(masks, (RADIUS,) * 4).unfold(1, SPAN, 1).unfold(2, SPAN, 1).flatten(3)
        return (weights * around).sum(dim=3)


class Decode(nn.Module):
    """Readout, frame and prior -> masks and what is believed of them."""

    def __init__(self, net: NanoNet) -> None:
        super().__init__()
        self.decoder = net.decoder

    def forward(
        self,
        readout: Float[Tensor, "O 64 h w"],
        base: Float[Tensor, "1 64 h w"],
        skip8: Float[Tensor, "1 32 h8 w8"],
        skip4: Float[Tensor, "1 16 h4 w4"],
        prior: Float[Tensor, "O 3 h4 w4"],
    ) -> tuple[Float[Tensor, "O h4 w4"], Float[Tensor, " O"], Float[Tensor, " O"]]:
        """logits; quality and presence in [0, 1]."""
        drawn = self.decoder(readout, _frame(base, skip8=skip8, skip4=skip4), prior)
        return drawn.logits[:, 0], drawn.quality.sigmoid(), drawn.presence.sigmoid()


class Enlarge(nn.Module):
    """Logits -> masks of the video's size."""

    def __init__(self, video_hw: Size) -> None:
        super().__init__()
        self.video_hw = video_hw

    def forward(self, logits: Float[Tensor, "O h4 w4"]) -> Bool[Tensor, "O H W"]:
        rows = logits[:, None]
        return (
            F.interpolate(rows, self.video_hw, mode="bilinear", align_corners=False)[:, 0] > 0
        )


def _area_matrix(length: int, target: int) -> Float32[np.ndarray, "target length"]:
    """How OpenCV mixes `target` pixels from `length` pixels of one axis: what it does to
    impulses.
    """
    impulses = np.eye(length, dtype=np.float32)
    mixed = cv2.resize(impulses, (length, target), interpolation=cv2.INTER_AREA)
    return np.asarray(mixed, dtype=np.float32)


def _adjacent_columns(width: int) -> Int64[Tensor, "w D D"]:
    """Where, in a row's products, each cell finds those with the D x D cells around it."""
    cell, row, column = torch.meshgrid(
        torch.arange(width), torch.arange(SPAN), torch.arange(SPAN), indexing="ij"
    )
    wide = width + 2 * RADIUS
    return cell * SPAN * wide + row * wide + cell + column


def _signed(logits: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    return 2 * torch.sigmoid(logits) - 1


def _frame(
    base: Float[Tensor, "1 64 h w"],
    *,
    key: Float[Tensor, "1 64 h w"] | None = None,
    skip8: Float[Tensor, "1 32 h8 w8"] | None = None,
    skip4: Float[Tensor, "1 16 h4 w4"] | None = None,
) -> Encoded:
    """Features of which one stage uses only some; zeros stand for the others."""
    h, w = base.shape[2:]
    return Encoded(
        torch.zeros_like(base) if key is None else key,
        base.new_zeros(1, NEAR_KEY, 2 * h, 2 * w),
        base,
        base.new_zeros(1, SKIPS[1], 2 * h, 2 * w) if skip8 is None else skip8,
        base.new_zeros(1, SKIPS[0], 4 * h, 4 * w) if skip4 is None else skip4,
    )
