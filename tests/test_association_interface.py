"""An association of one's own: what it has to write, and what it gets from the tracker."""

import doctest
from dataclasses import fields

import numpy as np
import pytest

from mambatrack import MambatrackError, Tracker
from mambatrack.association import interface
from mambatrack.association.interface import Association, Candidates, Scores
from mambatrack.config import TrackerConfig
from mambatrack.simulation.world import make_world
from mambatrack.tracking.group import TrackerGroup
from mambatrack.tracking.offline import track_offline
from shaken_crowds import shaken

CONFIG = TrackerConfig(predictor="kalman")
WORLD = make_world(seed=4, people=14, frames=60, size=(320, 240))


def documented():
    """The class that the protocol's own documentation shows."""
    examples = doctest.DocTestParser().get_examples(interface.__doc__)
    names = {"np": np, **vars(interface), "Tracker": Tracker}
    for example in examples:
        exec(example.source, names)
    assert isinstance(names["tracker"], Tracker)
    return names["ByDistance"]


ByDistance = documented()


class Remembering(ByDistance):
    """Counts the matches of each track in its memory."""

    memory_size = 1

    def __init__(self):
        self.scored = []

    def score(self, problems):
        self.scored.append(len(problems))
        return super().score(problems)

    def remember(self, problems, decisions):
        for problem, decision in zip(problems, decisions, strict=True):
            problem.table["memory"][problem.candidates.tracks[decision.chosen]] += 1


def seen_in(frame):
    return shaken(WORLD.detections(frame), np.random.default_rng(frame))


def test_it_gets_several_hypotheses_and_one_call_for_all_of_them():
    own = Remembering()
    tracker, several = Tracker(CONFIG, association=own), 0
    for frame in range(60):
        before = len(tracker.state.hypotheses.tables)
        tracker.update(seen_in(frame))
        assert own.scored.pop() == before and not own.scored
        several += len(tracker.state.hypotheses.tables) > 1
        for table in tracker.state.hypotheses.tables:
            np.testing.assert_array_equal(table["memory"][:, 0], table["hits"] - 1)
    assert several > 20 and tracker.started < tracker.state.hypotheses.table.next_id - 1


def test_it_is_called_once_for_a_group_which_gives_what_separate_trackers_give():
    own = Remembering()
    group = TrackerGroup(CONFIG, 2, association=own)
    alone = [Tracker(CONFIG, association=Remembering()) for _ in range(2)]
    seen = 0
    for frame in range(40):
        found = {0: seen_in(frame), 1: seen_in(frame + 20)}
        tables = sum(len(each.state.hypotheses.tables) for each in group.trackers)
        together = group.update({index: (rows, None) for index, rows in found.items()})
        assert own.scored.pop() == tables and not own.scored
        for index, rows in found.items():
            separate = alone[index].update(rows)
            for name in (each.name for each in fields(separate)):
                ours, theirs = (getattr(each, name) for each in (together[index], separate))
                np.testing.assert_array_equal(ours, theirs, name)
            seen += len(separate)
    assert seen > 400


def walkers(frames=40):
    """Two people who pass each other at different depths."""
    return [
        np.array([[100 + 3 * t, 100, 160 + 3 * t, 260, 0.9],
                  [500 - 3 * t, 300, 570 - 3 * t, 490, 0.9]])
        for t in range(frames)
    ]  # fmt: skip


def test_it_is_replayed_offline():
    rows = walkers()
    rows[20] = rows[20][1:]
    tracks = track_offline(rows, CONFIG, association=ByDistance())
    assert all(each.ids.tolist() == [1, 2] for each in tracks)
    assert tracks[20].gap.tolist() == [1, 0]


class Similarities(ByDistance):
    match_odds = None


def test_without_log_odds_there_is_one_hypothesis():
    tracker = Tracker(CONFIG, association=Similarities())
    for frame in range(30):
        tracker.update(seen_in(frame))
        assert len(tracker.state.hypotheses.tables) == 1
    tracks = track_offline(walkers(), CONFIG, association=Similarities())
    assert all(each.ids.tolist() == [1, 2] for each in tracks)


def test_what_may_be_omitted_matches_the_likeliest_pairs_and_starts_people():
    class Given(Association):
        """Odds [2, 3] of two tracks and three detections."""

        odds = np.array([[3, 2, -1], [2, 2.5, -0.5]], np.float32)

        def describe(self, table, found, boxes):
            tracks, detections = (np.ones((len(table), len(found))) > 0).nonzero()
            features = np.zeros((0, len(tracks)), np.float32)
            return Candidates(tracks, detections, features, found.scores[None], len(table))

        def score(self, problems):
            people = np.array([1, 1, -1], np.float32)
            return [
                Scores(self.odds.ravel(), people) if len(each.table) else
                Scores(np.zeros(0, np.float32), people[: len(each.found)])
                for each in problems
            ]  # fmt: skip

    tracker = Tracker(TrackerConfig(predictor="still", hypotheses=1), association=Given())
    people = [[0, 0, 10, 20], [50, 0, 60, 20]]
    assert tracker.update(people).ids.tolist() == [1, 2]
    tracks = tracker.update([*people, [90, 0, 99, 20]])
    assert tracks.ids.tolist() == [1, 2] and tracks.det_ind.tolist() == [0, 1]
    tracker.association.odds = -tracker.association.odds
    tracks = tracker.update([*people, [90, 0, 99, 20]])
    # the only odds of a match are those with the third detection; the others are people left alone
    assert tracks.ids.tolist() == [1, 2, 3, 4]
    assert tracks.det_ind.tolist() == [2, -1, 0, 1]


def test_an_association_of_the_old_protocol_is_refused():
    class Callable_:
        memory_size = 0

        def __call__(self, table, found, boxes):
            raise AssertionError

    with pytest.raises(MambatrackError, match="Callable_ has no match_odds; derive it from mamba"):
        Tracker(CONFIG, association=Callable_())
    with pytest.raises(MambatrackError, match="has no match_odds"):
        track_offline(walkers(), CONFIG, association=Callable_())
