"""States that a tracker refuses: of other trackers, and with what no tracker can have kept."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import MambatrackError
from test_tracking_state_file import FRAMES, after, assert_same_state, run, tracker


def assert_refused(tracked, state, reason):
    before = tracked.state_dict()
    with pytest.raises(MambatrackError, match=reason):
        tracked.load_state_dict(state)
    assert_same_state(before, tracked.state_dict())


def test_states_of_other_trackers_are_refused():
    state = after().state_dict()
    assert_refused(
        after(20, predictor="mamba"), state, "of predictor 'KalmanPredictor', not 'CausalPre"
    )
    assert_refused(after(20, predictor="still"), state, "of predictor")
    assert_refused(
        after(20, association="learned"), state, "of association 'OverlapAssociation', not"
    )
    assert_refused(after(20), {**state, "version": 1}, "of version 1, not 2")
    assert_refused(after(20), {**state, "predictor_sha256": "0" * 64}, "of predictor_sha256")
    assert_refused(after(20), {}, "of version None")
    assert_refused(after(20), [1, 2], "of type list")


def test_c_and_torch_do_not_exchange_what_they_carry(monkeypatch):
    inside = after(5, predictor="mamba")
    monkeypatch.setenv("MAMBATRACK_BACKEND", "torch")
    outside = tracker("mamba")
    if outside.state_dict()["predictor"] == inside.state_dict()["predictor"]:
        pytest.skip("the C library is not there")
    assert_refused(
        outside, inside.state_dict(), "of predictor 'CausalPredictor/CausalNetwork', not"
    )


def changed(name, index, value):
    def change(state):
        array = state[f"tracks.{name}"].copy()
        array[index] = value
        return {**state, f"tracks.{name}": array}

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (changed("motion", (0, 3), np.nan), "not finite"),
        (changed("boxes", (1, 0), np.inf), "not finite"),
        (changed("boxes", (1, 2), 0), "sizes of boxes 0, not from"),
        (changed("ids", 1, 1), "not ascending"),
        (changed("ids", 0, 0), "not ascending"),
        (changed("ids", -1, 10_000), "not ascending from 1 to below"),
        (changed("hits", 0, 0), "hits 0, not from 1"),
        (changed("gap", 0, -1), "gap -1, not from 0"),
        (lambda s: {**s, "next_id": 1}, "not ascending"),
        (lambda s: {**s, "next_id": 0}, "next_id 0"),
        (lambda s: {**s, "frame": -1}, "frame -1"),
        (lambda s: {**s, "frame": 2.0}, "frame 2.0"),
        (lambda s: {**s, "clock": float("nan")}, "clock at nan"),
        (lambda s: {**s, "timed": 3.0}, "first time at 3.0"),
        (lambda s: {**s, "timed": np.array([1e9, 0.0])}, "first time at array"),
        (lambda s: {**s, "more": 1}, "unknown entries: more"),
        (lambda s: {k: v for k, v in s.items() if k != "tracks.hits"}, "without tracks.hits"),
        (lambda s: {**s, "tracks.hits": s["tracks.hits"][:-1]}, r"with hits \(\d+,\) int64, not"),
        (lambda s: {**s, "tracks.ids": s["tracks.ids"].astype(np.int32)}, "with ids .* int32, not"),
        (lambda s: {**s, "tracks.motion": s["tracks.motion"][:, 1:]}, "with motion"),
        (lambda s: {**s, "tracks.boxes": s["tracks.boxes"].tolist()}, "with boxes"),
    ],
)
def test_states_that_cannot_be_are_refused(change, reason):
    state = after().state_dict()
    assert len(state["tracks.ids"]) >= 2
    assert_refused(after(20), change(state), reason)


IN_THE_WINDOW, SINCE_SEEN = "boxes in the window in motion", "frames since seen in motion"


@pytest.mark.parametrize(
    ("predictor", "column", "values", "field"),
    [
        ("mamba-window", -2, (0, -1, 99, 1.5, 1e30), IN_THE_WINDOW),
        ("mamba-window", -1, (-1, 0.5, 1e9), SINCE_SEEN),
        ("mamba-window", 2, (0, -5, 1e30), "sizes of motion"),
        ("mamba", 9, (-1, 2.5, 1e9), SINCE_SEEN),
        ("mamba", 8, (0, -3), "mean sizes in motion"),
        ("mamba", 4, (1e12, -1e12), "centres of motion"),
        ("mamba", 40, (1e9, -3e38), "carried state in motion"),
        ("velocity", -1, (0, 7, 1.5), IN_THE_WINDOW),
        ("velocity", -2, (1e9,), "velocities in motion"),
        ("kalman", 8, (-1, 1e30), "variances of places in motion"),
        ("kalman", 12, (1e6, -1e6), "covariances in motion"),
        ("kalman", 16, (-1, 1e30), "variances of velocities in motion"),
        ("still", 3, (0, -1), "sizes of motion"),
    ],
)
def test_what_a_motion_model_cannot_have_kept_is_refused_by_name(predictor, column, values, field):
    tracked = after(20, predictor=predictor)
    state = tracked.state_dict()
    for value in values:
        reason = re.escape(f"with {field} {value:.7g}")
        assert_refused(tracked, changed("motion", (0, column), value)(state), reason)


@pytest.mark.parametrize(
    ("name", "index", "value", "field"),
    [
        ("memory", (0, 0), 9, "codes in memory 9"), ("memory", (0, -1), 1e9, "carried state in"),
        ("scores", 0, 1.5, "scores 1.5"), ("labels", 0, 2**40, "labels"),
        ("classes", (0, 3), -(2**40), "classes"), ("votes", (0, 0), 1e6, "votes"),
        ("age", 0, -1, "age -1"), ("det_ind", 0, -2, "det_ind -2"),
        ("spread", (0, 0), -1, "spread -1"),
        ("last", (0, 1), 1e12, "centres of last"), ("boxes", (0, 3), 1e12, "sizes of boxes"),
    ],
)  # fmt: skip
def test_what_a_table_cannot_hold_is_refused_by_name(name, index, value, field):
    tracked = after(20, association="learned")
    assert_refused(tracked, changed(name, index, value)(tracked.state_dict()), f"with {field}")


def test_hypotheses_are_the_likeliest_first():
    tracked = after(20, association="learned")
    state = tracked.state_dict()
    second = {f"rival1.{name}": each for name, each in state.items() if name.startswith("tracks.")}
    for likelihood in (0.5, 1e300):
        assert_refused(
            tracked, {**state, **second, "likelihoods": np.array([0, likelihood])}, "likelihoods"
        )


strange = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(max_size=3), st.booleans(),
    st.sampled_from([np.zeros(3), np.zeros((2, 2), object), np.array("x"), [1], {}]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_entry_may_be_anything(data):
    tracked, state = BASE, BASE.state_dict()
    name = data.draw(st.sampled_from(sorted(state)))
    value = data.draw(strange)
    try:
        tracked.load_state_dict({**state, name: value})
    except MambatrackError:
        assert_same_state(state, tracked.state_dict())
    else:
        tracked.load_state_dict(state)


BASE = after()
EXTREMES = [
    np.nan, np.inf, -np.inf, 0, -1, 0.5, 2.5, 7, 1e5, 1e12, -1e12, 3e38, -3e38, 1e-45, 2**62,
    -(2**63),
]  # fmt: skip
EVERY_KIND = [
    ("kalman", "learned"), ("mamba", "overlap"), ("mamba-window", "overlap"), ("still", "overlap"),
    ("velocity", "learned"),
]  # fmt: skip


def hit_by(data, state):
    """The same state with one of its entries, or one number of it, changed."""
    name = data.draw(st.sampled_from(sorted(state)))
    value = state[name]
    if not isinstance(value, np.ndarray):
        return {**state, name: data.draw(strange | st.sampled_from(EXTREMES))}
    array, how = value.copy(), data.draw(st.sampled_from(["number", "column", "rows", "dtype"]))
    extreme = data.draw(st.sampled_from(EXTREMES) | st.floats(-1e3, 1e3))
    with np.errstate(invalid="ignore", over="ignore"):
        extreme = np.array([extreme]).astype(array.dtype)[0]
    if how == "rows":
        array = array[data.draw(st.integers(1, 3)) :]
    elif how == "dtype":
        array = array.astype(data.draw(st.sampled_from([np.float64, np.int32, np.uint8, object])))
    elif array.size and how == "number":
        array.flat[data.draw(st.integers(0, array.size - 1))] = extreme
    elif array.size:
        array[..., data.draw(st.integers(0, array.shape[-1] - 1))] = extreme
    return {**state, name: array}


@pytest.mark.parametrize("kind", EVERY_KIND)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_state_with_one_entry_changed_is_refused_or_goes_on(kind, data):
    tracked = tracker(*kind, frame_rate=25.0)
    tracked.load_state_dict(AMID[kind])
    try:
        tracked.load_state_dict(hit_by(data, AMID[kind]))
    except MambatrackError:
        assert_same_state(AMID[kind], tracked.state_dict())
        return
    for tracks in run(tracked, FRAMES[40:43]):
        assert np.isfinite(tracks.boxes).all() and np.isfinite(tracks.spread).all()


AMID = {kind: after(40, predictor=kind[0], association=kind[1]).state_dict() for kind in EVERY_KIND}
