import warnings

import numpy as np
import pytest

from mambatrack import Tracker
from mambatrack.config import TrackerConfig
from mambatrack.tracking.beginning import PATIENCE

KALMAN = TrackerConfig(predictor="kalman", association="overlap")
SIZES = (None, (960, 540))
LEFT = np.arange(0, 600, 150.0)
PEOPLE = np.column_stack([LEFT, LEFT / 2, LEFT + 40, LEFT / 2 + 90])


def said(frames, size, config=KALMAN):
    """What a tracker warns of, each text once."""
    tracker = Tracker(config, size)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for rows in frames:
            tracker.update(rows)
    return {str(each.message) for each in caught}


def scored(score, frames=PATIENCE):
    return [np.column_stack([PEOPLE, np.full(len(PEOPLE), score)])] * frames


@pytest.mark.parametrize("size", SIZES)
def test_scores_of_which_none_starts_a_track_are_told_once(size):
    for score in (-3.0, 0.0, 0.47):
        (text,) = said(scored(score, 3 * PATIENCE), size)
        assert f"scores are at most {max(score, 0):g}, " in text and "birth_score 0.6" in text


def test_nothing_is_told_of_an_empty_scene_or_once_a_track_has_started():
    empty = [[]] * PATIENCE
    assert not said(scored(0.4, PATIENCE - 1) + empty, None)
    assert not said(scored(0.7, 1) + scored(0.4), None)
    assert not said(scored(0.4), None, TrackerConfig(birth_score=0.3))


@pytest.mark.parametrize("size", SIZES)
def test_several_boxes_of_each_object_are_asked_about(size):
    several = np.concatenate([PEOPLE, PEOPLE + 3, PEOPLE - [3, 0, 0, 0]])
    (text,) = said([several], size)
    assert "most of the 12 boxes overlap another one by more than 0.7" in text and "(NMS)" in text
    assert not said([np.concatenate([PEOPLE, PEOPLE + [12, 0, 12, 0]])], size)  # couples


@pytest.mark.parametrize("size", SIZES)
def test_shares_of_the_picture_are_asked_about(size):
    (text,) = said([PEOPLE / 640], size)
    assert "are they shares of its size?" in text
    assert not said([PEOPLE - 700], None)  # left of a picture, whose size nobody told


@pytest.mark.parametrize(("boxes", "size"), [(PEOPLE * 7, (960, 540)), (PEOPLE, (90, 540))])
def test_a_picture_of_another_size_is_asked_about(boxes, size):
    texts = said([boxes], size)
    assert any(f"{size[0]} pixels wide and {size[1]} high" in each for each in texts)
    assert not any("pixels wide" in each for each in said([PEOPLE], (400, 540)))  # one is outside
