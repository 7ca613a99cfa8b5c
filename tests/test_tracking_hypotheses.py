"""Several hypotheses side by side: which assignments are tried, how they are weighed, and what is
put out."""

from itertools import combinations

import numpy as np
import pytest

from mambatrack import MambatrackError, Tracker, load_config
from mambatrack.association.interface import Scores
from mambatrack.association.learned import LearnedAssociation
from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.config import TrackerConfig
from mambatrack.detections import as_detections
from mambatrack.simulation.world import make_world
from mambatrack.track_table import TrackTable
from mambatrack.tracking import hypotheses as module
from mambatrack.tracking.group import TrackerGroup
from shaken_crowds import shaken


class GivenOdds:
    """A pair scorer whose odds are given, frame by frame."""

    def __init__(self, odds):
        self.odds = iter(odds)

    def tokens(self, features):
        return features.T

    def __call__(self, given, code):
        odds = next(self.odds)
        pairs = np.array(
            [odds[t, d] for t, d in zip(given.tracks, given.detections, strict=True)], np.float32
        )
        return Scores(pairs, np.full(given.alone.shape[1], 5, np.float32))


class Still:
    carried_size = 1

    def __call__(self, tokens, carried, rows=None):
        return np.zeros((len(tokens), 1), np.float32)


def association_of(odds, **changes):
    return LearnedAssociation(GivenOdds(odds), Still(), 1, TrackerConfig(**changes))


def two_people(frames, **changes):
    """A tracker that sees two people beside each other, and whose odds are given."""
    association = association_of(frames, **changes)
    config = TrackerConfig(predictor="still", **changes)
    rows = np.array([[0, 0, 100, 200, 0.9], [60, 0, 160, 200, 0.9]])
    return Tracker(config, association=association), rows


def table_of(hidden):
    """Two tracks, of which the first was not seen for so many frames."""
    found = as_detections([[0, 0, 100, 200, 0.9], [60, 0, 160, 200, 0.9]])
    table = TrackTable(1)
    table.start(xyxy_to_cxcywh(found.boxes), np.zeros((2, 1)), found, np.arange(2))
    table["gap"][0] = hidden
    return table


@pytest.mark.parametrize(("hidden", "left"), [(4, 2), (0, 1)])
def test_hypotheses_that_see_a_dropped_track_are_given_up(hidden, left):
    hypotheses = module.Hypotheses([table_of(4), table_of(hidden)], [0.0, -1.0], 2)
    hypotheses.drop(np.array([1]))
    assert [table["ids"].tolist() for table in hypotheses.tables] == left * [[2]]
    assert len(hypotheses.likelihoods) == left and not len(hypotheses.end(1, 30))


START, CLEAR = np.zeros((0, 2)), np.array([[8.0, -8.0], [-8.0, 8.0]])
DOUBT = np.array([[2.0, 2.5], [2.5, 2.0]])  # leans to change places


def others(tracker):
    """Hypotheses beside the one that is put out."""
    return len(tracker.state.hypotheses.tables) - 1


def test_what_comes_later_decides_a_crossing():
    """One frame of doubt leans to the wrong side. In the next the hypothesis that changed places
    finds neither track likely, the other both: the scorer answers once for both tables."""
    found = [START, DOUBT, np.block([[np.full((2, 2), -2.0), CLEAR * 0], [CLEAR * 0, CLEAR]])]
    tracker, rows = two_people(found, hypotheses=2)
    assert tracker.update(rows).ids.tolist() == [1, 2]
    doubtful = tracker.update(rows)
    assert doubtful.det_ind.tolist() == [1, 0] and others(tracker) == 1
    settled = tracker.update(rows)
    assert settled.ids.tolist() == [1, 2] and settled.det_ind.tolist() == [0, 1]
    assert settled.ended.tolist() == []


def test_one_hypothesis_goes_with_the_first_impression():
    tracker, rows = two_people([START, DOUBT], hypotheses=1)
    tracker.update(rows)
    assert tracker.update(rows).det_ind.tolist() == [1, 0] and not others(tracker)


def test_the_same_places_are_one_hypothesis():
    """Both change back: two ways to the same places, of which the likelier stays."""
    both = np.block([[DOUBT, CLEAR * 0 - 9], [CLEAR * 0 - 9, DOUBT]])
    tracker, rows = two_people([START, DOUBT, both], hypotheses=5)
    for _ in range(3):
        tracker.update(rows)
    places = [tuple(table["det_ind"].tolist()) for table in tracker.state.hypotheses.tables]
    assert len(set(places)) == len(places) == 2


def test_a_hypothesis_far_behind_is_given_up(monkeypatch):
    monkeypatch.setattr(module, "GIVE_UP_BEHIND", 3.0)
    surely = np.block([[np.full((2, 2), -12.0), CLEAR * 0], [CLEAR * 0, 2 * CLEAR]])
    tracker, rows = two_people([START, DOUBT, surely], hypotheses=2)
    for _ in range(3):
        tracker.update(rows)
    assert tracker.state.hypotheses.likelihoods == [0.0]


