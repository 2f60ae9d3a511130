"""What makes a job the same job."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.nano_weights import save_random
from vseg.batch.batch_job import identified
from vseg.batch.job_list import JobLine
from vseg.errors import WeightsMissing
from vseg.results import SourceFingerprint

LINE = {"clip": "a.mp4", "point": ["1:9,9"], "label": ["1=car"]}


def id_of(line: Mapping[str, Any], sha256: str = "0" * 64) -> str:
    source = SourceFingerprint(path=str(line["clip"]), size=3, sha256=sha256)
    return identified(JobLine.model_validate(line), source).job_id


def test_where_the_clip_lies_and_how_a_prompt_is_spelt_make_no_other_job() -> None:
    assert id_of(LINE) == id_of({**LINE, "clip": "elsewhere/b.mp4", "point": ["9.0,9"]})
    assert id_of(LINE) == id_of({**LINE, "settings": {"short_side": 384, "preview": False}})


@pytest.mark.parametrize(
    "change",
    [
        {"point": ["1:9,8"]},
        {"point": ["2:9,9"], "label": ["2=car"]},
        {"label": ["1=van"]},
        {"settings": {"short_side": 320}},
        {"settings": {"range": "1:"}},
        {"settings": {"memory": {"stride": 4}}},
        {"point": [], "label": [], "text": ["person"]},
        {"point": [], "label": [], "auto": True},
    ],
)
def test_what_decides_the_masks_makes_another_job(change: dict[str, Any]) -> None:
    assert id_of(LINE) != id_of({**LINE, **change})


def test_so_do_another_content_and_other_weights(tmp_path: Path) -> None:
    assert id_of(LINE) != id_of(LINE, "1" * 64)
    ids = {id_of(LINE)}
    for seed in (0, 1):
        path = tmp_path / f"{seed}.safetensors"
        save_random(path, seed)
        ids.add(id_of({**LINE, "settings": {"weights": str(path)}}))
    assert len(ids) == 3


def test_words_count_how_often_is_detected_and_clicks_do_not() -> None:
    seldom = {"settings": {"redetection": {"detect_every": 7}}}
    worded = {"clip": "a.mp4", "text": ["person"]}
    assert id_of(worded) != id_of({**worded, **seldom})
    assert id_of(LINE) == id_of({**LINE, **seldom})


def test_weights_that_are_not_there_are_said_at_once() -> None:
    with pytest.raises(WeightsMissing):
        id_of({**LINE, "settings": {"model": "sam2.1-tiny"}})
