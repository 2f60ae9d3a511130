"""A file of masks that another program wrote, compared with the run that it goes into."""

from pathlib import Path

from vseg.errors import UsageError
from vseg.exchange.sidecar import read_sidecar
from vseg.pipelines.editable_run import open_run
from vseg.pipelines.import_masks import ImportedMasks, compare_with_run
from vseg.results.run import Run


def compared(run_path: Path, path: Path, format_name: str | None) -> tuple[Run, ImportedMasks]:
    """The revision that the file is compared with, and what differs; close its masks.

    Raises BadExchange, and UsageError where nothing differs.
    """
    sidecar = read_sidecar(path)
    run = open_run(run_path, sidecar.origin.revision if sidecar else None)
    imported = compare_with_run(run, path, format_name)
    if imported.comparison.is_same:
        imported.masks.close()
        raise UsageError(
            f"{path.name} holds the masks that the run has", hint="there is nothing to import"
        )
    return run, imported
