"""Frames that are counted whatever process does them."""

import pytest

from mambatrack.runs.engines import Engine, run_all
from mambatrack.runs.frame_count import counted_by, frame_done


def do(frames: int) -> int:
    for number in range(frames):
        frame_done(number)
    return frames


@pytest.mark.parametrize("engine", [Engine(), Engine(workers=2)], ids=["here", "processes"])
def test_the_frames_of_all_jobs_are_added_up(engine):
    told = []
    assert dict(run_all(do, [3, 0, 4], engine, told.append)) == {0: 3, 1: 0, 2: 4}
    assert told[-1] == 7 and told == sorted(told)


def test_nobody_counts_before_and_after():
    frame_done()
    counted = []
    with counted_by(lambda: counted.append("outer")):
        with counted_by(lambda: counted.append("inner")):
            frame_done()
        frame_done()
    frame_done()
    assert counted == ["inner", "outer"]