def test_an_id_that_ended_while_nobody_looked_is_not_taken_up_again():
    """In the hypothesis that is put out track 1 was not seen for long and ends in the frames
    between; in the other one it was seen just now, and that one would be the likelier."""
    later = np.full((4, 4), -9.0)
    later[1:, 2:] = [[8, -8], [-8, 8], [-9, -9]]
    later[0, 1] = -1.0
    tracker, rows = two_people([START, DOUBT, later], hypotheses=2, frame_rate=20.0, max_age=60)
    tracker.update(rows, 0.0)
    tracker.update(rows, 0.05)
    _, other = tracker.state.hypotheses.tables
    tracker.state.hypotheses.table["gap"][0] = 50
    assert other["gap"].tolist() == [0, 0]
    tracks = tracker.update(rows, 1.05)
    assert tracks.ended.tolist() == [1] and 1 not in tracks.ids and not others(tracker)


CROWD = make_world(seed=4, people=14, frames=120, size=(320, 240))


def seen_in(frame):
    return shaken(CROWD.detections(frame), np.random.default_rng(frame))


def crowd(**changes):
    overrides = {f"tracker.{name}": value for name, value in changes.items()}
    return Tracker(load_config(None, overrides), image_size=(320, 240))


def test_ids_that_ended_never_return_and_none_vanishes_unsaid():
    tracker = crowd(hypotheses=4)
    alive: set[int] = set()
    over: set[int] = set()
    several = 0
    for frame in range(120):
        tracks = tracker.update(seen_in(frame))
        now, ended = set(tracks.ids.tolist()), set(tracks.ended.tolist())
        assert alive - now == ended and not now & (over | ended)
        assert (np.diff(tracks.ids) > 0).all()
        seen = tracks.det_ind[tracks.det_ind >= 0]
        assert len(set(seen.tolist())) == len(seen)
        for table in tracker.state.hypotheses.tables:
            assert (
                table.next_id
                == tracker.state.hypotheses.table.next_id
                > table["ids"].max(initial=0)
            )
        several += others(tracker)
        alive, over = now, over | ended
    assert several > 60 and len(over) > 0
    assert tracker.started == len(alive | over) < tracker.state.hypotheses.table.next_id - 1


def test_a_table_of_its_own_for_each():
    tracker = crowd()
    for frame in range(60):
        tracker.update(seen_in(frame))
        arrays = [table["boxes"] for table in tracker.state.hypotheses.tables]
        assert not any(np.shares_memory(a, b) for a, b in combinations(arrays, 2))


def test_a_state_holds_every_hypothesis():
    whole = crowd()
    frame = 0
    while not others(whole):
        whole.update(seen_in(frame))
        frame += 1
    state = whole.state_dict()
    assert len(state["likelihoods"]) == 1 + others(whole)
    resumed = crowd()
    resumed.load_state_dict(state)
    for later in range(frame, 120):
        a, b = whole.update(seen_in(later)), resumed.update(seen_in(later))
        np.testing.assert_array_equal(a.ids, b.ids)
        np.testing.assert_array_equal(a.boxes, b.boxes)
    with pytest.raises(MambatrackError, match="hypotheses, more than 1"):
        crowd(hypotheses=1).load_state_dict(state)
    for wrong in (np.zeros(2, np.float32), np.array([0.0, np.nan]), np.array([1.0]), [0.0]):
        with pytest.raises(MambatrackError, match="likelihoods"):
            resumed.load_state_dict(state | {"likelihoods": wrong})


def test_an_association_by_overlap_keeps_one():
    tracker = crowd(association="overlap", hypotheses=5)
    for frame in range(40):
        tracker.update(seen_in(frame))
    assert not others(tracker)


def test_several_trackers_are_decided_as_one_by_one():
    """Each problem is weighed by itself, although the networks are called for all together."""
    alone = [crowd() for _ in range(2)]
    group = TrackerGroup(load_config(), 2)
    for index in range(2):
        group.resize(index, (320, 240))
    several = 0
    for frame in range(50):
        found = [seen_in(frame), seen_in(frame + 60)]
        expected = [own.update(each) for own, each in zip(alone, found, strict=True)]
        got = group.update({index: (each, None) for index, each in enumerate(found)})
        for index, tracks in got.items():
            np.testing.assert_array_equal(expected[index].ids, tracks.ids)
            np.testing.assert_array_equal(expected[index].det_ind, tracks.det_ind)
            several += others(group.trackers[index])
    assert several > 20


def test_tables_that_are_given_up_are_used_for_the_next_copies():
    tables = [TrackTable(1) for _ in range(2)]
    hypotheses = module.Hypotheses(list(tables), [0.0, -1.0])
    hypotheses._branch([0, 0])
    assert hypotheses.tables == [tables[1], tables[0]]
    hypotheses._branch([1])
    hypotheses._branch([0, 0, 0])
    assert set(map(id, tables)) < set(map(id, hypotheses.tables))
