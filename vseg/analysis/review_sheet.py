"""The review queue for people: an HTML page or a PNG sheet with a small image for every span.

Enters: a queue, and the clips of its runs.  Leaves: one file, under its name only once it is
whole.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from vseg.analysis.object_images import ObjectView, Thumbnail, object_images
from vseg.analysis.page_style import STYLE
from vseg.analysis.review_commands import accept_command, correct_command
from vseg.analysis.review_queue import ReviewQueue, RiskySpan
from vseg.build import open_clip, open_run
from vseg.errors import UsageError
from vseg.io.files import atomic_path, atomic_write_text
from vseg.io.html_page import html_page, image_tag
from vseg.results.render import TILE_WIDTH, Sheet

TILE = (TILE_WIDTH, round(TILE_WIDTH * 9 / 16))
_PAGE_TILE = (384, 216)
_COLUMNS = 4
FORMATS = (".html", ".png")


def check_sheet(path: Path) -> None:
    """Raise UsageError unless the file's name says what to write."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(
            f"{path.name} says neither HTML nor PNG", hint="name it queue.html or queue.png"
        )


def write_sheet(queue: ReviewQueue, path: Path, source: str | None = None) -> None:
    """Write the queue as its name says.  source: where the clip is now, of a queue of one run.

    Raises UsageError for another ending, BadRun where a clip is missing, OutputError.
    """
    check_sheet(path)
    if path.suffix.lower() == ".html":
        images = _images(queue.spans, _PAGE_TILE, source)
        atomic_write_text(path, _page(queue, images))
        return
    sheet = Sheet(TILE[1], max(1, min(_COLUMNS, len(queue.spans))), len(queue.spans))
    images = _images(queue.spans, TILE, source)
    for place, (span, image) in enumerate(zip(queue.spans, images, strict=True)):
        sheet.put(place, image, f"{span.risk:.2f}  {object_name(span)}, {frames_of(span)}")
    with atomic_path(path) as part:
        sheet.image.save(part, format="PNG")


def object_name(span: RiskySpan) -> str:
    """The object's id, with its label if it has one."""
    return f"object {span.object_id} {span.label or ''}".rstrip()


def frames_of(span: RiskySpan) -> str:
    """The span's frames, both ends included."""
    last = span.end - 1
    return f"frames {span.first} to {last}" if last > span.first else f"frame {last}"


def _images(
    spans: Sequence[RiskySpan], size: tuple[int, int], source: str | None
) -> list[Thumbnail]:
    """An image for every span; the clip of each run is opened once."""
    images: dict[int, Thumbnail] = {}
    for folder, revision in dict.fromkeys((span.run, span.revision) for span in spans):
        run = open_run(folder, revision)
        places = [k for k, span in enumerate(spans) if span.run == folder]
        views = [
            ObjectView(spans[k].worst_frame, spans[k].object_id, spans[k].box, wide=True)
            for k in places
        ]
        with open_clip(run, source) as video:
            images |= dict(zip(places, object_images(run, video, views, size), strict=True))
    return [images[place] for place in range(len(spans))]


def _page(queue: ReviewQueue, images: Sequence[Thumbnail]) -> str:
    cards = "\n".join(map(_card, queue.spans, images))
    shown = len(queue.spans)
    of = "" if shown == queue.found else f" of {queue.found}"
    body = (
        "<h1>Review queue</h1>\n"
        f'<p class="faint">Risky spans, worst first: {shown}{of}. Masks: {queue.masks}, '
        f"about {queue.wrong:.0f} of them wrong. The image shows the worst frame of "
        "each span. What to type next stands under it; the point of a correction is a place "
        "to start from: in the mask, or where the object was last.</p>\n"
        f'<ol class="cards">\n{cards}\n</ol>'
    )
    return html_page("Review queue", STYLE, body)


def _card(span: RiskySpan, image: Thumbnail) -> str:
    name = object_name(span)
    where = f"frame {span.worst_frame}, {span.worst_time_s:.2f} s"
    reasons = escape(", ".join(span.reasons))
    return (
        f'<li class="card">{image_tag(image, f"{name}, {where}")}'
        f'<div><span class="badge">{span.risk:.2f}</span><h3>{escape(name)}</h3>'
        f'<p class="small">{frames_of(span)}; worst: {where}</p>'
        f'<p class="small faint">{reasons}</p>'
        f'<p class="small"><code>{escape(correct_command(span))}</code></p>'
        f'<p class="small"><code>{escape(accept_command(span))}</code></p></div></li>'
    )
