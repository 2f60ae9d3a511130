"""Requests that change nothing: masks of a frame, previews, lanes, review, files, numbers.

Enters: a request.  Leaves: its answer.  They may overtake each other; of several views or
previews of one client only the newest counts, and the others are answered as superseded.
"""

import asyncio

from vseg.errors import BadPrompt
from vseg.prompts.check import check_prompt
from vseg.results.spans import ObjectSpans
from vseg.server.annotator import requests as ask
from vseg.server.annotator.clients import PageClient
from vseg.server.annotator.clip_tasks import ClipTasks
from vseg.server.annotator.command_requests import Handler
from vseg.server.annotator.desk_files import export_file, report_file
from vseg.server.annotator.desk_zones import zone_rows, zones_answer, zones_of
from vseg.server.annotator.lanes_shown import LaneView, lane_cells
from vseg.server.annotator.mask_message import MaskFlag, ShownMask, wire_crop
from vseg.server.annotator.messages import (
    Alternative,
    AlternativesAnswer,
    Answer,
    FileAnswer,
    LanesAnswer,
    PreviewAnswer,
    ReviewAnswer,
    ViewAnswer,
    ZoneEventsAnswer,
)
from vseg.server.annotator.review_spans import Reviews
from vseg.server.annotator.work_statistics import work_statistics
from vseg.types import Box, Points, Prompt, Timecode


