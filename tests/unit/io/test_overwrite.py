"""Nothing that exists is replaced unasked, and only an earlier output is replaced at all."""

from pathlib import Path

import pytest

from vseg.errors import OutputError
from vseg.io.files import atomic_folder, check_free, make_folder


def is_png(path: Path) -> bool:
    return path.suffix == ".png"


def test_what_is_free_may_be_written(tmp_path: Path) -> None:
    check_free(tmp_path / "a.mp4", overwrite=False)
    check_free(tmp_path / "a", overwrite=False, is_member=is_png)
    check_free(tmp_path, overwrite=False, is_member=is_png)  # an empty folder


def test_a_file_is_replaced_only_if_asked(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("old")
    with pytest.raises(OutputError, match=r"a\.mp4 exists already .*--overwrite"):
        check_free(tmp_path / "a.mp4", overwrite=False)
    check_free(tmp_path / "a.mp4", overwrite=True)
    with pytest.raises(OutputError, match="replaced by a file"):
        check_free(tmp_path, overwrite=True)
    with pytest.raises(OutputError, match="replaced by a folder"):
        check_free(tmp_path / "a.mp4", overwrite=True, is_member=is_png)


def test_a_folder_is_replaced_only_if_nothing_else_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_text("")
    with pytest.raises(OutputError, match="exists already"):
        check_free(tmp_path, overwrite=False, is_member=is_png)
    check_free(tmp_path, overwrite=True, is_member=is_png)
    (tmp_path / "notes.md").write_text("mine")
    with pytest.raises(OutputError, match=r"holds notes\.md"):
        check_free(tmp_path, overwrite=True, is_member=is_png)


def test_a_folder_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "out"
    for name in ("old", "new"):
        with atomic_folder(target) as unfinished:
            (unfinished / name).write_text(name)
            assert not (target / name).exists()
    assert [path.name for path in target.iterdir()] == ["new"]
    with pytest.raises(KeyboardInterrupt), atomic_folder(target) as unfinished:
        (unfinished / "half").write_text("")
        raise KeyboardInterrupt
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == [
        "out",
        "out/new",
    ]


def test_what_was_there_comes_back_if_the_new_folder_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").write_text("old")
    rename = Path.replace

    def refused(path: Path, to: Path) -> Path:
        if path.suffix == ".part":
            raise PermissionError(13, "Permission denied")
        return rename(path, to)

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(OutputError, match=r"cannot write .*out"), atomic_folder(target):
        pass
    assert (target / "old").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_cannot_be_made_is_named_with_what_was_for_it(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b", "clips")
    make_folder(tmp_path / "a" / "b", "clips")
    (tmp_path / "a" / "file").touch()
    with pytest.raises(
        OutputError, match=r"cannot write clips to .*a/file/b: Not a directory"
    ):
        make_folder(tmp_path / "a" / "file" / "b", "clips")
