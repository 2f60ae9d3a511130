"""nano's weights file: read into a model that is ready, and written.

Enters: a safetensors file of fp16 weights.  Leaves: a Nano on one device; the weights shipped
with the package are the default.
"""

import hashlib
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vseg.errors import WeightsMismatch, WeightsMissing
from vseg.io.files import given_path
from vseg.models.nano.model import Nano
from vseg.models.nano.network import NanoNet
from vseg.models.nano.runtimes.choose import open_runtime
from vseg.models.nano.runtimes.int8_scales import ScalesFile, scales_of
from vseg.models.nano.shipped import WEIGHTS
from vseg.weights.device import open_device
from vseg.weights.tensor_file import save_tensors


def load_nano(
    path: Path | str | None = None,
    *,
    device: str = "cpu",
    dtype: str = "auto",
    runtime: str = "auto",
    short_side: int = 384,
) -> Nano:
    """nano with the weights at `path`, or those shipped with the package.

    dtype: "float32", "bfloat16", or "auto": bfloat16 on CUDA and on CPUs that multiply it
    natively.  runtime: "torch", "onnx", "onnx-int8", or "auto": the fastest on this processor.
    Raises WeightsMissing, WeightsMismatch, DeviceMissing, ModelError without onnxruntime,
    UsageError.
    """
    path = WEIGHTS if path is None else given_path(path, "weights")
    net = NanoNet()
    digest = load_weights(net, path)
    place = open_device(device)
    scales = ScalesFile(scales_of(path), digest)
    opened = open_runtime(net, place, dtype, runtime, scales)
    return Nano(opened, digest, short_side=short_side)


def save_nano(net: NanoNet, path: Path, metadata: dict[str, str]) -> None:
    """Write the weights as safetensors, fp16: half the size; the network runs in bf16 or
    fp32.
    """
    state = {k: _portable(v) for k, v in net.state_dict().items()}
    save_tensors(state, path, {"architecture": "nano", **metadata})


def _portable(tensor: Tensor) -> Tensor:
    return tensor.half().contiguous() if tensor.is_floating_point() else tensor.contiguous()


def load_weights(net: NanoNet, path: Path) -> str:
    """The file's SHA-256; its weights are then in `net`.  Raises WeightsMissing,
    WeightsMismatch.
    """
    if not path.is_file():
        raise WeightsMissing(
            f"no weights at {path}", hint="reinstall vseg, or give --weights FILE"
        )
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise WeightsMismatch(f"{path} is not a readable safetensors file: {error}") from error
    try:
        net.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
        )
    except RuntimeError as error:
        raise WeightsMismatch(f"{path} does not hold nano's weights: {error}") from error
    return hashlib.sha256(path.read_bytes()).hexdigest()
