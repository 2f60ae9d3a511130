"""The classes of COCO with stated synonyms, and phrases compared with them.

Enters: a phrase.  Leaves: the phrase without articles, plurals, and whether it names a class.
The detectors of fixed classes that are published were trained on these; those of other classes
have their own names (`vseg.grounding.class_words`).
"""

import re
from collections.abc import Mapping

WITH_CLASSES = "vseg models pull rf-detr-seg-nano, then --grounder rf-detr-seg-nano"
"""What to type for a detector of the classes of COCO."""
SYNONYMS: Mapping[str, str] = {
    "person": "people, human, pedestrian",
    "bicycle": "bike, cycle",
    "car": "automobile",
    "motorcycle": "motorbike",
    "airplane": "aeroplane, plane",
    "truck": "lorry",
    "traffic light": "traffic signal, stoplight",
    "fire hydrant": "hydrant",
    "backpack": "rucksack",
    "handbag": "purse",
    "tie": "necktie",
    "skis": "ski",
    "sports ball": "ball",
    "tennis racket": "tennis racquet, racket, racquet",
    "wine glass": "wineglass",
    "cup": "mug",
    "hot dog": "hotdog",
    "donut": "doughnut",
    "couch": "sofa, settee",
    "potted plant": "houseplant, pot plant",
    "dining table": "table",
    "tv": "television, tv monitor, tvmonitor, tv set",
    "mouse": "computer mouse",
    "remote": "remote control",
    "keyboard": "computer keyboard",
    "cell phone": "cellphone, mobile phone, phone, smartphone, mobile",
    "microwave": "microwave oven",
    "refrigerator": "fridge",
    "teddy bear": "teddy",
    "hair drier": "hair dryer, hairdryer, hairdrier",
}
"""Synonyms of the classes of COCO, separated by commas; a synonym means the whole class, never
a part of it ("man" is no synonym of "person").  A detector has those of its own classes.
"""
COCO = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
    *("traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat"),
    *("dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack"),
    *("umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard"),
    *("sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard"),
    *("tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl"),
    *("banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza"),
    *("donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet"),
    *("tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven"),
    *("toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors", "teddy bear"),
    *("hair drier", "toothbrush"),
)
"""The 80 classes of COCO 2017 (Lin et al. 2014), which the published detectors have."""

_ARTICLES = frozenset({"a", "an", "the", "all", "every", "each", "any"})
_PLURALS = {
    **{"person": "people", "mouse": "mice", "computer mouse": "computer mice"},
    **{name: name for name in ("sheep", "skis", "scissors")},
}


def is_coco(phrase: str) -> bool:
    """Whether a phrase names a class of COCO."""
    return plain_phrase(phrase) in _COCO_FORMS


def plain_phrase(phrase: str) -> str:
    """A phrase in lower case, without articles and punctuation."""
    tokens = re.findall(r"[^\s,.;:!?'\"]+", phrase.lower())
    return " ".join(token for token in tokens if token not in _ARTICLES)


def forms_of(name: str) -> tuple[str, ...]:
    """Every form of a class: of its own name first, then of its stated synonyms."""
    words = (name, *(word for word in SYNONYMS.get(name, "").split(", ") if word))
    return tuple(form for word in words for form in (word, plural_of(word)))


def plural_of(name: str) -> str:
    """The plural of a class or synonym; its last word is inflected."""
    if name in _PLURALS:
        return _PLURALS[name]
    if name.endswith(("s", "x", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name[:-2]}ves" if name.endswith("fe") else f"{name}s"


_COCO_FORMS = frozenset(form for name in COCO for form in forms_of(name))
