"""Steps that all tables take together in the C library: those of each table alone, to the bit."""

from contextlib import ExitStack
from unittest.mock import patch

import numpy as np
import pytest

from c_library import needs_library
from mambatrack import Tracker
from mambatrack.association.compiled import CompiledAssociation
from mambatrack.association.interface import Association
from mambatrack.config import TrackerConfig
from mambatrack.detections import as_detections
from mambatrack.kernels.cpu.settling import Matched, settle
from mambatrack.tracking import steps, usual_frames
from mambatrack.tracking.group import TrackerGroup
from shaken_crowds import SIZE, crowd_of_two_classes


def frames_of(seed, count=60):
    return list(crowd_of_two_classes(seed, count, np.random.default_rng(1)))


def states_of(streams, predictor="mamba"):
    """Of the trackers of a group, one for each stream, after each frame."""
    group = TrackerGroup(TrackerConfig(predictor, frame_rate=20.0), len(streams))
    assert type(group.association) is CompiledAssociation
    for index in range(len(streams)):
        group.resize(index, SIZE)
    for frame in zip(*streams, strict=True):
        group.update(dict(enumerate(frame)))
        yield [each.state_dict() for each in group.trackers]


def one_by_one():
    """The steps of the protocols, a call for each table."""
    stack = ExitStack()
    for module in (steps, usual_frames):
        stack.enter_context(patch.object(module, "CompiledPredictor", type(None)))
    stack.enter_context(patch.object(CompiledAssociation, "decide", Association.decide))
    return stack


def differing(seeds, predictor="mamba", count=30):
    """What is otherwise after some frame of cameras in a group than of each by itself, step by
    step, and how many frames had several hypotheses."""
    streams, different, several = [frames_of(seed, count) for seed in seeds], set(), 0
    together = list(states_of(streams, predictor))
    with one_by_one():
        alone = [[state for (state,) in states_of([each], predictor)] for each in streams]
    for frame in zip(together, zip(*alone, strict=True), strict=True):
        for ours, theirs in zip(*frame, strict=True):
            names = set(ours) & set(theirs) - {"likelihoods"}
            different |= set(ours) ^ set(theirs)
            different |= {name for name in names if not np.array_equal(ours[name], theirs[name])}
            several += "likelihoods" in ours
    return sorted(different), several


def measurements():
    """For test_kernels_cpu_variants.py."""
    different, several = differing((4, 5))
    return {"different": different, "several": several > 20}


def as_expected(found):
    """Of each instruction set, and under the sanitizer."""
    return found == {"different": [], "several": True}


def matched(tracker, found):
    """What a frame would match, of two tracks of a tracker and two detections."""
    table = tracker.state.hypotheses.table
    network = tracker.association.network
    features, ones = np.zeros((network.features, 2), np.float32), np.array([0, 1])
    return Matched(
        table.in_c,
        found.in_c,
        len(table),
        False,
        0,
        False,
        features,
        ones,
        ones.copy(),
        ones.copy(),
    )


@needs_library
@pytest.mark.parametrize(
    "changes, said",
    [
        ({"chosen": np.array([0, 2])}, "of the pairs, tracks and detections expected"),
        ({"of_track": np.array([0, 99])}, "of the pairs, tracks and detections expected"),
        ({"of_detection": np.array([-1, 0])}, "of the pairs, tracks and detections expected"),
        ({"tracks": 99}, "a table of up to 64 tracks with .* got 99 with"),
        ({"chosen": np.array([0.0])}, r"chosen: \[1\] int64 .* float64"),
        ({"features": np.zeros((3, 2), np.float32)}, r"features: \[47, 2\] float32 .* \[3, 2\]"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(changes, said):
    tracker, rows = Tracker(), [[0, 0, 10, 20], [50, 0, 60, 20]]
    tracker.update(rows)
    found = as_detections(rows)
    before = tracker.state.hypotheses.table.columns()
    network, motion = tracker.association.network, tracker.predictor.in_c
    with pytest.raises(ValueError, match=said):
        settle(network, motion, [matched(tracker, found)._replace(**changes)])
    for name, column in tracker.state.hypotheses.table.columns().items():
        np.testing.assert_array_equal(column, before[name])
