"""What a profile found, as tables."""

from mambatrack.evaluation.arithmetic import Limit, Peaks, Work
from mambatrack.evaluation.group_cost import GroupCost
from mambatrack.evaluation.profile_report import Profile, weight_bytes
from test_evaluation_arithmetic import frame


def found(*limited) -> Profile:
    peaks, group = Peaks(1e11, 2e10), GroupCost(16, 10, 4.0, 2.0)
    return Profile("mamba", (frame(),), limited, peaks, group)


def test_a_stage_has_its_time_and_its_part_in_c():
    [stages] = found().sections()
    assert stages.headings == ("stage", "10 objects")
    rows = {name: cells for name, *cells in stages.rows}
    assert rows["predict"] == ["0.500 (0.250)"]
    assert rows["together"] == ["4.000 (2.000)"]
    assert rows["update() without timers"] == ["1.000"]
    assert (rows["pairs"], rows["hypotheses"]) == (["20.0"], ["1.00"])


def test_limits_name_the_machine_of_the_same_run():
    limit = Limit("10 objects", "score", Work(2.5e6, 1e5), 0.025, 0.1)
    _, limits = found(limit).sections()
    assert limits.rows[0] == ["10 objects", "score", "2.50", "0.10", "0.025", "0.100", "25 %"]
    assert limits.rows[1] == ["10 objects", "update()", "2.50", "0.10", "0.025", "1.000", "2 %"]
    assert "100 GFLOP/s" in limits.note and "20.0 GB/s" in limits.note


def test_weights_of_the_package_are_counted():
    assert 1e5 < weight_bytes() < 1e7
