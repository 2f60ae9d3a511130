"""A labelling interface of Label Studio, as far as a backend needs it.

Enters: the tags that a project's owner wrote.  Leaves: what is labelled, and with which
controls.  Read as HTML, which has no entities that grow.  https://labelstud.io/tags
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser

IMAGE_CONTROLS = (
    *("brushlabels", "brush", "bitmasklabels", "bitmask"),
    *("polygonlabels", "polygon", "rectanglelabels", "rectangle"),
)
"""Tags that take a mask, its outline or its box."""
VIDEO_CONTROLS = ("videorectangle", "videovectorlabels", "videovector")


@dataclass(slots=True)
class Control:
    """tag: in small letters, which is the type of its results too.  labels: its own."""

    tag: str
    name: str
    to_name: str
    labels: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Labelled:
    """An image or a video.  key: of the task's data that names its file."""

    tag: str
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """controls: those that results are made for, in their order."""

    objects: tuple[Labelled, ...]
    controls: tuple[Control, ...]
    labels: tuple[str, ...]

    def output(self) -> tuple[Labelled, Control] | None:
        """The first image or video with a control that takes masks or boxes."""
        wanted = {"image": IMAGE_CONTROLS, "video": VIDEO_CONTROLS}
        for labelled in self.objects:
            for control in self.controls:
                known = wanted.get(labelled.tag, ())
                if control.to_name == labelled.name and control.tag in known:
                    return labelled, control
        return None


def read_label_config(text: str) -> LabelConfig:
    """The config; tags that are not known say nothing."""
    reader = _Tags()
    reader.feed(text)
    reader.close()
    return LabelConfig(tuple(reader.objects), tuple(reader.controls), tuple(reader.labels))


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.objects: list[Labelled] = []
        self.controls: list[Control] = []
        self.labels: list[str] = []
        self._inside: Control | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("image", "video"):
            key = given.get("value", "").removeprefix("$")
            self.objects.append(Labelled(tag, given.get("name", ""), key))
        elif tag == "label":
            self.labels.append(given.get("value", ""))
            if self._inside is not None:
                self._inside.labels.append(given.get("value", ""))
        elif "toname" in given:
            self._inside = Control(tag, given.get("name", ""), given["toname"])
            self.controls.append(self._inside)

    def handle_endtag(self, tag: str) -> None:
        if self._inside is not None and tag == self._inside.tag:
            self._inside = None
