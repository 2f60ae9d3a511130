"""Names for the objects of a finished run, by a vocabulary and a model of images and words.

Enters: a run, words.  Leaves: labels.json, names in objects.json and labels.png in the run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vseg.analysis.embeddings import ObjectEmbeddings, crops_of, embed_objects
from vseg.build import open_run
from vseg.grounding.image_text import ImageText, best_fits
from vseg.io.files import atomic_path
from vseg.results import Run
from vseg.results.labels import Named, ObjectLabel, RunLabels, write_labels
from vseg.results.layout import LABEL_SHEET
from vseg.results.render import TILE_WIDTH, Sheet

_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class LabelSettings:
    """top: phrases kept for an object.  overwrite: names that objects have are replaced.

    source: where the clip is now, if it has moved.  sheet: whether labels.png is written.
    revision: of the run, the current one if None.
    """

    top: int = 3
    overwrite: bool = False
    source: str | None = None
    sheet: bool = True
    revision: int | None = None


def label_run(
    path: Path,
    image_text: ImageText,
    vocabulary: Sequence[str],
    settings: LabelSettings | None = None,
) -> RunLabels:
    """The labels, once they are written; objects that were never visible have none.

    Raises BadRun for an unfinished run or another clip, BadPrompt for a phrase that is too
    long.
    """
    settings = settings or LabelSettings()
    run = open_run(path, settings.revision)
    words = image_text.words(vocabulary)
    embeddings = embed_objects(run, image_text, source=settings.source)
    named = []
    for place, object_id in enumerate(embeddings.object_ids):
        scores = image_text.scores(embeddings.vectors[place : place + 1], words)[0]
        fits = best_fits(scores, vocabulary, max(1, settings.top))
        top = tuple(Named(label=fit.phrase, score=fit.score) for fit in fits)
        frame = int(embeddings.best_frames[place])
        named.append(
            ObjectLabel(
                id=object_id,
                label=top[0].label,
                confidence=top[0].score,
                top=top,
                best_frame=frame,
            )
        )
    labels = RunLabels(
        image_text=image_text.name,
        weights_sha256=image_text.weights_sha256,
        words=len(vocabulary),
        labels=tuple(named),
    )
    if settings.sheet and named:
        captions = {one.id: f"{one.id}  {one.label}  {one.confidence:.2f}" for one in named}
        draw_objects([(run, embeddings, captions)], run.content / LABEL_SHEET, settings.source)
    write_labels(run.content, labels, overwrite=settings.overwrite)
    return labels


def draw_objects(
    wanted: Sequence[tuple[Run, ObjectEmbeddings, Mapping[int, str]]],
    path: Path,
    source: str | None,
) -> None:
    """Write a PNG with one captioned tile for every object that has a caption, run by run."""
    count = sum(len(captions) for _, _, captions in wanted)
    sheet = Sheet(TILE_WIDTH, min(_COLUMNS, count), count)
    place = 0
    for run, embeddings, captions in wanted:
        chosen = embeddings.only(captions)
        for object_id, image in crops_of(run, chosen, source):
            sheet.put(place, image, captions[object_id])
            place += 1
    with atomic_path(path) as part:
        sheet.image.save(part, format="PNG")
