"""Server-sent events: values as they become known."""

from fastapi.sse import format_sse_event
from pydantic import BaseModel

EVENTS = "text/event-stream"


def event(name: str, value: BaseModel, number: int | None = None) -> bytes:
    """One event, as it is sent.  number: its id."""
    identity = None if number is None else str(number)
    return format_sse_event(data_str=value.model_dump_json(), event=name, id=identity)
