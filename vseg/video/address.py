"""Addresses of network streams: what each kind may open, and how to name them safely."""

from pathlib import Path

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
