"""Masks of another program as a run of their own.

Enters: a file and its clip.  Leaves: a run directory, as if the masks had been tracked; it is
corrected like any other.
"""

from pathlib import Path

from vseg import __version__
from vseg.build import nano_card, open_video
from vseg.errors import BadExchange
from vseg.exchange.formats import format_named
from vseg.exchange.guess_format import guess_format
from vseg.exchange.read_masks import read_masks
from vseg.exchange.sidecar import read_sidecar
from vseg.pipelines.editable_run import EditableRun, open_run
from vseg.pipelines.import_masks import check_any_frame
from vseg.results.fingerprint import fingerprint
from vseg.results.records import RunHeader
from vseg.results.writer import whole_run


def import_run(
    file: Path,
    clip: str,
    out: Path,
    format_name: str | None = None,
    *,
    overwrite: bool = False,
) -> EditableRun:
    """Write the run `out`; frames that the file does not speak of are not in it.

    Raises BadExchange for a file that does not fit the clip, BadVideo, and OutputError if a
    run is there already.
    """
    sidecar = read_sidecar(file)
    name = format_name or (sidecar.format if sidecar else guess_format(file))
    card = nano_card()
    with open_video(clip) as video:
        info = video.info
        times = video.time_at
        with read_masks(file, name, info, Path(clip).stem) as masks:
            check_any_frame(file, masks)
            if masks.unnamed:
                raise BadExchange(
                    f"{file}: {masks.unnamed} masks have no id that says whose they are",
                    hint="give them ids, or take them into a run of the clip: --into RUN",
                )
            header = RunHeader(
                vseg_version=__version__,
                # No model made the masks; this is the one that corrects them.
                model=card.name,
                weights_sha256=card.sha256,
                device="cpu",
                dtype="float32",
                options={"imported": format_named(name).name},
                source=fingerprint(Path(clip)),
                video=info,
                labels=masks.labels,
            )
            with whole_run(out, header, overwrite=overwrite) as writer:
                for frame in masks:
                    if writer.write(frame.at_time(times(frame.frame_index))):
                        writer.commit()
                writer.finish()
    return open_run(out)
