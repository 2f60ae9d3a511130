"""A sequence of masks with fewer frames or other names, without reading more than is asked.

Enters: a MaskSequence.  Leaves: another one.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import MaskFormat, MaskSequence
from vseg.results.run import Run
from vseg.types import VideoInfo


class MaskView:
    """A sequence as it is; its subclasses change one thing.  classes: the labels that the file
    is to list, where they are more than the objects'.
    """

    def __init__(self, masks: MaskSequence) -> None:
        self.masks = masks
        given = masks.classes if isinstance(masks, MaskView) else ()
        self.classes: tuple[str, ...] = given

    @property
    def name(self) -> str:
        return self.masks.name

    @property
    def video(self) -> VideoInfo:
        return self.masks.video

    @property
    def object_ids(self) -> tuple[int, ...]:
        return self.masks.object_ids

    @property
    def labels(self) -> dict[int, str]:
        return self.masks.labels

    @property
    def names(self) -> dict[int, str]:
        return self.masks.names

    def __len__(self) -> int:
        return len(self.masks)

    def frame_numbers(self) -> Iterator[int]:
        """The frames that have masks, ascending."""
        return self.masks.frame_numbers()

    def __iter__(self) -> Iterator[FrameMasks]:
        return iter(self.masks)


class Classed(MaskView):
    """A clip of a data set.  classes: the labels of all clips.  name: unlike all others."""

    def __init__(self, masks: MaskSequence, classes: tuple[str, ...], name: str) -> None:
        super().__init__(masks)
        self.classes = classes
        self._name = name

    @property
    def name(self) -> str:
        return self._name


class EveryNth(MaskView):
    """The first stored frame and every n-th after it."""

    def __init__(self, masks: MaskSequence, step: int) -> None:
        super().__init__(masks)
        self._step = step

    def __len__(self) -> int:
        return -(-len(self.masks) // self._step)

    def frame_numbers(self) -> Iterator[int]:
        """The frames that have masks, ascending."""
        return islice(self.masks.frame_numbers(), 0, None, self._step)

    def __iter__(self) -> Iterator[FrameMasks]:
        return islice(iter(self.masks), 0, None, self._step)


class Renamed(MaskView):
    """Labels by another vocabulary.  classes: the new name by the old one."""

    def __init__(self, masks: MaskSequence, classes: Mapping[str, str]) -> None:
        super().__init__(masks)
        self._classes = classes

    @property
    def labels(self) -> dict[int, str]:
        return {o: self._classes.get(name, name) for o, name in self.masks.labels.items()}


class OnFrames(MaskView):
    """What is stored of some frames.  wanted: whether a frame is one of them."""

    def __init__(self, masks: MaskSequence, wanted: Callable[[int], bool]) -> None:
        super().__init__(masks)
        self._wanted = wanted

    def __len__(self) -> int:
        return sum(1 for _ in self.frame_numbers())

    def frame_numbers(self) -> Iterator[int]:
        """The frames that have masks, ascending."""
        return (frame for frame in self.masks.frame_numbers() if self._wanted(frame))

    def __iter__(self) -> Iterator[FrameMasks]:
        return (frame for frame in self.masks if self._wanted(frame.frame_index))


class FrameSpan(MaskView):
    """The frames of [first, end) that are stored of a run; nothing else of it is read."""

    def __init__(self, run: Run, first: int, end: int) -> None:
        super().__init__(run)
        self._run = run
        extent = run.extent
        held = (extent[0], extent[1] + 1) if extent else (0, 0)
        self._span = range(max(first, held[0]), min(end, held[1]))

    def __len__(self) -> int:
        return sum(1 for _ in self.frame_numbers())

    def frame_numbers(self) -> Iterator[int]:
        """The frames that have masks, ascending."""
        return (frame for frame in self._span if frame in self._run)

    def __iter__(self) -> Iterator[FrameMasks]:
        return (self._run[frame] for frame in self.frame_numbers())


class AsHeld(MaskView):
    """The masks as they come back from a format."""

    def __init__(self, masks: MaskSequence, chosen: MaskFormat) -> None:
        super().__init__(masks)
        self._chosen = chosen

    def __iter__(self) -> Iterator[FrameMasks]:
        return (self._chosen.held(frame) for frame in self.masks)
