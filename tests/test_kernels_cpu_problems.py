"""Candidates, their features and the answers in the C library: those of numpy, to the bit but for
likelihoods."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c_library import needs_library
from mambatrack.association import compiled
from mambatrack.association.compiled import CROWD, GATE, CompiledAssociation
from mambatrack.association.features import (
    ALONE,
    MANY_PAIRS,
    MOST_REACH,
    NAMES,
    NEAREST,
    REACH,
    REACH_PER_FRAME,
    describe_pairs,
    distances,
    nearest,
)
from mambatrack.association.interface import Association, Question
from mambatrack.association.loading import load_association
from mambatrack.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mambatrack.config import TrackerConfig
from mambatrack.detections import Detections
from mambatrack.kernels.cpu import problems as in_c
from mambatrack.kernels.cpu.found import FoundColumns
from mambatrack.kernels.cpu.questions import Crowd
from mambatrack.track_table import TrackTable


def boxes_of(rng, count):
    """xyxy, so near each other that many overlap, some of them equal."""
    sizes = rng.uniform(4, 60, (count, 2))
    corners = rng.uniform(-20, 30 * max(count, 4) ** 0.5, (count, 2))
    boxes = np.concatenate([corners, corners + sizes], axis=1).astype(np.float32)
    boxes[: count // 8] = boxes[count // 8 : 2 * (count // 8)]
    return boxes


def detections_of(rng, count):
    scores = rng.uniform(0, 1, count).astype(np.float32)
    return Detections(boxes_of(rng, count), scores, rng.integers(0, 2, count))


def table_of(rng, count, span=1, memory=5):
    """A table after its prediction, of tracks that were seen and lost for all kinds of times."""
    table = TrackTable(3, memory)
    if count:
        found = detections_of(rng, count)
        table.start(xyxy_to_cxcywh(found.boxes), np.zeros((count, 3)), found, np.arange(count))
        shaken = rng.normal(0, 3, (count, 4)).astype(np.float32)
        table["last"][:, :2] = table["last"][:, :2] - shaken[:, :2]
        table["means"][:] = table["means"] + rng.normal(0, 0.3, (count, 8)).astype(np.float32)
        table["hits"][:] = rng.integers(1, 400, count)
        spread = rng.uniform(0, 9, (count, 4)).astype(np.float32)
        table.predict(table["boxes"] + 0.1 * np.abs(shaken), spread, span)
        table["gap"][:] = span + rng.integers(0, 50, count) * rng.integers(0, 2, count)
    return table


def crowd_of(rng):
    """A table and detections with more pairs than MANY_PAIRS."""
    return table_of(rng, 440), detections_of(rng, 420)


@cache
def shipped(match_odds=0.0, class_aware=False):
    config = TrackerConfig(match_odds=match_odds, class_aware=class_aware)
    association = load_association(config)
    assert type(association) is CompiledAssociation
    return association


def problems_of(class_aware=False, crowd=CROWD):
    """Memory of its own, for tables without any of the association."""
    return in_c.Problems(GATE, crowd, class_aware, shipped()._limits, shipped().network)


def asked(table, found):
    return in_c.Question(table.in_c, found.in_c, len(table), table.span)


def differing(table, found, class_aware=False, problems=None):
    """The names of what numpy has otherwise, of each candidate and detection."""
    want = describe_pairs(table, found, xyxy_to_cxcywh(found.boxes), class_aware)
    (got,) = (problems or problems_of(class_aware)).describe([asked(table, found)])
    parts = zip(want._fields[:4], got, want[:4], strict=True)
    return [name for name, ours, theirs in parts if not np.array_equal(ours, theirs)]


def undecided(rng, count, like):
    """A table whose histories say all kinds of things."""
    table = table_of(rng, count, memory=like.memory_size)
    table["memory"][:] = rng.normal(0, 1, table["memory"].shape)
    return table


def otherwise(questions, association):
    """What differs in the answers from those of numpy to the same scores."""
    ours, theirs = association.decide(questions), Association.decide(association, questions)
    for own, other in zip(ours, theirs, strict=True):
        if len(own.answers) != len(other.answers):
            return ["number of answers"]
        for one, plain in zip(own.answers, other.answers, strict=True):
            if not np.isclose(one.likelihood, plain.likelihood, 1e-9, 1e-9):
                return ["likelihood"]
            for name, a, b in zip(("chosen", "born"), one.decision, plain.decision, strict=True):
                if not np.array_equal(a, b):
                    return [name]
    return []


def questions_of(rng, association):
    """Of two trackers, the first with two hypotheses."""
    many, few = detections_of(rng, rng.integers(0, 40)), detections_of(rng, rng.integers(0, 9))
    several, compared = (rng.random(2) < 0.7).tolist()
    return [
        Question(
            undecided(rng, int(rng.integers(0, 40)), association), found,
            xyxy_to_cxcywh(found.boxes), several, compared,
        )
        for found in (many, many, few)
    ]  # fmt: skip


def measurements():
    """For test_kernels_cpu_variants.py."""
    rng, problems = np.random.default_rng(3), problems_of()
    sizes = ((0, 0), (0, 5), (4, 0), (1, 1), (9, 12), (70, 60), (40, 90))
    cases = [(table_of(rng, n), detections_of(rng, m)) for n, m in sizes]
    cases.append(crowd_of(rng))
    different = [name for each in cases for name in differing(*each, problems=problems)]
    answers = 0
    for number in range(24):
        association = shipped((-9.0, -3.0, 0.0)[number % 3], bool(number % 2))
        questions = questions_of(rng, association)
        different += otherwise(questions, association)
        answers += sum(len(each.answers) for each in association.decide(questions))
    return {"different": different, "alternatives": answers > 80}


def as_expected(found):
    """Of each instruction set, and under the sanitizer."""
    return found == {"different": [], "alternatives": True}


@needs_library
@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 60), st.integers(0, 60), st.integers(1, 4), st.booleans(), st.integers(0, 2**16)
)
def test_equals_numpy(tracks, detections, span, class_aware, seed):
    rng = np.random.default_rng(seed)
    table, found = table_of(rng, tracks, span), detections_of(rng, detections)
    before = table.columns()
    assert differing(table, found, class_aware) == []
    for name, column in table.columns().items():
        np.testing.assert_array_equal(column, before[name])


@needs_library
@pytest.mark.parametrize("side", range(4))
def test_at_the_end_of_the_reach_the_last_bit_decides(side):
    """Ends in double precision, boxes in single."""
    table = table_of(np.random.default_rng(side), 1)
    reach = min(REACH + REACH_PER_FRAME * float(table.missed[0]), MOST_REACH)
    corners = cxcywh_to_xyxy(table["boxes"])[0].astype(np.float64)
    size = table["boxes"][0, 2 + side % 2].astype(np.float64)
    end = np.float32(corners[side] + (reach if side > 1 else -reach) * size)
    ends = np.concatenate([[end], end + np.spacing(end) * np.arange(-4, 5)]).astype(np.float32)
    boxes = np.repeat(corners[None].astype(np.float32), len(ends), axis=0)
    boxes[:, side - 2] = ends  # of the other side of the detection
    boxes[:, side] = ends + (20 if side > 1 else -20)
    found = Detections(boxes, np.full(len(ends), 0.5, np.float32), np.zeros(len(ends), np.int64))
    pairs = len(describe_pairs(table, found, xyxy_to_cxcywh(found.boxes), False).tracks)
    assert 0 < pairs < len(ends)
    assert differing(table, found) == []


@needs_library
def test_frames_of_every_size_are_taken_in_turn():
    rng, problems = np.random.default_rng(0), problems_of()
    for size in ((3, 2), (90, 80), (0, 7), (200, 210), (5, 5)):
        table, found = table_of(rng, size[0]), detections_of(rng, size[1])
        assert differing(table, found, problems=problems) == []


@needs_library
def test_of_a_crowd_pairs_are_left_out_that_are_not_among_the_nearest():
    table, found = crowd_of(np.random.default_rng(3))
    assert differing(table, found) == []
    (kept,) = problems_of().describe([asked(table, found)])
    (every,) = problems_of(crowd=Crowd(10**6, NEAREST)).describe([asked(table, found)])
    far = distances(table["boxes"], xyxy_to_cxcywh(found.boxes), every.tracks, every.detections)
    near = nearest(every.tracks, every.detections, far)
    assert len(every.tracks) > MANY_PAIRS and not near.all()
    np.testing.assert_array_equal(kept.tracks, every.tracks[near])
    np.testing.assert_array_equal(kept.detections, every.detections[near])


@needs_library
def test_tables_together_are_what_they_are_alone():
    rng, problems = np.random.default_rng(5), problems_of()
    together = [(table_of(rng, n), detections_of(rng, m)) for n, m in ((9, 4), (0, 3), (20, 30))]
    found = problems.describe([asked(*each) for each in together])
    for each, own in zip(together, found, strict=True):
        for ours, theirs in zip(own, problems.describe([asked(*each)])[0], strict=True):
            np.testing.assert_array_equal(ours, theirs)


@needs_library
def test_the_sizes_are_those_of_the_names():
    rng = np.random.default_rng(1)
    (found,) = problems_of().describe([asked(table_of(rng, 9), detections_of(rng, 7))])
    assert len(found.tracks) and found.features.shape == (len(NAMES), len(found.tracks))
    assert len(found.detections) == len(found.tracks) and found.alone.shape == (len(ALONE), 7)


@needs_library
def test_what_does_not_fit_is_refused():
    rng = np.random.default_rng(2)
    question = asked(table_of(rng, 3), detections_of(rng, 4))
    with pytest.raises(ValueError, match="up to 64 tracks expected, got 65"):
        problems_of().describe([question._replace(tracks=65)])
    with pytest.raises(ValueError, match="4 scores have 4, 4, 4, 3, 4"):
        FoundColumns(*[np.zeros((4, 4))] * 2, np.zeros(4), np.zeros(3), np.zeros(4))


@needs_library
def test_a_table_without_the_memory_of_the_networks_is_refused():
    rng = np.random.default_rng(2)
    question = asked(table_of(rng, 3), detections_of(rng, 4))
    with pytest.raises(ValueError, match=r"a memory of \d+ floats expected, got 5"):
        problems_of().decide([question], lambda *left: np.zeros(0, int))


@needs_library
def test_a_table_with_another_column_is_refused():
    table = TrackTable(3, 5)
    table._columns.arrays["means"] = np.zeros((64, 7), np.float32)
    with pytest.raises(ValueError, match=r"means: \[64, 8\] float32 .* got \[64, 7\]"):
        assert table.in_c


def solved_outside(monkeypatch, table, found):
    """How often the general solver is asked, where the answers are those of numpy."""
    calls = []
    solve = compiled._solve
    monkeypatch.setattr(compiled, "_solve", lambda *left: calls.append(left) or solve(*left))
    question = Question(table, found, found.centred, True, True)
    assert otherwise([question], shipped(-9.0)) == []
    return len(calls)


@needs_library
@pytest.mark.parametrize("people", [2, 3, 8])
def test_contests_of_few_people_are_decided_inside(monkeypatch, people):
    rng = np.random.default_rng(people)
    for _ in range(9):
        found = near_one_place(rng, people)
        assert solved_outside(monkeypatch, crowd_at_one_place(rng, people), found) == 0


@needs_library
def test_contests_of_many_and_those_without_a_single_best_answer_are_left(monkeypatch):
    rng = np.random.default_rng(4)
    for _ in range(9):
        equal = near_one_place(rng, 2).select([0, 0])
        assert solved_outside(monkeypatch, crowd_at_one_place(rng, 1), equal) == 1
    assert solved_outside(monkeypatch, crowd_at_one_place(rng, 9), near_one_place(rng, 9)) == 1


def near_one_place(rng, count):
    corners = rng.uniform(100, 130, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(60, 90, (count, 2))], axis=1)
    return Detections(boxes.astype(np.float32), rng.random(count, np.float32), np.zeros(count, int))


def crowd_at_one_place(rng, count):
    table, found = TrackTable(3, shipped().memory_size), near_one_place(rng, count)
    table.start(found.centred, np.zeros((count, 3)), found, np.arange(count))
    table.predict(table["boxes"] + rng.normal(0, 9, (count, 4)), np.ones((count, 4)))
    table["memory"][:] = rng.normal(0, 1, table["memory"].shape)
    return table
