"""Frames in few calls of the C library, in which tracks start and end: what the steps of the
tracker make of them in numpy, to the bit."""

from collections import Counter
from dataclasses import fields
from unittest.mock import patch

import numpy as np

from c_library import needs_library
from mambatrack import Tracker
from mambatrack.evaluation.peers.timed_boxes import by_frame, real
from mambatrack.kernels.cpu.usual_frames import UsualFrames
from mambatrack.kernels.cpu.usual_structs import OPEN, REPORTED, SETTLED
from mambatrack.tracks import Tracks
from shaken_crowds import crowd_of_two_classes
from shared import needs

NAMES = [each.name for each in fields(Tracks) if each.name not in ("camera", "data")]
LATE = (0.05, 0.05, 0.05, 0.15)


def crowd(seed, count=30):
    """People come, leave and hide, some of another class for a frame; some frames are late."""
    return list(crowd_of_two_classes(seed, count, np.random.default_rng(seed), LATE))


def arrivals():
    """More people in each frame than a table has room for at first; they stand in each other's
    way."""
    rng = np.random.default_rng(2)
    places = np.column_stack([40.0 * (np.arange(120) % 12), 120.0 * (np.arange(120) // 12)])
    for frame in range(8):
        corner = (places + rng.normal(0, 6, (120, 2)))[: 40 + 10 * frame]
        yield np.column_stack([corner, corner + [44, 100], np.full(len(corner), 0.9)]), None


def fast_ones():
    """Three who move by three of their sizes in each frame, and hide for some, beside two who
    stand, of whom one is a newcomer."""
    for frame in range(16):
        left = np.array([60.0 * frame] * 3 + [400, 600])
        top = np.array([0.0, 60, 120, 300, 300])
        rows = np.column_stack([left, top, left + 20, top + 20, np.full(5, 0.9)])
        yield rows[[3] if frame in (8, 9) else slice(5 if frame > 11 else 4)], None


def stacked():
    """As many on one spot as the general solver is asked about."""
    rng = np.random.default_rng(3)
    for _ in range(8):
        corner = rng.uniform(0, 3, (14, 2))
        yield np.column_stack([corner, corner + [40, 90], np.full(14, 0.9)]), None


SCENES = (
    ({}, crowd(4)),
    ({"predictor": "mamba", "hypotheses": 6, "max_age": 3, "min_hits": 3}, crowd(5)),
    ({"frame_rate": 20.0, "class_aware": True, "steady": False, "reach": 0.0}, crowd(6)),
    ({"predictor": "kalman"}, crowd(7)),
    ({}, list(arrivals())),
    ({"max_age": 2}, list(fast_ones())),
    ({}, list(stacked())),
)


class Counts(Counter):
    """How far frames come, and what happens in those that are reported."""

    def noting(self):
        settle = UsualFrames.settle

        def noted(frames, *asked):
            (far,) = settle(frames, *asked)
            self[far.state] += 1
            if far.state == REPORTED:
                self["started"] += far.started
                self["only elsewhere"] += far.fresh > far.started
                self["ended"] += far.ended
            return [far]

        return patch.object(UsualFrames, "settle", noted)


def differing(given, frames, counts):
    """What is otherwise after some frame than step by step: of the results and the states."""
    ours, theirs, different = Tracker(**given), Tracker(**given), set()
    theirs.by_step = True
    with counts.noting():
        for rows, time_s in frames:
            pair = ours.update(rows, time_s), theirs.update(rows, time_s)
            columns = [(name, *(getattr(each, name) for each in pair)) for name in NAMES]
            state, other = ours.state_dict(), theirs.state_dict()
            columns += [(name, state.get(name), other.get(name)) for name in {*state, *other}]
            different |= {name for name, a, b in columns if not np.array_equal(a, b)}
    return sorted(different)


def measurements():
    """For test_kernels_cpu_variants.py."""
    counts = Counts()
    different = [differing(given, frames, counts) for given, frames in SCENES]
    seen = [counts[each] > 2 for each in (OPEN, SETTLED, REPORTED)]
    return {
        "different": different,
        "seen": seen,
        "happened": [counts[each] > 2 for each in ("started", "only elsewhere", "ended")],
    }


EQUAL = {"different": [[]] * len(SCENES), "seen": [True] * 3, "happened": [True] * 3}


def as_expected(found):
    """Of each instruction set, and under the sanitizer."""
    return found == EQUAL


@needs_library
def test_real_dancers_start_and_end_as_step_by_step():
    counts = Counts()
    for video in real(needs("data/dancetrack/val"), 120).videos[4:7]:
        frames = [(rows, None) for rows in by_frame(video)]
        assert differing({"max_age": 10}, frames, counts) == []
    assert counts["started"] > 5 and counts["ended"] > 5 and not counts[SETTLED]
