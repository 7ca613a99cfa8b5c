"""Tracks cut where it is not sure who goes on."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.association.alternatives import ALONE_LOG_ODDS, surety
from mambatrack.config import TrackerConfig, load_config
from mambatrack.errors import MambatrackError
from mambatrack.simulation.world import make_world
from mambatrack.tracking.group import TrackerGroup
from mambatrack.tracking.offline import track_offline
from mambatrack.tracking.state_file import pack, unpack
from mambatrack.tracking.tracker import Tracker
from test_association_alternatives import candidates
from test_tracking_group import assert_equal

SIZE = 320, 240
WORLD = make_world(seed=3, people=8, frames=60, size=SIZE)
FRAMES = [WORLD.detections(frame) for frame in range(60)]
STEPS = (0.0, 0.2, 0.6, 1.0)
KINDS = ("learned", "overlap")


def tracked(caution, association="learned", frames=FRAMES):
    tracker = Tracker(image_size=SIZE, association=association, caution=caution)
    return tracker, [tracker.update(each) for each in frames]


def ids_of(results):
    """The id of every detection by (frame, row), where a track has it."""
    return {
        (number, int(row)): int(identity)
        for number, tracks in enumerate(results)
        for identity, row in zip(tracks.ids, tracks.det_ind, strict=True)
        if row >= 0
    }


def assert_refined(coarse, fine):
    """Every track of ``fine`` lies in one of ``coarse``, and the same detections are on tracks."""
    assert coarse.keys() == fine.keys()
    within = {}
    for place, identity in fine.items():
        assert within.setdefault(identity, coarse[place]) == coarse[place]


@pytest.mark.parametrize("association", KINDS)
def test_a_larger_caution_cuts_tracks_and_changes_nothing_else(association):
    runs = [ids_of(tracked(caution, association)[1]) for caution in STEPS]
    for coarse, fine in pairwise(runs):
        assert_refined(coarse, fine)
    counts = [len(set(each.values())) for each in runs]
    assert counts[0] < counts[-1] and counts == sorted(counts)


@pytest.mark.parametrize("association", KINDS)
def test_ids_are_put_out_as_without_cuts(association):
    """Ascending, never again once they ended, counted, with an age that grows."""
    tracker, results = tracked(1.0, association)
    over, every, ages = set(), set(), {}
    for tracks in results:
        ids = tracks.ids.tolist()
        assert ids == sorted(set(ids)) and not over & set(ids)
        for identity, age in zip(ids, tracks.age.tolist(), strict=True):
            assert age == ages.get(identity, age - 1) + 1 and age <= tracks.frame
            ages[identity] = age
        assert not over & set(tracks.ended.tolist())
        over |= set(tracks.ended.tolist())
        every |= set(ids)
    assert over == every - set(results[-1].ids.tolist())
    assert tracker.started == len(every) and max(every) < tracker.state.hypotheses.table.next_id
    assert tracker.forecast(3).ids.tolist() == results[-1].ids.tolist()


def test_a_group_cuts_as_trackers_do():
    config = TrackerConfig(caution=0.6)
    group, alone = TrackerGroup(config, 1), Tracker(config, SIZE)
    group.resize(0, SIZE)
    for rows in FRAMES:
        assert_equal(group.update({0: (rows, None)})[0], alone.update(rows))
    assert alone.state.ids.renamed


@settings(max_examples=5, deadline=None)
@given(st.integers(1, 55))
def test_a_tracker_goes_on_from_a_state_with_cuts(frame):
    whole, _ = tracked(1.0, frames=FRAMES[:frame])
    resumed = Tracker(image_size=SIZE, caution=1.0)
    resumed.load_state_dict(unpack(pack({"a": whole.state_dict()}))["a"])
    for rows in FRAMES[frame:]:
        assert_equal(resumed.update(rows), whole.update(rows))


@pytest.mark.parametrize(
    "change",
    [
        lambda cuts: cuts.astype(float),
        lambda cuts: cuts[:, :2],
        lambda cuts: cuts + [1000, 1000, 0],
        lambda cuts: np.concatenate([cuts, cuts]),
        lambda cuts: cuts * [1, 0, 1],
        lambda cuts: cuts + [0, 10**6, 0],
        lambda cuts: cuts - [0, 0, 10**6],
    ],
    ids=["type", "shape", "no such track", "twice", "id too low", "id too high", "age"],
)
def test_damaged_cuts_are_refused(change):
    tracker, _ = tracked(1.0)
    state = tracker.state_dict()
    assert len(state["cuts"])
    with pytest.raises(MambatrackError, match="with cuts"):
        Tracker(caution=1.0).load_state_dict({**state, "cuts": change(state["cuts"])})


def test_offline_tracks_are_cut_too():
    runs = [
        ids_of(track_offline(FRAMES[:25], TrackerConfig(caution=caution), SIZE))
        for caution in (0.0, 0.6, 1.0)
    ]
    for coarse, fine in pairwise(runs):
        assert_refined(coarse, fine)
    assert len(set(runs[0].values())) < len(set(runs[-1].values()))


def test_how_sure_a_match_is():
    alone = np.array([[3.0]], np.float32)
    swap = np.array([[5.0, 4.0], [3.0, 4.5]], np.float32)  # 9.5 against 7
    takes = np.array([[6.0, np.nan], [4.0, np.nan]], np.float32)  # the second track is free
    for odds, chosen, expected in (
        (alone, [0], [3.0]),
        (swap, [0, 3], [2.5 + ALONE_LOG_ODDS] * 2),
        (takes, [0], [2.0 + ALONE_LOG_ODDS]),
    ):
        pairs = candidates(odds)
        of_pairs = odds[pairs.tracks, pairs.detections]
        np.testing.assert_allclose(surety(pairs, of_pairs, np.array(chosen)), expected)


def test_below_zero_fewer_tracks_start_near_others():
    worlds = [make_world(seed=seed, people=8, frames=60, size=SIZE) for seed in (4, 8)]
    counts = [
        sum(
            len(set(ids_of(tracked(caution, frames=map(world.detections, range(60)))[1]).values()))
            for world in worlds
        )
        for caution in (0.0, -0.5, -1.0)
    ]
    assert counts[0] >= counts[1] > counts[2]


@pytest.mark.parametrize(("caution", "tracks"), [(0.0, 2), (-1.0, 1)])
def test_by_overlap_too(caution, tracks):
    one, near = [40, 40, 80, 140, 0.9], [58, 44, 98, 144, 0.8]  # IoU .36
    _, results = tracked(caution, "overlap", [[one]] * 5 + [[one, near]] * 5)
    assert len(results[-1]) == tracks


def test_the_range_is_told():
    with pytest.raises(
        MambatrackError, match=r"tracker\.caution: 2.0 is not allowed \(-1.0 to 1.0\)"
    ):
        load_config(overrides={"tracker.caution": "2"})
