"""Boxes of a detector that trembles are steadied, those of one that does not are believed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c_library import needs_library
from mambatrack import Tracker
from mambatrack.detections import as_detections
from mambatrack.errors import MambatrackError
from mambatrack.track_noise import LONG, MOST, no_sums
from mambatrack.track_noise import jitter as jitter_of
from mambatrack.track_table import TrackTable
from mambatrack.tracking.group import TrackerGroup
from mambatrack.tracking.offline import track_offline
from shaken_crowds import SIZE, crowd_of_two_classes

FRAMES = 80


def walkers(frame):
    """Rows [4, 5] of people who walk on in lines apart from each other."""
    place = np.arange(4)
    x, y = 40 + 150 * place + 1.5 * frame, 60 + 12 * place + 0.3 * frame
    return np.column_stack([x, y, x + 40, y + 100, np.full(4, 0.9)])


def jittery(noise, frames=FRAMES, seed=0):
    """The same of a detector whose edges are off by so many pixels, anew in each frame."""
    rng = np.random.default_rng(seed)
    for frame in range(frames):
        yield walkers(frame) + np.pad(rng.normal(0, noise, (4, 4)), [(0, 0), (0, 1)])


def error(results, first=0):
    """Mean distance of edges from where people are, pixels; every result has them in order."""
    off = [tracks.boxes - walkers(tracks.frame)[:, :4] for tracks in results]
    return float(np.abs(off[first:]).mean())


def run(frames, **settings):
    tracker = Tracker(**settings)
    return tracker, [tracker.update(rows) for rows in frames]


def shares(tracker):
    return jitter_of(tracker.state.hypotheses.table.noise).share


def same_tracks(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        for name in ("ids", "boxes", "spread", "state", "velocity"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("predictor", ["mamba-window", "mamba", "kalman"])
def test_boxes_are_nearer_to_the_truth_than_the_detections(predictor):
    _, steady = run(jittery(5), predictor=predictor)
    _, plain = run(jittery(5), predictor=predictor, steady=False)
    assert error(steady, 20) < 0.8 * error(plain, 20)
    assert all(each.ids.tolist() == [1, 2, 3, 4] for each in steady)


def test_a_detector_that_hardly_jitters_is_hardly_steadied():
    _, tracks = run(jittery(0.3))
    for each, rows in zip(tracks, jittery(0.3), strict=True):
        np.testing.assert_allclose(each.boxes, rows[:, :4], atol=1)


def starting(frame):
    """Rows of people who stand for a while, as an unsteady detector sees them, and then run."""
    rng = np.random.default_rng(frame)
    return walkers(8 * max(frame - 100, 0)) + np.pad(rng.normal(0, 2, (4, 4)), [(0, 0), (0, 1)])


def test_who_starts_to_run_is_not_left_behind():
    tracker, _ = run(map(starting, range(100)))
    assert shares(tracker).any()
    for frame in range(100, 130):
        tracks = tracker.update(starting(frame))
        assert tracks.ids.tolist() == [1, 2, 3, 4]
        np.testing.assert_allclose(tracks.boxes, starting(frame)[:, :4], atol=10)


def test_only_so_much_is_taken_off_as_noise_can_be():
    table, found = TrackTable(0), as_detections(walkers(0))
    table.start(found.centred, np.zeros((4, 0), np.float32), found, np.arange(4))
    table.noise[:] = np.array([[100.0], [-4e-2], [1e-2], [2e-2], [1], [1]])
    share, most, _ = jitter_of(table.noise)
    np.testing.assert_allclose(most, 0.02)
    table.predict(found.centred, np.zeros((4, 4)))
    moved = found.centred + np.array([30, 0.5, 0, 0], np.float32)
    off = moved - table.steadied(table.jitter, np.arange(4), moved)
    np.testing.assert_allclose(off[:, 0], 0.02 * 40, rtol=1e-4)
    np.testing.assert_allclose(off[:, 1], share[1] * 0.5, rtol=1e-3)


def test_without_the_setting_boxes_are_those_of_the_detections():
    tracker, tracks = run(jittery(5), steady=False)
    for each, rows in zip(tracks, jittery(5), strict=True):
        np.testing.assert_allclose(each.boxes, rows[:, :4], atol=1e-4)
    assert tracker.state.hypotheses.table.noise is None and "noise" not in tracker.state_dict()


def test_what_is_taken_off_is_the_share_that_is_noise():
    """People who stand, expected where they are: all of their surprise is noise."""
    rng, table = np.random.default_rng(1), TrackTable(0, filtered=False)
    still = walkers(0)
    found = as_detections(still)
    table.start(found.centred, np.zeros((4, 0), np.float32), found, np.arange(4))
    for _ in range(400):
        again = as_detections(still + np.pad(rng.normal(0, 3, (4, 4)), [(0, 0), (0, 1)]))
        table.predict(found.centred, np.zeros((4, 4)))
        shown = table.steadied(table.jitter, np.arange(4), again.centred)
        table.observe(np.arange(4), again.centred, again, np.arange(4), shown)
    np.testing.assert_allclose(jitter_of(table.noise).share, MOST, atol=0.15)


def test_a_track_is_where_it_is_detected_after_a_gap():
    frames = list(jittery(5))
    tracker, _ = run(frames)
    assert shares(tracker).any()
    tracker.update()
    tracks = tracker.update(frames[-1])
    np.testing.assert_allclose(tracks.boxes, frames[-1][:, :4], atol=1e-4)
    assert tracker.state.hypotheses.table["streak"].tolist() == [1] * 4


def test_nothing_is_known_before_tracks_are_long():
    tracker, _ = run(jittery(5, LONG - 1))
    assert not tracker.state.hypotheses.table.noise.any()
    tracker.update(walkers(LONG))
    assert tracker.state.hypotheses.table.noise.any()


@pytest.mark.parametrize("predictor, association", [("kalman", "overlap"), ("mamba", "learned")])
def test_a_frame_in_few_calls_is_steadied_as_step_by_step(predictor, association):
    given = {"predictor": predictor, "association": association}
    fast, tracks = run(jittery(4), **given)
    slow = Tracker(**given)
    slow.by_step = True
    same_tracks(tracks, [slow.update(rows) for rows in jittery(4)])
    assert shares(fast).any()
    for name in ("before", "bends", "streak"):
        ours, theirs = fast.state.hypotheses.table[name], slow.state.hypotheses.table[name]
        np.testing.assert_array_equal(ours, theirs)


def test_cameras_of_a_group_have_the_noise_of_their_own_detectors():
    group = TrackerGroup(None, 2)
    alone = [run(jittery(noise))[1] for noise in (5, 0.3)]
    together = [group.update({0: (a, None), 1: (b, None)}) for a, b in
                zip(jittery(5), jittery(0.3), strict=True)]  # fmt: skip
    for number in (0, 1):
        same_tracks([each[number] for each in together], alone[number])
    first, second = (shares(each) for each in group.trackers)
    assert not np.array_equal(first, second)


@needs_library
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 20))
def test_noise_is_told_in_c_as_in_numpy(seed, noise):
    rng, ours, theirs = np.random.default_rng(seed), TrackTable(0), TrackTable(0)
    theirs._compiled = False
    found = as_detections(walkers(0))
    for table in (ours, theirs):
        table.start(found.centred, np.zeros((4, 0), np.float32), found, np.arange(4))
    for frame in range(40):
        rows = rng.permutation(4)[: 4 - (rng.random() < 0.2)]
        moved = walkers(frame) + np.pad(rng.normal(0, noise, (4, 4)), [(0, 0), (0, 1)])
        moved[:, 2:4] = np.maximum(moved[:, 2:4], moved[:, :2] + 1)
        again, span = as_detections(moved), 1 + (rng.random() < 0.1)
        expected = as_detections(walkers(frame)).centred
        for table in (ours, theirs):
            table.predict(expected, np.zeros((4, 4)), span)
            shown = table.steadied(table.jitter, rows, again.centred[rows])
            table.observe(rows, again.centred[rows], again, rows, shown)
        np.testing.assert_array_equal(ours["boxes"], theirs["boxes"])
    for name in ("before", "bends", "streak"):
        np.testing.assert_array_equal(ours[name], theirs[name])
    np.testing.assert_array_equal(ours.noise, theirs.noise)


def test_a_state_goes_on_with_what_it_knew():
    frames = list(crowd_of_two_classes(3, 60, np.random.default_rng(0), (0.04,)))
    first = Tracker(image_size=SIZE)
    for rows, time_s in frames[:40]:
        first.update(rows, time_s)
    state = first.state_dict()
    assert shares(first).any()
    second = Tracker(image_size=SIZE)
    second.load_state_dict(state)
    same_tracks(
        [first.update(*each) for each in frames[40:]],
        [second.update(*each) for each in frames[40:]],
    )


def test_a_state_from_before_noise_was_known_is_taken():
    tracker, _ = run(jittery(5, 30))
    state = tracker.state_dict()
    older = {
        name: each for name, each in state.items()
        if name != "noise" and name.split(".")[-1] not in ("before", "bends", "streak")
    }  # fmt: skip
    resumed = Tracker()
    resumed.load_state_dict(older)
    assert resumed.update(walkers(30)).ids.tolist() == [1, 2, 3, 4]
    assert resumed.state.hypotheses.table["streak"].tolist() == [1] * 4


@pytest.mark.parametrize(
    "noise, said",
    [
        (np.ones((1, 3, 4)), "with noise"),
        (np.ones((1, 4, 4), np.float32), "with noise"),
        (-np.ones((1, 4, 4)), "noise counts -1, not from 0"),
        (np.array([[[1.0] * 4, [9.0] * 4, [0.0] * 4, [1.0] * 4]]), "noise products 9, not from"),
        (np.full((1, 4, 4), np.nan), "noise counts nan"),
    ],
)
def test_noise_that_cannot_be_is_refused(noise, said):
    tracker, _ = run(jittery(5, 30))
    with pytest.raises(MambatrackError, match=said):
        Tracker().load_state_dict({**tracker.state_dict(), "noise": noise})


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=needs_library)])
def test_predictions_without_a_size_leave_finite_sums(compiled):
    table, found = TrackTable(0), as_detections(walkers(0))
    table._compiled = compiled
    table.start(found.centred, np.zeros((4, 0), np.float32), found, np.arange(4))
    for _ in range(8):
        table.predict(found.centred * np.array([1, 1, 0, 0], np.float32), np.zeros((4, 4)))
        table.observe(np.arange(4), found.centred, found, np.arange(4))
    assert np.isfinite(table.noise).all() and table.noise[0].all()


def test_sums_that_tell_of_nothing_take_nothing_off():
    assert jitter_of(no_sums()).share.tolist() == [0.0] * 4


def test_offline_boxes_are_steadied():
    offline = track_offline(list(jittery(5)))
    assert error(offline, 20) < 0.7 * error(run(jittery(5), steady=False)[1], 20)


def test_a_camera_that_moves_carries_the_box_before():
    table, found = TrackTable(0), as_detections(walkers(0))
    table.start(found.centred, np.zeros((4, 0), np.float32), found, np.arange(4))
    shift = np.array([[1, 0, 7], [0, 1, -3], [0, 0, 1]])
    table.move(shift)
    np.testing.assert_allclose(table["before"][:, :2] - found.centred[:, :2], [[7, -3]] * 4)
