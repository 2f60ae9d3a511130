"""Frames encoded in batches before they are needed: the encoder does not depend on the memory.

Enters: frames in order.  Leaves: the same frames, one by one, and the features of those that
are asked for.  A few frames are read before the first of them is passed on; when the features
of one are wanted, those of the frames behind it are made in the same call.  Held are never
more than `depth` frames.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext

from vseg.errors import UsageError
from vseg.interfaces.promptable_model import Encode
from vseg.tensors import Features
from vseg.types import Frame


class EncodeAhead:
    """The frames of one pass that are read but not yet passed, and their features."""

    def __init__(self, encode: Encode, depth: int) -> None:
        if not isinstance(depth, int) or depth < 1:
            raise UsageError(
                f"{depth!r} frames cannot be encoded ahead", hint="encode_ahead is 1 or more"
            )
        self._encode = encode
        self._depth = depth
        self._frames: list[Frame] = []
        self._features: list[Features] = []

    def over(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The frames in order; an error of their source comes after the frames before it.

        A pass begun during another takes its place: frames of the other are then encoded one
        by one.
        """
        for run in _runs(frames, self._depth):
            mine = [*run]
            self._frames = mine
            self._features = []
            try:
                for frame in run:
                    yield frame
                    if self._frames is mine:
                        del self._frames[0], self._features[:1]
            finally:
                if self._frames is mine:
                    self.clear()

    def features(self, frame: Frame) -> Features | None:
        """The features of a frame that is held (this very object); None of any other."""
        place = next((k for k, held in enumerate(self._frames) if held is frame), None)
        if place is None:
            return None
        if place >= len(self._features):
            self._features += self._encode(self._frames[len(self._features) :])
        return self._features[place]

    def tracking(self) -> AbstractContextManager[None]:
        """While a frame is tracked: nothing is encoded."""
        return nullcontext()

    def clear(self) -> None:
        """Let go of everything held."""
        self._frames = []
        self._features = []

    def held_bytes(self) -> int:
        """Bytes of the features held, on the device; at most those of `depth` frames."""
        tensors = (t for f in self._features for t in (*f.levels, f.key, f.local_key))
        # Frames of one batch are views of the same storage, which lives as long as one of
        # them.
        storages = {t.untyped_storage().data_ptr(): t.untyped_storage() for t in tensors}
        return sum(storage.nbytes() for storage in storages.values())


def _runs(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    """The frames in lists of `size`; what was read before an error is passed on before it is
    raised.
    """
    run: list[Frame] = []
    try:
        for frame in frames:
            run.append(frame)
            if len(run) == size:
                yield run
                run = []
    except Exception:  # of whatever kind: it is raised again, after the frames before it
        if run:
            yield run
        raise
    if run:
        yield run
