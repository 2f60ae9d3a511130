"""What a user installs: the wheel built from the sdist, used elsewhere, and how light it
is.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[1]
HEAVY = (
    "torch",
    "transformers",
    "cv2",
    "numpy",
    "scipy",
    "pyarrow",
    "pandas",
    "av",
    "fastapi",
)


def python(code: str, cwd: Path) -> str:
    """What a fresh interpreter prints for `code`; warnings of the interpreter are errors."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module", params=[pytest.param("wheel", marks=pytest.mark.slow)])
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from the sdist built from this tree, with no network."""
    out = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(out.glob("vseg-*.tar.gz"))) == 1
    (built,) = out.glob("vseg-*.whl")
    return built


def test_the_wheel_holds_both_packages_and_the_weights(wheel: Path) -> None:
    names = {n.filename: n.file_size for n in zipfile.ZipFile(wheel).infolist()}
    source = {
        str(path.relative_to(base))
        for base, package in ((ROOT, "vseg"), (ROOT / "trackers", "vseg_trackers"))
        for path in (base / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    assert not source - set(names), "left out of the wheel"
    weights = [size for name, size in names.items() if name.endswith(".safetensors")]
    assert weights, "no weights in the wheel"
    assert sum(weights) <= 12 * 2**20
    assert not [name for name in names if name.startswith(("tests/", "demos/", "benchmarks/"))]


def test_the_wheel_imports_beside_another_package_named_trackers(
    wheel: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    (site / "trackers").mkdir()
    (site / "trackers" / "__init__.py").write_text("owner = 'someone else'\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import trackers, vseg, vseg_trackers\n"
        "print(trackers.owner, vseg.__file__, vseg_trackers.__file__, vseg.VsegError.__name__)"
    )
    printed = python(code, empty)
    assert printed.startswith("someone else")
    assert printed.count(str(site)) == 2


@pytest.mark.parametrize(
    "code",
    [
        "import vseg",
        "from typer.testing import CliRunner; from vseg.cli.command_line import app;"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0",
        "from typer.testing import CliRunner; from vseg.cli.command_line import app;"
        "assert CliRunner().invoke(app, ['track', '--help']).exit_code == 0",
    ],
    ids=["import vseg", "vseg --help", "vseg track --help"],
)
def test_nothing_heavy_loads_before_it_is_used(code: str, tmp_path: Path) -> None:
    loaded = python(
        f"{code}\nimport sys; print(*[m for m in {HEAVY} if m in sys.modules])", tmp_path
    )
    assert loaded == ""


def test_every_public_name_has_a_home(tmp_path: Path) -> None:
    python("import vseg\nfor name in vseg.__all__: getattr(vseg, name)", tmp_path)
