"""`vseg models`: every model is listed, one that is not here says how to get it, folders are
checked.
"""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from tests.sam_models import saved_model
from vseg.cli.command_line import app

pytestmark = pytest.mark.integration

RUNNER = CliRunner()


def test_published_models_are_listed_with_what_to_type() -> None:
    told = json.loads(RUNNER.invoke(app, ["models", "list", "--json"]).stdout)
    assert {"nano", "edgetam", "sam2.1-large", "sam3-tracker"} <= told.keys()
    assert told["edgetam"]["licence"] == "Apache-2.0"


def test_where_a_model_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert "nano.safetensors" in RUNNER.invoke(app, ["models", "path", "nano"]).stdout
    answer = RUNNER.invoke(app, ["models", "path", "edgetam"])
    assert answer.exit_code == 5 and "vseg models pull edgetam" in answer.stderr
    assert RUNNER.invoke(app, ["models", "pull", "bert"]).exit_code == 5


def test_a_folder_is_verified(tmp_path: Path) -> None:
    saved_model("edgetam", tmp_path)
    answer = RUNNER.invoke(app, ["models", "verify", str(tmp_path)])
    assert answer.exit_code == 0 and "all in place" in answer.stdout
    command = ["models", "verify", str(tmp_path), "--sha256"]
    digest = hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    assert RUNNER.invoke(app, [*command, digest]).exit_code == 0
    answer = RUNNER.invoke(app, [*command, "0" * 64])
    assert answer.exit_code == 5 and f"their sha256 is {digest}" in answer.stderr
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    assert RUNNER.invoke(app, ["models", "verify", str(tmp_path)]).exit_code == 5


def test_an_official_checkpoint_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    out = tmp_path / "out"
    torch.save({"model": {"encoder.weight": torch.zeros(2)}}, file)
    answer = RUNNER.invoke(app, ["models", "convert", str(file), str(out)])
    assert answer.exit_code == 5 and "no published model of the SAM 2 family" in answer.stderr
    answer = RUNNER.invoke(
        app, ["models", "convert", str(file), str(out), "--as", "sam2.1-tiny"]
    )
    assert (
        answer.exit_code == 5
        and "lacks 'image_encoder.neck.convs.0.conv.bias'" in answer.stderr
    )
    answer = RUNNER.invoke(app, ["models", "convert", str(file), str(out), "--as", "sam9"])
    assert answer.exit_code == 5 and "known: edgetam, sam2-tiny" in answer.stderr
    assert not out.exists(), "nothing is left of a file that does not fit"
