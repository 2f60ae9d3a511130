"""A typed client of `vseg serve`, synchronous and asynchronous.

with Client("http://127.0.0.1:8707", key="...") as service:
    video = service.upload("clip.mp4")
    session = service.create_session(video.id)
"""

from vseg.client.async_client import AsyncClient
from vseg.client.sync_client import Client

__all__ = ["AsyncClient", "Client"]
