"""Teachers: any frozen vision model as features of strides 8 and 16, aligned with nano's own.

Enters: a TorchScript file (.ts, .pt), a torch.export file (.pt2), a transformers folder or hub
name.  Leaves: a Teacher.  Its maps are the model's nearest in stride to 8 and 16 (the deepest
of equals), resampled to exactly one cell per 8 and 16 pixels.  A model whose cells are neither
(patches of 14) gets the image scaled so that they become so; a model that has one stride only
gives the same map twice.
"""

import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from vseg.errors import WeightsMismatch, WeightsMissing
from vseg.io.files import sha256_of
from vseg.training.distill.pretrained import Backbone, load_pretrained

STRIDES = (8, 16)
_TORCHSCRIPT = (".ts", ".pt")
_EXPORTED = (".pt2",)
# Divisible by patches of 14, 16 and 32 and by every usual stride.
_PROBE_SIDE = 224
# Maps coarser than this (a pooled vector is one) say nothing of where the cells lie.
_COARSEST = 64


class Teacher:
    """A frozen model that gives features at strides 8 and 16.

    native_strides: of the two maps it is resampled from.  channels: of both.  sha256, licence:
    of its weights.
    """

    def __init__(self, name: str, model: Backbone, device: torch.device) -> None:
        self.name = name
        self.sha256 = model.sha256
        self.licence = model.licence
        self._model = model
        self._device = device
        self._mean = torch.tensor(model.mean, device=device).view(3, 1, 1) * 255
        self._deviation = torch.tensor(model.std, device=device).view(3, 1, 1) * 255
        side = math.lcm(_PROBE_SIDE, model.multiple)
        # One black image tells the strides and channels of all maps.
        probe = self._extract(torch.zeros(1, 3, side, side, dtype=torch.uint8), (side, side))
        strides = [_stride(name, side, level) for level in probe]
        fine, coarse = (_nearest(strides, wanted) for wanted in STRIDES)
        self._chosen = (fine, coarse)
        self.native_strides = (strides[fine], strides[coarse])
        self.channels = (int(probe[fine].shape[1]), int(probe[coarse].shape[1]))
        # Sides must hold whole cells of every map that is not pooled.
        usable = [stride for stride in strides if stride <= _COARSEST]
        self._multiple = math.lcm(max(usable), model.multiple)

    def __call__(
        self, images: UInt8[Tensor, "B 3 H W"]
    ) -> tuple[Float[Tensor, "B C8 H8 W8"], Float[Tensor, "B C16 H16 W16"]]:
        """Features of strides 8 and 16 of RGB images whose sides are multiples of 16."""
        h, w = images.shape[2:]
        maps = self._extract(images, self._input_size(h, w))
        fine, coarse = (
            _resampled(maps[k].float(), (h // stride, w // stride))
            for k, stride in zip(self._chosen, STRIDES, strict=True)
        )
        return fine, coarse

    def _input_size(self, h: int, w: int) -> tuple[int, int]:
        """The size at which the model gets an image, so that its cells lie on nano's."""
        stride = self.native_strides[0]
        grid = stride if stride & (stride - 1) == 0 and stride <= 16 else _grid_of(stride)
        unit = self._multiple
        size = [math.ceil(side * stride / grid / unit) * unit for side in (h, w)]
        return size[0], size[1]

    @torch.inference_mode()
    def _extract(
        self, images: UInt8[Tensor, "B 3 H W"], size: tuple[int, int]
    ) -> list[Tensor]:
        normal = (images.to(self._device).float() - self._mean) / self._deviation
        if images.shape[2:] != size:
            normal = F.interpolate(
                normal, size, mode="bilinear", align_corners=False, antialias=True
            )
        # A foreign module may raise anything.
        try:
            layout = torch.channels_last
            output = self._model.maps(
                normal.to(self._model.dtype).contiguous(memory_format=layout)
            )
        except Exception as error:
            reason = str(error).strip().split("\n")[0]
            raise WeightsMismatch(
                f"{self.name} fails on {len(images)} images of {size[0]}x{size[1]}: {reason}",
                hint="a module must take (B, 3, H, W) for any B and any H and W divisible by "
                "16: export it with dynamic shapes",
            ) from error
        return _as_maps(self.name, output)


def open_teacher(path_or_name: str, device: torch.device, dtype: torch.dtype) -> Teacher:
    """The teacher in a file or folder, or of that name on the hub, ready on `device`.

    dtype: of its weights; an exported (.pt2) module keeps its own.  Raises WeightsMissing if
    there is no such teacher, WeightsMismatch if it cannot be read or gives no feature maps.
    """
    path = Path(path_or_name)
    if path.suffix not in (*_TORCHSCRIPT, *_EXPORTED):
        if path.is_file():
            raise WeightsMismatch(
                f"{path} is not a teacher that can be opened",
                hint="give a TorchScript (.ts, .pt) or torch.export (.pt2) file, or the "
                "folder of a transformers model",
            )
        return Teacher(path_or_name, load_pretrained(path_or_name, device, dtype), device)
    if not path.is_file():
        raise WeightsMissing(
            f"no teacher at {path}",
            hint="give a TorchScript (.ts, .pt) or torch.export (.pt2) file, or the folder or "
            "hub name of a transformers model",
        )
    load = _exported if path.suffix in _EXPORTED else _torchscript
    return Teacher(path_or_name, load(path, device, dtype), device)


def _torchscript(path: Path, device: torch.device, dtype: torch.dtype) -> Backbone:
    try:
        with warnings.catch_warnings():
            # TorchScript files are supported for as long as torch loads them.
            warnings.filterwarnings("ignore", ".*torch.jit.*", DeprecationWarning)
            module = torch.jit.load(str(path), map_location=device)  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise WeightsMismatch(
            f"{path} is not a TorchScript module: {str(error).split(chr(10))[0]}",
            hint="write it with torch.jit.trace(...).save, or torch.export.save to a "
            ".pt2 file",
        ) from error
    return Backbone(module.eval().to(dtype), sha256_of(path), dtype)


def _exported(path: Path, device: torch.device, dtype: torch.dtype) -> Backbone:
    import logging

    from torch.export.passes import move_to_device_pass

    log = logging.getLogger("torch.export")
    silenced = log.disabled
    # It reports a file it cannot read as a traceback on its log, before it raises.
    log.disabled = True
    try:
        program = move_to_device_pass(torch.export.load(path), device)
    except Exception as error:
        raise WeightsMismatch(
            f"{path} is not a torch.export file: {str(error).split(chr(10))[0]}",
            hint="write it with torch.export.save(torch.export.export(...), FILE)",
        ) from error
    finally:
        log.disabled = silenced
    own = next((weight.dtype for weight in program.parameters()), dtype)
    return Backbone(program.module(), sha256_of(path), own)


def _as_maps(name: str, output: object) -> list[Tensor]:
    """What a module returned, as a list of (B, C, h, w) maps."""
    if isinstance(output, Tensor):
        output = [output]
    values = list(output.values()) if isinstance(output, dict) else output
    maps: list[Tensor] = []
    if isinstance(values, Sequence):
        maps = [value for value in values if isinstance(value, Tensor) and value.ndim == 4]
    if not maps:
        raise WeightsMismatch(
            f"{name} returns no feature maps",
            hint="a module must return one (B, C, h, w) tensor or a list of them",
        )
    return maps


def _stride(name: str, side: int, maps: Float[Tensor, "1 C h w"]) -> int:
    h, w = maps.shape[2:]
    if h != w or side % h:
        raise WeightsMismatch(
            f"{name} gives a map of {h}x{w} for an image of {side}x{side}: that is no whole "
            "stride",
            hint="a module must return maps whose last two axes are height and width",
        )
    return side // int(h)


def _nearest(strides: Sequence[int], wanted: int) -> int:
    """The place of the stride nearest to `wanted` by ratio; the last, hence deepest, of
    equals.
    """
    return min(range(len(strides)), key=lambda k: (abs(math.log2(strides[k] / wanted)), -k))


def _grid_of(stride: int) -> int:
    """8 or 16, whichever is nearer by ratio."""
    return min(STRIDES, key=lambda grid: abs(math.log2(stride / grid)))


def _resampled(
    maps: Float[Tensor, "B C h w"], size: tuple[int, int]
) -> Float[Tensor, "B C h2 w2"]:
    if maps.shape[2:] == size:
        return maps
    return F.interpolate(maps, size, mode="bilinear", align_corners=False, antialias=True)
