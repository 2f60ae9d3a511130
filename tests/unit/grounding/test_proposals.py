"""From what a detector proposes to what is found: thresholds, doubles, the image's border,
masks.
"""

import numpy as np
import torch

from vseg.grounding.proposals import DetectionRules, Proposals, choose, corners, joined
from vseg.types import Text

HW = (40, 60)
A = [0.0, 0, 10, 10]
B = [0.0, 0, 10, 11]
FAR = [30.0, 20, 50, 40]
RULES = DetectionRules(threshold=0.3, overlap=0.8)


def proposals(
    boxes: list[list[float]], scores: list[list[float]], first: int = 0
) -> Proposals:
    return Proposals(
        first, np.array(boxes, dtype=np.float64), np.array(scores, dtype=np.float64)
    )


def test_a_box_goes_to_the_best_phrase_whose_threshold_it_reaches() -> None:
    asked = proposals([A, FAR], [[0.8, 0.6], [0.2, 0.1]])
    found = choose(asked, (Text("car"), Text("thing")), RULES, HW)
    assert (found.labels.tolist(), found.scores.tolist()) == ([0], [0.8])
    found = choose(asked, (Text("car", 0.9), Text("thing")), RULES, HW)
    assert (found.labels.tolist(), found.scores.tolist()) == ([1], [0.6])
    found = choose(asked, (Text("car", 0.1), Text("thing")), RULES, HW)
    assert found.labels.tolist() == [0, 0]
    found = choose(asked, (Text("car", 0.8), Text("thing", 1.0)), RULES, HW)
    assert found.scores.tolist() == [0.8], "a threshold is reached by what equals it"


def test_doubles_of_one_phrase_go_and_of_another_stay() -> None:
    same = choose(proposals([A, B, FAR], [[0.5], [0.7], [0.6]]), (Text("car"),), RULES, HW)
    assert same.boxes.tolist() == [B, FAR]
    others = proposals([A, B], [[0.5, 0], [0, 0.7]])
    assert len(choose(others, (Text("car"), Text("dog")), RULES, HW)) == 2


def test_boxes_are_cut_to_the_image_or_left_out() -> None:
    asked = proposals(
        [[-5, -5, 20, 20], [60, 0, 70, 10], [9, 9, 9, 20]], [[0.5], [0.9], [0.8]]
    )
    assert choose(asked, (Text("car"),), RULES, HW).boxes.tolist() == [[0, 0, 20, 20]]


def test_masks_go_with_their_boxes_and_an_empty_one_is_nothing() -> None:
    probabilities = torch.zeros(3, 4, 6)
    probabilities[1, :2, :3] = 1
    probabilities[2, 3:, 5:] = 1
    asked = Proposals(
        0, np.array([A, B, FAR], dtype=np.float64), np.array([[0.9], [0.5], [0.7]])
    )
    asked = Proposals(asked.first, asked.boxes, asked.scores, probabilities)
    found = choose(asked, (Text("car"),), RULES, HW)
    assert found.boxes.tolist() == [FAR, B] and found.masks is not None
    assert found.masks[0].xywh == (50, 30, 10, 10)
    assert found.masks[1].xywh == (0, 0, 30, 20)


def test_batches_are_joined_best_first() -> None:
    texts = (Text("car"), Text("dog"), Text("cat"))
    parts = [
        choose(proposals([A], [[0.5]]), texts, RULES, HW),
        choose(proposals([FAR, A], [[0.4, 0], [0, 0.9]], first=1), texts, RULES, HW),
    ]
    said = joined(parts, np.array([0.5, 0.4, 0.9]), texts)
    assert said.names == ("cat", "car", "dog")
    assert said.found.labels.tolist() == [2, 0, 1]
    assert said.found.masks is None


def test_corners_of_centres_and_sizes() -> None:
    assert corners(torch.tensor([[5.0, 6.0, 4.0, 2.0]])).tolist() == [[3, 5, 7, 7]]
