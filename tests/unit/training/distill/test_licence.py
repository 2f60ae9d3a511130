"""The licence of a teacher, from what lies beside its weights."""

from pathlib import Path

import pytest

from vseg.training.distill.licence import UNKNOWN, licence_in

DINOV3 = """---
license: other
license_name: 'dinov3-license'
tags:
- dino
---
# DINOv3
license: mit
"""


@pytest.mark.parametrize(
    ("card", "told"),
    [
        (DINOV3, "dinov3-license (README.md)"),
        ("---\nlicense: apache-2.0\n---\n", "apache-2.0 (README.md)"),
        ("---\nlicense: apache-2.0\n", UNKNOWN),
        ("# A model\nlicense: mit\n", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_the_header_of_a_card_is_believed(tmp_path: Path, card: str, told: str) -> None:
    (tmp_path / "README.md").write_text(card, "utf-8")
    assert licence_in(tmp_path) == told


def test_without_a_card_the_kind_tells(tmp_path: Path) -> None:
    assert licence_in(tmp_path) == UNKNOWN
    for config in ("[]", "{", '{"model_type": 3}'):
        (tmp_path / "config.json").write_text(config, "utf-8")
        assert licence_in(tmp_path) == UNKNOWN
    (tmp_path / "config.json").write_text('{"model_type": "dinov3_vit"}', "utf-8")
    assert licence_in(tmp_path).startswith("DINOv3 License")
    (tmp_path / "LICENSE.md").write_text("...", "utf-8")
    assert licence_in(tmp_path) == "see LICENSE.md"
    (tmp_path / "README.md").write_bytes(b"\xff\xfe")
    assert licence_in(tmp_path) == "see LICENSE.md"
