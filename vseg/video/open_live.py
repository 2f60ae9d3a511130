"""A name of something that goes on in, the live source that gives its frames out."""

import threading
from pathlib import Path

from vseg.interfaces.live_source import LiveSource
from vseg.video.address import scheme_of
from vseg.video.camera import Camera, LiveOptions
from vseg.video.capture import open_playback
from vseg.video.growing_folder import GrowingFolder
from vseg.video.playback import Playback


def open_live(
    source: str | Path,
    options: LiveOptions | None = None,
    *,
    news: threading.Event | None = None,
) -> LiveSource:
    """The live source for a camera's number (that is no file's name), an address, a folder
    that images are written into, or a clip, which is played at its own rate.

    news: set whenever there is something new.  Raises BadVideo.
    """
    chosen = options or LiveOptions()
    path = Path(source)
    if scheme_of(source) is not None:
        return Camera(str(source), chosen, news=news)
    if path.is_dir():
        folder = GrowingFolder(path, from_newest=chosen.drop)
        return Playback(
            folder, str(path), drop=chosen.drop, rescale=True, wait=True, news=news
        )
    if str(source).isdecimal() and not path.exists():
        return Camera(int(str(source)), chosen, news=news)
    return Playback(open_playback(path), str(path), drop=chosen.drop, news=news)
