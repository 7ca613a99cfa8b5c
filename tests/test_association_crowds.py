"""Crowds of thousands: the same pairs, neighbours and matches as of small ones, and what is refused
is refused before a tracker moves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mambatrack import Config, MambatrackError, Tracker, TrackState
from mambatrack.association import crowds, features, pairs
from mambatrack.association.crowds import MOST_BOXES, MOST_CELLS, TILE, check_table, clusters, tiles
from mambatrack.config import TrackerConfig


def spread(count, apart, seed=0):
    """Boxes [4, N] xyxy of about 40 pixels, ``apart`` times that from each other."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 40 * apart * count**0.5, (2, count))
    return np.concatenate([low, low + rng.uniform(20, 60, (2, count))]).astype(np.float32)


def heap(count, size=40.0):
    """Boxes [4, N] that all overlap."""
    rng = np.random.default_rng(1)
    low = rng.uniform(0, size / 4, (2, count)) + 900
    return np.concatenate([low, low + size]).astype(np.float32)


CROWDS = {
    "spread": lambda: spread(3 * TILE, 1.0),
    "in a row": lambda: spread(3 * TILE, 1.0) * np.array([[50], [0.01], [50], [0.01]], "f4"),
    "dense": lambda: spread(2 * TILE, 0.3),
    "with a heap": lambda: np.concatenate([spread(3 * TILE, 2.0), heap(300)], axis=1),
    "half in one place": lambda: np.concatenate([heap(700), spread(700, 3.0)], axis=1),
}


@pytest.fixture(params=CROWDS)
def crowd(request):
    return CROWDS[request.param]()


def whole(monkeypatch):
    """Everything at once, as small crowds are."""
    for module in (crowds, features, pairs):
        monkeypatch.setattr(module, "TILE", 10**9)


def test_tiles_hold_each_box_once_and_all_that_it_overlaps(crowd):
    seen = np.zeros(crowd.shape[1], int)
    rows, columns = pairs.sweep(crowd, crowd)
    tile = np.full(crowd.shape[1], -1)
    held = []
    for own, near in tiles(crowd, crowd):
        seen[own] += 1
        tile[own] = len(held)
        held.append(set(near.tolist()))
    assert np.all(seen == 1)
    for row, column in zip(rows.tolist()[::7], columns.tolist()[::7], strict=True):
        assert column in held[tile[row]]


def test_pairs_and_neighbours_are_those_of_the_whole_crowd(crowd, monkeypatch):
    found = set(zip(*(each.tolist() for each in pairs.sweep(crowd, crowd)), strict=True))
    most, which = features.neighbours(crowd)
    whole(monkeypatch)
    rows, columns = pairs.sweep(crowd, crowd)
    assert found == set(zip(rows.tolist(), columns.tolist(), strict=True))
    assert len(found) == len(rows)
    for got, want in zip((most, which), features.neighbours(crowd), strict=True):
        np.testing.assert_array_equal(got, want)


def test_matches_cluster_by_cluster_are_the_best_of_all(monkeypatch):
    first = spread(2 * TILE, 0.7)
    later = first + np.random.default_rng(2).normal(0, 6, first.shape).astype("f4")
    given = pairs.candidates(first.T, later.T)
    parts = pairs.best(given)
    whole(monkeypatch)
    together = pairs.best(given)
    assert given.similarities[parts].sum() == pytest.approx(given.similarities[together].sum())
    for side in (given.tracks, given.detections):
        assert len(set(side[parts].tolist())) == len(parts)


def test_clusters_share_nothing():
    rows, columns = np.array([0, 1, 2, 2, 4, 3]), np.array([0, 1, 1, 2, 3, 5])
    groups = [sorted(group.tolist()) for group in clusters(rows, columns)]
    assert sorted(groups) == [[0], [1, 2, 3], [4], [5]]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=80))
def test_clusters_are_the_connected_components(drawn):
    rows, columns = np.array(drawn).T
    shape = (100, 100)
    graph = coo_array((np.ones(len(rows), bool), (rows, columns + 50)), shape=shape)
    expected = connected_components(graph, directed=False)[1][rows]
    found = clusters(rows, columns)
    assert sorted(np.concatenate(found).tolist()) == list(range(len(rows)))
    components = [set(expected[group].tolist()) for group in found]
    assert all(len(each) == 1 for each in components)
    assert len(set.union(*components)) == len(found)


def rows_of(boxes):
    return np.concatenate([boxes.T, np.full((boxes.shape[1], 1), 0.9)], axis=1)


@pytest.mark.parametrize(
    ("boxes", "said"),
    [
        (spread(MOST_BOXES + 1, 2.0), "50001 detections in one frame, of which at most 50000"),
        (heap(1500), "more than 1000000 pairs of boxes overlap"),
        (heap(20_000), "more than 1000000 pairs of boxes overlap"),
    ],
)
def test_too_many_are_refused_and_the_tracker_goes_on(boxes, said):
    tracker = Tracker(Config(tracker=TrackerConfig(predictor="kalman", min_hits=1)))
    one = [[10, 10, 50, 90, 0.9]]
    before = tracker.update(one)
    with pytest.raises(MambatrackError, match=said):
        tracker.update(rows_of(boxes))
    after = tracker.update(one)
    assert tracker.frame == 2 and after.ids.tolist() == before.ids.tolist()


def test_thousands_are_tracked():
    boxes = rows_of(spread(3000, 3.0))
    tracker = Tracker(Config(tracker=TrackerConfig(predictor="kalman", min_hits=1)))
    first, second = tracker.update(boxes), tracker.update(boxes + [2, 0, 2, 0, 0])
    assert len(first) == len(second) == 3000
    assert np.all(second.state == TrackState.OBSERVED) and set(first.ids) == set(second.ids)


def test_a_cluster_of_too_many_is_refused():
    check_table(1, MOST_CELLS)
    with pytest.raises(MambatrackError, match="5001 tracks and 5000 detections overlap in one"):
        check_table(5001, 5000)
