"""When a frame is detected on: every few frames, and sooner where it matters."""

from vseg.pipelines.detection_schedule import DetectionSchedule


def test_the_next_detection_comes_sooner_to_confirm_and_after_a_loss() -> None:
    schedule = DetectionSchedule(every=20)
    schedule.detected(0, sure=True)
    assert schedule.due == 20
    schedule.lost(2)
    assert schedule.due == 5
    schedule.detected(5, sure=True)
    schedule.lost(22)
    assert schedule.due == 23  # the next frame: so long after the last detection
    schedule.lost(24)
    assert schedule.due == 23  # a loss delays nothing
    schedule.detected(40, sure=False)
    assert schedule.due == 45


def test_detection_begins_again_on_any_frame() -> None:
    schedule = DetectionSchedule(every=2)
    schedule.detected(0, sure=False)
    assert schedule.due == 1  # never on the same frame
    schedule.begin(7, anew=False)
    assert (schedule.due, schedule.last) == (7, 0)
    schedule.begin(9, anew=True)
    assert (schedule.due, schedule.last) == (9, None)


def test_a_sooner_detection_is_no_evidence_of_its_own_and_others_come_in_time() -> None:
    schedule = DetectionSchedule(every=8)
    regular = list[int]()
    for frame_index in range(0, 20, 2):
        if schedule.is_regular(frame_index):
            regular.append(frame_index)
        schedule.detected(frame_index, sure=False)
    assert regular == [0, 8, 16], "though every one of them left something to be confirmed"
    schedule.begin(20, anew=True)
    assert schedule.is_regular(20)
