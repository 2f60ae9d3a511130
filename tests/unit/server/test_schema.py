"""The schema of the service: checked in as it is, and what it promises holds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from docs.openapi import SCHEMA, schema_text
from tests.annotator_page import empty_run
from tests.served import app_of, served, service_process
from vseg.build import load_model
from vseg.server.storage.ids import id_of


def test_the_schema_that_is_checked_in_is_current() -> None:
    assert SCHEMA.read_text("utf-8") == schema_text(), "python -m docs.openapi"


def test_every_operation_says_how_it_refuses() -> None:
    paths = json.loads(SCHEMA.read_text("utf-8"))["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            if path in ("/healthz", "/readyz"):
                continue
            assert {"401", "403", "429"} <= operation["responses"].keys(), (method, path)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/jobs", "GET, POST"),
        ("/v1/jobs/0123456789abcdef", "DELETE, GET"),
        ("/v1/login", "POST"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(root: Path, path: str, allowed: str) -> None:
    with served(app_of(root)) as client:
        answer = client.put(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


_MANY = "1000000"
_CONFIG = f"""
plugs = ["x-anylabeling", "label-studio"]
[limits]
sessions = {_MANY}
jobs = {_MANY}
requests_per_minute = {_MANY}
refused_per_minute = {_MANY}
"""
"""Refusals that only say "too many" would hide what the routes answer."""


@pytest.mark.slow
def test_no_request_that_can_be_thought_of_makes_the_service_fail(
    root: Path, tmp_path: Path
) -> None:
    """Schemathesis makes requests of every kind from the schema: every answer is one that the
    schema promises, and none is an error of the service.
    """
    empty_run(root, load_model("nano", short_side=64))
    ids = {"video_id": id_of("two.mp4"), "run_id": id_of("run")}
    named = [f'"path.{name}" = "{value}"' for name, value in ids.items()]
    (tmp_path / "schemathesis.toml").write_text("[parameters]\n" + "\n".join(named) + "\n")
    with service_process(root, _CONFIG) as service:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli"),
                "run",
                f"{service.address}/v1/openapi.json",
                f"--header=Authorization: Bearer {service.key}",
                # Whether data fits the schema is not all that decides: a clip is there or not,
                # a box lies on its frame or not; and the ids above stand for wrong ones too.
                "--exclude-checks=positive_data_acceptance,negative_data_rejection",
                "--phases=examples,coverage,fuzzing",
                "--max-examples=2",
                "--seed=7",
                "--request-timeout=30",
                "--no-color",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=280,
        )
    assert done.returncode == 0, done.stdout[-20_000:]
