"""Which column of a text file of detections is which, from a first line of words.

Enters: the names of the columns.  Leaves: every later line in the order of MOTChallenge, as
frame, id, left, top, width, height, score, class.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOT_ORDER = ("frame", "id", "left", "top", "width", "height", "score", "class")
UNKNOWN = "-1"
"""What MOTChallenge files hold where a value is not known."""

_NAMES = {
    "frame": "frame frame_id frame_index frame_idx frame_number frame_no image_id fn",
    "id": "id track_id object_id tracker_id obj_id target_id identity",
    "left": "left x x1 xmin x_min x_left bb_left bbox_left bbox_x bbox_x1 box_x1 l",
    "top": "top y y1 ymin y_min y_top bb_top bbox_top bbox_y bbox_y1 box_y1 t",
    "right": "right x2 xmax x_max x_right bb_right bbox_right bbox_x2 box_x2",
    "bottom": "bottom y2 ymax y_max y_bottom bb_bottom bbox_bottom bbox_y2 box_y2",
    "middle_x": "cx xc x_center x_centre center_x centre_x xcenter xcentre",
    "middle_y": "cy yc y_center y_centre center_y centre_y ycenter ycentre",
    "width": "width w bb_width bbox_width bbox_w box_w",
    "height": "height h bb_height bbox_height bbox_h box_h",
    "score": "score conf confidence probability prob s",
    "class": "class cls class_id category category_id label",
}
_MEANING = {name: role for role, names in _NAMES.items() for name in names.split()}
_SIDES = (("left", "width", "right", "middle_x"), ("top", "height", "bottom", "middle_y"))


@dataclass(frozen=True, slots=True)
class Columns:
    """The places of the columns that are read, by what they are."""

    places: Mapping[str, int]

    @staticmethod
    def named(words: Sequence[str]) -> "Columns | None":
        """The columns of a first line; None where its words agree with MOTChallenge's order as
        far as they are known.  Raises ValueError where they give another order, but no box.
        """
        places: dict[str, int] = {}
        for place, word in enumerate(words):
            role = _MEANING.get(word.strip("#\"' ").lower().replace(" ", "_"))
            if role is not None:
                places.setdefault(role, place)
        known = [MOT_ORDER.index(r) == p for r, p in places.items() if r in MOT_ORDER]
        if len(known) == len(places) and all(known):
            return None
        if "frame" not in places or not all(_spans(places, axis) for axis in _SIDES):
            raise ValueError(
                f"the first line names {', '.join(words)}: of these, frame and box are not "
                "known"
            )
        return Columns(places)

    def in_order(self, parts: Sequence[str]) -> list[str]:
        """The parts of a line as MOTChallenge orders them.  Raises ValueError for a line that
        is too short, or a box that is not numbers.
        """
        needed = max(self.places.values()) + 1
        if len(parts) < needed:
            raise ValueError(f"{len(parts)} columns, but the first line names {needed}")
        given = {role: parts[place] for role, place in self.places.items()}
        for start, size, end, middle in _SIDES:
            if end in given and start in given:
                given[size] = repr(float(given[end]) - float(given[start]))
            elif middle in given:
                given[start] = repr(float(given[middle]) - float(given[size]) / 2)
        return [given.get(role, UNKNOWN) for role in MOT_ORDER]


def _spans(places: Mapping[str, int], axis: tuple[str, str, str, str]) -> bool:
    """Whether these columns give a box along an axis."""
    start, size, end, middle = axis
    return (start in places and (size in places or end in places)) or (
        middle in places and size in places
    )


def split(text: str) -> list[str]:
    """The parts of a line: between semicolons where it has some (its commas are decimal ones
    then), else between commas, tabs and spaces.
    """
    if ";" in text:
        return [part.strip() for part in text.split(";")]
    return text.replace(",", " ").split()


def split_names(text: str) -> list[str]:
    """The words of a first line; words of one name may have spaces between commas."""
    for separator in (";", ",", "\t"):
        if separator in text:
            return [part.strip("# \t") for part in text.split(separator)]
    return text.replace("#", " ").split()
