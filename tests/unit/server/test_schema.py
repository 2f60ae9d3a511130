"""The schema of the service: checked in as it is, and what it promises holds."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from docs.openapi import SCHEMA, schema_text
from tests.served import service_process


def test_the_schema_that_is_checked_in_is_current() -> None:
    assert SCHEMA.read_text("utf-8") == schema_text(), "python -m docs.openapi"


def test_every_operation_says_how_it_refuses() -> None:
    paths = json.loads(SCHEMA.read_text("utf-8"))["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            if path in ("/healthz", "/readyz"):
                continue
            assert {"401", "403", "429"} <= operation["responses"].keys(), (method, path)


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_no_request_that_can_be_thought_of_makes_the_service_fail(
    root: Path, tmp_path: Path
) -> None:
    """Schemathesis makes requests of every kind from the schema.

    SCHEMATHESIS names the command where it has an environment of its own.
    """
    command = os.environ.get("SCHEMATHESIS") or shutil.which("schemathesis")
    if command is None:
        pytest.skip("schemathesis is not installed: pip install schemathesis")
    with service_process(root) as service:
        done = subprocess.run(
            [
                command,
                "run",
                f"{service.address}/v1/openapi.json",
                f"--header=Authorization: Bearer {service.key}",
                "--checks=not_a_server_error,content_type_conformance,ignored_auth",
                "--max-examples=30",
                "--seed=7",
                "--request-timeout=60",
                "--no-color",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=1500,
        )
    assert done.returncode == 0, done.stdout[-20_000:]
