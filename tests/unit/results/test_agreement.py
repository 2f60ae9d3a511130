"""Agreement is read back for a range of frames, and refused where the file is another."""

from pathlib import Path

import pytest

from vseg.errors import BadRun
from vseg.results.agreement import read_agreement, write_agreement
from vseg.results.layout import AGREEMENT


def test_a_range_is_read_back(tmp_path: Path) -> None:
    assert read_agreement(tmp_path, 0, 10) == {}
    rows = {(obj, frame): (obj + frame) / 10_000 for frame in range(3000) for obj in (2, 5)}
    write_agreement(tmp_path, rows)
    found = read_agreement(tmp_path, 2990, 4000)
    assert sorted(found) == sorted(key for key in rows if key[1] >= 2990)
    assert found == pytest.approx({key: rows[key] for key in found})


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / AGREEMENT).write_bytes(b"no parquet")
    with pytest.raises(BadRun, match="damaged"):
        read_agreement(tmp_path, 0, 10)
