"""The engines that `engines.py` compares: they track the same objects through the same images.

Memory is filled by copies: one frame is prompted, one is tracked, and the memory of the second
stands for the frames up to FULL.  Every copy is a tensor of its own.
"""

import copy
import importlib.util
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

from benchmarks.engines_clock import StageClock
from benchmarks.engines_networks import redraw
from vseg.frame_masks import FrameMasks
from vseg.interfaces.model import Model
from vseg.interfaces.slot_model import Slot
from vseg.models.sam2.hiera import HieraBackbone
from vseg.models.sam2.model import Sam, SamParts
from vseg.models.sam2.vision import IMAGENET, PyramidEncoder, square
from vseg.session.memory.slot_bank import SlotBank
from vseg.session.session import Session
from vseg.types import Box, Frame

FULL = 17
"""Frames after which a memory of 6 recent frames and 15 pointers, and one more of each, is
full.
"""
HEIGHT = 480
WIDTH = 854

Image = UInt8[np.ndarray, "H W 3"]


@dataclass(frozen=True, slots=True)
class Setting:
    """The measured setting.  rounds: frames tracked after the memory is full."""

    objects: int
    dtype: torch.dtype
    rounds: int


class Contender(Protocol):
    """An engine with N objects and a full memory."""

    def step(self) -> None:
        """Track all objects on the next frame, down to masks at video size."""
        ...

    def state(self) -> Iterator[Tensor]:
        """Every tensor it keeps of the video."""
        ...


def images(count: int) -> list[Image]:
    """A drifting pattern of coloured blocks."""
    blocks = np.random.default_rng(0).integers(0, 255, (12, 20, 3), dtype=np.uint8)
    shown = np.asarray(cv2.resize(blocks, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))
    return [np.ascontiguousarray(np.roll(shown, (t, 3 * t), (0, 1))) for t in range(count)]


def box_of(obj: int) -> tuple[float, float, float, float]:
    """The box that prompts an object on the first image, in its pixels."""
    left = 60.0 * obj
    top = 25.0 * obj
    return left, top, left + 150, top + 150


def our_model(net: Any, device: torch.device, dtype: torch.dtype) -> Sam:
    """The library's network as our model; the network itself stays whole."""
    net = copy.deepcopy(net)  # Sam takes it apart
    inner = net.vision_encoder.backbone
    backbone = inner.inner if hasattr(inner, "inner") else HieraBackbone(inner)
    encoder = PyramidEncoder(backbone, net.vision_encoder.neck, net.mask_decoder)
    parts = SamParts("random", "none", net, encoder, IMAGENET)
    return Sam(parts, device=device, dtype=dtype)


class SessionEngine:
    """A session of vseg, which has tracked all objects on a second frame.  Whoever inherits
    fills the memory and then has the stages timed.
    """

    def __init__(self, model: Model, objects: int, clock: StageClock) -> None:
        self._model = model
        self._session = Session(model)
        self._clock = clock
        self._images = images(4)
        self._next = 1
        for obj in range(1, objects + 1):
            self._session.prompt(obj, self._frame(0), [Box(*box_of(obj))])
        self._tracked()

    def step(self) -> None:
        """Track all objects on the next frame, down to masks at video size."""
        masks = self._tracked()
        self._clock.measure("post", lambda: masks.masks)

    def _tracked(self) -> FrameMasks:
        masks = self._session.step(self._frame(self._next))
        self._next += 1
        return masks

    def _time_stages(self) -> None:
        for stage, method in (
            ("encoder", "encode"),
            ("attention", "condition"),
            ("decoder", "decode"),
            ("memory", "encode_memory"),
        ):
            self._clock.wrap(self._model, stage, method)

    def _frame(self, t: int) -> Frame:
        return Frame(t, None, t / 25, self._images[t % len(self._images)])


class Ours(SessionEngine):
    """With a model of the SAM 2 family."""

    def __init__(self, net: Any, setting: Setting, clock: StageClock) -> None:
        super().__init__(our_model(net, clock.device, setting.dtype), setting.objects, clock)
        bank = self._session.bank
        assert isinstance(bank, SlotBank)
        for obj, held in bank.objects.items():
            tracked = held.recent[1]
            for t in range(2, FULL):
                copied = (tracked.cells.clone(), tracked.keys.clone(), tracked.pointer.clone())
                bank.write(obj, t, Slot(*copied), prompted=False)
        self._next = FULL
        self._time_stages()

    def state(self) -> Iterator[Tensor]:
        bank = self._session.bank
        assert isinstance(bank, SlotBank)
        for held in bank.objects.values():
            yield from held.tensors()


