"""JSON read piece by piece is what json.loads reads, whatever the size of the blocks."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vseg.errors import BadExchange
from vseg.io import json_stream
from vseg.io.json_stream import JsonStream, top_level_items

SCALARS = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def read_piecewise(path: Path) -> Any:
    with closing(JsonStream(path)) as stream:
        if stream.peek() == "[":
            return [stream.value() for _ in stream.elements()]
        if stream.peek() == "{":
            return {key: stream.value() for key in stream.members()}
        return stream.value()


@given(value=VALUES, block=st.sampled_from([1, 2, 7, 64]), indent=st.sampled_from([None, 1]))
def test_any_value_is_read(
    tmp_path_factory: pytest.TempPathFactory, value: Any, block: int, indent: int | None
) -> None:
    path = tmp_path_factory.mktemp("json") / "value.json"
    path.write_text(json.dumps(value, indent=indent), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_BLOCK", block)
        assert read_piecewise(path) == value


def test_items_are_found_under_their_key(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text('{"skipped": [[1, {"b": 2}], {}], "wanted": [3, "]", [4]], "more": 1e5}')
    assert list(top_level_items(path, "wanted")) == [3, "]", [4]]
    assert list(top_level_items(path, "missing")) == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1, 2", "[1 2]", '{"a" 1}', '{"a": 1,}', "{1: 2}", '"', "[" * 100_000, "nul"],
)
def test_what_is_no_json_is_refused_with_the_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(BadExchange, match=r"broken\.json is not JSON: .* at character"):
        read_piecewise(path)


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.json"
    path.write_bytes('["é"]'.encode("latin-1"))
    with pytest.raises(BadExchange, match="not UTF-8"):
        read_piecewise(path)
