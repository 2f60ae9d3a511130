"""Addresses of network streams: what each kind may open, and how to name them safely."""

import socket
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

RtspTransport = Literal["tcp", "udp"]

# What each scheme may open in turn; none may reach a local file.
PROTOCOLS = {
    "rtsp": "rtsp,rtp,udp,tcp",
    "rtsps": "rtsps,rtsp,rtp,udp,tcp,tls",
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,tls,tcp",
    "http": "http,https,tcp,tls,crypto",
    "https": "http,https,tcp,tls,crypto",
    "udp": "udp",
    "tcp": "tcp",
    "srt": "srt,udp",
}
# The ports of the schemes that are served over TCP, where an address names none.
_TCP_PORTS = {
    "rtsp": 554,
    "rtsps": 322,
    "rtmp": 1935,
    "rtmps": 443,
    "http": 80,
    "https": 443,
}


def scheme_of(source: str | Path) -> str | None:
    """`rtsp` of `rtsp://...`; None for a path."""
    scheme, mark, _ = str(source).partition("://")
    return scheme.lower() if mark and scheme.isalnum() else None


def redact(source: str | Path) -> str:
    """The address without user, password and query, fit for messages and logs; a path as it
    is.
    """
    scheme, mark, rest = str(source).partition("://")
    if not mark:
        return str(source)
    # A password may hold any character: everything up to the last @ is taken for it.
    _, at, place = rest.rpartition("@")
    place, question, _ = place.partition("?")
    return f"{scheme}://{'***@' if at else ''}{place}{'?***' if question else ''}"


def answers(source: int | str, timeout_s: float) -> bool | None:
    """Whether a server takes connections at an address; None where that cannot be told: it is
    no address, or not one of a server over TCP.
    """
    try:
        parts = urlsplit(str(source))
        port = parts.port or _TCP_PORTS.get(parts.scheme.lower())
        host = parts.hostname
    except ValueError:  # a password with characters of addresses in it
        return None
    if not host or not port or parts.scheme.lower() not in _TCP_PORTS:
        return None
    try:
        socket.create_connection((host, port), timeout_s).close()
    except OSError:
        return False
    return True
