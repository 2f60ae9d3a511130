"""The VOT toolkit as a program of its own: its environment, its workspaces, its answers.

Enters: folders.  Leaves: what the toolkit wrote as JSON.  It is under the GPL: nothing of it is
imported here, it is run by its command `vot`, in an environment of its own.
"""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# attributee 0.1.10 fails at import under Python 3.11 with this toolkit.
PACKAGES = ("vot-toolkit==0.9.0", "attributee==0.1.9")
TRACKER = "vseg"

_FAILED = ("Traceback", "interrupted", "Error during", "Exception")
"""What the toolkit prints where it goes on after an error."""
_SHOWN = 4000  # letters of its output, of which the last say what happened

OVERLAPS_STACK = """title: Overlaps of every frame
experiments:
  baseline:
    type: unsupervised
    multiobject: True
    analyses:
      - type: vot.analysis.accuracy.Overlaps
        burnin: 0
        ignore_unknown: False
"""

# The analyses of the toolkit's own stacks for VOTS validation (vots2024/votstval.yaml).
VOTS_STACK = """title: VOTS measures
experiments:
  baseline:
    type: unsupervised
    multiobject: True
    transformers:
      - type: ignore
        ids: _ignore
    analyses:
      - type: average_accuracy
        burnin: 0
        ignore_unknown: False
        weighted: False
        filter_tag: evaluation
      - type: longterm_ar
        filter_tag: evaluation
      - type: average_quality_auxiliary
        filter_tag: evaluation
"""


def vot_command(environment: Path) -> Path:
    """The command of the toolkit; its environment is made if it is not there yet."""
    command = environment / "bin" / "vot"
    if command.is_file():
        return command
    print(f"making {environment}: {', '.join(PACKAGES)}", file=sys.stderr)
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
    return command


class Workspace:
    """A workspace of the toolkit: `sequences` is filled in before it is used."""

    def __init__(self, command: Path, folder: Path, variables: Mapping[str, str]) -> None:
        """variables: the tracker's, in its environment."""
        self._command = command
        self.folder = folder
        folder.mkdir(parents=True)
        tracker = Path(__file__).with_name("tracker.py")
        lines = [
            f"[{TRACKER}]",
            f"label = {TRACKER}",
            "protocol = folder",
            f"command = {sys.executable} {tracker}",
            *(f"env_{name} = {value}" for name, value in variables.items()),
        ]
        (folder / "trackers.ini").write_text("\n".join(lines) + "\n")

    @property
    def sequences(self) -> Path:
        """The folder of the data set."""
        return self.folder / "sequences"

    def initialize(self, stack: str) -> None:
        """Begin with a stack of the toolkit by name, or with the text of one."""
        if "\n" in stack:
            path = self.folder.resolve() / "stack.yaml"
            path.write_text(stack)
            stack = str(path)
        self._vot("initialize", stack, "--nodownload")

    def evaluate(self) -> None:
        """Have the tracker run on every sequence."""
        # With its debugging output, which has the tracker's own where that fails.
        self._vot("evaluate", TRACKER, debug=True)

    def take_results(self, other: "Workspace") -> None:
        """Use what the tracker did in another workspace with the same sequences."""
        shutil.copytree(other.folder / "results", self.folder / "results")

    def analyse(self) -> list[Any]:
        """What the stack's analyses say, in their order."""
        self._vot("analysis", "--format", "json", "--name", "answer", TRACKER)
        told = json.loads((self.folder / "analysis" / "answer.json").read_text())
        answers: list[Any] = told["results"]["baseline"]["results"]
        return answers

    def _vot(self, verb: str, *words: str, debug: bool = False) -> None:
        done = subprocess.run(
            [
                self._command,
                *(["--debug"] if debug else []),
                verb,
                "--workspace",
                str(self.folder),
                *words,
            ],
            capture_output=True,
            text=True,
            check=False,
            # A single worker: its numbers do not depend on how many there are.
            env={**os.environ, "VOT_WORKER_POOL_SIZE": "1"},
        )
        # The toolkit exits with 0 where a tracker or an analysis failed, too.
        told = done.stdout + done.stderr
        if done.returncode or any(sign in told for sign in _FAILED):
            raise SystemExit(f"vot {verb} failed:\n{told[-_SHOWN:]}")
