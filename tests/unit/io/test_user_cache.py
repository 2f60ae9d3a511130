"""Values that a machine keeps: what is damaged or cannot be written counts as not there."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from vseg.io.user_cache import KeptValues, user_cache


@dataclass(frozen=True, slots=True)
class Measured:
    """A value with a bound."""

    ms: Annotated[float, Field(gt=0, allow_inf_nan=False)]


KEPT = KeptValues("measured.json", Measured)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the values are kept; the folder is there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "vseg").mkdir()
    return tmp_path / "vseg" / "measured.json"


def test_a_value_is_kept_by_its_key_and_the_first_one_decides(file: Path) -> None:
    assert KEPT.get("a") is None
    assert KEPT.keep("a", Measured(1.0)) == KEPT.keep("a", Measured(2.0)) == Measured(1.0)
    KEPT.keep("b", Measured(3.0))
    assert KEPT.get("a") == Measured(1.0) and KEPT.get("b") == Measured(3.0)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\0" * 9, b"[" * 200_000, b'{"a":' * 200_000, b"[1]", b"null", b"\xff\xfe{"],
)
def test_a_damaged_file_is_made_anew(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert KEPT.get("a") is None
    KEPT.keep("a", Measured(1.0))
    assert json.loads(file.read_bytes()) == {"a": {"ms": 1.0}}


@pytest.mark.parametrize("value", ['"x"', "{}", '{"ms": NaN}', '{"ms": -1}', '{"ms": "fast"}'])
def test_a_damaged_value_spoils_no_other(file: Path, value: str) -> None:
    file.write_text(f'{{"a": {value}, "b": {{"ms": 2.5}}}}')
    assert KEPT.get("a") is None and KEPT.get("b") == Measured(2.5)


def test_what_is_no_file_is_neither_waited_for_nor_replaced(file: Path) -> None:
    os.mkfifo(file)
    assert KEPT.keep("a", Measured(1.0)) == Measured(1.0)
    assert KEPT.get("a") is None and not file.is_file()


def test_a_folder_that_cannot_be_written_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "taken"))
    assert KEPT.keep("a", Measured(1.0)) == Measured(1.0)


def test_who_has_no_home_folder_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert user_cache("measured.json") is None
    assert KEPT.keep("a", Measured(1.0)) == Measured(1.0) and KEPT.get("a") is None
