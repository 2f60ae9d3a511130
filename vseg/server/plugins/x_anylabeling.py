"""X-AnyLabeling's remote server protocol, at /x-anylabeling: marks in, masks out.

Enters: images with points, rectangles or words; the images of a folder as a clip.  Leaves:
polygons.  The key comes as the header `Token`.  As the protocol has it, what cannot be done is
answered with status 200 and an `error`, which takes no shape away that the client has; too
many requests are refused with 429 as everywhere.
"""

import asyncio
import re
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute

from vseg.client.values import ObjectMask
from vseg.errors import BadImage, ModelError, NotAllowed, NotThere, TooMany, VsegError
from vseg.server.plugins.client_frames import unpack_frames
from vseg.server.plugins.named_objects import named_masks, phrases_of
from vseg.server.plugins.wire_images import file_of_text, rgb_of
from vseg.server.plugins.x_anylabeling_stream import propagation_events
from vseg.server.plugins.x_anylabeling_values import (
    MODELS,
    UNNAMED,
    ImageRequest,
    SessionId,
    VideoPromptRequest,
    VideoSpanRequest,
    marked_objects,
    model_facts,
    shapes_of,
)
from vseg.server.plugins.x_anylabeling_video import CLIPS, ClientVideo
from vseg.server.problem import problem_of
from vseg.server.routes.event_stream import EVENTS
from vseg.server.routes.parameters import TheCaller, TheService, problems
from vseg.server.security.tool_keys import X_ANYLABELING
from vseg.server.security.whole_text import check_text
from vseg.server.service import Service, service_of
from vseg.server.uploads import Upload
from vseg.session.image_predictor import ImagePredictor

Answer = dict[str, Any]
_CODES: tuple[tuple[type[VsegError], str], ...] = (
    (BadImage, "INVALID_IMAGE"),
    (ModelError, "INFERENCE_ERROR"),
)
"""Of the protocol; other errors have the name of their class."""


class _NoModel(NotThere):
    """A model that is not among those listed."""


