"""X-AnyLabeling's videos: the images of a folder as a clip, prompted with words or points.

Enters: the id of a session, words, or points on one object.  Leaves: masks.  The session is
one of the service: it has its limits, is kept on disk and survives a restart.  What the
protocol remembers beside it (labels, points) is stored with the state of the service.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from vseg.client.values import FrameAnswer, ObjectMask, SessionRequest
from vseg.errors import BadPrompt
from vseg.io.files import atomic_write_text
from vseg.server.plugins.named_objects import named_masks, phrases_of
from vseg.server.plugins.x_anylabeling_values import VideoPromptRequest
from vseg.server.security.access import Caller
from vseg.server.service import Service
from vseg.session.image_predictor import ImagePredictor
from vseg.types import Frame, Mask, Points, Prompt, Timecode

CLIPS = "x-anylabeling-"
"""How the folders begin in which the frames of the clients are."""
_KEPT_CLIPS = 4
"""Clips of one key that are kept: the client deletes none when it is closed, and one person
has one folder open, or a few.
"""

_Mark = tuple[float, float, int]


class _Clicked(BaseModel):
    """One object of the client.  object: its id here.  marks: by frame.  last: its masks."""

    object: int
    marks: dict[int, list[_Mark]] = {}
    last: dict[int, ObjectMask] = {}


class _Remembered(BaseModel):
    """labels: by object, of those that words named.  clicked: by the client's own number."""

    labels: dict[int, str] = {}
    clicked: dict[int, _Clicked] = {}
    used: int = 0


@dataclass(frozen=True, slots=True)
class ClientVideo:
    """One session of a client.  To be used in a turn of the worker."""

    service: Service
    caller: Caller
    session_id: str

    @staticmethod
    def begin(service: Service, caller: Caller, clip: Path) -> "ClientVideo":
        """A session on the folder that an upload became; the oldest ones make room.

        Raises TooMany.
        """
        ours = clip.parent.glob(f"{CLIPS}*")
        surplus = sorted(ours, key=lambda path: path.stat().st_mtime_ns)[:-_KEPT_CLIPS]
        gone = {service.folder.id_at(path): path for path in surplus}
        for facts in service.sessions.listed(caller):
            if facts.video in gone:
                ClientVideo(service, caller, facts.id).delete()
        for path in gone.values():
            shutil.rmtree(path, ignore_errors=True)
        request = SessionRequest(video=service.folder.id_at(clip))
        return ClientVideo(service, caller, service.sessions.create(caller, request, None).id)

    def delete(self) -> None:
        """Forget the session, and the clip if it was uploaded for it.  Raises NotThere."""
        facts = self.service.sessions.facts(self.caller, self.session_id)
        clip = self.service.folder.find("video", facts.video)
        self.service.sessions.delete(self.caller, self.session_id)
        self._file.unlink(missing_ok=True)
        if clip.name.startswith(CLIPS):
            self.service.uploads.delete(self.caller.id, clip)

    @property
    def labels(self) -> dict[int, str]:
        """The words that objects were found by."""
        return self._remembered().labels

    def prompt(self, asked: VideoPromptRequest) -> list[ObjectMask]:
        """The masks of what was prompted, on its frame.  Raises BadPrompt, NotThere,
        InTheWay, TooLarge.
        """
        if asked.text_prompt.strip():
            return self._find(asked)
        return [self._click(asked)]

    def _find(self, asked: VideoPromptRequest) -> list[ObjectMask]:
        """Everything that the words name, in place of what words named before."""
        remembered = self._remembered()
        for obj in remembered.labels:
            self.service.sessions.remove_object(self.caller, self.session_id, obj)
        remembered.labels = {}
        self._remember(remembered)
        phrases = phrases_of(asked.text_prompt)
        predictor = ImagePredictor(self.service.models.load())
        image = predictor.encode(self._frame(asked.frame_index))
        found = named_masks(
            predictor,
            self.service.models.grounder(),
            image,
            phrases,
            asked.params.least_score,
        )
        masks = []
        hw = image.features.video_hw
        for one in found:  # one at a time: a mask as large as the frame each
            remembered.used += 1
            value = Mask(one.crop.paste(*hw))
            masks.append(self._given(remembered.used, asked.frame_index, value))
            remembered.labels[remembered.used] = phrases[one.word]
            self._remember(remembered)
        return masks

    def _click(self, asked: VideoPromptRequest) -> ObjectMask:
        """The client sends all points of its object on the frame each time: more of them
        correct the mask, and others begin the object anew.
        """
        remembered = self._remembered()
        frame = asked.frame_index
        marks = _marks_of(asked)
        known = remembered.clicked.get(asked.obj_id)
        before = [] if known is None else known.marks.get(frame, [])
        if known is not None and marks == before:
            return known.last[frame]
        if known is not None and marks[: len(before)] != before:
            self.service.sessions.remove_object(self.caller, self.session_id, known.object)
            del remembered.clicked[asked.obj_id]
            self._remember(remembered)
            known = None
            before = []
        if known is None:
            remembered.used += 1
            known = _Clicked(object=remembered.used)
        facts = self.service.sessions.facts(self.caller, self.session_id)
        clip = self.service.folder.find("video", facts.video)
        with self.service.readers.reading(clip) as reader:
            size = (reader.info.width, reader.info.height)
        mask = self._given(known.object, frame, _points(marks[len(before) :], size))
        known.marks[frame] = marks
        known.last[frame] = mask
        remembered.clicked[asked.obj_id] = known
        self._remember(remembered)
        return mask

    def _given(self, obj: int, frame: int, value: Mask | Points) -> ObjectMask:
        prompt = Prompt(obj, Timecode(frame=frame), value)
        answer = self.service.sessions.prompt(self.caller, self.session_id, [prompt])
        return _mask_in(answer.frames, obj)

    def _frame(self, index: int) -> Frame:
        facts = self.service.sessions.facts(self.caller, self.session_id)
        path = self.service.folder.find("video", facts.video)
        with self.service.readers.reading(path) as reader:
            if index >= len(reader):
                raise BadPrompt(
                    f"frame {index} is past the end",
                    hint=f"the clip has frames 0 to {len(reader) - 1}",
                )
            return reader.read(index)

    @property
    def _file(self) -> Path:
        folder = self.service.settings.state_folder / "x-anylabeling"
        return folder / f"{self.session_id}.json"

    def _remembered(self) -> _Remembered:
        self.service.sessions.facts(self.caller, self.session_id)  # it is the caller's
        if not self._file.is_file():
            return _Remembered()
        return _Remembered.model_validate_json(self._file.read_bytes())

    def _remember(self, remembered: _Remembered) -> None:
        atomic_write_text(self._file, remembered.model_dump_json())


def _marks_of(asked: VideoPromptRequest) -> list[_Mark]:
    if len(asked.points) != len(asked.point_labels) or not asked.points:
        raise BadPrompt(
            f"{len(asked.points)} points came with {len(asked.point_labels)} labels",
            hint="give words, or points with a label each",
        )
    rows = zip(asked.points, asked.point_labels, strict=True)
    return [(x, y, label) for (x, y), label in rows]


def _points(marks: Sequence[_Mark], size: tuple[int, int]) -> Points:
    """Points in pixels; what lies on the right or lower edge belongs to the last pixel."""
    width, height = size
    xy = [(min(x * width, width - 1), min(y * height, height - 1)) for x, y, _ in marks]
    return Points(xy, [label for *_, label in marks])


def _mask_in(frames: Sequence[FrameAnswer], obj: int) -> ObjectMask:
    return next(mask for frame in frames for mask in frame.masks if mask.object == obj)
