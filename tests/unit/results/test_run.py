"""What was written is read back exactly, and a damaged run says what is wrong with it."""

import errno
import json
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.runs import header_of
from vseg.build import open_run
from vseg.errors import BadMask, BadRun, BadVideo
from vseg.frame_masks import FrameMasks, LogitCrops
from vseg.results import Prompt, RunHeader, RunWriter, fingerprint, unpack_row
from vseg.results.layout import write_header
from vseg.results.shards import mask_schema, open_parquet
from vseg.types import Box, Mask, Points, Scribble, Timecode, VideoInfo

HEIGHT = 36
WIDTH = 50


def header() -> RunHeader:
    return header_of(
        VideoInfo("clip.mp4", HEIGHT, WIDTH, Fraction(24000, 1001), 40), labels={2: "dog"}
    )


def frame(index: int) -> FrameMasks:
    """Object 5 everywhere, object 2 from frame 10 on but hidden on odd frames."""
    objects = (5, 2) if index >= 10 else (5,)
    rng = np.random.default_rng(index)
    logits = rng.normal(size=(len(objects), 9, 13)).astype(np.float32)
    visible = np.array([True, index % 2 == 0][: len(objects)])
    return FrameMasks(
        frame_index=index,
        time_s=index / 24,
        height=HEIGHT,
        width=WIDTH,
        object_ids=objects,
        scores=rng.random(len(objects)).astype(np.float32),
        visible=visible,
        sources=tuple("track" if index else "prompt" for _ in objects),
        crops=LogitCrops(objects, logits, visible, (HEIGHT, WIDTH), {}),
        pts=None if index == 3 else index * 1001,
    )


