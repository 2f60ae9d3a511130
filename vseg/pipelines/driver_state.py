"""What steers a session, before the session's own state, as one run of bytes.

Enters: plain values and a session's snapshot.  Leaves: bytes, and the same two again.
"""

import json
from typing import Any

from vseg.errors import BadRun


def packed_state(own: dict[str, Any], session: bytes) -> bytes:
    """Both in one: the length of the first in eight bytes, it as JSON, the second."""
    text = json.dumps(own).encode()
    return len(text).to_bytes(8, "little") + text + session


def unpacked_state(payload: bytes) -> tuple[dict[str, Any], bytes]:
    """What `packed_state` was given.  Raises BadRun if it is damaged."""
    end = 8 + int.from_bytes(payload[:8], "little")
    try:
        own: dict[str, Any] = json.loads(payload[8:end])
    except ValueError as error:
        raise BadRun(
            f"the saved state of the run cannot be read: {error}",
            hint="begin again with --overwrite",
        ) from error
    return own, payload[end:]
