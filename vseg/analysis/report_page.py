"""One run as a page for people: what was tracked, when, how surely, and where to check.

Enters: a run and its clip.  Leaves: one HTML file without scripts that loads nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from vseg.analysis.lane_svg import sizes_svg, timeline_svg
from vseg.analysis.object_images import ObjectView, Thumbnail, object_images
from vseg.analysis.page_style import STYLE
from vseg.analysis.review_queue import RiskySpan
from vseg.analysis.run_summary import ObjectSummary, RunSummary, summarise
from vseg.build import open_clip
from vseg.errors import BadRun
from vseg.io.files import atomic_write_text
from vseg.io.html_page import html_page, image_tag
from vseg.ops.colours import hex_of
from vseg.ops.counted import counted
from vseg.results import Run
from vseg.results.records import RunWarning
from vseg.types import TrackEvent

_THUMBNAIL = (160, 120)

_LEGEND = (
    ("present", '<rect fill="#5a8dee" width="22" height="12"/>'),
    ("absent", '<rect class="lane" width="22" height="12"/>'),
    ("risk", '<rect class="risk" y="2" width="22" height="8"/>'),
    ("accepted", '<rect class="accepted" y="4" width="22" height="4"/>'),
    ("anchor", '<path class="anchor" d="M11 1l5 5-5 5-5-5z"/>'),
    ("event", '<path class="event" d="M11 0v12"/>'),
    ("cut", '<path class="cut" d="M11 0v12"/>'),
)


def write_report(run: Run, path: Path, source: str | None = None) -> RunSummary:
    """Write the report of a run; what it says.  source: where the clip is now.

    Without `source` and without the clip the page has no images, and a warning that says so.
    Raises BadRun if the run is empty or damaged or `source` is not its clip, OutputError.
    """
    try:
        video = open_clip(run, source)
    except BadRun as error:
        if source is not None:
            raise
        summary = _warned(summarise(run), error)
        atomic_write_text(path, report_page(summary, {}))
        return summary
    with video:
        summary = summarise(run)
        views = [view for summary in summary.objects for view in strip_of(summary)]
        images = dict(zip(views, object_images(run, video, views, _THUMBNAIL), strict=True))
    atomic_write_text(path, report_page(summary, images))
    return summary


def _warned(summary: RunSummary, error: BadRun) -> RunSummary:
    """With the reason why there are no images."""
    warning = RunWarning(
        code="clip_missing",
        message=f"the report has no filmstrips: {error.message}",
        hint=error.hint,
    )
    return replace(summary, warnings=(*summary.warnings, warning))


def strip_of(summary: ObjectSummary) -> list[ObjectView]:
    """The views of an object's filmstrip by ascending frame, its riskiest among them."""
    views = {view.frame_index: view for view in summary.strip.values()}
    if summary.worst is not None:
        views.setdefault(summary.worst.frame_index, summary.worst)
    return [views[frame] for frame in sorted(views)]


def report_page(summary: RunSummary, images: Mapping[ObjectView, Thumbnail]) -> str:
    """The page.  images: of every view of the filmstrips, or none."""
    run = summary.run
    sections = [_head(summary), _facts(summary)]
    if summary.warnings:
        sections.append(_warnings(summary.warnings))
    sections.append(_timeline(summary))
    if summary.queue.spans:
        sections.append(_queue(summary))
    sections.append("<h2>Objects</h2>")
    sections += [_object(summary, each, images) for each in summary.objects]
    if summary.events:
        sections.append(_events(summary))
    return html_page(f"{run.name}: report", STYLE, "\n".join(sections))


def _head(summary: RunSummary) -> str:
    run = summary.run
    header = run.header
    video = run.video
    rate = "" if video.fps is None else f", {float(video.fps):.4g} frames/s"
    revision = f", revision {run.revision}" if run.revision else ""
    return (
        f"<h1>{escape(run.name)}</h1>\n"
        f'<p class="faint">{escape(str(run.path))}{revision}, {header.status}; '
        f"{video.width}x{video.height}{rate}; tracked with {escape(header.model)} on "
        f"{header.created:%Y-%m-%d %H:%M} UTC, vseg {escape(header.vseg_version)}</p>"
    )


def _facts(summary: RunSummary) -> str:
    queue = summary.queue
    tracked = sum(each.frames for each in summary.objects)
    accepted = sum(each.accepted for each in summary.objects)
    damaged = summary.run.header.damage.skipped if summary.run.header.damage else 0
    facts = {
        "frames": f"{summary.frames}",
        "seconds": f"{summary.last_s:.1f}",
        "objects": f"{summary.total_objects}",
        "masks": f"{queue.masks}",
        "probably wrong": f"{queue.wrong:.0f}",
        "risky spans": f"{queue.found}",
        "accepted": f"{100 * accepted / max(1, tracked):.0f} %",
        "cuts": f"{len(summary.cuts)}",
    } | ({"damaged frames": f"{damaged}"} if damaged else {})
    cells = "".join(
        f'<div class="fact"><b>{value}</b><span>{name}</span></div>'
        for name, value in facts.items()
    )
    return f'<div class="facts">{cells}</div>'


def _warnings(warnings: Sequence[RunWarning]) -> str:
    told = "".join(
        f'<p>{escape(one.message)}<br><span class="faint small">{escape(one.hint)}</span></p>'
        for one in warnings
    )
    return f'<h2>Warnings</h2><div class="panel">{told}</div>'


