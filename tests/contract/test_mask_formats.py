"""What a user may rely on with every format that a run is exported to and masks are read
from.
"""

import gc
import json
import os
import random
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
import pytest

from tests.runs import header_of
from vseg.build import open_run
from vseg.errors import BadExchange, OutputError, UsageError
from vseg.exchange.export import export
from vseg.exchange.formats import FORMATS
from vseg.exchange.matching import identify
from vseg.exchange.read_masks import read_masks
from vseg.exchange.sidecar import origin_of
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import LOSS_REPORT, MaskFormat, MaskSequence
from vseg.pipelines.import_masks import compare_with_run
from vseg.results import Damage, Run, RunWriter
from vseg.types import Frame, VideoInfo

HEIGHT = 48
WIDTH = 64
VIDEO = VideoInfo("clips/park.mp4", HEIGHT, WIDTH, Fraction(25), 1000)
LABELS = {2: "dog", 7: "person"}

Masks = dict[tuple[int, int], np.ndarray]
"""Masks by (frame, object id); a format of boxes gives the filled boxes."""


NORMALISED = {"yolo-seg", "yolo-track"}
"""Fit a frame of any size."""


@dataclass(frozen=True)
class Clip:
    """Two objects that move and cross each other; object 7 is absent on every fifth frame."""

    frames: range
    overlapping: bool = True

    name = "park"
    video = VIDEO
    object_ids = (2, 7)
    labels = LABELS
    names: ClassVar[dict[int, str]] = {}

    def __len__(self) -> int:
        return len(self.frames)

    def frame_numbers(self) -> Iterator[int]:
        return iter(self.frames)

    def __iter__(self) -> Iterator[FrameMasks]:
        image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
        for index in self.frames:
            masks = {obj: np.zeros((HEIGHT, WIDTH), dtype=bool) for obj in self.object_ids}
            left = index % 30
            masks[2][4:16, left : left + 12] = True
            if index % 5:
                top = 8 if self.overlapping else 24
                masks[7][top : top + 14, 20:34] = True
            frame = Frame(index, None, index / 25, image)
            yield FrameMasks.of(frame, masks, {2: 0.5, 7: 0.9})


class Made(Clip):
    """The same, made in advance: what is measured is the format alone."""

    def __init__(self, frames: range) -> None:
        super().__init__(frames)
        object.__setattr__(self, "made", list(Clip(frames)))

    def __iter__(self) -> Iterator[FrameMasks]:
        return iter(self.__dict__["made"])


def read_back(chosen: MaskFormat, path: Path, clip: MaskSequence | None = None) -> Masks:
    """Every mask that has a pixel.  clip: what was written, where it says the ids."""
    with read_masks(path, chosen.name, VIDEO, "park") as masks:
        identify(masks, clip or Clip(range(23)))
        found = {(frame.frame_index, obj): frame[obj] for frame in masks for obj in frame}
    return {key: mask for key, mask in found.items() if mask.any()}


@pytest.fixture(params=sorted(FORMATS))
def chosen(request: pytest.FixtureRequest) -> MaskFormat:
    return FORMATS[request.param]


def out_of(chosen: MaskFormat, folder: Path) -> Path:
    return folder / (chosen.name + ("" if chosen.folder else chosen.suffix))


def report_of(chosen: MaskFormat, out: Path) -> Path:
    return out / LOSS_REPORT if chosen.folder else out.with_name(f"{out.name}.{LOSS_REPORT}")


def stored(root: Path, clip: Clip, damage: Damage | None = None) -> Run:
    header = header_of(VIDEO, shard_frames=4, labels=LABELS)
    writer = RunWriter.create(root, header)
    for masks in clip:
        writer.write(masks)
    writer.finish(damage)
    return open_run(root)


def test_every_format_is_tried_and_named_for_what_it_is() -> None:
    assert all(isinstance(one, MaskFormat) for one in FORMATS.values())
    assert all(name == one.name for name, one in FORMATS.items())


def test_a_video_of_masks_plays_as_wide_as_its_clip(tmp_path: Path) -> None:
    class Wide(Clip):
        video = replace(VIDEO, pixel_aspect=Fraction(4, 3))

    written = export(Wide(range(2)), "prores", tmp_path / "out")
    videos = [*written[0].rglob("*.mov")]
    assert videos
    for path in videos:
        with av.open(str(path)) as container:
            assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


def test_what_is_written_is_what_is_read_back(chosen: MaskFormat, tmp_path: Path) -> None:
    clip = Clip(range(3, 23), overlapping=False)
    out = out_of(chosen, tmp_path)
    assert out in export(clip, chosen.name, out)
    back = read_back(chosen, out, clip)
    true = {(masks.frame_index, obj): mask for masks in clip for obj, mask in masks.items()}
    true = {key: mask for key, mask in true.items() if mask.any()}
    assert back.keys() == true.keys()
    for key, mask in true.items():
        np.testing.assert_array_equal(back[key], mask)


