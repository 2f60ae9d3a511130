"""One object memorised on one image and decoded on others by its appearance: dense matching.

Enters: a model with an affinity memory, the features of the image, the object's mask.  Leaves:
a function from the features of another image to the mask there.  The memory holds that one
frame; where on it the object lay is not used.
"""

from jaxtyping import Float
from torch import Tensor

from vseg.interfaces.affinity_model import AffinityModel
from vseg.interfaces.promptable_model import Recall
from vseg.tensors import Decoded, Features, Memory, MemoryPart


def memorised(
    model: AffinityModel, features: Features, logits: Float[Tensor, "1 h4 w4"]
) -> Recall:
    """What decodes the object of this mask on other images."""
    values = model.encode_memory(features, logits)
    part = MemoryPart(
        features.key.flatten(1).contiguous(), values.flatten(2).contiguous(), (0,)
    )
    memory = Memory(1, (part,))

    def recall(other: Features) -> Decoded:
        unknown = logits.new_zeros((1, *other.map_hw))
        readout = model.condition(other, memory)
        return model.decode(other, readout, model.warp_prior(other, None, unknown))

    return recall
