"""What every SessionDriver promises, checked on all of them, with both kinds of model."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.sam_models import saved_model
from tests.scenes import two_objects
from vseg.build import load_model, open_run
from vseg.config import CropSettings, DetectionSettings, RedetectionSettings, TrackConfig
from vseg.errors import BadRun
from vseg.frame_masks import FrameMasks
from vseg.interfaces.grounder import FrameFeatures
from vseg.interfaces.model import Model
from vseg.interfaces.session_driver import SessionDriver
from vseg.pipelines.detection_driver import DetectionTracker
from vseg.pipelines.driver import make_driver
from vseg.pipelines.job import TrackJob
from vseg.pipelines.live import LiveTracker
from vseg.pipelines.prepare import load_configured
from vseg.pipelines.prompt_driver import PromptDriver
from vseg.pipelines.queries import Query
from vseg.pipelines.redetection_driver import RedetectionTracker
from vseg.pipelines.track import track
from vseg.session.session import Session
from vseg.synthetic import SyntheticVideo
from vseg.tensors import Features
from vseg.types import Box, Detections, Exemplar, Frame, Grounding, MaskCrop, Prompt, Timecode
from vseg.video.images import ImageFolder

pytestmark = pytest.mark.integration

FRAMES = 12
STARTS = 2
"""The first frame with an object."""
CUTS = (0, 1, 3, 8)
"""Frames before a restart: before the first, before the first object, at it, and later."""


@pytest.fixture(scope="module")
def scene() -> SyntheticVideo:
    return two_objects(FRAMES)


@pytest.fixture(
    scope="module", params=["nano", pytest.param("edgetam", marks=pytest.mark.slow)]
)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    if request.param == "nano":
        return load_model("nano", short_side=96, dtype="float32")
    folder = tmp_path_factory.mktemp("model")
    saved_model(request.param, folder)
    return load_model(str(folder), dtype="float32")


def detections(scene: SyntheticVideo, frame: Frame) -> Detections:
    """Boxes around the objects, on most frames; the second is missed for a while."""
    labels = scene.draw(frame.index).labels
    wanted = [] if frame.index < STARTS else [1] if 6 < frame.index < 9 else [1, 2]
    crops = [MaskCrop.of(labels == i) for i in wanted if (labels == i).any()]
    boxes = np.array([crop.xyxy for crop in crops], dtype=np.float64).reshape(-1, 4)
    count = len(crops)
    return Detections(boxes, np.full(count, 0.99), np.zeros(count, dtype=np.int64))


def prompt_driver(session: Session, scene: SyntheticVideo) -> SessionDriver:
    prompts = []
    for frame in (STARTS, STARTS + 5):
        for object_id in (1, 2):
            crop = MaskCrop.of(scene.draw(frame).labels == object_id)
            prompts.append(Prompt(object_id, Timecode(frame=frame), Box(*crop.xyxy)))
    return PromptDriver(session, prompts)


def detection_tracker(session: Session, scene: SyntheticVideo) -> SessionDriver:
    settings = DetectionSettings(every=4, confirm_hits=2, reprompt_iou=0.9)
    return DetectionTracker(session, lambda frame: detections(scene, frame), settings)


def redetection_tracker(session: Session, scene: SyntheticVideo) -> SessionDriver:
    def detect(frame: Frame, features: FrameFeatures, adjacent: Frame | None) -> Grounding:
        found = detections(scene, frame)
        best = 0.9 if len(found) else 0.2
        return Grounding(found, np.array([best, 0.1]), ("thing",) * len(found))

    settings = RedetectionSettings(detect_every=2, reprompt_iou=0.9)
    queries = (Query("thing", 0.5), Query("zebra", 0.5))
    return RedetectionTracker(session, detect, settings, queries=queries)


Make = Callable[[Session, SyntheticVideo], SessionDriver]
MAKERS: dict[str, Make] = {
    "prompts": prompt_driver,
    "detections": detection_tracker,
    "redetection": redetection_tracker,
}


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Make:
    return MAKERS[request.param]


@dataclass
class Step:
    masks: FrameMasks
    events: tuple[object, ...]


def stepped(driver: SessionDriver, frames: Iterator[Frame]) -> list[Step]:
    return [Step(driver.step(frame), driver.drain()) for frame in frames]


def assert_same(one: list[Step], other: list[Step]) -> None:
    for first, second in zip(one, other, strict=True):
        assert first.events == second.events
        assert first.masks.object_ids == second.masks.object_ids
        np.testing.assert_array_equal(first.masks.visible, second.masks.visible)
        np.testing.assert_array_equal(first.masks.scores, second.masks.scores)
        for object_id in first.masks:
            np.testing.assert_array_equal(first.masks[object_id], second.masks[object_id])


def test_is_a_driver_and_finds_the_objects(
    make: Make, model: Model, scene: SyntheticVideo
) -> None:
    with Session(model) as session:
        driver = make(session, scene)
        assert isinstance(driver, SessionDriver)
        steps = stepped(driver, scene.frames())
    assert all(step.masks.object_ids == () for step in steps[:STARTS])
    if model.name == "nano":  # an untrained model loses what it should keep
        assert steps[-1].masks.object_ids[:2] == (1, 2)
    assert [step.masks.frame_index for step in steps] == list(range(FRAMES))
    height, width = scene.info.height, scene.info.width
    assert all((s.masks.height, s.masks.width) == (height, width) for s in steps)


def test_a_restored_driver_goes_on_with_the_same_bits_and_events(
    make: Make, model: Model, scene: SyntheticVideo
) -> None:
    with Session(model) as session:
        driver = make(session, scene)
        snapshots = {}
        whole = []
        for frame in scene.frames():
            if frame.index in CUTS:
                snapshots[frame.index] = driver.snapshot()
            whole += stepped(driver, iter([frame]))
        end = driver.finish()
    for cut, snapshot in snapshots.items():
        with Session(model) as session:
            again = make(session, scene)
            stepped(again, scene.frames(0, 3))  # what it did before does not count
            again.restore(snapshot)
            assert again.drain() == ()
            assert_same(stepped(again, scene.frames(cut)), whole[cut:])
            assert again.finish() == end


def test_taking_snapshots_changes_nothing(
    make: Make, model: Model, scene: SyntheticVideo
) -> None:
    with Session(model) as plain, Session(model) as watched:
        one = make(plain, scene)
        other = make(watched, scene)
        for frame in scene.frames(0, 8):
            assert_same(stepped(one, iter([frame])), stepped(other, iter([frame])))
            assert other.snapshot() == other.snapshot()


def test_draining_twice_gives_events_once_and_finish_repeats_itself(
    make: Make, model: Model, scene: SyntheticVideo
) -> None:
    with Session(model) as session:
        driver = make(session, scene)
        for frame in scene.frames():
            driver.step(frame)
        kinds = [event.kind for event in driver.drain()]
        assert driver.drain() == ()
        assert driver.finish() == driver.finish()
        assert driver.drain() == (), "finish adds nothing to what drain gives"
    if model.name == "nano" and not isinstance(driver, PromptDriver):
        assert kinds[0] == "created"


def test_nothing_at_all_happens_before_the_first_frame(
    make: Make, model: Model, scene: SyntheticVideo
) -> None:
    with Session(model) as session:
        driver = make(session, scene)
        assert (driver.drain(), driver.finish()) == ((), ())
        assert stepped(driver, scene.frames(0, 1))[0].events == ()


def test_a_damaged_state_and_another_drivers_are_refused(
    make: Make, model: Model, scene: SyntheticVideo
) -> None:
    with Session(model) as session:
        driver = make(session, scene)
        stepped(driver, scene.frames(0, 4))
        good = driver.snapshot()
        others = [m(session, scene).snapshot() for m in MAKERS.values() if m is not make]
        header_only = good[: 8 + int.from_bytes(good[:8], "little")]
        spoilt = [b"", good[:40], header_only, 40 * b"\xff", b"\x05" + 7 * b"\0" + b"{oops"]
        for payload in (*spoilt, *others):
            with pytest.raises(BadRun, match="cannot be read"):
                driver.restore(payload)


def test_a_frame_that_is_detected_on_is_encoded_once(
    scene: SyntheticVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model("nano", short_side=96, dtype="float32")
    encoded: list[Frame] = []
    encode = type(model).encode

    def counted(self: Model, frames: Sequence[Frame]) -> list[Features]:
        encoded.extend(frames)
        return encode(self, frames)

    exemplar = Exemplar(scene.read(0).image, scene.draw(0).labels == 1, "first.png")
    prompts = [Prompt(None, Timecode(frame=0), exemplar)]
    config = TrackConfig.model_validate({"redetection": {"detect_every": 2}})
    monkeypatch.setattr(type(model), "encode", counted)
    # Where all objects are small, only the frames that are detected on are encoded.
    with Session(model, crops=CropSettings(most=0)) as session:
        driver = make_driver(session, config, prompts)
        frames = list(scene.frames(0, 6))
        steps = stepped(driver, iter(frames))
    assert all(step.masks.object_ids for step in steps)
    for frame in frames:
        assert sum(other is frame for other in encoded) == 1


@pytest.mark.parametrize("steered", ["prompts", "concepts", "automatic"])
def test_stored_and_live_runs_give_the_same_masks(
    steered: str, scene: SyntheticVideo, tmp_path: Path
) -> None:
    (tmp_path / "clip").mkdir()
    for frame in scene.frames():
        Image.fromarray(frame.image).save(tmp_path / "clip" / f"{frame.index:05d}.png")
    crop = MaskCrop.of(scene.draw(0).labels == 1)
    exemplar = Exemplar(scene.read(0).image, scene.draw(0).labels == 1, "first.png")
    start = Timecode(frame=0)
    requests = {
        "prompts": (Prompt(1, start, Box(*crop.xyxy)),),
        "concepts": (Prompt(None, start, exemplar),),
        "automatic": (),
    }[steered]
    config = TrackConfig.model_validate(
        {
            "short_side": 96,
            "dtype": "float32",
            "preview": False,
            "redetection": {"detect_every": 4 if requests else FRAMES},
        }
    )
    job = TrackJob(
        str(tmp_path / "clip"),
        tmp_path / "run",
        requests,
        config,
        everything=steered == "automatic",
    )
    track(job)
    run = open_run(job.out)
    with ImageFolder(tmp_path / "clip") as source:
        tracker = LiveTracker("", requests, config, load_configured(config), max_gap_s=1.0)
        live = [one for frame in source for one in tracker.step(frame, 1)]
        live += tracker.end()
    assert [event for frame in live for event in frame.events] == run.events
    for tracked, stored in zip(live, run, strict=True):
        assert tracked.masks.object_ids == stored.object_ids
        for object_id in stored:
            np.testing.assert_array_equal(tracked.masks[object_id], stored[object_id])
