"""Build the documentation: `python -m docs.build`, or `make docs`.

Enters: the pages of `docs.pages` and the `vseg` application.  Leaves: build/docs/site.  Needs
no network, and any fault is an error.  Zensical renders the pages; what it does not see (a
missing image, a file loaded from elsewhere) is found in what it wrote.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from docs.command_reference import command_reference
from docs.pages import PAGES, ROOT, BrokenPage, staged_page
from docs.site_check import site_problems

FOLDER = ROOT / "build" / "docs"
_REPORTED = ("mkdocstrings:", "griffe:", "autorefs:", "ERROR", "WARNING")
"""How lines of the extensions begin that Zensical's strict mode does not count."""


def main() -> int:
    """Stage, render and check; the exit code."""
    try:
        stage(FOLDER)
    except BrokenPage as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    faults = [*render(FOLDER), *site_problems(FOLDER / "site")]
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    if not faults:
        print(f"{FOLDER / 'site' / 'index.html'}")
    return 1 if faults else 0


def stage(folder: Path) -> None:
    """Write the pages, their images and the settings of the site into a fresh folder."""
    shutil.rmtree(folder, ignore_errors=True)
    pages = folder / "pages"
    shutil.copytree(ROOT / "docs" / "style", pages / "style")
    shutil.copy(ROOT / "docs" / "zensical.toml", folder)
    for name, file in PAGES.items():
        page = staged_page(ROOT / file, generated)
        (pages / name).write_text(page.text, "utf-8")
        for image, source in page.images.items():
            (pages / image).parent.mkdir(exist_ok=True)
            shutil.copy(source, pages / image)


def generated(name: str) -> str:
    """The text of an include that is no file."""
    if name != "commands":
        raise BrokenPage(f"nothing writes the include '{name}'")
    from vseg.cli.command_line import app

    return command_reference(app)


def render(folder: Path) -> list[str]:
    """Run Zensical; one sentence for each fault it reports, and none if it reports none."""
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    faults = [line for line in done.stdout.splitlines() if line.startswith(_REPORTED)]
    if done.returncode or faults:
        print(done.stdout, file=sys.stderr)
    if done.returncode and not faults:
        faults = [f"zensical ended with exit code {done.returncode}"]
    return faults


if __name__ == "__main__":
    sys.exit(main())
