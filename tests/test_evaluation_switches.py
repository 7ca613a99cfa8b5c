import csv
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from mambatrack.datasets.matching import DetectionRows
from mambatrack.datasets.sequences import Sequence, Trajectories
from mambatrack.evaluation.switches import (
    CAUSES,
    Switch,
    count_causes,
    find_switches,
    switch_table,
    write_switches,
)

SIZE = (640, 480)


def sequence(name="a", frames=200, images=None) -> Sequence:
    return Sequence(name, Path(name), SIZE, 10.0, frames, None, None, images)


def boxes_at(rows) -> Trajectories:
    """(frame, id, left) -> boxes of 30 x 60 pixels."""
    frame, identity, left = np.array(rows, float).reshape(-1, 3).T
    corners = [left, np.full(len(left), 100), left + 30, np.full(len(left), 160)]
    boxes = np.stack(corners, 1).astype(np.float32)
    return Trajectories(frame.astype(int), identity.astype(int), boxes)


def standing(frames, identity=1, left=300) -> list[tuple]:
    return [(frame, identity, left) for frame in frames]


def scored(strong, weak=()) -> DetectionRows:
    boxes = boxes_at([*strong, *weak])
    scores = np.where(np.arange(len(boxes)) < len(strong), 0.6, 0.59)
    return DetectionRows(boxes.frame, boxes.boxes, scores)


def switches(truth, results, strong, weak=(), **options) -> list[Switch]:
    found = scored(strong, weak)
    return find_switches(sequence(), boxes_at(truth), boxes_at(results), found, **options)


def one_switch(present, frames_before, frames_after, seen=None, left=300, **more) -> Switch:
    """Object 1 has id 7, then id 8."""
    results = standing(frames_before, 7, left) + standing(frames_after, 8, left)
    truth = standing(present, 1, left) + more.pop("others", [])
    strong = standing(present if seen is None else seen, 1, left) + more.pop("more_seen", [])
    [switch] = switches(truth, results, strong, **more)
    assert (switch.object, switch.before, switch.after) == (1, 7, 8)
    return switch


ONE_TO_NINE, FIRST, LAST = range(1, 10), [1, 2, 3], [7, 8, 9]


def test_a_switch_tells_when_and_what():
    switch = one_switch(ONE_TO_NINE, FIRST, LAST, seen=FIRST + LAST, weak=standing([4]))
    assert switch == Switch(
        sequence="a", frame=7, object=1, before=7, after=8, other=None, cause="detector miss",
        last_frame=3, gap=3, overlap=0.0, unseen=3, missed=2, absent=0,
    )  # fmt: skip


def test_who_keeps_the_id_has_no_switch():
    assert switches(standing(ONE_TO_NINE), standing(FIRST + LAST, 7), []) == []
    assert switches([], [], []) == []


def test_a_weak_detection_in_the_gap_is_a_low_score():
    weak = standing([4, 5, 6])
    assert one_switch(ONE_TO_NINE, FIRST, LAST, seen=FIRST + LAST, weak=weak).cause == "low score"
    strong = one_switch(ONE_TO_NINE, FIRST, LAST, seen=ONE_TO_NINE, weak=weak)
    assert (strong.cause, strong.unseen) == ("other", 0)
    lower = one_switch(ONE_TO_NINE, FIRST, LAST, FIRST + LAST, weak=weak, match_score=0.59)
    assert lower.cause == "other"


def test_one_detection_does_not_stand_for_two_objects():
    neighbour = standing(ONE_TO_NINE, 2, left=317)  # IoU 13/47 with object 1, not a crossing
    seen = FIRST + LAST
    alone = one_switch(ONE_TO_NINE, FIRST, LAST, seen, others=neighbour, more_seen=neighbour)
    assert (alone.cause, alone.missed) == ("detector miss", 3)


@pytest.mark.parametrize(("first_after", "cause"), [(34, "detector miss"), (35, "long gap")])
def test_a_gap_is_long_when_the_tracker_has_given_up(first_after, cause):
    present, after = range(1, 40), range(first_after, 40)
    switch = one_switch(present, FIRST, after, seen=[*FIRST, *after])
    assert (switch.cause, switch.gap) == (cause, first_after - 4)
    assert one_switch(present, FIRST, after, [*FIRST, *after], max_age=40).cause != "long gap"


@pytest.mark.parametrize(
    ("left", "cause"),
    [(6, "left the image"), (7, "other"), (604, "left the image"), (603, "other")],
)
def test_leaving_the_image_is_absence_at_its_border(left, cause):
    switch = one_switch(FIRST + LAST, FIRST, LAST, left=left)
    assert (switch.cause, switch.absent) == (cause, 3)


def test_a_box_whose_centre_is_outside_has_left_the_image():
    truth = [*standing(FIRST, left=0), *standing([4, 5, 6], left=-16), *standing(LAST, left=0)]
    results = standing(FIRST, 7, left=0) + standing(LAST, 8, left=0)
    assert switches(truth, results, [])[0].cause == "left the image"
    cut = [*standing(FIRST, left=0), *standing([4, 5, 6], left=-15), *standing(LAST, left=0)]
    assert switches(cut, results, [])[0].cause == "detector miss"


