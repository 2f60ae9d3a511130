"""Agreement is read back for a range of frames, kept where masks did not change, and refused
where the file is another.
"""

from pathlib import Path

import pytest

from vseg.errors import BadRun
from vseg.results.agreement import read_agreement, update_agreement
from vseg.results.layout import AGREEMENT


def test_a_range_is_read_back(tmp_path: Path) -> None:
    assert read_agreement(tmp_path, 0, 10) == {}
    rows = {(obj, frame): (obj + frame) / 10_000 for frame in range(3000) for obj in (2, 5)}
    update_agreement(tmp_path, rows, {})
    found = read_agreement(tmp_path, 2990, 4000)
    assert sorted(found) == sorted(key for key in rows if key[1] >= 2990)
    assert found == pytest.approx({key: rows[key] for key in found})
    assert read_agreement(tmp_path) == pytest.approx(rows)


def test_what_is_said_of_changed_masks_goes(tmp_path: Path) -> None:
    update_agreement(tmp_path, {(1, frame): 0.5 for frame in range(10)}, {})
    update_agreement(tmp_path, {(1, 4): 0.25}, {1: ((3, 6),)})
    assert read_agreement(tmp_path) == {(1, f): 0.5 for f in (0, 1, 2, 6, 7, 8, 9)} | {
        (1, 4): 0.25
    }


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / AGREEMENT).write_bytes(b"no parquet")
    with pytest.raises(BadRun, match="damaged"):
        read_agreement(tmp_path, 0, 10)
