"""A Kalman filter beside the motion model: where a detector jitters it shares in predictions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c_library import needs_library
from mambatrack import Tracker
from mambatrack.box_filter import BoxFilter
from mambatrack.detections import as_detections
from mambatrack.motion.classical import KalmanPredictor
from mambatrack.track_noise import Jitter, jitter
from mambatrack.track_table import TrackTable
from shaken_crowds import SIZE, crowd_of_two_classes

PEOPLE = np.array([[40, 60, 80, 160, 0.9], [240, 60, 290, 190, 0.8]])
BY = Jitter(np.zeros(4), np.zeros(4), 0.25)


def table_of_two(compiled=True, **settings):
    table, found = TrackTable(0, **settings), as_detections(PEOPLE)
    table._compiled = table._compiled and compiled
    table.start(found.centred, np.zeros((2, 0), np.float32), found, np.arange(2))
    return table, found


def sums(noise, share=0.5, alone=1, beside=1):
    """[6, 4] of a stream with so much noise, in box sizes, which is such a share of what surprises;
    and the surprises of the motion model and of the filter."""
    count, noise = 1e6, noise**2
    products = -4 * noise, noise, noise / share
    return np.stack([
        np.full(4, each) for each in (count, *[count * each for each in products], alone, beside)
    ])  # fmt: skip


def test_a_prediction_lies_between_the_model_and_the_filter():
    table, found = table_of_two()
    expected = found.centred + np.array([10, 0, 0, 0], np.float32)
    still, wide = BoxFilter().predict(BoxFilter().start(found.centred))
    table.predict(expected, np.ones((2, 4), np.float32), 1, BY)
    np.testing.assert_array_equal(table["unfiltered"], expected)
    np.testing.assert_allclose(table["boxes"], expected + 0.25 * (still - expected), rtol=1e-6)
    np.testing.assert_allclose(table["spread"], 0.75 + 0.25 * wide, rtol=1e-6)


def test_the_filter_goes_as_many_frames_on_as_the_table():
    table, found = table_of_two()
    state = BoxFilter().start(found.centred)
    for _ in range(3):
        BoxFilter().predict(state)
    table.predict(found.centred, np.zeros((2, 4), np.float32), 3)
    np.testing.assert_array_equal(table["filter"], state)


@pytest.mark.parametrize(
    ("noise", "share", "alone", "beside", "filtered", "steadied"),
    [
        (0.06, 0.4, 1, 1, 1, True), (0.04, 0.4, 1, 1, 0.5, True), (0.06, 0.2, 1, 1, 0.5, True),
        (0.02, 0.4, 1, 1, 0, True), (0.06, 0.1, 1, 1, 0, False), (0.06, 0.4, 0.7, 1, 0, False),
        (0.06, 0.4, 0, 0, 0, False), (0.06, 0.4, 0.825, 1, 0.5, True),
    ],
)  # fmt: skip
def test_noise_counts_where_the_filter_is_as_good(noise, share, alone, beside, filtered, steadied):
    by = jitter(sums(noise, share, alone, beside))
    np.testing.assert_allclose(by.filtered, filtered, atol=1e-3)
    assert by.share.all() == by.share.any() == steadied


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=needs_library)])
def test_a_track_that_starts_has_a_filter_that_was_not_yet_corrected(compiled):
    table, found = table_of_two(compiled)
    np.testing.assert_array_equal(table["filter"], BoxFilter().start(found.centred))
    state = BoxFilter().start(found.centred)
    BoxFilter().predict(state)
    BoxFilter().correct(state, np.arange(2), found.centred)
    table.predict(found.centred, np.zeros((2, 4), np.float32))
    table.observe(np.arange(2), found.centred, found, np.arange(2))
    np.testing.assert_array_equal(table["filter"], state)


def test_a_camera_that_moves_carries_the_filter():
    table, found = table_of_two()
    table.move(np.array([[1, 0, 7], [0, 1, -3], [0, 0, 1]]))
    for name in ("filter", "unfiltered"):
        np.testing.assert_allclose(table[name][:, :2] - found.centred[:, :2], [[7, -3]] * 2)


def test_where_the_picture_is_another_one_the_filter_stands():
    table, found = table_of_two()
    table["filter"][:, 4:8] = 3
    table.halt()
    np.testing.assert_array_equal(table["filter"], BoxFilter().start(found.centred))


def test_a_filter_has_none_beside_it():
    tracker = Tracker(predictor="kalman")
    tracker.update(PEOPLE)
    assert isinstance(tracker.predictor, KalmanPredictor)
    assert "filter" not in tracker.state.hypotheses.table
    assert "filter" not in table_of_two(steady=False)[0]


def shaken(frames=90):
    return list(crowd_of_two_classes(3, frames, np.random.default_rng(0), (0.06,)))


@needs_library
@pytest.mark.parametrize("kind", ["mamba-window", "mamba"])
def test_tables_are_filtered_in_c_as_in_numpy(kind):
    predictor = Tracker(predictor=kind).predictor
    rng, found = np.random.default_rng(0), as_detections(PEOPLE)
    ours = TrackTable(predictor.state_size)
    ours.start(found.centred, predictor.start(found.centred), found, np.arange(2))
    for span in (1, 2, 1, 3, 1, 1, 1):
        ours.noise[:] = sums(0.03 + 0.01 * rng.random())
        theirs = ours.copy()
        predictor.predict_tables([(ours, span, False), (ours.copy(), span, True)])
        for _ in range(span):
            boxes, spread = predictor.predict(theirs["motion"])
        theirs.predict(boxes, spread, span)
        for name in ("boxes", "spread", "filter", "unfiltered", "motion", "gap"):
            np.testing.assert_array_equal(ours[name], theirs[name], name)
        moved = found.centred + rng.normal(0, 4, (2, 4)).astype(np.float32)
        predictor.correct(ours["motion"], np.arange(2), moved)
        ours.observe(np.arange(2), moved, found, np.arange(2))
    assert not np.array_equal(theirs["boxes"], theirs["unfiltered"])


@needs_library
@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(["mamba-window", "mamba"]))
def test_whole_frames_in_c_filter_as_step_by_step(seed, predictor):
    ours, theirs = (Tracker(image_size=SIZE, predictor=predictor) for _ in range(2))
    theirs.by_step = True
    for tracker in (ours, theirs):
        tracker.state.hypotheses.table.noise[:] = sums(0.04)
    for rows, time_s in crowd_of_two_classes(3, 60, np.random.default_rng(seed), (0.06,)):
        one, other = (each.update(rows, time_s) for each in (ours, theirs))
        for name in ("ids", "boxes", "spread"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        tables = [each.state.hypotheses.table for each in (ours, theirs)]
        for name in ("filter", "unfiltered"):
            np.testing.assert_array_equal(*[table[name] for table in tables])
        np.testing.assert_array_equal(*[table.noise for table in tables])
    assert 0 < tables[0].jitter.filtered < 1


def test_a_state_from_before_there_was_a_filter_is_taken():
    frames = shaken()
    tracker, resumed = Tracker(image_size=SIZE), Tracker(image_size=SIZE)
    for rows, time_s in frames[:60]:
        tracker.update(rows, time_s)
    state = tracker.state_dict()
    older = {
        name: each for name, each in state.items()
        if name.split(".")[-1] not in ("filter", "unfiltered")
    }  # fmt: skip
    resumed.load_state_dict({**older, "noise": state["noise"][:, :4]})
    table = resumed.state.hypotheses.table
    np.testing.assert_array_equal(table["filter"], BoxFilter().start(table["boxes"]))
    np.testing.assert_array_equal(table.noise[:4], tracker.state.hypotheses.table.noise[:4])
    assert resumed.update(*frames[60]).ids.tolist() == tracker.update(*frames[60]).ids.tolist()


def test_a_state_goes_to_a_tracker_without_a_filter_and_back():
    frames = shaken()
    tracker = Tracker(image_size=SIZE)
    for rows, time_s in frames[:60]:
        ids = tracker.update(rows, time_s).ids.tolist()
    plain, again = Tracker(image_size=SIZE, steady=False), Tracker(image_size=SIZE)
    plain.load_state_dict(tracker.state_dict())
    again.load_state_dict(plain.state_dict())
    for other in (plain, again):
        assert set(ids) & set(other.update(*frames[60]).ids.tolist())
    assert "filter" in again.state.hypotheses.table


def test_a_damaged_filter_is_refused():
    tracker = Tracker()
    tracker.update(PEOPLE)
    state = tracker.state_dict()
    state["tracks.filter"] = -state["tracks.filter"]
    with pytest.raises(Exception, match="this state does not fit"):
        Tracker().load_state_dict(state)