def test_leaving_goes_before_a_long_gap():
    present = [1, *range(50, 60)]
    assert one_switch(present, [1], range(50, 60), left=0).cause == "left the image"
    assert one_switch(present, [1], range(50, 60)).cause == "long gap"


@pytest.mark.parametrize(("distance", "cause"), [(16, "crossing"), (17, "detector miss")])
def test_a_neighbour_in_the_stretch_is_a_crossing(distance, cause):
    passing = standing([5], 2, left=300 + distance)
    switch = one_switch(ONE_TO_NINE, FIRST, LAST, seen=FIRST + LAST, others=passing)
    assert switch.cause == cause
    assert switch.overlap == pytest.approx((30 - distance) / (30 + distance))
    assert switch.other == (2 if cause == "crossing" else None)


@pytest.mark.parametrize(
    ("frame", "cause"), [(2, "other"), (3, "crossing"), (7, "crossing"), (8, "other")]
)
def test_a_crossing_lies_between_the_last_old_and_the_first_new_id(frame, cause):
    passing = standing([frame], 2, left=305)
    switch = one_switch(ONE_TO_NINE, FIRST, LAST, others=passing, more_seen=passing)
    assert switch.cause == cause


def test_an_exchange_of_ids_names_the_other_object():
    truth = standing(ONE_TO_NINE) + standing(ONE_TO_NINE, 2, left=314)
    truth += standing(ONE_TO_NINE, 3, left=303)  # overlaps more, but has no part in it
    results = [*standing(FIRST, 7), *standing(FIRST, 8, 314), *standing(ONE_TO_NINE, 9, 303)]
    results += [*standing(LAST, 8), *standing(LAST, 7, 314)]
    found = switches(truth, results, [])
    told = {each.object: (each.before, each.after, each.other) for each in found}
    assert told == {1: (7, 8, 2), 2: (8, 7, 1)}


def test_the_last_one_that_held_the_new_id_is_the_other_object():
    truth = standing(ONE_TO_NINE) + standing([1], 2, left=100) + standing([2], 3, left=110)
    results = [*standing([1], 8, 100), *standing([2], 8, 110), *standing(FIRST, 7)]
    [switch] = switches(truth, results + standing(LAST, 8), truth)
    assert (switch.other, switch.cause) == (3, "other")


def test_the_object_that_took_the_old_id_is_the_other_one():
    truth = standing(ONE_TO_NINE) + standing(ONE_TO_NINE, 2, left=500)
    results = [*standing(FIRST, 7), *standing([5, 6], 7, 500), *standing(LAST, 8)]
    [switch] = switches(truth, results, truth)
    assert (switch.other, switch.cause) == (2, "other")


def test_without_detections_a_miss_cannot_be_told():
    results = boxes_at(standing(FIRST, 7) + standing(LAST, 8))
    [switch] = find_switches(sequence(), boxes_at(standing(ONE_TO_NINE)), results)
    assert (switch.cause, switch.unseen, switch.gap) == ("other", 0, 3)


EXAMPLE = Switch("a", 7, 1, 7, 8, None, "crossing", 3, 3, 0.5, 1, 0, 0)


def test_the_csv_has_a_row_for_each_switch(tmp_path):
    path = tmp_path / "switches.csv"
    named = Switch(**{**vars(EXAMPLE), "sequence": 'odd, "name"', "other": 2})
    write_switches(path, {"mamba": [EXAMPLE], "still": [named]})
    with path.open(newline="") as file:
        one, two = csv.DictReader(file)
    assert list(one) == ["tracker", *vars(EXAMPLE)]
    assert (one["tracker"], two["tracker"]) == ("mamba", "still")
    told = [one[key] for key in ("frame", "other", "overlap", "cause")]
    assert told == ["7", "", "0.500", "crossing"]
    assert (two["sequence"], two["other"]) == ('odd, "name"', "2")


def test_causes_are_counted_and_shown_side_by_side():
    seen = Switch(**{**vars(EXAMPLE), "unseen": 0})
    left = Switch(**{**vars(EXAMPLE), "cause": "left the image"})
    counts = count_causes([EXAMPLE, seen, seen, left])
    assert counts["crossing, hidden"] == 1 and counts["crossing, seen"] == 2
    assert len(counts) == len(CAUSES) + 1 and sum(counts.values()) == 4
    console = Console(width=100)
    with console.capture() as capture:
        console.print(switch_table({"mamba": [EXAMPLE, seen, seen, left], "none": []}))
    rows = [line.replace("│", " ").split() for line in capture.get().splitlines()]
    assert ["crossing,", "seen", "2", "(50", "%)", "0", "(0", "%)"] in rows
    assert ["all", "4", "0"] in rows
