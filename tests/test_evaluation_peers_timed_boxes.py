"""What trackers are timed on."""

import numpy as np
import pytest

from mambatrack.errors import MambatrackError
from mambatrack.evaluation.peers.process import Video
from mambatrack.evaluation.peers.timed_boxes import WARM_UP, TimedBoxes, apart, by_frame, real
from mambatrack.simulation.world import write_sequence


def test_people_are_boxes_of_a_frame():
    boxes = apart(20, 50)
    assert (boxes.name, boxes.kind, boxes.frames) == ("20 objects", "apart", 50)
    assert boxes.people == len(boxes.videos[0].detections) / 50
    twice = TimedBoxes("both", "real", boxes.videos * 2)
    assert (twice.frames, twice.people) == (100, boxes.people)


def test_real_boxes_are_the_first_frames_of_sequences_with_detections(tmp_path):
    for name, frames in (("a", 40), ("b", WARM_UP + 1), ("short", WARM_UP), ("no detections", 40)):
        write_sequence(tmp_path / name, people=3, frames=frames)
    (tmp_path / "no detections/det/det.txt").unlink()
    found = real(tmp_path, 30)
    assert [each.frames for each in found.videos] == [30, WARM_UP + 1]
    assert found.videos[0].detections[:, 0].max() == 30
    with pytest.raises(MambatrackError, match="more than 20 frames"):
        real(tmp_path / "short", 30)


def test_a_frame_without_boxes_is_a_frame():
    rows = np.array([[2, 0, 0, 5, 9, 0.5], [2, 1, 1, 5, 9, 0.7], [4, 0, 0, 5, 9, 0.9]])
    found = by_frame(Video(5, (640, 480), rows))
    assert [len(each) for each in found] == [0, 2, 0, 1, 0]
    assert found[1][:, 4] == pytest.approx([0.5, 0.7])
