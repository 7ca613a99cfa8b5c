"""Gates, passes and births of the association by overlap."""

import numpy as np
import pytest

from mambatrack.boxes import xyxy_to_cxcywh
from test_tracking_tracker import tracker, walker


@pytest.mark.parametrize("setting", ["birth_score", "match_score"])
def test_a_score_on_the_threshold_counts(setting):
    tracked = tracker(**{setting: 0.75, "birth_score": 0.75})
    assert len(tracked.update([walker(0, 0.7499)])) == 0
    assert len(tracked.update([walker(0, 0.75)])) == 1
    assert tracked.update([walker(0, 0.75)]).gap.tolist() == [0]
    assert tracked.update([walker(0, 0.7499)]).gap.tolist() == ([1] if setting[0] == "m" else [0])


def test_an_iou_on_the_gate_is_matched():
    for gate, matched in ((1 / 3, True), (0.34, False)):
        tracked = tracker(predictor="still", iou_gate=gate, birth_score=0.95)
        tracked.update([[0, 0, 4, 4, 0.99]])
        tracks = tracked.update([[2, 0, 6, 4, 0.9]])
        assert tracks.observed.tolist() == [matched]


def test_active_tracks_go_first_in_two_passes():
    for passes, holder in ((2, 2), (1, 1)):
        tracked = tracker(predictor="still", passes=passes, iou_gate=0.2)
        tracked.update([[0, 0, 100, 100]])
        tracked.update()
        tracked.update([[200, 0, 300, 100]])
        tracked.state.hypotheses.table["boxes"][1] = xyxy_to_cxcywh(np.array([50.0, 0, 150, 100]))
        tracked.state.hypotheses.table["motion"][1] = tracked.state.hypotheses.table["boxes"][1]
        tracks = tracked.update([[10, 0, 110, 100]])
        assert tracks.ids[tracks.observed].tolist() == [holder]


def test_classes_are_kept_apart_where_asked():
    for aware, ids in ((False, [1]), (True, [1, 2])):
        tracked = tracker(class_aware=aware)
        tracked.update([walker(0, label=1)])
        tracks = tracked.update([walker(1, label=2)])
        assert tracks.ids.tolist() == ids and tracks.labels[-1] == 2


def test_no_birth_on_top_of_a_live_track():
    tracked = tracker(birth_iou=0.4)
    tracked.update([walker(100)])
    assert tracked.update([walker(100), walker(110)]).ids.tolist() == [1]
    assert tracked.update([walker(100), walker(300)]).ids.tolist() == [1, 2]
