"""Where a user's folders are: never below the folder that a command happens to start in."""

from pathlib import Path

import pytest

from vseg.cli.live_sinks import _spool_folder
from vseg.errors import UsageError
from vseg.io.user_folders import user_folder


def test_the_environment_names_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/states")
    assert user_folder("XDG_STATE_HOME", ".local/state") == Path("/states/vseg")


@pytest.mark.parametrize("relative", ["", "here", "./here", "~/here"])
def test_a_relative_path_counts_as_not_set(
    relative: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", relative)
    monkeypatch.setenv("HOME", "/home/her")
    expected = Path("/home/her/.local/state/vseg")
    assert user_folder("XDG_STATE_HOME", ".local/state") == expected
    monkeypatch.setenv("HOME", "her")
    assert user_folder("XDG_STATE_HOME", ".local/state") is None


def test_a_webhook_of_a_user_without_a_home_folder_asks_for_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(UsageError, match="--webhook-spool"):
        _spool_folder("http://receiver")