class ShownRequests:
    """Those of one client."""

    def __init__(self, tasks: ClipTasks, client: PageClient, reviews: Reviews) -> None:
        self._tasks = tasks
        self._opened = tasks.opened
        self._client = client
        self._reviews = reviews
        self._viewing = asyncio.Lock()
        self._previewing = asyncio.Lock()
        self._newest = -1
        self.handlers: dict[type[ask.Request], Handler] = {
            ask.View: self._view,
            ask.Preview: self._preview,
            ask.AskAlternatives: self._alternatives,
            ask.AskLanes: self._lanes,
            ask.ReviewNext: self._review,
            ask.MakeExport: self._export,
            ask.MakeReport: self._report,
            ask.AskStatistics: self._statistics,
            ask.AskZones: self._zones,
            ask.AskZoneEvents: self._zone_events,
        }

    async def _view(self, request: ask.View) -> Answer:
        frame = request.frame
        self._opened.project.check_frame(frame)
        client = self._client
        client.frame = frame
        self._newest = -1
        async with self._viewing:
            superseded = client.frame != frame
            masks = 0 if superseded else await self._tasks.show(frame)
        if not superseded:
            self._tasks.start(self._tasks.warm(client, frame, request.direction))
        return ViewAnswer(re=request.id, frame=frame, masks=masks, superseded=superseded)

    async def _preview(self, request: ask.Preview) -> Answer:
        self._newest = request.id
        async with self._previewing:
            superseded = self._newest != request.id
            if not superseded:
                self._client.send(await self._previewed(request))
        return PreviewAnswer(re=request.id, superseded=superseded)

    async def _previewed(self, request: ask.Preview) -> ShownMask:
        opened = self._opened
        obj = request.object
        frame = request.frame
        opened.project.check_frame(frame)
        value = _value(request)
        video = opened.run.video
        check_prompt(value, (video.height, video.width), video.rotation, frame)
        prompts = [Prompt(obj, Timecode(frame=frame), value)]
        stored = None
        if obj is not None:
            before = [p.prompt for p in opened.project.pending_of(obj, frame)]
            prompts = [*before, *prompts]
            stored = await asyncio.to_thread(opened.view.crop, obj, frame)
        mask = await self._tasks.worker.run(
            opened.run_id, opened.images.preview, prompts, stored
        )
        flags = MaskFlag.TRANSIENT
        if mask.crop.area:
            flags |= MaskFlag.PRESENT
        return ShownMask(frame, obj or 0, flags, mask.score, mask.crop)

    async def _alternatives(self, request: ask.AskAlternatives) -> Answer:
        opened = self._opened
        places = await asyncio.to_thread(opened.view.prompted, request.frame, {request.object})
        if not places:
            raise BadPrompt(
                f"object {request.object} has no pending clicks on frame {request.frame}",
                hint="click on it first",
            )
        (place,) = places

        def decode() -> list[Alternative]:
            shown = place.decoded(opened.images).crop
            found = opened.images.alternatives(place.prompts, shown)
            return [
                Alternative(
                    kind=kind, score=mask.score, area=mask.crop.area, crop=wire_crop(mask.crop)
                )
                for kind, mask in found
            ]

        found = await self._tasks.worker.run(opened.run_id, decode)
        return AlternativesAnswer(re=request.id, alternatives=found)

    async def _lanes(self, request: ask.AskLanes) -> Answer:
        project = self._opened.project
        first, end = project.frames
        low = max(first, request.first)
        high = min(end, request.end)
        if low >= high:
            raise BadPrompt(
                f"the range {request.first}:{request.end} holds no frame",
                hint=f"the clip has frames {first} to {end - 1}",
            )
        view = LaneView.of(low, high, request.bins)
        return await asyncio.to_thread(self._lanes_of, request, view)

    def _lanes_of(self, request: ask.AskLanes, view: LaneView) -> Answer:
        opened = self._opened
        with opened.project.lock:
            store = self._tasks.lanes.store()
            spans = opened.view.spans()
            stale = opened.desk.stale()
            places = [p.place for p in opened.project.ledger.pending]
            ids = opened.project.known_ids
            revision = opened.run.revision
        chosen = ids[:_MOST_LANES] if request.objects is None else request.objects
        lanes = []
        for obj in chosen:
            if obj in ids:
                own = spans.get(obj, ObjectSpans(object_id=obj, spans=()))
                frames = [frame for one, frame in places if one == obj]
                lanes.append(lane_cells(view, store, own, frames, stale))
        return LanesAnswer(
            re=request.id,
            revision=revision,
            first=view.first,
            end=view.end,
            cells=view.cells,
            risk_known=store.known / max(1, store.end - store.first),
            lanes=lanes,
        )

    async def _review(self, request: ask.ReviewNext) -> Answer:
        lanes = self._tasks.lanes
        await asyncio.to_thread(lanes.store)
        for _ in range(_JUDGED_IN):
            if lanes.spans is not None:
                break
            await asyncio.sleep(_JUDGED_EVERY_S)
        spans = await self._tasks.slowly(
            self._reviews.spans, self._opened, lanes.spans or (), request.everywhere
        )
        return ReviewAnswer(re=request.id, span=spans[0] if spans else None, left=len(spans))

    async def _export(self, request: ask.MakeExport) -> Answer:
        path = await self._tasks.slowly(export_file, self._opened, request.format)
        return self._file(request.id, path.name, path.stat().st_size)

    async def _report(self, request: ask.MakeReport) -> Answer:
        path = await self._tasks.slowly(report_file, self._opened)
        return self._file(request.id, path.name, path.stat().st_size)

    def _file(self, re: int, name: str, size: int) -> FileAnswer:
        url = f"/v1/annotations/{self._opened.run_id}/files/{name}"
        return FileAnswer(re=re, url=url, name=name, bytes=size)

    async def _zones(self, request: ask.AskZones) -> Answer:
        return zones_answer(request.id, await asyncio.to_thread(zones_of, self._opened))

    async def _zone_events(self, request: ask.AskZoneEvents) -> Answer:
        rows = await self._tasks.slowly(zone_rows, self._opened)
        return ZoneEventsAnswer(re=request.id, rows=rows)

    async def _statistics(self, request: ask.AskStatistics) -> Answer:
        return await asyncio.to_thread(work_statistics, self._opened.project, request.id)


_MOST_LANES = 64
_JUDGED_EVERY_S = 0.1
_JUDGED_IN = 300
"""How long a review waits for the masks to be judged, 30 s; then it has what is known."""


def _value(request: ask.Preview) -> Points | Box:
    """What the cursor points at.  Raises BadPrompt."""
    if request.box is not None:
        return Box(*request.box)
    if request.point is not None:
        return Points([request.point], [request.positive])
    raise BadPrompt("a preview of nothing was asked for", hint='give "point" or "box"')
