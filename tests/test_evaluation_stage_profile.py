"""The stages of a frame."""

import numpy as np
import pytest

from mambatrack.association.loading import load_association
from mambatrack.config import TrackerConfig
from mambatrack.evaluation import stage_profile
from mambatrack.evaluation.peers.timed_boxes import WARM_UP, by_frame, meeting
from mambatrack.evaluation.stage_profile import STAGES, TIMED, Clock, Counter, profile
from mambatrack.kernels.cpu import library
from mambatrack.motion.loading import load_predictor
from mambatrack.tracking import tracker as of_tracker
from mambatrack.tracking.tracker import Tracker

BOXES = meeting(6, WARM_UP + 12)
LEARNED, OVERLAP = TrackerConfig(), TrackerConfig(association="overlap")


@pytest.fixture
def clock(monkeypatch):
    """A clock that shows what ``now`` holds; reading it takes no time."""
    now = [0]
    monkeypatch.setattr(stage_profile.time, "thread_time_ns", lambda: now[0])
    made = Clock()
    made.now = now
    return made


def test_a_function_called_by_another_has_a_time_of_its_own(clock):
    def inner():
        clock.now[0] += 5

    def outer():
        clock.now[0] += 1
        clock.around("score", inner)()
        clock.around_c(inner)()
        clock.now[0] += 2
        return "done"

    clock.go(("rest", False))
    clock.now[0] += 10
    assert clock.around("decide", outer)() == "done"
    clock.go(None)
    clock.now[0] += 100
    clock.around_c(inner)()  # nowhere: not counted
    assert clock.spent == {
        ("rest", False): 10, ("decide", False): 3, ("decide", True): 5, ("score", False): 5
    }  # fmt: skip
    clock.start()
    assert clock.spent == {}


def test_a_stage_ends_where_its_function_raises(clock):
    def fails():
        clock.now[0] += 3
        raise ValueError

    clock.go(("rest", False))
    with pytest.raises(ValueError):
        clock.around("score", fails)()
    clock.now[0] += 4
    clock.go(None)
    assert clock.spent == {("rest", False): 4, ("score", False): 3}


def test_what_is_done_again_is_taken_out_of_its_call():
    place = {name: number for number, name in enumerate(STAGES)}
    spent = {
        ("decide", False): 10, ("decide", True): 50, ("describe", False): 9, ("describe", True): 5,
        ("score", False): 9, ("score", True): 30, ("rest", False): 1,
    }  # fmt: skip
    rows = stage_profile._of_stages(spent)
    assert rows[place["decide"]].tolist() == [10, 15]
    assert rows[place["describe"]].tolist() == [0, 5] and rows[place["score"]].tolist() == [0, 30]
    in_python = {("decide", False): 40, ("describe", False): 9, ("score", False): 11}
    rows = stage_profile._of_stages(in_python)
    assert rows[[place["decide"], place["describe"]]].tolist() == [[20, 0], [9, 0]]


@pytest.mark.parametrize("config", [LEARNED, OVERLAP], ids=["learned", "overlap"])
def test_all_stages_take_time_and_are_part_of_the_frame(config):
    found = profile(config, load_predictor("kalman"), BOXES, passes=1)
    assert list(found.stages) == list(STAGES) and found.people == BOXES.people
    for name, stage in found.stages.items():
        assert 0 <= stage.in_c_ms <= stage.ms, name
        assert stage.ms > 0 or name == "decide", name
    together = sum(stage.ms for stage in found.stages.values())
    assert found.update_ms > 0 and together > 0
    counts = found.counts
    assert counts.pairs >= counts.matched > 0 and counts.detections >= counts.matched
    assert counts.predicted >= counts.tracks > 0 and counts.hypotheses >= 1
    if config is LEARNED and library.wanted():
        assert found.stages["score"].in_c_ms > 0


def test_no_timer_is_left_behind_and_none_changes_a_result():
    before = [getattr(owner, name) for _, owner, name in TIMED]
    association = load_association(LEARNED)
    predictor = load_predictor("mamba")
    clock, counter = Clock(), Counter()
    plain = Tracker(LEARNED, BOXES.videos[0].size, predictor, association)
    timed = Tracker(LEARNED, BOXES.videos[0].size, predictor, association)
    for boxes in by_frame(BOXES.videos[0]):
        expected = plain.update(boxes)
        with stage_profile._timers(clock, counter, association):
            assert of_tracker.predict_together is not before[2]
            found = timed.update(boxes)
        assert np.array_equal(expected.ids, found.ids)
        assert np.array_equal(expected.boxes, found.boxes)
    assert [getattr(owner, name) for _, owner, name in TIMED] == before
    assert "decide" not in vars(association)
    if library.available():
        assert not hasattr(vars(library.library())["lanes"], "__wrapped__")
        assert type(vars(library.library())["lanes"]).__name__ == "_FuncPtr"
