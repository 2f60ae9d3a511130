"""The frame after the one that is tracked, encoded meanwhile in a thread of its own.

Enters: frames in order.  Leaves: the same frames, one by one, and the features of those that
are asked for.  The encoder does not depend on the memory, and two threads that each compute a
stage of their own wait for each other once a frame; sharing every operator, they wait at each.
So half of torch's threads are left to the encoder.  Held are never more than two frames.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import torch

from vseg.interfaces.promptable_model import Encode
from vseg.ops.torch_threads import fewer_torch_threads, usual_torch_threads
from vseg.tensors import Features
from vseg.types import Frame


class _Pass:
    """One pass over frames: the one passed on last and the one after it."""

    def __init__(self, encode: Encode, thread: ThreadPoolExecutor) -> None:
        self.frames: deque[Frame] = deque()
        self.features: deque[Future[list[Features]]] = deque()
        self._encode = encode
        self._thread = thread

    def begin(self, count: int) -> None:
        """Have so many of the frames encoded, or be so."""
        for frame in list(self.frames)[len(self.features) : count]:
            self.features.append(self._thread.submit(self._encode, [frame]))

    def drop_first(self) -> None:
        """Let go of the frame passed on last; if the one after it is being encoded, it stays
        so.
        """
        self.frames.popleft()
        if self.features:
            self.features.popleft()


class BackgroundEncoding:
    """The frames of one pass that are read but not yet passed, and their features.

    encode: of one frame at a time; called in the pass's own thread.
    """

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._pass: _Pass | None = None

    def over(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The frames in order, each once the next one is read; an error of their source comes
        after the frames before it.

        A pass begun during another takes its place: frames of the other are then encoded one
        by one, in the caller's thread.
        """
        # A thread that began while another session tracked a frame has too few for good.
        usual = usual_torch_threads()
        torch.set_num_threads(usual)
        with ThreadPoolExecutor(1, "vseg-encode", _flush_denormals) as thread:
            # The encoder's thread has half for good.
            with fewer_torch_threads(max(usual // 2, 1)):
                thread.submit(torch.get_num_threads).result()
            mine = self._pass = _Pass(self._encode, thread)
            try:
                for frame in _one_behind(frames, mine.frames):
                    yield frame
                    mine.drop_first()
            finally:
                if self._pass is mine:
                    self._pass = None

    def features(self, frame: Frame) -> Features | None:
        """The features of the frame passed on last (this very object), and the next one begins
        to be encoded; None of any other.

        Raises what `encode` raises.
        """
        mine = self._pass
        if mine is None or not mine.frames or mine.frames[0] is not frame:
            return None
        mine.begin(1)
        features = mine.features[0].result()[0]
        mine.begin(2)
        return features

    @contextmanager
    def tracking(self) -> Iterator[None]:
        """While a frame is tracked: torch leaves the encoder its threads.  An operator that is
        shared out to threads without a core waits for them.
        """
        threads = torch.get_num_threads()
        if self._pass is None:
            yield
        else:
            with fewer_torch_threads(threads - threads // 2):
                yield

    def clear(self) -> None:
        """Let go of everything held."""
        self._pass = None

    def held_bytes(self) -> int:
        """Bytes of the features held, once those that are being made are there."""
        encoded = [] if self._pass is None else [f.result()[0] for f in self._pass.features]
        return sum(t.nbytes for f in encoded for t in (*f.levels, f.key, f.local_key))


def _one_behind(frames: Iterable[Frame], held: deque[Frame]) -> Iterator[Frame]:
    """The frames, each when the one after it is read; `held` has both, and whoever takes one
    drops it.
    """
    try:
        for frame in frames:
            held.append(frame)
            if len(held) > 1:
                yield held[0]
    except Exception:  # of whatever kind: it is raised again, after the frame before it
        if held:
            yield held[0]
        raise
    if held:
        yield held[0]


def _flush_denormals() -> None:
    """As `vseg.ops.denormals`, for as long as the thread lives."""
    torch.set_flush_denormal(True)
