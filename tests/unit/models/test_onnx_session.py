"""A graph in onnxruntime, called with torch tensors."""

import subprocess
import sys

import pytest

PROGRAM = """
import torch
from pathlib import Path
from vseg.models.nano.runtimes.onnx_session import OnnxSession
from vseg.models.nano.runtimes.onnx_writer import OnnxWriter

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def graph():
    writer = OnnxWriter("sum")
    x = writer.input("x", ("n", "m"))
    large = writer.node("MatMul", writer.node("Transpose", x, perm=(1, 0)), x)
    writer.output("y", writer.node("ReduceSum", large, keepdims=0))
    return OnnxSession(writer.to_bytes(), 1)

x = torch.ones(1, 3000)
graphs = [graph() for _ in range(5)]
assert graphs[0].run({"x": x}, {"y": ()})["y"] == 9e6
before = resident()
for one in graphs[1:]:
    one.run({"x": x}, {"y": ()})
print(resident() - before)
"""
LARGE = 4 * 3000 * 3000


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_graphs_share_the_memory_that_they_need_while_they_run() -> None:
    """In a process of its own, where nothing else grows."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) < LARGE
