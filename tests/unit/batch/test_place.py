"""Where batches lie: a folder, and a store (here one of files, by its address)."""

import os
from pathlib import Path

import pytest

from tests.runs import header_of
from vseg.batch.clip_cache import ClipCache, stored_source
from vseg.batch.place import FolderPlace, Place, open_place
from vseg.errors import BadVideo, RunBusy, StoreError, UsageError
from vseg.io.stores import Store, StoredFile, unsigned
from vseg.results import SourceFingerprint
from vseg.results.layout import RunState, run_state, write_header
from vseg.types import VideoInfo

ID = "0123456789abcdef"
VIDEO = VideoInfo(height=4, width=6, fps=None, num_frames=3, source="a.mp4", codec="h264")


@pytest.fixture(params=["folder", "store"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Place:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    out = tmp_path / "out"
    return open_place(str(out) if request.param == "folder" else f"file://{out}")


def write_run(place: Place, status: str, *masks: str) -> None:
    folder = place.take(ID)
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    for name in masks:
        (folder / "masks" / name).write_bytes(name.encode())
    write_header(folder, header_of(VIDEO, status=status))


def test_files_are_replaced_and_removed(place: Place) -> None:
    assert place.read("manifests/a.json") is None
    place.remove("manifests/a.json")
    place.write("manifests/a.json", b"one")
    place.write("manifests/a.json", b"two")
    assert place.read("manifests/a.json") == b"two"
    place.remove("manifests/a.json")
    assert place.read("manifests/a.json") is None


def test_a_run_is_given_taken_and_dropped(place: Place, tmp_path: Path) -> None:
    write_run(place, "complete", "shard-000000.parquet", "shard-000001.parquet")
    place.give(ID)
    place.release(ID)
    assert place.has_run(ID)
    stored = tmp_path / "out" / "jobs" / ID
    assert sorted(p.name for p in stored.rglob("*.parquet")) == [
        "shard-000000.parquet",
        "shard-000001.parquet",
    ]
    again = place.take(ID)
    assert (again / "masks" / "shard-000001.parquet").read_bytes() == b"shard-000001.parquet"
    place.drop(ID)
    assert (not place.has_run(ID) and not stored.exists()) or not any(stored.rglob("*.*"))


def test_what_a_run_has_no_more_is_not_stored_any_more(place: Place, tmp_path: Path) -> None:
    write_run(place, "interrupted", "shard-000000.parquet", "extra.bin")
    place.give(ID)
    (place.run_folder(ID) / "masks" / "extra.bin").unlink()
    write_run(place, "complete", "shard-000001.parquet")
    place.give(ID)
    names = [p.name for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert sorted(names) == ["run.json", "shard-000000.parquet", "shard-000001.parquet"]


def test_another_machine_goes_on_with_an_interrupted_run(place: Place) -> None:
    write_run(place, "interrupted", "shard-000000.parquet")
    place.give(ID)
    place.release(ID)
    assert (place.take(ID) / "masks" / "shard-000000.parquet").exists()


def test_a_machine_that_was_believed_gone_harms_no_finished_run(place: Place) -> None:
    write_run(place, "complete", "shard-000000.parquet", "shard-000001.parquet")
    place.give(ID)
    place.release(ID)
    if isinstance(place, FolderPlace):
        return  # there the run itself has one writer
    write_run(place, "interrupted", "shard-000000.parquet")
    place.give(ID)
    place.release(ID)
    assert (place.take(ID) / "masks" / "shard-000001.parquet").exists()
    assert run_state(place.run_folder(ID)) is RunState.FINISHED


def test_a_download_that_was_cut_off_begins_anew(place: Place) -> None:
    write_run(place, "interrupted", "shard-000000.parquet")
    place.give(ID)
    if isinstance(place, FolderPlace):
        return  # nothing is downloaded
    (place.run_folder(ID) / "run.json").unlink()
    assert run_state(place.take(ID)) is RunState.RESUMABLE


def test_a_job_has_one_worker_on_a_machine(place: Place) -> None:
    if isinstance(place, FolderPlace):
        return  # the run's own lock
    with place.claim(ID), pytest.raises(RunBusy), place.claim(ID):
        pass
    with place.claim(ID):
        pass


def test_half_an_upload_is_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    place = open_place(f"file://{tmp_path / 'out'}")
    write_run(place, "complete", "shard-000000.parquet")
    place.give(ID)
    (tmp_path / "out" / "jobs" / ID / "run.json").unlink()
    place.release(ID)
    assert not place.has_run(ID)
    assert not place.take(ID).exists()


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("https://h/a.mp4?X-Amz-Signature=s&X-Amz-Expires=9", "https://h/a.mp4"),
        ("https://h/a.mp4?id=5&sig=secret&se=2026", "https://h/a.mp4?id=5"),
        ("s3://bucket/a b?.mp4", "s3://bucket/a b?.mp4"),
        ("clips/a?token=1.mp4", "clips/a?token=1.mp4"),
    ],
)
def test_signatures_are_not_told(place: str, shown: str) -> None:
    assert unsigned(place) == shown


def test_what_is_no_hash_of_the_content_tells_clips_apart_by_address() -> None:
    same = [StoredFile(f"https://h/{name}.mp4", 9, "Fri, 27 Nov 2026") for name in "ab"]
    assert same[0].identity != same[1].identity
    signed = StoredFile("https://h/a.mp4?sig=other", 9, "Fri, 27 Nov 2026")
    assert signed.identity == same[0].identity
    moved = [StoredFile(f"s3://bucket/{name}.mp4", 9, "etag") for name in "ab"]
    assert moved[0].identity == moved[1].identity


def test_addresses_that_are_refused() -> None:
    with pytest.raises(UsageError, match="is empty"):
        open_place(" ")
    with pytest.raises(UsageError, match="password"):
        open_place("s3://name:secret@bucket/a")
    with pytest.raises(UsageError, match="nothing opens"):
        open_place("nothing://bucket/a")


def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(UsageError) as caught:
        open_place("s3://bucket/a")
    assert caught.value.hint == "pip install 'vseg[s3]'"


def source(clip: Path) -> SourceFingerprint:
    """A file, by its address, as a plan has it."""
    address = f"file://{clip}"
    return stored_source(Store(address).describe(address))


def test_the_cache_keeps_clips_below_its_limit(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path / "cache", limit=250)
    for name in "abc":
        (tmp_path / f"{name}.mp4").write_bytes(name.encode() * 100)

    def cached() -> set[str]:
        return {p.name for p in (tmp_path / "cache").glob("*/*.mp4")}

    with cache.local(source(tmp_path / "a.mp4")) as first:
        assert first.read_bytes() == b"a" * 100
        with cache.local(source(tmp_path / "b.mp4")):
            pass
        with cache.local(source(tmp_path / "c.mp4")):
            # a is in use, so b goes, although a is older.
            assert cached() == {"a.mp4", "c.mp4"}
    with cache.local(source(tmp_path / "b.mp4")):
        assert cached() == {"b.mp4", "c.mp4"}


def test_a_clip_that_changed_is_fetched_again(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path / "cache")
    clip = tmp_path / "a.mp4"
    clip.write_bytes(b"one")
    with cache.local(source(clip)) as path:
        assert path.read_bytes() == b"one"
    clip.write_bytes(b"three")
    with cache.local(source(clip)) as path:
        assert path.read_bytes() == b"three"


def test_a_clip_that_is_not_there_or_not_the_same_any_more(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path / "cache")
    clip = tmp_path / "a.mp4"
    clip.write_bytes(b"one")
    planned = source(clip)
    clip.write_bytes(b"two")
    os.utime(clip, (1, 1))
    with pytest.raises(BadVideo, match="has changed since"), cache.local(planned):
        pass
    clip.unlink()
    with pytest.raises(StoreError, match="FileNotFoundError"), cache.local(planned):
        pass


def test_a_folder_is_itself_the_place_of_runs(tmp_path: Path) -> None:
    assert FolderPlace(tmp_path).take(ID) == tmp_path / "jobs" / ID
