"""Frames in one call of the C library: what the steps of the tracker make of them in numpy, to the
bit but for the running means of sizes."""

from collections import Counter
from unittest.mock import patch

import numpy as np
import pytest

from c_library import needs_library
from mambatrack import Tracker, load_config
from mambatrack.detections import as_detections
from mambatrack.evaluation.peers.timed_boxes import by_frame, real
from mambatrack.kernels.cpu.overlap_frame import OverlapFrame, Tracked
from shaken_crowds import SIZE, crowd_of_two_classes
from shared import needs

KALMAN = {"tracker.predictor": "kalman", "tracker.max_age": 4}
SETTINGS = (
    {},
    {"tracker.passes": 2, "tracker.class_aware": True, "tracker.height_power": 0},
    {"tracker.birth_iou": 1.0, "tracker.height_power": 1, "tracker.iou_gate": 0.0},
    {"tracker.min_hits": 3, "tracker.height_power": 1.5, "tracker.birth_iou": 0.1},
)
RESULT = (
    "ids", "boxes", "spread", "velocity", "scores", "labels", "state", "gap", "age", "det_ind",
    "ended", "frame", "time_s", "frame_rate", "camera", "class_names",
)  # fmt: skip


def frames_of(seed, count=80):
    """A crowd, of which some frames are unusual: empty, with a row twice, beside the picture, a
    list, twins; and one has more people."""
    rng, frames = np.random.default_rng(1), []
    crowd = crowd_of_two_classes(seed, count, rng, (0.05, 0.05, 0.05, 0.2, 0.4))
    for frame, (rows, time_s) in enumerate(crowd):
        kind = rng.integers(12)
        if kind == 0:
            rows = np.concatenate([rows, rows[:1], [[400, 10, 440, 60, 1, 0]]])
        elif kind == 1:
            rows = rows[:0] if frame % 2 else rows.tolist()
        elif kind == 2:
            rows = as_detections(rows)
        elif kind == 3:  # as likely either way
            rows = np.concatenate([rows, [[5, 5, 45, 95, 0.9, 0], [5, 7, 45, 97, 0.9, 0]]])
        elif kind == 4:
            rows = rows.astype(np.float32)
        frames.append((rows, None if kind == 5 else time_s))
    corners = rng.uniform(0, 60, (90, 2))
    crowd, moved = (
        np.column_stack([edges, edges + 50, np.full(90, 0.9)]) for edges in (corners, corners + 1)
    )
    return [*frames, (crowd, time_s + 0.05), (moved, time_s + 0.1)]


def run(frames, overrides, whole, size=SIZE):
    """The result and the state after each frame; whole: in one call."""
    tracker = Tracker(load_config("overlap", KALMAN | overrides), size, frame_rate=20.0)
    assert tracker.whole is not None
    tracker.by_step = not whole
    for rows, time_s in frames:
        yield tracker.update(rows, time_s), tracker.state_dict()


def differing(frames, overrides, size=SIZE):
    """What is otherwise after some frame; of the running means, what counts in six digits."""
    different = set()
    ways = (run(frames, overrides, whole, size) for whole in (True, False))
    for (ours, state), (theirs, other) in zip(*ways, strict=True):
        columns = [(name, getattr(ours, name), getattr(theirs, name)) for name in RESULT]
        columns += [(name, state[name], other.get(name)) for name in state]
        for name, own, wanted in columns:
            same = np.allclose if name == "tracks.means" else np.array_equal
            if not same(own, wanted):
                different.add(name)
    return sorted(different)


def measurements():
    """For test_kernels_cpu_variants.py."""
    ended, call = Counter(), OverlapFrame._go_on

    def counted(self, how):
        ended[how] += 1
        return call(self, how)

    with patch.object(OverlapFrame, "_go_on", counted):
        different = [differing(frames_of(seed, 30), each) for seed, each in enumerate(SETTINGS)]
    return {"different": different, "ended": len(ended)}


EQUAL = {"different": [[]] * len(SETTINGS), "ended": 2}


def as_expected(found):
    """Of each instruction set, and under the sanitizer."""
    return found == EQUAL


@needs_library
def test_real_dancers_are_tracked_the_same():
    boxes = real(needs("data/dancetrack/val"), 150)
    for video in boxes.videos[:2]:
        frames = [(rows, None) for rows in by_frame(video)]
        assert differing(frames, {"tracker.max_age": 30}, video.size) == []


def table_of(tracker):
    table = tracker.state.hypotheses.table
    return Tracked(table.in_c, len(table), table.next_id, table.mixed)


@needs_library
@pytest.mark.parametrize(
    "changes, said",
    [({"tracks": 63}, "room for 65 tracks .* got 64"), ({"tracks": 10**6}, "room for 1000002")],
)
def test_a_table_without_room_is_refused(changes, said):
    tracker = Tracker(load_config("overlap", KALMAN))
    rows = np.array([[0, 0, 10, 20], [50, 0, 60, 20.0]])
    frames = tracker.whole._frames
    with pytest.raises(ValueError, match=said):
        frames.run(rows, table_of(tracker)._replace(**changes), 1, (0, 0), 1, None)