def test_what_is_lost_is_counted_in_the_report(chosen: MaskFormat, tmp_path: Path) -> None:
    clip = Clip(range(20))
    out = out_of(chosen, tmp_path)
    written = export(clip, chosen.name, out)
    back = {} if chosen.boxes_only else read_back(chosen, out)
    lost = {2: 0, 7: 0}
    for masks in clip:
        for obj, mask in masks.items():
            kept = back.get((masks.frame_index, obj), np.zeros_like(mask))
            lost[obj] += int(mask.sum() - kept.sum())
    report = report_of(chosen, out)
    assert report.exists() == any(lost.values())
    assert chosen.folder or (report in written) == report.exists()
    if report.exists():
        content = json.loads(report.read_text())
        counted = {row["object_id"]: row["pixels_lost"] for row in content["objects"]}
        assert counted == {obj: pixels for obj, pixels in lost.items() if pixels}
        assert content["format"] == chosen.name and content["reason"]


def test_a_stored_run_gives_the_same_bytes_as_its_masks(
    chosen: MaskFormat, tmp_path: Path
) -> None:
    run = stored(tmp_path / "run", Clip(range(9)))
    assert isinstance(run, MaskSequence)
    for folder, masks in (("one", Clip(range(9))), ("other", run)):
        export(masks, chosen.name, out_of(chosen, tmp_path / folder))
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_what_was_only_handed_on_is_no_change(chosen: MaskFormat, tmp_path: Path) -> None:
    run = stored(tmp_path / "run", Clip(range(2, 14)))
    out = out_of(chosen, tmp_path)
    export(run, chosen.name, out, origin=origin_of(run))
    imported = compare_with_run(run, out)
    with imported.masks:
        assert imported.comparison.changes == []
        assert imported.comparison.is_same and not imported.comparison.numbers
        assert imported.comparison.same > 20 and imported.format_name == chosen.name


def test_a_partial_run_is_written_as_far_as_it_goes(
    chosen: MaskFormat, tmp_path: Path
) -> None:
    run = stored(tmp_path / "run", Clip(range(6)), Damage(frame=6, reason="torn"))
    export(run, chosen.name, out_of(chosen, tmp_path))
    back = read_back(chosen, out_of(chosen, tmp_path))
    assert {frame for frame, _ in back} == set(range(6))


def test_a_run_of_no_frames_is_valid_and_empty(chosen: MaskFormat, tmp_path: Path) -> None:
    out = out_of(chosen, tmp_path)
    export(stored(tmp_path / "run", Clip(range(0))), chosen.name, out)
    assert read_back(chosen, out) == {}
    assert not report_of(chosen, out).exists()


def test_nothing_is_replaced_without_being_asked(chosen: MaskFormat, tmp_path: Path) -> None:
    out = out_of(chosen, tmp_path)
    export(Clip(range(8)), chosen.name, out)
    before = contents(tmp_path)
    with pytest.raises(OutputError, match=r"exists already .*--overwrite"):
        export(Clip(range(2)), chosen.name, out)
    assert contents(tmp_path) == before
    export(Clip(range(2)), chosen.name, out, overwrite=True)
    assert {frame for frame, _ in read_back(chosen, out)} == {0, 1}
    export(Clip(range(3), overlapping=False), chosen.name, out, overwrite=True)
    assert report_of(chosen, out).exists() == chosen.boxes_only, "no old report"


def test_only_an_export_is_overwritten(chosen: MaskFormat, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "notes.md").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.md|replaced by a file"):
        export(Clip(range(2)), chosen.name, out, overwrite=True)
    (tmp_path / "file").write_text("mine")
    if chosen.folder:
        with pytest.raises(OutputError, match="replaced by a folder"):
            export(Clip(range(2)), chosen.name, tmp_path / "file", overwrite=True)
    assert contents(tmp_path) == {"mine/notes.md": b"mine", "file": b"mine"}


def test_a_failure_leaves_nothing_and_what_was_there(
    chosen: MaskFormat, tmp_path: Path
) -> None:
    run = stored(tmp_path / "run", Clip(range(12)))
    shard = run.path / "masks" / "shard-000002.parquet"
    shard.write_bytes(shard.read_bytes()[:100])
    out = out_of(chosen, tmp_path / "out")
    export(Clip(range(2)), chosen.name, out)
    before = contents(tmp_path / "out")
    with pytest.raises(Exception, match="shard-000002"):
        export(open_run(run.path), chosen.name, out, overwrite=True)
    assert contents(tmp_path / "out") == before
    with pytest.raises(Exception, match="shard-000002"):
        export(open_run(run.path), chosen.name, tmp_path / "out" / "new")
    assert contents(tmp_path / "out") == before
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot write"):
        export(Clip(range(2)), chosen.name, tmp_path / "file" / "below")


