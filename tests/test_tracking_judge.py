"""How likely an association finds links that others decided."""

from dataclasses import replace

import numpy as np
import pytest

from mambatrack.association.alternatives import ODDS_SHARE
from mambatrack.config import TrackerConfig
from mambatrack.detections import as_detections
from mambatrack.tracking.judge import LOG_LIKELIHOOD_FLOOR, Judge
from mambatrack.tracking.tracker import Tracker
from test_tracking_hypotheses import association_of

TWO = [[0, 0, 100, 200, 0.9], [60, 0, 160, 200, 0.9]]
FAR = [[500, 0, 600, 200, 0.9]]
NOTHING = np.zeros((0, 2))
ODDS = np.array([[3.0, 1.0], [0.5, 2.0]])


def judged(frames, tracks, odds):
    """The evidence of each detection of all frames, and what is tracked as it was told."""
    judge = Judge(association_of(odds), np.array(tracks))
    tracker = Tracker(TrackerConfig(predictor="still"), association=judge)
    first, results = 0, []
    for rows in frames:
        numbers = np.arange(first, first + len(rows))
        results.append(tracker.update(replace(as_detections(rows), rows=numbers)))
        first += len(rows)
    return judge.evidence, results


def log_total(odds):
    """Of all choices of one track or detection, to be alone included."""
    return np.log(1 + np.exp(ODDS_SHARE * odds).sum())


def test_a_link_is_as_likely_as_the_choices_of_its_track_and_of_its_detection():
    evidence, results = judged([TWO, TWO], [7, 4, 7, 4], [NOTHING, ODDS])
    totals = [(log_total(ODDS[i]) + log_total(ODDS[:, i])) / 2 for i in range(2)]
    expected = [ODDS_SHARE * ODDS[i, i] - totals[i] for i in range(2)]
    np.testing.assert_allclose(evidence, [0, 0, *expected], rtol=1e-5)
    assert results[1].ids.tolist() == [1, 2] and results[1].det_ind.tolist() == [2, 3]


def test_what_was_decided_is_done_whatever_the_odds():
    evidence, results = judged([TWO, TWO], [7, 4, 4, 7], [NOTHING, ODDS])
    assert results[1].det_ind.tolist() == [3, 2]
    likelier, _ = judged([TWO, TWO], [7, 4, 7, 4], [NOTHING, ODDS])
    assert evidence.sum() < likelier.sum()


def test_a_link_that_is_no_candidate_is_as_unlikely_as_can_be():
    evidence, results = judged([TWO, FAR], [0, 1, 0], [NOTHING, np.zeros((2, 1))])
    assert evidence[2] == LOG_LIKELIHOOD_FLOOR
    assert results[1].det_ind.tolist() == [2, -1] and results[1].boxes[0].tolist() == FAR[0][:4]


def test_a_track_that_is_not_seen_tells_against_its_newest_detection():
    evidence, results = judged([TWO, TWO], [0, 1, -1, 1], [NOTHING, ODDS])
    assert evidence[0] == pytest.approx(-log_total(ODDS[0]) / 2)
    assert evidence[2] == 0 and results[1].det_ind.tolist() == [-1, 3]


def test_a_birth_is_as_likely_as_its_detection_is_alone():
    evidence, results = judged([TWO, TWO], [0, 1, 0, 2], [NOTHING, ODDS])
    assert evidence[3] == pytest.approx(-log_total(ODDS[:, 1]) / 2)
    assert results[1].ids.tolist() == [1, 2, 3]
