"""What a killed process left of an output is deleted by the next one; nothing else is."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vseg.io.files import atomic_folder, atomic_write_text
from vseg.io.unfinished import is_unfinished, scratch_folder, sweep, unfinished

_WRITES = """
import sys, time
from pathlib import Path
from vseg.io.files import atomic_folder, atomic_path
folder = Path(sys.argv[1])
with atomic_path(folder / "a.b c.mp4") as part, atomic_folder(folder / "d") as fresh:
    part.write_bytes(b"half")
    (fresh / "x.png").write_bytes(b"half")
    print("begun", flush=True)
    time.sleep(60)
"""


@contextmanager
def writing(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process in the middle of a file and a folder."""
    command = [sys.executable, "-c", _WRITES, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        try:
            yield process
        finally:
            process.kill()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.integration
def test_what_a_killed_process_left_goes_with_the_next_output_there(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with writing(tmp_path / "one") as process:
        begun = names(tmp_path / "one")
        assert len(begun) == 2 and all(is_unfinished(Path(name)) for name in begun)
        # A copy of the folder: this process has written nothing into it yet.
        (tmp_path / "one").rename(tmp_path / "two")
        sweep(tmp_path / "two")
        assert names(tmp_path / "two") == begun, "it still runs"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    (tmp_path / "two").rename(tmp_path / "three")
    atomic_write_text(tmp_path / "three" / "new.txt", "new")
    assert names(tmp_path / "three") == {"new.txt"}


def test_only_what_this_place_left_and_nothing_of_the_user_is_deleted(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        pid = ended.pid
    own = unfinished(tmp_path / "a").name  # .a.PID-STARTED-PLACE.part
    gone = own.replace(f".{os.getpid()}-", f".{pid}-")
    place = own.split("-")[-1].removesuffix(".part")
    elsewhere = gone.replace(place, "0" * 8 if place != "0" * 8 else "1" * 8)
    kept = {
        own,
        elsewhere,
        "a.part",
        ".a.part",
        f".a.{pid}.part",
        gone.removeprefix("."),
        gone.replace(".part", ""),
        gone.replace(".part", ".txt"),
        gone.replace(".a.", ".replaced.").replace(".part", ".old"),
    }
    left = {gone, gone.replace(".part", ".old"), f".b{gone}"}
    for name in (*kept, *left):
        (tmp_path / name).write_text("x")
    (tmp_path / "a").mkdir()
    target = tmp_path / "target"
    target.write_text("x")
    link = gone.replace(".a.", ".link.")
    (tmp_path / link).symlink_to(target)
    sweep(tmp_path)
    assert names(tmp_path) == kept | {"a", "target"}


def test_a_number_that_was_given_out_again_is_another_process(tmp_path: Path) -> None:
    own = unfinished(tmp_path / "a")
    began = own.name.split("-")[1]
    if not began:
        pytest.skip("the system does not tell when a process began")
    earlier = own.with_name(own.name.replace(f"-{began}-", f"-{int(began) - 1}-"))
    for path in (own, earlier):
        path.write_text("x")
    sweep(tmp_path)
    assert names(tmp_path) == {own.name}


def test_scratch_is_hidden_beside_its_output(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), scratch_folder(tmp_path / "a.mcap") as folder:
        assert folder.parent == tmp_path and is_unfinished(folder)
        (folder / "bag").mkdir()
        raise ValueError("no")
    assert not names(tmp_path)
    with atomic_folder(tmp_path / "d") as fresh:
        assert is_unfinished(fresh)