def test_memory_does_not_grow_with_the_clip(chosen: MaskFormat, tmp_path: Path) -> None:
    usual = gc.get_threshold()

    def peaks(frames: int) -> tuple[int, int]:
        clip = Made(range(frames))
        out = out_of(chosen, tmp_path / str(frames))
        gc.collect()
        tracemalloc.start()
        export(clip, chosen.name, out)
        _, writing = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        with read_masks(out, chosen.name, VIDEO, "park") as masks:
            assert sum(1 for _ in masks) == frames
        _, reading = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return writing, reading

    # Shape checks leave cycles, which are not the format's.  What other tests hold is not
    # searched for them each time.
    gc.freeze()
    gc.set_threshold(20)
    peaks(5)  # what is imported and cached once
    # An .mcap file is written a mebibyte at once: so much is held from there on.
    first = 220 if chosen.name == "mcap" else 70
    few = peaks(first)
    # Of 50 more frames: names of files, or where images are, but no mask (3 KiB each).
    most = [peak + 64 * 2**10 for peak in few]
    # Whatever else the process allocates meanwhile is counted too; what grows with the clip is
    # there every time.
    least = peaks(first + 50)
    for again in (1, 2):
        if least[0] < most[0] and least[1] < most[1]:
            break
        writing, reading = peaks(first + 50 + again)
        least = min(writing, least[0]), min(reading, least[1])
    gc.set_threshold(*usual)
    gc.unfreeze()
    assert least[0] < most[0]
    assert least[1] < most[1]


def test_what_is_read_can_be_written_again(chosen: MaskFormat, tmp_path: Path) -> None:
    first = out_of(chosen, tmp_path / "first")
    clip = Clip(range(4, 9), overlapping=False)
    export(clip, chosen.name, first)
    with read_masks(first, chosen.name, VIDEO, "park") as masks:
        identify(masks, clip)
        assert isinstance(masks, MaskSequence)
        export(masks, chosen.name, out_of(chosen, tmp_path / "second"))
    assert (
        read_back(chosen, first, clip).keys()
        == read_back(chosen, out_of(chosen, tmp_path / "second"), clip).keys()
    )


def test_masks_of_another_clip_are_refused(chosen: MaskFormat, tmp_path: Path) -> None:
    out = out_of(chosen, tmp_path)
    export(Clip(range(4, 9)), chosen.name, out)
    if chosen.name not in NORMALISED:
        smaller = replace(VIDEO, height=12, width=20)
        with pytest.raises(BadExchange, match="20"):
            read_masks(out, chosen.name, smaller, "park")
    with pytest.raises(BadExchange, match="the clip has 7 frames"):
        read_masks(out, chosen.name, replace(VIDEO, num_frames=7), "park")


def test_damage_is_named_and_never_a_crash(chosen: MaskFormat, tmp_path: Path) -> None:
    out = out_of(chosen, tmp_path)
    export(Clip(range(4, 9)), chosen.name, out)
    files = sorted(
        path
        for path in tmp_path.rglob(f"*{chosen.suffix}")
        if path.is_file() and LOSS_REPORT not in path.name
    )
    whole = files[-1].read_bytes()
    for end in (0, 1, len(whole) // 3, len(whole) // 2, len(whole) - 3):
        files[-1].write_bytes(whole[:end])
        with suppress(BadExchange):
            read_masks(out, chosen.name, VIDEO, "park").close()
    chance = random.Random(0)
    for _ in range(20):
        spoiled = bytearray(whole)
        for place in chance.sample(range(len(whole)), 3):
            spoiled[place] = chance.randrange(256)
        files[-1].write_bytes(spoiled)
        with suppress(BadExchange):
            read_masks(out, chosen.name, VIDEO, "park").close()
    files[-1].write_bytes(b"\xff\xfe\x00[[[[" * 9)
    with pytest.raises(BadExchange, match=files[-1].name):
        read_masks(out, chosen.name, VIDEO, "park")
    with pytest.raises(BadExchange, match="nothing-here"):
        read_masks(tmp_path / "nothing-here", chosen.name, VIDEO, "park")


def test_a_zip_is_read_as_what_is_in_it(chosen: MaskFormat, tmp_path: Path) -> None:
    out = out_of(chosen, tmp_path / "out")
    clip = Clip(range(3), overlapping=False)
    export(clip, chosen.name, out)
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(out.rglob("*")) if chosen.folder else [out]:
            archive.write(path, path.relative_to(out.parent))
    assert read_back(chosen, packed, clip).keys() == read_back(chosen, out, clip).keys()


def test_an_unknown_format_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="known: " + ", ".join(sorted(FORMATS))):
        export(Clip(range(2)), "vhs", tmp_path / "out")
    assert os.listdir(tmp_path) == []


def contents(root: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}
