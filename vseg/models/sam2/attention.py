"""Softmax attention of one head, by the fastest exact way of the device.

On a CPU the library's fused attention gains nothing from bf16 at 256 channels, and slows down
where values have fewer channels than keys; plain products over chunks of queries gain twofold
on both counts.  Many small sets of queries, the windows of an image encoder, are one product.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

_CHUNK = 512
"""Queries whose scores are held at once: 512 x 28 736 in bf16 is 28 MiB."""
_KERNELS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""Not cuDNN's, which the library prefers on Hopper GPUs: it refuses values that have fewer
channels than keys, as those of memory have."""


def attend(
    query: Float[Tensor, "A N D"],
    key: Float[Tensor, "B M D"],
    value: Float[Tensor, "B M C"],
    bias: Float[Tensor, "B M"] | None = None,
) -> Float[Tensor, "B N C"]:
    """softmax(query key' + bias) value; queries come scaled, and a single set of them serves
    all rows.
    """
    query = query.expand(len(key), -1, -1)
    if query.is_cuda or torch.compiler.is_compiling():
        return fused(query, key, value, bias)
    if query.shape[1] <= _CHUNK:
        scores = torch.bmm(query, key.transpose(1, 2))
        if bias is not None:
            scores += bias[:, None]
        return torch.bmm(torch.softmax(scores, dim=2, out=scores), value)
    output = query.new_empty(*query.shape[:2], value.shape[2])
    scores = query.new_empty(_CHUNK, key.shape[1])
    biases = [None] * len(key) if bias is None else bias
    for row, added in zip(zip(query, key, value, output, strict=True), biases, strict=True):
        _by_chunks(*row, scores, added)
    return output


def fused(
    query: Float[Tensor, "B N D"],
    key: Float[Tensor, "B M D"],
    value: Float[Tensor, "B M C"],
    bias: Float[Tensor, "B M"] | None = None,
) -> Float[Tensor, "B N C"]:
    """The library's attention.  bias: added to the scores of each key; -inf for one that is
    not there.
    """
    # Without an axis of heads no fused kernel of CUDA takes it, and all scores are written to
    # memory.
    heads = (query[:, None], key[:, None], value[:, None])
    mask = None if bias is None else bias[:, None, None]
    with sdpa_kernel(_KERNELS):
        return F.scaled_dot_product_attention(*heads, attn_mask=mask, scale=1.0)[:, 0]


def _by_chunks(
    query: Float[Tensor, "N D"],
    key: Float[Tensor, "M D"],
    value: Float[Tensor, "M C"],
    output: Float[Tensor, "N C"],
    scores: Float[Tensor, "K M"],
    bias: Float[Tensor, " M"] | None,
) -> None:
    """Fill `output`, with `scores` as the place where every chunk is worked on.

    One place for all chunks: to ask the system for fresh memory each time costs as much as the
    softmax.
    """
    across = key.T
    for start in range(0, len(query), _CHUNK):
        part = slice(start, min(start + _CHUNK, len(query)))
        here = scores[: part.stop - start]
        if bias is None:
            torch.mm(query[part], across, out=here)
        else:
            torch.addmm(bias, query[part], across, out=here)
        torch.softmax(here, dim=1, out=here)
        torch.mm(here, value, out=output[part])
