"""Where a user's machine keeps what can be made anew, such as measurements of its speed."""

import os
from pathlib import Path


def user_cache(name: str) -> Path:
    """The file of this name in vseg's cache: below `$XDG_CACHE_HOME`, or `~/.cache`."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if cache else Path.home() / ".cache") / "vseg" / name
