"""What a user of the Python interface meets: names, help, lists for arrays, typed errors.

The errors are tried in a process without the shape checks of the suite: they must
not depend on them.
"""

import inspect
import json
import subprocess
import sys

import numpy as np
import pytest

import vseg
from tests.unit.results.test_run import HEIGHT, WIDTH, header
from vseg.errors import VsegError
from vseg.results import RunWriter

pytestmark = pytest.mark.integration

PRELUDE = """
import sys, json, numpy as np, vseg, vseg_trackers
model = vseg.load_model("nano", short_side=96)
image = np.zeros((60, 80, 3), np.uint8)
image[20:40, 30:50] = 200
def session():
    made = vseg.Session(model)
    made.prompt(1, image, box=(30, 20, 50, 40))
    made.step(image, 0.0)
    return made
def run():
    return vseg.open_run(sys.argv[2])
def boxes(**changed):
    right = dict(time_s=0.0, boxes=np.array([[0.0, 0.0, 9.0, 9.0]]), scores=np.ones(1))
    return vseg_trackers.Detections(**(right | changed))
def edit(name, *given, **named):
    with run().edit() as opened:
        getattr(opened, name)(*given, **named)
def made(masks):
    return vseg.FrameMasks.of(vseg.Frame(0, 0, 0.0, image), masks)
predictor = vseg.ImagePredictor(model)
encoded = predictor.encode(image)
def clip():
    made = vseg.Session(model, vseg.open_video([image, image]))
    made.prompt(1, 0, box=(30, 20, 50, 40))
    return made
"""
REFUSED = {
    "vseg.Points([(1, 2, 3)])": "BadPrompt: shape (1, 3)",
    "vseg.Points((1, 2))": "BadPrompt: shape (2,)",
    "vseg.Points([(1, 2), (3,)])": "BadPrompt: cannot be made an array",
    "vseg.Points([('a', 'b')])": "BadPrompt: not of numbers",
    "vseg.Points([(1, float('nan'))])": "BadPrompt: not a number",
    "vseg.Points([])": "BadPrompt: at least one point",
    "vseg.Points([(1, 2)], [2])": "BadPrompt: neither 1 nor 0",
    "vseg.Points([(1, 2)], [-1])": "BadPrompt: neither 1 nor 0",
    "vseg.Points([(1, 2)], [1, 0])": "BadPrompt: 1 points but 2 labels",
    "vseg.Box(1, 2, 3, float('inf'))": "BadPrompt: not a number",
    "vseg.Box(True, 2, 3, 4)": "BadPrompt: not a number",
    "vseg.Box('1', 2, 3, 4)": "BadPrompt: not of numbers",
    "vseg.Box([[1, 2], [3]], 2, 3, 4)": "BadPrompt: cannot be made an array",
    "vseg.Box(3, 2, 1, 4)": "BadPrompt: empty or inverted",
    "vseg.Scribble([1, 2])": "BadPrompt: shape (2,)",
    "vseg.Mask(np.zeros((4, 4)))": "BadPrompt: float64",
    "vseg.Mask([1, 0])": "BadPrompt: shape (2,)",
    "vseg.Mask([[1, 2]])": "BadPrompt: several values",
    "vseg.Text(3)": "BadPrompt: a string",
    "vseg.Text('dog', 'high')": "BadPrompt: (0, 1]",
    "vseg.Exemplar(image.astype(float), image[..., 0] > 0)": "BadPrompt: float64",
    "session().prompt(1, image)": "BadPrompt: no prompt was given",
    "session().prompt(1, image, labels=[1])": "BadPrompt: without points",
    "session().prompt(1, image, box=5)": "BadPrompt: four numbers",
    "session().prompt(1, image, box=(1, 2, 3))": "BadPrompt: 4 numbers",
    "session().prompt(1, image, prompts=[(1, 2)])": "BadPrompt: a tuple is not a prompt",
    "session().prompt(1, image, prompts=vseg.Box(1, 2, 3, 4))": "BadPrompt: not a list",
    "session().prompt(1, image, clicks=[(1, 2)])": "TypeError: clicks",
    "session().prompt('a', image, points=[(1, 2)])": "BadPrompt: not an int",
    "session().prompt(1.5, image, points=[(1, 2)])": "BadPrompt: not an int",
    "session().prompt(True, image, points=[(1, 2)])": "BadPrompt: not an int",
    "session().prompt(0, image, points=[(1, 2)])": "BadPrompt: not positive",
    "session().prompt(1, 5, points=[(1, 2)])": "BadPrompt: no video",
    "session().prompt(1, 'clip.mp4', points=[(1, 2)])": "BadFrame: shape ()",
    "session().step(image / 255)": "BadFrame: float64",
    "session().step(image[..., 0])": "BadFrame: shape (60, 80)",
    "session().step(np.dstack([image, image[..., 0]]))": "BadFrame: shape (60, 80, 4)",
    "session().step(image[:0])": "BadFrame: shape (0, 80, 3)",
    "session().step(image[::2])": "BadFrame: those before were 80x60",
    "session().step(image, time_s=-1.0)": "BadFrame: not later",
    "session().step(vseg.Frame(0, None, 0.0, image))": "BadFrame: not later than the last",
    "session().step(vseg.Frame(1, None, 0.0, image), 2.0)": "UsageError: beside a Frame",
    "session().step(image, reverse=True)": "UsageError: no place before",
    "session().step(vseg.Frame(1, None, 0.0, image), reverse=True)": "BadFrame: not earlier",
    "session().remove(7)": "BadPrompt: no object 7",
    "clip().propagate(until=9)": "BadPrompt: until is 9, not a frame number from 0 to 2",
    "clip().propagate(until='1')": "BadPrompt: until is '1'",
    "clip().propagate(start='1')": "BadPrompt: frame '1' is a str",
    "clip().propagate(start=1.0)": "BadPrompt: frame 1.0 is a float",
    "clip().propagate(objects=1)": "BadPrompt: objects is 1, not a list of ids",
    "clip().propagate(objects=[])": "BadPrompt: objects is [], not a list of ids",
    "vseg.Session('nano')": "UsageError: model is str",
    "vseg.Tracker('nano')": "UsageError: model is str",
    "vseg.ImagePredictor('nano')": "UsageError: model is str",
    "vseg.Session(model, memory={'recent': 2})": "UsageError: memory is dict",
    "vseg.ImagePredictor(model).predict(image, points=[(1, 2)])": (
        "UsageError: image is ndarray, not what `encode` gives"
    ),
    "vseg.open_video(0)": "BadVideo: 0 is neither a path nor images",
    "vseg.open_video(None)": "BadVideo: None is neither a path nor images",
    "vseg.open_video([image], fps='25')": "UsageError: a rate of '25' frames",
    "vseg.open_video([image], fps=float('inf'))": "UsageError: a rate of inf frames",
    "vseg.load_model(None)": "ModelError: None is no name of a model",
    "vseg.load_model(['nano'])": "ModelError: ['nano'] is no name of a model",
    "vseg.load_model(device=None)": "UsageError: None is not a device",
    "vseg.load_model(dtype=[])": "UsageError: unknown dtype []",
    "vseg.load_model(short_side='384')": "UsageError: short side '384'",
    "vseg.load_model(weights='no.safetensors')": "WeightsMissing: no weights at no.safetens",
    "vseg.load_model(weights=3)": "UsageError: weights is 3, not the name of a file",
    "vseg.open_grounder([])": "ModelError: [] is no name of a grounder",
    "vseg.open_nano_text('nano')": "UsageError: model is str",
    "vseg.open_run(None)": "UsageError: the run is None, not the name of a file or folder",
    "vseg.open_video([image]).read('0')": "UsageError: frame is '0', not an integer",
    "vseg.open_video([image]).read(True)": "UsageError: frame is True, not an integer",
    "vseg.open_video([image]).time_at(None)": "UsageError: frame is None, not an integer",
    "vseg.open_video([image]).frame_at('1s')": "UsageError: '1s' is not a time",
    "vseg.open_video([image]).frames(0, 1.0)": "UsageError: stop is 1.0, not an integer",
    "vseg.open_video([image]).frames(0, 1, '2')": "UsageError: step is '2', not an integer",
    "vseg.Session(model, encode_ahead='2')": "UsageError: '2' frames",
    "session().remove([])": "BadPrompt: no object []",
    "session().restore(None)": "BadRun: NoneType, not bytes",
    "vseg.Tracker(model, '0.1')": "UsageError: latency budget of '0.1'",
    "vseg.Tracker(model).remove([])": "BadPrompt: no object []",
    "vseg.Tracker(model).save(None)": "UsageError: the file of a tracker is None",
    "vseg.ImagePredictor(model).predict_objects("
    "vseg.ImagePredictor(model).encode(image), ['1,2'])": "BadPrompt: not a list",
    "vseg.ImagePredictor(model).predict_objects("
    "vseg.ImagePredictor(model).encode(image), None)": "BadPrompt: objects is a NoneType",
    "vseg.ImagePredictor(model).predict_objects("
    "vseg.ImagePredictor(model).encode(image), [[vseg.Box(1, 2, 3, 4)]], 3)": (
        "BadPrompt: the priors are int"
    ),
    "vseg.ImagePredictor(model).predict("
    "vseg.ImagePredictor(model).encode(image), [vseg.Box(1, 2, 3, 4)], prior='x')": (
        "BadPrompt: the priors are str"
    ),
    "session().interrupt(None)": "BadFrame: frame is NoneType, not vseg.Frame",
    "session().interrupt('x')": "BadFrame: frame is str, not vseg.Frame",
    "session().features_of(image)": "BadFrame: frame is ndarray, not vseg.Frame",
    "session().similarity(None, [vseg.Box(1, 2, 3, 4)], [1])": "BadFrame: frame is NoneType",
    "session().step_encoded(None)": "UsageError: image is NoneType, not what `encode` gives",
    "session().step(image, objects=3)": "BadPrompt: objects is 3, not a list of ids",
    "session().step(image, objects=['x', 1])": "BadPrompt: objects is ['x', 1], not a list",
    "session().keep_prompts(1, None)": "BadPrompt: frames is None",
    "vseg.Tracker(model).warm_up('4', 4)": "UsageError: images of 4x'4'",
    "run().show(0, video=3)": "UsageError: video is int, not what vseg.open_video gives",
    "run().check_source(None)": "UsageError: the clip is None, not the name of a file",
    "run().edit(model='nano')": "UsageError: model is str, not what vseg.load_model gives",
    "run().edit(source=3)": "UsageError: source is 3, not the name of a file",
    "vseg.Session(model, grounder='nano')": "UsageError: grounder is str",
    "vseg.Tracker(model, grounder='nano')": "UsageError: grounder is str",
    "vseg.Session(model, memory=np.zeros(3))": "UsageError: memory is ndarray",
    "session().next_pass('x')": "BadPrompt: frame 'x' is a str, not an int",
    "session().next_pass(objects=[[1]])": "BadPrompt: objects is [[1]], not a list of ids",
    "session().detection_score(1, [None])": "BadPrompt: frame [None] is a list",
    "session().keep_prompts(1, ['x'])": "BadPrompt: frames is ['x']",
    "session().similarity(vseg.Frame(0, 0, 0.0, image), ['x'], [1])": (
        "BadPrompt: a str is not a prompt"
    ),
    "session().similarity(vseg.Frame(0, 0, 0.0, image), [vseg.Box(1, 2, 3, 4)], 1)": (
        "BadPrompt: objects is 1, not a list of ids"
    ),
    "list(session().encode_ahead_of([image]))": "BadFrame: frame is ndarray, not vseg.Frame",
    "session().encode_ahead_of(3)": "BadFrame: frames is int",
    "session().prompt(1, image, box=np.array(1))": "BadPrompt: four numbers",
    "predictor.decode(image, [[vseg.Box(1, 2, 3, 4)]])": "UsageError: image is ndarray",
    "predictor.decode(encoded, [vseg.Box(1, 2, 3, 4)])": "BadPrompt: not a list of prompts",
    "predictor.decode(encoded, [[vseg.Text('dog')]])": "BadPrompt: not with Text",
    "predictor.decode(encoded, [])": "BadPrompt: no object is to be decoded",
    "predictor.refine(encoded, [[3]])": "BadPrompt: a int is not a prompt",
    "predictor.refine(encoded, [[vseg.Box(1, 2, 3, 4)]], np.zeros((1, 4, 4)))": (
        "BadPrompt: priors is ndarray, not a tensor of 1 masks"
    ),
    "vseg.Tracker(model).prompt(1, box=(1, 2, 3, 4), label=3)": "BadPrompt: a label is a str",
    "vseg.Tracker(model).save('')": "UsageError: the file of a tracker is ''",
    "vseg.open_video([image]).read(-1)": "UnknownFrame: frame -1 does not exist",
    "vseg.open_video([image]).frame_at(9)": "UnknownFrame: past the end",
    "vseg.open_video([image]).frames(0, 9)": "UnknownFrame: stop 9",
    "vseg.Timecode()": "BadPrompt: a frame or a time",
    "vseg.Timecode(frame='1s')": "BadPrompt: frame '1s' is a str",
    "vseg.Timecode(time_s='1s')": "BadPrompt: '1s' is not a time",
    "vseg.Prompt('a', vseg.Timecode(0), vseg.Box(1, 2, 3, 4))": "BadPrompt: 'a' is no int",
    "vseg.Prompt(1, 0, vseg.Box(1, 2, 3, 4))": "BadPrompt: at a timecode, not a int",
    "vseg.Prompt(1, vseg.Timecode(0), (1, 2, 3, 4))": "BadPrompt: a tuple is not a prompt",
    "vseg.FrameMasks.of(image, {})": "BadFrame: frame is ndarray, not vseg.Frame",
    "made([image[..., 0] > 0])": "BadMask: masks is list",
    "made({0: image[..., 0] > 0})": "BadMask: 0 is no object id",
    "made({1: image[..., 0]})": "BadMask: ndarray uint8 (60, 80), not bool (60, 80)",
    "made({1: image[:9, :9, 0] > 0})": "BadMask: (9, 9), not bool (60, 80)",
    "made({}).only(1)": "BadPrompt: objects is 1, not a list of ids",
    "made({})[[1]]": "UnknownObject: frame 0 has no object [1]",
    "edit('rename', 1, 3)": "UnknownObject: has no object 1",
    "edit('absent', [1], 0, 1)": "UnknownObject: has no object [1]",
    "edit('add', 3)": "BadPrompt: a label is a string, not a int",
    "edit('add', 'x', obj='a')": "BadPrompt: a is no object id",
    "edit('prompt', 1, 'x', box=(1, 2, 3, 4))": "BadPrompt: frame 'x' is a str",
    "edit('prompt', 1, None, box=(1, 2, 3, 4))": "BadPrompt: a frame or a time",
    "edit('add_prompts', [3])": "BadPrompt: a int is not a vseg.Prompt",
    "edit('add_prompts', None)": "BadPrompt: a NoneType is not a vseg.Prompt",
    "edit('frame_of', 3)": "BadPrompt: a place is int, not vseg.Timecode",
    "edit('range_of', vseg.Timecode(0), 3)": "BadPrompt: a place is int",
    "boxes(time_s='0')": "TrackerError: time_s is '0', not a time",
    "boxes(time_s=np.zeros(2))": "TrackerError: not a time",
    "boxes(boxes=[[0.0, 0.0, 9.0, 9.0]])": "TrackerError: boxes is list, not an array (N, 4)",
    "boxes(boxes=np.zeros(4))": "TrackerError: boxes is float64 (4,)",
    "boxes(boxes=np.zeros((1, 5)))": "TrackerError: boxes have 5 numbers",
    "boxes(scores=[0.9])": "TrackerError: scores is list, not an array (N,)",
    "boxes(scores=None)": "TrackerError: scores is NoneType",
    "boxes(labels=np.zeros(1))": "TrackerError: give np.array(labels, int)",
    "boxes(embeddings=np.ones(1))": "TrackerError: embeddings is float64 (1,)",
    "boxes(camera=np.eye(3))": "TrackerError: camera has the shape (3, 3)",
    "boxes(masks=[image[..., 0] > 0])": "TrackerError: masks is list; give PackedMasks.of",
    "(lambda s: (s.close(), s.step(image)))(session())": "UsageError: closed",
    "(lambda s: (s.close(), s.prompt(1, image, box=(1, 2, 3, 4))))(session())": (
        "UsageError: closed"
    ),
}


