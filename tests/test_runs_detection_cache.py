"""A detector's boxes for a sequence: computed once, replayed as they were."""

import dataclasses
import os
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.config import DetectorConfig
from mambatrack.datasets.sequences import open_sequence
from mambatrack.detections import as_detections
from mambatrack.errors import MambatrackError
from mambatrack.runs import detection_cache
from mambatrack.runs.detection_cache import KeptDetections, detect_sequence
from mambatrack.simulation.world import write_sequence

CONFIG = DetectorConfig(name="motion")


@pytest.fixture
def sequence(tmp_path):
    folder = write_sequence(tmp_path / "walk", people=2, frames=6, size=(160, 90), images=True)
    return open_sequence(folder)


@pytest.fixture
def runs(monkeypatch):
    """How often the detector ran over a sequence; it finds as many boxes as the frame's index."""
    counted = []

    def find(image, index):
        return as_detections([[10 * k, 1, 10 * k + 9, 20, 0.5, k] for k in range(index)])

    def opened(config):
        counted.append(config)
        find.names = ("person", "dog")
        return find

    monkeypatch.setattr(detection_cache, "open_detector", opened)
    return counted


def boxes_of(kept, frames=6):
    return [kept(None, index).boxes.tolist() for index in range(frames)]


def test_the_second_time_the_detector_rests(sequence, runs, tmp_path):
    done = []
    first = detect_sequence(sequence, CONFIG, tmp_path / "kept", done.append)
    second = detect_sequence(sequence, CONFIG, tmp_path / "kept", done.append)
    assert len(runs) == 1 and done == [1, 2, 3, 4, 5, 6]
    assert boxes_of(first) == boxes_of(second)
    assert [len(each) for each in boxes_of(second)] == [0, 1, 2, 3, 4, 5]
    assert second(None, 3).labels.tolist() == [0, 1, 2] and second.names == ("person", "dog")
    assert len(list((tmp_path / "kept").iterdir())) == 1


@pytest.mark.parametrize("change", ["settings", "picture", "added"])
def test_what_the_boxes_depend_on_makes_it_run_again(sequence, runs, tmp_path, change):
    detect_sequence(sequence, CONFIG, tmp_path / "kept")
    config, first = CONFIG, sorted(sequence.images.iterdir())[0]
    if change == "settings":
        config = dataclasses.replace(CONFIG, nms_iou=0.123)
    elif change == "picture":
        os.utime(first, ns=(1, 1))
    else:
        (sequence.images / "000007.jpg").write_bytes(first.read_bytes())
    detect_sequence(sequence, config, tmp_path / "kept")
    assert len(runs) == 2 and len(list((tmp_path / "kept").iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_damaged_entry_is_made_again(sequence, runs, tmp_path, content):
    detect_sequence(sequence, CONFIG, tmp_path / "kept")
    [entry] = (tmp_path / "kept").iterdir()
    entry.write_bytes(content)
    with pytest.warns(UserWarning, match="is damaged; the detector runs again"):
        kept = detect_sequence(sequence, CONFIG, tmp_path / "kept")
    assert len(runs) == 2 and len(boxes_of(kept)[5]) == 5
    detect_sequence(sequence, CONFIG, tmp_path / "kept")
    assert len(runs) == 2


@settings(max_examples=40)
@given(st.data())
def test_damage_anywhere_is_noticed_or_changes_nothing(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "entry.npz"
    rows = np.arange(700, dtype=np.float32).reshape(100, 7)
    np.savez_compressed(path, rows=rows, names=np.array(["person", "dog"]))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    path.write_bytes(content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = detection_cache._read(path)
    if found is None:
        assert any("is damaged" in str(each.message) for each in caught)
    else:
        np.testing.assert_array_equal(found[0], rows)
        assert found[1] == ("person", "dog")


def test_a_run_that_stops_leaves_no_entry(sequence, runs, tmp_path):
    def stop(frames):
        if frames == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        detect_sequence(sequence, CONFIG, tmp_path / "kept", stop)
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_sequence_without_pictures_is_refused(tmp_path):
    sequence = open_sequence(write_sequence(tmp_path / "walk", people=2, frames=6))
    with pytest.raises(MambatrackError, match="has no pictures for the detector motion"):
        detect_sequence(sequence, CONFIG, tmp_path / "kept")


def test_rows_may_come_in_any_order_and_frames_without_boxes_have_none():
    rows = np.array([[2, 0, 0, 5, 5, 0.9, 1], [0, 1, 1, 5, 5, 0.8, 0], [2, 2, 2, 5, 5, 0.7, 0]])
    kept = KeptDetections(rows.astype(np.float32), ("a", "b"))
    found = [kept(np.zeros((1, 1, 3), np.uint8), index) for index in range(4)]
    assert [len(each) for each in found] == [1, 0, 2, 0]
    assert found[2].scores.tolist() == pytest.approx([0.9, 0.7])
