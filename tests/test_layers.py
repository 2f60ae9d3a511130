"""Imports point down only.  Read from the syntax tree, so lazy imports inside functions count
too.

A file without a layer fails: whoever adds one decides where it belongs.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Lowest first.  A name is a module or sub-package of vseg; those on one line do not see each
# other.
LAYERS = (
    ("errors",),
    ("checked_settings",),
    ("types", "tensors", "config"),
    ("ops",),
    ("frame_masks",),
    ("interfaces", "io"),
    ("prompts", "weights"),
    ("session", "models", "video", "synthetic", "results", "metrics", "client", "events"),
    ("grounding", "training", "exchange"),
    ("build",),
    ("pipelines", "analysis"),
    ("batch", "server"),
    ("cli",),
    ("__main__",),
)
HEIGHT = {part: height for height, layer in enumerate(LAYERS) for part in layer}

# vseg_trackers stands alone: it may be copied out and used without vseg.
TRACKER_PACKAGES = frozenset({"numpy", "scipy", "jaxtyping", "vseg_trackers"})
# Loaded only by who asks for camera motion.
TRACKER_OPTIONAL = frozenset({("vseg_trackers.camera", "cv2")})
# What tools want at the root begins with a dot, and is not listed.
ROOT_FOLDERS = {"benchmarks", "configs", "demos", "docs", "tests", "trackers", "vseg"}
ROOT_FILES = {
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "constraints.txt",
    "pyproject.toml",
}
REFUSED_NAMES = frozenset(
    {"utils", "util", "helper", "helpers", "manager", "processor", "misc"}
)


def module_name(path: Path, root: Path) -> str:
    """The dotted name of a source file, packages by their own name."""
    parts = list(path.relative_to(root).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file, which several tests read."""
    return ast.parse(path.read_text("utf-8"), str(path))


def imported(path: Path, name: str) -> Iterator[tuple[int, str]]:
    """(line, dotted target) of every import, relative ones resolved; `from a import b` is
    a.b.
    """
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def part_of(dotted: str) -> str:
    """The layered part of a vseg module: `vseg.results.export.coco` is in `results`."""
    return dotted.split(".")[1] if "." in dotted else ""


def may_import(importer: str, target: str) -> bool:
    """Whether one vseg module may import another (dotted names, `vseg.` included)."""
    source = part_of(importer)
    aim = part_of(target)
    if aim == source or target == "vseg.__version__":
        return True
    return HEIGHT.get(aim, 99) < HEIGHT[source]


def violations(root: Path) -> list[str]:
    """Every broken rule below root/vseg and root/trackers, as `file:line: what`."""
    found = []
    for path in sorted((root / "vseg").rglob("*.py")):
        name = module_name(path, root)
        if name == "vseg":  # the public names; loads nothing until asked
            continue
        if part_of(name) not in HEIGHT:
            found.append(
                f"{path}: {name} has no layer; add it to LAYERS in tests/test_layers.py"
            )
            continue
        found += [
            f"{path}:{line}: {name} imports {target}, which is not below it"
            for line, target in imported(path, name)
            if target.split(".")[0] in ("vseg", "vseg_trackers") and not allowed(name, target)
        ]
    for path in sorted((root / "trackers").rglob("*.py")):
        name = module_name(path, root / "trackers")
        found += [
            f"{path}:{line}: vseg_trackers may not import {target}"
            for line, target in imported(path, name)
            if foreign_to_trackers(target.split(".")[0])
            and (name, target) not in TRACKER_OPTIONAL
        ]
    return found


def allowed(name: str, target: str) -> bool:
    """`may_import`, with vseg_trackers seen only from where tracks and masks meet: build and
    up.
    """
    if target.startswith("vseg_trackers"):
        return HEIGHT[part_of(name)] >= HEIGHT["build"]
    return may_import(name, target)


def foreign_to_trackers(package: str) -> bool:
    """Whether a top-level package is neither the standard library nor on the short list."""
    return package not in sys.stdlib_module_names and package not in TRACKER_PACKAGES


