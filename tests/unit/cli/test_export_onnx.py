"""`vseg export nano --to onnx`: the format says whether a run or a model is exported."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import call
from vseg.models.nano.network import NanoNet
from vseg.models.onnx import export as onnx_export
from vseg.models.onnx.export import Graph, LoopSizes

pytestmark = pytest.mark.integration

SIZE = ["--height", "120", "--width", "176"]


def test_a_model_goes_to_onnx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def only_the_last(net: NanoNet, sizes: LoopSizes) -> tuple[Graph, ...]:
        return whole(net, sizes)[-1:]

    whole = onnx_export.make_graphs
    monkeypatch.setattr(onnx_export, "make_graphs", only_the_last)
    out = tmp_path / "graphs"
    words = ["export", "nano", "--to", "onnx", "-o", out, *SIZE, "--short-side", "96"]
    answer = call(*words, "--memory", "4", "--objects", "3", "--json")
    assert answer.exit_code == 0, answer.stderr
    assert json.loads(answer.stdout)["written"] == [str(out)]
    told = json.loads((out / "manifest.json").read_text())
    assert (told["objects"], told["memory"]["prompted"]) == (3, 2)
    assert told["graphs"]["enlarge"]["inputs"]["logits"]["shape"] == [3, 24, 36]
    assert call(*words).exit_code == 3


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nano", "--to", "onnx"], 2, "--height 480 --width 854"),
        (["nano", "--to", "onnx", *SIZE, "--short-side", "100"], 2, "short side 100"),
        (["nano", "--to", "onnx", *SIZE, "--memory", "2"], 2, "give 3 or more"),
        (["runs/a", "--to", "onnx", *SIZE], 5, "nano can; a run goes to davis or coco"),
        (["nano", "--to", "vhs"], 2, "ytvis-gt for a run, onnx for a model"),
        (["nano", "--to", "coco", "--memory", "4"], 2, "--memory is for models"),
        (["nano", "--to", "coco"], 3, "nano"),
    ],
)
def test_what_makes_no_sense_is_refused(
    words: list[str], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = call("export", *words, "-o", "out")
    assert (answer.exit_code, said in answer.stderr) == (code, True), answer.stderr
    assert list(tmp_path.iterdir()) == []
