"""A decoder of nano in onnxruntime: its coarse half, its windows, its belief in the masks.

Enters: values of objects and a frame.  Leaves: their masks, as `object_decoder.Decoder` gives
them.
"""

from jaxtyping import Float
from torch import Tensor

from vseg.models.nano.object_decoder import (
    BASE,
    EMBEDDING,
    CoarseDecoded,
    DecodedMasks,
    Decoder,
    Encoded,
    refined_in_windows,
)
from vseg.models.nano.runtimes.decoder_graphs import decoder_graphs
from vseg.models.nano.runtimes.int8_writer import Quantisation
from vseg.models.nano.runtimes.onnx_session import OnnxSession


class OnnxDecoder:
    """Three graphs of one decoder.  step: cells between window sizes."""

    def __init__(
        self, decoder: Decoder, quantisation: Quantisation, threads: int, step: int
    ) -> None:
        self._step = step
        graphs = decoder_graphs(decoder, quantisation)
        self._stages = {name: OnnxSession(graph, threads) for name, graph in graphs.items()}

    def decode(
        self,
        readout: Float[Tensor, "N 64 h w"],
        frame: Encoded,
        prior: Float[Tensor, "N P h4 w4"],
    ) -> DecodedMasks:
        """Masks of objects of one frame."""
        n, _, h, w = readout.shape
        made = self._stages["deep"].run(
            {"readout": readout, "base": frame.base, "prior": prior},
            {"x": (n, BASE, h, w), "mean": (n, BASE), "coarse": (n, 1, h, w)},
        )
        found = CoarseDecoded(**made)
        logits = refined_in_windows(self._refine, found, frame, prior, self._step)
        judged = self._stages["judge"].run(
            {"x": found.x, "mean": found.mean, "base": frame.base, "logits": logits},
            {"scores": (n, 2), "identity": (n, EMBEDDING)},
        )
        quality, presence = judged["scores"].unbind(1)
        return DecodedMasks(logits, found.coarse, quality, presence, judged["identity"])

    def _refine(
        self,
        x: Float[Tensor, "N 64 h w"],
        skip8: Float[Tensor, "#N 32 h8 w8"],
        skip4: Float[Tensor, "#N 16 h4 w4"],
        prior: Float[Tensor, "N P h4 w4"],
    ) -> Float[Tensor, "N 1 h4 w4"]:
        inputs = {"x": x, "skip8": skip8, "skip4": skip4, "prior": prior}
        logits = (len(x), 1, *prior.shape[2:])
        return self._stages["refine"].run(inputs, {"logits": logits})["logits"]
