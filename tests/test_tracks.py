"""The result of a frame."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import MambatrackError, Tracker, TrackerGroup, Tracks, TrackState, as_detections
from mambatrack.camera.transforms import CameraMotion
from mambatrack.tracks import Track


def made(states, **of_frame):
    """Tracks 1, 2, ... with these states, every number of a track another one."""
    count = len(states)
    row = np.arange(count)
    moves = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    return Tracks(
        7, 0.25, np.arange(4 * count, dtype=np.float32).reshape(count, 4), row + 1,
        (row / 10).astype(np.float32), row + 20, np.array(states, np.uint8), row + 30,
        np.arange(4 * count, dtype=np.float32).reshape(count, 4) + 50, row - 1, np.array([99]),
        velocity=moves, age=row + 60, **of_frame,
    )  # fmt: skip


ALL = [TrackState.TENTATIVE, TrackState.OBSERVED, TrackState.PREDICTED, TrackState.OBSERVED]


def test_states_as_masks():
    tracks = made(ALL)
    assert len(tracks) == 4
    assert tracks.observed.tolist() == [False, True, False, True]
    assert tracks.predicted.tolist() == [False, False, True, False]


@pytest.mark.parametrize("chosen", [np.array([False, True, False, True]), np.array([1, 3])])
def test_a_selection_keeps_every_column_and_what_is_of_the_frame(chosen):
    tracks = made(ALL)
    found = tracks.select(chosen)
    assert (found.frame, found.time_s, found.ended.tolist()) == (7, 0.25, [99])
    of_frame = {
        "frame",
        "time_s",
        "ended",
        "camera",
        "data",
        "frame_rate",
        "class_names",
        "returned",
        "surety",
    }
    for name in set(vars(tracks)) - of_frame:
        np.testing.assert_array_equal(getattr(found, name), getattr(tracks, name)[[1, 3]], name)
    assert found.observed.all()


def test_the_array_has_a_row_for_each_track():
    found = made(ALL).to_array()
    assert found.shape == (4, 8) and found.dtype == np.float32
    assert found[2].tolist() == pytest.approx([8, 9, 10, 11, 3, 0.2, 22, 1])
    assert made([]).to_array().shape == (0, 8)


def test_each_track_is_there_with_plain_numbers():
    tracks = made(ALL)
    found = list(tracks)
    assert [track.id for track in found] == [1, 2, 3, 4]
    assert found[2] == Track(
        3, (8.0, 9.0, 10.0, 11.0), TrackState.PREDICTED, float(np.float32(0.2)), 22, 32,
        (58.0, 59.0, 60.0, 61.0), 1, velocity=(4.0, 5.0), age=62, class_name="22",
    )  # fmt: skip
    assert list(made([])) == []
    assert {type(found[2].id), type(found[2].label), type(found[2].gap)} == {int}


def test_an_index_gives_a_track_and_a_choice_gives_tracks():
    tracks = made(ALL)
    every = list(tracks)
    assert [tracks[at] for at in (0, -1, np.int64(2))] == [every[0], every[3], every[2]]
    for chosen in (tracks.observed, [1, 3], slice(1, None, 2)):
        found = tracks[chosen]
        assert isinstance(found, Tracks) and list(found) == [every[1], every[3]]
    with pytest.raises(
        IndexError, match=r"no place 4 among 4 tracks; by id: tracks\[tracks.ids == 4\]"
    ):
        tracks[4]


def test_tracks_and_trackers_say_in_a_line_what_they_are():
    tracks = made(ALL)
    assert repr(tracks) == "<Tracks of frame 7: 1 tentative, 2 observed, 1 predicted, 1 just ended>"
    assert repr(tracks[2]).startswith("Track(id=3, predicted for 32, box=(8.0, 9.0, 10.0, 11.0)")
    tracker = Tracker(None, (640, 480), "kalman", "overlap")
    assert repr(tracker.update()) == "<Tracks of frame 0: none>"
    assert repr(tracker) == (
        f"<Tracker {type(tracker.predictor).__name__}, OverlapAssociation, 640x480: 1 frames, "
        "0 tracks, 0 started>"
    )


def test_velocity_and_age_are_per_frame_and_per_second_where_the_rate_is_known():
    track = made(ALL, frame_rate=20.0)[1]
    assert (track.velocity, track.velocity_per_s) == ((2.0, 3.0), (40.0, 60.0))
    assert (track.age, track.age_s) == (61, pytest.approx(3.05))
    unknown = made(ALL)[1]
    assert (unknown.velocity_per_s, unknown.age_s) == (None, None)
    bare = replace(made(ALL), velocity=None, age=None, frame_rate=20.0)[1]
    assert (bare.velocity, bare.velocity_per_s, bare.age, bare.age_s) == (None,) * 4


@given(
    st.floats(-8, 8), st.floats(-8, 8), st.integers(2, 90), st.sampled_from([0.0, 10.0]), st.data()
)
@settings(max_examples=15, deadline=None)
def test_a_steady_track_has_its_velocity_from_the_second_frame_on(right, down, frames, rate, data):
    tracker = Tracker(predictor="kalman", association="overlap", frame_rate=rate)
    hidden = data.draw(st.integers(3, 6)) if frames > 8 else -1
    for at in range(frames):
        x, y = 1000 + right * at, 1000 + down * at
        found = None if at == hidden else [[x, y, x + 60, y + 120, 0.9]]
        tracks = tracker.update(found, at / 10)
        assert tracks.age.tolist() == [at]
        if at:
            np.testing.assert_allclose(tracks.velocity, [[right, down]], atol=2e-3)
            velocity = tracks[0].velocity_per_s
            assert velocity == pytest.approx((10 * right, 10 * down), abs=0.02)
            assert tracks[0].age_s == pytest.approx(at / 10)


def test_the_frame_rate_is_known_from_the_setting_or_from_times():
    assert Tracker().update().frame_rate is None
    assert Tracker(frame_rate=25).update().frame_rate == 25
    tracker = Tracker()
    rates = [tracker.update(None, time_s).frame_rate for time_s in (None, 5.0, 5.1, 5.1, 5.3)]
    assert rates == [None, None, *map(pytest.approx, (10, 20, 10))]


def test_classes_have_the_names_that_the_tracker_was_told():
    box = [[10, 10, 60, 90, 0.9, 2]]
    for names in (("person", "bicycle", "car"), {2: "car"}):
        assert Tracker(class_names=names).update(box)[0].class_name == "car"
    assert Tracker(class_names=["person"]).update(box)[0].class_name == "2"
    group = TrackerGroup(count=2, class_names={2: "car"})
    assert group.update({1: (box, None)})[1][0].class_name == "car"
    with pytest.raises(MambatrackError, match="class_names is 'car'; expected names"):
        Tracker(class_names="car")
    for wrong in ({"0": "car"}, {10**9: "car"}, {-1: "car"}):
        with pytest.raises(MambatrackError, match="expected names by number, from 0 to 65535"):
            Tracker(class_names=wrong)
    assert repr(group) == "<TrackerGroup of 2 trackers: 1 tracks>"


def test_a_notebook_shows_a_table_with_every_text_escaped():
    names = ("<b>",) * 24
    html = made(ALL, frame_rate=10.0, class_names=names)._repr_html_()
    assert html.startswith("<table><caption>Tracks of frame 7: 1 tentative, 2 observed")
    assert html.count("<tr>") == 1 + len(ALL) and "<b>" not in html and "&lt;b&gt;" in html
    assert "velocity, px/s" in html and "<td>20.0, 30.0</td>" in html and "<td>6.1 s</td>" in html
    many = made([TrackState.OBSERVED] * 33)._repr_html_()
    assert many.count("<tr>") == 22 and "and 13 more" in many and "velocity, px/frame" in many
    assert "<tbody></tbody>" in made([])._repr_html_()
    bare = replace(made([1]), velocity=None, age=None)._repr_html_()
    assert bare.endswith("<td></td><td></td></tr></tbody></table>")


@pytest.mark.parametrize("chosen", [None, "person", 1.0, (0, 1)])
def test_what_chooses_no_tracks_is_told_how_they_are_chosen(chosen):
    with pytest.raises(TypeError, match=r"a slice, a mask or places, not by .*tracks.ids == 7"):
        Tracker().update([[1, 2, 30, 40, 0.9]])[chosen]


def test_what_holds_arrays_is_compared_as_an_object_and_a_track_by_its_numbers():
    """== of arrays would raise, and a hash of them too."""
    detections = [
        as_detections([[0, 0, 9, 9, 0.9]], {"mask": np.zeros((1, 4, 4))}) for _ in range(2)
    ]
    tracks = [Tracker().update(each) for each in detections]
    motions = [CameraMotion(np.eye(3)) for _ in range(2)]
    for one, other in (detections, tracks, motions):
        assert one == one and one != other and len({one, other}) == 2
    first, second = tracks[0][0], tracks[1][0]
    assert first == second and len({first, second}) == 1 and first != replace(second, id=2)