@pytest.fixture(scope="module", params=["finished", "interrupted"])
def pristine(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    root = tmp_path_factory.mktemp("pristine") / "run"
    writer = RunWriter.create(root, header())
    for index in range(20):
        writer.write(frame(index))
    if request.param == "finished":
        writer.finish()
    else:
        writer.interrupt(b"state")
    return root


@pytest.fixture
def run_folder(pristine: Path, tmp_path: Path) -> Path:
    """A run that a test may spoil."""
    return Path(shutil.copytree(pristine, tmp_path / "run"))


def test_every_frame_comes_back_in_order_and_bit_for_bit(run_folder: Path) -> None:
    run = open_run(run_folder)
    assert len(run) == 20 and run.extent == (0, 19)
    for index, stored in enumerate(run):
        given = frame(index)
        assert (stored.frame_index, stored.pts, stored.time_s) == (
            index,
            given.pts,
            given.time_s,
        )
        assert stored.object_ids == tuple(sorted(given.object_ids))
        for row, object_id in enumerate(stored.object_ids):
            before = given.object_ids.index(object_id)
            np.testing.assert_array_equal(stored[object_id], given[object_id])
            assert stored.visible[row] == given.visible[before]
            assert stored.scores[row] == given.scores[before]
    assert run[0].sources == ("prompt",) and run[1].sources == ("track",)


def test_frames_are_found_by_number_in_any_order(run_folder: Path) -> None:
    run = open_run(run_folder)
    assert [run[index].frame_index for index in (17, 3, 0, 19)] == [17, 3, 0, 19]
    assert 19 in run and 20 not in run
    with pytest.raises(BadRun, match=r"no frame 20 \(it holds frames 0 to 19\)"):
        run[20]


def test_an_absent_object_is_listed_and_a_missing_one_is_not(run_folder: Path) -> None:
    run = open_run(run_folder)
    hidden = run[11]
    untracked = run[9]
    assert hidden.object_ids == (2, 5) and hidden.visible.tolist() == [False, True]
    assert hidden.area(2) == 0
    assert untracked.object_ids == (5,)


def test_one_object_is_followed_through_its_rows(run_folder: Path) -> None:
    run = open_run(run_folder)
    rows = list(run.track(2))
    assert [row.frame for row in rows] == list(range(10, 20))
    assert [row.visible for row in rows] == [True, False] * 5
    np.testing.assert_array_equal(
        unpack_row(rows[2], HEIGHT, WIDTH).paste(HEIGHT, WIDTH), frame(12)[2]
    )
    with pytest.raises(BadRun, match="no object 7"):
        run.track(7)


def test_objects_tell_their_label_colour_and_span(run_folder: Path) -> None:
    dog, other = open_run(run_folder).objects
    assert (dog.id, dog.label, dog.first_frame, dog.last_frame) == (2, "dog", 10, 18)
    assert (other.id, other.label, other.first_frame, other.last_frame) == (5, None, 0, 19)
    assert dog.colour != other.colour


def test_a_header_comes_back_as_it_was(run_folder: Path) -> None:
    stored = open_run(run_folder).header
    assert stored.video == header().video and stored.labels == {2: "dog"}


def test_a_run_of_no_frames_is_empty_and_not_broken(tmp_path: Path) -> None:
    RunWriter.create(tmp_path / "run", header()).finish()
    run = open_run(tmp_path / "run")
    assert (len(run), list(run), run.extent, run.objects) == (0, [], None, ())
    with pytest.raises(BadRun, match="no frame yet"):
        run[0]


def test_only_one_part_is_held_at_a_time(run_folder: Path) -> None:
    run = open_run(run_folder)
    held = []
    for _ in run:
        assert run._latest is not None
        held.append(len(run._latest[1].frame_numbers))
    assert max(held) == 8


def test_prompts_of_every_kind_come_back_exactly(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    points = Points(rng.random((3, 2)).astype(np.float32) * 50, np.array([True, False, True]))
    scribble = Scribble(rng.random((9, 2)).astype(np.float32) * 50, positive=False)
    mask = Mask(rng.random((HEIGHT, WIDTH)) > 0.7)
    given = [
        Prompt(1, Timecode(0), points),
        Prompt(1, Timecode(0), Box(0.1, 2.0, 3.3, 4.0)),
        Prompt(2, Timecode(7), scribble),
        Prompt(3, Timecode(9), mask),
    ]
    writer = RunWriter.create(tmp_path / "run", header(), given[:2])
    writer.append_prompt(given[2])
    writer.append_prompt(given[3])
    stored = open_run(tmp_path / "run").prompts
    assert [(each.frame_index, each.object_id) for each in stored] == [
        (0, 1),
        (0, 1),
        (7, 2),
        (9, 3),
    ]
    assert stored[1] == given[1]
    back = stored[0].value, stored[2].value, stored[3].value
    assert isinstance(back[0], Points) and isinstance(back[1], Scribble)
    assert isinstance(back[2], Mask)
    np.testing.assert_array_equal(back[0].xy, points.xy)
    np.testing.assert_array_equal(back[0].positive, points.positive)
    np.testing.assert_array_equal(back[1].xy, scribble.xy)
    assert back[1].positive is False
    np.testing.assert_array_equal(back[2].mask, mask.mask)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        '{"frame": 0, "object": 1, "kind": "lasso"}',
        '{"frame": 0, "object": 1, "kind": "bo',
        "\udcff{}",
        "[" * 100_000,
        '{"frame": ' + "9" * 5000 + "}",
        '{"frame": 0, "object": 3000000000, "kind": "box", "xyxy": [0, 0, 1, 1]}',
        '{"frame": 0, "object": 0, "kind": "box", "xyxy": [0, 0, 1, 1]}',
        '{"frame": 0, "object": 1, "kind": "box", "xyxy": [5, 0, 1, 1]}',
        '{"frame": 0, "object": 1, "kind": "mask", "size": [3, 3], "counts": "~"}',
        '{"frame": 0, "object": 1, "kind": "mask", "size": [9999999, 9999999], "counts": "0"}',
        '{"frame": 0, "object": 1, "kind": "points", "xy": [[1, 2]], "positive": []}',
        '{"frame": 0, "object": 1, "kind": "points", "xy": [], "positive": []}',
        '{"frame": 0, "object": 1, "kind": "scribble", "xy": [], "positive": true}',
        '{"frame": 0, "object": 1, "kind": "polygon", "rings": [[[1, 2], [3, 4]]]}',
        '{"frame": 0, "object": 1, "kind": "polygon", "rings": []}',
    ],
)
def test_a_wrong_prompt_line_is_named(run_folder: Path, line: str) -> None:
    good = '{"frame": 0, "object": 1, "kind": "box", "xyxy": [0, 0, 1, 1]}\n'
    written = (good + line + "\n").encode(errors="surrogateescape")
    (run_folder / "prompts.jsonl").write_bytes(written)
    with pytest.raises(BadRun, match=r"prompts\.jsonl, line 2: ") as raised:
        _ = open_run(run_folder).prompts
    assert "delete or mend line 2" in (raised.value.hint or "")


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(BadRun, match="not a run directory"):
            open_run(path)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"model": "nano"', '"modell": "nano"', "model"),
        ("{", "", "the file: Invalid JSON"),
    ],
)
def test_a_foreign_header_is_named(
    run_folder: Path, before: str, after: str, message: str
) -> None:
    path = run_folder / "run.json"
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(BadRun, match=message):
        open_run(run_folder)


