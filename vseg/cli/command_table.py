"""The commands of `vseg`: where each is, and what the help lists of it before it is loaded."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """A command that need not be loaded.

    place: `module:name` within `vseg.cli`, of a function or of an application of further
    commands.
    summary: the first paragraph of its own help.
    examples: command lines at the end of its help.
    """

    name: str
    place: str
    summary: str
    examples: tuple[str, ...] = ()


COMMANDS: dict[str, tuple[CommandEntry, ...]] = {
    "Track": (
        CommandEntry(
            "track",
            "track:track",
            "Track prompted or detected objects through a clip; store their masks on every "
            "frame.",
            examples=(
                "vseg track clip.mp4 -o runs/a --point 412,220",
                "vseg track clip.mp4 -o runs/b --box 1:10,20,200,300 --point 2@1:150,90",
                "vseg track clip.mp4 -o runs/c --text person",
                "vseg track clip.mp4 -o runs/a --resume",
            ),
        ),
        CommandEntry(
            "watch",
            "watch:watch",
            "Track objects on live sources; Ctrl-C ends it. Prompts are on the first frame.",
            examples=(
                "vseg watch 0 --text person",
                "vseg watch clip.mp4 --point 412,220 --overlay seen.mp4",
                "vseg watch 0 --box 10,20,200,300 --label 1=person -o runs/live",
                "vseg watch --source door=rtsp://10.0.0.7/live --source yard=1 --text person",
            ),
        ),
        CommandEntry(
            "annotate",
            "annotate:annotate",
            "Annotate a clip in the browser, on this machine: the masks become a run.",
            examples=(
                "vseg annotate clip.mp4",
                "vseg annotate clip.mp4 -o runs/a --no-browser",
                "vseg annotate runs/a",
            ),
        ),
        CommandEntry(
            "batch",
            "batch:app",
            "Track thousands of clips; go on where it stopped.",
        ),
        CommandEntry(
            "demo",
            "demo:demo",
            "Track one object from one click and draw it: overlay.mp4 and contact.png.",
        ),
    ),
    "Review and correct": (
        CommandEntry(
            "review",
            "review:review",
            "List the spans of runs that are most probably wrong, worst first.",
        ),
        CommandEntry(
            "accept",
            "accept:accept",
            "Say that the masks of these spans are right.",
        ),
        CommandEntry(
            "correct",
            "correct:correct",
            "Correct a finished run: a new revision, in which all else stays as it is.",
            examples=(
                "vseg correct runs/a --point 2@60:412,220 --dry-run",
                "vseg correct runs/a --absent 2@40:55 --rename 1=car",
                "vseg correct runs/a --merge 4,7",
            ),
        ),
        CommandEntry(
            "revisions",
            "revisions:revisions",
            "List the revisions of a run, compare two, or choose the one that is read.",
        ),
        CommandEntry(
            "associate",
            "associate:associate",
            "Link the objects of a finished run over the whole clip, into a new run.",
        ),
        CommandEntry(
            "label",
            "label:label",
            "Name the objects of a finished run: labels.json, objects.json and labels.png "
            "in it.",
        ),
    ),
    "Show and find": (
        CommandEntry(
            "frame",
            "frame:frame",
            "Write one exact frame as a PNG: of a clip, to find the coordinates of a prompt "
            "on; of a run, with its masks.",
        ),
        CommandEntry(
            "render",
            "render:render",
            "Draw the masks over the clip: an mp4 that plays in a browser, and a contact "
            "sheet.",
        ),
        CommandEntry(
            "report",
            "report:report",
            "Write a page about a run: one file without scripts that loads nothing from "
            "elsewhere.",
        ),
        CommandEntry(
            "events",
            "events_command:events",
            "Judge zones and lines on the masks of a run.",
            examples=(
                "vseg events runs/a --zones zones.toml",
                "vseg events runs/a --zones zones.toml -o events.jsonl --plot events.html",
            ),
        ),
        CommandEntry(
            "search",
            "search:search",
            "Rank the objects of finished runs by how well they match a phrase.",
        ),
    ),
    "Clips and files": (
        CommandEntry(
            "probe",
            "probe_command:probe",
            "Report what a clip really holds: frame count, rates, rotation, damage.",
        ),
        CommandEntry(
            "export",
            "export:export",
            "Convert runs to another format, or a model's whole loop to ONNX graphs.",
        ),
        CommandEntry(
            "import",
            "import_command:import_masks",
            "Take masks back that another program changed, or make a run of them.",
        ),
        CommandEntry(
            "validate",
            "validate_command:validate",
            "Read a file of masks through and say what is in it, or what is wrong with it.",
        ),
    ),
    "Service": (
        CommandEntry(
            "serve",
            "serve:serve",
            "Serve the clips of a folder over HTTP: sessions, tracking jobs, runs and the "
            "page.",
            examples=(
                "vseg serve --root clips",
                "vseg keys add keys.json --name lab --scope write",
                "vseg serve --root clips --host 0.0.0.0 "
                "--keys keys.json --allow-host vseg.example",
            ),
        ),
        CommandEntry(
            "keys",
            "key_commands:app",
            "Make, list and remove keys of the service.",
        ),
    ),
    "Models and measurements": (
        CommandEntry(
            "models",
            "models:app",
            "List, recommend, fetch, convert and check models.",
        ),
        CommandEntry(
            "doctor",
            "doctor:doctor",
            "Check versions, processor, GPU, codecs, readers, disk and weights.",
        ),
        CommandEntry(
            "bench",
            "bench:bench",
            "Measure each stage in ms per frame, frames per second, peak memory and state "
            "size.",
        ),
        CommandEntry(
            "eval",
            "evaluate:evaluate",
            "Score masks or boxes against ground truth, as DAVIS, SA-V, MOSE, VOTS and "
            "TrackEval do.",
        ),
        CommandEntry(
            "verify-model",
            "verify_model:verify_model",
            "Track clips in float32 and bfloat16: are the masks the same, how fast, how "
            "much memory.",
        ),
        CommandEntry(
            "train",
            "train:app",
            "Train a model; the same command again continues.",
        ),
        CommandEntry(
            "distill",
            "distill:distill",
            "Teach nano's encoder the features of a larger vision model, on unlabelled video.",
        ),
    ),
}
"""The commands by the panel of the help that lists them."""
