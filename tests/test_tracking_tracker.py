import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counted_predictors import Quarter
from mambatrack import Config, MambatrackError, Tracker, TrackState, load_config
from mambatrack.config import TrackerConfig
from mambatrack.motion.classical import KalmanPredictor
from mambatrack.motion.window_predictor import WindowPredictor
from mambatrack.simulation.world import simulate


def tracker(**settings_):
    """By overlap of boxes, where it is known what a gate does, unless ``association`` is given."""
    overrides = {
        "tracker.predictor": "kalman", "tracker.association": "overlap", "tracker.max_age": 30,
    }  # fmt: skip
    overrides |= {f"tracker.{key}": value for key, value in settings_.items()}
    return Tracker(load_config(None, overrides), image_size=(960, 540))


def walker(x, score=0.9, label=0):
    return [x, 100.0, x + 40, 220.0, score, label]


def world(frames=120, seed=3):
    return [next_.detections for next_, _ in zip(simulate(seed=seed), range(frames), strict=False)]


def equal(a, b):
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in (
            "boxes",
            "ids",
            "scores",
            "labels",
            "state",
            "gap",
            "spread",
            "det_ind",
            "ended",
        )
    )


@pytest.fixture(
    params=[("kalman", "overlap"), ("mamba", "overlap"), ("still", "overlap"), ("mamba", "learned")]
)
def any_tracker(request):
    predictor, association = request.param
    return tracker(predictor=predictor, association=association)


def test_a_walker_keeps_the_id_and_the_detected_box(any_tracker):
    for step in range(20):
        tracks = any_tracker.update([walker(3.0 * step)], time_s=step / 25)
        assert tracks.ids.tolist() == [1] and tracks.observed.all()
        np.testing.assert_array_equal(tracks.boxes, np.array([walker(3.0 * step)[:4]], np.float32))
        assert tracks.det_ind.tolist() == [0] and tracks.frame == step
        assert tracks.time_s == step / 25 and (tracks.spread == 0).all()


def test_a_hidden_walker_is_predicted_found_again_and_finally_ended(any_tracker):
    for step in range(20):
        any_tracker.update([walker(3.0 * step)])
    for gap in range(1, 6):
        tracks = any_tracker.update()
        assert tracks.predicted.all() and tracks.gap.tolist() == [gap]
        assert tracks.det_ind.tolist() == [-1]
        if any_tracker.config.predictor != "still":
            assert (tracks.spread > 0).all()
    tracks = any_tracker.update([walker(3.0 * 25)])
    assert tracks.ids.tolist() == [1] and tracks.gap.tolist() == [0] and tracks.observed.all()
    for _ in range(30):
        tracks = any_tracker.update(None)
        assert tracks.ids.tolist() == [1] and len(tracks.ended) == 0
    tracks = any_tracker.update([])
    assert len(tracks) == 0 and tracks.ended.tolist() == [1]
    assert any_tracker.update([walker(0)]).ids.tolist() == [2]


def test_tentative_tracks_are_confirmed_or_forgotten():
    tracked = tracker(min_hits=3)
    states = [int(tracked.update([walker(x)]).state[0]) for x in (0, 2, 4, 6)]
    assert states == [TrackState.TENTATIVE] * 2 + [TrackState.OBSERVED] * 2
    tracked.update([walker(8), walker(500)])
    tracks = tracked.update([walker(10)])
    assert tracks.ids.tolist() == [1] and tracks.ended.tolist() == [2]
    assert int(tracked.update().state[0]) == TrackState.PREDICTED
    assert int(tracked.update([walker(14)]).state[0]) == TrackState.OBSERVED


def test_two_trackers_in_turn_equal_one_after_the_other():
    frames, others = world(), world(seed=4)
    first, second, alone = (tracker(predictor="mamba", association="learned") for _ in range(3))
    mixed = [(first.update(a), second.update(b)) for a, b in zip(frames, others, strict=True)]
    for (seen, _), found in zip(mixed, frames, strict=True):
        assert equal(seen, alone.update(found))
    alone.reset()
    for (_, seen), found in zip(mixed, others, strict=True):
        assert equal(seen, alone.update(found))