def change_part(run_folder: Path, column: str, value: object) -> None:
    """Rewrite one column of the second part with a constant."""
    path = run_folder / "masks" / "shard-000001.parquet"
    table = pq.ParquetFile(path).read()
    place = table.schema.get_field_index(column)
    values = pa.array([value] * len(table), type=table.schema.field(column).type)
    pq.write_table(table.set_column(place, table.schema.field(column), values), path)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("payload", b"\0\1\2", "frame 8, object 5: the mask payload is damaged|cannot hold"),
        ("width", 2**30, "leaves the 50x36 frame"),
        ("x", -1, "no mask has its corner"),
        ("area", 1, "its row says 1"),
        ("codec", "zip", "unknown mask codec 'zip'"),
    ],
)
def test_a_damaged_row_names_its_frame_and_object(
    run_folder: Path, column: str, value: object, message: str
) -> None:
    change_part(run_folder, column, value)
    run = open_run(run_folder)
    assert run[7].frame_index == 7
    with pytest.raises(BadRun, match="frame 8 is not what was stored"):
        run[8]
    rows = {row.frame: row for row in run.track(5)}
    with pytest.raises(BadMask, match=message):
        unpack_row(rows[8], HEIGHT, WIDTH)


def test_a_damaged_missing_or_foreign_part_is_named(run_folder: Path) -> None:
    part = run_folder / "masks" / "shard-000001.parquet"
    content = part.read_bytes()
    part.write_bytes(content[: len(content) // 2])
    with pytest.raises(BadRun, match=r"shard-000001\.parquet is damaged"):
        list(open_run(run_folder))
    pq.write_table(pa.table({"frame": [1]}), part)
    with pytest.raises(BadRun, match="other columns"):
        list(open_run(run_folder))
    part.unlink()
    with pytest.raises(BadRun, match=r"shard-000001\.parquet is missing"):
        list(open_run(run_folder))


def test_a_full_disk_is_no_damage(run_folder: Path) -> None:
    part = run_folder / "masks" / "shard-000001.parquet"
    with pytest.raises(OSError, match="No space left"), open_parquet(part, mask_schema()):
        raise OSError(errno.ENOSPC, "No space left on device")  # where a copy is written


def test_a_part_out_of_order_is_refused(run_folder: Path) -> None:
    part = run_folder / "masks" / "shard-000001.parquet"
    table = pq.ParquetFile(part).read()
    pq.write_table(table.take(list(range(len(table)))[::-1]), part)
    with pytest.raises(BadRun, match="out of order"):
        list(open_run(run_folder))


def test_lost_or_wrong_objects_are_named(run_folder: Path) -> None:
    (run_folder / "objects.json").write_text("{}")
    with pytest.raises(BadRun, match="not a list of objects"):
        _ = open_run(run_folder).objects
    (run_folder / "objects.json").unlink()
    with pytest.raises(BadRun, match="cannot read"):
        _ = open_run(run_folder).objects


def test_a_fingerprint_follows_the_content_and_not_the_place(tmp_path: Path) -> None:
    first = tmp_path / "a.mp4"
    moved = tmp_path / "b.mp4"
    first.write_bytes(bytes(3_000_000))
    moved.write_bytes(bytes(3_000_000))
    assert fingerprint(first).sha256 == fingerprint(moved).sha256
    assert fingerprint(first).size == 3_000_000
    moved.write_bytes(bytes(2_999_999) + b"\1")
    assert fingerprint(first).sha256 != fingerprint(moved).sha256


def test_a_folder_s_fingerprint_covers_names_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(bytes([number]))
    before = fingerprint(folder)
    (folder / ".hidden").write_text("not a frame")
    assert fingerprint(folder) == before and before.size == 3
    (folder / "2.png").rename(folder / "3.png")
    assert fingerprint(folder).sha256 != before.sha256


def test_a_source_that_cannot_be_read_has_no_fingerprint(tmp_path: Path) -> None:
    with pytest.raises(BadVideo, match=r"absent\.mp4: No such file"):
        fingerprint(tmp_path / "absent.mp4")


def test_importing_results_costs_neither_arrow_nor_torch() -> None:
    code = "import sys, vseg.results; print({'pyarrow', 'torch', 'av'} & set(sys.modules))"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "set()"


def test_a_run_of_another_format_is_refused_in_one_line(run_folder: Path) -> None:
    header = json.loads((run_folder / "run.json").read_text())
    header["format_version"] = 1
    header["chunk_frames"] = header.pop("shard_frames")
    (run_folder / "run.json").write_text(json.dumps(header))
    with pytest.raises(BadRun, match=r"a run of format 1; this vseg reads format 3 only"):
        open_run(run_folder)


@pytest.mark.parametrize("path", ["..", "/", "", "a/../..", "."])
def test_the_name_of_a_clip_leads_nowhere(run_folder: Path, path: str) -> None:
    stored = open_run(run_folder).header
    source = stored.source.model_copy(update={"path": path})
    write_header(run_folder, stored.model_copy(update={"source": source}))
    assert open_run(run_folder).name == "clip"


def test_a_path_with_a_nul_is_refused(run_folder: Path) -> None:
    stored = open_run(run_folder).header
    source = stored.source.model_copy(update={"path": "a\0b.mp4"})
    write_header(run_folder, stored.model_copy(update={"source": source}))
    with pytest.raises(BadRun, match=r"source\.path"):
        open_run(run_folder)
