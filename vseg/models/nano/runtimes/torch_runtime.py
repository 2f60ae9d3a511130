"""nano's stages in torch: on every device, in bfloat16 where the processor multiplies it."""

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from vseg.models.nano.blocks import fold_batch_norms
from vseg.models.nano.encoder import MEAN, STD, encoder_digest
from vseg.models.nano.network import NanoNet
from vseg.models.nano.object_decoder import DecodedMasks, Encoded
from vseg.models.nano.runtimes.reading import read_by
from vseg.models.nano.runtimes.runtime import EncodedImages, EncodeImages
from vseg.ops.torch_threads import fewer_torch_threads, usual_torch_threads
from vseg.tensors import MemoryPart


class TorchRuntime:
    """Implements `vseg.models.nano.runtimes.runtime.Runtime`; takes the network over."""

    name = "torch"

    def __init__(self, net: NanoNet, device: torch.device, dtype: torch.dtype) -> None:
        self.device = device
        self.dtype = dtype
        threads = usual_torch_threads()
        # In bfloat16, which rounds the sums of an encoder alike whatever the threads.
        self._beside = device.type == "cpu" and dtype is torch.bfloat16 and threads > 1
        # Of an object's stages, always: another number of threads rounds their sums otherwise.
        self._tracking_threads = threads - threads // 2 if self._beside else threads
        net.eval().requires_grad_(False)
        self.temperature = float(net.temperature)
        self.encoder_sha256 = encoder_digest(net.encoder)
        fold_batch_norms(net)
        self.net: NanoNet = net.to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._scale = torch.tensor(STD, device=device) * 255
        self._shift = torch.tensor(MEAN, device=device) * 255

    def encode(self, images: UInt8[Tensor, "B 3 H W"]) -> EncodedImages:
        """One pass of the image encoder."""
        f4, f8, f16 = self.net.encoder(self._normal(images))
        return EncodedImages(self.net.project(f4, f8, f16), f8, f16)

    @property
    def background_encode(self) -> EncodeImages | None:
        """None of a single thread, off the processor, and in float32."""
        return self.encode if self._beside else None

    def _normal(self, images: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 H W"]:
        """Mean 0 and deviation 1 per colour, by whole rows of interleaved colours: 4 times as
        fast.
        """
        pixels = images.permute(0, 2, 3, 1)
        width = pixels.shape[2]
        rows = (pixels.flatten(2) - self._shift.repeat(width)) / self._scale.repeat(width)
        return rows.to(self.dtype).view(pixels.shape).permute(0, 3, 1, 2)

    def read(
        self,
        query: Float[Tensor, "C Q"],
        key: Float[Tensor, "C M"],
        part: MemoryPart,
    ) -> tuple[Float[Tensor, "N V Q"], Float[Tensor, " Q"]]:
        """Products of matrices."""
        with fewer_torch_threads(self._tracking_threads):
            return read_by((key.T @ query).exp_(), part)

    def warp_prior(
        self,
        frame: Encoded,
        before: Float[Tensor, "1 32 h8 w8"],
        masks: Float[Tensor, "N 1 h4 w4"],
        competitors: Bool[Tensor, "N N"],
    ) -> Float[Tensor, "N 3 h4 w4"]:
        """The network's own."""
        with fewer_torch_threads(self._tracking_threads):
            return self.net.local.warp_prior(frame.local_key, before, masks, competitors)

    def decode(
        self,
        readout: Float[Tensor, "N 64 h w"],
        frame: Encoded,
        prior: Float[Tensor, "N 3 h4 w4"],
    ) -> DecodedMasks:
        """The network's own, with channels last: the layout of its weights."""
        with fewer_torch_threads(self._tracking_threads):
            decoded: DecodedMasks = self.net.decoder(
                readout.contiguous(memory_format=torch.channels_last),
                frame,
                prior.contiguous(memory_format=torch.channels_last),
                windowed=self.device.type == "cpu",
            )
        return decoded

    def remember(
        self, base: Float[Tensor, "1 64 h w"], masks: Float[Tensor, "N 1 h4 w4"]
    ) -> Float[Tensor, "N 64 h w"]:
        """The network's own."""
        with fewer_torch_threads(self._tracking_threads):
            return torch.as_tensor(self.net.value(base.expand(len(masks), -1, -1, -1), masks))

    def decode_prompts(
        self,
        frame: Encoded,
        maps: Float[Tensor, "N 3 h4 w4"],
        prior: Float[Tensor, "N 1 h4 w4"],
        conditioned: Float[Tensor, "N 64 h w"] | None,
    ) -> DecodedMasks:
        """The network's own."""
        windowed = self.device.type == "cpu"
        with fewer_torch_threads(self._tracking_threads):
            return self.net.decode_prompts(frame, maps, prior, conditioned, windowed)