class _ToolRoute(APIRoute):
    """Answers errors as the client takes them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handle(request)
            except (TooMany, NotAllowed):
                raise
            except VsegError as error:
                problem = problem_of(error, service_of(request).root)
                return _refusal(_code_of(error), problem.detail, problem.hint)
            except RequestValidationError as error:
                first = error.errors()[0]
                place = ".".join(str(part) for part in first["loc"])
                return _refusal("INVALID_REQUEST", f"{place}: {first['msg']}", None)

        return answered


router = APIRouter(
    prefix=f"{X_ANYLABELING}/v1",
    tags=["x-anylabeling"],
    route_class=_ToolRoute,
    responses=problems(413),
)
_JSON = [Depends(check_text)]
_FRAMES = {
    "type": "object",
    "required": ["model", "frames"],
    "properties": {
        "model": {"type": "string"},
        "frames": {"type": "array", "items": {"type": "string"}},
    },
}


@router.get("/models")
def list_remote_models() -> Answer:
    """The models, with the controls that the client shows for each."""
    return _success({name: model_facts(name) for name in MODELS})


@router.get("/models/{model_id}/info")
def read_remote_model(model_id: str) -> Answer:
    """One of them."""
    _check_model(model_id)
    return _success({"model_id": model_id, **model_facts(model_id)})


@router.post("/predict", dependencies=_JSON)
async def predict_shapes(
    asked: ImageRequest, service: TheService, caller: TheCaller
) -> Answer:
    """Shapes on one image: of what is marked, or of everything that words name."""
    _check_model(asked.model)
    content = await asyncio.to_thread(file_of_text, asked.image)
    pixels = await asyncio.to_thread(rgb_of, content, service.settings.limits.pixels)
    found = _named if asked.params.text_prompt.strip() else _marked
    shapes = await service.worker.run(caller.id, found, service, asked, pixels)
    # Words replace what the client shows if its user wants that; a click never does.
    keeps: Answer = {} if found is _named else {"replace": False}
    return _success({"shapes": shapes, "description": "", **keeps})


@router.post(
    "/video/init",
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": _FRAMES}}}
    },
)
async def begin_video(request: Request, service: TheService, caller: TheCaller) -> Answer:
    """Take the images of a folder in as a clip, and begin a session on it.

    They come in one body, which is kept on disk and read image by image.
    """
    stated = request.headers.get("content-length", "")
    length = int(stated) if stated.isdecimal() else None
    sent = Upload(request.stream(), length, f"{CLIPS}{secrets.token_hex(8)}")
    limits = service.settings.limits
    clip = await service.uploads.take_images(
        caller.id, sent, lambda body, folder: unpack_frames(body, folder, limits)
    )
    video = await service.worker.run(caller.id, ClientVideo.begin, service, caller, clip)
    return _success({"session_id": video.session_id})


@router.post("/video/prompt", dependencies=_JSON)
async def prompt_video(
    asked: VideoPromptRequest, service: TheService, caller: TheCaller
) -> Answer:
    """Masks of one object from points, or of everything that words name, on one frame."""
    _check_model(asked.model)
    video = ClientVideo(service, caller, asked.session_id)
    masks = await service.worker.run(caller.id, video.prompt, asked)
    labels = video.labels
    shapes = [
        shape
        for mask in masks
        for shape in _shapes_of_mask(mask, labels, asked.params.epsilon_factor)
    ]
    return _success({"masks": shapes, "frame_index": asked.frame_index})


@router.post(
    "/video/propagate/stream",
    dependencies=_JSON,
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {EVENTS: {}, "application/json": {}},
            "description": "Events `started`, `progress` for every frame and `completed`, or "
            "`error`; JSON for what is no request",
        }
    },
)
async def propagate_video(
    asked: VideoSpanRequest, service: TheService, caller: TheCaller
) -> StreamingResponse:
    """Track the objects; the shapes of all frames come with the last event."""
    _check_model(asked.model)
    video = ClientVideo(service, caller, asked.session_id)
    return StreamingResponse(propagation_events(video, asked), media_type=EVENTS)


@router.post("/video/cleanup/{session_id}")
async def clean_up_video(
    session_id: SessionId, service: TheService, caller: TheCaller
) -> Answer:
    """Forget a session, and the clip that was uploaded for it."""
    video = ClientVideo(service, caller, session_id)
    await service.worker.run(caller.id, video.delete)
    return _success({"session_id": session_id})


def _marked(service: Service, asked: ImageRequest, pixels: Any) -> list[Answer]:
    predictor = ImagePredictor(service.models.load())
    objects = marked_objects(asked.params.marks)
    masks = predictor.predict_objects(predictor.encode(pixels), objects)
    return [
        shape
        for number, score in zip(masks, masks.scores.tolist(), strict=True)
        if masks.area(number)
        for shape in shapes_of(
            masks.crop(number),
            UNNAMED,
            score,
            group=number if len(objects) > 1 else None,
            epsilon=asked.params.epsilon_factor,
        )
    ]


def _named(service: Service, asked: ImageRequest, pixels: Any) -> list[Answer]:
    predictor = ImagePredictor(service.models.load())
    image = predictor.encode(pixels)
    phrases = phrases_of(asked.params.text_prompt)
    grounder = service.models.grounder()
    found = named_masks(predictor, grounder, image, phrases, asked.params.least_score)
    return [
        shape
        for number, one in enumerate(found, start=1)
        for shape in shapes_of(
            one.crop,
            phrases[one.word],
            one.score,
            group=number,
            epsilon=asked.params.epsilon_factor,
        )
    ]


def _shapes_of_mask(mask: ObjectMask, labels: dict[int, str], epsilon: float) -> list[Answer]:
    if not mask.visible:
        return []
    label = labels.get(mask.object, UNNAMED)
    return shapes_of(mask.crop(), label, mask.score, group=mask.object, epsilon=epsilon)


def _check_model(name: str) -> None:
    if name not in MODELS:
        raise _NoModel(
            f"there is no model {name[:100]!r}", hint=f"the models are {', '.join(MODELS)}"
        )


def _success(content: Answer) -> Answer:
    return {"success": True, "data": content}


def _refusal(code: str, message: str, hint: str | None) -> JSONResponse:
    """`replace`: without it the client would take away what it shows."""
    sentence = f"{message} ({hint})" if hint else message
    error = {"code": code, "message": sentence}
    return JSONResponse({"success": False, "error": error, "data": {"replace": False}})


def _code_of(error: VsegError) -> str:
    if isinstance(error, _NoModel):
        return "MODEL_NOT_FOUND"
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).upper()
