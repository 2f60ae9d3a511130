"""A file that is fetched from the service is whole, or as it was before."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.served import run_async
from vseg.client import AsyncClient, Client
from vseg.errors import OutputError, ServiceError


class Torn(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A connection that breaks after the first bytes."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"first"
        raise httpx2.ReadError("connection reset")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"first"
        raise httpx2.ReadError("connection reset")


def service(stream: httpx2.SyncByteStream | None) -> httpx2.MockTransport:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if stream is None:
            return httpx2.Response(200, content=b"whole")
        return httpx2.Response(200, stream=stream)

    return httpx2.MockTransport(answer)


def test_a_connection_that_breaks_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "a.zip"
    out.write_bytes(b"before")
    with (
        Client("http://here", key="k", transport=service(Torn())) as client,
        pytest.raises(ServiceError, match="connection reset"),
    ):
        client.download("1", out)

    async def fetch() -> None:
        async with AsyncClient("http://here", key="k", transport=service(Torn())) as client:
            await client.download("1", out)

    with pytest.raises(ServiceError, match="connection reset"):
        run_async(fetch())
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
    assert out.read_bytes() == b"before"


def test_what_came_whole_is_written_where_it_may_be(tmp_path: Path) -> None:
    with Client("http://here", key="k", transport=service(None)) as client:
        assert client.download("1", tmp_path / "a.zip").read_bytes() == b"whole"
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(OutputError, match="cannot write"):
            client.download("1", tmp_path / "file" / "a.zip")
