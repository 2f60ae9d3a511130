"""Masks kept on the disk while a file of another program is read."""

from fractions import Fraction

import numpy as np
import pytest

from vseg.errors import BadExchange
from vseg.exchange.spool import MaskSpool
from vseg.types import LAST_OBJECT_ID, MaskCrop, VideoInfo

VIDEO = VideoInfo("park.mp4", 8, 8, Fraction(25), None)
CROP = MaskCrop(0, 0, np.ones((2, 2), dtype=bool))


def test_masks_without_an_id_come_by_frame_in_the_order_in_which_they_were_added() -> None:
    with MaskSpool("park", VIDEO) as spool:
        for frame, score in ((3, 0.25), (1, 0.5), (3, 0.75), (3, 0.5)):
            spool.add(frame, None, CROP, score)
        assert [score for _, score in spool.take_unnamed(3)] == [0.25, 0.75, 0.5]
        assert [score for _, score in spool.take_unnamed(1)] == [0.5]
        assert not spool.take_unnamed(2)


def test_masks_without_an_id_are_searched_by_frame_not_one_by_one() -> None:
    def steps(frames: int) -> int:
        with MaskSpool("park", VIDEO) as spool:
            for frame in range(frames):
                spool.add(frame, None, CROP)
            done = 0

            def count() -> None:
                nonlocal done
                done += 1

            spool._base.set_progress_handler(count, 1)
            spool.take_unnamed(frames // 2)
            spool._base.set_progress_handler(None, 1)
        return done

    few = steps(10)
    assert few
    assert steps(300) == pytest.approx(few, abs=5)


def test_an_id_that_no_run_can_hold_is_refused() -> None:
    with MaskSpool("park", VIDEO) as spool:
        spool.add(0, LAST_OBJECT_ID, CROP)
        with pytest.raises(BadExchange, match="frame 0: 2147483648 is no object id") as error:
            spool.add(0, LAST_OBJECT_ID + 1, CROP)
    assert error.value.hint == "ids are whole numbers from 1 to 2147483647"


def test_the_largest_id_can_change_places() -> None:
    with MaskSpool("park", VIDEO) as spool:
        spool.add(0, 1, CROP)
        spool.add(1, LAST_OBJECT_ID, CROP)
        spool.name_object(1, "car")
        spool.names[1] = "the red one"
        spool.renumber({1: LAST_OBJECT_ID, LAST_OBJECT_ID: 1})
        assert (spool.labels, spool.names) == (
            {LAST_OBJECT_ID: "car"},
            {LAST_OBJECT_ID: "the red one"},
        )
        assert spool.last_frame(LAST_OBJECT_ID) == 0
        assert spool.last_frame(1) == 1
