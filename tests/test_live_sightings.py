"""When each track was seen last."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.live.sightings import Sightings
from test_counting_counter import frame_of

HERE = (50.0, 100.0)


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.floats(0.01, 2.0))
def test_gaps_are_the_time_since_the_last_frame_with_the_track(seen, step_s):
    sightings, last = Sightings(), None
    for index, there in enumerate(seen):
        last = index if there else last
        tracks = replace(frame_of(index, {1: HERE if there else None}), time_s=index * step_s)
        (gap_s,) = sightings.update(tracks)
        assert gap_s == (None if last is None else pytest.approx((index - last) * step_s))


def test_a_frame_without_a_time_tells_nothing():
    assert Sightings().update(replace(frame_of(0, {1: HERE}), time_s=None)) == (None,)
