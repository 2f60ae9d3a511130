"""Environments in which other tools' own code runs: never in that of the tests.

Their packages clash with ours, and their licences end at the border of their process.  An
environment is made when a test first needs it, of exact versions, and kept in
`~/.cache/vseg-tools` (or VSEG_TOOLS).
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from filelock import FileLock

PINS = Path(__file__).with_name("tool_clients")
_MAKING_S = 280
"""Downloads included: half a minute on a line of 100 Mbit/s."""


def tool_python(tool: str) -> Path:
    """The interpreter of an environment with the packages in `tool_clients/TOOL.txt`.  Skips
    the test where it cannot be made.
    """
    pins = PINS / f"{tool}.txt"
    kept = os.environ.get("VSEG_TOOLS") or Path.home() / ".cache" / "vseg-tools"
    version = f"{sys.version}\n{pins.read_text('utf-8')}"
    folder = Path(kept) / f"{tool}-{hashlib.sha256(version.encode()).hexdigest()[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = folder / "made"
    with FileLock(f"{folder}.lock"):
        if not made.is_file():
            _make(folder, pins)
            made.touch()
    return _python(folder)


def _make(folder: Path, pins: Path) -> None:
    venv.create(folder, with_pip=False, clear=True, symlinks=os.name != "nt")
    pip = [sys.executable, "-m", "pip", "--python", str(_python(folder)), "install"]
    # All versions are given, and most of the files are never imported.
    options = ["-q", "--no-deps", "--no-compile", "--disable-pip-version-check"]
    try:
        done = subprocess.run(
            [*pip, *options, "-r", str(pins)],
            capture_output=True,
            text=True,
            timeout=_MAKING_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{pins.stem}: its packages were not installed within {_MAKING_S} s")
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:]
        pytest.skip(f"{pins.stem}: its packages cannot be installed: {reason}")


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run_in_tool(python: Path, script: str, *words: str, home: Path) -> str:
    """What a script of `tool_clients` prints.  home: in which the tool may keep what it likes.
    Skips the test where the tool's own libraries do not load.
    """
    kept = ("PATH", "LANG", "SYSTEMROOT")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    env |= {"HOME": str(home), "USERPROFILE": str(home), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [str(python), str(PINS / script), *words],
        capture_output=True,
        text=True,
        timeout=200,
        env=env,
        check=False,
    )
    if "ImportError" in done.stderr and ".so" in done.stderr:
        pytest.skip(f"{script}: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