def test_reset_starts_at_frame_0_and_id_1():
    tracked = tracker()
    tracked.update([walker(0)])
    tracked.reset()
    tracks = tracked.update([walker(500)])
    assert tracks.frame == 0 and tracks.ids.tolist() == [1] and len(tracks) == 1


@pytest.mark.parametrize(
    ("predictor", "association"),
    [("kalman", "overlap"), ("mamba", "overlap"), ("mamba", "learned")],
)
def test_permuting_detections_does_not_change_the_tracks(predictor, association):
    rng = np.random.default_rng(0)
    straight, shuffled = (tracker(predictor=predictor, association=association) for _ in range(2))
    for found in world():
        order = rng.permutation(len(found))
        a, b = straight.update(found), shuffled.update(found.select(order))
        key = np.lexsort(a.boxes.T), np.lexsort(b.boxes.T)
        np.testing.assert_allclose(a.boxes[key[0]], b.boxes[key[1]], atol=1e-3)
        np.testing.assert_array_equal(a.gap[key[0]], b.gap[key[1]])


def test_ids_are_unique_ascending_and_never_reused():
    tracked, gone = tracker(), set()
    for found in world(200):
        tracks = tracked.update(found)
        assert (np.diff(tracks.ids) > 0).all()
        assert not gone & set(tracks.ids.tolist())
        gone |= set(tracks.ended.tolist())
    assert gone


def test_det_ind_points_at_the_callers_rows():
    rows = [walker(float("nan")), walker(50), walker(50), walker(-500), walker(300)]
    with pytest.warns(UserWarning, match="dropped 3 unusable detections"):
        tracked = tracker()
        tracks = tracked.update(rows)
    assert tracks.det_ind.tolist() == [1, 4] and tracked.dropped == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tracked.update(rows)
    assert tracked.dropped == 6