def test_imports_point_down() -> None:
    found = violations(ROOT)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("vseg/session/session.py", "from vseg.models.nano.model import load_nano"),
        ("vseg/models/nano/model.py", "from vseg.session.engine import Engine"),
        ("vseg/ops/boxes.py", "def f():\n    from vseg.interfaces.reader import Reader"),
        ("vseg/video/file.py", "from ..build import load_model"),
        ("vseg/results/store.py", "from vseg import Session"),
        ("vseg/metrics/hota.py", "from vseg_trackers import assignment"),
        ("vseg/synthetic/reader.py", "from vseg.video.file import VideoFile"),
        ("vseg/strays/thing.py", "x = 1"),
        ("trackers/vseg_trackers/sort.py", "import torch"),
        ("trackers/vseg_trackers/sort.py", "from vseg.types import Box"),
    ],
)
def test_an_upward_or_stray_import_is_found(tmp_path: Path, file: str, text: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert len(violations(tmp_path)) == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("vseg/training/loop.py", "from vseg.synthetic.config import SceneConfig"),
        ("vseg/results/store.py", "from vseg import __version__"),
        ("vseg/results/render.py", "from . import records"),
        ("vseg/cli/track.py", "from vseg.pipelines.track import track"),
        ("trackers/vseg_trackers/sort.py", "import numpy\nfrom .kalman import Kalman"),
    ],
)
def test_a_downward_import_is_accepted(tmp_path: Path, file: str, text: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert violations(tmp_path) == []


def sources() -> list[Path]:
    """Every source file of the product."""
    return sorted([*(ROOT / "vseg").rglob("*.py"), *(ROOT / "trackers").rglob("*.py")])


def test_nothing_is_committed_at_the_root_by_mistake() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: what is committed is not known")
    command = ["git", "ls-files", "-z"]
    committed = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True)
    first = {path.split("/")[0] for path in committed.stdout.split("\0") if path}
    named = {name for name in first if not name.startswith(".")}
    assert named == ROOT_FOLDERS | ROOT_FILES


def test_files_stay_small_and_are_named_for_what_they_hold() -> None:
    too_long = [p for p in sources() if len(p.read_text("utf-8").splitlines()) > 400]
    refused = [p for p in sources() if p.stem in REFUSED_NAMES]
    assert (too_long, refused) == ([], [])


def test_annotations_are_real_objects() -> None:
    """Shape checks read annotations at run time, which the __future__ import turns into
    strings.
    """
    text = "from __future__ import annotations"
    assert [p for p in sources() if text in p.read_text("utf-8")] == []


# File names that stand in several packages because they name the same idea in each.
SHARED_NAMES = {
    "app": "what is put together of commands, and of routes",
    "associate": "a command, and what it runs",
    "bench": "a command, and what it runs",
    "label": "a command, and what it runs",
    "search": "a command, and what it runs",
    "track": "a command, and what it runs",
    "codec": "a value as what can be stored, and back",
    "config": "the settings of a package",
    "cvat": "files of a tool, and functions inside it",
    "export": "something vseg holds as files that other tools read",
    "files": "what is read from and written to files",
    "masks": "masks of a frame",
    "label_studio": "files of a tool, and what it asks a service for",
    "load": "a model from its files",
    "model": "a model that tracks: the protocol and its implementations",
    "network": "the layers of a network",
    "open": "the object that a path stands for",
    "pretrained": "a model that the transformers library saved",
    "reader": "where frames come from: the protocol and its implementations",
    "recipe": "the settings of a training",
    "render": "frames drawn from values",
    "stage": "one stage of a training",
}


def defined_classes(path: Path) -> list[str]:
    """The classes that a file defines at its top level."""
    return [node.name for node in parsed(path).body if isinstance(node, ast.ClassDef)]


def test_a_class_name_has_one_meaning() -> None:
    """Public names in all of vseg, private ones in a package; vseg_trackers stands alone."""
    places: dict[tuple[str, str], list[Path]] = {}
    for path in sources():
        parts = module_name(path, ROOT).split(".")
        for name in defined_classes(path):
            scope = ".".join(parts[:2]) if name.startswith("_") else parts[0]
            places.setdefault((scope, name), []).append(path.relative_to(ROOT))
    twice = {name: paths for name, paths in places.items() if len(paths) > 1}
    assert twice == {}, "give one of them the name of what it is"


def test_a_file_name_has_one_meaning() -> None:
    places: dict[str, list[Path]] = {}
    for path in (ROOT / "vseg").rglob("*.py"):
        places.setdefault(path.stem, []).append(path.relative_to(ROOT))
    twice = {
        stem: paths
        for stem, paths in places.items()
        if len(paths) > 1 and stem not in SHARED_NAMES and stem != "__init__"
    }
    assert twice == {}, "rename one, or say in SHARED_NAMES which idea they share"
