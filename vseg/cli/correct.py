"""`vseg correct`: edits and prompts for a finished run in, a new revision of it out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.cli.option_groups import ObjectPromptOptions, flat
from vseg.cli.revisions import changed, show_next
from vseg.errors import UsageError
from vseg.ops.counted import counted

if TYPE_CHECKING:
    from vseg.pipelines.correction_gaps import Gap
    from vseg.pipelines.correction_settings import CorrectionSettings
    from vseg.pipelines.propagation_settings import Reach
    from vseg.pipelines.run_edit import RunEdit
    from vseg.results.records import Revision
    from vseg.types import Prompt
    from vseg.types.edit_values import Edit

Absent = Annotated[
    list[str] | None,
    typer.Option("--absent", metavar="OBJ@A:B", help="Not in the image on these frames."),
]
Accept = Annotated[
    list[str] | None,
    typer.Option("--accept", metavar="OBJ@A:B", help="Right on these frames: left as it is."),
]
Delete = Annotated[
    list[str] | None, typer.Option("--delete", metavar="OBJ", help="Drop the object.")
]
Rename = Annotated[
    list[str] | None, typer.Option("--rename", metavar="OBJ=NAME", help="Name the object.")
]
Colour = Annotated[
    list[str] | None,
    typer.Option("--colour", metavar="OBJ=#RRGGBB", help="Draw the object in this colour."),
]
Merge = Annotated[
    list[str] | None,
    typer.Option("--merge", metavar="OBJ,OBJ", help="One object: it keeps the first id."),
]
Split = Annotated[
    list[str] | None,
    typer.Option("--split", metavar="OBJ@FRAME", help="Another object from this frame on."),
]
Direction = Annotated[
    str | None,
    typer.Option(
        "--direction",
        metavar="forward|backward|both",
        help="Which way is tracked from the prompts; both.",
    ),
]
Within = Annotated[
    str | None,
    typer.Option(
        "--range", metavar="A:B", help="Track within these frames or times, B exclusive."
    ),
]
Add = Annotated[
    list[str] | None,
    typer.Option("--add", metavar="OBJ[=NAME]", help="A new object; prompt it as well."),
]


@dataclass(frozen=True, slots=True)
class EditOptions:
    """Edits that need no tracking."""

    absent: Absent = None
    accept: Accept = None
    delete: Delete = None
    rename: Rename = None
    colour: Colour = None
    merge: Merge = None
    split: Split = None
    add: Add = None

    def before(self, opened: "RunEdit") -> "Iterator[Edit]":
        """What is edited before anything is tracked, in this order."""
        from vseg.prompts import parse_edits as parse

        yield from parse.parse_delete(self.delete or ())
        yield from parse.parse_absent(self.absent or (), opened.range_of)
        yield from parse.parse_merge(self.merge or ())
        yield from parse.parse_split(self.split or (), opened.frame_of)
        yield from parse.parse_add(self.add or ())
        yield from parse.parse_rename(self.rename or ())
        yield from parse.parse_colour(self.colour or ())

    def after(self, opened: "RunEdit") -> "tuple[Edit, ...]":
        """What is accepted once all is tracked, checked as far as it can be before that."""
        from vseg.prompts.parse_edits import parse_accept
        from vseg.results.draft_checks import check_object, check_range

        edits = tuple(parse_accept(self.accept or (), opened.range_of))
        for edit in edits:
            check_object(opened.draft, edit.object_id)
            check_range(opened.draft, edit.first, edit.end)
        return edits


@dataclass(frozen=True, slots=True)
class ReachOptions:
    """How far prompts are tracked."""

    direction: Direction = None
    within: Within = None

    def reach(self, opened: "RunEdit") -> "Reach":
        """The same, checked.  Raises UsageError, and BadPrompt beyond the run."""
        from vseg.pipelines.propagation_settings import Reach, ReachDirection
        from vseg.prompts.timecode import parse_range

        wanted = self.direction or "both"
        ways: tuple[ReachDirection, ...] = get_args(ReachDirection)
        chosen = next((way for way in ways if way == wanted), None)
        if chosen is None:
            raise UsageError(
                f"--direction {wanted} is no direction", hint=f"one of {', '.join(ways)}"
            )
        if self.within is None:
            return Reach(chosen)
        first, end = opened.range_of(*parse_range(self.within))
        if first >= end:
            raise UsageError(f"--range {self.within} holds no frame", hint="write it as 40:55")
        return Reach(chosen, first, end)


@flat
def correct(
    run: options.RunFolder,
    prompts: ObjectPromptOptions,
    edits: EditOptions,
    bounds: ReachOptions,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show which frames may be tracked, and stop.")
    ] = False,
    clip: Annotated[
        str | None,
        typer.Option("--video", help="The clip, if it has moved since it was tracked."),
    ] = None,
    model: options.Model = None,
    weights: options.Weights = None,
    device: options.Device = None,
    grounder: options.GrounderName = None,
    as_json: options.Json = False,
) -> None:
    """Correct a finished run: a new revision, in which all else stays as it is."""
    from vseg.pipelines.correction_settings import CorrectionSettings

    redetection = None if grounder is None else {"grounder": grounder}
    given = {"model": model, "weights": weights, "device": device, "redetection": redetection}
    overrides = tuple((key, value) for key, value in given.items() if value is not None)
    settings = CorrectionSettings(clip, None, overrides)
    given_prompts = prompts.prompts()
    if not given_prompts and bounds != ReachOptions():
        raise UsageError(
            "--direction and --range say how far prompts are tracked, and there are none",
            hint="for example --point 2@60:412,220 --direction forward",
        )
    correction = _Correction(given_prompts, edits, bounds)
    if dry_run:
        _show_plan(run, correction, as_json)
        return
    revision = _correct(run, settings, correction)
    if revision is None:
        raise UsageError(
            "nothing to correct was given",
            hint="for example --point 2@60:412,220, --absent 2@40:55 or --rename 1=car",
        )
    if as_json:
        show_json({"run": str(run), **revision.model_dump(mode="json")})
        return
    print(f"{run}: revision {revision.number}{changed(revision)}")
    if revision.frames:
        print(f"{counted(revision.frames, 'frame')} tracked in {revision.seconds:.1f} s")
    show_next(run)


@dataclass(frozen=True, slots=True)
class _Correction:
    """What was given."""

    prompts: "tuple[Prompt, ...]"
    edits: EditOptions
    bounds: ReachOptions


def _correct(
    run: Path, settings: "CorrectionSettings", given: _Correction
) -> "Revision | None":
    """Make the revision, showing progress on stderr; Ctrl-C leaves the run as it was."""
    from vseg.cli.interrupt import stop_on_request
    from vseg.cli.progress import ProgressReport
    from vseg.pipelines.job import ProgressCallbacks
    from vseg.pipelines.propagation_settings import PropagationSettings
    from vseg.pipelines.run_edit import RunEdit

    with stop_on_request() as stop, ProgressReport("correcting") as report:
        callbacks = ProgressCallbacks(report, stop, report.note)
        with RunEdit(run, settings, callbacks) as opened:
            for edit in given.edits.before(opened):
                opened.apply(edit)
            opened.add_prompts(given.prompts)
            accepted = given.edits.after(opened)
            for _ in opened.propagate(PropagationSettings(given.bounds.reach(opened))):
                pass
            for edit in accepted:
                opened.apply(edit)
    return opened.revision


def _show_plan(run: Path, given: _Correction, as_json: bool) -> None:
    """Print what would be tracked."""
    from vseg.pipelines.run_edit import RunEdit

    with RunEdit(run) as opened:
        for edit in given.edits.before(opened):
            opened.apply(edit)
        opened.add_prompts(given.prompts)
        given.edits.after(opened)
        gaps = opened.plan(given.bounds.reach(opened))
        rate = opened.frames_per_s
        opened.abandon()
    frames = sum(gap.frames for gap in gaps)
    seconds = None if rate is None else round(frames / rate, 1)
    if as_json:
        spans = [_gap_facts(gap) for gap in gaps]
        show_json({"run": str(run), "spans": spans, "frames": frames, "seconds": seconds})
        return
    for gap in gaps:
        first, end = gap.range
        way = "backward" if gap.reverse else "forward"
        print(f"object {gap.object_id}: {first}:{end}, {way} from {gap.start}{_until(gap)}")
    if not gaps:
        print("nothing to track: the edits change what is stored")
        return
    cost = "" if seconds is None else f", about {seconds:g} s"
    most = counted(frames, "frame")
    print(f"at most {most} to track{cost}; less where it joins what is stored")


def _until(gap: "Gap") -> str:
    return "" if gap.anchor is None else f" to the anchor on {gap.anchor}"


def _gap_facts(gap: "Gap") -> dict[str, Any]:
    first, end = gap.range
    return {
        "object": gap.object_id,
        "first": first,
        "end": end,
        "from": gap.start,
        "reverse": gap.reverse,
        "anchor": gap.anchor,
    }
