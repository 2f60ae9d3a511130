"""nano's stages in onnxruntime, on a processor: float32, or convolutions of 8-bit integers.

On processors without bfloat16 its convolutions are faster than torch's.  Graphs are made from
the weights in memory when the model is loaded.  All that passes between stages is float32.
"""

from functools import cached_property, partial
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from vseg.models.nano.encoder import WIDTHS
from vseg.models.nano.network import KEY, NEAR_KEY
from vseg.models.nano.object_decoder import BASE, SKIPS, VALUE, DecodedMasks, Encoded
from vseg.models.nano.runtimes.int8_scales import Int8Scales
from vseg.models.nano.runtimes.int8_writer import Quantisation
from vseg.models.nano.runtimes.onnx_decoder import OnnxDecoder
from vseg.models.nano.runtimes.onnx_session import OnnxSession
from vseg.models.nano.runtimes.prompt_graph import prompt_graph
from vseg.models.nano.runtimes.reading import read_by
from vseg.models.nano.runtimes.runtime import EncodedImages, EncodeImages
from vseg.models.nano.runtimes.stage_graphs import stage_graphs
from vseg.models.nano.runtimes.torch_runtime import TorchRuntime
from vseg.models.nano.windows import STEP
from vseg.ops.torch_threads import usual_torch_threads
from vseg.tensors import MemoryPart

_STEP_OF_INTEGERS = 4
"""Cells between window sizes: onnxruntime compiles nothing for a size, as oneDNN does.  Ten
synthetic objects have windows of 3500 cells in 4.7 batches at steps of 8, 2800 in 7.3 at 4,
2400 in 9.3 at 2; a batch costs as much as 130 cells."""


class _Prompted(NamedTuple):
    """What decodes prompts."""

    encoder: OnnxSession
    decoder: OnnxDecoder


class OnnxRuntime:
    """Implements `vseg.models.nano.runtimes.runtime.Runtime`.

    torch_runtime: of the same weights, in float32 on the processor; it moves masks.  scales:
    for 8-bit integers.
    """

    def __init__(self, torch_runtime: TorchRuntime, scales: Int8Scales | None = None) -> None:
        self.name = "onnx" if scales is None else "onnx-int8"
        self.device = torch_runtime.device
        self.dtype = torch_runtime.dtype
        self.temperature = torch_runtime.temperature
        self.encoder_sha256 = torch_runtime.encoder_sha256
        self._step = STEP if scales is None else _STEP_OF_INTEGERS
        self._threads = usual_torch_threads()
        net = torch_runtime.net
        # Of the network in torch only these are kept: the rest has 7 of its 9 MiB.
        self._local = net.local
        self._prompt = net.prompt, net.prompted
        quantisation = Quantisation() if scales is None else scales.of(net)
        graphs = stage_graphs(net, quantisation)
        self._decoder = OnnxDecoder(net.decoder, quantisation, self._threads, self._step)
        self._encoder = graphs.pop("encode")
        self._encoders: dict[int, OnnxSession] = {}
        self._stages = {n: OnnxSession(graph, self._threads) for n, graph in graphs.items()}

    def encode(self, images: UInt8[Tensor, "B 3 H W"]) -> EncodedImages:
        """One run of the image encoder; colours are normalised in the graph."""
        return self._encode(self._threads, images)

    @property
    def background_encode(self) -> EncodeImages | None:
        """None of a single thread."""
        return partial(self._encode, self._threads // 2) if self._threads > 1 else None

    def _encode(self, threads: int, images: UInt8[Tensor, "B 3 H W"]) -> EncodedImages:
        b, _, height, width = images.shape
        h, w = height // 16, width // 16
        made = self._encoder_of(threads).run(
            {"pixels": images.permute(0, 2, 3, 1)},
            {
                "skip4": (b, SKIPS[0], 4 * h, 4 * w),
                "skip8": (b, SKIPS[1], 2 * h, 2 * w),
                "base": (b, BASE, h, w),
                "key": (b, KEY, h, w),
                "local_key": (b, NEAR_KEY, 2 * h, 2 * w),
                "f8": (b, WIDTHS[1], 2 * h, 2 * w),
                "f16": (b, WIDTHS[2], h, w),
            },
        )
        f8 = made.pop("f8")
        f16 = made.pop("f16")
        return EncodedImages(Encoded(**made), f8, f16)

    def _encoder_of(self, threads: int) -> OnnxSession:
        """A session has 9 MiB and its own threads, and most programs use one of the two."""
        if threads not in self._encoders:
            self._encoders[threads] = OnnxSession(self._encoder, threads)
        return self._encoders[threads]

    def read(
        self,
        query: Float[Tensor, "C Q"],
        key: Float[Tensor, "C M"],
        part: MemoryPart,
    ) -> tuple[Float[Tensor, "N V Q"], Float[Tensor, " Q"]]:
        """Two products of matrices; where objects share values, only their weights here."""
        cells, remembered = query.shape[1], key.shape[1]
        inputs = {"query": query, "key": key}
        if part.own:
            shape = {"affinity": (remembered, cells)}
            return read_by(self._stages["affinity"].run(inputs, shape)["affinity"], part)
        rows = part.values.flatten(0, 1)
        made = self._stages["read"].run(
            inputs | {"values": rows}, {"total": (cells, len(rows)), "weight": (cells,)}
        )
        return made["total"].T.view(part.values.shape[0], -1, cells), made["weight"]

    def warp_prior(
        self,
        frame: Encoded,
        before: Float[Tensor, "1 32 h8 w8"],
        masks: Float[Tensor, "N 1 h4 w4"],
        competitors: Bool[Tensor, "N N"],
    ) -> Float[Tensor, "N 3 h4 w4"]:
        """In torch, whose views of a window need no copies: two thirds of the time."""
        return self._local.warp_prior(frame.local_key, before, masks, competitors)

    def decode(
        self,
        readout: Float[Tensor, "N 64 h w"],
        frame: Encoded,
        prior: Float[Tensor, "N 3 h4 w4"],
    ) -> DecodedMasks:
        """The decoder of tracked objects."""
        return self._decoder.decode(readout, frame, prior)

    def remember(
        self, base: Float[Tensor, "1 64 h w"], masks: Float[Tensor, "N 1 h4 w4"]
    ) -> Float[Tensor, "N 64 h w"]:
        """The value encoder."""
        values = (len(masks), VALUE, *base.shape[2:])
        run = self._stages["remember"].run
        return run({"base": base, "mask": masks}, {"values": values})["values"]

    def decode_prompts(
        self,
        frame: Encoded,
        maps: Float[Tensor, "N 3 h4 w4"],
        prior: Float[Tensor, "N 1 h4 w4"],
        conditioned: Float[Tensor, "N 64 h w"] | None,
    ) -> DecodedMasks:
        """The prompt encoder, and the decoder of prompted objects; both in float32."""
        inputs = {"base": frame.base, "key": frame.key, "maps": maps, "prior": prior}
        shape = {"values": (len(maps), VALUE, *frame.base.shape[2:])}
        values = self._prompted.encoder.run(inputs, shape)["values"]
        if conditioned is not None:
            values += conditioned
        return self._prompted.decoder.decode(values, frame, torch.cat([prior, maps], dim=1))

    @cached_property
    def _prompted(self) -> _Prompted:
        """Made where it is needed: who resumes a run has no use for it."""
        encoder, decoder = self._prompt
        return _Prompted(
            OnnxSession(prompt_graph(encoder), self._threads),
            OnnxDecoder(decoder, Quantisation(), self._threads, self._step),
        )
