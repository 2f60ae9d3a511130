"""A folder -> a model of the SAM 2 family on a device, after checking that it can run
there.
"""

from pathlib import Path

from vseg.models.sam2.compiled import CompiledSam
from vseg.models.sam2.files import read_parts
from vseg.models.sam2.model import Sam
from vseg.weights.device import open_device, open_dtype
from vseg.weights.memory_check import check_free_memory
from vseg.weights.weight_files import weight_files

_SMALLER = (
    "take a smaller model (edgetam, sam2.1-tiny, nano) or free memory; what a video's "
    "objects need beside it is bounded by --memory-budget MIB"
)


def load_sam(
    folder: Path,
    name: str,
    *,
    device: str = "cpu",
    dtype: str = "auto",
    compiled: bool = False,
) -> Sam:
    """The model saved in a folder by the transformers library, called `name`.

    dtype: "float32", "bfloat16" or "auto": float32 on a CPU, where bfloat16 is faster but was
    never compared on real video, and bfloat16 on CUDA, as the published predictor runs.
    compiled: with stages that are compiled when first used.  Raises DeviceMissing,
    WeightsMissing, WeightsMismatch, UsageError, and ModelError for lack of memory.
    """
    place = open_device(device)
    numbers = open_dtype(dtype, place)
    check_free_memory(name, weight_files(folder), place, hint=_SMALLER)
    kind = CompiledSam if compiled else Sam
    return kind(read_parts(folder, name), device=place, dtype=numbers)