@pytest.fixture(scope="module")
def raised(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each expression of REFUSED raises, as `Type: message`."""
    loop = """
for text in json.loads(sys.argv[1]):
    try:
        eval(text)
        print(json.dumps([text, "nothing"]))
    except Exception as error:
        print(json.dumps([text, f"{type(error).__name__}: {error}"]))
"""
    run = tmp_path_factory.mktemp("run") / "a"
    writer = RunWriter.create(run, header(), [])
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    writer.write(vseg.FrameMasks.of(vseg.Frame(0, 0, 0.0, image), {}))
    writer.finish()
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + loop, json.dumps(list(REFUSED)), str(run)],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_wrong_is_a_typed_error_that_says_so(
    text: str, raised: dict[str, str]
) -> None:
    kind, _, message = REFUSED[text].partition(": ")
    assert raised[text].startswith(f"{kind}: ") and message in raised[text], raised[text]


def test_lists_and_tuples_stand_for_arrays() -> None:
    points = vseg.Points([(1, 2), (3.5, 4)], [True, 0])
    assert points.xy.dtype == np.float32 and points.xy.shape == (2, 2)
    assert points.positive.tolist() == [True, False]
    assert vseg.Points([(1, 2)]).positive.tolist() == [True]
    assert vseg.Scribble(((1, 2), (3, 4))).positive is True
    mask = vseg.Mask([[0, 255], [0, 0]]).mask
    assert mask.dtype == bool and mask.tolist() == [[False, True], [False, False]]
    assert vseg.Box(1, 2, 3, 4) == vseg.Box(1.0, 2.0, 3.0, 4.0)


def test_a_mask_stays_what_it_was_when_its_array_changes() -> None:
    mask = np.ones((4, 5), dtype=bool)
    given = vseg.Mask(mask)
    mask[:] = False
    assert given.mask.all()


def test_plain_images_are_frames_in_order() -> None:
    image = np.zeros((60, 80, 3), dtype=np.uint8)
    image[20:40, 30:50] = 200
    with vseg.Session(vseg.load_model("nano", short_side=96)) as session:
        first = session.prompt(1, image, box=[30, 20, 50, 40])
        assert (first.frame_index, first.time_s) == (0, 0.0)
        assert session.step(image, 10.0).frame_index == 0
        masks = session.step(image, time_s=10.5)
        assert (masks.frame_index, masks.time_s, masks.object_ids) == (1, 10.5, (1,))
        late = session.prompt(2, image, points=[(5, 5)])
        assert late.frame_index == 2 and late.time_s > 10.5
        kept = session.snapshot()
    with vseg.Session(vseg.load_model("nano", short_side=96)) as restored:
        restored.restore(kept)
        assert restored.step(image).frame_index == 2


def test_help_names_every_kind_of_prompt() -> None:
    parameters = inspect.signature(vseg.Session.prompt).parameters
    kinds = {"points", "labels", "box", "scribble", "mask", "text", "exemplar", "prompts"}
    assert kinds <= set(parameters)
    described = inspect.getdoc(vseg.Session.prompt) or ""
    assert all(f"{kind}: " in described for kind in kinds - {"labels"})


def test_every_public_name_is_there_and_listed() -> None:
    assert sorted(vseg.__all__) == list(vseg.__all__)
    assert set(vseg.__all__) <= set(dir(vseg))
    for name in vseg.__all__:
        assert getattr(vseg, name).__doc__, name
    assert issubclass(vseg.VsegError, Exception) and vseg.VsegError is VsegError


def test_the_numbers_of_a_box_may_be_of_any_library() -> None:
    tried = """
import torch
found = torch.tensor([30.0, 20.0, 50.0, 40.0])
boxes = [30, 20, 50, 40], found, list(found), found.numpy()
print(*(vseg.segment(image, model=model, box=box).area(1) for box in boxes))
"""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + tried], capture_output=True, text=True, check=True
    )
    areas = [int(area) for area in done.stdout.split()]
    assert len(areas) == 4 and len(set(areas)) == 1 and areas[0] > 0
