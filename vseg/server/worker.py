"""One device, one user of it at a time: clients take turns.

Enters: functions that use the model, each of a client.  Leaves: their results as futures.  A
short function takes one turn.  A long one (`turn`) runs on a thread of its own, and gives its
turn away after every frame if anybody waits.  The worker's thread hands out the turns; what
blocks the device blocks nobody's event loop.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from vseg.server.fair_queue import FairQueue

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


class Turn:
    """The right to use the device, of a function on a thread of its own."""

    def __init__(self, client: str, queue: FairQueue[Callable[[], None]]) -> None:
        self._client = client
        self._queue = queue
        self._granted = threading.Event()
        self._given_back = threading.Event()

    def pass_on(self) -> None:
        """Let the others have their turns if any wait; returns when it is this one's again."""
        if len(self._queue):
            self.release()
            self.take()

    def take(self) -> None:
        """Wait for the turn.  Raises TooMany."""
        self._granted.clear()
        self._given_back = threading.Event()
        self._queue.put(self._client, self._grant)
        self._granted.wait()

    def release(self) -> None:
        """Give the turn back."""
        self._given_back.set()

    def _grant(self) -> None:
        """Called on the worker's thread: nothing else runs until the turn is given back."""
        given_back = self._given_back
        self._granted.set()
        given_back.wait()


class Worker:
    """The turns on one device.  waiting: how many requests of one client may wait."""

    def __init__(self, waiting: int = 32) -> None:
        self._queue: FairQueue[Callable[[], None]] = FairQueue(waiting)
        self._thread = threading.Thread(target=self._work, name="vseg-device", daemon=True)
        self._thread.start()

    def submit(
        self,
        client: str,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> "Future[Result]":
        """Have the function called in the client's next turn; cancelled before, it never is.

        Raises TooMany.
        """
        future: Future[Result] = Future()

        def call() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(function(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        self._queue.put(client, call)
        return future

    async def run(
        self,
        client: str,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """`submit`, for a coroutine: cancelling it takes the function out of the queue."""
        return await asyncio.wrap_future(self.submit(client, function, *args, **kwargs))

    @contextmanager
    def turn(self, client: str) -> Iterator[Turn]:
        """The device for a block of code on the caller's thread, which calls `pass_on` as
        often as it can.  Never to be used from an event loop.  Raises TooMany.
        """
        turn = Turn(client, self._queue)
        turn.take()
        try:
            yield turn
        finally:
            turn.release()

    @property
    def waiting(self) -> int:
        """How many turns are waited for."""
        return len(self._queue)

    @property
    def alive(self) -> bool:
        """Whether turns are still given."""
        return self._thread.is_alive()

    def close(self) -> None:
        """End the thread after the turn in progress."""
        self._queue.close()
        self._thread.join()

    def _work(self) -> None:
        while (call := self._queue.get()) is not None:
            call()
