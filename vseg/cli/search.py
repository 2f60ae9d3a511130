"""`vseg search`: the tracked objects that match a phrase best."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.cli.label import USUAL, Clip, ImageTextName
from vseg.errors import UsageError

if TYPE_CHECKING:
    from vseg.analysis.search import Hit


def search(
    run: options.RunFolder,
    phrase: Annotated[
        str,
        typer.Argument(metavar="PHRASE", help="What is searched: 'person with a backpack'."),
    ],
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="RUN", help="More runs to search.")
    ] = None,
    image_text: ImageTextName = USUAL,
    top: Annotated[int, typer.Option(min=1, help="Number of objects.")] = 10,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Also write an image of them (.png).")
    ] = None,
    clip: Clip = None,
    device: options.Device = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Rank the objects of finished runs by how well they match a phrase."""
    from vseg.analysis.search import SearchQuery, draw_hits, found_in
    from vseg.build import open_image_text
    from vseg.results.output_place import check_output

    runs = list(dict.fromkeys([run, *(more or ())]))
    if clip is not None and len(runs) > 1:
        raise UsageError(
            "--video is one run's clip, and several runs are given", hint="drop it"
        )
    if out is not None:
        check_output(out, overwrite=overwrite)
    query = SearchQuery(phrase, top, clip)
    model = open_image_text(image_text, device or "cpu")
    hits = found_in(runs, model, query)
    if out is not None and hits:
        draw_hits(hits, model, out, clip)
    if as_json:
        show_json({"phrase": phrase, "hits": [asdict(hit) for hit in hits]})
        return
    for hit in hits:
        print(_line(hit, len(runs) > 1))
    if not hits:
        print("no object was ever visible")


def _line(hit: "Hit", several: bool) -> str:
    """Similarity, object, and the frames it is visible on."""
    where = f"{hit.run}: " if several else ""
    name = f" {hit.label}" if hit.label else ""
    frames = f"frames {hit.first_frame} to {hit.last_frame}, best {hit.best_frame}"
    return f"{hit.similarity:6.3f}  {where}object {hit.object_id}{name}, {frames}"
