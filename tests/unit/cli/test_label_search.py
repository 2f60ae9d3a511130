"""`vseg label` and `vseg search`: on a tracked clip, with a small random model of images and
words.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.image_text_models import saved_image_text
from tests.scenes import drawn_scene
from tests.unit.cli.conftest import call
from vseg.analysis.embeddings import EMBEDDED_FRAMES, embed_objects
from vseg.build import open_image_text, open_run, open_video
from vseg.grounding.image_text import object_crop
from vseg.io.files import atomic_write_text
from vseg.results.labels import RunLabels
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip
from vseg.types import MaskCrop

pytestmark = pytest.mark.integration

SCENE = SceneConfig(height=96, width=160, num_frames=40, seed=2, num_objects=2, occluders=0)
WORDS = "dog\ncar  # on four wheels\ntree\nred thing\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip_model")
    saved_image_text("clip", folder)
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_clip(drawn_scene(SCENE), path)
    return path


@pytest.fixture(scope="module")
def tracked(clip: Path) -> Path:
    """A run of two objects, the second from frame 20 on and with a name of its own."""
    out = clip.parent / "run"
    scene = drawn_scene(SCENE)
    config = clip.parent / "small.toml"
    config.write_text("short_side = 96\nshard_frames = 8\npreview = false\n")
    boxes = []
    for object_id, frame in ((1, 0), (2, 20)):
        corners = MaskCrop.of(scene.truth(frame) == object_id).xyxy
        boxes += ["--box", f"{object_id}@{frame}:{','.join(map(str, corners))}"]
    words = ["track", clip, "-o", out, "--config", config, *boxes, "--label", "2=body"]
    assert call(*words).exit_code == 0
    return out


@pytest.fixture
def run(tracked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tracked, tmp_path / "run"))


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text(WORDS)
    return path


def test_objects_are_named_once_with_what_else_they_may_be(
    run: Path, words: Path, model: Path
) -> None:
    command = ["label", run, "--vocabulary", words, "--image-text", model]
    answer = call(*command, "--json")
    assert answer.exit_code == 0
    told = json.loads(answer.stdout)["labels"]
    assert [each["id"] for each in told] == [1, 2]
    for each in told:
        scores = [named["score"] for named in each["top"]]
        assert len(scores) == 3 and scores == sorted(scores, reverse=True)
        assert (each["label"], each["confidence"]) == (each["top"][0]["label"], scores[0])
    opened = open_run(run)
    assert opened.labels == {1: told[0]["label"], 2: "body"}, "its own name stays"
    written = RunLabels.model_validate_json((run / "labels.json").read_bytes())
    assert [each.model_dump(mode="json") for each in written.labels] == told
    assert written.words == 4 and written.image_text == str(model)
    with Image.open(run / "labels.png") as sheet:
        assert sheet.width > 2 * 480 and np.asarray(sheet).std() > 10
    answer = call(*command, "--top", 1, "--overwrite")
    assert open_run(run).labels[2] == told[1]["label"]
    assert answer.stdout.split()[:2] == ["1", told[0]["label"].split()[0]]


def test_a_vector_is_the_mean_look_on_frames_spread_over_a_life(
    run: Path, model: Path
) -> None:
    """Recomputed here from the masks: the clearest frame of each eighth of the object's
    life.
    """
    opened = open_run(run)
    net = open_image_text(str(model))
    found = embed_objects(opened, net)
    life = opened.objects[0]
    assert life.first_frame == 0 and life.last_frame is not None
    rows = [row for row in opened.track(1) if row.visible and row.area]
    eighths: dict[int, list[tuple[float, int]]] = {}
    for row in rows:
        part = row.frame * EMBEDDED_FRAMES // (life.last_frame + 1)
        eighths.setdefault(part, []).append((row.area * row.score, row.frame))
    frames = [max(part, key=lambda each: each[0])[1] for part in eighths.values()]
    assert len(frames) >= EMBEDDED_FRAMES - 1
    with open_video(opened.header.source.path) as video:
        images = [
            object_crop(video.read(frame).image, opened[frame].crop(1)) for frame in frames
        ]
    mean = net.images(images).mean(axis=0)
    np.testing.assert_allclose(found.vectors[0], mean / np.linalg.norm(mean), atol=1e-4)
    assert found.best_frames[0] in frames


def test_search_ranks_and_a_second_question_needs_no_clip(
    run: Path, model: Path, tmp_path: Path
) -> None:
    sheet = tmp_path / "hits.png"
    command = ["search", run, "a red thing", "--image-text", model]
    told = json.loads(call(*command, "--json", "-o", sheet).stdout)
    hits = told["hits"]
    assert told["phrase"] == "a red thing" and {hit["object_id"] for hit in hits} == {1, 2}
    assert hits[0]["similarity"] > hits[1]["similarity"]
    second = next(hit for hit in hits if hit["object_id"] == 2)
    assert second["first_frame"] >= 20 and second["label"] == "body"
    assert second["first_frame"] <= second["best_frame"] <= second["last_frame"]
    assert sheet.stat().st_size > 1000
    header = json.loads((run / "run.json").read_text())
    header["source"]["path"] = "/nowhere/clip.mp4"
    atomic_write_text(run / "run.json", json.dumps(header))
    again = json.loads(call(*command, "--json", "--top", 1).stdout)["hits"]
    assert again == hits[:1]
    answer = call(*command, "-o", sheet, "--overwrite")
    assert answer.exit_code == 3 and "--video CLIP" in answer.stderr


def test_what_was_kept_of_other_masks_or_another_model_is_not_used(
    run: Path, words: Path, model: Path, tmp_path: Path
) -> None:
    def vectors(folder: Path) -> np.ndarray:
        return embed_objects(open_run(run), open_image_text(str(folder))).vectors

    saved_image_text("clip", tmp_path / "other", seed=1)
    first = vectors(model)
    assert np.abs(vectors(tmp_path / "other") - first).max() > 1e-3
    np.testing.assert_array_equal(vectors(model), first)
    (run / "embeddings.safetensors").write_bytes(b"damaged")
    answer = call("label", run, "--vocabulary", words, "--image-text", model)
    assert answer.exit_code == 3 and "delete it" in answer.stderr
    assert not (run / "labels.json").exists()


def test_several_runs_are_searched_together(run: Path, model: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(run, tmp_path / "other"))
    command = ["search", run, "a dog", other, "--image-text", model]
    hits = json.loads(call(*command, "--json", "--top", 3).stdout)["hits"]
    assert len(hits) == 3 and {hit["run"] for hit in hits} == {str(run), str(other)}
    assert hits[0]["similarity"] == pytest.approx(hits[1]["similarity"])
    assert str(other) in call(*command).stdout
    assert call(*command, "--video", "x.mp4").exit_code == 2


def test_a_clip_that_moved_is_named_and_another_one_is_refused(
    run: Path, words: Path, model: Path, clip: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.mp4"
    write_clip(SyntheticVideo(SceneConfig(height=96, width=160, num_frames=9, seed=9)), other)
    command = ["label", run, "--vocabulary", words, "--image-text", model, "--video"]
    answer = call(*command, other)
    assert answer.exit_code == 3 and "its content differs" in answer.stderr
    moved = Path(shutil.copy(clip, tmp_path / "moved.mp4"))
    assert call(*command, moved).exit_code == 0


def test_without_a_model_both_say_how_to_get_one(
    run: Path, words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    for command in (["label", run, "--vocabulary", words], ["search", run, "dog"]):
        answer = call(*command)
        assert answer.exit_code == 5 and "vseg models pull clip-vit-b32" in answer.stderr
        answer = call(*command, "--image-text", "nonesuch")
        assert answer.exit_code == 5 and "vseg models pull clip-vit-b32" in answer.stderr


@pytest.mark.parametrize("phrase", ["  ", "x" * 201])
def test_a_phrase_that_is_none_is_refused(run: Path, model: Path, phrase: str) -> None:
    assert call("search", run, phrase, "--image-text", model).exit_code == 3


def test_a_run_that_is_none_or_unfinished_is_refused(
    run: Path, words: Path, model: Path, tmp_path: Path
) -> None:
    ask = ["--vocabulary", words, "--image-text", model]
    assert call("label", tmp_path, *ask).exit_code == 3
    header = json.loads((run / "run.json").read_text()) | {"status": "interrupted"}
    (run / "run.json").write_text(json.dumps(header))
    answer = call("label", run, *ask)
    assert answer.exit_code == 3 and "not finished" in answer.stderr