wild = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, width=32), st.floats(-2000, 2000), st.just(0.0)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    frames=st.lists(
        st.lists(st.tuples(wild, wild, wild, wild, wild), max_size=5), min_size=1, max_size=8
    )
)
def test_wild_detections_never_crash_or_give_nan(frames):
    tracked = Tracker(load_config(None, {"tracker.predictor": "kalman"}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for rows in frames:
            tracks = tracked.update(rows)
            assert np.isfinite(tracks.to_array()).all() and np.isfinite(tracks.spread).all()
            assert (tracks.boxes[:, 2:] >= tracks.boxes[:, :2]).all()


@pytest.mark.parametrize("nothing", [None, [], np.zeros((0,)), np.zeros((0, 4)), np.zeros((0, 6))])
def test_nothing_in_all_its_forms(nothing):
    tracks = tracker().update(nothing)
    assert len(tracks) == 0 and tracks.to_array().shape == (0, 8)


def test_the_callers_array_and_earlier_results_stay_as_they_were():
    rows = np.array([walker(0.0)])
    before = rows.copy()
    tracked = tracker()
    first = tracked.update(rows)
    kept = first.boxes.copy()
    tracked.update([walker(9.0)])
    np.testing.assert_array_equal(rows, before)
    np.testing.assert_array_equal(first.boxes, kept)
    with pytest.raises(ValueError, match="read-only"):
        first.boxes[0] = 0


def test_many_objects_grow_the_table():
    corners = np.stack(np.meshgrid(np.arange(0, 900, 30.0), np.arange(0, 500, 50.0)), -1)
    rows = np.concatenate([corners.reshape(-1, 2), corners.reshape(-1, 2) + 20], 1)
    tracked = tracker()
    tracked.update(rows)
    tracks = tracked.update(rows)
    assert tracks.ids.tolist() == list(range(1, len(rows) + 1)) and tracks.observed.all()


def test_wrong_arguments_are_explained():
    with pytest.raises(MambatrackError, match="expected \\(width, height\\)"):
        Tracker(Config(), image_size=(0, 10))
    with pytest.raises(MambatrackError, match="shape \\(2, 3\\)"):
        tracker().update(np.zeros((2, 3)))


def test_a_predictor_of_ones_own():
    class Jump(KalmanPredictor):
        def predict(self, state):
            boxes, spread = super().predict(state)
            return boxes + [[100, 0, 0, 0]], spread

    tracked = Tracker(predictor=Jump())
    tracked.update([walker(0)])
    assert tracked.update([walker(100)]).ids.tolist() == [1]


def test_the_size_of_the_picture_is_told_to_a_predictor_that_measures_in_pictures():
    predictor = WindowPredictor(Quarter(), 3, "image", [[0.1] * 4], (250, 250))
    tracked = Tracker(TrackerConfig(association="overlap"), (250, 250), predictor)
    tracked.update([[100, 100, 120, 140]])
    tracked.image_size = (500, 1000)
    assert predictor.image_size == (500, 1000)
    x, y = 0.5, 1
    moved = np.array([x / 2, y / 2, 1.5 * x, 1.5 * y])
    np.testing.assert_allclose(tracked.update().boxes[0] - [100, 100, 120, 140], moved, atol=1e-4)
    with pytest.raises(MambatrackError, match="expected \\(width, height\\)"):
        tracked.image_size = (0, 3)
    assert tracked.image_size == (500, 1000)


def test_a_track_that_ends_takes_nothing_of_the_others_with_it():
    tracked = tracker(max_age=1)
    rows = [walker(150.0 * index, 0.7 + 0.05 * index, index) for index in range(5)]
    tracked.update(rows)
    before = {
        name: tracked.state.hypotheses.table[name].copy() for name in ("motion", "labels", "scores")
    }
    for _ in range(2):
        tracks = tracked.update([rows[index] for index in (0, 2, 4)])
    assert tracks.ended.tolist() == [2, 4] and tracks.ids.tolist() == [1, 3, 5]
    assert tracks.labels.tolist() == [0, 2, 4] and tracks.det_ind.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(tracks.scores, before["scores"][[0, 2, 4]])
    # position and velocity of walkers who stand still
    np.testing.assert_allclose(
        tracked.state.hypotheses.table["motion"][:, :8], before["motion"][[0, 2, 4], :8], atol=1e-4
    )
    assert (tracked.state.hypotheses.table["hits"] == 3).all()


def test_memory_of_the_table_does_not_grow_with_time():
    tracked = tracker()
    for found in world(300):
        tracked.update(found)
    capacity = tracked.state.hypotheses.table._columns.capacity
    for found in world(300, seed=9):
        tracked.update(found)
    assert tracked.state.hypotheses.table._columns.capacity == capacity == 64


def test_settings_are_keywords_over_those_of_a_configuration():
    assert Tracker(max_age=30).config == TrackerConfig(max_age=30)
    config = load_config(overrides={"tracker.max_age": 50, "tracker.predictor": "kalman"})
    tracker = Tracker(config, min_hits=3, association="overlap")
    expected = TrackerConfig(
        predictor="kalman", max_age=50, motion_max_age=50, min_hits=3, association="overlap"
    )
    assert tracker.config == expected
    assert Tracker(predictor="still").config == TrackerConfig(predictor="still")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"max_agee": 30}, "unknown setting 'tracker.max_agee'; did you mean 'tracker.max_age'"),
        ({"max_age": 0}, r"tracker.max_age: 0 is not allowed \(1 to 100000\)"),
        ({"max_age": "long"}, "tracker.max_age: expected int, found 'long'"),
        ({"predictor": "kalmann"}, "tracker.predictor: 'kalmann' is not allowed"),
        ({"config": "kalman"}, r"are 'kalman'; expected .* TrackerConfig\(predictor="),
        ({"config": {"max_age": 3}}, "expected a Config or TrackerConfig"),
    ],
)
def test_settings_that_cannot_be_say_what_can(wrong, said):
    with pytest.raises(MambatrackError, match=said):
        Tracker(**wrong)