class Library:
    """The transformers library's model with its own session, fed frame by frame.

    It gets the frames resized and normalised; that is not counted.
    """

    def __init__(self, net: Any, setting: Setting, clock: StageClock) -> None:
        dtype = setting.dtype
        self._net = copy.deepcopy(net).to(clock.device, dtype)
        self._clock = clock
        side = net.image_size
        self._pixels = [IMAGENET(square([p], side), dtype).contiguous() for p in images(4)]
        module = sys.modules[type(net).__module__]
        make = getattr(module, type(net).__name__.removesuffix("Model") + "InferenceSession")
        place = {"inference_device": clock.device, "dtype": dtype}
        on = {"inference_state_device": clock.device, "video_storage_device": clock.device}
        self._session = make(video_height=HEIGHT, video_width=WIDTH, **place, **on)
        self._session.add_new_frame(self._frame(0), 0)
        scale = torch.tensor([side / WIDTH, side / HEIGHT])
        for obj in range(1, setting.objects + 1):
            corners = torch.tensor(box_of(obj)).view(2, 2) * scale
            point_inputs = {
                "point_coords": corners[None, None],
                "point_labels": torch.tensor([[[2, 3]]]),
            }
            index = self._session.obj_id_to_idx(obj)
            self._session.add_point_inputs(index, 0, point_inputs)
            self._session.obj_with_new_inputs.append(obj)
        self._net(self._session, frame_idx=0)
        self._net(self._session, frame=self._frame(1))
        for t in range(2, FULL):
            self._session.add_new_frame(self._frame(t), t)
        _fill(self._session.output_dict_per_obj)
        for stage, methods in (
            ("encoder", ["get_image_features"]),
            ("attention", ["_prepare_memory_conditioned_features"]),
            ("decoder", ["_single_frame_forward"]),
            ("memory", ["_encode_new_memory", "_batch_encode_memories"]),
        ):
            clock.wrap(self._net, stage, *(m for m in methods if hasattr(self._net, m)))

    def step(self) -> None:
        masks = self._net(
            self._session, frame=self._frame(len(self._session.processed_frames))
        ).pred_masks
        self._clock.measure("post", lambda: self._at_video_size(masks))

    def state(self) -> Iterator[Tensor]:
        yield from _tensors(vars(self._session))
        yield from _tensors(vars(self._session.cache))

    def _frame(self, t: int) -> Tensor:
        """A frame as the session would get it: a tensor of its own."""
        return self._pixels[t % len(self._pixels)].clone()

    def _at_video_size(self, masks: Tensor) -> Tensor:
        size = (HEIGHT, WIDTH)
        big = F.interpolate(masks.float(), size, mode="bilinear", align_corners=False) > 0
        return big.cpu()


class Official:
    """The published SAM 2 video predictor, from the `sam2` package, with weights drawn
    alike.
    """

    def __init__(self, name: str, setting: Setting, clock: StageClock) -> None:
        letter = {"tiny": "t", "small": "s", "base-plus": "b+", "large": "l"}
        config = f"configs/sam2.1/sam2.1_hiera_{letter[name.removeprefix('sam2.1-')]}.yaml"
        build = importlib.import_module("sam2.build_sam").build_sam2_video_predictor
        torch.manual_seed(0)
        self._net = build(config, None, device=str(clock.device), apply_postprocessing=False)
        redraw(self._net)
        clip = images(4)
        with tempfile.TemporaryDirectory() as folder:
            for t in range(FULL + setting.rounds):
                cv2.imwrite(str(Path(folder) / f"{t:05d}.jpg"), clip[t % 4][..., ::-1])
            self._state = self._net.init_state(folder)
        self._cast = torch.autocast(
            clock.device.type, setting.dtype, setting.dtype != torch.float32
        )
        with self._cast:
            self._prompt(setting.objects)
        _fill(self._state["output_dict_per_obj"])
        self._next = FULL
        self._clock = clock
        for stage, method in (
            ("encoder", "forward_image"),
            ("attention", "_prepare_memory_conditioned_features"),
            ("decoder", "_forward_sam_heads"),
            ("memory", "_encode_new_memory"),
            ("post", "_get_orig_video_res_output"),
        ):
            clock.wrap(self._net, stage, method)

    def step(self) -> None:
        with self._cast:
            for _, _, masks in self._net.propagate_in_video(self._state, self._next, 0):
                self._clock.measure("post", (masks > 0).cpu)
        self._next += 1

    def state(self) -> Iterator[Tensor]:
        yield from _tensors(self._state)

    def _prompt(self, objects: int) -> None:
        for obj in range(1, objects + 1):
            self._net.add_new_points_or_box(self._state, 0, obj, box=np.array(box_of(obj)))
        for _ in self._net.propagate_in_video(self._state, 0, 1):
            pass


def official_is_there() -> bool:
    """Whether the `sam2` package can be imported."""
    return importlib.util.find_spec("sam2") is not None


def state_bytes(contender: Contender) -> int:
    """Bytes of the tensors it keeps, shared storage counted once."""
    held = {
        t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in contender.state()
    }
    return sum(held.values())


def _fill(per_object: Mapping[int, Mapping[str, dict[int, Any]]]) -> None:
    """Write copies of the outputs kept of frame 1 for the frames up to FULL."""
    for outputs in per_object.values():
        by_frame = outputs["non_cond_frame_outputs"]
        for t in range(2, FULL):
            by_frame[t] = {name: _copied(value) for name, value in by_frame[1].items()}


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _tensors(held: Any) -> Iterator[Tensor]:
    """Every tensor inside nested dictionaries and sequences."""
    if isinstance(held, Tensor):
        yield held
    elif isinstance(held, Mapping):
        for value in held.values():
            yield from _tensors(value)
    elif isinstance(held, Sequence) and not isinstance(held, str):
        for value in held:
            yield from _tensors(value)
