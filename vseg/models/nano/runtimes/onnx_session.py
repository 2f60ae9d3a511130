"""One ONNX graph in onnxruntime, called with torch tensors that it reads and writes in place.

Enters: the graph as bytes.  Leaves: outputs in memory that torch owns: nothing is copied.
What graphs need meanwhile is taken from one arena of the process: they run one after another,
and each would keep the most that it ever needed.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import onnxruntime
import torch
from torch import Tensor

from vseg.ops.denormals import denormals_flushed

_NUMPY = {torch.float32: "float32", torch.uint8: "uint8", torch.int64: "int64"}
_SETTINGS = {
    # Threads that wait sleep: beside other processes, a spinning one takes the core of the
    # thread that it waits for.
    "session.intra_op.allow_spinning": "0",
    # As `vseg.ops.denormals` does for torch.
    "session.set_denormal_as_zero": "1",
    "session.use_env_allocators": "1",
}
_ERRORS_ONLY = 3


class OnnxSession:
    """A graph that is ready; may be called by several threads at once."""

    def __init__(self, graph: bytes, threads: int) -> None:
        _register_arena()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = _ERRORS_ONLY
        for name, value in _SETTINGS.items():
            options.add_session_config_entry(name, value)
        providers = ["CPUExecutionProvider"]
        # The first session of a process leaves the thread that makes it so; it is given back.
        with denormals_flushed():
            self._session = onnxruntime.InferenceSession(graph, options, providers=providers)

    def run(
        self, inputs: Mapping[str, Tensor], outputs: Mapping[str, Sequence[int]]
    ) -> dict[str, Tensor]:
        """The outputs by name.  inputs: on the processor.  outputs: the shape of each one."""
        binding = self._session.io_binding()
        # Held until the graph has run: a copy that only makes an input dense has no other
        # owner.
        held = {name: tensor.contiguous() for name, tensor in inputs.items()}
        made = {name: torch.empty(tuple(shape)) for name, shape in outputs.items()}
        for name, tensor in held.items():
            kind = _NUMPY[tensor.dtype]
            binding.bind_input(name, "cpu", 0, kind, tuple(tensor.shape), tensor.data_ptr())
        for name, tensor in made.items():
            shape = tuple(tensor.shape)
            binding.bind_output(name, "cpu", 0, "float32", shape, tensor.data_ptr())
        self._session.run_with_iobinding(binding)
        return made


@cache
def _register_arena() -> None:
    """For this process: the sessions of others, which do not ask for it, keep their own."""
    processor = onnxruntime.OrtMemoryInfo(
        "Cpu",
        onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
        0,
        onnxruntime.OrtMemType.DEFAULT,
    )
    onnxruntime.create_and_register_allocator(processor, onnxruntime.OrtArenaCfg({}))
