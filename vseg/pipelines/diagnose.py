"""What this machine offers to vseg.  Nothing is changed and nothing leaves the machine."""

import importlib.metadata
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from vseg.errors import VsegError
from vseg.ops.counted import counted

_PACKAGES = (
    "vseg",
    "torch",
    "transformers",
    "av",
    "opencv-python",
    "numpy",
    "scipy",
    "pyarrow",
)
_CODECS = ("h264", "hevc", "vp9", "av1", "libx264")
# A round value; not tuned.
_LOW_DISK_BYTES = 2 * 2**30


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is installed and usable, and what would keep vseg from working."""

    versions: dict[str, str]
    processor: str
    gpus: tuple[str, ...]
    codecs: dict[str, bool]
    readers: dict[str, bool]
    disk_free_bytes: int
    weights: str
    runtime: str
    problems: tuple[str, ...]

    def facts(self) -> dict[str, str]:
        """One printable line per subject."""
        return {
            "python": f"{platform.python_version()} on {platform.platform()}",
            "packages": ", ".join(
                f"{name} {version}" for name, version in self.versions.items()
            ),
            "processor": self.processor,
            "gpu": ", ".join(self.gpus) or "none: vseg runs on the processor",
            "codecs": _yes_no(self.codecs),
            "readers": _yes_no(self.readers),
            "disk": f"{self.disk_free_bytes / 2**30:.1f} GiB free in {Path.cwd()}",
            "nano": self.weights,
            "runtime": self.runtime,
            "problems": "; ".join(self.problems) or "none",
        }


def diagnose() -> Diagnosis:
    """The diagnosis of this machine."""
    versions = {name: _version(name) for name in _PACKAGES}
    codecs = _codecs()
    weights, weights_problem = _weights()
    free = shutil.disk_usage(Path.cwd()).free
    problems = [f"{name} is not installed" for name, v in versions.items() if v == "missing"]
    problems += [f"PyAV lacks {name}" for name in ("h264", "libx264") if not codecs[name]]
    problems += [weights_problem] if weights_problem else []
    problems += (
        [f"only {free / 2**30:.1f} GiB of disk are free"] if free < _LOW_DISK_BYTES else []
    )
    return Diagnosis(
        versions=versions,
        processor=_processor(),
        gpus=_gpus(),
        codecs=codecs,
        readers={
            "pyav": versions["av"] != "missing",
            "decord": _version("decord") != "missing",
        },
        disk_free_bytes=free,
        weights=weights,
        runtime="none" if weights_problem else _runtime(),
        problems=tuple(problems),
    )


def _version(package: str) -> str:
    """The installed version of a distribution, or `missing`."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _processor() -> str:
    """The vector instructions torch will use, the cores it may use, and the machine."""
    import torch

    from vseg.weights.device import instruction_set
    from vseg.weights.threads import usable_cores

    return (
        f"{platform.machine()}, {instruction_set()}, {counted(usable_cores(), 'core')}, "
        f"{counted(torch.get_num_threads(), 'thread')}"
    )


def _gpus() -> tuple[str, ...]:
    """The names of the GPUs torch can use."""
    import torch

    cuda = [
        f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())
    ]
    return (*cuda, *(["mps"] if torch.backends.mps.is_available() else []))


def _codecs() -> dict[str, bool]:
    """Which of the usual codecs can be read, and whether mp4 can be written."""
    import av

    return {name: name in av.codecs_available for name in _CODECS}


def _weights() -> tuple[str, str | None]:
    """The state of nano's weights, and what is wrong with them if anything."""
    from vseg.build import load_model

    try:
        model = load_model("nano")
    except VsegError as error:
        return "unusable", str(error)
    return f"ready, sha256 {model.weights_sha256}", None


def _runtime() -> str:
    """What computes nano on this processor, and why."""
    from vseg.models.nano.runtimes.choose import chosen_in_words

    return chosen_in_words()


def _yes_no(found: dict[str, bool]) -> str:
    return ", ".join(f"{name} {'yes' if there else 'no'}" for name, there in found.items())
