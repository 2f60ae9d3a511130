"""Folders that are the same at every start: one for each user, and for nobody else."""

import os
from pathlib import Path

import pytest

from vseg.errors import OutputError
from vseg.io.private_folder import private_folder


def test_it_is_the_same_at_every_start_and_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = private_folder("vseg-clips", "clips")
    (folder / "kept").touch()
    assert private_folder("vseg-clips", "clips") == folder
    assert (folder / "kept").exists()
    assert folder.stat().st_mode & 0o777 == 0o700
    user = os.getuid()
    monkeypatch.setattr("os.getuid", lambda: user + 1)
    with pytest.raises(OutputError, match="not a folder of yours"):
        private_folder("vseg-clips", "clips")  # nothing here is that user's
    assert folder.parent == tmp_path


def test_a_link_in_its_place_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"vseg-clips-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="not a folder of yours"):
        private_folder("vseg-clips", "clips")
