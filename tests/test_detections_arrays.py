"""What a caller may hand over by mistake or from another library: taken right where it can only be
meant one way, else a MambatrackError that says what to do."""

import datetime
import decimal
import io
import json
import warnings
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import Config, MambatrackError, Tracker
from mambatrack.config import TrackerConfig
from mambatrack.detections import as_detections
from mambatrack.tracking.group import TrackerGroup

ROWS = [[10, 10, 50, 90, 0.5, 1], [100, 10, 150, 90, 0.25, 0]]
TABLE = np.array(ROWS)
BOXES, SCORES, LABELS = TABLE[:, :4], TABLE[:, 4], TABLE[:, 5]
KALMAN = TrackerConfig(predictor="kalman", min_hits=1)


def boxes_as(**columns):
    return SimpleNamespace(xyxy=torch.tensor(BOXES), **columns)


RESULT = boxes_as(conf=torch.tensor(SCORES), cls=torch.tensor(LABELS))
TAKEN = {
    "a tensor with a gradient": torch.tensor(ROWS, requires_grad=True),
    "a tensor of bfloat16": torch.tensor(ROWS).bfloat16(),
    "a sparse tensor": torch.tensor(ROWS).to_sparse(),
    "rows that are tensors": [torch.tensor(row, requires_grad=True) for row in ROWS],
    "an array of objects": TABLE.astype(object),
    "an array of float16": TABLE.astype(np.float16),
    "ultralytics' result": SimpleNamespace(boxes=RESULT, names={}),
    "ultralytics' boxes": RESULT,
    "torchvision's dictionary": {
        "boxes": torch.tensor(BOXES, requires_grad=True), "scores": SCORES, "labels": LABELS,
    },
    "an array of columns": np.asfortranarray(TABLE),
    "an array that is not to be written": np.broadcast_to(TABLE, TABLE.shape),
    "an array of the other byte order": TABLE.astype(">f8"),
    "a matrix": np.matrix(TABLE),
    "text that is numbers": TABLE.astype(str),
    "supervision's, with gradients": boxes_as(
        confidence=torch.tensor(SCORES, requires_grad=True), class_id=LABELS
    ),
}  # fmt: skip
REFUSED = {
    "a dictionary": ({"dets": BOXES}, "a mapping of dets; expected boxes"),
    "a generator": ((row for row in ROWS), "are a generator; expected .N, 4."),
    "a list of Detections": ([as_detections(ROWS)] * 2, "a list of results; give those of one"),
    "a list of results": ([RESULT], "a list of results"),
    "what torchvision gives for a batch": ([{"boxes": BOXES}], "a list of results"),
    "a dictionary for each box": ([{"bbox": [1, 2, 3, 4]}], "a list of mappings, a box each"),
    "classes that are names": ({"boxes": BOXES, "labels": ["a cat", "b"]}, "class_names="),
    "arrays side by side": (
        (np.array(BOXES), np.array(SCORES)),
        r"2 arrays, of the shapes \(2, 4\), \(2,\); join",
    ),
    "one box": (ROWS[0], r"a table of one box is \[row\]"),
    "other numbers of scores": (boxes_as(conf=SCORES[:1], cls=None), "2 boxes with 1 scores"),
    "scores that are text": (boxes_as(conf=["a", "b"], cls=None), "not a table of numbers"),
    "boxes of 5 numbers": ({"boxes": TABLE[:, :5], "scores": SCORES}, r"shape \(2, 5\)"),
    "a structured array": (np.zeros(2, [("x", "f4"), ("y", "f4")]), "structured_to_unstructured"),
    "complex numbers": (TABLE.astype(complex), "found complex128"),
    "moments": (np.array([["2026-01-01"] * 4], "M8[D]"), "found datetime64"),
    "a tensor of complex numbers": (torch.tensor(ROWS) + 0j, "found torch.complex64"),
    "boxes, scores and classes": ((BOXES, SCORES, LABELS), "numpy.column_stack.*boxes, scores"),
    "an object of another library": (SimpleNamespace(pred_boxes=BOXES), "expected .N, 4. x1 y1"),
    "a tensor without numbers": (torch.tensor(ROWS, device="meta"), "not a table of numbers"),
    "a batch": (TABLE[None], r"shape \(1, 2, 6\)"),
    "text": ("10 10 50 90", "not a table of numbers"),
    "a class": (Tracker, "not a table of numbers"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_other_libraries_give_is_taken(name):
    found = as_detections(TAKEN[name])
    np.testing.assert_array_equal(found.boxes, BOXES)
    np.testing.assert_array_equal(found.scores, SCORES)
    np.testing.assert_array_equal(found.labels, LABELS)


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_be_meant_in_several_ways_is_refused_with_the_mend(name):
    given, said = REFUSED[name]
    tracker = Tracker(KALMAN)
    with pytest.raises(MambatrackError, match=said):
        tracker.update(given)
    assert tracker.frame == 0


def test_what_is_masked_is_dropped():
    mask = np.zeros(TABLE.shape, bool)
    mask[0, 4] = True
    found = as_detections(np.ma.array(TABLE, mask=mask))
    assert found.rows.tolist() == [1] and found.dropped == 1


@pytest.mark.parametrize(
    ("boxes", "said"),
    [
        ([[500, 400, 50, 90], [900, 300, 40, 80], [10, 10, 90, 90]], "x, y, width, height"),
        ([[0.1, 0.1, 0.2, 0.3], [0.5, 0.5, 0.6, 1.0]], "shares of its size"),
    ],
)
def test_boxes_of_another_form_are_warned_of(boxes, said):
    with pytest.warns(UserWarning, match=said):
        Tracker(KALMAN, (1920, 1080)).update(boxes)


def test_a_class_that_is_no_whole_number_is_told():
    with pytest.warns(UserWarning, match="a class is no whole number, .* score class, in this"):
        assert as_detections([[10, 10, 50, 90, 0, 0.87], ROWS[1]]).rows.tolist() == [1]


def test_usual_boxes_warn_of_nothing():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for size in (None, (640, 480)):
            tracker = Tracker(KALMAN, size)
            tracker.update(TABLE)
            assert tracker.dropped == 0
    assert not said


@pytest.mark.parametrize(
    "time",
    ["1.0", b"1", np.datetime64("2026-01-01"), np.timedelta64(5, "s"), [1], np.array([1.0, 2.0]),
     datetime.datetime(2026, 1, 1), 10**400, 1j, object(), torch.tensor([1.0, 2.0])],
)  # fmt: skip
@pytest.mark.parametrize("rate", [0.0, 25.0])
def test_times_that_are_no_seconds_are_refused_before_anything_moves(time, rate):
    config = TrackerConfig(predictor="kalman", frame_rate=rate)
    tracker, group = Tracker(config), TrackerGroup(config, 2)
    for call in (lambda: tracker.update(ROWS, time), lambda: group.update({0: (ROWS, time)})):
        with pytest.raises(MambatrackError, match="time_s is .*expected seconds"):
            call()
    assert tracker.frame == group.trackers[0].frame == 0 and tracker.clock is None


@pytest.mark.parametrize("time", [2, np.float32(2), torch.tensor(2.0), decimal.Decimal(2)])
def test_times_that_are_numbers_are_taken(time):
    tracks = Tracker(KALMAN).update(ROWS, time)
    assert tracks.time_s == 2.0 and type(tracks.time_s) is float


@pytest.mark.parametrize("config", ["kalman", {"predictor": "kalman"}, TrackerConfig, 3])
def test_settings_of_another_kind_are_explained(config):
    for make in (Tracker, TrackerGroup):
        with pytest.raises(MambatrackError, match="expected a Config or TrackerConfig"):
            make(config)
    assert Tracker(Config(tracker=KALMAN)).config == Tracker(KALMAN).config == KALMAN


@pytest.mark.parametrize("size", [(float("inf"), 3), (10**400, 3), (640, 0), "640x480", 5])
def test_sizes_that_no_picture_has_are_refused(size):
    with pytest.raises(MambatrackError, match="image_size is .*both positive"):
        Tracker(KALMAN, size)


def test_a_state_goes_through_a_file_of_numpy_and_not_through_json():
    tracker, other = Tracker(KALMAN), Tracker(KALMAN)
    tracker.update(ROWS, 1.0)
    file = io.BytesIO()
    np.savez(file, **tracker.state_dict())
    file.seek(0)
    other.load_state_dict(np.load(file))
    one, two = tracker.update(ROWS), other.update(ROWS)
    np.testing.assert_array_equal(one.boxes, two.boxes)
    assert one.ids.tolist() == two.ids.tolist() and one.frame == two.frame
    text = json.loads(json.dumps(tracker.state_dict(), default=lambda array: array.tolist()))
    with pytest.raises(MambatrackError, match="a numpy array as state_dict"):
        other.load_state_dict(text)


def test_a_damaged_file_of_numpy_is_refused():
    tracker = Tracker(KALMAN)
    tracker.update(ROWS)
    file = io.BytesIO()
    np.savez(file, **tracker.state_dict())
    content, refused = bytearray(file.getvalue()), 0
    for place in range(60, zipfile.ZipFile(file).start_dir, 97):
        damaged = content.copy()
        damaged[place] ^= 0xFF
        try:
            Tracker(KALMAN).load_state_dict(np.load(io.BytesIO(damaged)))
        except MambatrackError:
            refused += 1
    assert refused > 10


WILD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(WILD, WILD)
def test_whatever_is_given_is_tracked_or_refused(found, time):
    tracker = Tracker(KALMAN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tracks = tracker.update(found, time)
        except MambatrackError:
            assert tracker.frame == 0
        else:
            assert tracker.frame == 1 and np.isfinite(tracks.boxes).all()
