"""The service under load: many clients on a few clips, each with a key of its own.

    python benchmarks/service_load.py --minutes 10

`vseg serve` runs in a process of its own with the limits it has by default.  Every client has a
session on one of the clips, a new one after every 12 clicks, and asks at random, as weighted in
ASKED: exact frames, lists and facts, a click, a propagation (a third of them is closed after a
few frames), an upload that is deleted again.  It asks again as soon as it was answered.
Printed: for each kind of request how
often, and milliseconds to the answer (for a propagation, to its last frame); answers by status;
resident memory of the service at the end of the first tenth, in the middle and at the end.

A status other than 2xx and 429 fails the benchmark.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np

from benchmarks.annotator_page import resident_mib
from benchmarks.shared import Table, run
from vseg.client import AsyncClient
from vseg.client.values import PropagateRequest, SessionFacts, VideoFacts
from vseg.errors import BadDataset, TooMany, VsegError
from vseg.server.security.keys import key_of, new_key_id, new_token, write_keys
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip
from vseg.types import Points, Prompt, Timecode

FRAMES = 48
HW = (240, 426)
SPAN = 16
"""Frames of a propagation."""
CLOSED_EARLY = 1 / 3
CLICKS = 12
"""Of one session; then its client begins another one, as who is done with a clip does."""
REACHED = 0
"""Stands for the status of a request that was not answered at all."""


@dataclass(frozen=True, slots=True)
class Row:
    """A kind of request: how often, and milliseconds."""

    kind: str
    count: int
    p50: float
    p95: float
    slowest: float


@dataclass
class Seen:
    """What all clients saw.  told: sentences of refusals, one for each status."""

    taken: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[int] = field(default_factory=Counter)
    told: dict[int, str] = field(default_factory=dict)
    resident: list[tuple[str, float]] = field(default_factory=list)


class CountingTransport(httpx2.AsyncHTTPTransport):
    """Notes the status of every answer."""

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self._seen = seen

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = await super().handle_async_request(request)
        except httpx2.HTTPError as error:
            self._seen.statuses[REACHED] += 1
            self._seen.told.setdefault(REACHED, repr(error))
            raise
        self._seen.statuses[response.status_code] += 1
        return response


@dataclass
class LoadClient:
    """One client with its session."""

    service: AsyncClient
    video: VideoFacts
    session: SessionFacts
    clip: Path
    chance: random.Random
    clicks: int = 0

    async def frame(self) -> None:
        """One exact frame."""
        index = self.chance.randrange(self.video.frames)
        await self.service.frame(self.video.id, index, format="jpeg")

    async def facts(self) -> None:
        """Lists, and a session."""
        await self.service.session(self.session.id)
        async for _ in self.service.videos():
            pass

    async def click(self) -> None:
        """A new object, or a correction once there are four; at last, a new session."""
        if self.clicks == CLICKS:
            await self.service.delete_session(self.session.id)
            self.session = await self.service.create_session(self.video.id)
            self.clicks = 0
        obj = self.clicks % 4 + 1
        self.clicks += 1
        frame = self.chance.randrange(self.video.frames)
        height, width = HW
        xy = [(self.chance.randrange(width), self.chance.randrange(height))]
        point = Prompt(obj, Timecode(frame=frame), Points(xy, [1]))
        await self.service.prompt(self.session.id, point)

    async def propagate(self) -> None:
        """A span of frames, or the beginning of it."""
        if not self.clicks:
            await self.click()
        start = self.chance.randrange(self.video.frames - SPAN)
        request = PropagateRequest(start=start, until=start + SPAN)
        stop = start + 4 if self.chance.random() < CLOSED_EARLY else start + SPAN
        async for answer in self.service.propagate(self.session.id, request):
            if answer.frame >= stop:
                break

    async def upload(self) -> None:
        """A small clip, and away with it."""
        taken = await self.service.upload(self.clip)
        await self.service.delete_video(taken.id)


ASKED: dict[str, tuple[int, Callable[[LoadClient], Awaitable[None]]]] = {
    "frame": (60, LoadClient.frame),
    "facts": (15, LoadClient.facts),
    "click": (15, LoadClient.click),
    "propagate": (8, LoadClient.propagate),
    "upload": (2, LoadClient.upload),
}
"""How often of 100."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
    seen = Seen()
    with tempfile.TemporaryDirectory(prefix="vseg-load-") as folder:
        root = Path(folder) / "clips"
        root.mkdir()
        for number in range(options.clips):
            write_clip(_scene(number, FRAMES, HW), root / f"clip{number}.mp4")
        small = Path(folder) / "small.mp4"
        write_clip(_scene(99, 8, (96, 160)), small)
        tokens = _keys(Path(folder) / "keys.json", options.clients)
        with _served(root, Path(folder) / "keys.json") as (address, process):
            load = _load(address, process, tokens, small, options, seen)
            asyncio.run(load)
    _report(seen, options.json)
    wrong = {s: n for s, n in seen.statuses.items() if not 200 <= s < 300 and s != 429}
    if wrong:
        raise BadDataset(f"answers that are errors: {wrong}", hint=str(seen.told))


