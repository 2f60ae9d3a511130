"""Turns on the device: fair, one at a time, cancellable."""

import asyncio
import threading
import time

import pytest

from tests.served import run_async
from vseg.errors import TooMany
from vseg.server.worker import Worker


@pytest.fixture
def worker() -> Worker:
    return Worker(waiting=8)


def test_clients_take_turns(worker: Worker) -> None:
    order: list[str] = []
    hold = threading.Event()
    first = worker.submit("z", hold.wait, 5)
    futures = [worker.submit("a", order.append, f"a{n}") for n in range(3)]
    futures += [worker.submit("b", order.append, f"b{n}") for n in range(2)]
    hold.set()
    first.result(5)
    for future in futures:
        future.result(5)
    assert order == ["a0", "b0", "a1", "b1", "a2"]
    worker.close()


def test_a_long_block_lets_others_in_between_frames(worker: Worker) -> None:
    order: list[str] = []
    begun = threading.Event()

    def propagate() -> None:
        with worker.turn("a") as turn:
            for number in range(20):
                order.append(f"frame {number}")
                begun.set()
                time.sleep(0.01)
                turn.pass_on()

    thread = threading.Thread(target=propagate)
    thread.start()
    begun.wait(5)
    worker.submit("b", order.append, "click").result(5)
    thread.join(5)
    assert 0 < order.index("click") <= 3
    worker.close()


def test_nothing_runs_beside_a_turn(worker: Worker) -> None:
    with worker.turn("a"):
        other = worker.submit("b", time.monotonic)
        time.sleep(0.05)
        assert not other.done()
        released = time.monotonic()
    assert other.result(5) >= released
    worker.close()


def test_a_cancelled_request_is_never_computed(worker: Worker) -> None:
    done: list[int] = []

    async def ask() -> None:
        with worker.turn("a"):
            task = asyncio.create_task(worker.run("b", done.append, 1))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await worker.run("b", done.append, 2)

    run_async(ask())
    assert done == [2]
    worker.close()


def test_an_error_is_the_caller_s_and_the_worker_goes_on(worker: Worker) -> None:
    with pytest.raises(ZeroDivisionError):
        worker.submit("a", divmod, 1, 0).result(5)
    assert worker.submit("a", divmod, 7, 2).result(5) == (3, 1)
    worker.close()


def test_a_client_may_not_fill_the_queue(worker: Worker) -> None:
    with worker.turn("z"):
        for _ in range(8):
            worker.submit("a", time.monotonic)
        with pytest.raises(TooMany):
            worker.submit("a", time.monotonic)
        worker.submit("b", time.monotonic)
    worker.close()
