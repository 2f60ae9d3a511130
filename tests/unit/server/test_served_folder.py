"""Which files of the served folder are listed as clips."""

from pathlib import Path

from vseg.server.storage.served_folder import ServedFolder


def test_streams_without_a_container_are_listed_as_clips(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.h264", "c.HEVC", "d.ivf", "e.y4m", "f.txt", "g.h264.md5"):
        (tmp_path / name).touch()
    listed = [entry.path for entry in ServedFolder(tmp_path).entries("video")]
    assert listed == ["a.mp4", "b.h264", "c.HEVC", "d.ivf", "e.y4m"]