async def _load(
    address: str,
    process: subprocess.Popen[str],
    tokens: list[str],
    small: Path,
    options: argparse.Namespace,
    seen: Seen,
) -> None:
    seconds = options.minutes * 60
    end = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for number, token in enumerate(tokens):
            chance = random.Random(options.seed * 1000 + number)
            group.create_task(_client(address, token, number, small, (chance, end, seen)))
        for name, share in (("start", 0.1), ("middle", 0.5), ("end", 0.98)):
            when = end - seconds * (1 - share)
            await asyncio.sleep(max(0.0, when - time.monotonic()))
            seen.resident.append((name, resident_mib(process.pid)))


async def _client(
    address: str,
    token: str,
    number: int,
    small: Path,
    shared: tuple[random.Random, float, Seen],
) -> None:
    """Ask until the time is over."""
    chance, end, seen = shared
    transport = CountingTransport(seen)
    async with AsyncClient(address, key=token, timeout_s=120, transport=transport) as service:
        videos = [one.id async for one in service.videos() if one.path.startswith("clip")]
        video = await service.video(videos[number % len(videos)])
        session = await service.create_session(video.id)
        client = LoadClient(service, video, session, small, chance)
        kinds = list(ASKED)
        weights = [weight for weight, _ in ASKED.values()]
        while time.monotonic() < end:
            (kind,) = chance.choices(kinds, weights)
            began = time.perf_counter()
            try:
                await ASKED[kind][1](client)
            except TooMany as error:
                await asyncio.sleep(error.retry_after_s)
                continue
            except VsegError as error:
                seen.told.setdefault(-1, f"{kind}: {type(error).__name__}: {error}")
                continue
            seen.taken[kind].append((time.perf_counter() - began) * 1000)
        await service.delete_session(client.session.id)


def _scene(seed: int, frames: int, hw: tuple[int, int]) -> SyntheticVideo:
    return SyntheticVideo(SceneConfig(*hw, frames, seed=seed, num_objects=4))


def _keys(path: Path, count: int) -> list[str]:
    tokens = [new_token() for _ in range(count)]
    write_keys(path, tuple(key_of(t, "load", "write", key_id=new_key_id()) for t in tokens))
    return tokens


@contextmanager
def _served(root: Path, keys: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    words = ["serve", "--root", str(root), "--keys", str(keys), "--port", "0", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "vseg", *words], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        facts = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        yield facts["address"], process
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def _report(seen: Seen, path: Path | None) -> None:
    table = Table(Row)
    for kind in ASKED:
        taken = seen.taken[kind]
        if taken:
            p50, p95 = np.percentile(taken, [50, 95]).tolist()
            table.add(Row(kind, len(taken), p50, p95, max(taken)))
    table.write(path)
    print("answers by status:", dict(sorted(seen.statuses.items())))
    if seen.told:
        print("told:", seen.told)
    print("resident MiB:", ", ".join(f"{name} {mib:.0f}" for name, mib in seen.resident))


if __name__ == "__main__":
    run(main)
