"""Which settings a study varies, and in which range."""

import pytest

from mambatrack.config import load_config
from mambatrack.errors import MambatrackError
from mambatrack.evaluation.tuning.parameters import (
    RANGES,
    base_values,
    parse_parameters,
    usual_parameters,
)

BASE = load_config(overrides={"tracker.predictor": "kalman", "tracker.association": "overlap"})


def test_parameters_and_their_ranges():
    assert {each.name: each.values for each in parse_parameters(RANGES)} == RANGES
    names, learned = usual_parameters(BASE), usual_parameters(load_config())
    assert "tracker.iou_gate" in names and "tracker.match_odds" not in names
    assert "tracker.iou_gate" not in learned and "tracker.match_odds" in learned
    assert "tracker.max_age" in names and "tracker.max_age" in learned
    age, passes, straighten = parse_parameters(
        ["tracker.straighten_history", "tracker.max_age=10:90", "tracker.passes"]
    )
    assert age.values == (10, 90) and passes.values == (1, 2)
    assert straighten.values == (False, True) and straighten.categorical
    [gate] = parse_parameters(["tracker.iou_gate=0:1"])
    assert gate.values == (0.0, 1.0) and isinstance(gate.values[0], float)
    assert (str(age), str(straighten)) == ("10:90", "False, True")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tracker.iou_gat", "did you mean 'tracker.iou_gate'"),
        ("max_age=1:2", "did you mean 'tracker.max_age'"),
        ("detector.conf", "detector.conf cannot be tuned"),
        ("tracker.predictor", "tracker.predictor cannot be tuned"),
        ("tracker.iou_gate=0.5", "expected a range LOW:HIGH"),
        ("tracker.iou_gate=0.5:0.1", "the range 0.5:0.1 is empty"),
        ("tracker.iou_gate=0.5:1.5", r"1.5 is not allowed \(0.0 to 1.0\)"),
        ("tracker.max_age=1.5:9", "expected int, found 1.5"),
        ("tracker.min_hits", "give a range, as tracker.min_hits=LOW:HIGH"),
        ("tracker.straighten_history=0:1", "takes no range"),
    ],
)
def test_a_wrong_parameter_is_told(text, reason):
    with pytest.raises(MambatrackError, match=reason):
        parse_parameters([text])


def test_an_old_name_is_read_with_the_new_one():
    with pytest.warns(FutureWarning, match="is called tracker.straighten_history now"):
        [old] = parse_parameters(["tracker.refill"])
    assert [old] == parse_parameters(["tracker.straighten_history"])


def test_a_parameter_is_named_once_and_holds_the_base():
    with pytest.raises(MambatrackError, match="named twice"):
        parse_parameters(["tracker.iou_gate", "tracker.iou_gate=0:1"])
    config = load_config(overrides={"tracker.max_age": 200})
    with pytest.raises(MambatrackError, match=r"max_age, 200, which is not within 10:120"):
        base_values(config, parse_parameters(RANGES))


def test_every_default_range_holds_the_default():
    for each in parse_parameters(RANGES):
        low, high = each.values
        for end in (low, high, *base_values(load_config(), [each]).values()):
            assert each.allows(end)
            load_config(overrides={each.name: end})
