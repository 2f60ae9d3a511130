"""The published models: every kind is listed, found in the hub's cache, opened by name and
verified.
"""

import json
from fnmatch import fnmatch
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.grounder_models import beside_a_tracker, clip_tokenizer, saved_grounder
from vseg.build import load_model, model_path, open_grounder
from vseg.cli.command_line import app
from vseg.errors import WeightsMissing
from vseg.weights.catalogue import GROUNDERS, IMAGE_TEXT, PUBLISHED

pytestmark = pytest.mark.integration

RUNNER = CliRunner()
COMMIT = "0123456789" * 4


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def snapshot(cache: Path, repository: str) -> Path:
    """An empty folder where the hub's cache keeps the newest files of a repository."""
    held = cache / f"models--{repository.replace('/', '--')}"
    folder = held / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (held / "refs").mkdir()
    (held / "refs" / "main").write_text(COMMIT)
    return folder


def test_all_kinds_are_listed(cache: Path) -> None:
    told = json.loads(RUNNER.invoke(app, ["models", "list", "--json"]).stdout)
    kinds = {name: facts["kind"] for name, facts in told.items()}
    assert kinds["nano"] == kinds["edgetam"] == "segmenter"
    assert kinds["grounding-dino-tiny"] == kinds["sam3"] == "grounder"
    assert kinds["clip-vit-b32"] == kinds["siglip2-base"] == "image-text"
    assert told["rf-detr-seg-nano"]["detects"] == "its classes"
    assert told["omdet-turbo-tiny"]["detects"] == "any words"
    assert set(told) == {"nano", *PUBLISHED, *GROUNDERS, *IMAGE_TEXT}
    assert told["owlv2-base"]["weights"].endswith("vseg models pull owlv2-base")


def test_words_are_fetched_and_pickles_are_not() -> None:
    words = ["tokenizer.json", "vocab.json", "merges.txt", "vocab.txt", "spiece.model"]
    words += [
        "tokenizer.model",
        "preprocessor_config.json",
        "config.json",
        "model.safetensors",
    ]
    other = ["pytorch_model.bin", "sam3.pt", "tf_model.h5", "flax_model.msgpack", "README.md"]
    for published in (*GROUNDERS.values(), *IMAGE_TEXT.values()):
        fetched = {n for n in words + other if any(fnmatch(n, p) for p in published.files)}
        assert fetched == set(words)
    assert not any(fnmatch("merges.txt", p) for p in PUBLISHED["edgetam"].files)


def test_a_grounder_is_opened_by_its_name(cache: Path) -> None:
    saved_grounder("owlv2", snapshot(cache, "google/owlv2-base-patch16-ensemble"))
    grounder = open_grounder("owlv2-base")
    assert grounder.name == "owlv2-base"
    answer = RUNNER.invoke(app, ["models", "verify", "owlv2-base", "--sha256", "0" * 64])
    assert (
        answer.exit_code == 5 and f"their sha256 is {grounder.weights_sha256}" in answer.stderr
    )


def test_one_repository_may_hold_a_tracker_and_a_grounder(cache: Path) -> None:
    folder = snapshot(cache, "facebook/sam3")
    beside_a_tracker(saved_grounder("sam3", folder), folder)
    for path in folder.glob("tokenizer*"):
        path.unlink()
    assert model_path("sam3-tracker") == folder
    with pytest.raises(WeightsMissing, match=r"vocabulary.*vseg models pull sam3`"):
        open_grounder("sam3")
    clip_tokenizer(32).save_pretrained(folder)
    digest = open_grounder("sam3").weights_sha256
    assert digest == load_model("sam3-tracker").weights_sha256
    for name in ("sam3", "sam3-tracker", str(folder)):
        answer = RUNNER.invoke(app, ["models", "verify", name, "--sha256", digest])
        assert answer.exit_code == 0, answer.stderr
