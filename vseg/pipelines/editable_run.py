"""A run that can be corrected: what `vseg.open_run` gives."""

from pathlib import Path
from typing import TYPE_CHECKING

from vseg.build import open_clip
from vseg.errors import BadRun
from vseg.io.files import given_path
from vseg.pipelines.correction_settings import CorrectionSettings
from vseg.pipelines.run_edit import RunEdit
from vseg.results.revision_chain import redo, undo
from vseg.results.run import Run

if TYPE_CHECKING:
    from vseg.interfaces.model import Model


class EditableRun(Run):
    """A run with its corrections: `with run.edit() as edit: edit.rename(1, "car")`."""

    def edit(self, *, model: "Model | None" = None, source: str | None = None) -> RunEdit:
        """Corrections that become a new revision; this run stays what it is: open it again to
        read them.

        model: that tracks, the one of the run if None.  source: where the clip is now, if it
        has moved.  Raises BadRun if the run is not of the current revision, UsageError for
        what is no model or no path.
        """
        if self.revision != self.header.revision:
            raise BadRun(
                f"revision {self.revision} of {self.path} is not the current one",
                hint=f"vseg revisions {self.path} --to {self.revision}",
            )
        if model is not None:
            from vseg.interfaces.promptable_model import check_loaded  # draws in torch

            check_loaded(model)
        if source is not None:
            given_path(source, "source")
        return RunEdit(self.path, CorrectionSettings(source, model))

    def undo(self) -> "EditableRun":
        """The run at what its current revision was made from, which is current now.  Raises
        BadRun for a run as it was tracked.
        """
        undo(self.path)
        return open_run(self.path)

    def redo(self) -> "EditableRun":
        """The run at the newest revision made from the current one, which is current now.
        Raises BadRun if there is none.
        """
        redo(self.path)
        return open_run(self.path)


def open_run(path: Path | str, revision: int | None = None) -> EditableRun:
    """The run at `path`, finished or not; masks are read when asked for.

    revision: of a corrected run, the one to read; the current one if None, 0 as tracked.
    Raises BadRun if there is no run or no such revision, or its run.json is damaged or of
    another format, UsageError for what is no path.
    """
    return EditableRun(path, open_clip, revision)
