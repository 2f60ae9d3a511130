"""The page, its files, and the exchange of a key for a cookie."""

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from vseg.errors import NotThere
from vseg.server.routes.parameters import TheService, problems
from vseg.server.security.cookies import LIFETIME_S

router = APIRouter()
PAGES = Path(str(files("vseg.server"))) / "pages"


class Login(BaseModel):
    """The token of the link that the service printed, or of a key."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=256)


@router.get("/", include_in_schema=False)
def index() -> FileResponse:
    """The annotator."""
    path = PAGES / "index.html"
    if not path.is_file():
        raise NotThere("this installation has no page", hint="install vseg again")
    return FileResponse(path, headers={"Cache-Control": "no-cache"})


@router.post("/v1/login", status_code=204, tags=["login"], responses=problems())
def log_in(
    login: Login,
    request: Request,
    service: TheService,
) -> Response:
    """Exchange a key for a cookie that scripts cannot read and other sites cannot use."""
    address = request.client.host if request.client else ""
    value = service.doorkeeper.log_in(login.token, address)
    response = Response(status_code=204)
    response.set_cookie(
        service.doorkeeper.cookies.name,
        value,
        max_age=LIFETIME_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/v1/logout", status_code=204, tags=["login"], responses=problems())
def log_out(service: TheService) -> Response:
    """Have the browser forget its cookie."""
    response = Response(status_code=204)
    response.delete_cookie(service.doorkeeper.cookies.name, httponly=True, samesite="strict")
    return response
