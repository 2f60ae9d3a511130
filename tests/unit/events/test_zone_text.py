"""A zones.toml that is written reads as the same zones."""

from pathlib import Path

import pytest

from vseg.errors import BadConfig
from vseg.events.zone_file import ZoneFile, read_zone_file
from vseg.events.zone_text import zone_text

EVERYTHING = Path(__file__).parents[3] / "configs" / "zones.toml"


def read_back(path: Path, file: ZoneFile) -> ZoneFile:
    path.write_text(zone_text(file), "utf-8")
    return read_zone_file(path)


def test_every_setting_is_written(tmp_path: Path) -> None:
    file = read_zone_file(EVERYTHING)
    assert read_back(tmp_path / "z.toml", file) == file


@pytest.mark.parametrize(
    ("name", "label"),
    [('a "door"', "two\nlines"), ("back\\slash", "\x7f\x00\t"), ("Tür 门 🚪", "[x] = #")],
)
def test_any_name_is_written(tmp_path: Path, name: str, label: str) -> None:
    file = ZoneFile.model_validate(
        {
            "unit": "pixels",
            "size": (1920, 1080),
            "zone": [
                {"name": name, "polygon": [(1e-5, 2), (3, 1e6), (-0.1, 7)], "labels": [label]}
            ],
            "line": [{"name": "l", "begin": (0, 0), "end": (1, 0), "allowed": name}],
            "near": [{"name": "n", "distance": 0.5}],
        }
    )
    assert read_back(tmp_path / "z.toml", file) == file


@pytest.mark.parametrize("name", ["", "  ", "two\\nlines", "\\u001b[31mred", "\\t"])
def test_a_name_is_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / "z.toml"
    path.write_text(f'[[zone]]\nname = "{name}"\npolygon = [[0, 0], [1, 0], [1, 1]]\n')
    with pytest.raises(BadConfig, match="name"):
        read_zone_file(path)


@pytest.mark.parametrize("wrong", ["size = [0, 0]", "size = [640, -1]", 'unit = "metres"'])
def test_sizes_are_sizes(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "z.toml"
    path.write_text(f'{wrong}\n[[zone]]\nname = "a"\npolygon = [[0, 0], [9, 0], [9, 9]]\n')
    with pytest.raises(BadConfig, match=r"z\.toml"):
        read_zone_file(path)


def test_coordinates_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "z.toml"
    path.write_text('[[zone]]\nname = "a"\npolygon = [[0, 0], [1e300, 0], [9, 9]]\n')
    with pytest.raises(BadConfig, match="polygon"):
        read_zone_file(path)
