"""Two runs side by side, as one HTML page that loads nothing, or its drawing as SVG.

Enters: a RunComparison, and where annotation and predictions are.  Leaves: one file, under its
name only once it is whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from vseg.analysis.error_images import COLOURS, ClipSides, error_images
from vseg.analysis.gain_svg import FIRST, MOST_ROWS, SECOND, curves_svg, gains_svg
from vseg.analysis.object_images import Thumbnail
from vseg.analysis.page_style import STYLE
from vseg.analysis.run_comparison import FramePair, RunComparison
from vseg.io.files import atomic_write_text
from vseg.io.html_page import html_page, image_tag
from vseg.metrics.bootstrap import Interval, intervals
from vseg.metrics.jf_scores import DatasetScore
from vseg.ops.counted import counted

_TILE = (240, 180)

# With fewer, even a sign test of clips that all agree does not reach 5 %: 2 / 2 ** 5 is 6 %.
_FEWEST_CLIPS = 6

_MEASURES = {"j_and_f": "J&amp;F", "j_mean": "J", "f_mean": "F"}


@dataclass(frozen=True, slots=True)
class ComparedFolders:
    """Where the clips' annotations are, and the predictions of both runs, by clip."""

    truth: Mapping[str, Path]
    first: Mapping[str, Path]
    second: Mapping[str, Path]


def write_comparison(compared: RunComparison, folders: ComparedFolders, path: Path) -> None:
    """Write the page, or the drawing alone into a .svg.  Raises OutputError."""
    if path.suffix.lower() == ".svg":
        atomic_write_text(path, gains_svg(compared.objects))
        return
    images = _images(compared, folders)
    sections = [_head(compared), _means(compared), _gains(compared)]
    sections += [
        _frames(compared, title, frames, images)
        for title, frames in (
            ("Where the second falls behind most", compared.lost),
            ("Where it is ahead most", compared.won),
        )
        if frames
    ]
    title = f"{compared.names[0]} and {compared.names[1]}"
    atomic_write_text(path, html_page(title, STYLE, "\n".join(sections)))


Images = Mapping[FramePair, tuple[Thumbnail, Thumbnail]]


def _images(compared: RunComparison, folders: ComparedFolders) -> Images:
    """Both images of every frame shown; the masks of each clip are read once."""
    shown = (*compared.lost, *compared.won)
    found: dict[FramePair, tuple[Thumbnail, Thumbnail]] = {}
    for clip in dict.fromkeys(frame.clip for frame in shown):
        of_clip = [frame for frame in shown if frame.clip == clip]
        wanted = {
            number: frozenset(one.object_id for one in of_clip if one.frame == number)
            for number in {frame.frame for frame in of_clip}
        }
        sides = ClipSides(folders.truth[clip], folders.first[clip], folders.second[clip])
        images = error_images(sides, wanted, compared.first.protocol, _TILE)
        found |= {frame: images[frame.frame, frame.object_id] for frame in of_clip}
    return found


def _head(compared: RunComparison) -> str:
    first, second = map(escape, compared.names)
    clips = len(compared.first.sequences)
    left_out = ""
    if compared.left_out:
        clips_left = escape(", ".join(compared.left_out))
        left_out = f'<p class="faint small">Left out, since one lacks them: {clips_left}.</p>'
    return (
        f"<h1>{_dot(FIRST)}{first} and {_dot(SECOND)}{second}</h1>\n"
        f'<p class="faint">Protocol {compared.first.protocol.name}; '
        f"{counted(clips, 'clip')}, {counted(len(compared.objects), 'object')}. "
        f"{verdict(compared)}</p>{left_out}"
    )


def verdict(compared: RunComparison) -> str:
    """Whether the difference of the means is more than chance between clips, in words."""
    gain = 100 * compared.gain["j_and_f"]
    said = f"The second has {gain:+.1f} J&F"
    if compared.intervals is None:
        return f"{said}; of one clip there is no interval."
    interval = compared.intervals["j_and_f"]
    ends = f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}"
    clips = len(compared.first.sequences)
    if clips < _FEWEST_CLIPS:
        return f"{said} (95 % interval {ends}; {clips} clips are too few to exclude chance)."
    if interval.low > 0 or interval.high < 0:
        return f"{said} (95 % interval over clips {ends}, which excludes 0)."
    return f"{said} (95 % interval over clips {ends}: no difference is shown)."


