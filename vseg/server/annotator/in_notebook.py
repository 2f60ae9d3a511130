"""`vseg.annotate`: the annotator's page in the output cell of a notebook.

Enters: a clip.  Leaves: an Annotation, which shows the page where it is the value of a cell
and gives the run.  The server is a thread of the kernel's process, on this machine alone.
Needs the packages of the service only once it is called.
"""

import atexit
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vseg.interfaces.closing import Closing
from vseg.pipelines.editable_run import EditableRun, open_run
from vseg.server.extra import check_server_extra

if TYPE_CHECKING:
    from vseg.server.annotator.own_server import OwnServer

_NOTEBOOKS = ("http://localhost:*", "http://127.0.0.1:*")
"""Pages that may show the annotator: notebooks on this machine."""


class Annotation(Closing):
    """A clip that is annotated in a notebook; a context manager.

    desk = vseg.annotate("clip.mp4")     # the page is shown
    desk                                 # again
    desk.run                             # the run as it is now
    desk.close()

    page: its address, for a tab of its own.
    """

    def __init__(self, stack: ExitStack, own: "OwnServer", address: str) -> None:
        self._stack = stack
        self._own = own
        self.page = own.page(address)

    @property
    def run(self) -> EditableRun:
        """The run as it is now."""
        return open_run(self._own.run)

    def close(self) -> None:
        """End the server; the run stays."""
        self._stack.close()

    def _repr_html_(self) -> str:
        return (
            f'<iframe src="{self.page.replace("&", "&amp;")}" width="100%" height="720" '
            'style="border:0" allow="fullscreen"></iframe>'
        )

    def __repr__(self) -> str:
        return f"Annotation({str(self._own.run)!r}, page={self.page!r})"


def annotate(
    clip: str | Path,
    out: str | Path | None = None,
    *,
    host: str = "localhost",
    **settings: Any,
) -> Annotation:
    """Annotate a clip in the output cell; what it becomes is `annotate(...).run`.

    clip: a clip or a run.  out: the run, made if there is none; runs/NAME-annotated if None.
    host: under which name the notebook itself was opened, localhost or 127.0.0.1: a browser
    keeps the pages of one name apart from those of another.  settings: model, grounder,
    device.  Raises ExtraMissing without the packages of vseg[server], and BadVideo, BadRun,
    ModelError and OutputError.
    """
    check_server_extra()
    from vseg.server.annotator.own_server import own_server
    from vseg.server.listening import ServerThread

    given = {"port": 0, "frame_ancestors": _NOTEBOOKS, **settings}
    with ExitStack() as stack:
        own = stack.enter_context(
            own_server(str(clip), None if out is None else Path(out), **given)
        )
        thread = ServerThread(own.app, own.settings)
        stack.callback(thread.close)
        address = thread.start()
        kept = stack.pop_all()
    atexit.register(kept.close)
    return Annotation(kept, own, address.replace("127.0.0.1", host))
