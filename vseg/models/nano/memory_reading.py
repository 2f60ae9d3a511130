"""The memory of all objects read by one affinity.

Enters: the keys of a frame and what is remembered.  Leaves: for each object and cell the mean
of the remembered values, weighed by softmax of temperature x cosine.  Cosines are at most 1,
so exp(temperature x (cosine - 1)) needs no maximum, and the sum over an object's own cells is
all that its rows depend on: other objects cannot change them, unless they are look-alikes.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from vseg.models.nano.look_alikes import claimed_channels, expected_channels
from vseg.models.nano.runtimes.runtime import Runtime
from vseg.tensors import LookAlikes, Memory

_MOST_PRODUCTS = 2**21
"""Of a block: 4 MiB in bfloat16.  Blocks of half a million products cost up to 10 % of the
reading with ten objects in float32, these at most 4 %."""
_COLUMNS = 16
"""Two registers of eight floats: products of matrices compute so many columns at once."""


def read_memory(
    runtime: Runtime,
    frame_key: Float[Tensor, "C h w"],
    memory: Memory,
    look_alikes: LookAlikes | None,
) -> Float[Tensor, "O V h w"]:
    """What is remembered of every object, for each cell of a frame."""
    # The subtraction is one more channel of the product, which is rounded only once, close
    # to 0.
    query = frame_key.flatten(1) * runtime.temperature
    query = torch.cat([query, torch.full_like(query[:1], -runtime.temperature)])
    if look_alikes is not None:
        query = torch.cat([query, expected_channels(look_alikes)])
    channels = memory.parts[0].values.shape[1]
    cells = query.shape[1]
    total = query.new_zeros((memory.objects, channels, cells), dtype=torch.float32)
    weight = query.new_zeros((memory.objects, 1, cells), dtype=torch.float32)
    for part in memory.parts:
        key = torch.cat([part.key, torch.ones_like(part.key[:1])])
        if look_alikes is not None:
            key = torch.cat([key, claimed_channels(look_alikes, part)])
        # Nearly always all of them; a list of rows would have them copied twice.
        everyone = len(part.rows) == memory.objects
        rows = slice(None) if everyone else list(part.rows)
        for some in _blocks(cells, key.shape[1], query.device):
            read, weight_read = runtime.read(query[:, some], key, part)
            total[rows, :, some] += read
            weight[rows, :, some] += weight_read
    readout = (total / weight.clamp_min(1e-20)).to(query.dtype)
    return readout.view(memory.objects, channels, *frame_key.shape[1:])


def _blocks(cells: int, remembered: int, device: torch.device) -> list[slice]:
    """The cells in blocks of about equal size that read the memory one after the other: with
    six frames in memory the products of all cells at once are 12 MiB in bfloat16.  On a GPU
    all at once.
    """
    count = -(-cells * remembered // _MOST_PRODUCTS) if device.type == "cpu" else 1
    size = -(-cells // count // _COLUMNS) * _COLUMNS
    return [slice(start, start + size) for start in range(0, cells, size)]
