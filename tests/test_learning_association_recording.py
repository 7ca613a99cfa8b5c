"""Recordings of what an association is asked."""

from dataclasses import replace

import numpy as np
import pytest

from association_models import learned, network, small_config, track_with
from mambatrack.association.features import NAMES
from mambatrack.datasets.sequences import find_sequences
from mambatrack.learning.association_recording import Recorder, Recording, record
from mambatrack.simulation.world import write_sequence


def test_the_teacher_follows_the_truth(sequences):
    recording = record(sequences[1][0], None, small_config().tracker)
    assert recording.same.any() and (recording.same == recording.chosen).all()
    assert len(recording.pairs) == 60 and recording.pairs.sum() == recording.features.shape[1]
    assert recording.rows.sum() == len(recording.ids)
    assert recording.found.sum() == recording.alone.shape[1] == len(recording.person)


def test_without_truth_every_detection_is_nobodys(tmp_path):
    write_sequence(tmp_path / "a", people=2, frames=6, size=(320, 240))
    (tmp_path / "a/gt/gt.txt").write_text("1,1,5,5,20,40,0,1,1\n")  # ignored
    recording = record(find_sequences(tmp_path)[0], None, small_config().tracker)
    assert len(recording.person) and not recording.person.any() and not recording.same.any()


@pytest.mark.parametrize("decided_by", ["truth", "network"])
def test_classes_are_kept_apart_in_recordings_too(decided_by):
    """Somebody whose class is another one all of a sudden is a new track where classes count."""
    rows = [[[100, 100, 140, 220, 0.9, float(frame > 2)]] for frame in range(5)]
    for aware, ids in ((False, [1] * 5), (True, [1, 1, 1, 2, 2])):
        changes = {"match_odds": -20.0, "birth_odds": -20.0, "class_aware": aware}
        policy = learned(network(), **changes) if decided_by == "network" else None
        recorder = Recorder([np.zeros(1, np.int64)] * 5, policy, aware)
        newest = [each.ids.max() for each in track_with(recorder, rows)]
        recording = recorder.recording()
        assert newest == ids
        assert recording.pairs.tolist() == ([0, 1, 1, 0, 1] if aware else [0, 1, 1, 1, 1])


def test_a_recording_is_made_in_the_time_of_its_sequence(sequences):
    """At 25 frames a second each picture is one frame of a model of 25, and two of one of 50."""
    tracker = small_config().tracker
    same, twice = (
        record(sequences[1][0], None, replace(tracker, frame_rate=rate)) for rate in (25.0, 50.0)
    )
    without = record(sequences[1][0], None, tracker)
    np.testing.assert_array_equal(without.features, same.features)
    gaps = (np.unique(each.features[NAMES.index("gap")]) for each in (same, twice))
    shortest = [each[each > 0].min() for each in gaps]
    assert shortest[1] > shortest[0] > 0


def test_a_recording_is_read_as_it_was_written(sequences, tmp_path):
    recording = record(sequences[1][0], None, small_config().tracker)
    recording.save(tmp_path / "a.npz")
    again = Recording.load(tmp_path / "a.npz")
    for name, value in vars(recording).items():
        np.testing.assert_array_equal(value, getattr(again, name))
