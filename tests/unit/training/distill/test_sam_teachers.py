"""Models that track can teach: the same features as the transformers library's, and no
timm.
"""

import sys
from pathlib import Path

import pytest
import torch

from tests.edgetam_folder import published_layout
from tests.sam_models import saved_model
from vseg.training.distill.pretrained import load_pretrained
from vseg.training.distill.teachers import open_teacher

pytestmark = pytest.mark.integration

CPU = torch.device("cpu")


def test_sam2_gives_the_librarys_pyramid(tmp_path: Path) -> None:
    model = saved_model("sam2", tmp_path)
    backbone = load_pretrained(str(tmp_path), CPU, torch.float32)
    image = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = model.vision_encoder(image).fpn_hidden_states
        found = backbone.maps(image)
    assert [each.shape for each in found] == [each.shape for each in wanted[:3]]
    for ours, theirs in zip(found, wanted, strict=False):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_edgetam_teaches_without_timm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    published_layout(tmp_path)
    teacher = open_teacher(str(tmp_path), CPU, torch.float32)
    assert (teacher.native_strides, teacher.channels) == ((8, 16), (128, 128))
    fine, coarse = teacher(torch.zeros(2, 3, 96, 160, dtype=torch.uint8))
    assert (fine.shape, coarse.shape) == ((2, 128, 12, 20), (2, 128, 6, 10))
