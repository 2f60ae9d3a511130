"""No output takes the place of what is read, of a run's own files, or of a device."""

import os
from pathlib import Path

import pytest

from vseg.errors import OutputError
from vseg.io.files import atomic_write_text, check_free
from vseg.results.output_place import check_output


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "masks").mkdir(parents=True)
    for name in ("run.json", "frames.parquet", "overlay.mp4", "masks/shard-000000.parquet"):
        (folder / name).write_text("kept")
    return folder


@pytest.mark.parametrize(
    "name",
    ["run.json", "frames.parquet", "tracks.txt", "masks", "masks/shard-000000.parquet"],
)
def test_a_file_of_a_run_is_not_replaced(run: Path, name: str) -> None:
    with pytest.raises(OutputError, match="belongs to the run"):
        check_output(run / name, overwrite=True)


def test_images_of_a_run_and_other_files_in_it_may_be_written(run: Path) -> None:
    check_output(run / "overlay.mp4", overwrite=True)
    check_output(run / "a.json", overwrite=False)
    check_output(run / "sets" / "masks", overwrite=False, is_member=lambda path: False)


def test_the_annotator_makes_files_in_a_folder_of_the_run(run: Path) -> None:
    made = run / "annotation" / "files" / "a.zip"
    made.parent.mkdir(parents=True)
    check_output(made, overwrite=False)
    with pytest.raises(OutputError, match="belongs to the run"):
        check_output(run / "annotation" / "journal.jsonl", overwrite=True)


def test_what_is_read_is_not_replaced_under_any_name(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_text("frames")
    (tmp_path / "link.mp4").symlink_to(clip)
    reads = (None, "rtsp://camera/" + "x" * 300, clip)
    for target in (clip, tmp_path / "link.mp4"):
        with pytest.raises(OutputError, match="is what the command reads"):
            check_output(target, overwrite=True, reads=reads)
    check_output(tmp_path / "other.mp4", overwrite=True, reads=reads)


def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="is a device, a pipe or a stream"):
        check_free(pipe, overwrite=True)
    with pytest.raises(OutputError, match="is a device, a pipe or a stream"):
        atomic_write_text(pipe, "text")
    assert pipe.is_fifo()


def test_a_name_of_an_open_stream_is_not_replaced(tmp_path: Path) -> None:
    link = tmp_path / "stdout"
    with (tmp_path / "held").open("w") as held:
        link.symlink_to(f"/proc/self/fd/{held.fileno()}")
        with pytest.raises(OutputError, match="is a device, a pipe or a stream"):
            atomic_write_text(link, "text")
    assert link.is_symlink()
