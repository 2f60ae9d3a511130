"""Ranges of times: the end of the clip is a place that a range may end at."""

import pytest

from vseg.errors import BadPrompt
from vseg.prompts.placing import frames_of
from vseg.synthetic import SceneConfig, SyntheticVideo

VIDEO = SyntheticVideo(SceneConfig(64, 96, 10, seed=1, num_objects=1))


@pytest.mark.parametrize("end", ["10", "", "{:.3f}s"])
def test_the_end_of_the_clip_may_be_the_end_of_a_range(end: str) -> None:
    """As probe prints it, in milliseconds."""
    lasts = 10 / float(VIDEO.info.fps or 0)
    assert frames_of(VIDEO, f"2:{end.format(lasts)}") == (2, 10)


@pytest.mark.parametrize("text", ["2:11", "2:0.5s", "0.4s:", "10:10", "0.4s:0.4s"])
def test_beyond_the_end_is_nothing(text: str) -> None:
    assert VIDEO.info.fps == 25
    with pytest.raises(BadPrompt, match="past the end"):
        frames_of(VIDEO, text)
