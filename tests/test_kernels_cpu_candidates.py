"""Candidates and their features in the C library: those of numpy, to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c_library import VARIANTS, measured, measured_under_sanitizer, needs_library
from mambatrack.association.compiled import GATE, _rows
from mambatrack.association.features import ALONE, NAMES, describe_pairs
from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.detections import Detections
from mambatrack.kernels.cpu.candidates import PairDescriber
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


def table_of(rng, count, span=1):
    """A table after its prediction, of tracks that were seen and lost for all kinds of times."""
    table = TrackTable(3, 5)
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


def described(table, found, class_aware=False, describer=None):
    boxes = xyxy_to_cxcywh(found.boxes)
    labels = found.labels.copy() if class_aware else None
    describer = describer or PairDescriber(GATE)
    return describer(table.in_c, table.missed, table.span, _rows(found, boxes), labels)


def differing(table, found, class_aware=False, describer=None):
    """The names of what numpy has otherwise, of each candidate and detection."""
    want = describe_pairs(table, found, xyxy_to_cxcywh(found.boxes), class_aware)
    got = described(table, found, class_aware, describer)
    parts = zip(want._fields[:4], got, want[:4], strict=True)
    return [name for name, ours, theirs in parts if not np.array_equal(ours, theirs)]


def measurements():
    """For c_library.measured."""
    rng, describer = np.random.default_rng(3), PairDescriber(GATE)
    sizes = ((0, 0), (0, 5), (4, 0), (1, 1), (9, 12), (70, 60), (40, 90))
    cases = [(table_of(rng, n), detections_of(rng, m)) for n, m in sizes]
    different = [name for each in cases for name in differing(*each, describer=describer)]
    return {"different": different}


@needs_library
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_instruction_set_equals_numpy(variant):
    assert measured(variant)[__name__] == {"different": []}


@needs_library
def test_no_access_out_of_bounds_under_the_address_sanitizer():
    assert measured_under_sanitizer()[__name__] == {"different": []}


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
def test_one_describer_takes_frames_of_every_size_in_turn():
    rng, describer = np.random.default_rng(0), PairDescriber(GATE)
    for size in ((3, 2), (90, 80), (0, 7), (200, 210), (5, 5)):
        table, found = table_of(rng, size[0]), detections_of(rng, size[1])
        assert differing(table, found, describer=describer) == []


@needs_library
def test_the_sizes_are_those_of_the_names():
    rng = np.random.default_rng(1)
    tracks, detections, features, alone = described(table_of(rng, 9), detections_of(rng, 7))
    assert len(tracks) and features.shape == (len(NAMES), len(tracks))
    assert len(detections) == len(tracks) and alone.shape == (len(ALONE), 7)


@needs_library
@pytest.mark.parametrize(
    "changes, said",
    [
        ({"missed": np.zeros(65, np.int64)}, "missed: up to 64 tracks expected, got 65"),
        ({"missed": np.zeros(3)}, r"missed: \[3\] int64 without gaps expected, got \[3\] float64"),
        ({"found": np.zeros((4, 8), np.float32)}, r"found: \[4, 9\] float32 .* got \[4, 8\]"),
        ({"found": np.zeros((8, 9), np.float32)[::2]}, r"found: \[4, 9\] float32 without gaps"),
        ({"labels": np.zeros(3, np.int64)}, r"labels: \[4\] int64 .* got \[3\]"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, said):
    rng = np.random.default_rng(2)
    table, found = table_of(rng, 3), detections_of(rng, 4)
    given = {"missed": table.missed, "found": _rows(found, xyxy_to_cxcywh(found.boxes))} | changes
    with pytest.raises(ValueError, match=said):
        PairDescriber(GATE)(table.in_c, span=1, **given)


@needs_library
def test_a_table_with_another_column_is_refused():
    table = TrackTable(3, 5)
    table._arrays["means"] = np.zeros((64, 7), np.float32)
    with pytest.raises(ValueError, match=r"means: \[64, 8\] float32 .* got \[64, 7\]"):
        assert table.in_c
