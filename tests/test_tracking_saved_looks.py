"""States of trackers with an embedder and without one, each loaded by the other."""

import numpy as np
import pytest

from mambatrack import MambatrackError, Tracker
from mambatrack.appearance.looks import looks_size
from mambatrack.embedders.colour import PRIOR, colour_embedder
from mambatrack.settings import MemoryConfig
from painted import SIZE, ids_of, meeting

COLOUR = colour_embedder()
FRAMES = list(meeting())
CUT = 30  # before the two meet
MEETING = 44  # the two stand together: several hypotheses


def tracker_of(embedder=None, memory=None):
    return Tracker(image_size=SIZE, embedder=embedder, memory=memory)


def run(tracker, frames):
    return [tracker.update(boxes, image=picture) for picture, boxes, _ in frames]


def state_of(embedder=None, memory=None, cut=CUT):
    tracker = tracker_of(embedder, memory)
    run(tracker, FRAMES[:cut])
    return tracker.state_dict()


@pytest.mark.parametrize("cut", [0, CUT, MEETING])
def test_a_tracker_that_looks_goes_on_from_one_that_did_not(cut):
    state, tracker = state_of(cut=cut), tracker_of(COLOUR)
    assert "tracks.looks" not in state and "embedder" not in state
    assert ("rival1.tracks.ids" in state) == (cut == MEETING)
    tracker.load_state_dict(state)
    table = tracker.state.hypotheses.table
    assert table["looks"].shape == (len(table), looks_size(COLOUR.size))
    assert not table["looks"].any() and not tracker.state.calibration.columns().any()
    assert tracker.state.calibration.prior == PRIOR
    assert table["ids"].tolist() == state["tracks.ids"].tolist()


def test_from_then_on_it_looks_at_them():
    tracker = tracker_of(COLOUR)
    tracker.load_state_dict(state_of())
    before = {1, 2}
    last = run(tracker, FRAMES[CUT:])[-1]
    assert set(ids_of(last, FRAMES[-1][2]).values()) == before  # the same two
    assert tracker.appearance.crops > 10


def test_a_tracker_that_does_not_look_forgets_what_tracks_looked_like():
    state, plain = state_of(COLOUR), tracker_of()
    assert state["tracks.looks"].any()
    plain.load_state_dict(state)
    assert "looks" not in plain.state.hypotheses.table
    assert "embedder" not in plain.state_dict()
    expected, found = tracker_of(), run(plain, FRAMES[CUT:])
    run(expected, FRAMES[:CUT])
    for ours, theirs in zip(run(expected, FRAMES[CUT:]), found, strict=True):
        assert np.array_equal(ours.ids, theirs.ids) and np.array_equal(ours.boxes, theirs.boxes)


def test_whom_a_memory_knows_is_not_forgotten_in_passing():
    state = state_of(COLOUR, MemoryConfig(seconds=60))
    with pytest.raises(MambatrackError, match="a memory knows by the embedder 'colour of 288 num"):
        tracker_of().load_state_dict(state)


def test_a_memory_begins_where_nobody_was_looked_at():
    tracker = tracker_of(COLOUR, MemoryConfig(seconds=60))
    tracker.load_state_dict(state_of())
    run(tracker, FRAMES[CUT:])
    assert tracker.state_dict()["gallery.ids"].shape == (0,)


def test_a_state_without_ids_is_refused_as_before():
    state = state_of()
    del state["tracks.ids"]
    with pytest.raises(MambatrackError, match=r"does not fit: it is without tracks\.ids"):
        tracker_of(COLOUR).load_state_dict(state)