def _timeline(summary: RunSummary) -> str:
    lanes = [(name_of(each), each.stored.colour, each.lane) for each in summary.objects]
    ids = [each.stored.id for each in summary.objects]
    drawing = timeline_svg(summary.axis, lanes, summary.cuts, summary.events, ids)
    shown = len(summary.objects)
    left_out = (
        f'<p class="faint small">The {shown} objects with the longest lives of '
        f"{summary.total_objects}.</p>"
        if shown < summary.total_objects
        else ""
    )
    return f'<h2>Timeline</h2><div class="panel scroll">{drawing}{_legend()}{left_out}</div>'


def _legend() -> str:
    entries = "".join(
        f'<span><svg viewBox="0 0 22 12">{drawing}</svg>{name}</span>'
        for name, drawing in _LEGEND
    )
    return f'<div class="legend">{entries}</div>'


def _queue(summary: RunSummary) -> str:
    rows = "".join(_span_row(summary, span) for span in summary.queue.spans)
    shown = len(summary.queue.spans)
    of = f" of {summary.queue.found}" if shown < summary.queue.found else ""
    return (
        f'<h2>Check first</h2><div class="panel scroll"><table><thead><tr>'
        '<th class="number">risk</th><th>object</th><th>frames</th><th>worst</th>'
        f"<th>why</th></tr></thead><tbody>{rows}</tbody></table>"
        f'<p class="faint small">Risky spans, worst first: {shown}{of}. Risk is the '
        "probability that a mask covers less than half of what it should.</p></div>"
    )


def _span_row(summary: RunSummary, span: RiskySpan) -> str:
    name = f"{span.object_id} {span.label or ''}".rstrip()
    return (
        f'<tr><td class="number">{span.risk:.2f}</td><td>{_swatch(summary, span.object_id)}'
        f"{escape(name)}</td><td>{_frames(span)}</td>"
        f"<td>{span.worst_frame} ({span.worst_time_s:.2f} s)</td>"
        f"<td>{escape(', '.join(span.reasons))}</td></tr>"
    )


def _frames(span: RiskySpan) -> str:
    last = span.end - 1
    return f"{span.first}" if last == span.first else f"{span.first} to {last}"


def _object(
    summary: RunSummary, each: ObjectSummary, images: Mapping[ObjectView, Thumbnail]
) -> str:
    stored = each.stored
    video = summary.run.video
    life = (
        "never visible"
        if stored.first_frame is None
        else f"visible on {each.visible} of {each.frames} frames, "
        f"from {stored.first_frame} to {stored.last_frame}"
    )
    told = [life, f"mean quality {each.mean_score:.2f}", counted(each.anchors, "anchor")]
    if each.accepted:
        told.append(f"{each.accepted} frames accepted")
    told.append(f"about {each.wrong:.0f} of the masks wrong")
    sizes = (
        sizes_svg(summary.axis, each.lane, stored.colour, video.height * video.width)
        if each.visible
        else ""
    )
    views = [view for view in strip_of(each) if view in images]
    figures = "".join(_figure(view, each, images[view]) for view in views)
    return (
        '<div class="panel scroll">'
        f"<h3>{_swatch(summary, stored.id)}object {escape(name_of(each))}</h3>"
        f'<p class="faint small">{"; ".join(told)}</p>{sizes}'
        f'<div class="strip">{figures}</div></div>'
    )


def _figure(view: ObjectView, each: ObjectSummary, image: Thumbnail) -> str:
    worst = each.worst == view
    kind = ' class="worst"' if worst and each.risk >= 0.1 else ""
    caption = f"{view.frame_index}" + (f" · risk {each.risk:.2f}" if worst else "")
    tag = image_tag(image, f"{name_of(each)} on frame {view.frame_index}")
    return f"<figure{kind}>{tag}<figcaption>{caption}</figcaption></figure>"


def _events(summary: RunSummary) -> str:
    rows = "".join(_event_row(summary, event) for event in summary.events)
    hidden = summary.total_events - len(summary.events)
    more = f'<p class="faint small">{hidden} later events are in events.jsonl.</p>'
    return (
        '<h2>Events</h2><div class="panel scroll"><table><thead><tr>'
        '<th class="number">frame</th><th>what</th><th>object</th><th></th></tr></thead>'
        f"<tbody>{rows}</tbody></table>{more if hidden else ''}</div>"
    )


def _event_row(summary: RunSummary, event: TrackEvent) -> str:
    obj = event.object_id
    who = "" if obj is None else f"{_swatch(summary, obj)}{obj}"
    facts = [
        None if event.label is None else event.label,
        None if event.track_id is None else f"track {event.track_id}",
        None if event.last_frame is None else f"to frame {event.last_frame}",
        None if event.score is None else f"score {event.score:.2f}",
    ]
    told = escape(", ".join(fact for fact in facts if fact is not None))
    kind = event.kind.replace("_", " ")
    return (
        f'<tr><td class="number">{event.frame}</td><td>{kind}</td><td>{who}</td>'
        f"<td>{told}</td></tr>"
    )


def name_of(each: ObjectSummary) -> str:
    """The object's id, with its label if it has one."""
    return f"{each.stored.id} {each.stored.label or ''}".rstrip()


def _swatch(summary: RunSummary, object_id: int) -> str:
    known = next((o for o in summary.run.objects if o.id == object_id), None)
    colour = hex_of(object_id) if known is None else known.colour
    return (
        '<svg class="swatch" viewBox="0 0 11 11"><rect width="11" height="11" rx="2" '
        f'fill="{colour}"/></svg>'
    )
