"""`vseg serve` and `vseg keys`, as they are typed."""

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vseg.cli.command_line import app
from vseg.server.listening import open_socket


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_keys_are_made_listed_and_removed(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    first = call("keys", "add", file, "--name", "lab", "--scope", "read").stdout.strip()
    second = json.loads(
        call("keys", "add", file, "--name", "me", "--days", 1, "--json").stdout
    )
    assert first != second["key"]
    assert first not in file.read_text("utf-8")
    assert file.stat().st_mode & 0o077 == 0
    lines = call("keys", "list", file).stdout.splitlines()
    assert lines[0].split(maxsplit=3)[1:] == ["read", "lab", "does not expire"]
    assert "until" in lines[1]
    assert call("keys", "remove", file, second["id"]).exit_code == 0
    assert len(json.loads(call("keys", "list", file, "--json").stdout)["keys"]) == 1
    again = call("keys", "remove", file, second["id"])
    assert (again.exit_code, "keys list" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--days", "nan"), ("--days", "inf"), ("--days", "1e30"), ("--name", "\udcff")],
)
def test_a_key_that_could_not_be_listed_is_not_made(
    tmp_path: Path, option: str, value: str
) -> None:
    """nan was stored as an end that never comes."""
    answer = call("keys", "add", tmp_path / "keys.json", "--name", "lab", option, value)
    assert (answer.exit_code, option in answer.stderr) == (2, True)
    assert not (tmp_path / "keys.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--host", "0.0.0.0"), "vseg keys add"),
        (("--keys", "none.json"), "vseg keys add"),
        (("--device", "abacus"), "device"),
        (("--device", "cuda:99"), "--device c"),
        (("--model", "nanoo"), "nano"),
        (("--config", "none.toml"), "none.toml"),
        (("--port", "99999"), "port"),
    ],
)
def test_a_service_that_cannot_be_is_not_begun(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    answer = call("serve", "--root", tmp_path, *words)
    assert answer.exit_code != 0
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_root_that_is_none(tmp_path: Path) -> None:
    answer = call("serve", "--root", tmp_path / "nowhere")
    assert (answer.exit_code, "not a folder" in answer.stderr) == (3, True)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = call("serve", "--root", tmp_path, "--port", taken.getsockname()[1])
    assert (answer.exit_code, "--port 0" in answer.stderr) == (2, True)


def test_connections_send_without_waiting_for_receipts() -> None:
    with (
        open_socket("127.0.0.1", 0) as listening,
        socket.create_connection(listening.getsockname()),
        listening.accept()[0] as own,
    ):
        assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_without_the_extra_the_command_to_type_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vseg.server.extra.find_spec", lambda name: None)
    answer = call("serve", "--root", tmp_path)
    assert (answer.exit_code, "pip install 'vseg[server]'" in answer.stderr) == (2, True)
