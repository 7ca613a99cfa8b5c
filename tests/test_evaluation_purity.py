"""Purity, completeness and tracks per object."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mambatrack.evaluation.purity import SHARES, Purity, counts_of
from wild_files import CARS, DISTRACTORS, LABELLED, LABELS, rows, scored

trackeval = pytest.importorskip("trackeval", reason="needs the extra [eval]")
FIELDS = ("Purity", "Completeness", "Tracks", "PureTracks", "TracksPerObject")
OBJECTS, TRACKS = 4, 5


@st.composite
def sequences(draw):
    """What TrackEval's pre-processing gives of a random sequence, which may be empty."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    frames, seen = draw(st.integers(0, 12)), draw(st.sampled_from([0.0, 0.5, 0.9]))
    some = [[np.flatnonzero(random.random(count) < seen) for _ in range(frames)]
            for count in (OBJECTS, TRACKS)]  # fmt: skip
    return {
        "num_timesteps": frames, "num_gt_ids": OBJECTS, "num_tracker_ids": TRACKS,
        "num_gt_dets": sum(map(len, some[0])), "num_tracker_dets": sum(map(len, some[1])),
        "gt_ids": some[0], "tracker_ids": some[1],
        "similarity_scores": [random.random((len(a), len(b))) for a, b in zip(*some, strict=True)],
    }  # fmt: skip


def evaluated(data):
    return Purity().eval_sequence(data)


@settings(deadline=None)
@given(sequences())
def test_the_boxes_that_count_are_those_that_clear_matches(data):
    clear = trackeval.metrics.CLEAR({"PRINT_CONFIG": False}).eval_sequence(data)
    assert evaluated(data)["matched"] == clear["CLR_TP"]


@settings(deadline=None)
@given(sequences())
def test_shares_and_counts_have_their_bounds(data):
    found = evaluated(data)
    some = found["matched"] > 0
    for name in ("Purity", "Completeness"):
        assert (0 < found[name] <= 1) if some else found[name] == 0
    assert 0 <= found["PureTracks"] <= found["Tracks"] <= TRACKS
    assert found["TracksPerObject"] <= TRACKS and (found["TracksPerObject"] >= 1) == some
    assert (found["Purity"] == 1) == (some and found["PureTracks"] == found["Tracks"])
    assert (found["Completeness"] == 1) == (found["TracksPerObject"] == 1)


@settings(deadline=None)
@given(sequences(), st.permutations(range(TRACKS)))
def test_the_numbers_of_tracks_do_not_matter(data, order):
    renamed = {**data, "tracker_ids": [np.array(order)[each] for each in data["tracker_ids"]]}
    assert evaluated(renamed) == evaluated(data)


TABLES = arrays(int, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.integers(0, 9))


def counted(table):
    return dict(zip(Purity.summed, counts_of(table), strict=True))


@settings(deadline=None)
@given(TABLES, st.data())
def test_a_track_cut_in_two_is_no_less_pure_and_no_more_complete(table, data):
    """table: boxes of each object on each track, of which the first is cut."""
    late = np.array([data.draw(st.integers(0, int(count))) for count in table[:, 0]])
    cut = np.column_stack([table, late])
    cut[:, 0] -= late
    one, two = counted(table), counted(cut)
    assert one["matched"] == two["matched"] and one["objects"] == two["objects"]
    assert one["pure"] <= two["pure"] and one["complete"] >= two["complete"]
    assert one["joined"] <= two["joined"] and one["Tracks"] <= two["Tracks"]


@settings(deadline=None)
@given(TABLES)
def test_completeness_is_the_purity_of_the_other_side(table):
    one, other = counted(table), counted(table.T)
    assert (one["complete"], one["objects"]) == (other["pure"], other["Tracks"])


@settings(deadline=None)
@given(st.lists(sequences(), min_size=1, max_size=4))
def test_sequences_and_classes_are_combined_by_their_boxes(given_sequences):
    each = dict(enumerate(map(evaluated, given_sequences)))
    metric = Purity()
    whole = metric.combine_sequences(each)
    assert whole == metric.combine_classes_det_averaged(each)
    for name in Purity.summed:
        assert whole[name] == sum(one[name] for one in each.values())
    assert whole["Purity"] == whole["pure"] / max(whole["matched"], 1)
    averaged = metric.combine_classes_class_averaged(each)
    for name in SHARES:
        assert averaged[name] == pytest.approx(np.mean([one[name] for one in each.values()]))


def figures(scores):
    return tuple(getattr(scores, name) for name in FIELDS)


def test_known_tracks_have_known_figures(tmp_path):
    """Person 1 is on track 1 for six frames; track 7 goes on with him, then takes person 2 over."""
    frames = [(f, 1, 1) for f in range(1, 7)]
    frames += [(f, 1, 7) for f in range(7, 9)] + [(f, 2, 7) for f in range(9, 11)]
    text = "".join(
        rows("0.9", [(f, person)]).replace(f"{f},{person},", f"{f},{track},", 1)
        for f, person, track in frames
    )
    combined = scored(tmp_path, rows(), text).combined
    assert figures(combined) == pytest.approx((80, 80, 2, 1, 1.5))
    assert combined.CLR_TP == 10


def test_what_is_matched_to_nobody_or_ignored_counts_as_no_track(tmp_path):
    ghost = rows("0.9", [(f, 50) for f in range(1, 11)])
    distractor = CARS.replace("1,1,1", "0.9")
    scores = scored(tmp_path, DISTRACTORS, rows("0.9") + distractor + ghost)
    assert figures(scores.combined) == (100, 100, 2, 2, 1)


def test_nothing_found_is_no_purity(tmp_path):
    with pytest.warns(UserWarning, match="scores 0"):
        assert figures(scored(tmp_path, rows(), "").combined) == (0, 0, 0, 0, 0)


def test_each_class_has_its_own(tmp_path):
    result = rows("0.9,2,1") + CARS.replace("1,1,1", "0.9,1,1")
    scores = scored(tmp_path, LABELLED, result, LABELS)
    assert {name: each.combined.Tracks for name, each in scores.classes.items()} == {
        "car": 1, "person": 2,
    }  # fmt: skip
    assert scores.class_average is not None
    assert figures(scores.combined) == figures(scores.class_average) == (100, 100, 3, 3, 1)