def _means(compared: RunComparison) -> str:
    rows = [
        _mean_row(_dot(FIRST) + escape(compared.names[0]), compared.first),
        _mean_row(_dot(SECOND) + escape(compared.names[1]), compared.second),
    ]
    cells = "".join(
        f'<td class="number">{100 * compared.gain[name]:+.1f} '
        f"{_ends(compared.intervals, name, sign='+')}</td>"
        for name in _MEASURES
    )
    rows.append(f"<tr><td>difference</td>{cells}</tr>")
    heads = "".join(f'<th class="number">{text}</th>' for text in _MEASURES.values())
    return (
        f'<div class="panel scroll"><table><thead><tr><th></th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
        '<p class="faint small">In brackets: 95 % intervals, clips drawn with replacement. '
        "The difference is paired: both runs on the same clips.</p></div>"
    )


def _mean_row(name: str, score: DatasetScore) -> str:
    means = score.measures
    found = intervals(score)
    values = {"j_and_f": means.jf_mean, "j_mean": means.j_mean, "f_mean": means.f_mean}
    cells = "".join(
        f'<td class="number">{100 * value:.1f} {_ends(found, key)}</td>'
        for key, value in values.items()
    )
    return f"<tr><td>{name}</td>{cells}</tr>"


def _ends(found: Mapping[str, Interval] | None, name: str, sign: str = "") -> str:
    if found is None:
        return ""
    low = 100 * found[name].low
    high = 100 * found[name].high
    return f'<span class="faint">[{low:{sign}.1f}, {high:{sign}.1f}]</span>'


def _gains(compared: RunComparison) -> str:
    worst = sorted(compared.objects, key=lambda pair: pair.gain)[:2]
    curves = "".join(f"<p>{curves_svg(pair)}</p>" for pair in worst)
    left_out = ""
    if len(compared.objects) > MOST_ROWS:
        left_out = f" The {MOST_ROWS} with the largest differences."
    return (
        f'<h2>Object by object</h2><div class="panel scroll">{gains_svg(compared.objects)}'
        f'<p class="faint small">J&amp;F in percent.{left_out} Below: over the frames, of the '
        f"objects with the largest losses.</p>{curves}</div>"
    )


def _frames(
    compared: RunComparison, title: str, frames: Sequence[FramePair], images: Images
) -> str:
    legend = "".join(
        f"<span>{_dot('#{:02x}{:02x}{:02x}'.format(*colour))}{name}</span>"
        for name, colour in COLOURS.items()
    )
    cards = "".join(_card(compared, frame, images[frame]) for frame in frames)
    return (
        f'<h2>{title}</h2><div class="legend">{legend}<span>white: the true outline</span>'
        f'</div><ol class="cards">{cards}</ol>'
    )


def _card(
    compared: RunComparison, frame: FramePair, images: tuple[Thumbnail, Thumbnail]
) -> str:
    name = f"{frame.clip}, object {frame.object_id}, frame {frame.frame}"
    figures = "".join(
        f"<figure>{image_tag(image, f'{name}: {run}')}<figcaption>{_dot(colour)}"
        f"{100 * value:.1f}</figcaption></figure>"
        for image, run, colour, value in zip(
            images,
            compared.names,
            (FIRST, SECOND),
            (frame.first, frame.second),
            strict=True,
        )
    )
    return (
        f'<li class="card"><div><span class="badge">{100 * frame.gain:+.1f}</span>'
        f'<h3>{escape(name)}</h3><div class="strip">{figures}</div></div></li>'
    )


def _dot(colour: str) -> str:
    return (
        f'<svg class="swatch" viewBox="0 0 11 11"><circle cx="5.5" cy="5.5" r="5" '
        f'fill="{colour}"/></svg>'
    )
