"""Other libraries' detections in, other libraries' shapes out."""

import dataclasses
import sys
from dataclasses import replace

import numpy as np
import pytest

from mambatrack.config import load_config
from mambatrack.detections import as_detections
from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.interop import BoxmotTracker, from_supervision, to_supervision, with_tracker_ids
from mambatrack.tracking.tracker import Tracker
from shared import examples

KALMAN = load_config(overrides={"tracker.predictor": "kalman", "tracker.association": "overlap"})
ROWS = np.array([[10, 20, 50, 90, 0.9, 1], [200, 20, 250, 90, 0.8, 0], [5, 5, 5, 9, 1, 0]])


@dataclasses.dataclass
class Theirs:
    """What of supervision.Detections is used here."""

    xyxy: np.ndarray
    confidence: np.ndarray | None = None
    class_id: np.ndarray | None = None
    tracker_id: np.ndarray | None = None
    data: dict = dataclasses.field(default_factory=dict)

    def __getitem__(self, index):
        return Theirs(
            self.xyxy[index], self.confidence[index], self.class_id[index],
            data={key: value[index] for key, value in self.data.items()},
        )  # fmt: skip


def theirs(rows=ROWS, kind=Theirs):
    rows = np.asarray(rows, float).reshape(-1, 6)
    names = np.array([f"row {i}" for i in range(len(rows))])
    return kind(
        xyxy=rows[:, :4], confidence=rows[:, 4], class_id=rows[:, 5].astype(int),
        data={"name": names},
    )  # fmt: skip


def hidden(frames=3):
    """The tracks of a frame in which the second object is hidden."""
    tracker = Tracker(KALMAN)
    with pytest.warns(UserWarning, match="dropped 1"):
        for _ in range(frames):
            tracker.update(ROWS)
    return tracker.update(ROWS[:1])


def test_their_detections_are_taken_as_they_are():
    given = theirs()
    before = given.xyxy.copy()
    found = from_supervision(given)
    assert found.boxes.tolist() == ROWS[:2, :4].tolist() and found.labels.tolist() == [1, 0]
    assert found.dropped == 1 and found.rows.tolist() == [0, 1]
    assert from_supervision(Theirs(np.zeros((0, 4)))).boxes.shape == (0, 4)
    assert from_supervision(Theirs(ROWS[:1, :4])).scores.tolist() == [1]
    np.testing.assert_array_equal(given.xyxy, before)
    with pytest.raises(MambatrackError, match="expected an object with xyxy"):
        from_supervision(ROWS)


def test_a_number_beyond_every_float_is_an_error_not_a_crash():
    with pytest.raises(MambatrackError, match="not a table of numbers"):
        as_detections([[10**400, 2, 3, 4]])


def test_their_detections_come_back_with_ids():
    tracker = Tracker(KALMAN)
    given = theirs(ROWS[[1, 0]])
    chosen = with_tracker_ids(given, tracker.update(given))
    assert chosen.tracker_id.tolist() == [1, 2]
    assert chosen.data["name"].tolist() == ["row 0", "row 1"] and given.tracker_id is None
    nothing = theirs([])
    chosen = with_tracker_ids(nothing, tracker.update(nothing))
    assert chosen.tracker_id.shape == (0,) and chosen.tracker_id.dtype.kind == "i"


def test_an_array_of_boxmot_comes_back_as_theirs():
    tracker, given = BoxmotTracker(KALMAN), ROWS[:2].copy()
    for _ in range(2):
        out = tracker.update(given, np.zeros((480, 640, 3), np.uint8))
    assert out.shape == (2, 8) and out.dtype == np.float64
    np.testing.assert_allclose(out[:, :4], ROWS[:2, :4])
    assert out[:, [4, 6, 7]].tolist() == [[1, 1, 0], [2, 0, 1]]
    assert tracker.tracker.image_size == (640, 480)
    np.testing.assert_array_equal(given, ROWS[:2])


@pytest.mark.parametrize("nothing", [None, np.empty((0, 6)), []])
def test_nothing_of_boxmot_is_an_empty_array_and_a_frame(nothing):
    tracker = BoxmotTracker(KALMAN)
    tracker.update(ROWS[:2])
    assert tracker.update(nothing).shape == (0, 8)
    assert tracker.tracks.predicted.all() and len(tracker.tracks) == 2
    tracker.reset()
    assert tracker.update(ROWS[:1])[0, 4] == 1


def test_hidden_objects_go_to_supervision_only_with_their_state():
    sv = pytest.importorskip("supervision")
    tracks = hidden()
    shown = to_supervision(tracks)
    assert isinstance(shown, sv.Detections) and shown.tracker_id.tolist() == [1]
    both = to_supervision(tracks, names=("cat", "dog"), predicted=True)
    assert both.data["state"].tolist() == ["observed", "predicted"]
    assert both.data["class_name"].tolist() == ["dog", "cat"]
    assert both.data["gap"].tolist() == [0, 1] and both.data["det_ind"].tolist() == [0, -1]
    assert len(both[both.data["state"] == "observed"]) == 1
    told = to_supervision(replace(tracks, class_names=("cat", "dog")))
    assert told.data["class_name"].tolist() == ["dog"]
    none = to_supervision(Tracker(KALMAN).update(None), predicted=True)
    assert len(none) == 0 and none.tracker_id.dtype.kind == "i"


def test_supervision_itself_goes_in_and_comes_back():
    sv = pytest.importorskip("supervision")
    tracker, given = Tracker(KALMAN), theirs(ROWS[:2], sv.Detections)
    given.mask = np.zeros((2, 4, 4), bool)
    given.mask[1] = True
    chosen = with_tracker_ids(given[[1, 0]], tracker.update(given[[1, 0]]))
    assert chosen.tracker_id.tolist() == [1, 2] and chosen.mask[:, 0, 0].tolist() == [True, False]
    empty = sv.Detections.empty()
    assert len(with_tracker_ids(empty, tracker.update(empty))) == 0


def test_supervision_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingExtra, match=r"pip install 'mambatrack\[supervision\]'"):
        to_supervision(Tracker(KALMAN).update(None))


def test_the_example_for_boxmot():
    image = np.zeros((480, 640, 3), np.uint8)
    names = {"detections": ROWS[:2], "image": image}
    exec(compile(examples("interop.md", "boxmot")[0], "interop.md", "exec"), names)
    assert names["tracks"].shape == (2, 8)


def test_the_example_for_supervision():
    sv = pytest.importorskip("supervision")
    names = {"detections": theirs(ROWS[:2], sv.Detections)}
    exec(compile(examples("interop.md", "supervision")[0], "interop.md", "exec"), names)
    assert names["tracked"].tracker_id.tolist() == [1, 2] and len(names["seen"]) == 2
