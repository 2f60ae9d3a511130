"""What a run leaves out by its markers is not imported: imports are half of a short run.  And
nano is computed by torch, in processes that tests start too, unless a test asks for another
runtime: on some machines "auto" is onnxruntime.
"""

import gc
import os
import re
from pathlib import Path

import hypothesis
import jaxtyping
import pytest

from tests.signature_checks import checked

os.environ["VSEG_RUNTIME"] = "torch"
# No test asserts a time: an example may take long on a machine that does other work.
hypothesis.settings.register_profile("vseg", deadline=None)
hypothesis.settings.load_profile("vseg")
# Before any of vseg is imported.
jaxtyping.jaxtyped = checked  # type: ignore[assignment]
_OF_THE_WHOLE_MODULE = re.compile(r"^pytestmark = pytest\.mark\.(\w+)$", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """True for a module whose own marker `-m "not ..."` deselects, when no path names it."""
    expression: str = config.option.markexpr
    if not expression or not collection_path.match("test_*.py"):
        return None
    marker = _OF_THE_WHOLE_MODULE.search(collection_path.read_text("utf-8"))
    deselected = re.findall(r"not (\w+)", expression)
    return True if marker and marker[1] in deselected else None


def pytest_collection_finish() -> None:
    """What is imported by now stays: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
