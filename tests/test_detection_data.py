"""What comes with a detection stays with it."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import Detections, MambatrackError, Tracker, TrackerGroup, jsonl_writer
from mambatrack.detections import as_detections
from mambatrack.result_files.read_results import read_recording
from mambatrack.tracking.offline import track_offline
from shared import examples
from test_tracks import made

pytestmark = pytest.mark.filterwarnings("ignore:frame 0. dropped")
PLAIN = {"predictor": "kalman", "association": "overlap"}
BOXES = np.array([[10, 20, 50, 90], [5, 5, 5, 9], [200, 20, 245, 70], [100, 20, 145, 70]], float)
MASKS = np.arange(4 * 6).reshape(4, 2, 3) % 5 > 2
POINTS = np.arange(4 * 6, dtype=np.float32).reshape(4, 3, 2)
NAMES = ["first", "flat", "third", "fourth"]
GIVEN = {"masks": MASKS, "keypoints": POINTS, "name": NAMES}
SCORES, LABELS = np.full(4, 0.9), np.zeros(4)


def assert_data_follow(tracks, given=GIVEN):
    """Every track that has a detection has its values, and no other track has any."""
    seen = tracks.det_ind >= 0
    assert set(tracks.data) == set(given)
    for name, values in given.items():
        expected = [values[row] for row in tracks.det_ind[seen].tolist()]
        np.testing.assert_array_equal(np.array(tracks.data[name]), np.array(expected), name)
    for track in tracks:
        assert set(track.data) == (set(given) if track.det_ind >= 0 else set())
        for name in track.data:
            np.testing.assert_array_equal(track.data[name], given[name][track.det_ind])


def test_data_of_arrays_comes_back_with_its_track_and_a_hidden_one_has_none():
    tracker = Tracker(**PLAIN)
    for _ in range(4):
        assert_data_follow(tracker.update(BOXES, data=GIVEN))
    order = [3, 0, 1]  # the third is hidden now
    now = {name: [values[row] for row in order] for name, values in GIVEN.items()}
    tracks = tracker.update(BOXES[order], data=now)
    assert tracks.predicted.sum() == 1 and tracks.observed.sum() == 2
    assert_data_follow(tracks, now)
    assert_data_follow(tracks[tracks.observed], now)
    assert tracks[tracks.predicted].data["name"] == []
    assert not tracker.update(BOXES).data


@pytest.mark.parametrize("kind", ["mapping", "Results", "supervision"])
def test_objects_of_other_libraries_bring_their_own(kind):
    boxes = SimpleNamespace(xyxy=BOXES, conf=SCORES, cls=LABELS, data=np.ones((4, 6)))
    masks, points = (SimpleNamespace(data=each) for each in (MASKS, POINTS))
    two = {"masks": MASKS, "keypoints": POINTS}
    source, expected = {
        "mapping": (
            {"boxes": BOXES, "scores": SCORES, "labels": LABELS, "image_id": 7, "size": [1, 2]}
            | two,
            two,
        ),
        "Results": (SimpleNamespace(boxes=boxes, names={}, masks=masks, keypoints=points), two),
        "supervision": (
            SimpleNamespace(
                xyxy=BOXES, confidence=SCORES, class_id=LABELS, mask=MASKS, data={"name": NAMES}
            ),
            {"masks": MASKS, "name": NAMES},
        ),
    }[kind]
    assert_data_follow(Tracker(image_size=(150, 100), **PLAIN).update(source), expected)
    more = Tracker(**PLAIN).update(source, data={"embedding": POINTS})
    assert_data_follow(more, expected | {"embedding": POINTS})


def test_masks_of_torch_are_taken():
    torch = pytest.importorskip("torch")
    found = {"boxes": torch.tensor(BOXES[2:]), "masks": torch.tensor(MASKS[2:])}
    tracks = Tracker(**PLAIN).update(found)
    assert torch.equal(tracks.data["masks"], torch.tensor(MASKS[2:][tracks.det_ind]))


def test_detections_carry_data_through_selections():
    kept = Detections(BOXES.astype(np.float32), SCORES, LABELS.astype(int), data=GIVEN)
    chosen = kept.select(np.array([3, 0]))
    assert chosen.data["name"] == ["fourth", "first"]
    fewer = replace(chosen.select([1]), data={"name": ["new"]})
    assert fewer.data["name"] == ["new"]
    tracks = Tracker(**PLAIN).update(chosen)
    assert tracks.data["name"] == [NAMES[row] for row in tracks.det_ind.tolist()]
    with pytest.raises(MambatrackError, match="1 box, but data of 2; choose with select"):
        Detections(chosen.boxes[:1], chosen.scores[:1], chosen.labels[:1], data=chosen.data)
    more = as_detections(chosen, {"rank": [1, 2]})
    assert more.data["name"] == ["fourth", "first"] and more.data["rank"] == [1, 2]


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(4)), st.lists(st.booleans(), min_size=4, max_size=4))
def test_the_value_of_a_track_is_that_of_its_row(order, kept):
    found = as_detections(BOXES[order], {"row": np.array(order)}).select
    usable = [place for place, row in enumerate(row for row in order if row != 1) if kept[place]]
    tracks = Tracker(**PLAIN).update(found(usable))
    for track in tracks:
        assert track.data["row"] == order[track.det_ind]
        np.testing.assert_allclose(track.box, BOXES[track.data["row"]])


def test_a_group_and_tracking_of_a_whole_sequence_give_data_back():
    group = TrackerGroup(Tracker(**PLAIN).config, 2)
    found = as_detections(BOXES[2:], {"name": NAMES[2:]})
    tracks = group.update({1: (found, None), 0: (BOXES[2:], None)})
    assert_data_follow(tracks[1], {"name": NAMES[2:]})
    assert not tracks[0].data
    frames = [as_detections(BOXES[2:], {"at": [(frame, 0), (frame, 1)]}) for frame in range(4)]
    frames[2] = as_detections(BOXES[3:], {"at": [(2, 0)]})
    for frame, each in enumerate(track_offline(frames)):
        assert {track.data["at"] for track in each if track.gap == 0} == {
            (frame, row) for row in range(1 if frame == 2 else 2)
        }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"keypoints": POINTS[:3]}, "data 'keypoints' has 3 values for 4 detections"),
        ({"name": "text"}, "data 'name' has no list but 'text' for 4 detections"),
        ({"name": 3}, "data 'name' has no list but 3"),
        ([1, 2, 3, 4], "expected values by name"),
        (np.arange(4), "expected values by name"),
        ({1: NAMES}, "expected values by name"),
    ],
)
def test_data_of_another_length_leaves_the_tracker_as_it_was(data, message):
    tracker = Tracker(**PLAIN)
    with pytest.raises(MambatrackError, match=message):
        tracker.update(BOXES, data=data)
    assert tracker.frame == 0
    with pytest.raises(MambatrackError, match=message):
        Detections(BOXES.astype(np.float32), SCORES, LABELS.astype(int), data=data)


def test_masks_of_another_number_are_refused_and_an_unknown_name_is_said():
    with pytest.raises(MambatrackError, match="data 'masks' has 2 values for 4"):
        as_detections({"boxes": BOXES, "masks": MASKS[:2]})
    found = as_detections(BOXES[2:], {"name": NAMES[2:]})
    with pytest.raises(KeyError, match="'masks' did not come with the detections, but name"):
        found.data["masks"]
    assert repr(found.data) == "<name of 2 detections>"


def test_tracks_without_data_have_an_empty_mapping():
    assert not made([1, 2]).data and not made([1, 2])[0].data and not as_detections(BOXES[2:]).data
    assert not as_detections({"boxes": np.zeros((0, 4)), "masks": None}).data


class Column:
    """As a column of pandas, whose rows have names."""

    iloc = None

    def __len__(self):
        return 2

    def to_numpy(self):
        return np.array(["a", "b"])


def test_a_column_of_pandas_counts_from_zero():
    found = as_detections(BOXES[2:], {"column": Column()})
    assert found.select([1]).data["column"].tolist() == ["b"]


def test_the_example_of_the_page():
    scope = {}
    for code in examples("interop.md", "What comes with a detection"):
        exec(code, scope)
    assert scope["seen"].data["poses"].shape == (len(scope["seen"]), 17, 3)
    assert sorted(scope["tracks"].data["shirt"]) == ["blue", "red"]


def test_json_lines_with_data_are_read_again(tmp_path):
    path = tmp_path / "tracks.jsonl"
    tracker = Tracker(**PLAIN)
    points = np.array([[[1.5, np.nan]], [[2, 3]]])
    with jsonl_writer(path, data=True) as writer:
        for _ in range(4):
            writer.write(tracker.update(BOXES[2:], data={"keypoints": points, "name": NAMES[2:]}))
    last = json.loads(path.read_text().splitlines()[-1])
    assert [each["keypoints"] for each in last["tracks"]] == [[[1.5, None]], [[2.0, 3.0]]]
    assert [each["name"] for each in last["tracks"]] == NAMES[2:]
    assert read_recording(path).id.tolist() == [1, 2] * 4
    with jsonl_writer(tmp_path / "bare.jsonl") as writer:
        writer.write(tracker.update(BOXES[2:], data={"name": NAMES[2:]}))
    assert "name" not in (tmp_path / "bare.jsonl").read_text()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"gap": [1, 2]}, "called 'gap', as a track has of its own"),
        ({"value": [{1}, {2}]}, "'value' is a set, which JSON cannot hold"),
        ({"value": [1j, 2j]}, "'value' is a complex, which JSON cannot hold"),
        ({"value": [{1: 2}, {}]}, "'value' is a dict, which JSON cannot hold"),
    ],
)
def test_data_that_json_cannot_hold_is_said_and_the_file_stays_whole(tmp_path, data, message):
    path = tmp_path / "tracks.jsonl"
    with jsonl_writer(path, data=True) as writer:
        with pytest.raises(MambatrackError, match=message):
            writer.write(Tracker(**PLAIN).update(BOXES[2:], data=data))
    assert len(path.read_text().splitlines()) == 1
