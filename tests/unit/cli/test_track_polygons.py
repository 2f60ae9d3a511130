"""Polygons on the command line: an exact mask with its hole, stored, and taken up again."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.unit.cli.conftest import Workplace, call
from vseg.build import open_run
from vseg.types import Polygon

pytestmark = pytest.mark.integration

RING = "10,10 60,10 60,50 10,50"
HOLE = "20,20 40,20 40,30 20,30"


def expected() -> np.ndarray:
    mask = np.zeros((72, 120), dtype=bool)
    mask[10:50, 10:60] = True
    mask[20:30, 20:40] = False
    return mask


def test_a_polygon_is_an_exact_mask_on_its_frame(workplace: Workplace, tmp_path: Path) -> None:
    prompts = ("--polygon", f"3@1:{RING}", "--polygon", f"3@1:{HOLE}", "--range", ":3")
    run = tmp_path / "run"
    words = ("track", workplace.clip, "-o", run, *prompts, *workplace.settings)
    assert call(*words).exit_code == 0
    np.testing.assert_array_equal(open_run(run)[1][3], expected())
    (stored,) = open_run(run).prompts
    assert isinstance(stored.value, Polygon) and len(stored.value.rings) == 2
    again = call(*words, "--resume")
    assert again.exit_code == 0 and "nothing to do" in again.stdout


def test_a_live_source_takes_polygons(workplace: Workplace) -> None:
    prompts = ("--polygon", RING, "--polygon", HOLE)
    answer = call(
        "watch", workplace.clip, *prompts, "--config", workplace.config, "--frames", 1
    )
    assert answer.exit_code == 0, answer.stderr
    (told,) = json.loads(answer.stdout)["objects"]
    assert told["area"] == expected().sum()
