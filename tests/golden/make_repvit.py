"""Writes repvit.npz: what timm's RepViT-M1 makes of one image with weights drawn by a rule.

Run it in an environment of its own, `pip install torch torchvision timm`:

    python tests/golden/make_repvit.py

The file holds the names and shapes of timm's tensors and its four feature maps; weights and
image are drawn again by the test.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).with_name("repvit.npz")
SIDE = 64


def image() -> np.ndarray:
    """One normalised image, (1, 3, SIDE, SIDE) float32."""
    return np.random.RandomState(7).standard_normal((1, 3, SIDE, SIDE)).astype(np.float32)


def drawn(shapes: Iterable[tuple[str, tuple[int, ...]]]) -> dict[str, np.ndarray]:
    """A value for each tensor: matrices that keep the size of what passes, gains and variances
    near 1.
    """
    source = np.random.RandomState(3)
    values = {}
    for name, shape in shapes:
        if name.endswith("num_batches_tracked"):
            values[name] = np.zeros(shape, np.int64)
            continue
        noise = source.standard_normal(shape)
        if len(shape) == 4:
            value = noise / np.sqrt(np.prod(shape[1:]))
        elif name.endswith("running_var") or name.endswith("bn.weight"):
            value = 1 + 0.5 * np.tanh(noise)
        else:
            value = 0.2 * noise
        values[name] = value.astype(np.float32)
    return values


def main() -> None:
    """Ask timm and write the file."""
    import timm  # type: ignore[import-not-found]
    import torch

    net = timm.create_model("repvit_m1", features_only=True, out_indices=(0, 1, 2, 3)).eval()
    shapes = [(name, tuple(tensor.shape)) for name, tensor in net.state_dict().items()]
    net.load_state_dict({name: torch.from_numpy(v) for name, v in drawn(shapes).items()})
    with torch.no_grad():
        maps = net(torch.from_numpy(image()))
    text = "\n".join(f"{name} {','.join(map(str, shape))}" for name, shape in shapes)
    arrays = {f"map{k}": each.numpy() for k, each in enumerate(maps)}
    np.savez_compressed(GOLDEN, names=np.array(text), **arrays)


if __name__ == "__main__":
    main()
